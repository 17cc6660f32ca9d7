"""Stochastic systems from the equations to the solution: exact solutions, white noise in space, switches, meanings of the noise.

Seeds are fixed, so every run draws the same numbers. Statistical bounds are four standard errors of the estimate: a right value fails such a
bound for one seed in 16,000.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import symnum as sn
from symnum.solvers.backend import solve
from symnum.solvers.embedded.solve import solve as solve_embedded
from symnum.solvers.problem import Options
from tests.solvers.stochastic_problems import (
    ADAPTIVE,
    ALL,
    fixed_steps,
    growth,
    path_at,
    problem_of,
    scalar_problem,
    sigma,
    t,
    u,
    v,
    x,
)


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
        problem = problem_of(made)
        totals = [
            np.sum(solve(problem, Options(method="EM", dt=1 / 128, seed=k)).y[-1]) * 2 / cells for k in range(100)
        ]
        variance = 0.25 * 2 * 0.5
        assert abs(np.mean(np.square(totals)) - variance) < 4 * variance * np.sqrt(2 / 100)


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
    a, problem = made.jacobian(0.0, np.zeros(made.size)).toarray(), problem_of(made)
    expected = solve_continuous_lyapunov(a, -0.09 * 6 * np.eye(made.size))
    options = Options(method="SRIW1", dt=1 / 32, method_options={"adaptive": False}, saveat=np.arange(5.0, 300.1, 2.5))
    states = np.concatenate([solve(problem, replace(options, seed=k)).y for k in range(10)])
    found = states.T @ states / len(states)
    error = np.sqrt(
        (np.outer(np.diag(expected), np.diag(expected)) + expected**2) / (len(states) / 1.5)
    )  # states 2.5 apart are nearly independent
    assert np.all(np.abs(found - expected) < 4 * error), np.abs((found - expected) / error).max()


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
    problem = problem_of(sn.discretise(system))
    assert problem.breakpoints == (0.25,)
    ends = np.array(
        [solve(problem, Options(method="EM", dt=0.25, seed=k, saveat=[0.0, 0.25, 1.0])).y[:, 0] for k in range(200)]
    )
    assert np.abs(ends[:, 1] - 1.0).max() < 1e-12
    assert abs(np.mean((ends[:, 2] - 1) ** 2) - 0.75) < 4 * 0.75 * np.sqrt(2 / 200)


def test_oscillator_moved_by_noise() -> None:
    """u'' = -u + white noise, an equation of second order: Var u(t) = s^2 (t/2 - sin(2 t)/4), at t = 2."""
    system = sn.SDESystem([sn.Eq(sn.dt(u, 2), -u)], noise={u: sigma}, t=(0, 2), initial={u: 0.0, sn.dt(u): 0.0})
    problem = problem_of(sn.discretise(system))
    ends = np.array([solve(problem, fixed_steps("SOSRI", 1 / 16, seed=k)).y[-1, 0] for k in range(300)])
    variance = 0.25 * (1 - np.sin(4.0) / 4)
    assert abs(np.mean(ends**2) - variance) < 4 * variance * np.sqrt(2 / 300) + 1e-3


@pytest.mark.parametrize(("method", "more"), [("Milstein", {"dt": 1 / 32}), ("SOSRI", {"rtol": 1e-3, "atol": 1e-3})])
def test_compiled_c_and_numpy_are_the_native_run(method: str, more) -> None:
    equations = [sn.Eq(sn.dt(u), u - u**3), sn.Eq(sn.dt(v), -u * sn.sin(v))]
    system = sn.SDESystem(
        equations,
        noise={u: sigma * sn.cos(u), v: 0.3 * v},
        t=(0, 1),
        initial={u: 1.0, v: 1.0},
        interpretation="stratonovich",
    )
    runs = {
        target: sn.solve(system, method=method, target=target, seed=1, saveat=[0.0, 0.37, 1.0], **more)
        for target in ("llvm", "c", "numpy")
    }
    for run in runs.values():
        assert run.stats["steps"] == runs["llvm"].stats["steps"]
        for field in "uv":
            assert np.abs(run[field].values - runs["llvm"][field].values).max() < 1e-13


@pytest.mark.parametrize("method", ALL)
def test_native_runs_equal_numpys(method: str) -> None:
    problem = scalar_problem(lambda t, y: -y * (1 - y**2), lambda t, y: 1 - y**2, lambda t, y: -2 * y, 0.2, n=3)
    options = {"EM": {"dt": 1 / 24}, "Milstein": {"dt": 1 / 24}}.get(method, {"rtol": 1e-2, "atol": 1e-2})
    options = Options(method=method, seed=8, saveat=np.array([0.0, 0.3, 1.0]), **options)
    native, plain = (solve_embedded(problem, options, meaning) for meaning in ("llvm", "numpy"))
    assert native.stats["steps"] == plain.stats["steps"] and np.abs(native.y - plain.y).max() < 1e-11


def test_one_process_carries_a_wave_along() -> None:
    """dw = c^2/2 w_xx dt - c w_x dW, transport by noise in Stratonovich's meaning: w = w0(x - c W(t)), each point moved by the same path."""
    w = sn.field("w", (t, x))
    system = sn.SDESystem(
        [sn.Eq(sn.dt(w), 0.02 * sn.diff(w, x, 2))],
        noise={w: {"W": -0.2 * sn.diff(w, x)}},
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={w: sn.sin(2 * sn.pi * x)},
    )
    assert system.noise.commutative and not system.noise.diagonal
    errors = []
    for cells in (16, 32):
        sol = sn.solve(system, resolution=cells, order=4, rtol=1e-6, atol=1e-6, seed=2, saveat=[0.0, 1.0])
        exact = np.sin(2 * np.pi * (sol["w"].x.values - 0.2 * path_at(2, 1, [1.0])[0, 0]))
        errors.append(float(np.abs(sol["w"].values[-1] - exact).max()))
    assert sol.method == "SOSRI" and errors[1] < 1e-3 and errors[0] > 3 * errors[1], errors


def test_random_rotations_stay_on_the_sphere() -> None:
    """dX = sum_k (e_k x X) o dW_k, three processes that do not commute: |X| = 1, and the mean falls as exp(-t); EM keeps |X| to order 1/2."""
    a, b, c = sn.fields("a b c", (t,))
    system = sn.SDESystem(
        [sn.Eq(sn.dt(f), 0) for f in (a, b, c)],
        noise={a: {"V": c, "W": -b}, b: {"U": -c, "W": a}, c: {"U": b, "V": -a}},
        t=(0, 1),
        initial={a: 1.0, b: 0.0, c: 0.0},
        interpretation="stratonovich",
    )
    assert system.normal_form.rates == {a: -a, b: -b, c: -c} and not system.noise.commutative
    problem, spread = problem_of(sn.discretise(system)), []
    for dt in (1 / 32, 1 / 512):
        ends = np.array([solve(problem, Options(method="EM", dt=dt, seed=k)).y[-1] for k in range(200)])
        length = np.linalg.norm(ends, axis=1)
        assert abs(np.mean(length**2) - 1) < 4 * np.std(length**2) / np.sqrt(200) + dt
        assert abs(ends[:, 0].mean() - np.exp(-1.0)) < 4 * ends[:, 0].std() / np.sqrt(200) + dt
        spread.append(np.sqrt(np.mean((length - 1) ** 2)))
    assert 3 < spread[0] / spread[1] < 5.3, spread


def test_a_sweep_compiles_the_noise_once_and_follows_the_solves(monkeypatch) -> None:
    """Other values of a parameter of the noise: the same code, and each trajectory is the solve with its seed."""
    from symnum.solvers import noise

    compiled, plain = [], noise.compile_kernel
    monkeypatch.setattr(noise, "compile_kernel", lambda *given: compiled.append(given) or plain(*given))
    strengths = [0.1, 0.4]
    made = sn.sweep(growth(), parameters={"sigma": strengths}, trajectories=3, seed=1, saveat=[1], rtol=1e-3)
    assert len(compiled) == 2  # the values, and what they do in a step
    ends = made["u"].values.ravel()
    assert len(set(ends)) == 6
    seeds = made["u"].seed.values.ravel()
    for end, strength, seed in zip(ends, np.repeat(strengths, 3), seeds, strict=True):
        sol = sn.solve(growth(), parameters={"sigma": strength}, seed=int(seed), saveat=[1], rtol=1e-3)
        assert sol["u"].values[-1] == end
