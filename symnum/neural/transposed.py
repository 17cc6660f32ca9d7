"""Solves with the transposed Jacobian of a system, as its derivative from the left needs them.

    (M - shift J)^T v = right,   J = df/dy(t, y),   M the identity with zeros in algebraic rows

The matrix is factorised by SuperLU where it was last needed and kept while it serves: v is corrected until it fits the exact products J^T v, so what
the sparse matrix leaves out (integrals) is not missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.target import CompiledKernel
from symnum.errors import SolveError
from symnum.solvers.problem import Problem

Array = NDArray[np.float64]

CORRECTIONS = 12
SLOW = 0.2  # rate of the corrections from which on the next solve has factors of its own
ROUND_OFF = 1e-14  # of the largest entry of the matrix times v
ENOUGH, BEARABLE = 1e-14, 1e-9  # what may be left, relative to the right side: where the corrections stop, and at most


class Transposed:
    """Products and solves for parameters p; ``by_parameter`` sums (df/dp)^T v over all that were made for good.

    Args: problem: with a Jacobian; vjp: the kernel (t; y, w; p) -> (w^T df/dy, w^T df/dp).
    """

    def __init__(self, problem: Problem, vjp: CompiledKernel, p: Array) -> None:
        from symnum.solvers.jacobian import fixed_jacobian

        self.vjp, self.p, self.n = vjp, p, problem.n
        problem.parameters[:] = p  # the Jacobian reads them there; another solve may have set others since
        jacobian = fixed_jacobian(problem)
        assert jacobian is not None, "a semi-discrete system has a Jacobian"
        self.jacobian = jacobian
        self.data = np.empty(self.jacobian.nnz)
        self.both, self.result = np.empty(2 * self.n), np.empty(self.n + len(p))
        self.by_parameter = np.zeros(len(p))
        self.factors: Any = None
        self.shift, self.slow, self.largest = 0.0, True, 0.0

    def pull(self, t: float, y: Array, v: Array) -> Array:
        """J^T v; (df/dp)^T v is added to the sum."""
        made = self.product(t, y, v)
        self.by_parameter += self.result[self.n :]
        return made

    def solve(self, t: float, y: Array, shift: float, right: Array) -> Array:
        """J^T v of (M - shift J)^T v = right; (df/dp)^T v is added to the sum. Raises SolveError."""
        if not right.any():
            return np.zeros_like(right)
        if self.slow or abs(shift - self.shift) > 1e-12 * abs(shift):
            self._factorise(t, y, shift)
            made = self._corrected(t, y, shift, right)
        else:
            made = self._corrected(t, y, shift, right)
            if made is None:
                self._factorise(t, y, shift)
                made = self._corrected(t, y, shift, right)
        if made is None:
            made = self._krylov(t, y, shift, right)
        self.by_parameter += self.result[self.n :]
        return made

    def _corrected(self, t: float, y: Array, shift: float, right: Array) -> Array | None:
        """By factors of a matrix nearby, corrected; None where that does not converge.

        What is left of the equation is passed on as (M c - left)/shift = J^T c with the correction c: J times c would magnify its round-off.
        """
        v, size, before = self.factors.solve(right, trans="T"), float(np.linalg.norm(right)), np.inf
        for count in range(CORRECTIONS):
            product = self.product(t, y, v)
            rest = right - self.jacobian.mass * v + shift * product
            change = self.factors.solve(rest, trans="T")
            left, floor = float(np.linalg.norm(rest)), ROUND_OFF * self.largest * float(np.linalg.norm(v))
            if count == 1:
                self.slow = left > SLOW * before
            if left <= ENOUGH * size or (left > 0.5 * before and left <= max(BEARABLE * size, floor)):
                made: Array = product + (self.jacobian.mass * change - rest) / shift
                return made
            if not left < 0.9 * before:
                return None
            before = left
            v = v + change
        return None

    def _krylov(self, t: float, y: Array, shift: float, right: Array) -> Array:
        """GMRES with the factors: where the sparse matrix lacks much of J. Raises SolveError."""
        from scipy.sparse.linalg import LinearOperator, gmres

        operator = LinearOperator(
            (self.n, self.n), lambda v: self.jacobian.mass * v - shift * self.product(t, y, np.ravel(v)), dtype=float
        )
        nearly = LinearOperator((self.n, self.n), lambda v: self.factors.solve(np.ravel(v), trans="T"), dtype=float)
        v, _ = gmres(operator, right, rtol=1e-13, atol=0.0, M=nearly, maxiter=20, restart=60)
        product = self.product(t, y, v)
        if not float(np.linalg.norm(right - self.jacobian.mass * v + shift * product)) <= BEARABLE * float(
            np.linalg.norm(right)
        ):
            raise _singular(t)
        return product

    def _factorise(self, t: float, y: Array, shift: float) -> None:
        from scipy.sparse.linalg import splu

        jacobian = self.jacobian
        jacobian.fill(t, y, self.data)
        self.data *= -shift
        self.data[jacobian.diagonal] += jacobian.mass
        try:
            self.factors = splu(jacobian.matrix(self.data))
        except RuntimeError:  # exactly singular
            raise _singular(t) from None
        self.shift, self.slow, self.largest = shift, False, float(np.abs(self.data).max())

    def product(self, t: float, y: Array, v: Array) -> Array:
        """J^T v, and (df/dp)^T v in the end of ``result``."""
        self.both[: self.n], self.both[self.n :] = y, v
        self.vjp.function(t, self.both, self.p, self.result)
        return np.array(self.result[: self.n])


def _singular(t: float) -> SolveError:
    return SolveError(
        f"the gradient of an implicit step at t = {t:.6g} cannot be solved for (M - h gamma df/dy is nearly singular); "
        "take tighter tolerances, or an explicit method"
    )
