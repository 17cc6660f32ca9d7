"""Small verbs on nodes: slices, transposes, sums, arrays put together. What proxies and NumPy's functions are made of."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial, reduce
from math import prod
from operator import add

import numpy as np

from symnum.expr.term import Term, call
from symnum.tracing.cell import apply, cast
from symnum.tracing.graph import Assembly, Const, Graph, Node, View, broadcast, reshaped, view
from symnum.tracing.maps import Map, Part, _collected, strides_of
from symnum.tracing.overlay import Layer, Overlay
from symnum.tracing.ufuncs import numeric

_UNROLLED = 8  # sums of so few values are written out


def sliced(node: Node, axis: int, start: int, stop: int) -> Node:
    """``node[..., start:stop, ...]``."""
    if isinstance(node, Const):
        return Const(node.values[(slice(None),) * axis + (slice(start, stop),)])
    strides = strides_of(node.shape)
    parts = tuple(Part(k, s, start if k == axis else 0) for k, s in enumerate(strides))
    return view(node, Map(0, parts), (*node.shape[:axis], stop - start, *node.shape[axis + 1 :]))


def at(node: Node, axis: int, index: int) -> Node:
    """``node[..., index, ...]``."""
    if isinstance(node, Const):
        return Const(np.asarray(node.values[(slice(None),) * axis + (index,)]))
    strides = strides_of(node.shape)
    shape = (*node.shape[:axis], *node.shape[axis + 1 :])
    parts = tuple(Part(k, strides[k + (k >= axis)]) for k in range(len(shape)))
    return view(node, Map(index * strides[axis], parts), shape)


def transposed(node: Node, axes: Sequence[int]) -> Node:
    """Dimension k of the result is dimension ``axes[k]`` of the node."""
    if isinstance(node, Const):
        return Const(node.values.transpose(axes))
    strides = strides_of(node.shape)
    parts = tuple(Part(k, strides[a]) for k, a in enumerate(axes))
    return view(node, Map(0, parts), tuple(node.shape[a] for a in axes))


def spread(node: Node, labels: Sequence[int], shape: tuple[int, ...]) -> Node:
    """An array of the given shape whose axis ``labels[k]`` is dimension k of the node (twice the same label: a diagonal)."""
    parts = [Part(a, s) for a, s, n in zip(labels, strides_of(node.shape), node.shape, strict=True) if n > 1]
    return view(node, _collected(0, parts), shape)


def rolled(node: Node, shifts: dict[int, int]) -> Node:
    """``np.roll`` by so many places along each axis."""
    if isinstance(node, Const):
        return Const(np.roll(node.values, tuple(shifts.values()), tuple(shifts)))
    parts = []
    for k, (stride, n) in enumerate(zip(strides_of(node.shape), node.shape, strict=True)):
        shift = -shifts.get(k, 0) % n if n else 0
        parts.append(Part(k, stride, shift, n) if shift else Part(k, stride))
    return view(node, Map(0, tuple(parts)), node.shape)


def total(nodes: Sequence[Node]) -> Node:
    """The sum of arrays."""
    if all(isinstance(n, Const) for n in nodes):
        return Const(np.asarray(reduce(add, [n.values for n in nodes])))  # type: ignore[attr-defined]
    if len(nodes) == 1:
        return nodes[0]
    dtype = np.result_type(*(n.dtype for n in nodes))
    return apply(_sum_rule, tuple(nodes), dtype, float(len(nodes) - 1))


def _sum_rule(*terms: Term) -> Term:
    return reduce(add, map(numeric, terms))


def _pair(operation: str, a: Node, b: Node) -> Node:
    if operation == "mul":
        return product_of(a, b)
    return apply(lambda x, y: call(operation, numeric(x), numeric(y)), (a, b), a.dtype, 1.0)


def product_of(a: Node, b: Node) -> Node:
    """Element by element."""
    if isinstance(a, Const) and isinstance(b, Const):
        return Const(np.asarray(a.values * b.values))
    return apply(lambda x, y: numeric(x) * numeric(y), (a, b), np.result_type(a.dtype, b.dtype), 1.0)


def concatenated(nodes: Sequence[Node], axis: int) -> Node:
    """``np.concatenate``."""
    dtype = np.result_type(*(n.dtype for n in nodes))
    nodes = [cast(n, dtype) for n in nodes]
    if all(isinstance(n, Const) for n in nodes):
        return Const(np.concatenate([n.values for n in nodes], axis))  # type: ignore[attr-defined]
    first = nodes[0].shape
    shape = (*first[:axis], sum(n.shape[axis] for n in nodes), *first[axis + 1 :])
    overlay = Overlay(Const(np.zeros(shape, dtype)), shape)
    start = 0
    for node in nodes:
        if node.size:
            starts = tuple(start if k == axis else 0 for k in range(len(shape)))
            overlay.write(Layer(starts, (1,) * len(shape), node, ""))
        start += node.shape[axis]
    return overlay.layers[0].node if len(overlay.layers) == 1 else Assembly(overlay, dtype)


def stacked(nodes: Sequence[Node], axis: int = 0) -> Node:
    """``np.stack``, of arrays of one shape."""
    if any(n.shape != nodes[0].shape for n in nodes):
        raise ValueError(f"all input arrays must have the same shape, got {[n.shape for n in nodes]}")
    shape = (*nodes[0].shape[:axis], 1, *nodes[0].shape[axis:])
    return concatenated([expanded(n, shape) for n in nodes], axis)


def expanded(node: Node, shape: tuple[int, ...]) -> Node:
    """The same values with axes of length 1 added or dropped."""
    if isinstance(node, Const):
        return Const(node.values.reshape(shape))
    return reshaped(node, shape) if node.shape else broadcast(node, shape)


def summed(graph: Graph, node: Node, axes: Sequence[int], operation: str = "add") -> Node:
    """The values along some axes taken together by "add", "mul", "maximum" or "minimum"."""
    from symnum.tracing.graph import Sum

    kept = [k for k in range(len(node.shape)) if k not in axes]
    node = transposed(node, [*kept, *axes]) if [*kept, *axes] != list(range(len(node.shape))) else node
    shape, rest = node.shape[: len(kept)], node.shape[len(kept) :]
    if 0 < prod(rest) <= _UNROLLED:
        parts = [node]
        for _ in rest:
            parts = [at(n, len(kept), k) for n in parts for k in range(n.shape[len(kept)])]
        return total(parts) if operation == "add" else reduce(partial(_pair, operation), parts)
    if 0 in node.shape:
        raise ValueError("a reduction over no values")
    return graph.local(shape, node.dtype, Sum(node, len(kept), operation))


def contracted(graph: Graph, nodes: Sequence[Node], labels: Sequence[Sequence[int]], kept: int) -> Node:
    """Einstein's sum: dimension k of a node runs along the axis ``labels[..][k]``; axes from ``kept`` on are summed over."""
    lengths: dict[int, int] = {}
    for node, row in zip(nodes, labels, strict=True):
        for label, n in zip(row, node.shape, strict=True):
            if lengths.setdefault(label, n) != n and 1 not in (n, lengths[label]):
                raise ValueError(f"axes of lengths {lengths[label]} and {n} are multiplied with each other")
            lengths[label] = max(lengths[label], n)
    shape = tuple(lengths[k] for k in range(len(lengths)))
    spread_out = [spread(n, row, shape) for n, row in zip(nodes, labels, strict=True)]
    product = reduce(product_of, spread_out)
    return summed(graph, product, range(kept, len(shape))) if kept < len(shape) else product


__all__ = ["View"]
