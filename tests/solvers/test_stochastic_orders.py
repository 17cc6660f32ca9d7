"""Strong and weak orders of the stochastic methods on exact solutions, on the same paths; statistics; errors and tolerances.

Seeds are fixed, so every run draws the same numbers. Statistical bounds are four standard errors of the estimate: a right value fails such a
bound for one seed in 16,000.
"""

from __future__ import annotations

import numpy as np
import pytest

import symnum as sn
from symnum.solvers.backend import solve
from symnum.solvers.embedded.stochastic.path import BrownianPath
from symnum.solvers.embedded.stochastic.sri import SRITableau
from symnum.solvers.noise import Given, Noise
from symnum.solvers.problem import Options, Problem
from tests.solvers.stochastic_problems import (
    ADAPTIVE,
    ALL,
    MANY,
    bounded,
    fixed_steps,
    geometric,
    moving,
    mu,
    path_at,
    problem_of,
    scalar_problem,
    sigma,
    u,
    v,
)

ORDERS = [
    ("EM", geometric, 0.5),
    ("EM", bounded, 0.5),
    ("EM", moving, 1.0),
    ("Milstein", geometric, 1.0),
    ("Milstein", bounded, 1.0),
]
ORDERS += [(method, case, 1.5) for method in ADAPTIVE for case in (geometric, bounded, moving)]


@pytest.mark.parametrize(("method", "case", "order"), ORDERS, ids=[f"{m}-{c.__name__}" for m, c, _ in ORDERS])
def test_strong_order(method: str, case, order: float) -> None:
    """The slope of log E|X_h(1) - X(1)| over log h, on the same paths, against the exact solution (additive noise gives EM order 1)."""
    problem, exact = case()
    truth = exact(1.0, path_at(3, MANY, [1.0])[0])
    steps = 2.0 ** -np.arange(4, 9)
    errors = []
    for dt in steps:
        run = solve(problem, fixed_steps(method, dt, seed=3))
        assert run.success and run.stats["steps"] == round(1 / dt)
        errors.append(np.mean(np.abs(run.y[-1] - truth)))
    slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
    assert order - 0.2 < slope < order + 0.6, (slope, errors)


@pytest.mark.parametrize(("method", "order"), [("EM", 1.0), ("Milstein", 1.0), ("SRIW1", 2.0), ("SOSRI", 2.0)])
def test_weak_order(method: str, order: float) -> None:
    """The slope of |E X_h(1) - E X(1)|; the exact solution on the same paths takes most of the chance out of the difference."""
    problem = scalar_problem(lambda t, y: y, lambda t, y: 0.1 * y, lambda t, y: 0.1, 1.0, n=4000)
    truth = np.exp(0.995 + 0.1 * path_at(11, 4000, [1.0])[0])
    steps = np.array([1 / 4, 1 / 8, 1 / 16])
    errors = [abs(np.mean(solve(problem, fixed_steps(method, dt, seed=11)).y[-1] - truth)) for dt in steps]
    assert abs(np.polyfit(np.log(steps), np.log(errors), 1)[0] - order) < 0.25, errors


def test_a_wrong_coefficient_is_seen() -> None:
    from symnum.solvers.embedded.stochastic.methods.sriw1 import TABLEAU as good

    assert len(good.conditions()) == 25
    with pytest.raises(AssertionError, match="order condition"):
        SRITableau(**{**good.__dict__, "beta4": (-2, 2, -1, 1)})


@pytest.mark.parametrize("method", ADAPTIVE)
def test_the_error_follows_the_tolerance(method: str) -> None:
    problem, exact = bounded()
    problem = scalar_problem(lambda t, y: -y * (1 - y**2), lambda t, y: 1 - y**2, lambda t, y: -2 * y, 0.2, n=4)
    errors = []
    for rtol in (1e-2, 1e-3, 1e-4, 1e-5):
        found = [solve(problem, Options(method=method, rtol=rtol, atol=rtol, seed=seed)) for seed in range(5)]
        assert all(run.success for run in found)
        errors.append(np.mean([np.abs(run.y[-1] - exact(1.0, path_at(k, 4, [1.0])[0])) for k, run in enumerate(found)]))
    assert all(error < 60 * rtol for error, rtol in zip(errors, (1e-2, 1e-3, 1e-4, 1e-5), strict=True)), errors
    assert errors[0] > 8 * errors[2] and errors[1] > 8 * errors[3]


@pytest.mark.parametrize("method", ALL)
def test_mean_and_variance_of_ornstein_and_uhlenbeck(method: str) -> None:
    """dX = -2 X dt + 0.7 dW from 1: mean exp(-2 t), variance 0.49 (1 - exp(-4 t))/4; within four standard errors and the bias of h = 1/64."""
    n = 20_000
    problem = scalar_problem(lambda t, y: -2 * y, lambda t, y: 0.7 + 0 * y, lambda t, y: 0 * y, 1.0, n=n)
    y = solve(problem, fixed_steps(method, 1 / 64, seed=21)).y[-1]
    mean, variance = np.exp(-2.0), 0.49 * (1 - np.exp(-4.0)) / 4
    bias = 0.012 if method in ("EM", "Milstein") else 1e-4
    assert abs(y.mean() - mean) < 4 * np.sqrt(variance / n) + bias
    assert abs(y.var() - variance) < 4 * variance * np.sqrt(2 / n) + bias


@pytest.mark.parametrize(("method", "order"), [("EM", 0.5), ("Milstein", 1.0), ("SOSRI", 1.5)])
def test_one_process_moves_two_fields(method: str, order: float) -> None:
    """du = u dt + s u dW, dv = -v dt + 2 s v dW with the same W; mean error over 30 paths."""
    system = sn.SDESystem(
        [sn.Eq(sn.dt(u), mu * u), sn.Eq(sn.dt(v), -v)],
        noise={u: {"W": sigma * u}, v: {"W": 2 * sigma * v}},
        t=(0, 1),
        initial={u: 1.0, v: 1.0},
    )
    problem = problem_of(sn.discretise(system))
    assert problem.noise is not None and problem.noise.columns == 1 and not problem.noise.diagonal
    steps = 2.0 ** -np.arange(4, 9)
    errors = []
    for dt in steps:
        each = []
        for seed in range(30):
            w = path_at(seed, 1, [1.0])[0, 0]
            y = solve(problem, fixed_steps(method, dt, seed=seed)).y[-1]
            each.append(np.abs(y - [np.exp(0.875 + 0.5 * w), np.exp(-1.5 + w)]).sum())
        errors.append(np.mean(each))
    assert abs(np.polyfit(np.log(steps), np.log(errors), 1)[0] - order) < 0.3, errors


def test_where_nothing_commutes_the_error_of_euler_and_maruyama_is_known() -> None:
    """dX1 = dW1, dX2 = X1 dW2 on (0, 1): E (X2_h - X2_H)^2 = (h - H)/2 exactly for two steps h and H = h/k, which share a path."""
    n = 2000

    def values(t, y, out):
        out[:n], out[n:] = 1.0, y[:n]

    problem = Problem(
        lambda t, y, out: out.fill(0.0), np.zeros(2 * n), 0.0, 1.0, noise=Noise(2 * n, True, Given(values))
    )
    runs = {dt: solve(problem, Options(method="EM", dt=dt, seed=12)).y[-1] for dt in (1 / 8, 1 / 32, 1 / 128, 1 / 512)}
    finest = runs[1 / 512][n:]
    for dt in (1 / 8, 1 / 32, 1 / 128):
        squares = (runs[dt][n:] - finest) ** 2
        assert abs(squares.mean() - (dt - 1 / 512) / 2) < 4 * squares.std() / np.sqrt(n)


def test_noise_may_hold_a_field_that_no_process_moves() -> None:
    """du = -u dt, dv = u v dW: order 3/2, against v = exp(I - (1 - exp(-2))/4) at t = 1, I = int exp(-s) dW summed over 2^-8 to O(h^2)."""
    n, fine = MANY, 2.0**-8

    def drift(t, y, out):
        out[:n], out[n:] = -y[:n], 0.0

    def values(t, y, out):
        out[:n], out[n:] = 0.0, y[:n] * y[n:]

    problem = Problem(drift, np.ones(2 * n), 0.0, 1.0, noise=Noise(2 * n, True, Given(values), commutative=True))
    path, integral = BrownianPath(4, 2 * n), np.zeros(n)
    for k in range(2**8):
        w, a = (value[n:] for value in path.increment(0, 8, k, 1.0))
        integral += np.exp(-k * fine) * (w - fine * (w - a))
    exact, steps = np.exp(integral - (1 - np.exp(-2.0)) / 4), 2.0 ** -np.arange(3, 7)
    for method in ADAPTIVE:
        runs = [solve(problem, fixed_steps(method, dt, seed=4)).y[-1, n:] for dt in steps]
        slope = np.polyfit(np.log(steps), np.log([np.abs(y - exact).mean() for y in runs]), 1)[0]
        assert 1.3 < slope < 2.1, slope
