"""The recording array: what a traced function is called with instead of NumPy arrays.

A ``Traced`` is memory (``Cell``) and a view of it, as an ndarray is. Views are NumPy's own: a dummy array of one byte a value is sliced, transposed
and reshaped in the same way, and its strides say what is read, so indexing means exactly what NumPy means by it, errors included. Reading takes the
cell's node at that time; writing puts a layer on it. Nothing is computed but what is known (``Const``), which NumPy computes at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from symnum.tracing.cell import Cell, cast, scalar
from symnum.tracing.graph import Const, Graph, Node, Number, View, broadcast, reshaped
from symnum.tracing.sites import asked_by_user, refusal

_METHODS = frozenset(
    str.split("""sum prod mean var std max min ptp any all cumsum cumprod clip
    dot round take repeat trace argmax argmin argsort nonzero searchsorted""")
)
_REFUSED = frozenset(["sort", "partition", "tofile", "tobytes"])


class Traced(NDArrayOperatorsMixin):
    """An array of a trace. Behaves as an ndarray; its values are not known."""

    __slots__ = ("cell", "seen")
    __hash__ = None  # type: ignore[assignment]
    __array_priority__ = 1000.0

    def __init__(self, cell: Cell, seen: np.ndarray | None = None) -> None:
        self.cell, self.seen = cell, cell.base if seen is None else seen

    # --- what it is -------------------------------------------------------------------------------------------------

    @property
    def node(self) -> Node:
        """Its values now."""
        return self.cell.read(self.seen)

    @property
    def graph(self) -> Graph:
        return self.cell.graph

    @property
    def shape(self) -> tuple[int, ...]:
        return self.seen.shape

    @shape.setter
    def shape(self, shape: Any) -> None:
        seen = self.seen.view()
        seen.shape = shape
        self.seen = seen
        self._remember(seen)

    @property
    def ndim(self) -> int:
        return self.seen.ndim

    @property
    def size(self) -> int:
        return self.seen.size

    @property
    def dtype(self) -> np.dtype:
        return self.cell.dtype

    @property
    def itemsize(self) -> int:
        return self.cell.dtype.itemsize

    @property
    def nbytes(self) -> int:
        return self.size * self.itemsize

    @property
    def strides(self) -> tuple[int, ...]:
        return tuple(s * self.itemsize for s in self.seen.strides)

    @property
    def flags(self) -> Any:
        return self.seen.flags

    @property
    def real(self) -> Traced:
        return self

    @property
    def imag(self) -> Traced:
        return fresh(self.graph, Const(np.zeros(self.shape, self.dtype)))

    @property
    def T(self) -> Traced:
        return self.window(self.seen.T)

    @property
    def mT(self) -> Traced:
        return self.window(self.seen.mT)

    @property
    def flat(self) -> Traced:
        return self.ravel()

    def __format__(self, spec: str) -> str:
        return format(repr(self), "")

    def __len__(self) -> int:
        return len(self.seen)

    def __iter__(self) -> Iterator[Any]:
        return (self[k] for k in range(len(self)))

    def __repr__(self) -> str:
        return f"<traced array of shape {self.shape}, {self.dtype}>"

    # --- values that only a run knows -----------------------------------------------------------------------------------

    def _value(self, wanted: str, remedy: str) -> np.ndarray:
        node = self.node
        if isinstance(node, Const):
            return node.values
        error = refusal(f"The {wanted} of a traced array is not known before it runs", remedy)
        if asked_by_user(3):
            self.graph.refused = self.graph.refused or error
        raise error

    def __bool__(self) -> bool:
        return bool(
            self._value(
                "truth value",
                "Write np.where(condition, a, b) instead of if, while, and, or, and np.minimum, np.maximum, np.clip instead of comparisons",
            )
        )

    def __float__(self) -> float:
        return float(
            self._value("value as a Python float", "Use the element as it is, without float(), or np.exp for math.exp")
        )

    def __int__(self) -> int:
        return int(
            self._value("value as an int", "Use np.floor; numbers of steps and shapes must not depend on values")
        )

    def __complex__(self) -> complex:
        raise refusal("Traced functions are real", "Keep the real and the imaginary part in two arrays")

    def __index__(self) -> int:
        return self._value(
            "value as an index",
            "Indices, ranges and shapes must not depend on values; take them from u.shape or from arguments that are ints",
        ).__index__()

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        node = self.node
        if isinstance(node, Const):
            return np.array(node.values, dtype=dtype)
        if _asked_by_sparse():
            return _boxed(self)  # scipy.sparse then leaves the product to __rmatmul__
        raise refusal(
            "A traced array was given to something that wants its values (a NumPy array written from outside, ndarray.dot, a compiled function)",
            "Make the array inside the traced function (np.zeros_like(u)), write A @ u for A.dot(u), and use NumPy's functions",
        )

    def item(self, *index: Any) -> Any:
        return self[index if len(index) > 1 else index[0]] if index else self.reshape(())[()]

    def tolist(self) -> Any:
        return [row.tolist() if isinstance(row, Traced) and row.ndim else row for row in self] if self.ndim else self

    # --- indexing ---------------------------------------------------------------------------------------------------

    def __getitem__(self, key: Any) -> Any:
        from symnum.tracing.indexing import picked

        return picked(self, key)

    def __setitem__(self, key: Any, value: Any) -> None:
        from symnum.tracing.indexing import put

        put(self, key, value)

    def window(self, seen: np.ndarray) -> Traced:
        """Another view of the same memory."""
        return Traced(self.cell, seen)

    def assign(self, seen: np.ndarray, value: Node) -> None:
        """Write a node into a view of this memory."""
        node = broadcast(cast(value, self.dtype), seen.shape)
        self.cell.write(seen, node)

    def _remember(self, seen: np.ndarray) -> None:
        if seen.size == self.cell.base.size and seen.flags.c_contiguous and seen.shape not in self.cell.shapes:
            self.cell.shapes.append(seen.shape)

    # --- shapes -----------------------------------------------------------------------------------------------------

    def reshape(self, *shape: Any, order: str = "C", copy: bool | None = None) -> Traced:
        shape = shape[0] if len(shape) == 1 else shape
        if order == "F":
            target = np.empty(self.shape, np.int8).reshape(shape, order="C").shape
            return self.transpose().reshape(target[::-1]).transpose()
        if order not in ("C", "A"):
            raise refusal(f"reshape with order={order!r} cannot be traced", 'Use order="C" or "F"')
        target = (
            np.broadcast_to(np.int8(), self.shape).reshape(shape).shape
            if self.size < 2
            else _resolved(self.shape, shape)
        )
        seen = self.seen.view()
        try:
            seen.shape = target
        except AttributeError:  # NumPy copies here
            return fresh(self.graph, reshaped(self.node, target))
        self._remember(seen)
        return self.window(seen)

    def ravel(self, order: str = "C") -> Traced:
        return self.reshape(-1, order=order)

    def flatten(self, order: str = "C") -> Traced:
        return self.reshape(-1, order=order).copy()

    def transpose(self, *axes: Any) -> Traced:
        return self.window(self.seen.transpose(*axes))

    def swapaxes(self, a: int, b: int) -> Traced:
        return self.window(self.seen.swapaxes(a, b))

    def squeeze(self, axis: Any = None) -> Traced:
        return self.window(self.seen.squeeze(axis))

    def diagonal(self, *args: Any, **options: Any) -> Traced:
        return self.window(self.seen.diagonal(*args, **options))

    def view(self, *args: Any, **options: Any) -> Traced:
        if args or options:
            raise refusal("view() with another dtype or class cannot be traced", "Use astype")
        return self.window(self.seen)

    def copy(self, order: str = "C") -> Traced:
        return fresh(self.graph, self.node)

    __copy__ = copy

    def __deepcopy__(self, memo: Any) -> Traced:
        return self.copy()

    def astype(self, dtype: Any, *args: Any, **options: Any) -> Traced:
        return fresh(self.graph, cast(self.node, np.dtype(dtype)))

    def fill(self, value: Any) -> None:
        self[...] = value

    def __getattr__(self, name: str) -> Any:
        """Methods that are functions of NumPy: ``u.sum(axis=0)`` is ``np.sum(u, axis=0)``."""
        if name in _METHODS:
            return partial(getattr(np, name), self)
        if name in _REFUSED or (not name.startswith("_") and hasattr(np.ndarray, name)):
            from symnum.tracing.functions import refuse

            return refuse(name)
        raise AttributeError(f"a traced array has no attribute {name!r}")

    # --- NumPy's protocols ------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        from symnum.tracing.functions import apply_ufunc

        return apply_ufunc(self.graph, ufunc, method, inputs, options)

    def __array_function__(self, function: Callable[..., Any], types: Any, args: Any, options: Any) -> Any:
        from symnum.tracing.functions import apply_function

        return apply_function(self.graph, function, args, options)


def _resolved(shape: tuple[int, ...], wanted: Any) -> tuple[int, ...]:
    """The shape that NumPy finds, -1 included, without touching memory."""
    wanted = tuple(int(n) for n in wanted) if np.iterable(wanted) else (int(wanted),)
    size, known = prod(shape), prod(n for n in wanted if n >= 0)
    missing = sum(n < 0 for n in wanted)
    if missing > 1 or (missing and (known == 0 or size % known)) or (not missing and known != size):
        raise ValueError(f"cannot reshape array of size {size} into shape {wanted}")
    return tuple(n if n >= 0 else size // known for n in wanted)


def _asked_by_sparse() -> bool:
    import sys

    frame = sys._getframe(2)
    return str(frame.f_globals.get("__name__", "")).startswith("scipy.sparse")


def _boxed(value: object) -> np.ndarray:
    box = np.empty((), object)
    box[()] = value
    return box


# --- making -----------------------------------------------------------------------------------------------------------


def fresh(graph: Graph, node: Node) -> Traced:
    """A new array that holds a node."""
    if isinstance(node, View) and not node.shape:
        node = scalar(graph, node)
    return Traced(Cell(graph, node))


def node_of(graph: Graph, value: Any) -> Node:
    """The node of a traced array, number, NumPy array or nested sequence of these."""
    if isinstance(value, Traced):
        return value.node
    if isinstance(value, (list, tuple)) and any(_holds_traced(v) for v in value):
        from symnum.tracing.functions import stacked

        return stacked([node_of(graph, v) for v in value])
    array = np.asarray(value)
    if array.dtype.kind == "c":
        raise refusal("Complex numbers cannot be traced", "Keep the real and the imaginary part in two arrays")
    if array.dtype.kind not in "fiub":
        raise refusal(
            f"A value of type {type(value).__name__} (dtype {array.dtype}) cannot be traced",
            "Use numbers and arrays of numbers",
        )
    return Const(array)


def _holds_traced(value: Any) -> bool:
    return isinstance(value, Traced) or (isinstance(value, (list, tuple)) and any(map(_holds_traced, value)))


def is_weak(value: Any) -> bool:
    """A Python number, or what a trace makes of Python numbers alone."""
    if type(value) in (int, float, bool):
        return True
    return isinstance(value, Traced) and isinstance(value.node, Number) and value.node.weak


holds_traced = _holds_traced
