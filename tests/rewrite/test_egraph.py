"""The e-graph: hash-consing, normal forms of sums and products, congruence, signs, drawing."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import symnum as sn
from symnum.errors import TermError
from symnum.expr.term import Const, Term
from symnum.rewrite.assumptions import DEFINED, NEGATIVE, NONNEGATIVE, NONZERO, POSITIVE, SIGN, Assumptions
from symnum.rewrite.cost import costs_of
from symnum.rewrite.drawing import dot, listing
from symnum.rewrite.egraph import EGraph
from tests.expr.samples import terms
from tests.rewrite.truth import everything_defined, untrue

X, Y, Z, W = (sn.symbol(n) for n in "xyzw")
HALF = sn.rational(1, 2)


def graph_of(*given: Term, assume: list[Term] | None = None) -> tuple[EGraph, list[int]]:
    graph = EGraph(Assumptions(assume or []))
    return graph, [graph.add(t) for t in given]


def test_equal_terms_are_one_class() -> None:
    graph, (a, b) = graph_of(sn.exp(X * Y) + 1, 1 + sn.exp(Y * X))
    assert a == b
    size = len(graph)
    graph.add(sn.exp(X * Y))
    assert len(graph) == size


@pytest.mark.parametrize(
    "left, right",
    [
        (2 * (X - Y), 2 * X - 2 * Y),
        ((X - Y) * Z, -(Y - X) * Z),
        (sn.sin(X - Y), -sn.sin(Y - X)),
        (sn.cos(X - Y), sn.cos(Y - X)),
        ((X * Y) ** 2 / X, X * Y**2),
        (X ** Fraction(1, 2) * X, X ** Fraction(3, 2)),
        ((X**3) ** Fraction(1, 3) * 1, X),  # exists for x >= 0 only
        (X > Y, Y < X),
        (sn.minimum(X, Y), sn.minimum(Y, X)),
        (Const(2) * (X / 2), X),
    ],
)
def test_normal_forms(left: Term, right: Term) -> None:
    _, (a, b) = graph_of(left, right)
    assert a == b


def test_a_root_of_a_square_is_no_power_without_a_sign() -> None:
    _, (a, b) = graph_of((X**2) ** HALF, X)
    assert a != b
    graph, (a, b) = graph_of((X**2) ** HALF, X, assume=[X >= 0])
    assert a == b and graph.assumptions.named(graph.used) == ["x >= 0"]


def test_congruence_goes_up_through_sums_products_and_functions() -> None:
    graph, (a, b) = graph_of(sn.exp(X * Y + W) ** 2, sn.exp(Z + W) ** 2)
    graph.union(graph.add(X * Y), graph.add(Z))
    assert graph.find(a) != graph.find(b)
    graph.rebuild()
    assert graph.find(a) == graph.find(b)


def test_a_number_found_later_folds_all_above() -> None:
    graph, (a, _) = graph_of(sn.exp(X - 1) + 3 * X**2, X)
    graph.union(graph.add(X), graph.number(1))
    graph.rebuild()
    assert graph[a].const == 4


def test_multiples_settle_when_two_unlike_sums_meet() -> None:
    graph, (a, b, u) = graph_of(3 * X - 3 * Y, Z - W, sn.exp(X - Y))
    graph.union(a, b)
    graph.rebuild()
    assert graph.find(graph.add(sn.exp((Z - W) / 3))) == graph.find(u)


def test_union_of_a_symbol_with_a_multiple_of_itself_terminates() -> None:
    graph, (a, b) = graph_of(X, 2 * X + Y)
    graph.union(a, b)  # x = 2*x + y: x = -y
    graph.rebuild()
    assert graph.add(X + Y + 1) >= 0


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=6),
    st.lists(terms([X, Y, Z], smooth=True, max_leaves=6), min_size=6, max_size=6),
)
@settings(max_examples=40, deadline=None)
def test_invariants_after_any_unions_of_equals(pairs: list[tuple[int, int]], made: list[Term]) -> None:
    """Unions of t and t + (s - s)-like forms: here of terms with themselves in two writings, so that all statements stay true."""
    graph = EGraph()
    ids = [graph.add(t) for t in made]
    for i, j in pairs:
        graph.union(ids[i], graph.sum([(graph.add(made[i] - made[j]), 1), (ids[j], 1)]))
    graph.rebuild()
    for i, k in graph.classes.items():
        assert graph.find(i) == i and k.nodes
        for node in k.nodes:
            assert graph.find(graph.memo[node]) == i
            assert all(graph.find(c) == c for c in node[2]), "an e-node with a class that is gone"
    at = {X: 0.7, Y: -0.4, Z: 1.3}
    if everything_defined(made, at):
        assert untrue(graph, at) == []


@pytest.mark.parametrize(
    "term, facts",
    [
        (sn.exp(X), POSITIVE),
        (X**2, NONNEGATIVE),
        (X**2 + 1, POSITIVE),
        (1 / X, NONZERO),
        (abs(X) + Y**2, NONNEGATIVE),
        (-sn.exp(X), NEGATIVE),
        (sn.maximum(X, 1), POSITIVE),
        (sn.minimum(X, -1), NEGATIVE),
        (X**HALF, NONNEGATIVE),
        (X - Y, 0),
        (sn.sin(X), 0),
    ],
)
def test_signs(term: Term, facts: int) -> None:
    graph, (a,) = graph_of(term)
    assert graph[a].facts & SIGN == facts


@pytest.mark.parametrize(
    "term, defined",
    [
        (sn.exp(X) + X**2 * Y, True),
        (1 / X, False),
        (1 / (1 + X**2), True),
        (X**HALF, False),
        ((X**2) ** HALF, True),
        (sn.log(X), False),
        (sn.log(1 + X**2), True),
        (sn.asin(X), False),
        (sn.where(X > 0, 1, Y), True),
        (X / Z, True),
    ],
)
def test_what_is_defined_everywhere(term: Term, defined: bool) -> None:
    graph, (a,) = graph_of(term, assume=[Z > 0])
    assert bool(graph[a].facts & DEFINED) is defined


def test_signs_from_assumptions_and_their_use() -> None:
    graph, (a, b) = graph_of(X * Y + 1, X * Z, assume=[X > 0, Y >= 0, Z < 0])
    assert graph.is_positive(a, POSITIVE) and graph.is_positive(b, NEGATIVE) and not graph.is_positive(b, POSITIVE)
    assert graph.assumptions.named(graph.used) == ["x > 0", "y >= 0", "z < 0"]


def test_a_term_with_a_choice_keeps_only_common_signs() -> None:
    graph, _ = graph_of(sn.where(X > 0, X**HALF, 1), (X**2) ** HALF)
    assert graph.partial
    graph.union(graph.add(abs(X)), graph.add(X))
    assert not graph[graph.add(X)].facts & NONNEGATIVE


@pytest.mark.parametrize("bad", [X + 1, X > Y, X > -1, 3, X < 5])
def test_assumptions_that_tell_no_sign_are_named(bad: object) -> None:
    with pytest.raises(TermError, match="assum"):
        Assumptions([bad])  # type: ignore[list-item]


def test_listing_and_drawing() -> None:
    graph, (root,) = graph_of(sn.exp(X) / (1 + X))
    rows = listing(graph, costs_of("cycles"))
    assert [r.cost for r in rows if r.number == root] == [18.0]
    assert any("exp(#0)" in r.forms for r in rows)
    text = dot(graph, [root])
    assert text.startswith("digraph egraph {") and text.count("subgraph") == len(graph.classes) and "style=bold" in text


def test_dividing_by_a_class_that_is_zero_is_refused() -> None:
    graph, (a,) = graph_of(X)
    with pytest.raises(TermError, match="division by zero"):
        graph.product([(graph.number(0), -1), (a, 1)])
