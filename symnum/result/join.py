"""Solutions of consecutive intervals as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from symnum.result.axes import TIME, Array
from symnum.result.solution import Solution


def join(pieces: Sequence[Solution], why: str) -> Solution:
    """One solution from pieces in order, each beginning where the one before ends; a time that two of them hold is taken from the earlier.

    Counts and seconds are added up; message, method and success are those of the last.
    """
    import xarray

    last = pieces[-1]
    kept = [_new_times(pieces, k) for k in range(len(pieces))]
    parts = [p._dataset.isel({TIME: rows}) for p, rows in zip(pieces, kept, strict=True)]
    dataset = xarray.concat(parts, TIME, data_vars="minimal", combine_attrs="override") if len(parts) > 1 else parts[0]
    slopes = None
    if all(p._slopes for p in pieces):
        names = last._slopes
        slopes = {n: np.concatenate([p._slopes[n][rows] for p, rows in zip(pieces, kept, strict=True)]) for n in names}
    stats: dict[str, Any] = {}
    for key in last.stats:
        values = [p.stats.get(key) for p in pieces]
        stats[key] = sum(v for v in values if v is not None) if any(v is not None for v in values) else None
    return Solution(
        dataset,
        success=last.success,
        message=last.message,
        method=last.method,
        why=why,
        stats=stats,
        name=last.name,
        dense=_dense(pieces),
        slopes=slopes,
    )


def _new_times(pieces: Sequence[Solution], k: int) -> Array:
    """Rows of piece k that lie beyond the last time of the pieces before."""
    times = pieces[k].t
    ends = [p.t[-1] for p in pieces[:k] if len(p.t)]
    return np.arange(len(times)) if not ends else np.flatnonzero(times > max(ends))


def _dense(pieces: Sequence[Solution]) -> Any:
    """The pieces' own dense outputs, each on its interval; None where one has none."""
    if any(p._dense is None or not len(p.t) for p in pieces):
        return None
    ends = [float(p.t[-1]) for p in pieces[:-1]]

    def at(t: float) -> Mapping[str, Array]:
        dense = pieces[int(np.searchsorted(ends, t, side="left"))]._dense
        assert dense is not None
        return dense(t)

    return at
