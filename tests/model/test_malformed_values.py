"""Malformed models, second part: coefficients without values, conditions that do not fit, equations that say nothing, grids too small.

Each is answered by a named error or a ModelWarning that says what was seen, what was expected and the line to write.
"""
# ruff: noqa: E501 (tables of cases, one case a line)

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.errors import DiscretisationError, ModelError, ModelWarning, SymnumError, TermError

t, x, y = sn.coordinates("t x y")
u, v = sn.fields("u v", (t, x))
s = sn.field("s", (t, y))
D, k = sn.parameters(D=0.1, k=2.0)
WALLS = (sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1}))
RING = (sn.periodic(x),)
uxx, vxx = sn.diff(u, x, 2), sn.diff(v, x, 2)
BOTH = {u: sn.sin(sn.pi * x), v: sn.sin(sn.pi * x)}
WAVE = sn.sin(2 * sn.pi * x)
STEP = sn.where((x > 0.25) & (x < 0.5), 1.0, 0.0)


def heat(**changes: Any) -> Any:
    """A sound heat equation with parts replaced."""
    parts: dict[str, Any] = {
        "equations": [sn.Eq(sn.dt(u), D * uxx)],
        "domain": sn.Domain(t=(0, 1), x=(0, 1)),
        "conditions": WALLS,
        "initial": {u: sn.sin(sn.pi * x)},
    }
    return sn.PDESystem(**(parts | changes))


def sound(*conditions: Any, **changes: Any) -> Any:
    """Two coupled equations of first order whose waves run both ways."""
    equations = [sn.Eq(sn.dt(u), sn.diff(v, x)), sn.Eq(sn.dt(v), sn.diff(u, x))]
    start = {u: sn.sin(sn.pi * x) ** 2, v: 0}
    return heat(equations=equations, conditions=conditions, initial=start, **changes)


def rate(right: Any, **changes: Any) -> Any:
    return heat(equations=[sn.Eq(sn.dt(u), right)], **changes)


def pair(*conditions: Any) -> Any:
    """Two diffusing fields."""
    return heat(equations=[sn.Eq(sn.dt(u), uxx), sn.Eq(sn.dt(v), vxx)], conditions=conditions, initial=BOTH)


def beam(*at_zero: Any) -> Any:
    """A fourth-order equation, sound at x = 1."""
    rest = (sn.dirichlet(u, 0, at={x: 1}), sn.neumann(u, 0, at={x: 1}))
    start = {u: sn.sin(sn.pi * x) ** 2}
    return rate(-sn.diff(u, x, 4), conditions=(*at_zero, *rest), initial=start)


def on_grid(system: Any, resolution: int = 16, order: int = 2) -> Any:
    return sn.discretise(system, resolution=resolution, order=order)


Case = tuple[str, Callable[[], Any], type[Exception], list[str]]

VALUES: list[Case] = [
    ("infinite coefficient", lambda: rate(float("inf") * uxx), ModelError, ["equation 1", "holds an infinite number", "write a number or a parameter"]),
    ("infinite boundary value", lambda: heat(conditions=[sn.dirichlet(u, float("inf"), at={x: 0}), WALLS[1]]), ModelError, ["the condition 'u = ", "holds an infinite number"]),
    ("NaN coefficient", lambda: rate(float("nan") * uxx), TermError, ["the number NaN", "check the data"]),
    ("NaN in a robin condition", lambda: sn.robin(u, np.nan, 1, 0, at={x: 0}), ModelError, ["a value of robin is nan", "NaN is never a coefficient"]),
    ("logarithm of zero", lambda: rate(sn.log(sn.rational(0, 1)) * uxx), ModelError, ["equation 1", "log(0), which is -inf", "a coefficient is a finite number"]),
    ("root of a negative parameter", lambda: rate(sn.sqrt(D) * uxx, parameters={"D": -1.0}), ModelError, ["equation 1", "sqrt(D), which is nan for D = -1", 'parameters={"D": 1.0}']),
    ("division by a parameter that is zero", lambda: rate(uxx + u / k, parameters={"k": 0}), ModelError, ["1/k, which is inf for k = 0", 'parameters={"k": 1.0}']),
    ("the same, set later", lambda: rate(uxx + u / k).with_parameters(k=0), ModelError, ["1/k, which is inf for k = 0"]),
    ("the same, set in solve", lambda: sn.solve(rate(uxx + u / k), parameters={"k": 0}), ModelError, ["1/k, which is inf for k = 0"]),
    ("singular at the start", lambda: rate(uxx / t), ModelError, ["equation 1", "1/t, which is inf at t = 0", "change the domain"]),
    ("root of a negative coordinate", lambda: rate(sn.sqrt(x - 0.5) * uxx), ModelError, ["sqrt(-0.5 + x), which is nan at x = 0.0", "sn.where(condition, formula, 0)"]),
    ("logarithm of a negative coordinate", lambda: rate(uxx + u * sn.log(x - 0.5)), ModelError, ["log(-0.5 + x), which is nan"]),
    ("a boundary value without a value", lambda: heat(conditions=[sn.dirichlet(u, sn.sqrt(t - 0.5), at={x: 0}), WALLS[1]]), ModelError, ["the condition 'u = sqrt(-0.5 + t) @ x=0'", "which is nan at t = 0"]),
    ("complex coefficient", lambda: rate(1j * uxx), TermError, ["the number 1j is complex, and terms are real", "two fields or parameters"]),
    ("complex boundary value", lambda: sn.dirichlet(u, 1j, at={x: 0}), ModelError, ["a value of dirichlet is 1j", "two fields or parameters"]),
    ("complex parameter", lambda: sn.parameter("a", 1j), ModelError, ["the parameter a is 1j", "two fields or parameters"]),
    ("initial function with NaN", lambda: on_grid(heat(initial={u: lambda x: np.where(x > 0.5, np.nan, 0.0)})).initial_state(), ModelError, ["the initial condition of u is nan at x=0.5625"]),
]  # fmt: skip

CONDITIONS: list[Case] = [
    ("both coefficients of robin zero", lambda: rate(uxx, conditions=[sn.robin(u, D, k, 0, at={x: 0}), WALLS[1]], parameters={D: 0, k: 0}), ModelError, ["does not depend on u for D = 0, k = 0", "sn.dirichlet(u, 0, at={x: 0})"]),
    ("three for diffusion", lambda: pair(*WALLS, sn.neumann(u, 0, at={x: 1}), sn.dirichlet(v, 0, at={x: 0})), ModelError, ["u has second derivatives in x", "needs 2 conditions on u; 3 were given", "Remove 1"]),
    ("two at one face of a first-order equation", lambda: rate(-sn.diff(u, x), conditions=[WALLS[0], sn.condition(sn.Eq(2 * u, 1), at={x: 0})]), ModelError, ["first derivatives in x", "needs 1 condition on u; 2 were given"]),
    ("one missing for the second field", lambda: pair(*WALLS, sn.dirichlet(v, 0, at={x: 0})), ModelError, ["v has second derivatives in x (equation 2)", "needs 2 conditions on v; 1 was given (x=0)", "at={x: 1}"]),
    ("given twice through coupled conditions", lambda: on_grid(pair(sn.condition(sn.Eq(u + v, 0), at={x: 0}), sn.condition(sn.Eq(2 * u + 2 * v, 0), at={x: 0}), WALLS[1], sn.dirichlet(v, 0, at={x: 1}))), DiscretisationError, ["lower side of x", "singular", "u + v = 0", "2*u + 2*v = 0"]),
    ("three for a pair of waves", lambda: sound(*WALLS, sn.dirichlet(v, 0, at={x: 0})), ModelError, ["needs 1 condition on u; 2 were given"]),
    ("two values at one face", lambda: on_grid(beam(sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 1, at={x: 0}))), DiscretisationError, ["lower side of x", "singular", "-1 + u = 0"]),
    ("one condition, written in two ways", lambda: on_grid(beam(sn.dirichlet(u, 0, at={x: 0}), sn.condition(sn.Eq(3 * u, 0), at={x: 0}))), DiscretisationError, ["singular", "3*u = 0"]),
    ("varies along a foreign coordinate", lambda: heat(conditions=[sn.dirichlet(u, y, at={x: 0}), WALLS[1]]), ModelError, ["'u = y @ x=0' holds y, but u depends on t, x alone", "leave y out"]),
    ("a field of other coordinates", lambda: sn.PDESystem([sn.Eq(sn.dt(u), uxx), sn.Eq(sn.dt(s), sn.diff(s, y, 2))], domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)), conditions=[sn.condition(sn.Eq(u * s, 1), at={x: 0}), WALLS[1], sn.periodic(y)], initial={u: 0, s: 1}), ModelError, ["holds s, which varies along y, but u depends on t, x alone", 'sn.field("u", (t, x, y))']),
    ("the value is the field itself", lambda: heat(conditions=[sn.dirichlet(u, u, at={x: 0}), WALLS[1]]), ModelError, ["'u = u @ x=0' does not depend on u", "sn.dirichlet(u, 0, at={x: 0})"]),
    ("the value holds a power of the field", lambda: heat(conditions=[sn.dirichlet(u, u**2, at={x: 0}), WALLS[1]]), ModelError, ["'u = u^2 @ x=0' is not linear in u"]),
    ("on the velocity", lambda: sn.dirichlet(sn.dt(u), 0, at={x: 0}), ModelError, ["dirichlet takes a field, got the expression dt(u)"]),
    ("third derivative for a beam's fourth", lambda: beam(sn.dirichlet(u, 0, at={x: 0}), sn.condition(sn.Eq(sn.diff(u, x, 4), 0), at={x: 0})), ModelError, ["holds a fourth derivative in x", "up to the third derivative"]),
    ("a mapping of conditions", lambda: heat(conditions={x: 0}), ModelError, ["conditions is a mapping", "conditions=[sn.dirichlet(u, 0, at={x: 0}), ...]"]),
]  # fmt: skip

EQUATIONS: list[Case] = [
    ("both sides equal", lambda: heat(equations=[sn.Eq(sn.dt(u), sn.dt(u))]), ModelError, ["equation 1 (dt(u) = dt(u)) comes to 0 = 0, which holds always", "sn.Eq(sn.dt(u), ...)"]),
    ("0 = 1", lambda: heat(equations=[sn.Eq(0, 1)]), ModelError, ["equation 1 (0 = 1) holds no field"]),
    ("the same equation twice", lambda: heat(equations=[sn.Eq(sn.dt(u), uxx + v), sn.Eq(sn.dt(u), uxx + v)], initial=BOTH), ModelError, ["equation 2 (dt(u) = v + dxx(u)) says the same as equation 1", "remove one"]),
    ("the same equation with sides exchanged", lambda: heat(equations=[sn.Eq(sn.dt(u), uxx + v), sn.Eq(uxx + v, sn.dt(u))], initial=BOTH), ModelError, ["says the same as equation 1"]),
    ("one rate given twice", lambda: heat(equations=[sn.Eq(sn.dt(u), uxx + v), sn.Eq(sn.dt(u), v)], initial=BOTH), ModelError, ["equations 1 and 2 hold 1 time derivative (dt(u)) for 2 equations"]),
    ("the rate cancels", lambda: rate(sn.dt(u) + uxx), ModelError, ["equation 1 cannot be solved for dt(u)", "no time derivative on the right"]),
    ("a mapping of equations", lambda: heat(equations={u: uxx}), ModelError, ["equations is a mapping", "equations=[sn.Eq(left, right), ...]"]),
    ("derivative along a parameter", lambda: sn.diff(u, D), TermError, ["u does not hold the parameter D", "Derivatives go along coordinates", "sn.diff(u, x)"]),
    ("an interval without measure", lambda: heat(domain=sn.Domain(t=(0, 1), x=(0, 1e200)), conditions=RING), ModelError, ["the interval of x is 1e+200 long", "Choose a unit of x"]),
    ("derivative in time of a parameter", lambda: sn.dt(D), ModelError, ["dt(D): no field in it depends on time"]),
]  # fmt: skip

GRIDS: list[Case] = [
    ("three cells", lambda: on_grid(heat(), 3), DiscretisationError, ["resolution=3 along x is too small", "at least 4 cells"]),
    ("order 4 on five cells", lambda: on_grid(heat(), 5, 4), DiscretisationError, ["along x", "raise resolution"]),
    ("order 6 on six cells", lambda: on_grid(heat(), 6, 6), DiscretisationError, ["along x", "raise resolution"]),
    ("a beam on four cells", lambda: on_grid(beam(sn.dirichlet(u, 0, at={x: 0}), sn.neumann(u, 0, at={x: 0})), 4), DiscretisationError, ["along x", "raise resolution"]),
    ("an initial array of another grid", lambda: on_grid(heat(initial={u: np.zeros(5)})).initial_state(), ModelError, ["the initial array of u has shape (5,), the grid (x) has (17,)"]),
]  # fmt: skip

GROUPS = {"values": VALUES, "conditions": CONDITIONS, "equations": EQUATIONS, "grids": GRIDS}
CASES = [pytest.param(*case[1:], id=f"{group}: {case[0]}") for group, cases in GROUPS.items() for case in cases]


@pytest.mark.parametrize(("build", "kind", "parts"), CASES)
def test_answers_with_a_named_error(build: Callable[[], Any], kind: type[Exception], parts: list[str]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(kind) as caught:
            build()
    assert isinstance(caught.value, SymnumError)
    message = str(caught.value)
    for part in parts:
        assert part in message, f"{part!r} is not in {message!r}"
    assert len(message) < 700
    for internal in ("Need", "Parts", "Const(", "outward", "Traceback"):
        assert internal not in message


Warned = tuple[str, Callable[[], Any], list[str]]

WARNED: list[Warned] = [
    ("pole on the grid", lambda: rate(uxx + u / x, domain=sn.Domain(t=(0, 1), x=(-1, 1)), conditions=[sn.dirichlet(u, 0, at={x: -1}), WALLS[1]]), ["equation 1", "1/x, which is singular inside the domain, near x = 0", "sn.where(condition, formula, value)"]),
    ("pole between the grid's points", lambda: rate(uxx + u / (x - 0.3)), ["1/(-0.3 + x)", "near x = 0.3"]),
    ("pole at a periodic end", lambda: rate(uxx + u * sn.log(x), conditions=RING, initial={u: WAVE}), ["log(x)", "near x = 0"]),
    ("negative diffusivity", lambda: heat(parameters={"D": -0.1}), ["the diffusion of u along x is D = -0.1 < 0", "k > 0"]),
    ("negative diffusivity set later", lambda: heat().with_parameters(D=-0.1), ["the diffusion of u along x is D = -0.1 < 0"]),
    ("diffusivity that changes its sign", lambda: rate((x - 0.5) * uxx), ["ill-posed along x", "near x = 0.1667", "Check the sign of the highest derivatives"]),
    ("negative diffusivity in flux form", lambda: rate(-sn.diff((1 + u**2) * sn.diff(u, x), x)), ["ill-posed along x", "waves of length 0.01"]),
    ("fourth derivative of the wrong sign", lambda: rate(sn.diff(u, x, 4), conditions=RING, initial={u: WAVE}), ["ill-posed along x", "-k*sn.diff(u, x, 4)"]),
    ("Laplace's equation as a wave", lambda: heat(equations=[sn.Eq(sn.dt(u, 2), -uxx)], initial={u: sn.sin(sn.pi * x), sn.dt(u): 0}), ["ill-posed along x"]),
    ("strong cross diffusion", lambda: heat(equations=[sn.Eq(sn.dt(u), uxx + 5 * vxx), sn.Eq(sn.dt(v), 5 * uxx + vxx)], conditions=RING, initial={u: WAVE, v: 0}), ["ill-posed along x"]),
    ("diffusivity zero with conditions", lambda: heat(parameters={"D": 0}), ["the diffusion of u along x is D = 0", "no longer fit", "Give D a positive value"]),
    ("a jump for a third derivative", lambda: rate(-sn.diff(u, x, 3), conditions=RING, initial={u: STEP}), ["jumps by 1 at x = 0.25", "ripples", "sn.tanh((x - 0.25)/0.05)"]),
    ("a jump for a fourth derivative", lambda: rate(-sn.diff(u, x, 4), conditions=RING, initial={u: STEP}), ["jumps by 1 at x = 0.25", "fourth derivatives"]),
    ("a jump for a wave", lambda: heat(equations=[sn.Eq(sn.dt(u, 2), uxx)], conditions=RING, initial={u: STEP, sn.dt(u): 0}), ["jumps by 1", "waves carry it along"]),
    ("a jump for advection", lambda: rate(-sn.diff(u, x), conditions=RING, initial={u: STEP}), ["jumps by 1", 'scheme="upwind"']),
    ("a jump in two dimensions", lambda: _jump_in_two_dimensions(), ["jumps by 1 at ", "advection"]),
    ("against the boundary value", lambda: heat(initial={u: 1 + x}), ["contradicts the boundary condition 'u = 0 @ x=0'", "differ by 1"]),
    ("a coefficient of a condition that vanishes in time", lambda: heat(conditions=[WALLS[0], sn.robin(u, t - 0.5, 0, 0, at={x: 1})]), ["loses u near t = 0.5", "keep its sign", "sn.dirichlet(u, 0, at={x: 1})"]),
    ("a coefficient of a condition that is zero at the start", lambda: heat(conditions=[WALLS[0], sn.robin(u, t, 0, 0, at={x: 1})]), ["loses u near t = 0,", "keep its sign"]),
    ("two conditions at the wrong side for a third derivative", lambda: rate(-sn.diff(u, x, 3), conditions=[*WALLS, sn.neumann(u, 0, at={x: 0})], initial={u: sn.sin(sn.pi * x) ** 2}), ["the coefficient -1", "belong to upper(x) and one to lower(x)", "at={x: 1}"]),
    ("the same with the other sign", lambda: rate(sn.diff(u, x, 3), conditions=[*WALLS, sn.neumann(u, 0, at={x: 1})], initial={u: sn.sin(sn.pi * x) ** 2}), ["the coefficient 1", "belong to lower(x)", "at={x: 0}"]),
    ("both conditions of a pair of waves at one side", lambda: sound(WALLS[0], sn.dirichlet(v, 0, at={x: 0})), ["1 of the waves along x enter at lower(x) and 1 at upper(x), but 2 and 0", "as many conditions at each side"]),
    ("a condition at the outflow", lambda: rate(-sn.diff(u, x), conditions=[WALLS[1]]), ["it enters at lower(x)", "at={x: 0}"]),
    ("unequal ends", lambda: heat(conditions=RING, initial={u: x}), ["x is periodic", "differs by 1 between x=0 and x=1"]),
]  # fmt: skip


def _jump_in_two_dimensions() -> Any:
    p = sn.field("p", (t, x, y))
    disc = sn.where((x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.04, 1.0, 0.0)
    return sn.PDESystem(
        [sn.Eq(sn.dt(p), -sn.diff(p, x))],
        domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
        conditions=[sn.periodic(x), sn.periodic(y)],
        initial={p: disc},
    )


@pytest.mark.parametrize(("build", "parts"), [pytest.param(*case[1:], id=case[0]) for case in WARNED])
def test_warns_of_what_can_be_solved_but_not_well(build: Callable[[], Any], parts: list[str]) -> None:
    with pytest.warns(ModelWarning) as caught:
        build()
    messages = [str(w.message) for w in caught if issubclass(w.category, ModelWarning)]
    assert any(all(part in message for part in parts) for message in messages), messages
    assert all(len(message) < 700 for message in messages)
    assert all(w.filename == __file__ for w in caught)  # the user's line, not ours


SOUND: list[tuple[str, Callable[[], Any]]] = [
    ("pole at a wall", lambda: rate(uxx + sn.diff(u, x) / x)),
    ("guarded pole", lambda: rate(uxx + sn.where(x > 0.1, u / (x - 0.05), 0))),
    ("jump that diffusion smooths", lambda: heat(conditions=RING, initial={u: STEP})),
    ("steep but smooth", lambda: rate(-sn.diff(u, x), conditions=RING, initial={u: sn.where(WAVE > 0, WAVE**2, 0)})),
    ("Schroedinger's equation", lambda: heat(equations=[sn.Eq(sn.dt(u), -vxx), sn.Eq(sn.dt(v), uxx)], conditions=RING, initial={u: WAVE, v: 0})),
    ("weak cross diffusion", lambda: heat(equations=[sn.Eq(sn.dt(u), uxx + vxx / 2), sn.Eq(sn.dt(v), uxx / 2 + vxx)], conditions=RING, initial={u: WAVE, v: 0})),
    ("backward diffusion under fourth derivatives", lambda: rate(-uxx - D * sn.diff(u, x, 4), conditions=RING, initial={u: WAVE})),
    ("two conditions at the right side for a third derivative", lambda: rate(-sn.diff(u, x, 3), conditions=[*WALLS, sn.neumann(u, 0, at={x: 1})], initial={u: sn.sin(sn.pi * x) ** 2})),
    ("a Robin condition whose first coefficient vanishes", lambda: heat(conditions=[WALLS[0], sn.robin(u, t, 1, -sn.pi, at={x: 1})])),
    ("sound between soft walls", lambda: sound(*WALLS)),
    ("sound between a soft and a hard wall", lambda: sound(WALLS[0], sn.dirichlet(v, 0, at={x: 1}))),
    ("porous medium", lambda: rate(sn.diff(u * sn.diff(u, x), x))),
    ("waves of a damped string", lambda: heat(equations=[sn.Eq(sn.dt(u, 2) + sn.dt(u), uxx)], initial={u: sn.sin(sn.pi * x), sn.dt(u): 0})),
    ("no diffusion, no conditions", lambda: heat(conditions=RING, initial={u: WAVE}, parameters={"D": 0})),
]  # fmt: skip


@pytest.mark.parametrize("build", [pytest.param(case[1], id=case[0]) for case in SOUND])
def test_sound_models_pass_without_a_word(build: Callable[[], Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        build()


def test_there_are_enough_of_them() -> None:
    assert len(CASES) + len(WARNED) >= 60
