"""Reading order: how summands and factors are arranged for people, from structure alone (stored order is by digest).

Every visible node gets a rank ``(group, height, place)``: the group is what it is (number, parameter, coordinate,
field, function, derivative, sum), the height its distance from the leaves, the place its position among the nodes of
that height, which are compared by name and by the ranks of their arguments. Ranks are plain tuples of integers, so
depth costs no recursion.
"""

from __future__ import annotations

import re
from collections import deque
from typing import Any

from symnum.expr.numbers import Number
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder, postorder_outside

_KINDS = {"parameter": 1, "symbol": 2, "coordinate": 2, "field": 3}
Rank = tuple[int, int, int]


class Order(dict[Term, Rank]):
    """Ranks of the visible nodes; a node out of sight ranks by its operator alone. ``degree`` is filled beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.degree: dict[Term, Any] = {}

    def __missing__(self, term: Term) -> Rank:
        return _group(term), 1 << 60, 0

    def summand(self, term: Term) -> tuple[Any, ...]:
        """Sort key among summands: degree, then the factors."""
        return self.degree.get(term, 1), self.factors(term)

    def factors(self, term: Term) -> list[tuple[Rank, Any]]:
        if term.op != "mul":
            return [(self[term], -1)]
        return sorted((self[b], -e) for b, e in zip(term.args, term.data[1:], strict=True))


def _group(term: Term) -> int:
    """Numbers, parameters, coordinates, fields, functions, derivatives, sums: the order of factors."""
    if isinstance(term, Symbol):
        return _KINDS.get(term.kind, 2)
    return {"const": 0, "pi": 0, "derivative": 5, "mul": 6, "add": 7, "where": 8}.get(term.op, 4)


def reading_order(root: Term, budget: int | None) -> Order:
    """A total order of the nodes. With a ``budget`` only that many nodes, nearest to the root, are looked at."""
    order = Order()
    height: dict[Term, int] = {}
    levels: list[list[Term]] = []
    for term in _visible(root, budget):
        h = 1 + max((height.get(a, 0) for a in term.args), default=-1)
        height[term] = h
        while len(levels) <= h:
            levels.append([])
        levels[h].append(term)
    for h, level in enumerate(levels):
        keyed = sorted(((_local_key(t, order), i) for i, t in enumerate(level)))
        for place, (_, i) in enumerate(keyed):
            order[level[i]] = (_group(level[i]), h, place)
            order.degree[level[i]] = _degree(level[i], order.degree)
    return order


def _visible(root: Term, budget: int | None) -> list[Term]:
    """The nodes nearest to the root (all of them without a budget), children before parents."""
    if budget is None:
        return list(postorder((root,)))
    queue, near = deque([root]), {root: None}
    while queue and len(near) < budget:
        for a in queue.popleft().args:
            if a not in near and len(near) < budget:
                near[a] = None
                queue.append(a)
    known: dict[Term, Any] = {a: None for term in near for a in term.args if a not in near}
    made = []
    for term in postorder_outside(root, known):
        known[term] = None
        made.append(term)
    return made


def _local_key(term: Term, order: Order) -> tuple[Any, ...]:
    if isinstance(term, Symbol):
        return "", re.sub(r"\d+", lambda digits: digits.group().zfill(12), term.name), term.name, term.kind, term.digest
    if term.op == "const":
        return "", "", "", type(term.data[0]).__name__, repr(term.data[0]).zfill(25)
    if term.op == "mul":
        return "mul", order.factors(term), _sortable(term.data[0])
    if term.op == "add":
        rows = sorted((order.summand(a), *_sortable(c)) for a, c in zip(term.args, term.data[1:], strict=True))
        return "add", rows, _sortable(term.data[0])
    return term.op, [order[a] for a in term.args[:1]], sum(term.data), [order[a] for a in term.args[1:]], term.data


def _sortable(value: Number) -> tuple[Number, str]:
    return value, type(value).__name__


def _degree(term: Term, known: dict[Term, Any]) -> Any:
    """Polynomial degree; functions count as variables, derivatives have the degree of what they differentiate."""
    if term.op == "const":
        return 0
    if term.op == "mul":
        total = sum(known.get(b, 1) * e for b, e in zip(term.args, term.data[1:], strict=True))
        return 0 if total != total else total  # NaN: zero times an infinite exponent
    if term.op == "add":
        return max(known.get(a, 1) for a in term.args)
    return known.get(term.args[0], 1) if term.op == "derivative" else 1
