"""Every embedded method (a new file in methods/ is picked up): order, dense output, native = NumPy, save times."""

from __future__ import annotations

import numpy as np
import pytest

from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.solve import solve
from symnum.solvers.problem import Options, Problem
from tests.solvers.problems import EXACT, fixed_steps, slope, van_der_pol

METHODS = sorted(methods())
COUNTS = (96, 128, 192, 256)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("case", EXACT, ids=lambda case: case.name)
def test_measured_order(name, case):
    """The error over equal steps falls with the stated order, and between the steps with that of the dense output."""
    method, (t0, t1) = methods()[name], (case.problem.t0, case.problem.t1)
    at_steps, between = [], []
    times = np.linspace(t0, t1, 201)
    for count in COUNTS:
        dense = fixed_steps(name, case.problem, count).record.dense()
        at_steps.append(np.sqrt(np.mean((dense.y - case.solution(dense.t)) ** 2)))
        between.append(np.abs(dense(times) - case.solution(times)).max())
    sizes = (t1 - t0) / np.array(COUNTS)
    assert slope(sizes, at_steps) == pytest.approx(method.order, abs=0.2)
    assert slope(sizes, between) == pytest.approx(min(method.order, method.dense_order + 1), abs=0.2)


@pytest.mark.parametrize("name", METHODS)
def test_native_equals_numpy(name):
    """The same accepted and rejected steps over 100 steps, states to 1e-10."""
    problem = Problem(van_der_pol, [2.0, 0.0], 0, 40.0)
    options = Options(name, rtol=1e-5, atol=1e-6, every_step=True, max_steps=100)
    native, reference = solve(problem, options, "llvm"), solve(problem, options, "numpy")
    for count in ("steps", "rejected", "rhs_evaluations"):
        assert native.stats[count] == reference.stats[count]
    assert native.stats["steps"] + native.stats["rejected"] == 100
    np.testing.assert_allclose(native.t, reference.t, rtol=1e-10)
    np.testing.assert_allclose(native.y, reference.y, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", METHODS)
def test_estimate_follows_the_error(name):
    """The error falls with the tolerance (with an exponent between 2/3 and 1 or so)."""
    case = EXACT[0]
    tolerances = 10.0 ** -np.arange(3, 8)
    runs = [solve(case.problem, Options(name, rtol=tol, atol=tol, saveat=[3.0])) for tol in tolerances]
    errors = [np.abs(run.y[-1] - case.solution(3.0)).max() for run in runs]
    assert all(error < 20 * tol**0.66 for error, tol in zip(errors, tolerances, strict=True))
    assert 0.6 < slope(tolerances, errors) < 1.3


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("backward", [False, True])
def test_save_times_are_exact(name, backward):
    case = EXACT[0]
    times = np.array([0.0, 0.1, 0.1, 1.0, 1.0 + 1e-9, 2.7, 3.0])
    start = case.solution(np.array([3.0 if backward else 0.0]))[0]
    times = times[::-1] if backward else times
    run = solve(
        Problem(case.problem.rhs, start, times[0], times[-1]), Options(name, rtol=1e-6, atol=1e-8, saveat=times)
    )
    assert run.success
    np.testing.assert_array_equal(run.t, times)
    assert np.abs(run.y - case.solution(times)).max() < 2e-4
    np.testing.assert_array_equal(run.y[0], start)


@pytest.mark.parametrize("name", METHODS)
def test_saved_rows_are_the_dense_output(name):
    """Rows computed natively equal the kept continuous extension evaluated in Python."""
    times = np.linspace(0, 3, 31)
    run = solve(EXACT[1].problem, Options(name, rtol=1e-4, saveat=times, dense=True))
    np.testing.assert_allclose(run.dense(times), run.y, rtol=1e-12)
    assert run.dense(1.5).shape == (1,)
