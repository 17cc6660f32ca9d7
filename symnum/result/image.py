"""Arrays of numbers as colour: an image where the points are evenly spaced, a mesh elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from symnum.result.axes import Array
from symnum.result.style import greyed


def picture(axes: Axes, x: Array, y: Array, values: Array, scale: dict[str, Any], shading: str = "smooth") -> Any:
    """``values`` (len(y), len(x)) in colour over the rectangle of the points; as an image where they are even.

    Elsewhere a mesh: ``shading`` "smooth" blends between the points where all are finite, "nearest" never does.
    """
    style = {"cmap": greyed(scale["cmap"]), "vmin": scale["vmin"], "vmax": scale["vmax"]}
    masked: Any = np.ma.masked_invalid(values)
    drawn: Any
    if _even(x) and _even(y):
        dx, dy = (float(p[-1] - p[0]) / (p.size - 1) / 2 for p in (x, y))
        smooth = "bilinear" if max(values.shape) < 300 else "auto"
        extent = (x[0] - dx, x[-1] + dx, y[0] - dy, y[-1] + dy)
        drawn = axes.imshow(masked, origin="lower", extent=extent, aspect="auto", interpolation=smooth, **style)
    else:
        blend = shading == "smooth" and max(values.shape) < 300 and not np.ma.is_masked(masked)
        drawn = axes.pcolormesh(x, y, masked, shading="gouraud" if blend else "nearest", rasterized=True, **style)
    if x[-1] > x[0]:
        axes.set_xlim(x[0], x[-1])
    if y[-1] > y[0]:
        axes.set_ylim(y[0], y[-1])
    return drawn


def _even(points: Array) -> bool:
    steps = np.diff(points)
    return steps.size > 0 and bool(steps.min() > 0) and bool(np.ptp(steps) <= 1e-6 * steps.max())
