"""The memory of a kernel's local arrays, and what it has to hold at the beginning."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symnum.ir.kernel import STARTS, Accumulate, Array, Kernel, Loop, Statement, Store, memory_groups, statements

Ranges = dict[int, tuple[int, int]]


@dataclass(frozen=True)
class Room:
    """A piece of the vector of local arrays, ``size`` values from position ``begin``, and the arrays that lie in it.

    ``start``: the value that all of it begins with; None where everything in it is stored before it is read.
    """

    arrays: tuple[Array, ...]
    begin: int
    size: int
    start: float | None


def rooms(kernel: Kernel) -> list[Room]:
    """One room for each set of local arrays that share memory."""
    sums = {s.array: s.operation for s in statements(kernel.body) if isinstance(s, Accumulate)}
    stored: dict[str, list[Ranges]] = {}
    _collect(kernel, kernel.body, {}, stored)
    made = []
    for group in memory_groups(kernel.locals):
        begin, end = min(a.span[0] for a in group), max(a.span[1] for a in group)
        operation = next((sums[a.name] for a in group if a.name in sums), None)
        start = STARTS[operation] if operation else 0.0
        whole = operation is None and _covered(group, stored, begin, end)
        made.append(Room(tuple(group), begin, end - begin, None if whole else start))
    return made


def _collect(kernel: Kernel, body: tuple[Statement, ...], ranges: Ranges, stored: dict[str, list[Ranges]]) -> None:
    for s in body:
        if isinstance(s, Loop):
            _collect(kernel, s.body, ranges | {s.axis: (s.start, s.stop)}, stored)
        elif isinstance(s, Store) and kernel.is_local(s.array):
            stored.setdefault(s.array, []).append(ranges)


def _covered(group: list[Array], stored: dict[str, list[Ranges]], begin: int, end: int) -> bool:
    """True if every value of the room is stored by some loop."""
    seen = np.zeros(end, bool)
    for array in group:
        view = array.view(seen)
        for ranges in stored.get(array.name, ()):
            ends = zip(array.axes, array.origin, strict=True)
            here: list[Any] = [slice(ranges[a][0] - o, ranges[a][1] - o) for a, o in ends]
            view[(*here, ...)] = True
    return bool(seen[begin:].all())
