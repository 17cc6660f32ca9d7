"""Pictures of ODE solutions: states against time, and the path in state space where there are two or three of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from symnum.result.axes import TIME, Array
from symnum.result.layers import Layer
from symnum.result.phase import draw_path, spread_over_decades
from symnum.result.scene import Scene
from symnum.result.style import (
    FAINT,
    INK,
    MEDIUM,
    NARROW,
    Picture,
    line_styles,
    new_picture,
    open_box,
    tidy,
)

MOST_CURVES = 10  # more than this in one frame cannot be told apart
MOST_STACKED = 6  # frames one above the other; more lie in two columns
UNLIKE = 30.0  # states whose ranges differ by more than this get a frame each
DECADES = 1e4  # positive values that span more than this are shown on a logarithmic axis


def curve_picture(scene: Scene, portrait: bool = True) -> Picture:
    """States against time: in one frame, or one each where their sizes differ; with ``portrait`` a path beside two or three."""
    layers = liveliest(scene.shown)
    if len(layers) < len(scene.shown):
        scene = scene.noting(f"the {len(layers)} of {len(scene.shown)} states that vary most")
    scene = scene.noting(scene.event_remark())
    apart = len(layers) == 3 or (1 < len(layers) <= MOST_STACKED and not _alike(layers))
    if len(layers) > MOST_STACKED and not _alike(layers) and not _positive(layers):
        return _small_frames(scene, layers)
    frames = [[layer] for layer in layers] if apart else [list(layers)]
    moving = layers[0].points(TIME).size > 1
    portrait = portrait and moving and (len(layers) == 2 or (len(layers) == 3 and _alike(layers)))
    width = scene.width or (9.5 if portrait else 7.4)
    beside = portrait and width >= NARROW
    high = max(3.9, 1.15 * len(frames)) if width >= NARROW else max(2.3, 0.95 * len(frames))
    figure = new_picture(width, high + (2.6 if portrait and not beside else 0), **scene.heading)
    ratios = [high / len(frames)] * len(frames) + ([2.6] if portrait and not beside else [])
    grid = figure.add_gridspec(
        len(ratios), 2 if beside else 1, width_ratios=[1.15, 1] if beside else None, height_ratios=ratios
    )
    styles = iter(line_styles(len(layers)))
    top: Axes | None = None
    for row, frame in enumerate(frames):
        axes = figure.add_subplot(grid[row, 0], sharex=top)
        top = top or axes
        _against_time(axes, frame, [next(styles) for _ in frame], last=row == len(frames) - 1)
        mark_events(axes, scene.event_times, heads=row == 0)
    figure.align_ylabels()
    if portrait:
        draw_path(figure, grid[:, 1] if beside else grid[-1, 0], layers, scene)
    return figure


def _small_frames(scene: Scene, layers: Sequence[Layer]) -> Picture:
    """A small frame a state, in two columns: what is a thousand times smaller than another state is still seen."""
    rows = -(-len(layers) // 2)
    width = scene.width or 7.4
    figure = new_picture(width, max(3.9, 1.15 * rows), **scene.heading)
    grid = figure.subplots(rows, 2, squeeze=False, sharex=True)
    for axes in grid.flat[len(layers) :]:
        axes.remove()
    styles = line_styles(2)
    for place, (axes, layer) in enumerate(zip(grid.flat, layers, strict=False)):
        last = place >= len(layers) - 2
        _against_time(axes, [layer], styles[:1], last=last)
        mark_events(axes, scene.event_times, heads=place < 2)
        axes.tick_params(labelbottom=last)
    figure.align_ylabels()
    return figure


def mark_events(axes: Axes, times: Array, heads: bool) -> None:
    """A faint line at each event, with a mark above the frame."""
    for time in times:
        axes.axvline(time, color=FAINT, linewidth=0.8, linestyle=(0, (3, 2)), zorder=1.5, label="_event")
        if heads:
            above = axes.get_xaxis_transform()
            axes.plot([time], [1.03], "v", color=FAINT, markersize=4.5, transform=above, clip_on=False, label="_event")


def liveliest(layers: Sequence[Layer]) -> list[Layer]:
    """All layers, or the ``MOST_CURVES`` with the largest range, in their order."""
    if len(layers) <= MOST_CURVES:
        return list(layers)
    ranked = np.argsort([-_range(layer) for layer in layers], kind="stable")[:MOST_CURVES]
    return [layers[i] for i in sorted(ranked)]


def _against_time(axes: Axes, layers: Sequence[Layer], styles: Sequence[dict[str, Any]], last: bool) -> None:
    t = layers[0].points(TIME)
    for layer, style in zip(layers, styles, strict=True):
        marker = "o" if t.size == 1 else None
        axes.plot(t, layer.values, linewidth=1.5, label=layer.short, solid_joinstyle="round", marker=marker, **style)
    if spread_over_decades(t):
        axes.set_xscale("log")
        axes.set_xlim(t[t > 0][0], t[-1])
    elif t.size > 1 and t[0] != t[-1]:
        axes.set_xlim(t[0], t[-1])
    if len(layers) == 1:
        axes.set_ylabel(layers[0].label)
        if _decades(layers[0]):
            axes.set_yscale("log")
    else:
        ends = {layer.label.removeprefix(layer.short) for layer in layers}
        axes.set_ylabel(f"state{ends.pop()}" if len(ends) == 1 else "state")
        if not _alike(layers) and _positive(layers):
            axes.set_yscale("log")
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=MEDIUM, handlelength=1.8)
    open_box(axes)
    tidy(axes, ticks=5)
    if last:
        axes.set_xlabel(layers[0].axis_label(TIME), fontsize=MEDIUM, color=INK)
    else:
        axes.tick_params(labelbottom=False)


def _range(layer: Layer) -> float:
    finite = layer.values[np.isfinite(layer.values)]
    return float(np.ptp(finite)) if finite.size else 0.0


def _alike(layers: Sequence[Layer]) -> bool:
    """Whether the states can share one linear axis: same units, ranges within ``UNLIKE`` of each other."""
    ranges = [r for r in map(_range, layers) if r > 0]
    units = {layer.array.attrs.get("units", "") for layer in layers}
    return len(units) == 1 and (not ranges or max(ranges) <= UNLIKE * min(ranges))


def _positive(layers: Sequence[Layer]) -> bool:
    return all(np.all((layer.values > 0) | np.isnan(layer.values)) for layer in layers)


def _decades(layer: Layer) -> bool:
    finite = layer.values[np.isfinite(layer.values)]
    return finite.size > 0 and bool(finite.min() > 0) and bool(finite.max() > DECADES * finite.min())
