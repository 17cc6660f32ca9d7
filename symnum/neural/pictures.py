"""The picture of a recovered term: the term over its inputs with the range of the data marked, and the solve beside the data."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from torch import Tensor

from symnum.errors import ModelError
from symnum.expr.term import Symbol, Term, as_term
from symnum.expr.walk import symbols
from symnum.neural.networks import networks_of
from symnum.neural.observations import block_of
from symnum.neural.regression import Candidate
from symnum.result.style import (
    FAINT,
    INK,
    LINE_COLOURS,
    SMALL,
    colour_bar,
    colour_scale,
    new_picture,
    open_box,
    symbol,
    tidy,
    time_colours,
)

if TYPE_CHECKING:
    from symnum.neural.recovered import Recovered

Array = NDArray[np.float64]
BEYOND = 0.2  # share of the range that is drawn on either side of it
POINTS, SNAPSHOTS = 200, 5


def recovered_picture(made: Recovered, truth: Any, best: Candidate | None, data: Any) -> Figure:
    """The figure of ``Recovered.plot``. Raises ModelError for more than two inputs, or data of another shape."""
    if len(made.inputs) > 2:
        raise ModelError(
            f"the term has {len(made.inputs)} inputs; one is drawn as a curve, two as maps: call it at arrays of your own, recovered(u, v, w)"
        )
    field = _first_field(made)
    beside = field is not None and len(block_of(made.model.semi, field).shape) < 3
    maps = 0 if len(made.inputs) == 1 else 1 + (truth is not None)
    columns = max(1, maps) + beside
    subtitle = f"{made.out.nfe} evaluations a solve with {made.model.options.method}"
    if best is not None:
        subtitle = f"{symbol(_name(made))} = {_formula(best)}  ·  {subtitle}"
    figure = new_picture(4.2 * columns, 3.4, made.model.semi.name or "recovered term", subtitle)
    frames = figure.subplots(1, columns, squeeze=False)[0]
    if maps:
        _maps(figure, list(frames[:maps]), made, truth)
    else:
        _curve(frames[0], made, truth, best)
    if beside:
        assert field is not None
        _snapshots(figure, frames[-1], made, field, data)
    return figure


def _curve(axes: Axes, made: Recovered, truth: Any, best: Candidate | None) -> None:
    (variable,), x = made.inputs, made.samples[made.inputs[0]]
    low, high = float(x.min()), float(x.max())
    span = high - low or 1.0
    at = np.linspace(low - BEYOND * span, high + BEYOND * span, POINTS)
    axes.axvspan(low, high, color="#E8EEF4", linewidth=0, label="range of the data")
    if truth is not None:
        axes.plot(at, _values(truth, made, (at,)), color=INK, linewidth=2.4, alpha=0.45, label="truth")
    axes.plot(at, made(at), color=LINE_COLOURS[0], linewidth=1.6, label=symbol(_name(made)))
    if best is not None:
        axes.plot(at, _values(best.term, made, (at,)), "--", color=LINE_COLOURS[1], linewidth=1.5, label="formula")
    axes.set_xlim(at[0], at[-1])
    axes.set_xlabel(_shown(variable))
    axes.set_ylabel(symbol(_name(made)))
    open_box(axes)
    axes.legend(fontsize=SMALL, facecolor="white", edgecolor="none", framealpha=0.9)
    tidy(axes)


def _maps(figure: Figure, frames: list[Axes], made: Recovered, truth: Any) -> None:
    """The term over the box of its two inputs, and what is missing to the truth; dots where the data were."""
    x, y = (made.samples[v] for v in made.inputs)
    at = np.meshgrid(np.linspace(x.min(), x.max(), 80), np.linspace(y.min(), y.max(), 80), indexing="ij")
    values = made(*at)
    panels = [(symbol(_name(made)), values)]
    if truth is not None:
        panels.append((f"{symbol(_name(made))} − truth", values - _values(truth, made, at)))
    for axes, (text, numbers) in zip(frames, panels, strict=True):
        image = axes.pcolormesh(*at, numbers, shading="gouraud", **colour_scale(numbers, robust=False))
        axes.plot(x, y, ".", color=INK, markersize=1.0, alpha=0.5)
        colour_bar(figure, image, [axes], text, 3.0)
        axes.set_xlabel(_shown(made.inputs[0]))
        axes.set_ylabel(_shown(made.inputs[1]))
        tidy(axes)


def _snapshots(figure: Figure, axes: Axes, made: Recovered, field: str, data: Any) -> None:
    """The field of the solve at a few times (against time, without space), and the data as points; in a plane a map of the last time."""
    rows, semi = made.out[field].detach().numpy(), made.model.semi
    points = None if data is None else np.asarray(data.detach() if isinstance(data, Tensor) else data, dtype=np.float64)
    if points is not None and points.shape != rows.shape:
        raise ModelError(
            f"data have shape {points.shape}; {field} of the solve has {rows.shape}: give values on the whole grid, out[{field}]"
        )
    block = block_of(semi, field)
    if len(block.shape) == 2:
        _plane(figure, axes, made, field, rows, points)
        return
    if not block.shape:
        axes.plot(made.out.t, rows, color=LINE_COLOURS[0], linewidth=1.5)
        if points is not None:
            axes.plot(made.out.t, points, ".", color=INK, markersize=4)
        axes.set_xlabel(symbol(semi.time.name if semi.time is not None else "t"))
    else:
        axis = semi.axes[block.axes[0]]
        chosen = np.unique(np.linspace(0, len(rows) - 1, SNAPSHOTS).astype(int))
        for k, colour in zip(chosen, time_colours(len(chosen)), strict=True):
            axes.plot(axis.coordinates(), rows[k], color=colour, linewidth=1.5, label=f"t = {made.out.t[k]:.3g}")
            if points is not None:
                axes.plot(axis.coordinates(), points[k], ".", color=colour, markersize=4)
        axes.set_xlabel(symbol(axis.name))
        axes.legend(fontsize=SMALL, frameon=False, labelcolor=FAINT)
    axes.set_ylabel(symbol(field))
    open_box(axes)
    tidy(axes)


def _plane(figure: Figure, axes: Axes, made: Recovered, field: str, rows: Array, points: Array | None) -> None:
    """The field at the last time that was reached; the data as contour lines, at the levels of the solve's."""
    semi = made.model.semi
    x, y = (semi.axes[a] for a in block_of(semi, field).axes)
    last = int(np.flatnonzero(np.isfinite(rows).all(axis=(1, 2)))[-1])
    colours = colour_scale(rows[last], robust=False)
    image = axes.pcolormesh(x.coordinates(), y.coordinates(), rows[last].T, shading="gouraud", **colours)
    if points is not None and np.ptp(rows[last]):
        levels = np.linspace(rows[last].min(), rows[last].max(), 7)[1:-1]
        for values, colour in ((rows[last], "white"), (points[last], INK)):
            axes.contour(x.coordinates(), y.coordinates(), values.T, levels, colors=colour, linewidths=0.8)
        axes.set_title("white: solve, black: data", fontsize=SMALL, color=FAINT, loc="left")
    colour_bar(figure, image, [axes], f"{symbol(field)} at t = {made.out.t[last]:.3g}", 3.0)
    axes.set_xlabel(symbol(x.name))
    axes.set_ylabel(symbol(y.name))
    axes.set_aspect("equal")
    tidy(axes)


def _values(term: Any, made: Recovered, at: Any) -> Array:
    """A term in the inputs, or a function of arrays, at points."""
    from symnum.model.numeric import evaluate

    shape = np.shape(at[0])
    if callable(term) and not isinstance(term, Term):
        return np.array(np.broadcast_to(np.asarray(term(*at), dtype=np.float64), shape))
    defaults = made.model.parameter_values()
    formula = as_term(term)
    known: dict[Term, Any] = {s: defaults.get(s.name, s.info.default) for s in symbols(formula, "parameter")}
    return np.array(
        np.broadcast_to(evaluate(formula, known | dict(zip(made.inputs, at, strict=True))), shape), dtype=np.float64
    )


def _first_field(made: Recovered) -> str | None:
    """A field that the term reads, itself or below a derivative."""
    found = symbols(made.inputs, "field")
    return found[0].name if found else None


def _name(made: Recovered) -> str:
    """What the term is called: a network by its name."""
    return networks_of(made.term)[-1].name if made.term.op == "network" else "trained term"


def _shown(variable: Term) -> str:
    return symbol(variable.name) if isinstance(variable, Symbol) else str(variable)


def _formula(best: Candidate) -> str:
    """As mathematics: u³ for u^3."""
    raised = re.sub(r"\^(\d+)", lambda power: power[1].translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")), str(best))
    return raised.replace("*", " ").replace("-", "−")
