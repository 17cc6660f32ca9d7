"""Orders 4 and 6 between closed sides, in one, two and three dimensions: errors of whole solutions, boundary points included.

Most are steady states of manufactured systems u_t = A(u) - A(exact), found by Newton's method with the sparse Jacobian: their errors are those
of the discretisation alone. Waves, transport and dispersion run in time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import symnum as sn
from tests.discretisation.samples import T, U, V, W, X, Y, fitted_order, solution_error, steady_error
from tests.discretisation.test_convergence import HIGH, LOW, at, manufactured

Z = sn.coordinates("z")
H = sn.field("h", (T, X, Y, Z))
LOW_Y, HIGH_Y = {Y: 0}, {Y: 2}
BOX = {"t": (0, 1), "x": (0, 1), "y": (0, 2), "z": (0, 1)}

# field, coordinate, +1 or -1 at the upper or lower side -> what the condition prescribes
PRESCRIBED: dict[str, Callable[[Any, Any, int], Any]] = {
    "dirichlet": lambda u, x, n: u,
    "neumann": lambda u, x, n: sn.diff(u, x),
    "robin": lambda u, x, n: (2 + sn.cos(T)) * u + n * sn.diff(u, x) / 3,
    "robin with coordinates": lambda u, x, n: (1 + X) * sn.diff(u, x) + n * Y * u / 2,
    "curvature": lambda u, x, n: sn.diff(u, x, 2) + n * sn.diff(u, x),
    "shear": lambda u, x, n: sn.diff(u, x, 3) - 2 * n * u,
}


def prescribe(kind: str, field: Any, exact: Any, place: Any) -> Any:
    """The condition on a field at a place that the exact solution satisfies."""
    ((x, end),) = place.items()
    made = PRESCRIBED[kind]
    n = -1 if end == 0 else 1
    return sn.condition(sn.Eq(made(field, x, n), at(made(exact, x, n), place)), at=place)


def steady(operators: dict[Any, Callable[..., Any]], exact: dict[Any, Any], conditions: list[Any]) -> sn.PDESystem:
    names = dict.fromkeys(c.name for f in exact for c in f.info.coordinates)
    equations = [
        sn.Eq(sn.dt(f), op(*exact) - sn.substitute(op(*exact.values()), {T: 0})) for f, op in operators.items()
    ]
    return sn.PDESystem(equations, domain=sn.Domain(**{n: BOX[n] for n in names}), conditions=conditions, initial=exact)


def check(got: float, order: int) -> None:
    """Orders 2 and 4 to 0.25; order 6 comes down from above on grids whose errors are still larger than round-off."""
    assert got == pytest.approx(order, abs=0.25) if order < 6 else 5.75 < got < 8


def check_steady(system: sn.PDESystem, exact: Any, order: int, sizes: Any, grid: Any = lambda n: n) -> None:
    check(fitted_order(sizes, lambda n: steady_error(system, exact, grid(n), order)), order)


# --- one dimension -----------------------------------------------------------------------------------------------------------

LINE = sn.cos(3 * X + sn.rational(6, 5)) + X / 3
SIZES = {2: (16, 24, 36), 4: (27, 40, 60), 6: (27, 40, 60)}


@pytest.mark.parametrize("order", [4, 6])
@pytest.mark.parametrize("high", ["dirichlet", "neumann", "robin"])
@pytest.mark.parametrize("low", ["dirichlet", "neumann", "robin"])
def test_diffusion_transport_and_reaction(low: str, high: str, order: int) -> None:
    system = steady(
        {U: lambda u: sn.diff(u, X, 2) / 4 - sn.diff(u, X) / 2 - 2 * u},
        {U: LINE},
        [prescribe(low, U, LINE, LOW), prescribe(high, U, LINE, HIGH)],
    )
    check_steady(system, {U: LINE}, order, SIZES[order])


@pytest.mark.parametrize("order", [4, 6])
@pytest.mark.parametrize("low", ["dirichlet", "neumann", "robin"])
def test_nonlinear_flux_form(low: str, order: int) -> None:
    exact = sn.cos(3 * X + sn.rational(2, 5)) + X / 3
    system = steady(
        {U: lambda u: sn.diff((2 + X) * (1 + u**2 / 8) * sn.diff(u, X), X) - u},
        {U: exact},
        [prescribe(low, U, exact, LOW), prescribe("neumann", U, exact, HIGH)],
    )
    check_steady(system, {U: exact}, order, (40, 60, 90) if order == 4 else (36, 48, 64))


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize(
    ("low", "high"), [(["neumann"], ["dirichlet", "neumann"]), (["dirichlet"], ["dirichlet", "curvature"])]
)
def test_third_derivatives_with_one_and_two_conditions(low: list[str], high: list[str], order: int) -> None:
    """Korteweg and de Vries with damping."""
    conditions = [prescribe(k, U, LINE, place) for kinds, place in ((low, LOW), (high, HIGH)) for k in kinds]
    system = steady({U: lambda u: -sn.diff(u, X, 3) / 20 - sn.diff(u**2 / 2, X) - 2 * u}, {U: LINE}, conditions)
    check_steady(system, {U: LINE}, order, (54, 80, 120))


ENDS = {
    "clamped": ["dirichlet", "neumann"],
    "hinged": ["dirichlet", "curvature"],
    "sprung": ["curvature", "shear"],
    "sliding": ["neumann", "shear"],
}


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize(("low", "high"), [("clamped", "hinged"), ("hinged", "sprung"), ("sliding", "clamped")])
def test_beams_with_two_conditions_a_side(low: str, high: str, order: int) -> None:
    conditions = [prescribe(k, U, LINE, place) for end, place in ((low, LOW), (high, HIGH)) for k in ENDS[end]]
    system = steady({U: lambda u: -sn.diff(u, X, 4) / 50 - u}, {U: LINE}, conditions)
    check_steady(system, {U: LINE}, order, {2: (24, 36, 54), 4: (24, 36, 54), 6: (20, 28, 40)}[order])


@pytest.mark.parametrize("order", [2, 4, 6])
def test_conditions_that_couple_two_fields(order: int) -> None:
    exact = {U: LINE, V: sn.sin(2 * X + 1)}

    def both(term: Callable[[Any, Any], Any], field: Any, place: Any) -> Any:
        return sn.condition(sn.Eq(term(U, V), at(term(*exact.values()), place)), at=place)

    conditions = [
        both(lambda u, v: sn.diff(u, X) + 2 * v, U, LOW),
        both(lambda u, v: sn.diff(v, X) - u, V, LOW),
        both(lambda u, v: u + v, U, HIGH),
        both(lambda u, v: sn.diff(u, X) - 3 * sn.diff(v, X) * sn.cos(T), V, HIGH),
    ]
    system = steady(
        {
            U: lambda u, v: sn.diff(u, X, 2) / 4 + u * v / 3 - u,
            V: lambda u, v: sn.diff(v, X, 2) / 2 - sn.diff(u, X) / 4 - v,
        },
        exact,
        conditions,
    )
    check_steady(system, exact, order, SIZES[order])


# --- in time -----------------------------------------------------------------------------------------------------------------

RUN = {"rtol": 1e-11, "atol": 1e-13}


def check_run(system: sn.PDESystem, exact: Any, order: int, sizes: Any, **how: Any) -> None:
    check(fitted_order(sizes, lambda n: solution_error(system, exact, n, order=order, **RUN, **how)), order)


@pytest.mark.parametrize("inflow", [0, 1])
@pytest.mark.parametrize("order", [4, 6])
def test_advection_with_one_inflow_condition(inflow: int, order: int) -> None:
    exact, speed = sn.sin(5 * X - T), 1 - 2 * inflow
    condition = prescribe("dirichlet", U, exact, {X: inflow})
    system = manufactured({U: lambda u: -speed * sn.diff(u, X)}, {U: exact}, [condition])
    check_run(system, {U: exact}, order, (30, 45, 68))


@pytest.mark.parametrize("order", [4, 6])
def test_a_first_order_wave_between_reflecting_sides(order: int) -> None:
    u, v = sn.sin(2 * (X + T)) + sn.cos(2 * (X - T)), sn.sin(2 * (X + T)) - sn.cos(2 * (X - T))
    system = manufactured(
        {U: lambda u, v: sn.diff(v, X), V: lambda u, v: sn.diff(u, X)},
        {U: u, V: v},
        [prescribe("dirichlet", U, u, LOW), prescribe("dirichlet", V, v, HIGH)],
    )
    check_run(system, {U: u, V: v}, order, (30, 45, 68))


@pytest.mark.parametrize(
    ("high", "order"), [("dirichlet", 4), ("dirichlet", 6), ("neumann", 4), ("neumann", 6), ("robin", 4)]
)
def test_second_order_in_time(high: str, order: int) -> None:
    exact = sn.cos(2 * T) * sn.sin(3 * X + sn.rational(1, 2)) + T * X**2
    conditions = [prescribe("dirichlet", U, exact, LOW), prescribe(high, U, exact, HIGH)]
    system = manufactured({U: lambda u: sn.diff(u, X, 2)}, {U: exact}, conditions, second=True)
    check_run(system, {U: exact}, order, (30, 45, 68))


# --- two and three dimensions ---------------------------------------------------------------------------------------------

PLANE = sn.cos(X + sn.rational(1, 3)) * sn.sin(Y + 1) + X * Y**2 / 4


@pytest.mark.parametrize(
    ("x_kinds", "order"),
    [(("dirichlet", "neumann"), 2), (("dirichlet", "neumann"), 4), (("robin", "robin with coordinates"), 2)]
    + [(("robin", "robin with coordinates"), 4), ("periodic", 2), ("periodic", 4), ("periodic", 6)],
)
def test_plane_with_a_mixed_derivative_on_unequal_grids(x_kinds: Any, order: int) -> None:
    exact = PLANE
    if x_kinds == "periodic":
        exact, sides = sn.cos(2 * sn.pi * X + sn.rational(1, 3)) * sn.sin(Y + 1), [sn.periodic(X)]
    else:
        sides = [prescribe(k, W, exact, place) for k, place in zip(x_kinds, (LOW, HIGH), strict=True)]
    sides += [prescribe("robin", W, exact, LOW_Y), prescribe("dirichlet", W, exact, HIGH_Y)]
    system = steady(
        {W: lambda w: sn.laplacian(w) + sn.diff(w, X, Y) / 2 + sn.diff((1 + Y) * sn.diff(w, Y), Y) - w},
        {W: exact},
        sides,
    )
    sizes = {2: (16, 24, 36), 4: (16, 22, 30), 6: (12, 17)}[order]
    check_steady(system, {W: exact}, order, sizes, lambda n: {X: n, Y: 5 * n // 4})


SPACE = sn.cos(X + Y / 2) * sn.exp(Z / 2) + sn.sin(Z + Y) * X


@pytest.mark.parametrize("order", [2, 4, 6])
def test_three_dimensions_with_every_kind_of_condition(order: int) -> None:
    sides = [
        prescribe("dirichlet", H, SPACE, LOW),
        prescribe("neumann", H, SPACE, HIGH),
        prescribe("robin", H, SPACE, LOW_Y),
        prescribe("dirichlet", H, SPACE, HIGH_Y),
        prescribe("robin with coordinates", H, SPACE, {Z: 0}),
        prescribe("dirichlet", H, SPACE, {Z: 1}),
    ]
    system = steady({H: lambda h: sn.laplacian(h) - h}, {H: SPACE}, sides)
    sizes = {2: (6, 8, 12), 4: (8, 10, 14), 6: (10, 12)}[order]
    check_steady(system, {H: SPACE}, order, sizes, lambda n: {X: n, Y: n, Z: n})


def test_dispersion_between_sides_gets_more_accurate_on_finer_grids() -> None:
    """u_t = -u_xxx + source with u at both sides and u_x at the upper one: an explicit method at its stability limit does the opposite."""
    exact = sn.exp(-T) * sn.sin(2 * X + sn.rational(3, 10))
    low, high = {X: 0}, {X: 1}
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), -sn.diff(U, X, 3) + sn.diff(exact, T) + sn.diff(exact, X, 3))],
        domain=sn.Domain(t=(0, 0.02), x=(0, 1)),
        conditions=[
            sn.dirichlet(U, sn.substitute(exact, low), at=low),
            sn.dirichlet(U, sn.substitute(exact, high), at=high),
            sn.neumann(U, sn.substitute(sn.diff(exact, X), high), at=high),
        ],
        initial={U: sn.substitute(exact, {T: 0})},
    )
    errors = [solution_error(system, {U: exact}, n, method="auto", rtol=1e-6, atol=1e-8) for n in (32, 64, 128)]
    assert errors[0] > 3 * errors[1] > 9 * errors[2]
