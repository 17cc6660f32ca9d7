"""Boundary systems: what is singular on this grid is told, rows are ordered so that no pivot vanishes, known data goes along a side."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.discretisation.assemble import discretise
from symnum.expr.calculus import substitute as put
from symnum.ir.interpret import interpret
from symnum.model.numeric import evaluate
from tests.discretisation.samples import T, U, V, W, X, Y, fitted_order, solution_error, steady_error

pytestmark = pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # initial states here are arbitrary

LINE, SQUARE = sn.Domain(t=(0, 1), x=(0, 1)), sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1))
TOP = sn.dirichlet(U, 0, at={X: 1})


def heat(*conditions: Any) -> sn.PDESystem:
    return sn.PDESystem([sn.Eq(sn.dt(U), sn.diff(U, X, 2))], domain=LINE, conditions=list(conditions), initial={U: 0})


def full_fields(system: Any, resolution: Any, t: float, order: int = 2) -> dict[str, np.ndarray]:
    semi = discretise(system, resolution, "central", order)
    y = np.random.default_rng(1).normal(size=semi.size)
    flat = interpret(semi.reconstruct, t, y, semi.parameter_values)
    return {a.field: flat[a.offset : a.offset + a.size].reshape(a.shape) for a in semi.full}


# --- singular in numbers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("order", "weight"), [(2, 3 / 2), (4, 25 / 12), (6, 49 / 20)])
def test_a_robin_coefficient_that_cancels_the_difference_is_told(order: int, weight: float) -> None:
    """du/dx = (-weight*u_0 + ...)/h at the lower side, so du/dx + k*u has no u_0 where k = weight/h; k is a parameter."""
    n = 20
    k = sn.parameter("k", weight * n)
    system = heat(sn.condition(sn.Eq(sn.diff(U, X) + k * U, sn.sin(T)), at={X: 0}), TOP)
    message = r"lower side of x do not determine the boundary values .*singular.*k\*u.*another resolution along x"
    with pytest.raises(sn.DiscretisationError, match=message):
        discretise(system, n, order=order)
    if order == 2:  # higher orders see that a condition which feeds in so much is not resolved
        discretise(system, n + 1)
        discretise(system.with_parameters(k=weight * n * (1 + 1e-6)), n)


def test_two_conditions_that_depend_on_each_other_in_numbers() -> None:
    """k = 1/2 makes the second condition the first one again."""
    k = sn.parameter("k", 0.5)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2)), sn.Eq(sn.dt(V), sn.diff(V, X, 2))],
        domain=LINE,
        conditions=[
            sn.condition(sn.Eq(U + 2 * V, 0), at={X: 0}),
            sn.condition(sn.Eq(k * U + V, T), at={X: 0}),
            *(sn.dirichlet(f, 0, at={X: 1}) for f in (U, V)),
        ],
        initial={U: 0, V: 0},
    )
    with pytest.raises(sn.DiscretisationError, match=r"singular.*u \+ 2\*v = 0"):
        discretise(system, 16)
    full = full_fields(system.with_parameters(k=0.75), 16, 0.3)
    u, v = full["u"][0], full["v"][0]
    assert (u + 2 * v, 0.75 * u + v) == pytest.approx((0, 0.3), abs=1e-13)


def test_fields_of_different_size_are_not_singular() -> None:
    """Coefficients of 1e-12 in front of a whole field are units, not a cancellation."""
    tiny = 1e-12
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2)), sn.Eq(sn.dt(V), sn.diff(V, X, 2))],
        domain=LINE,
        conditions=[
            sn.condition(sn.Eq(U + tiny * V, 1), at={X: 0}),
            sn.condition(sn.Eq(U - tiny * V, 0), at={X: 0}),
            *(sn.dirichlet(f, 0, at={X: 1}) for f in (U, V)),
        ],
        initial={U: 0, V: 0},
    )
    full = full_fields(system, 16, 0.0)
    assert (full["u"][0], full["v"][0]) == pytest.approx((0.5, 0.5e12))


def test_rows_are_ordered_so_that_no_pivot_vanishes() -> None:
    """a = sin(t) makes the first pivot zero at the start, though the system determines u and v."""
    a, b = sn.sin(T), sn.parameter("b", 2.0)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2)), sn.Eq(sn.dt(V), sn.diff(V, X, 2))],
        domain=LINE,
        conditions=[
            sn.condition(sn.Eq(a * U + b * V, 3), at={X: 0}),
            sn.condition(sn.Eq(b * U + a * V, 4), at={X: 0}),
            *(sn.dirichlet(f, 0, at={X: 1}) for f in (U, V)),
        ],
        initial={U: 0, V: 0},
    )
    full = full_fields(system, 16, 0.0)
    assert (full["u"][0], full["v"][0]) == pytest.approx((2, 1.5))


# --- conditions of every arrangement hold on the discrete fields ----------------------------------------------------------------


@pytest.mark.parametrize("order", [2, 4, 6])
def test_a_coefficient_may_vanish_in_time(order: int) -> None:
    """sin(t)*u + du/dx = cos(t): at t = 0 it is Neumann's, at t = pi/2 Robin's."""
    system = heat(sn.condition(sn.Eq(sn.sin(T) * U + sn.diff(U, X), sn.cos(T)), at={X: 0}), TOP)
    weights = {2: [-3, 4, -1], 4: [-25, 48, -36, 16, -3], 6: [-147, 360, -450, 400, -225, 72, -10]}[order]
    scale = {2: 2, 4: 12, 6: 60}[order] / 20
    for t in (0.0, 1.0, np.pi / 2):
        u = full_fields(system, 20, t, order)["u"]
        slope = np.dot(weights, u[: len(weights)]) / scale
        assert np.sin(t) * u[0] + slope == pytest.approx(np.cos(t), abs=1e-10)


@pytest.mark.parametrize("order", [2, 4, 6])
def test_a_free_end_has_no_moment_and_the_given_shear(order: int) -> None:
    """u_xx = 0 and u_xxx = 2 at x = 0: the one-sided differences of the discrete field, taken with NumPy's polynomial fit."""
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), -sn.diff(U, X, 4))],
        domain=LINE,
        conditions=[
            sn.condition(sn.Eq(sn.diff(U, X, 2), 0), at={X: 0}),
            sn.condition(sn.Eq(sn.diff(U, X, 3), 2), at={X: 0}),
            sn.dirichlet(U, 0, at={X: 1}),
            sn.neumann(U, 0, at={X: 1}),
        ],
        initial={U: 0},
    )
    u, h = full_fields(system, 20, 0.0, order)["u"], 1 / 20
    for m, value in ((2, 0), (3, 2)):
        fit = np.polynomial.Polynomial.fit(h * np.arange(m + order), u[: m + order], m + order - 1)
        assert fit.deriv(m)(0) == pytest.approx(value, abs=1e-4 * np.abs(u).max() / h**m)


# --- along a side ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [2, 4])
def test_a_hinged_plate(order: int) -> None:
    """u = g and u_xx + nu*u_yy = 0 on x = 0: u_yy = g_yy is known there. Order of the steady state."""
    exact = sn.cos(2 * X + sn.rational(1, 3)) * sn.sin(Y + 1) + X * Y**2
    conditions = []
    for x, y, end in ((X, Y, 0), (X, Y, 1), (Y, X, 0), (Y, X, 1)):
        moment = lambda w, x=x, y=y: sn.diff(w, x, 2) + 0.3 * sn.diff(w, y, 2)  # noqa: E731
        conditions.append(sn.dirichlet(W, sn.substitute(exact, {x: end}), at={x: end}))
        conditions.append(sn.condition(sn.Eq(moment(W), sn.substitute(moment(exact), {x: end})), at={x: end}))
    bend = lambda w: sn.diff(w, X, 4) + 2 * sn.diff(w, X, 2, Y, 2) + sn.diff(w, Y, 4)  # noqa: E731
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), bend(exact) - bend(W))], domain=SQUARE, conditions=conditions, initial={W: exact}
    )
    sizes = {2: (16, 24, 36), 4: (12, 18, 24)}[order]
    assert fitted_order(sizes, lambda n: steady_error(system, {W: exact}, n, order)) == pytest.approx(order, abs=0.25)


def test_what_is_not_known_along_a_side_is_refused() -> None:
    """A free edge: u_xx + nu*u_yy = 0 without data on u; every point of the side would need every other."""
    conditions = [sn.dirichlet(W, 0, at={c: end}) for c in (X, Y) for end in (0, 1) if (c, end) != (X, 0)]
    oblique = sn.condition(sn.Eq(sn.diff(W, X) + sn.diff(W, Y) / 2, 0), at={X: 0})
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), sn.laplacian(W))], domain=SQUARE, conditions=[oblique, *conditions], initial={W: 0}
    )
    with pytest.raises(sn.DiscretisationError, match=r"lower side of x hold derivatives along the side.*dy\(w\)"):
        discretise(system, 12)


# --- grids that are too small -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize(
    "system",
    [
        heat(sn.dirichlet(U, 0, at={X: 0}), TOP),
        sn.PDESystem(
            [sn.Eq(sn.dt(U), sn.diff((1 + X) * sn.diff(U, X), X) - U)],
            domain=LINE,
            conditions=[sn.robin(U, 1, 1, 0, at={X: end}) for end in (0, 1)],
            initial={U: 0},
        ),
        sn.PDESystem(
            [sn.Eq(sn.dt(U), -sn.diff(U, X, 4))],
            domain=LINE,
            conditions=[sn.condition(sn.Eq(sn.diff(U, X, m), 0), at={X: end}) for end in (0, 1) for m in (2, 3)],
            initial={U: 0},
        ),
    ],
    ids=["heat", "flux form", "free beam"],
)
def test_the_least_number_of_cells_is_named_and_enough(system: sn.PDESystem, order: int) -> None:
    with pytest.raises(
        sn.DiscretisationError, match=rf"order={order} needs at least \d+ cells along x|at least 4 cells"
    ) as info:
        for n in range(4, 40):
            refused = n
            discretise(system, n, "central", order)
            raise sn.DiscretisationError("a grid has at least 4 cells")
    found = re.search(r"needs at least (\d+) cells", str(info.value))
    if found is None:
        assert refused == 4  # four cells are enough already
        return
    need = int(found[1])
    semi = discretise(system, need, "central", order)
    interpret(semi.rhs, 0.0, np.ones(semi.size))
    with pytest.raises(sn.DiscretisationError, match=rf"at least {need} cells along x.*resolution=\{{x: {need}\}}"):
        discretise(system, need - 1, "central", order)


def boundary_error(system: sn.PDESystem, exact: dict[Any, Any], n: int, order: int) -> float:
    """The largest error of the fields on the whole grid at t = 0.3 where the unknowns are exact: that of the eliminated values."""
    semi = discretise(system, n, "central", order)
    points = np.meshgrid(*[np.linspace(0, 1, n + 1)] * len(semi.axes), indexing="ij")
    at = dict(zip((X, Y), points, strict=False)) | {T: 0.3}
    whole = {f.name: np.asarray(evaluate(e, at)) for f, e in exact.items()}
    kept = [tuple(slice(o, o + s) for o, s in zip(a.origin, a.shape, strict=True)) for a in semi.state]
    y = np.concatenate([whole[a.field][part].ravel() for a, part in zip(semi.state, kept, strict=True)])
    flat = interpret(semi.reconstruct, 0.3, y, semi.parameter_values)
    return max(np.abs(flat[a.offset : a.offset + a.size] - whole[a.field].ravel()).max() for a in semi.full)


# --- not linear in another field ---------------------------------------------------------------------------------------------

UE, VE = sn.sin(X + T) + 2, sn.cos(2 * X - T) + 2


def pair_of(*conditions: Any) -> sn.PDESystem:
    """u_t = u_xx + f, v_t = v_xx/2 + g with the solution UE, VE; the conditions are terms that vanish, at=..."""
    sides = [sn.condition(sn.Eq(term, exactly(term, place)), at={X: place}) for term, place in conditions]
    return sn.PDESystem(
        [
            sn.Eq(sn.dt(U), sn.diff(U, X, 2) + sn.diff(UE, T) - sn.diff(UE, X, 2)),
            sn.Eq(sn.dt(V), sn.diff(V, X, 2) / 2 + sn.diff(VE, T) - sn.diff(VE, X, 2) / 2),
        ],
        domain=sn.Domain(t=(0, 0.25), x=(0, 1)),
        conditions=sides,
        initial={U: put(UE, {T: 0}), V: put(VE, {T: 0})},
    )


def exactly(term: Any, place: float) -> Any:
    return put(put(term, {U: UE, V: VE}), {X: place})


AFTER_EACH_OTHER = {
    "value of a function of a given value": [(U - V**2, 0), (V, 0), (U, 1), (V, 1)],
    "value of a function of a slope's value": [(U * V, 0), (sn.diff(V, X), 0), (sn.diff(U, X) + sn.exp(V), 1), (V, 1)],
    "coefficients": [(sn.diff(U, X) - V * U, 0), (V, 0), (V * sn.diff(U, X), 1), (sn.diff(V, X) + V, 1)],
    "slope of a function of a slope": [(sn.diff(U, X) - sn.diff(V, X) ** 2, 0), (sn.diff(V, X) - V, 0), (U, 1), (V, 1)],
}


@pytest.mark.parametrize("scheme", ["central", "finite_volume"])
@pytest.mark.parametrize("name", AFTER_EACH_OTHER)
def test_conditions_are_solved_one_after_the_other(name: str, scheme: str) -> None:
    system = pair_of(*AFTER_EACH_OTHER[name])
    assert fitted_order((24, 36, 54), lambda n: solution_error(system, {U: UE, V: VE}, n, scheme=scheme)) > 1.75


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize("name", AFTER_EACH_OTHER)
def test_boundary_values_that_follow_from_each_other(name: str, order: int) -> None:
    """One order is gained where a slope is given; values given in full are exact."""
    system, cells = pair_of(*AFTER_EACH_OTHER[name]), (36, 54, 80)
    errors = [boundary_error(system, {U: UE, V: VE}, n, order) for n in cells]
    assert errors[0] < 1e-14 or -np.polyfit(np.log(cells), np.log(errors), 1)[0] > order + 0.25


def test_what_is_not_linear_is_named() -> None:
    circle = pair_of((U - V**2, 0), (V - U, 0), (U, 1), (V, 1))
    radiation = pair_of((sn.diff(U, X) - U**4, 0), (V, 0), (U, 1), (V, 1))
    mixed = pair_of((sn.diff(U, X) * V, 0), (U + sn.diff(V, X), 0), (U, 1), (V, 1))
    for system, said in (
        (
            circle,
            r"condition on u at the lower side of x \(.*\) is not linear in the boundary value of v; write it linear in v, or give v there",
        ),
        (radiation, r"condition on u .* boundary value of u; write it linear in u and .*scheme=\"finite_volume\""),
        (mixed, r"condition on u .* boundary values of u and v; write it linear in u and v and .*finite_volume"),
    ):
        with pytest.raises(sn.DiscretisationError, match=said):
            discretise(system, 16, "central")
    with pytest.raises(sn.DiscretisationError, match=r"lower side of x are not linear in the boundary value of v"):
        discretise(circle, 16, "finite_volume")


def test_a_block_that_is_singular_in_numbers_is_told() -> None:
    """du/dx + k*u = v^2 with k = 3n/2 holds no u_0; the rest of the row is not linear in v, and v has its own row."""
    system = pair_of((sn.diff(U, X) + 30 * U - V**2, 0), (sn.diff(V, X), 0), (U, 1), (V, 1))
    with pytest.raises(
        sn.DiscretisationError, match=r"lower side of x do not determine the boundary values .*singular"
    ):
        discretise(system, 20, "central")


# --- fields with different conditions on a face --------------------------------------------------------------------------------


Z = sn.field("z", (T, X, Y))
WE, ZE = sn.sin(X + 2 * Y + T), sn.cos(2 * X - Y) * sn.exp(-T)
SIDES = [(X, 0), (X, 1), (Y, 0), (Y, 1)]


def on_side(term: Any, axis: Any, place: float) -> Any:
    return sn.condition(sn.Eq(term, put(put(term, {W: WE, Z: ZE}), {axis: place})), at={axis: place})


MIXED_FACES: dict[str, list[Any]] = {
    "heat beside a clamped plate": [on_side(c, a, p) for a, p in SIDES for c in (W, Z, sn.diff(Z, a))],
    "the plate moves the heat": [
        on_side(c, a, p) for a, p in SIDES for c in (W + sn.diff(W, a) - 2 * Z, Z, sn.diff(Z, a))
    ],
}


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("name", MIXED_FACES)
def test_fields_with_different_numbers_of_conditions_in_the_plane(name: str, order: int) -> None:
    lap = sn.laplacian
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), lap(W)), sn.Eq(sn.dt(Z), -lap(lap(Z)))],
        domain=SQUARE,
        conditions=MIXED_FACES[name],
        initial={W: 0, Z: 0},
    )
    assert fitted_order((12, 18, 24), lambda n: boundary_error(system, {W: WE, Z: ZE}, n, order)) > order - 0.25


@pytest.mark.parametrize(("scheme", "order"), [("central", 2), ("upwind", 3)])
def test_opposite_streams_between_plates(scheme: str, order: int) -> None:
    """w comes in at x = 0, z at x = 1, both are given at y = 1: at the corners each is taken from another side."""
    system = sn.PDESystem(
        [sn.Eq(sn.dt(W), sn.diff(W, Y, 2) - sn.diff(W, X)), sn.Eq(sn.dt(Z), sn.diff(Z, Y, 2) + sn.diff(Z, X))],
        domain=SQUARE,
        conditions=[sn.dirichlet(W, 1, at={X: 0}), sn.dirichlet(Z, 2, at={X: 1})]
        + [sn.dirichlet(f, value, at={Y: end}) for f, value in ((W, 1), (Z, 2)) for end in (0, 1)],
        initial={W: 1, Z: 2},
    )
    d = sn.discretise(system, resolution=12, scheme=scheme, order=order, target="numpy")
    assert np.abs(d.rhs(0.0, d.initial_state())).max() < 1e-11


def test_pivots_are_those_found_in_numbers() -> None:
    """0.088 u + u_xxx = ... with weights 1/h^3 beside u*(1 + 0.8 sin t) = ...: 0.088 is no pivot, however plain a number it is."""
    UE_, VE_ = sn.sin(X + T), sn.cos(X - T)
    rows = {
        0: (U * (1 + 0.82 * sn.sin(T)) + V / 11, sn.diff(V, X), 0.088 * U + sn.diff(V, X, 3)),
        1: (U, V, sn.diff(V, X)),
    }
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2)), sn.Eq(sn.dt(V), -sn.diff(V, X, 4))],
        domain=LINE,
        conditions=[
            sn.condition(sn.Eq(c, put(put(c, {U: UE_, V: VE_}), {X: place})), at={X: place})
            for place, cs in rows.items()
            for c in cs
        ],
        initial={U: 0, V: 0},
    )
    assert boundary_error(system, {U: UE_, V: VE_}, 96, 6) < 1e-11
