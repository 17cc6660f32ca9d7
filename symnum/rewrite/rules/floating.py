"""Rules that floating-point arithmetic does not forgive everywhere; all are off unless ``unsafe=True``."""

from __future__ import annotations

from symnum.rewrite.pattern import Rule, Structural, both


def rules() -> list[Rule | Structural]:
    """The rules of this set."""
    return [
        # lose digits near a = 0
        Rule("tanh by exp", "tanh(a)", "1 - 2/(exp(2*a) + 1)", unsafe=True),
        Rule("sinh by exp", "sinh(a)", "exp(a)/2 - exp(-a)/2", unsafe=True),
        # lose digits where the left side is small against 1
        Rule("cos^2 by sin", "cos(a)^2", "1 - sin(a)^2", known=("sin(a)",), unsafe=True),
        Rule("sin^2 by cos", "sin(a)^2", "1 - cos(a)^2", known=("cos(a)",), unsafe=True),
        Rule("1/cosh^2 by tanh", "1/cosh(a)^2", "1 - tanh(a)^2", known=("tanh(a)",), unsafe=True),
        Rule("square multiplied out", "(a + b)^2", "a^2 + 2*a*b + b^2", unsafe=True),
        # overflow or underflow where the left side does not
        Rule("exp of a sum", "exp(a + b)", "exp(a)*exp(b)", known=("exp(a)",), unsafe=True),
        Rule("exp of a sum, second", "exp(a + b)", "exp(a)*exp(b)", known=("exp(b)",), unsafe=True),
        Rule("logistic function by exp(a)", "1/(1 + exp(-a))", "exp(a)/(1 + exp(a))", unsafe=True),
        # logarithms apart: log(a) is large where a*b is near 1
        Rule("logarithm of a product", "log(a*b)", "log(a) + log(b)", where=("a > 0", "b > 0"), unsafe=True),
        Rule("logarithm of a quotient", "log(a/b)", "log(a) - log(b)", where=("a > 0", "b > 0"), unsafe=True),
        *both("tan by exp of the angle", "tan(a)^2", "1/cos(a)^2 - 1", unsafe=True),
    ]
