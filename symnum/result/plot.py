"""Pictures of solutions: curves and phase portrait (ODE), lines and space-time (1-D), panels at a few times (2-D)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from symnum.result.axes import TIME, Array, units_of
from symnum.result.curves import curve_picture
from symnum.result.layers import Layer, as_times, layers_of, refined_times, typical_times
from symnum.result.style import (
    INK,
    MEDIUM,
    SMALL,
    Picture,
    colour_bar,
    colour_scale,
    greyed,
    new_picture,
    open_box,
    save_picture,
    symbol,
    tidy,
    time_colours,
)

if TYPE_CHECKING:
    from symnum.result.solution import Solution


def plot_solution(
    solution: Solution,
    *,
    field: object = None,
    t: object = None,
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
    width: float | None = None,
    dpi: float = 150,
    cmap: str | None = None,
) -> Picture:
    """Draw ``field`` (one, several, or all that fit together) and write it to ``path`` if given.

    ``t``: times to show, interpolated; by default saved times evenly spread (ODE: the times of the curve's points).
    ``title``: instead of the model's name; ``width``: inches; ``cmap``: a matplotlib colour map for all fields.
    A failed solution is drawn as far as it goes, with its message in the header. Raises ``UnknownName`` for a field
    that is not there, ``SolveError`` for fields that do not fit in one picture, ``FileError`` for a path that cannot be
    written.
    """
    whole, remarks = layers_of(solution, field)
    times = as_times(t) if t is not None else refined_times(solution, whole[0])
    shown = whole if times is None else layers_of(solution, field, times)[0]
    dimensions = len(whole[0].space)
    heading = {"title": title or solution.name.replace("_", " "), **header_of(solution, whole[0], remarks), "dpi": dpi}
    if dimensions == 0:
        figure = curve_picture(shown, heading, width or 9.5)
    elif dimensions == 1:
        figure = line_picture(whole, shown, times, heading, width or 9.5, cmap, robust=not solution.success)
    else:
        figure = panel_picture(shown, times, heading, width or 10.0, cmap, robust=not solution.success)
    if path is not None:
        save_picture(figure, path)
    return figure


def header_of(solution: Solution, layer: Layer, remarks: Sequence[str]) -> dict[str, str]:
    """Subtitle: method, grid, steps, times. Alarm: the message of a solve that failed."""
    field = solution[str(layer.array.name)]
    grid = " × ".join(str(n) for d, n in field.sizes.items() if d != TIME)
    parts = [solution.method, f"{grid} points" if grid else ""]
    parts += [f"{steps:,} steps" if (steps := solution.stats.get("steps")) else ""]
    if solution.t.size:
        parts += [f"{symbol(TIME)} = {solution.t[0]:g} to {solution.t[-1]:g} {units_of(solution[TIME])}".rstrip()]
    return {
        "subtitle": "  ·  ".join(part for part in [*parts, *remarks] if part),
        "alarm": "" if solution.success else solution.message,
    }


# ---- one space dimension -----------------------------------------------------------------------


def line_picture(
    whole: Sequence[Layer],
    shown: Sequence[Layer],
    times: Sequence[float] | None,
    heading: dict[str, Any],
    width: float,
    cmap: str | None,
    robust: bool,
) -> Picture:
    """A row a field: lines at about six times, coloured by time, and the space-time picture with those times marked."""
    moving = TIME in whole[0].array.dims
    figure = new_picture(width if moving else 0.6 * width, 3.3 * len(whole), **heading)
    grid = figure.subplots(len(whole), 2 if moving else 1, squeeze=False, sharex=True)
    chosen = np.asarray(times) if times is not None else typical_times(whole[0], 6)
    colours = time_colours(len(chosen)) if moving else [time_colours(3)[1]]
    for row, (everything, layer) in enumerate(zip(whole, shown, strict=True)):
        scale = colour_scale(everything.values, robust, cmap)
        _lines(grid[row, 0], layer, chosen, colours, scale if robust else None)
        if moving:
            _time_legend(grid[row, 0], everything, chosen, colours)
            _space_time(grid[row, 1], everything, chosen, colours, scale)
    for axes in grid.flat:
        if axes.get_subplotspec().is_last_row():
            axes.set_xlabel(whole[0].axis_label(whole[0].space[0]))
        tidy(axes)
    return figure


def _lines(axes: Axes, layer: Layer, times: Array, colours: Sequence[Any], scale: dict[str, Any] | None) -> None:
    x = layer.points(layer.space[0])
    for time, colour in zip(times, colours, strict=True):
        axes.plot(x, layer.at(time).values, color=colour, linewidth=1.6, solid_joinstyle="round")
    axes.set(ylabel=layer.label, xlim=(x[0], x[-1]))
    if scale is not None:
        margin = 0.06 * (scale["vmax"] - scale["vmin"])
        axes.set_ylim(scale["vmin"] - margin, scale["vmax"] + margin)
    open_box(axes)


def _time_legend(axes: Axes, layer: Layer, times: Array, colours: Sequence[Any]) -> None:
    """The times beside the lines, in a column of their own: no line is ever hidden."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=colour, linewidth=2.2, label=f"{time:.4g}")
        for time, colour in zip(times, colours, strict=True)
    ]
    legend = axes.legend(
        handles=handles[::-1],  # latest on top, as in the picture beside it
        title=layer.axis_label(TIME),
        loc="center left",
        bbox_to_anchor=(1.0, 0.5),
        frameon=False,
        fontsize=SMALL,
        title_fontsize=SMALL + 1,
        handlelength=1.2,
        labelspacing=0.6,
    )
    legend.set_in_layout(True)


def _space_time(axes: Axes, layer: Layer, times: Array, colours: Sequence[Any], scale: dict[str, Any]) -> None:
    t = layer.points(TIME)
    image = picture(axes, layer.points(layer.space[0]), t, layer.values, scale)
    axes.set(ylabel=layer.axis_label(TIME))
    for time, colour in zip(times, colours, strict=True):
        axes.plot(
            [1.012],
            [time],
            marker="<",
            markersize=5.5,
            color=colour,
            transform=axes.get_yaxis_transform(),
            clip_on=False,
        )
    colour_bar(axes.figure, image, [axes], layer.label, 2.7, pad=0.04)


# ---- two space dimensions ----------------------------------------------------------------------


def panel_picture(
    layers: Sequence[Layer],
    times: Sequence[float] | None,
    heading: dict[str, Any],
    width: float,
    cmap: str | None,
    robust: bool,
) -> Picture:
    """A row a field, a column a time, one colour scale a row; wide domains the other way round: a column a field."""
    moving = TIME in layers[0].array.dims
    chosen = np.asarray(times) if times is not None else typical_times(layers[0], 4)
    ratio, comparable = shape_of(layers[0])
    wide = comparable and ratio < 0.45 and len(chosen) > 1
    rows, columns = (len(chosen), len(layers)) if wide else (len(layers), len(chosen))
    side = min((width - 1.4) / columns - 0.2, 5.0, 4.6 / ratio)
    body = rows * (side * ratio + (0.36 if wide else 0.22)) + (0.9 if wide else 0.55)
    figure = new_picture(
        max(columns * (side + 0.2) + (0.9 if wide else 1.4), 5.0), body, compress=comparable, **heading
    )
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for layer, strip in zip(layers, grid.T if wide else grid, strict=True):
        scale = colour_scale(np.stack([layer.at(time).values for time in chosen]), robust, cmap)
        for axes, time in zip(strip, chosen, strict=True):
            image = _panel(axes, layer.at(time), scale, comparable)
            if moving and (wide or axes.get_subplotspec().is_first_row()):
                units = units_of(layer.array[TIME])
                axes.set_title(f"{symbol(TIME)} = {time:.4g} {units}".rstrip(), fontsize=MEDIUM, color=INK)
        place = {"location": "bottom", "pad": 0.02} if wide else {"pad": 0.02}
        colour_bar(figure, image, list(strip), layer.label, side if wide else side * ratio, **place)
    return figure


def _panel(axes: Axes, layer: Layer, scale: dict[str, Any], comparable: bool) -> Any:
    """One moment in colour; coordinate labels at the outer panels only."""
    x, y = layer.space
    image = picture(axes, layer.points(x), layer.points(y), layer.values.T, scale)
    axes.set_aspect("equal" if comparable else "auto")
    tidy(axes, ticks=3)
    axes.set(xlabel=layer.axis_label(x), ylabel=layer.axis_label(y))
    axes.label_outer()
    return image


def shape_of(layer: Layer) -> tuple[float, bool]:
    """Height over width of the domain, and whether that is how to draw it: same units and not too long and thin."""
    x, y = (layer.points(dim) for dim in layer.space)
    ratio = float((y[-1] - y[0]) / ((x[-1] - x[0]) or 1.0))
    same = units_of(layer.array[layer.space[0]]) == units_of(layer.array[layer.space[1]])
    return (ratio, True) if same and 1 / 6 <= ratio <= 6 else (0.8, False)


# ---- pictures of arrays ------------------------------------------------------------------------


def picture(axes: Axes, x: Array, y: Array, values: Array, scale: dict[str, Any], shading: str = "smooth") -> Any:
    """``values`` (len(y), len(x)) in colour over the rectangle of the points; as an image where they are even.

    Elsewhere a mesh: ``shading`` "smooth" blends between the points where all are finite, "nearest" never does.
    """
    style = {"cmap": greyed(scale["cmap"]), "vmin": scale["vmin"], "vmax": scale["vmax"]}
    masked: Any = np.ma.masked_invalid(values)
    drawn: Any
    if _even(x) and _even(y):
        dx, dy = (float(p[-1] - p[0]) / (p.size - 1) / 2 for p in (x, y))
        smooth = "bilinear" if max(values.shape) < 300 else "auto"
        extent = (x[0] - dx, x[-1] + dx, y[0] - dy, y[-1] + dy)
        drawn = axes.imshow(masked, origin="lower", extent=extent, aspect="auto", interpolation=smooth, **style)
    else:
        blend = shading == "smooth" and max(values.shape) < 300 and not np.ma.is_masked(masked)
        drawn = axes.pcolormesh(x, y, masked, shading="gouraud" if blend else "nearest", rasterized=True, **style)
    if x[-1] > x[0]:
        axes.set_xlim(x[0], x[-1])
    if y[-1] > y[0]:
        axes.set_ylim(y[0], y[-1])
    return drawn


def _even(points: Array) -> bool:
    steps = np.diff(points)
    return steps.size > 0 and bool(steps.min() > 0) and bool(np.ptp(steps) <= 1e-6 * steps.max())
