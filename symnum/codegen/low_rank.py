"""A matrix that is sparse but for a few dense directions: S + L R, never formed."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import bmat, csc_matrix, csr_matrix, identity
from scipy.sparse.linalg import LinearOperator, splu


class SparsePlusLowRank(LinearOperator):
    """A = S + L R with sparse S (n, n), L (n, r), R (r, n): the Jacobian of equations with integrals.

    ``A @ x``, ``A.T @ x``, ``A.solve(b)``; ``A.tocsc()``, ``A.toarray()`` and ``numpy.asarray(A)`` form the matrix; ``A.nnz`` counts what is kept.
    """

    def __init__(self, sparse: Any, left: Any, right: Any) -> None:
        super().__init__(np.dtype(np.float64), sparse.shape)
        self.sparse, self.left, self.right = csc_matrix(sparse), csc_matrix(left), csr_matrix(right)

    @classmethod
    def from_blocks(cls, sparse: Any, left: Any, right: Any, between: Any) -> SparsePlusLowRank:
        """S + L (1 - M)^-1 R; M (r, r) is nilpotent, its inverse is taken into R."""
        if between.nnz:
            right = splu(csc_matrix(identity(between.shape[0]) - between)).solve(right.toarray())
        return cls(sparse, left, right)

    @property
    def rank(self) -> int:
        """Number of dense directions."""
        return int(self.left.shape[1])

    def _matvec(self, x: Any) -> Any:
        x = np.asarray(x).reshape(-1)
        return self.sparse @ x + self.left @ (self.right @ x)

    def _rmatvec(self, x: Any) -> Any:
        x = np.asarray(x).reshape(-1)
        return self.sparse.T @ x + self.right.T @ (self.left.T @ x)

    def _matmat(self, x: Any) -> Any:
        return self.sparse @ x + self.left @ (self.right @ x)

    @property
    def nnz(self) -> int:
        """How many numbers are kept, those of S, L and R (``tocsc().nnz``: entries of the whole matrix)."""
        return int(self.sparse.nnz + self.left.nnz + self.right.nnz)

    def tocsc(self) -> Any:
        """The whole matrix as a SciPy CSC matrix: rows in which an integral stands are full."""
        return csc_matrix(self.sparse + self.left @ self.right)

    def toarray(self) -> Any:
        """The dense matrix, (n, n)."""
        return self.sparse.toarray() + (self.left @ self.right).toarray()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """``numpy.asarray(A)``; also what lets SciPy's constructors (``csc_matrix(A)``) take A."""
        return self.toarray().astype(np.float64 if dtype is None else dtype, copy=False)

    def solve(self, b: Any) -> Any:
        """x with A x = b; b: (n,). Raises RuntimeError (SciPy's) where A is singular; S may be.

        One sparse factorisation of ``[[S, L], [R, -1]] (x, z) = (b, 0)``. (The formula of Sherman, Morrison and Woodbury divides by S, which is
        singular for diffusion without given values.)
        """
        whole = bmat([[self.sparse, self.left], [self.right, -identity(self.rank)]], format="csc")
        right = np.concatenate([np.asarray(b, dtype=np.float64), np.zeros(self.rank)])
        return splu(whole).solve(right)[: self.shape[0]]
