"""Rewrite terms so that less is left inside the loops: common factors of stencils out, switches on scalars into the branches of selects."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

from symnum.expr.laurent import Laurent
from symnum.expr.numbers import Number
from symnum.expr.ops import TABLE
from symnum.expr.term import Const, Term, call, make_call, mul, power_product, scale
from symnum.expr.walk import transform
from symnum.ir.kernel import Kernel, Loop, Statement

_MOST_RATIO = 64


def arrange(kernel: Kernel) -> Kernel:
    """Two identities, both exact up to rounding::

    c*a + c*b - 4c*d      ->  c*(a + b - 4d)             then c joins the other constants of the product, outside the loop
    g*where(k, a, 0)      ->  where(k, g*a, 0)           for a truth value g: g*a leaves the loop where g does not depend on its index
    """
    memo: dict[Term, Term] = {}
    return kernel.with_body(_arrange(kernel.body, memo))


def _arrange(body: tuple[Statement, ...], memo: dict[Term, Term]) -> tuple[Statement, ...]:
    result: list[Statement] = []
    for s in body:
        if isinstance(s, Loop):
            result.append(Loop(s.axis, s.start, s.stop, _arrange(s.body, memo)))
        else:
            result.append(replace(s, value=transform(s.value, _rule, memo)))
    return tuple(result)


def _rule(node: Term) -> Term | None:
    if node.op == "add" and node.data[0] == 0:
        return _common_factor(node)
    if node.op == "mul":
        return _switch(node)
    return None


def _common_factor(node: Term) -> Term | None:
    """Take out the smallest coefficient where all others are small whole multiples of it."""
    coefficients = node.data[1:]
    unit = min(coefficients, key=abs)
    if abs(unit) == 1:
        return None
    unit = abs(unit)
    ratios = [_whole_ratio(c, unit) for c in coefficients]
    if any(r is None for r in ratios):
        return None
    return scale(make_call("add", node.args, (0, *ratios)), unit)


def _whole_ratio(c: Number, unit: Number) -> int | None:
    """c/unit where it is a small whole number, exactly."""
    if isinstance(c, Laurent) or isinstance(unit, Laurent):  # lengths are not compared with numbers
        quotient: Any = c / unit
        ratio = quotient.constant if isinstance(quotient, Laurent) else None
        if ratio is None:
            return None
    elif isinstance(c, float) or isinstance(unit, float):
        if not (abs(float(c)) < float("inf") and float(unit) > 0):
            return None
        ratio = Fraction(float(c)) / Fraction(float(unit))
    else:
        ratio = Fraction(c) / Fraction(unit)
    return int(ratio) if ratio.denominator == 1 and abs(ratio) <= _MOST_RATIO else None


def _switch(node: Term) -> Term | None:
    """Truth values as factors of a select between a number and zero move into the select."""
    exponents: dict[Term, Any] = dict(zip(node.args, node.data[1:], strict=True))
    selects = [
        b
        for b, e in exponents.items()
        if b.op == "where" and e == 1 and b.args[1].op == "const" and b.args[2].op == "const" and b.args[2].data[0] == 0
    ]
    flags = {b: e for b, e in exponents.items() if b.op in TABLE and TABLE[b.op].boolean}
    if len(selects) != 1 or not flags or len(flags) + 1 != len(exponents):
        return None
    select = selects[0]
    return call("where", select.args[0], mul((power_product(flags, node.data[0]), select.args[1])), Const(0.0))
