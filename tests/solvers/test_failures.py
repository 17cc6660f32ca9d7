"""Whatever goes wrong ends in a sentence, with everything up to it kept."""

from __future__ import annotations

import math
import os
import signal
import threading

import numpy as np
import pytest

from symnum.errors import SolveError, UnknownName
from symnum.solvers.backend import backend_of, backends, methods, solve
from symnum.solvers.embedded.method import methods as embedded_methods
from symnum.solvers.embedded.stochastic.method import stochastic_methods
from symnum.solvers.problem import STATISTICS, Options, Problem
from tests.solvers.problems import native_lorenz, oscillator

#: They need more than a function f; their faults are in test_faults.
STRUCTURED = [name for name, m in embedded_methods().items() if m.split or m.exponential or m.fixed_step]
STRUCTURED += list(stochastic_methods())  # these need noise: test_stochastic_*
EVERY = [name for b in backends() if b != "julia" for name in methods(b) if name not in STRUCTURED]  # Julia: test_julia_solves
EMBEDDED = [name for name in methods("embedded") if name not in STRUCTURED]


def sane(run):
    """What every outcome keeps to, failed or not."""
    assert run.t.shape == (len(run.y),) and np.isfinite(run.y).all()
    assert set(run.stats) == set(STATISTICS)
    assert run.message and run.t[0] == 0.0
    return True


@pytest.mark.parametrize("method", EVERY)
def test_nan_from_some_time_on(method):
    """Time and index of the NaN are told; the steps before it are kept."""

    def rhs(t, y, out):
        out[:] = -y
        if t > 0.5:
            out[1] = math.nan

    run = solve(Problem(rhs, [1.0, 2.0, 3.0], 0, 2.0), Options(method, every_step=True))
    assert sane(run) and not run.success
    assert run.failure_index == 1 and 0.5 < run.failure_time < 0.7
    assert 0.3 < run.t[-1] <= 0.5 and "NaN" in run.message and "Check" in run.message
    np.testing.assert_allclose(run.y[-1], np.exp(-run.t[-1]) * np.array([1, 2, 3]), rtol=1e-3)


@pytest.mark.parametrize("method", EMBEDDED)
@pytest.mark.parametrize("call", [1, 2, 20])
def test_one_nan_is_survived_unless_it_is_the_first(method, call):
    """A single NaN in a trial step shortens the step; a NaN at the start stops the solve at once."""
    calls = []

    def rhs(t, y, out):
        calls.append(t)
        oscillator(t, y, out)
        if len(calls) == call:
            out[0] = math.nan

    run = solve(Problem(rhs, [1.0, 0.0], 0, 3.0), Options(method))
    assert sane(run)
    if call == 1:
        assert not run.success and run.t.tolist() == [0.0]
    else:
        assert run.success and run.y[-1, 0] == pytest.approx(math.cos(3), abs=1e-3)


@pytest.mark.parametrize("method", EVERY)
@pytest.mark.filterwarnings("ignore:overflow")
def test_blow_up_in_finite_time(method):
    """y' = y^2, y(0) = 1 has no solution beyond t = 1. Rodas3 is exact for it, beyond the pole too, and gets y' = y^3/2."""

    def rhs(t, y, out):
        out[:] = y**3 / 2 if method == "Rodas3" else y * y

    run = solve(Problem(rhs, [1.0], 0, 2.0), Options(method, rtol=1e-5, every_step=True))
    assert sane(run) and not run.success
    assert run.t[-1] == pytest.approx(1.0, abs=1e-2) and run.y[-1, 0] > 1e3
    assert "ending the interval earlier" in run.message or "index 0" in run.message


@pytest.mark.parametrize("method", EVERY)
def test_step_limit(method):
    run = solve(Problem(oscillator, [1.0, 0.0], 0, 1e3), Options(method, max_steps=30, every_step=True))
    assert sane(run) and not run.success
    assert run.stats["steps"] + run.stats["rejected"] == 30 == len(run.t) - 1 + run.stats["rejected"]
    assert "max_steps = 30" in run.message and "larger max_steps" in run.message


@pytest.mark.parametrize("method", EMBEDDED)
def test_step_collapse_at_an_unannounced_jump(method):
    """f is a new random function at every call: no step is ever good enough."""
    generator = np.random.default_rng(1)

    def rhs(t, y, out):
        out[:] = generator.normal(size=2) * 1e25

    run = solve(Problem(rhs, [1.0, 1.0], 1.0, 2.0), Options(method))
    assert not run.success and "too small" in run.message and "index" not in run.message
    assert run.t[0] == 1.0 and np.isfinite(run.y).all()


@pytest.mark.parametrize("method", EVERY)
def test_interrupt_keeps_the_partial_result(method):
    """Ctrl-C inside a Python right-hand side."""

    def rhs(t, y, out):
        if t > 1.0:
            raise KeyboardInterrupt
        oscillator(t, y, out)

    run = solve(Problem(rhs, [1.0, 0.0], 0, 3.0), Options(method, every_step=True))
    assert sane(run) and not run.success and "interrupted" in run.message
    assert 0.05 < run.t[-1] <= 1.0


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_stops_native_code():
    """A run of hours answers to SIGINT within a fraction of a second."""
    problem = native_lorenz(1e7)
    timer = threading.Timer(0.15, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    run = solve(problem, Options("Tsit5", rtol=1e-8))
    timer.join()
    assert sane(run) and "interrupted" in run.message
    assert run.t[-1] > 10 and run.stats["solve_seconds"] < 2.0


@pytest.mark.parametrize("method", EVERY)
def test_exceptions_of_the_right_hand_side_come_through(method):
    def rhs(t, y, out):
        raise RuntimeError("my own mistake")

    with pytest.raises(RuntimeError, match="my own mistake"):
        solve(Problem(rhs, [1.0], 0, 1.0), Options(method))


def test_progress_is_told_and_may_interrupt():
    told = []

    def progress(t):
        told.append(t)
        if len(told) == 3:
            raise KeyboardInterrupt

    run = solve(native_lorenz(1e7), Options("Tsit5", progress=progress, saveat=[0.0, 0.001, 1e7]))
    assert told == sorted(told) and len(told) == 3
    assert run.t[-1] == told[-1] and run.t[:2].tolist() == [0.0, 0.001]


def test_given_dt_is_the_first_step():
    run = solve(Problem(oscillator, [1.0, 0.0], 0, 1.0), Options("Tsit5", dt=0.003, every_step=True))
    assert run.t[1] == pytest.approx(0.003, rel=1e-12) and run.t[2] - run.t[1] > 0.003


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Problem(oscillator, [1.0, math.nan], 0, 1), "index 1"),
        (lambda: Problem(oscillator, [[1.0]], 0, 1), "shape"),
        (lambda: Problem(oscillator, [], 0, 1), "shape"),
        (lambda: Problem(oscillator, ["a"], 0, 1), "numbers"),
        (lambda: Problem(oscillator, [1.0], 0, 0), "empty"),
        (lambda: Problem(oscillator, [1.0], 0, math.inf), "not finite"),
        (lambda: Problem(oscillator, [1.0], 0, 1, breakpoints=(2.0,)), "breakpoint 2.0"),
        (lambda: Options(rtol=0.0), "rtol=1e-6"),
        (lambda: Options(atol=-1.0), "atol=1e-8"),
        (lambda: Options(dt=math.nan), "dt"),
        (lambda: Options(max_steps=0), "max_steps"),
        (lambda: Options(saveat=[[1.0]]), "saveat"),
        (lambda: solve(Problem(oscillator, [1.0, 0.0], 0, 1), Options(saveat=[0.5, 0.2])), "order"),
        (lambda: solve(Problem(oscillator, [1.0, 0.0], 0, 1), Options(saveat=[0.5, 2.0])), "widen"),
        (lambda: solve(Problem(oscillator, np.ones(5000), 0, 1), Options("LSODA")), "dense Jacobian"),
        (
            lambda: solve(
                Problem(oscillator, [1.0, 0.0], 0, 1, spectral_radius=lambda t, y: math.nan), Options("RKC2")
            ),
            "spectral radius",
        ),
    ],
)
def test_bad_input_is_answered_by_name(make, words):
    with pytest.raises(SolveError, match=words):
        make()


def test_unknown_methods_and_backends_suggest_near_names():
    with pytest.raises(UnknownName, match="Did you mean 'Tsit5'"):
        backend_of("Tsit6")
    with pytest.raises(UnknownName, match="scipy"):
        solve(Problem(oscillator, [1.0, 0.0], 0, 1), Options(), "scypi")
    assert backend_of("bdf") == "scipy" and backend_of("tsit5") == "embedded"
