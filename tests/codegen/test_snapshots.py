"""Generated code as people read it, kept in ``snapshots``. A change of the text is a change of what users see: look at the difference.

Write the files anew with ``SYMNUM_SNAPSHOTS=write pytest tests/codegen/test_snapshots.py`` and read them before you commit them.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

import symnum as sn
from symnum import __version__
from tests.codegen.samples_c import brusselator, heat, kdv, line, lorenz

FOLDER = Path(__file__).with_name("snapshots")


def heat_line(length: int) -> sn.PDESystem:
    """Heat between a given temperature and a given flux."""
    return line("dt(u) = dxx(u)", ["u = 0 @ x=0", f"dx(u) = 0 @ x={length}"], length, "heat_line")


SNAPSHOTS: dict[str, Callable[[], str]] = {
    "brusselator.c": lambda: sn.generate(brusselator(), resolution=32).source,
    "brusselator_openmp_4th_order.c": lambda: (
        sn.generate(brusselator(), resolution=128, order=4, openmp=True, jacobian=False).source
    ),
    "heat.c": lambda: sn.generate(heat(), resolution=20).source,
    "heat_half_4th_order.c": lambda: sn.generate(heat_line(10), resolution=20, order=4, jacobian=False).source,
    "heat_sixteenth.c": lambda: sn.generate(heat_line(1), resolution=16, jacobian=False).source,
    "kdv_4th_order.c": lambda: sn.generate(kdv(), resolution=64, order=4, jacobian=False).source,
    "lorenz.c": lambda: sn.generate(lorenz()).source,
    "brusselator.jl": lambda: sn.generate(brusselator(), "julia", resolution=32).source,
    "heat_4th_order.jl": lambda: sn.generate(heat(), "julia", resolution=20, order=4, jacobian=False).source,
    "kdv_4th_order.jl": lambda: sn.generate(kdv(), "julia", resolution=64, order=4, jacobian=False).source,
    "lorenz.jl": lambda: sn.generate(lorenz(), "julia").source,
    "heat.numpy.txt": lambda: sn.generate(heat(), "numpy", resolution=20).source,
    "lorenz.ll": lambda: sn.generate(lorenz(), "llvm").source,
}


@pytest.mark.parametrize("name", SNAPSHOTS)
def test_generated_code_is_as_stored(name: str) -> None:
    made = SNAPSHOTS[name]().replace(f"symnum {__version__}.", "symnum VERSION.")
    path = FOLDER / name
    if os.environ.get("SYMNUM_SNAPSHOTS") == "write":
        path.write_text(made, encoding="utf-8")
    stored = path.read_text(encoding="utf-8") if path.exists() else ""
    difference = "".join(
        difflib.unified_diff(stored.splitlines(True), made.splitlines(True), f"stored {name}", "generated now", n=2)
    )
    assert made == stored, f"the generated code changed; see the module's docstring on how to store it\n{difference}"


def test_every_stored_file_has_its_test() -> None:
    assert sorted(p.name for p in FOLDER.iterdir()) == sorted(SNAPSHOTS)
