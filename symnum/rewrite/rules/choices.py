"""Absolute values, signs, minima and maxima, choices and truth values."""

from __future__ import annotations

from symnum.rewrite.pattern import Rule, Structural


def rules() -> list[Rule | Structural]:
    """The rules of this set."""
    # a comparison with NaN is false, and the other branch is chosen; minimum and maximum would hand the NaN on
    both_defined = ("a is defined everywhere", "b is defined everywhere")
    return [
        # absolute values and signs
        Rule("abs of a number >= 0", "abs(a)", "a", where=("a >= 0",)),
        Rule("abs of a number <= 0", "abs(a)", "-a", where=("a <= 0",)),
        Rule("square of abs", "abs(a)^2", "a^2"),
        Rule("product of abs", "abs(a)*abs(b)", "abs(a*b)"),
        Rule("quotient of abs", "abs(a)/abs(b)", "abs(a/b)"),
        Rule("abs of a quotient", "abs(a/b)", "abs(a)/abs(b)"),
        Rule("abs by sign", "a*sign(a)", "abs(a)"),
        Rule("sign times abs", "sign(a)*abs(a)", "a"),
        Rule("sign of a positive number", "sign(a)", "1", where=("a > 0",)),
        Rule("sign of a negative number", "sign(a)", "-1", where=("a < 0",)),
        # minima and maxima
        Rule("minimum of equals", "minimum(a, a)", "a"),
        Rule("maximum of equals", "maximum(a, a)", "a"),
        Rule("maximum + minimum", "maximum(a, b) + minimum(a, b)", "a + b"),
        Rule("maximum - minimum", "maximum(a, b) - minimum(a, b)", "abs(a - b)"),
        Rule("maximum*minimum", "maximum(a, b)*minimum(a, b)", "a*b"),
        Rule("maximum of a and -a", "maximum(a, -a)", "abs(a)"),
        Rule("minimum of a and -a", "minimum(a, -a)", "-abs(a)"),
        Rule("a + abs(a)", "a + abs(a)", "2*maximum(a, 0)"),
        Rule("a - abs(a)", "a - abs(a)", "2*minimum(a, 0)"),
        Rule("maximum by sum and difference", "a + b + abs(a - b)", "2*maximum(a, b)"),
        Rule("minimum by sum and difference", "a + b - abs(a - b)", "2*minimum(a, b)"),
        Rule("nested maximum", "maximum(a, maximum(a, b))", "maximum(a, b)"),
        Rule("nested minimum", "minimum(a, minimum(a, b))", "minimum(a, b)"),
        Rule("minimum in a maximum", "maximum(a, minimum(a, b))", "a"),
        Rule("maximum in a minimum", "minimum(a, maximum(a, b))", "a"),
        Rule(
            "minmod by minimum and maximum",
            "(sign(a) + sign(b))*minimum(abs(a), abs(b))",
            "2*maximum(minimum(a, b), 0) + 2*minimum(maximum(a, b), 0)",
        ),
        Rule(
            "minmod of b and -a",
            "(sign(b) - sign(a))*minimum(abs(a), abs(b))",
            "2*maximum(minimum(b, -a), 0) + 2*minimum(maximum(b, -a), 0)",
        ),
        Rule("maximum of a number >= 0 and 0", "maximum(a, 0)", "a", where=("a >= 0",)),
        Rule("maximum of a number <= 0 and 0", "maximum(a, 0)", "0", where=("a <= 0",)),
        Rule("minimum of a number >= 0 and 0", "minimum(a, 0)", "0", where=("a >= 0",)),
        Rule("minimum of a number <= 0 and 0", "minimum(a, 0)", "a", where=("a <= 0",)),
        # choices
        Rule("the smaller one", "where(a < b, a, b)", "minimum(a, b)", where=both_defined),
        Rule("the smaller one, <=", "where(a <= b, a, b)", "minimum(a, b)", where=both_defined),
        Rule("the larger one", "where(a < b, b, a)", "maximum(a, b)", where=both_defined),
        Rule("the larger one, <=", "where(a <= b, b, a)", "maximum(a, b)", where=both_defined),
        Rule("choice by not", "where(not a, b, c)", "where(a, c, b)"),
        Rule("choice within a choice, first", "where(a, where(a, b, c), d)", "where(a, b, d)"),
        Rule("choice within a choice, second", "where(a, b, where(a, c, d))", "where(a, b, d)"),
        Rule("sum of choices", "where(a, b, c) + where(a, d, f)", "where(a, b + d, c + f)"),
        Rule("product of choices", "where(a, b, c)*where(a, d, f)", "where(a, b*d, c*f)"),
        Rule("difference of choices", "where(a, b, c) - where(a, d, f)", "where(a, b - d, c - f)"),
        # truth values
        Rule("not not", "not (not a)", "a", where=("a is true or false",)),
        Rule("a and a", "a and a", "a", where=("a is true or false",)),
        Rule("a or a", "a or a", "a", where=("a is true or false",)),
        Rule("not less", "not (a < b)", "b <= a", where=both_defined),
        Rule("not less or equal", "not (a <= b)", "b < a", where=both_defined),
    ]
