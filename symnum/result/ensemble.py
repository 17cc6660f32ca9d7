"""Pictures of sweeps: bands over many trajectories, or a curve for each value of a parameter."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection

from symnum.errors import SolveError, UnknownName, did_you_mean, names_options
from symnum.result.axes import TIME, Array, units_of
from symnum.result.style import (
    INK,
    LINE_COLOURS,
    NARROW,
    SMALL,
    Picture,
    colour_bar,
    finished,
    inches,
    label,
    line_styles,
    new_picture,
    open_box,
    symbol,
    tidy,
)

if TYPE_CHECKING:
    import xarray

    from symnum.result.sweep import Sweep

BANDS = ((0.05, 0.95, 0.18), (0.25, 0.75, 0.32))  # quantiles, opacity
PATHS = 5  # single trajectories drawn over the bands
FEW = 7  # trajectories with a line and a legend of their own, where several parameters vary
MOST_VALUES = 60  # more curves, one a parameter value, hide each other
KINDS = ("auto", "bands", "curves")


@names_options
def plot_sweep(
    sweep: Sweep,
    *,
    kind: str = "auto",
    field: object = None,
    t: float | None = None,
    path: str | os.PathLike[str] | None = None,
    title: str | None = None,
    width: float | str | None = None,
    dpi: float = 150,
) -> Picture:
    """Draw the fields of all trajectories: against time (no space) or against x at time ``t`` (one space dimension; the last time if not given).

    ``kind``: "bands" shows the median, the middle 50 and 90 per cent and a few single trajectories; "curves" one curve for each value of the
    one parameter that was swept, coloured by it; "auto" is "curves" where there is such a parameter with at most 60 values, lines with a legend
    where several parameters vary over at most 7 trajectories, else "bands".
    Raises ``UnknownName`` for a kind or field that is not there, ``SolveError`` for fields over more than one space dimension and where
    "curves" has no parameter to go by.
    """
    names, dim = _names(sweep, field)
    swept = _parameter(sweep)
    if kind not in KINDS:
        raise UnknownName(
            f"there is no kind of picture {kind!r} of a sweep.{did_you_mean(kind, KINDS)} There are: {', '.join(KINDS)}."
        )
    if kind == "curves" and swept is None:
        raise SolveError(
            'kind="curves" goes by the one parameter that was swept, and there is none; write kind="bands"'
        )
    curves = kind == "curves" or (kind == "auto" and swept is not None and len(sweep) <= MOST_VALUES)
    named = _values(sweep) if kind == "auto" and not curves and len(sweep) <= FEW else []
    time = None if dim == TIME else _nearest(sweep, t)
    size = inches(width, 7.4)
    tall = (3.4 if len(names) == 1 else 2.3) if size >= NARROW else 2.0
    figure = new_picture(
        size, tall * len(names), **_heading(sweep, title, time, swept if curves else None, bool(named)), dpi=dpi
    )
    grid = figure.subplots(len(names), 1, squeeze=False, sharex=True)[:, 0]
    for number, (axes, name) in enumerate(zip(grid, names, strict=True)):
        array = sweep.dataset[name] if time is None else sweep.dataset[name].sel({TIME: time})
        if curves:
            _curves(figure, axes, array, dim, str(swept))
        elif named:
            _named(axes, array, dim, named, legend=number == 0)
        else:
            _bands(axes, array, dim, legend=number == 0)
        axes.set_ylabel(label(name, units_of(sweep.dataset[name])))
        tidy(axes)
    grid[-1].set_xlabel(label(dim, units_of(sweep.dataset[dim])))
    return finished(figure, path)


def _names(sweep: Sweep, field: object) -> tuple[list[str], str]:
    """The fields to draw, and the coordinate along which."""
    many = isinstance(field, (list, tuple))
    names = [str(sweep[key].name) for key in (list(field) if many else [field])] if field is not None else []  # type: ignore[call-overload]
    names = names or [str(name) for name in sweep.dataset.data_vars][:6]
    space = {d for name in names for d in map(str, sweep.dataset[name].dims) if d not in ("trajectory", TIME)}
    if len(space) > 1:
        raise SolveError(
            f"a sweep is drawn against time or one coordinate; {', '.join(names)} depend on {', '.join(sorted(space))}. "
            f'Draw a mean or a cut with xarray: sweep[{names[0]!r}].mean("trajectory").sel({min(space)}=0.5, method="nearest")'
        )
    return names, space.pop() if space else TIME


def _parameter(sweep: Sweep) -> str | None:
    """The one parameter whose values differ from trajectory to trajectory and never repeat; the seed of a path is none."""
    varied = _varied(sweep)
    return varied[0] if len(varied) == 1 and np.unique(sweep.dataset[varied[0]].values).size == len(sweep) else None


def _varied(sweep: Sweep) -> list[str]:
    """The parameters that are not the same in all trajectories."""
    data = sweep.dataset
    given = [str(n) for n, c in data.coords.items() if c.dims == ("trajectory",) and n not in ("trajectory", "seed")]
    return [n for n in given if np.unique(data[n].values).size > 1]


def _nearest(sweep: Sweep, t: float | None) -> float:
    return float(sweep.t[-1] if t is None else sweep.t[np.argmin(np.abs(sweep.t - t))])


def _heading(sweep: Sweep, title: str | None, time: float | None, swept: str | None, named: bool) -> dict[str, Any]:
    failed = int((~sweep.success).sum())
    parts = [sweep.method, f"{len(sweep):,} trajectories"]
    parts += [f"{symbol(TIME)} = {time:.4g} {units_of(sweep.dataset[TIME])}".rstrip()] if time is not None else []
    parts += [f"a curve for each {symbol(swept)}"] if swept else [] if named else ["median, middle 50 % and 90 %"]
    alarm = f"{failed} of {len(sweep)} trajectories failed and end early" if failed else ""
    return {
        "title": title or str(sweep.dataset.attrs.get("title") or "sweep").replace("_", " "),
        "subtitle": "  ·  ".join(parts),
        "alarm": alarm,
    }


def _rows(array: xarray.DataArray, dim: str) -> tuple[Array, Array]:
    """Coordinate (n,) and values (trajectories, n), NaN where they are not finite."""
    values = np.asarray(array.transpose("trajectory", dim).values, dtype=float)
    return np.asarray(array[dim].values, dtype=float), np.where(np.isfinite(values), values, np.nan)


def _bands(axes: Axes, array: xarray.DataArray, dim: str, legend: bool) -> None:
    x, values = _rows(array, dim)
    held = np.isfinite(values).any(axis=0)  # where every trajectory failed there is nothing to rank
    x, values = x[held], values[:, held]
    for low, high, opacity in BANDS:
        ends = np.nanquantile(values, [low, high], axis=0)
        text = f"middle {round(100 * (high - low))} %"
        axes.fill_between(x, *ends, color=LINE_COLOURS[0], alpha=opacity, linewidth=0, label=text)
    for row in values[:PATHS]:
        axes.plot(x, row, color="#8A8A8A", linewidth=0.6, label="_path")
    axes.plot(x, np.nanmedian(values, axis=0), color=INK, linewidth=1.6, label="median")
    if x.size > 1:
        axes.set_xlim(x[0], x[-1])
    open_box(axes)
    if legend:
        axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=3, frameon=False, fontsize=SMALL, borderaxespad=0.1)


def _values(sweep: Sweep) -> list[str]:
    """What tells the trajectories apart: the values of the parameters that vary; nothing where they do not."""
    columns = {n: np.asarray(sweep.dataset[n].values, dtype=float) for n in _varied(sweep)}
    rows = [", ".join(f"{symbol(n)} = {column[k]:.4g}" for n, column in columns.items()) for k in range(len(sweep))]
    return rows if len(set(rows)) == len(rows) else []


def _named(axes: Axes, array: xarray.DataArray, dim: str, names: list[str], legend: bool) -> None:
    x, values = _rows(array, dim)
    for row, name, style in zip(values, names, line_styles(len(names)), strict=True):
        axes.plot(x, row, linewidth=1.4, label=name, **style)
    if x.size > 1:
        axes.set_xlim(x[0], x[-1])
    open_box(axes)
    if legend:
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=2, frameon=False, fontsize=SMALL, borderaxespad=0.1)


def _curves(figure: Picture, axes: Axes, array: xarray.DataArray, dim: str, swept: str) -> None:
    x, values = _rows(array, dim)
    lines: Any = LineCollection(
        [np.column_stack([x, row]) for row in values],
        array=np.asarray(array[swept].values, dtype=float),
        cmap="viridis",
        linewidths=1.3,
    )
    axes.add_collection(lines)
    axes.autoscale_view()
    axes.set_xlim(x[0], x[-1])
    open_box(axes)
    colour_bar(figure, lines, [axes], symbol(swept), 2.5, pad=0.02)
