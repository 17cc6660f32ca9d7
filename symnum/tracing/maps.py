"""Index maps: which value of an array is read at the point ``i = (i0, i1, ...)`` of a loop nest.

One dimension's index is::

    offset + sum over parts of  scale*(i[axis] + shift)           or, where the part wraps around,
    offset + sum over parts of  scale*((i[axis] + shift) mod wrap)

so slices, steps, reversals, rolls, transposes, broadcasting (no part) and reshaped arrays (several parts) are all maps. A box is a tuple of
``(start, stop)``, one a loop axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

Box = tuple[tuple[int, int], ...]


class Part(NamedTuple):
    """``scale*(i[axis] + shift)``, the bracket modulo ``wrap`` where that is not 0."""

    axis: int
    scale: int = 1
    shift: int = 0
    wrap: int = 0


class Map(NamedTuple):
    """The index along one dimension (or the position in a flat vector)."""

    offset: int = 0
    parts: tuple[Part, ...] = ()


class Split(Exception):
    """A map has no single form over the box; it has on either side of ``point`` along ``axis``."""

    def __init__(self, axis: int, point: int) -> None:
        super().__init__(axis, point)
        self.axis, self.point = axis, point


class NoMap(Exception):
    """What is read is no map of the loop indices; the array must be kept in memory first."""


def identity(rank: int) -> tuple[Map, ...]:
    """Dimension k at loop index k."""
    return tuple(Map(0, (Part(k),)) for k in range(rank))


def strides_of(shape: Sequence[int]) -> tuple[int, ...]:
    """Row-major strides, in values."""
    return tuple(prod(shape[k + 1 :]) for k in range(len(shape)))


def halves(box: Box, split: Split) -> tuple[Box, Box]:
    """The box on both sides of a split."""
    start, stop = box[split.axis]
    assert start < split.point < stop, "a split lies inside its box"
    low, high = list(box), list(box)
    low[split.axis], high[split.axis] = (start, split.point), (split.point, stop)
    return tuple(low), tuple(high)


def part_range(part: Part, box: Box) -> tuple[int, int]:
    """The least and the greatest value of a part over a box."""
    start, stop = box[part.axis]
    low, high = start + part.shift, stop - 1 + part.shift
    if part.wrap:
        low, high = (low % part.wrap, high % part.wrap) if low // part.wrap == high // part.wrap else (0, part.wrap - 1)
    a, b = part.scale * low, part.scale * high
    return (a, b) if a <= b else (b, a)


def map_range(m: Map, box: Box) -> tuple[int, int]:
    """The least and the greatest value of a map over a box."""
    ranges = [part_range(p, box) for p in m.parts]
    return m.offset + sum(r[0] for r in ranges), m.offset + sum(r[1] for r in ranges)


def moved(m: Map, by: int) -> Map:
    """The map plus a number, which joins the shift of a single part where it can."""
    if len(m.parts) == 1 and not m.parts[0].wrap:
        part = m.parts[0]
        steps, rest = divmod(m.offset + by, part.scale)
        return Map(rest, (part._replace(shift=part.shift + steps),))
    return Map(m.offset + by, m.parts)


def compose(outer: Map, inner: Sequence[Map], box: Box | None) -> Map:
    """The map ``outer``, whose axes are dimensions of an array that is read at ``inner``. ``box`` None: wherever it may be (for comparisons).

    Raises Split where a wrap must be resolved on parts of the box, NoMap where that does not help.
    """
    offset = outer.offset
    parts: list[Part] = []
    for p in outer.parts:
        m = inner[p.axis]
        if p.wrap:
            m = _wrapped(moved(m, p.shift), p.wrap, box)
        elif p.shift:
            m = moved(m, p.shift)
        offset += p.scale * m.offset
        parts.extend(q._replace(scale=p.scale * q.scale) for q in m.parts)
    return _collected(offset, parts)


def _collected(offset: int, parts: list[Part]) -> Map:
    """Parts along one axis as one (a diagonal)."""
    if len({p.axis for p in parts}) == len(parts):
        return Map(offset, tuple(parts))
    by_axis: dict[int, Part] = {}
    for p in parts:
        if p.axis not in by_axis:
            by_axis[p.axis] = p
            continue
        other = by_axis[p.axis]
        if p.wrap or other.wrap:
            raise NoMap
        offset += p.scale * p.shift + other.scale * other.shift
        by_axis[p.axis] = Part(p.axis, p.scale + other.scale)
    return Map(offset, tuple(p for p in by_axis.values() if p.scale))


def _wrapped(m: Map, n: int, box: Box | None) -> Map:
    """``m mod n``."""
    if not m.parts:
        return Map(m.offset % n)
    single = m.parts[0] if len(m.parts) == 1 else None
    if box is not None:
        low, high = map_range(m, box)
        if low // n == high // n and not (single and single.wrap):
            return moved(m, -n * (low // n))
    if single is None:
        if box is None:
            raise NoMap
        _split_at(m, box, n * (map_range(m, box)[0] // n + 1))
        raise NoMap
    if single.scale == 1 and single.wrap in (0, n):
        return Map(0, (single._replace(shift=(single.shift + m.offset) % n, wrap=n),))
    if box is None:
        raise NoMap
    unwrap_part(single, box)
    low, _ = map_range(m, box)
    _split_at(m, box, n * (low // n + 1))
    raise NoMap


def unwrap_part(part: Part, box: Box) -> Part:
    """The same part without its wrap; Split where the box lies across an end."""
    if not part.wrap:
        return part
    start, stop = box[part.axis]
    turns = (start + part.shift) // part.wrap
    if turns != (stop - 1 + part.shift) // part.wrap:
        raise Split(part.axis, (turns + 1) * part.wrap - part.shift)
    return Part(part.axis, part.scale, part.shift - turns * part.wrap)


def _split_at(m: Map, box: Box, bound: int) -> None:
    """Raise the Split that brings the values of ``m`` below ``bound`` and those from it on into different boxes (or nearer to that)."""
    for part in sorted(m.parts, key=lambda p: -abs(p.scale)):
        unwrap_part(part, box)
        start, stop = box[part.axis]
        others = [part_range(p, box) for p in m.parts if p is not part]
        for rest in (sum(r[0] for r in others), sum(r[1] for r in others)):
            room = bound - m.offset - rest - part.scale * part.shift  # scale*i >= room is the upper side
            point = -(-room // part.scale) if part.scale > 0 else room // part.scale + 1
            if start < point < stop:
                raise Split(part.axis, point)


def inside(m: Map, box: Box, start: int, stop: int) -> Box | None:
    """The part of a box where ``start <= m < stop``; None where there is none. Raises Split where that is no box."""
    low, high = map_range(m, box)
    if start <= low and high < stop:
        return box
    if high < start or low >= stop:
        return None
    if len(m.parts) != 1 or m.parts[0].wrap:
        _split_at(m, box, start if low < start else stop)
        raise NoMap
    part = m.parts[0]
    first, last = start - m.offset, stop - 1 - m.offset  # first <= scale*(i + shift) <= last
    if part.scale > 0:
        a, b = -(-first // part.scale), last // part.scale
    else:
        a, b = -(last // -part.scale), -first // -part.scale
    here = box[part.axis]
    a, b = max(here[0], a - part.shift), min(here[1], b - part.shift + 1)
    if a >= b:
        return None
    return (*box[: part.axis], (a, b), *box[part.axis + 1 :])


def flat(maps: Sequence[Map], shape: Sequence[int]) -> Map:
    """The position in row-major memory of an array of this shape."""
    offset = 0
    parts: list[Part] = []
    for m, stride in zip(maps, strides_of(shape), strict=True):
        offset += stride * m.offset
        parts.extend(p._replace(scale=p.scale * stride) for p in m.parts)
    return _collected(offset, parts)


def decompose(position: Map, shape: Sequence[int], box: Box) -> tuple[Map, ...] | None:
    """A position in row-major memory as one map a dimension; None where it is none (a row of a reshaped array that runs over two rows)."""
    strides = strides_of(shape)
    chosen: list[list[Part]] = [[] for _ in shape]
    for p in position.parts:
        fits = [d for d, s in enumerate(strides) if shape[d] > 1 and abs(p.scale) >= s and p.scale % s == 0]
        if not fits:
            return None
        chosen[fits[0]].append(p)
    lowest = map_range(position, box)[0]
    maps = []
    for d, stride in enumerate(strides):
        index, lowest = divmod(lowest, stride) if stride else (0, lowest)
        parts = tuple(p._replace(scale=p.scale // stride) for p in chosen[d])
        bare = Map(0, parts)
        low, high = map_range(bare, box)
        if index < 0 or index + high - low >= max(shape[d], 1):
            return None
        maps.append(moved(bare, index - low))
    return tuple(maps)
