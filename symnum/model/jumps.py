"""Warnings about initial data with jumps where the equations do not smooth them.

Waves, advection and dispersion carry a jump along for ever, and fourth derivatives of it are of size 1/h^4: central
differences answer with ripples of the length of the grid (Gibbs). Diffusion of second order smooths a jump at once and
is left alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.expr.ops import COMPARISONS
from symnum.expr.show import plain
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder
from symnum.model.numeric import evaluate
from symnum.model.warn import warn

if TYPE_CHECKING:
    from symnum.model.system import PDESystem

_JUMPING = frozenset({"where", "sign", "floor", "ceil", *COMPARISONS})
_SAMPLES, _HALVINGS = 257, 30


def warn_jumps(system: PDESystem) -> None:
    """ModelWarning for each field whose initial formula jumps inside the domain while nothing smooths it."""
    for u in system.fields:
        formula = system.initial.get(u)
        if not isinstance(formula, Term) or not any(n.op in _JUMPING for n in postorder((formula,))):
            continue
        why = _why_it_stays(system, u)
        found = _jump(system, u, formula) if why else None
        if found is None:
            continue
        x, place, height = found
        line = '; upwind differences carry jumps: sn.solve(..., scheme="upwind")' if why == "advection" else ""
        warn(
            f"the initial condition {u.name} = {plain(formula, limit=80)} jumps by {height:.3g} at {x.name} = "
            f"{place:.4g}, and {_WORDS[why]}: central differences make ripples of the length of the grid there. Write a "
            f"smooth step some cells wide, e.g. (1 + sn.tanh(({x.name} - {place:.4g})/0.05))/2{line}"
        )


_WORDS = {
    "wave": "waves carry it along as it is",
    "dispersion": "third derivatives take it apart into waves of all lengths",
    "fourth": "its fourth derivatives have no bound",
    "advection": "advection carries it along as it is",
}


def _why_it_stays(system: PDESystem, u: Symbol) -> str:
    """The reason why a jump of u is not smoothed; "" where it is (diffusion) or nothing moves it."""
    orders = {x: found.order for x in system.space if (found := system.orders.get((u, x)))}
    highest = max(orders.values(), default=0)
    if not highest:
        return ""
    if system.orders.get((u, system.time)) and system.orders[u, system.time].order == 2:
        return "wave"
    if highest >= 3:
        return "fourth" if highest >= 4 else "dispersion"
    return "advection" if highest == 1 else ""


def _jump(system: PDESystem, u: Symbol, formula: Term) -> tuple[Symbol, float, float] | None:
    """(coordinate, place, height) of a jump along some line parallel to an axis."""
    space = [c for c in u.info.coordinates if c is not system.time]
    values: dict[Term, Any] = {system.parameter_symbols[n]: v for n, v in system.parameters.items()}
    for x in space:
        others = [c for c in space if c is not x]
        lines = product(*(np.linspace(*system.domain.bounds[c.name], 9)[1:-1] for c in others))
        for places in lines:
            found = _jump_on(formula, x, {**values, **dict(zip(others, places, strict=True))}, system)
            if found is not None:
                return x, *found
    return None


def _jump_on(formula: Term, x: Symbol, values: Mapping[Term, Any], system: PDESystem) -> tuple[float, float] | None:
    """Halve the interval of the greatest difference: at a jump the difference stays, elsewhere it goes to zero."""
    low, high = system.domain.bounds[x.name]
    places = np.linspace(low, high, _SAMPLES)
    sampled = np.broadcast_to(np.asarray(evaluate(formula, {**values, x: places}), dtype=float), places.shape)
    scale = float(np.nanmax(np.abs(sampled), initial=0.0))
    steps = np.nan_to_num(np.abs(np.diff(sampled)))
    k = int(np.argmax(steps))
    a, b = float(places[k]), float(places[k + 1])
    for _ in range(_HALVINGS):
        middle = (a + b) / 2
        f = np.asarray(evaluate(formula, {**values, x: np.array([a, middle, b])}), dtype=float)
        a, b = (a, middle) if abs(f[1] - f[0]) >= abs(f[2] - f[1]) else (middle, b)
    ends = np.asarray(evaluate(formula, {**values, x: np.array([a, b])}), dtype=float)
    height = float(abs(ends[1] - ends[0]))
    return ((a + b) / 2, height) if height > 0.01 * scale else None
