"""Where vectors lie in memory: states at the start of a page, outputs five eighths of a page further.

NumPy puts all large arrays 16 bytes into a page. A stencil that reads one such array and writes another then reads and writes addresses
with equal low 12 bits, which the CPU takes for dependences, and its rows compete for the same cache lines (measured on rows of 4096 bytes:
1.0 against 0.6 ns a point). Half a page would meet the same trouble in the next row but one of 1024 bytes, or the next of 2048; five eighths
keep clear of every row whose length is a multiple of 1024 bytes (measured on rows of 2048 bytes: 0.7 against 0.54 ns a point). Both begin at
a cache line, so rows of whole lines are read and written in whole lines. Correctness never depends on it.
"""

from __future__ import annotations

import numpy as np

_SMALL, _CACHED = 512, 2**20  # values: below a page it does not matter, above eight megabytes vectors come from memory
_STATE, _OUTPUT = 0, 2560  # bytes into a page of 4096


def state_vector(size: int, stepping: bool = False) -> np.ndarray:
    """An uninitialised float64 vector for states, (size,). ``stepping``: linear combinations of it are taken as often as right-hand sides."""
    return _place(size, _STATE, stepping)


def output_vector(size: int, stepping: bool = False, dtype: str = "float64", given: int = 0) -> np.ndarray:
    """An uninitialised vector for what a kernel computes from a state, (size,). ``stepping``: as for ``state_vector``; ``given``: the address
    of what it is computed from, where that is not a state vector."""
    in_page = (given + _OUTPUT) % 4096 // 64 * 64
    if dtype == "float32":
        return _place(-(-size // 2), in_page, stepping).view(dtype)[:size]
    return _place(size, in_page, stepping)


def _place(size: int, in_page: int, stepping: bool) -> np.ndarray:
    if size < _SMALL:
        return np.empty(size)
    if stepping and size > _CACHED:
        # Every access touches the next cache line too, which so comes from memory earlier: whole steps are 12 per cent faster on 2 million values.
        in_page += 8
    raw = np.empty(size + 512)
    shift = (in_page - raw.ctypes.data) % 4096 // 8
    return raw[shift : shift + size]
