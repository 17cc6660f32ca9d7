"""An array that is written piece by piece: layers over a base, the latest on top, as disjoint boxes when they are asked for.

Layers are only ever appended; a state of the array is the number of its layers. Breakpoints of all layers cut each axis into cells, a table of
cells says whose value is on top, and equal neighbours are put together again, so a handful of slices gives a handful of boxes however
large the array is, and n single values give n boxes.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from itertools import product
from math import lcm
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from symnum.tracing.graph import Node


class Layer(NamedTuple):
    """``node`` at the indices ``start + step*k`` of each axis, k below the node's length there. ``origin``: the user's line."""

    starts: tuple[int, ...]
    steps: tuple[int, ...]
    node: Node
    origin: str

    @property
    def stops(self) -> tuple[int, ...]:
        return tuple(a + s * (n - 1) + 1 for a, s, n in zip(self.starts, self.steps, self.node.shape, strict=True))


class Piece(NamedTuple):
    """A box of an array (in steps of the lattice asked for) and the layer that is on top there; -1: the base."""

    box: tuple[tuple[int, int], ...]
    layer: int


class Lattice(NamedTuple):
    """The disjoint pieces of every ``modulus``-th index from ``residue`` on, found by index."""

    cuts: tuple[list[int], ...]
    owner: np.ndarray
    pieces: tuple[Piece, ...]

    def within(self, ranges: list[tuple[int, int]]) -> list[Piece]:
        """The pieces that a box ``low <= index <= high`` meets."""
        cells = tuple(
            slice(bisect_right(c, low) - 1, bisect_right(c, high))
            for c, (low, high) in zip(self.cuts, ranges, strict=True)
        )
        return [self.pieces[k] for k in np.unique(self.owner[cells])]


class Overlay:
    """Writings into an array of one shape."""

    def __init__(self, base: Node, shape: tuple[int, ...]) -> None:
        self.base, self.shape = base, shape
        self.layers: list[Layer] = []
        self._points: dict[tuple[int, ...], list[int]] = {}
        self._wide: list[int] = []
        self._found: dict[tuple[int, tuple[tuple[int, int], ...]], Lattice] = {}

    def write(self, layer: Layer) -> None:
        """Put a layer on top."""
        if layer.node.size == 1:
            self._points.setdefault(layer.starts, []).append(len(self.layers))
        else:
            self._wide.append(len(self.layers))
        self.layers.append(layer)

    def nodes(self, count: int) -> tuple[Node, ...]:
        return (self.base, *(layer.node for layer in self.layers[:count]))

    def at(self, index: tuple[int, ...], count: int) -> int:
        """The layer on top at one index; -1: the base."""
        best = max((k for k in self._points.get(index, ()) if k < count), default=-1)
        for k in reversed(self._wide):
            if k < best:
                break
            if k < count and _holds(self.layers[k], index):
                return k
        return best

    def moduli(self, count: int) -> tuple[int, ...]:
        """Along each axis the least common multiple of the steps."""
        steps = [layer.steps for layer in self.layers[:count]]
        return tuple(lcm(*(s[k] for s in steps)) for k in range(len(self.shape)))

    def lattice(self, count: int, classes: tuple[tuple[int, int], ...]) -> Lattice:
        """The disjoint pieces among the indices ``residue + modulus*k``, ``classes``: (modulus, residue) of each axis."""
        key = (count, classes)
        if key not in self._found:
            self._found[key] = _partition(self.shape, self.layers[:count], classes)
        return self._found[key]


def _holds(layer: Layer, index: tuple[int, ...]) -> bool:
    return all(
        a <= i < stop and (i - a) % s == 0
        for i, a, s, stop in zip(index, layer.starts, layer.steps, layer.stops, strict=True)
    )


def _partition(shape: tuple[int, ...], layers: list[Layer], classes: tuple[tuple[int, int], ...]) -> Lattice:
    lengths = [-(-(n - r) // m) for n, (m, r) in zip(shape, classes, strict=True)]
    boxes: list[tuple[int, list[tuple[int, int]]]] = []
    for k, layer in enumerate(layers):
        box = _box(layer, classes)
        if box is not None:
            boxes.append((k, box))
    cuts = [sorted({0, *(e for _, box in boxes for e in box[d] if e < n)}) for d, n in enumerate(lengths)]
    owner = np.full([len(c) for c in cuts], -1)
    place = [{c: i for i, c in enumerate([*row, n])} for row, n in zip(cuts, lengths, strict=True)]
    for k, box in boxes:
        owner[tuple(slice(place[d][a], place[d][b]) for d, (a, b) in enumerate(box))] = k
    pieces, numbers = _joined(owner, [[*row, n] for row, n in zip(cuts, lengths, strict=True)])
    return Lattice(tuple(cuts), numbers, pieces)


def _box(layer: Layer, classes: tuple[tuple[int, int], ...]) -> list[tuple[int, int]] | None:
    """The indices k for which ``residue + modulus*k`` belongs to a layer; None where there are none."""
    box = []
    for start, step, stop, (modulus, residue) in zip(layer.starts, layer.steps, layer.stops, classes, strict=True):
        if (residue - start) % step:
            return None
        first, end = max(0, -(-(start - residue) // modulus)), -(-(stop - residue) // modulus)
        if first >= end:
            return None
        box.append((first, end))
    return box


def _joined(owner: np.ndarray, edges: list[list[int]]) -> tuple[tuple[Piece, ...], np.ndarray]:
    """Cells of one owner as few boxes: grown along the last axis first."""
    numbers = np.full(owner.shape, -1)
    pieces: list[Piece] = []
    for cell in _cells(owner.shape):
        if numbers[cell] >= 0:
            continue
        who, low, high = owner[cell], list(cell), [c + 1 for c in cell]
        for d in reversed(range(len(cell))):
            while high[d] < owner.shape[d]:
                next_slab = tuple(
                    slice(high[d], high[d] + 1) if e == d else slice(low[e], high[e]) for e in range(len(cell))
                )
                if not ((owner[next_slab] == who) & (numbers[next_slab] < 0)).all():
                    break
                high[d] += 1
        numbers[tuple(map(slice, low, high))] = len(pieces)
        box = tuple((edges[d][low[d]], edges[d][high[d]]) for d in range(len(cell)))
        pieces.append(Piece(box, int(who)))
    return tuple(pieces), numbers


def _cells(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    return product(*map(range, shape))
