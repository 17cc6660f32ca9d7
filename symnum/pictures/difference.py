"""A solution beside an exact one, or another solution, and their difference."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray

from symnum.errors import SolveError, UnknownName, did_you_mean
from symnum.expr.term import Symbol, as_term
from symnum.expr.walk import postorder
from symnum.functions import build_function
from symnum.pictures.frame import Path, finish
from symnum.result import Solution
from symnum.result.axes import TIME, units_of
from symnum.result.image import picture
from symnum.result.layers import Layer, layer_of, typical_times
from symnum.result.panels import shape_of
from symnum.result.style import (
    FAINT,
    INK,
    LINE_COLOURS,
    MEDIUM,
    NARROW,
    SMALL,
    Picture,
    colour_bar,
    colour_scale,
    inches,
    new_picture,
    open_box,
    symbol,
    tidy,
    time_colours,
)

Other = Solution | Mapping[Any, Any]


def comparison(
    solution: Solution,
    against: Other,
    field: Any = None,
    t: Any = None,
    *,
    path: Path | None = None,
    title: str | None = None,
    width: float | str | None = None,
    dpi: float = 150,
) -> Picture:
    """Draw a field of a solution, the same field of ``against``, and the difference ``solution - against``.

    Args:
        against: another solution (interpolated to the points and times of the first), or field -> exact solution: a term in the coordinates, or
            a function of them, ``{"u": lambda t, x: ...}`` (arrays that span a grid, coordinates by name).
        field: which (default: the first that both hold). t: times in one space dimension (default: about five), the time in two (default: last).
        path, title, width, dpi: as for ``sol.plot``.

    Without space and in one dimension lines, in two panels; the difference has a scale of its own, diverging about zero. Raises SolveError where
    there is no field in common, for three dimensions (cut first: xarray's ``sel``) and for terms with other symbols than coordinates;
    UnknownName for another field.
    """
    name = _common(solution, against, field)
    found = solution[name]
    if len([d for d in found.dims if d != TIME]) > 2 or np.iscomplexobj(found.values):
        raise SolveError(f"{name} has three space dimensions or complex values; compare cuts of it with xarray")
    if t is not None:
        found = solution(t=np.atleast_1d(np.asarray(t, dtype=float)))[name]
    other = _values(against, name, found)  # at the points of the solution, before cells are carried on to the sides
    ours, theirs = layer_of(solution, found), layer_of(solution, other)
    largest = float(np.nanmax(np.abs(found.values - other.values)))
    scale = float(np.nanmax(np.abs(other.values))) or 1.0
    subtitle = f"{ours.short}  ·  largest difference {largest:.3g}, {largest / scale:.2g} of the largest value"
    heading = (title or solution.name.replace("_", " "), subtitle)
    gap = ours.array.copy(data=ours.values - theirs.values)
    difference = Layer(gap, f"difference{ours.label.removeprefix(ours.short)}", "difference")
    draw: Callable[..., Picture] = (_curves, _lines, _panels)[len(ours.space)]
    return finish(draw((ours, theirs, difference), heading, width, dpi), path)


def _common(solution: Solution, against: Other, field: Any) -> str:
    if not isinstance(against, (Solution, Mapping)):
        raise SolveError(
            f"against is a solution or a mapping from fields to exact solutions, not {type(against).__name__}; write against={{'u': term}}"
        )
    there = [str(getattr(key, "name", key)) for key in against]
    name = (
        next((n for n in solution.fields if n in there), None) if field is None else str(getattr(field, "name", field))
    )
    if name is None:
        raise SolveError(f"there is no field in common: {', '.join(solution.fields)} and {', '.join(there)}")
    for known in (solution.fields, there):
        if name not in known:
            raise UnknownName(
                f"there is no field {name!r} in both.{did_you_mean(name, known)} There are: {', '.join(known)}."
            )
    return name


def _values(against: Other, name: str, like: xarray.DataArray) -> xarray.DataArray:
    """The other field at the points and times of ``like``."""
    places = {str(d): np.asarray(like[d].values, dtype=float) for d in like.dims}
    if isinstance(against, Solution):
        made = against(**places)[name]
        return like.copy(data=np.asarray(made.transpose(*like.dims).values, dtype=float))
    given = next(value for key, value in against.items() if str(getattr(key, "name", key)) == name)
    grids = dict(zip(places, np.meshgrid(*places.values(), indexing="ij"), strict=True))
    if callable(given) and not hasattr(given, "args"):
        return like.copy(data=np.broadcast_to(np.asarray(given(**grids), dtype=float), like.shape))
    term = as_term(given)
    symbols = [s for s in postorder([term]) if isinstance(s, Symbol)]
    unknown = [s.name for s in symbols if s.name not in places]
    if unknown:
        listed = ", ".join(places)
        raise SolveError(
            f"the exact solution of {name} holds {', '.join(unknown)}; only the coordinates {listed} have values. Put numbers in their place."
        )
    if not symbols:
        return like.copy(data=np.full(like.shape, float(build_function([term], [], target="numpy")()[0])))
    values = build_function([term], symbols, target="numpy")(*(np.ascontiguousarray(grids[s.name]) for s in symbols))
    return like.copy(data=np.broadcast_to(np.asarray(values[0], dtype=float), like.shape))


def _curves(layers: tuple[Layer, Layer, Layer], heading: tuple[str, str], width: Any, dpi: float) -> Picture:
    ours, theirs, gap = layers
    figure = new_picture(inches(width, 7.4), 4.4, *heading, dpi=dpi)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[2, 1])
    t = ours.points(TIME)
    upper.plot(t, ours.values, color=LINE_COLOURS[0], linewidth=1.6, label="solution")
    upper.plot(t, theirs.values, color=LINE_COLOURS[1], linewidth=1.2, linestyle="dashed", label="compared with")
    lower.plot(t, gap.values, color=INK, linewidth=1.0)
    upper.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False, fontsize=SMALL, borderaxespad=0.1)
    upper.set(ylabel=ours.label, xlim=(t[0], t[-1]))
    lower.set(ylabel=gap.label, xlabel=ours.axis_label(TIME))
    for axes in (upper, lower):
        open_box(axes)
        tidy(axes)
    figure.align_ylabels()
    return figure


def _lines(layers: tuple[Layer, Layer, Layer], heading: tuple[str, str], width: Any, dpi: float) -> Picture:
    ours, theirs, gap = layers
    times = typical_times(ours, 5)
    size = inches(width, 9.0)
    wide = size >= NARROW
    figure = new_picture(size, 3.3 if wide else 4.6, *heading, dpi=dpi)
    left, right = figure.subplots(1, 2) if wide else figure.subplots(2, 1, sharex=True)
    x = ours.points(ours.space[0])
    for number, (time, colour) in enumerate(zip(times, time_colours(len(times)), strict=True)):
        said = f"{symbol(TIME)} = {time:.4g} {units_of(ours.array[TIME])}".rstrip() if TIME in ours.array.dims else "_"
        left.plot(x, ours.at(time).values, color=colour, linewidth=1.6, label=said)
        left.plot(
            x,
            theirs.at(time).values,
            color=INK,
            linewidth=0.9,
            linestyle=(0, (3, 3)),
            label="compared with" if not number else "_",
        )
        right.plot(x, gap.at(time).values, color=colour, linewidth=1.4)
    right.axhline(0, color=FAINT, linewidth=0.7, zorder=1)
    for axes, text in ((left, ours.label), (right, gap.label)):
        axes.set(ylabel=text, xlim=(x[0], x[-1]))
        if wide or axes is right:
            axes.set_xlabel(ours.axis_label(ours.space[0]))
        open_box(axes)
        tidy(axes)
    figure.legend(
        *left.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=6 if wide else 3,
        frameon=False,
        fontsize=SMALL,
    )
    return figure


def _panels(layers: tuple[Layer, Layer, Layer], heading: tuple[str, str], width: Any, dpi: float) -> Picture:
    last = float(layers[0].points(TIME)[-1]) if TIME in layers[0].array.dims else 0.0
    ours, theirs, gap = (layer.at(last) for layer in layers)
    ratio, comparable = shape_of(ours)
    size = inches(width, 9.5)
    wide = size >= NARROW
    side = (size - 2.6) / 3 if wide else min(size - 1.6, 2.2)
    figure = new_picture(
        size, side * ratio + 0.8 if wide else 3 * (side * ratio + 0.5) + 0.4, *heading, dpi=dpi, compress=comparable
    )
    grid = figure.subplots(1, 3) if wide else figure.subplots(3, 1)
    common = colour_scale(np.stack([ours.values, theirs.values]), robust=False)
    reach = float(np.nanmax(np.abs(gap.values))) or 1.0
    scales = (common, common, {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach})
    names = (
        f"solution, {symbol(TIME)} = {last:.4g}" if TIME in layers[0].array.dims else "solution",
        "compared with",
        "difference",
    )
    x, y = ours.space
    for number, (axes, layer, scale, name) in enumerate(zip(grid, (ours, theirs, gap), scales, names, strict=True)):
        image = picture(axes, layer.points(x), layer.points(y), layer.values.T, scale)
        axes.set_aspect("equal" if comparable else "auto")
        tidy(axes, ticks=3)
        axes.set_title(name, fontsize=MEDIUM, color=INK)
        axes.set(
            xlabel=layer.axis_label(x) if wide or number == 2 else "",
            ylabel=layer.axis_label(y) if not wide or number == 0 else "",
        )
        if number or not wide:
            text = layer.label if number != 2 else gap.label
            colour_bar(figure, image, list(grid[:2]) if wide and number == 1 else [axes], text, side * ratio, pad=0.03)
    return figure
