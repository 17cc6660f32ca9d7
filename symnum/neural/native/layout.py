"""Where a network's weights and values lie in memory, in doubles: rows of whole vectors (``padded``)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate

import numpy as np

from symnum.expr.term import Term
from symnum.expr.walk import fold
from symnum.ir.interpret import operator_value
from symnum.neural.native.layers import Conv, Dense, Layers, Map, V, X, padded

BLOCK = 32  # samples that go through the network together
WIDE = 16  # outputs and inputs from which a layer keeps its weights in both orders


@dataclass(frozen=True)
class Packed:
    """Where a layer's weights lie: (in, padded out) at ``by_input``, (out, padded in) at ``by_output`` (None: not kept), bias at ``bias``.

    Gradients are kept in the first of the two orders that there is.
    """

    inputs: int
    outputs: int
    by_input: int | None
    by_output: int | None
    bias: int


@dataclass(frozen=True)
class Layout:
    """Offsets, in doubles: packed weights of each operation; values of a block, and their adjoints likewise.

    The values of r samples lie behind each other, value k from r*offsets[k] on; ``sample``: all values of one sample. Behind the gradients of
    ``packed_size`` weights stands the derivative by the time. ``whole``: operations that may be done in the padding too, because what they
    give there is finite.
    """

    layers: Layers
    packed: tuple[Packed | None, ...]
    packed_size: int
    offsets: tuple[int, ...]
    sample: int
    whole: tuple[bool, ...]
    scratch: int

    @property
    def work_size(self) -> int:
        """Values and adjoints of a block, and what a convolution needs beside them."""
        return 2 * BLOCK * self.sample + self.scratch

    @cached_property
    def strides(self) -> tuple[int, ...]:
        return tuple(map(padded, self.layers.widths))


def layout(layers: Layers) -> Layout:
    """Put everything in its place."""
    packed: list[Packed | None] = []
    at = 0
    for operation in layers.operations:
        if isinstance(operation, Conv):
            inputs = operation.channels // operation.groups * operation.taps
            packed.append(Packed(inputs, operation.outputs, None, at, at + operation.outputs * padded(inputs)))
            at += operation.outputs * padded(inputs) + padded(operation.outputs)
            continue
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
    ends = [0, *accumulate(map(padded, layers.widths))]
    scratch = max((sum(o.scratch) for o in layers.operations if isinstance(o, Conv)), default=0)
    return Layout(layers, tuple(packed), at, tuple(ends[:-1]), ends[-1], _whole(layers), scratch)


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
