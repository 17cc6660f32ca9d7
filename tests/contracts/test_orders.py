"""Every embedded method: measured order of the solution, of the dense output and of the error estimate."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.solve import Run
from symnum.solvers.problem import Options, Problem
from tests.solvers.problems import EXACT, Exact, fixed_steps, iterate_to_the_end, slope


def turning(t, y, out):
    rate = y[0] ** 2 + y[1] ** 2
    out[0], out[1] = -y[1] * rate, y[0] * rate


def growing(t, y, out):
    out[0] = y[0] * math.cos(t)


CASES = (
    *(case for case in EXACT if case.name != "rational"),  # whose leading error term hides behind the next one
    Exact("nonlinear", Problem(turning, [1.0, 0.0], 0, 12), lambda t: np.stack([np.cos(t), np.sin(t)], -1)),
    Exact("non-autonomous", Problem(growing, [1.0], 0, 6), lambda t: np.exp(np.sin(np.asarray(t)))[..., None]),
)
ADAPTIVE = sorted(name for name, m in methods().items() if not (m.fixed_step or m.split or m.exponential))
HIGHER = {("Rodas5P", "oscillator"): 1}  # sum b beta^5 1 = 1/720: one order more for linear autonomous equations
ROUNDING = 3e-13  # errors above this are not touched by rounding


def errors(name: str, case: Exact) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The four shortest of a row of steps whose errors are above rounding: (sizes, errors at the steps, errors between)."""
    t0, t1 = case.problem.t0, case.problem.t1
    found, count = [], int(8 * (t1 - t0) / 3)
    while count < 900:
        dense = fixed_steps(name, case.problem, count).record.dense()
        at_steps = np.sqrt(np.mean((dense.y - case.solution(dense.t)) ** 2))
        if at_steps < ROUNDING:
            break
        times = np.concatenate([dense.t[:count] + share * (t1 - t0) / count for share in np.linspace(0.1, 0.9, 9)])
        found.append(((t1 - t0) / count, at_steps, np.sqrt(np.mean((dense(times) - case.solution(times)) ** 2))))
        count = int(1.3 * count)
    return tuple(np.array(found[-4:]).T)


@pytest.mark.parametrize("name", ADAPTIVE)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_measured_order(name, case):
    """The error over equal steps falls with the stated order, and between the steps with that of the dense output."""
    method = methods()[name]
    sizes, at_steps, between = errors(name, case)
    assert slope(sizes, at_steps) == pytest.approx(method.order + HIGHER.get((name, case.name), 0), abs=0.2)
    assert slope(sizes, between) == pytest.approx(min(method.order, method.dense_order + 1), abs=0.2)


@pytest.mark.parametrize("name", ADAPTIVE)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_order_of_the_error_estimate(name, case):
    """One step from states on the solution: the estimate falls as h**estimate_order."""
    method = methods()[name]
    order = method.estimate_order or method.order
    sizes = np.array([0.05, 0.07, 0.1, 0.14]) * (
        0.4 if order <= 5 else 1
    )  # so short that the leading term stands alone
    estimates = [math.sqrt(np.mean([estimate(name, case, t, h) ** 2 for t in (0.1, 0.7, 1.3)])) for h in sizes]
    assert slope(sizes, estimates) == pytest.approx(order, abs=0.35)


def estimate(name: str, case: Exact, t: float, h: float) -> float:
    """The scaled error of one step of length h from the exact state at t."""
    start = Problem(case.problem.rhs, case.solution(t), t, t + h)
    run = Run(start, Options(name, rtol=1e3, atol=1e3))
    iterate_to_the_end(run)
    run.enter_segment(0, t, t + h)
    run.machine["first_step"], run.machine["budget"] = h, 1
    run.machine.run()
    return run.machine["error"]
