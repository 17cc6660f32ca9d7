"""What one picture is made of: the solution, the layers and times to show, and how large."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.errors import SolveError
from symnum.result.axes import TIME, Array
from symnum.result.interpolate import interpolate, name_of
from symnum.result.layers import Layer
from symnum.result.style import symbol

if TYPE_CHECKING:
    from symnum.result.solution import Solution

MOST_MARKS = 30  # events beyond these would hide what they mark


@dataclass(frozen=True)
class Scene:
    """``whole``: layers at all saved times; ``shown``: the same at ``times`` where these were asked for (interpolated).

    ``width``: inches, None where the picture may choose; ``robust``: leave out values on their way to infinity.
    """

    solution: Solution
    whole: Sequence[Layer]
    shown: Sequence[Layer]
    times: Sequence[float] | None
    heading: Mapping[str, Any]
    width: float | None = None
    cmap: str | None = None
    at: Mapping[str, float] = field(default_factory=dict)

    @property
    def robust(self) -> bool:
        return not self.solution.success

    def noting(self, *remarks: str) -> Scene:
        """The scene with more said in its subtitle."""
        said = "  ·  ".join(part for part in (str(self.heading["subtitle"]), *remarks) if part)
        return replace(self, heading={**self.heading, "subtitle": said})

    @property
    def event_times(self) -> Array:
        """When events happened; none where they are too many to mark."""
        times = np.array([event.t for event in self.solution.events])
        return times if times.size <= MOST_MARKS else times[:0]

    def event_remark(self) -> str:
        """``3 events: y <= 0``, or nothing."""
        events = self.solution.events
        if not events:
            return ""
        conditions = list(dict.fromkeys(event.condition for event in events))
        shown = ", ".join(conditions[:2]) + (", ..." if len(conditions) > 2 else "")
        mark = "" if len(events) > MOST_MARKS else "▾ "
        return f"{mark}{len(events)} event{'s' if len(events) > 1 else ''}: {shown}".replace("$", r"\$")


def positions(at: Mapping[Any, float] | None) -> dict[str, float]:
    """Coordinate name -> place. ``SolveError`` for what is none, ``UnknownName`` (on use) for another coordinate."""
    if at is None:
        return {}
    if not isinstance(at, Mapping):
        raise SolveError(f"at={at!r} is no mapping from coordinates to places; write at={{'x': 0.5}}")
    made = {}
    for key, value in at.items():
        name = name_of(key)
        if name == TIME:
            raise SolveError(f"at chooses places; times are chosen by t: write sol.plot(t={value!r})")
        if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not np.isfinite(value):
            raise SolveError(f"at[{name!r}] is {value!r}, not a number; write at={{{name!r}: 0.5}}")
        made[name] = float(value)
    return made


def cut(solution: Solution, at: Mapping[str, float]) -> Solution:
    """The solution at some coordinates: one dimension less for each. Raises as ``sol(x=...)`` does."""
    if not at:
        return solution
    dataset = solution.to_xarray()
    values = solution(**at)
    fields = {name: values[name] for name in values}
    plain = {name: (value.dims, value.values) if hasattr(value, "dims") else value for name, value in fields.items()}
    made = dataset.drop_vars([*dataset.data_vars, *at]).assign(plain)
    for name in made.data_vars:
        made[name].attrs.update(dataset[name].attrs)
    slopes = {}
    if solution._slopes:
        rates = dataset.assign({name: (dataset[name].dims, rate) for name, rate in solution._slopes.items()})
        along = interpolate(rates, at, dense=None, slopes={})
        slopes = {name: np.asarray(along[name]) for name in solution._slopes}
    return type(solution)(
        made,
        success=solution.success,
        message=solution.message,
        method=solution.method,
        why=solution.why,
        stats=solution.stats,
        name=solution.name,
        slopes=slopes or None,
        events=solution.events,
    )


def place_remark(at: Mapping[str, float]) -> str:
    """``at x = 0.5``, or nothing."""
    parts = [f"{symbol(name)} = {value:.4g}" for name, value in at.items()]
    return f"at {', '.join(parts)}" if parts else ""
