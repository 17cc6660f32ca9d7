"""Each rule on its own: it fires, what it states is true (60 digits), no domain shrinks, and safe rules keep 12 digits in double precision."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

import symnum as sn
from symnum.errors import ParseError, UnknownName
from symnum.expr.parse import parse
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import contains, symbols
from symnum.rewrite.assumptions import Assumptions
from symnum.rewrite.egraph import EGraph
from symnum.rewrite.pattern import LETTERS, Rule, Structural, forms_of
from symnum.rewrite.rules import catalogue, rule_sets
from tests.rewrite.truth import exact, rounded, size, untrue

ALL = rule_sets(unsafe=True)
PATTERNS = [r for r in ALL if isinstance(r, Rule)]
STRUCTURAL = [r for r in ALL if isinstance(r, Structural)]
IN_WORDS = " is "
_NAMES = {letter.name: letter for letter in LETTERS}


def term(text: str) -> Term:
    return parse(text, _NAMES)


def conditions(t: Term) -> set[Term]:
    """The letters that stand for truth values."""
    found: set[Term] = set()

    def look(node: Term) -> bool:
        if node.op in ("and", "or", "not"):
            found.update(node.args)
        elif node.op == "where":
            found.add(node.args[0])
        return False

    contains(t, look)
    return found


def points(rule: Rule, count: int = 40) -> Iterator[dict[Term, float]]:
    """Random points of the rule's domain: where its left side exists and its conditions hold."""
    source = random.Random(rule.name)
    left, truths = term(rule.left), conditions(term(rule.left)) | conditions(term(rule.right))
    wanted = [term(text) for text in rule.where if IN_WORDS not in text]
    made = tried = 0
    while made < count:
        tried += 1
        assert tried < 4000, f"no point of the domain of {rule.formula}"
        scale = source.choice([0.9, 3.0])
        at: dict[Term, float] = {s: source.uniform(-scale, scale) for s in symbols([left])}
        for s in at:
            if s in truths:
                at[s] = source.random() < 0.5
        if exact(left, at) is not None and all(exact(w, at) for w in wanted):
            made += 1
            yield at


@pytest.mark.parametrize("rule", PATTERNS, ids=lambda r: r.name)
def test_both_sides_are_equal_where_the_left_exists(rule: Rule) -> None:
    left, right = term(rule.left), term(rule.right)
    for at in points(rule):
        value, other = exact(left, at), exact(right, at)
        assert other is not None, f"the right side of {rule.formula} has no value at {at}"
        assert abs(value - other) <= 1e-40 * (1 + abs(value))


@pytest.mark.parametrize("rule", [r for r in PATTERNS if not r.unsafe], ids=lambda r: r.name)
def test_safe_rules_keep_twelve_digits(rule: Rule) -> None:
    left, right = term(rule.left), term(rule.right)
    for at in points(rule, 15):
        value, other = rounded(left, at), rounded(right, at)
        if np.isfinite(value):
            assert abs(other - float(exact(left, at))) <= 1e-12 * size(left, at) + 1e-300, at


@pytest.mark.parametrize("rule", PATTERNS, ids=lambda r: r.name)
def test_each_rule_fires_on_its_own_left_side(rule: Rule) -> None:
    names = dict(_NAMES, a=_NAMES["c"] < _NAMES["d"]) if any("true or false" in text for text in rule.where) else _NAMES
    graph = EGraph(Assumptions([term(text) for text in rule.where if IN_WORDS not in text]))
    root = graph.add(parse(rule.left, names))
    for text in rule.known:
        graph.add(term(text))
    expected = graph.add(parse(rule.right, names))
    assert root != expected, "normal forms do this already"
    apply_once(rule, graph)
    assert graph.find(root) == graph.find(expected)


def apply_once(rule: Rule | Structural, graph: EGraph) -> int:
    news = [
        (i, made) for i, node in list(graph.nodes()) if node[0] == rule.op for made in forms_of(rule, graph, i, node)
    ]
    for i, made in news:
        graph.union(i, made)
    graph.rebuild()
    return len(news)


EXAMPLES = {
    "factor": [
        ("a*b + a*c + d", "a*(b + c) + d"),
        ("a^3*b + 2*a^2 + 1", "a^2*(a*b + 2) + 1"),
        ("b/a + c/a^2", "(b + c/a)/a"),
    ],
    "merge sums": [("c - 2*(a + b)", "c - 2*a - 2*b"), ("d + (a - b)/2", "d + a/2 - b/2")],
    "merge products": [("a*(b*c)^(1/2)", "a*b^(1/2)*c^(1/2)")],
    "distribute": [("a*(b + c)", "a*b + a*c"), ("a*(b - 2)", "a*b - 2*a")],
    "common denominator": [("a + b/c", "(a*c + b)/c"), ("1 + a/b^2", "(b^2 + a)/b^2"), ("a/b + c/d", "(a + c*b/d)/b")],
    "known sum": [("exp(a + b) + (a + b + c)", None)],
    "known product": [("exp(a*b) + a*b*c", None), ("a^(1/2)*b + sin(c/(a^(1/2)*b))", None)],
    "common part of sums": [("exp(a + b + d) + sin(a + b + c)", None)],
    "common part of products": [("exp(a*b*d) + sin(a*b*c)", None)],
    "square of a sum": [
        ("a^2 + 2*a*b + b^2 + c", "(a + b)^2 + c"),
        ("3*a^2 - 6*a*b + 3*b^2", "3*(a - b)^2"),
        ("a^2 + a + 1/4", "(a + 1/2)^2"),
    ],
    "common whole power": [("a^2*b^2", None), ("c/(a*b)", None), ("a^4*b^2*c", None)],
    "common root": [("a^(1/2)*b^(1/2)", "(a*b)^(1/2)"), ("a^(1/2)/b^(3/2)", "(a/b^3)^(1/2)")],
    "root of an even power": [("(a^2)^(1/2)", "abs(a)"), ("(a^2)^(3/2)*b", "abs(a)^3*b")],
    "power by logarithm": [("a^(3/10)", "exp(3/10*log(a))"), ("a^(1/3)*b^(1/7)*c", "exp(log(a)/3 + log(b)/7)*c")],
    "product of exponentials": [("exp(a)*exp(b)*c", "exp(a + b)*c"), ("exp(a)^2/exp(b)", "exp(2*a - b)")],
    "exponential of a multiple": [
        ("exp(2*a) + exp(a)", "exp(a)^2 + exp(a)"),
        ("exp(2*a) + exp(3*a)", "exp(a)^2 + exp(a)^3"),
        ("exp(-a) + exp(a)", "1/exp(a) + exp(a)"),
    ],
    "exponential of a shifted argument": [
        ("exp(a + 1/2) + exp(a - 1/2)", None),
        ("exp(-(a + 4)/10) + exp(-(a - 6)/20)", None),
        ("exp(2*a - 4*b + 1) + exp(a - 2*b + 3)", None),
    ],
    "quotient by a sum of powers, divided through": [
        ("exp(a)*c/(exp(a) + exp(b))", "c/(1 + exp(b)/exp(a))"),
        ("a^(1/2)*c/(3*a^(1/2) - b^(3/2))", "c/(3 - b^(3/2)*a^(-1/2))"),
        ("c*a^d/(a^d + b^d)", "c/(1 + b^d/a^d)"),
    ],
    "division with remainder": [("(a*c + b*d)/(a + b)", None), ("(a*b*c - a*d + b*f)/(b - a)", None)],
    "sin of known angles": [
        ("sin(a - b)*exp(sin(a)*cos(b))", None),
        ("sin(a - 2*b) + cos(a - b) + sin(a)", None),  # 2*(a - b) - a
    ],
    "cos of known angles": [("cos(a + b)*exp(sin(a)*cos(b))", "(cos(a)*cos(b) - sin(a)*sin(b))*exp(sin(a)*cos(b))")],
    "known quotient": [("exp(a/(b*c)) + sin(a/b)", None)],
    "logarithm of a power": [("log(a^3)", "3*log(a)"), ("log(a^2)", "2*log(abs(a))"), ("log(1/a)", "-log(a)")],
}


@pytest.mark.parametrize("rule", STRUCTURAL, ids=lambda r: r.name)
def test_rules_for_sums_and_products_of_any_length(rule: Structural) -> None:
    """Each of them has examples here; all forms it makes are true, at points with positive letters."""
    for left, right in EXAMPLES[rule.name]:
        graph = EGraph(Assumptions([letter > 0 for letter in LETTERS] if "a >" in rule.formula else []))
        root = graph.add(term(left))
        size_before = len(graph)
        assert apply_once(rule, graph) > 0 and len(graph) > size_before, left
        if right is not None:
            assert graph.find(graph.add(term(right))) == graph.find(root), (left, right)
        for seed in range(5):
            source = random.Random(seed)
            assert untrue(graph, {letter: source.uniform(0.2, 3.0) for letter in LETTERS}) == []


def test_long_sums_are_matched_in_part() -> None:
    graph = EGraph()
    a, b, c = (Symbol(n) for n in "abc")
    root = graph.add(3 * sn.sin(a) ** 2 + b + 3 * sn.cos(a) ** 2 - c)
    rule = next(r for r in ALL if r.name == "sin^2 + cos^2")
    apply_once(rule, graph)
    assert graph.find(graph.add(3 + b - c)) == graph.find(root)


def test_long_products_are_matched_in_part_and_with_powers() -> None:
    graph = EGraph()
    a, b = (Symbol(n) for n in "ab")
    root = graph.add(b * sn.sin(a) ** 3 / sn.cos(a) ** 2)
    apply_once(next(r for r in ALL if r.name == "sin/cos"), graph)
    assert graph.find(graph.add(b * sn.tan(a) ** 2 * sn.sin(a))) == graph.find(root)


def test_conditions_are_respected() -> None:
    a = Symbol("a")
    rule = next(r for r in ALL if r.name == "abs of a number >= 0")
    for assume, fires in (([], False), ([a >= 0], True), ([a > 0], True), ([a < 0], False)):
        graph = EGraph(Assumptions(assume))
        graph.add(abs(a))
        assert bool(apply_once(rule, graph)) is fires


def test_names_are_unique_and_formulas_readable() -> None:
    names = [rule.name for rule in ALL]
    assert len(set(names)) == len(names)
    assert all("->" in rule.formula for rule in ALL)
    assert all(rule.name in EXAMPLES for rule in STRUCTURAL)
    assert {r.name for r in ALL if r.unsafe} and not {r.name for r in rule_sets() if r.unsafe}


def test_bad_rules_and_sets_are_named() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'powers'"):
        rule_sets(["power"])
    with pytest.raises(UnknownName, match="letter 'b' does not occur"):
        Rule("wrong", "sin(a)", "cos(b)")
    with pytest.raises(ParseError):
        Rule("wrong", "sin(a", "1")
    assert {type(r) for name in catalogue().names() for r in rule_sets([name])} <= {Rule, Structural}
