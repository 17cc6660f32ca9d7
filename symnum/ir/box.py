"""Boxes of grid indices, axis -> (start, stop): what loops run over, what regions of a kernel cover."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from symnum.ir.kernel import Accumulate, Let, Loop, Statement, Store, nest

Box = dict[int, tuple[int, int]]


def leaves(body: tuple[Statement, ...], box: Box | None = None) -> Iterator[tuple[Box, Store | Accumulate]]:
    """Every store and accumulation with the box of the loops around it, the outermost first (taken before passes name temporaries)."""
    box = {} if box is None else box
    for statement in body:
        if isinstance(statement, Loop):
            yield from leaves(statement.body, box | {statement.axis: (statement.start, statement.stop)})
        else:
            assert not isinstance(statement, Let), "derivatives are taken before passes name temporaries"
            yield box, statement


def around(box: Box, body: tuple[Statement, ...]) -> Statement:
    """Loops over a box around statements, the lowest axis outermost."""
    if box:
        return nest(tuple((axis, *box[axis]) for axis in sorted(box)), body)
    assert len(body) == 1
    return body[0]


def volume(box: Box) -> int:
    return prod(stop - start for start, stop in box.values())


def common(a: Box, b: Box) -> Box | None:
    """The points of ``a`` that lie in ``b``, which need not bound every axis; None where there are none."""
    both = {axis: (max(s, b[axis][0]), min(e, b[axis][1])) if axis in b else (s, e) for axis, (s, e) in a.items()}
    return both if all(start < stop for start, stop in both.values()) else None


def without(box: Box, core: Box) -> list[Box]:
    """Boxes that make up ``box`` without ``core``, which lies in it."""
    found, left = [], dict(box)
    for axis in box:
        (start, stop), (low, high) = left[axis], core[axis]
        found += [left | {axis: ends} for ends in ((start, low), (high, stop)) if ends[0] < ends[1]]
        left = left | {axis: (low, high)}
    return found


def subtracted(boxes: list[Box], taken: Box) -> list[Box]:
    """What is left of disjoint boxes without the points of ``taken``."""
    left: list[Box] = []
    for box in boxes:
        both = common(box, taken)
        left += [box] if both is None else without(box, both)
    return left
