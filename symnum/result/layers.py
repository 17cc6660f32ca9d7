"""What a picture shows: real arrays with labels, cut from a solution (complex: two parts, 3-D: a slice)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from symnum.errors import SolveError
from symnum.result.axes import TIME, Array, axis_of, units_of
from symnum.result.interpolate import name_of, unknown_field
from symnum.result.style import label, symbol

if TYPE_CHECKING:
    import xarray

    from symnum.result.solution import Solution


@dataclass(frozen=True)
class Layer:
    """One real quantity: ``array`` with dimensions (t, *space) or (*space), ``label`` with units, ``short`` without."""

    array: xarray.DataArray
    label: str
    short: str

    @property
    def space(self) -> list[str]:
        """The dimensions that are not time."""
        return [str(d) for d in self.array.dims if d != TIME]

    @property
    def values(self) -> Array:
        """The numbers, NaN where they are infinite."""
        values = np.asarray(self.array.values, dtype=float)
        return np.where(np.isfinite(values), values, np.nan)

    def points(self, dim: str) -> Array:
        """Coordinate values along ``dim``."""
        return np.asarray(self.array[dim].values, dtype=float)

    def axis_label(self, dim: str) -> str:
        """The coordinate's symbol with units."""
        return label(dim, units_of(self.array[dim]))

    def at(self, time: float) -> Layer:
        """The layer at the saved time nearest to ``time``; unchanged where it does not depend on time."""
        if TIME not in self.array.dims:
            return self
        return Layer(self.array.isel({TIME: int(np.argmin(np.abs(self.points(TIME) - time)))}), self.label, self.short)


def layers_of(
    solution: Solution, field: object, times: object = None, limit: int = 6, dimensions: int = 2
) -> tuple[list[Layer], list[str]]:
    """The layers to draw and remarks for the subtitle. ``times``: interpolated there instead of the saved times.

    Of more than ``dimensions`` coordinates in space the last are left at their middle. Without ``field`` these are
    the fields with the most space dimensions (at most ``limit``; ODE states without limit).
    """
    dataset = solution.to_xarray()
    names, remarks = _names(dataset, field)
    if len(dataset[names[0]].dims) > 1 and len(names) > limit:
        remarks.append(f"{limit} of {len(names)} fields")
        names = names[:limit]
    values = dataset if times is None else solution(t=times)
    arrays = [_drawable(dataset, values[name], remarks, dimensions) for name in names]
    return [layer for array in arrays for layer in _real_parts(array)], remarks


def layer_of(solution: Solution, values: xarray.DataArray) -> Layer:
    """Real values at the points of a solution, in at most two dimensions of space, closed at the sides as in ``layers_of``."""
    return _real_parts(_drawable(solution.to_xarray(), values, [], 2))[0]


def _names(dataset: xarray.Dataset, field: object) -> tuple[list[str], list[str]]:
    def rank(name: str) -> int:
        return len([d for d in dataset[name].dims if d != TIME])

    known = [str(v) for v in dataset.data_vars]
    if field is not None:
        many = isinstance(field, Iterable) and not isinstance(field, str) and not hasattr(field, "name")
        names = [name_of(key) for key in (list(cast("Iterable[object]", field)) if many else [field])]
        if not names:
            raise SolveError(f"no field is named: field={field!r}. The solution holds {', '.join(known[:12])}.")
        for name in names:
            if name not in known:
                raise unknown_field(name, known)
        if len({dataset[name].dims for name in names}) > 1:
            raise SolveError(
                f"{', '.join(names)} depend on different coordinates. Draw them one by one: sol.plot({names[0]!r})."
            )
        return names, []
    if not known:
        raise SolveError("the solution holds no field to draw.")
    most = max(known, key=rank)
    names = [name for name in known if dataset[name].dims == dataset[most].dims]
    rest = [name for name in known if name not in names]
    return names, [f"not shown: {', '.join(rest[:4])}{', ...' if len(rest) > 4 else ''}"] if rest else []


def _drawable(dataset: xarray.Dataset, array: xarray.DataArray, remarks: list[str], most: int) -> xarray.DataArray:
    """At most ``most`` space dimensions (the middle of the others), ascending; periodic ones end with the first point, cells at the sides."""
    space = [str(d) for d in array.dims if d != TIME]
    for dim in space[most:]:
        array = array.isel({dim: array.sizes[dim] // 2})
        remark = f"slice {dim} = {float(array[dim]):.4g}"
        remarks.extend([remark] if remark not in remarks else [])
    for dim in space[:most]:
        array = _closed(dataset, array.sortby(dim), dim, straight=len(space) == 1)
    return array


def _closed(dataset: xarray.Dataset, array: xarray.DataArray, dim: str, straight: bool) -> xarray.DataArray:
    """The array with a periodic axis's first point repeated at its end, and with cells going on up to the sides (see ``_at_sides``)."""
    import xarray

    axis = axis_of(dataset, dim)
    low, high = axis.bounds
    if low < axis.points[0] and axis.points[-1] < high:
        sign = None if axis.period is None else axis.sign
        start, stop = (
            a.assign_coords({dim: [x]}) for a, x in zip(_at_sides(array, dim, sign, straight), (low, high), strict=True)
        )
        parts = [start, array, stop]
    elif axis.period is None:
        return array
    else:
        parts = [
            array,
            (axis.sign * array.isel({dim: slice(0, 1)})).assign_coords({dim: axis.points[:1] + axis.period}),
        ]
    closed = xarray.concat(parts, dim)
    closed[dim].attrs.update(array[dim].attrs)
    closed.attrs = dict(array.attrs)
    return closed


def _at_sides(array: xarray.DataArray, dim: str, sign: int | None, straight: bool) -> list[xarray.DataArray]:
    """Values at the two sides of cells: means across a seam (``sign``), else straight on from the outermost cells, or equal to these.

    Equal values keep the mean over an area what it is, the sum over the cells.
    """
    places = ((0, -1, 1), (-1, 0, array.sizes[dim] - 2))  # this cell, the one across the seam, the next one inwards
    made = []
    for here, across, inner in places:
        own, other, next_one = (array.isel({dim: [k]}) for k in (here, across, inner))
        beyond = own.values if not straight else 2 * own.values - next_one.values
        made.append(own.copy(data=(own.values + (beyond if sign is None else sign * other.values)) / 2))
    return made


def _real_parts(array: xarray.DataArray) -> list[Layer]:
    name, units = str(array.name), units_of(array)
    if not np.iscomplexobj(array.values):
        return [Layer(array, label(name, units), symbol(name))]
    end = f" ({units})" if units else ""
    modulus, real = f"|{symbol(name)}|", f"Re {symbol(name)}"
    return [Layer(abs(array), modulus + end, modulus), Layer(array.real, real + end, real)]


def typical_times(layer: Layer, count: int) -> Array:
    """About ``count`` saved times, evenly spread over those that hold any finite value; first and last included."""
    if TIME not in layer.array.dims:
        return np.zeros(1)
    times, values = layer.points(TIME), layer.values
    filled = times[np.isfinite(values.reshape(times.size, -1)).any(axis=1)]
    filled = filled if filled.size else times
    wanted = np.linspace(filled[0], filled[-1], count)
    nearest = np.abs(filled[None, :] - wanted[:, None]).argmin(axis=1)
    chosen: Array = filled[np.unique(nearest)]
    return chosen


def as_times(t: object) -> list[float]:
    """The times that were asked for, as a list. SolveError for what are no finite numbers."""
    try:
        times = np.atleast_1d(np.asarray(t, dtype=float)).ravel()
    except (TypeError, ValueError):
        times = np.zeros(0)
    if not times.size or not np.isfinite(times).all():
        raise SolveError(f"t={t!r} is no time and no list of times; write t=0.5, or t=[0, 0.5, 1]")
    return [float(time) for time in times]


def refined_times(solution: Solution, layer: Layer, count: int = 2000) -> list[float] | None:
    """For ODE curves: times between the steps too, so that a few large steps of a high order draw a smooth curve.

    None (the saved times serve) with space dimensions, many fields, enough saved times, or only linear interpolation.
    """
    curved = solution._dense is not None or bool(solution._slopes)
    t = solution.t
    if layer.space or not curved or not 1 < t.size < count or len(solution.fields) > 50:
        return None
    parts = -(-count // (t.size - 1))
    inner = t[:-1, None] + np.diff(t)[:, None] * np.arange(parts) / parts
    jumps = t[:-1][np.diff(t) == 0]  # an event: the state on arrival is that just before
    return [float(time) for time in np.unique([*inner.ravel(), *np.nextafter(jumps, -np.inf), t[-1]])]
