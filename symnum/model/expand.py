"""Products of sums multiplied out, as far as fields are involved, to read the structure of a rate."""

from __future__ import annotations

from itertools import product

from symnum.expr.calculus import from_summands, summands
from symnum.expr.numbers import Number
from symnum.expr.term import Const, Term, mul, power
from symnum.expr.walk import fold, postorder, symbols

_LIMIT = 400  # summands: beyond this a product is left as it is

Summand = tuple[Number, Term]


def expand(term: Term) -> Term:
    """The term with products of sums multiplied out where a factor holds fields: ``u*(1 - u)`` -> ``u - u^2``.

    Functions and derivatives are left alone inside; a product of more than 400 summands stays as written.
    """
    with_fields = _nodes_with_fields(term)

    def rule(node: Term, args: list[Term]) -> Term:
        if node.op == "add":
            total: Term = Const(node.data[0])
            return total + _sum([a * c for a, c in zip(args, node.data[1:], strict=True)])
        if node.op == "mul" and node in with_fields:
            return _distributed(node, args, with_fields)
        return node

    return fold(term, rule)


def _sum(parts: list[Term]) -> Term:
    return from_summands([row for part in parts for row in _rows(part)])


def _rows(part: Term) -> list[Summand]:
    """Summands of ``part``; a number times a sum is distributed."""
    if part.op == "mul" and len(part.args) == 1 and part.data[1] == 1 and part.args[0].op == "add":
        return [(part.data[0] * c, t) for c, t in summands(part.args[0])]
    return summands(part)


def _distributed(node: Term, args: list[Term], with_fields: set[Term]) -> Term:
    """A product with its sum factors multiplied out."""
    sums: list[list[Summand]] = []
    others: list[Term] = [Const(node.data[0])]
    size = 1
    for base, new, e in zip(node.args, args, node.data[1:], strict=True):
        opens = new.op == "add" and base in with_fields and type(e) is int and 1 <= e <= 4
        if opens and size * len(new.args) ** e <= _LIMIT:
            rows = summands(new)
            sums += [rows] * e
            size *= len(rows) ** e
        else:
            others.append(new if e == 1 else power(new, Const(e)))
    if not sums:
        return mul(others)
    rest = mul(others)
    parts = [mul((rest, *(t * c for c, t in choice))) for choice in product(*sums)]
    return from_summands([row for part in parts for row in summands(part)])


def _nodes_with_fields(term: Term) -> set[Term]:
    found: set[Term] = set()
    for node in postorder((term,)):
        if getattr(node, "kind", "") == "field" or any(a in found for a in node.args):
            found.add(node)
    return found


def has_fields(term: Term) -> bool:
    """True if a field occurs in the term."""
    return bool(symbols(term, "field"))


def is_zero(term: Term) -> bool:
    """True for the numbers 0 and 0.0."""
    return term.op == "const" and term.data[0] == 0
