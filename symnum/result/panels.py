"""Fields over two space dimensions: panels at a few times and, below them, what happens between those times.

      t = 0      t = 1      t = 2      t = 3
u   [ panel ]  [ panel ]  [ panel ]  [ panel ]  | colour bar        wide domains: a column a field,
v   [ panel ]  [ panel ]  [ panel ]  [ panel ]  | colour bar        a row a time
u   [ mean and range over space against time ]
v   [ mean and range over space against time ]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from symnum.result.axes import TIME, Array, units_of
from symnum.result.history import HISTORY_HEIGHT, draw_history
from symnum.result.image import picture
from symnum.result.layers import Layer, typical_times
from symnum.result.scene import Scene
from symnum.result.style import (
    ALARM,
    INK,
    MEDIUM,
    NARROW,
    SMALL,
    Picture,
    colour_bar,
    colour_scale,
    new_picture,
    range_bar,
    symbol,
    tidy,
)

FAINT_STRUCTURE = 0.1  # panels that vary less than this, against the change of their mean, get a colour scale each
ROOMY = 0.9  # inches; panels that are less wide have ticks at their ends only
MOST_INCHES = 15.0  # of panels, one below the other
UNIFORM = 1e-5  # variation below this fraction of the values is of the size of time-stepping errors, not structure


@dataclass(frozen=True)
class Arrangement:
    """How panels lie: ``side`` inches wide, ``ratio`` times as high; ``wide``: a column a field, else a row a field."""

    side: float
    ratio: float
    comparable: bool
    wide: bool
    fields: int
    times: int

    @property
    def rows(self) -> int:
        """Rows of panels."""
        return self.times if self.wide else self.fields

    @property
    def columns(self) -> int:
        """Columns of panels."""
        return self.fields if self.wide else self.times

    def strips(self, moving: bool) -> int:
        """Rows of histories: one below all columns where each has a field of its own, else one a field."""
        return 0 if not moving else 1 if self.wide else self.fields


def panel_picture(scene: Scene) -> Picture:
    """Panels at the times asked for, or about four typical ones (two where it is narrow), and the history between them.

    One colour scale a field, except where that would leave the panels flat (see ``own_scales``): then one a panel.
    """
    whole, shown, robust, cmap = scene.whole, scene.shown, scene.robust, scene.cmap
    width = scene.width or 10.0
    scene = scene.noting(scene.event_remark())
    few = 4 if width >= NARROW else 2
    chosen = np.asarray(scene.times) if scene.times is not None else typical_times(shown[0], few)
    moving = TIME in whole[0].array.dims and whole[0].points(TIME).size > 2
    plan = arrange(shown, len(chosen), width)
    own = [own_scales(layer, chosen) for layer in shown]
    if any(own):
        names = ", ".join(layer.short for layer, separate in zip(shown, own, strict=True) if separate)
        scene = scene.noting(f"{names}: a colour scale for each panel")
    figure, grid, strips = _frames(plan, scene.heading, moving, own, width)
    for layer, strip, separate in zip(shown, grid.T if plan.wide else grid, own, strict=True):
        scales = _scales(layer, chosen, separate, robust, cmap)
        roomy = plan.side >= ROOMY
        images = [
            _panel(a, layer.at(t), s, plan.comparable, roomy) for a, t, s in zip(strip, chosen, scales, strict=True)
        ]
        _bars(figure, images, list(strip), layer, plan, separate)
    _label_outer(grid, shown[0])
    if TIME in whole[0].array.dims:
        size = MEDIUM if plan.side >= ROOMY else SMALL - 1
        _name_times(grid[:, 0] if plan.wide else grid[0], chosen, shown[0], size)
        if plan.wide:
            for axes, time in zip(grid[:, 1:].ravel(), np.repeat(chosen, plan.columns - 1), strict=True):
                _name_times([axes], [time], shown[0])
    for number, (axes, layer) in enumerate(zip(strips, whole, strict=False)):
        top, bottom = plan.wide or number == 0, plan.wide or number == len(strips) - 1
        draw_history(axes, layer, chosen, robust, captioned=number == 0, top=top, bottom=bottom)
        for time in scene.event_times:
            axes.axvline(time, color=ALARM, linewidth=0.8, label="_event")
    return figure


def arrange(layers: Sequence[Layer], times: int, width: float) -> Arrangement:
    """Panels as large as ``width`` inches allow."""
    ratio, comparable = shape_of(layers[0])
    wide = comparable and ratio < 0.45 and times > 1
    columns = len(layers) if wide else times
    tallest = 4.6 if wide else min(4.6, MOST_INCHES / len(layers))
    margin, gap = (1.4, 0.2) if width >= NARROW else (1.05, 0.1)
    side = min((width - margin) / columns - gap, 5.0, tallest / ratio)
    return Arrangement(side, ratio, comparable, wide, len(layers), times)


def shape_of(layer: Layer) -> tuple[float, bool]:
    """Height over width of the domain, and whether that is how to draw it: same units and not too long and thin."""
    x, y = (layer.points(dim) for dim in layer.space)
    ratio = float((y[-1] - y[0]) / ((x[-1] - x[0]) or 1.0))
    same = units_of(layer.array[layer.space[0]]) == units_of(layer.array[layer.space[1]])
    return (ratio, True) if same and 1 / 6 <= ratio <= 6 else (0.8, False)


def own_scales(layer: Layer, times: Sequence[float] | Array) -> bool:
    """Whether one colour scale would leave the panels flat: each is nearly uniform, their levels lie far apart.

    The measure is the median over the panels of (greatest - least value), against the range of their means. A field
    that merely flattens out keeps one scale, for its mean stands still; so does one without any structure.
    """
    frames = [values[np.isfinite(values)] for values in (layer.at(time).values for time in times)]
    frames = [values for values in frames if values.size]
    if len(frames) < 2:
        return False
    inside = [float(np.ptp(values)) for values in frames]
    if not any(change > UNIFORM * np.abs(values).max() for change, values in zip(inside, frames, strict=True)):
        return False
    return float(np.median(inside)) < FAINT_STRUCTURE * float(np.ptp([values.mean() for values in frames]))


def _frames(
    plan: Arrangement, heading: Mapping[str, Any], moving: bool, own: Sequence[bool], width: float
) -> tuple[Picture, Any, list[Axes]]:
    """The figure, its panels (rows, columns) and the axes of the histories, all on one grid."""
    strips, high = plan.strips(moving), plan.side * plan.ratio
    bars = 0.42 * sum(own) if not plan.wide else 0.0
    body = plan.rows * (high + (0.36 if plan.wide else 0.22)) + (0.9 if plan.wide else 0.55) + bars
    body += strips * (HISTORY_HEIGHT + 0.2) + (0.55 if strips else 0.0)
    across = max(plan.columns * (plan.side + 0.2) + (0.9 if plan.wide else 1.4), 5.0) if width >= NARROW else width
    figure = new_picture(across, body, compress=plan.comparable, **heading)
    ratios = [high] * plan.rows + [HISTORY_HEIGHT] * strips
    cells = figure.add_gridspec(plan.rows + strips, plan.columns, height_ratios=ratios)
    grid: Any = np.empty((plan.rows, plan.columns), dtype=object)
    for place in np.ndindex(grid.shape):
        grid[place] = figure.add_subplot(cells[place], sharex=grid[0, 0], sharey=grid[0, 0])
    below: list[Axes] = []
    for number in range(plan.fields if strips else 0):
        cell = cells[plan.rows, number] if plan.wide else cells[plan.rows + number, :]
        below.append(figure.add_subplot(cell, sharex=below[0] if below else None, label="history"))
    return figure, grid, below


def _scales(
    layer: Layer, times: Sequence[float] | Array, separate: bool, robust: bool, cmap: str | None
) -> list[dict[str, Any]]:
    """A colour scale for every panel, the same one unless ``separate``."""
    frames = [layer.at(time).values for time in times]
    if separate:
        return [colour_scale(values, robust, cmap, flat=UNIFORM) for values in frames]
    return [colour_scale(np.stack(frames), robust, cmap)] * len(frames)


def _panel(axes: Axes, layer: Layer, scale: dict[str, Any], comparable: bool, roomy: bool) -> Any:
    """One moment in colour; small panels have few ticks."""
    x, y = layer.space
    image = picture(axes, layer.points(x), layer.points(y), layer.values.T, scale)
    axes.set_aspect("equal" if comparable else "auto")
    tidy(axes, ticks=3 if roomy else 1)
    return image


def _bars(
    figure: Picture, images: Sequence[Any], axes: list[Axes], layer: Layer, plan: Arrangement, separate: bool
) -> None:
    """The colour bar of a field, or a small one for each of its panels, which is then named at the side."""
    across, high = plan.side, plan.side * plan.ratio
    if not separate:
        place: dict[str, Any] = {"location": "bottom", "pad": 0.02} if plan.wide else {"pad": 0.02}
        colour_bar(figure, images[0], axes, layer.label, across if plan.wide else high, **place)
        return
    for image, panel in zip(images, axes, strict=True):
        range_bar(figure, image, panel, "right" if plan.wide else "bottom", high if plan.wide else across)
    if plan.wide:
        axes[0].set_title(layer.label, fontsize=MEDIUM, color=INK, loc="right")
    else:
        axes[-1].annotate(
            layer.label, (1, 0.5), (9, 0), xycoords="axes fraction", textcoords="offset points",
            rotation=90, va="center", fontsize=MEDIUM, color=INK,
        )  # fmt: skip


def _label_outer(grid: Any, layer: Layer) -> None:
    """Coordinate labels at the outer panels only."""
    x, y = layer.space
    for (row, column), axes in np.ndenumerate(grid):
        if row == grid.shape[0] - 1:
            axes.set_xlabel(layer.axis_label(x))
        if column == 0:
            axes.set_ylabel(layer.axis_label(y))
        axes.tick_params(labelbottom=row == grid.shape[0] - 1, labelleft=column == 0)


def _name_times(panels: Sequence[Axes], times: Sequence[float] | Array, layer: Layer, size: float = MEDIUM) -> None:
    units = units_of(layer.array[TIME]) if TIME in layer.array.coords else ""
    for axes, time in zip(panels, times, strict=True):
        axes.set_title(f"{symbol(TIME)} = {time:.4g} {units}".rstrip(), fontsize=size, color=INK)
