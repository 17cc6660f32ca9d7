"""Whether what an e-graph states is true: every e-node evaluated with 60 digits by mpmath, independent of code generation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np

from symnum.expr.term import Term
from symnum.expr.walk import fold
from symnum.rewrite.egraph import EGraph, Node

UNDEFINED = None
_CONTEXT = mpmath.mp.clone()
_CONTEXT.dps = 60


def _number(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    if isinstance(value, Fraction):
        return _CONTEXT.mpf(value.numerator) / value.denominator
    return _CONTEXT.mpf(value)


def _power(base: Any, e: Any) -> Any:
    """base**e where a real value exists."""
    if not abs(e) <= 10**4:  # NaN too
        return UNDEFINED
    whole = int(e) == e
    if (base == 0 and e < 0) or (base < 0 and not whole):
        return UNDEFINED
    return base ** (int(e) if whole else _number(e))


_DOMAIN = {
    "log": lambda x: x > 0,
    "asin": lambda x: abs(x) <= 1,
    "acos": lambda x: abs(x) <= 1,
    "acosh": lambda x: x >= 1,
    "atanh": lambda x: abs(x) < 1,
    "exp": lambda x: abs(x) < 10**4,
    "sinh": lambda x: abs(x) < 10**4,
    "cosh": lambda x: abs(x) < 10**4,
}
_OTHER = {
    "abs": abs,
    "minimum": min,
    "maximum": max,
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "and": lambda a, b: bool(a) and bool(b),
    "or": lambda a, b: bool(a) or bool(b),
    "not": lambda a: not a,
    "pi": lambda: _CONTEXT.pi,
}


def _function(op: str, args: list[Any]) -> Any:
    if op == "where":
        return args[1] if args[0] else args[2]
    if op == "pow":
        return _power(args[0], args[1]) if args[0] > 0 else UNDEFINED
    if op in _DOMAIN and not _DOMAIN[op](args[0]):
        return UNDEFINED
    return _OTHER[op](*args) if op in _OTHER else getattr(_CONTEXT, op)(*args)


def _combined(op: str, numbers: tuple[Any, ...], args: list[Any]) -> Any:
    """A sum (constant first) or product (exponents only), a function of other arguments."""
    if any(a is UNDEFINED for a in args) and not (
        op == "where" and args[0] is not UNDEFINED and args[1 if args[0] else 2] is not UNDEFINED
    ):
        return UNDEFINED
    if op == "add":
        return _number(numbers[0]) + sum(_number(c) * a for c, a in zip(numbers[1:], args, strict=True))
    if op == "mul":
        powers = [_power(_number(a) if isinstance(a, bool) else a, e) for a, e in zip(args, numbers, strict=True)]
        return UNDEFINED if UNDEFINED in powers else _CONTEXT.fprod(powers)
    return _function(op, args)


def exact(term: Term, at: Mapping[Term, Any]) -> Any:
    """The value of a term with 60 digits, or UNDEFINED."""

    def rule(node: Term, args: list[Any]) -> Any:
        if node in at:
            return _number(at[node])
        if node.op == "const":
            return _number(node.data[0])
        if node.op == "mul":
            made = _combined("mul", node.data[1:], args)
            return UNDEFINED if made is UNDEFINED else made * _number(node.data[0])
        return _combined(node.op, node.data, args)

    return fold(term, rule)


def everything_defined(terms: Iterable[Term], at: Mapping[Term, Any]) -> bool:
    """True if each sub-term has a value, none too large or too small for a float."""
    memo: dict[Term, Any] = {}

    def rule(node: Term, args: list[Any]) -> Any:
        value = memo[node] = exact_step(node, args, at)
        return value

    for term in terms:
        fold(term, rule)
    return all(v is not UNDEFINED and (isinstance(v, bool) or v == 0 or 1e-60 < abs(v) < 1e60) for v in memo.values())


def exact_step(node: Term, args: list[Any], at: Mapping[Term, Any]) -> Any:
    """One node of ``exact``."""
    if node in at:
        return _number(at[node])
    if node.op == "const":
        return _number(node.data[0])
    if node.op == "mul":
        made = _combined("mul", node.data[1:], args)
        return UNDEFINED if made is UNDEFINED else made * _number(node.data[0])
    return _combined(node.op, node.data, args)


def class_values(graph: EGraph, at: Mapping[Term, Any]) -> dict[int, Any]:
    """A value for each class, from the first of its e-nodes that has one."""
    values: dict[int, Any] = {}
    changed = True
    while changed:
        changed = False
        for i, node in graph.nodes():
            if i not in values:
                value = node_value(graph, node, values, at)
                if value is not UNDEFINED:
                    values[i] = value
                    changed = True
    return values


def node_value(graph: EGraph, node: Node, values: Mapping[int, Any], at: Mapping[Term, Any]) -> Any:
    """The value of an e-node, given those of the classes."""
    op, data, children = node
    if op in ("const", "truth"):
        return _number(data[0])
    if op == "symbol":
        return _number(at[data[0]])
    return _combined(op, data, [values.get(graph.find(c), UNDEFINED) for c in children])


def untrue(graph: EGraph, at: Mapping[Term, Any], tolerance: float = 1e-9) -> list[str]:
    """The e-nodes that differ from their class at a point, or have no value there. Empty: all that the graph states is true."""
    values = class_values(graph, at)
    wrong = []
    for i, node in graph.nodes():
        value = node_value(graph, node, values, at)
        expected = values.get(i)
        if value is UNDEFINED or expected is UNDEFINED:
            wrong.append(f"{node} in class {i} has no value, the class {expected}")
        elif isinstance(value, bool) or isinstance(expected, bool):
            if bool(value) != bool(expected):
                wrong.append(f"{node} in class {i}: {value}, not {expected}")
        elif abs(value - expected) > tolerance * (abs(expected) + _CONTEXT.mpf(10) ** -12):
            wrong.append(f"{node} in class {i}: {_CONTEXT.nstr(value, 17)}, not {_CONTEXT.nstr(expected, 17)}")
    return wrong


def rounded(term: Term, at: Mapping[Term, float]) -> float:
    """The value of a term in double precision, by NumPy."""
    from tests.expr.samples import value

    with np.errstate(all="ignore"):
        return float(value(term, {k: np.float64(v) for k, v in at.items()}))


def size(term: Term, at: Mapping[Term, float]) -> float:
    """What rounding is measured against: the sum of the absolute values of all summands, carried through products and functions."""
    from symnum.expr.calculus import diff

    total = magnitude(term, at)
    for symbol, x in at.items():
        slope = rounded(diff(term, symbol), at)
        total += abs(x * slope) if np.isfinite(slope) else 0.0
    return total


def magnitude(term: Term, at: Mapping[Term, float]) -> float:
    """|value| with every sum replaced by the sum of absolute values."""

    def rule(node: Term, args: list[tuple[float, float]]) -> tuple[float, float]:
        own = rounded(node, at)
        if node.op == "add":
            return own, abs(float(node.data[0])) + sum(
                abs(float(c)) * a for c, (_, a) in zip(node.data[1:], args, strict=True)
            )
        if node.op == "mul":
            grown = abs(own)
            for e, (v, a) in zip(node.data[1:], args, strict=True):
                grown *= a / abs(v) if v != 0 and e > 0 else 1.0
            return own, grown
        return own, abs(own)

    return fold(term, rule)[1]
