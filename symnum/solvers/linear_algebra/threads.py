"""One thread for the small BLAS calls inside factors and transforms.

OpenBLAS shares out matrix-vector products from some thousand entries on (complex ones from 4096, real ones from 9216), and each such call then
waits for the other cores: SuperLU's supernodes and LAPACK's bands make thousands of them, which costs more than it saves, and much more where
the other cores are busy (the matrix products of transforms on 64 x 64 points took ten times as long). The wheels of SciPy and NumPy hold an
OpenBLAS each that can be told; others (MKL, Accelerate) are left as they are.
"""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

NAMES = ("scipy_openblas_{}_num_threads", "openblas_{}_num_threads", "scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads64_")


class Threads:
    """The number of threads of one library, which belongs to the whole process: the last that leaves puts the old number back."""

    def __init__(self, get: Callable[[], int], put: Callable[[int], Any]) -> None:
        self.get, self.put = get, put
        self.lock, self.inside, self.before = threading.Lock(), 0, 1

    def enter(self) -> None:
        with self.lock:
            if self.inside == 0:
                self.before = self.get()
                if self.before > 1:
                    self.put(1)
            self.inside += 1

    def leave(self) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0 and self.before > 1:
                self.put(self.before)


@contextmanager
def one_thread() -> Iterator[None]:
    """The BLAS of SciPy and that of NumPy work in one thread inside the block (about 3 microseconds)."""
    told = [threads for threads in (scipy_threads(), numpy_threads()) if threads is not None]
    for threads in told:
        threads.enter()
    try:
        yield
    finally:
        for threads in told:
            threads.leave()


@cache
def scipy_threads() -> Threads | None:
    """The threads of the BLAS that SuperLU and LAPACK of SciPy call; None where they cannot be set."""
    from scipy.linalg import cython_lapack

    return _threads(cython_lapack.__file__)


@cache
def numpy_threads() -> Threads | None:
    """The threads of the BLAS that matrix products of NumPy call; None where they cannot be set."""
    from numpy.linalg import _umath_linalg

    return _threads(_umath_linalg.__file__)


def _threads(path: str) -> Threads | None:
    """The threads of the BLAS that an extension module is linked with."""
    try:
        library = ctypes.CDLL(path)
    except OSError:  # a build without a shared library of its own
        return None
    for name in NAMES:
        get, put = (getattr(library, name.format(verb), None) for verb in ("get", "set"))
        if get is not None and put is not None:
            get.restype, put.argtypes, put.restype = ctypes.c_int, [ctypes.c_int], None
            return Threads(get, put)
    return None
