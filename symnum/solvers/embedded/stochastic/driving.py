"""What drives the equations of a run: the path and the noise's functions, native and in NumPy. It stands where other methods have a linear solver."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.brownian_code import WORDS, module
from symnum.solvers.embedded.callbacks import address_of
from symnum.solvers.embedded.stochastic.path import BrownianPath, keys
from symnum.solvers.noise import Function, Given, Noise

Array = NDArray[np.float64]
DEEPEST = 60  # levels: beyond, the index of a node is no whole number of a float64
BYTES = 2**28  # of what is kept of the path, where that leaves 26 levels
_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_double, *[ctypes.c_void_p] * 3)


def depth_of(processes: int) -> int:
    """The level below which a path of so many processes is not refined."""
    return max(26, min(DEEPEST, BYTES // (32 * processes)))


@dataclass(frozen=True)
class NativeDriving:
    """The table of a native driver: of its functions only the last three are there."""

    context: int
    functions: tuple[int, int, int]
    keepalive: object

    @property
    def table(self) -> list[int]:
        return [self.context, *[0] * 6, *self.functions]


class Driving:
    """A path and a noise for one run.

    Args:
        noise: of the problem; n: unknowns; seed: of the path. kernel: what the noise does over a step, "euler" or "milstein".
        values: the method asks for B itself.

    Attributes: ``native`` (addresses), ``raised`` (an exception of a function written in Python, for who ran the driver), ``depth``.
    """

    evaluations = solves = 0  # of a linear solver, which this is not

    def __init__(self, noise: Noise, n: int, seed: int, kernel: str, values: bool) -> None:
        self.n, self.m = n, noise.columns
        self.depth = depth_of(self.m)
        self.path = BrownianPath(seed, self.m, self.depth)
        self.now: tuple[Array, Array] = (np.zeros(self.m), np.zeros(self.m))
        self.raised: BaseException | None = None
        self.driven = np.zeros(n + self.m + 1)
        made = noise.milstein if kernel == "milstein" else None
        self.applied: Function = made or noise.applied(n)
        self.values: Function = noise.values if values else Given(_nothing)
        self.native = self._native(seed)

    def _native(self, seed: int) -> NativeDriving:
        code, kept = module(), list[Any]()
        words = np.zeros(len(WORDS), dtype=np.int64)
        kept += [code, words]

        def put(name: str, value: int) -> None:
            words[WORDS.index(name)] = value

        def room(name: str, array: NDArray[Any]) -> None:
            kept.append(array)
            put(name, int(array.ctypes.data))

        words[:2] = keys(seed).view(np.int64)
        for name, value in (("m", self.m), ("n", self.n), ("depth", self.depth)):
            put(name, value)
        room("tags", np.full(2 * (self.depth + 1), -1, dtype=np.int64))
        room("rows", np.empty((2 + 4 * self.depth) * self.m))  # pages that no step needs are never touched
        for name in ("u1", "u2"):
            room(name, np.empty(self.m + 1))
        for name in ("w", "a"):
            room(name, np.zeros(self.m))
        room("driven", self.driven)
        put("values", self._address(self.values, self.n, kept))
        put("applied", self._address(self.applied, self.n + self.m + 1, kept))
        names = ("increment", "values", "applied")
        first, second, third = (code.address(name) for name in names)
        return NativeDriving(int(words.ctypes.data), (first, second, third), kept)

    def _address(self, function: Function, size: int, kept: list[Any]) -> int:
        """The address of a function, which may be one in Python; what that raises is kept, and NaN given back."""
        if function.address is not None:
            kept.append(function)
            return function.address
        call = function.call

        def back(t: float, y: int, _p: int, out: int) -> None:
            result = _seen(out, self.n)
            if self.raised is not None:
                result[:] = np.nan
                return
            try:
                call(t, _seen(y, size), result)
            except BaseException as error:  # KeyboardInterrupt too: it must reach the caller
                self.raised = error
                result[:] = np.nan

        kept.append(_FUNCTION(back))
        return address_of(kept[-1])

    # --- the same for the NumPy meaning ---

    def increment(self, root: float, level: float, index: float, length: float, share: float, *out: Array) -> None:
        """The increments over a node, kept for ``noise_applied``; into ``out`` = w, a (n,) where given."""
        self.now = self.path.increment(int(root), int(level), int(index), length, share)
        for target, value in zip(out, self.now, strict=False):
            target[:] = value

    def noise_values(self, t: float, y: Array, out: Array) -> None:
        """out = B(t, y), its diagonal or its only column."""
        self.values.call(t, y, out)

    def noise_applied(self, t: float, h: float, y: Array, out: Array) -> None:
        """out = what the noise does over a step of length h with the increments asked for last."""
        self.applied.call(t, np.concatenate([y, self.now[0], [h]]), out)


def _nothing(_t: float, _y: Array, out: Array) -> None:
    out[:] = 0.0


def _seen(address: int, size: int) -> Array:
    return np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(ctypes.c_double)), (size,))
