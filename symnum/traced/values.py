"""Values as the traced function and its systems take them, and what is said where they are of another kind or shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from symnum.errors import SolveError, TraceError
from symnum.ir.kernel import Constant, Kernel


def double(kernel: Kernel) -> Kernel:
    """[Kernel] -> [Kernel]: the same in double precision."""
    constants = tuple(Constant(c.array, c.values.astype(np.float64)) for c in kernel.constants)
    return kernel if kernel.dtype == "float64" else replace(kernel, dtype="float64", constants=constants)


def flat(what: str, given: Any, parts: list[tuple[str, tuple[int, ...]]]) -> np.ndarray:
    """Arrays one after the other, each of its shape; a tuple where there are several."""
    shapes = [shape for _, shape in parts]
    several = len(parts) > 1 and isinstance(given, (tuple, list)) and len(given) == len(parts)
    arrays = [np.asarray(g) for g in given] if several else [np.asarray(given)]
    if not several and len(parts) > 1 and set(shapes) == {()}:
        shapes, parts = [(len(parts),)], parts[:1]
    for array in arrays:
        if array.dtype.kind not in "fiub":
            raise SolveError(f"{what} holds {array.dtype}; real numbers are expected")
    if [a.shape for a in arrays] != shapes:
        expected = ", ".join(f"{name} {shape}" for name, shape in parts)
        seen = ", ".join(str(a.shape) for a in arrays)
        one = "an array" if len(parts) == 1 else "a tuple of arrays"
        raise SolveError(f"{what} has the shape {seen}; {one} is expected: {expected}")
    return np.concatenate([a.astype(np.float64).ravel() for a in arrays])


def interval(span: Any) -> tuple[float, float]:
    try:
        t0, t1 = (float(t) for t in span)
    except (TypeError, ValueError):
        raise SolveError(f"the interval is {span!r}, not two numbers; write as_system(u0, (0, 10))") from None
    if not (np.isfinite(t0) and np.isfinite(t1)) or t0 == t1:
        raise SolveError(f"the interval {span!r} is empty or not finite; write as_system(u0, (0, 10))")
    return t0, t1


def number(name: str, value: Any) -> float:
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise SolveError(f"{name} is a number of this function, now it is {str(value)[:60]}; give a float") from None
    if not np.isfinite(found):
        raise SolveError(f"{name} is {found}; every parameter must be finite")
    return found


def as_array(name: str, value: Any, dtype: Any) -> np.ndarray:
    """A list, or an array of another kind of real numbers, as the trace has it."""
    try:
        array = np.asarray(value)
        if array.dtype.kind in "fiub":
            return array.astype(dtype)
    except ValueError:
        pass
    raise TraceError(f"{name} was traced as an array of {dtype}, now it is {str(value)[:60]}; give real numbers in that shape")
