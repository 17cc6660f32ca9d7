"""Values of a field at points off the grid and at given times, differentiable.

    u(t_k, x_k, y_k) = sum_i w_ki u_i(t_k)          local cubics along each axis through the four points around x_k, error O(h^4)

The weights are those of ``result.axes``: across a periodic side they go on (with the sign of an antiperiodic one), at a closed one the four outermost
points serve. Whole fields are read, so values on the boundary, which conditions determine, take part.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.errors import ModelError, SolveError, did_you_mean
from symnum.ir.kernel import Array as Block
from symnum.ir.system import SemiDiscreteSystem
from symnum.result.axes import Axis, cubic_weights

if TYPE_CHECKING:
    from symnum.neural.system_outcome import SystemOutcome

Array = NDArray[np.float64]


class Observations:
    """Where and when a field was measured: ``values = seen(out)`` for a solve ``out = model(seen.times)``.

    Attributes:
        field: its name. times: (m,) the times to solve for, sorted, each once; empty where no times were given.
        points: axis -> (k,) coordinates.

    Calling it gives (k,) values, each at its own time; without times (save times of ``out``, k). Raises SolveError where ``out`` lacks a time.
    """

    def __init__(
        self, field: str, points: Mapping[str, Array], index: NDArray[np.int64], weight: Array, at: Array | None
    ) -> None:
        self.field, self.points, self.at = field, dict(points), at
        self.times: Array = np.zeros(0) if at is None else np.unique(at)
        self.index, self.weight = torch.from_numpy(index), torch.from_numpy(weight)

    def __call__(self, out: SystemOutcome) -> Tensor:
        rows = out[self.field]
        flat = rows.reshape(len(rows), -1)
        if self.at is None:
            return (flat[:, self.index] * self.weight).sum(dim=1)
        place = np.searchsorted(out.t, self.at) if len(out.t) > 1 and out.t[-1] > out.t[0] else _nearest(out.t, self.at)
        place = np.minimum(place, len(out.t) - 1)
        missing = out.t[place] != self.at
        if missing.any():
            seen = float(self.at[missing][0])
            raise SolveError(f"the solve has no row at t = {seen:g}; write out = model(observations.times)")
        return (flat[torch.from_numpy(place), self.index] * self.weight).sum(dim=0)

    def __repr__(self) -> str:
        where = ", ".join(f"{name} in [{x.min():g}, {x.max():g}]" for name, x in self.points.items())
        when = "" if self.at is None else f" at {len(self.times)} times"
        return f"Observations({self.field}: {self.weight.shape[1]} points{', ' + where if where else ''}{when})"


def _nearest(times: Array, at: Array) -> NDArray[np.intp]:
    """The place of the nearest of a few times in any order."""
    return np.abs(times[:, None] - at).argmin(axis=0)


def observations(semi: SemiDiscreteSystem, field: str, points: Mapping[str, Any]) -> Observations:
    """The observations of a field at points.

    Args: points: coordinate (the time among them, or not) -> (k,) numbers, or one number for all.

    Raises ModelError: an unknown field or coordinate, one too few. SolveError: a point outside the domain, arrays of different lengths.
    """
    block = block_of(semi, field)
    axes = {semi.axes[a].name: semi.axes[a] for a in block.axes}
    time = semi.time.name if semi.time is not None else "t"
    _check_names(field, points, [*axes], time)
    given = {name: _numbers(name, value) for name, value in points.items()}
    count = _common_length(given)
    spread = {name: np.broadcast_to(value, (count,)).astype(np.float64) for name, value in given.items()}
    index, weight = np.zeros((1, count), dtype=np.int64), np.ones((1, count))
    for name, axis in axes.items():
        ends = (min(axis.start, axis.first), axis.stop)
        period = axis.stop - axis.start if axis.periodic else None
        sign = semi.signs.get(name, 1)
        known = Axis(name, axis.coordinates(), ends, np.arange(axis.points), period, sign, axis.units)
        place, share = cubic_weights(known, spread[name])
        index = (index[:, None] * axis.points + place).reshape(-1, count)
        weight = (weight[:, None] * share).reshape(-1, count)
    return Observations(field, {name: spread[name] for name in axes}, index, weight, spread.get(time))


def block_of(semi: SemiDiscreteSystem, field: str) -> Block:
    """The whole grid of a field. Raises ModelError."""
    known = [a.field for a in semi.full]
    if field not in known:
        raise ModelError(f"there is no field {field!r}.{did_you_mean(field, known)} There are: {', '.join(known)}")
    return semi.full[known.index(field)]


def _check_names(field: str, points: Mapping[str, Any], axes: list[str], time: str) -> None:
    for name in points:
        if name not in (*axes, time):
            known = ", ".join((time, *axes))
            raise ModelError(
                f"{field} has no coordinate {name!r}.{did_you_mean(name, axes)} Its coordinates are {known}"
            )
    for name in axes:
        if name not in points:
            raise ModelError(
                f"the points of {field} lack {name}; write {', '.join(f'{a}=[...]' for a in (*axes, time))}"
            )
    if not points:
        raise ModelError(f"observations of {field} want times; write {time}=[...]")


def _numbers(name: str, value: Any) -> Array:
    try:
        found = np.asarray(value.detach() if isinstance(value, Tensor) else value, dtype=np.float64)
    except (TypeError, ValueError):
        found = np.full((0, 0), np.nan)
    if found.ndim > 1 or not found.size or not np.isfinite(found).all():
        raise SolveError(
            f"{name}={value!r} is not a number nor (k,) finite numbers; write for example {name}=[0.1, 0.25, 0.7]"
        )
    return found.reshape(-1)


def _common_length(given: Mapping[str, Array]) -> int:
    sizes = {name: len(value) for name, value in given.items()}
    count = max(sizes.values())
    if any(size not in (1, count) for size in sizes.values()):
        seen = ", ".join(f"{size} of {name}" for name, size in sizes.items())
        raise SolveError(
            f"the points have {seen}; give each as many, point k being ({', '.join(f'{name}[k]' for name in sizes)}), or one for all"
        )
    return count
