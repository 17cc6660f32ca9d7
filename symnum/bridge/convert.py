"""What juliacall does not convert by itself as it is wanted. Arrays need nothing here:

| from | to | what happens |
|---|---|---|
| NumPy array, as an argument | ``PyArray`` in Julia | a view: Julia reads and writes the same memory |
| ``Array{T,N}`` from Julia | ``np.asarray(value)`` | a view in Fortran order, which keeps Julia's array alive |
| list of text | ``strings(texts)`` | ``Vector{String}``; a list by itself would arrive as a vector of Python objects |
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any


def strings(texts: Iterable[str]) -> Any:
    """A Julia ``Vector{String}``. Julia must run (``session()``)."""
    call = sys.modules["juliacall"]
    return call.convert(call.Base.Vector[call.Base.String], list(texts))
