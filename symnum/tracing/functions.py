"""NumPy's functions of traced arrays: the way from ``__array_ufunc__`` and ``__array_function__`` to nodes.

Functions that only look at an array differently are NumPy's own, run on the dummy; those that NumPy itself writes in Python on top of others
run as they stand; the rest are in ``shaping`` and ``summing``. What is left is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from inspect import signature
from typing import Any

import numpy as np

from symnum.tracing.cell import apply, cast
from symnum.tracing.graph import Const, Graph, Node, Number
from symnum.tracing.nodes import stacked
from symnum.tracing.proxy import Traced, fresh, holds_traced, is_weak, node_of
from symnum.tracing.sites import origin, refusal
from symnum.tracing.ufuncs import row_of, rule_for, select, truth

Handler = Callable[..., Any]

_OPERATORS = frozenset({"add", "subtract", "multiply", "divide", "power", "negative", "positive", "absolute"})
_REMEDIES = {
    "sort": "Sorting depends on values; no kernel of loops does it",
    "argsort": "Sorting depends on values; no kernel of loops does it",
    "argmax": "Positions depend on values; np.max gives the value itself",
    "argmin": "Positions depend on values; np.min gives the value itself",
    "nonzero": "Its shape depends on values; write np.where(condition, a, b)",
    "unique": "Its shape depends on values",
    "median": "It sorts; use np.mean",
    "interp": "Evaluate a smooth formula, or interpolate before the trace where the points are constant",
    "searchsorted": "Positions depend on values; write nested np.where for few intervals",
    "fft": "Fourier transforms have a road of their own: sn.solve(system, scheme='fourier')",
    "solve": "Multiply with the inverse of the constant matrix, computed outside: Ainv @ b",
    "inv": "Invert constant matrices outside the traced function",
    "at": "Write u[indices] = u[indices] + v for distinct constant indices, or add slices",
}


def refuse(name: str) -> Any:
    """The error for a function that a trace does not know."""
    bare = name.rpartition(".")[2]
    raise refusal(
        f"np.{name} cannot be traced",
        _REMEDIES.get(
            bare, "Write it with slices, np.roll, np.where, reductions and element-wise functions, or do it outside"
        ),
    )


# --- element by element -----------------------------------------------------------------------------------------------


def apply_ufunc(graph: Graph, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """``ufunc.method(*inputs, **options)``."""
    outs = options.pop("out", ())
    for out in outs:
        if out is not None and not isinstance(out, Traced):
            raise refusal(
                "A NumPy array from outside is written (out=)", "Make it inside the traced function, np.empty_like(u)"
            )
    mask = options.pop("where", True) if method == "__call__" else True  # of a reduction: which values it takes
    made = _called(graph, ufunc, method, inputs, options)
    if not isinstance(made, tuple):
        return _delivered(graph, made, outs[0] if outs else None, mask)
    return tuple(_delivered(graph, m, outs[k] if outs else None, mask) for k, m in enumerate(made))


def _called(graph: Graph, ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    from symnum.tracing import products, summing

    name = ufunc.__name__
    if method == "reduce":
        return summing.reduced(graph, name, *inputs, **options)
    if method == "accumulate":
        return summing.accumulated(graph, name, *inputs, **options)
    if method == "outer":
        a, b = (fresh(graph, node_of(graph, v)) for v in inputs)
        return ufunc(a.reshape(a.shape + (1,) * b.ndim), b)
    if method != "__call__":
        return refuse(f"{name}.{method}")
    if name in ("matmul", "vecdot", "matvec", "vecmat"):
        if given := sorted(set(options) & {"axis", "axes", "keepdims", "dtype"}):
            raise refusal(
                f"np.{name} with {given[0]}= cannot be traced",
                "Move the axes first (np.moveaxis), or write np.sum(a*b, axis=...)",
            )
        return products.PRODUCTS[name](graph, *inputs)
    if name == "divmod":
        return np.floor_divide(*inputs), np.remainder(*inputs)
    if name == "modf":
        whole = np.trunc(*inputs)
        return inputs[0] - whole, whole
    dtype = options.pop("dtype", None)
    options.pop("casting", None)
    node = elementwise(graph, ufunc, inputs)
    return node if dtype is None else cast(node, np.dtype(dtype))


def _delivered(graph: Graph, made: Any, out: Traced | None, mask: Any) -> Any:
    """The result as a new array, or written into ``out`` where the mask holds."""
    node = made if isinstance(made, Node) else node_of(graph, made)
    if mask is not True:
        kept = out.node if out is not None else Const(np.full(node.shape, np.nan), unset=origin() or "where=")
        node = apply(lambda c, a, b: select(truth(c), a, b), (node_of(graph, mask), node, kept), node.dtype, 1.0)
    if out is None or not out.shape:  # a scalar cannot be written to: u[3] += 1 binds a new one
        return fresh(graph, node)
    if not np.can_cast(node.dtype, out.dtype, "same_kind"):
        raise TypeError(f"cannot cast ufunc output from {node.dtype} to {out.dtype} with casting rule 'same_kind'")
    if np.broadcast_shapes(node.shape, out.shape) != out.shape:
        raise ValueError(
            f"non-broadcastable output operand with shape {out.shape} does not match the shape {node.shape}"
        )
    out.assign(out.seen, node)
    return out


def elementwise(graph: Graph, ufunc: np.ufunc, inputs: tuple[Any, ...]) -> Node:
    """A ufunc of traced and other arguments."""
    nodes = tuple(node_of(graph, v) for v in inputs)
    if all(isinstance(n, Const) for n in nodes):
        values = [n.values if isinstance(v, Traced) else v for n, v in zip(nodes, inputs, strict=True)]  # type: ignore[attr-defined]
        return Const(np.asarray(ufunc(*values)))
    dtype = _result_type(ufunc, tuple(_kind(v, n) for v, n in zip(inputs, nodes, strict=True)))
    row = row_of(ufunc.__name__, "".join(n.dtype.kind for n in nodes))
    if row is None:
        refuse(ufunc.__name__)
    assert row is not None
    made = apply(rule_for(row), nodes, dtype, row.cycles)
    if isinstance(made, Number) and ufunc.__name__ in _OPERATORS:
        made.weak = all(map(is_weak, inputs))
    return made


def _kind(value: Any, node: Node) -> Any:
    """What decides the dtype of a result: Python's numbers are weak."""
    if type(value) in (int, float, bool):
        return type(value)
    return float if is_weak(value) else node.dtype


@lru_cache(4096)
def _result_type(ufunc: np.ufunc, kinds: tuple[Any, ...]) -> np.dtype:
    operands = [np.ones(0, k) if isinstance(k, np.dtype) else k(1) for k in kinds]
    if not any(isinstance(o, np.ndarray) for o in operands):
        operands = [np.asarray(o) for o in operands]
    made = ufunc(*operands)
    return np.dtype(made.dtype)


# --- whole arrays ------------------------------------------------------------------------------------------------------

_LOOKS = frozenset(  # NumPy's own, on the dummy array
    str.split("""transpose moveaxis rollaxis swapaxes expand_dims squeeze flip fliplr flipud rot90 broadcast_to broadcast_arrays
    atleast_1d atleast_2d atleast_3d split array_split hsplit vsplit dsplit diagonal matrix_transpose permute_dims unstack""")
)
_PYTHON = frozenset(
    {
        "diff",
        "gradient",
        "trapezoid",
        "tensordot",
        "kron",
        "average",
        "polyval",
        "ediff1d",
        "triu",
        "tril",
        "vander",
        "fix",
    }
)
_SAYS = frozenset(
    {"shape", "ndim", "size", "result_type", "can_cast", "iscomplexobj", "isrealobj", "min_scalar_type", "common_type"}
)


def apply_function(graph: Graph, function: Callable[..., Any], args: Any, options: Any) -> Any:
    """A NumPy function with traced arrays among its arguments."""
    name = _full_name(function)
    if not _any_unknown([*args, *options.values()]) and name not in _SAYS and name not in _LOOKS:
        return fresh_all(graph, function(*_known(args), **{k: _known(v) for k, v in options.items()}))
    handler = _handlers().get(name)
    if handler is not None:
        _check_options(name, handler, options)
        return handler(graph, *args, **options)
    if name in _LOOKS or name == "lib.stride_tricks.sliding_window_view":
        return _looked(function, args, options)
    if name in _SAYS:
        return function(*_dummies(args), **options)
    if name in _PYTHON:
        from symnum.tracing.rebind import Rebinder

        return Rebinder(graph).numpys_own(function._implementation)(*args, **options)  # type: ignore[attr-defined]
    return refuse(name)


_WITHOUT_EFFECT = frozenset({"subok", "order", "like", "casting", "device", "copy", "optimize"})  # on the values
_USED = {"clip": {"min", "max"}, "nansum": {"axis", "dtype", "out", "keepdims", "initial", "where"}}


def _check_options(name: str, handler: Callable[..., Any], options: dict[str, Any]) -> None:
    """TraceError for an option that the handler would pass over in silence."""
    takes = signature(handler).parameters
    if name == "pad" or not any(p.kind is p.VAR_KEYWORD for p in takes.values()):  # pad hands its options on
        return
    for option, value in options.items():
        known = option in takes or option in _WITHOUT_EFFECT or option in _USED.get(name, ())
        if not known and value is not None and value is not np._NoValue:
            raise refusal(
                f"np.{name} with {option}= cannot be traced",
                "Leave the option out, or write what it does with np.where, slices and sums",
            )


def _full_name(function: Callable[..., Any]) -> str:
    module = function.__module__.removeprefix("numpy").removeprefix(".")
    return f"{module}.{function.__name__}" if module else function.__name__


def _any_unknown(values: Any) -> bool:
    if isinstance(values, Traced):
        return not isinstance(values.node, Const)
    return isinstance(values, (list, tuple)) and any(map(_any_unknown, values))


def _known(value: Any) -> Any:
    if isinstance(value, Traced):
        return value.node.values  # type: ignore[attr-defined]
    return type(value)(map(_known, value)) if type(value) in (list, tuple) else value


def _dummies(value: Any) -> Any:
    if isinstance(value, Traced):
        return np.empty(value.shape, value.dtype)
    return type(value)(map(_dummies, value)) if type(value) in (list, tuple) else value


def fresh_all(graph: Graph, value: Any) -> Any:
    """New traced arrays for the arrays in a result."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return fresh(graph, Const(value))
    return type(value)(fresh_all(graph, v) for v in value) if type(value) in (list, tuple) else value


def _looked(function: Callable[..., Any], args: Any, options: Any) -> Any:
    """A function that gives views, run on the dummies; each view belongs to the argument whose memory it shares."""
    arrays = [v for v in _leaves([*args, *options.values()]) if isinstance(v, Traced)]

    def dummy(value: Any) -> Any:
        if isinstance(value, Traced):
            return value.seen
        return type(value)(map(dummy, value)) if type(value) in (list, tuple) else value

    def window(value: Any) -> Any:
        if isinstance(value, (list, tuple)):
            return type(value)(map(window, value)) if type(value) in (list, tuple) else tuple(map(window, value))
        owner = next((a for a in arrays if np.may_share_memory(a.cell.base, value)), None)
        return value if owner is None else owner.window(value)

    return window(function(*(dummy(a) for a in args), **{k: dummy(v) for k, v in options.items()}))


def _leaves(value: Any) -> list[Any]:
    return [leaf for v in value for leaf in _leaves(v)] if isinstance(value, (list, tuple)) else [value]


@lru_cache(1)
def _handlers() -> dict[str, Handler]:
    from symnum.tracing import products, shaping, summing

    return {**shaping.HANDLERS, **summing.HANDLERS, **products.HANDLERS}


__all__ = ["apply_function", "apply_ufunc", "elementwise", "fresh_all", "holds_traced", "refuse", "stacked"]
