"""Verlet and Yoshida: orders, energy over long times, reversal, save times, forces that depend on time, what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.sparse import csc_matrix

import symnum as sn
from symnum.errors import SolveError
from symnum.solvers.backend import solve
from symnum.solvers.embedded.methods import yoshida4, yoshida6
from symnum.solvers.embedded.partitioned import partition
from symnum.solvers.problem import Options, Problem
from tests.solvers.problems import EXACT, oscillator, slope

METHODS = {"Verlet": 2, "Yoshida4": 4, "Yoshida6": 6}
MECHANICAL = np.array([True, True, False, False])


def kepler(t, y, out):
    cube = (y[0] ** 2 + y[1] ** 2) ** 1.5
    out[0], out[1], out[2], out[3] = y[2], y[3], -y[0] / cube, -y[1] / cube


def orbit(t, eccentricity=0.3):
    """Position and velocity on the ellipse of period 2 pi, by Kepler's equation."""
    e, t = eccentricity, np.atleast_1d(t)
    anomaly = np.array(t, dtype=float)
    for _ in range(50):
        anomaly -= (anomaly - e * np.sin(anomaly) - t) / (1 - e * np.cos(anomaly))
    width, rate = math.sqrt(1 - e**2), 1 / (1 - e * np.cos(anomaly))
    columns = (np.cos(anomaly) - e, width * np.sin(anomaly), -np.sin(anomaly) * rate, width * np.cos(anomaly) * rate)
    return np.stack(columns, -1)


def driven(t, y, out):
    out[0], out[1] = y[1], -4 * y[0] + math.sin(t)


def driven_solution(t):
    """q'' = -4 q + sin t from (1, 0): q = cos 2t - sin(2t)/6 + sin(t)/3."""
    t = np.atleast_1d(t)
    q = np.cos(2 * t) - np.sin(2 * t) / 6 + np.sin(t) / 3
    return np.stack([q, -2 * np.sin(2 * t) - np.cos(2 * t) / 3 + np.cos(t) / 3], -1)


TWO = np.array([True, False])
CASES = {
    "oscillator": (Problem(oscillator, [1.0, 0.0], 0, 3, partition=TWO), EXACT[0].solution),
    "kepler": (Problem(kepler, orbit(0.0)[0], 0, 6, partition=MECHANICAL), orbit),
    "time": (Problem(driven, [1.0, 0.0], 0, 5, partition=TWO), driven_solution),
}


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("case", CASES)
def test_measured_order(name, case):
    """At the end the order of the method, between the steps that of cubic interpolation."""
    problem, exact = CASES[case]
    between = np.linspace(problem.t0, problem.t1, 38)
    sizes, ends, inside = [], [], []
    for count in (100, 140, 200) if name == "Yoshida6" else (200, 280, 400):
        dt = (problem.t1 - problem.t0) / count
        run = solve(problem, Options(name, dt=dt, saveat=between))
        assert run.success and run.stats["steps"] == count and run.stats["rejected"] == 0
        errors = np.abs(run.y - exact(between)).max(axis=1)
        sizes.append(dt)
        ends.append(errors[-1])
        inside.append(errors.max())
    assert slope(sizes, ends) == pytest.approx(METHODS[name], abs=0.2)
    assert slope(sizes, inside) >= min(METHODS[name], 4) - 0.3


def test_weights_satisfy_the_conditions_of_composition():
    """GNI, V.3.2: sums of w, w^3, w^5; the bracket of order 6 shows in the measured order."""
    for weights, powers in ((yoshida4.WEIGHTS, (3,)), (yoshida6.WEIGHTS, (3, 5))):
        assert sum(weights) == pytest.approx(1, abs=1e-14) and weights == weights[::-1]
        assert all(abs(sum(w**k for w in weights)) < 1e-13 for k in powers)


def energy(y):
    return 0.5 * (y[..., 2] ** 2 + y[..., 3] ** 2) - 1 / np.hypot(y[..., 0], y[..., 1])


@pytest.mark.parametrize(("name", "bound"), [("Verlet", 2e-3), ("Yoshida4", 3e-4), ("Yoshida6", 2e-5)])
def test_energy_error_stays_bounded(name, bound):
    """1e5 steps, 800 periods: the error does not grow, where that of Tsit5 grows in proportion to time."""
    system = kepler_system(100_000 * 0.05)
    saved = np.linspace(0, 5000, 401)
    solution = sn.solve(system, method=name, dt=0.05, saveat=saved)
    assert solution.stats["steps"] == 100_000
    states = np.stack([solution[n].values for n in ("x", "y", "u", "v")], -1)
    error = np.abs(energy(states) + 0.5)
    assert error.max() < bound
    assert error[200:].max() < 1.2 * error[:200].max()


def kepler_system(end):
    t = sn.coordinates("t")
    x, y, u, v = sn.fields("x y u v", (t,))
    cube = (x**2 + y**2) ** 1.5
    start = dict(zip((x, y, u, v), orbit(0.0)[0].tolist(), strict=True))
    equations = [sn.Eq(sn.dt(x), u), sn.Eq(sn.dt(y), v), sn.Eq(sn.dt(u), -x / cube), sn.Eq(sn.dt(v), -y / cube)]
    return sn.ODESystem(equations, t=(0, end), initial=start)


@pytest.mark.parametrize("name", METHODS)
def test_a_run_backward_returns(name):
    forward = solve(CASES["kepler"][0], Options(name, dt=0.05))
    end = Problem(kepler, forward.y[-1], 6, 0, partition=MECHANICAL)
    back = solve(end, Options(name, dt=0.05))
    np.testing.assert_allclose(back.y[-1], forward.y[0], atol=1e-12)
    assert np.abs(forward.y[-1] - orbit(6.0)).max() > 1e-8


def test_steps_divide_every_segment_evenly():
    """A jump of the force at t = 1: no step crosses it, and dt is the longest step."""

    def pushed(t, y, out):
        out[0], out[1] = y[1], 1.0 if t >= 1 else 0.0

    problem = Problem(pushed, [0.0, 0.0], 0, 2.5, breakpoints=(1.0,), partition=TWO)
    run = solve(problem, Options("Verlet", dt=0.3, every_step=True))
    np.testing.assert_allclose(np.diff(run.t), [0.25] * 4 + [0.3] * 5, rtol=1e-12)
    np.testing.assert_allclose(run.y[-1], [1.5**2 / 2, 1.5], rtol=1e-12)


def test_what_is_missing_is_named():
    problem = CASES["oscillator"][0]
    with pytest.raises(SolveError, match=r"fixed step.*dt=0.003"):
        solve(problem, Options("Verlet"))
    with pytest.raises(SolveError, match="partition"):
        solve(Problem(oscillator, [1.0, 0.0], 0, 3), Options("Yoshida4", dt=0.1))
    t = sn.coordinates("t")
    x, u = sn.fields("x u", (t,))
    damped = sn.ODESystem([sn.Eq(sn.dt(x), u), sn.Eq(sn.dt(u), -x - 0.1 * u)], t=(0, 1), initial={x: 1, u: 0})
    with pytest.raises(SolveError, match="the equation of u holds u itself"):
        sn.solve(damped, method="Verlet", dt=0.01)
    moving = sn.ODESystem([sn.Eq(sn.dt(x), u + sn.sin(t)), sn.Eq(sn.dt(u), -x * t)], t=(0, 1), initial={x: 1, u: 0})
    with pytest.raises(SolveError, match="depends on time"):
        sn.solve(moving, method="Verlet", dt=0.01)


def test_partition_colours_the_graph_of_the_jacobian():
    chain = csc_matrix(np.array([[0, 0, 1, 0], [0, 0, 0, 1], [1, 1, 0, 0], [1, 1, 0, 0]]))
    assert partition(chain, np.zeros(4, bool)).tolist() == [True, True, False, False]
    assert partition(chain, np.array([True, False, False, False])).tolist() == [False, False, True, True]
    ring = csc_matrix(np.array([[0, 1, 1], [1, 0, 1], [1, 1, 0]]))
    with pytest.raises(SolveError, match="odd length"):
        partition(ring, np.zeros(3, bool))


def test_blow_up_ends_with_the_states_before():
    def falling(t, y, out):
        out[0], out[1] = y[1], -1 / y[0] ** 2 if y[0] > 0.05 else math.nan

    run = solve(Problem(falling, [1.0, 0.0], 0, 10, partition=TWO), Options("Verlet", dt=0.01, every_step=True))
    assert not run.success and "NaN" in run.message and np.isfinite(run.y).all() and run.t[-1] > 1


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("period", [1.0, 2 * math.pi])
def test_time_dependence_hidden_at_the_start_is_seen(name, period):
    """q' = p cos(k t), p' = -q: the velocity is zero at the start, and cos(2 pi t) is one at all whole times."""
    t = sn.coordinates("t")
    q, p = sn.fields("q p", (t,))
    k = 2 * math.pi / period
    equations = [sn.Eq(sn.dt(q), p * sn.cos(k * t)), sn.Eq(sn.dt(p), -q)]
    system = sn.ODESystem(equations, t=(0, 6), initial={q: 1.0, p: 0.0})
    reference = sn.solve(system, method="DOP853", rtol=1e-12, atol=1e-12, saveat=[6.0])["q"].values[-1]
    coarse, fine = (
        abs(sn.solve(system, method=name, dt=h, saveat=[6.0])["q"].values[-1] - reference) for h in (0.1, 0.05)
    )
    assert math.log2(coarse / fine) == pytest.approx(METHODS[name], abs=0.3)


def test_time_in_both_equations_is_refused_also_where_it_is_hidden():
    t = sn.coordinates("t")
    q, p = sn.fields("q p", (t,))
    equations = [sn.Eq(sn.dt(q), p * sn.cos(t)), sn.Eq(sn.dt(p), -q * sn.sin(2 * math.pi * t))]
    with pytest.raises(SolveError, match="Tsit5"):
        sn.solve(sn.ODESystem(equations, t=(0, 6), initial={q: 1.0, p: 0.0}), method="Verlet", dt=0.1)
