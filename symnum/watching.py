"""Events between the model and the solver: [sn.Event] -> [solvers.events.Events], and [Outcome] -> what the user sees of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from symnum.codegen.target import CompiledKernel, compile_kernel
from symnum.discretisation.events import EffectKernels, EventKernels
from symnum.errors import SolveError
from symnum.ir.system import SemiDiscreteSystem
from symnum.result.events import EventOccurrence
from symnum.solvers.events import Effect, Events, Watched
from symnum.solvers.problem import Options, Outcome


def all_events(system: Any, given: Any) -> tuple[Any, ...]:
    """The events of the system, then those of the call. Raises SolveError where ``events=`` is no sequence."""
    if not isinstance(given, Iterable) or isinstance(given, (str, bytes)):
        raise SolveError(f'events={given!r} is no sequence; write events=[sn.Event(x <= 0, "terminate")]')
    found = (*system.events, *given)
    if found and getattr(system, "watch", None) is not None:
        raise SolveError(
            "events are not watched for in systems whose index was reduced: their unknowns may have to be chosen anew on the way. Write the "
            "constraints in differentiated form, or leave events out"
        )
    return found


def watched(kernels: EventKernels, semi: SemiDiscreteSystem, parameters: np.ndarray, target: str) -> Events:
    """The events as functions of (t, state, p). ``parameters``: the array that a solve reads."""
    conditions = compile_kernel(kernels.conditions, target)
    function = conditions.function
    names = [p.name for p in semi.parameters]
    rows = tuple(
        Watched(r.event.text, r.event.direction, _effect(e, names, target), r.event.terminal, r.event.relation)
        for r, e in zip(kernels.resolved, kernels.effects, strict=True)
    )
    return Events(rows, lambda t, y, out: function(t, y, parameters, out), conditions.address, conditions)


def _effect(kernels: EffectKernels, names: Sequence[str], target: str) -> Effect | None:
    if kernels.state is None and kernels.parameters is None:
        return None
    state = None if kernels.state is None else compile_kernel(kernels.state, target)
    values = None if kernels.parameters is None else compile_kernel(kernels.parameters, target)
    places = [names.index(name) for name in kernels.names]

    def effect(t: float, y: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        changed = np.array(p)
        if values is not None:
            changed[places] = _call(values, t, y, p)
        return (y if state is None else _call(state, t, y, p)), changed

    return effect


def _call(kernel: CompiledKernel, t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    made: np.ndarray = kernel(float(t), np.array(y), p)
    return made


def changes(outcome: Outcome) -> tuple[tuple[float, np.ndarray], ...]:
    """The times after which other parameter values held, with all values."""
    return tuple((o.t, o.parameters) for o in outcome.events if o.parameters is not None)


def happened(discretised: Any, outcome: Outcome, events: Sequence[Any]) -> tuple[EventOccurrence, ...]:
    """The occurrences with names. ``discretised``: the system on its grid (``pipeline.Discretised``)."""
    names = list(discretised.parameters)
    made = []
    current = np.array(discretised.parameter_vector({}))
    for o in outcome.events:
        changed = {}
        if o.parameters is not None:
            changed = {n: float(v) for n, v, old in zip(names, o.parameters, current, strict=True) if v != old}
        before = _fields(discretised, o.t, o.before, current)
        current = current if o.parameters is None else o.parameters
        after = before if o.after is o.before else _fields(discretised, o.t, o.after, current)
        made.append(EventOccurrence(o.index, events[o.index].text, o.t, before, after, changed))
    return tuple(made)


_NEGATIVE = 100  # times the tolerance that an amount may lie below zero before that is worth a word


def negative_amounts(semi: SemiDiscreteSystem, outcome: Outcome, options: Options) -> tuple[str, ...]:
    """A sentence where an amount of a reaction network lies below zero by more than the tolerances explain: name, time, what to try.

    The exact amounts are never negative where rates are zero without their reactants, so such values are errors of time stepping.
    """
    if semi.structure is None or semi.structure.kind != "reaction network" or not len(outcome.y):
        return ()
    allowed = _NEGATIVE * (options.atol + options.rtol * np.abs(outcome.y).max(axis=0))
    excess = np.where(np.isfinite(outcome.y), outcome.y / allowed, 0.0)
    worst = int(excess.argmin())
    row, column = np.unravel_index(worst, excess.shape)
    if excess[row, column] >= -1 or (outcome.y[0] < 0).any():
        return ()
    first = int(np.flatnonzero(excess[:, column] < -1)[0])
    name, _ = semi.locate(int(column))
    return (
        f"the amount of {name} becomes negative: {outcome.y[first, column]:.3g} at t = {outcome.t[first]:.6g}, {-outcome.y[row, column]:.3g} below "
        f"zero at most, more than the tolerances explain; amounts of a network are not negative. Try rtol={options.rtol / 100:.0e}, "
        f"atol={options.atol / 100:.0e}",
    )


def _fields(discretised: Any, t: float, y: np.ndarray, p: np.ndarray) -> dict[str, Any]:
    full = discretised.full_fields(t, y, p)
    semi: SemiDiscreteSystem = discretised.semi
    return {
        a.field: full[a.offset : a.offset + a.size].reshape(a.shape) if a.shape else float(full[a.offset])
        for a in semi.full
    }
