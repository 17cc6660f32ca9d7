"""Products of sums multiplied out, as far as fields are involved, to read the structure of a rate."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from symnum.expr.calculus import from_summands, summands
from symnum.expr.numbers import Number
from symnum.expr.term import Const, Term, mul, power
from symnum.expr.walk import fold, postorder, symbols

_LIMIT = 400  # summands: beyond this a product is left as it is
_HIGHEST = 4  # power of a sum that is multiplied out

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


class _Holds(NamedTuple):
    """Whether fields, and derivatives or integrals, stand below a node; ``polynomial``: fields only in sums and whole powers."""

    fields: bool
    operators: bool
    polynomial: bool


@dataclass
class Reader:
    """Many rates read as sums of summands; what is known of a node is kept, as rates share most of theirs."""

    _known: dict[Term, _Holds] = field(default_factory=dict)

    def fields(self, term: Term) -> bool:
        """Fields occur in the term."""
        return self._holds(term).fields

    def operators(self, term: Term) -> bool:
        """Derivatives or integrals occur in the term."""
        return self._holds(term).operators

    def summands(self, rate: Term) -> list[Summand]:
        """The summands of ``expand(rate)``, but those that are nonlinear however they are multiplied out are left as they stand.

        ``(a^2 + b^2)^(-3/2)*(a - b)`` is one summand: nothing in it can be linear or free of fields.
        """
        rows = _rows(rate)
        settled = [row for row in rows if self._settled(row[1])]
        if not settled:
            return summands(expand(rate))
        rest = expand(from_summands(row for row in rows if not self._settled(row[1])))
        return summands(from_summands([*settled, *summands(rest)]))

    def _settled(self, term: Term) -> bool:
        """A product with sums of fields to negative, broken or high powers, the other factors being polynomials."""
        if term.op != "mul" or not self._holds(term).fields or self._holds(term).operators:
            return False
        rows = [(b, e) for b, e in zip(term.args, term.data[1:], strict=True) if self._holds(b).fields]
        closed = [b for b, e in rows if b.op == "add" and not _opens(e)]
        return bool(closed) and all(_opens(e) and self._holds(b).polynomial for b, e in rows if b not in closed)

    def _holds(self, term: Term) -> _Holds:
        return fold(term, _held, self._known)


def _held(node: Term, args: list[_Holds]) -> _Holds:
    fields = getattr(node, "kind", "") == "field" or any(a.fields for a in args)
    operators = node.op in ("derivative", "integral") or any(a.operators for a in args)
    powers = node.data[1:] if node.op == "mul" else (1,) * len(args)
    whole = all(a.polynomial and (_opens(e) or not a.fields) for a, e in zip(args, powers, strict=True))
    known = node.op in ("symbol", "add", "mul") and whole
    return _Holds(fields, operators, not operators and (known or not fields))


def _opens(exponent: Number) -> bool:
    return type(exponent) is int and 1 <= exponent <= _HIGHEST


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
        opens = new.op == "add" and base in with_fields and _opens(e)
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
