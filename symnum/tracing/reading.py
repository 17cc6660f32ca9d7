"""Which arrays the loads of a kernel go through.

A load so far is a position in memory as a map of the loop indices (``graph.Spot``). For each buffer one shape is chosen under which most loads are
an index along each dimension: an array of the kernel. A short dimension that is never run along becomes one array for each index; transposed
accesses, steps and diagonals become views of their own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from symnum.expr.term import Symbol, Term
from symnum.ir.kernel import Array, load
from symnum.tracing.graph import Buffer
from symnum.tracing.maps import Box, Map, Part, decompose, strides_of

Cover = tuple[
    tuple[int, ...], int, tuple[int, ...], tuple[int, ...], tuple[int, ...]
]  # lengths, offset, axes, origin, steps
_APART, _SCALARS = 64, 8  # dimensions taken apart beside others, arrays taken apart whole


@dataclass(frozen=True)
class Access:
    """A spot and the box of loop indices over which it is read."""

    symbol: Symbol
    position: Map
    box: Box


class Reader:
    """The arrays of one buffer and the load that each spot becomes."""

    def __init__(
        self, buffer: Buffer, base: int, accesses: Sequence[Access], names: Names, known: dict[Cover, str] | None = None
    ) -> None:
        self.buffer, self.base, self.names = buffer, base, names
        self.known = {} if known is None else known
        self.arrays: list[Array] = []
        self.loads: dict[tuple[Symbol, Box], Term] = {}
        self._name = names.fresh(buffer.field or buffer.name)
        shape = self._shape(accesses)
        regular: list[tuple[Access, tuple[Map, ...]]] = []
        views: list[Access] = []
        for access in accesses:
            maps = _indices(access, shape)
            if maps is None:
                views.append(access)
            else:
                regular.append((access, maps))
        self._regular(shape, regular)
        self._views(views)

    def _shape(self, accesses: Sequence[Access]) -> tuple[int, ...]:
        """The shape under which most accesses are regular; the first such."""
        shapes = list(dict.fromkeys((self.buffer.shape, *self.buffer.shapes, *_block_shapes(self.buffer, accesses))))
        counts = [sum(_indices(a, s) is not None for a in accesses) for s in shapes]
        return shapes[counts.index(max(counts))] if accesses else self.buffer.shape

    def _regular(self, shape: tuple[int, ...], accesses: list[tuple[Access, tuple[Map, ...]]]) -> None:
        running = [any(maps[d].parts for _, maps in accesses) for d in range(len(shape))]
        whole = not any(running)
        limit = _SCALARS if whole else _APART
        apart = [d for d, n in enumerate(shape) if not running[d] and (prod(shape) <= limit if whole else n <= limit)]
        if not accesses and self.buffer.kind == "input":
            apart = []
        kept = [d for d in range(len(shape)) if d not in apart]
        ways = _orientations([tuple(_axis(maps[d]) for d in kept) for _, maps in accesses], len(kept))
        if not accesses and self.buffer.kind == "input":
            ways = [tuple(range(len(kept)))]
        named = {
            (place, way): self._declare(shape, dict(zip(apart, place, strict=True)), kept, way, way != ways[0])
            for way in ways
            for place in product(*(range(shape[d]) for d in apart))
        }
        for access, maps in accesses:
            wanted = tuple(_axis(maps[d]) for d in kept)
            way = next(w for w in ways if _fits(wanted, w))
            place = tuple(maps[d].offset for d in apart)
            self.loads[access.symbol, access.box] = self._load(named[place, way], [maps[d] for d in kept], way)

    def _declare(
        self, shape: tuple[int, ...], apart: dict[int, int], kept: list[int], way: tuple[int, ...], other: bool
    ) -> str:
        """An array under the given shape, at the indices ``apart``, whose dimensions ``kept`` run along the axes ``way``; its name."""
        strides = strides_of(shape)
        rows = sorted((axis, shape[d], strides[d]) for axis, d in zip(way, kept, strict=True))
        lengths, steps, axes = tuple(r[1] for r in rows), tuple(r[2] for r in rows), tuple(r[0] for r in rows)
        offset = self.base + sum(strides[d] * k for d, k in apart.items())
        suffix = "".join(f"_{k}" for k in apart.values()) + ("_along_" + "".join(map(str, way)) if other else "")
        label = f"[{','.join(str(apart.get(d, ':')) for d in range(len(shape)))}]" if apart else ""
        return self._array(f"{self._name}{suffix}", label, (lengths, offset, axes, (0,) * len(rows), steps))

    def _array(self, name: str, label: str, box: Cover) -> str:
        """The name of the array of these values, declared where it is not there yet."""
        if box not in self.known:
            lengths, offset, axes, origin, steps = box
            plain = None if steps == strides_of(lengths) else steps
            field = f"{self.buffer.field or self.buffer.name}{label}"
            name = name if name == self._name else self.names.fresh(name)
            self.known[box] = name
            self.arrays.append(Array(name, lengths, offset, axes, origin, field, plain))
        return self.known[box]

    def _load(self, name: str, maps: list[Map], way: tuple[int, ...]) -> Term:
        rows = sorted((axis, m) for axis, m in zip(way, maps, strict=True))
        offsets, wrap, fixed = [], [], []
        for _, m in rows:
            part = m.parts[0] if m.parts else None
            offsets.append(m.offset + part.shift if part else m.offset)
            wrap.append(bool(part and part.wrap))
            fixed.append(part is None)
        return load(name, tuple(offsets), tuple(wrap), tuple(fixed))

    def _views(self, accesses: list[Access]) -> None:
        """Accesses with one pattern of steps share a view, which covers what they read."""
        groups: dict[tuple[object, ...], list[Access]] = {}
        for access in accesses:
            position = access.position
            key = (position.offset, tuple((p.axis, p.scale, p.wrap) for p in sorted(position.parts)))
            groups.setdefault(key, []).append(access)
        for group in groups.values():
            for part in [group] if self._holds(group) else [[a] for a in group]:
                self._view(part)

    def _holds(self, group: list[Access]) -> bool:
        """Everything that a view of the group would cover is memory of the buffer."""
        first = group[0].position
        low = high = first.offset
        for part, (start, stop) in zip(sorted(first.parts), _brackets(group), strict=True):
            low += min(part.scale * start, part.scale * stop)
            high += max(part.scale * start, part.scale * stop)
        return low >= 0 and high < prod(self.buffer.shape)

    def _view(self, group: list[Access]) -> None:
        name = self.names.fresh(f"{self._name}_view")
        parts = sorted(group[0].position.parts)
        offset, origin, lengths = self.base + group[0].position.offset, [], []
        for part, (low, high) in zip(parts, _brackets(group), strict=True):
            offset += part.scale * low
            origin.append(low)
            lengths.append(high - low + 1)
        axes, steps = tuple(p.axis for p in parts), tuple(p.scale for p in parts)
        name = self._array(name, "", (tuple(lengths), offset, axes, tuple(origin), steps))
        for a in group:
            row = sorted(a.position.parts)
            self.loads[a.symbol, a.box] = load(name, tuple(p.shift for p in row), tuple(bool(p.wrap) for p in row))


class Names:
    """Identifiers, each given once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def fresh(self, wanted: str) -> str:
        bare = re.sub("[^0-9a-zA-Z]+", "_", wanted).strip("_") or "a"
        bare = bare if bare[0].isalpha() else f"a_{bare}"
        name, k = bare, 1
        while name in self._taken:
            k += 1
            name = f"{bare}_{k}"
        self._taken.add(name)
        return name


def _brackets(group: list[Access]) -> list[tuple[int, int]]:
    """The range of each part's index over a group."""
    rows = [[_bracket(p, a.box) for p in sorted(a.position.parts)] for a in group]
    return [(min(r[0] for r in column), max(r[1] for r in column)) for column in zip(*rows, strict=True)]


def _bracket(part: Part, box: Box) -> tuple[int, int]:
    """The range of ``i + shift`` (all of a period where it wraps)."""
    start, stop = box[part.axis]
    return (0, part.wrap - 1) if part.wrap else (start + part.shift, stop - 1 + part.shift)


def _indices(access: Access, shape: tuple[int, ...]) -> tuple[Map, ...] | None:
    """One index a dimension, each fixed or running along an axis of its own; else None."""
    maps = decompose(access.position, shape, access.box)
    if maps is None or any(len(m.parts) > 1 for m in maps):
        return None
    for m, n in zip(maps, shape, strict=True):
        if m.parts and (m.parts[0].scale != 1 or m.parts[0].wrap not in (0, n) or (m.parts[0].wrap and m.offset)):
            return None
    return maps


def _block_shapes(buffer: Buffer, accesses: Sequence[Access]) -> list[tuple[int, ...]]:
    """Shapes of equal blocks that wrapped accesses and the extents of nests suggest: (2, n) for a vector of two fields."""
    size, found = prod(buffer.shape), Counter[tuple[int, ...]]()
    for a in accesses:
        lengths = tuple(p.wrap or a.box[p.axis][1] for p in sorted(a.position.parts) if p.scale)
        whole = prod(lengths)
        if whole > 1 and size % whole == 0 and 1 < size // whole <= _APART:
            found[(size // whole, *lengths)] += 1
    return [shape for shape, _ in found.most_common(4)]


def _axis(m: Map) -> int | None:
    return m.parts[0].axis if m.parts else None


def _fits(wanted: Sequence[int | None], way: Sequence[int]) -> bool:
    return all(a is None or a == b for a, b in zip(wanted, way, strict=True))


def _orientations(wanted: list[tuple[int | None, ...]], rank: int) -> list[tuple[int, ...]]:
    """As few assignments of axes to dimensions as serve all accesses."""
    open_ways: list[list[int | None]] = []
    for row in sorted(set(wanted), key=lambda r: sum(a is None for a in r)):
        for way in open_ways:
            merged = [a if a is not None else b for a, b in zip(row, way, strict=True)]
            used = [a for a in merged if a is not None]
            if all(a is None or b is None or a == b for a, b in zip(row, way, strict=True)) and len(set(used)) == len(
                used
            ):
                way[:] = merged
                break
        else:
            open_ways.append(list(row))
    return [_completed(way, rank) for way in open_ways]


def _completed(way: list[int | None], rank: int) -> tuple[int, ...]:
    """Axes for the dimensions that are only read at fixed indices: their own number where it is free."""
    taken = {a for a in way if a is not None}
    result = []
    for d, axis in enumerate(way):
        if axis is None:
            axis = next(a for a in (d, *range(rank + len(taken) + 1)) if a not in taken)
            taken.add(axis)
        result.append(axis)
    return tuple(result)
