"""The Brownian path: native code against NumPy's generator, its distribution, what runs along it keep of it.

Seeds are fixed, so every run draws the same numbers. Statistical bounds are four standard errors of the estimate: a right value fails such a
bound for one seed in 16,000.
"""

from __future__ import annotations

import ctypes
import itertools

import numpy as np
import pytest
from scipy import stats

import symnum as sn
from symnum.solvers.backend import solve
from symnum.solvers.embedded.stepper import Stepper
from symnum.solvers.embedded.stochastic.driving import Driving
from symnum.solvers.embedded.stochastic.path import BrownianPath
from symnum.solvers.noise import Given, Noise
from symnum.solvers.problem import Options
from tests.solvers.stochastic_problems import ALL, MANY, bounded, growth, path_at, problem_of, u


def native_increment(driving: Driving):
    kinds = [ctypes.c_void_p, *[ctypes.c_double] * 5, ctypes.c_void_p, ctypes.c_void_p]
    function = ctypes.CFUNCTYPE(None, *kinds)(driving.native.functions[0])
    w, a = np.zeros(driving.n), np.zeros(driving.n)

    def call(*node: float) -> tuple[np.ndarray, np.ndarray]:
        function(driving.native.context, *map(float, node), w.ctypes.data, a.ctypes.data)
        return w.copy(), a.copy()

    return call


@pytest.mark.parametrize("n", [1, 2, 7, 32])
def test_native_paths_are_those_of_numpys_philox(n: int) -> None:
    """In any order of nodes: what is kept of the tree changes nothing."""
    call = native_increment(Driving(Noise(n, True, Given(lambda t, y, out: None)), n, 42, "euler", False))
    path, draw = BrownianPath(42, n), np.random.default_rng(n)
    for _ in range(40):
        level = int(draw.integers(0, 45))
        node = (
            int(draw.integers(0, 3)),
            level,
            int(draw.integers(0, 2**level)),
            2.5,
            float(draw.choice([1.0, 0.5, draw.uniform()])),
        )
        for made, expected in zip(call(*node), path.increment(*node), strict=True):
            assert np.abs(made - expected).max() <= 1e-12 * np.abs(expected).max()


def test_nodes_add_up_to_the_nodes_above() -> None:
    path = BrownianPath(5, 3)
    w, a = path.increment(0, 4, 9, 2.0)
    (w1, a1), (w2, a2) = (path.increment(0, 5, index, 2.0) for index in (18, 19))
    assert np.allclose(w, w1 + w2, atol=1e-15) and np.allclose(a, a1 / 2 + (w1 + a2) / 2, atol=1e-15)
    for share in (0.25, 0.625, 1 / 3, 0.9):
        whole, part = path.increment(0, 4, 9, 2.0)[0], path.increment(0, 4, 9, 2.0, share)[0]
        assert np.abs(whole - part).max() > 0.01 * np.sqrt(1 - share) * np.sqrt(2 / 16)
    assert np.allclose(path.increment(0, 4, 9, 2.0, 0.5)[0], w1, atol=1e-15)
    assert np.allclose(path.increment(0, 4, 9, 2.0, 0.75)[0], w1 + path.increment(0, 6, 38, 2.0)[0], atol=1e-15)


@pytest.mark.parametrize(("level", "index", "share"), [(0, 0, 1.0), (3, 5, 1.0), (3, 5, 0.3), (20, 12345, 1.0)])
def test_increments_have_the_covariance_of_brownian_motion(level: int, index: int, share: float) -> None:
    """Var W = h, Cov(W, a) = h/2, Var a = h/3 with a the mean of the path; normal by Kolmogorov and Smirnov."""
    n = 20_000
    w, a = BrownianPath(7, n).increment(0, level, index, 3.0, share)
    h = 3.0 / 2**level * share
    for value, variance, other in (
        (w * w, h, 2 * h**2),
        (w * a, h / 2, h**2 / 3 + h**2 / 4),
        (a * a, h / 3, 2 * h**2 / 9),
    ):
        assert abs(value.mean() - variance) < 4 * np.sqrt(other / n)
    assert abs(w.mean()) < 4 * np.sqrt(h / n) and stats.kstest(w / np.sqrt(h), "norm").pvalue > 1e-3


def test_neighbours_roots_and_seeds_are_independent() -> None:
    n = 20_000
    path = BrownianPath(7, n)
    rows = [path.increment(*node, 1.0)[0] for node in ((0, 2, 1), (0, 2, 2), (1, 2, 1), (2, 0, 0))]
    rows.append(BrownianPath(8, n).increment(0, 2, 1, 1.0)[0])
    for a, b in itertools.combinations(rows, 2):
        assert abs(np.corrcoef(a, b)[0, 1]) < 4 / np.sqrt(n)


# --- runs along a path ---


def test_a_seed_makes_a_run_again_and_another_a_new_one() -> None:
    first, again, other = (sn.solve(growth(), seed=seed, rtol=1e-3)["u"].values for seed in (1, 1, 2))
    assert np.array_equal(first, again) and first[-1] != other[-1]
    unseeded = sn.solve(growth(), rtol=1e-3)
    seed = unseeded.stats["seed"]
    assert np.array_equal(unseeded["u"].values, sn.solve(growth(), rtol=1e-3, seed=seed)["u"].values)


@pytest.mark.parametrize("method", ALL)
def test_save_times_change_nothing(method: str) -> None:
    problem, _ = bounded()
    options = {"EM": {"dt": 2.0**-6}, "Milstein": {"dt": 2.0**-6}}.get(method, {"rtol": 1e-3, "atol": 1e-3})
    every = solve(problem, Options(method=method, seed=4, every_step=True, **options))
    times = np.array([0.0, 0.013, 0.0131, 0.4, 0.5, 0.777, 1.0])
    saved = solve(problem, Options(method=method, seed=4, saveat=times, **options))
    assert np.array_equal(every.y[-1], saved.y[-1]) and saved.stats["steps"] == every.stats["steps"]
    exact = np.tanh(path_at(4, MANY, times) + np.arctanh(0.2))
    assert np.abs(saved.y - exact).mean() < {"EM": 0.03, "Milstein": 0.01}.get(method, 0.01)
    assert np.array_equal(
        saved.y[4], every.y[np.flatnonzero(every.t == 0.5)[0]]
    )  # half of the tree: always the end of a step


def test_between_steps_the_solution_is_a_polyline() -> None:
    sol = sn.solve(growth(), seed=1, rtol=1e-3)
    (a, b), (p, q) = sol["u"].t.values[3:5], sol["u"].values[3:5]
    assert sol(t=(a + b) / 2)["u"] == pytest.approx((p + q) / 2, rel=1e-14)


@pytest.mark.parametrize("method", ["EM", "SOSRI"])
def test_a_checkpoint_goes_on_along_the_same_path(method: str, tmp_path) -> None:
    problem, _ = bounded()
    options = {
        "seed": 6,
        "saveat": np.linspace(0, 1, 5),
        **({"dt": 2.0**-12} if method == "EM" else {"rtol": 1e-5, "atol": 1e-5}),
    }
    whole = solve(problem, Options(method=method, **options))
    file = tmp_path / "run.ckpt"

    class Killed(Exception):
        pass

    def stop(now: float) -> None:
        if now > 0.3:
            raise Killed

    with pytest.raises(Killed):
        solve(problem, Options(method=method, checkpoint=file, checkpoint_every=0, progress=stop, **options))
    resumed = solve(problem, Options(method=method, checkpoint=file, checkpoint_every=0, **options))
    assert np.array_equal(resumed.y, whole.y) and resumed.stats["steps"] == whole.stats["steps"]


def test_stepping_by_hand_follows_the_solve() -> None:
    run = sn.integrator(growth(), seed=4, rtol=1e-3)
    rows = [run.solve_to(s)[0] for s in (0.25, 0.5, 1.0)]
    assert rows == sn.solve(growth(), seed=4, rtol=1e-3, saveat=[0.25, 0.5, 1.0])["u"].values.tolist()
    run = sn.integrator(growth(), seed=4, rtol=1e-3)
    run.solve_to(0.5)
    before = run.y[0]
    run.set_parameters(sigma=0.0)
    assert run.solve_to(1.0)[0] == pytest.approx(before * np.exp(0.5), rel=1e-3)


def test_after_a_change_the_path_is_a_new_one() -> None:
    """Restarted at 0.5, the second half has nothing to do with the first (a fresh root of the tree)."""
    system = sn.SDESystem([sn.Eq(sn.dt(u), 1.0)], noise={u: 1.0}, t=(0, 1), initial={u: 0.0})
    problem, pairs = problem_of(sn.discretise(system)), []
    for seed in range(200):
        run = Stepper(problem, Options(method="EM", dt=0.5, seed=seed))
        first = run.to(0.5)[0] - 0.5
        run.restart(0.5, np.array(run.y))
        pairs.append((first, run.to(1.0)[0] - first - 1.0))
    assert abs(np.corrcoef(np.array(pairs).T)[0, 1]) < 4 / np.sqrt(200)
