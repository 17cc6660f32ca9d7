"""Coordinate axes and the weights that interpolate along them.

A weight set is a pair ``(index, weight)``, both of shape ``(k, m)``: the value at query ``j`` is

    u(q_j) = sum_i weight[i, j] * values[index[i, j]]

so every interpolation below is ``contract(values, dimension, index, weight)``, one dimension at a time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError

if TYPE_CHECKING:
    import xarray

Array = NDArray[Any]
TIME = "t"
ROUND_OFF = 1e-10  # queries may leave the interval by this fraction of its length (0.1 * 3 is not 0.3)


@dataclass(frozen=True)
class Axis:
    """One coordinate: ascending ``points`` (n,), and ``stored`` (n,), the place of each in the data.

    ``period``: length after which the axis repeats, None where it does not; ``sign``: -1 where the field changes sign
    after one period (antiperiodic), else 1. ``bounds``: the interval in which a query is answered; it may reach
    past the outermost points of a cell-centred grid to the ends of the domain.
    """

    name: str
    points: Array
    bounds: tuple[float, float]
    stored: Array = field(repr=False)
    period: float | None = None
    sign: int = 1
    units: str = ""

    @property
    def span(self) -> float:
        """Length of the interval that the axis covers: one period, or upper minus lower bound."""
        return self.period if self.period is not None else self.bounds[1] - self.bounds[0]

    def checked(self, queries: Array) -> Array:
        """Queries within the bounds, beyond by round-off moved onto them; ``SolveError`` for any outside or NaN."""
        if self.period is not None and np.all(np.isfinite(queries)):
            return queries
        low, high = self.bounds
        slack = ROUND_OFF * max(high - low, abs(low), abs(high))
        outside = ~((queries >= low - slack) & (queries <= high + slack))
        if np.any(outside):
            seen = queries[outside][0]
            unit = f" {self.units}" if self.units else ""
            nearest = high if seen > high else low
            raise SolveError(
                f"{self.name} = {seen:g}{unit} is outside the solution, which covers {self.name} from {low:g} to "
                f"{high:g}{unit}. Ask inside this interval, for example sol({self.name}={nearest:g}), or solve on a "
                f"larger domain."
            )
        return np.clip(queries, low, high)


def axis_of(dataset: xarray.Dataset, name: str) -> Axis:
    """The axis of dimension ``name``, from its coordinate values and the data set's attributes.

    Attributes read: ``periodic`` and ``antiperiodic`` (names separated by blanks), ``period_NAME`` (length) and
    ``bounds_NAME`` (two numbers, the ends of the domain; without it the outermost points).
    """
    values = np.asarray(dataset[name].values, dtype=float)
    stored = np.argsort(values, kind="stable") if values.size and values[0] > values[-1] else np.arange(values.size)
    points = values[stored]
    sign = -1 if name in str(dataset.attrs.get("antiperiodic", "")).split() else 1
    wraps = sign < 0 or name in str(dataset.attrs.get("periodic", "")).split()
    period = float(dataset.attrs[f"period_{name}"]) if wraps and f"period_{name}" in dataset.attrs else None
    ends = dataset.attrs.get(f"bounds_{name}", (points[0], points[-1]) if points.size else (0.0, 0.0))
    bounds = (min(float(ends[0]), points[0]), max(float(ends[1]), points[-1])) if points.size else (0.0, 0.0)
    return Axis(name, points, bounds, stored, period, sign, units_of(dataset[name]))


def units_of(array: xarray.DataArray) -> str:
    """The ``units`` attribute, empty where there is none or the quantity has no dimension."""
    units = str(array.attrs.get("units", "")).strip()
    return "" if units in ("1", "dimensionless", "-") else units


def cubic_weights(axis: Axis, queries: Array) -> tuple[Array, Array]:
    """Local cubic interpolation through the four points around each query; shapes (k, m), k = min(4, n).

    At a closed end the four outermost points serve (for cell-centred data they extrapolate by half a cell); on a
    periodic axis the points go on round the wrap. Exact for cubics, error O(h^4) on any spacing; continuous, its first
    derivative not.
    """
    queries = axis.checked(queries)
    n = axis.points.size
    if axis.period is not None:
        turns = np.floor((queries - axis.points[0]) / axis.period).astype(int)
        queries = queries - turns * axis.period
    cell = np.clip(np.searchsorted(axis.points, queries, side="right") - 1, 0, n - 1)
    if axis.period is None:
        count = min(4, n)
        first = np.clip(cell - (count - 1) // 2, 0, n - count)
        index = first + np.arange(count)[:, None]
        return axis.stored[index], lagrange_weights(axis.points[index], queries)
    raw = cell - 1 + np.arange(4)[:, None]
    laps, index = np.divmod(raw, n)
    weight = lagrange_weights(axis.points[index] + laps * axis.period, queries)
    if axis.sign < 0:
        weight = weight * (1 - 2 * ((laps + turns) % 2))
    return axis.stored[index], weight


def lagrange_weights(nodes: Array, queries: Array) -> Array:
    """``w_i = prod_{l != i} (q - x_l) / (x_i - x_l)``; nodes (k, m), queries (m,), result (k, m); exact at nodes."""
    weight = np.ones_like(nodes)
    for i in range(nodes.shape[0]):
        for other in range(nodes.shape[0]):
            if other != i:
                weight[i] *= (queries - nodes[other]) / (nodes[i] - nodes[other])
    return weight


def hermite_weights(axis: Axis, queries: Array) -> tuple[Array, Array, Array]:
    """Cubic Hermite interpolation in time: ``(index, value weights, slope weights)``, each (2, m).

    With h = t1 - t0 and s = (t - t0)/h (Hairer, Norsett, Wanner, Solving ODEs I, eq. II.6.7):

        u(t) = (1 + 2s)(1 - s)^2 u0 + s^2 (3 - 2s) u1 + h s (1 - s)^2 u0' + h s^2 (s - 1) u1'

    Error O(h^4). A time saved twice (an event) is a jump: the later value counts at that time and after it.
    """
    left, right, h, s = _bracket(axis, queries)
    value = np.stack([(1 + 2 * s) * (1 - s) ** 2, s**2 * (3 - 2 * s)])
    slope = np.stack([h * s * (1 - s) ** 2, h * s**2 * (s - 1)])
    return axis.stored[np.stack([left, right])], value, slope


def linear_weights(axis: Axis, queries: Array) -> tuple[Array, Array]:
    """``u(t) = (1 - s) u0 + s u1``: ``(index, weight)``, each (2, m). Error O(h^2)."""
    left, right, _, s = _bracket(axis, queries)
    return axis.stored[np.stack([left, right])], np.stack([1 - s, s])


def _bracket(axis: Axis, queries: Array) -> tuple[Array, Array, Array, Array]:
    """Left and right point, step and fraction of each query; a query at the last point has fraction 1, never 0/0."""
    queries = axis.checked(queries)
    n = axis.points.size
    left = np.clip(np.searchsorted(axis.points, queries, side="right") - 1, 0, max(n - 2, 0))
    right = np.minimum(left + 1, n - 1)
    h = axis.points[right] - axis.points[left]
    fraction = np.divide(queries - axis.points[left], h, out=np.ones_like(queries), where=h > 0)
    return left, right, h, fraction


def contract(values: Array, dimension: int, index: Array, weight: Array) -> Array:
    """``sum_i weight[i] * values[index[i]]`` along a dimension; a point of weight 0 adds nothing, NaN or not."""
    shape = [1] * values.ndim
    shape[dimension] = index.shape[1]
    total: Array | None = None
    for places, factors in zip(index, weight, strict=True):
        factor = factors.reshape(shape)
        term = np.where(factor == 0, 0, np.take(values, places, axis=dimension) * factor)
        total = term if total is None else total + term
    assert total is not None, "a weight set has at least one point"
    return total
