"""SSPRK3: total variation and bounds are kept, the Courant limit holds, also where the error would allow longer steps."""

from __future__ import annotations

import numpy as np
import pytest

from symnum.solvers.backend import solve
from symnum.solvers.problem import Options, Problem

CELLS, SPEED = 100, 2.0
X = np.arange(CELLS) / CELLS
BOX = np.where((X > 0.2) & (X < 0.5), 1.0, 0.0)


def upwind(t, y, out):
    out[:] = -SPEED * CELLS * (y - np.roll(y, 1))


def limited(t, y, out):
    """Minmod reconstruction: an Euler step is TVD up to half the Courant number of the upwind scheme (Harten 1983)."""
    left, right = y - np.roll(y, 1), np.roll(y, -1) - y
    slope = np.where(left * right > 0, np.where(np.abs(left) < np.abs(right), left, right), 0.0)
    face = y + slope / 2
    out[:] = -SPEED * CELLS * (face - np.roll(face, 1))


def decay(t, y, out):
    out[:] = -y


def variation(y):
    return np.abs(y - np.roll(y, 1, axis=-1)).sum(axis=-1)


@pytest.mark.parametrize(
    ("slopes", "radius"), [(upwind, None), (upwind, 2 * SPEED * CELLS), (limited, 4 * SPEED * CELLS)]
)
def test_total_variation_never_grows(slopes, radius):
    """However loose the tolerance; and the box stays between 0 and 1."""
    problem = Problem(slopes, BOX, 0, 1.0, spectral_radius=radius)
    run = solve(problem, Options("SSPRK3", rtol=1e3, atol=1e3, every_step=True))
    assert run.success
    assert np.diff(variation(run.y)).max() < 1e-12
    assert run.y.min() > -1e-14 and run.y.max() < 1 + 1e-14
    courant = np.diff(run.t) * SPEED * CELLS
    limit = 0.9 if slopes is upwind else 0.45
    assert courant.max() <= limit * (1 + 1e-9)
    assert courant.max() > (0.6 if radius is None else 0.99 * limit)
    assert run.y[-1].sum() == pytest.approx(BOX.sum(), rel=1e-12)


def test_the_limit_is_what_keeps_it():
    """The same problem with the same tolerance and no limit (a radius of zero) gains variation without bound."""
    problem = Problem(upwind, BOX, 0, 0.2, spectral_radius=0.0)
    run = solve(problem, Options("SSPRK3", rtol=1e3, atol=1e3, every_step=True, dt=0.02))
    assert variation(run.y).max() > 10


def test_error_control_takes_over_on_smooth_problems():
    """A coarse grid in space leaves the step to the tolerance: errors follow it."""
    exact = np.linspace(1, 2, 5) * np.exp(-1)
    errors = []
    for tol in (1e-4, 1e-6, 1e-8):
        run = solve(Problem(decay, np.linspace(1, 2, 5), 0, 1), Options("SSPRK3", rtol=tol, atol=tol))
        errors.append(np.abs(run.y[-1] - exact).max())
        assert errors[-1] < 20 * tol
    assert errors[0] / errors[2] > 1e3
