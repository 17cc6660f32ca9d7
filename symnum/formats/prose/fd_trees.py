"""Terms as trees of vector calculus: sums over the components are found again, U_x dx(c) + U_y dy(c) is ``U . D c``.

A tree has a rank: 0 a scalar, 1 a vector, 2 a tensor. Heads (q any tree, W a vector, T a tensor; i, j directions):

    number  word      c, a word of the vocabulary; data of words: name, index of the component in each direction (None: all), constant or not
    product  sum      c q_1 q_2 ... (a factor stands as often as its power says);  q_1 + q_2 + ...
    dt  partial       d^n q/dt^n;  derivatives along coordinates, data: the order in each
    gradient          D q, component i is dq/dx_i             laplacian    sum_i d^2 q/dx_i^2
    divergence        sum_j dW_j/dx_j, sum_j dT_ij/dx_j       advection    sum_j W_j dq/dx_j
    contraction       sum_j T_ij W_j                          power, sin, cos
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import isclose, pi
from typing import Any

from symnum.errors import ModelError
from symnum.expr.term import Symbol, Term

Number = int | float | Fraction
_REPEATED = 8  # powers up to this one are repeated factors


@dataclass(frozen=True)
class Tree:
    """See above. Equal trees mean the same."""

    head: str
    args: tuple[Tree, ...] = ()
    data: tuple[Any, ...] = ()

    @cached_property
    def rank(self) -> int:
        inner = [a.rank for a in self.args]
        match self.head:
            case "word":
                return sum(1 for i in self.data[1] if i is None)
            case "gradient":
                return 1 + inner[0]
            case "divergence":
                return inner[0] - 1
            case "advection" | "contraction":
                return inner[1] - (self.head == "contraction")
            case "product":
                return sum(inner)
        return max(inner, default=0)

    @cached_property
    def key(self) -> str:
        """Text that tells trees apart."""
        return f"{self.head}{self.data}({','.join(a.key for a in self.args)})"

    @cached_property
    def components(self) -> frozenset[str]:
        """Names of vectors of which a single component stands in the tree."""
        if self.head == "word" and any(i is not None for i in self.data[1]):
            return frozenset({self.data[0]})
        return frozenset().union(*(a.components for a in self.args))

    @cached_property
    def constant(self) -> bool:
        """It holds numbers and parameters only."""
        return self.data[2] if self.head == "word" else all(a.constant for a in self.args)


@dataclass(frozen=True)
class Part:
    """A summand: a number times factors, which are sorted."""

    number: Number
    factors: tuple[Tree, ...]

    def without(self, *gone: Tree) -> list[Tree]:
        left = list(self.factors)
        for factor in gone:
            left.remove(factor)
        return left


def part(number: Number, factors: list[Tree]) -> Part:
    """A summand; products within products are opened, numbers collected."""
    flat: list[Tree] = []
    for f in factors:
        if f.head == "product":
            number, flat = number * f.data[0], [*flat, *f.args]
        elif f.head == "number":
            number = number * f.data[0]
        else:
            flat.append(f)
    return Part(number, tuple(sorted(flat, key=lambda f: f.key)))


def parts_of(tree: Tree) -> list[Part]:
    """The summands of a tree."""
    if tree.head == "sum":
        return [p for a in tree.args for p in parts_of(a)]
    return [part(1, [tree])]


def tree_of(parts: list[Part]) -> Tree:
    """Summands as a tree, like ones put together."""
    bag: dict[tuple[Tree, ...], Number] = {}
    for p in parts:
        bag[p.factors] = bag.get(p.factors, 0) + p.number
    made = []
    for factors, c in sorted(bag.items(), key=lambda item: [f.key for f in item[0]]):
        if not factors:
            made.append(number(c))
        elif c:
            made.append(factors[0] if c == 1 and len(factors) == 1 else Tree("product", factors, (c,)))
    made = [m for m in made if m.head != "number" or m.data[0]]
    return Tree("sum", tuple(made)) if len(made) > 1 else made[0] if made else number(0)


def number(value: Number) -> Tree:
    whole = isinstance(value, Fraction) and value.denominator == 1
    return Tree("number", (), (int(value) if whole else value,))


def alike(a: Number, b: Number) -> bool:
    """Equal but for round-off."""
    return isclose(a, b, rel_tol=1e-12)


# --- from terms ----------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Folder:
    """``words``: symbol -> word; ``space``: the coordinates; ``simplify``: finds sums over components; ``place``: for messages."""

    words: Mapping[Symbol, Tree]
    space: tuple[Symbol, ...]
    simplify: Callable[[list[Part]], list[Part]]
    place: str = ""

    def tree(self, term: Term) -> Tree:
        """The tree of a scalar term."""
        match term.op:
            case "const":
                return number(term.value)  # type: ignore[attr-defined]
            case "pi":
                return number(pi)
            case "symbol":
                return self._word(term)
            case "add":
                return tree_of(self.simplify(parts_of(tree_of(self._sum(term)))))
            case "mul":
                return tree_of(self._product(term))
            case "derivative":
                return self._derivative(term)
            case "sin" | "cos":
                return Tree(term.op, (self.tree(term.args[0]),))
            case "tan":
                inner = self.tree(term.args[0])
                return tree_of([part(1, [Tree("sin", (inner,)), Tree("power", (Tree("cos", (inner,)),), (-1,))])])
            case "pow":
                return Tree("power", tuple(self.tree(a) for a in term.args))
        raise self._refused(term.op, term)

    def _sum(self, term: Term) -> list[Part]:
        found = [Part(term.data[0], ())] if term.data[0] else []
        for argument, c in zip(term.args, term.data[1:], strict=True):
            found += [part(c * p.number, list(p.factors)) for p in parts_of(self.tree(argument))]
        return found

    def _product(self, term: Term) -> list[Part]:
        factors: list[Tree] = []
        for base, e in zip(term.args, term.data[1:], strict=True):
            inner = self.tree(base)
            small = isinstance(e, int) and 0 < e <= _REPEATED
            factors += [inner] * e if small else [Tree("power", (inner,), (e,))]
        whole = part(term.data[0], factors)
        if len(whole.factors) == 1 and whole.factors[0].head == "sum":  # a number times a sum
            return [part(whole.number * p.number, list(p.factors)) for p in parts_of(whole.factors[0])]
        return [whole]

    def _word(self, symbol: Term) -> Tree:
        found = self.words.get(symbol)  # type: ignore[call-overload]
        if found is None:
            raise self._refused(str(symbol), symbol)
        return found

    def _derivative(self, term: Term) -> Tree:
        orders = dict(zip(term.args[1:], term.data, strict=True))
        inner = self.tree(term.args[0])
        along = tuple(orders.pop(x, 0) for x in self.space)
        if any(along):
            inner = Tree("partial", (inner,), along)
        for n in orders.values():
            inner = Tree("dt", (inner,), (n,))
        return inner

    def _refused(self, what: str, term: Term) -> ModelError:
        known = "add, sub, mul, div, neg, inv, sin, cos, pow, pow2, pow3, dt, dx, dy, dz, D, D2, diverg"
        hint = ""
        if isinstance(term, Symbol) and term.kind == "coordinate":
            hint = "; of the coordinates it has the first one only, x"
        elif what in ("exp", "log", "sqrt"):
            hint = "; a field of its own may stand for it"
        return ModelError(f"PROSE has no word for {what}: {term} in {self.place}. It has {known}{hint}")
