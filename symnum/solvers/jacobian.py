"""df/dy in a fixed sparsity pattern, whatever form a problem gives it in.

Implicit methods solve with M - gamma*df/dy or df/dy - c*M, where M is the identity with zeros in the algebraic rows. So the pattern here always
holds the whole diagonal, and the data of one matrix become those of the other by arithmetic on one vector.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError
from symnum.solvers.problem import Problem

Array = NDArray[np.float64]
Fill = Callable[[float, Array, Array], None]


class FixedJacobian:
    """Values of df/dy in compressed sparse column order.

    Attributes:
        indices, indptr: (nnz,), (n + 1,) int32 of the CSC pattern, rows sorted in each column.
        diagonal: (n,) positions of the diagonal in the data; ``mass``: (n,) diagonal of M.
    """

    def __init__(self, pattern: Any, fill: Fill, mass: Array) -> None:
        from scipy.sparse import csc_matrix, identity

        n = pattern.shape[0]
        own = csc_matrix((np.ones(len(pattern.indices)), pattern.indices, pattern.indptr), shape=(n, n))
        whole = csc_matrix(own + identity(n, format="csc"))
        whole.sort_indices()
        self.n, self.mass = n, mass
        self.indices, self.indptr = whole.indices.astype(np.int32), whole.indptr.astype(np.int32)
        columns = np.repeat(np.arange(n), np.diff(self.indptr))
        keys = columns * n + self.indices  # increasing
        self.diagonal = np.searchsorted(keys, np.arange(n) * (n + 1))
        self._fill = fill
        self._positions: NDArray[np.intp] | None = None
        if len(own.indices) != len(self.indices):
            own_columns = np.repeat(np.arange(n), np.diff(own.indptr))
            self._positions = np.searchsorted(keys, own_columns * n + own.indices)
            self._buffer = np.empty(len(own.indices))

    @property
    def nnz(self) -> int:
        return len(self.indices)

    @property
    def pattern(self) -> Any:
        """A CSC matrix of ones."""
        return self.matrix(np.ones(self.nnz))

    def fill(self, t: float, y: Array, data: Array) -> None:
        """Write df/dy at (t, y) into ``data``, (nnz,)."""
        if self._positions is None:
            self._fill(t, y, data)
        else:
            self._fill(t, y, self._buffer)
            data[:] = 0.0
            data[self._positions] = self._buffer

    def matrix(self, data: Array) -> Any:
        """The CSC matrix of these data; nothing is copied."""
        from scipy.sparse import csc_matrix

        made = csc_matrix((data, self.indices, self.indptr), shape=(self.n, self.n), copy=False)
        made.has_sorted_indices = made.has_canonical_format = True
        return made


def mass_of(problem: Problem) -> Array:
    """The diagonal of M, (n,): 1 for differential rows, 0 for algebraic ones."""
    return np.ones(problem.n) if problem.differential is None else problem.differential.astype(np.float64)


def fixed_jacobian(problem: Problem) -> FixedJacobian | None:
    """The problem's Jacobian in a fixed pattern; None if it gives none.

    Raises:
        SolveError: the Jacobian is not (n, n), or leaves its pattern while solving.
    """
    given = problem.jacobian
    if given is None:
        return None
    if hasattr(given, "pattern") and hasattr(given, "fill"):
        return FixedJacobian(given.pattern, given.fill, mass_of(problem))
    pattern = problem.sparsity() if callable(problem.sparsity) else problem.sparsity
    return _from_function(given, problem, pattern)


def marked_pattern(problem: Problem) -> Any:
    """The problem's sparsity with the whole diagonal, as a CSC matrix with 32-bit indices; None if it gives none."""
    from scipy.sparse import csc_matrix

    given = problem.sparsity() if callable(problem.sparsity) else problem.sparsity
    if given is None:
        return None
    pattern = csc_matrix(given)
    pattern.sort_indices()
    return FixedJacobian(pattern, lambda t, y, data: None, mass_of(problem)).pattern


def graph_width(pattern: Any) -> int:
    """Bandwidth of a CSC matrix after reverse Cuthill-McKee: about the number of unknowns in a cross-section of the grid.

    A narrow graph (one space dimension) factorises in linear time; elimination of a wide one ends with a dense block of about this size.
    """
    from scipy.sparse.csgraph import reverse_cuthill_mckee

    n = pattern.shape[0]
    place = np.empty(n, dtype=np.int64)
    place[reverse_cuthill_mckee(pattern, symmetric_mode=False)] = np.arange(n)
    columns = np.repeat(np.arange(n), np.diff(pattern.indptr))
    return int(np.abs(place[pattern.indices] - place[columns]).max())


def _from_function(given: Callable[[float, Array], Any], problem: Problem, pattern: Any) -> FixedJacobian:
    """A function that returns matrices: its entries are looked up in the pattern (of the sparsity, else of its first value)."""
    from scipy.sparse import csc_matrix, issparse

    n = problem.n
    first = given(problem.t0, problem.y0)
    if getattr(first, "shape", None) != (n, n):
        raise SolveError(f"jacobian(t, y) has shape {np.shape(first)}; return the ({n}, {n}) matrix df_i/dy_j")
    if pattern is None:
        pattern = first if issparse(first) else np.ones((n, n))
    pattern = csc_matrix(pattern)
    pattern.sort_indices()
    rows, columns = pattern.indices, np.repeat(np.arange(n), np.diff(pattern.indptr))

    def fill(t: float, y: Array, data: Array) -> None:
        matrix = given(t, y)
        data[:] = np.asarray(matrix[rows, columns]).ravel()
        if issparse(matrix) and np.count_nonzero(matrix.data) > np.count_nonzero(data):
            raise SolveError(
                f"jacobian(t, y) has {np.count_nonzero(matrix.data)} nonzeros at t = {t:.6g}, some outside its pattern; give the Problem "
                "a sparsity that marks all entries that can become nonzero"
            )

    return FixedJacobian(pattern, fill, mass_of(problem))


class FunctionProduct:
    """(df/dy) v by a function (t, y, v, out)."""

    def __init__(self, jvp: Callable[[float, Array, Array, Array], None], clamp: Callable[[float], float]) -> None:
        self.jvp, self.clamp = jvp, clamp

    def setup(self, t: float, y: Array) -> None:
        """Nothing to prepare."""

    def times(self, t: float, y: Array, v: Array, out: Array) -> None:
        self.jvp(self.clamp(t), y, v, out)


class MatrixProduct:
    """(df/dy) v by the sparse matrix at (t, y): no further kernel to compile."""

    def __init__(self, jacobian: FixedJacobian, clamp: Callable[[float], float]) -> None:
        self.jacobian, self.clamp = jacobian, clamp
        self.data = np.empty(jacobian.nnz)
        self.matrix = jacobian.matrix(self.data)

    def setup(self, t: float, y: Array) -> None:
        self.jacobian.fill(self.clamp(t), y, self.data)

    def times(self, t: float, y: Array, v: Array, out: Array) -> None:
        out[:] = self.matrix @ v


Product = FunctionProduct | MatrixProduct
