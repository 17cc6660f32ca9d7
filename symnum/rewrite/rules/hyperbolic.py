"""Hyperbolic functions. Those that lose digits near zero or far out are in ``floating``."""

from __future__ import annotations

from symnum.rewrite.pattern import Rule, Structural


def rules() -> list[Rule | Structural]:
    """The rules of this set."""
    return [
        Rule("cosh^2 - sinh^2", "cosh(a)^2 - sinh(a)^2", "1"),
        Rule("1 + sinh^2", "1 + sinh(a)^2", "cosh(a)^2"),
        Rule("cosh^2 - 1", "cosh(a)^2 - 1", "sinh(a)^2"),
        Rule("cosh by sinh", "cosh(a)", "(1 + sinh(a)^2)^(1/2)", known=("sinh(a)",)),
        Rule("1 - tanh^2", "1 - tanh(a)^2", "1/cosh(a)^2"),
        Rule("sinh/cosh", "sinh(a)/cosh(a)", "tanh(a)"),
        Rule("tanh*cosh", "tanh(a)*cosh(a)", "sinh(a)"),
        Rule("sinh*cosh", "sinh(a)*cosh(a)", "sinh(2*a)/2"),
        Rule("cosh + sinh", "cosh(a) + sinh(a)", "exp(a)"),
        Rule("cosh - sinh", "cosh(a) - sinh(a)", "exp(-a)"),
        Rule("1 + tanh", "1 + tanh(a)", "2/(1 + exp(-2*a))"),
        Rule("1 - tanh", "1 - tanh(a)", "2/(1 + exp(2*a))"),
        Rule("cosh by exp", "cosh(a)", "exp(a)/2 + exp(-a)/2"),
        Rule("exp to sinh", "exp(a) - exp(-a)", "2*sinh(a)", known=("sinh(a)",)),
        Rule("sinh of a double argument", "sinh(2*a)", "2*sinh(a)*cosh(a)", known=("sinh(a)", "cosh(a)")),
        Rule("cosh of a double argument", "cosh(2*a)", "1 + 2*sinh(a)^2", known=("sinh(a)",)),
        Rule("sinh of asinh", "sinh(asinh(a))", "a"),
        Rule("cosh of acosh", "cosh(acosh(a))", "a", widens=True),
        Rule("tanh of atanh", "tanh(atanh(a))", "a", widens=True),
        Rule("cosh of asinh", "cosh(asinh(a))", "(1 + a^2)^(1/2)"),
    ]
