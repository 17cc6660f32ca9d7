"""Inputs and solutions of any model: initial fields and parameters are drawn, the model is solved, the solution is the output."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, is_dataclass, replace
from functools import cache
from typing import Any, Protocol

import numpy as np

from symnum.datasets.operator_learning.inputs import Uniform
from symnum.datasets.operator_learning.records import Column, Description
from symnum.datasets.operator_learning.writing import number, whole
from symnum.datasets.trajectories import Trajectories
from symnum.equilibrium import at_rest, check_rest
from symnum.errors import SolveError, UnknownName, did_you_mean
from symnum.formats.exporters.json import export, read
from symnum.ir.kernel import Array
from symnum.ir.system import Axis
from symnum.model.system import PDESystem

_TRIES = 20  # draws of one record, then the set is given up


class Sampler(Protocol):
    """What fields are drawn by: ``GaussianField``, ``SineWaves``, ``Bumps`` or anything alike that is a dataclass at the top of a module."""

    def sample(
        self,
        points: Sequence[int],
        rng: np.random.Generator,
        lengths: Sequence[float] | None = None,
        periodic: Sequence[bool] | None = None,
        centred: Sequence[bool] | None = None,
    ) -> np.ndarray: ...


Draw = Sampler | Uniform | Callable[..., Any]


@dataclass(frozen=True)
class ModelPairs:
    """The source of a set; ``model``: as JSON. ``times``: of the outputs, () for states at rest; ``cells``: of the records' grid, by coordinate."""

    model: str
    inputs: tuple[tuple[str, Draw], ...]
    outputs: tuple[str, ...]
    times: tuple[float, ...]
    cells: tuple[tuple[str, int], ...]
    finer: int
    scheme: str
    order: int
    method: str
    rtol: float
    atol: float
    largest: float
    seed: int

    def from_the_start(self) -> ModelPairs:
        """The same with the start among the times."""
        start = _span(_system(self.model))[0]
        return self if not self.times or self.times[0] == start else replace(self, times=(start, *self.times))

    def travels(self) -> None:
        """Raise SolveError where another process could not find a function that draws."""
        for name, draw in self.inputs:
            if "<" in getattr(draw, "__qualname__", ""):
                raise SolveError(
                    f"{name} is drawn by a function inside another one, which other processes cannot find; define it at the top of a module, "
                    "or write workers=1"
                )

    def recipe(self) -> dict[str, Any]:
        """All settings; functions by their names."""
        import json

        settings = {name: value for name, value in vars(self).items() if name not in ("model", "inputs")}
        return settings | {"inputs": {n: described(d) for n, d in self.inputs}, "model": json.loads(self.model)}

    def describe(self) -> Description:
        semi = self._solver.discretised.semi
        grid = tuple(len(_coarse(a, self.finer)) for a in semi.axes)
        fields = {a.field for a in semi.state}
        if not self.times:
            check_rest(self._solver.discretised, _system(self.model))
        drawn = {name for name, _ in self.inputs}
        constants = {n: v for n, v in self._solver.discretised.parameters.items() if n not in drawn}
        return Description(
            tuple(Column(f"{n}_0", grid) if n in fields else Column(n, ()) for n, _ in self.inputs),
            tuple(Column(name, (len(self.times), *grid) if self.times else grid) for name in self.outputs),
            {a.name: _coarse(a, self.finer) for a in semi.axes},
            np.array(self.times) if self.times else None,
            constants | {"model": semi.name, "scheme": semi.scheme},
        )

    def record(self, k: int) -> tuple[dict[str, np.ndarray], int]:
        for attempt in range(_TRIES):
            values, y0 = self._start(k, attempt)
            states = self._solver.run(values, y0) if self.times else self._to_rest(values, y0)
            if np.isfinite(states).all() and np.abs(states).max() <= self.largest:  # steps may leap over a pole in time
                return self._columns(values, states), attempt
        raise SolveError(
            f"record {k}: {_TRIES} draws in a row could not be solved or left (-{self.largest:g}, {self.largest:g}); draw inputs "
            "from a smaller range, or write another method, a finer grid or looser tolerances"
        )

    def _to_rest(self, values: Mapping[str, float], y0: np.ndarray) -> np.ndarray:
        """The start and the state at rest, NaN where none is found."""
        solver = self._solver
        with solver.one_at_a_time:  # as in Trajectories.run, the parameters lie in memory that is shared
            solver.discretised._vector[:] = [values[name] for name in solver.names]
            y, found, _ = at_rest(solver.discretised, y0, self.rtol, self.atol)
        return np.stack([y0, y if found else np.full_like(y, np.nan)])

    @property
    def _solver(self) -> Trajectories:
        return _trajectories(
            self.model, self.times, self.cells, self.finer, self.scheme, self.order, (self.method, self.rtol, self.atol)
        )

    def _start(self, k: int, attempt: int) -> tuple[dict[str, float], np.ndarray]:
        """Parameters and the state that a record starts from."""
        discretised = self._solver.discretised
        semi, values = discretised.semi, dict(discretised.parameters)
        fields = {a.field: a for a in semi.full}
        drawn: dict[str, np.ndarray] = {}
        for index, (name, draw) in enumerate(self.inputs):
            rng = np.random.default_rng([self.seed, k, index, attempt])
            if name in values:
                values[name] = draw.draw(rng) if isinstance(draw, Uniform) else _number(name, draw(rng))  # type: ignore[operator]
            else:
                drawn[name] = _field(draw, rng, [semi.axes[a] for a in fields[name].axes])
        y0 = semi.initial(tuple(values[n] for n in discretised.parameters))
        for array in semi.state:
            if array.field in drawn:
                inner = tuple(slice(o, o + n) for o, n in zip(array.origin, array.shape, strict=True))
                y0[array.offset : array.offset + array.size] = drawn[array.field][inner].ravel()
        return values, y0

    def _columns(self, values: Mapping[str, float], states: np.ndarray) -> dict[str, np.ndarray]:
        """Full fields on the records' grid."""
        discretised = self._solver.discretised
        semi = discretised.semi
        p = np.array([values[n] for n in discretised.parameters])
        times = self._solver.times
        full = states
        if any(a.shape != b.shape for a, b in zip(semi.state, semi.full, strict=True)):
            full = np.stack([discretised.full_fields(t, y, p) for t, y in zip(times, states, strict=True)])
        arrays = {a.field: a for a in semi.full}
        made: dict[str, np.ndarray] = {}
        for name, _ in self.inputs:
            made |= (
                {name: np.array(values[name])}
                if name in values
                else {f"{name}_0": _placed(full[:1], arrays[name], semi.axes, self.finer)[0]}
            )
        if not self.times:
            return made | {n: _placed(full[-1:], arrays[n], semi.axes, self.finer)[0] for n in self.outputs}
        kept = full[len(times) - len(self.times) :]
        return made | {n: _placed(kept, arrays[n], semi.axes, self.finer) for n in self.outputs}


def described(draw: Draw) -> Any:
    """A draw as JSON has it."""
    if is_dataclass(draw) and not isinstance(draw, type):
        return {"kind": type(draw).__name__} | asdict(draw)
    return f"{getattr(draw, '__module__', '')}.{getattr(draw, '__qualname__', repr(draw))}"


@cache
def _system(model: str) -> PDESystem:
    system: PDESystem = read(model)
    return system


@cache
def _trajectories(
    model: str,
    times: tuple[float, ...],
    cells: tuple[tuple[str, int], ...],
    finer: int,
    scheme: str,
    order: int,
    stepping: tuple[str, float, float],
) -> Trajectories:
    """Compiled once a process. The start is among the times: inputs are read from there."""
    method, rtol, atol = stepping
    system = _system(model)
    start, end = _span(system)
    at = np.array((times or (start, end)) if not times or times[0] == start else (start, *times))
    resolution = {name: n * finer for name, n in cells}
    return Trajectories(system, at, rtol, atol, method, resolution=resolution, scheme=scheme, order=order)


def _number(name: str, value: Any) -> float:
    """What a function has drawn for a parameter."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not np.isfinite(number):
        raise SolveError(f"the function that draws {name} gave {value!r}; it must give a finite number")
    return number


def _field(draw: Draw, rng: np.random.Generator, axes: Sequence[Axis]) -> np.ndarray:
    """A drawn field on the whole grid."""
    points = tuple(a.points for a in axes)
    if hasattr(draw, "sample"):
        flags = tuple(a.periodic for a in axes), tuple(a.centred for a in axes)
        values = np.asarray(draw.sample(points, rng, tuple(a.stop - a.start for a in axes), *flags), dtype=float)
    else:
        values = np.asarray(draw(rng, *np.meshgrid(*(a.coordinates() for a in axes), indexing="ij")), dtype=float)  # type: ignore[operator]
    if values.shape == points and not np.isfinite(values).all():
        raise SolveError(
            f"an input was drawn with values that are not finite, the first {values[~np.isfinite(values)][0]}"
        )
    if values.shape != points:
        raise SolveError(f"an input was drawn with shape {values.shape}; its field has the points {points}")
    return values


def _coarse(axis: Axis, finer: int) -> np.ndarray:
    return _thinned(axis.coordinates(), 0, axis, finer)


def _thinned(values: np.ndarray, dimension: int, axis: Axis, finer: int) -> np.ndarray:
    """From the grid that is solved on to that of the records: every ``finer``-th point, or means of cells."""
    if finer == 1:
        return values
    if not axis.centred:
        return values[(slice(None),) * dimension + (slice(None, None, finer),)]
    shape = (*values.shape[:dimension], -1, finer, *values.shape[dimension + 1 :])
    return np.asarray(values.reshape(shape).mean(axis=dimension + 1))


def _placed(full: np.ndarray, array: Array, axes: tuple[Axis, ...], finer: int) -> np.ndarray:
    """A field out of full vectors (times, size): (times, *grid), constant along axes that it does not depend on."""
    values = full[:, array.offset : array.offset + array.size].reshape(-1, *array.shape)
    for dimension, a in enumerate(array.axes):
        values = _thinned(values, dimension + 1, axes[a], finer)
    for a in range(len(axes)):
        if a not in array.axes:
            values = np.repeat(np.expand_dims(values, a + 1), len(_coarse(axes[a], finer)), a + 1)
    return values


# --- what is asked for ---------------------------------------------------------------------------------------------------------------------


def model_pairs(
    system: Any,
    inputs: Any,
    outputs: Any,
    times: Any,
    resolution: Any,
    finer: Any,
    seed: Any,
    solving: Mapping[str, Any],
) -> ModelPairs:
    """The source for arguments as the user gives them. Raises the errors that ``operator_pairs`` names."""
    if not isinstance(system, PDESystem):
        raise SolveError(f"operator_pairs takes a system such as sn.PDESystem(...), got {type(system).__name__}")
    if not system.space:
        raise SolveError(
            f"{system.name or 'the system'} has no space; sets of ODE systems are made by sn.datasets.prose"
        )
    cells = _cells(system, resolution)
    numbers = {name: number(solving[name], name) for name in ("rtol", "atol", "largest")}
    return ModelPairs(
        export(system),
        _inputs(system, inputs),
        _outputs(system, outputs),
        _times(system, times),
        cells,
        whole(finer, "finer", 1),
        seed=whole(seed, "seed", 0),
        **(dict(solving) | numbers),
    )


def _names(system: PDESystem) -> list[str]:
    return [str(getattr(f, "name", f)) for f in system.fields]


def _inputs(system: PDESystem, given: Any) -> tuple[tuple[str, Draw], ...]:
    if not isinstance(given, Mapping) or not given:
        raise SolveError(
            'inputs say what is drawn; write inputs={"u": sn.datasets.GaussianField("matern", length=0.1), "nu": (0.01, 0.1)}'
        )
    fields, parameters = _names(system), list(system.parameters)
    made: list[tuple[str, Draw]] = []
    for key, draw in given.items():
        name = str(getattr(key, "name", key))
        if name in parameters:
            if isinstance(draw, tuple) and len(draw) == 2:
                draw = Uniform(*draw)
            if not isinstance(draw, Uniform) and (hasattr(draw, "sample") or not callable(draw)):
                raise SolveError(
                    f"the parameter {name} is drawn from {draw!r}; write (low, high), sn.datasets.Uniform(...) or a function of a generator"
                )
        elif name in fields:
            if not hasattr(draw, "sample") and not callable(draw):
                raise SolveError(
                    f'the field {name} is drawn from {draw!r}; write sn.datasets.GaussianField("matern", length=0.1) or a function'
                )
        else:
            known = [*fields, *parameters]
            raise UnknownName(
                f"{system.name or 'the system'} has no field or parameter {name!r} to draw.{did_you_mean(name, known)} It has: {', '.join(known)}"
            )
        made.append((name, draw))
    return tuple(made)


def _outputs(system: PDESystem, given: Any) -> tuple[str, ...]:
    fields = _names(system)
    if given is None:
        return tuple(fields)
    listed = list(given) if isinstance(given, list | tuple) else [given]
    names = tuple(str(getattr(f, "name", f)) for f in listed)
    for name in names:
        if name not in fields:
            raise UnknownName(
                f"{system.name or 'the system'} has no field {name!r}.{did_you_mean(name, fields)} It has: {', '.join(fields)}"
            )
    if not names or len(set(names)) < len(names):
        raise SolveError(f"outputs={given!r}; write the names of fields, each once")
    return names


def _span(system: PDESystem) -> tuple[float, float]:
    """The time interval."""
    assert system.time is not None
    low, high = system.domain.bounds[system.time.name]
    return float(low), float(high)


def _times(system: PDESystem, given: Any) -> tuple[float, ...]:
    """Increasing times in the interval; a number: so many, equally spaced from start to end."""
    if system.time is None:
        raise SolveError(f"{system.name or 'the system'} has no time; steady sets are made by sn.datasets.darcy_flow")
    low, high = _span(system)
    if isinstance(given, str) and given == "steady":
        return ()
    if isinstance(given, int) and not isinstance(given, bool):
        return tuple(np.linspace(low, high, whole(given, "times", 2)).tolist())
    try:
        times = np.array(given, dtype=float)
    except (TypeError, ValueError):
        times = np.zeros(0)
    if times.ndim != 1 or not times.size or not (np.diff(times) > 0).all() or not low <= times[0] <= times[-1] <= high:
        raise SolveError(
            f"times={given!r} are no increasing times from {low:g} to {high:g}; write their number, times=101, a list, or 'steady'"
        )
    return tuple(times.tolist())


def _cells(system: PDESystem, given: Any) -> tuple[tuple[str, int], ...]:
    """Cells along each coordinate."""
    names = [x.name for x in system.space]
    if not isinstance(given, Mapping):
        return tuple((name, whole(given, "resolution", 2)) for name in names)
    by_name = {str(getattr(key, "name", key)): value for key, value in given.items()}
    for name in by_name:
        if name not in names:
            raise UnknownName(f"resolution names {name!r}.{did_you_mean(name, names)} Coordinates: {', '.join(names)}")
    missing = [name for name in names if name not in by_name]
    if missing:
        raise SolveError(
            f"resolution={given!r} says nothing of {missing[0]}; write resolution={{{missing[0]}: 64, ...}}"
        )
    return tuple((name, whole(by_name[name], f"resolution of {name}", 2)) for name in names)
