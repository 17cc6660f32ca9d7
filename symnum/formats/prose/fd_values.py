"""Trees of fd tokens as terms: each has a rank, and a term for each component."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from itertools import product
from typing import Any

from symnum.errors import ParseError, TermError
from symnum.expr.calculus import diff
from symnum.expr.term import Const, Symbol, Term, add, call, mul, power, scale
from symnum.formats.prose.fd_trees import Tree
from symnum.formats.prose.read import nodes
from symnum.formats.prose.words import Node

Index = tuple[int, ...]


@dataclass(frozen=True)
class Value:
    """``rank`` 0, 1, 2; ``components``: index -> term; ``slope``: it holds a gradient, and multiplies vectors as a scalar product."""

    rank: int
    components: dict[Index, Term]
    slope: bool = False

    def each(self, function: Callable[[Term], Term]) -> Value:
        return Value(self.rank, {i: function(c) for i, c in self.components.items()}, self.slope)


@dataclass(frozen=True)
class Values:
    """``leaves``: word -> its value; ``axes``: time, then the coordinates in space."""

    leaves: Mapping[str, Value]
    axes: tuple[Symbol, ...]

    @staticmethod
    def of(trees: Mapping[Symbol, Tree], axes: tuple[Symbol, ...]) -> Values:
        """From symbols and their words."""
        found: dict[str, dict[Index, Term]] = {}
        for symbol, word in trees.items():
            found.setdefault(word.data[0], {})[word.data[1]] = symbol
        return Values.completed({w: Value(len(next(iter(c))), c) for w, c in found.items()}, axes)

    @staticmethod
    def completed(words: Mapping[str, Value], axes: tuple[Symbol, ...]) -> Values:
        """With x, and with v where it is the speed."""
        leaves = {**words, "x": Value(0, {(): axes[1]})}
        if "U" in leaves and "v" not in leaves:
            square = add(power(c, Const(2)) for c in leaves["U"].components.values())
            leaves["v"] = Value(0, {(): power(square, Const(Fraction(1, 2)))})
        return Values(leaves, axes)

    @property
    def space(self) -> tuple[Symbol, ...]:
        return self.axes[1:]

    def residual(self, tree: Node, placeholder: Any = None) -> list[Term]:
        """The components of an equation, one or as many as there are directions. Raises ParseError with the position of what makes no sense."""
        listed = nodes(tree)
        made: dict[int, Value] = {id(n): Value(0, {(): placeholder()}) for n in listed if n.head == "placeholder"}
        for node in reversed(listed):
            if node.head == "number":
                made[id(node)] = Value(0, {(): Const(node.value)})
            elif node.arguments:
                given = [made[id(a)] for a in node.arguments]
                try:
                    made[id(node)] = self._apply(node, given)
                except TermError as wrong:
                    raise refused(node, f"{node.head} has no value here: {wrong}") from None
            elif node.head != "placeholder":
                made[id(node)] = self.leaves[node.head]
        whole = made[id(tree)]
        if whole.rank > 1:
            raise refused(tree, "an equation is a scalar or a vector, this one is a tensor; write diverg before it")
        return [whole.components[i] for i in sorted(whole.components)]

    def _apply(self, node: Node, given: list[Value]) -> Value:
        match node.head:
            case "add" | "sub":
                return self._sum(
                    node, given[0], given[1].each(lambda c: scale(c, -1)) if node.head == "sub" else given[1]
                )
            case "mul":
                return self._product(node, *given)
            case "neg":
                return given[0].each(lambda c: scale(c, -1))
            case "div":
                divisor = self._scalar(node, given[1])
                return given[0].each(lambda c: mul((c, power(divisor, Const(-1)))))
            case "dt" | "dx" | "dy" | "dz":
                return self._along(node, given[0])
            case "D":
                return self._gradient(node, given[0])
            case "D2":
                return given[0].each(lambda c: add(diff(c, x, 2) for x in self.space))
            case "diverg":
                return self._divergence(node, given[0])
        return Value(0, {(): _FUNCTIONS[node.head](*(self._scalar(node, g) for g in given))})

    def _scalar(self, node: Node, value: Value) -> Term:
        if value.rank:
            raise refused(node, f"{node.head} takes scalars, one argument is a {('vector', 'tensor')[value.rank - 1]}")
        return value.components[()]

    def _sum(self, node: Node, a: Value, b: Value) -> Value:
        if a.rank == b.rank:
            return Value(a.rank, {i: add((c, b.components[i])) for i, c in a.components.items()}, a.slope and b.slope)
        low, high = sorted((a, b), key=lambda v: v.rank)
        if low.rank == 1:
            raise refused(node, f"{node.head} of a vector and a tensor; diverg makes a vector of a tensor")
        c = low.components[()]
        return Value(high.rank, {i: add((e, c)) if len(set(i)) == 1 else e for i, e in high.components.items()})

    def _product(self, node: Node, a: Value, b: Value) -> Value:
        if not a.rank or not b.rank:
            low, high = sorted((a, b), key=lambda v: v.rank)
            return high.each(lambda c: mul((low.components[()], c)))
        n = range(len(self.space))
        if a.rank == 1 and b.rank == 2:
            return Value(1, {(i,): add(mul((a.components[(j,)], b.components[(i, j)])) for j in n) for i in n})
        if a.rank == 2:
            raise refused(node, "a tensor is multiplied with scalars, or stands behind a vector: mul U sigma")
        if a.slope or b.slope:
            return Value(0, {(): add(mul((a.components[(j,)], b.components[(j,)])) for j in n)})
        return Value(2, {(i, j): mul((a.components[(i,)], b.components[(j,)])) for i, j in product(n, n)})

    def _along(self, node: Node, value: Value) -> Value:
        k = ("dt", "dx", "dy", "dz").index(node.head)
        if k >= len(self.axes):
            raise refused(
                node, f"there is no {node.head[1]} among the coordinates {', '.join(c.name for c in self.axes)}"
            )
        return value.each(lambda c: diff(c, self.axes[k]))

    def _gradient(self, node: Node, value: Value) -> Value:
        if value.rank > 1:
            raise refused(node, "D takes a scalar or a vector, this is a tensor")
        made = {(*i, j): diff(c, x) for i, c in value.components.items() for j, x in enumerate(self.space)}
        return Value(value.rank + 1, made, True)

    def _divergence(self, node: Node, value: Value) -> Value:
        if not value.rank:
            raise refused(node, "diverg takes a vector or a tensor, this is a scalar; D is the gradient")
        made: dict[Index, list[Term]] = {}
        for i, c in value.components.items():
            made.setdefault(i[:-1], []).append(diff(c, self.space[i[-1]]))
        return Value(value.rank - 1, {i: add(c) for i, c in made.items()})


_FUNCTIONS: dict[str, Callable[..., Term]] = {
    "inv": lambda a: power(a, Const(-1)),
    "sin": lambda a: call("sin", a),
    "cos": lambda a: call("cos", a),
    "pow2": lambda a: power(a, Const(2)),
    "pow3": lambda a: power(a, Const(3)),
    "pow": power,
}


def refused(node: Node, message: str) -> ParseError:
    """An error with the position of the token."""
    made = ParseError(f"token {node.position}: {message}")
    made.position = node.position
    return made
