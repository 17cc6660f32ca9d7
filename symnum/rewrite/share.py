"""Sub-sums and sub-products that several sums or products have in common, computed once.

::

    a + b + c,  a + b - d      ->   s = a + b;  s + c,  s - d
    k*x*y,  m*x*y^-1*z         ->   as they stand; k*x*y,  m*x*y   ->   p = x*y;  k*p,  m*p
    u/w,  v/w                  ->   r = 1/w;  u*r,  v*r

Summands that always occur together (same sums, same ratio of coefficients) are joined first, in linear time; then the pair that occurs most
often is taken out, again and again (two-term common sub-expressions: Hosangadi, Fallah, Kastner, *Optimizing polynomial expressions by algebraic
factorization and common subexpression elimination*, IEEE Trans. CAD 25 (2006) 2012-2022). A pair taken out of n sums saves n - 1 additions.

Terms merge nested sums and products when they are built. What is shared is kept apart all the same: it is interned as it stands, as a
sum inside a sum or a product inside a product, which every walk, printer and target reads as usual. ``walk.rebuild`` merges it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from symnum.expr.numbers import Number
from symnum.expr.replace import plain_product, plain_sum, same_node
from symnum.expr.term import ONE, Const, Term
from symnum.expr.walk import fold, postorder
from symnum.rewrite.common import Rows
from symnum.rewrite.cost import operations
from symnum.rewrite.factor import factor


def share(terms: Sequence[Term]) -> list[Term]:
    """The terms with common sub-products and sub-sums taken out, never with more operations; values change by rounding only."""
    return _not_more(terms, spare_signs(share_multiples(_with_sums(share_reciprocals(_with_products(terms))))))


def _not_more(terms: Sequence[Term], made: list[Term]) -> list[Term]:
    """What was made of the terms, or the terms themselves where that takes more operations."""
    return made if operations(made).total() <= operations(terms).total() else list(terms)


def condense(terms: Sequence[Term]) -> list[Term]:
    """The terms factored, then with common parts shared: what large systems are given, in about linear time."""
    return share(factor(terms))


def share_reciprocals(terms: Sequence[Term]) -> list[Term]:
    """u/w and v/w become u*r and v*r with r = 1/w: one division for all products that divide by w (or whole powers of it) alone."""
    uses = Counter(
        base for node in postorder(terms) if node.op == "mul" and (base := _sole_denominator(node)) is not None
    )

    def rule(node: Term, args: list[Term]) -> Term:
        below = _sole_denominator(node) if node.op == "mul" and len(node.args) > 1 else None
        if below is None or uses[below] < 2:
            return same_node(node, args)
        rows = zip(node.args, args, node.data[1:], strict=True)
        return plain_product(
            [(plain_product([(a, -1)]), -e) if b is below else (a, e) for b, a, e in rows], node.data[0]
        )

    memo: dict[Term, Term] = {}
    return [fold(t, rule, memo) for t in terms]


def share_roots(terms: Sequence[Term]) -> list[Term]:
    """u*w^(-3/2) and v*w^(-3/2) become u*r and v*r with r = w^(-3/2).

    One root and one division serve all products. ``share`` leaves this out: it may count one multiplication more for each division saved.
    """
    uses = Counter(
        row for node in postorder(terms) if node.op == "mul" and len(node.args) > 1 for row in _broken_powers(node)
    )

    def rule(node: Term, args: list[Term]) -> Term:
        if node.op != "mul" or len(args) < 2 or not any(uses[row] > 1 for row in _broken_powers(node)):
            return same_node(node, args)
        rows = zip(node.args, args, node.data[1:], strict=True)
        return plain_product(
            [(plain_product([(a, e)]), 1) if uses[b, e] > 1 else (a, e) for b, a, e in rows], node.data[0]
        )

    memo: dict[Term, Term] = {}
    return [fold(t, rule, memo) for t in terms]


def _broken_powers(node: Term) -> list[tuple[Term, Number]]:
    return [(b, e) for b, e in zip(node.args, node.data[1:], strict=True) if not isinstance(e, int)]


def _sole_denominator(node: Term) -> Term | None:
    below = [(b, e) for b, e in zip(node.args, node.data[1:], strict=True) if e < 0]
    return below[0][0] if len(below) == 1 and isinstance(below[0][1], int) else None


def share_sums(terms: Sequence[Term]) -> list[Term]:
    """Sub-sums that several sums have in common exist once, never with more operations. The ratio of two coefficients must agree, not
    the coefficients."""
    return _not_more(terms, _with_sums(terms))


def _with_sums(terms: Sequence[Term]) -> list[Term]:
    nodes = [n for n in postorder(terms) if n.op == "add"]
    parts: dict[Term, int] = {}
    pool = _emptied(
        [
            {
                parts.setdefault(a, len(parts)): c
                for a, c in zip((*n.args, ONE), (*n.data[1:], n.data[0]), strict=True)
                if c
            }
            for n in nodes
        ],
        parts,
    )
    names = list(parts)
    numbers = {n: k for k, n in enumerate(nodes)}
    made: dict[int, Term] = {}
    memo: dict[Term, Term] = {}

    def part(i: int) -> Term:
        for j in pool.below(i, made):
            made[j] = (
                memo.get(names[j], ONE) if j < len(names) else plain_sum([(made[k], c) for k, c in pool.inside[j]])
            )
        return made[i]

    def rule(node: Term, args: list[Term]) -> Term:
        if node.op != "add":
            return same_node(node, args)
        return plain_sum([(part(i), c) for i, c in pool.coefficients(numbers[node])])

    return [fold(t, rule, memo) for t in terms]


def share_multiples(terms: Sequence[Term]) -> list[Term]:
    """c*x that several sums hold, with either sign, is multiplied once: 1 + 3*x, y - 3*x."""
    multiples: Counter[tuple[Term, Number]] = Counter()
    lone: dict[Term, list[bool]] = {}
    for node in postorder(terms):
        if node.op == "add":
            alike = Counter(node.data[1:])
            lone[node] = [abs(c) != 1 and alike[c] == 1 for c in node.data[1:]]
            multiples.update(
                (a, abs(c)) for a, c, alone in zip(node.args, node.data[1:], lone[node], strict=True) if alone
            )

    def rule(node: Term, args: list[Term]) -> Term:
        if node.op != "add" or not any(lone[node]):
            return same_node(node, args)
        rows = zip(node.args, args, node.data[1:], lone[node], strict=True)
        parts = [
            (plain_product([(new, 1)], abs(c)), 1 if c > 0 else -1)
            if alone and multiples[old, abs(c)] > 1
            else (new, c)
            for old, new, c, alone in rows
        ]
        return plain_sum(parts, node.data[0])

    memo: dict[Term, Term] = {}
    return [fold(t, rule, memo) for t in terms]


def spare_signs(terms: Sequence[Term]) -> list[Term]:
    """-(a - b) that nothing else uses becomes b - a."""
    uses = Counter(a for node in postorder(terms) for a in node.args)
    uses.update(t for t in terms if t.op == "add")

    def rule(node: Term, args: list[Term]) -> Term:
        if node.op != "mul" or node.data[0] != -1:
            return same_node(node, args)
        rows = list(zip(args, node.data[1:], strict=True))
        for k, (old, (new, e)) in enumerate(zip(node.args, rows, strict=True)):
            if e == 1 and new.op == "add" and uses[old] == 1 and (new.data[0] or set(new.data[1:]) != {1}):
                rows[k] = plain_sum([(a, -c) for a, c in zip(new.args, new.data[1:], strict=True)], -new.data[0]), 1
                return plain_product(rows)
        return same_node(node, args)

    memo: dict[Term, Term] = {}
    return [fold(t, rule, memo) for t in terms]


def share_products(terms: Sequence[Term]) -> list[Term]:
    """Sub-products that several products have in common exist once, never with more operations."""
    return _not_more(terms, _with_products(terms))


def _with_products(terms: Sequence[Term]) -> list[Term]:
    nodes = [n for n in postorder(terms) if n.op == "mul" and len(n.args) + (abs(n.data[0]) != 1) > 1]
    parts: dict[tuple[Term, Number], int] = {}
    pool = _emptied([{parts.setdefault(row, len(parts)): 1 for row in _factors(n)} for n in nodes], parts)
    names = list(parts)
    numbers = {n: k for k, n in enumerate(nodes)}
    made: dict[int, tuple[Term, Number]] = {}
    memo: dict[Term, Term] = {}

    def part(i: int) -> tuple[Term, Number]:
        for j in pool.below(i, made):
            if j < len(names):
                made[j] = memo.get(names[j][0], names[j][0]), names[j][1]
            else:
                made[j] = _joined([made[k] for k, _ in pool.inside[j]])
        return made[i]

    def rule(node: Term, args: list[Term]) -> Term:
        if node not in numbers:
            return same_node(node, args)
        return plain_product([part(i) for i, _ in pool.coefficients(numbers[node])], -1 if node.data[0] < 0 else 1)

    return [fold(t, rule, memo) for t in terms]


def _factors(node: Term) -> list[tuple[Term, Number]]:
    """The factors of a product; a number in front is one of them, without its sign."""
    rows: list[tuple[Term, Number]] = list(zip(node.args, node.data[1:], strict=True))
    size = abs(node.data[0])
    return rows if size == 1 else [*rows, (Const(size), 1)]


def _emptied(rows: Sequence[Mapping[int, Number]], parts: Mapping[Any, int]) -> Rows:
    """The rows with all that two of them have in common taken out."""
    pool = Rows(rows, len(parts))
    pool.join_twins()
    pool.take_pairs()
    return pool


def _joined(parts: Sequence[tuple[Term, Number]]) -> tuple[Term, Number]:
    """A sub-product as one part: all below become a product below, so that a product keeps its one division."""
    if all(e < 0 for _, e in parts):
        return plain_product([(b, -e) for b, e in parts]), -1
    return plain_product(parts), 1
