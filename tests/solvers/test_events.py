"""Events: exact impact times, SciPy as the judge, directions, jumps of states and parameters, Zeno, and what is refused by name."""

from __future__ import annotations

import itertools
import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import symnum as sn
from symnum.solvers.backend import solve
from symnum.solvers.embedded.method import methods
from symnum.solvers.events import Events, Watched
from symnum.solvers.problem import Options, Problem
from tests.contracts.cases import exact_case, options_for
from tests.solvers.problems import lorenz, native_lorenz

METHODS = sorted(methods())
G = 9.81
t, x = sn.coordinates("t x")
y, v = sn.fields("y v", (t,))
u = sn.field("u", (t, x))
k, D = sn.parameters(k=1.0, D=0.1)


def ball(end, *events, height=1.0, speed=0.0):
    equations = [sn.Eq(sn.dt(y), v), sn.Eq(sn.dt(v), -G)]
    return sn.ODESystem(equations, t=(0, end), initial={y: height, v: speed}, events=events)


def oscillator(end=10.0, *events):
    equations = [sn.Eq(sn.dt(y), v), sn.Eq(sn.dt(v), -k * y)]
    return sn.ODESystem(equations, t=(0, end), initial={y: 1.0, v: 0.0}, events=events)


def impacts(end, restitution):
    """Exact times of the impacts of a ball dropped from height 1."""
    time, speed = math.sqrt(2 / G), G * math.sqrt(2 / G)
    while time < end:
        yield time
        speed *= restitution
        time += 2 * speed / G


# --- times and states ---


@pytest.mark.parametrize("keep", [{}, {"saveat": np.linspace(0, 3.5, 8)}])
def test_bouncing_ball_meets_its_exact_impacts(keep):
    sol = sn.solve(ball(3.5, sn.Event(y <= 0, {v: -0.8 * v})), rtol=1e-10, atol=1e-12, **keep)
    exact = list(impacts(3.5, 0.8))
    assert sol.success and len(sol.events) == len(exact) > 8
    np.testing.assert_allclose([e.t for e in sol.events], exact, atol=1e-12)
    assert all(e.after["v"] == pytest.approx(-0.8 * e.before["v"], rel=1e-15) and e.after["y"] == e.before["y"] for e in sol.events)
    for time in sol.t:  # parabolas between the impacts
        last = max((i for i in [0.0, *exact] if i <= time + 1e-15), default=0.0)
        rise = 0.8 ** (exact.index(last) + 1) * G * exact[0] * (time - last) if last else 1.0
        at = float(sol["y"].sel(t=time))
        assert at == pytest.approx(rise - G / 2 * (time - last) ** 2, abs=1e-9)


def test_before_and_after_a_jump_are_both_kept():
    """The state after the jump has the next floating-point time, so times are unique; between, dense output is exact."""
    sol = sn.solve(ball(1.5, sn.Event(y <= 0, {v: -0.8 * v})), rtol=1e-10)
    hit = sol.events[0].t
    assert np.all(np.diff(sol.t) > 0)
    assert float(sol["v"].sel(t=hit)) == pytest.approx(-G * hit) and float(sol["v"].sel(t=np.nextafter(hit, 9))) == pytest.approx(0.8 * G * hit)
    assert sol(t=hit - 0.1)["y"] == pytest.approx(1 - G / 2 * (hit - 0.1) ** 2, abs=1e-12)
    assert sol(t=hit + 0.1)["v"] == pytest.approx(0.8 * G * hit - G * 0.1, abs=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_every_method_finds_the_zero_of_its_own_solution(name):
    """The time at which the first component passes a level, against the exact solution; the run goes on unchanged."""
    method = methods()[name]
    case = exact_case(method)
    level = float(case.solution(np.array([1.1]))[0, 0])
    events = Events((Watched("level"),), lambda s, w, out: out.__setitem__(0, w[0] - level))
    options = options_for(method, rtol=1e-7, atol=1e-9, saveat=[3.0])
    problem = replace(case.problem, partition=[True, False]) if method.fixed_step else case.problem
    plain, run = (solve(replace(problem, events=e), options) for e in (None, events))
    times = [o.t for o in run.events]
    error = min(abs(time - 1.1) for time in times)
    assert run.success and error < (2e-3 if method.fixed_step else 2e-5)
    np.testing.assert_array_equal(run.y, plain.y)  # a note changes nothing


def test_scipy_finds_the_same_events():
    """Zeros of x - z/2 and maxima of z of the Lorenz equations on a native right-hand side, by SciPy's own event location."""
    conditions = (lambda s, w: w[0] - w[2] / 2, lambda s, w: w[0] * w[1] - 8 / 3 * w[2])
    problem = native_lorenz(8.0)
    events = Events(
        (Watched("x - z/2"), Watched("dz/dt", -1)), lambda s, w, out: out.__setitem__(slice(None), [c(s, w) for c in conditions])
    )
    run = solve(replace(problem, events=events), Options("Tsit5", rtol=1e-11, atol=1e-12))
    conditions[1].direction = -1  # type: ignore[attr-defined]

    def f(s, w):
        out = np.empty(3)
        lorenz(s, w, out)
        return out

    judge = solve_ivp(f, (0, 8), problem.y0, "DOP853", rtol=1e-12, atol=1e-13, events=conditions)
    assert len(judge.t_events[1]) > 8
    for index in (0, 1):
        ours = [o.t for o in run.events if o.index == index]
        np.testing.assert_allclose(ours, judge.t_events[index], atol=2e-6)  # rounding has grown by e^7 at the end
        np.testing.assert_allclose(ours[:5], judge.t_events[index][:5], atol=1e-9)


def test_directions_and_the_order_of_several_events_in_one_step():
    """cos t: y <= 0 falls, y >= 0 rises, y crosses both ways; three levels passed within one large step come in order."""
    watched = [sn.Event(y <= 0), sn.Event(y >= 0), sn.Event(y), sn.Event(sn.Eq(y, 0))]
    with pytest.warns(sn.SolveWarning, match="y >= 0 holds already"):
        sol = sn.solve(oscillator(10.0), rtol=1e-9, events=watched)
    times = {i: [e.t for e in sol.events if e.index == i] for i in range(4)}
    np.testing.assert_allclose(times[0], np.pi * np.array([0.5, 2.5]), atol=1e-8)
    np.testing.assert_allclose(times[1], np.pi * np.array([1.5]), atol=1e-8)
    np.testing.assert_allclose(times[2], np.pi * np.array([0.5, 1.5, 2.5]), atol=1e-8)
    assert times[3] == times[2]
    line = sn.ODESystem([sn.Eq(sn.dt(y), 1.0)], t=(0, 10), initial={y: 0.0})
    levels = sn.solve(line, events=[sn.Event(y >= level) for level in (3.3, 3.1, 3.2)])
    assert [e.index for e in levels.events] == [1, 2, 0] and levels.stats["steps"] < 12
    np.testing.assert_allclose([e.t for e in levels.events], [3.1, 3.2, 3.3], rtol=1e-14)


def test_backward_in_time():
    def f(s, w, out):
        out[0] = 1.0

    events = Events((Watched("y <= 0", -1), Watched("y >= 0", 1)), lambda s, w, out: out.__setitem__(slice(None), w[0]))
    run = solve(Problem(f, [1.0], 2.0, 0.0, events=events), Options("Tsit5"))
    assert [(o.index, o.t) for o in run.events] == [(0, pytest.approx(1.0, abs=1e-14))]


# --- effects ---


def test_the_end_of_a_solve():
    sol = sn.solve(oscillator(10.0), events=[sn.Event(y <= 0, "terminate")], rtol=1e-9, saveat=[0.5, 1.0, 5.0])
    assert sol.success and "y <= 0 ended the solve at t = 1.5707963" in sol.message
    np.testing.assert_allclose(sol.t, [0.5, 1.0, np.pi / 2], atol=1e-8)
    both = sn.solve(oscillator(10.0), events=[sn.Event(y <= 0, [{v: 7.0}, "terminate"])])
    assert both.events[-1].after["v"] == 7.0


def test_a_parameter_changes_and_is_put_back():
    """k = 4 from the first zero on: the frequency doubles; SciPy in pieces is the judge; the values of the system stay."""
    system = oscillator(6.0, sn.Event(y <= 0, {k: 4.0}))
    sol = sn.solve(system, rtol=1e-10, atol=1e-12)
    first = solve_ivp(lambda s, w: [w[1], -w[0]], (0, np.pi / 2), [1, 0], rtol=1e-12, atol=1e-13)
    rest = solve_ivp(lambda s, w: [w[1], -4 * w[0]], (np.pi / 2, 6), first.y[:, -1], rtol=1e-12, atol=1e-13)
    assert sol["y"].values[-1] == pytest.approx(rest.y[0, -1], abs=1e-8)
    assert sol.events[0].parameters == {"k": 4.0} and len(sol.events) == 2 and sol.events[1].parameters == {}
    assert sol.parameters == {"k": 1.0} and system.parameters == {"k": 1.0}
    again = sn.solve(system, rtol=1e-10, atol=1e-12)
    np.testing.assert_array_equal(again["y"].values, sol["y"].values)


def test_times_may_be_conditions_and_effects_may_hold_all_that_is_known():
    """A dose every unit of time is taken at t = 1.5: y -> y + k*t; exact decay before and after."""
    decay = sn.ODESystem([sn.Eq(sn.dt(y), -y)], t=(0, 3), initial={y: 1.0}, events=[sn.Event(t >= 1.5, {y: y + k * t})])
    sol = sn.solve(decay, rtol=1e-10, atol=1e-12)
    assert sol.events[0].t == pytest.approx(1.5, abs=1e-15)
    assert sol["y"].values[-1] == pytest.approx((np.exp(-1.5) + 1.5) * np.exp(-1.5), abs=1e-10)


def test_second_order_equations_bounce_by_their_velocity():
    h = sn.field("h", (t,))
    system = sn.ODESystem([sn.Eq(sn.dt(h, 2), -G)], t=(0, 1.2), initial={h: 1.0, sn.dt(h): 0.0})
    sol = sn.solve(system, rtol=1e-10, events=[sn.Event(h <= 0, {sn.dt(h): -0.5 * sn.dt(h)}), sn.Event(sn.dt(h))])
    tops = [e for e in sol.events if e.index == 1]
    np.testing.assert_allclose([e.before["h"] for e in tops[:2]], [0.25, 0.0625], atol=1e-10)


def test_stick_and_slip():
    """A block on a belt: it sticks where the spring is weaker than static friction, else slips with kinetic friction.

    Sticking: x' = belt speed until spring force k x = static friction; slipping: m x'' = -k x + kinetic friction, until x' = belt speed.
    The slip is an arc of a sine about x_k = kinetic/k, so its length is known exactly: 2 pi - 2 atan(...) by symmetry.
    """
    position, speed = sn.fields("position speed", (t,))
    slips = sn.parameter("slips", 0.0)
    belt, static, kinetic = 0.5, 1.0, 0.6
    equations = [sn.Eq(sn.dt(position), speed), sn.Eq(sn.dt(speed), slips * (kinetic - position))]
    events = [
        sn.Event(position >= static, {slips: 1.0}),
        sn.Event(speed >= belt, {slips: 0.0, speed: belt}),
    ]
    system = sn.ODESystem(equations, t=(0, 20), initial={position: 0.0, speed: belt}, events=events)
    sol = sn.solve(system, rtol=1e-11, atol=1e-12)
    starts, ends = ([e.t for e in sol.events if e.index == i] for i in (0, 1))
    assert len(starts) >= 3 and starts[0] == pytest.approx(static / belt, abs=1e-12)
    # about the centre: (a, belt) at the start and (-a, belt) at the end of the slip, with a = static - kinetic, angular speed 1
    arc = 2 * np.pi - 2 * np.arctan2(static - kinetic, belt)
    np.testing.assert_allclose(np.array(ends) - starts[: len(ends)], arc, atol=1e-9)
    assert np.diff(starts) == pytest.approx(arc + 2 * (static - kinetic) / belt, abs=1e-9)


def test_two_events_at_one_moment_act_in_the_order_of_the_list():
    line = sn.ODESystem([sn.Eq(sn.dt(y), 1.0), sn.Eq(sn.dt(v), 0.0)], t=(0, 3), initial={y: 0.0, v: 1.0})
    sol = sn.solve(line, events=[sn.Event(y >= 1, {v: 3 * v}), sn.Event(t >= 1, {v: v + 1})])
    assert [e.index for e in sol.events] == [0, 1] and sol.events[0].t == sol.events[1].t
    assert sol["v"].values[-1] == 4.0


# --- verges ---


def test_an_event_at_the_start():
    """A relation on the verge happens if it becomes true, a ball thrown up does not; one that holds already is told."""
    down = sn.solve(ball(1.0, sn.Event(y <= 0, "terminate"), height=0.0, speed=-1.0))
    assert down.events[0].t == 0.0 and down.t[-1] == 0.0
    with pytest.warns(sn.SolveWarning, match=r"both sides of the condition y <= 0 are equal at t = 0 and it is false right after; that is no event"):
        up = sn.solve(ball(5.0, sn.Event(y <= 0, "terminate"), height=0.0, speed=5.0), rtol=1e-9)
    assert up.t[-1] == pytest.approx(10.0 / G, abs=1e-12)
    with warnings.catch_warnings():  # on the verge, but it becomes true
        warnings.simplefilter("error")
        sn.solve(ball(1.0, sn.Event(y <= 0, "terminate"), height=0.0, speed=-1.0))
    with pytest.warns(sn.SolveWarning, match=r"y <= 0 holds already at t = 0; .* must be false first"):
        below = sn.solve(ball(1.0, sn.Event(y <= 0, "terminate"), height=-1.0))
    assert below.success and not below.events and below.t[-1] == 1.0


def test_a_touch_is_no_event_and_two_crossings_in_one_step_are_two():
    """(t - 1)^2 touches zero; (t - 1)(t - 1.1) crosses twice within one long step: samples inside the step see it."""
    line = sn.ODESystem([sn.Eq(sn.dt(y), 1.0)], t=(0, 10), initial={y: 0.0})
    assert not sn.solve(line, events=[sn.Event((y - 1.0007) ** 2)]).events
    slow = sn.solve(line, events=[sn.Event((y - 1.0) * (y - 4.0))], dt=3.0)
    np.testing.assert_allclose([e.t for e in slow.events], [1.0, 4.0], rtol=1e-13)


def test_a_pole_is_no_zero():
    line = sn.ODESystem([sn.Eq(sn.dt(y), 1.0)], t=(0, 3), initial={y: 0.0})
    sol = sn.solve(line, events=[sn.Event(1 / (y - 1.00001), "terminate"), sn.Event(y - 2)])
    assert sol.t[-1] == 3.0 and [e.index for e in sol.events] == [1]


@pytest.mark.parametrize("restitution", [0.9, 0.5, 0.1, 0.01])
def test_zeno_is_named_with_its_limit(restitution):
    with pytest.warns(sn.SolveWarning, match="Zeno"):
        sol = sn.solve(ball(10.0, sn.Event(y <= 0, {v: -restitution * v})), rtol=1e-10, atol=1e-13)
    fall = math.sqrt(2 / G)
    limit = fall * (1 + 2 * restitution / (1 - restitution))
    assert not sol.success and sol.t[-1] == pytest.approx(limit, abs=1e-6)
    assert f"close in on t = {limit:.6f}"[:-2] in sol.message and len(sol.events) >= 3


def test_a_ball_that_comes_to_rest_by_a_second_event():
    """The advice of the message: the energy, constant between impacts, falls below a bound by the effect of an impact."""
    energy = v**2 / 2 + G * y
    sol = sn.solve(ball(5.0, sn.Event(y <= 0, {v: -0.5 * v}), sn.Event(energy <= 1e-3, "terminate")), rtol=1e-10)
    hits = [e for e in sol.events if e.index == 0]
    assert sol.success and "ended the solve" in sol.message and sol.events[-1].t == pytest.approx(hits[-1].t, abs=1e-15)
    assert len(hits) == math.ceil(math.log(1e-3 / G) / math.log(0.25)) and hits[-1].after["v"] ** 2 / 2 <= 1e-3 < hits[-1].before["v"] ** 2 / 2


# --- fields in space ---


def heat(*events, end=2.0):
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), D * sn.laplacian(u))],
        domain=sn.Domain(t=(0, end), x=(0, 1)),
        conditions=[sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
        initial={u: sn.sin(sn.pi * x)},
        events=events,
    )


RATE = 0.1 * 4 * 32**2 * np.sin(np.pi / 64) ** 2  # of the decay on the grid of 32 cells


@pytest.mark.parametrize("method", ["Tsit5", "RKC2", "Rodas5P"])
def test_integrals_and_values_at_a_place_are_watched(method):
    """A mode decays as exp(-rate t) on the grid: its content and its value in the middle halve at the same known time."""
    half = sn.integral(u, x) <= 0.5 / (32 * np.tan(np.pi / 64))  # half of the trapezoidal sum of the sine on the grid
    sol = sn.solve(heat(), resolution=32, method=method, rtol=1e-8, atol=1e-10,
                   events=[sn.Event(half), sn.Event(u <= 0.5, at={x: 0.5})])  # fmt: skip
    times = {e.index: e.t for e in sol.events}
    assert times[1] == pytest.approx(np.log(2) / RATE, abs=1e-5)
    assert times[0] == pytest.approx(np.log(2) / RATE, abs=1e-5)


def test_fields_jump_pointwise_and_boundaries_follow():
    """At u(1/2) = 1/2 the field is doubled and tilted; from there the exact decay of its two modes on the grid."""
    sol = sn.solve(heat(sn.Event(u <= 0.5, {u: 2 * u, D: 0.05}, at={x: 0.5})), resolution=32, method="Tsit5", rtol=1e-9, save_every=0.25)
    hit = np.log(2) / RATE
    assert sol.events[0].t == pytest.approx(hit, abs=1e-6) and sol.events[0].parameters == {"D": 0.05}
    assert sol.events[0].after["u"].shape == (33,) and sol.events[0].after["u"][0] == 0.0
    last = np.sin(np.pi * np.linspace(0, 1, 33)) * np.exp(-0.5 * RATE * (2 - hit))
    np.testing.assert_allclose(sol["u"].values[-1], last, atol=1e-7)


def test_boundary_points_follow_a_parameter_that_an_event_changes():
    """u = D at the left side: saved fields show the value that was in force at their time."""
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.laplacian(u))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.dirichlet(u, D, at={x: 0}), sn.neumann(u, 0, at={x: 1})],
        initial={u: 0.1},
        events=[sn.Event(t >= 0.5, {D: 0.7})],
    )
    sol = sn.solve(system, resolution=16, method="Rodas5P", saveat=[0.0, 0.25, 0.5, 0.51, 1.0])
    np.testing.assert_allclose(sol["u"].values[:, 0], [0.1, 0.1, 0.1, 0.7, 0.7], atol=1e-12)


@pytest.mark.parametrize("method", ["ETDRK4", "ETD5"])
def test_exponential_methods_find_events_inside_their_long_steps(method):
    """w_t = .1 w_xx + 1 is halved whenever its content reaches .2: times and the end against Vern7 (long steps: to the next save time)."""
    level = sn.Event(sn.integral(u, x) >= 0.2, {u: 0.5 * u})
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), D * sn.laplacian(u) + 1)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.dirichlet(u, 0, at={x: 0}), sn.neumann(u, 0, at={x: 1})],
        initial={u: 0.0},
    )
    ours, judge = (
        sn.solve(system, resolution=16, events=[level], saveat=[0.1, 0.37, 0.9, 1.0], method=name, rtol=tol, atol=tol / 100)
        for name, tol in ((method, 1e-6), ("Vern7", 1e-10))
    )
    assert len(ours.events) == len(judge.events) == 7
    np.testing.assert_allclose([e.t for e in ours.events], [e.t for e in judge.events], atol=1e-9)
    np.testing.assert_allclose(ours["u"].values, judge["u"].values, atol=1e-8)


@pytest.mark.parametrize("method", ["ETDRK4", "ETD5"])
def test_the_solution_inside_long_exponential_steps(method):
    """An oscillator, exact in a step of any length, whose speed of rotation an event changes: the values between the steps follow it too."""
    system = oscillator(10.0, sn.Event(t >= 4, {k: 4.0}))
    sol = sn.solve(system, method=method, rtol=1e-6, atol=1e-8)
    assert len(sol.t) < 40
    for s in np.linspace(0, 10, 101):
        later = np.cos(4) * np.cos(2 * (s - 4)) - np.sin(4) / 2 * np.sin(2 * (s - 4))
        assert sol(t=float(s))["y"] == pytest.approx(np.cos(s) if s <= 4 else later, abs=3e-6)
    assert sol(t=2.0)["y"] == pytest.approx(np.cos(2.0), abs=3e-6)  # and back again


# --- conditions that are not numbers everywhere, states that jump ---


@pytest.mark.parametrize("method", ["Tsit5", "Rodas5P", "ETDRK4"])
def test_a_crossing_before_a_condition_ends_to_be_a_number(method):
    """sqrt(y) - 1/10 on a falling ball in one long step: its zero comes before the root of a negative number does."""
    sol = sn.solve(ball(3.0, sn.Event(sn.sqrt(y) - 0.1, "terminate"), sn.Event(sn.sqrt(y) <= 0.5)), method=method, saveat=[3.0], rtol=1e-6)
    assert sol.t[-1] == pytest.approx(np.sqrt(2 * 0.99 / G), abs=1e-6) and [e.index for e in sol.events] == [1, 0]
    assert sol.events[0].t == pytest.approx(np.sqrt(2 * 0.75 / G), abs=1e-6)


@pytest.mark.parametrize("method", ["Rodas5P", "Radau5", "KenCarp4", "TRBDF2"])
def test_algebraic_unknowns_that_jump_at_a_breakpoint(method):
    """x' = z - x, 0 = z - (t >= 1): right after t = 1 the continuous extension starts from the new z, and the jump is an event there."""

    def rhs(t, state, out):
        out[:] = state[1] - state[0], state[1] - (1.0 if t >= 1 else 0.0)

    def condition(t, state, out):
        out[:] = state[1] - 0.5, state[0] - 0.5

    problem = Problem(rhs, [1.0, 0.0], 0, 3, breakpoints=(1.0,), differential=np.array([True, False]),
                      events=Events((Watched("z - 1/2"), Watched("x - 1/2", direction=1)), condition))  # fmt: skip
    run = solve(problem, Options(method, rtol=1e-6, atol=1e-9, dense=True))
    assert run.success, run.message
    for s in (1.0 + 1e-12, 1.001, 1.01, 1.3, 2.0):
        x_then = 1 + (math.exp(-1) - 1) * math.exp(1 - s)
        np.testing.assert_allclose(run.dense(s), [x_then, 1.0], atol=3e-5)
    np.testing.assert_allclose(run.dense(0.5), [math.exp(-0.5), 0.0], atol=3e-5)
    assert np.all(np.diff(run.t) > 0) and [o.index for o in run.events] == [0, 1]
    assert run.events[0].t == pytest.approx(1.0, abs=1e-12)
    assert run.events[1].t == pytest.approx(1 - math.log(0.5 / (1 - math.exp(-1))), abs=1e-4)


# --- in files and words ---


def test_events_are_kept_in_files(tmp_path):
    sol = sn.solve(ball(1.5, sn.Event(y <= 0, {v: -0.8 * v})))
    loaded = sn.Solution.load(sol.save(tmp_path / "ball.nc"))
    assert [(e.t, e.condition, e.before, e.after) for e in loaded.events] == [(e.t, e.condition, e.before, e.after) for e in sol.events]


WRONG = [
    (lambda: sn.Event(k <= 1), "holds neither a field nor time"),
    (lambda: sn.Event(y <= 0, "stop"), "not 'terminate'"),
    (lambda: sn.Event(y <= 0, "terminat"), "Did you mean 'terminate'"),
    (lambda: sn.Event(y <= 0, 3), "not 'terminate', a mapping"),
    (lambda: sn.Event("y <= 0"), "is the text 'y <= 0'"),
    (lambda: sn.Event(True), "truth value"),
    (lambda: sn.Event(y <= 0, {v: "0"}), "new value of v is the text"),
    (lambda: sn.Event(y <= 0, at=0.5), r"write at=\{x: 0.5\}"),
]


@pytest.mark.parametrize(("make", "words"), WRONG)
def test_wrong_events_are_told_by_name(make, words):
    with pytest.raises(sn.ModelError, match=words):
        make()


w = sn.field("w", (t,))
UNFIT = [
    (lambda: sn.solve(oscillator(), events=[sn.Event(w <= 0)]), "holds w, which the model does not have"),
    (lambda: sn.solve(oscillator(), events=[sn.Event(y <= 0, {w: 1})]), "sets w, which is no field or parameter"),
    (lambda: sn.solve(oscillator(), events=[sn.Event(y <= 0, {t: 1})]), "cannot set t"),
    (lambda: sn.solve(oscillator(), events=[sn.Event(y <= sn.parameter("q"))]), "give it a value"),
    (lambda: sn.solve(oscillator(), events=[y <= 0]), "given as sn.Event"),
    (lambda: sn.solve(heat(), resolution=8, events=[sn.Event(u <= 0.5)]), r"say where it is read, sn.Event\(..., at=\{x: 0.5\}\)"),
    (lambda: sn.solve(heat(), resolution=8, events=[sn.Event(u <= 0.5, at={x: 2})]), "outside the domain, 0 to 1"),
    (lambda: sn.solve(heat(), resolution=8, events=[sn.Event(u <= 0.5, {D: u}, at={x: 0.5})]), "a parameter has one value"),
]


@pytest.mark.parametrize(("call", "words"), UNFIT)
def test_events_that_do_not_fit_the_model_are_told_by_name(call, words):
    with pytest.raises(sn.ModelError, match=words):
        call()


def test_backends_without_events_say_what_to_write():
    for method in ("BDF", "DOP853"):
        with pytest.raises(sn.SolveError, match=rf'events are not watched for by {method} .* write method="Tsit5"'):
            sn.solve(oscillator(10.0, sn.Event(y <= 0)), method=method)
    with pytest.raises(sn.SolveError, match="is no sequence"):
        sn.solve(oscillator(), events=3)


def test_the_automatic_choice_is_an_embedded_method():
    """Algebraic equations would get IDA; with events they get a method that watches for them, and says so. Small networks have it anyway."""
    x, z = sn.fields("x z", (sn.coordinates("t"),))
    system = sn.DAESystem([sn.Eq(sn.dt(x), -z), sn.Eq(z**3, x**3)], t=(0, 5), initial={x: 1, z: 1})
    watched = sn.solve(system, events=[sn.Event(x <= 0.5, "terminate")], rtol=1e-8)
    assert watched.success and watched.method == "Rodas5P" and "are for the embedded methods" in watched.why
    assert watched.events[0].t == pytest.approx(np.log(2), abs=1e-6)
    network = sn.ReactionNetwork.from_text(["A -> B, 1.0"], initial={"A": 1.0}, t=(0, 5))
    amount = next(f for f in network.fields if f.name == "A")
    sol = sn.solve(network, events=[sn.Event(amount <= 0.5, {amount: 1.0})], rtol=1e-8)
    assert sol.success and sol.method == "Rodas5P" and "reaction network" in sol.why
    np.testing.assert_allclose(np.diff([e.t for e in sol.events]), np.log(2), atol=1e-6)


def test_many_events_cost_little():
    """10^4 noted crossings of a native run: the steps are those without events."""
    counter = itertools.count()

    def conditions(s, state, out):
        next(counter)
        out[0] = state[0]

    events = Events((Watched("x"),), conditions)
    plain = solve(native_lorenz(100.0), Options("Tsit5", rtol=1e-8, saveat=[100.0]))
    run = solve(replace(native_lorenz(100.0), events=events), Options("Tsit5", rtol=1e-8, saveat=[100.0]))
    np.testing.assert_array_equal(plain.y, run.y)
    assert run.stats["steps"] == plain.stats["steps"] and len(run.events) > 30
    assert next(counter) <= 4 * run.stats["steps"] + 40 * len(run.events) + 10


def test_no_warning_where_nothing_is_wrong():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sn.solve(ball(1.5, sn.Event(y <= 0, {v: -0.8 * v})))


@pytest.mark.parametrize("residual", [lambda z: z, lambda z: z + z**3], ids=["solved by hand", "algebraic"])
def test_algebraic_unknowns_are_watched_and_follow(residual):
    """y' = -z, 0 = residual(z) - k*y: at z = 0.3 k doubles, z jumps to its new value and falls to 0.3 once more; SciPy in pieces is the judge."""
    z = sn.field("z", (t,))
    system = sn.DAESystem(
        [sn.Eq(sn.dt(y), -z), sn.Eq(0, residual(z) - k * y)], t=(0, 3), initial={y: 1.0}, events=[sn.Event(z <= 0.3, {k: 2.0})]
    )
    sol = sn.solve(system, rtol=1e-8, atol=1e-10)
    level = residual(0.3)
    times, start, now = [], 1.0, 0.0
    from scipy.optimize import brentq

    for rate in (1.0, 2.0):

        def f(s, w, rate=rate):
            return [-brentq(lambda q: residual(q) - rate * w[0], -1, 5, xtol=1e-15)]

        def hit(s, w, rate=rate):
            return rate * w[0] - level

        hit.terminal = True  # type: ignore[attr-defined]
        piece = solve_ivp(f, (now, 3), [start], "DOP853", rtol=1e-11, atol=1e-13, events=hit)
        now, start = piece.t[-1], piece.y[0, -1]
        times.append(now)
    assert [e.t for e in sol.events] == [pytest.approx(time, abs=1e-6) for time in times]
    assert sol.events[0].parameters == {"k": 2.0} and sol.events[1].parameters == {}


def test_events_and_systems_of_higher_index_do_not_go_together():
    px, py, qx, qy, tension = sn.fields("px py qx qy tension", (t,))
    equations = [
        sn.Eq(sn.dt(px), qx), sn.Eq(sn.dt(py), qy), sn.Eq(sn.dt(qx), -tension * px), sn.Eq(sn.dt(qy), -tension * py - G),
        sn.Eq(px**2 + py**2, 1),
    ]  # fmt: skip
    pendulum = sn.DAESystem(equations, t=(0, 1), initial={px: 1.0, py: 0.0, qx: 0.0, qy: 0.0}, events=[sn.Event(px <= 0)])
    with pytest.raises(sn.SolveError, match="whose index was reduced"):
        sn.solve(pendulum)


def test_effects_bring_about_other_events_and_times_of_discontinuity_are_kept():
    """y falls from 1 and is lifted to 0.7 at 0.2; from t = 1.1 it rises and falls back to -1 at 2, which at once lifts it to 0.7."""
    system = sn.ODESystem(
        [sn.Eq(sn.dt(y), sn.where(t >= 1.1, 5.0, -1.0))], t=(0, 2), initial={y: 1.0},
        events=[sn.Event(y <= 0.2, {y: 0.7}), sn.Event(y >= 2, {y: -1.0})],
    )  # fmt: skip
    sol = sn.solve(system, rtol=1e-9)
    assert [e.index for e in sol.events] == [0, 1, 0, 1, 0, 1, 0][: len(sol.events)]
    exact = [0.8, *(1.42 + 0.26 * j for j in range(3) for _ in range(2))]
    np.testing.assert_allclose([e.t for e in sol.events], exact, atol=1e-12)
    assert sol["y"].values[-1] == pytest.approx(0.7 + 5 * (2 - exact[-1]), abs=1e-10)


@pytest.mark.parametrize("seed", range(8))
def test_random_conditions_against_scipy(seed):
    """Random rotations and level sets, all directions: the same events as SciPy with short steps, none missed, none twice."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(2, 6))
    matrix = generator.normal(size=(n, n))
    matrix = matrix - matrix.T + 0.05 * generator.normal(size=(n, n))
    start, normals, levels = generator.normal(size=n), generator.normal(size=(3, n)), 0.3 * generator.normal(size=3)
    directions = generator.integers(-1, 2, size=3)
    watched = tuple(Watched(f"plane {i}", int(d)) for i, d in enumerate(directions))
    events = Events(watched, lambda s, w, out: out.__setitem__(slice(None), normals @ w + levels))
    problem = Problem(lambda s, w, out: out.__setitem__(slice(None), matrix @ w), start, 0, 4.0, events=events)
    run = solve(problem, Options(["Tsit5", "Vern7", "Rodas5P", "RKC2"][seed % 4], rtol=1e-9, atol=1e-11))
    planes = []
    for i in range(3):

        def plane(s, w, i=i):
            return normals[i] @ w + levels[i]

        plane.direction = int(directions[i])  # type: ignore[attr-defined]
        planes.append(plane)
    judge = solve_ivp(lambda s, w: matrix @ w, (0, 4), start, "DOP853", rtol=1e-12, atol=1e-13, events=planes, max_step=0.1)
    for i in range(3):
        np.testing.assert_allclose([o.t for o in run.events if o.index == i], judge.t_events[i], atol=1e-5)
