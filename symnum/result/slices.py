"""Fields over three space dimensions: three orthogonal planes, by default through the middle.

               x-y plane     x-z plane     y-z plane
    t = 0      [ z = 0.5 ]   [ y = 0.5 ]   [ x = 0.5 ]  | colour bar
    t = 0.1    [         ]   [         ]   [         ]  | colour bar       dashed: where the other two planes cut
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from symnum.errors import UnknownName, did_you_mean
from symnum.result.axes import TIME, Array, axis_of, units_of
from symnum.result.image import picture
from symnum.result.layers import Layer, layers_of, typical_times
from symnum.result.panels import own_scales, shape_of
from symnum.result.scene import Scene, cut
from symnum.result.style import INK, MEDIUM, NARROW, Picture, colour_bar, colour_scale, new_picture, symbol, tidy


def slice_picture(scene: Scene) -> Picture:
    """Rows: a field at a time (three times of one field, two of two, else the last); columns: the three planes. Narrow: the other way round.

    ``scene.at`` moves planes from the middle of the domain. ``UnknownName`` for a coordinate that there is not.
    """
    dims = scene.whole[0].space
    places = _places(scene, dims)
    narrow = scene.width is not None and scene.width < NARROW
    names = list(dict.fromkeys(str(layer.array.name) for layer in scene.whole))
    times = _times(scene, narrow) if TIME in scene.whole[0].array.dims else [None]
    planes = {pair: _plane(scene, names, pair, places) for pair in combinations(dims, 2)}
    moments = [(number, time) for number in range(len(scene.whole)) for time in times]
    figure, grid = _frames(scene, list(planes.values()), len(moments), narrow)
    for (number, time), strip in zip(moments, grid, strict=True):
        layers = [made[number] for made in planes.values()]
        shown = [layer if time is None else layer.at(time) for layer in layers]
        scale = _scale(scene, layers, shown, times)
        images = [_draw(axes, layer, places, scale) for axes, layer in zip(strip, shown, strict=True)]
        bar: dict[str, Any] = {"location": "bottom"} if narrow else {}
        colour_bar(figure, images[0], list(strip), layers[0].label, 0.9 if narrow else 1.6, pad=0.02, **bar)
        if time is not None:
            text = f"{symbol(TIME)} = {time:.4g} {units_of(scene.solution[TIME])}".rstrip()
            _name_column(strip[0], text) if narrow else _name_row(strip[0], text)
    for axes, pair in zip(grid[0], planes, strict=True):
        (normal,) = [dim for dim in dims if dim not in pair]
        text = f"{symbol(normal)} = {places[normal]:.4g} {units_of(scene.solution[normal])}".rstrip()
        _name_row(axes, text) if narrow else _name_column(axes, text)
    _label(grid, scene.whole[0], list(planes), narrow)
    return figure


def _places(scene: Scene, dims: list[str]) -> dict[str, float]:
    dataset = scene.solution.to_xarray()
    for name in scene.at:
        if name not in dims:
            raise UnknownName(f"there is no coordinate {name!r}.{did_you_mean(name, dims)} There are: {', '.join(dims)}.")
    axes = {dim: axis_of(dataset, dim) for dim in dims}
    middle = {dim: float(axis.bounds[0] + axis.span / 2) for dim, axis in axes.items()}
    for name, place in scene.at.items():
        axes[name].checked(np.array([place]))
    return {dim: scene.at.get(dim, middle[dim]) for dim in dims}


def _times(scene: Scene, narrow: bool) -> list[Any]:
    if scene.times is not None:
        return list(scene.times)
    count = {1: 2 if narrow else 3, 2: 1 if narrow else 2}.get(len(scene.whole), 1)
    return [*typical_times(scene.whole[0], max(count, 2))][-count:]


def _plane(scene: Scene, fields: list[str], pair: tuple[str, str], places: Mapping[str, float]) -> list[Layer]:
    """The fields in one plane, at all times or those asked for."""
    solution = scene.solution
    flat = cut(solution, {dim: place for dim, place in places.items() if dim not in pair})
    return layers_of(flat, fields, scene.times)[0]


def _frames(scene: Scene, planes: list[list[Layer]], moments: int, narrow: bool) -> tuple[Picture, Any]:
    """The figure and its frames (moments, planes)."""
    shapes = [shape_of(layers[0]) for layers in planes]
    comparable = all(same for _, same in shapes)
    spans = [float(np.ptp(layers[0].points(layers[0].space[0]))) if comparable else 1.0 for layers in planes]
    highs = [span * ratio for span, (ratio, _) in zip(spans, shapes, strict=True)]
    width = scene.width or 8.6
    if narrow:
        side = min((width - 0.7) / moments - 0.15, 1.6)
        body = sum(side * high / max(spans) + 0.25 for high in highs) + 0.9
        figure = new_picture(width, body, **scene.heading)
        grid = figure.subplots(3, moments, squeeze=False, height_ratios=highs).T
    else:
        side = (width - 2.6) * max(spans) / sum(spans)  # of the widest panel
        body = moments * (side * max(highs) / max(spans) + 0.2) + 0.7
        figure = new_picture(width, body, **scene.heading)
        grid = figure.subplots(moments, 3, squeeze=False, width_ratios=spans)
    for axes in grid.flat:
        axes.set_aspect("equal" if comparable else "auto")
    return figure, grid


def _scale(scene: Scene, layers: list[Layer], shown: list[Layer], times: list[Any]) -> dict[str, Any]:
    """One scale for all planes and times of a field; for each time where one would leave the panels flat."""
    separate = times[0] is not None and own_scales(layers[0], times)
    parts = shown if separate else [layer if t is None else layer.at(t) for layer in layers for t in times]
    return colour_scale(np.concatenate([part.values.ravel() for part in parts]), scene.robust, scene.cmap)


def _draw(axes: Axes, layer: Layer, places: Mapping[str, float], scale: dict[str, Any]) -> Any:
    x, y = layer.space
    aspect = axes.get_aspect()
    image = picture(axes, layer.points(x), layer.points(y), layer.values.T, scale)
    axes.set_aspect(aspect)
    for draw, place in ((axes.axvline, places[x]), (axes.axhline, places[y])):
        draw(place, color="white", linewidth=1.0)
        draw(place, color=INK, linewidth=0.6, linestyle=(0, (4, 3)), label="plane")
    tidy(axes, ticks=3)
    return image


def _name_column(axes: Axes, text: str) -> None:
    axes.set_title(text, fontsize=MEDIUM, color=INK)


def _name_row(axes: Axes, text: str) -> None:
    axes.annotate(
        text, (0, 0.5), (-44, 0), xycoords="axes fraction", textcoords="offset points",
        rotation=90, va="center", ha="right", fontsize=MEDIUM, color=INK,
    )  # fmt: skip


def _label(grid: Array, layer: Layer, planes: list[tuple[str, str]], narrow: bool) -> None:
    """Every plane has its own axes; where moments lie below or beside each other, the outer one bears the labels."""
    for (moment, plane), axes in np.ndenumerate(grid):
        x, y = planes[plane]
        bottom, left = (True, moment == 0) if narrow else (moment == grid.shape[0] - 1, True)
        axes.tick_params(labelbottom=bottom, labelleft=left)
        if bottom:
            axes.set_xlabel(layer.axis_label(x))
        if left:
            axes.set_ylabel(layer.axis_label(y), labelpad=1)
