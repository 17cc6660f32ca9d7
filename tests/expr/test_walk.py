"""Walks: order, memo, sharing, and terms 10^5 deep."""

from __future__ import annotations

import pickle
import time

from symnum.expr import build
from symnum.expr.calculus import diff, differentiate, expand_derivatives, substitute
from symnum.expr.show import latex, plain, unicode
from symnum.expr.term import Const, Symbol
from symnum.expr.walk import contains, flatten, fold, node_count, postorder, symbols, transform

DEPTH = 100_000
X, Y = Symbol("x"), Symbol("y")


def _deep(leaf, beside=0, depth=DEPTH):
    """sin(sin(...) + beside) + beside."""
    term = leaf
    for _ in range(depth):
        term = build.sin(term) + beside
    return term


def test_postorder_gives_each_node_once_and_children_first():
    term = build.sin(X + Y) * (X + Y) ** 2 + build.exp(X + Y)
    nodes = list(postorder((term, X)))
    assert len(nodes) == len(set(nodes)) == node_count(term)
    place = {t: i for i, t in enumerate(nodes)}
    assert all(place[a] < place[t] for t in nodes for a in t.args)


def test_fold_sees_a_shared_node_once_even_across_calls():
    seen = []
    shared = build.exp(X * Y)
    memo: dict = {}
    for root in (shared + build.sin(shared), build.cos(shared)):
        fold(root, lambda t, args: seen.append(t), memo)
    assert len(seen) == len(set(seen)) == node_count([shared + build.sin(shared), build.cos(shared)])


def test_symbols_contains_transform(n):
    term = n.alpha * n.u + build.sin(n.x)
    assert set(symbols(term)) == {n.alpha, n.u, n.x} and symbols(term, "field") == [n.u]
    assert contains(term, lambda t: t.op == "sin") and not contains(term, lambda t: t.op == "cos")
    swapped = transform(term, lambda t: build.cos(t.args[0]) if t.op == "sin" else None)
    assert swapped is n.alpha * n.u + build.cos(n.x)


def test_flatten_lists_children_before_parents():
    rows = flatten(build.sin(X) + X)
    assert all(child < i for i, row in enumerate(rows) for child in row[2]) and len(rows) == 3


def test_sharing_costs_the_size_of_the_graph_not_of_the_tree():
    term = X
    for _ in range(200):  # 2**200 nodes as a tree
        term = build.sin(term) * term + 1
    started = time.perf_counter()
    assert node_count(term) == 601
    assert node_count(differentiate(term, X)) < 20_000
    assert substitute(term, {X: Y}) is not term
    assert len(repr(term)) < 2100 and len(latex(term, 500)) < 20_000
    assert pickle.loads(pickle.dumps(term)) is term
    assert time.perf_counter() - started < 5


def test_deep_terms_substitute_and_pickle():
    term = _deep(X)
    assert node_count(term) == DEPTH + 1
    assert substitute(term, {X: Y}) is _deep(Y)
    assert pickle.loads(pickle.dumps(term)) is term
    del term  # and freed without recursion


def test_deep_terms_differentiate(n):
    term = X + 1
    for _ in range(DEPTH):
        term = 3 * X - term  # slope 3 - (3 - (... - 1))
    assert node_count(term) == DEPTH + 2 and differentiate(term, X) is Const(1)
    term = X
    for _ in range(DEPTH // 50):
        term = term**2 + X
    slope = differentiate(term, X)
    assert slope.op == "add" and node_count(slope) > DEPTH // 25
    assert node_count(diff(_deep(n.x, n.x, DEPTH // 50), n.x)) > DEPTH // 25


def test_deep_terms_print(n):
    term = _deep(X)
    for write in (plain, unicode, latex):
        assert len(write(term, limit=300)) < 2_000_000
    assert plain(term, limit=50) == ("sin(" * 13)[:50] + " ..."
    assert len(plain(term)) == 5 * DEPTH + 1
    assert len(repr(term)) == 2004


def test_deep_sums_and_powers_need_no_recursion(n):
    term = n.u
    for k in range(5_000):
        term = (1 + term * n.x) ** 2 if k % 2 else Const(0.5) + term / 3
    assert not contains(substitute(term, {n.x: n.y}), lambda t: t is n.x)
    assert expand_derivatives(term) is term
    assert len(plain(term, 100)) == 104
