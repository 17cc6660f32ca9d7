"""Pictures of ODE solutions: states against time, and the path in state space where there are two or three of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm

from symnum.result.axes import TIME, Array
from symnum.result.layers import Layer
from symnum.result.style import (
    FAINT,
    INK,
    MEDIUM,
    SMALL,
    Picture,
    colour_bar,
    greyed,
    line_colours,
    new_picture,
    open_box,
    tidy,
)

MOST_CURVES = 10  # more than this in one frame cannot be told apart
MOST_FRAMES = 6
UNLIKE = 30.0  # states whose ranges differ by more than this get a frame each


def curve_picture(layers: Sequence[Layer], heading: dict[str, Any], width: float) -> Picture:
    """States against time: in one frame, or stacked where their sizes differ; a path beside two or three."""
    chosen = liveliest(layers)
    if len(chosen) < len(layers):
        note = f"the {len(chosen)} of {len(layers)} states that vary most"
        heading = {**heading, "subtitle": f"{heading['subtitle']}  ·  {note}"}
    stacked = len(chosen) == 3 or (1 < len(chosen) <= MOST_FRAMES and not _alike(chosen))
    frames = [[layer] for layer in chosen] if stacked else [list(chosen)]
    portrait = len(chosen) == 2 or (len(chosen) == 3 and _alike(chosen))
    figure = new_picture(width if portrait else 0.78 * width, max(3.9, 1.15 * len(frames)), **heading)
    grid = figure.add_gridspec(len(frames), 2 if portrait else 1, width_ratios=[1.15, 1] if portrait else None)
    top: Axes | None = None
    colours = iter(line_colours(len(chosen)))
    for row, frame in enumerate(frames):
        axes = figure.add_subplot(grid[row, 0], sharex=top)
        top = top or axes
        _against_time(axes, frame, [next(colours) for _ in frame], last=row == len(frames) - 1)
    figure.align_ylabels()
    if portrait:
        draw = _path_in_space if len(chosen) == 3 else _path_in_plane
        draw(figure, grid[:, 1], chosen)
    return figure


def liveliest(layers: Sequence[Layer]) -> list[Layer]:
    """All layers, or the ``MOST_CURVES`` with the largest range, in their order."""
    if len(layers) <= MOST_CURVES:
        return list(layers)
    ranked = np.argsort([-_range(layer) for layer in layers], kind="stable")[:MOST_CURVES]
    return [layers[i] for i in sorted(ranked)]


def _against_time(axes: Axes, layers: Sequence[Layer], colours: Sequence[Any], last: bool) -> None:
    t = layers[0].points(TIME)
    for layer, colour in zip(layers, colours, strict=True):
        axes.plot(t, layer.values, color=colour, linewidth=1.5, label=layer.short, solid_joinstyle="round")
    if _spread_over_decades(t):
        axes.set_xscale("log")
        axes.set_xlim(t[t > 0][0], t[-1])
    elif t.size > 1 and t[0] != t[-1]:
        axes.set_xlim(t[0], t[-1])
    if len(layers) == 1:
        axes.set_ylabel(layers[0].label)
    else:
        ends = {layer.label.removeprefix(layer.short) for layer in layers}
        axes.set_ylabel(f"state{ends.pop()}" if len(ends) == 1 else "state")
        if not _alike(layers) and all(np.all((layer.values > 0) | np.isnan(layer.values)) for layer in layers):
            axes.set_yscale("log")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=MEDIUM, handlelength=1.2)
    open_box(axes)
    tidy(axes, ticks=4 if len(layers) == 1 else 5)
    if last:
        axes.set_xlabel(layers[0].axis_label(TIME), fontsize=MEDIUM, color=INK)
    else:
        axes.tick_params(labelbottom=False)


def _path_in_plane(figure: Picture, place: Any, layers: Sequence[Layer]) -> None:
    x, y = (layer.values for layer in layers)
    axes = figure.add_subplot(place)
    points = np.column_stack([x, y])
    path = axes.add_collection(
        LineCollection(list(_segments(points)), **_by_time(layers[0]), linewidths=1.5, capstyle="round")
    )
    axes.plot(x[:1], y[:1], "o", color=INK, markersize=4.5, zorder=3)
    axes.annotate("start", (x[0], y[0]), (6, 6), textcoords="offset points", fontsize=SMALL, color=FAINT)
    axes.set(xlabel=layers[0].label, ylabel=layers[1].label)
    axes.margins(0.06)
    axes.autoscale_view()
    open_box(axes)
    tidy(axes)
    colour_bar(figure, path, [axes], layers[0].axis_label(TIME), 3.2, pad=0.03, shrink=0.85)


def _path_in_space(figure: Picture, place: Any, layers: Sequence[Layer]) -> None:
    from mpl_toolkits.mplot3d.art3d import Line3DCollection  # type: ignore[import-untyped]

    axes: Any = figure.add_subplot(place, projection="3d")
    points = np.column_stack([layer.values for layer in layers])
    path = axes.add_collection3d(Line3DCollection(_segments(points), **_by_time(layers[0]), linewidths=0.9))
    for direction, column, layer in zip("xyz", points.T, layers, strict=True):
        finite = column[np.isfinite(column)]
        if finite.size and np.ptp(finite) > 0:
            getattr(axes, f"set_{direction}lim")(finite.min(), finite.max())
        axis = getattr(axes, f"{direction}axis")
        axis.set_pane_color((1, 1, 1, 0))
        axis.line.set(color=FAINT, linewidth=0.7)
        axis._axinfo["grid"].update(color="#DDDDDD", linewidth=0.6)
        axis.set_label_text(layer.label)
        axis.labelpad = -3
        axes.tick_params(axis=direction, pad=-2)
    tidy(axes, ticks=4)
    axes.view_init(elev=22, azim=-55)
    axes.set_box_aspect((1, 1, 0.9), zoom=1.02)
    colour_bar(figure, path, [axes], layers[0].axis_label(TIME), 2.6, pad=0.1, shrink=0.7)


def _segments(points: Array) -> Array:
    """The pieces of a path (n, d) as (n - 1, 2, d)."""
    return np.stack([points[:-1], points[1:]], axis=1)


def _by_time(layer: Layer) -> dict[str, Any]:
    """Colour by time, dark (early) to light (late); on a logarithmic scale where the times are."""
    t = layer.points(TIME)
    middle = (t[:-1] + t[1:]) / 2
    if _spread_over_decades(t):
        return {
            "array": middle,
            "cmap": greyed("viridis"),
            "norm": LogNorm(float(t[t > 0][0]), float(t[-1]), clip=True),
        }
    return {"array": middle, "cmap": greyed("viridis"), "clim": (float(t[0]), float(t[-1]))}


def _range(layer: Layer) -> float:
    finite = layer.values[np.isfinite(layer.values)]
    return float(np.ptp(finite)) if finite.size else 0.0


def _alike(layers: Sequence[Layer]) -> bool:
    """Whether the states can share one linear axis: same units, ranges within ``UNLIKE`` of each other."""
    ranges = [r for r in map(_range, layers) if r > 0]
    units = {layer.array.attrs.get("units", "") for layer in layers}
    return len(units) == 1 and (not ranges or max(ranges) <= UNLIKE * min(ranges))


def _spread_over_decades(t: Array) -> bool:
    """Whether the times are meant for a logarithmic axis: half of them in the first hundredth of the interval."""
    return t.size > 20 and t[0] >= 0 and t[-1] > 0 and bool(np.median(t) < 0.01 * t[-1])
