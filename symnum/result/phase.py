"""Phase portraits: the path of two or three states, and for planar systems the direction field and the nullclines."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LogNorm

from symnum.errors import SolveError
from symnum.result.axes import TIME, Array
from symnum.result.layers import Layer
from symnum.result.scene import Scene
from symnum.result.style import (
    FAINT,
    INK,
    LINE_COLOURS,
    NARROW,
    SMALL,
    Picture,
    colour_bar,
    greyed,
    new_picture,
    open_box,
    tidy,
)

Rates = Callable[[float, Mapping[str, float]], Mapping[str, float]]
ARROWS, CELLS = 20, 60  # of the direction field across; of the grid on which nullclines are found
NULLCLINES = (LINE_COLOURS[1], LINE_COLOURS[2])


def phase_picture(scene: Scene) -> Picture:
    """The path of two or three states, coloured by time, with the field behind it where the solution knows its rates.

    One state is drawn against its own rate of change. ``SolveError`` for more than three.
    """
    layers = list(scene.shown)
    if layers[0].points(TIME).size < 2:
        raise SolveError("a phase portrait needs more than one saved time; leave saveat out of sn.solve")
    if len(layers) > 3:
        names = [str(layer.array.name) for layer in layers]
        raise SolveError(
            f"a phase portrait shows two or three fields, not {len(layers)}: {', '.join(names[:8])}. "
            f'Write sol.plot(kind="phase", field=({names[0]!r}, {names[1]!r})).'
        )
    if len(layers) == 1:
        layers.append(_rate_of(layers[0]))
    scene = scene.noting(scene.event_remark())
    width = scene.width or 5.6
    figure = new_picture(width, 0.82 * width, **scene.heading)
    draw_path(figure, figure.add_gridspec(1, 1)[0], layers, scene)
    return figure


def draw_path(figure: Picture, place: Any, layers: Sequence[Layer], scene: Scene) -> None:
    """The path of two or three states in the cell ``place`` of the figure's grid."""
    if len(layers) == 3:
        _path_in_space(figure, place, layers)
    else:
        _path_in_plane(figure, place, layers, scene)


def _path_in_plane(figure: Picture, place: Any, layers: Sequence[Layer], scene: Scene) -> None:
    x, y = (layer.values for layer in layers)
    axes = figure.add_subplot(place)
    points = np.column_stack([x, y])
    path = axes.add_collection(
        LineCollection(list(_segments(points)), **_by_time(layers[0]), linewidths=1.5, capstyle="round", zorder=2.5)
    )
    axes.plot(x[:1], y[:1], "o", color=INK, markersize=4.5, zorder=3)
    axes.annotate("start", (x[0], y[0]), (6, 6), textcoords="offset points", fontsize=SMALL, color=FAINT, zorder=4)
    _mark_events(axes, layers, scene)
    axes.set(xlabel=layers[0].label, ylabel=layers[1].label)
    axes.margins(0.06)
    axes.autoscale_view()
    open_box(axes)
    rates = planar_rates(scene, layers)
    if rates is not None:
        draw_field(axes, rates, [layer.short for layer in layers])
    tidy(axes)
    colour_bar(figure, path, [axes], layers[0].axis_label(TIME), 3.2, pad=0.03, shrink=0.85)


def _mark_events(axes: Axes, layers: Sequence[Layer], scene: Scene) -> None:
    """Rings where events met the path, in the state on arrival."""
    names = [str(layer.array.name) for layer in layers]
    marked = scene.event_times.size and names[0] != names[1]  # a rate of change that is drawn has no value in the event
    for event in scene.solution.events if marked else ():
        if all(np.ndim(event.before.get(name, np.zeros(1))) == 0 for name in names):
            place = [float(event.before[name]) for name in names]
            axes.plot(*[[p] for p in place], "o", mfc="white", mec=INK, markersize=5, zorder=3, label="_event")


def planar_rates(scene: Scene, layers: Sequence[Layer]) -> Callable[[Array, Array], tuple[Array, Array]] | None:
    """``f(x, y) -> (dx/dt, dy/dt)`` of the two states; None unless they are the whole state and time does not enter."""
    known: Rates | None = scene.solution._rates
    names = [str(layer.array.name) for layer in layers]
    if known is None or sorted(names) != sorted(scene.solution.fields) or not scene.solution.t.size:
        return None
    first, last = float(scene.solution.t[0]), float(scene.solution.t[-1])
    start = {name: float(layer.values[0]) for name, layer in zip(names, layers, strict=True)}
    seen = [np.array([known(t, start)[name] for name in names]) for t in np.linspace(first, last, 7)]
    if not all(np.array_equal(s, seen[0]) for s in seen):
        return None

    def field(x: Array, y: Array) -> tuple[Array, Array]:
        made = np.empty((2, *x.shape))
        for place in np.ndindex(x.shape):
            rate = known(first, {names[0]: float(x[place]), names[1]: float(y[place])})
            made[(slice(None), *place)] = [rate[name] for name in names]
        return made[0], made[1]

    return field


def draw_field(axes: Axes, rates: Callable[[Array, Array], tuple[Array, Array]], names: Sequence[str]) -> None:
    """Arrows of equal length along (dx/dt, dy/dt) and the lines on which either is zero, within the limits of ``axes``."""
    (x0, x1), (y0, y1) = axes.get_xlim(), axes.get_ylim()
    inset = 0.5 / ARROWS
    x, y = np.meshgrid(*(np.linspace(a + inset * (b - a), b - inset * (b - a), ARROWS) for a, b in ((x0, x1), (y0, y1))))
    with np.errstate(all="ignore"):
        rate = rates(x, y)
        across, up = rate[0] / (x1 - x0), rate[1] / (y1 - y0)
        length = np.hypot(across, up)
        across, up = across / length, up / length
        drawn = np.isfinite(across) & np.isfinite(up)
        axes.quiver(
            x[drawn], y[drawn], across[drawn], up[drawn],
            angles="uv", pivot="mid", color="#B5B5B5", scale=1.35 * ARROWS, width=0.0028, headwidth=4, zorder=1,
        )  # fmt: skip
        fine = np.meshgrid(np.linspace(x0, x1, CELLS), np.linspace(y0, y1, CELLS))
        both = rates(*fine)
    handles = []
    for values, name, colour in zip(map(np.ma.masked_invalid, both), names, NULLCLINES, strict=True):
        if values.count() and values.min() < 0 < values.max():
            axes.contour(*fine, values, levels=[0], colors=[colour], linewidths=1.0, linestyles="dashed", zorder=2)
            handles.append(_handle(colour, rf"d{name}/d$t$ = 0"))
    if handles:
        axes.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, frameon=False, fontsize=SMALL,
            borderaxespad=0.2, handlelength=1.8,
        )  # fmt: skip
    axes.set(xlim=(x0, x1), ylim=(y0, y1))


def _handle(colour: str, text: str) -> Any:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, linewidth=1.0, linestyle="dashed", label=text)


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
        axis.labelpad = -3 if direction != "z" else 0
        axes.tick_params(axis=direction, pad=-2)
    tidy(axes, ticks=4)
    axes.view_init(elev=22, azim=-55)
    axes.set_box_aspect((1, 1, 0.9), zoom=1.02)
    colour_bar(figure, path, [axes], layers[0].axis_label(TIME), 2.6, pad=0.13 if figure.get_figwidth() >= NARROW else 0.24, shrink=0.7)


def _rate_of(layer: Layer) -> Layer:
    """The rate of change of a state, by differences of the values that are drawn, on each side of a jump."""
    t, values = layer.points(TIME), layer.values
    pieces = np.split(np.arange(t.size), np.flatnonzero(np.diff(t) <= 2 * np.spacing(np.abs(t[1:]))) + 1)
    if min(map(len, pieces)) < 2:
        raise SolveError(
            f"a phase portrait of {layer.array.name} alone needs its rate of change, and it is saved at too few times; "
            "save more of them: sn.solve(system, saveat=...)"
        )
    rates = np.concatenate([np.gradient(values[piece], t[piece]) for piece in pieces])
    name = layer.short.strip("$")
    text = rf"$\mathrm{{d}}{name}/\mathrm{{d}}t$" if layer.short.startswith("$") else f"d{layer.short}/d$t$"
    return Layer(layer.array.copy(data=rates), text, text)


def _segments(points: Array) -> Array:
    """The pieces of a path (n, d) as (n - 1, 2, d)."""
    return np.stack([points[:-1], points[1:]], axis=1)


def _by_time(layer: Layer) -> dict[str, Any]:
    """Colour by time, dark (early) to light (late); on a logarithmic scale where the times are."""
    t = layer.points(TIME)
    middle = (t[:-1] + t[1:]) / 2
    if spread_over_decades(t):
        return {
            "array": middle,
            "cmap": greyed("viridis"),
            "norm": LogNorm(float(t[t > 0][0]), float(t[-1]), clip=True),
        }
    return {"array": middle, "cmap": greyed("viridis"), "clim": (float(t[0]), float(t[-1]))}


def spread_over_decades(t: Array) -> bool:
    """Whether the times are meant for a logarithmic axis: half of them in the first hundredth of the interval."""
    return t.size > 20 and t[0] >= 0 and t[-1] > 0 and bool(np.median(t) < 0.01 * t[-1])
