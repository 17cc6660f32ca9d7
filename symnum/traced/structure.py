"""What a traced right-hand side is, read off its kernel: the structure that the choice of a method asks for.

The constant linear part L of du/dt = f(u, t) has, at a point inside, a row of weights w_o by offset o along each axis. By Taylor's formula

    sum over o of w_o u(x + o) = sum over m of (sum over o of w_o o^m / m!) d^m u/dx^m

so the lowest even moment m >= 2 that is not zero says diffusion (2) or hyperdiffusion (4), the lowest odd one advection (1) or dispersion (3). The
spacing is one: axes of arrays have no lengths.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import factorial
from typing import Any

import numpy as np

from symnum.expr.term import Const, Symbol, Term
from symnum.expr.walk import symbols
from symnum.ir.box import Box, leaves, volume
from symnum.ir.box import around as loops
from symnum.ir.interpret import interpret
from symnum.ir.jacobian import jacobian_slots
from symnum.ir.kernel import Array, Kernel, Store, values
from symnum.ir.linear_part import constant_kernel
from symnum.ir.passes.inline import inline_stores
from symnum.model.discontinuity import switching_times
from symnum.model.structure import Coefficient, Coefficients, KindOfTerm, Structure

_FARTHEST = 4  # offset of a stencil's point; what reads farther is no stencil
_NOTHING = 1e-9  # of the largest moment
_TABLES = {1: "advection", 2: "diffusion", 3: "dispersion", 4: "hyperdiffusion"}


def neighbours(rhs: Kernel) -> dict[int, bool]:
    """The axes along which points read their neighbours, and whether all of it goes around the ends."""
    kernel, found = inline_stores(rhs), dict[int, bool]()
    for box, statement in leaves(kernel.body):
        for symbol in symbols(statement.value, "load"):
            array = kernel.input(symbol.info.array)
            if kernel.constant(array.name) is not None or kernel.is_local(array.name):
                continue
            for axis, offset, wrap, fixed in zip(array.axes, symbol.info.offsets, symbol.info.wrap, symbol.info.fixed, strict=True):
                if fixed or offset == 0 or axis not in box:
                    continue
                around = wrap and box[axis] == (0, kernel.periods[axis])
                found[axis] = found.get(axis, True) and around
    return dict(sorted(found.items()))


Row = tuple[np.ndarray, np.ndarray]  # columns, weights


def sampled_rows(rhs: Kernel, p: Sequence[float]) -> tuple[dict[int, Row], bool]:
    """Rows of the constant linear part L of ``rhs``, one in the middle of each region, by number; and whether all of df/du is polynomial.

    Their cost does not depend on the size of the arrays, up to one vector of zeros.
    """
    kernel, body, rows = inline_stores(rhs), [], {}
    for box, statement in leaves(kernel.body):
        if isinstance(statement, Store) and not kernel.is_local(statement.array):
            middle = {axis: ((start + stop) // 2, (start + stop) // 2 + 1) for axis, (start, stop) in box.items()}
            body.append(loops(middle, (statement,)))
    slots = jacobian_slots(kernel.with_body(tuple(body)))
    taken, complete = constant_kernel(slots.kernel)
    block = slots.direct
    weights = interpret(taken, 0.0, np.zeros(kernel.input_size), p)[block.at]
    for row in np.unique(block.rows):
        here = (block.rows == row) & (weights != 0)
        columns, places = np.unique(block.columns[here], return_inverse=True)
        rows[int(row)] = columns, np.bincount(places, weights[here], minlength=len(columns))
    return rows, complete


def structure(
    rhs: Kernel,
    fields: tuple[Array, ...],
    around: Mapping[int, bool],
    names: tuple[str, ...],
    p: Mapping[Term, float],
    span: tuple[float, float],
) -> Structure:
    """The structure of du/dt = rhs.

    Args:
        around: see ``neighbours``; names: of the axes; p: values of the parameters; span: of time.
    """
    rows, complete = sampled_rows(rhs, [p[s] for s in rhs.parameters])
    tables: dict[str, Coefficients] = {name: {} for name in _TABLES.values()}
    terms: list[KindOfTerm] = []
    orders = {names[axis]: 0 for axis in around}
    for field in fields:
        symbol = Symbol(field.field, "field")
        place = _inside(rhs, field)
        if place is None:
            continue
        row = rows.get(field.offset + int(np.ravel_multi_index(place, field.shape)) if field.shape else field.offset)
        for axis in around if row is not None else ():
            assert row is not None
            for order, value in _derivatives(row, field, place, axis).items():
                kind = _TABLES[order]
                signed = -value if kind == "advection" else value
                tables[kind].setdefault(symbol, {})[names[axis]] = Coefficient(Const(signed), signed, abs(signed))
                orders[names[axis]] = max(orders[names[axis]], order)
                terms.append(KindOfTerm(symbol, Const(value), _kind(order, value)))
    if not complete:
        terms.append(KindOfTerm(Symbol(fields[0].field, "field"), Const(0), "mixed"))
    known = any(orders.values())
    orders = {name: order or 2 for name, order in orders.items()} if around else {}
    switched = () if rhs.time is None else switching_times(values(rhs.body), rhs.time, p, (min(span), max(span)))
    return Structure(
        order_in_time=1,
        order_in_space=orders,
        linear=False,
        linear_part={},
        nonlinear_part={},
        terms=tuple(terms),
        diffusion=tables["diffusion"],
        advection=tables["advection"],
        dispersion=tables["dispersion"],
        hyperdiffusion=tables["hyperdiffusion"],
        wave={},
        bending={},
        periodic=bool(around) and all(around.values()),
        autonomous=rhs.autonomous,
        discontinuities=switched,
        conserved=(),
        kind=_words(terms, bool(around), known),
    )


def _derivatives(row: Row, field: Array, place: tuple[int, ...], axis: int) -> dict[int, float]:
    """Order of derivative -> coefficient in the rate of a field by itself along an axis, at a place inside."""
    if axis not in field.axes:
        return {}
    columns, weights = row
    along, size = field.axes.index(axis), field.shape[field.axes.index(axis)]
    own = (columns >= field.offset) & (columns < field.offset + field.size)
    index = np.unravel_index(columns[own] - field.offset, field.shape)
    apart = np.stack(index) - np.array(place)[:, None]
    lengths = np.array(field.shape)[:, None]
    apart = (apart + lengths // 2) % lengths - lengths // 2
    if np.abs(apart).max(initial=0) > min(_FARTHEST, (size - 1) // 2):
        return {}
    moments: dict[int, Any] = {m: float(weights[own] @ apart[along] ** m) / factorial(m) for m in (1, 2, 3, 4)}
    largest = float(np.abs(weights[own]).max(initial=0.0))
    seen = [m for m in moments if abs(moments[m]) > _NOTHING * largest]
    lowest = {min((m for m in seen if m % 2 == odd), default=0) for odd in (0, 1)}
    return {m: moments[m] for m in lowest if m}


def _inside(rhs: Kernel, field: Array) -> tuple[int, ...] | None:
    """The middle of the largest region in which rates of a field are stored; None where these do not run along its axes."""
    boxes: list[Box] = []
    for box, statement in leaves(rhs.body):
        if isinstance(statement, Store) and not rhs.is_local(statement.array):
            array = rhs.output(statement.array)
            if field.offset <= array.offset < field.offset + field.size:
                boxes.append(box)
    largest = max(boxes, key=volume)
    if set(largest) != set(field.axes):
        return None
    middle = (sum(largest.get(a, (0, n))) // 2 for a, n in zip(field.axes, field.shape, strict=True))
    return tuple(min(m, n - 1) for m, n in zip(middle, field.shape, strict=True))


def _kind(order: int, value: float) -> str:
    if order % 2:
        return _TABLES[order]
    return _TABLES[order] if value * (-1) ** (order // 2 + 1) > 0 else "anti-diffusion"


def _words(terms: list[KindOfTerm], space: bool, known: bool) -> str:
    """The type in words."""
    if not space:
        return "traced function without neighbours"
    kinds = {row.kind for row in terms}
    if not known:
        return "traced function on a grid"
    shown = [name for name in ("advection", "dispersion", "anti-diffusion", "diffusion", "hyperdiffusion") if name in kinds]
    return f"traced {'-'.join(shown)} on a grid"
