"""Solutions made from exact functions, so that every number in the tests has a source outside symnum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import xarray

from symnum.result import Solution

TWO_PI = 2 * np.pi


def solution(dataset: xarray.Dataset, **facts: Any) -> Solution:
    given = {
        "success": True,
        "message": "reached the end.",
        "method": "ROCK4",
        "why": "diffusive",
        "stats": {"steps": 412, "rhs_evaluations": np.int64(2301), "solve_seconds": np.float64(0.25)},
        "name": "sample",
    }
    return Solution(dataset, **(given | facts))


def decay(points: int = 65, times: int = 41, slopes: bool = True) -> Solution:
    """u = 300 + 20 exp(-t) sin(pi x), closed ends: units on every axis."""
    x, t = np.linspace(0, 1, points), np.linspace(0, 2, times)
    shape = 20 * np.exp(-t)[:, None] * np.sin(np.pi * x)
    coords = {"t": ("t", t, {"units": "s"}), "x": ("x", x, {"units": "m"})}
    data = xarray.Dataset({"T": (("t", "x"), 300 + shape, {"units": "K"})}, coords=coords)
    return solution(data, name="heat_equation", slopes={"T": -shape} if slopes else None)


def wave(n: int = 32, sign: int = 1) -> Solution:
    """u = sin(k (x - t)) on a periodic axis of length 1 (k = 2 pi), or antiperiodic (k = pi, sign = -1)."""
    k = TWO_PI if sign > 0 else np.pi
    x, t = np.arange(n) / n, np.linspace(0, 1, 11)
    phase = k * (x - t[:, None])
    attrs = {"periodic" if sign > 0 else "antiperiodic": "x", "period_x": 1.0}
    data = xarray.Dataset({"u": (("t", "x"), np.sin(phase))}, coords={"t": t, "x": x}, attrs=attrs)
    return solution(data, slopes={"u": -k * np.cos(phase)})


def plane(n: int = 12) -> Solution:
    """Two fields on the unit square, periodic both ways, and w(x), which depends on neither t nor y."""
    x, t = np.arange(n) / n, np.linspace(0, 3, 16)
    grid = TWO_PI * (x[:, None] + 2 * x[None, :])
    u = np.sin(grid - t[:, None, None])
    dims = ("t", "x", "y")
    fields = {"u": (dims, u, {"units": "mol/L"}), "v": (dims, 3 + np.cos(grid - t[:, None, None])), "w": ("x", x**2)}
    attrs = {"periodic": "x y", "period_x": 1.0, "period_y": 1.0}
    return solution(xarray.Dataset(fields, coords={"t": t, "x": x, "y": x}, attrs=attrs), name="brusselator")


def states(count: int, functions: Callable[[int, Any], Any] | None = None, **facts: Any) -> Solution:
    """``count`` ODE states, by default y_i = sin(t + i)."""
    t = np.linspace(0, 10, 30)
    function = functions or (lambda i, t: np.sin(t + i))
    return solution(
        xarray.Dataset({f"y{i}": ("t", function(i, t)) for i in range(1, count + 1)}, coords={"t": t}), **facts
    )
