"""Do rewritten terms keep their values? Both sides are evaluated at random points where the original is defined.

Rounding is told apart from a wrong rule by the original itself: where a relative change of 1e-12 in the data moves its value by d, two equal
forms may differ by 1e3*d (an estimate of the condition number), and by 1e-12 of the sum of the absolute values of its summands. Evaluation is in
extended precision where NumPy has it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from symnum.expr.network_values import network_value
from symnum.expr.ops import TABLE
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold, postorder

_RELATIVE, _SHIFT, _AMPLIFIED = 1e-12, 1e-12, 1e3
_FEWEST = 4  # valid points below which nothing is said


def evaluate(terms: Iterable[Term], at: Mapping[Term, Any]) -> list[Any]:
    """Values of terms by NumPy (the ``numpy`` column of the operator table); ``at``: values of symbols, arrays of one shape.

    Numbers are exact as far as the arrays' type allows. NaN and infinity where the term has no value.
    """
    kind = np.result_type(np.float64, *(np.asarray(v).dtype for v in at.values()))
    memo: dict[Term, Any] = dict(at)
    with np.errstate(all="ignore"):
        return [fold(term, lambda node, args: _node(node, args, kind), memo) for term in terms]


def _node(node: Term, args: list[Any], kind: Any) -> Any:
    op = node.op
    if op == "const":
        return _number(node.data[0], kind)
    if op == "add":
        total = _number(node.data[0], kind)
        for c, value in zip(node.data[1:], args, strict=True):
            total = total + (value * kind.type(1) if c == 1 else _number(c, kind) * value)
        return total
    if op == "mul":
        product = _number(node.data[0], kind)
        for e, value in zip(node.data[1:], args, strict=True):
            product = product * (value if e == 1 else (value * kind.type(1)) ** _number(e, kind))
        return product
    if op == "pi":
        return 4 * np.arctan(kind.type(1))
    if op == "erf":
        return np.vectorize(math.erf, otypes=[kind])(args[0])
    if op == "symbol":
        raise KeyError(node)
    if op == "weights":
        return tuple(args)
    if op == "network":
        return network_value(node.data, args)
    name = TABLE[op].numpy
    numbers = args if TABLE[op].boolean or op == "where" else [a * kind.type(1) for a in args]
    return getattr(np, name)(*numbers)


def _number(value: Any, kind: Any) -> Any:
    if isinstance(value, (bool, float)):
        return kind.type(value)
    return (
        kind.type(value.numerator) / kind.type(value.denominator) if value.denominator != 1 else kind.type(int(value))
    )


class Check:
    """Random points of the domain of ``terms``, where ``assume`` holds; ``difference(other)`` says where other terms part from them."""

    def __init__(self, terms: Sequence[Term], assume: Sequence[Term] = (), seed: int = 0) -> None:
        self.symbols = [n for n in postorder((*terms, *assume)) if isinstance(n, Symbol)]
        size = sum(1 for _ in postorder(terms))
        self._points = _points(self.symbols, assume, np.random.default_rng(seed), 96 if size < 20_000 else 24)
        values = _columns(terms, self._points)
        valid = _defined(terms, assume, self._points, values)
        self._points = {s: v[valid] for s, v in self._points.items()}
        self.values = [v[valid] for v in values]
        self.count = int(valid.sum())
        shifted = _columns(terms, self._shifted(np.random.default_rng(seed + 1)))
        self._tolerance = [
            _RELATIVE * m + _AMPLIFIED * np.where(np.isfinite(w), np.abs(w - v), np.inf) + 1e-300
            for v, w, m in zip(self.values, shifted, _magnitudes(terms, self._points), strict=True)
        ]

    @property
    def enough(self) -> bool:
        """True where enough points of the domain were found to judge by."""
        return self.count >= _FEWEST

    def difference(self, terms: Sequence[Term]) -> str:
        """A sentence on the first term whose values differ, with the point; "" where all agree."""
        for k, (new, old, allowed) in enumerate(
            zip(_columns(terms, self._points), self.values, self._tolerance, strict=True)
        ):
            wrong = ~(np.abs(new - old) <= allowed) & ~((new == old) | (np.isnan(new) & np.isnan(old)))
            if wrong.any():
                at = int(np.argmax(wrong))
                where = ", ".join(f"{s}={float(v[at]):.6g}" for s, v in list(self._points.items())[:12])
                return f"result {k + 1} is {float(new[at]):.12g} in place of {float(old[at]):.12g} at {where}"
        return ""

    def _shifted(self, random: np.random.Generator) -> dict[Term, Any]:
        return {
            s: v * (1 + _SHIFT * random.choice([-1.0, 1.0], v.shape)) if v.dtype.kind == "f" else v
            for s, v in self._points.items()
        }


def _points(
    symbols: Sequence[Symbol], assume: Sequence[Term], random: np.random.Generator, count: int
) -> dict[Term, Any]:
    """Values near one, of both signs, and over several orders of magnitude; symbols that are assumed to lie beyond a number do."""
    if not symbols:
        return {Symbol("_", "temporary"): np.ones(_FEWEST, dtype=np.longdouble)}  # so that columns have a length
    ranges = _ranges(assume)
    third = count // 3
    made: dict[Term, Any] = {}
    for s in symbols:
        near = random.uniform(0.2, 2.0, third)
        signed = random.uniform(-2.0, 2.0, third)
        wide = np.exp(random.uniform(-3.0, 3.0, count - 2 * third)) * random.choice([-1.0, 1.0], count - 2 * third)
        value = np.concatenate([near, signed, wide])
        made[s] = (_within(*ranges[s], value) if s in ranges else value).astype(np.longdouble)
    return made


def _within(low: float, high: float, value: Any) -> Any:
    """Random values moved between bounds, of which one may be infinite; beyond 25 they are of the size of 25."""
    size = np.abs(value)
    if math.isinf(high):
        return low + max(abs(low), 1.0) * size
    if math.isinf(low):
        return high - max(abs(high), 1.0) * size
    return low + (high - low) * size / (1 + size)


def _ranges(assume: Sequence[Term]) -> dict[Term, tuple[float, float]]:
    """Bounds of symbols that are compared with numbers, by themselves or as 2*k - 50 > 0."""
    ranges: dict[Term, tuple[float, float]] = {}
    for condition in assume:
        if condition.op not in ("gt", "ge", "lt", "le"):
            continue
        left, right = condition.args
        above = condition.op in ("gt", "ge")
        if right.op != "const":
            left, right, above = right, left, not above
        if right.op != "const" or (line := _line(left)) is None:
            continue
        symbol, slope, constant = line
        bound = (float(right.data[0]) - constant) / slope
        low, high = ranges.get(symbol, (-math.inf, math.inf))
        ranges[symbol] = (max(low, bound), high) if above == (slope > 0) else (low, min(high, bound))
    return {s: (low, high) for s, (low, high) in ranges.items() if low < high}


def _line(term: Term) -> tuple[Symbol, float, float] | None:
    """slope*symbol + constant as (symbol, slope, constant); None for what is none."""
    slope, constant = 1.0, 0.0
    if term.op == "add" and len(term.args) == 1:
        constant, slope, term = float(term.data[0]), float(term.data[1]), term.args[0]
    elif term.op == "mul" and len(term.args) == 1 and term.data[1] == 1:
        slope, term = float(term.data[0]), term.args[0]
    return (term, slope, constant) if isinstance(term, Symbol) else None


def _columns(terms: Sequence[Term], points: Mapping[Term, Any]) -> list[Any]:
    shape = next(iter(points.values())).shape if points else (_FEWEST,)
    return [
        np.broadcast_to(np.asarray(v, dtype=np.longdouble), shape).astype(np.longdouble)
        for v in evaluate(terms, points or {})
    ]


def _magnitudes(terms: Sequence[Term], points: Mapping[Term, Any]) -> list[Any]:
    """Sums of absolute values in place of sums: what rounding errors are relative to."""
    kind = np.dtype(np.longdouble)

    def rule(node: Term, args: list[Any]) -> tuple[Any, Any]:
        if node.op == "symbol":
            return points[node], np.abs(points[node])
        value = _node(node, [a for a, _ in args], kind)
        if node.op == "add":
            return value, sum(
                (abs(float(c)) * m for c, (_, m) in zip(node.data[1:], args, strict=True)), abs(float(node.data[0]))
            )
        if node.op == "mul":
            size = abs(float(node.data[0]))
            for e, (inner, m) in zip(node.data[1:], args, strict=True):
                size = size * (m if e > 0 else np.abs(inner * 1.0)) ** float(e)
            return value, size
        return value, np.abs(value * 1.0)

    memo: dict[Term, tuple[Any, Any]] = {}
    with np.errstate(all="ignore"):
        return [fold(t, rule, memo)[1] for t in terms]


def _defined(terms: Sequence[Term], assume: Sequence[Term], points: Mapping[Term, Any], values: list[Any]) -> Any:
    """Where all terms are finite (infinite numbers written in a term aside) and all assumptions hold."""
    shape = values[0].shape if values else (0,)
    valid = np.ones(shape, dtype=bool)
    for v in values:
        valid &= np.isfinite(v)
    for condition in _columns(assume, points):
        valid &= condition != 0
    return valid
