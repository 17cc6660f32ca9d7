"""Sparse matrices of one pattern, factorised again and again: L and U keep the places that fill-in needs, found once.

The rows of W = L U, in an order of minimum degree, are made one after the other in a full row of work (I. S. Duff, A. M. Erisman, J. K. Reid, *Direct
Methods for Sparse Matrices*, 2nd ed., section 10.3):

    row i of W;   for each k < i in it:  l_ik = w_ik / u_kk,  row -= l_ik * (row k of U)

Pivots stay on the diagonal. Where one is too small beside its row, SuperLU takes over for this matrix, called through Python. All of it is machine
code that calls nothing: on 32 x 32 points of three fields factors take a sixth and solves a third of SuperLU's time.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.linear_algebra.code import REDUCE, Function
from symnum.solvers.linear_algebra.direct import Direct
from symnum.solvers.linear_algebra.elimination import Field

if TYPE_CHECKING:
    from symnum.solvers.linear_algebra.sparse import Sparse

Index = NDArray[np.int64]
SMALLEST = "1.0e-3"  # pivot, as a share of the largest entry right of it
MOST = 4_000_000  # multiplications of one factorisation, beyond which SuperLU's blocks of columns are faster
_RESCUE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32, ctypes.c_double, ctypes.c_double)
_SOLVE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int32, *[ctypes.c_void_p] * 4)


def filled(pattern: Any) -> tuple[Index, Index] | None:
    """The places of L + U for a symmetric pattern, row by row: (starts, columns); None where factors need too many multiplications.

    The structure of column k of L is that of W below the diagonal, with those of its children in the elimination tree (Davis, *Direct Methods for
    Sparse Linear Systems*, 2006, section 4.1).
    """
    n = pattern.shape[0]
    children: list[list[Index]] = [[] for _ in range(n)]
    below, work = [], 0.0
    for k in range(n):
        own = pattern.indices[pattern.indptr[k] : pattern.indptr[k + 1]]
        found = np.unique(np.concatenate([own[own > k], *children[k]])) if children[k] else np.sort(own[own > k])
        children[k] = []
        work += float(len(found)) ** 2
        if work > MOST:
            return None
        below.append(found)
        if len(found):
            children[found[0]].append(found[1:])
    from scipy.sparse import csr_matrix

    counts = np.array([len(b) for b in below])
    columns, rows = np.repeat(np.arange(n), counts), np.concatenate([*below, np.empty(0, dtype=np.int64)]).astype(np.int64)
    every = np.arange(n)
    places = (np.concatenate([rows, columns, every]), np.concatenate([columns, rows, every]))
    whole = csr_matrix((np.ones(len(places[0])), places), shape=(n, n))
    whole.sort_indices()
    return whole.indptr.astype(np.int64), whole.indices.astype(np.int64)


class Pattern(Direct):
    """The native face of ``Sparse``; see the module. ``outer`` factorises and solves where pivots are small."""

    kind = "pattern"

    def __init__(self, outer: Sparse, starts: Index, columns: Index) -> None:
        self.outer = outer
        super().__init__(outer.entries)
        self.values, self.counters = outer.values, outer.counters
        total = outer.entries.total
        self.storage = len(columns)
        rows = np.repeat(np.arange(total), np.diff(starts))
        self._keys = rows * total + columns
        self._starts = starts.astype(np.int32)
        self._columns = columns.astype(np.int32)
        self._pivots = np.flatnonzero(rows == columns).astype(np.int32)
        self._order = outer.order.astype(np.int32)
        self.rescued = np.zeros(16, dtype=np.int64)
        self._callbacks = (_RESCUE(self._rescue), _SOLVE(self._solve_outside))

    @property
    def raised(self) -> BaseException | None:  # the solver that the driver asks is the outer one
        return self.outer.raised

    @raised.setter
    def raised(self, error: BaseException | None) -> None:
        self.outer.raised = error

    def place(self, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
        i, j = self.outer.position[rows], self.outer.position[columns]
        return np.searchsorted(self._keys, i * self.entries.total + j)

    def words(self) -> dict[Any, int]:
        from symnum.solvers.linear_algebra.native import Word

        arrays: dict[Any, NDArray[Any]] = {Word.PERMUTATION: self._order, Word.STARTS: self._starts, Word.INDICES: self._columns}
        arrays |= {Word.DIAGONALS: self._pivots, Word.RESCUED: self.rescued}
        calls = zip((Word.RESCUE, Word.OUTSIDE), self._callbacks, strict=True)
        called = {word: ctypes.cast(call, ctypes.c_void_p).value or 0 for word, call in calls}
        return {word: array.ctypes.data for word, array in arrays.items()} | called

    def _rescue(self, slot: int, shift: float, imaginary: float) -> int:
        """Factors with row exchanges."""
        try:
            done = self.outer.factor(slot, complex(shift, imaginary))
            self.counters[1] -= 1  # counted already
            return int(done)
        except BaseException as error:  # raised when the native function has returned
            self.outer.raised = error
            return 0

    def _solve_outside(self, slot: int, b0: int, b1: int, out0: int, out1: int) -> int:
        try:
            n = self.entries.n
            b_re, b_im, out_re, out_im = (_vector(address, n) for address in (b0, b1, out0, out1))
            self.counters[2] -= 1
            if b_im is None or out_im is None:
                return int(self.outer.solve(slot, b_re, out_re))
            return int(self.outer.solve_complex(slot, b_re, b_im, out_re, out_im))
        except BaseException as error:
            self.outer.raised = error
            return 0


def _vector(address: int | None, n: int) -> Any:
    return None if not address else np.ctypeslib.as_array(ctypes.cast(address, ctypes.POINTER(ctypes.c_double)), (n,))


# --- machine code -----------------------------------------------------------------------------------------------------


def factorise(width: int) -> Function:
    """i32 factorise(W, starts, columns, diagonals, n, work): L and U in place of W, 1/u_kk on the diagonal; 0 where a pivot is small or NaN."""
    f = Function(f"internal i32 @factorise{width}(ptr %w, ptr %starts, ptr %columns, ptr %diagonals, i64 %n, ptr %work)")
    field, ok = Field(f, width), f.variable("i32", "1")
    with f.loop(0, "%n") as i:
        start, stop = f.whole("%starts", i), f.whole("%starts", f.emit(f"add i64 {i}, 1"))
        middle = f.whole("%diagonals", i)
        with f.loop(start, stop, parallel=True) as p:
            field.store(field.load("%w", p), "%work", f.whole("%columns", p))
        with f.loop(start, middle) as p:
            _subtract_row(f, field, p)
        with f.loop(start, stop, parallel=True) as p:
            field.store(field.load("%work", f.whole("%columns", p)), "%w", p)
        pivot = field.load("%w", middle)
        largest = f.variable("double", "0.0")
        with f.loop(f.emit(f"add i64 {middle}, 1"), stop) as p:
            size, before = field.magnitude(field.load("%w", p)), f.read("double", largest)
            f.write("double", f.emit(f"call double @llvm.maxnum.f64(double {size}, double {before})"), largest)
        least = f.arithmetic("fmul", f.read("double", largest), SMALLEST)
        size = field.magnitude(pivot)
        sound = f.emit(f"and i1 {f.emit(f'fcmp ogt double {size}, {least}')}, {f.emit(f'fcmp ogt double {size}, 0.0')}")
        with f.unless(sound):
            f.write("i32", "0", ok)
        field.store(field.inverse(pivot), "%w", middle)
    f.do(f"ret i32 {f.read('i32', ok)}")
    return f


def _subtract_row(f: Function, field: Field, p: str) -> None:
    """l = work[k]/u_kk for the k of place p, and work -= l * (row k of U)."""
    k = f.whole("%columns", p)
    middle = f.whole("%diagonals", k)
    factor = field.multiply(field.load("%work", k), field.load("%w", middle))
    field.store(factor, "%work", k)
    stop = f.whole("%starts", f.emit(f"add i64 {k}, 1"))
    with f.loop(f.emit(f"add i64 {middle}, 1"), stop, parallel=True) as q:
        target = f.whole("%columns", q)
        taken = field.multiply(factor, field.load("%w", q))
        field.store(field.subtract(field.load("%work", target), taken), "%work", target)


def solve_rows(width: int) -> Function:
    """void solve_rows(W, starts, columns, diagonals, n, x): x = U^-1 L^-1 x."""
    f = Function(f"internal void @solve_rows{width}(ptr %w, ptr %starts, ptr %columns, ptr %diagonals, i64 %n, ptr %x)")
    field = Field(f, width)
    with f.loop(0, "%n") as i:
        _minus_products(f, field, i, f.whole("%starts", i), f.whole("%diagonals", i))
    with f.loop(0, "%n") as up:
        i = f.emit(f"sub i64 {f.emit('sub i64 %n, 1')}, {up}")
        middle = f.whole("%diagonals", i)
        _minus_products(f, field, i, f.emit(f"add i64 {middle}, 1"), f.whole("%starts", f.emit(f"add i64 {i}, 1")))
        field.store(field.multiply(field.load("%x", i), field.load("%w", middle)), "%x", i)
    f.do("ret void")
    return f


def _minus_products(f: Function, field: Field, i: str, start: str, stop: str) -> None:
    """x[i] minus the sum of w[p] x[columns[p]]."""
    parts = [f.variable("double", "0.0") for _ in range(field.width)]
    with f.loop(start, stop) as p:
        term = field.multiply(field.load("%w", p), field.load("%x", f.whole("%columns", p)))
        for part, value in zip(parts, term, strict=True):
            f.write("double", f.arithmetic("fadd", f.read("double", part), value, REDUCE), part)
    total = tuple(f.read("double", part) for part in parts)
    field.store(field.subtract(field.load("%x", i), total), "%x", i)
