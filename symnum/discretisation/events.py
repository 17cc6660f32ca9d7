"""[Resolved events] -> kernels on the grid: all conditions as numbers, and for each effect the new state and parameters.

    conditions   (t, state, p) -> (m,)            integrals are sums over the grid, values at a place those of the nearest grid point
    state        (t, state, p) -> (size,)         the whole new state, pointwise
    parameters   (t, state, p) -> (changed,)
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from symnum.catalogue import Catalogue
from symnum.discretisation.assemble import Assembly
from symnum.discretisation.assemble import assemble as assembled
from symnum.discretisation.integrals import Integrals, take_out
from symnum.errors import DiscretisationError
from symnum.expr.names import FieldInfo
from symnum.expr.term import Symbol, Term
from symnum.ir.kernel import Accumulate, Array, Kernel, Statement, Store, nest
from symnum.ir.system import Axis
from symnum.model.event import Resolved, resolve_event
from symnum.model.system import PDESystem

Row = tuple[str, Term, Mapping[str, float], str]  # name, term, where it is read, what it is in words


@dataclass(frozen=True)
class EffectKernels:
    """``state``: the whole new state, or None where no field changes; ``parameters``: new values of ``names``, or None."""

    state: Kernel | None
    parameters: Kernel | None
    names: tuple[str, ...]


@dataclass(frozen=True)
class EventKernels:
    """``resolved``, one an event; ``conditions``: all of them; ``effects``: one an event."""

    resolved: tuple[Resolved, ...]
    conditions: Kernel
    effects: tuple[EffectKernels, ...]


def event_kernels(
    system: PDESystem, events: Sequence[Any], resolution: Any = 64, scheme: str = "auto", order: int = 2
) -> EventKernels:
    """The kernels of events on the grid of ``assemble.discretise`` with the same arguments.

    Raises ModelError for events that do not fit the system, DiscretisationError for conditions that the grid cannot hold.
    """
    resolved = tuple(resolve_event(event, system) for event in events)
    made = _assembly(system, resolution, scheme, order)
    rows = [(f"event{k}", r.condition, r.at, r.event.text) for k, r in enumerate(resolved)]
    effects = tuple(_effect(made, r) for r in resolved)
    return EventKernels(resolved, _numbers(made, "conditions", rows), effects)


def _assembly(system: PDESystem, resolution: Any, scheme: str, order: int) -> Assembly:
    """Spectral schemes have the points of central differences on periodic sides; sums over them are as accurate there."""
    if scheme != "auto" and hasattr(Catalogue("scheme", package="symnum.discretisation.schemes").load(scheme), "ASSEMBLY"):
        return assembled(system, resolution, "central", 6)
    return assembled(system, resolution, scheme, order)


def _effect(made: Assembly, event: Resolved) -> EffectKernels:
    rows: list[Row] = [(name, value, {}, f"the new value of {name}") for name, value in event.parameters.items()]
    parameters = _numbers(made, "new_parameters", rows) if rows else None
    return EffectKernels(_state(made, event.state) if event.state else None, parameters, tuple(event.parameters))


def _state(made: Assembly, values: Mapping[Symbol, Term]) -> Kernel:
    """The new state: fields without a new value keep theirs."""
    own = made.system.normal_form
    terms: dict[Symbol, Term] = {f: values.get(f, f) for f in own.fields}
    clone = copy.copy(made)
    normal, integrals = _without_integrals(made, terms)
    clone.normal, clone.integrals = normal, integrals
    clone.arrays = dict(zip(own.fields, made.state, strict=True)) | dict(integrals.arrays)
    return replace(Assembly._rhs(clone), name="new_state", comment="the state after an event")


def _without_integrals(made: Assembly, terms: Mapping[Symbol, Term]) -> tuple[Any, Integrals]:
    normal = replace(made.system.normal_form, fields=tuple(terms), rates={}, algebraic=dict(terms))
    if not made.grid.axes:
        return normal, Integrals()
    return take_out(normal, made.grid, dict(made.system.periodic), made._known_values())


def _numbers(made: Assembly, name: str, rows: Sequence[Row]) -> Kernel:
    """A kernel of numbers."""
    time = made.system.time
    targets = [Symbol(f"{label}_", "field", FieldInfo((time,), "float64", "")) for label, *_ in rows]
    normal, integrals = _without_integrals(made, {s: term for s, (_, term, *_) in zip(targets, rows, strict=True)})
    clone = copy.copy(made)
    clone.integrals = integrals
    clone.arrays = dict(zip(made.system.normal_form.fields, made.state, strict=True)) | dict(integrals.arrays)
    body: list[Statement] = list(integrals.statements(clone))
    stores: list[Statement] = []
    read: list[Array] = []
    first = sum(a.size for a in integrals.locals)
    centre = clone.lowering((None,) * len(clone.periods))
    for k, (target, (label, _, at, words)) in enumerate(zip(targets, rows, strict=True)):
        term = normal.algebraic[target]
        if at:
            local = Array(f"read{k}", (), first + len(read), (), (), words)
            body.append(_reading(clone, local, term, at))
            read.append(local)
            symbol = Symbol(local.name, "field", FieldInfo((time,), "float64", ""))
            centre.arrays = {**centre.arrays, symbol: local}
            term = symbol
        stores.append(Store(label, centre.lower(term, centre.centre), words))
    outputs = tuple(Array(label, (), k, (), (), words) for k, (label, _, _, words) in enumerate(rows))
    sums = (*integrals.locals, *read)
    return clone.kernel(name, outputs, [*body, *stores], "numbers for events", sums=sums)


def _reading(clone: Assembly, local: Array, term: Term, at: Mapping[str, float]) -> Statement:
    """The value of a term at the grid point nearest to a place, put into a local number."""
    layer: list[int | None] = [None] * len(clone.periods)
    ranges = []
    for name, position in at.items():
        k = clone.axis_of[name]
        index = _nearest(clone.grid.axes[k], position)
        layer[k] = index
        ranges.append((k, index, index + 1))
    lowering = clone.lowering(tuple(layer))
    try:
        value = lowering.lower(term, lowering.centre)
    except DiscretisationError as error:
        raise DiscretisationError(f"{local.field} cannot be read at {dict(at)}: {error}") from error
    return nest(tuple(sorted(ranges)), (Accumulate(local.name, value, local.field),))


def _nearest(axis: Axis, position: float) -> int:
    index = round((position - axis.first) / axis.spacing)
    return index % axis.points if axis.periodic else min(max(index, 0), axis.points - 1)
