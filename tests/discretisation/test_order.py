"""Measured orders of the stencils on periodic axes, and what flux form keeps."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import symnum as sn
from tests.discretisation.samples import T, U, V, W, X, Y, fitted_order, rate, value

pytestmark = pytest.mark.filterwarnings("ignore::symnum.errors.ModelWarning")  # initial states here are arbitrary

SMOOTH = sn.exp(sn.sin(X))
PERIOD = {"t": (0, 1), "x": (0, 2 * sn.pi), "y": (0, 2 * sn.pi)}


def periodic(right: Any, initial: Any = SMOOTH, field: Any = U) -> Any:
    names = ["t", *(c.name for c in field.info.coordinates[1:])]
    return sn.PDESystem(
        [sn.Eq(sn.dt(field), right)],
        domain=sn.Domain(**{n: PERIOD[n] for n in names}),
        conditions=[sn.periodic(c) for c in field.info.coordinates[1:]],
        initial={field: initial},
    )


def rate_error(system: Any, exact: Any, n: int, order: int) -> float:
    got, _, d = rate(system, n, order)
    grids = np.meshgrid(*[a.coordinates() for a in d.semi.axes], indexing="ij")
    want = value(exact, dict(zip([a.name for a in d.semi.axes], grids, strict=True))).ravel()
    return float(np.abs(got - want).max() / np.abs(want).max())


@pytest.mark.parametrize("order", [2, 4, 6, 8])
@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_central_differences(m: int, order: int) -> None:
    system = periodic(sn.diff(U, X, m))
    sizes = (48, 64, 96) if order > 4 else (48, 80, 128)
    assert fitted_order(sizes, lambda n: rate_error(system, sn.diff(SMOOTH, X, m), n, order)) == pytest.approx(
        order, abs=0.25
    )


@pytest.mark.parametrize("order", [2, 4, 6])
def test_flux_form(order: int) -> None:
    """d/dx (D(x) (1 + u) du/dx): staggered differences and interpolations."""
    diffusivity = 2 + sn.cos(X)
    system = periodic(sn.diff(diffusivity * (1 + U) * sn.diff(U, X), X))
    exact = sn.diff(diffusivity * (1 + SMOOTH) * sn.diff(SMOOTH, X), X)
    assert fitted_order((48, 64, 96), lambda n: rate_error(system, exact, n, order)) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("order", [2, 4])
def test_mixed_derivative_and_divergence_in_two_dimensions(order: int) -> None:
    start = sn.exp(sn.sin(X) * sn.cos(Y))
    right = sn.diff(W, X, Y) + sn.diff((2 + sn.sin(Y)) * sn.diff(W, Y), Y) + sn.diff(W**2, X)
    exact = sn.diff(start, X, Y) + sn.diff((2 + sn.sin(Y)) * sn.diff(start, Y), Y) + sn.diff(start**2, X)
    system = periodic(right, start, W)
    assert fitted_order((32, 48, 64), lambda n: rate_error(system, exact, n, order)) == pytest.approx(order, abs=0.25)


@pytest.mark.parametrize("order", [2, 4, 6])
@pytest.mark.parametrize("m", [1, 2, 3, 4])
def test_polynomials_are_differentiated_exactly_away_from_the_wrap(m: int, order: int) -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, m))],
        domain=sn.Domain(t=(0, 1), x=(-1, 1)),
        conditions=[sn.periodic(X)],
        initial={U: (X - sn.rational(1, 3)) ** (m + order - 1)},
    )
    got, _, d = rate(system, 32, order)
    want = value(sn.diff((X - sn.rational(1, 3)) ** (m + order - 1), X, m), {"x": d.semi.axes[0].coordinates()})
    inner = slice(6, -6)
    np.testing.assert_allclose(got[inner], np.broadcast_to(want, got.shape)[inner], rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(
    ("flux", "highest"),
    [
        ((2 + sn.cos(X)) * sn.diff(U, X), 2),
        ((1 + U**2) * sn.diff(U, X), 2),
        (U**2 / 2, 1),
        (sn.sin(X) * U + sn.diff(U, X) ** 3, 2),
        (sn.diff(U, X, 3), 4),
    ],
    ids=str,
)
def test_flux_form_keeps_the_sum_to_round_off(flux: Any, highest: int) -> None:
    """Round-off: eps times what each of the n points adds up, about |u|/h^m times the stencil's weights."""
    got, y, d = rate(periodic(sn.diff(flux, X)), 50)
    h = d.semi.axes[0].spacing
    assert abs(got.sum()) <= 1e-15 * (np.abs(got).sum() + 16 * np.abs(y).sum() / h**highest)
    assert np.abs(got).max() > 0.1


def test_antiperiodic_sides_change_the_sign() -> None:
    """sin(x/2) on (0, 2 pi) changes sign around the circle; its derivatives are those of the line."""
    start = sn.sin(X / 2)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.diff(U, X, 2) + sn.diff(U, X))],
        domain=sn.Domain(t=(0, 1), x=(0, 2 * sn.pi)),
        conditions=[sn.antiperiodic(X)],
        initial={U: start},
    )
    exact = sn.diff(start, X, 2) + sn.diff(start, X)
    for order in (2, 4, 6):
        assert fitted_order((24, 32, 48), lambda n, o=order: rate_error(system, exact, n, o)) == pytest.approx(
            order, abs=0.25
        )


def test_an_odd_field_beside_a_scalar_on_antiperiodic_sides() -> None:
    s = sn.field("s", (T,))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(U), s * sn.diff(U, X)), sn.Eq(sn.dt(V), sn.diff(V, X, 2)), sn.Eq(sn.dt(s), -s)],
        domain=sn.Domain(t=(0, 1), x=(0, 2 * sn.pi)),
        conditions=[sn.antiperiodic(X)],
        initial={U: sn.sin(X / 2), V: sn.cos(X / 2), s: 3},
    )
    got, _, d = rate(system, 64)
    x = d.semi.axes[0].coordinates()
    np.testing.assert_allclose(got[:64], 1.5 * np.cos(x / 2), atol=2e-3)
    np.testing.assert_allclose(got[64:128], -np.cos(x / 2) / 4, atol=1e-3)
    assert got[128] == -3
