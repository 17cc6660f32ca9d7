"""From outcomes to labelled fields: slopes for interpolation, and no work where nothing was eliminated."""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest

import symnum as sn


def test_a_boundary_value_without_slope_at_the_start_interpolates() -> None:
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(u, x, 2))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.dirichlet(u, sn.sqrt(t), at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
        initial={u: 0},
    )
    sol = sn.solve(system, resolution=16)
    for at in (0.0, 0.001, 0.005, 0.0099):
        value = sol(t=at, x=0.0)[u]
        assert np.isfinite(value) and 0 <= value <= 0.1 + 1e-12  # sqrt rises from 0 to 0.1 over the first interval
    assert abs(sol(t=0.505, x=0.0)[u] - np.sqrt(0.505)) < 1e-7


def test_an_ode_with_many_steps_is_labelled_in_a_moment() -> None:
    t = sn.coordinates("t")
    a, b = sn.fields("a b", (t,))
    system = sn.ODESystem(
        [sn.Eq(sn.dt(a), 100 * b), sn.Eq(sn.dt(b), -100 * a)], t=(0, 50), initial={a: 1, b: 0}, name="oscillator"
    )
    begin = time.process_time()
    sol = sn.solve(system)
    spent = time.process_time() - begin
    assert sol.stats["steps"] > 10_000 and sol[a].shape == (sol.stats["steps"] + 1,)
    assert spent < 20e-6 * sol.stats["steps"] + 2.0  # not one call of a Python function a step


def test_steep_dispersive_waves_that_break_differences_are_told_what_carries_them() -> None:
    """The KdV-Burgers problem of many introductions, with a grid that central differences do not manage."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    bump = sn.log(1 + sn.cosh(20) ** 2 / sn.cosh(20 * (x - 2)) ** 2) / 40
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), 1e-4 * sn.diff(u, x, 2) + 2e-4 * sn.diff(u, x, 3) - u * sn.diff(u, x))],
        domain=sn.Domain(t=(0, 3), x=(0, 10)),
        conditions=[sn.periodic(x)],
        initial={u: bump},
    )
    with pytest.warns(sn.SolveWarning, match='scheme="fourier_dealiased"'):
        assert not sn.solve(system, resolution=256).success
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solved = sn.solve(system, resolution=256, scheme="fourier_dealiased")
    assert solved.success
    mass = solved[u].mean("x").values
    assert abs(mass - mass[0]).max() < 1e-8
