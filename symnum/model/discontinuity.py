"""Times at which an equation or condition switches: ``t >= 1.1`` is found symbolically and ends a step."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from symnum.expr.calculus import linear_coefficients
from symnum.expr.ops import COMPARISONS
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder, symbols
from symnum.model.numeric import evaluate

_MOST = 1000  # jumps of one floor(a*t + b) that are listed


def switching_times(
    terms: Iterable[Term], time: Symbol, values: Mapping[Term, float], interval: tuple[float, float]
) -> tuple[float, ...]:
    """Sorted times strictly inside the interval where a comparison, ``abs``, ``sign``, ``minimum``, ... or ``floor``
    of an expression affine in time (constant coefficients, parameters allowed) switches."""
    found: set[float] = set()
    for node in postorder(tuple(terms)):
        if node.op in COMPARISONS or node.op in ("minimum", "maximum"):
            found |= _roots(node.args[0] - node.args[1], time, values, interval, levels=False)
        elif node.op in ("abs", "sign"):
            found |= _roots(node.args[0], time, values, interval, levels=False)
        elif node.op in ("floor", "ceil"):
            found |= _roots(node.args[0], time, values, interval, levels=True)
    low, high = interval
    return tuple(sorted(t for t in found if low < t < high))


def _roots(
    term: Term, time: Symbol, values: Mapping[Term, float], interval: tuple[float, float], *, levels: bool
) -> set[float]:
    """Where ``a*t + b`` is zero (with ``levels``: a whole number)."""
    if time not in symbols(term):
        return set()
    split = linear_coefficients(term, [time])
    if split is None or time not in split[0]:
        return set()
    slope, rest = split[0][time], split[1]
    if any(s not in values for s in (*symbols(slope), *symbols(rest))) or any(
        n.op == "derivative" for n in postorder((slope, rest))
    ):
        return set()
    a, b = float(evaluate(slope, values)), float(evaluate(rest, values))
    if a == 0 or not math.isfinite(a) or not math.isfinite(b):
        return set()
    if not levels:
        return {-b / a}
    ends = sorted(a * t + b for t in interval)
    first = math.ceil(ends[0])
    return {(n - b) / a for n in range(first, min(math.floor(ends[1]), first + _MOST) + 1)}
