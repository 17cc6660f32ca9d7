"""Values between the saved times and grid points: ``sol(t=3.0, x=0.25)``.

In time, by the first of these that there is: the integrator's own dense output; cubic Hermite through values and
slopes, error O(h^4); a straight line, error O(h^2). In space, by a local cubic along each axis in turn, error O(h^4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.errors import SolveError, UnknownName, did_you_mean
from symnum.result.axes import TIME, Array, Axis, axis_of, contract, cubic_weights, hermite_weights, linear_weights

if TYPE_CHECKING:
    import xarray

Dense = Callable[[float], Mapping[str, Array]]
Value = Any  # float or complex where every coordinate is one number, else an xarray.DataArray


def name_of(key: object) -> str:
    """The name that a key stands for: text itself, or the ``.name`` of a field, coordinate or array."""
    name = key if isinstance(key, str) else getattr(key, "name", None)
    if isinstance(name, str):
        return name
    raise UnknownName(f"{key!r} has no name to look up. Write sol[u] with a field u, or its name: sol['u'].")


def unknown_field(name: str, known: Iterable[str]) -> UnknownName:
    """The error for a name that the solution does not hold."""
    known = list(known)
    if name.endswith((".png", ".pdf", ".svg", ".jpg")):
        return UnknownName(f"{name!r} is a file, where a field is expected; write sol.plot(path={name!r})")
    shown = ", ".join(known[:12]) + (f", ... ({len(known)} in all)" if len(known) > 12 else "")
    return UnknownName(f"the solution holds no field {name!r}.{did_you_mean(name, known)} It holds: {shown}.")


class FieldValues(Mapping[str, Value]):
    """Interpolated values, one entry a field, each computed when first asked for.

    ``values[u]`` or ``values["u"]`` is a float (complex for a complex field) where every coordinate of the field was
    given as one number, else an ``xarray.DataArray`` over the coordinates that were left out or given as arrays.
    ``float(values)`` serves where there is one field.
    """

    def __init__(self, names: Iterable[str], compute: Callable[[str], Value]) -> None:
        self._names = tuple(names)
        self._compute = compute
        self._known: dict[str, Value] = {}

    def __getitem__(self, key: object) -> Value:
        name = name_of(key)
        if name not in self._names:
            raise unknown_field(name, self._names)
        if name not in self._known:
            self._known[name] = self._compute(name)
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, key: object) -> bool:
        return getattr(key, "name", key) in self._names

    def __float__(self) -> float:
        return float(self._only())

    def __complex__(self) -> complex:
        return complex(self._only())

    def _only(self) -> Value:
        if len(self) != 1:
            raise SolveError(
                f"these are values of {len(self)} fields, not one number. Write values[{self._names[0]!r}], say."
            )
        return self[self._names[0]]

    def __repr__(self) -> str:
        shown = [f"{name}={_short(self[name])}" for name in self._names[:8]]
        return f"FieldValues({', '.join(shown)}{', ...' if len(self) > 8 else ''})"


def _short(value: Value) -> str:
    return f"<array {dict(value.sizes)}>" if hasattr(value, "sizes") else f"{value:.9g}"


def interpolate(
    dataset: xarray.Dataset, coordinates: Mapping[str, object], *, dense: Dense | None, slopes: Mapping[str, Array]
) -> FieldValues:
    """Every field at ``coordinates`` (name -> number or 1-D array; what is left out keeps its grid).

    Arrays span a product grid. Raises ``UnknownName`` for a coordinate that there is not, ``SolveError`` for a
    value outside its interval.
    """
    queries = {name: _query(dataset, name, value) for name, value in coordinates.items()}
    axes = {name: axis_of(dataset, name) for name in queries}
    for name, axis in axes.items():
        axis.checked(np.atleast_1d(queries[name]))
    dense_at = _remembered(dense) if dense is not None and TIME in queries else None

    def compute(name: str) -> Value:
        field = dataset[name]

        def in_space(values: Array) -> Array:
            for place, dim in enumerate(map(str, field.dims)):
                if dim != TIME and dim in queries:
                    values = contract(values, place, *cubic_weights(axes[dim], np.atleast_1d(queries[dim])))
            return values

        if TIME not in field.dims or TIME not in queries:
            values = in_space(np.asarray(field.values))
        elif dense_at is not None:
            times = axes[TIME].checked(np.atleast_1d(queries[TIME]))
            values = np.concatenate([in_space(np.asarray(dense_at(float(t))[name])[None]) for t in times])
        else:
            values = _at_times(
                np.asarray(field.values), slopes.get(name), axes[TIME], np.atleast_1d(queries[TIME]), in_space
            )
        return _labelled(dataset, field, values, queries)

    return FieldValues((str(v) for v in dataset.data_vars), compute)


def _query(dataset: xarray.Dataset, name: str, value: object) -> Array:
    if name not in dataset.dims:
        known = [str(d) for d in dataset.dims]
        raise UnknownName(
            f"the solution has no coordinate {name!r}.{did_you_mean(name, known)} "
            f"Its coordinates are {', '.join(known)}: write sol({', '.join(f'{d}=...' for d in known)})."
        )
    try:
        query = np.asarray(value, dtype=float)
    except (TypeError, ValueError):
        raise SolveError(
            f"{name} must be a number or a sequence of numbers, not {value!r}. Write sol({name}=0.5), for example."
        ) from None
    if query.ndim > 1:
        raise SolveError(
            f"{name} has shape {query.shape}; a number or a 1-D array is expected: coordinates span a product grid. "
            f"For separate points write sol({name}=...) with one number, point by point."
        )
    return query


def _remembered(dense: Dense) -> Dense:
    """Dense output gives all fields at once: each time is evaluated once, however many fields are read."""
    known: dict[float, Mapping[str, Array]] = {}

    def at(t: float) -> Mapping[str, Array]:
        if t not in known:
            known[t] = dense(t)
        return known[t]

    return at


def _at_times(
    values: Array, slope: Array | None, axis: Axis, times: Array, in_space: Callable[[Array], Array]
) -> Array:
    """Values (times, *points): Hermite with slopes, else linear. Few times are taken first, many last (less memory)."""
    if times.size > axis.points.size:
        values, slope = in_space(values), None if slope is None else in_space(np.asarray(slope))
        in_space = np.asarray
    if slope is None:
        return in_space(contract(values, 0, *linear_weights(axis, times)))
    index, value_weight, slope_weight = hermite_weights(axis, times)
    return in_space(contract(values, 0, index, value_weight) + contract(np.asarray(slope), 0, index, slope_weight))


def _labelled(dataset: xarray.Dataset, field: xarray.DataArray, values: Array, queries: Mapping[str, Array]) -> Value:
    """The values with their coordinates: scalars drop their dimension; no dimension left gives a plain number."""
    import xarray

    dims = [str(d) for d in field.dims]
    kept = [d for d in dims if d not in queries or queries[d].ndim == 1]
    values = values.reshape([size for size, d in zip(values.shape, dims, strict=True) if d in kept])
    if not kept:
        return values.item()
    coords = {
        d: xarray.Variable(
            (d,) if d in kept else (), queries[d] if d in queries else dataset[d].values, dataset[d].attrs
        )
        for d in dims
    }
    return xarray.DataArray(values, dims=kept, coords=coords, name=field.name, attrs=dict(field.attrs))
