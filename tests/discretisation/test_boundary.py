"""Boundary systems: what is singular on this grid is told, rows are ordered so that no pivot vanishes, known data goes along a side."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.discretisation.assemble import discretise
from symnum.ir.interpret import interpret
from tests.discretisation.samples import T, U, V, W, X, Y, fitted_order, steady_error

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
