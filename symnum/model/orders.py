"""Orders of derivatives: how often each field is differentiated along each coordinate, and which equation says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from symnum.expr.integral import integrals_as_fields
from symnum.expr.names import depends_on
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder, symbols

_ORDINALS = ("zeroth", "first", "second", "third", "fourth", "fifth", "sixth")


@dataclass(frozen=True)
class Order:
    """The highest order of a field along a coordinate, and the (1-based) number of the first equation that holds it."""

    order: int
    equation: int


def derivative_nodes(term: Term) -> list[Term]:
    """The distinct derivative nodes of a term, inner ones first."""
    return [node for node in postorder((term,)) if node.op == "derivative"]


def term_orders(term: Term) -> dict[tuple[Symbol, Symbol], int]:
    """(field, coordinate) -> highest order in the term, counted through composite derivatives: d(D*dx(u), x) is
    second order.
    """
    total: dict[tuple[Symbol, Symbol], int] = {}
    made: dict[Term, dict[tuple[Symbol, Symbol], int]] = {}
    term = integrals_as_fields((term,))[0][0]  # what stands below an integral asks for no condition
    for node in derivative_nodes(term):
        inner = node.args[0]
        own = dict(made.get(inner, {}))
        for nested in derivative_nodes(inner):
            _raise_to(own, made[nested])
        for coordinate, n in zip(node.args[1:], node.data, strict=True):
            assert isinstance(coordinate, Symbol)
            for field in symbols(inner, "field"):
                if depends_on(field, coordinate):
                    own[field, coordinate] = own.get((field, coordinate), 0) + n
        made[node] = own
        _raise_to(total, own)
    return total


def _raise_to(total: dict[tuple[Symbol, Symbol], int], found: dict[tuple[Symbol, Symbol], int]) -> None:
    for key, n in found.items():
        total[key] = max(total.get(key, 0), n)


def system_orders(residuals: Iterable[Term]) -> dict[tuple[Symbol, Symbol], Order]:
    """(field, coordinate) -> order over all equations, with the equation that demands it."""
    found: dict[tuple[Symbol, Symbol], Order] = {}
    for number, residual in enumerate(residuals, 1):
        for key, n in term_orders(residual).items():
            if key not in found or n > found[key].order:
                found[key] = Order(n, number)
    return found


def ordinal(n: int) -> str:
    """first, second, ... for messages."""
    return _ORDINALS[n] if n < len(_ORDINALS) else f"{n}th"
