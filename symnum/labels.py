"""[Outcome] -> [Solution]: states become labelled fields on the whole grid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symnum.ir.kernel import Array
from symnum.ir.system import SemiDiscreteSystem
from symnum.result import Solution
from symnum.solvers.problem import Outcome

_MOST_SLOPES = (
    20_000_000  # values; beyond this the derivative in time is not stored and interpolation in time is linear
)


def label(discretised: Any, outcome: Outcome, why: str, message: str) -> Solution:
    """Name the fields of an outcome. ``discretised``: the system on its grid (``pipeline.Discretised``)."""
    semi: SemiDiscreteSystem = discretised.semi
    shown = [a for a in semi.full if a.field not in semi.hidden]
    states = [discretised.full_fields(t, y) for t, y in zip(outcome.t, outcome.y, strict=True)]
    fields = {a.field: _stack(states, a) for a in shown}
    slopes = None
    if outcome.dense is None and sum(f.size for f in fields.values()) <= _MOST_SLOPES:
        rates = [_slope(discretised, t, y) for t, y in zip(outcome.t, outcome.y, strict=True)]
        slopes = {a.field: _stack(rates, a) for a in shown}
    stats = dict(outcome.stats)
    stats["compile_seconds"] = stats.get("compile_seconds", 0.0) + discretised.compile_seconds
    return Solution(
        _dataset(semi, shown, outcome.t, fields),
        success=outcome.success,
        message=message,
        method=outcome.method,
        why=why,
        stats=stats,
        name=semi.name,
        dense=_dense(discretised, outcome.dense, shown),
        slopes=slopes,
    )


def _stack(states: list[np.ndarray], array: Array) -> np.ndarray:
    """(time, *shape) from flat full vectors."""
    block = [state[array.offset : array.offset + array.size] for state in states]
    return np.array(block).reshape((len(states), *array.shape))


def _slope(discretised: Any, t: float, y: np.ndarray) -> np.ndarray:
    """Time derivative of the full fields: exact inside; at eliminated points the difference of the boundary solution along the flow."""
    semi: SemiDiscreteSystem = discretised.semi
    rate = discretised.rhs(t, y)
    if all(a.shape == b.shape for a, b in zip(semi.state, semi.full, strict=True)):
        return rate
    eps = 1e-6 * abs(semi.time_span[1] - semi.time_span[0])
    after, before = discretised.full_fields(t + eps, y + eps * rate), discretised.full_fields(t - eps, y - eps * rate)
    return (after - before) / (2 * eps)


def _dense(
    discretised: Any, dense: Callable[[Any], np.ndarray] | None, shown: list[Array]
) -> Callable[[float], dict[str, np.ndarray]] | None:
    if dense is None:
        return None

    def at(t: float) -> dict[str, np.ndarray]:
        full = discretised.full_fields(float(t), np.ascontiguousarray(dense(float(t))).reshape(-1))
        return {a.field: full[a.offset : a.offset + a.size].reshape(a.shape) for a in shown}

    return at


def _dataset(semi: SemiDiscreteSystem, shown: list[Array], times: np.ndarray, fields: dict[str, np.ndarray]) -> Any:
    import xarray

    time_name = "t"
    coordinates: dict[str, Any] = {
        time_name: (
            time_name,
            np.asarray(times, dtype=float),
            _units(semi.time.info.units if semi.time is not None else ""),
        )
    }
    attributes: dict[str, Any] = {}
    for axis in semi.axes:
        coordinates[axis.name] = (axis.name, axis.coordinates(), _units(axis.units))
        if axis.periodic:
            attributes[f"period_{axis.name}"] = axis.stop - axis.start
    for sign, key in ((1, "periodic"), (-1, "antiperiodic")):
        names = [name for name, s in semi.signs.items() if s == sign]
        if names:
            attributes[key] = " ".join(names)
    variables = {
        a.field: (
            (time_name, *(semi.axes[k].name for k in a.axes)),
            fields[a.field],
            _units(semi.units.get(a.field, "")),
        )
        for a in shown
    }
    return xarray.Dataset(variables, coordinates, attributes)


def _units(units: str) -> dict[str, str]:
    return {"units": units} if units else {}
