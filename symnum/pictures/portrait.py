"""The phase plane of a planar system: direction field, nullclines, and paths from several starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symnum.errors import SolveError, UnknownName, did_you_mean
from symnum.model.system import PDESystem
from symnum.pictures.frame import Frame, Path
from symnum.pipeline import discretise, solve
from symnum.result.phase import draw_field
from symnum.result.style import INK, LINE_COLOURS, label, symbol, tidy

Start = Mapping[Any, float] | Sequence[float]


def phase_portrait(
    system: PDESystem,
    starts: Sequence[Start] = (),
    limits: Sequence[tuple[float, float]] | None = None,
    *,
    ax: Any = None,
    path: Path | None = None,
    title: str | None = None,
    width: float | str | None = None,
    dpi: float = 150,
    **options: Any,
) -> Any:
    """Draw the phase plane of ``x' = f(x, y), y' = g(x, y)``: arrows along (f, g), the lines f = 0 and g = 0, and paths.

    Args:
        system: an ODE system of two states whose rates do not depend on time.
        starts: initial states, ``[(0.1, 0), {"u": 2, "v": 1}]``, solved beside the system's own. limits: ``[(x0, x1), (y0, y1)]``; default: what
            the paths reach.
        ax, path, title, width, dpi: as for ``sol.plot``. options: as for ``sn.solve``.

    Raises SolveError for a system that is not planar or depends on time, UnknownName for a start that names no state.
    """
    if not isinstance(system, PDESystem):
        raise SolveError(
            f"sn.pictures.phase_portrait takes a system, not {type(system).__name__}; a solution draws itself: sol.plot(kind='phase')"
        )
    names = [u.name for u in system.fields]
    discretised = discretise(system) if not system.space else None
    if discretised is None or discretised.size != 2 or len(names) != 2 or discretised.semi.differential is not None:
        count = "coordinates in space" if discretised is None else f"{discretised.size} unknowns in {len(names)} fields"
        raise SolveError(
            f"a phase plane shows two states with rates of their own; this system has {count}. Write sol.plot(kind='phase') for its path."
        )
    first = discretised.semi.time_span[0]
    if not discretised.semi.rhs.autonomous or discretised.semi.breakpoints:
        raise SolveError(
            "the rates depend on time, so their arrows would turn; write sol.plot(kind='phase') for the path alone"
        )
    runs = [
        solve(system.replace(initial=_initial(system, start)) if start is not None else system, **options)
        for start in (None, *starts)
    ]
    header = f"{len(runs)} path{'s' if len(runs) > 1 else ''}  ·  {runs[0].method}"
    frame = Frame(ax, (title or system.name.replace("_", " "), header), width, 5.2, 0.86, dpi)
    for run in runs:
        _path(frame.axes, run, names)
    units = [str(runs[0][name].attrs.get("units", "")) for name in names]
    frame.axes.set(**dict(zip(("xlabel", "ylabel"), map(label, names, units), strict=True)))
    if limits is not None:
        frame.axes.set(xlim=limits[0], ylim=limits[1])

    def rates(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        made = np.array([discretised.rhs(first, np.array(pair)) for pair in zip(x.ravel(), y.ravel(), strict=True)])
        return made[:, 0].reshape(x.shape), made[:, 1].reshape(x.shape)

    frame.axes.spines[["top", "right"]].set_visible(False)
    draw_field(frame.axes, rates, [symbol(name) for name in names])
    tidy(frame.axes)
    return frame.done(path)


def _initial(system: PDESystem, start: Start) -> dict[Any, float]:
    by_name = {u.name: u for u in system.fields}
    if not isinstance(start, Mapping):
        if len(start) != 2:
            raise SolveError(f"a start is two numbers, not {start!r}; write starts=[(0.1, 0)]")
        return dict(zip(system.fields, map(float, start), strict=True))
    named = {str(getattr(key, "name", key)): float(value) for key, value in start.items()}
    for name in named:
        if name not in by_name:
            raise UnknownName(
                f"there is no state {name!r}.{did_you_mean(name, by_name)} There are: {', '.join(by_name)}."
            )
    if len(named) != 2:
        raise SolveError(f"the start {start!r} does not give both of {', '.join(by_name)}")
    return {by_name[name]: value for name, value in named.items()}


def _path(axes: Any, run: Any, names: Sequence[str]) -> None:
    t = np.linspace(run.t[0], run.t[-1], 1500)
    dense = run(t=t)
    x, y = (np.asarray(dense[name]) for name in names)
    axes.plot(x, y, color=LINE_COLOURS[0], linewidth=1.4, zorder=2.5, solid_joinstyle="round", label="_path")
    axes.plot(x[:1], y[:1], "o", color=INK, markersize=4, zorder=3, label="_start")
