"""The inlined linking: the same program on the same memory, with the right-hand side and the number of unknowns built in."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

import symnum as sn
from symnum.codegen.jit import compile_ir
from symnum.pipeline import _problem
from symnum.solvers.embedded import inline
from symnum.solvers.embedded.language import Status
from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.solve import Run, solve
from symnum.solvers.problem import Options, Problem
from tests.solvers.problems import LORENZ_IR, native_lorenz

EXPLICIT = ["Dopri5", "RKC2", "Tsit5", "Vern7"]


def ring(n: int) -> Problem:
    """u_i' = u_{i-1} - u_i^3 + cos(i + t) on a ring, with native code and its text."""
    t = sn.coordinates("t")
    u = sn.fields(" ".join(f"u{i}" for i in range(n)), (t,))
    u = u if n > 1 else (u,)
    equations = [sn.Eq(sn.dt(u[i]), u[i - 1] - u[i] ** 3 + sn.cos(i + t)) for i in range(n)]
    return _problem(sn.discretise(sn.ODESystem(equations, t=(0, 20), initial={v: 0.1 * i for i, v in enumerate(u)})))


@pytest.fixture
def at_once(monkeypatch):
    monkeypatch.setattr(inline, "AFTER", 0)
    monkeypatch.setattr(inline, "LONGEST", 10**6)


def is_inlined(run: Run) -> bool:
    return run.machine.module is not Run(run.problem, run.options).machine.module


@pytest.mark.parametrize("name", EXPLICIT)
@pytest.mark.parametrize("n", [1, 3, 5, 8])
def test_it_takes_the_same_steps(name, n, at_once):
    """As NumPy, also where n is no multiple of the vectors' width."""
    problem = ring(n)
    assert problem.module[0] == "rhs"
    options = Options(name, rtol=1e-4 if name == "RKC2" else 1e-6, saveat=np.linspace(0, 20, 41), dense=True)
    run = Run(problem, options)
    inlined = run.solve()
    assert is_inlined(run)
    reference = solve(problem, options, "numpy")
    assert inlined.success
    assert abs(inlined.stats["steps"] - reference.stats["steps"]) <= 2
    np.testing.assert_allclose(inlined.y, reference.y, atol=1e-3 * options.rtol)
    np.testing.assert_allclose(inlined.dense(inlined.t), inlined.y, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("method", ["Tsit5", "RKC2"])
def test_it_resumes_and_may_change_places_with_the_generic_linking(method, monkeypatch):
    """One step a call, every other step by the other linking: the vectors and scalars mean the same to both."""
    problem = ring(4)
    run = Run(problem, Options(method, rtol=1e-5, every_step=True))
    generic, inlined = run.machine.module, inline.compile_inlined(run.method.program, 4, problem.module)
    run.enter_segment(0, 0.0, 20.0)
    status = Status.STEP_LIMIT
    while status is Status.STEP_LIMIT:
        run.machine["budget"] = 1
        status = run.machine.run()
        run.machine.link(inlined if run.machine.module is generic else generic)
    assert status is Status.DONE
    whole = solve(problem, Options(method, rtol=1e-5, every_step=True))
    np.testing.assert_allclose(run.machine.vector("y"), whole.y[-1], atol=1e-8)
    assert abs(run.machine["steps"] - whole.stats["steps"]) <= 1


def test_the_change_depends_on_the_number_of_steps_alone(monkeypatch):
    """However the run is cut into calls, it changes over after exactly so many accepted steps and ends at the same bits."""
    monkeypatch.setattr(inline, "AFTER", 60)
    problem, ends = ring(3), []
    for budget in (1, 7, 100, 1e6):
        run = Run(problem, Options("Tsit5", rtol=1e-6))
        generic = run.machine.module
        run.enter_segment(0, 0.0, 20.0)
        status = Status.STEP_LIMIT
        while status is Status.STEP_LIMIT:
            run.machine["budget"] = budget
            status = run.machine.run()
            assert (run.machine.module is generic) == (run.machine["steps"] <= 60) or run.machine["steps"] == 60
        assert status is Status.DONE
        assert run.machine.module is not generic
        ends.append((run.machine["steps"], run.machine["t"], *run.machine.vector("y")))
    assert ends == ends[:1] * 4


def test_lorenz_is_not_slower_than_called(monkeypatch):
    """Bits of a chaotic orbit need not agree, the work must: as many steps in no more time (with room for noise)."""
    problem = replace(native_lorenz(100.0), module=("lorenz", LORENZ_IR))
    options, seconds = Options("Tsit5", rtol=1e-8), {}
    for after in (np.inf, 0):
        monkeypatch.setattr(inline, "AFTER", after)
        solve(problem, options)
        best = []
        for _ in range(7):
            begin = time.process_time()
            outcome = solve(problem, options)
            best.append(time.process_time() - begin)
        seconds[after] = min(best)
        assert outcome.stats["steps"] == pytest.approx(7500, rel=0.3)
    assert seconds[0] < 1.1 * seconds[np.inf]


def test_compiling_takes_less_than_a_fifth_of_a_second():
    program, text = methods()["Tsit5"].program, inline.inlined_text("lorenz", LORENZ_IR)
    begin = time.process_time()
    compile_ir(inline.print_inlined(program, 3, "lorenz"), cache=False, linked=(text,))
    assert time.process_time() - begin < 0.2


def test_it_is_left_to_what_gains_by_it():
    """Few unknowns, a short right-hand side, no linear solver."""
    tsit5, implicit = methods()["Tsit5"].program, methods()["Rodas5P"].program
    module = ("lorenz", LORENZ_IR)
    assert inline.worthwhile(tsit5, 3, module)
    assert not inline.worthwhile(tsit5, 17, module)
    assert not inline.worthwhile(implicit, 3, module)
    assert not inline.worthwhile(tsit5, 3, ("lorenz", LORENZ_IR + "\n" * 1000))
    run = Run(native_lorenz(1.0), Options("Tsit5"))
    assert run.machine.inlining is None
    with pytest.raises(AssertionError, match="no function rhs"):
        inline.inlined_text("rhs", LORENZ_IR)
