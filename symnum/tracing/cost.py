"""Which arrays a kernel keeps in memory: those that are costly and computed several times over by the nests that read them.

An element-wise expression read at k offsets is computed k times, one that is broadcast over the inner loop once for each of its points; where
that costs more than writing it once and reading it back, the array is kept. So is what would grow without bound: stencils of stencils of stencils.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import NamedTuple

from symnum.tracing.graph import Apply, Assembly, Const, Graph, Leaf, Node, Number, View
from symnum.tracing.lower import needed
from symnum.tracing.maps import Map, NoMap, Split, compose, decompose, identity
from symnum.tracing.store import SHORT

_AGAIN = 40.0  # cycles of the operator table that may be spent again at a point
_MOST = 64  # different readings that are counted
_DEEPEST = 100  # expressions inside one another; deeper ones are kept, for the sake of the compiler
_OFFSET = 3.0  # cycles of a load at another offset


class Reading(NamedTuple):
    """A node read at ``maps`` (None: in no simple way) by a nest over ``shape``."""

    shape: tuple[int, ...]
    maps: tuple[Map, ...] | None

    @property
    def evaluations(self) -> int:
        """How often a value is computed: once for each point of the loops down to the innermost that it depends on (``hoist`` sees to that);
        short axes are taken apart, and what their parts share is computed once."""
        if self.maps is None:
            return prod(self.shape)
        used = {p.axis for m in self.maps for p in m.parts}
        inner = max(used, default=-1)
        return prod(n for a, n in enumerate(self.shape[: inner + 1]) if a in used or n > SHORT)


Readings = dict[Reading, float]  # with the share of the nest in which it happens


class Costs:
    """``keeps(node)``: the node is kept."""

    def __init__(self, graph: Graph, results: list[Node]) -> None:
        order = list(dict.fromkeys(n for root in results for n in needed(root, graph)))
        self._cycles: dict[Node, float] = {}
        self._kept: set[Node] = set()
        depth: dict[Node, int] = {}
        for node in order:
            self._cycles[node] = self._cost(node)
            depth[node] = 1 + max((depth.get(s, 0) for s in node.sources), default=0)
            if depth[node] > _DEEPEST and _can_be_kept(node):
                self._kept.add(node)
                depth[node], self._cycles[node] = 0, 0.0
        readings: dict[Node, Readings] = {r: _itself(r) for r in results}
        for node in reversed(order):
            self._visit(node, readings)

    def keeps(self, node: Node) -> bool:
        return node in self._kept

    def _visit(self, node: Node, readings: dict[Node, Readings]) -> None:
        """Decide about a node whose readings are all known, and hand them on to what it is made of."""
        found = readings.get(node, {})
        if isinstance(node, Leaf):
            if node.buffer.recipe is not None:
                source = node.buffer.recipe.node
                readings.setdefault(source, {}).update(_itself(source))
            return
        if _can_be_kept(node):
            again = sum(r.evaluations * share for r, share in found.items()) / node.size - 1
            if node in self._kept or again * self._cycles[node] > _AGAIN:
                self._kept.add(node)
                found = _itself(node)
        for source, reading, share in _below(node, found):
            row = readings.setdefault(source, {})
            if reading in row or len(row) < _MOST:
                row[reading] = max(share, row.get(reading, 0.0))

    def _cost(self, node: Node) -> float:
        """Cycles of one value, kept arrays not counted."""
        below = [self._cycles.get(s, 0.0) for s in dict.fromkeys(node.sources)]
        match node:
            case Leaf() | Const() | Number():
                return 0.0
            case Apply():
                return min(node.cycles + sum(below), 1e9)
            case Assembly():
                return max(below, default=0.0)
            case View():
                return sum(below) + (_OFFSET if any(p.shift for p in node.position.parts) else 0.0)
        return sum(below)


def _can_be_kept(node: Node) -> bool:
    return bool(node.shape) and isinstance(node, (Apply, Assembly))


def _itself(node: Node) -> Readings:
    return {Reading(node.shape, identity(len(node.shape))): 1.0}


def _below(node: Node, found: Readings) -> Iterator[tuple[Node, Reading, float]]:
    """How the sources of a node are read where the node is read so."""
    for (shape, maps), share in found.items():
        match node:
            case Apply():
                for source in node.arguments:
                    yield source, Reading(shape, maps and _aligned(maps, source.shape)), share
            case View():
                yield node.source, Reading(shape, _composed(node, maps)), share
            case Assembly():
                yield node.overlay.base, Reading(shape, maps), share
                for layer in node.overlay.layers[: node.layers]:
                    part = share * layer.node.size / node.size
                    if layer.node.size > 1:
                        moved = maps and tuple(
                            m._replace(offset=m.offset - a) for m, a in zip(maps, layer.starts, strict=True)
                        )
                        yield layer.node, Reading(shape, moved), part


def _aligned(maps: tuple[Map, ...], shape: tuple[int, ...]) -> tuple[Map, ...]:
    lead = len(maps) - len(shape)
    return tuple(m if n > 1 else Map() for m, n in zip(maps[lead:], shape, strict=True))


def _composed(node: View, maps: tuple[Map, ...] | None) -> tuple[Map, ...] | None:
    if maps is None:
        return None
    try:
        position = compose(node.position, maps, None)
        rank = max((p.axis for p in position.parts), default=-1) + 1
        return decompose(position, node.source.shape, ((0, 1),) * rank)
    except (NoMap, Split):
        return None
