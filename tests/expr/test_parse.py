"""The grammar: precedence, round trip, hostile text."""

from __future__ import annotations

import math
import time
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from symnum.errors import ParseError
from symnum.expr import build
from symnum.expr.calculus import diff
from symnum.expr.parse import parse, parse_equation
from symnum.expr.show import plain
from symnum.expr.term import Const, Symbol, Term, add, call
from tests.expr.samples import NAMES, terms

A, B, C = (Symbol(name) for name in "abc")
SCOPE = {"a": A, "b": B, "c": C}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2*3", Const(7)),
        ("(1 + 2)*3", Const(9)),
        ("2^3^2", Const(512)),
        ("2**3**2", Const(512)),
        ("-2^2", Const(-4)),
        ("(-2)^2", Const(4)),
        ("2^-1", Const(Fraction(1, 2))),
        ("2^-2^2", Const(Fraction(1, 16))),
        ("-a^2", -(A**2)),
        ("-a*b", -(A * B)),
        ("a - b - c", A - B - C),
        ("a - (b - c)", A - (B - C)),
        ("a/b/c", A / B / C),
        ("a/b*c", A / B * C),
        ("a/(b*c)", A / (B * C)),
        ("1/3", Const(Fraction(1, 3))),
        ("1/3*a", A / 3),
        ("2*-a", -2 * A),
        ("a - -b", A + B),
        ("+a", A),
        ("a < b", A < B),
        ("a + 1 < b*2", (A + 1) < 2 * B),
        ("0 < a < 1", (Const(0) < A) & (A < 1)),
        ("a < b and b < c or a > c", ((A < B) & (B < C)) | (A > C)),
        ("a < b or b < c and a > c", (A < B) | ((B < C) & (A > C))),
        ("not a < b", ~(A < B)),
        ("not a < b and b < c", ~(A < B) & (B < C)),
        ("a == b", build.equal(A, B)),
        ("a != b", call("ne", A, B)),
        ("where(a <= 1, b, c)", build.where(A <= 1, B, C)),
        ("sqrt(a)", A ** Fraction(1, 2)),
        ("min(a, b) + max(a, b)", build.minimum(A, B) + build.maximum(A, B)),
        ("ln(a) + arctan(b) + sech(c)", build.log(A) + build.atan(B) + build.sech(C)),
        ("sin(a)^2", build.sin(A) ** 2),
        ("pi", build.pi),
        ("0.1", Const(0.1)),
        ("1e-3", Const(1e-3)),
        (".5", Const(0.5)),
        ("2.", Const(2.0)),
        ("1e999", Const(math.inf)),
        ("-0.0", Const(-0.0)),
        ("true", Const(True)),
        ("  a\n +\tb ", A + B),
        ("a + b - (a + b)", add([A, B, -(A + B)])),
    ],
)
def test_precedence_and_numbers(text, expected):
    assert parse(text, SCOPE) is expected


def test_equations():
    assert parse_equation("a = b + 1", SCOPE) == (A, B + 1)
    for text in ("a", "a = b = c", "= a", "a ="):
        with pytest.raises(ParseError):
            parse_equation(text, SCOPE)


def test_declared_names_win_over_pi_and_greek_letters_are_names():
    mine = Symbol("pi", "parameter")
    assert parse("pi", {"pi": mine}) is mine
    theta = Symbol("θ")
    assert parse("θ^2", {"θ": theta}) is theta**2


def test_operators_of_a_model(n, operators):
    names = vars(n)
    assert parse("dxx(u) + dxy(v)", names, operators) is diff(n.u, n.x, 2) + diff(n.v, n.x, n.y)
    assert parse("d(u^2, theta, 2, x)", names, operators) is diff(n.u**2, n.theta, 2, n.x)


_LEAVES: list[Term] = [NAMES.x, NAMES.t, NAMES.alpha, NAMES.u, NAMES.w]
_LEAVES += [
    diff(NAMES.u, NAMES.x),
    diff(NAMES.u, NAMES.x, 2, NAMES.y),
    diff(NAMES.u, NAMES.theta, 2),
    diff(NAMES.u**2, NAMES.x),
]


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(term=terms(_LEAVES, max_leaves=15))
@example(term=add([NAMES.x, NAMES.u, -(NAMES.x + NAMES.u)]))
@example(term=build.atan2(Const(-0.0), NAMES.x))
@example(term=(NAMES.x < 1) * NAMES.u / ((NAMES.x * NAMES.u) ** Fraction(1, 2)))
@example(term=call("pow", Const(Fraction(-1, 2)), call("pow", NAMES.x, -NAMES.u)))
def test_what_is_printed_reads_back_as_the_same_term(term, operators):
    assert parse(plain(term), vars(NAMES), operators) is term


def test_conditions_keep_their_grouping():
    p, q, r = A < 1, B < 1, C < 1
    for term in (
        *((p | q) & r, p & (q | r), (p & q) | r, p | (q & r), (p & q) & r, p & (q & r), (p | q) | r, p | (q | r)),
        *(~(p & q), ~p & q, p & ~q, ~(p | q) | r, ~~p, call("lt", p, q), call("lt", ~p, A), call("not", A) * B),
        *(
            call("eq", p, q & r),
            call("and", A, B + 1),
            call("lt", call("lt", A, B), C),
            call("lt", A, call("lt", B, C)),
        ),
    ):
        assert parse(plain(term), SCOPE) is term


_HOSTILE = [
    "__import__('os').system('x')",
    "().__class__",
    "lambda: 0",
    "[1]",
    '"a"',
    "'a'",
    "u; v",
    "u.real",
    "u[0]",
    "{1}",
    "a if b else c",
    "a := 1",
    "a\x00",
    "\x00",
    "a @ b",
    "a % b",
    "a // b",
    "`a`",
    "$a",
    "a\\b",
    "",
    "   ",
    "()",
    "(",
    ")",
    "a b",
    "2a",
    "a(b)",
    "a +",
    "* a",
    "a,",
    "sin",
    "sin(",
    "sin(,)",
    "sin()",
    "sqrt()",
    "sin(a, b)",
    "nosuch(a)",
    "nosuch",
    "а + 1",  # Cyrillic a
    "ａ",  # full-width a
    "٣ + a",  # Arabic-Indic digit
    "a²",
    "a − b",  # minus sign U+2212
    "a × b",
    "1_000",
    "0x10",
    "a == ",
    "a = b",
    "and",
    "not",
    "not (a, b)",
    "(a, b) + (b, c)",
    "sin((a, b))",
    "where((a, b), a, b)",
    "(a, b) < a",
    "1/0",
    "0^-1",
    "(-1)^0.5",
    "9^9^9^9",
    "2^99999999999",
    "*".join(["9^999"] * 6),
    "9^999 + 0.5",
    "0.5*9^999",
    "1e999 - 1e999",
    "1" * 1001,
    "(" * 100_000,
    "(" * 100_000 + "a" + ")" * 100_000,
    "-" * 100_000 + "a",
    "not " * 100_000 + "a",
    "sin(" * 100_000,
    "a^" * 100_000 + "a",
    "{" * 100_000,
]


@pytest.mark.parametrize("text", _HOSTILE, ids=lambda text: ascii(text[:24]))
def test_hostile_text_is_refused_with_its_place(text):
    with pytest.raises(ParseError) as caught:
        parse(text, SCOPE)
    error = caught.value
    assert 0 <= error.position <= len(text)
    assert len(str(error)) < 1000 and "Traceback" not in str(error) and "lambda" not in str(error).partition("\n")[0]


@pytest.mark.parametrize("value", [None, 3, b"a", ["a"], A])
def test_only_text_is_parsed(value):
    with pytest.raises(ParseError, match="expected text"):
        parse(value, SCOPE)


def test_messages_point_and_suggest():
    with pytest.raises(ParseError) as caught:
        parse("alpha*(a + bta)", {"alpha": A, "a": B, "beta": C})
    assert caught.value.position == 11 and "Did you mean 'beta'" in str(caught.value)
    assert str(caught.value).splitlines()[-1].index("^") == 4 + 11
    with pytest.raises(ParseError, match="multiplication is written with"):
        parse("2 a", SCOPE)


@pytest.mark.parametrize(
    "text",
    [
        "+".join(["a"] * 150_000),
        "+".join(f"a^{k}" for k in range(30_000)),
        "*".join(f"sin({k}*a)" for k in range(12_000)),
        "-".join(["a*b/c"] * 30_000),
    ],
    ids=["equal", "powers", "factors", "products"],
)
def test_long_text_takes_linear_time(text):
    assert len(text) > 120_000
    started = time.process_time()
    assert isinstance(parse(text, SCOPE), Term)
    assert time.process_time() - started < 8  # about 1 s; quadratic time would be minutes


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab(),+-*/^<>=!. 019episnco\n\t°²", max_size=30))
def test_any_text_is_parsed_or_refused(text):
    try:
        value = parse(text, SCOPE)
    except ParseError as error:
        assert error.position <= len(text)
    else:
        assert isinstance(value, (Term, tuple))
