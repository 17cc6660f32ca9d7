"""Merge neighbouring loops over the same range, so that one sweep over a row serves all fields and all thin regions of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from symnum.expr.calculus import substitute
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols
from symnum.ir.kernel import (
    Accumulate,
    Kernel,
    Let,
    Loop,
    Statement,
    Store,
    fresh_names,
    memory_groups,
    statements,
    values,
)


def fuse_loops(kernel: Kernel) -> Kernel:
    """Loops with equal (axis, start, stop) in one body become one loop, in the order of their first appearance.

    Inputs never alias outputs and every value is stored once, so the order of loops does not matter. Temporaries go before the loops
    that use them; those that both bodies call by one name get a second name. What reads a sum never comes before it: loops are only merged
    with loops of the same phase; those that add up gradients of networks stay as they are.
    """
    fresh = fresh_names(kernel, "f")
    return kernel.with_body(tuple(s for part in phases(kernel) for s in _fuse(part, fresh)))


def phases(kernel: Kernel) -> list[tuple[Statement, ...]]:
    """The body cut before each statement that reads a local array which an earlier one of its phase writes."""
    parts: list[list[Statement]] = [[]]
    pending: set[int] = set()
    places = {array.name: k for k, group in enumerate(memory_groups(kernel.locals)) for array in group}
    for statement in kernel.body:
        inside = tuple(statements((statement,)))
        if any(places.get(symbol.info.array) in pending for symbol in symbols(values(inside), "load")):
            parts.append([])
            pending = set()
        parts[-1].append(statement)
        pending |= {places[s.array] for s in inside if isinstance(s, Accumulate | Store) and s.array in places}
    return [tuple(part) for part in parts]


def _fuse(body: tuple[Statement, ...], fresh: Iterator[Symbol]) -> tuple[Statement, ...]:
    merged: dict[tuple[int, int, int], list[Statement]] = {}
    order: list[Statement | tuple[int, int, int]] = []
    for statement in body:
        if not isinstance(statement, Loop) or _takes_gradients(statement):
            order.append(statement)
            continue
        key = (statement.axis, statement.start, statement.stop)
        if key not in merged:
            merged[key] = []
            order.append(key)
        merged[key].extend(_renamed(statement.body, _set_in(merged[key]), fresh))
    first = [s for s in order if isinstance(s, Let)]
    rest = [s for s in order if not isinstance(s, Let)]
    loops = (Loop(*s, body=_fuse(tuple(merged[s]), fresh)) if isinstance(s, tuple) else s for s in rest)
    return (*first, *loops)


def _takes_gradients(loop: Loop) -> bool:
    """Does it add up gradients of networks? Such loops note one point at a time, others take vectors."""
    return any(isinstance(s, Accumulate) and s.value.op == "network_gradient" for s in statements((loop,)))


def _set_in(body: list[Statement]) -> set[Symbol]:
    return {s.symbol for s in statements(tuple(body)) if isinstance(s, Let)}


def _renamed(body: tuple[Statement, ...], taken: set[Symbol], fresh: Iterator[Symbol]) -> tuple[Statement, ...]:
    """The body with other names for the temporaries that it sets and that are taken."""
    clashes: dict[Term, Term] = {
        s.symbol: next(fresh) for s in statements(body) if isinstance(s, Let) and s.symbol in taken
    }
    return _with_names(body, clashes) if clashes else body


def _with_names(body: tuple[Statement, ...], names: dict[Term, Term]) -> tuple[Statement, ...]:
    result: list[Statement] = []
    for s in body:
        if isinstance(s, Loop):
            result.append(Loop(s.axis, s.start, s.stop, _with_names(s.body, names)))
        elif isinstance(s, Let):
            result.append(Let(names.get(s.symbol, s.symbol), substitute(s.value, names)))  # type: ignore[arg-type]
        else:
            result.append(replace(s, value=substitute(s.value, names)))
    return tuple(result)
