"""Direct solvers with a native face: full and banded matrices."""

from __future__ import annotations

import ctypes
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.linear_algebra.contract import SLOTS, NativeLinear
from symnum.solvers.linear_algebra.entries import Entries

Array = NDArray[np.float64]
SMALL = 48  # unknowns up to which LAPACK is no faster
LARGEST_SERIAL = 1000  # unknowns from which on several threads pay for a full matrix
_EVALUATE = ctypes.CFUNCTYPE(None, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)


class Direct:
    """What the direct solvers share: the entries of J, counters, the native context. See ``contract.LinearSolver``.

    A subclass says where the entries stand in its stored matrix (``kind``, ``place``, ``storage``) and factorises for the Python meaning.
    """

    kind = ""
    serial = False  # machine code calls LAPACK, which is to work in one thread

    def __init__(self, entries: Entries) -> None:
        self.entries = entries
        self.counters: Array = np.zeros(3)
        self.values: Array = np.zeros(entries.size) if entries.constant is None else entries.constant
        self.raised: BaseException | None = None
        self.factors: dict[tuple[int, bool], Any] = {}

    # --- where numbers stand; what a subclass gives

    storage = 0  # numbers of a stored matrix

    def place(self, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
        """Positions of entries in the stored matrix."""
        raise NotImplementedError

    def words(self) -> dict[Any, int]:
        """Further words of the native context."""
        return {}

    def factorised(self, stored: NDArray[Any]) -> Any:
        """Factors of a stored matrix, or None where it is singular."""
        raise NotImplementedError

    def solved(self, factors: Any, b: NDArray[Any]) -> NDArray[Any]:
        """W^-1 b; b: (total,)."""
        raise NotImplementedError

    # --- the Python meaning

    @property
    def evaluations(self) -> int:
        return int(self.counters[0])

    @property
    def factorisations(self) -> int:
        return int(self.counters[1])

    @property
    def solves(self) -> int:
        return int(self.counters[2])

    def jacobian(self, t: float, y: Array) -> bool:
        self.counters[0] += 1
        if self.entries.evaluate is not None:
            self.entries.evaluate(t, y, self.values)
        return bool(np.isfinite(self.values).all())

    def factor(self, slot: int, shift: complex) -> bool:
        self.counters[1] += 1
        entries, real = self.entries, complex(shift).imag == 0
        stored: NDArray[Any] = -np.bincount(self._places, self.values[entries.at], minlength=self.storage).astype(
            np.float64 if real else np.complex128
        )
        stored[self._diagonal[: entries.n]] += (complex(shift).real if real else shift) * entries.mass
        stored[self._diagonal[entries.n :]] += 1.0
        self.factors[slot, real] = self.factorised(stored) if np.isfinite(stored).all() else None
        return self.factors[slot, real] is not None

    def solve(self, slot: int, b: Array, out: Array) -> bool:
        self.counters[2] += 1
        out[:] = self._solved(self.factors[slot, True], b)
        return True

    def solve_complex(self, slot: int, b_re: Array, b_im: Array, out_re: Array, out_im: Array) -> bool:
        self.counters[2] += 1
        solution = self._solved(self.factors[slot, False], b_re + 1j * b_im)
        out_re[:], out_im[:] = solution.real, solution.imag
        return True

    def product(self, v: Array, out: Array) -> None:
        self.entries.product(self.values, v, out)

    def _solved(self, factors: Any, b: NDArray[Any]) -> NDArray[Any]:
        whole = np.concatenate([b, np.zeros(self.entries.extra, dtype=b.dtype)])
        return self.solved(factors, whole)[: self.entries.n]

    @cached_property
    def _places(self) -> NDArray[np.int32]:
        return np.ascontiguousarray(self.place(self.entries.rows, self.entries.columns), dtype=np.int32)

    @cached_property
    def _diagonal(self) -> NDArray[np.int32]:
        every = np.arange(self.entries.total)
        return np.ascontiguousarray(self.place(every, every), dtype=np.int32)

    # --- the native meaning

    @cached_property
    def native(self) -> NativeLinear:
        """The context and the addresses. Memory of a matrix that is never used is never touched, so it costs nothing."""
        from symnum.solvers.linear_algebra.native import FUNCTIONS, Word, compiled

        entries = self.entries
        arrays: dict[int, NDArray[Any]] = {
            Word.VALUES: self.values,
            Word.AT: entries.at,
            Word.ROWS: entries.rows,
            Word.COLUMNS: entries.columns,
            Word.PLACE: self._places,
            Word.DIAGONAL: self._diagonal,
            Word.MASS: entries.mass,
            Word.COUNTERS: self.counters,
            Word.WORK: np.empty(2 * entries.total),
        }
        for slot in range(SLOTS):
            arrays[Word.REAL + slot] = np.empty(self.storage)
            arrays[Word.COMPLEX + slot] = np.empty(2 * self.storage)
            arrays[Word.PIVOTS + slot] = np.empty(entries.total, dtype=np.int64)
        context = np.zeros(Word.COUNT, dtype=np.int64)
        for name, numbers in arrays.items():
            context[name] = numbers.ctypes.data
        callback = self._evaluator()
        context[Word.N], context[Word.TOTAL], context[Word.NONZEROS] = entries.n, entries.total, len(entries.at)
        context[Word.INNER] = np.count_nonzero(entries.rows >= entries.n)
        context[Word.SIZE], context[Word.STORAGE] = len(self.values), self.storage
        context[Word.EVALUATE] = (
            callback if isinstance(callback, int) else ctypes.cast(callback, ctypes.c_void_p).value or 0
        )
        for name, value in self.words().items():
            context[name] = value
        module = compiled(self.kind)
        addresses = {name: module.address(name) for name in FUNCTIONS}
        keep = (self, context, arrays, callback, module)
        return NativeLinear(context.ctypes.data, **addresses, keepalive=keep, counters=self.counters)

    def _evaluator(self) -> Any:
        """The address of what evaluates J (0: constant), or a callback into Python."""
        entries = self.entries
        if entries.evaluate is None:
            return 0
        if entries.address is not None:
            return entries.address
        evaluate, values, n = entries.evaluate, self.values, entries.n

        def call(t: float, y: int, p: int, out: int) -> None:
            try:
                evaluate(t, np.ctypeslib.as_array(ctypes.cast(y, ctypes.POINTER(ctypes.c_double)), (n,)), values)
            except BaseException as error:  # raised when the native function has returned
                self.raised = error
                values[:] = np.nan

        return _EVALUATE(call)


class Dense(Direct):
    """The full matrix; elimination written out for small ones, LAPACK for others."""

    def __init__(self, entries: Entries) -> None:
        super().__init__(entries)
        self.kind = "small" if entries.total <= SMALL else "dense"
        self.serial = self.kind == "dense" and entries.total <= LARGEST_SERIAL
        self.storage = entries.total**2

    def place(self, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
        total = self.entries.total
        rows, columns = rows.astype(np.int64), columns.astype(np.int64)
        return rows * total + columns if self.kind == "small" else columns * total + rows

    def words(self) -> dict[Any, int]:
        from symnum.solvers.linear_algebra.native import Word, lapack

        names = {Word.GETRF: "dgetrf", Word.GETRS: "dgetrs", Word.COMPLEX_GETRF: "zgetrf", Word.COMPLEX_GETRS: "zgetrs"}
        return {w: lapack(name) for w, name in names.items()} | {Word.LEADING: self.entries.total}

    def factorised(self, stored: NDArray[Any]) -> Any:
        from scipy.linalg import lapack

        total = self.entries.total
        matrix = stored.reshape(total, total) if self.kind == "small" else stored.reshape(total, total).T
        getrf = lapack.dgetrf if stored.dtype == np.float64 else lapack.zgetrf
        factors, pivots, info = getrf(matrix)
        return (factors, pivots) if info == 0 else None

    def solved(self, factors: Any, b: NDArray[Any]) -> NDArray[Any]:
        from scipy.linalg import lapack

        getrs = lapack.dgetrs if b.dtype == np.float64 else lapack.zgetrs
        solution: NDArray[Any] = getrs(*factors, b)[0]
        return solution
