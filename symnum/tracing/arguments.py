"""The arguments of a function to be traced: which become arrays, parameters and the time of its kernel, and which are constants."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from symnum.errors import TraceError
from symnum.expr.term import Symbol
from symnum.tracing.cell import Cell
from symnum.tracing.graph import Buffer, Graph, Leaf, Number
from symnum.tracing.proxy import Traced, fresh
from symnum.tracing.reading import Names

TIMES = ("t", "time")
Path = tuple[Any, ...]


@dataclass(frozen=True)
class Argument:
    """One leaf of the arguments.

    ``kind``: "array" (``offset`` in the inputs vector), "number" (``offset`` among the parameters), "time", "static" (a constant of the trace) or
    "out" (an array that the function fills; ``offset`` in the outputs vector). ``path``: the argument's name, then keys and indices.
    ``weak``: a Python number, which leaves float32 arrays float32.
    """

    name: str
    path: Path
    kind: str
    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int = 0
    value: Any = None
    weak: bool = False

    @property
    def size(self) -> int:
        return prod(self.shape)

    def at(self, kind: str, offset: int) -> Argument:
        return replace(self, kind=kind, offset=offset, value=None)

    def check(self, given: Argument | None) -> None:
        """Raise TraceError where the value of a call is not what the trace was made for."""
        if given is None:
            raise TraceError(f"the argument {self.name} is missing")
        if self.kind in ("array", "out") and (given.shape != self.shape or given.kind != "array"):
            raise TraceError(
                f"{self.name} was traced with shape {self.shape}, now it is {_described(given)}; trace the function again for that"
            )
        if self.kind in ("number", "time") and given.kind not in ("number", "time") and not _is_real(given.value):
            raise TraceError(f"{self.name} was traced as a number, now it is {_described(given)}")
        if self.kind == "static" and not _equal(self.value, given.value):
            raise TraceError(
                f"{self.name} is a constant of the trace, {self.value!r}, now it is {given.value!r}; give a float to make it a parameter, "
                "or trace again"
            )


def _described(argument: Argument) -> str:
    return f"an array of shape {argument.shape}" if argument.kind == "array" else repr(argument.value)[:60]


def _is_real(value: Any) -> bool:
    return isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)


def _equal(a: Any, b: Any) -> bool:
    if a is b:
        return True
    try:
        return type(a) is type(b) and bool(np.all(a == b))
    except (TypeError, ValueError):
        return False


def open_arguments(
    f: Callable[..., Any], values: tuple[Any, ...], keywords: dict[str, Any], time: str | None
) -> tuple[Argument, ...]:
    """The leaves of the arguments of a call, in order."""
    result: list[Argument] = []
    for name, value in [*zip(argument_names(f, len(values)), values, strict=True), *keywords.items()]:
        _open((name,), value, result, (time,) if time else TIMES)
    return tuple(result)


def by_keyword(
    f: Callable[..., Any], values: tuple[Any, ...], keywords: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Values in the order of f's signature, with those apart that f takes by keyword only."""
    try:
        known = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        return values, keywords
    named = [p.name for p in known if p.kind is p.KEYWORD_ONLY]
    first = len(known) - len(named)
    if len(values) <= first or any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in known):
        return values, keywords
    return values[:first], dict(zip(named, values[first:], strict=False)) | keywords


def argument_names(f: Callable[..., Any], many: int) -> list[str]:
    """The names of the first arguments of a call."""
    try:
        known = list(inspect.signature(f).parameters.values())
    except (TypeError, ValueError):
        known = []
    names: list[str] = []
    for parameter in known:
        if parameter.kind is parameter.VAR_POSITIONAL:
            names += [f"{parameter.name}{k}" for k in range(many - len(names))]
        elif parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD):
            names.append(parameter.name)
    return [*names[:many], *(f"x{k}" for k in range(len(names), many))]


def _open(path: Path, value: Any, out: list[Argument], times: tuple[str, ...]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            _open((*path, key), inner, out, times)
    elif isinstance(value, (list, tuple)):
        for k, inner in enumerate(value):
            _open((*path, k), inner, out, times)
    else:
        out.append(_leaf(path, value, times))


def _leaf(path: Path, value: Any, times: tuple[str, ...]) -> Argument:
    name = _shown(path)
    dtype = np.dtype(getattr(value, "dtype", float)) if isinstance(value, (np.ndarray, np.generic)) else np.dtype(float)
    if isinstance(value, complex | np.complexfloating) or dtype.kind == "c":
        raise TraceError(
            f"{name} is complex; traced functions are real. Keep the real and the imaginary part in two arrays"
        )
    if dtype.kind not in "fiub":
        raise TraceError(
            f"{name} is an array of dtype {dtype}; traced arrays are float64 or float32. Write {name}.astype(float)"
        )
    if isinstance(value, np.ndarray) and type(value) not in (np.ndarray, np.memmap):
        raise TraceError(
            f"{name} is a {type(value).__name__}; traced arrays are plain NumPy arrays. Write np.asarray({name})"
        )
    if isinstance(value, np.ndarray) and value.ndim and dtype.kind == "f":
        if dtype not in (np.float64, np.float32):
            raise TraceError(f"{name} is {dtype}; traced arrays are float64 or float32. Write {name}.astype(float)")
        return Argument(name, path, "array", value.shape, dtype, 0, value)
    weak = type(value) in (float, int)
    real = _is_real(value) or (isinstance(value, np.ndarray) and not value.ndim)
    if real and path[-1] in times and len(path) == 1:
        return Argument(name, path, "time", (), np.dtype(float), 0, float(value), weak)
    if isinstance(value, (float, np.floating)) or (
        isinstance(value, np.ndarray) and not value.ndim and dtype.kind == "f"
    ):
        return Argument(name, path, "number", (), np.dtype(float), 0, float(value), weak)
    return Argument(name, path, "static", (), np.dtype(float), 0, value)


def _shown(path: Path) -> str:
    return str(path[0]) + "".join(f"[{key!r}]" for key in path[1:])


class Opened:
    """The arguments as what the traced function is called with."""

    def __init__(self, graph: Graph, arguments: tuple[Argument, ...], stand_in: Callable[[Any], Any]) -> None:
        self.arrays: dict[int, Traced] = {}
        self.buffers: dict[int, Buffer] = {}
        self.time: Symbol | None = None
        names = Names(["t"])
        parameters: list[Symbol] = []
        placed: list[Argument] = []
        self._values: dict[Path, Any] = {}
        for k, a in enumerate(arguments):
            if a.kind == "array":
                buffer = graph.buffer("input", a.shape, a.dtype, f"argument {k}", field=a.name)
                self.buffers[k], self.arrays[k] = buffer, Traced(Cell(graph, Leaf(buffer, a.shape), a.name))
                self._values[a.path] = self.arrays[k]
            elif a.kind == "time":
                self.time = Symbol("t", "coordinate")
                self._values[a.path] = fresh(graph, Number(self.time, np.dtype(float), a.weak))
            elif a.kind == "number":
                symbol = Symbol(names.fresh(a.name), "parameter")
                a = replace(a, offset=len(parameters))
                parameters.append(symbol)
                self._values[a.path] = fresh(graph, Number(symbol, np.dtype(float), a.weak))
            else:
                self._values[a.path] = stand_in(a.value)
            placed.append(a)
        self.arguments, self.parameters = tuple(placed), tuple(parameters)

    def positional(self, values: tuple[Any, ...]) -> list[Any]:
        """The values of a call, with traced ones in the places of arrays and floats."""
        paths = list(dict.fromkeys(a.path[0] for a in self.arguments))
        return [self._built((name,), v) for name, v in zip(self._names(values, paths), values, strict=True)]

    def named(self, keywords: dict[str, Any]) -> dict[str, Any]:
        return {name: self._built((name,), v) for name, v in keywords.items()}

    def _names(self, values: tuple[Any, ...], paths: list[Any]) -> list[Any]:
        """The names of the arguments; an empty container has none and needs none."""
        left = iter(paths)
        return [next(left) if _has_leaves(v) else "" for v in values]

    def _built(self, path: Path, value: Any) -> Any:
        if isinstance(value, dict):
            return {k: self._built((*path, k), v) for k, v in value.items()}
        if isinstance(value, tuple) and hasattr(value, "_fields"):
            return type(value)(*(self._built((*path, k), v) for k, v in enumerate(value)))
        if isinstance(value, (list, tuple)):
            return type(value)(self._built((*path, k), v) for k, v in enumerate(value))
        return self._values[path]


def _has_leaves(value: Any) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else None
    return True if inner is None else any(map(_has_leaves, inner))
