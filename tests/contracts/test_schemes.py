"""Every scheme (a new file in schemes/ is picked up): stencils exact on polynomials, and the order that it states, measured.

The equation is u_t = -c u_x + D u_xx + s on a ring, with the source s that makes sin(2 pi (x - t)) exact.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

import symnum as sn
from symnum.catalogue import Catalogue
from symnum.errors import DiscretisationError

SCHEMES = Catalogue("scheme", package="symnum.discretisation.schemes")
SPECTRAL = ("fourier", "fourier_dealiased")  # exact on every wave of the grid: tests/discretisation/test_fourier.py
ORDERS = range(1, 9)


def has(name: str, order: int) -> bool:
    try:
        SCHEMES.load(name).check(order, False)
    except DiscretisationError:
        return False
    return True


CASES = [(name, order) for name in SCHEMES if name not in SPECTRAL for order in ORDERS if has(name, order)]


def test_every_scheme_has_an_order() -> None:
    assert {name for name, _ in CASES} == set(SCHEMES) - set(SPECTRAL)


@pytest.mark.parametrize("derivative", [1, 2, 3])
@pytest.mark.parametrize(("name", "order"), CASES)
def test_stencils_are_exact_on_polynomials(name: str, order: int, derivative: int) -> None:
    """sum w_j x_j^m = m! for m = the derivative, 0 for all other m < derivative + order; on cell means where the scheme has these."""
    if name == "finite_volume":
        pytest.skip("differences of fluxes: tests/discretisation/test_finite_volume.py")
    pairs = SCHEMES.load(name).stencil(derivative, order, staggered=False)
    for m in range(derivative + order):
        total = sum(w * Fraction(x) ** m for x, w in pairs)
        wanted = {1: 1, 2: 2, 3: 6}[derivative] if m == derivative else 0
        assert abs(float(total) - wanted) < 1e-11


def error(name: str, order: int, cells: int) -> float:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    phase = 2 * sn.pi * (x - t)
    speed, diffusivity = sn.rational(1, 2), sn.rational(1, 50)
    source = (speed - 1) * 2 * sn.pi * sn.cos(phase) + diffusivity * (2 * sn.pi) ** 2 * sn.sin(phase)
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), -speed * sn.diff(u, x) + diffusivity * sn.diff(u, x, 2) + source)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={u: sn.sin(2 * sn.pi * x)},
    )
    solution = sn.solve(
        system, resolution=cells, scheme=name, order=order, rtol=1e-11, atol=1e-13, saveat=[1.0], method="Vern7"
    )
    assert solution.success
    field = solution[u]
    return float(np.abs(field.values[-1] - np.sin(2 * np.pi * (field.x.values - 1))).max())


@pytest.mark.parametrize(("name", "order"), CASES)
def test_the_order_is_the_one_that_is_stated(name: str, order: int) -> None:
    coarse = 16 if order < 5 else 12
    slope = np.log2(error(name, order, coarse) / error(name, order, 2 * coarse))
    assert order - 0.35 < slope < order + 1.2
