"""Uniform grids: how many points lie where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symnum.errors import DiscretisationError, did_you_mean
from symnum.ir.system import Axis
from symnum.model.system import PDESystem

_MOST_POINTS = 2**31


@dataclass(frozen=True)
class Grid:
    """A uniform grid: its axes, in the order of the system's spatial coordinates.

    ``resolution=`` of a solve takes one in place of numbers of cells, where its axes are those of the system.

    Attributes:
        axes: one ``Axis`` a coordinate, with the number of its points, its bounds, and whether it is periodic or holds centres of cells.
        shape: the numbers of points (n_x, n_y, ...).
    """

    axes: tuple[Axis, ...]

    def __post_init__(self) -> None:
        if not isinstance(self.axes, tuple) or not all(isinstance(a, Axis) for a in self.axes):
            raise DiscretisationError(
                f"a Grid has axes, not {self.axes!r}; for a number of cells write resolution=64 or resolution={{x: 64, y: 32}}"
            )

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(a.points for a in self.axes)


def make_grid(system: PDESystem, resolution: Any, centred: bool = False) -> Grid:
    """A grid for a system.

    Args:
        resolution: number of cells, one number for all axes or ``{x: 64, y: 32}`` (keys coordinates or names), or a Grid.
            A closed axis of n cells has n + 1 points, a periodic one n.
        centred: the points are the centres of the n cells, on all axes.

    Raises DiscretisationError for counts that are not whole numbers of at least 4, missing and unknown coordinates.
    """
    names = [c.name for c in system.space]
    if isinstance(resolution, Grid):
        if [a.name for a in resolution.axes] != names:
            raise DiscretisationError(f"the grid has axes {[a.name for a in resolution.axes]}, the system has {names}")
        if any(a.centred != centred for a in resolution.axes):
            has, needs = ("points", "cells") if centred else ("cells", "points")
            raise DiscretisationError(
                f"the Grid is one of {has}, the scheme takes one of {needs}; write resolution=64 (a number of cells), or another scheme"
            )
        return resolution
    counts = _counts(names, resolution)
    axes = []
    for coordinate in system.space:
        low, high = system.domain.bounds[coordinate.name]
        cells, periodic = counts[coordinate.name], coordinate.name in system.periodic
        axes.append(
            Axis(
                coordinate.name,
                low,
                high,
                cells if periodic or centred else cells + 1,
                (high - low) / cells,
                periodic,
                coordinate.info.units,
                centred,
            )
        )
    total = 1
    for axis in axes:
        total *= axis.points
    if total > _MOST_POINTS:
        raise DiscretisationError(
            f"resolution={resolution!r} gives {total} grid points, more than {_MOST_POINTS}; lower it"
        )
    return Grid(tuple(axes))


def _counts(names: list[str], resolution: Any) -> dict[str, int]:
    if not isinstance(resolution, Mapping):
        return {name: _count(name, resolution) for name in names}
    given = {getattr(key, "name", key): value for key, value in resolution.items()}
    for name in given:
        if name not in names:
            raise DiscretisationError(
                f"resolution names {name!r}, the spatial coordinates are {', '.join(names)}.{did_you_mean(str(name), names)}"
            )
    missing = [name for name in names if name not in given]
    if missing:
        example = ", ".join(f"{n}: {given.get(n, 64)}" for n in names)
        raise DiscretisationError(f"resolution says nothing about {', '.join(missing)}; write resolution={{{example}}}")
    return {name: _count(name, given[name]) for name in names}


def _count(name: str, value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise DiscretisationError(
            f"resolution is a whole number of cells such as 64 (or a dict of them), got {value!r} for {name}"
        )
    if value.__index__() < 4:
        raise DiscretisationError(f"resolution={value} along {name} is too small; a grid has at least 4 cells")
    return int(value)
