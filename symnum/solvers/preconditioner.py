"""Preconditioners of Krylov methods: P z = r with P close to A = M - gamma*df/dy.

M is the identity, with zeros in the rows of algebraic equations. Two of the built-in ones factorise A and **keep the factors while they still
help**: with the factors of an old gamma0 the eigenvalues of P^-1 A lie between 1 and gamma/gamma0 for df/dy with negative eigenvalues, so a Krylov
method needs only an iteration or two more, while a factorisation costs as much as some fifty solves. The third solves with a linear part with
constant coefficients exactly, by transforms (``linear_algebra.averaged``).
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.jacobian import FixedJacobian

Array = NDArray[np.float64]
NARROW, WIDE = 0.2, 5.0  # the range of gamma/gamma0 in which factors are kept
DROP_TOLERANCE, FILL_FACTOR = 1e-3, 10.0  # of incomplete factors


class Preconditioner(Protocol):
    """What ``preconditioner=`` takes; all arrays are (n,) float64 and only ``out`` may be written."""

    def setup(self, t: float, y: Array, gamma: float, reuse: bool) -> None:
        """Prepare for P close to M - gamma*df/dy at (t, y). ``reuse``: a df/dy evaluated in an earlier call is still good enough."""

    def solve(self, r: Array, out: Array) -> None:
        """Write z with P z = r into ``out``."""


class Factorisation:
    """LU factors of A (``kind="lu"``) or incomplete ones (``"ilu"``), by SuperLU with minimum degree ordering of A + A'.

    Counts: ``evaluations`` of the Jacobian, ``factorisations``, ``solves``.
    """

    def __init__(self, jacobian: FixedJacobian, kind: str) -> None:
        self.jacobian, self.kind = jacobian, kind
        self.gamma = 0.0
        self.factors: Any = None
        self.data = np.empty(jacobian.nnz)
        self.evaluations = self.factorisations = self.solves = 0

    def setup(self, t: float, y: Array, gamma: float, reuse: bool) -> None:
        """See ``Preconditioner.setup``. A singular A leaves the identity in its place."""
        fresh = not reuse or not self.evaluations
        if fresh:
            self.jacobian.fill(t, y, self.data)
            self.evaluations += 1
        if fresh or not NARROW <= gamma / self.gamma <= WIDE:
            self.factors = None  # frees the memory of the old ones first
            self.factors = self._factorise(gamma)
            self.gamma = gamma

    def solve(self, r: Array, out: Array) -> None:
        """See ``Preconditioner.solve``."""
        out[:] = r if self.factors is None else self.factors.solve(r)
        self.solves += 1

    def _factorise(self, gamma: float) -> Any:
        self.factorisations += 1
        values = -gamma * self.data
        values[self.jacobian.diagonal] += self.jacobian.mass
        return factorise(self.jacobian.matrix(values), self.kind)


def factorise(matrix: Any, kind: str = "lu") -> Any:
    """SuperLU factors of a CSC matrix, or None where it is singular or not finite."""
    from scipy.sparse.linalg import spilu, splu

    from symnum.solvers.linear_algebra.threads import one_thread

    if not np.isfinite(matrix.data).all():
        return None
    numbers = {"permc_spec": "MMD_AT_PLUS_A", "diag_pivot_thresh": 0.001, "options": {"SymmetricMode": True}}
    try:
        with one_thread():
            if kind == "lu":
                return splu(matrix, **numbers)
            return spilu(matrix, drop_tol=DROP_TOLERANCE, fill_factor=FILL_FACTOR, **numbers)
    except RuntimeError:  # singular
        return None
