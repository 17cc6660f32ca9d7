"""Solutions as plots of characters: curves and path (ODE), lines and space-time (1-D), maps at a few times (2-D, slices of 3-D).

    Solution -> fields that fit together -> Sheet
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.errors import SolveError
from symnum.repl.sheet import Sheet, below, beside
from symnum.repl.text_plots import LINES, Array, Axis, Curve, extent, heat_map, line_plot, shade

if TYPE_CHECKING:
    from symnum.result import Solution

TIME = "t"  # the solution's first dimension, whatever the model calls it
_SMOOTH = 600  # points of a curve of few steps
_UNLIKE = 30.0  # states whose ranges differ by more than this get a frame each
_FLAT = 0.05  # part of the common scale below which a map would be of one colour
_PAIR = 72  # characters from which two frames stand side by side


@dataclass(frozen=True)
class Paper:
    """Room for a plot in characters, and whether there are colours."""

    width: int
    height: int
    colour: bool


def solution_plot(solution: Solution, paper: Paper, fields: Sequence[str] = (), times: Sequence[float] = ()) -> Sheet:
    """The plot of ``fields`` (by default those with the most dimensions) at ``times`` (by default evenly spread).

    Raises UnknownName for a field that is not there, SolveError for fields that do not fit in one plot or times outside the solution.
    """
    names = list(fields) or _main_fields(solution)
    dims = [str(d) for d in solution[names[0]].dims]
    different = [name for name in names if list(solution[name].dims) != dims]
    if different:
        raise SolveError(
            f"{names[0]} depends on ({', '.join(dims)}), {different[0]} on other coordinates: plot them one by one, :plot {different[0]}"
        )
    if not solution.t.size or dims[:1] != [TIME]:
        raise SolveError(f"{names[0]} does not depend on time; :plot {names[0]}.png draws it")
    space = dims[1:]
    if not space:
        return _curves(solution, names, paper)
    shown = names[: 3 if paper.height < 36 else 4]
    each = Paper(paper.width, max(paper.height // len(shown), 10), paper.colour)
    draw = _lines_and_map if len(space) == 1 else _maps
    sheet = draw(solution, shown[0], each, times)
    for name in shown[1:]:
        sheet = below(sheet, draw(solution, name, each, times))
    return sheet


def _main_fields(solution: Solution) -> list[str]:
    if not solution.fields:
        raise SolveError("the solution holds no field to plot")
    most = max(len(solution[name].dims) for name in solution.fields)
    first = next(name for name in solution.fields if len(solution[name].dims) == most)
    return [name for name in solution.fields if solution[name].dims == solution[first].dims]


def left_out(solution: Solution, paper: Paper, fields: Sequence[str]) -> int:
    """How many of the fields that could be shown are not, for want of room."""
    names = list(fields) or _main_fields(solution)
    room = 6 if len(solution[names[0]].dims) == 1 else 3 if paper.height < 36 else 4
    return max(len(names) - room, 0)


# ---- curves ------------------------------------------------------------------------------------


def _curves(solution: Solution, names: list[str], paper: Paper) -> Sheet:
    """States against time, in one frame or, where their sizes differ, in several; beside two or three of them their path."""
    t, values = _smooth(solution, names[:6])
    names = list(values)
    ranges = {name: np.subtract(*extent([v])[::-1]) for name, v in values.items()}
    alike = max(ranges.values()) <= _UNLIKE * min(ranges.values())
    path = len(names) in (2, 3) and paper.width >= _PAIR and alike
    width = paper.width if not path else round(0.56 * paper.width)
    groups = [names] if alike else [[name] for name in names[:4]]
    colours = dict(zip(names, itertools.cycle(LINES), strict=False))
    frames = []
    for group in groups:
        drawn = [Curve(t, values[name], name, colours[name]) for name in group]
        axis = Axis(", ".join(group), *extent([values[name] for name in group], 0.04))
        frames.append(line_plot(drawn, Axis(TIME, *extent([t])), axis, width, max(paper.height // len(groups), 8), paper.colour))
    sheet = frames[0]
    for frame in frames[1:]:
        sheet = below(sheet, frame)
    if not path:
        return sheet
    across, up = (names[0], names[1]) if len(names) == 2 else (names[0], names[2])
    curve = [Curve(values[across], values[up], "", LINES[5] if len(names) == 2 else LINES[1])]
    right, upward = (Axis(name, *extent([values[name]], 0.04)) for name in (across, up))
    return beside(sheet, line_plot(curve, right, upward, paper.width - width - 2, sheet.height, paper.colour, legend=False))


def _smooth(solution: Solution, names: list[str]) -> tuple[Array, dict[str, Array]]:
    """Times and values; between few steps of a method of high order the curve is interpolated."""
    t = solution.t
    if 1 < t.size < _SMOOTH and solution.success:
        t = np.linspace(t[0], t[-1], _SMOOTH)
        found: Any = solution(t=t)
        return t, {name: _real(found[name].values) for name in names}
    return t, {name: _real(solution[name].values) for name in names}


def _real(values: Any) -> Array:
    array = np.asarray(values)
    return np.abs(array) if np.iscomplexobj(array) else array.astype(float)


# ---- one space dimension -----------------------------------------------------------------------


def _lines_and_map(solution: Solution, name: str, paper: Paper, times: Sequence[float]) -> Sheet:
    """Lines at a few times, and beside them all times as colours."""
    dim = str(solution[name].dims[1])
    x, values = _closed(solution, name)
    asked = _asked(solution, times) if len(times) else _spread(solution.t, values, 4 if paper.height < 14 else 5)
    pair = paper.width >= _PAIR
    width = round(0.56 * paper.width) if pair else paper.width
    curves = []
    for k, time in enumerate(asked):
        row = int(np.argmin(np.abs(solution.t - time)))
        colour = shade(0.25 + 0.65 * k / max(len(asked) - 1, 1))
        curves.append(Curve(x, values[row], f"{TIME}={solution.t[row]:.4g}", colour))
    scale = extent([values])
    across = Axis(dim, float(x[0]), float(x[-1]))
    sheet = line_plot(curves, across, Axis(name, *extent([values], 0.04)), width, paper.height, paper.colour)
    if not pair:
        return sheet
    uniform = np.linspace(solution.t[0], solution.t[-1], max(2 * paper.height, 64))
    rows = np.abs(solution.t[None, :] - uniform[:, None]).argmin(axis=1)
    upward = Axis(TIME, *extent([solution.t]))
    ordered = values[rows] if solution.t[-1] >= solution.t[0] else values[rows][::-1]
    side = heat_map(ordered, across, upward, paper.width - width - 2, paper.height, paper.colour, name, scale)
    return beside(sheet, side)


def _closed(solution: Solution, name: str) -> tuple[Array, Array]:
    """Points and values (time, points); a periodic axis ends with its first point again."""
    dataset = solution.to_xarray()
    array = solution[name]
    dim = str(array.dims[1])
    x, values = np.asarray(array[dim].values, dtype=float), _real(array.values)
    period = dataset.attrs.get(f"period_{dim}")
    if period is not None:
        sign = -1.0 if dim in str(dataset.attrs.get("antiperiodic", "")).split() else 1.0
        x, values = np.append(x, x[0] + float(period)), np.concatenate([values, sign * values[:, :1]], axis=1)
    return x, values


def _spread(t: Array, values: Array, count: int) -> list[float]:
    """Saved times evenly spread over those that hold numbers."""
    filled = t[np.isfinite(values.reshape(len(t), -1)).any(axis=1)]
    filled = filled if filled.size else t
    wanted = np.linspace(filled[0], filled[-1], count)
    return sorted({float(filled[int(np.argmin(np.abs(filled - time)))]) for time in wanted})


def _asked(solution: Solution, times: Sequence[float]) -> list[float]:
    low, high = sorted((float(solution.t[0]), float(solution.t[-1])))
    for time in times:
        if not low <= time <= high:
            raise SolveError(f"t = {time:g} lies outside the solution, which goes from {low:g} to {high:g}")
    return [float(time) for time in times]


# ---- two space dimensions ----------------------------------------------------------------------


def _maps(solution: Solution, name: str, paper: Paper, times: Sequence[float]) -> Sheet:
    """Maps at a few times with one scale; a third dimension is cut in its middle."""
    array = solution[name]
    cut = {str(d): array.sizes[d] // 2 for d in array.dims[3:]}
    array = array.isel(cut)
    values = _real(array.values)
    axes = [Axis(str(d), *extent([np.asarray(array[d].values, dtype=float)])) for d in array.dims[1:]]
    count = len(times) or max(1, min(3, paper.width // 26))
    asked = _asked(solution, times)[:count] if len(times) else _spread(solution.t, values, count + 1)[-count:]
    width = (paper.width - 2 * (count - 1)) // count
    ratio = (axes[1].high - axes[1].low) / (axes[0].high - axes[0].low)
    height = min(paper.height, max(8, round(0.5 * (width - 7) * min(max(ratio, 0.3), 3.0)) + 4))
    at = "".join(f", {d}={float(solution[name][d][k]):.3g}" for d, k in cut.items())
    rows = [int(np.argmin(np.abs(solution.t - time))) for time in asked]
    scale: tuple[float, float] | None = extent([values])
    if scale is not None and max(np.subtract(*extent([values[row]])[::-1]) for row in rows) < _FLAT * (scale[1] - scale[0]):
        scale = None  # nearly uniform each, their levels far apart: every map has its own
    sheet: Sheet | None = None
    for row in rows:
        made = heat_map(values[row].T, axes[0], axes[1], width, height, paper.colour, f"{name}, {TIME}={solution.t[row]:.4g}{at}", scale)
        sheet = made if sheet is None else beside(sheet, made)
    assert sheet is not None
    return sheet
