"""Constants as three tokens: sign, mantissa, exponent. 8/3 is ``+ N267 E-2``: three digits, the point dropped, value = 267e-2.

token      value                                     range
+ -        sign
N000-N999  whole mantissa, N100 to N999 but for 0    relative rounding error <= 0.5 %
E-10-E10   power of ten                              1e-8 <= |x| < 9.995e12
"""

from __future__ import annotations

import math
import re

from symnum.errors import ModelError

ZERO = ("+", "N000", "E-2")
_LOWEST, _HIGHEST = -10, 10
_MANTISSA = re.compile(r"N[0-9]{3}\Z")
_EXPONENT = re.compile(r"E(-?[0-9]{1,2})\Z")


def encoded(value: float) -> tuple[str, str, str]:
    """The three tokens of a number, rounded to three significant digits (half to even, as ``%.2e`` does); ``ZERO`` below 1e-8.

    Raises ModelError for inf, nan and numbers whose exponent has no token.
    """
    if not math.isfinite(value):
        raise ModelError(f"PROSE has no token for {value}; constants must be finite")
    mantissa, _, exponent = f"{abs(value):.2e}".partition("e")
    power = int(exponent) - 2
    if value == 0 or power < _LOWEST:
        return ZERO
    if power > _HIGHEST:
        raise ModelError(f"PROSE has no token for {value:g}; constants lie below 9.995e12: rescale the equation")
    return ("-" if value < 0 else "+", f"N{mantissa.replace('.', '')}", f"E{power}")


def decoded(sign: str, mantissa: str, exponent: str) -> float:
    """The number of three tokens. Raises ValueError, with the token that is wrong, for anything that ``encoded`` could not have meant.

    Mantissas below 100 are read as what they say (``+ N010 E0`` is 10).
    """
    power = _EXPONENT.match(exponent)
    if sign not in ("+", "-"):
        raise ValueError(f"{sign!r} is no sign (+ or -)")
    if not _MANTISSA.match(mantissa):
        raise ValueError(f"{mantissa!r} is no mantissa (N000 to N999)")
    if not power or not _LOWEST <= int(power[1]) <= _HIGHEST or exponent != f"E{int(power[1])}":
        raise ValueError(f"{exponent!r} is no exponent (E-10 to E10)")
    return float(f"{'-' if sign == '-' else ''}{int(mantissa[1:])}e{int(power[1])}")
