"""Terms as tokens, with a record of what rounding did.

Sums nest left, ``a + b - c`` is ``sub add a b c``; products nest right, ``k u0 u0 u1`` is ``mul k mul u_0 mul u_0 u_1``; powers are repeated
products. Coefficients 1 are left out, -1 becomes ``sub`` (``neg`` in front); a negative coefficient is a negative constant joined with ``add``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce

from symnum.errors import ModelError
from symnum.expr.ops import FUNCTIONS, TABLE
from symnum.expr.term import Const, Symbol, Term
from symnum.expr.walk import fold, symbols
from symnum.formats.prose.constants import ZERO, decoded, encoded
from symnum.formats.prose.sums import Summand, expanded
from symnum.formats.prose.words import LONGEST

Tokens = list[str]
Order = Callable[[Summand], tuple[object, ...]]
_LARGEST = 20_000  # nodes of a term as a tree; what fits has about as many as it has tokens


@dataclass
class Rounding:
    """What three digits did: the largest relative error of a constant that was kept, and the constants that became zero."""

    largest: float = 0.0
    flushed: list[float] = field(default_factory=list)

    def tokens(self, value: float) -> tuple[str, str, str]:
        made = encoded(value)
        if made == ZERO:
            if value:
                self.flushed.append(value)
        else:
            self.largest = max(self.largest, abs(decoded(*made) / value - 1))
        return made


@dataclass
class Writer:
    """Tokens of the terms of one equation after another.

    names: variable -> token, in the order that sums and products follow; place: which equation is being written, for messages.
    """

    names: Mapping[Symbol, str]
    rounding: Rounding = field(default_factory=Rounding)
    place: str = ""
    phrases: dict[Term, Tokens] = field(default_factory=dict)  # symbols that stand for tokens
    _numbers: dict[Term, float | None] = field(
        default_factory=dict
    )  # drafts share these: nested functions are ranked once
    _keys: dict[Term, tuple[object, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.rank = {s: k for k, s in enumerate(self.names)}

    # --- sums ----------------------------------------------------------------------------------------------------------------------------------

    def equation(self, rate: Term, order: Order | None = None) -> Tokens:
        """The tokens of a right-hand side. ``order`` sorts its summands."""
        return self.sum(expanded(rate, self.number), order)

    def sum(self, parts: Sequence[Summand], order: Order | None = None) -> Tokens:
        """The tokens of a sum; constants that round to nothing leave with what they multiply."""
        made: Tokens = []
        for part in sorted(parts, key=order or self.usual):
            sign, tokens = self.summand(part)
            if not tokens:
                continue
            if made:
                made = [sign, *made, *tokens]
            else:
                made = tokens if sign == "add" else ["neg", *tokens]
        return made or list(ZERO)

    def summand(self, part: Summand) -> tuple[str, Tokens]:
        """How it joins what stands before ("add", "sub"), and its tokens."""
        if not part.factors:
            number = self.rounding.tokens(part.coefficient)
            return "add", [] if number == ZERO else list(number)
        if abs(part.coefficient) == 1:
            return ("add" if part.coefficient > 0 else "sub"), self.product(part)
        number = self.rounding.tokens(part.coefficient)
        if number == ZERO:
            return "add", []
        if abs(decoded(*number)) == 1:  # what reads as 1 is left out, so that tokens that were read are written alike
            return ("add" if number[0] == "+" else "sub"), self.product(part)
        return "add", ["mul", *number, *self.product(part)]

    def usual(self, part: Summand) -> tuple[object, ...]:
        """Constants, then products of variables in the order of their names, then those with functions or fractions."""
        plain = all((b in self.rank or b in self.phrases) and isinstance(e, int) and e > 0 for b, e in part.factors)
        return (bool(part.factors), not plain, self._letters(part))

    def _letters(self, part: Summand) -> tuple[object, ...]:
        """``u0^2 u1`` as (0, 0, 1), so that sums are sorted as in a dictionary."""
        found: list[object] = []
        for base, exponent in self.in_order(part):
            found += [self.key(base)] * max(1, math.ceil(abs(exponent)))
        return tuple(found)

    def key(self, base: Term) -> tuple[object, ...]:
        """The place of a factor: variables by name, then functions, then sums, each by what they hold and at last by their tokens."""
        if base in self.phrases:
            return (0, -1, tuple(self.phrases[base]))
        if base in self.rank:
            return (0, self.rank[base])
        if base not in self._keys:
            held = sorted({self.rank[s] for s in symbols(base) if s in self.rank})
            draft = replace(self, rounding=Rounding())
            self._keys[base] = (1, base.op == "add", tuple(held), tuple(draft.factor(base)))
        return self._keys[base]

    def in_order(self, part: Summand) -> list[tuple[Term, int | float]]:
        return sorted(part.factors, key=lambda f: self.key(f[0]))

    # --- products ------------------------------------------------------------------------------------------------------------------------------

    def product(self, part: Summand) -> Tokens:
        """The tokens of the factors, without the coefficient: a product, ``div`` of two, or ``inv`` of one."""
        above: list[Tokens] = []
        below: list[Tokens] = []
        for base, exponent in self.in_order(part):
            if not isinstance(exponent, int):
                raise self.refused(f"a power with exponent {exponent:g}", f"({base})**{exponent:g}", "whole powers")
            if abs(exponent) > 200:
                raise self.refused(f"a power with exponent {exponent}", f"({base})**{exponent}", "powers up to 200")
            (above if exponent > 0 else below).extend([self.factor(base)] * abs(exponent))
        if not below:
            return chained(above)
        return ["div", *chained(above), *chained(below)] if above else ["inv", *chained(below)]

    def factor(self, base: Term) -> Tokens:
        """The tokens of a variable, a function or a sum."""
        if base in self.phrases:
            return self.phrases[base]
        if base in self.names:
            return [self.names[base]]  # type: ignore[index]
        if base.op in ("sin", "cos"):
            return [base.op, *self.equation(base.args[0])]
        if base.op == "tan":
            inner = self.equation(base.args[0])
            return ["div", "sin", *inner, "cos", *inner]
        if base.op in ("add", "mul"):
            return self.equation(base)
        name = base.name if isinstance(base, Symbol) else base.op
        raise self.refused(name, str(base), "add, sub, mul, div, neg, inv, sin, cos")

    def refused(self, what: str, shown: str, known: str) -> ModelError:
        place = f" in {self.place}" if self.place else ""
        hint = ""
        if what in FUNCTIONS - {"sin", "cos", "tan"} or what in TABLE:
            hint = "; a variable of its own may stand for it: w = exp(u) has w' = w*u'" if what == "exp" else ""
        return ModelError(f"PROSE has no word for {what}: {shown}{place}. It has {known}{hint}")

    # --- numbers -------------------------------------------------------------------------------------------------------------------------------

    def number(self, term: Term) -> float | None:
        """The value of a term without variables; None for others."""
        return fold(term, _value, self._numbers)


def chained(factors: Sequence[Tokens]) -> Tokens:
    """[a, b, c] -> ``mul a mul b c``."""
    return reduce(lambda done, one: ["mul", *one, *done], reversed(factors[:-1]), list(factors[-1]))


def check_size(term: Term, place: str, powers: bool = True) -> None:
    """Raises ModelError for terms that are far too long to be written. powers: whether they become repeated products.

    Shared parts are written wherever they stand, so a small term may have more tokens than fit into any memory.
    """

    def size(node: Term, inner: list[int]) -> int:
        if node.op == "mul" and powers:
            inner = [n * max(1, math.ceil(abs(e))) for n, e in zip(inner, node.data[1:], strict=True)]
        return min((2 if node.op == "tan" else 1) * (1 + sum(inner)), 10**9)

    if (least := fold(term, size)) > _LARGEST:
        raise ModelError(
            f"{place} takes {least} or more tokens; PROSE holds {LONGEST}: give its parts variables of their own"
        )


def _value(node: Term, inner: list[float | None]) -> float | None:
    if isinstance(node, Const):
        value = node.value
        return float(value) if isinstance(value, (int, float, Fraction)) else None
    if node.op == "pi":
        return math.pi
    if not inner or any(v is None for v in inner):
        return None
    given = [v for v in inner if v is not None]
    if node.op == "add":
        return float(node.data[0]) + sum(float(c) * v for c, v in zip(node.data[1:], given, strict=True))
    if node.op == "mul":
        return float(node.data[0]) * math.prod(v ** float(e) for v, e in zip(given, node.data[1:], strict=True))
    import numpy as np

    name = TABLE[node.op].numpy if node.op in TABLE else ""
    return float(getattr(np, name)(*given)) if name and hasattr(np, name) else None
