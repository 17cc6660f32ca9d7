"""Signs and numbers where they cost nothing: in the sums.

::

    m*k*(x - p),  -n*k*(x - p)          ->   one of the factors is computed with the other sign, if that leaves fewer negations
    1/2*(a + b - 2*c)/d                 ->   ((a + b)/2 - c)/d

A subtraction costs what an addition costs, so a sum may as well be computed with the other sign where its users can do with that; a product
with -1 in front costs a negation. Which sums and products change sign is a local search: one, or two together, as long as negations (and
coefficients that differ in sign only) become fewer.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

from symnum.expr.numbers import Number, tidy, unit
from symnum.expr.replace import same_node
from symnum.expr.term import Term, make_call
from symnum.expr.walk import fold, postorder
from symnum.rewrite.cost import Costs

_MOST_NODES = 200
_LEAST = 1e-9  # saved, beyond rounding
_MOST_CHANGES = 60  # sums and products that are tried two at a time


def fewer_signs(terms: Sequence[Term], costs: Costs) -> list[Term]:
    """The terms with fewer negations and fewer numbers in front; values change by rounding only."""
    nodes = list(postorder(terms))
    if len(nodes) > _MOST_NODES:
        return list(terms)
    inside = numbers_inside(terms, costs)
    return _Signs(inside, costs).written()


def numbers_inside(terms: Sequence[Term], costs: Costs) -> list[Term]:
    """c*(a + b - 2*d) with the number in the sum, where that is cheaper and nothing else uses the sum."""
    uses = Counter(a for n in postorder(terms) for a in n.args)
    uses.update(terms)

    def rule(node: Term, args: list[Term]) -> Term:
        if node.op != "mul" or node.data[0] == 1:
            return same_node(node, args)
        c = node.data[0]
        for k, (old, new, e) in enumerate(zip(node.args, args, node.data[1:], strict=True)):
            if e != 1 or new.op != "add" or uses[old] != 1:
                continue
            data = tuple([unit(tidy(c * n)) for n in new.data])
            if not all(map(math.isfinite, data)):
                continue
            bare = (1, *node.data[1:])
            gain = costs.price("mul", node.data) + costs.price("add", new.data)
            gain -= costs.price("add", data) + (costs.price("mul", bare) if len(args) > 1 else 0.0)
            if gain > 0:
                made = make_call("add", new.args, data)
                return made if len(args) == 1 else _product_of([*args[:k], made, *args[k + 1 :]], bare)
        return same_node(node, args)

    memo: dict[Term, Term] = {}
    return [fold(t, rule, memo) for t in terms]


def _product_of(args: Sequence[Term], data: Sequence[Number]) -> Term:
    rows = sorted(zip(args, data[1:], strict=True), key=lambda row: row[0].digest)
    return make_call("mul", tuple(a for a, _ in rows), (data[0], *(e for _, e in rows)))


class _Signs:
    """A sign for each sum and product: what is computed in its place is the sign times it."""

    def __init__(self, terms: Sequence[Term], costs: Costs) -> None:
        self.terms, self.costs = terms, costs
        self.nodes = [n for n in postorder(terms) if n.op in ("add", "mul")]
        self.sign: dict[Term, int] = {}
        self.users: dict[Term, list[Term]] = defaultdict(list)
        for n in self.nodes:
            for a in n.args:
                self.users[a].append(n)
        fixed = set(terms)
        for n in postorder(terms):
            whole = n.op == "add" or (n.op == "mul" and all(type(e) is int for e in n.data[1:]))
            exponents: Mapping[Term, Number] = dict(zip(n.args, n.data[1:], strict=True)) if n.op == "mul" else {}
            fixed.update(a for a in n.args if not whole and type(exponents.get(a)) is not int)
        self.free = [n for n in self.nodes if n not in fixed]

    def written(self) -> list[Term]:
        """The terms with the best signs found."""
        if any(self._spare(n) for n in self.nodes):
            while self._one() or self._two():
                pass
        if -1 not in self.sign.values():
            return list(self.terms)
        memo: dict[Term, Term] = {}
        return [fold(t, self._rebuilt, memo) for t in self.terms]

    def _spare(self, node: Term) -> bool:
        """True if another choice of signs could make a node cheaper."""
        sizes = {abs(c) for c in node.data[1:]}
        return (
            node.data[0] == -1
            if node.op == "mul"
            else len(set(node.data[1:]) - {1, -1}) > len(sizes - {1}) or max(node.data[1:]) < 0
        )

    def _data(self, node: Term) -> tuple[Number, ...]:
        """The data of a node with the present signs."""
        own, sign = self.sign.get(node, 1), self.sign
        if node.op == "add":
            rows = zip(node.args, node.data[1:], strict=True)
            return (own * node.data[0], *(own * c * sign.get(a, 1) for a, c in rows))
        for a, e in zip(node.args, node.data[1:], strict=True):
            if type(e) is int and e % 2:
                own *= sign.get(a, 1)
        return (own * node.data[0], *node.data[1:])

    def _price(self, nodes: Sequence[Term]) -> float:
        return sum(self.costs.price(n.op, self._data(n)) for n in nodes)

    def _flip(self, changed: Sequence[Term]) -> bool:
        """Change these signs; undone if that saves nothing."""
        near = list(dict.fromkeys(n for c in changed for n in (c, *self.users[c])))
        before = self._price(near)
        for c in changed:
            self.sign[c] = -self.sign.get(c, 1)
        if self._price(near) < before - _LEAST:
            return True
        for c in changed:
            self.sign[c] = -self.sign[c]
        return False

    def _one(self) -> bool:
        return sum(self._flip([n]) for n in self.free) > 0  # all, not up to the first

    def _two(self) -> bool:
        return any(self._flip(pair) for pair in combinations(self.free[:_MOST_CHANGES], 2))

    def _rebuilt(self, node: Term, args: list[Term]) -> Term:
        if node.op not in ("add", "mul"):
            return same_node(node, args)
        data = self._data(node)
        if node.op == "mul" and data == (1, 1):
            return args[0]
        rows = sorted(zip(args, data[1:], strict=True), key=lambda row: row[0].digest)
        return make_call(node.op, tuple(a for a, _ in rows), (data[0], *(c for _, c in rows)))
