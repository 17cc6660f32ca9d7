"""NumPy's functions that arrange values: joining, rolling, padding, choosing, and new arrays like old ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from symnum.tracing.cell import apply, cast
from symnum.tracing.graph import Const, Graph, Node, broadcast, reshaped
from symnum.tracing.nodes import concatenated, expanded, rolled, stacked
from symnum.tracing.proxy import Traced, fresh, is_weak, node_of
from symnum.tracing.sites import origin, refusal
from symnum.tracing.ufuncs import numeric, select, truth


def _nodes(graph: Graph, arrays: Any) -> list[Node]:
    return [node_of(graph, a) for a in arrays]


def _axis(axis: Any, rank: int) -> int:
    axis = int(axis)
    if not -rank <= axis < rank:
        raise np.exceptions.AxisError(axis, rank)
    return axis % rank


def concatenate(graph: Graph, arrays: Any, axis: Any = 0, out: Any = None, **options: Any) -> Traced:
    nodes = _nodes(graph, arrays)
    if axis is None:
        nodes, axis = [reshaped(n, (n.size,)) for n in nodes], 0
    if any(not n.shape for n in nodes):
        raise ValueError("zero-dimensional arrays cannot be concatenated")
    axis = _axis(axis, len(nodes[0].shape))
    for n in nodes:
        if len(n.shape) != len(nodes[0].shape) or any(
            k != axis and m != o for k, (m, o) in enumerate(zip(n.shape, nodes[0].shape, strict=True))
        ):
            raise ValueError(f"arrays of shapes {[n.shape for n in nodes]} cannot be concatenated along axis {axis}")
    return _into(out, fresh(graph, concatenated(nodes, axis)))


def _into(out: Any, made: Traced) -> Traced:
    if out is None:
        return made
    if not isinstance(out, Traced):
        raise refusal("A NumPy array from outside is written (out=)", "Make it inside the traced function")
    out[...] = made
    return out


def stack(graph: Graph, arrays: Any, axis: Any = 0, out: Any = None, **options: Any) -> Traced:
    nodes = _nodes(graph, arrays)
    return _into(out, fresh(graph, stacked(nodes, _axis(axis, len(nodes[0].shape) + 1))))


def _at_least(graph: Graph, arrays: Any, rank: int) -> list[Traced]:
    grown: Any = {1: np.atleast_1d, 2: np.atleast_2d, 3: np.atleast_3d}[rank]
    return [grown(fresh(graph, n)) for n in _nodes(graph, arrays)]


def hstack(graph: Graph, arrays: Any, **options: Any) -> Traced:
    rows = _at_least(graph, arrays, 1)
    return concatenate(graph, rows, 0 if rows[0].ndim == 1 else 1)


def vstack(graph: Graph, arrays: Any, **options: Any) -> Traced:
    return concatenate(graph, _at_least(graph, arrays, 2), 0)


def dstack(graph: Graph, arrays: Any) -> Traced:
    return concatenate(graph, _at_least(graph, arrays, 3), 2)


def column_stack(graph: Graph, arrays: Any) -> Traced:
    columns = [fresh(graph, n) for n in _nodes(graph, arrays)]
    return concatenate(graph, [c.reshape(-1, 1) if c.ndim < 2 else c for c in columns], 1)


def block(graph: Graph, arrays: Any) -> Traced:
    def joined(rows: Any, depth: int) -> Any:
        if not isinstance(rows, list):
            return fresh(graph, node_of(graph, rows))
        inner = [joined(r, depth - 1) for r in rows]
        return concatenate(
            graph, [np.atleast_2d(i) if depth > 1 or i.ndim > 1 else np.atleast_1d(i) for i in inner], -depth
        )

    depth = 0
    first = arrays
    while isinstance(first, list):
        depth, first = depth + 1, first[0]
    return joined(arrays, depth)


def append(graph: Graph, array: Any, values: Any, axis: Any = None) -> Traced:
    return concatenate(graph, [array, values], axis)


def roll(graph: Graph, array: Any, shift: Any, axis: Any = None) -> Traced:
    node = node_of(graph, array)
    if axis is None:
        return fresh(graph, reshaped(rolled(reshaped(node, (node.size,)), {0: int(shift)}), node.shape))
    pairs = np.broadcast(np.atleast_1d(shift), np.atleast_1d(axis))
    shifts: dict[int, int] = {}
    for s, a in pairs:
        k = _axis(a, len(node.shape))
        shifts[k] = shifts.get(k, 0) + int(s)
    return fresh(graph, rolled(node, shifts))


def pad(graph: Graph, array: Any, pad_width: Any, mode: Any = "constant", **options: Any) -> Traced:
    traced = fresh(graph, node_of(graph, array))
    if isinstance(pad_width, dict):
        pad_width = [pad_width.get(k, pad_width.get(k - traced.ndim, (0, 0))) for k in range(traced.ndim)]
        pad_width = [(w, w) if np.ndim(w) == 0 else w for w in pad_width]
    widths = np.broadcast_to(np.asarray(pad_width), (traced.ndim, 2)).tolist()
    if mode in ("edge", "wrap", "reflect", "symmetric"):
        rows = [np.pad(np.arange(n), w, mode=mode, **options) for n, w in zip(traced.shape, widths, strict=True)]
        return traced[np.ix_(*rows)]
    if mode not in ("constant", "empty"):
        raise refusal(f"np.pad with mode={mode!r} cannot be traced", "Use constant, edge, wrap, reflect or symmetric")
    value = options.get("constant_values", 0)
    if np.ndim(value) > 0 or not isinstance(value, (int, float, np.number)):
        return _padded_by_axis(graph, traced, widths, value)
    node = traced.node
    shape = tuple(n + a + b for n, (a, b) in zip(node.shape, widths, strict=True))
    out = fresh(graph, Const(np.full(shape, value, dtype=node.dtype)))
    out[tuple(slice(a, a + n) for n, (a, _) in zip(node.shape, widths, strict=True))] = traced
    return out


def _padded_by_axis(graph: Graph, traced: Traced, widths: list[list[int]], values: Any) -> Traced:
    """Constants that differ from side to side, or are traced themselves."""
    if isinstance(values, Traced) and not values.ndim:
        pairs: Any = [(values, values)] * traced.ndim
    else:
        pairs = np.broadcast_to(np.asarray(values), (traced.ndim, 2)).tolist()
    for axis, ((a, b), (low, high)) in enumerate(zip(widths, pairs, strict=True)):
        sides = [(a, low), (b, high)]
        shapes = [(*traced.shape[:axis], w, *traced.shape[axis + 1 :]) for w, _ in sides]
        ends = [broadcast(cast(node_of(graph, v), traced.dtype), s) for (_, v), s in zip(sides, shapes, strict=True)]
        traced = concatenate(graph, [fresh(graph, ends[0]), traced, fresh(graph, ends[1])], axis)
    return traced


def where(graph: Graph, condition: Any, *choices: Any) -> Traced:
    if len(choices) != 2:
        raise refusal("np.where(condition) alone has a shape that depends on values", "Write np.where(condition, a, b)")
    test, yes, no = (node_of(graph, v) for v in (condition, *choices))
    dtype = np.result_type(*(_weak(v, n) for v, n in zip(choices, (yes, no), strict=True)))
    if isinstance(test, Const) and not test.shape:
        chosen = yes if test.values else no
        return fresh(graph, broadcast(cast(chosen, dtype), np.broadcast_shapes(yes.shape, no.shape)))
    rule = _choice if dtype.kind != "b" else _truth_choice
    return fresh(graph, apply(rule, (test, yes, no), dtype, 1.0))


def _weak(value: Any, node: Node) -> Any:
    if type(value) in (int, float, bool):
        return value
    return 0.0 if is_weak(value) else node.dtype


def _choice(c: Any, a: Any, b: Any) -> Any:
    return select(truth(c), numeric(a), numeric(b))


def _truth_choice(c: Any, a: Any, b: Any) -> Any:
    return truth(select(truth(c), numeric(truth(a)), numeric(truth(b))))


def select_(graph: Graph, conditions: Any, choices: Any, default: Any = 0) -> Any:
    result = default
    for condition, choice in zip(reversed(conditions), reversed(choices), strict=True):
        result = where(graph, condition, choice, result)
    return result


def clip(graph: Graph, array: Any, a_min: Any = None, a_max: Any = None, out: Any = None, **options: Any) -> Any:
    low, high = options.get("min", a_min), options.get("max", a_max)
    result = array if low is None else np.maximum(array, low)
    result = result if high is None else np.minimum(result, high)
    return _into(out, result)


def repeat(graph: Graph, array: Any, repeats: Any, axis: Any = None) -> Traced:
    node = node_of(graph, array)
    if axis is None:
        node, axis = reshaped(node, (node.size,)), 0
    axis = _axis(axis, len(node.shape))
    if np.ndim(repeats):
        rows = np.repeat(np.arange(node.shape[axis]), repeats)
        return fresh(graph, node)[(slice(None),) * axis + (rows,)]
    many, n = int(repeats), node.shape[axis]
    lead, rest = node.shape[:axis], node.shape[axis + 1 :]
    wide = broadcast(expanded(node, (*lead, n, 1, *rest)), (*lead, n, many, *rest))
    return fresh(graph, reshaped(wide, (*lead, n * many, *rest)))


def tile(graph: Graph, array: Any, repeats: Any) -> Traced:
    node = node_of(graph, array)
    counts = list(np.atleast_1d(repeats))
    rank = max(len(counts), len(node.shape))
    counts = [1] * (rank - len(counts)) + [int(c) for c in counts]
    node = expanded(node, (1,) * (rank - len(node.shape)) + node.shape)
    traced = fresh(graph, node)
    for axis, many in enumerate(counts):
        traced = traced if many == 1 else concatenate(graph, [traced] * many, axis)
    return traced


def take(graph: Graph, array: Any, indices: Any, axis: Any = None, **options: Any) -> Any:
    traced = fresh(graph, node_of(graph, array))
    if axis is None:
        return traced.ravel()[indices]
    return traced[(slice(None),) * _axis(axis, traced.ndim) + (indices,)]


def full_like(
    graph: Graph,
    array: Any,
    fill_value: Any,
    dtype: Any = None,
    order: Any = "K",
    subok: Any = True,
    shape: Any = None,
    **options: Any,
) -> Traced:
    target = np.shape(array) if shape is None else (tuple(shape) if np.iterable(shape) else (int(shape),))
    kind = np.dtype(dtype) if dtype is not None else getattr(array, "dtype", np.dtype(float))
    return fresh(graph, broadcast(cast(node_of(graph, fill_value), kind), tuple(int(n) for n in target)))


def zeros_like(
    graph: Graph, array: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None, **options: Any
) -> Traced:
    return full_like(graph, array, 0, dtype, order, subok, shape)


def ones_like(
    graph: Graph, array: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None, **options: Any
) -> Traced:
    return full_like(graph, array, 1, dtype, order, subok, shape)


def empty_like(
    graph: Graph, array: Any, dtype: Any = None, order: Any = "K", subok: Any = True, shape: Any = None, **options: Any
) -> Traced:
    made = full_like(graph, array, 0, dtype, order, subok, shape)
    return fresh(graph, unset(made.shape, made.dtype))


def unset(shape: tuple[int, ...], dtype: np.dtype) -> Const:
    """What ``np.empty`` holds: NaN, which must not be read."""
    if dtype.kind != "f":
        return Const(np.zeros(shape, dtype))
    return Const(np.full(shape, np.nan, dtype), unset=origin() or "np.empty")


def copy(graph: Graph, array: Any, *args: Any, **options: Any) -> Traced:
    return fresh(graph, node_of(graph, array))


def copyto(graph: Graph, target: Any, source: Any, casting: Any = "same_kind", where: Any = True) -> None:
    if not isinstance(target, Traced):
        raise refusal("A NumPy array from outside is written", "Make it inside the traced function, np.empty_like(u)")
    if where is True:
        target[...] = source
    else:
        target[...] = np.where(where, source, target)


def fill_diagonal(graph: Graph, array: Any, value: Any, wrap: bool = False) -> None:
    if not isinstance(array, Traced):
        raise refusal("A NumPy array from outside is written", "Make it inside the traced function, np.empty_like(u)")
    if wrap or array.ndim != 2 or np.ndim(value):
        raise refusal("np.fill_diagonal is traced for two axes and one number", "Write np.where(np.eye(n) == 1, values, a)")
    n, m = array.shape
    array[...] = np.where(np.eye(n, m) == 1, value, array)


def reshape(graph: Graph, array: Any, shape: Any = None, order: Any = "C", **options: Any) -> Traced:
    return fresh_or_same(graph, array).reshape(options.get("newshape", shape), order=order)


def ravel(graph: Graph, array: Any, order: Any = "C") -> Traced:
    return fresh_or_same(graph, array).ravel(order)


def fresh_or_same(graph: Graph, array: Any) -> Traced:
    return array if isinstance(array, Traced) else fresh(graph, node_of(graph, array))


def diag(graph: Graph, array: Any, k: int = 0) -> Traced:
    traced = fresh_or_same(graph, array)
    if traced.ndim == 2:
        return traced.diagonal(k)
    n = traced.size + abs(k)
    out = fresh(graph, Const(np.zeros((n, n), traced.dtype)))
    start = k if k >= 0 else -k * n
    out.reshape(-1)[start : start + traced.size * (n + 1) : n + 1] = traced
    return out


def meshgrid(graph: Graph, *arrays: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> Any:
    rows = [fresh_or_same(graph, a).ravel() for a in arrays]
    rank = len(rows)
    grown = [r.reshape((1,) * k + (-1,) + (1,) * (rank - k - 1)) for k, r in enumerate(rows)]
    if indexing == "xy" and rank > 1:
        grown = [g.swapaxes(0, 1) for g in grown]
    return tuple(grown) if sparse else tuple(np.broadcast_arrays(*grown))


def nan_to_num(
    graph: Graph, x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None
) -> Any:
    greatest = np.finfo(x.dtype).max
    high, low = greatest if posinf is None else posinf, -greatest if neginf is None else neginf
    return np.where(np.isnan(x), nan, np.where(x > greatest, high, np.where(x < -greatest, low, x)))


def round_(graph: Graph, array: Any, decimals: int = 0, out: Any = None) -> Any:
    factor = 10.0**decimals
    return _into(out, np.rint(array) if decimals == 0 else np.rint(array * factor) / factor)


def sinc(graph: Graph, x: Any) -> Any:
    y = np.pi * np.where(x == 0, 1.0e-20, x)
    return np.sin(y) / y


def isclose(graph: Graph, a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    return np.abs(a - b) <= atol + rtol * np.abs(b)


HANDLERS: dict[str, Callable[..., Any]] = {
    "concatenate": concatenate, "stack": stack, "hstack": hstack, "vstack": vstack, "dstack": dstack, "append": append,
    "column_stack": column_stack, "block": block, "roll": roll, "pad": pad, "where": where, "select": select_, "clip": clip,
    "repeat": repeat, "tile": tile, "take": take, "full_like": full_like, "zeros_like": zeros_like, "ones_like": ones_like,
    "empty_like": empty_like, "copy": copy, "copyto": copyto, "fill_diagonal": fill_diagonal,
    "reshape": reshape, "ravel": ravel, "diag": diag, "meshgrid": meshgrid, "nan_to_num": nan_to_num,
    "round": round_, "around": round_, "sinc": sinc, "isclose": isclose,
    "real": lambda graph, a: a, "astype": lambda graph, a, dtype, **options: a.astype(dtype),
}  # fmt: skip
