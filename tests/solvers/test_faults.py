"""Thirty and more faults put into solves: each ends in a sentence that names it, with everything up to it kept.

Kills, damaged files, full disks and closed folders are in ``test_checkpoint``, one NaN at a step k in ``test_failures``.
"""

from __future__ import annotations

import math
import os
import signal
import threading
from dataclasses import replace

import numpy as np
import pytest

import symnum as sn
from symnum.solvers.backend import solve
from symnum.solvers.embedded.method import methods as embedded
from symnum.solvers.embedded.solve import solve as embedded_solve
from symnum.solvers.events import Events, Watched
from symnum.solvers.problem import STATISTICS, Options, Outcome, Problem, empty_statistics
from symnum.watching import negative_amounts
from tests.contracts.cases import TRAVELLING
from tests.solvers.problems import native_lorenz, oscillator

METHODS = sorted(embedded())


def kept(run, words, least=2, end=None):
    """A failure told in these words, with at least so many finite states up to it."""
    assert not run.success and all(word in run.message for word in words), run.message
    assert run.t.shape == (len(run.y),) and len(run.t) >= least and np.isfinite(run.y).all()
    assert set(run.stats) == set(STATISTICS) and run.t[0] == 0.0
    if end is not None:
        assert end[0] <= run.t[-1] <= end[1]
    return True


def case(name):
    """A problem for any method: with a linear part where one is needed."""
    method = embedded()[name]
    plain = Problem(oscillator, [1.0, 0.0], 0, 3, partition=[True, False])
    fitting = TRAVELLING.problem if method.split or method.exponential else plain
    return fitting, Options(name, every_step=True, dt=0.01 if method.fixed_step else None)


def spoilt(problem, fault, since=0.5):
    """The same problem with a fault in f from some time on."""

    def rhs(t, y, out):
        problem.rhs(t, y, out)
        if t > since:
            fault(t, y, out)

    return replace(problem, rhs=rhs)


def put(index, value):
    return lambda t, y, out: out.__setitem__(index, value)


def fails(error):
    def fault(t, y, out):
        raise error

    return fault


# --- faults in f, for every method in each meaning ---


@pytest.mark.parametrize("meaning", ["llvm", "numpy"])
@pytest.mark.parametrize("name", METHODS)
def test_nan_from_some_time_on(name, meaning):
    problem, options = case(name)
    run = embedded_solve(spoilt(problem, put(1, math.nan)), options, meaning)
    assert kept(run, ["NaN", "Check"], end=(0.05, 0.5)) and run.failure_index is not None and 0.4 < run.failure_time < 0.8


@pytest.mark.parametrize("name", METHODS)
def test_infinity_from_some_time_on(name):
    problem, options = case(name)
    run = solve(spoilt(problem, put(0, math.inf)), options)
    assert kept(run, ["the right-hand side gives"], end=(0.05, 0.5)) and run.failure_index is not None and 0.4 < run.failure_time < 0.8


@pytest.mark.parametrize("meaning", ["llvm", "numpy"])
@pytest.mark.parametrize("name", METHODS)
def test_an_exception_in_f_comes_through(name, meaning):
    problem, options = case(name)
    with pytest.raises(ZeroDivisionError, match="my own mistake"):
        embedded_solve(spoilt(problem, fails(ZeroDivisionError("my own mistake"))), options, meaning)


@pytest.mark.parametrize("name", METHODS)
def test_ctrl_c_inside_f(name):
    problem, options = case(name)
    assert kept(solve(spoilt(problem, fails(KeyboardInterrupt())), options), ["interrupted at t = 0.", "is kept"], end=(0.05, 0.5))


@pytest.mark.parametrize("name", METHODS)
def test_the_limit_of_steps(name):
    problem, options = case(name)
    limit = 5
    run = solve(problem, replace(options, max_steps=limit))
    assert kept(run, ["max_steps = 5", "Try a larger max_steps"]) and run.stats["steps"] + run.stats["rejected"] == limit


# --- linear algebra ---


def test_a_jacobian_of_nan_is_named():
    problem = Problem(oscillator, [1.0, 0.0], 0, 3, jacobian=lambda t, y: np.full((2, 2), math.nan))
    for name in ("Rodas5P", "Radau5"):
        run = solve(problem, Options(name, every_step=True))
        assert kept(run, ["t = 0", "Try"], least=1)


def test_a_jacobian_that_raises_comes_through():
    def jacobian(t, y):
        raise ValueError("no derivative")

    with pytest.raises(ValueError, match="no derivative"):
        solve(Problem(oscillator, [1.0, 0.0], 0, 3, jacobian=jacobian), Options("Rodas5P"))


def test_an_algebraic_equation_that_loses_its_unknown():
    """0 = (1 - t) z - 1: dg/dz is singular at t = 1, and z grows without bound."""

    def f(t, y, out):
        out[0], out[1] = y[1], (1 - t) * y[1] - 1

    problem = Problem(f, [0.0, 1.0], 0, 2, differential=np.array([True, False]))
    run = solve(problem, Options("Rodas5P", every_step=True, max_steps=5000))
    assert not run.success and 0.9 < run.t[-1] <= 1.0 + 1e-6 and np.isfinite(run.y).all()


def test_a_spectral_radius_that_is_none():
    problem = Problem(oscillator, [1.0, 0.0], 0, 1, spectral_radius=lambda t, y: -3.0)
    with pytest.raises(sn.SolveError, match=r"spectral radius at t = 0 is -3.0; give a finite number"):
        solve(problem, Options("RKC2"))


# --- events ---


def with_event(watched, condition, end=3.0):
    events = Events((watched,), lambda t, y, out: out.__setitem__(0, condition(t, y)))
    return Problem(oscillator, [1.0, 0.0], 0, end, events=events)


def solved(problem, **options):
    return solve(problem, Options("Tsit5", **{"every_step": True, **options}))


def test_nan_in_a_condition_at_the_start():
    run = solved(with_event(Watched("log(-y)"), lambda t, y: math.nan))
    assert kept(run, ["the condition of the event log(-y) gives NaN at t = 0", "check"], least=1)


@pytest.mark.parametrize("saved", [{}, {"every_step": False, "saveat": [0.0, 0.25, 3.0]}])
def test_nan_in_a_condition_from_some_time_on(saved):
    run = solved(with_event(Watched("a"), lambda t, y: 1.0 if t < 0.6 else math.nan), **saved)
    assert kept(run, ["the condition of the event a gives NaN", "check"], end=(0.25, 0.6))


def test_nan_in_a_condition_beyond_the_event_that_ends_the_run_is_not_met():
    run = solved(with_event(Watched("y <= 0.9", -1, terminal=True), lambda t, y: y[0] - 0.9 if y[0] > 0.2 else math.nan))
    assert run.success and run.t[-1] == pytest.approx(math.acos(0.9), abs=1e-5)


def test_exceptions_in_conditions_and_effects_come_through():
    def condition(t, y):
        if t > 0.5:
            raise ZeroDivisionError("in the condition")
        return 1.0

    with pytest.raises(ZeroDivisionError, match="in the condition"):
        solved(with_event(Watched("a"), condition))

    def effect(t, y, p):
        raise ZeroDivisionError("in the effect")

    with pytest.raises(ZeroDivisionError, match="in the effect"):
        solved(with_event(Watched("b", effect=effect), lambda t, y: y[0] - 0.5))


def test_ctrl_c_in_conditions_and_effects():
    def condition(t, y):
        if t > 0.5:
            raise KeyboardInterrupt
        return 1.0

    assert kept(solved(with_event(Watched("a"), condition)), ["interrupted"])

    def effect(t, y, p):
        raise KeyboardInterrupt

    assert kept(solved(with_event(Watched("b", effect=effect), lambda t, y: y[0] - 0.5)), ["interrupted"])


def test_an_effect_that_gives_nan():
    watched = Watched("y - 1/2", effect=lambda t, y, p: (y * math.nan, p))
    run = solved(with_event(watched, lambda t, y: y[0] - 0.5))
    assert kept(run, ["the effect of the event y - 1/2 at t = 1.047", "gives a state that is not a finite number"])
    assert run.t[-1] == pytest.approx(math.pi / 3, abs=1e-4) and run.failure_index == 0


def test_an_effect_that_gives_a_parameter_of_nan():
    watched = Watched("y - 1/2", effect=lambda t, y, p: (y, np.array([math.inf])))
    problem = replace(with_event(watched, lambda t, y: y[0] - 0.5), parameters=[1.0])
    run = solved(problem)
    assert kept(run, ["gives a parameter that is not a finite number"]) and problem.parameters.tolist() == [1.0]


def test_an_effect_that_throws_the_state_out_of_the_domain():
    t = sn.coordinates("t")
    y = sn.field("y", (t,))
    system = sn.ODESystem([sn.Eq(sn.dt(y), -sn.sqrt(y))], t=(0, 3), initial={y: 4.0}, events=[sn.Event(y <= 1, {y: -y})])
    with pytest.warns(sn.SolveWarning, match=r"gives NaN at t = 2"):
        sol = sn.solve(system, rtol=1e-9)
    assert not sol.success and sol.events[0].t == pytest.approx(2.0, abs=1e-8) and sol["y"].values[-1] == pytest.approx(-1.0)


def test_two_effects_that_undo_each_other_are_named():
    up = Watched("y >= 1", 1, lambda t, y, p: (np.array([-1.5]), p), relation=True)
    down = Watched("y <= -1", -1, lambda t, y, p: (np.array([1.5]), p), relation=True)

    def f(t, y, out):
        out[0] = 1.0

    events = Events((up, down), lambda t, y, out: out.__setitem__(slice(None), [y[0] - 1, y[0] + 1]))
    run = solved(Problem(f, [0.0], 0, 3.0, events=events))
    assert kept(run, ["follow one another ever faster", "t = 1"], end=(0.99, 1.01))


def test_the_limit_of_steps_with_events():
    bounce = Watched("y <= 0", -1, lambda t, y, p: (np.array([0.0, -y[1]]), p), relation=True)
    run = solved(with_event(bounce, lambda t, y: y[0], end=1e6), max_steps=200)
    assert kept(run, ["max_steps = 200"]) and len(run.events) > 5 and run.t[-1] > 20


def test_ctrl_c_in_a_native_run_with_events():
    events = Events((Watched("never"),), lambda t, y, out: out.fill(1.0))
    timer = threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    run = solve(replace(native_lorenz(1e7), events=events), Options("Tsit5", rtol=1e-8))
    timer.join()
    assert kept(run, ["interrupted at t = "]) and run.stats["solve_seconds"] < 3.0


def test_an_event_at_the_very_end_is_noted():
    run = solved(with_event(Watched("t >= 3", 1, lambda t, y, p: (2 * y, p), relation=True), lambda t, y: t - 3.0))
    assert run.success and [o.t for o in run.events] == [3.0] and run.t[-1] == 3.0
    assert run.y[-1, 0] == pytest.approx(math.cos(3), abs=1e-4)


# --- what the model level adds ---


def test_a_negative_amount_is_named():
    """A made-up outcome stands for a method that overshoots: which amount, when, and what to try."""
    network = sn.ReactionNetwork.from_text(["A -> B, 50.0"], initial={"A": 1.0}, t=(0, 4))
    semi = sn.discretise(network).semi
    states = np.array([[1.0, 0.0], [-1e-3, 1.001], [-1e-9, 1.0]])
    outcome = Outcome(np.array([0.0, 1.0, 2.0]), states, True, "", "Tsit5", empty_statistics())
    (note,) = negative_amounts(semi, outcome, Options(rtol=1e-6, atol=1e-8))
    assert "the amount of A becomes negative: -0.001 at t = 1," in note and "Try rtol=1e-08" in note
    fine = replace(outcome, y=np.maximum(states, -1e-9))
    assert negative_amounts(semi, fine, Options(rtol=1e-6, atol=1e-8)) == ()


def test_the_field_and_place_of_a_breakdown_are_named():
    """u_t = u_xx + 1/(0.5 - u) with u rising to 1/2 first in the middle."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), 0.01 * sn.laplacian(u) + sn.log(0.5 - u) + 3)],
        domain=sn.Domain(t=(0, 5), x=(0, 1)),
        conditions=[sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
        initial={u: 0.49 * sn.sin(sn.pi * x)},
    )
    sol = sn.solve(system, resolution=16, method="Tsit5")
    assert sol.success  # log pulls back: no fault, no word
    faulty = system.replace(equations=[sn.Eq(sn.dt(u), 0.01 * sn.laplacian(u) + sn.sqrt(0.5 - u) + 0.5)])
    with pytest.warns(sn.SolveWarning, match=r"gives NaN at t = .*first field affected is u at x=0\.\d+"):
        failed = sn.solve(faulty, resolution=16, method="Tsit5")
    assert not failed.success and np.isfinite(failed["u"].values).all() and failed.t[-1] > 0


def test_a_right_hand_side_may_give_back_its_array():
    """Whatever a Python function returns is not its verdict: an array of several numbers has no truth value."""
    run = solve(Problem(lambda t, y, out: np.negative(y, out), [1.0, 2.0], 0, 1), Options("Tsit5", rtol=1e-8))
    assert run.success
    np.testing.assert_allclose(run.y[-1], np.array([1.0, 2.0]) * math.exp(-1), rtol=1e-7)
