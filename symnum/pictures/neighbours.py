"""Stencils: the grid points that a discretised equation reads at one point, and their weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnum.errors import SolveError, UnknownName, did_you_mean
from symnum.pictures.frame import Path, finish, name_of_system, on_grid
from symnum.pipeline import Discretised
from symnum.result.style import FAINT, INK, LINE_COLOURS, MEDIUM, NARROW, SMALL, Picture, inches, new_picture, symbol

LEAN = (0.42, 0.34)  # how far a step along the third coordinate goes right and up
POSITIVE, NEGATIVE = LINE_COLOURS[0], LINE_COLOURS[1]


@dataclass(frozen=True)
class Stencil:
    """``d(rate of field)/d(other)`` at one grid point: offset from it (grid steps) -> weight."""

    field: str
    other: str
    weights: Mapping[tuple[int, ...], float]


def stencil(
    system: Any,
    field: Any = None,
    at: Mapping[Any, float] | None = None,
    *,
    resolution: Any = 16,
    scheme: str = "auto",
    order: int = 2,
    path: Path | None = None,
    title: str | None = None,
    width: float | str | None = None,
    dpi: float = 150,
) -> Picture:
    """Draw which neighbours an equation reads at a grid point, with the weights ``d(du_i/dt)/du_j`` at the initial state.

    Args:
        system: a system with space coordinates (put on a grid with ``resolution``, ``scheme`` and ``order``), or what ``sn.discretise`` gives.
        field: whose equation (default: the first); a frame for each field that it reads.
        at: the grid point nearest to this place, ``{"x": 0}``; default: the middle. Near a closed side the one-sided closure shows.
        path, title, width, dpi: as for ``sol.plot``.

    Weights are written in units of a common factor, which makes them whole numbers where there is one. Blue points count positive, red ones
    negative; the ring is the point itself. Raises SolveError for a system without space or with more than three coordinates, UnknownName for
    another field or coordinate, and what ``sn.discretise`` raises (TargetError for the Fourier schemes, which read all points).
    """
    made = on_grid(system, resolution, {"scheme": scheme, "order": order}, "sn.pictures.stencil")
    axes = made.semi.axes
    if not axes or len(axes) > 3:
        raise SolveError(
            "a stencil needs one to three space coordinates; the equations of this system read no neighbours"
        )
    centre = _centre(made, _field_of(made, field), at)
    found = _stencils(made, *centre)
    place = ", ".join(f"{symbol(a.name)} = {a.first + a.spacing * k:.4g}" for a, k in zip(axes, centre[1], strict=True))
    # only the equation named has a picture; the name says which one
    parts = [f"d{symbol(centre[0])}/d$t$ at {place}", f"{made.semi.scheme}, order {made.semi.order}".strip(", ")]
    parts.append(", ".join(f"Δ{symbol(a.name)} = {a.spacing:.4g}" for a in axes))
    size = inches(width, min(9.5, 3.7 * len(found) + 0.9))
    across = 1 if size < NARROW else len(found)
    rows = -(-len(found) // across)
    tall = (1.5 if len(axes) == 1 else 0.86 * size / across) * rows
    figure = new_picture(size, tall, title or f"stencil of {name_of_system(made)}", "  ·  ".join(parts), dpi=dpi)
    grid = figure.subplots(rows, across, squeeze=False)
    for frame, one in zip(grid.flat, found, strict=True):
        _draw(frame, one, made, centre[1])
    return finish(figure, path)


def _field_of(made: Discretised, field: Any) -> str:
    names = [a.field for a in made.semi.state if a.field not in made.semi.hidden]
    if field is None:
        return names[0]
    name = str(getattr(field, "name", field))
    if name not in names:
        raise UnknownName(f"there is no field {name!r}.{did_you_mean(name, names)} The fields are: {', '.join(names)}.")
    return name


def _centre(made: Discretised, field: str, at: Mapping[Any, float] | None) -> tuple[str, tuple[int, ...]]:
    """The field whose rate is drawn, and the indices of the grid point nearest to ``at`` that the state holds."""
    semi = made.semi
    array = next(a for a in semi.state if a.field == field)
    wanted = {str(getattr(key, "name", key)): float(value) for key, value in (at or {}).items()}
    names = [semi.axes[k].name for k in array.axes]
    for name in wanted:
        if name not in names:
            raise UnknownName(
                f"{field} has no coordinate {name!r}.{did_you_mean(name, names)} It has: {', '.join(names)}."
            )
    indices = []
    for k, origin, count in zip(array.axes, array.origin, array.shape, strict=True):
        axis = semi.axes[k]
        place = wanted.get(axis.name, (axis.start + axis.stop) / 2)
        nearest = round((place - axis.first) / axis.spacing)
        indices.append(int(np.clip(nearest, origin, origin + count - 1)))
    return field, tuple(indices)


def _stencils(made: Discretised, field: str, centre: tuple[int, ...]) -> list[Stencil]:
    """One for each field that the equation reads; of a second-order equation that of the velocity's rate."""
    semi = made.semi
    rate = field
    array = next(a for a in semi.state if a.field == field)
    y = made.initial_state()
    matrix = made.jacobian(semi.time_span[0], np.array(y))
    matrix = getattr(matrix, "sparse", matrix)  # what integrals bring reads every point and has no place in a stencil
    if not hasattr(matrix, "tocsr"):
        raise SolveError(
            f'with scheme="{semi.scheme}" every point reads every other along an axis; write scheme="central" for a stencil'
        )
    matrix = matrix.tocsr()
    row = _position(array, centre)
    columns = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
    if (
        len(columns) == 1 and _home(made, int(columns[0])).field in semi.hidden
    ):  # u_t = velocity: the equation is that of the velocity
        array = _home(made, int(columns[0]))
        row = _position(array, centre)
    data = matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]]
    columns = matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]]
    weights: dict[str, dict[tuple[int, ...], float]] = {}
    for column, weight in zip(columns, data, strict=True):
        other = _home(made, int(column))
        if weight == 0:
            continue
        there = np.unravel_index(int(column) - other.offset, other.shape)
        offset = [0] * len(semi.axes)
        for k, index, origin in zip(other.axes, there, other.origin, strict=True):
            own = centre[array.axes.index(k)]
            step, axis = int(index) + origin - own, semi.axes[k]
            if axis.periodic:  # the shorter way round
                step = (step + axis.points // 2) % axis.points - axis.points // 2
            offset[k] = step
        weights.setdefault(other.field, {})[tuple(offset)] = float(weight)
    shown = {name: w for name, w in weights.items() if name not in semi.hidden} or {field: {(0,) * len(semi.axes): 0.0}}
    return [Stencil(rate, name, found) for name, found in sorted(shown.items(), key=lambda item: item[0] != field)]


def _home(made: Discretised, column: int) -> Any:
    return next(a for a in made.semi.state if a.offset <= column < a.offset + a.size)


def _position(array: Any, centre: tuple[int, ...]) -> int:
    inner = tuple(c - o for c, o in zip(centre, array.origin, strict=True))
    return int(array.offset + np.ravel_multi_index(inner, array.shape))


def written(weights: Mapping[tuple[int, ...], float]) -> tuple[str, dict[tuple[int, ...], str]]:
    """A common factor and the weights divided by it: whole numbers where there is such a factor, else of three digits, the smallest 1."""
    sizes = [abs(w) for w in weights.values() if w]
    for divisor in range(1, 61) if sizes else ():
        unit = min(sizes) / divisor
        whole = {offset: round(w / unit) for offset, w in weights.items()}
        if max(map(abs, whole.values())) < 1000 and all(
            abs(k * unit - weights[o]) <= 1e-9 * max(sizes) for o, k in whole.items()
        ):
            return f"{unit:.4g}", {offset: str(k).replace("-", "−") for offset, k in whole.items()}
    unit = min(sizes, default=1.0)
    ratios = {offset: w / unit for offset, w in weights.items()}
    return f"{unit:.4g}", {
        o: (f"{w:.3g}" if abs(w) < 1000 else f"{w:.0f}").replace("-", "−") for o, w in ratios.items()
    }


def _flat(offset: tuple[float, ...]) -> tuple[float, float]:
    """Where a grid point is drawn: the third coordinate leans backwards."""
    x, y, z = (*offset, 0, 0)[:3]
    return x + LEAN[0] * z, y + LEAN[1] * z


def _draw(axes: Any, one: Stencil, made: Discretised, centre: tuple[int, ...]) -> None:
    factor, texts = written(one.weights)
    grid = made.semi.axes
    reach = [max(1, *(abs(o[k]) for o in one.weights)) for k in range(len(grid))]
    _draw_grid(axes, grid, reach, centre)
    crowded = len(grid) == 1 and len(texts) > 5  # then every other weight stands below its point
    for offset, weight in one.weights.items():
        x, y = _flat(offset)
        below = crowded and offset[0] % 2
        colour = POSITIVE if weight > 0 else NEGATIVE
        axes.plot([x], [y], "o", color=colour, markersize=11, zorder=3, label="_weight")
        text = axes.annotate(
            texts[offset],
            (x, y),
            (0, -10 if below else 10),
            textcoords="offset points",
            ha="center",
            va="top" if below else "bottom",
            fontsize=MEDIUM,
            color=INK,
            zorder=5,
        )
        text.set_bbox({"facecolor": "white", "edgecolor": "none", "pad": 0.6, "alpha": 0.85})
    axes.plot([0], [0], "o", mfc="none", mec=INK, mew=1.3, markersize=16, zorder=4, label="_centre")
    times = "" if factor == "1" else f", in units of {factor}"
    axes.set_title(f"weights of {symbol(one.other)}{times}", fontsize=MEDIUM, color=INK, loc="left")


def _draw_grid(axes: Any, grid: Any, reach: list[int], centre: tuple[int, ...]) -> None:
    """The grid around the point, faint, as far as the domain goes; a thick line at closed sides."""
    spans = []
    for axis, extent, here in zip(grid, reach, centre, strict=True):
        low, high = -extent - 1, extent + 1
        if not axis.periodic:
            low, high = max(low, -here), min(high, axis.points - 1 - here)
        spans.append((low, high))
    points = np.stack(np.meshgrid(*(np.arange(a, b + 1) for a, b in spans), indexing="ij"), -1).reshape(-1, len(grid))
    if len(grid) == 3:  # all of them would hide each other
        points = points[(points != 0).sum(axis=1) <= 1]
    flat = np.array([_flat(tuple(p)) for p in points])
    for k, (low, high) in enumerate(spans):  # lines through the point
        ends = [_flat(tuple(end if j == k else 0.0 for j in range(len(grid)))) for end in (low - 0.35, high + 0.35)]
        axes.plot(*zip(*ends, strict=True), color="#BBBBBB", linewidth=0.8, zorder=1)
        axes.annotate(
            symbol(grid[k].name), ends[1], (4, 0), textcoords="offset points", color=FAINT, fontsize=MEDIUM, va="center"
        )
    axes.plot(*flat.T, "o", color="#C4C4C4", markersize=4, zorder=2, label="_grid")
    for k, (axis, (low, high), here) in enumerate(zip(grid, spans, centre, strict=True)):
        half = 0.5 if axis.centred else 0.0
        for end, edge, sign in ((low, -here, -1), (high, axis.points - 1 - here, 1)):
            if not axis.periodic and end == edge and len(grid) < 3:
                _side(axes, k, end + sign * half, spans[1 - k] if len(grid) == 2 else (-0.4, 0.4))
    axes.set_aspect("equal")
    axes.set_axis_off()
    xs, ys = flat.T
    tall = 1.0 if len(grid) == 1 else 0.75
    axes.set(xlim=(xs.min() - 0.7, xs.max() + 0.8), ylim=(ys.min() - 0.6, ys.max() + tall))


def _side(axes: Any, k: int, where: float, span: tuple[float, float]) -> None:
    """The side of the domain: a line, and the word."""
    ends = [(where, where), span] if k == 0 else [span, (where, where)]
    axes.plot(*ends, color=INK, linewidth=2.2, solid_capstyle="butt", zorder=1.5, label="side")
    if k == 0:
        axes.annotate(
            "side",
            (where, span[0]),
            (0, -4),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=SMALL,
            color=FAINT,
        )
