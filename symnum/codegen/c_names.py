"""C identifiers and C numbers: user's names made safe, numbers that read back to the same double, grid spacings by their names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symnum.expr.laurent import Laurent, Monomial

# Precedence of C expressions, loosest first.
CHOICE, OR, AND, EQUALITY, COMPARE, SUM, PRODUCT, UNARY, ATOM = range(9)
Text = tuple[str, int]  # C text and its precedence

_KEYWORDS = """auto break case char const continue default do double else enum extern float for goto if inline int long register restrict
return short signed sizeof static struct switch typedef union unsigned void volatile while _Bool _Complex _Imaginary asm typeof main
bool true false complex imaginary NULL NAN INFINITY HUGE_VAL errno assert stdin stdout stderr size_t ptrdiff_t"""
_LIBRARY = """acos asin atan atan2 cos sin tan cosh sinh tanh acosh asinh atanh exp exp2 expm1 frexp ilogb ldexp log log10 log1p log2 logb
modf scalbn cbrt fabs hypot pow sqrt erf erfc lgamma tgamma ceil floor nearbyint rint lrint llrint round lround llround trunc fmod remainder
remquo copysign nan nextafter nexttoward fdim fmax fmin fma fpclassify isfinite isinf isnan isnormal signbit abs labs div malloc calloc
free memcpy memset printf fprintf atoi atof strtod strtol exit abort linux unix"""
#: Words that a variable must not be called: C's own, those of the headers that generated code includes, and its helpers.
RESERVED = frozenset(
    f"{_KEYWORDS} {_LIBRARY} minimum maximum sign square cube pi PI UNROLLED PARALLEL_FOR piece begin end rhs".split()
)


class Names:
    """Identifiers handed out once each: users' names keep their spelling where the language allows it, our own give way."""

    RESERVED = RESERVED

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = {*self.RESERVED, *taken}
        self.made: dict[tuple[str, str], str] = {}

    def copy(self) -> Names:
        """The same names; what is added to the copy does not come back."""
        other = type(self)(self.taken)
        other.made = dict(self.made)
        return other

    def of(self, kind: str, name: str) -> str:
        """The identifier of a user's name, the same each time."""
        if (kind, name) not in self.made:
            self.made[kind, name] = self.fresh(self.spell(name))
        return self.made[kind, name]

    def spell(self, name: str) -> str:
        """A user's name as the language can spell it."""
        return identifier(name)

    def fresh(self, *wishes: str) -> str:
        """The first wish that is free, or the last one with a number."""
        free = next((w for w in wishes if w not in self.taken), None)
        number = 1
        while free is None:
            number += 1
            free = f"{wishes[-1]}_{number}" if f"{wishes[-1]}_{number}" not in self.taken else None
        self.taken.add(free)
        return free


def identifier(name: str) -> str:
    """A name as C can spell it: Greek letters by their names, other signs by underscores."""
    made = re.sub(r"\W", "_", "".join(_spelled(c) for c in unicodedata.normalize("NFKD", name)), flags=re.ASCII)
    made = re.sub(r"^_+", "", re.sub(r"__+", "_", made)) or "x"
    return made if not made[0].isdigit() else f"x{made}"


def _spelled(character: str) -> str:
    if character.isascii():
        return character
    if unicodedata.combining(character):
        return ""
    words = unicodedata.name(character, "").split()
    if words[:1] == ["GREEK"] and "LETTER" in words:
        letter = words[words.index("LETTER") + 1].lower()
        return letter.capitalize() if "CAPITAL" in words else letter
    return "_"


@dataclass(frozen=True)
class Spacing:
    """A grid spacing: its C name, its value, and the axis whose name it has in ``Laurent`` numbers."""

    name: str
    value: float
    axis: str


@dataclass
class Numbers:
    """Numbers as C text. Those that are made of grid spacings (``Laurent``) are written with the names in ``spacings``, ``4.0/(3.0*dx*dx)``."""

    spacings: Sequence[Spacing] = ()

    def plain(self, value: Any) -> Text:
        """The number itself: ``4.0``, ``1.0/3.0``, ``1e-05``; it reads back to the same double."""
        if isinstance(value, Laurent) and value.parts:
            return self._polynomial(value)
        if (
            isinstance(value, Fraction)
            and value.denominator != 1
            and max(abs(value.numerator), value.denominator) < 2**53
        ):
            if value.denominator not in (2, 4, 8, 16):
                return f"{float(value.numerator)!r}/{float(value.denominator)!r}", SUM if value < 0 else PRODUCT
        number = float(value)
        if number in (float("inf"), float("-inf")):
            return ("INFINITY", ATOM) if number > 0 else ("-INFINITY", UNARY)
        return repr(number), UNARY if number < 0 else ATOM

    def quotient(self, value: Any) -> tuple[str, str]:
        """A positive number that multiplies values of fields, as numerator and denominator: a stencil's weight by the spacings it is made of."""
        if isinstance(value, Laurent) and len(value.parts) == 1:
            ((monomial, q),) = value.parts.items()
            return self._fraction(monomial, q)
        text, precedence = self.plain(value)
        return (text if precedence >= PRODUCT else f"({text})"), ""

    def step(self, value: Any) -> Text:
        """A positive number that multiplies a grid index: ``dx``, ``0.5*dx``."""
        if isinstance(value, Laurent) and len(value.parts) == 1:
            ((monomial, q),) = value.parts.items()
            length, factor = self.monomial(monomial), self.plain(float(q))[0]
            return (length, ATOM) if q == 1 and "/" not in length else (f"{factor}*{length}", PRODUCT)
        return self.plain(value)

    def monomial(self, monomial: Monomial) -> str:
        """``dx*dx``, ``1.0/(dx*dx)``."""
        above, below = self._fraction(monomial, Fraction(1))
        return f"{above}/({below})" if "*" in below else f"{above}/{below}" if below else above

    def _fraction(self, monomial: Monomial, q: Fraction) -> tuple[str, str]:
        """q times the monomial as numerator and denominator."""
        names = {s.axis: s.name for s in self.spacings}
        powers = [(names.get(length.name, length.name), e) for length, e in monomial]
        top, bottom = _coefficient(q, all(e > 0 for _, e in powers))
        lengths = [name for name, e in powers for _ in range(e)]
        above = "*".join(lengths if lengths and top == "1.0" else [top, *lengths])
        below = "*".join([*([bottom] if bottom else []), *(name for name, e in powers for _ in range(-e))])
        return above, below

    def _polynomial(self, value: Laurent) -> Text:
        """``1.0 - 0.5*dx``, beginning with what is added."""
        pieces = ""
        for monomial, q in sorted(
            value.parts.items(), key=lambda part: (part[1] < 0, sum(e for _, e in part[0]), part[0])
        ):
            above, below = self._fraction(monomial, abs(q))
            text = f"{above}/({below})" if "*" in below else f"{above}/{below}" if below else above
            sign = "-" if q < 0 else "+"
            pieces += f" {sign} {text}" if pieces else f"{sign if q < 0 else ''}{text}"
        if len(value.parts) == 1 and pieces[0] != "-":
            return pieces, PRODUCT if set("*/") & set(pieces) else ATOM
        return pieces, SUM


def _coefficient(q: Fraction, alone: bool) -> tuple[str, str]:
    """A positive fraction as numerator and denominator: decimals where they are short. ``alone``: nothing else stands below."""
    short = (2, 4, 8, 16) if alone else ()
    if q.denominator in (5, 10, 20, 25, 50, 100, 1000, 10000, *short) or max(q.numerator, q.denominator) > 10**7:
        return repr(float(q)), ""
    return repr(float(q.numerator)), "" if q.denominator == 1 else repr(float(q.denominator))
