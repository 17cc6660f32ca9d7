"""[Kernel] -> [Kernel]: the tables of one sum become the columns of one block of weights.

A shell of layers near a side reads its weights from one table a node. Side by side they are the one-sided differences as one writes them,
a row for each layer::

    static const double weights[2][5] = {{-15.0, -4.0, 14.0, -6.0, 1.0}, {16.0, -30.0, 16.0, -1.0, 0.0}};
    ... 1.0/(12.0*dx*dx)*(weights[i][0]*u[0] + weights[i][1]*u[1] + ...)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from symnum.codegen.c_spacing import table_of
from symnum.expr.calculus import substitute
from symnum.expr.term import Symbol, Term, make_call
from symnum.expr.walk import symbols, transform
from symnum.ir.kernel import Kernel, Loop, Statement

Columns = tuple[tuple[Any, ...], ...]


@dataclass(frozen=True)
class Weight:
    """Number ``columns[column][i - start]`` at grid index i of an axis."""

    axis: int
    start: int
    columns: Columns
    column: int


def in_blocks(kernel: Kernel) -> Kernel:
    """The kernel with symbols of kind "weight" (info: Weight) in place of tables that stand in sums."""
    if not kernel.periods:
        return kernel
    memo: dict[Term, Term] = {}
    return kernel.with_body(_in_blocks(kernel.body, memo))


def _in_blocks(body: tuple[Statement, ...], memo: dict[Term, Term]) -> tuple[Statement, ...]:
    result: list[Statement] = []
    for s in body:
        if isinstance(s, Loop):
            result.append(Loop(s.axis, s.start, s.stop, _in_blocks(s.body, memo)))
        else:
            result.append(replace(s, value=transform(s.value, _rule, memo)))
    return tuple(result)


def _rule(node: Term) -> Term | None:
    if node.op != "add":
        return None
    groups: dict[tuple[Any, ...], list[tuple[Any, Term, Term]]] = {}
    for term in node.args:
        found = table_of(term)
        if found is not None:
            key = (found.args[0], found.data[0], len(found.data))
            groups.setdefault(key, []).append((_order(term), found, term))
    new: dict[Term, Term] = {}
    for (at, start, _), rows in groups.items():
        rows.sort(key=lambda row: row[0])
        columns = tuple(dict.fromkeys(found.data[1:] for _, found, _ in rows))
        for _, found, term in rows:
            weight = Weight(at.info, start, columns, columns.index(found.data[1:]))
            symbol = Symbol(f"weight {len(columns)}:{weight.column}", "weight", weight)
            new[term] = substitute(term, {found: symbol})
    if not new:
        return None
    return make_call("add", tuple(new.get(a, a) for a in node.args), node.data)


def _order(term: Term) -> tuple[Any, ...]:
    """By array and grid index."""
    loads = sorted((s.info.array, s.info.offsets) for s in symbols(term, "load"))
    return (False, loads[0], ()) if loads else (True, table_of(term).data, term.digest)  # type: ignore[union-attr]
