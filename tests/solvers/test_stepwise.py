"""Stepping by hand: the numbers of one solve, changed parameters and states, and what cannot be done told by name."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import symnum as sn
from symnum.errors import SolveError, SymnumError
from symnum.solvers.backend import solve
from symnum.solvers.embedded.method import methods
from symnum.solvers.embedded.stepper import Stepper
from symnum.solvers.problem import Options
from tests.contracts.cases import hundred_steps, options_for

METHODS = sorted(methods())
t, x = sn.coordinates("t x")
y, v = sn.fields("y v", (t,))
u = sn.field("u", (t, x))
k = sn.parameter("k", 1.0)


def oscillator(end=10.0, **more):
    return sn.ODESystem([sn.Eq(sn.dt(y), v), sn.Eq(sn.dt(v), -k * y)], t=(0, end), initial={y: 1.0, v: 0.0}, **more)


def heat():
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.parameter("D", 0.1) * sn.laplacian(u))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
        initial={u: sn.sin(sn.pi * x)},
    )


@pytest.mark.parametrize("name", METHODS)
def test_times_one_after_the_other_give_the_bits_of_one_solve(name):
    """No step ends at a time that is asked for: the steps are those of a solve, so are the values inside them."""
    method = methods()[name]
    problem, options = hundred_steps(method)
    times = np.sort(np.random.default_rng(3).uniform(0, problem.t1, 40))
    given = {"rtol": options.rtol, "atol": options.atol}
    whole = solve(problem, options_for(method, saveat=times, **given))
    stepper = Stepper(problem, options_for(method, **given))
    np.testing.assert_array_equal(np.array([stepper.to(float(time)) for time in times]), whole.y)
    assert stepper.stats().stats["steps"] <= whole.stats["steps"]


@pytest.mark.parametrize("name", ["Tsit5", "Vern7", "RKC2", "Rodas5P"])
def test_steps_are_the_accepted_steps_of_a_solve(name):
    problem, options = hundred_steps(methods()[name])
    whole = solve(problem, options_for(methods()[name], rtol=options.rtol, atol=options.atol, every_step=True))
    stepper = Stepper(problem, Options(name, rtol=options.rtol, atol=options.atol))
    for time, state in zip(whole.t[1:30], whole.y[1:30], strict=True):
        assert stepper.step() == time
        np.testing.assert_array_equal(stepper.y, state)


def test_steps_and_times_may_be_mixed():
    """A time inside a step that was taken already, then the rest of that step."""
    run, other = sn.integrator(oscillator(), rtol=1e-8), sn.integrator(oscillator(), rtol=1e-8)
    for _ in range(5):
        run.step()
        other.step()
    middle = run.t + 1e-9
    run.solve_to(middle)
    assert run.t == middle and run["y"] == pytest.approx(np.cos(middle), abs=1e-7)
    assert run.step() == other.step()
    np.testing.assert_array_equal(run.y, other.y)


def test_vern7_computes_its_extra_stages_when_a_time_is_asked_for_afterwards():
    run = sn.integrator(oscillator(), rtol=1e-10, method="Vern7")
    before = run.t
    for _ in range(6):
        before = run.t
        run.step()
    middle = 0.5 * (before + run.t)
    fresh = sn.integrator(oscillator(), rtol=1e-10, method="Vern7")
    assert fresh.solve_to(middle)[0] == pytest.approx(np.cos(middle), abs=1e-9)


def test_parameters_change_on_the_way():
    """k jumps from 1 to 4 at t = 2: SciPy in two pieces is the judge."""
    run = sn.integrator(oscillator(), rtol=1e-10, atol=1e-12)
    run.solve_to(2.0)
    run.set_parameters(k=4.0)
    assert run.parameters == {"k": 4.0} and run.t == 2.0
    run.solve_to(5.0)
    first = solve_ivp(lambda s, w: [w[1], -w[0]], (0, 2), [1, 0], rtol=1e-12, atol=1e-13)
    second = solve_ivp(lambda s, w: [w[1], -4 * w[0]], (2, 5), first.y[:, -1], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(run.y, second.y[:, -1], atol=1e-9)
    sol = run.solution()
    assert sol.success and sol.t.tolist() == [0.0, 2.0, 5.0] and sol["y"].values[-1] == run["y"]
    assert sn.solve(oscillator(2.0), saveat=[2.0])["y"].values[0] == pytest.approx(np.cos(2.0), abs=1e-5)  # nothing has stuck


def test_the_state_changes_on_the_way():
    run = sn.integrator(heat(), resolution=16, method="Tsit5", rtol=1e-8)
    run.solve_to(0.3)
    points = np.linspace(0, 1, 17)
    run.set_state(u=np.sin(2 * np.pi * points))
    run.solve_to(0.5)
    decay = 0.1 * 16**2 * 2 * (1 - np.cos(2 * np.pi / 16))
    np.testing.assert_allclose(run["u"], np.sin(2 * np.pi * points) * np.exp(-0.2 * decay), atol=1e-6)
    run.set_state(u=0.0)
    run.step()
    assert not run.y.any() and run.fields["u"].shape == (17,)


def test_breakpoints_and_the_end():
    system = sn.ODESystem([sn.Eq(sn.dt(y), sn.where(t >= 1, 1.0, 0.0))], t=(0, 2), initial={y: 0.0})
    run = sn.integrator(system)
    ends = [run.step() for _ in range(3)]
    while not run.ended:
        ends.append(run.step())
    assert 1.0 in ends and ends[-1] == 2.0 and run["y"] == pytest.approx(1.0, abs=1e-12)
    with pytest.raises(sn.SolveError, match="cannot go on from t = 2: reached the end"):
        run.step()
    run.set_state(y=5.0)  # at the end nothing follows, and that is told again
    assert run.solution()["y"].values[-1] == 5.0


def test_events_happen_while_stepping():
    ball = sn.ODESystem(
        [sn.Eq(sn.dt(y), v), sn.Eq(sn.dt(v), -9.81)],
        t=(0, 2),
        initial={y: 1.0, v: 0.0},
        events=[sn.Event(y <= 0, {v: -0.8 * v})],
    )
    run = sn.integrator(ball, rtol=1e-9)
    run.solve_to(1.0)
    fall = np.sqrt(2 / 9.81)
    up = 0.8 * 9.81 * fall
    assert run["y"] == pytest.approx(up * (1 - fall) - 9.81 / 2 * (1 - fall) ** 2, abs=1e-9)
    assert [e.t for e in run.events] == [pytest.approx(fall, abs=1e-12)]
    assert run["y"] == sn.solve(ball, saveat=[1.0, 1.5], rtol=1e-9)["y"].values[0]
    assert run.solution().events[0].condition == "y <= 0"


def test_a_terminal_event_and_a_failure_end_the_run():
    run = sn.integrator(oscillator(), events=[sn.Event(y <= 0, "terminate")], rtol=1e-9)
    run.solve_to(5.0)
    assert run.t == pytest.approx(np.pi / 2, abs=1e-8) and "y <= 0 ended the solve" in run.ended
    with pytest.raises(sn.SolveError, match="cannot go on"):
        run.solve_to(6.0)
    log = sn.integrator(sn.ODESystem([sn.Eq(sn.dt(y), sn.log(y) - 1)], t=(0, 2), initial={y: 1.0}))
    log.solve_to(1.5)
    assert 0.3 < log.t < 1.0 and "NaN" in log.ended and not log.solution().success


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda run: run.solve_to(-1.0), sn.SolveError, "lies before the present time 1"),
        (lambda run: run.solve_to(11.0), sn.SolveError, "beyond the interval, which ends at 10"),
        (lambda run: run.solve_to(float("nan")), sn.SolveError, "nan is not a finite time; give one from 1 to 10"),
        (lambda run: run.set_parameters(q=1), sn.UnknownName, "no parameter 'q'"),
        (lambda run: run.set_state([1.0]), sn.SolveError, r"shape \(1,\), expected \(2,\)"),
        (lambda run: run.set_state(z=1), sn.UnknownName, "no field 'z'"),
        (lambda run: run.set_state(y=np.ones(3)), sn.SolveError, "y is given with shape"),
        (lambda run: run.set_state(y=np.nan), sn.SolveError, "value of y that is not finite"),
        (lambda run: run["w"], sn.UnknownName, "no field 'w'"),
        (lambda run: sn.integrator(oscillator(), method="BDF"), sn.SolveError, 'whole solves only; write method="Tsit5"'),
        (lambda run: sn.integrator(3), sn.SolveError, "takes a system"),
        (lambda run: sn.integrator(oscillator(), metod="Tsit5"), sn.UnknownOption, "method"),
    ],
)
def test_what_cannot_be_done_is_told_by_name(make, error, words):
    run = sn.integrator(oscillator())
    run.solve_to(1.0)
    with pytest.raises(error, match=words), warnings.catch_warnings():
        make(run)


def test_long_runs_need_not_be_kept():
    run = sn.integrator(oscillator(), keep=False, rtol=1e-9)
    values = [run.solve_to(time)[0] for time in (1.0, 2.0, 3.0)]
    np.testing.assert_allclose(values, np.cos([1.0, 2.0, 3.0]), atol=1e-7)
    with pytest.raises(sn.SolveError, match="keep=False"):
        run.solution()


def test_a_loop_over_steps_ends_where_the_run_has_ended():
    fallen = sn.integrator(oscillator(), events=[sn.Event(y <= 0, "terminate")])
    with pytest.raises(SolveError, match=r"cannot go on from t = 1\.5708: the event y <= 0"):
        while fallen.t < 5:
            fallen.step()
    done = sn.integrator(oscillator(1.0))
    done.solve_to(1.0)
    with pytest.raises(SolveError, match="reached the end of the interval"):
        done.step()
    inside = sn.integrator(oscillator(1.0))
    inside.solve_to(0.999)
    while inside.t < 1.0:
        inside.step()
    assert inside.y[0] == pytest.approx(np.cos(1.0), abs=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.solve_to("a"), "t is 'a', expected a number"),
        (lambda run: run.solve_to(None), "t is None, expected a number"),
        (lambda run: run.solve_to(np.inf), "t = inf is not a finite time; give one from 0 to 10"),
        (lambda run: run.set_parameters(k="a"), "k has the value 'a', expected a finite number"),
        (lambda run: run.set_parameters(k=np.nan), "k has the value nan, expected a finite number"),
    ],
)
def test_what_is_no_number_is_told_by_name(call, message):
    run = sn.integrator(oscillator())
    with pytest.raises(SymnumError, match=message):
        call(run)
    assert run.t == 0.0 and run.parameters == {"k": 1.0}


def test_a_constant_term_is_a_parameter_value():
    run = sn.integrator(oscillator())
    run.set_parameters(k=sn.pi / 2)
    assert run.parameters == {"k": np.pi / 2}
