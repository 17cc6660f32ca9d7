"""Derived parameters: what depends on parameters alone is computed once, outside the right-hand side.

::

    k1*k2*A*B + exp(-E/R)*A        ->   d1 = k1*k2,  d2 = exp(-E/R);   d1*A*B + d2*A

Two derived parameters of equal value stay two, unless ``values`` are given: then parameters and derived parameters of exactly equal value
become one, which lets more be factored, and makes the result valid for these values only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnum.errors import UnknownName
from symnum.expr.numbers import Number
from symnum.expr.term import Const, Symbol, Term, linear_combination, mul, power_product, rebuild, split_coefficient
from symnum.expr.walk import fold, postorder, symbols
from symnum.rewrite.check import evaluate


@dataclass(frozen=True)
class Derived:
    """``terms`` in which each symbol of ``definitions`` stands for its term of parameters.

    ``merged``: parameter -> the one of equal value that replaces it ({} unless values were given).
    """

    terms: list[Term]
    definitions: dict[Symbol, Term]
    merged: dict[Term, Term]


def fold_parameters(
    terms: Sequence[Term],
    parameters: Sequence[Symbol] | None = None,
    values: Mapping[Symbol, float] | None = None,
    stem: str = "derived",
) -> Derived:
    """Take what depends on ``parameters`` alone out of the terms.

    Args:
        parameters: symbols that do not change during a solve; by default all of kind "parameter".
        values: value of every parameter. With it, parameters and derived parameters of equal value are merged. Raises UnknownName
            for a parameter without a value.
        stem: derived parameters are named stem1, stem2, ...
    """
    fixed = set(symbols(terms, "parameter") if parameters is None else parameters)
    merged = _merged(fixed, values) if values is not None else {}
    if merged:
        memo = dict(merged)
        terms = [fold(t, lambda node, args: rebuild(node, tuple(args)) if args else node, memo) for t in terms]
        fixed = {s for s in fixed if s not in merged}
    taken = {s.name for s in symbols(terms)}
    names = (Symbol(f"{stem}{k}", "parameter") for k in range(1, 1 << 30) if f"{stem}{k}" not in taken)
    folding = _Folding(_pure(terms, fixed), names)
    folded = [folding.root(t) for t in terms]
    definitions = {symbol: term for term, symbol in folding.made.items()}
    if values is None:
        return Derived(folded, definitions, merged)
    return _merge_definitions(folded, definitions, values, merged)


def _pure(terms: Sequence[Term], fixed: set[Symbol]) -> set[Term]:
    """Nodes that hold parameters and numbers only (a bare number is not among them)."""
    pure: set[Term] = set()
    for node in postorder(terms):
        if node in fixed or (
            node.args
            and any(a in pure for a in node.args)
            and all(a in pure or a.op in ("const", "pi") for a in node.args)
        ):
            pure.add(node)
    return pure


class _Folding:
    """The derived parameters made so far: ``made`` maps a term of parameters to its symbol."""

    def __init__(self, pure: set[Term], names: Iterator[Symbol]) -> None:
        self.pure, self.names = pure, names
        self.made: dict[Term, Symbol] = {}
        self._memo: dict[Term, Term] = {}

    def root(self, term: Term) -> Term:
        return self._fixed(term) if term in self.pure else fold(term, self._node, self._memo)

    def _fixed(self, term: Term) -> Term:
        """The symbol of a term of parameters; its sign and a lone number stay outside."""
        c, rest = split_coefficient(term)
        if rest.op == "symbol" and abs(c) == 1:
            return term
        if abs(c) == 1:
            return mul((Const(c), self._named(rest)))
        return mul((Const(-1 if c < 0 else 1), self._named(mul((Const(abs(c)), rest)))))

    def _named(self, term: Term) -> Symbol:
        found = self.made.get(term)
        if found is None:
            found = self.made[term] = next(self.names)
        return found

    def _node(self, node: Term, args: list[Term]) -> Term:
        if node in self.pure or not node.args:
            return node
        if node.op == "mul":
            return self._product(node, args)
        if node.op == "add":
            return self._sum(node, args)
        return rebuild(node, tuple(self._fixed(a) if a in self.pure else a for a in args))

    def _product(self, node: Term, args: list[Term]) -> Term:
        rows = list(zip(node.args, args, node.data[1:], strict=True))
        inner: dict[Term, Number] = {old: e for old, _, e in rows if old in self.pure}
        size = abs(node.data[0])
        rest = [_raised(new, e) for old, new, e in rows if old not in self.pure]
        front = self._fixed(power_product(inner, size)) if inner else Const(size)  # the number joins the parameters
        return mul((Const(-1 if node.data[0] < 0 else 1), front, *rest))

    def _sum(self, node: Term, args: list[Term]) -> Term:
        rows = list(zip(node.args, args, node.data[1:], strict=True))
        inner = {old: c for old, _, c in rows if old in self.pure}
        outer: dict[Term, Number] = {}
        constant: Number = node.data[0]
        if inner and (len(inner) > 1 or constant != 0 or any(abs(c) != 1 for c in inner.values())):
            rows = [row for row in rows if row[0] not in self.pure]
            c, rest = split_coefficient(self._fixed(linear_combination(inner, constant)))
            outer[rest] = c
            constant = 0
        for old, new, c in rows:
            k, rest = split_coefficient(self._fixed(new) if old in self.pure else new)
            if rest.op == "const":
                constant = constant + c * k * rest.data[0]
            else:
                outer[rest] = outer.get(rest, 0) + c * k
        return linear_combination(outer, constant)


def _raised(base: Term, exponent: Number) -> Term:
    """base**exponent."""
    return base if exponent == 1 else power_product({base: exponent})


# --- equal values -----------------------------------------------------------------------------------------------------


def _merged(fixed: set[Symbol], values: Mapping[Symbol, float]) -> dict[Term, Term]:
    """Parameter -> the first (by name) of equal value, where that is another one."""
    first: dict[float, Symbol] = {}
    merged: dict[Term, Term] = {}
    for s in sorted(fixed, key=lambda s: s.name):
        if s not in values:
            raise UnknownName(f"the parameter {s} has no value; give one for every parameter, or leave values out")
        kept = first.setdefault(float(values[s]), s)
        if kept is not s:
            merged[s] = kept
    return merged


def _merge_definitions(
    terms: list[Term], definitions: dict[Symbol, Term], values: Mapping[Symbol, float], merged: dict[Term, Term]
) -> Derived:
    at: dict[Term, Any] = {s: np.float64(v) for s, v in values.items()}
    numbers = dict(zip(definitions, evaluate(definitions.values(), at), strict=True))
    first: dict[float, Symbol] = {float(values[s]): s for s in sorted(values, key=lambda s: s.name, reverse=True)}
    same: dict[Term, Term] = {}
    kept: dict[Symbol, Term] = {}
    for symbol, term in definitions.items():
        found = first.setdefault(float(numbers[symbol]), symbol)
        if found is symbol:
            kept[symbol] = term
        else:
            same[symbol] = merged.get(found, found)
    memo = dict(same)
    put_in = [fold(t, lambda node, args: rebuild(node, tuple(args)) if args else node, memo) for t in terms]
    return Derived(put_in, kept, merged)
