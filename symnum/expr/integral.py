"""Whole-domain integrals: ``integral(f, x)`` is f integrated over the whole extent of x.

A node ``integral(f, x)`` binds x: it varies along all other coordinates that f varies along. Iterated integrals are nested in alphabetical
order and factors that do not vary along x stand outside, so equal integrals are one term.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from symnum.errors import TermError
from symnum.expr.names import FieldInfo, is_time, varies
from symnum.expr.numbers import Number
from symnum.expr.term import ONE, ZERO, Symbol, Term, as_term, make_call, mul, power_product, rebuild
from symnum.expr.walk import fold


def integral(term: Any, *along: Any) -> Term:
    """The integral of an expression over the whole domain along one or more spatial coordinates.

    ``integral(u**2, x)`` of u(t, x, y) is a function of t and y; ``integral(u, x, y)`` is the same as
    ``integral(integral(u, x), y)``. TermError for integrals over a part of the domain, over time, and along anything but a coordinate.
    """
    if not along:
        raise TermError("integral needs a coordinate: write sn.integral(u, x)")
    result = as_term(term)
    for item in along:
        result = _over(result, _coordinate(item, result))
    return result


def _coordinate(item: Any, term: Term) -> Symbol:
    if isinstance(item, (tuple, list)):
        raise TermError(_no_limits(item, term))
    symbol = as_term(item)
    if not isinstance(symbol, Symbol) or symbol.kind != "coordinate":
        raise TermError(f"integral runs along a coordinate, not {item}; write sn.integral(u, x)")
    if is_time(symbol):
        raise TermError(
            f"integral({term}, {symbol}) runs over time; make it a field with an equation of its own, such as "
            f"sn.Eq(sn.dt(w), {term}) with the initial value 0"
        )
    return symbol


def _no_limits(item: Any, term: Term) -> str:
    x = item[0] if item else "x"
    low, high = (str(part) for part in item[1:]) if len(item) == 3 else ("a", "b")
    if str(x) in (low, high):  # integral(u, (x, 0, x))
        return (
            f"integral({term}, ({x}, {low}, {high})) has a limit that moves, which is not supported; make it a field: "
            f'w = sn.field("w", ...), sn.Eq(sn.diff(w, {x}), {term}) and the condition w = 0 where the integral starts'
        )
    return (
        f"integral takes the whole domain along {x}, not the limits {low} and {high}; write sn.integral({term}, {x}), or for a part "
        f"sn.integral(sn.where(({x} >= {low}) & ({x} <= {high}), {term}, 0), {x})"
    )


def _over(term: Term, x: Symbol) -> Term:
    """The integral of a canonical term along x in canonical form."""
    if term.op == "integral" and term.args[1].name > x.name:  # type: ignore[attr-defined]
        return _over(_over(term.args[0], x), term.args[1])  # type: ignore[arg-type]
    if not varies(term, x):
        return term if term is ZERO else mul((term, make_call("integral", (ONE, x))))
    if term.op != "mul":
        return make_call("integral", (term, x))
    inside: dict[Term, Number] = {}
    outside: dict[Term, Number] = {}
    for base, e in zip(term.args, term.data[1:], strict=True):
        (inside if varies(base, x) else outside)[base] = e
    node = make_call("integral", (power_product(inside), x))
    return mul((power_product(outside, term.data[0]), node))


def coordinates_of(term: Term) -> tuple[Symbol, ...]:
    """The coordinates that a term varies along, bound ones left out."""

    def rule(node: Term, args: list[frozenset[Symbol]]) -> frozenset[Symbol]:
        if isinstance(node, Symbol):
            if node.kind == "coordinate":
                return frozenset((node,))
            return frozenset(node.info.coordinates if node.kind == "field" else ())
        if node.op == "integral":
            return args[0] - {node.args[1]}
        return frozenset(c for found in args for c in found)

    found: frozenset[Symbol] = fold(term, rule)
    return tuple(sorted(found, key=lambda c: c.name))


@dataclass(frozen=True)
class WholeIntegral:
    """``integrand`` integrated along ``along``; integrals inside it are fields already."""

    integrand: Term
    along: tuple[Symbol, ...]


def integrals_as_fields(terms: Iterable[Term]) -> tuple[list[Term], dict[Symbol, WholeIntegral]]:
    """The terms with each integral replaced by a field of the coordinates it varies along, and what these fields are.

    Iterated integrals are one; integrals inside integrands come before those that hold them.
    """
    found: dict[Symbol, WholeIntegral] = {}
    fields: dict[Term, Symbol] = {}

    def hidden(term: Term) -> Term:
        memo: dict[Term, Term] = {node: field_of(node) for node in _outermost(term)}
        return fold(term, _rebuilt, memo)

    def field_of(node: Term) -> Symbol:
        if node not in fields:
            inner, along = node, []
            while inner.op == "integral":
                along.append(inner.args[1])
                inner = inner.args[0]
            integral = WholeIntegral(hidden(inner), tuple(along))  # type: ignore[arg-type]
            fields[node] = Symbol(str(node), "field", FieldInfo(coordinates_of(node)))
            found[fields[node]] = integral
        return fields[node]

    return [hidden(term) for term in terms], found


def _outermost(term: Term) -> list[Term]:
    """The integrals that are not inside another integral."""
    found, stack, seen = [], [term], {term}
    while stack:
        node = stack.pop()
        if node.op == "integral":
            found.append(node)
            continue
        new = [a for a in node.args if a not in seen]
        seen.update(new)
        stack.extend(new)
    return found[::-1]


def _rebuilt(node: Term, args: list[Term]) -> Term:
    return node if all(a is b for a, b in zip(args, node.args, strict=True)) else rebuild(node, tuple(args))
