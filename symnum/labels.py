"""[Outcome] -> [Solution]: states become labelled fields on the whole grid."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from symnum.ir.kernel import Array
from symnum.ir.system import SemiDiscreteSystem
from symnum.result import Solution
from symnum.result.events import EventOccurrence
from symnum.solvers.problem import Outcome

_MOST_SLOPES = (
    20_000_000  # values; beyond this the derivative in time is not stored and interpolation in time is linear
)


def label(discretised: Any, outcome: Outcome, why: str, message: str, events: tuple[EventOccurrence, ...] = ()) -> Solution:
    """Name the fields of an outcome. ``discretised``: the system on its grid (``pipeline.Discretised``)."""
    semi: SemiDiscreteSystem = discretised.semi
    shown = [a for a in semi.full if a.field not in semi.hidden]
    shown.sort(key=lambda a: semi.shown.index(a.field) if a.field in semi.shown else 0)
    fields = _fields(discretised, outcome.t, outcome.y, shown)
    slopes = None
    if outcome.dense is None and semi.noise is None and sum(f.size for f in fields.values()) <= _MOST_SLOPES:
        slopes = _slopes(discretised, outcome, shown, fields)
    stats = dict(outcome.stats)
    stats["compile_seconds"] = stats.get("compile_seconds", 0.0) + discretised.compile_seconds
    return Solution(
        _dataset(discretised, shown, outcome.t, fields),
        success=outcome.success,
        message=message,
        method=outcome.method,
        why=why,
        stats=stats,
        name=semi.name,
        dense=_dense(discretised, outcome.dense, shown),
        slopes=slopes,
        events=events,
        rates=_planar_rates(discretised),
    )


def _planar_rates(discretised: Any) -> Callable[[float, Mapping[str, float]], dict[str, float]] | None:
    """Rates of change by field names, of a system with two states and without time in them, for its phase portrait; None for others."""
    semi: SemiDiscreteSystem = discretised.semi
    if not semi.rhs.autonomous or semi.breakpoints:
        return None
    if semi.axes or semi.size != 2 or semi.hidden or semi.noise is not None or semi.differential is not None:
        return None
    if not nothing_eliminated(semi):
        return None
    names = [a.field for a in semi.state]

    def rates(t: float, values: Mapping[str, float]) -> dict[str, float]:
        made = discretised.rhs(t, np.array([float(values[name]) for name in names]))
        return dict(zip(names, made.tolist(), strict=True))

    return rates


def _fields(discretised: Any, times: np.ndarray, states: np.ndarray, shown: list[Array]) -> dict[str, np.ndarray]:
    """(time, *shape) for each field. Without eliminated points the states are the fields."""
    if nothing_eliminated(discretised.semi):
        return {a.field: states[:, a.offset : a.offset + a.size].reshape(-1, *a.shape) for a in shown}
    return _filled(shown, (discretised.full_fields(t, y) for t, y in zip(times, states, strict=True)), len(times))


def _filled(shown: list[Array], rows: Iterable[np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Full vectors, one a time, sorted into (time, *shape) arrays of the fields."""
    if not any(a.shape for a in shown):  # species by the thousand: no loop over them at every time
        vectors = np.empty((count, 1 + max((a.offset for a in shown), default=0)))
        for k, full in enumerate(rows):
            vectors[k] = full[: vectors.shape[1]]
        return {a.field: vectors[:, a.offset] for a in shown}
    made = {a.field: np.empty((count, *a.shape)) for a in shown}
    for k, full in enumerate(rows):
        for a in shown:
            made[a.field][k] = full[a.offset : a.offset + a.size].reshape(a.shape)
    return made


def nothing_eliminated(semi: SemiDiscreteSystem) -> bool:
    """True where the state holds the fields as they are."""
    same = len(semi.state) == len(semi.full)
    return same and all(a.shape == b.shape for a, b in zip(semi.state, semi.full, strict=True))


def _slopes(
    discretised: Any, outcome: Outcome, shown: list[Array], fields: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Time derivatives of the fields at the saved times."""
    algebraic = _algebraic_slopes(discretised.semi, outcome)
    rows = (_slope(discretised, t, y, a) for t, y, a in zip(outcome.t, outcome.y, algebraic, strict=True))
    made = _filled(shown, rows, len(outcome.t))
    return {name: _tamed(outcome.t, fields[name], slopes) for name, slopes in made.items()}


def _algebraic_slopes(semi: SemiDiscreteSystem, outcome: Outcome) -> Iterable[np.ndarray | None]:
    """For each saved time the slopes of the unknowns whose equation gives none (no time derivative): by second-order differences."""
    if semi.differential is None or len(outcome.t) < 2 or not np.all(np.diff(outcome.t)):
        return [None] * len(outcome.t)
    slopes: np.ndarray = np.gradient(outcome.y[:, ~semi.differential], outcome.t, axis=0)
    return slopes


def _slope(discretised: Any, t: float, y: np.ndarray, algebraic: np.ndarray | None = None) -> np.ndarray:
    """Time derivative of the full fields: exact inside; at eliminated points the difference of the boundary solution along the flow."""
    with np.errstate(all="ignore"):  # of a failed run a rate may be infinite; ``_tamed`` takes it out
        return _rate(discretised, t, y, algebraic)


def _rate(discretised: Any, t: float, y: np.ndarray, algebraic: np.ndarray | None) -> np.ndarray:
    semi: SemiDiscreteSystem = discretised.semi
    rate: np.ndarray = discretised.rhs(t, y)
    if semi.differential is not None:
        rate[~semi.differential] = np.nan if algebraic is None else algebraic
    if nothing_eliminated(semi):
        return rate
    low, high = sorted(semi.time_span)
    eps = 1e-6 * (high - low)
    ends = [min(max(t + e, low), high) for e in (-eps, eps)]
    before, after = (discretised.full_fields(s, y + (s - t) * rate) for s in ends)
    difference: np.ndarray = (after - before) / (ends[1] - ends[0])
    return difference


def _tamed(times: np.ndarray, values: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Slopes a cubic can bear: where one is not finite, and at the start (a layer that no save time resolves), secants bound it.

    The bound of three secants is that of monotone cubics (Fritsch and Carlson, SIAM J. Numer. Anal. 17 (1980) 238-246).
    """
    if len(times) < 2 or not np.all(np.diff(times)):
        return np.where(np.isfinite(slopes), slopes, 0.0)
    with np.errstate(all="ignore"):
        secants = np.diff(values, axis=0) / np.diff(times).reshape(-1, *(1,) * (values.ndim - 1))
        slopes[0] = np.clip(slopes[0], -3 * np.abs(secants[0]), 3 * np.abs(secants[0]))
    broken = ~np.isfinite(slopes)
    if broken.any():
        slopes[broken] = np.concatenate([secants, secants[-1:]])[broken]
    return slopes


def _dense(
    discretised: Any, dense: Callable[[Any], np.ndarray] | None, shown: list[Array]
) -> Callable[[float], dict[str, np.ndarray]] | None:
    if dense is None:
        return None

    def at(t: float) -> dict[str, np.ndarray]:
        full = discretised.full_fields(float(t), np.ascontiguousarray(dense(float(t))).reshape(-1))
        return {a.field: full[a.offset : a.offset + a.size].reshape(a.shape) for a in shown}

    return at


def _dataset(discretised: Any, shown: list[Array], times: np.ndarray, fields: dict[str, np.ndarray]) -> Any:
    import json

    import xarray

    semi: SemiDiscreteSystem = discretised.semi
    time_name = "t"
    coordinates: dict[str, Any] = {
        time_name: (
            time_name,
            np.asarray(times, dtype=float),
            _units(semi.time.info.units if semi.time is not None else ""),
        )
    }
    attributes: dict[str, Any] = {"scheme": semi.scheme, "order": semi.order} if semi.axes and semi.scheme else {}
    for axis in semi.axes:
        coordinates[axis.name] = (axis.name, axis.coordinates(), _units(axis.units))
        if axis.periodic:
            attributes[f"period_{axis.name}"] = axis.stop - axis.start
        if axis.centred:
            attributes[f"bounds_{axis.name}"] = (axis.start, axis.stop)
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
    if discretised.parameters:
        attributes["parameters"] = json.dumps(discretised.parameters)
    return xarray.Dataset(variables, coordinates, attributes)


def _units(units: str) -> dict[str, str]:
    return {"units": units} if units else {}


def in_space(semi: SemiDiscreteSystem, asked: str, waves: str | None = None) -> str:
    """How space was treated, as the end of the sentence that says why."""
    if not semi.axes or not semi.scheme:
        return ""
    words = {"central": "central differences", "finite_volume": "finite volumes", "upwind": "upwind differences"}
    if semi.spectral is not None:
        chosen = f': {waves} (scheme="central" gives differences)' if waves else ""
        return f"; in space Fourier collocation, exact on every wave that the grid resolves{chosen}"
    text = f"; in space {words.get(semi.scheme, semi.scheme)} of order {semi.order}"
    if asked == "auto" and semi.scheme == "finite_volume":
        text += ', which keep the content to round-off: the fluxes through all sides are given (values at cell centres; scheme="central" gives nodes)'
    return text


def explained(outcome: Outcome, semi: SemiDiscreteSystem) -> str:
    """The outcome as a sentence, with the field and the place where a solve broke down."""
    text = outcome.message[:1].upper() + outcome.message[1:].rstrip(".") + "."
    waves = semi.scheme == "central" and bool(semi.axes) and all(a.periodic for a in semi.axes) and bool(semi.structure.dispersion)
    if not outcome.success and outcome.stopped not in ("", "STEP_LIMIT") and waves:
        text += ' Central differences do not bound the energy of steep waves; between periodic sides write scheme="fourier_dealiased".'
    if outcome.failure_index is None:
        return text
    name, place = semi.locate(outcome.failure_index)
    where = ", ".join(f"{x}={value:.6g}" for x, value in place.items())
    return f"{text} The first field affected is {name}{' at ' + where if where else ''}."
