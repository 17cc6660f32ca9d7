"""Arrays and lists between NumPy and Julia, with at most one copy.

| from | to | what happens |
|---|---|---|
| NumPy array, as an argument | ``PyArray`` in Julia | a view: Julia reads and writes the same memory |
| ``to_julia(array)`` | ``Array{T,N}`` in Julia | one copy, which Julia owns and may keep |
| ``Array{T,N}`` from Julia | ``to_numpy(value)`` | a view in Fortran order; it keeps Julia's array alive |
| list of text | ``strings(texts)`` | ``Vector{String}`` |
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


def to_numpy(value: Any, *, copy: bool = False) -> NDArray[Any]:
    """A Julia array as a NumPy array of the same shape, ``(n, m)`` in Fortran order: no copy unless one is asked for.

    The view holds a reference to Julia's array (``view.base``), so it stays valid as long as it is used. Its transpose
    ``view.T`` is in C order: a Julia matrix with a state per column is a NumPy array with a state per row.
    """
    return np.array(value, copy=True, order="F") if copy else np.asarray(value)


def to_julia(array: NDArray[Any]) -> Any:
    """A Julia ``Array`` with the numbers of a NumPy array: one copy. Julia may keep it for as long as it likes."""
    base, python = _juliacall().Base, np.ascontiguousarray(array)
    element = {"f": base.Float64, "i": base.Int64, "u": base.UInt64, "b": base.Bool}.get(python.dtype.kind)
    if element is None:
        raise TypeError(f"an array of {array.dtype} cannot go to Julia; give it as float64, int64 or bool")
    return base.Array[element](python)


def strings(texts: Iterable[str]) -> Any:
    """A Julia ``Vector{String}``."""
    call = _juliacall()
    return call.convert(call.Base.Vector[call.Base.String], list(texts))


def to_dict(value: Any) -> dict[str, Any]:
    """A Julia ``Dict{String,...}`` or a Python mapping as a Python dict."""
    return {str(key): item for key, item in (value.items() if isinstance(value, Mapping) else dict(value).items())}


def _juliacall() -> Any:
    """juliacall, which must have been opened by ``session()``."""
    return sys.modules["juliacall"]
