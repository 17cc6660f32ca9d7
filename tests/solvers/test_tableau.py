"""Tableaux are checked when they are made."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from symnum.solvers.embedded.method import bytes_per_step, methods
from symnum.solvers.embedded.methods import dopri5, tsit5, vern7
from symnum.solvers.embedded.tableau import density, order_residuals, rooted_trees


def test_rooted_trees_are_counted_as_by_cayley():
    """Sequence A000081."""
    assert [len(rooted_trees(n)) for n in range(1, 8)] == [1, 1, 2, 4, 9, 20, 48]
    assert sorted(map(density, rooted_trees(4))) == [4, 8, 12, 24]


PAIRS = {"Tsit5": tsit5.TABLEAU, "Dopri5": dopri5.TABLEAU, "Vern7": vern7.TABLEAU}


@pytest.mark.parametrize("tableau", PAIRS.values(), ids=PAIRS)
def test_orders_are_not_higher_than_stated(tableau):
    """All conditions up to the stated order hold (checked at birth); one of the next order does not."""
    for weights, order in ((tableau.b, tableau.order), (tableau.embedded, tableau.embedded_order)):
        assert max(abs(r) for _, r in order_residuals(tableau, weights, order)) <= tableau.tolerance
        assert max(abs(r) for _, r in order_residuals(tableau, weights, order + 1)) > 1e-6


@pytest.mark.parametrize("tableau", PAIRS.values(), ids=PAIRS)
def test_dense_output_satisfies_the_order_conditions_in_between(tableau):
    """sum b_i(theta) Phi_i = theta^|tree| / gamma for trees up to the dense order."""
    theta = Fraction(3, 8)
    weights = tuple(float(sum(Fraction(c) * theta ** (k + 1) for k, c in enumerate(row))) for row in tableau.dense)
    for tree, residual in order_residuals(tableau, weights, tableau.dense_order):
        size = str(tree).count("(")
        exact = (theta**size - 1) * Fraction(1, density(tree))
        assert abs(residual - exact) < (1e-12 if tableau is vern7.TABLEAU else 1e-13)  # its coefficients reach 1200


def test_a_slip_in_a_coefficient_is_found():
    rows = list(dopri5.TABLEAU.a)
    rows[2] = (Fraction(44, 45), Fraction(-56, 15), Fraction(33, 9))
    with pytest.raises(AssertionError, match="row 3"):
        replace(dopri5.TABLEAU, a=tuple(rows))
    with pytest.raises(AssertionError, match="order condition"):
        replace(tsit5.TABLEAU, order=6)
    with pytest.raises(AssertionError, match="continuous extension"):
        replace(dopri5.TABLEAU, dense=((1, 2, 3, 4), *dopri5.TABLEAU.dense[1:]))


def test_floor_of_memory_traffic():
    """By hand for Tsit5: combinations 3 + 4 + 5 + 6 + 7 + 8, norm 9; Dopri5 has zeros in its last row and error."""
    assert bytes_per_step(methods()["Tsit5"].parts) == 8 * 42
    assert bytes_per_step(methods()["Dopri5"].parts) == 8 * 40
