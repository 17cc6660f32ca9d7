"""An e-graph laid out for extraction: each class is an item with several ways to compute it, each way a price and the items it needs.

Powers and reciprocals are items of their own, since products share them (x^2, 1/h), and since 1/b may be worth a multiplication::

    a*b**-1         one division, or  a*r  with  r = 1/b
    x**6            x2 = x*x, x4 = x2*x2, x2*x4; or  x3*x3  where x3 is there already
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from symnum.expr.numbers import Number, tidy
from symnum.rewrite.beam import beam
from symnum.rewrite.cost import Costs
from symnum.rewrite.egraph import EGraph, Node

Way = tuple[float, tuple[int, ...], tuple[Any, ...]]  # price, items needed, how to write it

_HALF = Fraction(1, 2)
_LARGEST_POWER = 64
TINY = 1e-9  # so that every step costs something and no cheapest way goes in circles


class Choices:
    """The choice graph of an e-graph. ``ways[item]``: the ways to compute it; ``item(class)``; ``chosen[item]``: index of the way taken."""

    def __init__(self, graph: EGraph, costs: Costs, roots: Sequence[int]) -> None:
        self.graph, self.table = graph, costs.table
        self.longest = costs.longest
        self.ways: list[list[Way]] = []
        self.index: dict[Any, int] = {}
        self._beam = beam(graph, roots, costs)
        self._multiples = {
            (graph.find(child), abs(c))
            for nodes in self._beam.reached.values()
            for node in nodes
            if node[0] == "add" and len(node[2]) > 1
            for child, c in zip(node[2], node[1][1:], strict=True)
            if abs(c) != 1
        }
        self._todo: list[tuple[int, Any]] = []
        self.roots = [self.item(graph.find(r)) for r in roots]
        while self._todo:
            number, key = self._todo.pop()
            self.ways[number] = self._virtual(key) if isinstance(key, tuple) else self._of_class(key)
        self.chosen = [0] * len(self.ways)

    def item(self, key: Any) -> int:
        """The number of an item: a class, or ("power", class, e), ("over", class, e), ("times", class, number)."""
        found = self.index.get(key)
        if found is None:
            found = self.index[key] = len(self.ways)
            self.ways.append([])
            self._todo.append((found, key))
        return found

    # --- the ways to compute a class ---

    def _of_class(self, i: int) -> list[Way]:
        k = self.graph.classes[i]
        if k.const is not None:
            return [(0.0, (), ("number", k.const))]
        ways: list[Way] = []
        for node in self._beam.reached.get(i) or k.nodes:
            if node[0] == "symbol":
                return [(0.0, (), ("leaf", node[1][0]))]
            if node[0] == "add":
                ways += self._sums(node)
            elif node[0] == "mul":
                ways += self._product(tuple(zip(node[2], node[1], strict=True)))
            else:
                children = tuple([self.item(self.graph.find(c)) for c in node[2]])
                ways.append((max(self.table.get(node[0], 1.0), TINY), children, ("call", node[0], node[1])))
        return ways

    def _sum(self, constant: Number, pairs: Sequence[tuple[int, Number]]) -> Way:
        """Additions, one multiplication for each distinct coefficient."""
        numbers = [c for _, c in pairs]
        groups = {float(c) for c in numbers} - {1.0, -1.0}
        price = self.table["add"] * (len(numbers) - (constant == 0)) + self.table["mul"] * len(groups)
        if constant == 0 and all(c == -1 for c in numbers):
            price += self.table["neg"]
        return (max(price, TINY), tuple([self.item(i) for i, _ in pairs]), ("sum", (constant, *numbers)))

    def _joined(self, constant: Number, pairs: Sequence[tuple[int, Number]], k: int, part: int, sign: int) -> Way:
        """A sum whose part k is an item with its coefficient in it."""
        price, needs, (kind, numbers) = self._sum(constant, [*pairs[:k], (pairs[k][0], sign), *pairs[k + 1 :]])
        return price, (*needs[:k], part, *needs[k + 1 :]), (kind, numbers)

    def _times(self, base: int, c: Number) -> list[Way]:
        """c*base as a part of its own, which a sum and a product may share; B^2/4 as (B/2)^2."""
        ways: list[Way] = [(self.table["mul"], (self.item(base),), ("sum", (0, c)))]
        made = self.graph.memo.get(("add", (0, c), (base,)))
        if made is not None:
            ways.append((TINY, (self.item(self.graph.find(made)),), ("same",)))
        root = None if isinstance(c, float) else _exact_root(Fraction(c))
        for node in self.graph[base].nodes if root is not None else ():
            if node[0] == "mul" and node[1] == (2,):
                inner = self.item(("times", self.graph.find(node[2][0]), root))
                ways.append((self.table["mul"], (inner,), ("raised", 2)))
        return ways

    def _sums(self, node: Node) -> list[Way]:
        """The sum as it is; with c*t computed as one part, where that is cheaper than t and a multiplication; c*(a*b) as (c*a)*b."""
        graph, memo = self.graph, self.graph.memo
        constant = node[1][0]
        pairs = [(graph.find(child), c) for child, c in zip(node[2], node[1][1:], strict=True)]
        ways = [self._sum(constant, pairs)]
        if len(pairs) == 1 and constant == 0:
            return ways + self._scaled_factor(*pairs[0])
        for k, (child, c) in enumerate(pairs):
            if abs(c) != 1 and len(pairs) > 1:
                part = self.item(("times", child, abs(c)))
                ways.append(self._joined(constant, pairs, k, part, 1 if c > 0 else -1))
                multiple, opposite = memo.get(("add", (0, c), (child,))), memo.get(("add", (0, -c), (child,)))
                for made, sign in ((multiple, 1), (opposite, -1)):
                    if made is not None:
                        ways.append(self._sum(constant, [*pairs[:k], (graph.find(made), sign), *pairs[k + 1 :]]))
        return ways

    def _scaled_factor(self, i: int, c: Number) -> list[Way]:
        """c*(a*b) as (c*a)*b, where c*a is a sum that costs no more than a: -(x - y) is y - x."""
        graph, ways = self.graph, []
        for inner in graph[i].nodes:
            if inner[0] != "mul":
                continue
            factors = [(graph.find(b), e) for b, e in zip(inner[2], inner[1], strict=True)]
            for k, (base, e) in enumerate(factors):
                if e == 1 or (e == -1 and abs(c) == 1):
                    multiple = graph.memo.get(("add", (0, c), (base,)))
                    if multiple is not None and len(graph[multiple].nodes) > 1:
                        ways += self._product((*factors[:k], (graph.find(multiple), e), *factors[k + 1 :]))
                whole = base if e == 1 else graph.memo.get(("mul", (e,), (base,)))
                if whole is not None and c > 0 and (graph.find(whole), c) in self._multiples:
                    ways += self._product((*factors[:k], (("times", graph.find(whole), c), 1), *factors[k + 1 :]))
        return ways

    def _product(self, factors: Sequence[tuple[Any, Number]]) -> list[Way]:
        """One division of what is above by what is below; or a product with reciprocals."""
        factors = [(b if isinstance(b, tuple) else self.graph.find(b), e) for b, e in factors]
        above = [("power", b, e) if e != 1 else b for b, e in factors if e > 0]
        below = [("power", b, -e) if e != -1 else b for b, e in factors if e < 0]
        t = self.table
        if not below and len(above) == 1:
            return [(0.0, (self.item(above[0]),), ("same",))]
        chains = t["mul"] * (max(len(above) - 1, 0) + max(len(below) - 1, 0))
        items = tuple([self.item(key) for key in above + below])
        ways: list[Way] = [(chains + (t["div"] if below else 0.0), items, ("product", len(above)))]
        if below and len(factors) > 1:
            over = [("over", b, -e) for b, e in factors if e < 0]
            items = tuple([self.item(key) for key in above + over])
            ways.append((t["mul"] * (len(factors) - 1), items, ("product", len(items))))
        elif below and not above and below[0] != factors[0][0]:
            ways.append((0.0, (self.item(("over", factors[0][0], -factors[0][1])),), ("same",)))
        return ways

    # --- powers and reciprocals ---

    def _virtual(self, key: tuple[str, int, Number]) -> list[Way]:
        kind, base, e = key
        if kind == "over":
            return self._reciprocal(base, e)
        if kind == "times":
            return self._times(base, e)
        return self._power(base, e)

    def _reciprocal(self, base: int, e: Number) -> list[Way]:
        """1/base**e."""
        inner = self.item(base if e == 1 else ("power", base, e))
        ways: list[Way] = [(self.table["div"], (inner,), ("product", 0))]
        if e != 1 and (2 * Fraction(e)).denominator == 1 and e <= _LARGEST_POWER:
            unit = _HALF if Fraction(e).denominator == 2 else 1
            if e != unit:
                n = int(Fraction(e) / unit)
                squarings = n.bit_length() - 1 + n.bit_count() - 1
                ways.append((self.table["mul"] * squarings, (self.item(("over", base, unit)),), ("raised", n)))
        return ways

    def _power(self, base: int, e: Number) -> list[Way]:
        """base**e, e > 0 and not 1, as the code generators do it, and by the power half as high."""
        exact = Fraction(e)
        mul, whole = self.table["mul"], int(exact)
        at = self._at
        if exact > _LARGEST_POWER or (4 * exact).denominator != 1 or (exact.denominator == 4 and exact > 1):
            return [(self.table["pow"], (at(base, 1),), ("native", e, at(base, 1)))]
        if exact.denominator == 4:
            root: list[Way] = [(self.table["pow"], (at(base, 1),), ("native", e, at(base, 1)))]
            if exact.numerator == 1:
                root.append((self.table["sqrt"], (at(base, _HALF),), ("raised", _HALF)))
            return root
        if exact == _HALF:
            return [(self.table["sqrt"], (at(base, 1),), ("native", e, at(base, 1)))]
        if exact.denominator == 2:
            return [(mul, (at(base, whole), at(base, _HALF)), ("native", e, at(base, 1)))]
        high = 1 << (whole.bit_length() - 1)
        if whole == high:
            return [(mul, (at(base, whole // 2),), ("native", e, at(base, 1)))]
        ways: list[Way] = [(mul, (at(base, high), at(base, whole - high)), ("native", e, at(base, 1)))]
        if whole % 2 == 0:
            ways.append((mul, (at(base, whole // 2),), ("raised", 2)))
        return ways

    def _at(self, base: int, e: Number) -> int:
        return self.item(base if e == 1 else ("power", base, e))


def _exact_root(value: Fraction) -> Number | None:
    """The square root of a number > 0 where it is a fraction of small numbers."""
    parts = [math.isqrt(n) for n in (value.numerator, value.denominator)]
    root = Fraction(*parts)
    return tidy(root) if value > 0 and root * root == value else None
