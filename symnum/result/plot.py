"""Pictures of solutions: curves and phase portrait (ODE), lines and space-time (1-D), panels at a few times (2-D)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes

from symnum.result.axes import TIME, Array, units_of
from symnum.result.curves import curve_picture
from symnum.result.image import picture
from symnum.result.layers import Layer, as_times, layers_of, refined_times, typical_times
from symnum.result.panels import panel_picture
from symnum.result.style import (
    SMALL,
    Picture,
    colour_bar,
    colour_scale,
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
        figure = panel_picture(whole, shown, times, heading, width or 10.0, cmap, robust=not solution.success)
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
