"""Numbers that remember the lengths they are made of: polynomials against SymPy, values against ordinary floats."""

from __future__ import annotations

import pickle
from fractions import Fraction
from functools import reduce
from operator import add, mul, sub, truediv
from typing import Any

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from symnum.expr.laurent import Laurent
from symnum.expr.term import Const, Symbol, scale

DX, DY = Laurent.of("dx", 0.5), Laurent.of("dy", 2.0)  # on this grid many monomials are equal in value
SYMBOLS = {"dx": sympy.Symbol("dx"), "dy": sympy.Symbol("dy")}


def as_sympy(value: Laurent) -> Any:
    """The polynomial that a number says it is."""
    return sum(
        sympy.Rational(q.numerator, q.denominator) * sympy.prod([SYMBOLS[length.name] ** e for length, e in monomial])
        for monomial, q in value.parts.items()
    )


@given(
    st.lists(
        st.tuples(st.sampled_from([add, sub, mul, truediv]), st.sampled_from([DX, DY, 2, 0.1, Fraction(1, 3)])),
        max_size=6,
    )
)
def test_arithmetic_is_that_of_polynomials(steps: list[tuple[Any, Any]]) -> None:
    """From dx on, one operation after the other, the last operand on the right; division by monomials only."""

    def other(x: Any) -> Any:
        exact = Fraction(repr(x)) if type(x) is float else x
        return as_sympy(x) if isinstance(x, Laurent) else sympy.Rational(exact)

    value = reduce(lambda a, step: step[0](a, step[1]), steps, DX)
    exact = reduce(lambda a, step: step[0](a, other(step[1])), steps, SYMBOLS["dx"])
    if not isinstance(value, Laurent):
        assert float(sympy.expand(exact)) == pytest.approx(value, rel=1e-9, abs=1e-9)
        return
    assert sympy.expand(as_sympy(value) - exact) == 0
    assert float(value) == pytest.approx(float(exact.subs({SYMBOLS["dx"]: 0.5, SYMBOLS["dy"]: 2.0})), rel=1e-9, abs=1e-9)


def test_equal_values_are_not_equal_numbers() -> None:
    assert 1 / DX != DY and 2 * DX != 1 and DX * DY != 1 and 1 - 2 * DX != 0
    assert 1 / DX + DY - DY == 1 / DX and (DX / DX) == 1 and DX - DX == 0
    assert hash(2 * DX) == hash(1.0)
    assert Const(1 / DX) is not Const(DY) and Const(1 / DX) is Const(2 / (2 * DX))
    u = Symbol("u", "field")
    assert scale(u, 2 * DX) is not u and scale(u, DX / DX) is u


def test_what_is_no_polynomial_is_opaque() -> None:
    """1/(1 + dx) times 1/dx is not a number over dx."""
    made = 1 / (1 + DX)
    assert made == 1 / (1 + DX) and made.parts == {} and float(made) == pytest.approx(2 / 3)
    assert (made / DX).parts == {} and (made + DX).parts == {} and (-made).parts == {} and (made**2).parts == {}
    assert made != float(made) and abs(-made) == made and DX**-2 == 1 / DX / DX


def test_pickles() -> None:
    assert pickle.loads(pickle.dumps(1 / DX + 3)) == 1 / DX + 3
