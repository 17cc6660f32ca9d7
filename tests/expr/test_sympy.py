"""SymPy at the border, both ways."""

from __future__ import annotations

import math
import struct
from fractions import Fraction

import pytest
import sympy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from symnum.errors import TermError
from symnum.expr import build
from symnum.expr.calculus import diff
from symnum.expr.names import CoordinateInfo, FieldInfo
from symnum.expr.ops import STRUCTURAL, TABLE
from symnum.expr.sympy import from_sympy, to_sympy
from symnum.expr.term import Const, Symbol, add, as_term, call
from tests.expr.samples import NAMES, terms, value

X, Y, Z = (Symbol(name) for name in "xyz")
SX, SY, ST = sympy.symbols("x y t")
SU = sympy.Function("u")(ST, SX)
SCOPE = vars(NAMES)


def test_terms_become_what_a_sympy_user_would_write():
    assert to_sympy(X**2 + 2 * Y / 3 - 1) == SX**2 + sympy.Rational(2, 3) * SY - 1
    assert to_sympy(build.sqrt(X) * build.exp(-Y) + build.pi) == sympy.sqrt(SX) * sympy.exp(-SY) + sympy.pi
    assert to_sympy(build.where(X < 1, Y, 0)) == sympy.Piecewise((SY, SX < 1), (0, True))
    assert to_sympy(build.maximum(X, Y) + abs(X)) == sympy.Max(SX, SY) + sympy.Abs(SX)
    assert to_sympy((X > 0) & (Y <= 1)) == sympy.And(SX > 0, SY <= 1)
    assert to_sympy(build.ceil(X)) == sympy.ceiling(SX) and to_sympy(Const(True)) is sympy.true
    assert X.to_sympy() == SX


def test_fields_and_derivatives(n):
    t, x = sympy.symbols("t x")
    u = sympy.Function("u")(*sympy.symbols("t x y theta"))
    assert to_sympy(n.u) == u and to_sympy(n.w) == sympy.Function("w")(t)
    assert to_sympy(diff(n.u, n.x, 2)) == sympy.Derivative(u, (x, 2)) == u.diff(x, 2)
    assert to_sympy(diff(n.u, n.t, n.x)) == u.diff(t, x)
    assert to_sympy(diff(n.u**2, n.x)) == sympy.Derivative(u**2, x)


@pytest.mark.parametrize(
    "term",
    [
        NAMES.alpha * (diff(NAMES.u, NAMES.x, 2) + diff(NAMES.u, NAMES.y, 2)) - (NAMES.alpha + 1) * NAMES.u + 3.4,
        0.1 * (NAMES.x + 0.7),
        build.sqrt(0.3 * NAMES.x),
        (0.3 * NAMES.x) ** NAMES.t,
        diff(NAMES.u**2, NAMES.x) + diff(NAMES.w, NAMES.t, 3),
        build.where(NAMES.x <= 1, NAMES.u, build.where(NAMES.y > 0.5, NAMES.x**NAMES.y, -2)),
        -(NAMES.x + NAMES.y) + Fraction(1, 3),
        NAMES.x ** Fraction(1, 3) / (1 + NAMES.x),
        NAMES.x - (NAMES.y + NAMES.t),
        Const(math.inf) * NAMES.x,
    ],
    ids=str,
)
def test_round_trip_gives_the_same_object(term):
    assert from_sympy(to_sympy(term), SCOPE) is term


@settings(max_examples=200, deadline=None)
@given(st.floats(allow_nan=False))
def test_floats_come_back_bit_for_bit(number):
    back = from_sympy(to_sympy(Const(number))).data[0]
    if number == 0:
        assert back == 0  # SymPy has no negative zero
    else:
        assert struct.pack("<d", back) == struct.pack("<d", number)
        assert from_sympy(to_sympy(X * number + 1)) is X * number + 1 or abs(number) == 1


@settings(max_examples=100, deadline=None)
@given(st.fractions())
def test_fractions_stay_exact(number):
    assert from_sympy(to_sympy(Const(number))) is Const(number)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(terms([X, Y], smooth=True, max_leaves=10))
def test_values_agree_both_ways(term):
    at = {X: 0.37, Y: -0.61}
    expression = to_sympy(term)
    ours = float(value(term, at))
    theirs = expression.evalf(30, subs={SX: at[X], SY: at[Y]})
    back = float(value(from_sympy(expression, {"x": X, "y": Y}), at))
    if abs(theirs) < 1e100:
        assert ours == pytest.approx(float(theirs), rel=1e-7, abs=1e-7)
        assert back == pytest.approx(float(theirs), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("op", sorted(op for op in TABLE if op not in STRUCTURAL))
def test_every_operator_has_the_same_value_in_sympy(op):
    arguments = (X, Y, Z)[: TABLE[op].arity]
    if op in ("and", "or", "not"):
        arguments = tuple(a > 0.5 for a in arguments)
    if op == "where":
        arguments = (X > 0.5, Y, Z)
    term = call(op, *arguments)
    for point in ((0.37, 0.61, 2.0), (0.83, 0.29, -1.0), (1.7, 1.7, 0.5)):
        at = dict(zip((X, Y, Z), point, strict=True))
        if (op in ("asin", "acos", "atanh") and point[0] > 1) or (op == "acosh" and point[0] < 1):
            continue
        theirs = to_sympy(term).subs({sympy.Symbol(k.name): v for k, v in at.items()})
        theirs = bool(theirs) if TABLE[op].boolean else float(theirs)
        assert float(value(term, at)) == pytest.approx(float(theirs), rel=1e-12)
        assert float(value(from_sympy(to_sympy(term), {"x": X, "y": Y, "z": Z}), at)) == pytest.approx(float(theirs))


def test_truth_values_used_as_numbers_keep_their_meaning():
    term = 5 * (X >= 1) + build.where(Y, 1, 2)
    for x, y in ((0.5, 0.0), (1.0, 3.0)):
        expected = 5 * (x >= 1) + (1 if y else 2)
        assert to_sympy(term).subs({SX: x, SY: y}) == expected
        assert value(from_sympy(to_sympy(term), {"x": X, "y": Y}), {X: x, Y: y}) == expected


def test_applied_functions_become_fields():
    t = Symbol("t", "coordinate", CoordinateInfo("time"))
    x = Symbol("x", "coordinate", CoordinateInfo("space"))
    u = Symbol("u", "field", FieldInfo((t, x)))
    assert from_sympy(SU * SX) is u * x
    assert from_sympy(SU.diff(SX, 2, ST)) is diff(u, x, 2, t)
    assert from_sympy(sympy.Derivative(SU**2 * SX, SX)) is diff(u**2 * x, x)
    assert from_sympy(sympy.Derivative(sympy.sin(SY * SX), SY)) is X * build.cos(X * Y)
    assert as_term(SU + 1) is u + 1 and (u + SX).op == "add"


def test_names_are_reused(n):
    assert from_sympy(sympy.Symbol("alpha") * SX, SCOPE) is n.alpha * n.x
    odd = sympy.Symbol("x_{1}")
    assert from_sympy(odd**2, {"x_{1}": X}) is X**2
    with pytest.raises(TermError, match="does not match"):
        from_sympy(SU, SCOPE)  # u is declared on t, x, y, theta


@pytest.mark.parametrize(
    ("expression", "term"),
    [
        (sympy.E, build.exp(1)),
        (sympy.sec(SX) * sympy.csc(SX) * sympy.cot(SX), 1 / (build.cos(X) * build.sin(X) * build.tan(X))),
        (sympy.sech(SX) + sympy.csch(SX) + sympy.coth(SX), 1 / build.cosh(X) + 1 / build.sinh(X) + 1 / build.tanh(X)),
        (sympy.Heaviside(SX, 1), build.where(X >= 0, 1, 0)),
        (sympy.Heaviside(SX, 0), build.where(X > 0, 1, 0)),
        (sympy.Heaviside(SX), build.where(X > 0, 1, build.where(X < 0, 0, build.rational(1, 2)))),
        (sympy.Max(SX, SY), build.maximum(X, Y)),
        (sympy.erfc(SX), 1 - build.erf(X)),
        (sympy.Eq(SX, SY), build.equal(X, Y)),
        (sympy.Ne(SX, 1), call("ne", X, Const(1))),
        (sympy.Float("0.1", 50), Const(0.1)),
        (sympy.oo, Const(math.inf)),
        (sympy.Piecewise((1, SX < 0), (2, SX < 1), (3, True)), build.where(X < 0, 1, build.where(X < 1, 2, 3))),
        (sympy.Pow(sympy.E, SX, evaluate=False), build.exp(X)),
    ],
    ids=str,
)
def test_what_sympy_has_and_we_express(expression, term):
    assert from_sympy(expression) is term


def test_extrema_of_many_arguments():
    term = from_sympy(sympy.Min(SX, SY, ST, 2))
    assert [value(term, {X: 5, Y: 4, Symbol("t"): k}) for k in (1, 3)] == [1, 2]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        (sympy.I * SX, "I .ImaginaryUnit."),
        (sympy.zoo, "zoo"),
        (sympy.nan, "nan"),
        (sympy.Subs(SU.diff(SX), SX, 0), "Subs"),
        (SU.subs(SX, 0), "not a field of coordinates"),
        (sympy.Function("u")(ST) + SU, "two different SymPy objects"),
        (sympy.Symbol("x", real=True) + SX, "two different SymPy objects"),
        (sympy.DiracDelta(SX), "DiracDelta"),
        (sympy.Integral(sympy.Function("f")(SX), SX), "Integral"),
        (sympy.Piecewise((1, SX < 1)), "end it with"),
        (sympy.Symbol("a b"), "not an identifier"),
        (sympy.Symbol("a", commutative=False), "does not commute"),
        (sympy.Tuple(SX, SY), "Tuple"),
        (sympy.Matrix([1]), "expected a SymPy expression"),
        (sympy.Float("1e400"), "too large"),
        ("__import__('os')", "expected a SymPy expression"),
        (sympy.gamma(SX), "gamma"),
        (sympy.Derivative(SU, (SX, sympy.Symbol("k"))), "order"),
    ],
    ids=lambda row: str(row)[:30],
)
def test_refusals_name_the_object(expression, message):
    with pytest.raises(TermError, match=message):
        from_sympy(expression)


def test_two_symbols_of_one_name_are_refused(n):
    with pytest.raises(TermError, match="two different symbols"):
        to_sympy(n.x + X)


def test_operators_accept_sympy_on_either_side():
    assert X + SY is X + Y and SY + X is X + Y
    assert SY * X is X * Y and 2 / (X - SY) is 2 / (X - Y)


def test_ten_thousand_nodes_convert_without_recursion():
    deep = X
    for k in range(5000):
        deep = build.sin(deep) + k
    assert from_sympy(to_sympy(deep)) is deep
    wide = add([Symbol(f"q{i}") * X ** (i % 7) for i in range(3000)])
    assert from_sympy(to_sympy(wide)) is wide


def test_names_may_be_a_list_of_symbols():
    x = Symbol("x", "parameter")
    assert from_sympy(SX + SY, [x]) is from_sympy(SX + SY, {"x": x})
    for names, message in (
        ([SU], "names holds u"),
        (["x"], "names holds 'x' of type str"),
        (3, "names=3 are no symbols"),
        ("x", "names='x'"),
    ):
        with pytest.raises(TermError, match=message):
            from_sympy(SX, names)
