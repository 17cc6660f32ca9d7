"""A run as a page needs it: frames, curves, ranges and tables of its fields, cut from a file or from memory.

Of a file only the pieces that are asked for are read, so a run of many gigabytes opens at once.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import FileError, UnknownName, did_you_mean
from symnum.result.axes import TIME, axis_of, units_of

if TYPE_CHECKING:
    import xarray

    from symnum.result import Solution

Array = NDArray[Any]
WHOLE = 20_000_000  # values up to which a range is that of all of them; beyond, of some frames
SAMPLED_FRAMES = 24
BUCKETS = 2000  # of a curve; each keeps its least and greatest value
SMALL = 50_000_000  # bytes of a file that is read whole where curves need values between the steps

_PARTS: dict[str, Callable[[Array], Array]] = {"Re": np.real, "Im": np.imag}


@dataclass(frozen=True)
class Shown:
    """One real quantity to look at: a field, or the real or imaginary part of a complex one."""

    name: str
    field: str
    part: str
    space: tuple[str, ...]
    moving: bool
    units: str


class Run:
    """One solution to look at.

    ``shown``: its real quantities. ``facts``: title, method, why, message, success, seconds and remarks of the solve. ``parameters``: name -> value.
    Raises FileError where the data set holds nothing that can be shown.
    """

    def __init__(
        self,
        dataset: xarray.Dataset,
        facts: Mapping[str, Any],
        parameters: Mapping[str, float],
        provenance: str = "",
        solution: Callable[[], Solution] | None = None,
    ) -> None:
        self.dataset, self.facts, self.parameters, self.provenance = dataset, dict(facts), dict(parameters), provenance
        self._solution = solution  # for values between the steps
        self.shown = [s for name, array in dataset.data_vars.items() for s in _shown(str(name), array)]
        if not self.shown:
            raise FileError("the solution holds no field of numbers that could be shown")
        self._ranges: dict[int, tuple[float, float, bool]] = {}

    @classmethod
    def of(cls, solution: Solution, remarks: Sequence[str] = ()) -> Run:
        """A solution in memory, and what was warned of while it was made."""
        facts: dict[str, Any] = {key: getattr(solution, key) for key in ("method", "why", "message", "success")}
        facts["remarks"] = [text for text in remarks if text != solution.message]
        facts |= {"title": solution.name, "seconds": solution.stats.get("solve_seconds")}
        return cls(solution.to_xarray(), facts, solution.parameters, solution.provenance, lambda: solution)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Run:
        """A saved solution; only its coordinates are read now. FileError for what is not one."""
        from symnum.result.foreign import numbers_by_name
        from symnum.result.store import open_solution

        dataset, facts, provenance = open_solution(path)
        facts["title"] = facts.pop("name") or Path(path).stem
        facts["seconds"] = facts.pop("stats").get("solve_seconds")
        parameters = numbers_by_name(dataset.attrs.get("parameters", "{}"), "parameters")  # was checked when it was opened
        small = dataset.nbytes <= SMALL
        return cls(
            dataset,
            facts,
            parameters,
            provenance,
            cache(partial(_load, path)) if small else None,
        )

    @property
    def bytes(self) -> int:
        """The size of its fields in memory."""
        return int(self.dataset.nbytes)

    @property
    def frames(self) -> int:
        """The number of saved times."""
        return int(self.dataset.sizes.get(TIME, 1))

    def about(self) -> dict[str, Any]:
        """Fields, dimensions and facts, as JSON can hold them."""
        return {
            "remarks": [],
            **self.facts,
            "parameters": self.parameters,
            "fields": [
                {"name": s.name, "units": s.units, "space": list(s.space), "moving": s.moving} for s in self.shown
            ],
            "dimensions": {str(d): self._dimension(str(d)) for d in self.dataset.dims},
        }

    def _dimension(self, name: str) -> dict[str, Any]:
        size = int(self.dataset.sizes[name])
        axis = axis_of(self.dataset, name)
        period = axis.period if axis.sign > 0 else None
        bounds = axis.bounds if period is None else (axis.bounds[0], axis.bounds[0] + period)
        return {"size": size, "units": units_of(self.dataset[name]), "bounds": list(bounds), "period": period}

    def coordinate(self, name: str) -> Array:
        """The values of a coordinate, float64 (n,). UnknownName for one that is not there."""
        if name not in self.dataset.dims:
            known = [str(d) for d in self.dataset.dims]
            raise UnknownName(
                f"the run has no coordinate {name!r}.{did_you_mean(name, known)} Coordinates: {', '.join(known)}"
            )
        return np.asarray(self.dataset[name].values, dtype=np.float64)

    def block(self, which: int, times: slice, steps: Mapping[str, int], at: Mapping[str, int]) -> Array:
        """Values (time, *space) float64 at the saved times ``times``.

        ``steps``: along a dimension every how many points; ``at``: dimension -> the index of a cut, which takes that dimension away.
        """
        shown = self.shown[which]
        chosen: dict[str, Any] = {d: slice(None, None, steps.get(d, 1)) for d in shown.space} | dict(at)
        if shown.moving:
            chosen[TIME] = times
        values = np.asarray(self.dataset[shown.field].isel(chosen).values)
        values = _PARTS[shown.part](values) if shown.part else values
        return np.asarray(values if shown.moving else values[None], dtype=np.float64)

    def extent(self, which: int) -> tuple[float, float, bool]:
        """Least and greatest finite value, and whether these are of all values (else of some frames)."""
        if which not in self._ranges:
            shown = self.shown[which]
            size = int(self.dataset[shown.field].size)
            whole = size <= WHOLE
            step = 1 if whole or not shown.moving else max(1, math.ceil(self.frames / SAMPLED_FRAMES))
            lows, highs = [], []
            for k in _starts(self.frames if shown.moving else 1, step, size):
                block = self.block(which, k, {}, {})
                finite = block[np.isfinite(block)]
                if finite.size:
                    lows.append(float(finite.min()))
                    highs.append(float(finite.max()))
            self._ranges[which] = (min(lows, default=0.0), max(highs, default=0.0), whole)
        return self._ranges[which]

    def curves(self, which: list[int]) -> tuple[Array, Array]:
        """Quantities without space over time: (times (m,), values (len(which), m)), both float64.

        Few large steps get values between them, so that curves are smooth. Long records are thinned: of each of BUCKETS stretches the least
        and the greatest value of every curve stay, so no peak is lost.
        """
        times = self.coordinate(TIME) if TIME in self.dataset.dims else np.zeros(1)
        if (between := self._between(which)) is not None:
            return between
        values = np.array([np.broadcast_to(self.block(k, slice(None), {}, {}), times.shape) for k in which])
        kept = _peaks(values)
        return times[kept], values[:, kept]

    def _between(self, which: list[int]) -> tuple[Array, Array] | None:
        """Curves through times between the steps, where the solution can tell them; None where the saved times serve."""
        if self._solution is None or not 1 < self.frames < BUCKETS or not all(self.shown[k].moving for k in which):
            return None
        from symnum.result.layers import Layer, refined_times

        solution = self._solution()
        times = refined_times(solution, Layer(solution[self.shown[which[0]].field], "", ""), BUCKETS)
        if times is None:
            return None
        found = solution(t=times)
        parts = [(np.asarray(found[self.shown[k].field]), self.shown[k].part) for k in which]
        return np.array(times), np.array([_PARTS[part](v) if part else v for v, part in parts], dtype=np.float64)

    def table(self, which: int, k: int, at: Mapping[str, int]) -> Iterator[str]:
        """Lines of CSV with the full precision: one a point of frame k, or one a time for a quantity without space."""
        shown = self.shown[which]
        dims = [d for d in shown.space if d not in at]
        if not dims and not at and shown.moving:
            yield f"{TIME},{_cell(shown.name)}\n"
            values = self.block(which, slice(None), {}, {})
            yield from (f"{t!r},{v!r}\n" for t, v in zip(self.coordinate(TIME).tolist(), values.tolist(), strict=True))
            return
        values = self.block(which, slice(k, k + 1), {}, at)[0]
        places = np.meshgrid(*(self.coordinate(d) for d in dims), indexing="ij")
        yield ",".join(map(_cell, [*dims, shown.name])) + "\n"
        rows = zip(*(p.ravel().tolist() for p in places), np.ravel(values).tolist(), strict=True)
        yield from (",".join(map(repr, row)) + "\n" for row in rows)

    def close(self) -> None:
        """Let go of the file."""
        with suppress(OSError):
            self.dataset.close()


def _load(path: str | os.PathLike[str]) -> Solution:
    from symnum.result import Solution

    return Solution.load(path)


def _shown(name: str, array: xarray.DataArray) -> Iterator[Shown]:
    if array.dtype.kind not in "fiubc" or not all(array.shape):
        return
    space = tuple(str(d) for d in array.dims if d != TIME)
    rest = (space, TIME in array.dims, units_of(array))
    if array.dtype.kind == "c":
        yield from (Shown(f"{part} {name}", name, part, *rest) for part in _PARTS)
    else:
        yield Shown(name, name, "", *rest)


def _starts(frames: int, step: int, size: int) -> Iterator[slice]:
    """Slices of frames that are read at once: every ``step``-th, few enough at a time that little memory is needed."""
    at_once = max(1, int(2_000_000 / max(1, size // frames)))
    if step == 1:
        yield from (slice(k, k + at_once) for k in range(0, frames, at_once))
    else:
        yield from (slice(k, k + 1) for k in sorted({*range(0, frames, step), frames - 1}))


def _peaks(values: Array) -> Array:
    """Indices (m,), ascending, that keep the ends and the extremes of each bucket of every row of ``values`` (rows, n)."""
    n = values.shape[1]
    if n <= 4 * BUCKETS:
        return np.arange(n)
    width = math.ceil(n / BUCKETS)
    whole = n // width * width
    cut = np.where(np.isfinite(values[:, :whole]), values[:, :whole], 0.0).reshape(len(values), -1, width)
    first = np.arange(cut.shape[1]) * width
    found = [(pick(cut, axis=2) + first).ravel() for pick in (np.argmin, np.argmax)]
    return np.unique(np.concatenate([[0, n - 1], np.arange(whole, n), *found]))


def _cell(name: str) -> str:
    """A heading that CSV can hold and that no spreadsheet takes for a formula."""
    safe = f"'{name}" if name[:1] in ("=", "+", "-", "@", "\t", "\r") else name
    return '"' + safe.replace('"', '""') + '"' if any(c in safe for c in ',"\n\r') else safe
