"""What stands for ``numpy``, ``math``, ``random``, ``min``, ``max`` and ``isinstance`` inside a traced function."""

from __future__ import annotations

import builtins
import functools
import math
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np

from symnum.tracing.cell import apply
from symnum.tracing.graph import Const, Graph, Number
from symnum.tracing.proxy import Traced, fresh, holds_traced, is_weak, node_of
from symnum.tracing.shaping import column_stack, concatenate, unset
from symnum.tracing.sites import refusal
from symnum.tracing.ufuncs import numeric

_MATH = {
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "asinh": "arcsinh", "acosh": "arccosh", "atanh": "arctanh",
    "atan2": "arctan2", "pow": "power", "gamma": "", "dist": "",
}  # fmt: skip
_SEQUENCES = frozenset(
    str.split("""concatenate stack hstack vstack dstack column_stack block select broadcast_arrays meshgrid ix_ einsum append array asarray
    atleast_1d atleast_2d atleast_3d""")
)


class ClosedOver(np.ndarray):
    """A NumPy array that a traced function closes over: numbers, with a ``dot`` that knows traced arrays."""

    def dot(self, other: Any, out: Any = None) -> Any:
        return np.dot(self, other) if isinstance(other, Traced) else super().dot(other, out)

    def __setitem__(self, key: Any, value: Any) -> None:
        if holds_traced(value):
            raise refusal(
                "A traced function writes into a NumPy array from outside",
                "Make the array inside of it, np.zeros_like(u), and return it",
            )
        super().__setitem__(key, value)


class _ArrayType(type):
    """``isinstance(u, np.ndarray)`` holds for traced arrays."""

    def __instancecheck__(cls, value: Any) -> bool:
        return isinstance(value, (np.ndarray, Traced))  # asked by NumPy's own functions; users' ask ``is_instance``

    def __subclasscheck__(cls, kind: type) -> bool:
        return issubclass(kind, (np.ndarray, Traced))


class _AnyArray(metaclass=_ArrayType):
    def __new__(cls, *args: Any, **options: Any) -> Any:
        return np.ndarray(*args, **options)


class NumPyStandIn(ModuleType):
    """``numpy`` inside a traced function: functions that make arrays give traced ones, lists of traced values are arrays."""

    def __init__(self, graph: Graph) -> None:
        super().__init__("numpy")
        self._graph = graph
        self.ndarray = _AnyArray
        self.random = _Random()
        self.r_, self.c_ = _Joined(graph, np.r_), _Joined(graph, np.c_)
        self.array = self.asarray = self.asanyarray = self.ascontiguousarray = self._array
        for name in ("zeros", "ones", "full", "eye", "identity"):
            setattr(self, name, self._maker(getattr(np, name)))

    def __getattr__(self, name: str) -> Any:
        found = getattr(np, name)
        if not callable(found) or isinstance(found, type) or name in _SEQUENCES:
            return found
        made = self._stacking(found)
        setattr(self, name, made)
        return made

    @staticmethod
    def isscalar(value: Any) -> bool:
        return np.isscalar(value) or (isinstance(value, Traced) and not value.ndim)

    def empty(self, shape: Any, dtype: Any = float, *args: Any, **options: Any) -> Any:
        kind = np.dtype(dtype)
        if kind.kind not in "fiub":
            return np.empty(shape, dtype)
        return fresh(self._graph, unset(np.zeros(shape, np.int8).shape, kind))

    def _array(self, values: Any, dtype: Any = None, *args: Any, copy: Any = True, **options: Any) -> Any:
        if isinstance(values, Traced) or holds_traced(values):
            made = (
                values
                if isinstance(values, Traced) and copy is not True
                else fresh(self._graph, node_of(self._graph, values))
            )
            return made if dtype is None or made.dtype == np.dtype(dtype) else made.astype(dtype)
        found = np.array(values, dtype, *args, **options)
        return fresh(self._graph, Const(found)) if found.dtype.kind in "fiub" else found

    def _maker(self, function: Callable[..., np.ndarray]) -> Callable[..., Any]:
        def make(*args: Any, **options: Any) -> Any:
            if function is np.full and holds_traced(args[1:2]):
                return np.full_like(args[1], args[1], shape=args[0])
            found = function(*args, **options)
            return fresh(self._graph, Const(found)) if found.dtype.kind in "fiub" else found

        return make

    def _stacking(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            if any(isinstance(a, (list, tuple)) and holds_traced(a) for a in args):
                args = tuple(
                    fresh(self._graph, node_of(self._graph, a))
                    if isinstance(a, (list, tuple)) and holds_traced(a)
                    else a
                    for a in args
                )
            return function(*args, **options)

        for name in ("reduce", "accumulate", "outer", "at"):
            if hasattr(function, name):
                setattr(call, name, getattr(function, name))
        return call


class _Joined:
    """``np.r_[u, 0, v]`` and ``np.c_[u, v]``."""

    def __init__(self, graph: Graph, plain: Any) -> None:
        self._graph, self._plain = graph, plain

    def __getitem__(self, key: Any) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not holds_traced(parts):
            return self._plain[key]
        rows = [np.r_[p] if isinstance(p, slice) else fresh(self._graph, node_of(self._graph, p)) for p in parts]
        if self._plain is np.c_:
            return column_stack(self._graph, rows)
        return concatenate(self._graph, [r if r.ndim else r.reshape(1) for r in rows])


class _Random(ModuleType):
    """Random numbers inside a traced function would be drawn once, while tracing: only generators with a seed are given out."""

    def __init__(self) -> None:
        super().__init__("random")

    def __getattr__(self, name: str) -> Any:
        found = getattr(np.random, name, None)
        if isinstance(found, type) or name == "default_rng":

            def seeded(*args: Any, **options: Any) -> Any:
                if not args and not options:
                    self._refuse(name)
                return found(*args, **options)  # type: ignore[misc]

            return seeded
        return lambda *args, **options: self._refuse(name)

    def _refuse(self, name: str) -> Any:
        raise refusal(
            f"{name}: random numbers would be drawn once, while tracing",
            "Draw them outside and pass them as an argument, or give the generator a seed",
        )


class InnerStandIn(ModuleType):
    """A module inside of NumPy: what NumPy offers too is the stand-in's."""

    def __init__(self, module: ModuleType, numpy: NumPyStandIn) -> None:
        super().__init__(module.__name__)
        self._module, self._numpy = module, numpy

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._module, name)
        return getattr(self._numpy, name) if getattr(np, name, None) is found else found


class MathStandIn(ModuleType):
    """``math`` inside a traced function: NumPy's functions for traced values."""

    def __init__(self) -> None:
        super().__init__("math")

    def __getattr__(self, name: str) -> Any:
        found = getattr(math, name)
        if not callable(found):
            return found

        def call(*args: Any) -> Any:
            if not holds_traced(args):
                return found(*args)
            if name == "erf":
                return _erf(args[0])
            other = getattr(np, _MATH.get(name, name), None) if _MATH.get(name, name) else None
            if not isinstance(other, np.ufunc):
                raise refusal(f"math.{name} of a traced value is not known", "Use NumPy's functions")
            made = other(*args)
            if isinstance(made, Traced) and isinstance(made.node, Number):
                made.node.weak = True  # math gives Python floats
            return made

        setattr(self, name, call)
        return call


def _erf(x: Traced) -> Traced:
    from symnum.expr.term import call

    return fresh(x.graph, apply(lambda a: call("erf", numeric(a)), (x.node,), np.dtype(float), 30.0))


def _extreme(name: str, join: np.ufunc) -> Callable[..., Any]:
    plain = getattr(builtins, name)

    def take(*args: Any, **options: Any) -> Any:
        values = list(args[0]) if len(args) == 1 and np.iterable(args[0]) else list(args)
        if options or not any(isinstance(v, Traced) for v in values):
            return plain(*args, **options)
        if any(np.ndim(v) for v in values):
            raise refusal(f"{name}() compares arrays", f"Write np.{join.__name__}(a, b), or np.{name}(u) of one array")
        return functools.reduce(join, values)

    return take


def _type_of(value: Traced) -> type:
    """The type of what a traced value stands for: an array, NumPy's number, or Python's."""
    if value.ndim:
        return _AnyArray
    if is_weak(value):
        return {"b": bool, "i": int}.get(value.dtype.kind, float)
    return value.dtype.type


def is_instance(value: Any, kinds: Any) -> bool:
    """``isinstance``, for branches on the kind of an argument."""
    if not isinstance(value, Traced):
        return isinstance(value, kinds)
    return issubclass(np.ndarray if value.ndim else _type_of(value), kinds)


def _type(*args: Any, **options: Any) -> Any:
    return _type_of(args[0]) if len(args) == 1 and isinstance(args[0], Traced) else type(*args, **options)


def _has_attribute(value: Any, name: str) -> bool:
    return hasattr(_type_of(value), name) if isinstance(value, Traced) and not value.ndim else hasattr(value, name)


EXTREMES = {"min": _extreme("min", np.minimum), "max": _extreme("max", np.maximum)}
BUILTINS: dict[str, Callable[..., Any]] = EXTREMES | {"isinstance": is_instance, "type": _type, "hasattr": _has_attribute}
