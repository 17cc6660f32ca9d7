"""Stochastic equations: what is chosen, what ends a run, and what is refused."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

import symnum as sn
from symnum.solvers.backend import solve
from symnum.solvers.noise import Given, Noise
from symnum.solvers.problem import Options, Problem
from tests.solvers.stochastic_problems import growth, pair, sigma, t, u, v, x


def test_noise_written_in_python_may_raise() -> None:
    def broken(t, y, out):
        raise RuntimeError("the noise is broken")

    problem = Problem(
        lambda t, y, out: None, np.ones(2), 0.0, 1.0, noise=Noise(2, True, Given(broken), commutative=True)
    )
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


# --- choice and refusals ---


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
    """With steps of its own choice it is refused: the estimate does not see iterated integrals of two processes, at no tolerance."""
    fixed = {"method": "SOSRI", "seed": 1, "dt": 0.05, "options": {"adaptive": False}}
    with pytest.warns(sn.SolveWarning, match="strong order 1/2"):
        assert sn.solve(pair({u: v, v: u}), **fixed).success
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sn.solve(pair({u: u, v: v}), **fixed)


def test_steps_too_long_for_stability_are_told() -> None:
    w = sn.field("w", (t, x))
    system = sn.SDESystem(
        [sn.Eq(sn.dt(w), sn.diff(w, x, 2))],
        noise={w: 0.1},
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={w: 0.0},
    )
    with pytest.warns(sn.SolveWarning, match=r"EM is unstable with dt=0.02: write a smaller one"):
        sn.solve(system, resolution=32, method="EM", dt=0.02, seed=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        sn.solve(system, resolution=32, method="EM", dt=0.0004, seed=1)


def test_what_algorithms_of_julia_take_is_known_without_julia() -> None:
    noise = Noise(1, True, Given(lambda t, y, out: None), commutative=True)
    problem = Problem(lambda t, y, out: None, np.ones(1), 0.0, 1.0, noise=noise)
    for method in ("SOSRA", "SRA1", "skencarp"):
        with pytest.raises(sn.SolveError, match='do not depend on the fields, and here they do; write method="SOSRI"'):
            solve(problem, Options(method=method), "julia")


def test_advice_leads_somewhere() -> None:
    """SOSRI is offered only where it takes the noise."""
    for noise in ({u: [v, 1.0], v: [u, v]}, {u: v, v: u}, {u: [u, u], v: [v, v]}):
        with pytest.raises(sn.SolveError) as caught:
            sn.solve(pair(noise))
        assert "SOSRI" not in str(caught.value) and "dt=0.001" in str(caught.value)


REFUSED = [
    (lambda: sn.solve(growth(), method="Tsit5"), 'Tsit5 solves ordinary ones; write method="SOSRI"'),
    (lambda: sn.solve(growth(), method="EM"), "write for example dt=0.001"),
    (lambda: sn.solve(pair({u: [v, 1.0], v: [u, v]})), "EM keeps a fixed step"),
    (lambda: sn.solve(pair({u: [v, 1.0], v: [u, v]}), method="SOSRI"), 'Write method="EM" with dt=0.001'),
    (lambda: sn.solve(pair({u: [u, u], v: [v, v]}), method="SRIW1"), 'or method="Milstein"'),
    (lambda: sn.solve(pair({u: v, v: u}), method="Milstein", dt=0.1), "coefficients commute"),
    (lambda: sn.solve(pair({u: v, v: u}), method="SOSRI", seed=1), "the error would be the same for every rtol"),
    (lambda: sn.solve(growth(), method="SOSRI", options={"adaptive": "no"}), "neither True nor False"),
    (lambda: sn.solve(growth(), method="EM", dt=1e-300), "makes more than 1e+15 steps"),
    (lambda: sn.solve(growth(), seed="1"), "whole number >= 0"),
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
