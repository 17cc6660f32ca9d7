"""The array graph: what a traced function computed, whole arrays at a time.

::

    Const      numbers known while tracing                   Number    a value without axes, as a term
    Leaf       an array in memory: an argument or a scratch  Apply     element by element, arguments broadcast
    View       other indices into one array (slices, rolls)  Assembly  an array with parts written over

A node never changes. ``Buffer`` is memory: an argument, numbers, or a scratch array with the ``recipe`` that fills it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from itertools import count
from math import prod
from typing import NamedTuple

import numpy as np

from symnum.errors import TraceError
from symnum.expr.term import Const as NumberTerm
from symnum.expr.term import Symbol, Term
from symnum.tracing.maps import Box, Map, NoMap, Part, Split, compose, decompose, flat, identity, strides_of
from symnum.tracing.overlay import Overlay

Rule = Callable[..., Term]


class Node:
    """``shape`` and ``dtype`` are NumPy's."""

    __slots__ = ("shape", "dtype", "__weakref__")

    def __init__(self, shape: tuple[int, ...], dtype: np.dtype) -> None:
        self.shape, self.dtype = shape, dtype

    @property
    def box(self) -> Box:
        return tuple((0, n) for n in self.shape)

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def sources(self) -> tuple[Node, ...]:
        """The nodes that this one is made of."""
        return ()


class Const(Node):
    """Numbers; nobody writes to ``values`` again. ``unset``: the line of the ``np.empty`` that made it, NaN where nothing was written yet."""

    __slots__ = ("values", "unset")

    def __init__(self, values: np.ndarray, unset: str = "") -> None:
        super().__init__(values.shape, values.dtype)
        self.values, self.unset = values, unset


class Number(Node):
    """One value, a term whose leaves are values at known places (``Spot``), parameters and the time.

    ``weak``: it stands for a Python float, which leaves float32 arrays float32.
    """

    __slots__ = ("term", "weak")

    def __init__(self, term: Term, dtype: np.dtype, weak: bool = False) -> None:
        super().__init__((), dtype)
        self.term, self.weak = term, weak


class Leaf(Node):
    """A whole buffer, row-major, under any shape of its size."""

    __slots__ = ("buffer",)

    def __init__(self, buffer: Buffer, shape: tuple[int, ...]) -> None:
        super().__init__(shape, buffer.dtype)
        self.buffer = buffer
        if shape not in buffer.shapes:
            buffer.shapes.append(shape)


class Apply(Node):
    """``rule`` of the arguments' elements; ``cycles``: what it costs, in those of the operator table."""

    __slots__ = ("rule", "arguments", "cycles")

    def __init__(
        self, rule: Rule, arguments: tuple[Node, ...], shape: tuple[int, ...], dtype: np.dtype, cycles: float
    ) -> None:
        super().__init__(shape, dtype)
        self.rule, self.arguments, self.cycles = rule, arguments, cycles

    @property
    def sources(self) -> tuple[Node, ...]:
        return self.arguments


class View(Node):
    """``source`` at ``position``: a map from the indices of this view into row-major memory of the source."""

    __slots__ = ("source", "position")

    def __init__(self, source: Node, position: Map, shape: tuple[int, ...]) -> None:
        super().__init__(shape, source.dtype)
        self.source, self.position = source, position

    @property
    def sources(self) -> tuple[Node, ...]:
        return (self.source,)


class Assembly(Node):
    """An array after the first ``layers`` writings into it."""

    __slots__ = ("overlay", "layers")

    def __init__(self, overlay: Overlay, dtype: np.dtype) -> None:
        super().__init__(overlay.shape, dtype)
        self.overlay, self.layers = overlay, len(overlay.layers)

    @property
    def sources(self) -> tuple[Node, ...]:
        return self.overlay.nodes(self.layers)


class Sum(NamedTuple):
    """A recipe: the values of ``node`` taken together by ``operation`` over all but its first ``kept`` axes."""

    node: Node
    kept: int
    operation: str = "add"


class Keep(NamedTuple):
    """A recipe: the values of ``node``."""

    node: Node


@dataclasses.dataclass(eq=False)
class Buffer:
    """Memory of ``prod(shape)`` values. ``kind``: input, constant or local; ``shapes``: under which it was read."""

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: np.dtype
    field: str = ""
    values: np.ndarray | None = None
    recipe: Sum | Keep | None = None
    shapes: list[tuple[int, ...]] = dataclasses.field(default_factory=list)


class Spot(NamedTuple):
    """The info of a symbol of kind "spot": a value of a buffer at a position of its memory."""

    buffer: str
    position: Map


class Graph:
    """The buffers of one trace.

    ``refused``: the first question for a value, which f may have caught (``except Exception``) and answered by another branch.
    """

    def __init__(self) -> None:
        self.buffers: dict[str, Buffer] = {}
        self.refused: TraceError | None = None
        self._constants: dict[int, tuple[np.ndarray, tuple[Buffer, Map, np.ndarray]]] = {}
        self._owners: dict[int, tuple[np.ndarray, Buffer]] = {}
        self._numbers: Iterator[int] = count()

    def buffer(self, kind: str, shape: tuple[int, ...], dtype: np.dtype, name: str = "", **more: object) -> Buffer:
        """New memory."""
        name = name or f"{kind}_{next(self._numbers)}"
        made = self.buffers[name] = Buffer(name, kind, shape, dtype, **more)  # type: ignore[arg-type]
        return made

    def local(self, shape: tuple[int, ...], dtype: np.dtype, recipe: Sum | Keep) -> Leaf:
        """Scratch memory and the way to fill it."""
        return Leaf(self.buffer("local", shape, dtype, recipe=recipe), shape)

    def constant(self, values: np.ndarray) -> tuple[Buffer, Map, np.ndarray]:
        """Numbers as memory: (buffer, position in it of the values at the axes' indices, the values without repeats).

        Axes along which the values do not change have no part. Slices of one array share its memory, and what reads them its cache lines.
        """
        known = self._constants.get(id(values))
        if known is None:
            known = self._constants[id(values)] = (
                values,
                self._placed(values),
            )  # the array is kept, so its id stays its own
        return known[1]

    def _placed(self, values: np.ndarray) -> tuple[Buffer, Map, np.ndarray]:
        small = _without_repeats(values)
        owner = _owner(small)
        found = self._owners.get(id(owner))
        if found is None:
            buffer = self.buffer("constant", owner.shape, values.dtype, values=owner)
            found = self._owners[id(owner)] = (owner, buffer)
        begin = 0 if owner is small else _address(small) - _address(owner)
        steps = strides_of(small.shape) if owner is small else [s // small.itemsize for s in small.strides]
        parts = tuple(Part(k, s) for k, (s, n) in enumerate(zip(steps, small.shape, strict=True)) if n > 1)
        return found[1], Map(begin // small.itemsize, parts), small


def _without_repeats(values: np.ndarray) -> np.ndarray:
    for axis in range(values.ndim):
        first = values[(slice(None),) * axis + (slice(0, 1),)]
        if values.shape[axis] > 1 and bool(np.all(values == first)):
            values = first
    return values


def _owner(part: np.ndarray) -> np.ndarray:
    """The row-major array of which ``part`` is a good share, else ``part`` itself."""
    owner: object = part
    while isinstance(owner, np.ndarray) and isinstance(owner.base, np.ndarray):
        owner = owner.base
    assert isinstance(owner, np.ndarray)
    return owner if owner.dtype == part.dtype and owner.flags.c_contiguous and owner.size <= 8 * part.size else part


def _address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


def spot(buffer: Buffer, position: Map) -> Symbol:
    """The leaf of a term: a value of a buffer."""
    return Symbol(f"{buffer.name}@{position.offset}{position.parts}", "spot", Spot(buffer.name, position))


def view(source: Node, position: Map, shape: tuple[int, ...]) -> Node:
    """A view; of what lies below where ``source`` is a view itself or plain memory."""
    if isinstance(source, Number):
        return source if not shape else View(source, Map(), shape)
    box = tuple((0, n) for n in shape)
    if isinstance(source, View):
        try:
            maps = decompose(position, source.shape, box)
            if maps is not None:
                return view(source.source, compose(source.position, maps, box), shape)
        except (Split, NoMap):
            pass
    if shape == source.shape and position == flat(identity(len(shape)), shape):
        return source
    if isinstance(source, Leaf) and position == flat(identity(len(shape)), shape) and prod(shape) == source.size:
        return Leaf(source.buffer, shape)
    return View(source, position, shape)


def reshaped(source: Node, shape: tuple[int, ...]) -> Node:
    """The same values, row-major, under another shape."""
    if isinstance(source, Const):
        return Const(source.values.reshape(shape), source.unset)
    if shape == source.shape:
        return source
    return view(source, flat(identity(len(shape)), shape), shape)


def broadcast(source: Node, shape: tuple[int, ...]) -> Node:
    """NumPy's broadcasting, by axes without a part."""
    if source.shape == shape:
        return source
    if isinstance(source, Const):
        return Const(np.broadcast_to(source.values, shape), source.unset)
    lead = len(shape) - len(source.shape)
    strides = strides_of(source.shape)
    parts = tuple(Part(lead + k, strides[k]) for k, n in enumerate(source.shape) if n > 1)
    return view(source, Map(0, parts), shape)


def number(value: object) -> Term:
    """A Python or NumPy number as a term."""
    if isinstance(value, (bool, np.bool_)):
        return NumberTerm(bool(value))
    return NumberTerm(int(value) if isinstance(value, (int, np.integer)) else float(value))  # type: ignore[arg-type]
