"""Functions that users write: each takes terms, numbers or SymPy expressions and gives a canonical term."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from symnum.errors import TermError
from symnum.expr.term import Const, Symbol, Term, as_term, call, power

pi = call("pi")


def symbol(name: str) -> Symbol:
    """A plain symbol without a meaning of its own (for term algebra; models use coordinates, fields and parameters)."""
    if not isinstance(name, str) or not name.isidentifier():
        raise TermError(f'a symbol\'s name is an identifier, not {name!r}; write sn.symbol("x")')
    return Symbol(name)


def rational(numerator: int, denominator: int = 1) -> Term:
    """An exact fraction: ``rational(1, 3)``."""
    if denominator == 0:
        raise TermError(f"the fraction {numerator}/0 does not exist")
    return Const(Fraction(numerator, denominator))


def exp(x: Any) -> Term:
    """e**x."""
    return call("exp", as_term(x))


def log(x: Any) -> Term:
    """Natural logarithm, x > 0."""
    return call("log", as_term(x))


def sqrt(x: Any) -> Term:
    """Square root, x >= 0; the same term as x**(1/2)."""
    return power(as_term(x), Const(Fraction(1, 2)))


def sin(x: Any) -> Term:
    """Sine of an angle in radians."""
    return call("sin", as_term(x))


def cos(x: Any) -> Term:
    """Cosine of an angle in radians."""
    return call("cos", as_term(x))


def tan(x: Any) -> Term:
    """Tangent of an angle in radians."""
    return call("tan", as_term(x))


def sinh(x: Any) -> Term:
    """Hyperbolic sine."""
    return call("sinh", as_term(x))


def cosh(x: Any) -> Term:
    """Hyperbolic cosine."""
    return call("cosh", as_term(x))


def tanh(x: Any) -> Term:
    """Hyperbolic tangent."""
    return call("tanh", as_term(x))


def sech(x: Any) -> Term:
    """Hyperbolic secant, 1/cosh(x)."""
    return 1 / call("cosh", as_term(x))


def asin(x: Any) -> Term:
    """Inverse sine, |x| <= 1."""
    return call("asin", as_term(x))


def acos(x: Any) -> Term:
    """Inverse cosine, |x| <= 1."""
    return call("acos", as_term(x))


def atan(x: Any) -> Term:
    """Inverse tangent."""
    return call("atan", as_term(x))


def asinh(x: Any) -> Term:
    """Inverse hyperbolic sine."""
    return call("asinh", as_term(x))


def acosh(x: Any) -> Term:
    """Inverse hyperbolic cosine, x >= 1."""
    return call("acosh", as_term(x))


def atanh(x: Any) -> Term:
    """Inverse hyperbolic tangent, |x| < 1."""
    return call("atanh", as_term(x))


def atan2(y: Any, x: Any) -> Term:
    """The angle of the point (x, y), in (-pi, pi]."""
    return call("atan2", as_term(y), as_term(x))


def erf(x: Any) -> Term:
    """The error function."""
    return call("erf", as_term(x))


def sign(x: Any) -> Term:
    """-1, 0 or 1."""
    return call("sign", as_term(x))


def floor(x: Any) -> Term:
    """The largest whole number <= x."""
    return call("floor", as_term(x))


def ceil(x: Any) -> Term:
    """The smallest whole number >= x."""
    return call("ceil", as_term(x))


def minimum(x: Any, y: Any) -> Term:
    """The smaller of two values."""
    return call("minimum", as_term(x), as_term(y))


def maximum(x: Any, y: Any) -> Term:
    """The larger of two values."""
    return call("maximum", as_term(x), as_term(y))


def where(condition: Any, yes: Any, no: Any) -> Term:
    """``yes`` where the condition holds, else ``no``. The condition is a comparison such as ``x <= 1``."""
    return call("where", as_term(condition), as_term(yes), as_term(no))


def equal(x: Any, y: Any) -> Term:
    """The condition x = y (``==`` between terms is identity)."""
    return call("eq", as_term(x), as_term(y))


def heaviside(x: Any) -> Term:
    """1 where x >= 0, else 0."""
    return call("where", as_term(x) >= 0, as_term(1), as_term(0))
