"""Convergence: error against the spacing, with the slope of each line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symnum.errors import SolveError
from symnum.pictures.frame import Frame, Path
from symnum.result.style import FAINT, INK, NARROW, SMALL, inches, line_styles, open_box, tidy

MARKERS = "osD^vP*"


def convergence(
    spacings: Sequence[float],
    errors: Sequence[float] | Mapping[str, Sequence[float]],
    *,
    xlabel: str = "spacing $h$",
    ylabel: str = "error",
    ax: Any = None,
    path: Path | None = None,
    title: str | None = None,
    width: float | str | None = None,
    dpi: float = 150,
) -> Any:
    """Draw ``error = C h^p`` on logarithmic axes, with p fitted to each line and a triangle of the nearest whole slope.

    Args:
        spacings: h (n,), positive: grid spacings or time steps. errors: (n,), or name -> (n,); what is zero, missing or not finite is left out.
        ax, path, title, width, dpi: as for ``sol.plot``.

    The slope is that of the straight line through all points by least squares. Raises SolveError for lengths that differ, fewer than two points
    and spacings that are not positive.
    """
    h = np.asarray(spacings, dtype=float)
    lines = {
        str(k): np.asarray(v, dtype=float) for k, v in (errors if isinstance(errors, Mapping) else {"": errors}).items()
    }
    if h.ndim != 1 or h.size < 2 or not np.all(np.isfinite(h) & (h > 0)):
        raise SolveError(
            f"spacings must be at least two positive numbers, not {spacings!r}; write convergence([0.1, 0.05], errors)"
        )
    for name, values in lines.items():
        if values.shape != h.shape:
            raise SolveError(
                f"there are {h.size} spacings but errors{f' of {name!r}' if name else ''} of shape {values.shape}; give one for each"
            )
    size = inches(width, 6.6)
    ratio = 0.58 if size >= NARROW else 0.62 + 0.06 * len(lines)  # narrow: the legend stands above
    frame = Frame(
        ax, (title or "convergence", "p: slope of the straight line by least squares"), size, size, ratio, dpi
    )
    for (name, values), style, marker in zip(
        lines.items(), line_styles(len(lines)), MARKERS * len(lines), strict=False
    ):
        used = np.isfinite(values) & (values > 0)
        slope = fitted_slope(h[used], values[used])
        text = ", ".join(part for part in (name, f"$p$ = {slope:.2f}" if np.isfinite(slope) else "") if part)
        frame.axes.plot(h[used], values[used], marker=marker, markersize=5, linewidth=1.4, label=text, **style)
        if np.isfinite(slope) and round(slope) >= 1:
            _triangle(frame.axes, h[used], values[used], round(slope))
    _finish(frame.axes, xlabel, ylabel, frame.own)
    return frame.done(path)


def fitted_slope(h: np.ndarray, errors: np.ndarray) -> float:
    """p of ``log(error) = log(C) + p log(h)`` by least squares; NaN for fewer than two points."""
    if h.size < 2 or np.ptp(h) == 0:
        return float("nan")
    return float(np.polyfit(np.log(h), np.log(errors), 1)[0])


def _triangle(axes: Any, h: np.ndarray, errors: np.ndarray, slope: int) -> None:
    """A right triangle of this slope below the two finest points."""
    first, second = np.sort(h)[:2]
    middle = np.sqrt(first * second)
    right = min(middle * 1.6, float(np.sqrt(middle * np.max(h))) if h.size > 2 else second)
    base = 0.45 * float(np.exp(np.interp(np.log(middle), np.log(np.sort(h)), np.log(errors[np.argsort(h)]))))
    corners = np.array([[middle, base], [right, base], [right, base * (right / middle) ** slope], [middle, base]])
    axes.plot(*corners.T, color=FAINT, linewidth=0.9, label="_triangle")
    axes.annotate(f"{slope}", (right, base * (right / middle) ** (slope / 2)), (3, 0), textcoords="offset points",
                  va="center", fontsize=SMALL, color=FAINT)  # fmt: skip


def _finish(axes: Any, xlabel: str, ylabel: str, own: bool) -> None:
    """Logarithmic axes; the legend beside them (above in narrow pictures), where no line can run below it."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set(xlabel=xlabel, ylabel=ylabel)
    open_box(axes)
    tidy(axes)
    handles, texts = axes.get_legend_handles_labels()
    place: dict[str, Any] = {"loc": "best"}
    if own:
        narrow = axes.figure.bbox.width < NARROW * axes.figure.dpi
        place = (
            {"loc": "lower left", "bbox_to_anchor": (0, 1)}
            if narrow
            else {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
        )
    if any(texts):
        axes.legend(handles, texts, frameon=False, fontsize=SMALL, labelcolor=INK, **place)
