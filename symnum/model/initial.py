"""Initial data: is there enough, is it usable, and does it agree with the boundary conditions?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from symnum.errors import ModelError, did_you_mean
from symnum.expr.calculus import derivative, substitute
from symnum.expr.names import depends_on
from symnum.expr.term import Const, Symbol, Term
from symnum.expr.walk import symbols
from symnum.model.assemble import Parts
from symnum.model.conditions import OUTWARD, FaceCondition
from symnum.model.faces import FaceConditions, Need
from symnum.model.numeric import evaluate
from symnum.model.orders import derivative_nodes
from symnum.model.space import Domain
from symnum.model.validate import check_symbols
from symnum.model.warn import warn

_TOLERANCE = 1e-3  # of the largest initial value: smaller mismatches are invisible on any grid


def check_initial(parts: Parts, need: Need) -> dict[Term, Any]:
    """The initial mapping, complete and usable, in the order of the fields; else ModelError."""
    for key, value in parts.initial.items():
        field = _owner(key, need)
        _check_order(key, field, need)
        if isinstance(value, Term):
            _check_formula(key, value, field, parts, need)
        elif not callable(value):
            parts.initial[key] = _array(key, value, field, need)
    wanted: dict[Term, Any] = {}
    for u in need.fields:
        for order in range(need.order(u, need.time)):
            key = derivative(u, {need.time: order})
            if key not in parts.initial:
                raise ModelError(_missing(u, order, need))
            wanted[key] = parts.initial[key]
    return wanted | parts.initial


def _owner(key: Term, need: Need) -> Symbol:
    u = key.args[0] if key.op == "derivative" else key
    names = [f.name for f in need.fields]
    if not isinstance(u, Symbol) or u.kind not in ("field", "parameter", "symbol", "coordinate"):
        raise ModelError(
            f"initial names the expression {key}; its keys are fields, or first derivatives in time: initial={{u: ..., "
            f"sn.dt(u): ...}}"
        )
    if u not in need.fields:
        kind = "field" if u.kind == "field" else u.kind
        raise ModelError(
            f"initial names the {kind} {u.name!r}, which no equation determines (fields: "
            f"{', '.join(names)}).{did_you_mean(u.name, names)}"
        )
    if key.op == "derivative" and key.args[1:] != (need.time,):
        raise ModelError(
            f"initial names {key}; initial data are values of {u.name} and of sn.dt({u.name}), not of derivatives in "
            "space"
        )
    return u


def _check_order(key: Term, u: Symbol, need: Need) -> None:
    given = key.data[0] if key.op == "derivative" else 0
    order = need.order(u, need.time)
    if order and given >= order:
        raise ModelError(
            f"initial gives {key}, but the equations are of order {order} in time for {u.name}: remove it, {u.name} "
            f"needs {_needed(u, order)}"
        )
    if given and not order:
        raise ModelError(f"initial gives {key}, but no equation holds a derivative of {u.name} in time: remove it")


def _needed(u: Symbol, order: int) -> str:
    return f"initial={{{u.name}: ...}}" if order == 1 else f"initial={{{u.name}: ..., sn.dt({u.name}): ...}}"


def _missing(u: Symbol, order: int, need: Need) -> str:
    total = need.order(u, need.time)
    example = "sn.sin(x)" if len(u.info.coordinates) > 1 else "1.0"
    if order == 0:
        return f"{u.name} has no initial value; write initial={{{u.name}: {example}}}" + (
            f" (and sn.dt({u.name}))" if total > 1 else ""
        )
    return (
        f"the equations are of order {total} in time for {u.name}, and sn.dt({u.name}) has no initial value; "
        f"write initial={{{u.name}: ..., sn.dt({u.name}): 0}}"
    )


def _check_formula(key: Term, value: Term, u: Symbol, parts: Parts, need: Need) -> None:
    check_symbols((value,), lambda: f"the initial value of {key} ({_brief(value)})", parts)
    if depends_on(value, need.time) or any(s is need.time for s in symbols(value)):
        raise ModelError(
            f"the initial value of {key} ({_brief(value)}) depends on {need.time.name}; it is the value at the start: "
            "put the number in its place"
        )
    others = symbols(value, "field")
    if others:
        raise ModelError(
            f"the initial value of {key} ({_brief(value)}) holds the field {others[0].name}; write it as a formula in "
            "the coordinates and parameters"
        )
    for c in symbols(value, "coordinate"):
        if c not in u.info.coordinates:
            own = ", ".join(x.name for x in u.info.coordinates)
            raise ModelError(
                f"the initial value of {key} ({_brief(value)}) holds {c.name}, but {u.name} depends on {own}"
            )


def _brief(value: Term) -> str:
    from symnum.expr.show import plain

    return plain(value, limit=80)


def _array(key: Term, value: Any, u: Symbol, need: Need) -> Any:
    """Initial data as a float64 array of one axis a spatial coordinate of the field."""
    array = np.asarray(value)
    if array.dtype.kind not in "fiub" or array.dtype.kind == "b":
        raise ModelError(
            f"the initial array of {key} has dtype {array.dtype}, expected real numbers; write values.astype(float)"
        )
    array = array.astype(np.float64)
    space = [c.name for c in u.info.coordinates if c is not need.time]
    if array.ndim != len(space):
        axes = (
            f"one axis a coordinate ({', '.join(space)})"
            if space
            else f"a single number, since {u.name} depends on {need.time.name} alone"
        )
        raise ModelError(f"the initial array of {key} has shape {array.shape}, expected {axes}")
    if not array.size:
        raise ModelError(f"the initial array of {key} is empty (shape {array.shape}); it holds one value a grid point")
    bad = int(array.size - np.isfinite(array).sum())
    if bad:
        raise ModelError(
            f"the initial array of {key} holds {bad} NaN or infinite values of {array.size}; clean it with "
            "np.nan_to_num or check where they come from"
        )
    return array


# --- agreement with the boundary ------------------------------------------------------------


def warn_contradictions(
    initial: Mapping[Term, Any],
    faces: FaceConditions,
    periodic: Mapping[str, int],
    parameters: Mapping[Term, float],
    domain: Domain,
    need: Need,
) -> None:
    """ModelWarning where an initial formula breaks a boundary condition at the start, or jumps across periodic ends."""
    formulas = {k: v for k, v in initial.items() if isinstance(k, Symbol) and isinstance(v, Term)}
    points = {c: np.linspace(*domain.bounds[c.name], 7) for c in need.space}
    mesh: dict[Term, Any] = (
        dict(zip(points, np.meshgrid(*points.values(), indexing="ij"), strict=True)) if points else {}
    )
    values: dict[Term, Any] = {need.time: domain.bounds[need.time.name][0], **parameters, **mesh}
    for u, formula in formulas.items():
        _check_finite(u, formula, mesh, values)
    scale = {u: _largest(evaluate(v, values)) for u, v in formulas.items()}
    for rows in faces.values():
        for c in rows:
            _check_corner(c, formulas, values, scale)
    for u, formula in formulas.items():
        for name, sign in periodic.items():
            x = need.coordinate(name)
            if x in u.info.coordinates:
                _check_jump(u, formula, x, sign, domain, values, scale[u])


def _check_finite(u: Symbol, formula: Term, mesh: Mapping[Term, Any], values: Mapping[Term, Any]) -> None:
    """ModelError where a formula has no finite value inside the domain (ends may be singular: log(x) at 0)."""
    shape = next(iter(mesh.values())).shape if mesh else ()
    inside = tuple(slice(1, -1) for _ in shape)
    found = np.broadcast_to(np.asarray(evaluate(formula, values), dtype=float), shape)[inside]
    if np.isfinite(found).all():
        return
    bad = np.unravel_index(int(np.argmin(np.isfinite(found))), found.shape)
    place = ", ".join(f"{c} = {np.asarray(grid)[inside][bad]:g}" for c, grid in mesh.items())
    raise ModelError(
        f"the initial value of {u.name} ({_brief(formula)}) is {found[bad]}{f' at {place}' if place else ''}; "
        "check the domain of its functions, e.g. sn.where(x > 0, sn.log(x), 0)"
    )


def _largest(values: Any) -> float:
    found = np.abs(np.asarray(values, dtype=float))
    found = found[np.isfinite(found)]
    return float(found.max()) if found.size else 0.0


def _check_corner(
    c: FaceCondition, formulas: Mapping[Symbol, Term], values: Mapping[Term, Any], scale: Mapping[Symbol, float]
) -> None:
    if c.face is None or c.place is None or any(f not in formulas for f in symbols(c.equation.residual, "field")):
        return
    residual = substitute(c.equation.residual, {OUTWARD: Const(c.face.outward), **formulas})
    x = next(s for s in values if isinstance(s, Symbol) and s.name == c.coordinate)
    gap = _largest(evaluate(residual, {**values, x: evaluate(c.place)}))
    size = max([scale.get(f, 0.0) for f in symbols(c.equation.residual, "field")] + [_value_size(c, values)])
    if gap > _TOLERANCE * size:
        field = c.field.name if c.field is not None else "the field"
        warn(
            f"the initial condition of {field} contradicts the boundary condition '{c}': at the start they differ by "
            f"{gap:.3g}. "
            f"The {'slope' if derivative_nodes(c.residual) else 'solution'} jumps there in the first instant; make "
            f"initial={{{field}: ...}} satisfy '{c}'"
        )


def _value_size(c: FaceCondition, values: Mapping[Term, Any]) -> float:
    """The size of the part of the condition without fields (the boundary value)."""
    sides = [
        s for s in (c.equation.lhs, c.equation.rhs) if not symbols(s, "field") and all(n in values for n in symbols(s))
    ]
    return max((_largest(evaluate(s, values)) for s in sides), default=0.0)


def _check_jump(
    u: Symbol, formula: Term, x: Symbol, sign: int, domain: Domain, values: Mapping[Term, Any], scale: float
) -> None:
    low, high = (evaluate(formula, {**values, x: end}) for end in domain.bounds[x.name])
    gap = _largest(np.asarray(high) - sign * np.asarray(low))
    if gap > _TOLERANCE * scale:
        kind = "periodic" if sign > 0 else "antiperiodic"
        ends = f"{x.name}={domain.exact[x.name][0]} and {x.name}={domain.exact[x.name][1]}"
        warn(
            f"{x.name} is {kind}, but the initial condition {u.name} = {_brief(formula)} differs by {gap:.3g} between "
            f"{ends}; the solution starts with a jump there"
        )
