"""ROCK4: its coefficients against the conditions that define them, and what it saves on diffusion."""

from __future__ import annotations

import numpy as np
import pytest

from symnum.solvers.backend import solve
from symnum.solvers.embedded import rock4_construction as construction
from symnum.solvers.embedded.methods.rock4 import COLUMNS, tables
from symnum.solvers.embedded.rock4_coefficients import COEFFICIENTS
from symnum.solvers.problem import Options, Problem

DEGREES = (1, 2, 3, 7, 16, 20, 41, 81, 148, 194)


def row(degree):
    """(stable length, (m, 2) recurrence, the ten of the finish, the five of the estimate) as the method reads them."""
    rows, pairs = tables()
    rows = rows.reshape(-1, len(COLUMNS))
    m, offset, length, *numbers = rows[list(COEFFICIENTS).index(degree)]
    assert m == degree
    recurrence = pairs[int(offset) : int(offset) + 2 * degree].reshape(-1, 2)
    return length, recurrence, np.array(numbers[:10]), np.array(numbers[10:])


def amplification(degree, z):
    """(R(z), estimate of y' = lambda y) of one step, by doing the step."""
    _, recurrence, finish, e = row(degree)
    before, now = np.ones_like(z), 1 + recurrence[0, 0] * z
    for mu, nu in recurrence[1:]:
        before, now = now, mu * z * now + (1 + nu) * now - nu * before
    a = np.zeros((4, 4))
    a[1, 0], a[2, :2], a[3, :3] = finish[0], finish[1:3], finish[3:6]
    slopes = []
    for i in range(4):
        slopes.append(z * (now + sum(a[i, j] * k for j, k in enumerate(slopes))))
    new = now + sum(b * k for b, k in zip(finish[6:], slopes, strict=True))
    return new, sum(w * k for w, k in zip(e, [*slopes, z * new], strict=True))


@pytest.mark.parametrize("degree", DEGREES)
def test_stable_on_a_long_interval_with_damping(degree):
    """|R| <= 0.95 from where exp has fallen to that, up to l = 0.351 s^2 (from 9 stages on 0.31 s^2)."""
    length, s = row(degree)[0], degree + 4
    assert length / s**2 > (0.23 if degree == 1 else 0.27 if degree < 5 else 0.325 if degree < 15 else 0.34)
    z = -length * (1 - np.cos(np.linspace(0, np.pi, 40 * s))) / 2
    values, estimate = amplification(degree, z)
    rounding = 1e-15 * length**4 / 100
    assert np.abs(values).max() <= 1 + 1e-12 + rounding
    inside = z < -0.06
    assert np.abs(values[inside]).max() <= construction.DAMPING + 1e-6 + rounding
    assert np.abs(estimate[inside]).max() < 2 + rounding


@pytest.mark.parametrize("degree", DEGREES)
def test_order_conditions(degree):
    """All trees: of order 4 for the step, of order 3 for the estimate, which does not vanish in order 4."""
    _, recurrence, finish, e = row(degree)
    start = construction.start_series(recurrence)
    assert np.abs(construction.residuals(finish, start, (1, 2, 3, 4))).max() < 1e-12
    assert np.abs(construction.residuals(finish, start, (5,))).max() > 1e-5
    slopes = construction.stage_series(finish, start)
    for order in (1, 2, 3, 4):
        sums = []
        for tree in construction.TREES[order]:
            last = np.prod([1 / construction.density(branch) for branch in tree])
            sums.append(abs(e[:4] @ slopes[tree] + e[4] * last))
        assert max(sums) < 1e-13 if order < 4 else max(sums) > 1e-8


def test_the_table_is_what_the_construction_gives():
    made = construction.coefficients((10, 16))
    for degree, numbers in made.items():
        np.testing.assert_allclose(numbers[:5], COEFFICIENTS[degree][:5], rtol=1e-9)
        np.testing.assert_allclose(numbers[5:], COEFFICIENTS[degree][5:], atol=1e-3)  # a flat minimum


def test_zeros_agree_with_the_paper():
    """Zeros of w in z for s = 20 (R. Abdulle's published code: -2.468 + 1.305i, -0.2916 + 3.532i)."""
    numbers = COEFFICIENTS[16]
    zeros = (complex(*numbers[:2]), complex(*numbers[2:4]))
    kappa = construction.taylor(construction.orthogonal(zeros, 16), numbers[4])[1]
    found = [(zero - numbers[4]) * kappa for zero in zeros]
    np.testing.assert_allclose(found, [-2.468 + 1.305j, -0.2916 + 3.532j], atol=3e-3)


def heat(n):
    def rhs(t, y, out):
        out[:] = (np.roll(y, 1) - 2 * y + np.roll(y, -1)) * n**2

    x = np.arange(n) / n
    rate = -4 * n**2 * np.sin(np.pi / n) ** 2  # of the discrete Laplacian for the mode sin(2 pi x)
    return rhs, np.sin(2 * np.pi * x), rate


@pytest.mark.parametrize("radius", [None, 4.0 * 80**2])
def test_diffusion_at_tight_tolerances(radius):
    """A tenth of the evaluations of Dopri5, fewer than RKC2, at an error near the tolerance."""
    rhs, start, rate = heat(80)
    problem, exact = Problem(rhs, start, 0, 0.1, spectral_radius=radius), start * np.exp(0.1 * rate)
    runs = {m: solve(problem, Options(m, rtol=1e-8, atol=1e-9)) for m in ("ROCK4", "RKC2", "Dopri5")}
    counts = {m: run.stats["rhs_evaluations"] for m, run in runs.items()}
    assert np.abs(runs["ROCK4"].y[-1] - exact).max() < 1e-7
    assert counts["ROCK4"] < min(counts["RKC2"], counts["Dopri5"]) / 3


def test_steps_longer_than_the_longest_polynomial_are_shortened():
    """Radius 1e9: the step is limited by 0.351 * 198^2 / 1e9, and rounding at this tolerance asks for less."""
    rate = 1e9

    def rhs(t, y, out):
        out[:] = -rate * (y - 1)

    problem = Problem(rhs, [1.0], 0, 1e-4, spectral_radius=rate)
    run = solve(problem, Options("ROCK4", rtol=1e-3, atol=1e-3, every_step=True))
    assert run.success
    assert np.diff(run.t).max() < 0.351 * 198**2 / rate
    np.testing.assert_allclose(run.y, 1.0, atol=4e-3)  # two tolerances
