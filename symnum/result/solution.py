"""The solution of a model: fields as labelled arrays, values between the points, and how they were computed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from symnum import display
from symnum.errors import SolveError
from symnum.result.axes import TIME, Array, units_of
from symnum.result.events import EventOccurrence
from symnum.result.interpolate import Dense, FieldValues, interpolate, name_of, unknown_field

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

STATS = (
    "steps",
    "rejected",
    "rhs_evaluations",
    "jacobian_evaluations",
    "linear_solves",
    "compile_seconds",
    "solve_seconds",
)


class Solution:
    """Fields over time and space, with the method that found them and the sentence that says how it went.

    ``sol[u]`` is a field as ``xarray.DataArray`` (t, x, y, ...), ``sol(t=3.0, x=0.25)`` gives values in between. ``sol.success`` and ``sol.message``
    say how the run ended, ``sol.method`` and ``sol.why`` what solved it, ``sol.stats`` what that took, ``sol.events`` what happened on the way.

    ``dataset``: dimensions (t, x, y, ...), one data variable a field, ``units`` attributes; a field has the dimensions
    that it depends on, t first. Attributes of the data set: ``periodic = "x y"`` with ``period_x = 1.0`` (the same for
    ``antiperiodic``), and ``bounds_x = (0.0, 1.0)`` where the points do not reach the ends of the domain (cells).
    ``dense(t)``: every field at time t, without the time dimension; the integrator's own dense output, used if given.
    ``slopes[name]``: du/dt at the saved times, shaped as the field, for cubic Hermite interpolation in time. A field
    with neither is interpolated linearly in time.
    ``events``: what happened on the way, ``EventOccurrence`` objects in the order of time.
    ``rates(t, {name: value})``: du/dt of every state of a small system without space, for the arrows of phase portraits.
    ``stats``: the keys of ``STATS``; what was not counted is None.

    Raises ``SolveError`` where these do not fit together.
    """

    def __init__(
        self,
        dataset: xarray.Dataset,
        *,
        success: bool,
        message: str,
        method: str,
        why: str,
        stats: Mapping[str, Any],
        name: str,
        dense: Dense | None = None,
        slopes: Mapping[str, Array] | None = None,
        events: Iterable[EventOccurrence] = (),
        rates: Callable[[float, Mapping[str, float]], Mapping[str, float]] | None = None,
    ) -> None:
        self.success, self.message, self.method, self.why, self.name = bool(success), message, method, why, name
        self.stats: dict[str, Any] = {**dict.fromkeys(STATS), **stats}
        self.events = tuple(events)
        self._dataset, self._dense, self._slopes, self._rates = dataset, dense, dict(slopes or {}), rates
        self._provenance: Callable[[], str] = str
        _check(dataset, self._slopes)

    # ---- values ---------------------------------------------------------------------------------

    @property
    def t(self) -> Array:
        """The saved times, shape (n,); empty for a solution without time (a steady state)."""
        return np.asarray(self._dataset[TIME].values) if TIME in self._dataset.dims else np.zeros(0)

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields."""
        return tuple(str(v) for v in self._dataset.data_vars)

    @property
    def parameters(self) -> dict[str, float]:
        """Name -> value of the parameters that the run used; empty if the data set does not tell."""
        return {str(k): float(v) for k, v in json.loads(self._dataset.attrs.get("parameters", "{}")).items()}

    @property
    def provenance(self) -> str:
        """JSON of the model and the options that made this solution (``symnum.provenance`` reads it); empty where they are not known."""
        return self._provenance()

    def made_by(self, text: Callable[[], str]) -> None:
        """Remember what made the solution; ``text()`` is the JSON, made when it is asked for."""
        self._provenance = text

    def __getitem__(self, key: object) -> xarray.DataArray:
        """``sol[u]`` or ``sol["u"]``: the field (or coordinate) with its labels. ``UnknownName`` if there is none."""
        name = name_of(key)
        if name not in self._dataset.variables:
            raise unknown_field(name, self.fields)
        return self._dataset[name]

    def __getattr__(self, name: str) -> NoReturn:
        """Only reached for what is no attribute: ``sol.u`` is written ``sol["u"]``."""
        known = self.__dict__.get("_dataset")
        hint = f"; fields are looked up: sol[{name!r}]" if known is not None and name in known.variables else ""
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}{hint}", name=name, obj=self)

    def __contains__(self, key: object) -> bool:
        return getattr(key, "name", key) in self.fields

    def __iter__(self) -> Iterator[str]:
        return iter(self.fields)

    def __call__(self, t: object = None, **coordinates: object) -> FieldValues:
        """Values at ``t`` and space coordinates: ``sol(t=3.0, x=0.25)[u]``, ``sol(t=[1, 2], x=0.25)``, ``sol(3.0)``.

        Each coordinate is a number or a 1-D array (arrays span a product grid); those left out keep their grid. Time:
        dense output, else cubic Hermite, else linear; space: local cubic, round the wrap on periodic axes.
        Raises ``SolveError`` outside the interval that the solution covers, ``UnknownName`` for another coordinate.
        """
        asked = coordinates if t is None else {TIME: t, **coordinates}
        return interpolate(self._dataset, asked, dense=self._dense, slopes=self._slopes)

    def to_xarray(self) -> xarray.Dataset:
        """All fields as one ``xarray.Dataset`` (a shallow copy); attributes say how they were computed: method, why, message, scheme, order."""
        made = self._dataset.copy(deep=False)
        made.attrs |= {"title": self.name, "method": self.method, "why": self.why, "message": self.message}
        return made

    # ---- files and pictures ---------------------------------------------------------------------

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write a netCDF-4 file, ``sol.save("run.nc")``; any netCDF reader opens it. ``FileError`` for another suffix.

        Slopes go along, so a loaded solution interpolates by cubic Hermite; the integrator's own dense output does not.
        """
        from symnum.result.store import save_solution

        return save_solution(self, path)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Solution:
        """The solution that ``save`` wrote. ``FileError`` for a missing file, one that is not netCDF-4, or not ours."""
        from symnum.result.store import load_solution

        return load_solution(path)

    def plot(
        self, field: object = None, t: object = None, path: str | os.PathLike[str] | None = None, **options: Any
    ) -> Figure:
        """A matplotlib ``Figure``: curves and phase portrait (ODE), lines and space-time (1-D), panels (2-D), three planes (3-D).

        ``field``: one or several, by default all; ``t``: the times to show; ``path``: also write it there (.png, .pdf, .svg).
        ``options``: ``kind`` ("phase", "slices", ...), ``at={"x": 0.5}``, ``width``, ``title``, ``dpi``, ``cmap``: see
        ``symnum.result.plot.plot_solution``.
        """
        from symnum.result.plot import plot_solution

        return plot_solution(self, field=field, t=t, path=path, **options)

    def movie(self, path: str | os.PathLike[str], field: object = None, **options: Any) -> Path:
        """A moving picture of a field in one or two space dimensions: ``sol.movie("run.mp4")`` or ``"run.gif"``.

        ``options``: see ``symnum.result.movie.write_movie``. ``BackendUnavailable`` for mp4 without ffmpeg.
        """
        from symnum.result.movie import write_movie

        return write_movie(self, path, field=field, **options)

    def explore(self, field: object = None, **options: Any) -> Any:
        """A picture with a player of time and sliders of the parameters, for notebooks: see ``symnum.notebook.explorer.explore``.

        A slider solves the model again. Raises ``BackendUnavailable`` without ipywidgets.
        """
        return display.above("notebook.explorer", "explore")(self, field, **options)

    # ---- what people read -----------------------------------------------------------------------

    def __repr__(self) -> str:
        return "\n".join([self._headline(), *(f"  {label:<8}{line}" for label, line in self._facts())])

    def _repr_html_(self) -> str:
        picture = display.image(self.plot, f"a picture of {self.name or 'the solution'}", 760)
        return display.card(self._headline(), self._facts(), picture, display.folded("arrays", self._dataset._repr_html_()))

    def _headline(self) -> str:
        outcome = self.message or ("success" if self.success else "the solve failed")
        return f"Solution{f' of {self.name!r}' if self.name else ''}: {outcome}"

    def _facts(self) -> list[tuple[str, str]]:
        rows = [("method", f"{self.method}: {self.why}" if self.why else self.method), ("fields", self._shape_line())]
        rows += [("time", self._time_line())] if self.t.size else []
        rows += [("work", work)] if (work := self._work_line()) else []
        return rows

    def _shape_line(self) -> str:
        names = ", ".join(self.fields[:6]) + (f", ... ({len(self.fields)} fields)" if len(self.fields) > 6 else "")
        space = [f"{d}: {n}" for d, n in self._dataset.sizes.items() if d != TIME]
        return f"{names} on ({', '.join(space)})" if space else names

    def _time_line(self) -> str:
        units = units_of(self._dataset[TIME])
        count = f"{self.t.size} saved time{'s' if self.t.size != 1 else ''}"
        return f"{self.t[0]:g} to {self.t[-1]:g}{' ' + units if units else ''}, {count}"

    def _work_line(self) -> str:
        counted = {key: value for key, value in self.stats.items() if value is not None}
        parts = [
            f"{counted[key]:,} {words}"
            for key, words in (("steps", "steps"), ("rejected", "rejected"))
            if key in counted
        ]
        parts += [f"{counted['rhs_evaluations']:,} right-hand sides"] if "rhs_evaluations" in counted else []
        parts += [f"{counted['solve_seconds']:.3g} s"] if "solve_seconds" in counted else []
        parts += [f"{counted['compile_seconds']:.3g} s to compile"] if "compile_seconds" in counted else []
        parts += [f"seed {counted['seed']}"] if "seed" in counted else []
        return ", ".join(parts)


def _check(dataset: xarray.Dataset, slopes: Mapping[str, Array]) -> None:
    """Dimensions, times and slopes fit together; each error names the field."""
    for name, field in dataset.data_vars.items():
        if TIME in field.dims[1:]:
            raise SolveError(
                f"field {name!r} has dimensions {field.dims}; time comes first. Write array.transpose('{TIME}', ...)."
            )
    for name, slope in slopes.items():
        if name not in dataset.data_vars or np.shape(slope) != dataset[name].shape:
            expected = dataset[name].shape if name in dataset.data_vars else "a field of the solution"
            raise SolveError(f"slopes[{name!r}] has shape {np.shape(slope)}; expected {expected}, as the field itself.")
    for dim in dataset.dims:
        if dim not in dataset.coords:
            raise SolveError(f"dimension {dim!r} has no coordinate values. Write dataset.assign_coords({dim}=values).")
    for dim in f"{dataset.attrs.get('periodic', '')} {dataset.attrs.get('antiperiodic', '')}".split():
        if f"period_{dim}" not in dataset.attrs:
            raise SolveError(f"axis {dim} is periodic but its length is not given. Set dataset.attrs['period_{dim}'].")
    times = np.diff(np.asarray(dataset[TIME].values, dtype=float)) if TIME in dataset.dims else np.zeros(0)
    if not (np.all(times >= 0) or np.all(times <= 0)):
        raise SolveError("the saved times go back and forth; they must be in order. Write dataset.sortby('t').")
