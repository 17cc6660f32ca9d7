"""Arrays of numbers as colour: an image where the points are evenly spaced, a mesh elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from symnum.result.axes import Array
from symnum.result.style import greyed


def picture(axes: Axes, x: Array, y: Array, values: Array, scale: dict[str, Any], shading: str = "smooth") -> Any:
    """``values`` (len(y), len(x)) in colour over the rectangle of the points; as an image where they are even or cells with their sides.

    Elsewhere a mesh: ``shading`` "smooth" blends between the points where all are finite, "nearest" never does.
    """
    colours = greyed(scale["cmap"])
    colours.colorbar_extend = scale.get("extend", "neither")  # an arrow where values lie beyond the bar
    style = {"cmap": colours, "vmin": scale["vmin"], "vmax": scale["vmax"]}
    masked: Any = np.ma.masked_invalid(values)
    drawn: Any
    columns, rows = _pixels(x), _pixels(y)
    if columns is not None and rows is not None:
        style |= {
            "origin": "lower",
            "aspect": "auto",
            "interpolation": "bilinear" if max(values.shape) < 300 else "auto",
        }
        drawn = axes.imshow(masked[rows[0], columns[0]], extent=(*columns[1:], *rows[1:]), **style)
    else:
        blend = shading == "smooth" and max(values.shape) < 300 and not np.ma.is_masked(masked)
        drawn = axes.pcolormesh(x, y, masked, shading="gouraud" if blend else "nearest", rasterized=True, **style)
    if x[-1] > x[0]:
        axes.set_xlim(x[0], x[-1])
    if y[-1] > y[0]:
        axes.set_ylim(y[0], y[-1])
    return drawn


def _pixels(points: Array) -> tuple[slice, float, float] | None:
    """Which points are centres of equal pixels, and where these begin and end: all, or all but the sides of cells."""
    for which in (slice(None), slice(1, -1)):
        inner = points[which]
        if _even(inner):
            half = float(inner[-1] - inner[0]) / (inner.size - 1) / 2
            low, high = float(inner[0]) - half, float(inner[-1]) + half
            if which == slice(None) or np.allclose(points[[0, -1]], (low, high), rtol=0, atol=1e-6 * half):
                return which, low, high
    return None


def _even(points: Array) -> bool:
    steps = np.diff(points)
    return steps.size > 0 and bool(steps.min() > 0) and bool(np.ptp(steps) <= 1e-6 * steps.max())
