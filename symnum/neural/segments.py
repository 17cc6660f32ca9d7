"""A differentiable solve of equations that jump at given times: one solve between each two of them, the end of one the start of the next.

No step crosses a jump, and f is asked only for times inside: each piece begins and ends one unit of round-off off the jump.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.neural.record import Record, Stats

Array = NDArray[np.float64]
Solve = Callable[[Tensor, Array], Record]


def by_segments(solve: Solve, y0: Tensor, times: Array, jumps: Sequence[float]) -> Record:
    """``solve(y0, times)`` for the pieces between the jumps that lie strictly inside ``times``."""
    low, high = sorted((times[0], times[-1]))
    direction = 1.0 if times[-1] >= times[0] else -1.0
    inside = sorted((b for b in jumps if low < b < high), key=lambda b: b * direction)
    if not inside:
        return solve(y0, times)
    ends, records, rows = [times[0], *inside, times[-1]], list[Record](), [y0[None]]
    for begin, end in pairwise(ends):
        piece = _piece(times, begin, end, begin != times[0], end != times[-1])
        records.append(solve(y0, piece))
        made = records[-1]
        wanted = (times - begin) * direction > 0
        wanted &= (times - end) * direction <= 0
        ended = bool(np.isin(end, times[wanted]))
        rows.append(made.y[1:] if ended else made.y[1:-1])
        if not made.success:
            break
        y0 = made.y[-1]
    return _joined(records, torch.cat(rows), len(times))


def _piece(times: Array, begin: float, end: float, from_jump: bool, to_jump: bool) -> Array:
    """The ends, moved inside off a jump, and the save times between them."""
    low, high = sorted((begin, end))
    first = np.nextafter(begin, end) if from_jump else begin
    last = np.nextafter(end, begin) if to_jump else end
    return np.array([first, *times[(times > low) & (times < high)], last])


def _joined(records: Sequence[Record], rows: Tensor, count: int) -> Record:
    """One record; rows that were not reached are NaN."""
    first, last = records[0], records[-1]
    missing = count - len(rows)
    if missing > 0:
        rows = torch.cat([rows, rows.new_full((missing, rows.shape[1]), torch.nan)])
    stats = [r.stats for r in records]
    return Record(
        y=rows,
        t=[*first.t, *(t for r in records[1:] for t in r.t[1:])],
        h=[h for r in records for h in r.h],
        errors=torch.cat([r.errors for r in records]),
        stiffness=torch.cat([r.stiffness for r in records]),
        states=_states(records),
        stats=Stats(*(sum(getattr(s, name) for s in stats) for name in ("rhs_evaluations", "steps", "rejected"))),
        success=last.success,
        message=last.message,
    )


def _states(records: Sequence[Record]) -> Tensor | tuple[Tensor, ...]:
    """All states; none where they were not kept (without a gradient, or with checkpoints)."""
    kept = [r.states for r in records if isinstance(r.states, Tensor)]
    if len(kept) < len(records):
        return ()
    return torch.cat([kept[0], *(states[1:] for states in kept[1:])])
