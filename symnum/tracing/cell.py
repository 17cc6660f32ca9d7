"""Memory of a trace, and element-wise nodes: what a recording array holds, and how it is written to."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from symnum.expr.term import Term
from symnum.tracing.graph import Apply, Assembly, Const, Graph, Node, Number, number, reshaped, view
from symnum.tracing.maps import Map, Part, decompose
from symnum.tracing.overlay import Layer, Overlay
from symnum.tracing.pull import NeedsLocal, Puller, Refine
from symnum.tracing.sites import origin, refusal
from symnum.tracing.ufuncs import numeric, row_of, rule_for, truth


class Cell:
    """Memory: the node that it holds now. ``argument``: the name of the argument that it is, "" for an array of the trace's own."""

    def __init__(self, graph: Graph, node: Node, argument: str = "") -> None:
        self.graph, self.node, self.argument = graph, node, argument
        self.dtype = node.dtype
        self.base = np.empty(node.shape, np.int8)  # never read: its views stand for the views of this memory
        self.shapes: list[tuple[int, ...]] = [node.shape]
        self.written = ""  # the line that wrote to it first

    def read(self, seen: np.ndarray) -> Node:
        """The values that a view of ``base`` shows, now."""
        if seen is self.base:
            return self.node
        if isinstance(self.node, Const):
            return Const(_same_view(self.node.values, self.base, seen), self.node.unset)
        if 0 in seen.shape:
            return Const(np.zeros(seen.shape, self.dtype))
        return view(self.node, self.position(seen), seen.shape)

    def position(self, seen: np.ndarray) -> Map:
        """Where the values of a view lie in this memory."""
        offset = seen.__array_interface__["data"][0] - self.base.__array_interface__["data"][0]
        parts = (Part(k, s) for k, (s, n) in enumerate(zip(seen.strides, seen.shape, strict=True)) if n > 1 and s)
        return Map(offset, tuple(parts))

    def write(self, seen: np.ndarray, node: Node) -> None:
        """Put values of the view's shape in its place."""
        if 0 in seen.shape:
            return
        self.written = self.written or (origin() or "-" if self.argument else "-")
        if isinstance(self.node, Const) and isinstance(node, Const):
            values = self.node.values.copy()
            _same_view(values, self.base, seen)[...] = node.values
            self.node = Const(values, self.node.unset if values.dtype.kind == "f" and np.isnan(values).any() else "")
            return
        if seen.size == self.base.size and seen.shape == self.base.shape and seen.strides == self.base.strides:
            self.node = node
            return
        shape, layer = self._layer(seen, node)
        below = reshaped(self.node, shape)
        if isinstance(below, Assembly) and below.layers == len(below.overlay.layers):
            overlay = below.overlay
        else:
            overlay = Overlay(below, shape)
        overlay.write(layer)
        self.node = reshaped(Assembly(overlay, self.dtype), self.base.shape)

    def _layer(self, seen: np.ndarray, node: Node) -> tuple[tuple[int, ...], Layer]:
        """The shape under which the view is every so many-th index of each axis, and the layer."""
        box = tuple((0, n) for n in seen.shape)
        found: list[tuple[int, tuple[int, ...], Layer]] = []
        for shape in self.shapes:
            maps = decompose(self.position(seen), shape, box)
            if maps is not None and all(len(m.parts) <= 1 for m in maps):
                layer = _layer(maps, node)
                found.append((max(layer.steps, default=1), shape, layer))
        if not found:
            raise refusal(
                "This part of an array cannot be written while tracing (several axes of a view lie along one of the array)",
                "Write into slices of the array under one shape, or assemble it with np.concatenate or np.stack",
            )
        _, shape, layer = min(found, key=lambda row: row[0])
        return shape, layer


def _layer(maps: tuple[Map, ...], node: Node) -> Layer:
    """``node``, whose axes are those of a view, as a layer over the axes of the memory."""
    starts, steps, parts, lengths = [], [], [], []
    strides = [prod(node.shape[k + 1 :]) for k in range(len(node.shape))]
    offset = 0
    for d, m in enumerate(maps):
        part = m.parts[0] if m.parts else None
        n = node.shape[part.axis] if part else 1
        first = m.offset + (part.scale * part.shift if part else 0)
        lengths.append(n)
        step = part.scale if part else 1
        starts.append(first if step > 0 else first + step * (n - 1))
        steps.append(abs(step))
        if part and step > 0:
            parts.append(Part(d, strides[part.axis]))
        elif part:  # written backwards
            parts.append(Part(d, -strides[part.axis]))
            offset += strides[part.axis] * (n - 1)
    placed = (
        view(node, Map(offset, tuple(parts)), tuple(lengths)) if not isinstance(node, Const) else _placed(node, maps)
    )
    return Layer(tuple(starts), tuple(steps), placed, origin())


def _placed(node: Const, maps: tuple[Map, ...]) -> Const:
    order = [m.parts[0].axis for m in maps if m.parts]
    rest = [k for k in range(node.values.ndim) if k not in order]
    values = node.values.transpose([*order, *rest]).reshape([node.shape[k] for k in order])
    for d, m in enumerate(maps):
        if not m.parts:
            values = np.expand_dims(values, d)
        elif m.parts[0].scale < 0:
            values = np.flip(values, d)
    return Const(values)


def _same_view(values: np.ndarray, base: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """The view of ``values`` that ``seen`` is of ``base``."""
    values = np.ascontiguousarray(values) if not values.flags.c_contiguous else values
    if seen is base:
        return values
    offset = seen.__array_interface__["data"][0] - base.__array_interface__["data"][0]
    width = values.itemsize
    flat = values.reshape(-1)[offset:] if values.size else values.reshape(-1)
    return np.lib.stride_tricks.as_strided(flat, seen.shape, [s * width for s in seen.strides])


def scalar(graph: Graph, node: Node) -> Node:
    """A value without axes as a term, where it is one."""
    if node.shape or isinstance(node, (Const, Number)):
        return node
    try:
        ((_, term),) = Puller(graph, {}, lambda axis, n: False).pull(node, (), ())
    except (NeedsLocal, Refine):
        return node
    return Number(term, node.dtype)


def cast(node: Node, dtype: np.dtype) -> Node:
    """The values in another dtype, as assignment does it."""
    if node.dtype == dtype:
        return node
    if dtype.kind == "c":
        raise refusal("Traced functions are real", "Keep the real and the imaginary part in two arrays")
    if dtype.kind not in "fiub":
        raise refusal(f"Arrays of dtype {dtype} cannot be traced", "Use float64 or float32")
    if isinstance(node, Const):
        with np.errstate(all="ignore"):
            return Const(node.values.astype(dtype), node.unset)
    if dtype.kind == "b":
        return apply(truth, (node,), dtype, 1.0)
    if dtype.kind in "iu" and node.dtype.kind == "f":
        row = row_of("trunc", "f")
        assert row is not None
        return apply(rule_for(row), (node,), dtype, row.cycles)
    return apply(numeric, (node,), dtype, 0.0)


def apply(rule: Callable[..., Term], nodes: tuple[Node, ...], dtype: np.dtype, cycles: float) -> Node:
    """An element-wise rule; at once where the values have no axes."""
    shape = np.broadcast_shapes(*(n.shape for n in nodes))
    if 0 in shape:
        return Const(np.zeros(shape, dtype))
    if not shape:
        terms = [_term(n) for n in nodes]
        if all(t is not None for t in terms):
            return Number(rule(*terms), dtype)
    return Apply(rule, nodes, shape, dtype, cycles)


def _term(node: Node) -> Term | None:
    if isinstance(node, Number):
        return node.term
    if isinstance(node, Const) and np.isfinite(node.values):
        return number(node.values[()])
    return None
