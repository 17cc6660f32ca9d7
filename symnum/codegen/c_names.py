"""C identifiers and C numbers: user's names made safe, numbers that read back to the same double, grid spacings by their names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

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
    """Identifiers handed out once each: users' names keep their spelling where C allows it, our own give way."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = {*RESERVED, *taken}
        self.made: dict[tuple[str, str], str] = {}

    def copy(self) -> Names:
        """The same names; what is added to the copy does not come back."""
        other = Names(self.taken)
        other.made = dict(self.made)
        return other

    def of(self, kind: str, name: str) -> str:
        """The identifier of a user's name, the same each time."""
        if (kind, name) not in self.made:
            self.made[kind, name] = self.fresh(identifier(name))
        return self.made[kind, name]

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
    """A grid spacing: its C name and its value."""

    name: str
    value: float


@dataclass
class Numbers:
    """Numbers as C text. ``spacings``: multiples of their powers are written with their names, ``4.0/(3.0*dx*dx)``."""

    spacings: Sequence[Spacing] = ()
    _known: dict[float, tuple[str, str] | None] = field(default_factory=dict)

    def plain(self, value: Any) -> Text:
        """The number itself: ``4.0``, ``1.0/3.0``, ``1e-05``; it reads back to the same double."""
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
        if isinstance(value, float) and self.spacings:
            if value not in self._known:
                self._known[value] = self._by_spacing(value)
            found = self._known[value]
            if found is not None:
                return found
        text, precedence = self.plain(value)
        return (text if precedence >= PRODUCT else f"({text})"), ""

    def step(self, value: Any) -> Text:
        """A positive number that multiplies a grid index: ``dx``, ``0.5*dx``."""
        for s in self.spacings:
            ratio = _simple(float(value) / s.value)
            if ratio is not None:
                return (s.name, ATOM) if ratio == 1 else (f"{self.plain(ratio)[0]}*{s.name}", PRODUCT)
        return self.plain(value)

    def _by_spacing(self, value: float) -> tuple[str, str] | None:
        """The simplest reading of a number as a fraction of powers of a spacing, if one is simpler than the number itself."""
        own = _simple(value)
        best, found = (_effort(own) if own else 10**9), None
        for power in (1, 2, 3, 4):
            for s in self.spacings:
                ratio = _simple(value * s.value**power)
                if ratio and _effort(ratio) + power < best:
                    best, found = _effort(ratio) + power, _over(ratio, "*".join([s.name] * power))
        if found is None and len(self.spacings) > 1:
            ratio = _simple(value / sum(s.value**-2 for s in self.spacings))
            if ratio and _effort(ratio) < best:
                parts = " + ".join(f"1.0/({s.name}*{s.name})" for s in self.spacings)
                found = (f"({parts})" if ratio == 1 else f"{float(ratio)!r}*({parts})"), ""
        return found


def _over(ratio: Fraction, below: str) -> tuple[str, str]:
    if ratio.denominator % 5 == 0 and ratio.denominator in (5, 10, 20, 25, 50, 100, 1000, 10000):
        return repr(float(ratio)), below
    return repr(float(ratio.numerator)), below if ratio.denominator == 1 else f"{float(ratio.denominator)!r}*{below}"


def _effort(ratio: Fraction) -> int:
    """How much there is to read."""
    return abs(ratio.numerator) + ratio.denominator


def _simple(value: float) -> Fraction | None:
    """A small fraction that a value equals up to rounding; the weights of finite differences are such."""
    ratio = Fraction(value).limit_denominator(10_000) if 1e-4 < abs(value) < 1e6 else None
    if not ratio or abs(float(ratio) - value) > 8e-16 * abs(value):
        return None
    return ratio if 5040 % ratio.denominator == 0 or 10_000 % ratio.denominator == 0 else None
