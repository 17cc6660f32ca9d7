"""Stochastic equations: the path, the orders of the methods on exact solutions, statistics, save times, and what is refused.

Seeds are fixed, so every run draws the same numbers. Statistical bounds are four standard errors of the estimate: a right value fails such a
bound for one seed in 16,000.
"""

from __future__ import annotations

import ctypes
import itertools
import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import symnum as sn
from symnum.solvers.backend import solve
from symnum.solvers.embedded.solve import solve as solve_embedded
from symnum.solvers.embedded.stepper import Stepper
from symnum.solvers.embedded.stochastic.driving import Driving
from symnum.solvers.embedded.stochastic.method import stochastic_methods
from symnum.solvers.embedded.stochastic.path import BrownianPath
from symnum.solvers.embedded.stochastic.sri import SRITableau
from symnum.solvers.noise import Given, Noise
from symnum.solvers.problem import Options, Problem

ALL = sorted(stochastic_methods())
ADAPTIVE = ("SOSRI", "SRIW1")
MANY = 400  # unknowns with a process each: as many independent paths

t, x = sn.coordinates("t x")
u, v = sn.fields("u v", (t,))
mu, sigma = sn.parameters(mu=1.0, sigma=0.5)


def fixed_steps(method: str, dt: float, **more) -> Options:
    return Options(method=method, dt=dt, method_options={"adaptive": False} if method in ADAPTIVE else {}, **more)


def scalar_problem(f, b, db, y0: float, n: int = MANY, t1: float = 1.0) -> Problem:
    """n copies of dX = f(t, X) dt + b(t, X) dW with processes of their own; ``db``: the derivative of b by X."""

    def drift(t, y, out):
        out[:] = f(t, y)

    def values(t, y, out):
        out[:] = b(t, y)

    def milstein(t, driven, out):
        y, w, h = driven[:n], driven[n : 2 * n], driven[2 * n]
        out[:] = b(t, y) * w + 0.5 * b(t, y) * db(t, y) * (w * w - h)

    noise = Noise(n, True, Given(values), milstein=Given(milstein), commutative=True)
    return Problem(drift, np.full(n, y0), 0.0, t1, noise=noise)


def path_at(seed: int, n: int, times, t1: float = 1.0) -> np.ndarray:
    """W at times, (len(times), n), on the tree with a single root."""
    path = BrownianPath(seed, n)
    return np.array([path.increment(0, 0, 0, t1, s / t1)[0] for s in times])


# --- the path ----------------------------------------------------------------------------------------------------


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


# --- orders ------------------------------------------------------------------------------------------------------


def geometric() -> tuple[Problem, object]:
    """dX = X dt + X/2 dW, X = exp((1 - 1/8) t + W/2)."""
    problem = scalar_problem(lambda t, y: y, lambda t, y: 0.5 * y, lambda t, y: 0.5, 1.0)
    return problem, lambda t, w: np.exp(0.875 * t + 0.5 * w)


def bounded() -> tuple[Problem, object]:
    """dX = -X (1 - X^2) dt + (1 - X^2) dW, X = tanh(W + artanh X0) (Kloeden, Platen 1992, (4.4.46) with a = 1)."""
    drift, values = lambda t, y: -y * (1 - y**2), lambda t, y: 1 - y**2
    return scalar_problem(drift, values, lambda t, y: -2 * y, 0.2), lambda t, w: np.tanh(w + np.arctanh(0.2))


def moving() -> tuple[Problem, object]:
    """dX = (2 X/(1 + t) + (1 + t)^2) dt + (1 + t)^2 dW, X = (1 + t)^2 (X0 + W + t) (Kloeden, Platen 1992, (4.2.7)): time matters."""
    drift, values = lambda t, y: 2 * y / (1 + t) + (1 + t) ** 2, lambda t, y: (1 + t) ** 2 + 0 * y
    return scalar_problem(drift, values, lambda t, y: 0 * y, 1.0), lambda t, w: (1 + t) ** 2 * (1 + w + t)


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


@pytest.mark.parametrize(("method", "order"), [("EM", 1.0), ("SRIW1", 2.0)])
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


# --- statistics --------------------------------------------------------------------------------------------------


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


def test_white_noise_in_space_has_the_variance_of_its_integral() -> None:
    """dw = D w_xx dt + s dW(t, x), periodic: the integral over x is s times a Brownian motion of variance L t, on every grid."""
    w = sn.field("w", (t, x))
    for cells in (8, 32):
        system = sn.SDESystem(
            [sn.Eq(sn.dt(w), 0.1 * sn.diff(w, x, 2))],
            noise={w: sigma},
            domain=sn.Domain(t=(0, 0.5), x=(0, 2)),
            conditions=[sn.periodic(x)],
            initial={w: 0.0},
        )
        made = sn.discretise(system, resolution=cells)
        problem = _problem_of(made)
        totals = [
            np.sum(solve(problem, Options(method="EM", dt=1 / 128, seed=k)).y[-1]) * 2 / cells for k in range(100)
        ]
        variance = 0.25 * 2 * 0.5
        assert abs(np.mean(np.square(totals)) - variance) < 4 * variance * np.sqrt(2 / 100)


def _problem_of(made) -> Problem:
    from symnum.pipeline import _problem

    return _problem(made)


def test_the_stationary_covariance_of_a_stochastic_heat_equation() -> None:
    """The semi-discrete equations are linear: after a long time Cov solves A C + C A^T + B B^T = 0 (SciPy)."""
    from scipy.linalg import solve_continuous_lyapunov

    w = sn.field("w", (t, x))
    system = sn.SDESystem(
        [sn.Eq(sn.dt(w), 0.02 * sn.diff(w, x, 2) - w)],
        noise={w: 0.3},
        domain=sn.Domain(t=(0, 300), x=(0, 1)),
        conditions=[sn.dirichlet(w, 0, at={x: 0}), sn.neumann(w, 0, at={x: 1})],
        initial={w: 0.0},
    )
    made = sn.discretise(system, resolution=6)
    a, problem = made.jacobian(0.0, np.zeros(made.size)).toarray(), _problem_of(made)
    expected = solve_continuous_lyapunov(a, -0.09 * 6 * np.eye(made.size))
    options = Options(method="SRIW1", dt=1 / 32, method_options={"adaptive": False}, saveat=np.arange(5.0, 300.1, 2.5))
    states = np.concatenate([solve(problem, replace(options, seed=k)).y for k in range(10)])
    found = states.T @ states / len(states)
    error = np.sqrt(
        (np.outer(np.diag(expected), np.diag(expected)) + expected**2) / (len(states) / 1.5)
    )  # states 2.5 apart are nearly independent
    assert np.all(np.abs(found - expected) < 4 * error), np.abs((found - expected) / error).max()


# --- systems: from the equations to the solution -----------------------------------------------------------------


def growth(interpretation: str = "ito", **more) -> sn.SDESystem:
    return sn.SDESystem(
        [sn.Eq(sn.dt(u), mu * u)],
        noise={u: sigma * u},
        t=(0, 1),
        initial={u: 1.0},
        interpretation=interpretation,
        **more,
    )


@pytest.mark.parametrize("target", ["llvm", "numpy"])
@pytest.mark.parametrize(("interpretation", "drift"), [("ito", 1 - 0.125), ("stratonovich", 1.0)])
@pytest.mark.parametrize(("method", "bound"), [("SOSRI", 1e-3), ("SRIW1", 1e-3), ("Milstein", 4e-3), ("EM", 0.1)])
def test_both_meanings_have_their_exact_solutions(
    method: str, bound: float, interpretation: str, drift: float, target: str
) -> None:
    """X = exp((mu - sigma^2/2) t + sigma W) in Ito's meaning, exp(mu t + sigma W) in Stratonovich's."""
    times = [0.0, 0.1, 0.37, 0.75, 1.0]
    steps = {"dt": 2.0**-9} if method in ("EM", "Milstein") else {"rtol": 1e-5}
    sol = sn.solve(growth(interpretation), method=method, seed=5, saveat=times, target=target, **steps)
    exact = np.exp(drift * np.array(times) + 0.5 * path_at(5, 1, times)[:, 0])
    assert np.abs(sol["u"].values / exact - 1).max() < bound
    assert sol.stats["seed"] == 5 and sol.method == method


@pytest.mark.parametrize(("method", "order"), [("EM", 0.5), ("Milstein", 1.0), ("SOSRI", 1.5)])
def test_one_process_moves_two_fields(method: str, order: float) -> None:
    """du = u dt + s u dW, dv = -v dt + 2 s v dW with the same W; mean error over 30 paths."""
    system = sn.SDESystem(
        [sn.Eq(sn.dt(u), mu * u), sn.Eq(sn.dt(v), -v)],
        noise={u: {"W": sigma * u}, v: {"W": 2 * sigma * v}},
        t=(0, 1),
        initial={u: 1.0, v: 1.0},
    )
    problem = _problem_of(sn.discretise(system))
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


def test_shared_additive_noise_is_the_path_itself() -> None:
    """Without drift y = B W, for every method that takes it."""
    noise = {u: [1.0, 2.0, 0.0], v: [0.5, 0.0, sigma]}
    system = sn.SDESystem([sn.Eq(sn.dt(u), 0), sn.Eq(sn.dt(v), 0)], noise=noise, t=(0, 2), initial={u: 1.0, v: -1.0})
    w = path_at(9, 3, [2.0], 2.0)[0]
    for method in ("EM", "Milstein"):
        sol = sn.solve(system, method=method, dt=0.25, seed=9)
        assert abs(sol["u"].values[-1] - (1 + w[0] + 2 * w[1])) < 1e-13
        assert abs(sol["v"].values[-1] - (-1 + 0.5 * w[0] + 0.5 * w[2])) < 1e-13


def test_without_noise_it_is_the_ordinary_solution() -> None:
    """sigma = 0: the drift alone, of order two, against Tsit5 (a Lotka-Volterra system)."""
    equations = [sn.Eq(sn.dt(u), u - u * v), sn.Eq(sn.dt(v), u * v - v)]
    system = sn.SDESystem(
        equations, noise={u: sigma * u, v: sigma * v}, t=(0, 3), initial={u: 1.5, v: 1.0}, parameters={"sigma": 0.0}
    )
    exact = sn.solve(sn.ODESystem(equations, t=(0, 3), initial={u: 1.5, v: 1.0}), rtol=1e-10, atol=1e-12)
    for method in ADAPTIVE:
        sol = sn.solve(system, method=method, rtol=1e-6, atol=1e-8)
        for field in "uv":
            assert abs(float(sol[field].values[-1]) - float(exact[field].values[-1])) < 1e-4
    errors = []
    for dt in (3 / 32, 3 / 64, 3 / 128):
        sol = sn.solve(system, method="SRIW1", dt=dt, options={"adaptive": False})
        errors.append(abs(float(sol["u"].values[-1]) - float(exact["u"].values[-1])))
    assert np.polyfit([0, 1, 2], np.log2(errors), 1)[0] < -1.8


def test_coefficients_that_switch_in_time() -> None:
    """Noise only after t = 0.25, a drift that ends there: mean and variance of the two parts, which have paths of their own."""
    system = sn.SDESystem(
        [sn.Eq(sn.dt(u), sn.where(t < 0.25, 4.0, 0.0))],
        noise={u: sn.where(t >= 0.25, 1.0, 0.0)},
        t=(0, 1),
        initial={u: 0.0},
    )
    problem = _problem_of(sn.discretise(system))
    assert problem.breakpoints == (0.25,)
    ends = np.array(
        [solve(problem, Options(method="EM", dt=0.25, seed=k, saveat=[0.0, 0.25, 1.0])).y[:, 0] for k in range(200)]
    )
    assert np.abs(ends[:, 1] - 1.0).max() < 1e-12
    assert abs(np.mean((ends[:, 2] - 1) ** 2) - 0.75) < 4 * 0.75 * np.sqrt(2 / 200)


def test_oscillator_moved_by_noise() -> None:
    """u'' = -u + white noise, an equation of second order: Var u(t) = s^2 (t/2 - sin(2 t)/4), at t = 2."""
    system = sn.SDESystem([sn.Eq(sn.dt(u, 2), -u)], noise={u: sigma}, t=(0, 2), initial={u: 0.0, sn.dt(u): 0.0})
    problem = _problem_of(sn.discretise(system))
    ends = np.array([solve(problem, fixed_steps("SOSRI", 1 / 16, seed=k)).y[-1, 0] for k in range(300)])
    variance = 0.25 * (1 - np.sin(4.0) / 4)
    assert abs(np.mean(ends**2) - variance) < 4 * variance * np.sqrt(2 / 300) + 1e-3


# --- runs --------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize("method", ALL)
def test_native_runs_equal_numpys(method: str) -> None:
    problem = scalar_problem(lambda t, y: -y * (1 - y**2), lambda t, y: 1 - y**2, lambda t, y: -2 * y, 0.2, n=3)
    options = {"EM": {"dt": 1 / 24}, "Milstein": {"dt": 1 / 24}}.get(method, {"rtol": 1e-2, "atol": 1e-2})
    options = Options(method=method, seed=8, saveat=np.array([0.0, 0.3, 1.0]), **options)
    native, plain = (solve_embedded(problem, options, meaning) for meaning in ("llvm", "numpy"))
    assert native.stats["steps"] == plain.stats["steps"] and np.abs(native.y - plain.y).max() < 1e-11


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
    problem, pairs = _problem_of(sn.discretise(system)), []
    for seed in range(200):
        run = Stepper(problem, Options(method="EM", dt=0.5, seed=seed))
        first = run.to(0.5)[0] - 0.5
        run.restart(0.5, np.array(run.y))
        pairs.append((first, run.to(1.0)[0] - first - 1.0))
    assert abs(np.corrcoef(np.array(pairs).T)[0, 1]) < 4 / np.sqrt(200)


def test_noise_written_in_python_may_raise() -> None:
    def broken(t, y, out):
        raise RuntimeError("the noise is broken")

    problem = Problem(lambda t, y, out: None, np.ones(2), 0.0, 1.0, noise=Noise(2, True, Given(broken)))
    for method in ("EM", "SOSRI"):
        with pytest.raises(RuntimeError, match="the noise is broken"):
            solve(problem, Options(method=method, dt=0.1, seed=1))


def test_numbers_that_are_not_finite_end_a_run_with_a_sentence() -> None:
    system = sn.SDESystem([sn.Eq(sn.dt(u), u**3)], noise={u: 0.1 * u}, t=(0, 10), initial={u: 1.0})
    for method, more in (("SOSRI", {"rtol": 1e-3}), ("EM", {"dt": 0.01})):
        with pytest.warns(sn.SolveWarning, match=r"grew without bound|became too small|gives"):
            sol = sn.solve(system, method=method, seed=1, **more)
        assert not sol.success and 0 < len(sol["u"].values)


def test_step_limits_hold() -> None:
    with pytest.warns(sn.SolveWarning, match="max_steps = 10"):
        sol = sn.solve(growth(), seed=1, max_steps=10)
    assert sol.stats["steps"] + sol.stats["rejected"] == 10


# --- choice and refusals -----------------------------------------------------------------------------------------


def pair(noise, **more) -> sn.SDESystem:
    return sn.SDESystem(
        [sn.Eq(sn.dt(u), -u), sn.Eq(sn.dt(v), -v)], noise=noise, t=(0, 1), initial={u: 1.0, v: 1.0}, **more
    )


CHOICES = [
    ({u: sigma * u, v: sigma * v}, "SOSRI", "one Wiener process a field"),
    ({u: {"W": u}, v: {"W": v}}, "SOSRI", "one Wiener process"),
    ({u: [u, 1 * u], v: [v, 2 * v]}, "Milstein", "commute"),
    ({u: [v, 1.0], v: [u, v]}, "EM", "do not commute"),
    ({u: v, v: u}, "EM", "do not commute"),
]


@pytest.mark.parametrize(("noise", "method", "why"), CHOICES, ids=range(len(CHOICES)))
def test_the_choice_follows_the_noise(noise, method: str, why: str) -> None:
    sol = sn.solve(pair(noise), seed=1, rtol=1e-3, **({"dt": 0.1} if method != "SOSRI" else {}))
    assert sol.method == method and why in sol.why


def test_noise_that_does_not_commute_is_told_to_who_asks_for_more() -> None:
    with pytest.warns(sn.SolveWarning, match="strong order 1/2"):
        assert sn.solve(pair({u: v, v: u}), method="SOSRI", seed=1, rtol=1e-2).success
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sn.solve(pair({u: u, v: v}), method="SOSRI", seed=1, rtol=1e-2)


REFUSED = [
    (lambda: sn.solve(growth(), method="Tsit5"), 'Tsit5 solves ordinary ones; write method="SOSRI"'),
    (lambda: sn.solve(growth(), method="EM"), "write for example dt=0.001"),
    (lambda: sn.solve(pair({u: [v, 1.0], v: [u, v]})), "EM keeps a fixed step"),
    (lambda: sn.solve(pair({u: [v, 1.0], v: [u, v]}), method="SOSRI"), 'Write method="EM" with dt=0.001'),
    (lambda: sn.solve(pair({u: [u, u], v: [v, v]}), method="SRIW1"), 'or method="Milstein"'),
    (lambda: sn.solve(pair({u: v, v: u}), method="Milstein", dt=0.1), "coefficients commute"),
    (lambda: sn.solve(growth(), seed=-1), "whole number >= 0"),
    (lambda: sn.solve(growth(), seed=1.5), "whole number >= 0"),
    (lambda: sn.solve(growth(), seed=True), "whole number >= 0"),
    (lambda: sn.solve(growth(events=[sn.Event(u <= 0.5, "terminate")])), "events are not watched for"),
    (lambda: sn.solve(growth(), options={"linsolve": "KLUFactorization"}), "linsolve"),
    (lambda: sn.solve(growth(), method="EM", dt=0.1, options={"adaptive": False}), "adaptive"),
    (
        lambda: sn.solve(sn.ODESystem([sn.Eq(sn.dt(u), u)], t=(0, 1), initial={u: 1.0}), method="EM", dt=0.1),
        "these have none",
    ),
    (lambda: solve(Problem(lambda t, y, out: None, np.ones(1), 0, 1), Options(seed=3)), "nothing in these is random"),
    (lambda: solve(_reversed(), Options(method="EM", dt=0.1)), "go forward in time"),
]


def _reversed() -> Problem:
    return Problem(lambda t, y, out: None, np.ones(1), 1.0, 0.0, noise=Noise(1, True, Given(lambda t, y, out: None)))


@pytest.mark.parametrize(("call", "says"), REFUSED, ids=[says[:30] for _, says in REFUSED])
def test_what_is_refused(call, says: str) -> None:
    with pytest.raises(sn.SolveError) as caught:
        call()
    assert says in str(caught.value)


def test_what_has_no_noise_yet_says_so() -> None:
    w = sn.field("w", (t, x))
    system = sn.SDESystem(
        [sn.Eq(sn.dt(w), sn.diff(w, x, 2))],
        noise={w: sn.integral(w, x)},
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={w: 0.0},
    )
    with pytest.raises(sn.DiscretisationError, match="holds an integral"):
        sn.solve(system, resolution=8)
    with pytest.raises(sn.DiscretisationError, match="takes no noise"):
        sn.discretise(system.replace(noise={w: 1.0}), resolution=8, scheme="fourier")
    with pytest.raises(sn.TargetError, match="drift alone"):
        sn.generate(growth())
