"""Coordinates at the seam of a periodic axis: what flows out at one side flows in at the other, also where coefficients jump there."""

from __future__ import annotations

import numpy as np
import pytest

import symnum as sn

t, x = sn.coordinates("t x")
u = sn.field("u", (t, x))


@pytest.mark.parametrize(
    "rate",
    [
        sn.diff(sn.where(x < 0.5, 1.0, 2.0) * sn.diff(u, x), x),
        sn.diff((1 + x) * sn.diff(u, x), x),
        -sn.diff(sn.where(x < 0.5, 1.0, 2.0) * u, x),
        -sn.diff((1 + x**2) * u**2, x),
    ],
    ids=["jumping diffusivity", "growing diffusivity", "jumping speed", "nonlinear flux"],
)
@pytest.mark.parametrize("order", [2, 4])
def test_mass_is_kept_across_the_seam(rate: object, order: int) -> None:
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), rate)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={u: sn.sin(2 * sn.pi * x) + 1 + 0.3 * sn.cos(2 * sn.pi * x)},
    )
    discretised = sn.discretise(system, resolution=64, order=order)
    rates = discretised.rhs(0.0, discretised.initial_state())
    assert abs(rates.sum()) < 1e-13 * np.abs(rates).sum() + 1e-10


@pytest.mark.parametrize("side", [sn.periodic(x), sn.antiperiodic(x)], ids=["periodic", "antiperiodic"])
def test_diffusion_across_the_seam_is_symmetric(side: object) -> None:
    """d/dx (D du/dx) is self-adjoint on the ring (and on the twisted one), so its matrix is symmetric, whatever D does at the seam."""
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff((1 + x) * sn.diff(u, x), x))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[side],
        initial={u: 0},
    )
    discretised = sn.discretise(system, resolution=12)
    matrix = np.array([discretised.rhs(0.0, column) for column in np.eye(12)]).T
    assert np.abs(matrix - matrix.T).max() < 1e-12 * np.abs(matrix).max()
