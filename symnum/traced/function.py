"""``sn.trace``: a NumPy function as something that can be called, differentiated, read, written out and solved."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from symnum import display
from symnum.codegen.c_names import identifier
from symnum.codegen.jacobian import SparseJacobian
from symnum.codegen.target import CompiledKernel, compile_kernel, targets
from symnum.errors import SolveError, TraceError, UnknownName, did_you_mean
from symnum.ir.jacobian import jvp_kernel
from symnum.ir.kernel import Kernel
from symnum.ir.vjp import vjp_kernel
from symnum.kernels.make import value_key
from symnum.kernels.native import Variant
from symnum.traced.state import Bound, Part, as_state
from symnum.traced.system import TracedSystem, traced_system
from symnum.traced.values import as_array, double, flat, interval, number
from symnum.tracing.capture import Argument, Captured, capture

_SUFFIXES = {".c": "c", ".cu": "cuda", ".py": "numpy", ".ll": "llvm", ".jl": "julia"}


class TracedFunction:
    """A function f of arrays and numbers, traced once: the same arguments, shapes and kinds of numbers, compiled.

    >>> g = sn.trace(f, np.zeros((32, 32, 3)), 0.0)
    >>> g(u, t); g.jacobian(u, t); g.jvp(u, t, v); g.vjp(u, t, w); g.as_system(u0, (0, 10)); g.source

    Below, f has array arguments of n numbers in all and results of m numbers in all, each laid one after the other in C order. Derivatives and
    systems are computed in double precision, also where f works in float32.

    Attributes:
        kernel: (t; y; p) -> out, all arrays in one vector (``ir.Kernel``), float64. captured: what was traced. target: what it is compiled for.
        rhs: the compiled kernel ``rhs(t, y, p, out=None)`` on flat vectors, y (n,), p (number of parameters,), out (m,).
        parameters: float arguments but the time, name -> value in the example call.
    """

    def __init__(self, captured: Captured, values: tuple[Any, ...], named: dict[str, Any], target: str) -> None:
        self.captured, self.target = captured, target
        self.name: str = getattr(captured.function, "__name__", type(captured.function).__name__)
        self._signature = inspect.signature(captured.function)
        bound = self._bound(values, named)
        self._key = self._keyed(bound)
        _, self._arrays, self._numbers = self._packed(bound)

    @cached_property
    def kernel(self) -> Kernel:
        return replace(double(self.captured.kernel), name=identifier(self.name))

    @property
    def parameters(self) -> dict[str, float]:
        return {s.name: float(v) for s, v in zip(self.kernel.parameters, self._numbers, strict=True)}

    @cached_property
    def rhs(self) -> CompiledKernel:
        return compile_kernel(self.kernel, self.target)

    @property
    def source(self) -> str:
        """The generated code."""
        return self.rhs.source

    def __repr__(self) -> str:
        shapes = ", ".join(f"{a.name} {a.shape}" for a in self._array_arguments())
        return f"<traced {self.name}: {shapes}, target {self.target}>"

    def _repr_html_(self) -> str:
        return display.card(repr(self), (), display.source(self.source, self.target))

    def __call__(self, *values: Any, out: Any = None, **named: Any) -> Any:
        """f(*values), with the shapes and kinds of numbers of the trace. ``out``: an array (a tuple of arrays) to be filled and given back.

        Raises TraceError for other shapes and constants, TargetError for an ``out`` that does not fit.
        """
        bound = self._bound(values, named)
        if self._keyed(bound) != self._key:
            bound = self._like_example(bound)
            self.captured.pack(bound)  # raises where the values do not fit
        if self._variant is not None:
            return self._variant(bound, out)
        if out is not None or self.captured.form == "in-place":
            raise TraceError('out= and functions that fill their arguments need target="llvm" or "c"')
        return self.captured.unpack(self._python(*self.captured.pack(bound)))

    @cached_property
    def _python(self) -> CompiledKernel:
        return compile_kernel(replace(self.captured.kernel, name=identifier(self.name)), self.target)

    @cached_property
    def _variant(self) -> Variant | None:
        """The function with its arrays passed by address; None for targets that run in Python."""
        if self.target not in ("llvm", "c"):
            return None
        return Variant(self.captured, list(self._signature.parameters), self.target, 1)

    def _bound(self, values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """The arguments in the order of the signature."""
        if not named and len(values) == len(self._signature.parameters):
            return values
        try:
            given = self._signature.bind(*values, **named)
        except TypeError as error:
            raise TraceError(f"{self.name}{self._signature}: {error}") from None
        given.apply_defaults()
        return tuple(given.arguments.values())

    def _keyed(self, bound: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(map(value_key, bound))

    def _like_example(self, bound: tuple[Any, ...]) -> tuple[Any, ...]:
        """Lists as arrays and whole numbers as floats, where the trace has these."""
        plain = {a.path[0]: a for a in self.captured.arguments if len(a.path) == 1}
        made: list[Any] = []
        for name, value in zip(self._signature.parameters, bound, strict=True):
            argument = plain.get(name)
            if argument is not None and argument.kind == "array" and not (isinstance(value, np.ndarray) and value.dtype == argument.dtype):
                made.append(as_array(name, value, argument.dtype))
            elif argument is not None and argument.kind in ("number", "time") and isinstance(value, int | np.integer):
                made.append(float(value))
            else:
                made.append(value)
        return tuple(made)

    def _packed(self, values: tuple[Any, ...]) -> tuple[float, np.ndarray, np.ndarray]:
        """(t, all arrays as one vector, parameters), float64."""
        bound = self._bound(values, {})
        t, y, p = self.captured.pack(bound if self._keyed(bound) == self._key else self._like_example(bound))
        return t, y.astype(np.float64, copy=False), p

    # --- derivatives

    @cached_property
    def _sparse(self) -> SparseJacobian:
        return SparseJacobian(self.kernel, np.array(self._numbers, dtype=np.float64), self.target)

    @cached_property
    def _jvp(self) -> CompiledKernel:
        return compile_kernel(jvp_kernel(self.kernel), self.target)

    @cached_property
    def _vjp(self) -> CompiledKernel:
        return compile_kernel(vjp_kernel(self.kernel), self.target)

    def jacobian(self, *values: Any, by: str | Sequence[str] | None = None) -> Any:
        """df/d(arrays) at f's arguments, analytic: a SciPy CSC matrix (m, n) float64.

        Args:
            by: names of array arguments whose columns are wanted; None: all, in the order of f's arguments.

        Raises UnknownName for names that are not array arguments, TraceError for arguments of another shape.
        """
        t, y, p = self._packed(values)
        made = self._sparse(t, y, p)
        matrix = made.tocsc() if hasattr(made, "sparse") else made
        if by is None:
            return matrix
        wanted = (by,) if isinstance(by, str) else tuple(by)
        known = {a.name: a for a in self._array_arguments()}
        for name in wanted:
            if name not in known:
                raise UnknownName(f"{self.name} has no array argument {name!r}.{did_you_mean(name, known)} It has: {', '.join(known)}")
        columns = np.concatenate([np.arange(known[n].offset, known[n].offset + prod(known[n].shape)) for n in wanted])
        return matrix[:, columns].tocsc()

    def jvp(self, *values: Any) -> Any:
        """(df/d(arrays)) v at f's arguments, in the form of f's result: ``g.jvp(u, t, v)``.

        The last argument is v: an array of the shape of f's array argument, or a tuple of arrays if it has several.
        """
        *values, v = values  # type: ignore[assignment]
        t, y, p = self._packed(tuple(values))
        both = np.concatenate([y, flat("v", v, [(a.name, a.shape) for a in self._array_arguments()])])
        return self.captured.unpack(self._jvp(t, both, p))

    def vjp(self, *values: Any, parameters: bool = False) -> Any:
        """w^T df/d(arrays) at f's arguments, in the form of f's array arguments: ``g.vjp(u, t, w)``.

        The last argument is w: an array of the shape of f's result, or a tuple of arrays if it has several. The result is an array, or a
        tuple of arrays if f has several array arguments. ``parameters=True`` gives (that, {name: w^T df/dp}).
        """
        *values, w = values  # type: ignore[assignment]
        t, y, p = self._packed(tuple(values))
        results = [(f"result {k + 1}", r.shape) for k, r in enumerate(self.captured.results)]
        got = self._vjp(t, np.concatenate([y, flat("w", w, results)]), p)
        arrays = tuple(got[a.offset : a.offset + prod(a.shape)].reshape(a.shape) for a in self._array_arguments())
        state = arrays[0] if len(arrays) == 1 else arrays
        if not parameters:
            return state
        return state, dict(zip(self.parameters, got[self.kernel.input_size :].tolist(), strict=True))

    # --- systems

    def as_system(self, u0: Any, span: tuple[float, float], names: Sequence[str] | None = None, **values: Any) -> TracedSystem:
        """du/dt = f(u, t) from u0 over the interval ``span``: what ``sn.solve`` and ``sn.discretise`` take.

        Args:
            u0: the start, of the shape of f's first array argument; a tuple where f takes and returns several arrays that change.
            span: (t0, t1). names: of the fields where f takes u apart, for three species for instance ("A", "B", "C").
            values: further arguments of f by name: numbers become parameters of the system (those of the example call where not given), arrays
                constants.

        Raises SolveError where f's results are no rates of its first array arguments, u0 or span do not fit; UnknownName for other names.
        """
        parts, others = self._parts()
        known = {a.name: a for a in others} | dict.fromkeys(self.parameters)
        values = self._opened(values)
        for name in values:
            if name not in known:
                raise UnknownName(f"{self.name} has no argument {name!r}.{did_you_mean(name, known)} It has: {', '.join(known) or 'no others'}")
        bound = [Bound(a.offset, self._array(a, values.get(a.name))) for a in others]
        starts = flat("u0", u0, [(p.name, p.shape) for p in parts])
        if not np.isfinite(starts).all():
            raise SolveError(f"u0 holds {starts[~np.isfinite(starts)][0]}; every value must be finite")
        state = as_state(self.kernel, parts, bound)
        y0 = np.empty_like(starts)
        y0[state.positions] = starts
        numbers = tuple(number(name, values.get(name, value)) for name, value in self.parameters.items())
        return traced_system(self.name, state, y0, interval(span), numbers, None if names is None else tuple(names))

    def _opened(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Values by the names of parameters and arrays; an argument that holds several (a tuple, a dict) is opened."""
        made: dict[str, Any] = {}
        names = list(self.parameters)
        for name, value in values.items():
            inside = [a for a in self.captured.arguments if a.path[0] == name and len(a.path) > 1 and a.kind in ("number", "array")]
            for argument in inside:
                entry = value
                try:
                    for key in argument.path[1:]:
                        entry = entry[key]
                except (LookupError, TypeError):
                    raise SolveError(f"{name}={value!r} has no entry {argument.path[1:]}, which {self.name} reads") from None
                made[names[argument.offset] if argument.kind == "number" else argument.name] = entry
            if not inside:
                made[name] = value
        return made

    def _parts(self) -> tuple[list[Part], list[Argument]]:
        """The arrays that change, paired with their rates, and all other array arguments."""
        arrays, results = self._array_arguments(), self.captured.results
        if not arrays:
            raise SolveError(f"{self.name} takes no array, so there is no state; write f(u, t) with an array u")
        total = sum(prod(r.shape) for r in results)
        if len(results) > 1 and all(r.shape == () for r in results) and total == prod(arrays[0].shape):
            return [Part(arrays[0].name, arrays[0].shape, arrays[0].offset, results[0].offset)], arrays[1:]
        pairs = list(zip(arrays, results, strict=False))
        if len(results) > len(arrays) or any(a.shape != r.shape for a, r in pairs):
            seen = ", ".join(str(r.shape) for r in results)
            taken = ", ".join(f"{a.name} {a.shape}" for a in arrays)
            raise SolveError(f"{self.name} returns {seen} and takes {taken}; du/dt = f(u, t) needs rates of the shape of u, argument by argument")
        return [Part(a.name, a.shape, a.offset, r.offset) for a, r in pairs], arrays[len(results) :]

    def _array_arguments(self) -> list[Argument]:
        return [a for a in self.captured.arguments if a.kind == "array"]

    def _array(self, argument: Argument, given: Any) -> np.ndarray:
        """The values of an array argument that does not change: given, or those of the example."""
        if given is None:
            return self._arrays[argument.offset : argument.offset + prod(argument.shape)]
        return flat(argument.name, given, [(argument.name, argument.shape)])

    # --- files

    def write(self, path: str | Path, target: str | None = None) -> Path:
        """Write the code of the kernel: C, CUDA, NumPy, LLVM or Julia, by ``target`` or the suffix of the file (.c, .cu, .py, .ll, .jl).

        Its arguments are the time, all arrays one after the other, all parameters, and the results. Raises UnknownName for other targets.
        """
        path = Path(path)
        chosen = _SUFFIXES.get(path.suffix) if target is None else target
        if chosen is None or chosen not in targets().names():
            known = ", ".join(targets().names())
            raise UnknownName(f"no target writes {path.name!r}; name the file with {', '.join(_SUFFIXES)} or give target= one of {known}")
        if chosen == "cuda":  # written without a GPU too
            from symnum.codegen.cuda_file import print_module

            source = print_module(self.kernel).source
        else:
            source = (self.rhs if chosen == self.target else compile_kernel(self.kernel, chosen)).source
        path.write_text(source, encoding="utf-8")
        return path


def trace(f: Callable[..., Any], *example: Any, target: str = "llvm", time: str | None = None, **named: Any) -> TracedFunction:
    """Trace a NumPy function on arguments like those it will get: ``sn.trace(f, np.zeros((32, 32, 3)), 0.0)``.

    f runs once, on recording stand-ins for its arrays and floats; whole numbers, texts, functions and what f closes over are constants of the trace.
    Loops in f are run, and what they do is rolled up again. The values of arrays do not matter, their shapes and dtypes do.

    Args:
        example: arguments of f; those left out have f's defaults, and are parameters too where these are floats.
        target: "llvm", "c" or "numpy". time: name of f's argument that is the time (None: one called t or time).
        named: further arguments of f by name.

    Raises TraceError, with the file and line of f, for what cannot be kept: branches on values, functions that are not known, shapes that depend
    on values, arrays of objects.
    """
    if not callable(f):
        raise TraceError(f"trace takes a function, got {type(f).__name__}; write sn.trace(f, np.zeros(n), 0.0)")
    if target not in targets().names():
        raise UnknownName(f"there is no target {target!r}.{did_you_mean(target, targets().names())} Known: {', '.join(targets().names())}")
    given = _given(f, example, named)
    return TracedFunction(capture(f, given.args, given.kwargs, time=time), given.args, given.kwargs, target)


def _given(f: Callable[..., Any], example: tuple[Any, ...], named: dict[str, Any]) -> inspect.BoundArguments:
    """All arguments of f, defaults included: floats among these are parameters too."""
    name = getattr(f, "__name__", type(f).__name__)
    try:
        if isinstance(f, np.ufunc):
            raise TypeError
        signature = inspect.signature(f)
    except (TypeError, ValueError):
        raise TraceError(f"{name} does not tell its arguments; wrap it: sn.trace(lambda u: {name}(u), np.zeros(n))") from None
    for parameter in signature.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TraceError(f"{name} takes *args or **kwargs; write its arguments out: def f(u, t, k)")
    try:
        given = signature.bind(*example, **named)
    except TypeError as error:
        raise TraceError(f"{name}{signature}: {error}; give an example of each argument: sn.trace({name}, np.zeros(n), 0.0)") from None
    given.apply_defaults()
    return given


__all__ = ["TracedFunction", "trace"]
