"""Trigonometric functions."""

from __future__ import annotations

from symnum.rewrite.pattern import Rule, Structural


def rules() -> list[Rule | Structural]:
    """The rules of this set."""
    sum_known = ("sin(a)", "cos(a)", "sin(b)", "cos(b)")
    return [
        # Pythagoras
        Rule("sin^2 + cos^2", "sin(a)^2 + cos(a)^2", "1"),
        Rule("1 - sin^2", "1 - sin(a)^2", "cos(a)^2"),
        Rule("1 - cos^2", "1 - cos(a)^2", "sin(a)^2"),
        Rule("1 + tan^2", "1 + tan(a)^2", "1/cos(a)^2"),
        # quotients
        Rule("sin/cos", "sin(a)/cos(a)", "tan(a)"),
        Rule("tan*cos", "tan(a)*cos(a)", "sin(a)", widens=True),
        Rule("tan by sin and cos", "tan(a)", "sin(a)/cos(a)", known=("sin(a)", "cos(a)")),
        # double angles
        Rule("sin*cos", "sin(a)*cos(a)", "sin(2*a)/2"),
        Rule("cos^2 - sin^2", "cos(a)^2 - sin(a)^2", "cos(2*a)"),
        Rule("2*cos^2 - 1", "2*cos(a)^2 - 1", "cos(2*a)"),
        Rule("1 - 2*sin^2", "1 - 2*sin(a)^2", "cos(2*a)"),
        Rule("sin of a double angle", "sin(2*a)", "2*sin(a)*cos(a)", known=("sin(a)", "cos(a)")),
        Rule("cos of a double angle, by sin", "cos(2*a)", "1 - 2*sin(a)^2", known=("sin(a)",)),
        Rule("cos of a double angle, by cos", "cos(2*a)", "2*cos(a)^2 - 1", known=("cos(a)",)),
        Rule("1 - cos", "1 - cos(a)", "2*sin(a/2)^2", known=("sin(a/2)",)),
        # sums of angles
        Rule("sin(a + b), collected", "sin(a)*cos(b) + cos(a)*sin(b)", "sin(a + b)"),
        Rule("sin(a - b), collected", "sin(a)*cos(b) - cos(a)*sin(b)", "sin(a - b)"),
        Rule("cos(a + b), collected", "cos(a)*cos(b) - sin(a)*sin(b)", "cos(a + b)"),
        Rule("cos(a - b), collected", "cos(a)*cos(b) + sin(a)*sin(b)", "cos(a - b)"),
        Rule("sin of a sum", "sin(a + b)", "sin(a)*cos(b) + cos(a)*sin(b)", known=sum_known),
        Rule("cos of a sum", "cos(a + b)", "cos(a)*cos(b) - sin(a)*sin(b)", known=sum_known),
        # functions of their inverses
        Rule("sin of asin", "sin(asin(a))", "a", widens=True),
        Rule("cos of acos", "cos(acos(a))", "a", widens=True),
        Rule("tan of atan", "tan(atan(a))", "a"),
        Rule("cos of asin", "cos(asin(a))", "((1 - a)*(1 + a))^(1/2)"),
        Rule("sin of acos", "sin(acos(a))", "((1 - a)*(1 + a))^(1/2)"),
        Rule("cos of atan", "cos(atan(a))", "(1 + a^2)^(-1/2)"),
        Rule("sin of atan", "sin(atan(a))", "a*(1 + a^2)^(-1/2)"),
    ]
