"""``fast = sn.kernel(f)``: a numeric Python function, traced on its first call and for each new combination of shapes and types."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Hashable
from typing import Any, overload

import numpy as np

from symnum import display
from symnum.errors import TargetError, UnknownName, did_you_mean, names_options
from symnum.kernels.threads import available

TARGETS = ("llvm", "c", "cuda", "torch")
_MOST = 64  # variants of one function


class TracedKernel:
    """A function with the signature of the one it was made from; made by ``sn.kernel``.

    Attributes: ``target``; ``function``: the original; ``variants``: what was traced and compiled so far.
    """

    def __init__(self, function: Callable[..., Any], target: str, threads: int | None) -> None:
        self.function, self.target = function, target
        self.threads = available() if threads is None else threads
        self.signature = _signature(function)
        self.names = list(self.signature.parameters)
        self._times = [k for k, name in enumerate(self.names) if name in ("t", "time")]
        self.variants: dict[Hashable, Any] = {}
        self.__name__ = getattr(function, "__name__", "kernel")
        self.__doc__ = getattr(function, "__doc__", None)

    def __repr__(self) -> str:
        return f"<kernel {self.__name__}({', '.join(self.names)}), target {self.target}, {len(self.variants)} traced>"

    def _repr_html_(self) -> str:
        made = [display.source(v.source, self.target) for v in self.variants.values()]
        return display.card(repr(self), [] if made else [("code", "written at the first call, for its arguments")], *made)

    def __call__(self, *values: Any, out: Any = None, **named: Any) -> Any:
        """What the function gives. ``out``: an array for the result, or a tuple of arrays, which is filled and given back.

        Raises TargetError for values and ``out`` that do not fit, and whatever tracing raises where the function cannot be traced.
        """
        bound = self._bound(values, named)
        return self._variant(bound)(bound, out)

    def source(self, *values: Any, **named: Any) -> str:
        """The generated code for arguments such as these."""
        text: str = self.variant(*values, **named).source
        return text

    def variant(self, *values: Any, **named: Any) -> Any:
        """What is called for arguments such as these: ``.source``, ``.threads``, ``.captured`` (the kernel and its arguments)."""
        return self._variant(self._bound(values, named))

    def _bound(self, values: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, ...]:
        """The values in the order of the signature."""
        if not named and len(values) == len(self.names):
            return values
        try:
            given = self.signature.bind(*values, **named)
        except TypeError as error:
            raise TargetError(f"{self.__name__}{self.signature}: {error}") from None
        given.apply_defaults()
        return tuple(given.arguments.values())

    def _variant(self, values: tuple[Any, ...]) -> Any:
        keys = list(map(value_key, values))
        for k in self._times:
            if type(values[k]) is int:  # a time all the same, no constant
                keys[k] = float
        key = tuple(keys)
        found = self.variants.get(key)
        if found is None:
            if len(self.variants) >= _MOST:
                raise TargetError(
                    f"{self.__name__} was traced {_MOST} times; each new shape and each new int, string or object is a variant of its own. "
                    "Give numbers that change from call to call as floats (float(n))"
                )
            found = self.variants[key] = self._made(values)
        return found

    def _made(self, values: tuple[Any, ...]) -> Any:
        from symnum.kernels.native import Variant
        from symnum.tracing.capture import capture

        if self.target == "torch":
            from symnum.kernels.torch import TorchVariant

            return TorchVariant(self.function, values, self.names, self.threads)
        if self.target == "cuda":
            from symnum.kernels.cuda import CudaVariant, example

            return CudaVariant(capture(self.function, tuple(map(example, values))), self.names)
        if any(hasattr(v, "data_ptr") for v in values):
            raise TargetError(
                f'torch tensors need sn.kernel({self.__name__}, target="torch"); target={self.target!r} takes NumPy arrays'
            )
        captured = capture(self.function, values)
        return Variant(captured, self.names, self.target, self.threads)


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    if not callable(function):
        raise TargetError(f"sn.kernel takes a function of arrays and numbers, got {type(function).__name__}")
    try:
        if isinstance(function, np.ufunc):  # has one in NumPy 2.3, with out, where, casting ...
            raise ValueError
        found = inspect.signature(function)
    except (TypeError, ValueError):
        raise TargetError(
            f"{function!r} has no signature; wrap it: sn.kernel(lambda u: {getattr(function, '__name__', 'f')}(u))"
        ) from None
    for parameter in found.parameters.values():
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise TargetError(f"{function!r} takes *args or **kwargs; write its arguments out")
        if parameter.name == "out":
            raise TargetError(
                f"{function!r} has an argument called out, which is the kernel's own; give it another name"
            )
    return found


def value_key(value: Any) -> Any:
    """What a trace depends on: shapes and types of arrays of floats, the type of floats, the value of everything else."""
    kind = type(value)
    if kind is float:
        return kind
    if isinstance(value, np.ndarray):
        if kind not in (np.ndarray, np.memmap):
            raise TargetError(
                f"an array of type {kind.__name__} has operators of its own; give a plain array, np.asarray(u)"
            )
        constant = value.tobytes() if value.dtype.kind != "f" else None  # whole numbers may choose what is read
        return value.shape, value.dtype, constant
    if isinstance(value, np.floating):
        return kind  # NumPy's own numbers widen arrays of float32, Python's do not
    if isinstance(value, tuple | list):
        return type(value), tuple(map(value_key, value))
    if isinstance(value, dict):
        return dict, tuple((name, value_key(v)) for name, v in value.items())
    if type(value).__module__.startswith("torch") and hasattr(value, "data_ptr"):
        return "tensor", tuple(value.shape), str(value.dtype), str(value.device)
    if hasattr(value, "__cuda_array_interface__"):
        return "gpu", tuple(value.shape), str(value.dtype)
    try:
        hash(value)
    except TypeError:
        raise TargetError(
            f"a {type(value).__name__} cannot be an argument of a kernel; give arrays, numbers, strings, functions, or tuples, lists, dicts of them"
        ) from None
    return type(value), value


@overload
def kernel(f: Callable[..., Any], target: str = ..., threads: int | None = ...) -> TracedKernel: ...
@overload
def kernel(
    f: None = None, target: str = ..., threads: int | None = ...
) -> Callable[[Callable[..., Any]], TracedKernel]: ...
@names_options
def kernel(f: Callable[..., Any] | None = None, target: str = "llvm", threads: int | None = None) -> Any:
    """A numeric Python function as one fused native kernel with the same signature: ``fast = sn.kernel(f); fast(u, v, 0.1)``.

    The function is traced (``sn.trace`` says what can be) on its first call, and again for arguments of other shapes or types. All that it
    computes becomes loops over regions that read each argument once and write each result once: no temporary arrays. Arrays are passed by address,
    without copies where they are contiguous and of the kernel's dtype: float32 if all arrays are, else float64.

    Args:
        f: takes and gives arrays (any shape), floats, tuples, lists and dicts of these, or fills an argument (``f(du, u, p, t)``). Ints, strings
            and functions are constants of the trace. None: ``@sn.kernel(target="c")`` as a decorator.
        target: "llvm" (default): machine code in memory, shared among threads where there is enough work; "c": readable C99 through the
            system's compiler; "torch": on torch tensors, without copies, differentiated by autograd; "cuda": on tensors
            and arrays of a GPU.
        threads: of the target "llvm", at most; None: one a processor. Kernels of less than about a millisecond always use one.

    Raises UnknownName for another target, TargetError for what is no such function and for calls that do not fit, TraceError (with file and line of
    the function) where it cannot be traced, BackendUnavailable where a target lacks its package.
    """
    if target not in TARGETS:
        raise UnknownName(
            f"sn.kernel has no target {target!r}.{did_you_mean(str(target), TARGETS)} Known: {', '.join(TARGETS)}"
        )
    if threads is not None and (not isinstance(threads, int) or isinstance(threads, bool) or threads < 1):
        raise TargetError(f"threads must be a whole number from 1 on, or None for one a processor; got {threads!r}")
    if f is None:
        return lambda function: TracedKernel(function, target, threads)
    return TracedKernel(f, target, threads)
