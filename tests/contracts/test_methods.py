"""Every embedded method (a new file in methods/ is picked up): native = NumPy = torch, save times. Orders: test_orders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest

from symnum.solvers.embedded.language import Status
from symnum.solvers.embedded.machine import Machine
from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.solve import Run, solve
from tests.contracts.cases import EXACT, TRAVELLING, exact_case, hundred_steps, options_for
from tests.solvers.problems import slope

METHODS = sorted(methods())
ADAPTIVE = sorted(name for name, method in methods().items() if not method.fixed_step)
COUNTS = ("steps", "rejected", "rhs_evaluations")
MEANINGS = ("numpy", "torch")


def single_steps(name: str, meaning: str, lengths: Sequence[float] | None = None) -> Iterator[tuple[float, Machine]]:
    """Up to 100 attempted steps, one a call: (length of the next step, machine) before each of them and at the end.

    ``lengths``: of the steps in place of the machine's own, whose controller amplifies the rounding of error estimates (a difference of nearly
    equal numbers). That each machine would have chosen the same length to 1e-4 is checked here.
    """
    problem, options = hundred_steps(methods()[name])
    run = Run(problem, options, meaning)
    machine = run.machine
    run.enter_segment(0, *problem.segments[0])
    status = Status.STEP_LIMIT
    for k in range(101):
        own = machine["h"]
        if lengths is not None and 0 < k < len(lengths):
            assert own == pytest.approx(lengths[k], rel=1e-4)
            machine["h"] = lengths[k]
        yield own, machine
        if status is Status.DONE:
            return
        machine["budget"] = 1
        while (status := machine.run()) not in (Status.STEP_LIMIT, Status.DONE):
            assert status is Status.RADIUS, status
            run.give_radius()


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("meaning", MEANINGS)
def test_the_meanings_take_the_same_steps(name, meaning):
    """Native code, NumPy and torch accept and reject the same 100 steps and agree on the states to 1e-10."""
    if meaning == "torch":
        pytest.importorskip("torch")
    native = [
        (h, [machine[c] for c in COUNTS], machine["t"], machine.vector("y").copy())
        for h, machine in single_steps(name, "llvm")
    ]
    others = single_steps(name, meaning, [h for h, *_ in native])
    for (_, counts, t, y), (_, machine) in zip(native, others, strict=True):
        assert [machine[c] for c in COUNTS] == counts
        assert machine["t"] == pytest.approx(t, rel=1e-13)
        np.testing.assert_allclose(machine.vector("y"), y, rtol=1e-10, atol=1e-10 * np.abs(y).max())
    steps, rejected, _ = counts
    assert steps + rejected >= 100 or t == hundred_steps(methods()[name])[0].t1


@pytest.mark.parametrize("name", ADAPTIVE)
def test_estimate_follows_the_error(name):
    """The error falls with the tolerance (with an exponent between 2/3 and 1 or so)."""
    case = exact_case(methods()[name])
    tolerances = 10.0 ** -np.arange(3, 8)
    runs = [solve(case.problem, options_for(methods()[name], rtol=tol, atol=tol, saveat=[3.0])) for tol in tolerances]
    errors = [np.abs(run.y[-1] - case.solution(3.0)).max() for run in runs]
    assert all(error < 20 * tol**0.66 for error, tol in zip(errors, tolerances, strict=True))
    assert 0.6 < slope(tolerances, errors) < 1.3


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("backward", [False, True])
def test_save_times_are_exact(name, backward):
    method = methods()[name]
    case = exact_case(method)
    if backward and case is TRAVELLING:
        pytest.skip("diffusion backward in time has no solution to speak of")
    times = np.array([0.0, 0.1, 0.1, 1.0, 1.0 + 1e-9, 2.7, 3.0])
    start = case.solution(np.array([3.0 if backward else 0.0]))[0]
    times = times[::-1] if backward else times
    problem = replace(case.problem, y0=start, t0=times[0], t1=times[-1])
    run = solve(problem, options_for(method, rtol=1e-6, atol=1e-8, saveat=times))
    assert run.success
    np.testing.assert_array_equal(run.t, times)
    assert np.abs(run.y - case.solution(times)).max() < 2e-4
    np.testing.assert_array_equal(run.y[0], start)


@pytest.mark.parametrize("name", METHODS)
def test_saved_rows_are_the_dense_output(name):
    """Rows computed natively equal the kept continuous extension evaluated in Python."""
    method = methods()[name]
    case = exact_case(method, plain=EXACT[0 if method.fixed_step else 1])
    times = np.linspace(0, 3, 31)
    run = solve(case.problem, options_for(method, rtol=1e-4, saveat=times, dense=True))
    np.testing.assert_allclose(run.dense(times), run.y, rtol=1e-12)
    assert run.dense(1.5).shape == (case.problem.n,)
