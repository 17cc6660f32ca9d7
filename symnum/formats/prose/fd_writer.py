"""Trees of vector calculus as tokens of the fd dialect; see ``fd`` for the order."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from symnum.errors import ModelError
from symnum.formats.prose.constants import ZERO
from symnum.formats.prose.fd_trees import Number, Part, Tree, parts_of, tree_of
from symnum.formats.prose.fd_vectors import conserved
from symnum.formats.prose.words import FD
from symnum.formats.prose.writer import Rounding, Tokens, chained

_OPERATORS = {"gradient": "D", "laplacian": "D2", "divergence": "diverg"}
_ALONG = ("dx", "dy", "dz")
_DERIVATIVES = {"dt", "partial", "advection", "contraction", *_OPERATORS}
_REPEATED = 3  # powers of words up to this one are repeated products


@dataclass
class FdWriter:
    """``place``: which equation is being written, for messages."""

    rounding: Rounding = field(default_factory=Rounding)
    place: str = ""

    def equation(self, tree: Tree) -> Tokens:
        """A residual, its first summand positive: ``dt q + diverg f`` first, the others behind it."""
        pair, parts = conserved(signed(tree))
        if pair is None:
            return self.sum(parts)
        rate, flux = pair.args
        first = ["add" if pair.data[0] > 0 else "sub", *self.factor(rate), *self.factor(flux)]
        return self.nested([(1, first)], parts)

    # --- sums ------------------------------------------------------------------------------------------------------------------------------

    def sum(self, parts: list[Part]) -> Tokens:
        return self.nested([], parts)

    def nested(self, before: list[tuple[int, Tokens]], parts: list[Part]) -> Tokens:
        """``a + b - c`` is ``add a sub b c``: sums nest right."""
        items = before + [item for item in map(self.summand, sorted(parts, key=key)) if item[1]]
        if not items:
            return list(ZERO)
        made, sign = _signed(items[-1]) if len(items) == 1 else items[-1][1], items[-1][0]
        for item in reversed(items[:-1]):
            made, sign = ["sub" if sign < 0 else "add", *_signed(item), *made], 1
        return made

    def summand(self, part: Part) -> tuple[int, Tokens]:
        """Its sign, and its tokens without it."""
        sign, size = (-1, -part.number) if part.number < 0 else (1, part.number)
        return sign, self.product(size, list(part.factors))

    # --- products --------------------------------------------------------------------------------------------------------------------------

    def product(self, size: Number, factors: list[Tree]) -> Tokens:
        """Numbers, parameters, fields, sums, vectors, operators; two or more scalars before an operator are one product."""
        if sum(f.rank for f in factors) > 2:
            raise ModelError(f"{self.place} multiplies more than two vectors; PROSE has scalars, vectors and tensors")
        above, below = [f for f in factors if not _below(f)], [f for f in factors if _below(f)]
        numerator, divisor = self.fraction(size)
        if numerator == list(ZERO):
            return []
        scalars = [self.power(f, n) for f, n in _counted([f for f in above if f.head not in _DERIVATIVES])]
        flat = [one for repeated in scalars for one in repeated]
        operators = [self.factor(f) for f in sorted((f for f in above if f.head in _DERIVATIVES), key=lambda f: f.key)]
        if numerator != ["1"] or not (flat or operators):
            flat = [numerator, *flat]
        made = chained([chained(flat), *operators]) if flat else chained(operators)
        if below:
            under = chained([one for f, n in _counted([_inverted(f) for f in below]) for one in self.power(f, n)])
            made = ["inv", *under] if made == ["1"] else ["div", *made, *under]
        return ["div", *made, *divisor] if divisor else made

    def fraction(self, size: Number) -> tuple[Tokens, Tokens]:
        """Numerator and denominator; 1/3 as two whole numbers."""
        if isinstance(size, Fraction) and size.denominator > 1 and max(size.numerator, size.denominator) <= FD.integers:
            return [str(size.numerator)], [str(size.denominator)]
        return self.number(size), []

    def number(self, value: Number) -> Tokens:
        if value == 1:
            return ["1"]
        if not isinstance(value, float) and value == int(value) and abs(int(value)) <= FD.integers:
            return [str(int(value))]
        return list(self.rounding.tokens(float(value)))

    def power(self, base: Tree, n: int) -> list[Tokens]:
        """A factor that stands n times."""
        tokens: Tokens = self.factor(base)
        if n == 1 or base.rank or (base.head == "word" and n <= _REPEATED):
            return [tokens] * n
        return [[f"pow{n}", *tokens] if n in (2, 3) else ["pow", *tokens, *self.number(n)]]

    def factor(self, tree: Tree) -> Tokens:
        """The tokens of a word, an operator, a function or a sum."""
        match tree.head:
            case "word":
                return [tree.data[0]]
            case "number" | "sum" | "product":
                return self.sum(parts_of(tree))
            case "dt":
                return [*["dt"] * tree.data[0], *self.factor(tree.args[0])]
            case "partial":
                words = [w for w, n in zip(_ALONG, tree.data, strict=False) for _ in range(n)]
                return [*words, *self.factor(tree.args[0])]
            case "advection" | "contraction":
                return self.contracted(tree.head, *map(self.factor, tree.args))
            case "power":
                above = self.number(tree.data[0]) if tree.data else self.factor(tree.args[1])
                return ["pow", *self.factor(tree.args[0]), *above]
            case "sin" | "cos":
                return [tree.head, *self.factor(tree.args[0])]
        inner = self.factor(tree.args[0])
        return inner if inner == list(ZERO) else [_OPERATORS[tree.head], *inner]

    def contracted(self, head: str, vector: Tokens, other: Tokens) -> Tokens:
        """U . D q, T U; zero where rounding left nothing of a factor."""
        if list(ZERO) in (vector, other):
            return list(ZERO)
        return ["mul", *vector, *(["D"] if head == "advection" else []), *other]


def signed(tree: Tree) -> Tree:
    """The residual or its negative: the first summand has a positive number."""
    parts = sorted(parts_of(tree), key=key)
    if not parts or not parts[0].number < 0:
        return tree
    return tree_of([Part(-p.number, p.factors) for p in parts])


def key(part: Part) -> tuple[object, ...]:
    """The place of a summand: rates, transport, gradients, diffusion, D diverg, none; tensors, what is added, few factors first."""
    rank = sum(f.rank for f in part.factors)
    order = min((_kind(f) for f in part.factors), default=6)
    whole = isinstance(part.number, int) or part.number == int(part.number)
    return (
        order,
        -rank,
        part.number < 0,
        len(part.factors),
        not whole,
        [f.key.lower() for f in part.factors],
        [f.key for f in part.factors],
    )


def _kind(tree: Tree) -> int:
    match tree.head:
        case "dt":
            return 0
        case "advection":
            return 1
        case "divergence":
            return 3 if _holds(tree, "gradient") else 1
        case "gradient":
            return 4 if _holds(tree, "divergence") else 2
        case "laplacian":
            return 3
        case "partial":
            return 3 if sum(tree.data) % 2 == 0 else 1
    return min((_kind(a) for a in tree.args), default=6)


def _holds(tree: Tree, head: str) -> bool:
    return any(a.head == head or _holds(a, head) for a in tree.args)


def _class(tree: Tree) -> tuple[object, ...]:
    if tree.rank:
        return (2 + tree.rank, tree.key)
    return (0 if tree.head == "word" and tree.constant else 1 if tree.head == "word" else 2, tree.key.lower(), tree.key)


def _counted(factors: list[Tree]) -> list[tuple[Tree, int]]:
    ordered = sorted(factors, key=_class)
    return [(f, ordered.count(f)) for f in dict.fromkeys(ordered)]


def _below(tree: Tree) -> bool:
    return tree.head == "power" and bool(tree.data) and tree.data[0] < 0


def _inverted(tree: Tree) -> Tree:
    e = -tree.data[0]
    return tree.args[0] if e == 1 else Tree("power", tree.args, (e,))


def _signed(item: tuple[int, Tokens]) -> Tokens:
    """Tokens with their sign: a negative number, or ``neg``."""
    sign, tokens = item
    if sign > 0:
        return tokens
    if tokens[0] == "+":
        return ["-", *tokens[1:]]
    if tokens[:2] == ["mul", "+"]:
        return ["mul", "-", *tokens[2:]]
    return ["neg", *tokens]
