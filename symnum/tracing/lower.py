"""From the array graph to a kernel: ``lower(graph, results, ...)``. Every array that is stored becomes loop nests over boxes.

``[Node] -> [Nest]`` (``Lowering``: pulls, places, scratch arrays before what reads them) ``-> Kernel`` (``arrays``: which views of memory the
loads go through).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols
from symnum.tracing.graph import Assembly, Buffer, Graph, Keep, Leaf, Node, Number
from symnum.tracing.maps import Box, identity, strides_of
from symnum.tracing.pull import NeedsLocal, Pieces, Puller, Refine
from symnum.tracing.store import (
    SHORT,
    Place,
    all_pieces,
    blocks,
    joined,
    node_at,
    node_every,
    node_part,
    short_axis,
    unflattened,
    unflattened_inside,
)


@dataclass(frozen=True)
class Nest:
    """``place[i] := term`` (or taken together with it by ``operation``, over the axes from the place's rank on) for i in the box."""

    place: Place
    box: Box
    term: Term
    origin: str
    operation: str = ""
    order: tuple[int, ...] = ()

    @cached_property
    def spots(self) -> tuple[Symbol, ...]:
        """What the term reads."""
        return tuple(symbols(self.term, "spot"))


class Lowering:
    """The nests of one trace, in the order in which they must run."""

    def __init__(
        self, graph: Graph, may_wrap: Callable[[int, int], bool], costly: Callable[[Node], bool] = lambda node: False
    ) -> None:
        self.graph, self.costly = graph, costly
        self.nests: list[Nest] = []
        self.kept: dict[Node, Leaf] = {}
        self._puller = Puller(graph, self.kept, may_wrap)
        self._filled: set[str] = set()

    def result(self, buffer: Buffer, node: Node, origin: str) -> None:
        """Store a node as the whole of an output."""
        self._prepare(node)
        self._store(Place(buffer.name, 0, node.shape, strides_of(node.shape)), node, origin)

    # --- scratch arrays ---------------------------------------------------------------------------------------------

    def _prepare(self, root: Node) -> None:
        """Fill the scratch arrays below a node, those first that others read."""
        for node in needed(root, self.graph):
            if isinstance(node, Leaf):
                self._fill(node.buffer)
            elif node not in self.kept and self.costly(node):
                self._keep(node)

    def _fill(self, buffer: Buffer) -> None:
        if buffer.recipe is None or buffer.name in self._filled:
            return
        self._filled.add(buffer.name)
        if isinstance(buffer.recipe, Keep):
            node = buffer.recipe.node
            self._store(Place(buffer.name, 0, node.shape, strides_of(node.shape)), node, "")
        else:
            node, kept = buffer.recipe.node, buffer.recipe.kept
            place = Place(buffer.name, 0, node.shape[:kept], strides_of(node.shape[:kept]))
            self._sum(place, node, kept, buffer.recipe.operation)

    def _keep(self, node: Node) -> None:
        """Put a node into scratch memory, which every later pull reads."""
        leaf = self.graph.local(node.shape, node.dtype, Keep(node))
        self._fill(leaf.buffer)
        self.kept[node] = leaf

    def _sum(self, place: Place, node: Node, kept: int, operation: str) -> None:
        """Sums over all but the first axes; those of a short axis in one sweep, which computes once what they share."""
        for axis, n in enumerate(node.shape[:kept]):
            if n <= SHORT and len(node.shape) > 1:
                for k in range(n):
                    self._sum(place.at(axis, k), node_at(node, axis, k), kept - 1, operation)
                return
        for box, term in joined(self._pull(node)):
            order = _order(term, len(node.shape), kept)
            self._nest(Nest(place, box, term, "", operation, order))

    def _pull(self, node: Node) -> Pieces:
        """Everything of a node, over its own axes; what cannot be read there is kept first."""
        while True:
            try:
                return self._puller.pull(node, identity(len(node.shape)), node.box)
            except NeedsLocal as need:
                self._keep(need.node)
            except Refine as refine:
                assert refine.node is not None
                self._keep(refine.node)

    # --- stores ---------------------------------------------------------------------------------------------------

    def _store(self, place: Place, node: Node, origin: str, unflat: bool = False) -> None:
        parts = self._parts(place, node, unflat)
        if parts is not None:
            for part in parts:
                self._store(*part, origin)
            return
        while True:
            try:
                pieces = self._puller.pull(node, identity(len(node.shape)), node.box)
                break
            except Refine as refine:
                for residue in range(min(refine.modulus, node.shape[refine.axis])):
                    cut = (refine.axis, refine.modulus, residue)
                    self._store(place.every(*cut), node_every(node, *cut), origin)
                return
            except NeedsLocal as need:
                again = unflattened_inside(place, node, need.node)
                if again is not None and not unflat:
                    self._store(*again, origin, unflat=True)
                    return
                if boxes := all_pieces(node):
                    for box in boxes:
                        self._store(place.part(box), node_part(node, box), origin)
                    return
                self._keep(need.node)
        for box, term in joined(pieces):
            self._nest(Nest(place, box, term, origin))

    def _parts(self, place: Place, node: Node, unflat: bool) -> list[tuple[Place, Node]] | None:
        """The arrays that one array is stored as; None where it is stored as it is."""
        before = None if unflat else unflattened(place, node)
        if before is not None:
            return [before]
        axis = short_axis(node)
        if axis is not None:
            return [(place.at(axis, k), node_at(node, axis, k)) for k in range(node.shape[axis])]
        boxes = blocks(node)
        return [(place.part(b), node_part(node, b)) for b in boxes] or None

    def _nest(self, nest: Nest) -> None:
        self.nests.append(nest)


def needed(root: Node, graph: Graph) -> Iterator[Node]:
    """Every node below a root once, also through the scratch arrays that are read; what is read comes first."""
    seen: set[Node] = set()
    stack: list[tuple[Node, bool]] = [(root, False)]
    while stack:
        node, ready = stack.pop()
        if ready:
            yield node
            continue
        if node in seen:
            continue
        seen.add(node)
        stack.append((node, True))
        stack.extend((source, False) for source in sources(node, graph) if source not in seen)


def sources(node: Node, graph: Graph) -> list[Node]:
    """What a node is made of, the recipes of scratch arrays included."""
    if isinstance(node, Number):
        buffers = [graph.buffers[s.info.buffer] for s in symbols(node.term, "spot")]
        return [leaf_of(b) for b in buffers if b.recipe is not None]
    if isinstance(node, Leaf):
        return [node.buffer.recipe.node] if node.buffer.recipe is not None else []
    if isinstance(node, Assembly):
        return list(dict.fromkeys(node.sources))
    return list(node.sources)


def leaf_of(buffer: Buffer) -> Leaf:
    return Leaf(buffer, buffer.shape)


def _order(term: Term, rank: int, kept: int) -> tuple[int, ...]:
    """The axes of a summing nest, outermost first: innermost is the one along which most loads are contiguous."""
    unit = [0] * rank
    for symbol in symbols(term, "spot"):
        for part in symbol.info.position.parts:
            unit[part.axis] += abs(part.scale) == 1
    if kept:
        unit[kept - 1] += 1
    inner = max(range(rank), key=lambda a: (unit[a], a >= kept, a)) if rank else 0
    outer = [*range(kept), *range(kept, rank)]
    return (*(a for a in outer if a != inner), inner) if rank else ()
