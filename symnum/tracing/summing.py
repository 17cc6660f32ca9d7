"""NumPy's functions that take values together: reductions, running sums, products of matrices."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from symnum.expr.term import Term, call
from symnum.tracing.cell import apply, cast
from symnum.tracing.graph import Const, Graph, Keep, Node
from symnum.tracing.nodes import concatenated, expanded, sliced, summed
from symnum.tracing.proxy import Traced, fresh, node_of
from symnum.tracing.shaping import fresh_or_same
from symnum.tracing.sites import refusal
from symnum.tracing.ufuncs import numeric, select, truth

_OPERATIONS = {
    "add": "add", "multiply": "mul", "maximum": "maximum", "minimum": "minimum", "logical_or": "maximum", "logical_and": "minimum",
    "fmax": "maximum", "fmin": "minimum", "bitwise_or": "maximum", "bitwise_and": "minimum",
}  # fmt: skip


def _axes(axis: Any, rank: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(rank))
    found = tuple(int(a) for a in axis) if np.iterable(axis) else (int(axis),)
    if any(not -rank <= a < rank for a in found):
        raise np.exceptions.AxisError(found[0], rank)
    return tuple(sorted(a % rank for a in found))


def reduced(
    graph: Graph,
    name: str,
    array: Any,
    axis: Any = 0,
    dtype: Any = None,
    keepdims: Any = False,
    initial: Any = None,
    where: Any = True,
    **options: Any,
) -> Traced:
    """``ufunc.reduce``."""
    from symnum.tracing.functions import refuse

    operation = _OPERATIONS.get(name)
    if operation is None:
        refuse(f"{name}.reduce")
    assert operation is not None
    node = node_of(graph, array)
    if name.startswith(("logical", "bitwise")):
        node = cast(cast(node, np.dtype(bool)), np.dtype(float))
    elif node.dtype.kind in "b" and name in ("add", "multiply"):
        node = cast(node, np.dtype(np.int64))
    if dtype is not None:
        node = cast(node, np.dtype(dtype))
    if where is not True:
        node = _masked(graph, node, where, _NEUTRAL.get(name, _NEUTRAL[operation]))
    node = _taken_together(graph, node, _axes(axis, len(node.shape)), bool(keepdims), operation)
    if initial is not None and initial is not np._NoValue:
        both = {"add": np.add, "mul": np.multiply, "maximum": np.maximum, "minimum": np.minimum}[operation]
        node = both(fresh(graph, node), initial).node
    return fresh(graph, cast(node, np.dtype(bool)) if name.startswith(("logical", "bitwise")) else node)


_LARGEST = float(np.finfo(float).max)
_NEUTRAL = {"add": 0.0, "mul": 1.0, "maximum": -_LARGEST, "minimum": _LARGEST}
_NEUTRAL |= {"logical_or": 0.0, "bitwise_or": 0.0, "logical_and": 1.0, "bitwise_and": 1.0}


def _masked(graph: Graph, node: Node, mask: Any, neutral: float) -> Node:
    def kept(c: Term, a: Term, b: Term) -> Term:
        return select(truth(c), numeric(a), b)

    return apply(kept, (node_of(graph, mask), node, Const(np.asarray(neutral))), node.dtype, 1.0)


def _taken_together(graph: Graph, node: Node, axes: tuple[int, ...], keepdims: bool, operation: str) -> Node:
    made = summed(graph, node, axes, operation) if axes else node
    if keepdims:
        made = expanded(made, tuple(1 if k in axes else n for k, n in enumerate(node.shape)))
    return made


def _reduction(name: str) -> Callable[..., Any]:
    def reduce_(
        graph: Graph,
        a: Any,
        axis: Any = None,
        dtype: Any = None,
        out: Any = None,
        keepdims: Any = False,
        initial: Any = None,
        where: Any = True,
    ) -> Any:
        keep = False if keepdims is np._NoValue else keepdims
        mask = True if where is np._NoValue else where
        first = None if initial is np._NoValue else initial
        made = reduced(graph, name, a, axis, dtype, keep, first, mask)
        if out is None:
            return made
        out[...] = made
        return out

    return reduce_


def _extreme(name: str) -> Callable[..., Any]:
    plain = _reduction(name)
    return lambda graph, a, axis=None, out=None, keepdims=False, initial=None, where=True: plain(
        graph, a, axis, None, out, keepdims, initial, where
    )


def mean(
    graph: Graph, a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, where: Any = True
) -> Any:
    traced = fresh_or_same(graph, a)
    if where is not True and where is not np._NoValue:
        raise refusal("np.mean with where= cannot be traced", "Write np.sum(where*a)/np.sum(where)")
    count = prod(traced.shape[k] for k in _axes(axis, traced.ndim))
    traced = traced if traced.dtype.kind == "f" else traced.astype(float)
    result = _reduction("add")(graph, traced, axis, dtype, None, keepdims) / count
    if out is not None:
        out[...] = result
        return out
    return result


def var(
    graph: Graph,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: Any = False,
    **options: Any,
) -> Any:
    traced = fresh_or_same(graph, a)
    count = prod(traced.shape[k] for k in _axes(axis, traced.ndim))
    centred = traced - mean(graph, traced, axis, keepdims=True)
    return _reduction("add")(graph, centred * centred, axis, dtype, out, keepdims) / (count - ddof)


def std(
    graph: Graph,
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: Any = False,
    **options: Any,
) -> Any:
    return np.sqrt(var(graph, a, axis, dtype, out, ddof, keepdims))


def ptp(graph: Graph, a: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return np.max(a, axis=axis, keepdims=keepdims) - np.min(a, axis=axis, keepdims=keepdims)


def count_nonzero(graph: Graph, a: Any, axis: Any = None, *, keepdims: Any = False) -> Any:
    return np.sum(fresh_or_same(graph, a).astype(bool), axis=axis, keepdims=keepdims)


# --- running sums -------------------------------------------------------------------------------------------------------


def accumulated(graph: Graph, name: str, array: Any, axis: Any = 0, dtype: Any = None, **options: Any) -> Traced:
    """``ufunc.accumulate`` by doubling: after step k each value holds those of the 2^k places before it. log2(n) passes over memory."""
    from symnum.tracing.functions import refuse

    rules = {
        "add": lambda a, b: numeric(a) + numeric(b),
        "multiply": lambda a, b: numeric(a) * numeric(b),
        "maximum": lambda a, b: call("maximum", a, b),
        "minimum": lambda a, b: call("minimum", a, b),
    }
    if name not in rules:
        refuse(f"{name}.accumulate")
    node = node_of(graph, array)
    node = cast(node, np.dtype(np.int64)) if node.dtype.kind == "b" else node
    node = cast(node, np.dtype(dtype)) if dtype is not None else node
    axis = int(axis) % len(node.shape)
    reach, n = 1, node.shape[axis]
    while reach < n:
        later = apply(rules[name], (sliced(node, axis, reach, n), sliced(node, axis, 0, n - reach)), node.dtype, 1.0)
        node = concatenated([sliced(node, axis, 0, reach), later], axis)
        node = graph.local(node.shape, node.dtype, Keep(node))
        reach *= 2
    return fresh(graph, node)


def _running(name: str) -> Callable[..., Any]:
    def run(graph: Graph, a: Any, axis: Any = None, dtype: Any = None, out: Any = None) -> Any:
        traced = fresh_or_same(graph, a)
        traced, axis = (traced.ravel(), 0) if axis is None else (traced, axis)
        made = accumulated(graph, name, traced, axis, dtype)
        if out is None:
            return made
        out[...] = made
        return out

    return run


HANDLERS: dict[str, Callable[..., Any]] = {
    "sum": _reduction("add"), "prod": _reduction("multiply"), "max": _extreme("maximum"), "min": _extreme("minimum"),
    "amax": _extreme("maximum"), "amin": _extreme("minimum"), "mean": mean, "var": var, "std": std, "ptp": ptp,
    "any": _extreme("logical_or"),
    "all": _extreme("logical_and"),
    "nansum": lambda graph, a, *args, **options: np.sum(np.where(np.isnan(a), 0.0, a), *args, **options),
    "cumsum": _running("add"), "cumprod": _running("multiply"), "count_nonzero": count_nonzero,
}  # fmt: skip
