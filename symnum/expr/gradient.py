"""All partial derivatives of a term in one sweep.

``differentiate`` walks a term once for each symbol; here every node carries the derivatives by all symbols below it, as a sparse table

    d(sum c_i t_i) = sum c_i dt_i,      d(c prod b_i^e_i) = sum c e_i b_i^(e_i - 1) prod_(j != i) b_j^e_j db_i,      d f(a) = f'(a) da

so a sum of n products of a few symbols each costs O(n), however many symbols it holds. (Forward accumulation with sparse tangents: Griewank and
Walther, *Evaluating Derivatives*, SIAM 2008, section 7.1.)
"""

from __future__ import annotations

from collections.abc import Callable

from symnum.expr.calculus import partials
from symnum.expr.network import OPERATORS, chained, tangents
from symnum.expr.numbers import Number
from symnum.expr.term import (
    ONE,
    ZERO,
    Symbol,
    Term,
    add,
    call,
    linear_combination,
    mul,
    power_product,
    sorted_product,
    split_coefficient,
)
from symnum.expr.walk import fold

Table = dict[Symbol, Term]
_EMPTY: Table = {}


def gradient(term: Term, wanted: Callable[[Symbol], bool], memo: dict[Term, Table] | None = None) -> Table:
    """Symbol -> partial derivative, for the symbols below the term that are ``wanted`` and on which it depends.

    ``memo`` may be shared between terms with the same ``wanted``: what they share is differentiated once.
    """

    def rule(node: Term, below: list[Table]) -> Table:
        if isinstance(node, Symbol):
            return {node: ONE} if wanted(node) else _EMPTY
        if not any(below):
            return _EMPTY
        if node.op == "add":
            return _sum(node, below)
        if node.op == "mul":
            return _product(node, below)
        if node.op == "where":  # not 1*a' + 0*b': the branch that is not taken may be infinite
            _, yes, no = below
            return {s: call("where", node.args[0], yes.get(s, ZERO), no.get(s, ZERO)) for s in {**yes, **no}}
        if node.op in OPERATORS:
            return _network(node, below)
        parts = [(p, table) for p, table in zip(partials(node), below, strict=True) if table]
        return _collected([(s, mul((p, d))) for p, table in parts for s, d in table.items()])

    return fold(term, rule, memo)


def _sum(node: Term, below: list[Table]) -> Table:
    bags: dict[Symbol, dict[Term, Number]] = {}
    constants: dict[Symbol, Number] = {}
    for c, table in zip(node.data[1:], below, strict=True):
        for s, d in table.items():
            bag = bags.setdefault(s, {})
            if d.op == "const":
                constants[s] = constants.get(s, 0) + c * d.data[0]
            elif d.op != "mul" or d.data[0] == 1:
                bag[d] = bag[d] + c if d in bag else c
            else:
                inner, rest = split_coefficient(d)
                bag[rest] = bag.get(rest, 0) + c * inner
    return {s: linear_combination(bag, constants.get(s, 0)) for s, bag in bags.items()}


def _product(node: Term, below: list[Table]) -> Table:
    c, exponents = node.data[0], node.data[1:]
    rows: list[tuple[Symbol, Term]] = []
    for k, (e, table) in enumerate(zip(exponents, below, strict=True)):
        if not table:
            continue
        if e == 1:  # what is left is sorted already
            factor = sorted_product(c, node.args[:k] + node.args[k + 1 :], exponents[:k] + exponents[k + 1 :])
        else:
            powers = dict(zip(node.args, exponents, strict=True))
            factor = power_product({**powers, node.args[k]: e - 1}, c * e)
        rows += [(s, factor if d is ONE else mul((factor, d))) for s, d in table.items()]
    return _collected(rows)


def _network(node: Term, below: list[Table]) -> Table:
    """A network, or its weights: their table holds terms of ``weights`` again."""
    if node.op == "weights":
        found = dict.fromkeys(s for table in below for s in table)
        return {s: tangents([table.get(s, ZERO) for table in below]) for s in found}
    return _collected(
        [(s, part) for k, table in enumerate(below) for s, d in table.items() for part in chained(node, k, d)]
    )


def _collected(rows: list[tuple[Symbol, Term]]) -> Table:
    """The sum of the derivatives by each symbol."""
    found: dict[Symbol, list[Term]] = {}
    for s, d in rows:
        found.setdefault(s, []).append(d)
    return {s: parts[0] if len(parts) == 1 else add(parts) for s, parts in found.items()}
