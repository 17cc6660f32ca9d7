"""Numbers from terms: a small evaluator for bounds, corner checks and switching times (kernels are made elsewhere)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from symnum.errors import ModelError
from symnum.expr.network_values import network_value
from symnum.expr.ops import TABLE
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold, symbols


def evaluate(term: Term, values: Mapping[Term, Any] | None = None) -> Any:
    """The value of a term in float64. ``values``: numbers or arrays (they broadcast) for its symbols and derivatives.

    Invalid operations give NaN, silently. Raises ModelError for a symbol or derivative without a value.
    """
    known = values or {}

    def rule(node: Term, args: list[Any]) -> Any:
        if node in known:
            return known[node]
        if node.op == "const":
            return float(node.data[0])
        if node.op == "pi":
            return math.pi
        if node.op == "add":
            return sum((float(c) * a for c, a in zip(node.data[1:], args, strict=True)), float(node.data[0]))
        if node.op == "mul":
            return math.prod(
                (_power(a, e) for a, e in zip(args, node.data[1:], strict=True)), start=float(node.data[0])
            )
        if node.op == "erf":
            return np.vectorize(math.erf, otypes=[float])(args[0])
        if node.op == "weights":
            return tuple(args)
        if node.op == "network":
            return network_value(node.data, args)
        if isinstance(node, Symbol) or node.op in ("derivative", "integral"):
            return None  # allowed below a derivative that has a value
        return getattr(np, TABLE[node.op].numpy)(*args)

    try:
        with np.errstate(all="ignore"):
            result = fold(
                term,
                lambda node, args: None if any(a is None for a in args) and node not in known else rule(node, args),
            )
    except OverflowError:
        return math.nan
    if result is None:
        missing = [s.name for s in symbols(term) if s not in known]
        raise ModelError(f"{term} has no value: nothing is known for {', '.join(missing)}")
    return result


def _power(base: Any, exponent: Any) -> Any:
    return base if exponent == 1 else np.power(np.asarray(base, dtype=float), float(exponent))


def constant(term: Term) -> float | None:
    """The value of a term without symbols; None if it holds symbols."""
    if symbols(term):
        return None
    return float(evaluate(term))
