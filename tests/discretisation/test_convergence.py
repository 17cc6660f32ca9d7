"""Manufactured solutions: every kind of condition keeps order 2, measured on whole solves with boundary points included.

A solution is chosen, its source follows by differentiation: u_t = A(u) + (exact_t - A(exact)).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import symnum as sn
from tests.discretisation.samples import T, U, V, W, X, Y, fitted_order, solution_error

EXACT = sn.exp(-T / 2) * sn.cos(2 * X + sn.rational(1, 2)) + X / 3
END = 0.3
LOW, HIGH = {X: 0}, {X: 1}
SPACE = {"x": (0, 1), "y": (0, 1)}


def manufactured(
    operators: dict[Any, Callable[..., Any]], exact: dict[Any, Any], conditions: list[Any], second: bool = False
) -> Any:
    """The system d(field)/dt = operator(fields) + source with the exact solution given; ``second``: d2/dt2."""
    n = 2 if second else 1
    equations, initial = [], {}
    for field, operator in operators.items():
        source = sn.diff(exact[field], T, n) - operator(**{f.name: e for f, e in exact.items()})
        equations.append(sn.Eq(sn.dt(field, n), operator(**{f.name: f for f in exact}) + source))
        initial[field] = sn.substitute(exact[field], {T: 0})
        if second:
            initial[sn.dt(field)] = sn.substitute(sn.diff(exact[field], T), {T: 0})
    names = {c.name for f in exact for c in f.info.coordinates} - {"t"}
    return sn.PDESystem(
        equations,
        domain=sn.Domain(t=(0, END), **{k: SPACE[k] for k in sorted(names)}),
        conditions=conditions,
        initial=initial,
    )


def at(term: Any, place: dict[Any, Any]) -> Any:
    return sn.substitute(term, place)


def slope(term: Any, place: dict[Any, Any], along: Any = X) -> Any:
    """Outward normal derivative."""
    (end,) = place.values()
    return at(sn.diff(term, along), place) * (1 if end == 1 else -1)


KINDS: dict[str, Callable[[dict[Any, Any], Any, Any], Any]] = {
    "dirichlet": lambda place, u, exact: sn.dirichlet(u, at(exact, place), at=place),
    "neumann": lambda place, u, exact: sn.neumann(u, slope(exact, place), at=place),
    "robin": lambda place, u, exact: sn.robin(u, 2, 3, 2 * at(exact, place) + 3 * slope(exact, place), at=place),
    "robin with time": lambda place, u, exact: sn.robin(
        u, 2 + sn.sin(3 * T), 1, (2 + sn.sin(3 * T)) * at(exact, place) + slope(exact, place), at=place
    ),
}


@pytest.mark.parametrize("low", KINDS)
@pytest.mark.parametrize("high", KINDS)
def test_diffusion_and_advection_between_conditions(low: str, high: str) -> None:
    system = manufactured(
        {U: lambda u: sn.diff(u, X, 2) / 4 - sn.diff(u, X)},
        {U: EXACT},
        [KINDS[low](LOW, U, EXACT), KINDS[high](HIGH, U, EXACT)],
    )
    assert fitted_order((12, 18, 27), lambda n: solution_error(system, {U: EXACT}, n)) == pytest.approx(2, abs=0.25)


@pytest.mark.parametrize("kind", ["dirichlet", "neumann", "robin"])
def test_flux_form_with_closed_sides(kind: str) -> None:
    system = manufactured(
        {U: lambda u: sn.diff((1 + X**2) * (1 + u**2) * sn.diff(u, X), X) / 4},
        {U: EXACT},
        [KINDS[kind](LOW, U, EXACT), KINDS["neumann"](HIGH, U, EXACT)],
    )
    assert fitted_order(
        (12, 18, 27), lambda n: solution_error(system, {U: EXACT}, n, scheme="central")
    ) == pytest.approx(2, abs=0.25)


def test_conditions_that_couple_two_fields() -> None:
    u, v = EXACT, sn.sin(T + 2 * X)
    mixed = [
        sn.condition(sn.Eq(sn.diff(U, X) + 2 * V, at(sn.diff(u, X) + 2 * v, LOW)), at=LOW),
        sn.condition(sn.Eq(sn.diff(V, X) - U, at(sn.diff(v, X) - u, LOW)), at=LOW),
        sn.condition(sn.Eq(U + V, at(u + v, HIGH)), at=HIGH),
        sn.condition(sn.Eq(sn.diff(U, X) - 3 * sn.diff(V, X), at(sn.diff(u, X) - 3 * sn.diff(v, X), HIGH)), at=HIGH),
    ]
    system = manufactured(
        {U: lambda u, v: sn.diff(u, X, 2) / 4 + u * v, V: lambda u, v: sn.diff(v, X, 2) / 2 - sn.diff(u, X)},
        {U: u, V: v},
        mixed,
    )
    assert fitted_order((12, 18, 27), lambda n: solution_error(system, {U: u, V: v}, n)) == pytest.approx(2, abs=0.25)


PLANE = sn.exp(-T) * sn.cos(X + sn.rational(1, 3)) * sn.sin(2 * Y + 1) + X * Y**2


@pytest.mark.parametrize("x_kind", ["dirichlet", "neumann", "robin", "periodic"])
@pytest.mark.parametrize("y_kind", ["dirichlet", "neumann", "robin"])
def test_two_dimensions_with_a_mixed_derivative_in_the_corners(x_kind: str, y_kind: str) -> None:
    exact = sn.exp(-T) * sn.cos(2 * sn.pi * X) * sn.sin(2 * Y + 1) if x_kind == "periodic" else PLANE
    sides = [sn.periodic(X)] if x_kind == "periodic" else [KINDS[x_kind](p, W, exact) for p in (LOW, HIGH)]
    for place in ({Y: 0}, {Y: 1}):
        normal = slope(exact, place, Y)
        sides.append(
            {
                "dirichlet": lambda p, g: sn.dirichlet(W, at(exact, p), at=p),
                "neumann": lambda p, g: sn.neumann(W, g, at=p),
                "robin": lambda p, g: sn.robin(W, 1, 2, at(exact, p) + 2 * g, at=p),
            }[y_kind](place, normal)
        )
    system = manufactured(
        {W: lambda w: (sn.diff(w, X, 2) + sn.diff(w, Y, 2) + sn.diff(w, X, Y)) / 4}, {W: exact}, sides
    )
    sizes = (16, 24, 36)
    assert fitted_order(sizes, lambda n: solution_error(system, {W: exact}, {X: n, Y: n})) == pytest.approx(2, abs=0.25)


@pytest.mark.parametrize("inflow", [0, 1])
def test_advection_with_one_inflow_condition(inflow: int) -> None:
    exact = sn.sin(3 * X - T + 1)
    place = {X: inflow}
    speed = 1 if inflow == 0 else -1
    system = manufactured(
        {U: lambda u: -speed * sn.diff(u, X)}, {U: exact}, [sn.dirichlet(U, at(exact, place), at=place)]
    )
    assert fitted_order((24, 36, 54), lambda n: solution_error(system, {U: exact}, n)) == pytest.approx(2, abs=0.25)


def test_a_first_order_system_with_one_condition_at_each_end() -> None:
    """u_t = v_x, v_t = u_x: u given at the left, v at the right."""
    u, v = sn.sin(X + T) + sn.cos(2 * (X - T)), sn.sin(X + T) - sn.cos(2 * (X - T))
    system = manufactured(
        {U: lambda u, v: sn.diff(v, X), V: lambda u, v: sn.diff(u, X)},
        {U: u, V: v},
        [sn.dirichlet(U, at(u, LOW), at=LOW), sn.dirichlet(V, at(v, HIGH), at=HIGH)],
    )
    assert fitted_order((16, 24, 36), lambda n: solution_error(system, {U: u, V: v}, n)) == pytest.approx(2, abs=0.25)


@pytest.mark.parametrize("high", ["dirichlet", "neumann", "robin"])
def test_second_order_in_time(high: str) -> None:
    exact = sn.cos(2 * T) * sn.sin(2 * X) + T * X**2
    system = manufactured(
        {U: lambda u: sn.diff(u, X, 2)},
        {U: exact},
        [KINDS["dirichlet"](LOW, U, exact), KINDS[high](HIGH, U, exact)],
        second=True,
    )
    assert fitted_order((12, 18, 27), lambda n: solution_error(system, {U: exact}, n)) == pytest.approx(2, abs=0.25)


def test_an_ordinary_and_a_partial_differential_equation() -> None:
    """s(t) alone drives u and stands in its boundary condition."""
    s = sn.field("s", (T,))
    exact, level = sn.exp(-T) * sn.cos(2 * X), sn.exp(-T)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2) / 4), sn.Eq(sn.dt(s), -s)],
        domain=sn.Domain(t=(0, END), x=(0, 1)),
        conditions=[sn.dirichlet(U, s, at=LOW), sn.neumann(U, -2 * s * sn.sin(2), at=HIGH)],
        initial={U: sn.cos(2 * X), s: 1},
    )
    assert fitted_order((12, 18, 27), lambda n: solution_error(system, {U: exact, s: level}, n)) == pytest.approx(
        2, abs=0.25
    )


def test_fields_on_fewer_coordinates_serve_the_others() -> None:
    """p(t, x), with conditions in x, is read by w(t, x, y), which has no derivative in x and so keeps the side points."""
    p = sn.field("p", (T, X))
    exact_p, exact_w = sn.exp(-T) * sn.cos(X + 1), sn.exp(-T) * sn.cos(X + 1) * sn.sin(Y)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(p), sn.diff(p, X, 2)), sn.Eq(sn.dt(W), sn.diff(W, Y, 2) / 4 - sn.rational(3, 4) * p * sn.sin(Y))],
        domain=sn.Domain(t=(0, END), x=(0, 1), y=(0, 1)),
        conditions=[
            *(sn.dirichlet(p, at(exact_p, place), at=place) for place in (LOW, HIGH)),
            *(sn.dirichlet(W, at(exact_w, place), at=place) for place in ({Y: 0}, {Y: 1})),
        ],
        initial={p: sn.cos(X + 1), W: sn.cos(X + 1) * sn.sin(Y)},
    )
    assert fitted_order((12, 18, 27), lambda n: solution_error(system, {p: exact_p, W: exact_w}, n)) == pytest.approx(
        2, abs=0.25
    )


def test_fourth_order_in_space_with_two_conditions_a_side() -> None:
    """A clamped and a free-sliding end: u_t = -u_xxxx + source."""
    conditions = [
        sn.dirichlet(U, at(EXACT, LOW), at=LOW),
        sn.neumann(U, slope(EXACT, LOW), at=LOW),
        sn.condition(sn.Eq(sn.diff(U, X), at(sn.diff(EXACT, X), HIGH)), at=HIGH),
        sn.condition(sn.Eq(sn.diff(U, X, 3), at(sn.diff(EXACT, X, 3), HIGH)), at=HIGH),
    ]
    system = manufactured({U: lambda u: -sn.diff(u, X, 4) / 100}, {U: EXACT}, conditions)
    assert fitted_order((24, 36, 54), lambda n: solution_error(system, {U: EXACT}, n)) == pytest.approx(2, abs=0.25)
