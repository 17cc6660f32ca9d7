"""Where the values of an array go: a block of an output or scratch vector, cut into the arrays that loops fill.

A short axis is taken apart (species: ``(n, n, 3)`` becomes three interleaved arrays), equal blocks of a vector become arrays of their own
(``concatenate([du, dv])``), a flattened array is stored under the shape it had, and values that alternate are stored every other one.
"""

from __future__ import annotations

from typing import NamedTuple

from symnum.expr.term import Term
from symnum.tracing.graph import Assembly, Node, View, reshaped, view
from symnum.tracing.maps import Box, Map, Part, flat, identity, strides_of
from symnum.tracing.overlay import Piece

SHORT, FEW, SCALARS = (
    4,
    16,
    8,
)  # axes taken apart always, where each index is written by itself, and where there is no other axis
_BLOCKS = 16


class Place(NamedTuple):
    """A block of memory: ``vector`` names the buffer; ``label``: how a user would index it, "[..., 0]"."""

    vector: str
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    label: str = ""

    @property
    def contiguous(self) -> bool:
        return all(s == t or n == 1 for s, t, n in zip(self.strides, strides_of(self.shape), self.shape, strict=True))

    def reshaped(self, shape: tuple[int, ...]) -> Place:
        return self._replace(shape=shape, strides=strides_of(shape))

    def part(self, box: Box) -> Place:
        offset = self.offset + sum(s * a for s, (a, _) in zip(self.strides, box, strict=True))
        shown = ",".join(":" if (a, b) == (0, n) else f"{a}:{b}" for (a, b), n in zip(box, self.shape, strict=True))
        return self._replace(offset=offset, shape=tuple(b - a for a, b in box), label=f"{self.label}[{shown}]")

    def at(self, axis: int, index: int) -> Place:
        rest = [k for k in range(len(self.shape)) if k != axis]
        shown = ",".join(str(index) if k == axis else ":" for k in range(len(self.shape)))
        return Place(
            self.vector,
            self.offset + index * self.strides[axis],
            tuple(self.shape[k] for k in rest),
            tuple(self.strides[k] for k in rest),
            f"{self.label}[{shown}]",
        )

    def every(self, axis: int, modulus: int, residue: int) -> Place:
        shape, strides = list(self.shape), list(self.strides)
        shape[axis], strides[axis] = -(-(shape[axis] - residue) // modulus), strides[axis] * modulus
        offset = self.offset + residue * self.strides[axis]
        return self._replace(
            offset=offset, shape=tuple(shape), strides=tuple(strides), label=f"{self.label}[{residue}::{modulus}]"
        )


def node_at(node: Node, axis: int, index: int) -> Node:
    """``node`` at one index of an axis."""
    shape = node.shape[:axis] + node.shape[axis + 1 :]
    maps = [*identity(axis), Map(index), *(Map(0, (Part(k),)) for k in range(axis, len(shape)))]
    return view(node, flat(maps, node.shape), shape)


def node_part(node: Node, box: Box) -> Node:
    """``node`` in a box; the very array that was put there where it is one."""
    if isinstance(node, Assembly) and all(m == 1 for m in node.overlay.moduli(node.layers)):
        lattice = node.overlay.lattice(node.layers, ((1, 0),) * len(box))
        for piece in lattice.within([(a, b - 1) for a, b in box]):
            layer = node.overlay.layers[piece.layer]
            lengths = tuple(b - a for a, b in box)
            if (
                piece.layer >= 0
                and piece.box == box
                and layer.node.shape == lengths
                and layer.starts == tuple(a for a, _ in box)
            ):
                return layer.node
    maps = [Map(0, (Part(k, 1, a),)) for k, (a, _) in enumerate(box)]
    return view(node, flat(maps, node.shape), tuple(b - a for a, b in box))


def node_every(node: Node, axis: int, modulus: int, residue: int) -> Node:
    """``node`` at ``residue``, ``residue + modulus``, ... of an axis."""
    maps, shape = list(identity(len(node.shape))), list(node.shape)
    maps[axis], shape[axis] = Map(residue, (Part(axis, modulus),)), -(-(shape[axis] - residue) // modulus)
    return view(node, flat(maps, node.shape), tuple(shape))


def unflattened(place: Place, node: Node) -> tuple[Place, Node] | None:
    """A reshaped array stored under the shape that it had before."""
    if isinstance(node, View) and place.contiguous and node.size == node.source.size > 0 and not _alike(node):
        if node.position == flat(identity(len(node.shape)), node.shape):
            return place.reshaped(node.source.shape), node.source
    return None


def _alike(node: View) -> bool:
    """Only axes of length 1 differ."""
    return [n for n in node.shape if n > 1] == [n for n in node.source.shape if n > 1]


def unflattened_inside(place: Place, node: Node, wanted: Node) -> tuple[Place, Node] | None:
    """Where ``node`` is made of the flattened ``wanted``, both under the shape of ``wanted``."""
    if not place.contiguous or node.size != wanted.size or node.shape == wanted.shape:
        return None
    todo, seen = [node], set()
    while todo:
        found = todo.pop()
        if isinstance(found, View) and found.source is wanted and found.size == wanted.size:
            return place.reshaped(wanted.shape), reshaped(node, wanted.shape)
        if found not in seen and found.size == node.size:
            seen.add(found)
            todo.extend(found.sources)
    return None


def short_axis(node: Node) -> int | None:
    """An axis to take apart."""
    for axis, n in reversed(list(enumerate(node.shape))):
        if n <= SHORT or (n <= _limit(node) and _each_alone(node, axis)):
            return axis
    return None


def _limit(node: Node) -> int:
    return SCALARS if len(node.shape) == 1 else FEW


def _each_alone(node: Node, axis: int) -> bool:
    """Each index along the axis is written by itself."""
    if not isinstance(node, Assembly) or (len(node.shape) > 1 and max(node.shape) <= FEW):
        return False
    if any(m > 1 for m in node.overlay.moduli(node.layers)):
        return False
    cuts = node.overlay.lattice(node.layers, ((1, 0),) * len(node.shape)).cuts
    return len(cuts[axis]) == node.shape[axis]


def blocks(node: Node) -> list[Box]:
    """The equal blocks that an array is put together of; none where it is not."""
    if not isinstance(node, Assembly) or any(m > 1 for m in node.overlay.moduli(node.layers)):
        return []
    lattice = node.overlay.lattice(node.layers, ((1, 0),) * len(node.shape))
    for axis, n in enumerate(node.shape):
        for many in range(2, _BLOCKS + 1):
            width = n // many
            if (
                n % many
                or width < 2
                or 2 * len(lattice.cuts[axis]) > n
                or not {width * k for k in range(many)} <= set(lattice.cuts[axis])
            ):
                continue
            if all(_holds_large(lattice.pieces, axis, k * width, width) for k in range(many)):
                whole = [(0, m) for m in node.shape]
                cut = [(k * width, (k + 1) * width) for k in range(many)]
                return [(*whole[:axis], c, *whole[axis + 1 :]) for c in cut]
    return []


def _holds_large(pieces: tuple[Piece, ...], axis: int, start: int, width: int) -> bool:
    return any(
        start <= p.box[axis][0] and p.box[axis][1] <= start + width and 2 * (p.box[axis][1] - p.box[axis][0]) >= width
        for p in pieces
    )


def all_pieces(node: Node) -> list[Box]:
    """The boxes of an assembled array of more than one piece."""
    if not isinstance(node, Assembly) or any(m > 1 for m in node.overlay.moduli(node.layers)):
        return []
    pieces = node.overlay.lattice(node.layers, ((1, 0),) * len(node.shape)).pieces
    return [p.box for p in pieces] if len(pieces) > 1 else []


def joined(pieces: list[tuple[Box, Term]]) -> list[tuple[Box, Term]]:
    """Neighbouring boxes with one and the same term put together."""
    for axis in range(len(pieces[0][0]) if pieces else 0):
        open_at: dict[tuple[Box, Term, int], int] = {}
        result: list[tuple[Box, Term]] = []
        for box, term in sorted(pieces, key=lambda piece: piece[0][axis]):
            rest = (*box[:axis], *box[axis + 1 :])
            key = (rest, term, box[axis][0])
            at = open_at.pop(key, None)
            if at is None:
                at = len(result)
                result.append((box, term))
            else:
                whole = (result[at][0][axis][0], box[axis][1])
                result[at] = ((*box[:axis], whole, *box[axis + 1 :]), term)
            open_at[(rest, term, box[axis][1])] = at
        pieces = result
    return pieces
