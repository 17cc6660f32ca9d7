"""NumPy's products of arrays: matrices, Einstein sums, convolutions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symnum.tracing.graph import Const, Graph
from symnum.tracing.matrices import times
from symnum.tracing.nodes import contracted
from symnum.tracing.proxy import Traced, fresh, node_of
from symnum.tracing.shaping import fresh_or_same
from symnum.tracing.sites import refusal


def matmul(graph: Graph, a: Any, b: Any) -> Traced:
    """``a @ b`` with NumPy's rules for vectors and stacks of matrices."""
    if _is_sparse(a) or _is_sparse(b):
        return _sparse_product(graph, a, b)
    left, right = node_of(graph, a), node_of(graph, b)
    if not left.shape or not right.shape:
        raise ValueError("matmul: operands without axes; use * for numbers")
    if isinstance(left, Const) and isinstance(right, Const):
        return fresh(graph, Const(np.asarray(left.values @ right.values)))
    if isinstance(left, Const) and len(left.shape) == 2:
        return fresh(graph, times(graph, left.values, right, max(0, len(right.shape) - 2)))
    if isinstance(right, Const) and len(right.shape) == 2:
        return fresh(graph, times(graph, right.values.T, left, len(left.shape) - 1))
    if left.shape[-1] != right.shape[max(0, len(right.shape) - 2)]:
        raise ValueError(f"matmul: shapes {left.shape} and {right.shape} do not fit")
    rows, columns = len(left.shape) > 1, len(right.shape) > 1
    batch = max(len(left.shape), len(right.shape)) - 2 if rows or columns else 0
    batch = max(batch, 0)
    kept = batch + rows + columns
    labels_a = [*range(batch - max(0, len(left.shape) - 2), batch), *([batch] if rows else []), kept]
    labels_b = [*range(batch - max(0, len(right.shape) - 2), batch), kept, *([batch + rows] if columns else [])]
    return fresh(graph, contracted(graph, (left, right), (labels_a, labels_b), kept))


def _is_sparse(value: Any) -> bool:
    return type(value).__module__.startswith("scipy.sparse")


def _sparse_product(graph: Graph, a: Any, b: Any) -> Traced:
    if _is_sparse(a):
        node = node_of(graph, b)
        return fresh(graph, times(graph, a, node, max(0, len(node.shape) - 2)))
    node = node_of(graph, a)
    return fresh(graph, times(graph, b.T, node, len(node.shape) - 1))


def dot(graph: Graph, a: Any, b: Any, out: Any = None) -> Any:
    left, right = (v if _is_sparse(v) else fresh_or_same(graph, v) for v in (a, b))
    if not left.ndim or not right.ndim:
        return left * right
    if right.ndim <= 2:
        return matmul(graph, left, right)
    rank = left.ndim + right.ndim - 2
    labels_a = [*range(left.ndim - 1), rank]
    labels_b = [*range(left.ndim - 1, rank - 1), rank, rank - 1]
    return fresh(graph, contracted(graph, (left.node, right.node), (labels_a, labels_b), rank))


def inner(graph: Graph, a: Any, b: Any) -> Any:
    left, right = fresh_or_same(graph, a), fresh_or_same(graph, b)
    if not left.ndim or not right.ndim:
        return left * right
    rank = left.ndim + right.ndim - 2
    labels = [*range(left.ndim - 1), rank], [*range(left.ndim - 1, rank), rank]
    return fresh(graph, contracted(graph, (left.node, right.node), labels, rank))


def outer(graph: Graph, a: Any, b: Any, out: Any = None) -> Any:
    return fresh_or_same(graph, a).reshape(-1, 1) * fresh_or_same(graph, b).reshape(1, -1)


def vdot(graph: Graph, a: Any, b: Any) -> Any:
    return inner(graph, fresh_or_same(graph, a).ravel(), fresh_or_same(graph, b).ravel())


def vecdot(graph: Graph, a: Any, b: Any, **options: Any) -> Any:
    return np.sum(np.multiply(a, b), axis=-1)


def einsum(graph: Graph, subscripts: Any, *operands: Any, **options: Any) -> Traced:
    """``np.einsum`` with subscripts as text, ellipses excluded."""
    if not isinstance(subscripts, str) or "..." in subscripts:
        raise refusal(
            "np.einsum is traced with subscripts as text and without '...'", 'Write np.einsum("ij,jk->ik", a, b)'
        )
    text = subscripts.replace(" ", "")
    inputs, arrow, output = text.partition("->")
    rows = inputs.split(",")
    if not arrow:
        output = "".join(sorted(c for c in set(inputs) - {","} if inputs.count(c) == 1))
    nodes = [node_of(graph, v) for v in operands]
    if len(rows) != len(nodes) or any(len(r) != len(n.shape) for r, n in zip(rows, nodes, strict=False)):
        raise ValueError(
            f"einsum: {subscripts!r} does not fit {len(nodes)} arrays of shapes {[n.shape for n in nodes]}"
        )
    order = output + "".join(sorted(set(inputs) - set(output) - {","}))
    labels = [[order.index(c) for c in row] for row in rows]
    return fresh(graph, contracted(graph, nodes, labels, len(output)))


def trace(
    graph: Graph, a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None, out: Any = None
) -> Any:
    return np.sum(fresh_or_same(graph, a).diagonal(offset, axis1, axis2), axis=-1, dtype=dtype, out=out)


def norm(graph: Graph, x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    traced = fresh_or_same(graph, x)
    if ord in (None, 2, "fro") and (ord != 2 or axis is not None or traced.ndim == 1):
        return np.sqrt(np.sum(traced * traced, axis=axis, keepdims=keepdims))
    if (traced.ndim == 1 or isinstance(axis, int)) and ord in (1, np.inf):
        take = np.sum if ord == 1 else np.max
        return take(np.abs(traced), axis=axis, keepdims=keepdims)
    raise refusal(
        f"np.linalg.norm with ord={ord!r} cannot be traced", "Use the default, ord=1 or ord=np.inf of vectors"
    )


def cross(
    graph: Graph, a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Any:
    if axis is not None:
        axisa = axisb = axisc = axis
    move: Any = np.moveaxis
    left, right = move(fresh_or_same(graph, a), axisa, 0), move(fresh_or_same(graph, b), axisb, 0)
    if len(left) != 3 or len(right) != 3:
        raise refusal("np.cross is traced for vectors with three components", "Write x0*y1 - x1*y0 for two")
    parts = [left[i] * right[j] - left[j] * right[i] for i, j in ((1, 2), (2, 0), (0, 1))]
    return np.stack([fresh_or_same(graph, p) for p in parts], axis=axisc)


def convolve(graph: Graph, a: Any, v: Any, mode: str = "full") -> Any:
    """Sums of shifted values; one of the two must be short (its length is that of the sum)."""
    long, short = fresh_or_same(graph, a), fresh_or_same(graph, v)
    if long.size < short.size:
        long, short = short, long
    n, m = long.size, short.size
    if m > 64:
        raise refusal("np.convolve of two long arrays cannot be traced", "Use a matrix product, or a Fourier method")
    spread = np.pad(long, (m - 1, m - 1))
    full = sum(short[k] * spread[m - 1 - k : m - 1 - k + n + m - 1] for k in range(m))
    if mode == "full":
        return full
    start, length = ((m - 1) // 2, n) if mode == "same" else (m - 1, n - m + 1)
    return full[start : start + length]


def correlate(graph: Graph, a: Any, v: Any, mode: str = "valid") -> Any:
    return convolve(graph, a, fresh_or_same(graph, v)[::-1], mode)


PRODUCTS: dict[str, Callable[..., Any]] = {
    "matmul": matmul,
    "vecdot": vecdot,
    "matvec": lambda graph, a, x: np.squeeze(matmul(graph, a, fresh_or_same(graph, x)[..., None]), -1),
    "vecmat": lambda graph, x, a: np.squeeze(matmul(graph, fresh_or_same(graph, x)[..., None, :], a), -2),
}

HANDLERS: dict[str, Callable[..., Any]] = {
    "dot": dot, "inner": inner, "outer": outer, "vdot": vdot, "einsum": einsum, "trace": trace, "linalg.norm": norm,
    "cross": cross, "convolve": convolve, "correlate": correlate, "linalg.matmul": matmul, "linalg.vecdot": vecdot,
}  # fmt: skip
