"""Finite-difference weights: exact on polynomials, on any nodes."""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symnum.discretisation.schemes.central import stencil
from symnum.discretisation.weights import stencil_weights
from symnum.errors import DiscretisationError

rationals = st.fractions(-5, 5, max_denominator=6)
nodes = st.lists(rationals, min_size=1, max_size=8, unique=True)


def derivative_of_power(k: int, m: int, z: Fraction) -> Fraction:
    """d^m/dx^m x^k at z."""
    return Fraction(factorial(k), factorial(k - m)) * z ** (k - m) if k >= m else Fraction(0)


@given(nodes=nodes, m=st.integers(0, 5), at=rationals)
def test_exact_on_polynomials(nodes: list[Fraction], m: int, at: Fraction) -> None:
    if len(nodes) <= m:
        with pytest.raises(ValueError, match=f"more than {m} distinct nodes"):
            stencil_weights(nodes, m, at)
        return
    weights = stencil_weights(nodes, m, at)
    for k in range(len(nodes)):
        assert sum(w * x**k for w, x in zip(weights, nodes, strict=True)) == derivative_of_power(k, m, at)


def test_repeated_nodes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"distinct"):
        stencil_weights([0, 1, 1, 2], 1)


def test_tables_of_the_literature() -> None:
    """Fornberg 1988, tables 1 and 2."""
    f = Fraction
    assert stencil(2, 2, staggered=False) == [(-1, 1), (0, -2), (1, 1)]
    assert [w for _, w in stencil(1, 4, staggered=False)] == [f(1, 12), f(-2, 3), f(2, 3), f(-1, 12)]
    assert [w for _, w in stencil(2, 4, staggered=False)] == [f(-1, 12), f(4, 3), f(-5, 2), f(4, 3), f(-1, 12)]
    assert [w for _, w in stencil(3, 2, staggered=False)] == [f(-1, 2), 1, -1, f(1, 2)]
    assert [w for _, w in stencil(4, 2, staggered=False)] == [1, -4, 6, -4, 1]
    assert stencil(1, 2, staggered=True) == [(f(-1, 2), -1), (f(1, 2), 1)]
    assert stencil(0, 2, staggered=True) == [(f(-1, 2), f(1, 2)), (f(1, 2), f(1, 2))]
    assert [w for _, w in stencil(1, 4, staggered=True)] == [f(1, 24), f(-9, 8), f(9, 8), f(-1, 24)]


@given(
    m=st.integers(0, 4),
    order=st.sampled_from([2, 4, 6, 8]),
    staggered=st.booleans(),
    low=st.integers(0, 6),
    high=st.integers(0, 12),
)
def test_windows_stay_inside_and_keep_their_order(m: int, order: int, staggered: bool, low: int, high: int) -> None:
    """A stencil near a side uses nodes inside alone and is exact for polynomials of degree < m + order."""
    shift = Fraction(1, 2) if staggered else Fraction(0)
    limits = (-low - shift, high + shift)
    try:
        made = stencil(m, order, staggered=staggered, limits=limits)
    except DiscretisationError as error:
        assert "raise resolution" in str(error) and low + high + 1 + 2 * shift < m + order + 1
        return
    assert all(limits[0] <= x <= limits[1] for x, _ in made)
    for k in range(m + order):
        assert sum(w * x**k for x, w in made) == derivative_of_power(k, m, Fraction(0))
