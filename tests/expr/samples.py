"""What the tests of terms share: a few names, random terms, and values of terms by NumPy alone."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from symnum.errors import TermError
from symnum.expr import build
from symnum.expr.names import CoordinateInfo, FieldInfo, ParameterInfo
from symnum.expr.ops import FUNCTIONS, TABLE
from symnum.expr.term import Const, Symbol, Term, call
from symnum.expr.walk import fold


def _names() -> SimpleNamespace:
    t = Symbol("t", "coordinate", CoordinateInfo("time"))
    x, y = (Symbol(n, "coordinate", CoordinateInfo("space")) for n in "xy")
    theta = Symbol("theta", "coordinate", CoordinateInfo("space"))
    u, v = (Symbol(n, "field", FieldInfo((t, x, y, theta))) for n in "uv")
    w = Symbol("w", "field", FieldInfo((t,)))
    alpha = Symbol("alpha", "parameter", ParameterInfo(0.1))
    return SimpleNamespace(t=t, x=x, y=y, theta=theta, u=u, v=v, w=w, alpha=alpha)


NAMES = _names()


def value(term: Term, at: Mapping[Term, Any]) -> Any:
    """The value of a term by NumPy, independent of code generation."""
    special = {"erf": np.vectorize(math.erf)}

    def rule(node: Term, args: list[Any]) -> Any:
        if node in at:
            return at[node]
        if node.op == "const":
            return float(node.data[0])
        if node.op == "add":
            return float(node.data[0]) + sum(float(c) * a for c, a in zip(node.data[1:], args, strict=True))
        if node.op == "mul":
            return float(node.data[0]) * np.prod(
                [a ** float(e) for a, e in zip(args, node.data[1:], strict=True)], axis=0
            )
        if node.op == "pi":
            return np.pi
        name = TABLE[node.op].numpy
        return (special.get(name) or getattr(np, name))(*args)

    return fold(term, rule)


def numbers() -> st.SearchStrategy[Any]:
    """Exact and floating numbers, with the awkward ones among them."""
    return st.one_of(
        st.integers(-4, 4),
        st.fractions(min_value=-3, max_value=3, max_denominator=7),
        st.sampled_from([0.1, -0.1, 1.0, -1.0, 1e-300, 2.5e17, -0.0, 0.1 + 0.2, float("inf")]),
    )


def _quietly(build_one: Callable[..., Any]) -> Callable[..., Any]:
    """Draws that a term refuses (1/0, inf - inf, (-2)**(1/2)) give the first argument instead."""

    def wrapped(*args: Any) -> Any:
        try:
            return build_one(*args)
        except TermError:
            return args[0]

    return wrapped


def terms(leaves: list[Term], *, smooth: bool = False, max_leaves: int = 12) -> st.SearchStrategy[Term]:
    """Random terms over the leaves; ``smooth``: sums, products, whole powers, sin, cos, exp, tanh only."""
    if smooth:
        atoms = st.one_of(
            st.sampled_from(leaves), st.integers(-3, 3).map(Const), st.sampled_from([Fraction(1, 3), 0.5]).map(Const)
        )
        exponents: list[Any] = [2, 3, 1]
        unary, binary = ["sin", "cos", "exp", "tanh"], []
    else:
        atoms = st.one_of(st.sampled_from(leaves), st.sampled_from(leaves), numbers().map(Const), st.just(build.pi))
        exponents = [2, 3, -1, -2, Fraction(1, 2), Fraction(-1, 2), Fraction(1, 3), 0.3, -1.7]
        unary = [op for op in sorted(FUNCTIONS) if TABLE[op].arity == 1] + ["not"]
        binary = ["minimum", "maximum", "atan2", "pow", "lt", "le", "gt", "ge", "eq", "ne", "and", "or"]

    def grow(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
        ways = [
            st.tuples(inner, inner).map(_pair(lambda a, b: a + b)),
            st.tuples(inner, inner).map(_pair(lambda a, b: a - b)),
            st.tuples(inner, inner).map(_pair(lambda a, b: a * b)),
            st.tuples(inner, st.sampled_from(exponents)).map(_pair(lambda a, e: a ** Const(e))),
            st.tuples(st.sampled_from(unary), inner).map(lambda r: _quietly(lambda a: call(r[0], a))(r[1])),
        ]
        if not smooth:
            ways.append(st.tuples(inner, inner).map(_pair(lambda a, b: a / b)))
            ways.append(
                st.tuples(st.sampled_from(binary), inner, inner).map(
                    lambda r: _quietly(lambda a, b: call(r[0], a, b))(*r[1:])
                )
            )
            ways.append(st.tuples(inner, inner, inner).map(lambda r: call("where", *r)))
        return st.one_of(ways)

    return st.recursive(atoms, grow, max_leaves=max_leaves)


def _pair(build_one: Callable[[Any, Any], Any]) -> Callable[[tuple[Any, Any]], Any]:
    return lambda pair: _quietly(build_one)(*pair)
