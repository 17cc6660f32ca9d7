"""Where large vectors lie in memory: states and outputs half a page apart.

NumPy puts all large arrays 16 bytes into a page. A stencil that reads one such array and writes another then reads and writes addresses
with equal low 12 bits, which the CPU takes for dependences, and its rows compete for the same cache lines (measured on rows of 4096 bytes:
1.0 against 0.6 ns a point). So states and outputs lie half a page apart, and the second point of a row, where the interior of a periodic grid
begins, at the start of a cache line. Correctness never depends on it.
"""

from __future__ import annotations

import numpy as np

_LARGE = 16_384  # values; smaller vectors live in the cache anyway
_STATE, _OUTPUT = 56, 2104  # bytes into a page of 4096


def state_vector(size: int) -> np.ndarray:
    """An uninitialised float64 vector for states, (size,)."""
    return _place(size, _STATE)


def output_vector(size: int) -> np.ndarray:
    """An uninitialised float64 vector for what a kernel computes from a state, (size,)."""
    return _place(size, _OUTPUT)


def _place(size: int, in_page: int) -> np.ndarray:
    if size < _LARGE:
        return np.empty(size)
    raw = np.empty(size + 512)
    shift = (in_page - raw.ctypes.data) % 4096 // 8
    return raw[shift : shift + size]
