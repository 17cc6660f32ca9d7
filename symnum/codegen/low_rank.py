"""A matrix that is sparse but for a few dense directions: S + L R, never formed."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix, identity
from scipy.sparse.linalg import LinearOperator, splu


class SparsePlusLowRank(LinearOperator):
    """A = S + L R with sparse S (n, n), L (n, r), R (r, n): the Jacobian of equations with integrals.

    ``A @ x``, ``A.T @ x``, ``A.toarray()`` and ``A.solve(b)`` (Sherman, Morrison and Woodbury: one sparse factorisation of S and one r x r solve).
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

    def toarray(self) -> Any:
        """The dense matrix, (n, n)."""
        return self.sparse.toarray() + (self.left @ self.right).toarray()

    def solve(self, b: Any) -> Any:
        """x with A x = b; b: (n,). Raises RuntimeError (SciPy's) where S is singular."""
        factor = splu(self.sparse)
        x = factor.solve(np.asarray(b, dtype=np.float64))
        across = factor.solve(self.left.toarray())
        small = np.eye(self.rank) + self.right @ across
        return x - across @ np.linalg.solve(small, self.right @ x)
