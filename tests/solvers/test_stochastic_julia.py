"""Stochastic systems on a real Julia: moments of linear equations against the equations of the moments, for every kind of noise; seeds.

Bounds are four standard errors of the estimate, beside the bias of a step of 1/128. Steps are fixed: with steps of their own choice the
algorithms of StochasticDiffEq are themselves off by more than that at usual tolerances (docs/numerics.md).
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import symnum as sn
from tests.solvers.stochastic_problems import growth, u, v

MANY = 1000
DRIFT = np.array([[-1.0, 0.5], [0.0, -2.0]])
NONE = np.zeros((2, 2))

# name: (noise, [(B_k, b_k)]) of dX = A X dt + sum_k (B_k X + b_k) dW_k
KINDS = {
    "diagonal": (
        {u: 0.4 * u, v: 0.3 * v},
        [(np.diag([0.4, 0.0]), np.zeros(2)), (np.diag([0.0, 0.3]), np.zeros(2))],
    ),
    "additive": (
        {u: [0.3, 0.1, 0.0], v: [0.2, 0.0, 0.4]},
        [(NONE, np.array([0.3, 0.2])), (NONE, np.array([0.1, 0.0])), (NONE, np.array([0.0, 0.4]))],
    ),
    "commuting": (
        {u: [0.3 * u, 0.2 * u], v: [0.1 * v, 0.4 * v]},
        [(np.diag([0.3, 0.1]), np.zeros(2)), (np.diag([0.2, 0.4]), np.zeros(2))],
    ),
    "general": (
        {u: [0.5 * v, 0.3], v: [0.2, 0.6 * u]},
        [
            (np.array([[0.0, 0.5], [0.0, 0.0]]), np.array([0.0, 0.2])),
            (np.array([[0.0, 0.0], [0.6, 0.0]]), np.array([0.3, 0.0])),
        ],
    ),
}
RUNS = [("SOSRI", "diagonal"), ("SOSRA", "additive"), ("RKMilCommute", "commuting")]
RUNS += [("EM", kind) for kind in KINDS] + [("RKMilGeneral", "general")]


def moments(columns) -> tuple[np.ndarray, np.ndarray]:
    """Mean and covariance at t = 1 from m' = A m, M' = A M + M A^T + sum_k E (B_k X + b_k)(B_k X + b_k)^T, X = (1, 1) at t = 0."""

    def rate(_, z):
        m, second = z[:2], z[2:].reshape(2, 2)
        change = DRIFT @ second + second @ DRIFT.T
        for b, c in columns:
            crossed = np.outer(b @ m, c)
            change = change + b @ second @ b.T + crossed + crossed.T + np.outer(c, c)
        return np.concatenate([DRIFT @ m, change.ravel()])

    z = solve_ivp(rate, (0, 1), np.ones(6), rtol=1e-10, atol=1e-12).y[:, -1]
    return z[:2], z[2:].reshape(2, 2) - np.outer(z[:2], z[:2])


@pytest.mark.julia("SciMLBase", "StochasticDiffEqLowOrder", "StochasticDiffEqHighOrder", "StochasticDiffEqMilstein")
@pytest.mark.parametrize(("method", "kind"), RUNS)
def test_moments_of_linear_equations(method: str, kind: str) -> None:
    noise, columns = KINDS[kind]
    equations = [sn.Eq(sn.dt(u), -u + 0.5 * v), sn.Eq(sn.dt(v), -2 * v)]
    system = sn.SDESystem(equations, noise=noise, t=(0, 1), initial={u: 1.0, v: 1.0})
    options = {} if method == "EM" else {"options": {"adaptive": False}}
    made = sn.sweep(
        system, trajectories=MANY, seed=7, saveat=[1], method=method, dt=1 / 128, backend="julia", **options
    )
    ends = np.array([made[name].values[:, -1] for name in "uv"])
    mean, covariance = moments(columns)
    away = ends - mean[:, None]
    products = away[:, None] * away[None]
    assert np.all(np.abs(away.mean(axis=1)) < 4 * ends.std(axis=1) / np.sqrt(MANY) + 0.005)
    assert np.all(np.abs(products.mean(axis=2) - covariance) < 4 * products.std(axis=2) / np.sqrt(MANY) + 0.005)


@pytest.mark.julia("SciMLBase", "StochasticDiffEqLowOrder")
def test_stratonovichs_meaning_has_its_mean() -> None:
    """E u = exp(mu + sigma^2/2), mu = 1, sigma = 1/2: the correction of the drift crosses to Julia too."""
    system = growth("stratonovich")
    made = sn.sweep(system, trajectories=MANY, seed=3, saveat=[1], method="EM", dt=1 / 256, backend="julia")
    ends = made["u"].values[:, -1]
    assert abs(ends.mean() - np.exp(1.125)) < 4 * ends.std() / np.sqrt(MANY) + 0.01


@pytest.mark.julia("SciMLBase", "StochasticDiffEqLowOrder")
def test_a_seed_makes_a_run_again() -> None:
    def run(seed: int | None):
        return sn.solve(growth(), method="EM", dt=1 / 64, seed=seed, backend="julia")

    first, again, other, unseeded = run(1), run(1), run(2), run(None)
    assert np.array_equal(first["u"].values, again["u"].values) and first["u"].values[-1] != other["u"].values[-1]
    assert first.stats["seed"] == 1
    assert np.array_equal(unseeded["u"].values, run(unseeded.stats["seed"])["u"].values)


@pytest.mark.julia("SciMLBase", "StochasticDiffEqHighOrder")
def test_noise_that_does_not_commute_is_told() -> None:
    system = sn.SDESystem(
        [sn.Eq(sn.dt(u), 0), sn.Eq(sn.dt(v), 0)], noise={u: 1.0, v: u}, t=(0, 1), initial={u: 0.0, v: 0.0}
    )
    with pytest.warns(sn.SolveWarning, match="do not commute.*RKMilGeneral"):
        sn.solve(system, method="SOSRI", dt=1 / 64, seed=1, backend="julia", options={"adaptive": False})


@pytest.mark.julia("SciMLBase", "StochasticDiffEqLowOrder")
def test_a_sweep_over_the_strength_of_the_noise_follows_the_solves() -> None:
    run = {"method": "EM", "dt": 1 / 64, "backend": "julia", "saveat": [1]}
    made = sn.sweep(growth(), parameters={"sigma": [0.0, 0.4]}, trajectories=2, seed=1, **run)
    ends, seeds = made["u"].values.ravel(), made["u"].seed.values.ravel()
    assert abs(ends[:2] - (1 + 1 / 64) ** 64).max() < 1e-12 and ends[2] != ends[3]
    for end, strength, seed in zip(ends, [0.0, 0.0, 0.4, 0.4], seeds, strict=True):
        assert sn.solve(growth(), parameters={"sigma": strength}, seed=int(seed), **run)["u"].values[-1] == end
