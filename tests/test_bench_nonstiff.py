"""The peers of the bench on smooth equations compute the same thing."""

from __future__ import annotations

import ctypes
from dataclasses import replace

import numpy as np
import pytest

from benchmarks import nonstiff
from symnum.solvers.problem import Problem


def test_ring_in_c_has_the_slopes_of_numpy():
    library = nonstiff._library("_tsit5_ring.c")
    if library is None:
        pytest.skip("no C compiler")
    state = nonstiff._ring_start() + np.random.default_rng(0).normal(0, 0.01, 4 * nonstiff.BODIES)
    out = np.empty_like(state)
    library.slopes(ctypes.c_void_p(state.ctypes.data), ctypes.c_void_p(out.ctypes.data))
    np.testing.assert_allclose(out, nonstiff._ring_slopes(0.0, state), rtol=1e-11, atol=1e-13)
    assert np.abs(out.reshape(4, -1)[2:].sum(axis=1)).max() < 1e-13  # action is reaction


def test_ring_starts_on_circles():
    """The acceleration is v^2 toward the centre."""
    x, y, u, v = nonstiff._ring_start().reshape(4, -1)
    ax, ay = nonstiff._ring_slopes(0.0, nonstiff._ring_start()).reshape(4, -1)[2:]
    np.testing.assert_allclose([ax, ay], [-(u**2 + v**2) * x, -(u**2 + v**2) * y], rtol=1e-12, atol=1e-13)


def test_lorenz_agrees_in_all_runs():
    problem = replace(nonstiff._lorenz(), t1=2.0)
    expected = nonstiff._scipy(nonstiff._lorenz_slopes, problem, 1e-12)[1]
    assert isinstance(problem, Problem)
    for method in nonstiff.METHODS:
        np.testing.assert_allclose(nonstiff._ours(problem, method)[1], expected, atol=2e-6)
    by_hand = nonstiff._c_loop("Lorenz")
    if by_hand is not None:
        np.testing.assert_allclose(by_hand(problem)[1], expected, atol=2e-6)
