"""Fields over one space dimension: lines at a few times, and the whole space-time picture with those times marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from symnum.result.axes import TIME, Array
from symnum.result.image import picture
from symnum.result.layers import Layer, typical_times
from symnum.result.scene import Scene
from symnum.result.style import (
    INK,
    NARROW,
    SMALL,
    Picture,
    colour_bar,
    colour_scale,
    new_picture,
    open_box,
    tidy,
    time_colours,
)

LINES, IMAGE = "lines", "space-time"


def line_picture(scene: Scene, parts: Sequence[str] = (LINES, IMAGE)) -> Picture:
    """A row a field: lines at about six times, coloured by time, beside the space-time picture; in narrow pictures above it.

    ``parts``: which of the two. A field that does not depend on time has lines alone.
    """
    whole = scene.whole
    moving = TIME in whole[0].array.dims and whole[0].points(TIME).size > 1
    parts = parts if moving else (LINES,)
    width = scene.width or (9.5 if len(parts) == 2 else 5.7)
    across = len(parts) if width >= NARROW else 1
    rows = len(whole) * len(parts) // across
    tall = 3.3 if width >= NARROW else 2.2
    figure = new_picture(width, tall * rows, **scene.heading)
    grid = figure.subplots(rows, across, squeeze=False, sharex=True).reshape(len(whole), len(parts))
    chosen = np.asarray(scene.times) if scene.times is not None else typical_times(whole[0], 6)
    colours = time_colours(len(chosen)) if moving else [time_colours(3)[1]]
    for row, (everything, layer) in enumerate(zip(whole, scene.shown, strict=True)):
        scale = colour_scale(everything.values, scene.robust, scene.cmap)
        for part, axes in zip(parts, grid[row], strict=True):
            if part == LINES:
                _lines(axes, layer, chosen, colours, scale if scene.robust else None)
                if moving:
                    _time_legend(axes, everything, chosen, colours)
            else:
                _space_time(axes, everything, chosen, colours, scale, scene.event_times)
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


def _space_time(
    axes: Axes, layer: Layer, times: Array, colours: Sequence[Any], scale: dict[str, Any], events: Array
) -> None:
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
    for time in events:
        axes.axhline(time, color=INK, linewidth=0.8, linestyle=(0, (3, 2)), label="event")
    colour_bar(axes.figure, image, [axes], layer.label, 2.7, pad=0.04)
