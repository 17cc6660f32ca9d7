"""The Julia backend on a real Julia: solutions against exact ones, against the embedded solver, failures, interrupts."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.sparse import diags

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.errors import SolveError
from symnum.solvers.backend import solve as solve_with
from symnum.solvers.julia_methods import ALGORITHMS
from symnum.solvers.problem import Options, Problem

ROOT = Path(__file__).resolve().parents[2]
T = sn.coordinates("t")
X, V = sn.fields("x v", (T,))
OSCILLATOR = sn.ODESystem(
    [sn.Eq(sn.dt(X), V), sn.Eq(sn.dt(V), -X)], domain=sn.Domain(t=(0, 5)), initial={X: 1.0, V: 0.0}, name="oscillator"
)
MODELS = Catalogue("model", folder=shipped_folder("models"))
real = pytest.mark.julia("SciMLBase", "OrdinaryDiffEqTsit5")
stiff = pytest.mark.julia("SciMLBase", "OrdinaryDiffEqRosenbrock")
TIGHT = {"rtol": 1e-9, "atol": 1e-11, "backend": "julia"}


def error(solution: sn.Solution) -> float:
    return float(np.abs(solution["x"].values - np.cos(solution.t)).max())


@real
def test_a_solution_of_julia_is_that_of_the_equations() -> None:
    times = [0, 0.3, 1, 1, 5]
    solution = sn.solve(OSCILLATOR, method="Tsit5", saveat=times, **TIGHT)
    assert solution.success and solution.t.tolist() == times and error(solution) < 1e-7
    assert solution.stats["steps"] > 20 and solution.stats["rhs_evaluations"] > 100 and "asked for" in solution.why
    every = sn.solve(OSCILLATOR, method="Tsit5", **TIGHT)
    assert len(every.t) == every.stats["steps"] + 1 and abs(float(every(t=2.2)["x"]) - math.cos(2.2)) < 1e-7
    assert abs(float(every(t=0.0)["x"]) - 1) == 0 and abs(float(every(t=5.0)["x"]) - math.cos(5)) < 1e-7


@real
@pytest.mark.parametrize("target", ["julia", "numpy", "c"])
def test_the_right_hand_side_may_be_generated_julia_or_python(target: str) -> None:
    assert error(sn.solve(OSCILLATOR, method="Tsit5", target=target, saveat=[0, 5], **TIGHT)) < 1e-7


@real
def test_options_of_the_algorithm_and_of_solve_are_found_by_name() -> None:
    solution = sn.solve(OSCILLATOR, method="Tsit5", options={"dtmax": 0.01, "controller": "PIController"}, **TIGHT)
    assert solution.stats["steps"] >= 500 and error(solution) < 1e-8
    with pytest.raises(SolveError, match=r"Tsit5 has no option 'dtmix'\. Did you mean"):
        sn.solve(OSCILLATOR, method="Tsit5", options={"dtmix": 0.01}, **TIGHT)
    stopped = pytest.warns(sn.SolveWarning, match="after max_steps = 10 steps")
    with stopped:
        short = sn.solve(OSCILLATOR, method="Tsit5", max_steps=10, **TIGHT)
    assert not short.success and len(short.t) == 11 and error(short) < 1e-7


@real
def test_no_step_crosses_a_time_of_discontinuity() -> None:
    forced = sn.ODESystem(
        [sn.Eq(sn.dt(X), 2.0 * (T >= 1.5) - sn.where(T >= 3, 5.0, 0.0))], domain=sn.Domain(t=(0, 4)), initial={X: 1.0}
    )
    solution = sn.solve(forced, method="Tsit5", saveat=[0, 1.5, 2, 3, 4], **TIGHT)
    np.testing.assert_allclose(solution["x"].values, [1, 1, 2, 4, 1], atol=1e-12)
    every = sn.solve(forced, method="Tsit5", **TIGHT)
    assert {1.5, 3.0} <= set(every.t.tolist()) and abs(float(every(t=3.5)["x"]) - 2.5) < 1e-10


@real
def test_events_happen_at_their_moments_as_in_the_embedded_solver() -> None:
    ball = sn.ODESystem(
        [sn.Eq(sn.dt(X), V), sn.Eq(sn.dt(V), -9.81 + 0 * V)], domain=sn.Domain(t=(0, 2)), initial={X: 1.0, V: 0.0}
    )
    bounce = [sn.Event(X <= 0, {V: -0.8 * V})]
    first = math.sqrt(2 / 9.81)
    exact = [first, first * (1 + 2 * 0.8), first * (1 + 2 * 0.8 + 2 * 0.64)]
    solution = sn.solve(ball, method="Tsit5", events=bounce, **TIGHT)
    assert solution.success
    np.testing.assert_allclose([e.t for e in solution.events], exact, rtol=1e-9)
    before = solution.events[0].before["v"]
    assert abs(before + 9.81 * first) < 1e-7 and abs(solution.events[0].after["v"] + 0.8 * before) < 1e-12
    ended = sn.solve(ball, method="Tsit5", events=[sn.Event(X <= 0.5, "terminate")], saveat=[0, 0.1, 1], **TIGHT)
    assert (
        ended.success
        and len(ended.t) == 3
        and abs(ended.t[-1] - math.sqrt(1 / 9.81)) < 1e-8
        and "ended the solve" in ended.message
    )


@real
def test_failures_are_sentences_that_keep_what_there_is() -> None:
    blow = sn.ODESystem([sn.Eq(sn.dt(X), X**2)], domain=sn.Domain(t=(0, 2)), initial={X: 1.0})
    with pytest.warns(sn.SolveWarning, match="stopped at t = 1"):
        solution = sn.solve(blow, method="Tsit5", **TIGHT)
    assert not solution.success and np.isfinite(solution["x"].values).all()
    early = solution.t < 0.9
    np.testing.assert_allclose(solution["x"].values[early], 1 / (1 - solution.t[early]), rtol=1e-6)
    root = sn.ODESystem([sn.Eq(sn.dt(X), -sn.sqrt(X) - 1)], domain=sn.Domain(t=(0, 2)), initial={X: 1.0})
    with pytest.warns(sn.SolveWarning, match=r"NaN or infinity at t = 0\.61.*first field affected is x"):
        sn.solve(root, method="Tsit5", **TIGHT)

    def fails(t: float) -> None:
        raise ZeroDivisionError("mine")

    long = sn.ODESystem(
        [sn.Eq(sn.dt(X), V), sn.Eq(sn.dt(V), -X)], domain=sn.Domain(t=(0, 30000)), initial={X: 1.0, V: 0.0}
    )
    with pytest.raises(ZeroDivisionError, match="mine"):
        sn.solve(long, method="Tsit5", progress=fails, saveat=[0, 1], **TIGHT)
    assert error(sn.solve(OSCILLATOR, method="Tsit5", saveat=[0, 5], **TIGHT)) < 1e-7  # the session goes on


@real
def test_a_second_solve_of_a_problem_makes_nothing_anew() -> None:
    from symnum.pipeline import _problem, discretise
    from symnum.solvers.julia_problem import prepared

    problem, options = _problem(discretise(OSCILLATOR)), Options("Tsit5", saveat=[1.0])
    assert prepared(problem, options, "Tsit5", False) is prepared(problem, options, "Tsit5", False)
    assert prepared(problem, Options("Tsit5", rtol=1e-3, saveat=[1.0]), "Tsit5", False) is not prepared(
        problem, options, "Tsit5", False
    )


@real
def test_a_sweep_is_one_ensemble() -> None:
    a, start = sn.parameter("a", 1.0), sn.parameter("s", 1.0)
    decay = sn.ODESystem([sn.Eq(sn.dt(X), -a * X)], domain=sn.Domain(t=(0, 2)), initial={X: start})
    made = sn.sweep(decay, {"a": [1, 2, 3], "s": [1, 5]}, method="Tsit5", **TIGHT)
    exact = made["s"].values[:, None] * np.exp(-made["a"].values[:, None] * made.t)
    assert (
        made["x"].dims == ("trajectory", "t") and np.abs(made["x"].values - exact).max() < 1e-8 and made.success.all()
    )
    if int(made.stats[0]["steps"]):
        assert made["a"].values.tolist() == [1, 1, 2, 2, 3, 3]


@stiff
def test_stiff_methods_take_our_jacobian_dense_and_sparse() -> None:
    k = (0.04, 1e4, 3e7)
    a, b, c = sn.fields("a b c", (T,))
    fast = k[2] * b**2
    robertson = sn.ODESystem(
        [
            sn.Eq(sn.dt(a), -k[0] * a + k[1] * b * c),
            sn.Eq(sn.dt(b), k[0] * a - k[1] * b * c - fast),
            sn.Eq(sn.dt(c), fast),
        ],
        domain=sn.Domain(t=(0, 40)),
        initial={a: 1.0, b: 0.0, c: 0.0},
    )
    solution = sn.solve(robertson, method="Rodas5P", rtol=1e-8, atol=1e-12, backend="julia", saveat=[40])
    exact = [0.7158270687, 9.185534764e-06, 0.2841637457]  # Hairer, Wanner, Solving ODEs II, IV.10
    np.testing.assert_allclose([float(solution[f].values[0]) for f in (a, b, c)], exact, rtol=2e-7)
    assert (
        solution.stats["jacobian_evaluations"] > 0 and solution.stats["rhs_evaluations"] < 12 * solution.stats["steps"]
    )


@pytest.mark.julia("SciMLBase", "StochasticDiffEqHighOrder")
def test_the_mean_of_geometric_brownian_motion() -> None:
    motion = sn.SDESystem([sn.Eq(sn.dt(X), 0.5 * X)], noise={X: 0.3 * X}, domain=sn.Domain(t=(0, 1)), initial={X: 1.0})
    made = sn.sweep(motion, trajectories=400, seed=1, saveat=[1], method="SOSRI", rtol=1e-4, atol=1e-4, backend="julia")
    ends = made["x"].values[:, -1]
    exact, deviation = math.exp(0.5), math.exp(0.5) * math.sqrt(math.expm1(0.09))
    assert abs(ends.mean() - exact) < 4 * deviation / math.sqrt(
        len(ends)
    )  # four standard errors: wrong once in 16,000 seeds
    assert abs(ends.std() - deviation) < 0.2 * deviation
    again = sn.sweep(
        motion, trajectories=400, seed=1, saveat=[1], method="SOSRI", rtol=1e-4, atol=1e-4, backend="julia"
    )
    np.testing.assert_array_equal(again["x"].values, made["x"].values)


@pytest.mark.julia("SciMLBase", "StochasticDiffEqLowOrder")
def test_a_method_of_fixed_step_asks_for_it() -> None:
    motion = sn.SDESystem([sn.Eq(sn.dt(X), 0.5 * X)], noise={X: 0.3 * X}, domain=sn.Domain(t=(0, 1)), initial={X: 1.0})
    for solve in (sn.solve, sn.sweep):
        with pytest.raises(
            SolveError, match=r"EM keeps a fixed step, which is to be given; write for example dt=0\.001"
        ):
            solve(motion, method="EM", backend="julia", **({"trajectories": 2} if solve is sn.sweep else {}))
    solution = sn.solve(motion, method="EM", backend="julia", dt=0.01, seed=4)
    assert solution.stats["steps"] == 100 and solution.stats["rhs_evaluations"] is None and solution.stats["seed"] == 4


def heat() -> sn.PDESystem:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(u, x, 2) - 2 * u)],
        domain=sn.Domain(t=(0, 0.1), x=(0, 1)),
        conditions=[sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
        initial={u: sn.sin(sn.pi * x)},
    )


@pytest.mark.parametrize(
    ("method", "given"),
    [
        pytest.param(name, given, marks=pytest.mark.julia("SciMLBase", ALGORITHMS[name].package), id=name)
        for name, given in {
            "ROCK4": {},
            "Vern9": {},
            "SSPRK43": {},
            "Rodas5P": {"options": {"linsolve": "KLUFactorization"}},
            "FBDF": {"options": {"linsolve": ("KrylovJL_GMRES", {"gmres_restart": 30})}},
            "RadauIIA5": {},
            "KenCarp4": {"options": {"autodiff": "AutoFiniteDiff"}},
            "ETDRK4": {"dt": 0.002},
            "AutoTsit5": {"options": {"stiffalg": "Rodas5P"}},
        }.items()
    ],
)
def test_families_of_methods_on_a_parabolic_equation(method: str, given: dict[str, Any]) -> None:
    """The sine is an eigenvector of the difference scheme: u = exp((2 cos(pi h) - 2)/h^2 t - 2 t) sin(pi x)."""
    solution = sn.solve(
        heat(), resolution=64, backend="julia", method=method, rtol=1e-8, atol=1e-10, saveat=[0.05, 0.1], **given
    )
    x = solution["u"]["x"].values
    rate = 2 * (math.cos(math.pi / 64) - 1) * 64**2 - 2
    exact = np.exp(rate * solution.t)[:, None] * np.sin(np.pi * x)
    np.testing.assert_allclose(solution["u"].values, exact, atol=2e-6)


@stiff
def test_groups_of_columns_are_used_where_the_solver_differences() -> None:
    n, calls = 200, 0
    diagonals = (np.ones(n - 1), np.full(n, -2.0), np.ones(n - 1))
    matrix = diags(diagonals, (-1, 0, 1), format="csc") * 50.0

    def rhs(t: float, y: np.ndarray, out: np.ndarray) -> None:
        nonlocal calls
        calls += 1
        out[:] = matrix @ y

    y0 = np.sin(np.pi * np.arange(1, n + 1) / (n + 1))
    problem = Problem(rhs, y0, 0, 1, sparsity=matrix)
    outcome = solve_with(
        problem, Options("Rodas5P", saveat=[1.0], method_options={"autodiff": "AutoFiniteDiff"}), "julia"
    )
    rate = 100 * (math.cos(math.pi / (n + 1)) - 1)
    np.testing.assert_allclose(outcome.y[-1], math.exp(rate) * y0, atol=1e-5)
    assert calls < 20 * outcome.stats["jacobian_evaluations"]  # three groups, not 200 columns


@stiff
def test_a_constraint_of_higher_index_gives_the_times_asked_for() -> None:
    """A pendulum: its unknowns are chosen anew on the way, and such a pause is no row of the solution."""
    module = MODELS.load("pendulum")
    (lowest, known), *_ = module.published.items()
    solution = sn.solve(module.system(), backend="julia", method="Rodas5P", rtol=1e-8, saveat=[lowest, 2.0, 5.0])
    assert solution.success and solution.t.tolist() == [lowest, 2.0, 5.0]
    assert all(abs(float(solution[f].values[0]) - value) < 1e-4 * abs(value) for f, value in known.items())
    np.testing.assert_allclose(solution["x"].values ** 2 + solution["y"].values ** 2, 1, atol=1e-5)


@stiff
def test_a_step_that_may_not_be_short_enough() -> None:
    with pytest.warns(sn.SolveWarning, match=r"Stopped at t = 0: .* shorter than dtmin = 2\. Try a smaller dtmin"):
        sn.solve(OSCILLATOR, method="Rodas5P", backend="julia", options={"dtmin": 2.0})


@pytest.mark.julia(
    "SciMLBase", "OrdinaryDiffEqTsit5", "OrdinaryDiffEqRosenbrock", "OrdinaryDiffEqBDF", "OrdinaryDiffEqFIRK"
)
@pytest.mark.parametrize("name", [n for n in MODELS.names() if "SDE" not in MODELS.load(n).tags])
def test_every_model_agrees_with_the_embedded_solution(name: str) -> None:
    """Three algorithms of Julia at rtol 1e-6, within 100 times atol + rtol*max|u|."""
    from benchmarks.julia import _differences

    found = dict(_differences(name, MODELS.load(name)))
    assert len(found) == 3 and all(isinstance(d, float) and d < 100 for d in found.values()), found


IN_ANOTHER_PROCESS = """
import os, subprocess
import numpy as np
import symnum as sn

T = sn.coordinates("t")
X, V = sn.fields("x v", (T,))
A = sn.parameter("a", 1.0)

def system(end):
    return sn.ODESystem([sn.Eq(sn.dt(X), V), sn.Eq(sn.dt(V), -A * X)], domain=sn.Domain(t=(0, end)), initial={X: 1.0, V: 0.0})

"""


def another_process(code: str, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", IN_ANOTHER_PROCESS + code],
        env={**os.environ, **variables}, check=False, capture_output=True, text=True, cwd=ROOT, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@real
def test_ctrl_c_ends_a_solve_which_keeps_what_it_has() -> None:
    code = """
sn.solve(system(1), method="Tsit5", backend="julia", saveat=[0.5, 1.0])
line = f"for k in 1 2 3 4 5 6 7 8 9; do sleep 1.5; kill -INT {os.getpid()}; done"  # Julia may lose one that comes in a finalizer
keys = subprocess.Popen(["sh", "-c", line], start_new_session=True)
long = sn.solve(system(1e9), method="Tsit5", backend="julia", saveat=[1.0, 1e9], max_steps=10**12)
keys.kill()
print(long.success, long.message.startswith("Interrupted at t ="), float(long.t[0]))
again = sn.solve(system(1), method="Tsit5", backend="julia", saveat=[1.0], rtol=1e-9, atol=1e-9)
print(abs(float(again["x"].values[-1]) - np.cos(1.0)) < 1e-7)
"""
    assert another_process(code).split() == ["False", "True", "1.0", "True"]


@real
def test_threads_solve_a_sweep_as_one_thread_does() -> None:
    code = """
from symnum.bridge import session
sets = {"a": np.linspace(1, 4, 12)}
given = dict(method="Tsit5", backend="julia", saveat=[0.5, 2.0], rtol=1e-9, atol=1e-11)
many, one = (sn.sweep(system(2), sets, threads=k, **given) for k in (2, 1))
print(session().threads, np.array_equal(many["x"].values, one["x"].values))
print(np.abs(many["x"].values - np.cos(np.sqrt(many["a"].values)[:, None] * many.t)).max() < 1e-7)
"""
    assert another_process(code, PYTHON_JULIACALL_THREADS="2").split() == ["2", "True", "True"]
