"""Residuals of partial differential equations as tokens; see ``pde``."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import NamedTuple

from symnum.expr.term import Const, Symbol, Term
from symnum.expr.walk import symbols
from symnum.formats.prose.constants import ZERO, decoded
from symnum.formats.prose.words import PDE
from symnum.formats.prose.writer import Rounding, Tokens, chained

Number = int | float | Fraction


class Leaf(NamedTuple):
    """A word of the vocabulary: field number, orders in time and space."""

    word: str
    field: int
    time: int
    space: int


class Part(NamedTuple):
    """A summand: coefficient (whole numbers stay whole) and factors (base, exponent)."""

    coefficient: Number
    factors: tuple[tuple[Term, Number], ...]


@dataclass
class PdeWriter:
    """``leaves``: symbol -> word; ``powers``: symbol -> (base, exponent), powers that are written as ``pow`` whatever their exponent."""

    leaves: dict[Symbol, Leaf] = field(default_factory=dict)
    powers: dict[Symbol, tuple[Term, int]] = field(default_factory=dict)
    rounding: Rounding = field(default_factory=Rounding)
    place: str = ""
    _ranks: dict[Term, tuple[object, ...]] = field(default_factory=dict)  # of functions and sums

    def add_leaf(self, symbol: Symbol, leaf: Leaf) -> None:
        self.leaves[symbol] = leaf

    def residual(self, term: Term) -> Tokens:
        """The tokens of an equation ``term = 0``: each derivative in time with a constant before it."""
        return self.sum(self.parts(term), top=True)

    # --- sums ------------------------------------------------------------------------------------------------------------------------------

    def sum(self, parts: list[Part], top: bool = False) -> Tokens:
        made: Tokens = []
        for part in sorted(parts, key=self.key):
            word, tokens = self.summand(part, first=not made, top=top)
            if not tokens:
                continue
            made = [word, *made, *tokens] if made else tokens
        return made or list(ZERO)

    def summand(self, part: Part, first: bool, top: bool) -> tuple[str, Tokens]:
        """How it joins what stands before it, and its tokens."""
        c = part.coefficient
        word = "sub" if c < 0 and not first else "add"
        shown = -c if c < 0 and not first else c
        always = top and any(b in self.leaves and self.leaves[b].time for b, _ in part.factors)
        number = self.constant(float(shown) if always else shown)
        if number == list(ZERO) and not (isinstance(c, int) and c == 0):
            return word, []
        if not part.factors:
            return word, number
        size = _size(number)
        if always or abs(size) != 1:
            return word, ["mul", *number, *self.product(part)]
        return word, (["neg"] if size < 0 else []) + self.product(part)

    def constant(self, value: Number) -> Tokens:
        """A whole number up to 20, or three tokens."""
        if isinstance(value, int) and abs(value) <= PDE.integers:
            return [str(value)]
        return list(self.rounding.tokens(float(value)))

    def parts(self, term: Term) -> list[Part]:
        """The summands of a term; sums within sums are opened, products of sums are not."""
        if isinstance(term, Const):
            return [Part(_number(term.value), ())] if term.value else []
        if term.op == "add":
            found = [Part(_number(term.data[0]), ())] if term.data[0] else []
            for argument, c in zip(term.args, term.data[1:], strict=True):
                found += [Part(_number(c) * p.coefficient, p.factors) for p in self.parts(argument)]
            return _merged(found)
        if term.op != "mul":
            return [Part(1, ((term, 1),))]
        c = _number(term.data[0])
        factors = []
        for base, e in zip(term.args, term.data[1:], strict=True):
            factors.append((base, _number(e)))
        if len(factors) == 1 and factors[0] == (factors[0][0], 1) and factors[0][0].op == "add":
            return [Part(c * p.coefficient, p.factors) for p in self.parts(factors[0][0])]
        return [Part(c, tuple(sorted(factors, key=lambda f: self.rank(f[0]))))]

    # --- order -----------------------------------------------------------------------------------------------------------------------------

    def key(self, part: Part) -> tuple[object, ...]:
        held = [(self._highest(b), abs(float(self._exponent(b, e)))) for b, e in part.factors]
        time = max((leaf.time for (leaf, _) in held if leaf), default=0)
        order = sum(leaf.space * n for leaf, n in held if leaf)
        kind = 2 if order == 0 else 1 - int(order % 2)
        degree = sum(n for leaf, n in held if leaf and leaf.field >= 0)
        highest = max((leaf.space for leaf, _ in held if leaf), default=0)
        return (-time, bool(time) or kind, degree, highest, tuple(self.rank(b) for b, _ in part.factors))

    def _exponent(self, base: Term, exponent: Number) -> Number:
        return self.powers[base][1] * exponent if base in self.powers else exponent

    def _highest(self, base: Term) -> Leaf | None:
        inner = self.powers[base][0] if base in self.powers else base
        found = [self.leaves[s] for s in symbols(inner) if s in self.leaves]
        return max(found, key=lambda leaf: (leaf.time, leaf.space, leaf.field), default=None)

    def rank(self, base: Term) -> tuple[object, ...]:
        """The place of a factor: x, fields with their derivatives, functions, sums."""
        if base in self.powers:
            return self.rank(self.powers[base][0])
        if base in self.leaves:
            leaf = self.leaves[base]
            return (0, leaf.field, leaf.time, leaf.space)
        if base not in self._ranks:
            held = sorted((word.field, word.time, word.space) for s in symbols(base) if (word := self.leaves.get(s)))
            draft = replace(self, rounding=Rounding())
            self._ranks[base] = (1, base.op == "add", tuple(held), tuple(draft.factor(base)))
        return self._ranks[base]

    # --- products --------------------------------------------------------------------------------------------------------------------------

    def product(self, part: Part) -> Tokens:
        above: list[Tokens] = []
        below: list[Tokens] = []
        for base, e in part.factors:
            (above if e > 0 else below).append(self.power(self.factor(base), e if e > 0 else -e))
        if not below:
            return chained(above)
        return ["div", *chained(above), *chained(below)] if above else ["inv", *chained(below)]

    def power(self, base: Tokens, e: Number) -> Tokens:
        if e == 1:
            return base
        if e in (2, 3):
            return [f"pow{e}", *base]
        return ["pow", *base, *self.constant(e)]

    def factor(self, base: Term) -> Tokens:
        """The tokens of a leaf, a function or a sum."""
        from symnum.formats.prose.writer import Writer

        if base in self.leaves:
            return [self.leaves[base].word]
        if base in self.powers:
            inner, n = self.powers[base]
            return ["pow", *self.factor(inner), str(n)]
        if base.op in ("sin", "cos"):
            return [base.op, *self.sum(self.parts(base.args[0]))]
        if base.op == "tan":
            inner_tokens = self.sum(self.parts(base.args[0]))
            return ["div", "sin", *inner_tokens, "cos", *inner_tokens]
        if base.op == "pi":
            import math

            return self.constant(math.pi)
        if base.op in ("add", "mul"):
            return self.sum(self.parts(base))
        if base.op == "pow":
            return ["pow", *self.sum(self.parts(base.args[0])), *self.sum(self.parts(base.args[1]))]
        name = base.name if isinstance(base, Symbol) else base.op
        raise Writer({}, place=self.place).refused(name, str(base), "add, sub, mul, div, neg, inv, sin, cos, pow")


def _number(value: object) -> Number:
    assert isinstance(value, (int, float, Fraction))
    return int(value) if isinstance(value, Fraction) and value.denominator == 1 else value


def _merged(parts: list[Part]) -> list[Part]:
    bag: dict[tuple[tuple[Term, Number], ...], Number] = {}
    for p in parts:
        bag[p.factors] = bag.get(p.factors, 0) + p.coefficient
    return [Part(c, f) for f, c in bag.items() if c]


def _size(number: Tokens) -> float:
    return float(number[0]) if len(number) == 1 else decoded(*number)
