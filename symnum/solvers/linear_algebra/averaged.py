"""The preconditioner of equations whose stiffness lies in a linear part with constant coefficients.

P = M - gamma*(L + R):  L the constant linear part of f, R the average over the grid of what else couples the k fields at a point (k x k)

P z = r is solved exactly in a basis where L is diagonal (see ``diagonal``): two transforms and k x k blocks. The number of Krylov iterations then
does not grow with the grid (Concus, Golub, SIAM J. Numer. Anal. 10 (1973) 1103-1120).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.ir.linear_part import LinearPart
from symnum.solvers.jacobian import FixedJacobian, mass_of
from symnum.solvers.linear_algebra.diagonal import Diagonalisation, diagonalise
from symnum.solvers.linear_algebra.transform import Transformed
from symnum.solvers.problem import Problem

Array = NDArray[np.float64]
STIFFEST_REST = 0.1  # share of L's largest entry that the rest of df/dy may reach for P to be chosen


class Averaged:
    """See the module; ``setup`` and ``solve`` are those of ``preconditioner.Preconditioner``.

    Args:
        part: L; basis: of L; mass: (k,) the diagonal of M by field; jacobian: df/dy for R, None leaves R out.

    Counts: ``evaluations`` of the Jacobian, ``factorisations`` (inversions of all blocks), ``solves``.
    """

    def __init__(self, part: LinearPart, basis: Diagonalisation, mass: Array, jacobian: FixedJacobian | None) -> None:
        self.jacobian, self.constant_symbol, self.gamma = jacobian, basis.symbol, 0.0
        self.solver = Transformed(basis.with_symbol(basis.symbol), mass)
        self.invertible = False
        self.evaluations = self.factorisations = self.solves = 0
        if jacobian is not None:
            self.data = np.empty(jacobian.nnz)
            self.places = _Pointwise(jacobian.indices, jacobian.indptr, basis.fields)
            constant = part.matrix.tocsc()
            constant.sort_indices()
            self.constant = _Pointwise(constant.indices, constant.indptr, basis.fields).average(constant.data)

    def setup(self, t: float, y: Array, gamma: float, reuse: bool) -> None:
        """Prepare for P at (t, y); R is renewed unless ``reuse``. Where P is singular, the identity is left in its place."""
        fresh = not reuse or not self.evaluations
        if fresh:
            self._renew(t, y)
        if fresh or gamma != self.gamma:
            self.gamma = gamma
            self.factorisations += 1
            self.invertible = self.solver.factor(0, 1 / gamma)  # P = gamma*(M/gamma - L - R)

    def solve(self, r: Array, out: Array) -> None:
        """Write z with P z = r into ``out``."""
        self.solves += 1
        if not self.invertible:
            out[:] = r
            return
        self.solver.fast_solve(r, out)
        out /= self.gamma

    def _renew(self, t: float, y: Array) -> None:
        self.evaluations += 1
        if self.jacobian is None:
            return
        self.jacobian.fill(t, y, self.data)
        rest = self.places.average(self.data) - self.constant
        if np.isfinite(rest).all():
            ones = (1,) * len(self.solver.basis.modes)
            self.solver.change_symbol(self.constant_symbol + rest.reshape(*rest.shape, *ones))


class _Pointwise:
    """Where the entries stand that couple fields at one grid point, and their average by pair of fields."""

    def __init__(self, indices: NDArray[Any], indptr: NDArray[Any], fields: int) -> None:
        n = len(indptr) - 1
        size = n // fields
        columns = np.repeat(np.arange(n), np.diff(indptr))
        self.at = np.flatnonzero(indices % size == columns % size)
        self.pair = indices[self.at] // size * fields + columns[self.at] // size
        self.fields, self.size = fields, size

    def average(self, data: Array) -> Array:
        """(k, k): the mean over the grid of d f_a / d y_b at the same point."""
        sums = np.bincount(self.pair, data[self.at], minlength=self.fields**2)
        return sums.reshape(self.fields, self.fields) / self.size


def field_mass(problem: Problem, part: LinearPart) -> Array | None:
    """The diagonal of M by field, (k,); None where a field is algebraic at some points only."""
    mass = mass_of(problem).reshape(len(part.fields), -1)
    return np.ascontiguousarray(mass[:, 0]) if (mass == mass[:, :1]).all() else None


def averaged(problem: Problem, jacobian: FixedJacobian | None, certain: bool = False) -> Averaged | None:
    """The preconditioner, or None where no basis is known or L is not where the stiffness lies.

    Args:
        certain: take it whatever the share of L.
    """
    part = problem.linear_part() if problem.linear_part is not None else None
    if part is None or part.grid is None:
        return None
    mass, basis = field_mass(problem, part), diagonalise(part)
    if (
        mass is None
        or basis is None
        or not (certain or (jacobian is not None and _stiffness_is_in(part, problem, jacobian)))
    ):
        return None
    return Averaged(part, basis, mass, jacobian)


def _stiffness_is_in(part: LinearPart, problem: Problem, jacobian: FixedJacobian) -> bool:
    data = np.empty(jacobian.nnz)
    jacobian.fill(problem.t0, problem.y0, data)
    rest = abs(jacobian.matrix(data) - part.matrix)
    return bool(rest.max() <= STIFFEST_REST * abs(part.matrix).max())
