"""From the array graph to terms at a point: ``pull(node, maps, box)`` gives disjoint boxes of loop indices, each with one term.

Shifts become other offsets of loads, element-wise functions become terms, an assembled array becomes a box for each piece. Where no such form exists
(a flattened computed array that is read across its rows) NeedsLocal names the array that must lie in memory first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from symnum.errors import TraceError
from symnum.expr.term import Term
from symnum.tracing.graph import Apply, Assembly, Buffer, Const, Graph, Leaf, Node, Number, View, number, spot
from symnum.tracing.maps import (
    Box,
    Map,
    NoMap,
    Part,
    Split,
    compose,
    decompose,
    flat,
    halves,
    inside,
    map_range,
    moved,
    unwrap_part,
)

Pieces = list[tuple[Box, Term]]


class NeedsLocal(Exception):
    """``node`` cannot be read where it is wanted unless it is kept in memory."""

    def __init__(self, node: Node) -> None:
        super().__init__(node)
        self.node = node


class Puller:
    """Pulls of one nest after another. ``kept``: nodes that lie in scratch memory; ``may_wrap(axis, n)``: whether loads may wrap around n."""

    def __init__(self, graph: Graph, kept: dict[Node, Leaf], may_wrap: Callable[[int, int], bool]) -> None:
        self.graph, self.kept, self.may_wrap = graph, kept, may_wrap
        self._memo: dict[tuple[Node, tuple[Map, ...], Box], Pieces] = {}

    def pull(self, node: Node, maps: tuple[Map, ...], box: Box) -> Pieces:
        """The values ``node[maps]`` for all loop indices in the box. The boxes are disjoint and cover it."""
        node = self.kept.get(node, node)
        key = (node, maps, box)
        if key not in self._memo:
            try:
                self._memo[key] = self._pulled(node, maps, box)
            except Split as split:
                low, high = halves(box, split)
                self._memo[key] = self.pull(node, maps, low) + self.pull(node, maps, high)
        return self._memo[key]

    def _pulled(self, node: Node, maps: tuple[Map, ...], box: Box) -> Pieces:
        match node:
            case Number():
                return [(box, node.term)]
            case Const():
                return [(box, self._constant(node, maps, box))]
            case Leaf():
                return [(box, self._load(node.buffer, flat(maps, node.shape), box))]
            case View():
                return self._view(node, maps, box)
            case Apply():
                return self._apply(node, maps, box)
            case Assembly():
                return self._assembly(node, maps, box)
        raise AssertionError(type(node))

    def _load(self, buffer: Buffer, position: Map, box: Box) -> Term:
        parts = []
        for part in position.parts:
            start, stop = box[part.axis]
            n = part.wrap
            one_turn = n and (start + part.shift) // n == (stop - 1 + part.shift) // n
            if n and (one_turn or not (0 <= start and stop <= n and self.may_wrap(part.axis, n))):
                part = unwrap_part(part, box)
            elif n:
                shift = part.shift % n
                part = part._replace(shift=shift - n if 2 * shift > n else shift)
            parts.append(part)
        return spot(buffer, _canonical(position.offset, parts))

    def _constant(self, node: Const, maps: tuple[Map, ...], box: Box) -> Term:
        if not any(m.parts for m in maps):
            return self._number(node, node.values[tuple(m.offset for m in maps)])
        buffer, position, values = self.graph.constant(node.values)
        if values.size == 1:
            return self._number(node, values.reshape(-1)[0])
        if node.unset and np.isnan(values).any():
            raise _unset(node)
        return self._load(buffer, compose(position, maps, box), box)

    def _number(self, node: Const, value: object) -> Term:
        if isinstance(value, (float, np.floating)) and not np.isfinite(value):
            if node.unset and np.isnan(value):
                raise _unset(node)
            return spot(self.graph.constant(_single(value))[0], Map())
        return number(value)

    def _view(self, node: View, maps: tuple[Map, ...], box: Box) -> Pieces:
        source = self.kept.get(node.source, node.source)
        if isinstance(source, Number):
            return [(box, source.term)]
        try:
            position = compose(node.position, maps, box)
            inner = decompose(position, source.shape, box)
        except NoMap:
            raise NeedsLocal(node) from None
        if inner is None:
            if isinstance(source, Leaf):
                return [(box, self._load(source.buffer, position, box))]
            raise NeedsLocal(source)
        return self.pull(source, inner, box)

    def _apply(self, node: Apply, maps: tuple[Map, ...], box: Box) -> Pieces:
        found: list[tuple[Box, tuple[Term, ...]]] = [(box, ())]
        for argument in node.arguments:
            lead = len(maps) - len(argument.shape)
            inner = tuple(m if n > 1 else Map() for m, n in zip(maps[lead:], argument.shape, strict=True))
            found = [
                (small, (*terms, term)) for here, terms in found for small, term in self.pull(argument, inner, here)
            ]
        return [(here, node.rule(*terms)) for here, terms in found]

    def _assembly(self, node: Assembly, maps: tuple[Map, ...], box: Box) -> Pieces:
        overlay, count = node.overlay, node.layers
        if not any(m.parts for m in maps):
            return self._piece(node, overlay.at(tuple(m.offset for m in maps), count), maps, box)
        try:
            classes = tuple(_residue(m, k, box) for m, k in zip(maps, overlay.moduli(count), strict=True))
        except Refine as refine:
            raise Refine(refine.axis, refine.modulus, node) from None
        lattice = overlay.lattice(count, classes)
        scaled = tuple(
            _divided(_without_wrap(m, box) if len(cuts) > 1 else m, *c)
            for m, c, cuts in zip(maps, classes, lattice.cuts, strict=True)
        )
        ranges = [map_range(m, box) if len(cuts) > 1 else (0, 0) for m, cuts in zip(scaled, lattice.cuts, strict=True)]
        result: Pieces = []
        for piece in lattice.within(ranges):
            here: Box | None = box
            for m, cuts, (start, stop) in zip(scaled, lattice.cuts, piece.box, strict=True):
                if here is not None and len(cuts) > 1:
                    here = inside(m, here, start, stop)
            if here is not None:
                result += self._piece(node, piece.layer, maps, here)
        return result

    def _piece(self, node: Assembly, number_of: int, maps: tuple[Map, ...], box: Box) -> Pieces:
        if number_of < 0:
            return self.pull(node.overlay.base, maps, box)
        layer = node.overlay.layers[number_of]
        inner = []
        for m, start, step, n, full in zip(maps, layer.starts, layer.steps, layer.node.shape, node.shape, strict=True):
            if n == 1 and full > 1:
                inner.append(Map())
            elif start == 0 and step == 1 and n == full:
                inner.append(m)
            else:
                inner.append(_divided(moved(_without_wrap(m, box), -start), step, 0))
        return self.pull(layer.node, tuple(inner), box)


class Refine(Exception):
    """What is stored alternates: the loop over ``axis`` must take every ``modulus``-th index at a time."""

    def __init__(self, axis: int, modulus: int, node: Node | None = None) -> None:
        super().__init__(axis, modulus, node)
        self.axis, self.modulus, self.node = axis, modulus, node


def _residue(m: Map, modulus: int, box: Box) -> tuple[int, int]:
    if modulus == 1:
        return 1, 0
    m = _without_wrap(m, box)
    for part in m.parts:
        if part.scale % modulus:
            raise Refine(part.axis, modulus)
    return modulus, (m.offset + sum(p.scale * p.shift for p in m.parts)) % modulus


def _divided(m: Map, step: int, residue: int) -> Map:
    """``(m - residue)/step`` for a map that stays in one class."""
    if step == 1:
        return m
    whole = m.offset - residue + sum(p.scale * p.shift for p in m.parts)
    return moved(Map(0, tuple(Part(p.axis, p.scale // step) for p in m.parts)), whole // step)


def _without_wrap(m: Map, box: Box) -> Map:
    """A single form without a wrap over the box, or Split."""
    if any(p.wrap for p in m.parts):
        return Map(m.offset, tuple(unwrap_part(p, box) for p in m.parts))
    return m


def _canonical(offset: int, parts: list[Part]) -> Map:
    """Positions that are equal as functions are equal as maps where that is cheap: parts by axis, a single form of the constant."""
    parts.sort()
    if len(parts) == 1 and not parts[0].wrap:
        return moved(Map(offset, tuple(parts)), 0)
    return Map(offset, tuple(parts))


def _unset(node: Const) -> TraceError:
    return TraceError(
        f"Values of an empty array are used that were never written; take np.zeros, or write all of it\n    {node.unset}"
    )


def _single(value: object) -> np.ndarray:
    return np.full((), value)
