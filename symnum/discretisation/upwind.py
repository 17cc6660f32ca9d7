"""What upwind differences are made of: weights of biased face values, the transported terms of a rate, signs of speeds.

Face values of order p from the p points of a window, shifted against the flow (drawn for a flow to the right)::

    p = 1        [i] |           F = f_i
    p = 2   [i-1][i] |           F = (3 f_i - f_(i-1))/2
    p = 3   [i-1][i] | [i+1]     F = (-f_(i-1) + 5 f_i + 2 f_(i+1))/6

(F_(i+1/2) - F_(i-1/2))/h is df/dx at point i to order p: F interpolates the function whose cell averages are the f_i. Source: C.-W. Shu,
"Essentially non-oscillatory and weighted essentially non-oscillatory schemes for hyperbolic conservation laws", Springer Lecture Notes in
Mathematics 1697 (1998), section 2.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

from symnum.discretisation.lower import outermost_derivatives
from symnum.discretisation.weights import stencil_weights
from symnum.expr.calculus import differentiate, linear_coefficients, substitute, summands
from symnum.expr.term import ZERO, Symbol, Term, add, rebuild, scale
from symnum.expr.walk import contains, fold

Limits = tuple[Fraction, Fraction] | None  # offsets of the first and last point; None where nothing is cut off
Weights = dict[int, Fraction]  # offset -> weight
HALF = Fraction(1, 2)

# --- weights --------------------------------------------------------------------------------------------------------


def difference_weights(order: int, rightwards: bool, limits: Limits = None) -> Weights:
    """Offsets and weights of h*df/dx on order + 1 points, one more of them on the side the flow comes from.

    Where ``limits`` cut the window off it slides, and the order stays. None at an end point where the flow enters (see ``enters``).
    """
    if not rightwards:
        return {-o: -w for o, w in difference_weights(order, True, _mirrored(limits)).items()}
    if enters(limits):
        return {}
    first = -1 if order == 1 else -2
    if limits is not None:
        first = min(max(first, int(limits[0])), int(limits[1]) - order)
    nodes = range(first, first + order + 1)
    return {o: w for o, w in zip(nodes, stencil_weights(nodes, 1), strict=True) if w}


def face_weights(order: int, face: Fraction, rightwards: bool, limits: Limits = None) -> Weights:
    """Offsets and weights of the value at a face, a whole number and a half from the point, for a flow to the right or left.

    Where the window does not fit, the value follows from the next face and the difference between the two.
    """
    if not rightwards:
        return {-o: w for o, w in face_weights(order, -face, True, _mirrored(limits)).items()}
    left, right = int(face - HALF), int(face + HALF)
    first = left - (order > 1)
    if limits is None or (limits[0] <= first and first + order - 1 <= limits[1]):
        return _average_weights(first, order, face)
    step, point = (1, right) if first < limits[0] else (-1, left)
    seen = (limits[0] - point, limits[1] - point)
    total = dict(face_weights(order, face + step, True, limits))
    for o, w in difference_weights(order, True, seen).items():
        total[o + point] = total.get(o + point, Fraction(0)) - step * w
    return {o: w for o, w in total.items() if w}


def combined(left: Weights, right: Weights, a: Fraction, b: Fraction) -> Weights:
    """a*left + b*right."""
    both = {o: a * left.get(o, Fraction(0)) + b * right.get(o, Fraction(0)) for o in sorted({*left, *right})}
    return {o: w for o, w in both.items() if w}


def _average_weights(first: int, count: int, face: Fraction) -> Weights:
    """The value at a face of the polynomial with given averages over ``count`` cells: the derivative of the sums' interpolation."""
    edges = [Fraction(first + k) - HALF for k in range(count + 1)]
    c = stencil_weights(edges, 1, at=face)
    return {first + k: sum(c[k + 1 :], Fraction(0)) for k in range(count)}


def _mirrored(limits: Limits) -> Limits:
    return None if limits is None else (-limits[1], -limits[0])


def enters(limits: Limits) -> bool:
    """True at the lower end point of an axis, where a flow to the right comes in.

    Such a point is an unknown only where no condition says what comes in. Its value is then kept (du/dx = 0 beyond the side): a
    difference against the flow is not there, and one with it lets round-off grow.
    """
    return limits is not None and limits[0] == 0


# --- which terms carry ----------------------------------------------------------------------------------------------


def transport(rate: Term, field: Symbol, axes: Iterable[str]) -> tuple[dict[Term, Term], Term]:
    """``rate = sum(k*node) + rest`` with the first derivatives that carry ``field``: node -> k.

    A node carries if it is d/dx of an expression of the field without derivatives inside. Summands that are not linear in such nodes
    (``u_x**2``) are part of the rest.
    """
    outer = outermost_derivatives(rate)
    hidden = {node: Symbol(f"derivative {j}", "temporary", node) for j, node in enumerate(outer)}
    shown = {symbol: node for node, symbol in hidden.items()}
    carrying = [symbol for node, symbol in hidden.items() if _carries(node, field, set(axes))]
    found: dict[Term, list[Term]] = {}
    rest: list[Term] = []
    for summand in _flat_summands(_replaced(rate, hidden)):
        split = linear_coefficients(summand, carrying)
        if split is None:
            rest.append(substitute(summand, shown))
            continue
        rest.append(substitute(split[1], shown))
        for symbol, k in split[0].items():
            found.setdefault(shown[symbol], []).append(substitute(k, shown))  # type: ignore[index]
    return {node: add(ks) for node, ks in found.items()}, add(rest)


def _carries(node: Term, field: Symbol, axes: set[str]) -> bool:
    inner = node.args[0]
    first = node.data == (1,) and getattr(node.args[1], "name", "") in axes
    if not first or contains(inner, lambda n: n.op == "derivative"):
        return False
    return differentiate(inner, field) is not ZERO


def _replaced(term: Term, table: Mapping[Term, Term]) -> Term:
    """Like ``substitute``, but not looking below what is replaced."""
    return fold(term, lambda node, args: rebuild(node, tuple(args)) if node.args else node, dict(table))


def _flat_summands(term: Term) -> list[Term]:
    """The summands of nested sums with numeric factors."""
    parts: list[Term] = []
    for c, part in summands(term):
        inner = part.args[0] if part.op == "mul" and len(part.args) == 1 and part.data[1] == 1 else part
        if inner.op == "add":
            parts.extend(scale(t, c) for t in _flat_summands(inner))
        else:
            parts.append(scale(part, c))
    return parts


# --- signs ----------------------------------------------------------------------------------------------------------

Interval = tuple[float, float]
EVERYTHING = (-math.inf, math.inf)
_INCREASING = {"exp": math.exp, "tanh": math.tanh, "atan": math.atan, "erf": math.erf, "sinh": math.sinh}


def bounds(term: Term, ranges: Mapping[str, Interval]) -> Interval:
    """Smallest and largest value that interval arithmetic allows; ``ranges``: of the coordinates. Everything else is unknown."""

    def rule(node: Term, args: list[Interval]) -> Interval:
        if node.op == "const":
            return float(node.data[0]), float(node.data[0])
        if node.op == "pi":
            return math.pi, math.pi
        if isinstance(node, Symbol):
            return ranges.get(node.name, EVERYTHING) if node.kind == "coordinate" else EVERYTHING
        if node.op == "add":
            terms = [_times((float(c),) * 2, a) for c, a in zip(node.data[1:], args, strict=True)]
            return node.data[0] + sum(a for a, _ in terms), node.data[0] + sum(b for _, b in terms)
        if node.op == "mul":
            product = (float(node.data[0]),) * 2
            for a, e in zip(args, node.data[1:], strict=True):
                product = _times(product, _raised(a, e))
            return product
        return _function(node.op, args)

    return fold(term, rule)


def _function(op: str, args: list[Interval]) -> Interval:
    if op in ("sin", "cos"):
        return -1.0, 1.0
    if op == "abs":
        low, high = args[0]
        return max(low, -high, 0.0), max(-low, high)
    if op == "where":
        return min(args[1][0], args[2][0]), max(args[1][1], args[2][1])
    if op in ("minimum", "maximum"):
        pick = min if op == "minimum" else max
        return pick(args[0][0], args[1][0]), pick(args[0][1], args[1][1])
    if op in _INCREASING:
        low, high = (_INCREASING[op](min(max(x, -700.0), 700.0)) for x in args[0])
        return low, (math.inf if op in ("exp", "sinh") and args[0][1] > 700 else high)
    return EVERYTHING


def _times(a: Interval, b: Interval) -> Interval:
    products = [0.0 if x == 0 or y == 0 else x * y for x in a for y in b]
    return min(products), max(products)


def _raised(a: Interval, e: Any) -> Interval:
    try:
        return _power(a, e)
    except OverflowError:
        return EVERYTHING


def _power(a: Interval, e: Any) -> Interval:
    low, high = a
    if type(e) is int and e % 2 == 0 and high <= 0:
        low, high = -high, -low
    if low > 0 or (low == 0 and e > 0):
        return (low**e, high**e) if e > 0 else (high**e, low**e)
    even = type(e) is int and e % 2 == 0
    if type(e) is int and e > 0:
        return (0.0, max(-low, high) ** e) if even else (low**e, high**e)
    return (0.0, math.inf) if even or not (isinstance(e, int)) else EVERYTHING


def sign(term: Term, ranges: Mapping[str, Interval]) -> int:
    """+1 or -1 if the term has this sign (or is zero) over the whole domain, whatever fields and parameters are; 0 if that is not known."""
    low, high = bounds(term, ranges)
    return 1 if low >= 0 else -1 if high <= 0 else 0
