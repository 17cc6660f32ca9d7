"""The wire form: frozen codes, round trips that give the same objects, and damaged arrays that give sentences."""

from __future__ import annotations

import sys
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from symnum.bridge.wire import Wire, decode, encode, shown
from symnum.bridge.wire_codes import CODES, LAYOUTS
from symnum.errors import TermError
from symnum.expr.build import pi, sin
from symnum.expr.calculus import derivative
from symnum.expr.integral import integral
from symnum.expr.laurent import Laurent
from symnum.expr.names import FieldInfo, ParameterInfo
from symnum.expr.network import OPERATORS, Shape, network, weights
from symnum.expr.ops import TABLE
from symnum.expr.term import Const, Symbol, Term, call, make_call
from symnum.rewrite.share import share
from tests.expr.samples import NAMES, terms

N = NAMES
LEAVES: list[Term] = [
    N.t, N.x, N.u, N.v, N.w, N.alpha, Symbol("a"), Symbol("_1", "temporary"), Symbol("i0", "index", 0), Symbol("s", "symbol", "note"),
    Symbol("k", "parameter", ParameterInfo(1, "1/s")), Symbol("k", "parameter", ParameterInfo(1.0, "1/s")),
    Symbol("q", "parameter", ParameterInfo(None)), Symbol("z", "field", FieldInfo((), "complex128", "m")),
    Const(2**200 + 1), Const(Fraction(-(3**80), 2**70)), Const(True), Const(-(2**63)), Const(2**63), Const(float("-inf")), Const(-0.0),
]  # fmt: skip

# What version 1 says, once more: these numbers may never change.
FROZEN = {
    "add": 16, "mul": 17, "pow": 18, "derivative": 19, "integral": 20, "table": 21, "pi": 22, "exp": 32, "log": 33, "sin": 34, "cos": 35, "tan": 36,
    "sinh": 37, "cosh": 38, "tanh": 39, "asin": 40, "acos": 41, "atan": 42, "asinh": 43, "acosh": 44, "atanh": 45, "atan2": 46, "erf": 47,
    "abs": 48, "sign": 49, "floor": 50, "ceil": 51, "minimum": 52, "maximum": 53, "where": 64, "lt": 65, "le": 66, "gt": 67, "ge": 68, "eq": 69,
    "ne": 70, "and": 71, "or": 72, "not": 73,
}  # fmt: skip


def test_the_codes_of_version_1_are_frozen() -> None:
    assert CODES == FROZEN
    assert {name: code for code, name in LAYOUTS.items()} == {
        "INTEGER": 1, "LARGE": 2, "FRACTION": 3, "FLOAT": 4, "TRUTH": 5, "SYMBOL": 8, "COORDINATE": 9, "FIELD": 10, "PARAMETER": 11,
        "SUM": 16, "PRODUCT": 17, "DERIVATIVE": 19, "TABLE": 21,
    }  # fmt: skip
    assert set(CODES) | OPERATORS == set(TABLE), (
        "each operator of the table has a code, but networks, which are written out"
    )


def _calculus(term: Term) -> list[Term]:
    made = [term]
    for build in (lambda: derivative(term, {N.x: 2, N.t: 1}), lambda: integral(term * N.u, N.y)):
        try:
            made.append(build())
        except TermError:  # a derivative that divides by zero
            continue
    return made


@settings(max_examples=500, deadline=None)
@given(st.lists(terms(LEAVES), min_size=1, max_size=3))
def test_the_way_there_and_back_gives_the_same_objects(given_terms: list[Term]) -> None:
    whole = [part for term in given_terms for part in _calculus(term)]
    wire = encode(whole)
    back = decode(wire)
    assert all(a is b for a, b in zip(back, whole, strict=True))
    again = encode(back)
    assert np.array_equal(wire.codes, again.codes) and wire.names == again.names
    assert wire.numbers.tobytes() == again.numbers.tobytes()


@settings(max_examples=150, deadline=None)
@given(terms(LEAVES))
def test_canonical_reading_keeps_canonical_terms(term: Term) -> None:
    assert decode(encode([term]), canonical=True) == (term,)


@pytest.mark.parametrize("op", sorted(set(TABLE) - OPERATORS))
def test_every_operator_goes_there_and_back(op: str) -> None:
    a, b, c = (Symbol(s) for s in "abc")
    special = {
        "add": a + 2 * b, "mul": a * b**-2, "derivative": derivative(N.u, {N.x: 3}), "integral": integral(N.u, N.x),
        "table": make_call("table", (Symbol("i0", "index", 0),), (3, 0.5, -0.25, Fraction(1, 3))), "pi": pi,
    }  # fmt: skip
    term = special[op] if op in special else call(op, *(a, b, c)[: TABLE[op].arity])
    assert op == term.op
    assert decode(encode([term, a])) == (term, a)


def test_networks_go_there_written_out() -> None:
    a, b = Symbol("a"), Symbol("b")
    f = network(Shape("tanh", (1, 1, 1)), [a], weights([b, Const(1), Const(2), b]))
    assert decode(encode([f * a]), canonical=True) == (a * (b + 2 * call("tanh", 1 + a * b)),)


def test_what_sharing_made_stays_as_it_is() -> None:
    a, b, c, d = (Symbol(s) for s in "abcd")
    made = share([a + b + c, a + b - d, a * b * c, a * b * d])
    assert decode(encode(made)) == tuple(made)
    merged = decode(encode(made), canonical=True)
    assert merged == (a + b + c, a + b - d, a * b * c, a * b * d)


def test_shared_parts_are_written_once_and_depth_costs_no_recursion() -> None:
    term: Term = Symbol("x")
    for _ in range(60):
        term = call("atan2", sin(term), term)  # 2^60 nodes as a tree
    assert len(encode([term]).codes) < 1500
    deep: Term = Symbol("x")
    for _ in range(3 * sys.getrecursionlimit()):
        deep = sin(deep)
    assert decode(encode([deep])) == (deep,)


def test_numbers_are_exact() -> None:
    values: list[Any] = [
        0,
        1,
        -1,
        2**63 - 1,
        -(2**63),
        2**63,
        -(2**63) - 1,
        2**64,
        10**4000,
        Fraction(1, 3),
        Fraction(-(10**30), 7),
        0.1,
        -0.0,
        0.0,
    ]
    values += [1.0, float("inf"), float("-inf"), 5e-324, 1.7976931348623157e308, True, False]
    back = decode(encode([Const(v) for v in values]))
    for value, term in zip(values, back, strict=True):
        assert type(term.data[0]) is type(value) and repr(term.data[0]) == repr(value)


def test_symbols_of_one_name_stay_apart() -> None:
    same = [
        Symbol("k"),
        Symbol("k", "temporary"),
        *LEAVES[10:13],
        Symbol("k", "index", 3),
        Symbol("k", "symbol", "note"),
    ]
    assert decode(encode(same)) == tuple(same)


def test_symbols_may_be_replaced_on_the_way() -> None:
    x, y = Symbol("x"), Symbol("y")
    assert decode(encode([sin(x) + y]), symbols={x: y, y: y}.__getitem__) == (sin(y) + y,)


def test_a_listing_for_people() -> None:
    assert list(shown(encode([2 * Symbol("x") + 3]).codes.tolist())) == [
        "0: SYMBOL 0 0 0 0",
        "1: INTEGER 3",
        "2: INTEGER 2",
        "3: SUM 1 1 2 0",
    ]


class _Load:
    """Stands for what a kernel hangs on its loads."""


@pytest.mark.parametrize(
    ("term", "says"),
    [
        (Symbol("u[+0,-1]", "load", _Load()), r"the load 'u\[\+0,-1\]' has no wire form.*sn.symbol\('u__0__1'\)"),
        (Symbol("weight 0:1", "weight", None), "the weight 'weight 0:1' has no wire form"),
        (Symbol("u@1", "temporary", (1, 2)), "the temporary 'u@1' has no wire form"),
        (Symbol("p", "parameter", ParameterInfo("2")), "the number '2' of type str|could not convert"),
        (Const(Laurent.of("dx", 0.5)), "made of a grid spacing or of data: write float"),
    ],
)
def test_what_means_something_inside_a_kernel_only_is_refused(term: Term, says: str) -> None:
    with pytest.raises(TermError, match=says):
        encode([term])


# --- damaged forms ------------------------------------------------------------------------------------------------------


def made(*codes: int, numbers: tuple[float, ...] = (), names: tuple[str, ...] = ("x",)) -> Wire:
    return Wire(np.array(codes, dtype=np.int64), np.array(numbers), names)


X = (8, 0, 0, 0, 0)  # the symbol x
BAD = [
    (made(), "0 codes, fewer than the 3 of its head"),
    (made(2, 0, 0), "has version 2; this symnum reads version 1"),
    (made(1, -1, 0), "-1 nodes"),
    (made(1, 1 << 62, 0, *X), "nodes and 0 roots, but 8 codes follow"),
    (made(1, 1, 1, 7, 0), "the operation code 7 is not one of version 1"),
    (made(1, 1, 1, *X, 0, 0), "1 codes are left over"),
    (made(1, 1, 1, *X, 1), "node 1 is asked for where nodes 0 to 0 are known"),
    (made(1, 1, 1, 34, 0, 0), "node 0 is asked for where nodes 0 to -1 are known"),
    (made(1, 2, 1, 34, 1, *X, 0), "node 1 is asked for"),
    (made(1, 2, 1, *X, 34, -1, 1), "node -1 is asked for"),
    (made(1, 1, 1, 8, 1, 0, 0, 0, 0), "name 1 of 1"),
    (made(1, 1, 1, 8, 0, 9, 0, 0, 0), "the kind 9 of 3"),
    (made(1, 1, 1, 8, 0, 0, 3, 0, 0), "a value of form 3"),
    (made(1, 1, 1, 9, 0, 2, 0, 0), "the role 2 of 2"),
    (made(1, 2, 1, *X, 10, 0, 0, 0, 1, 0, 1), "a coordinate is expected, and node 0 is symbol"),
    (made(1, 2, 1, *X, 11, 0, 0, 0, 1), "the default of the parameter 'x' is no number"),
    (made(1, 1, 1, 4, 0, 0), "number 0 of 0"),
    (made(1, 1, 1, 4, 0, 0, numbers=(float("nan"),)), "NaN"),
    (made(1, 1, 1, 5, 2, 0), "the truth value 2"),
    (made(1, 1, 1, 2, 1, 1, 2**32, 0), "limbs are not of 32 bits"),
    (made(1, 1, 1, 2, 0, 1, 5, 0), "whose sign is not 1 or -1"),
    (made(1, 1, 1, 2, 1, 1 << 62, 5, 0), "operands, where 1 codes are left"),
    (made(1, 1, 1, 16, -1, 0), "a record SUM of -1 parts"),
    (made(1, 2, 1, 1, 0, 16, 0, 0, 1), "a record SUM of 0 parts"),
    (made(1, 2, 1, *X, 16, 1, 0, 0, 0, 1), "a number is expected, and node 0 is symbol"),
    (made(1, 3, 1, *X, 5, 1, 16, 1, 1, 1, 0, 2), "a number is expected, and node 1 is const"),
    (made(1, 3, 1, 1, 1, 1, 0, 3, 0, 1, 2), "a fraction with the denominator 0"),
    (made(1, 3, 1, 1, 1, 4, 0, 3, 0, 1, 2, numbers=(2.0,)), "a whole number is expected, and node 1 is 2.0"),
    (made(1, 2, 1, *X, 19, 0, 1, 0, 1, 1), "a coordinate is expected"),
    (made(1, 2, 1, 9, 0, 1, 0, 19, 0, 1, 0, 0, 1), "a derivative of orders"),
    (made(1, 2, 1, 9, 0, 1, 0, 19, 0, 2, 0, 1, 0, 1, 1), "a derivative of orders"),
    (made(1, 2, 1, *X, 34), "a record runs beyond the end|but .* codes follow|operands, where"),
    (Wire(np.zeros(3, dtype=np.int32), np.zeros(0), ()), "a vector of int64 and one of float64, not int32"),  # type: ignore[arg-type]
    (Wire(np.zeros((1, 3), dtype=np.int64), np.zeros(0), ()), r"of shape \(1, 3\)"),
    (Wire(np.array([1, 0, 0]), np.zeros(0), (3,)), "are str"),  # type: ignore[arg-type]
]  # fmt: skip


@pytest.mark.parametrize(("wire", "says"), BAD, ids=[says[:30] for _, says in BAD])
def test_damage_is_named(wire: Wire, says: str) -> None:
    with pytest.raises(TermError, match=says):
        decode(wire)


_SEEDS = [
    encode([sin(N.u * N.alpha) + derivative(N.u, {N.x: 2}) / 3, integral(N.v**2, N.x) * 0.1, Const(2**100)]),
    encode([call("where", call("lt", N.x, N.alpha), N.u ** Fraction(1, 2), Const(True)), pi * N.w]),
]


@settings(max_examples=400, deadline=None)
@given(
    st.sampled_from(_SEEDS),
    st.lists(
        st.tuples(st.integers(0, 120), st.one_of(st.integers(-3, 80), st.integers(-(2**63), 2**63 - 1))),
        min_size=1,
        max_size=4,
    ),
    st.integers(0, 6),
    st.booleans(),
)
@example(_SEEDS[0], [(1, 2**62)], 0, True)
def test_damaged_arrays_give_terms_or_a_sentence(
    wire: Wire, changes: list[tuple[int, int]], cut: int, canonical: bool
) -> None:
    codes = wire.codes.copy()
    for at, value in changes:
        codes[at % len(codes)] = value
    damaged = Wire(codes[: len(codes) - cut], wire.numbers, wire.names)
    try:
        back = decode(damaged, canonical=canonical)
    except TermError as error:
        assert str(error)
    else:
        assert all(isinstance(term, Term) for term in back)
