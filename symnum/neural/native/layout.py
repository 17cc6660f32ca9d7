"""Where a network's weights and values lie in memory, in doubles: rows of whole vectors (``padded``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from symnum.expr.term import Term
from symnum.expr.walk import fold
from symnum.ir.interpret import operator_value
from symnum.neural.native.layers import Dense, Layers, Map, V, X
from symnum.neural.native.products import padded

BLOCK = 32  # samples that go through the network together
WIDE = 16  # outputs and inputs from which a layer keeps its weights in both orders


@dataclass(frozen=True)
class Packed:
    """Where a dense layer's weights lie: (in, padded out) at ``by_input``, (out, padded in) at ``by_output`` (None: not kept), bias at ``bias``.

    Gradients are kept in the first of the two orders that there is.
    """

    inputs: int
    outputs: int
    by_input: int | None
    by_output: int | None
    bias: int


@dataclass(frozen=True)
class Packing:
    """Which weight stands where, for all parameters in one row: parameter k is [ends[k], ends[k + 1]) of it; behind the last stands a zero.

    ``order``: for each place of the packed vector, which number of the row stands there; ``sources``: the same for gradients, which are kept once
    where a layer's weights are kept in both orders.
    """

    ends: list[int]
    order: NDArray[np.int64]
    sources: NDArray[np.int64]


@dataclass(frozen=True)
class Layout:
    """Offsets, in doubles: packed weights of each operation; values and their adjoints in the workspace of a block.

    ``whole``: operations that may be done in the padding too, because what they give there is finite.
    """

    layers: Layers
    packed: tuple[Packed | None, ...]
    packed_size: int
    values: tuple[int, ...]
    adjoints: tuple[int, ...]
    work_size: int
    whole: tuple[bool, ...]

    @cached_property
    def packing(self) -> Packing:
        """See ``Packing``."""
        ends = [0, *np.cumsum([int(np.prod(shape)) for shape in self.layers.shapes]).tolist()]
        order = np.full(self.packed_size, ends[-1], dtype=np.int64)
        sources = order.copy()
        numbers = [np.arange(a, b).reshape(s) for a, b, s in zip(ends, ends[1:], self.layers.shapes, strict=False)]
        for operation, place in zip(self.layers.operations, self.packed, strict=True):
            if not isinstance(operation, Dense):
                continue
            assert place is not None
            weight = numbers[operation.weight] if operation.flipped else numbers[operation.weight].T  # (in, out)
            both = ((place.by_input, weight), (place.by_output, weight.T))
            kept = [(start, w) for start, w in both if start is not None]
            for (start, w), targets in zip(kept, ((order, sources), (order,)), strict=False):
                rows, columns = w.shape
                for target in targets:
                    block = target[start : start + rows * padded(columns)].reshape(rows, -1)
                    block[:, :columns] = w
            if operation.bias is not None:
                for target in (order, sources):
                    target[place.bias : place.bias + place.outputs] = numbers[operation.bias]
        return Packing(ends, order, sources)

    @cached_property
    def strides(self) -> tuple[int, ...]:
        return tuple(map(padded, self.layers.widths))


def layout(layers: Layers) -> Layout:
    """Put everything in its place."""
    packed: list[Packed | None] = []
    at = 0
    for operation in layers.operations:
        if not isinstance(operation, Dense):
            packed.append(None)
            continue
        inputs, outputs = layers.widths[operation.source], operation.width
        both = min(inputs, outputs) >= WIDE
        places: list[int | None] = [None, None]
        for k, kept in enumerate((both or outputs >= inputs, both or outputs < inputs)):
            if kept:
                places[k] = at
                at += (inputs, outputs)[k] * padded((outputs, inputs)[k])
        packed.append(Packed(inputs, outputs, places[0], places[1], at))
        at += padded(outputs)
    values, adjoints, work = list[int](), list[int](), 0
    for target in (values, adjoints):
        for width in layers.widths:
            target.append(work)
            work += BLOCK * padded(width)
    return Layout(layers, tuple(packed), max(1, at), tuple(values), tuple(adjoints), work, _whole(layers))


def _whole(layers: Layers) -> tuple[bool, ...]:
    """From the number that stands in the padding of each value: 0, or what maps made of it."""
    padding: list[float] = [0.0]
    found = []
    for operation in layers.operations:
        made = [0.0]
        if isinstance(operation, Map):
            known: dict[Term, np.float64] = {
                x: np.float64(padding[s]) for x, s in zip(X, operation.sources, strict=False)
            }
            made = _numbers(operation, known)
        found.append(bool(np.isfinite(made).all()))
        padding.append(float(made[0]) if found[-1] else 0.0)
    return tuple(found)


def _numbers(operation: Map, known: dict[Term, np.float64]) -> list[float]:
    """The value and the derivatives of a map from its operands; NaN where the time plays a part."""

    def rule(node: Term, args: list[np.float64]) -> np.float64:
        return known.get(node, np.float64(np.nan)) if node.op == "symbol" else operator_value(node, args)

    with np.errstate(all="ignore"):
        value = fold(operation.value, rule)
        known[V] = np.float64(value)
        return [float(value), *(float(fold(p, rule)) for p in operation.partials)]
