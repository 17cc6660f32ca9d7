"""Sparse matrices: SuperLU (through SciPy) in an order of the unknowns that is found once.

The pattern does not change from step to step, so the order by minimum degree of A + A' is taken from the first factors and the matrix is kept in
that order; SuperLU then spends nothing on finding it again (a fifth to a half of its time).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.linear_algebra.contract import NativeLinear
from symnum.solvers.linear_algebra.direct import Direct
from symnum.solvers.linear_algebra.entries import Entries
from symnum.solvers.linear_algebra.pattern import Pattern, filled
from symnum.solvers.linear_algebra.threads import one_thread

_THRESHOLD = 0.001  # a diagonal entry serves as pivot if it is this large a share of its column
_MANY = 20_000  # unknowns from which on SuperLU's panels of columns pay


class Sparse(Direct):
    """See the module. ``native``: factors in a fixed pattern (``pattern``), where these are small; else it is called from Python."""

    kind = "sparse"

    def __init__(self, entries: Entries) -> None:
        super().__init__(entries)
        pattern = entries.pattern()
        self.order = _minimum_degree(pattern)
        self.position = np.empty(entries.total, dtype=np.int64)
        self.position[self.order] = np.arange(entries.total)
        whole = pattern[self.order][:, self.order].tocsc()
        whole.sort_indices()
        self.indices, self.indptr = whole.indices.astype(np.int32), whole.indptr.astype(np.int32)
        self.storage = len(self.indices)
        columns = np.repeat(np.arange(entries.total), np.diff(self.indptr))
        self._keys = columns * entries.total + self.indices  # increasing

    @cached_property
    def native(self) -> NativeLinear | None:  # type: ignore[override]  # SuperLU is reached through Python
        if not self.entries.mass.all():  # pivots of algebraic equations are zero as a rule
            return None
        pattern = self.entries.pattern()
        ordered = (pattern + pattern.T)[self.order][:, self.order].tocsc()
        places = filled(ordered)
        return None if places is None else Pattern(self, *places).native

    def place(self, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
        i, j = self.position[rows], self.position[columns]
        return np.searchsorted(self._keys, j * self.entries.total + i)

    def factorised(self, stored: NDArray[Any]) -> Any:
        from scipy.sparse import csc_matrix
        from scipy.sparse.linalg import splu

        total = self.entries.total
        matrix = csc_matrix((stored, self.indices, self.indptr), shape=(total, total), copy=False)
        matrix.has_sorted_indices = matrix.has_canonical_format = True
        panels = {} if total >= _MANY else {"relax": 1, "panel_size": 1}
        try:
            with one_thread():
                return splu(
                    matrix, permc_spec="NATURAL", diag_pivot_thresh=_THRESHOLD, options={"SymmetricMode": True}, **panels
                )
        except RuntimeError:  # singular
            return None

    def solved(self, factors: Any, b: NDArray[Any]) -> NDArray[Any]:
        solution = np.empty_like(b)
        with one_thread():
            solution[self.order] = factors.solve(b[self.order])
        return solution


def _minimum_degree(pattern: Any) -> NDArray[np.intp]:
    """SuperLU's order by minimum degree of A + A': which unknown stands at each position."""
    from scipy.sparse import identity
    from scipy.sparse.linalg import splu

    dominant = (pattern + pattern.shape[0] * identity(pattern.shape[0])).tocsc()  # no row exchanges
    factors = splu(dominant, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True})
    return np.argsort(factors.perm_c)
