"""Native code run on the addresses of arrays, in tiles by several threads where there is enough to do."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any

import numpy as np

from symnum.codegen.split import SplitKernel
from symnum.expr.walk import postorder_outside
from symnum.ir.kernel import Kernel, Loop, Statement
from symnum.kernels import threads

_THREADED = 1e6  # nanoseconds of work from which threads are worth waking up
_PER_OPERATION = 0.1  # nanoseconds, in vectors
_PER_VALUE, _CACHED = 0.5, 2**20  # nanoseconds a value that is read or written, where so many do not stay in a cache
_LINE = 64  # bytes


def address(array: np.ndarray) -> int:
    """Where the data of a contiguous array lie (four times as fast as ``array.ctypes.data``)."""
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(array))  # type: ignore[arg-type]
    except (TypeError, ValueError):  # read-only, or empty
        return int(array.__array_interface__["data"][0])


class Runner:
    """Calls of a compiled kernel. ``threads``: how many take part; several calls may run at the same time, each has scratch memory of its own."""

    def __init__(self, native: SplitKernel, arrays: int, workers: int) -> None:
        able = any(phase.axis is not None for phase in native.phases)
        self.native = native
        self.threads = workers if able and nanoseconds(native.kernel) >= _THREADED else 1
        self._addresses = ctypes.c_void_p * arrays
        self._numbers = ctypes.c_double * len(native.kernel.parameters)
        self._scratch: list[np.ndarray] = []

    def __call__(self, t: float, addresses: Sequence[int], numbers: Sequence[float]) -> None:
        """addresses: of the arguments and then the results, contiguous arrays of which no result overlaps another; numbers: the parameters."""
        given, p = self._addresses(*addresses), self._numbers(*numbers)
        if not self.native.scratch:
            self._run(t, given, p, 0)
            return
        scratch = self._scratch.pop() if self._scratch else np.empty(self.native.scratch + _LINE, np.uint8)
        place = address(scratch)
        self._run(t, given, p, place + -place % _LINE)
        self._scratch.append(scratch)

    def _run(self, t: float, arrays: Any, p: Any, scratch: int) -> None:
        native = self.native
        if self.threads == 1:
            native.whole(t, arrays, p, scratch)
            return
        if native.fill is not None:
            native.fill(scratch)
        for phase, tile in zip(native.phases, native.tiles, strict=True):
            if phase.axis is None:
                tile(t, arrays, p, scratch, phase.start, phase.stop)
                continue
            ranges = threads.tiles(phase.start, phase.stop, self.threads)
            threads.share(lambda low, high, tile=tile: tile(t, arrays, p, scratch, low, high), ranges, self.threads)  # type: ignore[misc]


def nanoseconds(kernel: Kernel) -> float:
    """Roughly how long a kernel takes on one processor: arithmetic, or memory where its arrays are large."""
    values = kernel.input_size + kernel.output_size + 2 * kernel.local_size
    memory = _PER_VALUE * values if values > _CACHED else 0.0
    return max(_PER_OPERATION * _operations(kernel.body), memory)


def _operations(body: tuple[Statement, ...]) -> float:
    seen: dict[Any, None] = {}
    total = 0.0
    for s in body:
        if isinstance(s, Loop):
            total += (s.stop - s.start) * _operations(s.body)
            continue
        for node in postorder_outside(s.value, seen):
            seen[node] = None
            total += len(node.args) if node.op in ("add", "mul") else 20 * bool(node.args)
        total += 1
    return total
