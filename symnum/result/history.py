"""A field over two space dimensions against time: its mean and its range over space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from symnum.result.axes import TIME, Array
from symnum.result.layers import Layer
from symnum.result.style import FAINT, LINE_COLOURS, NARROW, SMALL, colour_scale, open_box, tidy

HISTORY_HEIGHT = 0.75  # inches
CAPTION = "line: mean over the plane  ·  band: least to greatest value  ·  marks: the panels above"
SHORT_CAPTION = "line: mean  ·  band: range  ·  marks: the panels above"


def mean_and_range(layer: Layer) -> tuple[Array, Array, Array]:
    """Mean, least and greatest value over the plane at every saved time, each (n,); NaN where nothing is finite.

    The mean is the integral by the trapezoidal rule over the area, so uneven points and a periodic axis that repeats
    its first point count as they should.
    """
    values = layer.values
    least, greatest = np.fmin.reduce(values, axis=(1, 2)), np.fmax.reduce(values, axis=(1, 2))
    across, up = (_shares(layer.points(dim)) for dim in layer.space)
    return values @ up @ across, least, greatest


def _shares(points: Array) -> Array:
    """The trapezoidal rule's weights, which add up to 1."""
    half = np.diff(points) / 2
    weights = np.concatenate([half, [0.0]]) + np.concatenate([[0.0], half])
    return weights / weights.sum() if points.size > 1 else np.ones(1)


def draw_history(
    axes: Axes, layer: Layer, times: Sequence[float] | Array, robust: bool, *, captioned: bool, top: bool, bottom: bool
) -> None:
    """Line and band, with marks at ``times`` above the top row and the time axis below the bottom one."""
    t = layer.points(TIME)
    mean, least, greatest = mean_and_range(layer)
    axes.fill_between(t, least, greatest, color=LINE_COLOURS[0], alpha=0.25, linewidth=0)
    axes.plot(t, mean, color=LINE_COLOURS[0], linewidth=1.4, solid_joinstyle="round")
    scale = colour_scale(np.stack([least, greatest]), robust)
    if robust:
        margin = 0.06 * (scale["vmax"] - scale["vmin"])
        axes.set_ylim(scale["vmin"] - margin, scale["vmax"] + margin)
    open_box(axes)
    tidy(axes)
    axes.yaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 2.5, 5, 10]))
    axes.set_xlim(t[0], t[-1])
    axes.set_ylabel(layer.short)  # units stand at the colour bar
    axes.yaxis.get_offset_text().set(x=-0.01, ha="right")  # a power of ten keeps clear of the marks
    for time in times:
        axes.axvline(time, color=FAINT, linewidth=0.8, linestyle=(0, (3, 2)), clip_on=False, zorder=1.5)
        if top:
            above = axes.get_xaxis_transform()
            axes.plot([time], [1.06], "v", color=FAINT, markersize=4.5, transform=above, clip_on=False)
    if captioned:
        narrow = axes.figure.bbox.width < NARROW * axes.figure.dpi
        axes.set_title(SHORT_CAPTION if narrow else CAPTION, loc="left", fontsize=SMALL, color=FAINT, pad=11)
    axes.tick_params(labelbottom=bottom)
    if bottom:
        axes.set_xlabel(layer.axis_label(TIME))
