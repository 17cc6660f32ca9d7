"""The last step of lowering: nests become an ``ir.Kernel`` with inputs, outputs, constants and scratch arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from symnum.expr.replace import replaced
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols
from symnum.ir.check import check
from symnum.ir.kernel import Accumulate, Array, Constant, Kernel, Loop, Statement, Store
from symnum.tracing.graph import Buffer
from symnum.tracing.lower import Nest
from symnum.tracing.maps import Box, strides_of
from symnum.tracing.reading import Access, Cover, Names, Reader


@dataclass(frozen=True)
class Layout:
    """Where buffers lie: ``inputs`` and ``outputs`` one after the other in their vectors."""

    name: str
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    parameters: tuple[Symbol, ...]
    time: Symbol | None
    dtype: str
    comment: str = ""


def kernel_of(nests: Sequence[Nest], buffers: dict[str, Buffer], layout: Layout) -> Kernel:
    """The kernel of a list of nests."""
    reading = _accesses(nests)
    names = Names([s.name for s in layout.parameters] + (["t"] if layout.time is not None else []))
    loads: dict[tuple[Symbol, Box], Term] = {}
    inputs: list[Array] = []
    offset = 0
    for buffer in layout.inputs:
        reader = Reader(buffer, offset, reading.get(buffer.name, []), names)
        inputs += _covering(reader, offset)
        loads |= reader.loads
        offset += prod(buffer.shape)
    constants = _constants(buffers, reading, names, loads, layout.dtype)
    writer = _Writer(layout, buffers, names)
    for nest in nests:
        writer.place(nest)
    local_arrays: list[Array] = []
    for name, base in writer.bases.items():
        if name in reading:
            reader = Reader(buffers[name], base, reading[name], names, writer.known())
            local_arrays += reader.arrays
            loads |= reader.loads
    terms = [replaced([n.term], {s: loads[s, n.box] for s in n.spots})[0] for n in nests]
    body = tuple(writer.statement(nest, term) for nest, term in zip(nests, terms, strict=True))
    locals_ = (*writer.local_arrays(), *local_arrays)
    made = Kernel(
        layout.name,
        tuple(inputs),
        writer.outputs(),
        layout.parameters,
        layout.time,
        _periods(nests, (*inputs, *locals_, *(c.array for c in constants), *writer.outputs()), terms),
        body,
        layout.comment,
        locals_,
        constants,
        layout.dtype,
    )
    return check(made)


def _accesses(nests: Sequence[Nest]) -> dict[str, list[Access]]:
    """For each buffer its spots, once for each box over which they are read."""
    found: dict[tuple[Symbol, Box], None] = {}
    for nest in nests:
        found.update(dict.fromkeys((symbol, nest.box) for symbol in nest.spots))
    result: dict[str, list[Access]] = {}
    for symbol, box in found:
        result.setdefault(symbol.info.buffer, []).append(Access(symbol, symbol.info.position, box))
    return result


def _covering(reader: Reader, offset: int) -> list[Array]:
    """The arrays of an argument, and the argument as a whole where they leave its end out."""
    arrays, size = reader.arrays, prod(reader.buffer.shape)
    if max((a.span[1] for a in arrays), default=0) < offset + size:
        name = reader.names.fresh(f"{reader.buffer.name}_all")
        shape = reader.buffer.shape
        axes = tuple(range(len(shape)))
        arrays = [*arrays, Array(name, shape, offset, axes, (0,) * len(shape), reader.buffer.field)]
    return arrays


def _constants(
    buffers: dict[str, Buffer],
    reading: dict[str, list[Access]],
    names: Names,
    loads: dict[tuple[Symbol, Box], Term],
    dtype: str,
) -> tuple[Constant, ...]:
    result: list[Constant] = []
    for name, accesses in reading.items():
        values = buffers[name].values
        if values is None:
            continue
        reader = Reader(buffers[name], 0, accesses, names)
        loads |= reader.loads
        vector = np.array(values, dtype=dtype, order="C").reshape(-1)  # a copy: the user's array may change
        result += [Constant(a, vector) for a in reader.arrays]
    return tuple(result)


class _Writer:
    """The arrays that nests write, outputs and scratch, and the statements."""

    def __init__(self, layout: Layout, buffers: dict[str, Buffer], names: Names) -> None:
        self.layout, self.buffers, self.names = layout, buffers, names
        self.bases: dict[str, int] = {}
        self._offsets = {b.name: o for b, o in zip(layout.outputs, _running(layout.outputs), strict=True)}
        self._arrays: dict[object, Array] = {}
        self._labels = Names()
        self._local_end = 0

    def place(self, nest: Nest) -> None:
        place = nest.place
        if place in self._arrays:
            return
        out = place.vector in self._offsets
        if not out and place.vector not in self.bases:
            self.bases[place.vector] = self._local_end
            self._local_end += prod(self.buffers[place.vector].shape)
        base = self._offsets[place.vector] if out else self.bases[place.vector]
        buffer = self.buffers[place.vector]
        label = f"{buffer.field or buffer.name}{place.label}"
        rank = len(place.shape)
        plain = None if place.strides == strides_of(place.shape) else place.strides
        name = (self._labels if out else self.names).fresh(label)
        self._arrays[place] = Array(
            name, place.shape, base + place.offset, tuple(range(rank)), (0,) * rank, label, plain
        )

    def statement(self, nest: Nest, term: Term) -> Statement:
        name = self._arrays[nest.place].name
        inner: Statement = (
            Accumulate(name, term, nest.origin, nest.operation) if nest.operation else Store(name, term, nest.origin)
        )
        for axis in reversed(nest.order or range(len(nest.box))):
            inner = Loop(axis, *nest.box[axis], (inner,))
        return inner

    def outputs(self) -> tuple[Array, ...]:
        made = [a for place, a in self._arrays.items() if place.vector in self._offsets]  # type: ignore[attr-defined]
        return tuple(sorted(made, key=lambda a: a.offset))

    def known(self) -> dict[Cover, str]:
        """The scratch arrays that are written, by what they cover."""
        return {(a.shape, a.offset, a.axes, a.origin, a.strides): a.name for a in self.local_arrays()}

    def local_arrays(self) -> tuple[Array, ...]:
        return tuple(a for place, a in self._arrays.items() if place.vector in self.bases)  # type: ignore[attr-defined]


def _running(buffers: tuple[Buffer, ...]) -> list[int]:
    ends = [0]
    for b in buffers:
        ends.append(ends[-1] + prod(b.shape))
    return ends[:-1]


def _periods(nests: Sequence[Nest], arrays: Sequence[Array], terms: Sequence[Term]) -> tuple[int, ...]:
    """The length of each axis: that around which loads wrap, else the greatest extent."""
    periods: dict[int, int] = {}
    for nest in nests:
        for axis, (_, stop) in enumerate(nest.box):
            periods[axis] = max(periods.get(axis, 1), stop)
    for array in arrays:
        for axis, n in zip(array.axes, array.shape, strict=True):
            periods.setdefault(axis, n)
    by_name = {a.name: a for a in arrays}
    for symbol in symbols(terms, "load"):
        array = by_name[symbol.info.array]
        rows = zip(array.axes, array.shape, symbol.info.wrap, strict=True)
        periods |= {axis: n for axis, n, wraps in rows if wraps}
    return tuple(periods.get(a, 1) for a in range(max(periods, default=-1) + 1))
