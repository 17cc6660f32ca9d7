"""The example notebooks, executed in a kernel as Jupyter does it, and what only a kernel shows: progress in place, interrupts."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

nbformat = pytest.importorskip("nbformat", reason="notebooks are read by nbformat")
pytest.importorskip("nbclient", reason="notebooks are executed by nbclient")
pytest.importorskip("ipykernel", reason="notebooks need a kernel")

ROOT = Path(__file__).resolve().parent.parent.parent
NOTEBOOKS = sorted((ROOT / "examples" / "notebooks").glob("*.ipynb"))
WIDGET = "application/vnd.jupyter.widget-view+json"
SHOWS = {  # the richest kind of each output, in order
    "heat": ["text/latex", "text/html", "text/html", "text/plain", "image/png", WIDGET, "text/plain"],
    "brusselator": ["text/latex", "text/html", "text/latex", "text/plain", "text/html", WIDGET],
    "pendulum": ["text/latex", "text/html", "image/png", "text/html", WIDGET],
    "neural_term": ["text/html", "text/html", "text/latex", "text/plain", "text/html"],
}
RICHEST = (WIDGET, "text/html", "image/png", "text/latex", "text/plain")


@pytest.fixture(autouse=True)
def _of_this_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels take symnum from this tree, keep to themselves, and find no display."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.delenv("MPLBACKEND", raising=False)


def test_every_notebook_is_known_here() -> None:
    assert {path.stem for path in NOTEBOOKS} == set(SHOWS)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_are_kept_without_outputs(path: Path) -> None:
    book = nbformat.read(path, 4)
    nbformat.validate(book)
    code = [cell for cell in book.cells if cell.cell_type == "code"]
    assert len(code) > 3 and all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert path.stat().st_size < 20_000


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs_and_shows_what_it_should(path: Path, tmp_path: Path) -> None:
    if WIDGET in SHOWS[path.stem]:
        pytest.importorskip("ipywidgets", reason="sliders need ipywidgets")
    if path.stem.startswith("neural"):
        pytest.importorskip("torch", reason="training needs torch")
    from nbclient import NotebookClient

    book = nbformat.read(path, 4)
    NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [output for cell in book.cells if cell.cell_type == "code" for output in cell.outputs]
    assert [o for o in outputs if o.output_type == "stream" and o.name == "stderr"] == []
    results = [o.data for o in outputs if o.output_type == "execute_result"]
    assert [next(kind for kind in RICHEST if kind in data) for data in results] == SHOWS[path.stem]
    assert all(data["text/plain"] for data in results)  # for front ends without pictures


# ---------------------------------------------------------------- what needs a kernel

LONG = """
import symnum as sn
t = sn.coordinates("t")
x, y = sn.fields("x y", (t,))
swing = sn.ODESystem([sn.Eq(sn.dt(x), y), sn.Eq(sn.dt(y), -x)], t=(0, 1e9), initial={x: 1.0, y: 0.0}, name="swing <b>")
sol = sn.solve(swing, saveat=[0, 1, 1e9], max_steps=10**10, progress=True)
print(sol.success, sol.t.tolist()[:2], sol.message)
"""


@pytest.fixture
def kernel() -> Iterator[Any]:
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel(kernel_name="python3", startup_timeout=120)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_progress_is_one_line_in_place_and_an_interrupt_keeps_what_there_is(kernel: Any) -> None:
    manager, client = kernel
    asked = client.execute(LONG)
    shown: list[tuple[str, dict[str, Any]]] = []
    interrupted, patience = False, time.monotonic() + 120
    while time.monotonic() < patience:
        message = client.get_iopub_msg(timeout=120)
        if message["parent_header"].get("msg_id") != asked:
            continue
        kind, content = message["msg_type"], message["content"]
        shown.append((kind, content))
        if kind == "update_display_data" and "<progress" in content["data"]["text/html"] and not interrupted:
            manager.interrupt_kernel()
            interrupted = True
        if kind == "status" and content["execution_state"] == "idle":
            break
    lines = [content for kind, content in shown if kind in ("display_data", "update_display_data")]
    assert len({content["transient"]["display_id"] for content in lines}) == 1  # one line, not many
    assert [kind for kind, _ in shown].count("display_data") == 1
    assert "swing &lt;b&gt;" in lines[1]["data"]["text/html"] and "of 1e+09" in lines[1]["data"]["text/plain"]
    assert lines[-1]["data"]["text/plain"].endswith(" s") and "<progress" not in lines[-1]["data"]["text/html"]
    assert not any(kind == "error" for kind, _ in shown), shown[-3:]
    printed = "".join(content["text"] for kind, content in shown if kind == "stream" and content["name"] == "stdout")
    assert printed.startswith("False [0.0, 1.0]") and "nterrupted at t = " in printed and "is kept" in printed
