"""Stencils and fluxes: differences of neighbours that several terms share."""

from __future__ import annotations

from symnum.rewrite.pattern import Rule, Structural


def rules() -> list[Rule | Structural]:
    """The rules of this set."""
    return [
        Rule("second difference", "a - 2*b + c", "(a - b) - (b - c)", known=("a - b", "b - c")),
        Rule(
            "squares of three differences",
            "(a - b)^2 + (b - c)^2 + (a - c)^2",
            "2*((a - c)*(b - c) + (a - b)^2)",
        ),
        Rule("sum of squares", "(a - b)^2 + (a + b)^2", "2*a^2 + 2*b^2"),
        Rule("difference of squared sums", "(a + b)^2 - (a - b)^2", "4*a*b"),
        Rule("flux of a square", "(a - b)*(a + b)", "a^2 - b^2", known=("a^2", "b^2")),
    ]
