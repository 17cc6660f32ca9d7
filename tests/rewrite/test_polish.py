"""Last touches: never dearer, the same values by extended precision, and the operation counts of forms written by hand."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.expr.parse import parse
from symnum.expr.term import Term
from symnum.rewrite.cost import costs_of, operations
from symnum.rewrite.linear_forms import by_each_other
from symnum.rewrite.normal import single_fractions
from symnum.rewrite.polish import polished
from symnum.rewrite.share import condense
from symnum.rewrite.signs import fewer_signs, numbers_inside
from tests.expr.samples import terms as random_terms
from tests.rewrite.truth import everything_defined, exact

CYCLES = costs_of("cycles")
NAMES = {n: sn.symbol(n) for n in "abcdehkmnpqx"}
AT = {s: 0.31 + 0.173 * k for k, s in enumerate(NAMES.values())}


def term(text: str) -> Term:
    return parse(text, NAMES)


def same(made: list[Term], given: list[Term]) -> None:
    for new, old in zip(made, given, strict=True):
        assert float(exact(new, AT)) == pytest.approx(float(exact(old, AT)), rel=1e-14, abs=1e-300)


@pytest.mark.parametrize(
    ("texts", "count"),
    [
        (
            ["(a - 4*b + 3*c)^2", "(a - 2*b + c)^2"],
            8,
        ),  # 3 for the second, b - c, 2*(b - c), their difference, 2 squares
        (["exp(a - 3*b + 3*c - d)", "exp(b - c)"], 6),  # b - c, a - d, 3*(b - c), their difference, 2 exp
        (["exp(a - 4*b + 3*c)*k", "exp(c - b)"], 7),
    ],
)
def test_sums_by_means_of_each_other(texts: list[str], count: int) -> None:
    given = [term(text) for text in texts]
    made = by_each_other(given, CYCLES)
    assert operations(made).total() <= count < operations(given).total()
    same(made, given)


def test_signs_move_into_sums_and_products() -> None:
    root = "((x - p)^2 + (a - q)^2)^(3/2)"
    texts = ("k*m*(x - p)", "k*m*(a - q)", "k*n*(p - x)", "k*n*(q - a)")  # two bodies
    given = condense([term(f"{text}/{root}") for text in texts])
    made = fewer_signs(given, CYCLES)
    assert operations(made)["neg"] <= 1 < operations(given)["neg"]
    same(made, given)


def test_a_number_in_front_moves_into_a_sum_that_has_one() -> None:
    given = [term("(a + b - 2*c*d)/(2*h)")]
    made = numbers_inside(given, CYCLES)
    assert CYCLES.total(made) == CYCLES.total(given) - 1
    same(made, given)
    shared = [term("(a - 2*b)/(2*h)"), term("exp(a - 2*b)")]
    assert numbers_inside(shared, CYCLES) == shared  # the sum is computed for exp anyway


def test_the_size_of_a_quotient_is_a_quotient() -> None:
    """van Leer's limiter, (q + abs(q))/(1 + abs(q)) with q = n/d: one division."""
    given = [term("d*(n/d + abs(n/d))/(1 + abs(n/d))")]
    made = single_fractions(given)
    assert operations(made)["div"] == 1 and operations(given)["div"] == 2
    for d in (0.7, -0.7):
        for n in (0.4, -0.4):
            at = AT | {NAMES["d"]: d, NAMES["n"]: n}
            assert float(exact(made[0], at)) == pytest.approx(float(exact(given[0], at)), rel=1e-14, abs=1e-15)


@given(st.lists(random_terms([NAMES[n] for n in "abx"], max_leaves=12), min_size=1, max_size=3))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_values_stay_and_nothing_becomes_dearer(given: list[Term]) -> None:
    for name in ("cycles", "latency", "size"):
        made = polished(given, costs_of(name))
        assert costs_of(name).total(made) <= costs_of(name).total(given)
        if everything_defined(given, AT):
            for new, old in zip(made, given, strict=True):
                assert abs(exact(new, AT) - exact(old, AT)) <= 1e-12 * (1 + abs(exact(old, AT)))
