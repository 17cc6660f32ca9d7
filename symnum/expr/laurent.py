"""Floats that remember how they are made of lengths: ``2.0/(3.0*dx*dx)`` stays that, whatever 0.0026 the product may be.

Code that is written for people names the grid spacing. Which power of it a number holds cannot be told from the number (for dx = 1/2 the
weights 4/dx and 2/dx**2 are the same double), so the spacing itself carries its name through the arithmetic::

    dx = Laurent.of("dx", 0.5)
    3/(12*dx**2) + 1        ->  2.0 as a float, {dx**-2: 1/4, 1: 1} as a polynomial

Sums and products of Laurent polynomials with rational coefficients are exact, and so is division by a monomial. Whatever depends on
lengths but has no such form (division by a sum) is ``opaque``, and so is all that is made of it: times 1/dx it is not "0.1 over dx".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from math import prod
from typing import Any, NamedTuple


class Length(NamedTuple):
    """A named length."""

    name: str
    value: float


Monomial = tuple[tuple[Length, int], ...]  # lengths and their exponents, by name; () is 1
Parts = dict[Monomial, Fraction]

_MOST_PARTS = 8
_MOST_BITS = 160  # of a coefficient; longer ones come from data, not from stencils


class Laurent(float):
    """A float with ``parts``: monomial -> coefficient; none for opaque numbers.

    ``==`` compares polynomials (1/dx is not 1 where dx = 1, 1 - dx is not 0); ``<`` and ``>`` compare values.
    """

    parts: Parts

    @classmethod
    def of(cls, name: str, value: float) -> Laurent:
        """The length of that name."""
        return _made(float(value), {((Length(name, float(value)), 1),): Fraction(1)})

    def __add__(self, other: Any) -> Any:
        return _combined(self, other, float.__add__, _sum)

    def __radd__(self, other: Any) -> Any:
        return _combined(self, other, float.__radd__, _sum)

    def __sub__(self, other: Any) -> Any:
        return _combined(self, other, float.__sub__, lambda a, b: _sum(a, _negative(b)))

    def __rsub__(self, other: Any) -> Any:
        return _combined(self, other, float.__rsub__, lambda a, b: _sum(b, _negative(a)))

    def __mul__(self, other: Any) -> Any:
        return _combined(self, other, float.__mul__, _times)

    def __rmul__(self, other: Any) -> Any:
        return _combined(self, other, float.__rmul__, _times)

    def __truediv__(self, other: Any) -> Any:
        return _combined(self, other, float.__truediv__, lambda a, b: _over(a, b))

    def __rtruediv__(self, other: Any) -> Any:
        return _combined(self, other, float.__rtruediv__, lambda a, b: _over(b, a))

    def __neg__(self) -> Laurent:
        return _made(-float(self), _negative(self.parts) if self.parts else None)

    def __pos__(self) -> Laurent:
        return self

    def __abs__(self) -> Laurent:
        return -self if float(self) < 0 else self

    def __pow__(self, exponent: Any, modulus: None = None) -> Any:
        value = float(self) ** exponent
        if type(exponent) is not int or abs(exponent) > 16 or not math.isfinite(value):
            return value
        parts: Parts | None = {(): Fraction(1)} if self.parts else None
        for _ in range(abs(exponent)):
            parts = _times(parts, self.parts) if parts is not None else None
        if parts is not None and exponent < 0:
            parts = _over({(): Fraction(1)}, parts)
        return _made(value, parts)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Laurent):
            return self.parts == other.parts and (bool(self.parts) or float(self) == float(other))
        return self.constant is not None and float(self) == other

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(float(self))

    def __repr__(self) -> str:
        return f"{float(self)!r}<{self.parts!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        return _made, (float(self), self.parts)

    @property
    def constant(self) -> Fraction | None:
        """The number that this is if it holds no length."""
        return self.parts[()] if self.parts.keys() == {()} else None


def multiple(monomial: Monomial, factor: Fraction) -> Any:
    """factor*monomial."""
    return _made(float(factor) * prod(length.value**e for length, e in monomial), {monomial: factor})


def _made(value: float, parts: Parts | None) -> Any:
    """The number with its polynomial; opaque where that is missing or long."""
    if parts is None or len(parts) > _MOST_PARTS or any(_bits(q) > _MOST_BITS for q in parts.values()):
        parts = {}
    elif not parts:
        return 0.0
    if not parts and value == 0:
        return 0.0
    made = float.__new__(Laurent, value)
    made.parts = parts
    return made


def _bits(q: Fraction) -> int:
    return max(abs(q.numerator), q.denominator).bit_length()


def _combined(
    left: Laurent, right: Any, by_value: Callable[[float, Any], Any], by_parts: Callable[[Parts, Parts], Parts | None]
) -> Any:
    """left and right by an operation on values and the same on polynomials."""
    if not isinstance(right, (int, float, Fraction)):
        return NotImplemented
    value = by_value(left, float(right))
    if not (math.isfinite(value) and math.isfinite(right)):
        return value
    if not left.parts or (isinstance(right, Laurent) and not right.parts):
        return _made(value, None)
    return _made(value, by_parts(left.parts, right.parts if isinstance(right, Laurent) else _constant(right)))


def _constant(number: float | Fraction) -> Parts:
    return {(): q} if (q := _rational(number)) else {}


def _rational(number: float | Fraction) -> Fraction:
    """The shortest fraction that is this double: 1/3, 0.1."""
    if isinstance(number, (int, Fraction)):
        return Fraction(number)
    number = float(number)
    for made in (Fraction(number).limit_denominator(10_000), Fraction(repr(number))):
        if float(made) == number:
            return made
    return Fraction(number)


def _negative(a: Mapping[Monomial, Fraction]) -> Parts:
    return {m: -q for m, q in a.items()}


def _sum(a: Parts, b: Parts) -> Parts:
    total = dict(a)
    for m, q in b.items():
        total[m] = total.get(m, Fraction(0)) + q
    return {m: q for m, q in total.items() if q}


def _times(a: Parts, b: Parts) -> Parts | None:
    if len(a) * len(b) > _MOST_PARTS**2:
        return None
    total: Parts = {}
    for m, p in a.items():
        for n, q in b.items():
            key = _joined(m, n, 1)
            total[key] = total.get(key, Fraction(0)) + p * q
    return {m: q for m, q in total.items() if q}


def _over(a: Parts, b: Parts) -> Parts | None:
    """a/b for a monomial b."""
    if len(b) != 1:
        return None
    ((n, q),) = b.items()
    return {_joined(m, n, -1): p / q for m, p in a.items()}


def _joined(m: Monomial, n: Monomial, sign: int) -> Monomial:
    powers = dict(m)
    for length, e in n:
        powers[length] = powers.get(length, 0) + sign * e
    return tuple(sorted((length, e) for length, e in powers.items() if e))


__all__ = ["Laurent", "Length", "Monomial", "multiple"]
