"""The language of the shell: what symnum shows can be typed back, and no line breaks it."""

from __future__ import annotations

import random
import sys
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.errors import ParseError, TermError
from symnum.expr.parse import parse as parse_term
from symnum.expr.show import latex, plain, unicode
from symnum.expr.term import Term
from symnum.model.operators import operators
from symnum.repl.statements import Equations, Known, parse, unfinished
from tests.repl.test_notation import BAD, EQUATIONS, HEAT, LORENZ, NOTHING, OTHERS

T, X, Y = sn.coordinates("t x y")
U, V = sn.fields("u v", (T, X, Y))
ALPHA, K = sn.parameter("alpha", 0.5), sn.parameter("k_1", 2.0)
NAMES: dict[str, Any] = {"t": T, "x": X, "y": Y, "u": U, "v": V, "alpha": ALPHA, "k_1": K}
SHOWN = Known(
    fields={"u": ("t", "x", "y"), "v": ("t", "x", "y")},
    coordinates=("t", "x", "y"),
    parameters={"alpha": 0.5, "k_1": 2.0},
)


def quietly(build: Any, *args: Any) -> Any:
    try:
        return build(*args)
    except (TermError, OverflowError):
        return args[0]


def random_terms() -> st.SearchStrategy[Term]:
    leaves: list[Any] = [U, V, X, T, ALPHA, K, sn.pi, 2, -3, 0.1, 2.5e-7, sn.rational(2, 3)]

    def larger(part: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        two = st.tuples(part, part)
        power = st.sampled_from([2, 3, -1, -2, sn.rational(1, 2), sn.rational(-1, 3), 10])
        one = st.sampled_from([sn.sin, sn.exp, abs, sn.floor, sn.sqrt, sn.tanh, lambda a: -a])
        along = st.sampled_from([(X,), (T,), (X, X), (X, Y), (T, X), (Y, Y, Y)])
        return st.one_of(
            two.map(lambda p: quietly(lambda a, b: a + b, *p)),
            two.map(lambda p: quietly(lambda a, b: a * b, *p)),
            two.map(lambda p: quietly(lambda a, b: a / b, *p)),
            st.tuples(part, power).map(
                lambda p: quietly(lambda a, n: sn.sin(X) ** n if isinstance(a, (int, float)) else a**n, *p)
            ),
            st.tuples(part, one).map(lambda p: quietly(lambda a, f: f(as_term(a)), *p)),
            st.tuples(part, along).map(lambda p: quietly(lambda a, c: sn.diff(as_term(a), *c), *p)),
            st.tuples(part, part, part).map(
                lambda p: quietly(lambda a, b, c: sn.where(as_term(a) <= as_term(b), c, a), *p)
            ),
            part.map(lambda a: quietly(lambda b: sn.integral(as_term(b) * U, X), a)),
        )

    return st.recursive(st.sampled_from(leaves), larger, max_leaves=10).map(as_term)


def as_term(value: Any) -> Term:
    if isinstance(value, Term):
        return value
    return sn.rational(value) if isinstance(value, int) else sn.rational(0) + value


def typed_back(text: str) -> Term:
    (found,) = parse(f"0 = {text} + v_t", SHOWN)
    assert isinstance(found, Equations)
    functions = operators({"t": T, "x": X, "y": Y})
    term = parse_term(str(found.equations[0]).partition(" = ")[2], NAMES, functions)
    assert isinstance(term, Term)
    return term


@settings(max_examples=150)
@given(random_terms())
def test_what_is_shown_can_be_typed_back(term: Term) -> None:
    expected = term + sn.dt(V)
    assert typed_back(plain(term)) is expected
    assert typed_back(unicode(term)) is expected


@pytest.mark.parametrize(
    "term",
    [sn.diff(U, X, 2) * ALPHA, sn.dt(U) - sn.sin(sn.pi * X) / 2, U**2 * V / (1 + U), sn.sqrt(U) + sn.diff(U, X, Y), sn.exp(-X) * K],
    ids=str,
)  # fmt: skip
def test_latex_can_be_typed_back(term: Term) -> None:
    assert typed_back(latex(term)) is term + sn.dt(V)


# --- robustness ------------------------------------------------------------


def mutated(rng: random.Random, lines: list[str], alphabet: str) -> str:
    text = rng.choice(lines)
    for _ in range(rng.randint(1, 5)):
        p, q = sorted(rng.randrange(len(text) + 1) for _ in range(2))
        other = rng.choice(lines)
        at = rng.randrange(len(other))
        text = rng.choice(
            [
                text[:p] + rng.choice(alphabet) + text[p:],
                text[:p] + text[p + 1 :],
                text[:p] + text[q:],
                text[:p] + other[at : at + rng.randint(1, 12)] + text[p:],
            ]
        )
    return text


def test_mutated_lines_give_statements_or_errors_with_a_place() -> None:
    rng = random.Random(20261121)
    lines = [row[1] for row in EQUATIONS] + [row[1] for row in OTHERS] + [row[1] for row in BAD]
    alphabet = "".join(sorted(set("".join(lines)))) + "'′()[]{}|∂∇Δ²³₁ₓ∫√@=,;:\\_^\"#%?!~`\n\t\x00é¨ẋ 0..1e9"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for number in range(20_000):
            text = mutated(rng, lines, alphabet)
            try:
                assert parse(text, rng.choice([NOTHING, HEAT, LORENZ])) is not None
            except ParseError as error:
                assert error.text == text
                assert 0 <= error.position <= len(text)
            if number % 10 == 0:
                assert unfinished(text) in (True, False)


@pytest.mark.parametrize(
    "typed",
    [
        "(" * 10_000, "u_t = " + "(" * 9_000 + "u" + ")" * 9_000, "√" * 10_000 + "u", "2 u" + "'" * 9_000, "∂x " * 3_000 + "u", "u^" * 5_000 + "2",
        "not " * 4_000 + "x", "|" * 9_999, "d(" * 5_000, "\\frac{" * 3_000, "[" * 9_000, "∇·" * 5_000, "∫" * 5_000 + "dx", "u" * 30_000,
        "d(" * 40 + "u" + ")/dose" * 40, "∂" + "x(∂" * 40 + "x u" + ")" * 40 + "~",
    ],
    ids=lambda text: text[:12],
)  # fmt: skip
def test_extreme_lines_are_refused_with_little_work(typed: str) -> None:
    calls = 0

    def count(frame: Any, event: str, argument: Any) -> None:
        nonlocal calls
        calls += event == "call"

    sys.setprofile(count)
    try:
        with pytest.raises(ParseError) as caught:
            parse(typed, HEAT)
    finally:
        sys.setprofile(None)
    assert len(str(caught.value)) < 400
    assert calls < 100 * len(typed)  # the work grows with the length, not with a power of it


def test_long_sums_are_read_in_linear_time() -> None:
    (found,) = parse("u_t = " + " + ".join(f"{k} u" for k in range(1, 2000)), HEAT)
    assert isinstance(found, Equations)
    assert str(found.equations[0]).endswith("1999*u")
