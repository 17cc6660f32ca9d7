"""Arithmetic of the numbers in terms: exact where it can be, guarded where it could grow without bound."""

from __future__ import annotations

import math
from fractions import Fraction
from numbers import Integral, Rational, Real
from typing import Any

from symnum.errors import TermError
from symnum.expr.laurent import Laurent
from symnum.expr.ops import TABLE

Number = int | Fraction | float

_MAX_EXACT_BITS = 4096  # a larger exact power is refused: 9**9**9**9 typed by a stranger must not hang the machine


def exact_number(value: Any) -> Any:
    """A Python or NumPy number as int, Fraction, float or bool; NaN and everything else raise TermError."""
    if type(value) is int or type(value) is bool:
        return value
    if type(value) is float or type(value) is Laurent:
        if value != value:
            raise TermError(
                "a term holds the number NaN; check the data the coefficient came from (NaN is never a coefficient)"
            )
        return value
    if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0:
        item = value.item()
        return exact_number(item if type(item) is not type(value) else float(item))
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Rational):
        whole = Fraction(int(value.numerator), int(value.denominator))
        return whole.numerator if whole.denominator == 1 else whole
    if isinstance(value, Real):
        return exact_number(float(value))
    if isinstance(value, complex):
        raise TermError(
            f"the number {value} is complex, and terms are real; write the real and the imaginary part as two fields or "
            "parameters"
        )
    raise TermError(f"{value!r} of type {type(value).__name__} is not a real number or a term")


def tidy(value: Number) -> Number:
    """A Fraction that is whole as int."""
    return value.numerator if type(value) is Fraction and value.denominator == 1 else value


def unit(coefficient: Number) -> Number:
    """1.0 and -1.0 as coefficients are 1 and -1: ``-1.0*x`` is ``-x``."""
    return int(coefficient) if coefficient == 1 or coefficient == -1 else coefficient


def quotient(a: Number, b: Number) -> Number:
    """a/b, exact where both are."""
    if b == 1 or b == -1:
        return a * b
    if a == b or a == -b:
        return 1 if a == b else -1
    if isinstance(a, float) or isinstance(b, float):
        return a / b
    return tidy(Fraction(a) / b) if type(a) is not int or type(b) is not int or a % b else a // b


def tidy_exponent(value: Number) -> Number:
    """2.0 -> 2, 1.5 -> 3/2: exact when the float is a small dyadic number, so that x**2.0 is x**2."""
    if type(value) is float and math.isfinite(value) and abs(value) < 2**20 and value * 4 == int(value * 4):
        value = Fraction(int(value * 4), 4)
    return tidy(value)


def numeric_power(base: Number, n: Number) -> Number | None:
    """base**n as a number, exact where both are exact; None for an irrational root. TermError where no real value exists or it is too large."""
    if base == 0 and n < 0:
        raise TermError("division by zero: a term is divided by the number 0")
    if isinstance(base, float) or isinstance(n, float):
        if base < 0 and not (isinstance(n, int) or float(n).is_integer()):
            raise TermError(f"{base}**{n} has no real value")
        try:
            return finite(base**n if isinstance(base, Laurent) else float(base) ** float(n))
        except OverflowError:
            raise TermError(f"{base}**{n} is too large for a floating-point number") from None
    if isinstance(n, int):
        if base == 1 or base == -1:
            return base if n % 2 else 1
        bits = max(abs(Fraction(base).numerator), Fraction(base).denominator).bit_length()
        if bits * abs(n) > _MAX_EXACT_BITS:
            raise TermError(
                f"({_short(base)})**({_short(n)}) is an exact number of more than {_MAX_EXACT_BITS} bits; write the base as a float"
            )
        return tidy(Fraction(base) ** n)
    if base < 0:
        raise TermError(f"({base})**({n}) has no real value")
    return _exact_root(base, n)


def _short(value: Number) -> str:
    text = str(value)
    return text if len(text) <= 40 else f"{text[:20]}...{text[-10:]}"


def _exact_root(base: int | Fraction, n: Fraction) -> Number | None:
    """base**(p/q) when it is rational (4**(1/2) = 2), else None."""
    base = Fraction(base)
    parts = []
    for part in (base.numerator, base.denominator):
        if part.bit_length() > 1000:
            return None
        root = round(part ** (1 / n.denominator))
        if root**n.denominator != part:
            return None
        if root.bit_length() * abs(n.numerator) > _MAX_EXACT_BITS:
            return None
        parts.append(root)
    return tidy(Fraction(parts[0], parts[1]) ** n.numerator)


def finite(value: Number) -> Number:
    """The value; TermError if it is NaN."""
    if isinstance(value, float) and value != value:
        raise TermError("the numbers of a term combine to NaN (infinity minus infinity or zero times infinity)")
    return value


def fold_function(op: str, values: list[Any]) -> Any:
    """The value of a table operator at numbers where it is exact, or where the arguments are floats; else None."""
    row = TABLE[op]
    if op in _COMPARE:
        return _COMPARE[op](*values)
    if op in ("minimum", "maximum"):
        return (min if op == "minimum" else max)(values)
    if len(values) == 1 and not isinstance(values[0], float):
        return dict(row.exact).get(values[0])
    if len(values) == 1 and row.fold is not None and math.isfinite(values[0]):
        try:
            return row.fold(values[0])
        except (ValueError, OverflowError):
            return None
    return None


_COMPARE: dict[str, Any] = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "and": lambda a, b: bool(a) and bool(b),
    "or": lambda a, b: bool(a) or bool(b),
    "not": lambda a: not a,
}
