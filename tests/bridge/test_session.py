"""The session: refusals that start nothing; with Julia each way to start it, in a process of its own."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from symnum.bridge import check, session
from symnum.bridge.convert import strings
from symnum.errors import BackendUnavailable

if TYPE_CHECKING:
    from symnum.bridge import Session

ROOT = Path(__file__).resolve().parent.parent.parent


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The code in a new process that finds this checkout first."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "PYTHONPATH": path, **variables},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def printed(code: str, **variables: str) -> str:
    done = run(code, **variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_without_julia_the_answer_is_one_sentence_and_nothing_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMNUM_JULIA", "0")
    monkeypatch.delitem(sys.modules, "juliacall", raising=False)
    for ask in (session, check, lambda: session("Symbolics"), lambda: check("Symbolics")):
        with pytest.raises(BackendUnavailable, match="unset this variable") as caught:
            ask()
        assert "\n" not in str(caught.value) and str(caught.value).count(". ") == 0
    assert "juliacall" not in sys.modules


def test_each_refusal_is_one_sentence() -> None:
    """How long they take is measured by ``symnum bench julia``."""
    code = """
    import symnum as sn
    x = sn.symbol("x")
    model = sn.PDESystem.from_text(equations=["dt(u) = a*u"], domain={"t": (0, 1)}, initial=["u = 1"], parameters={"a": -1})
    calls = {
        "solve": lambda: sn.solve(model, backend="julia"),
        "a method of Julia's": lambda: sn.solve(model, method="QNDF"),
        "sweep": lambda: sn.sweep(model, {"a": [1.0, 2.0]}, backend="julia"),
        "simplify": lambda: sn.simplify(x + x**2, engine="symbolics"),
        "jacobian": lambda: sn.jacobian([x**2], [x], engine="symbolics"),
        "sparse jacobian": lambda: sn.sparse_jacobian([x**2], [x], engine="symbolics"),
        "hessian": lambda: sn.hessian(x**2, [x], engine="symbolics"),
        "build_function": lambda: sn.build_function([x**2], [x], target="julia")(1.0),
    }
    for call in calls.values():
        try:
            call()
        except sn.BackendUnavailable as error:
            sentence = str(error)
        print("SYMNUM_JULIA" in sentence and "\\n" not in sentence)
        sentence = ""
    """
    assert printed(code, SYMNUM_JULIA="0").split() == ["True"] * 8


def test_importing_the_bridge_imports_no_julia_and_nothing_heavy() -> None:
    code = "import sys, symnum.bridge; symnum.bridge.status(); print(*sys.modules)"
    loaded = set(printed(code).split())
    assert "symnum.bridge.session" in loaded
    assert not loaded & {"juliacall", "juliapkg", "scipy", "sympy", "llvmlite", "torch", "xarray"}


def test_a_julia_that_does_not_run_is_named(tmp_path: Path) -> None:
    """A program that is no Julia: the sentence says so, and a second call is as quick and as clear."""
    pytest.importorskip("juliapkg", reason="juliacall is not installed")
    from symnum.bridge.environment import _juliacall

    exe = tmp_path / "julia"
    exe.write_text("#!/bin/sh\necho 'no libjulia' >&2\nexit 3\n")
    exe.chmod(0o755)
    (tmp_path / "Manifest.toml").write_text(f'[[deps.PythonCall]]\nversion = "{_juliacall()}"\n')
    code = """
    from symnum.bridge import session
    for _ in range(2):
        try:
            session()
        except ImportError as error:
            print(error)
    """
    out = printed(
        code,
        PYTHON_JULIACALL_EXE=str(exe),
        PYTHON_JULIACALL_PROJECT=str(tmp_path),
        JULIA_LOAD_PATH="@",
        SYMNUM_JULIA="1",
    )
    first, second = out.splitlines()
    assert first == second and "did not run as Julia (no libjulia)" in first and "PYTHON_JULIACALL_EXE" in first


# ------------------------------------------------------------------ with Julia


def test_one_session_a_process(julia: Session) -> None:
    assert session() is julia and julia.threads >= 1 and julia.seconds > 0
    assert julia.status.started and julia.status.executable
    versions = julia.versions()
    assert versions["julia"].startswith("1.") and versions["SymnumBridge"] == "0.1.0"
    assert julia.use("SymnumBridge") is julia.use("SymnumBridge")


def test_arrays_cross_without_a_copy(julia: Session) -> None:
    """What the solving backend builds on: Julia's matrix with a state per column is NumPy's with a state per row."""
    base = julia.main.Base
    there = base.zeros(2, 3)
    view = np.asarray(there)
    assert view.shape == (2, 3) and view.flags.f_contiguous and view.T.flags.c_contiguous
    view[1, 2] = 7.0
    assert there[1, 2] == 7.0  # juliacall counts from 0
    here = np.zeros(4)
    base.fill_b(here, 2.5)
    assert here.tolist() == [2.5] * 4


def test_a_view_keeps_its_array_alive(julia: Session) -> None:
    view = np.asarray(julia.main.Base.collect(julia.main.Base.range(1.0, 1e6, length=1_000_000)))
    gc.collect()
    julia.main.GC.gc()
    assert view[0] == 1.0 and view[-1] == 1e6 and view.sum() == pytest.approx(500000500000.0)


def test_text_crosses_as_text(julia: Session) -> None:
    texts = strings(["u", "α β", ""])
    assert str(julia.main.typeof(texts)) == "Vector{String}" and [str(text) for text in texts] == ["u", "α β", ""]


@pytest.mark.julia
@pytest.mark.parametrize("order", ["before", "after"])
def test_torch_before_and_after(order: str) -> None:
    pytest.importorskip("torch")
    lines = {
        "torch": "import torch",
        "julia": "from symnum.bridge import session; julia = session()",
    }
    first, second = ("torch", "julia") if order == "before" else ("julia", "torch")
    code = f"""
    import warnings
    warnings.simplefilter("error")
    {lines[first]}
    {lines[second]}
    import numpy as np
    matrix = np.random.default_rng(0).normal(size=(50, 50))
    ours = torch.linalg.solve(torch.from_numpy(matrix), torch.ones(50, dtype=torch.float64)).numpy()
    theirs = np.asarray(julia.main.Base.getproperty(julia.main.Base, julia.main.Symbol("\\\\"))(matrix, np.ones(50)))
    print(abs(ours - theirs).max() < 1e-10)
    """
    assert printed(code) == "True"


@pytest.mark.julia
def test_ctrl_c_in_julia_and_in_python_and_the_session_stays_usable() -> None:
    code = """
    import os, signal, subprocess, sys, threading, time
    # threads that were there before Julia are first to get a signal to the process
    threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()
    from symnum.bridge import session, guarded
    julia = session()
    busy = julia.main.seval("function () s = 0.0; while true; s += length(rand(10)); end; end")
    again = f"import os, signal, time\\nfor _ in range(20):\\n    time.sleep(1.5); os.kill({os.getpid()}, signal.SIGINT)"
    def interrupt_soon():  # and again: Julia loses an interrupt that arrives while it runs a finalizer
        return subprocess.Popen([sys.executable, "-c", again])
    def callback(x):  # from Julia, again and again, into Python
        return x
    calling = julia.main.seval("f -> while true; f(1.0); end")
    for work, inside in ((busy, True), (lambda: time.sleep(30), False), (lambda: calling(callback), True), (busy, True)):
        sender = interrupt_soon()
        begun = time.monotonic()
        try:
            if inside:
                with guarded("work"):
                    work()
            else:
                work()
        except KeyboardInterrupt:
            sender.kill(); sender.wait()
            print("interrupted", time.monotonic() - begun < 10, julia.main.Base.sum([1, 2]))
    """
    assert printed(code).splitlines() == ["interrupted True 3"] * 4


@pytest.mark.julia
def test_forks_and_threads_are_refused_by_name() -> None:
    code = """
    import os, threading
    from symnum.bridge import session
    def ask(label):
        try:
            session()
        except ImportError as error:
            print(label, error, flush=True)
    session()
    thread = threading.Thread(target=ask, args=("thread",)); thread.start(); thread.join()
    child = os.fork()
    if child == 0:
        ask("fork"); os._exit(0)
    os.waitpid(child, 0)
    """
    thread, fork = printed(code).splitlines()
    assert "only from the thread that started it" in thread and 'get_context("spawn")' in fork


@pytest.mark.julia
def test_a_julia_that_others_started_is_joined_and_the_environment_is_left_alone() -> None:
    code = """
    import os
    before = dict(os.environ)
    import juliacall
    between = dict(os.environ)
    from symnum.bridge import session
    julia = session()
    print(julia.main.seval("1 + 1"), dict(os.environ) == between, julia.status.started)
    """
    assert printed(code) == "2 True True"


@pytest.mark.julia
def test_threads_as_asked() -> None:
    code = """
    from symnum.bridge import session
    julia = session()
    total = julia.main.seval('() -> begin x = zeros(8); Threads.@threads for i in 1:8; x[i] = sum(rand(10^6)); GC.gc(); end; sum(x) end')()
    print(julia.threads, abs(total - 4e6) < 1e5)
    """
    assert printed(code, PYTHON_JULIACALL_THREADS="2") == "2 True"
