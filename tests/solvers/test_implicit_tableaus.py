"""Coefficients of the implicit methods: order conditions of ordinary, algebraic and parabolic problems, and stability."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from symnum.solvers.embedded.methods import kencarp4, kencarp4_imex, radau5, rodas3, rodas5p, trbdf2
from symnum.solvers.embedded.sdirk import additive_residuals

ROSENBROCK = {"Rodas3": rodas3.TABLEAU, "Rodas5P": rodas5p.TABLEAU}
SDIRK = {"TRBDF2": trbdf2.TABLEAU, "KenCarp4": kencarp4.TABLEAU, "KenCarp4-IMEX": kencarp4_imex.TABLEAU}


def runge_kutta(name):
    """(A, b) whose stability function is the method's: for Rosenbrock methods beta takes the place of A."""
    if name in ROSENBROCK:
        tableau = ROSENBROCK[name]
        return tableau.alpha + tableau.big_gamma, tableau.b
    if name == "Radau5":
        matrix = radau5.collocation(radau5.NODES)
        return matrix, matrix[-1]
    tableau = SDIRK[name]
    return np.array(tableau.matrix, dtype=float), np.array(tableau.b, dtype=float)


def stability(name, z):
    """R(z) = 1 + z b (I - z A)^-1 1."""
    matrix, b = runge_kutta(name)
    one = np.ones(len(b))
    return 1 + z * (b @ np.linalg.solve(np.eye(len(b)) - z * matrix, one))


@pytest.mark.parametrize("name", [*ROSENBROCK, "TRBDF2", "KenCarp4", "Radau5"])
def test_l_stable(name):
    """|R| <= 1 on the imaginary axis, no pole on the left (so |R| <= 1 there), and R vanishes at infinity."""
    matrix, _ = runge_kutta(name)
    for y in np.concatenate([np.linspace(0, 20, 400), np.logspace(1.3, 5, 100)]):
        assert abs(stability(name, 1j * y)) <= 1 + 1e-12
    assert np.linalg.eigvals(matrix).real.min() >= -1e-12  # poles of R are their inverses
    assert abs(stability(name, -1e9)) < 1e-7


@pytest.mark.parametrize("name", ROSENBROCK)
def test_rosenbrock_orders_are_not_higher_than_stated(name):
    """All conditions up to the stated orders hold (checked at birth); one of the next order does not."""
    tableau = ROSENBROCK[name]
    for weights, order in ((tableau.b, tableau.order), (tableau.embedded, tableau.embedded_order)):
        assert max(abs(r) for _, r in tableau.residuals(weights, order)) < 1e-12
        assert max(abs(r) for _, r in tableau.residuals(weights, order + 1)) > 1e-3


@pytest.mark.parametrize("name", ROSENBROCK)
def test_rosenbrock_conditions_of_algebraic_equations(name):
    """Index 1, with omega = beta^-1: Hairer, Wanner II, section VI.4 (order 3, and for Rodas5P orders 4 and 5 of the algebraic part)."""
    tableau = ROSENBROCK[name]
    alpha, beta, b = tableau.alpha, tableau.alpha + tableau.big_gamma, tableau.b
    omega, a, sums = np.linalg.inv(beta), alpha.sum(axis=1), beta.sum(axis=1)
    assert b @ omega @ a**2 == pytest.approx(1, abs=1e-12)
    if name == "Rodas5P":
        assert b @ omega @ a**3 == pytest.approx(1, abs=1e-12)
        assert b @ omega @ a**4 == pytest.approx(1, abs=1e-12)
        assert b @ omega @ (a * (alpha @ sums)) == pytest.approx(1 / 2, abs=1e-12)
        assert (b * a) @ alpha @ omega @ a**2 == pytest.approx(1 / 4, abs=1e-12)
        assert (b * a**2) @ alpha @ omega @ a**2 == pytest.approx(1 / 5, abs=1e-12)
        assert (b * a) @ alpha @ omega @ a**3 == pytest.approx(1 / 5, abs=1e-12)


def test_rodas5p_conditions_of_linear_parabolic_equations():
    """b beta^j (2 beta^2 1 - alpha^2) = 0 and b beta^j (6 beta^3 1 - alpha^3) = 0 for every j (Steinebach 2023, section 2)."""
    tableau = rodas5p.TABLEAU
    beta, a = tableau.alpha + tableau.big_gamma, tableau.alpha.sum(axis=1)
    sums = beta.sum(axis=1)
    for j in range(tableau.stages):
        row = tableau.b @ np.linalg.matrix_power(beta, j)
        assert row @ (2 * beta @ sums - a**2) == pytest.approx(0, abs=1e-13)
        assert row @ (6 * beta @ beta @ sums - a**3) == pytest.approx(0, abs=1e-13)


def test_rodas5p_feels_df_dt_in_second_order_only():
    """sum b_i d_i = 0: rounding in the difference for df/dt is multiplied by h^3, not h^2."""
    assert rodas5p.TABLEAU.b @ np.array(rodas5p.TABLEAU.d) == pytest.approx(0, abs=1e-13)


def test_slips_in_rosenbrock_coefficients_are_found():
    tableau = rodas5p.TABLEAU
    with pytest.raises(AssertionError, match="alpha do not sum"):
        replace(tableau, a=((3.0001,), *tableau.a[1:]))
    with pytest.raises(AssertionError, match="order condition"):
        replace(tableau, m=(*tableau.m[:-1], 1.0001))
    with pytest.raises(AssertionError, match="order condition"):
        replace(tableau, embedded_order=5)
    with pytest.raises(AssertionError, match="continuous extension"):
        replace(
            tableau,
            dense=((tableau.dense[0][0] + 1e-3, tableau.dense[0][1] - 1e-3, *tableau.dense[0][2:]), *tableau.dense[1:]),
        )


@pytest.mark.parametrize("name", SDIRK)
def test_sdirk_orders_are_not_higher_than_stated(name):
    tableau = SDIRK[name]
    for weights, order in ((tableau.b, tableau.order), (tableau.embedded, tableau.embedded_order)):
        assert max(abs(r) for _, r in additive_residuals((tableau.matrix,), weights, order)) <= tableau.tolerance
        assert max(abs(r) for _, r in additive_residuals((tableau.matrix,), weights, order + 1)) > 1e-4


def test_partners_of_the_imex_method_fit_together():
    """Each inner edge of a rooted tree takes either matrix: 1 + 1 + 3 + 9 conditions up to order 4."""
    tableau = kencarp4_imex.TABLEAU
    both = list(additive_residuals((tableau.matrix, tableau.explicit_matrix), tableau.b, 4))
    assert len(both) == 14 and max(abs(r) for _, r in both) < 1e-24
    rows = list(tableau.explicit)
    rows[3] = (rows[3][0] + rows[3][1] / 7, rows[3][1] * 6 / 7, *rows[3][2:])  # row sums stay
    with pytest.raises(AssertionError, match="order condition"):
        replace(tableau, explicit=tuple(rows))


def test_slips_in_sdirk_coefficients_are_found():
    rows = list(kencarp4.TABLEAU.a)
    rows[1] = (rows[1][0] + 1, *rows[1][1:])
    with pytest.raises(AssertionError, match="row 2"):
        replace(kencarp4.TABLEAU, a=tuple(rows))
    with pytest.raises(AssertionError, match="order condition"):
        replace(trbdf2.TABLEAU, order=3)


def test_radau_is_collocation_of_order_5():
    """B(5) and C(3) of Butcher; the transformation makes blocks of A^-1; g, a, b as in Hairer, Wanner II, IV.8."""
    matrix, nodes = radau5.collocation(radau5.NODES), np.array(radau5.NODES)
    for k in range(1, 6):
        assert matrix[-1] @ nodes ** (k - 1) == pytest.approx(1 / k, abs=1e-15)
    for k in range(1, 4):
        np.testing.assert_allclose(matrix @ nodes ** (k - 1), nodes**k / k, atol=1e-15)
    blocks = np.array([[radau5.G, 0, 0], [0, radau5.ALPHA, -radau5.BETA], [0, radau5.BETA, radau5.ALPHA]])
    np.testing.assert_allclose(np.linalg.inv(matrix) @ radau5.T, radau5.T @ blocks, atol=1e-13)
    cube, square = 9 ** (1 / 3), 81 ** (1 / 3)
    assert pytest.approx((6 + square - cube) / 30, rel=1e-14) == 1 / radau5.G
    inverse = 1 / (radau5.ALPHA + 1j * radau5.BETA)
    assert inverse.real == pytest.approx((12 - square + cube) / 60, rel=1e-14)
    assert abs(inverse.imag) == pytest.approx((square + cube) * 3**0.5 / 60, rel=1e-14)
