"""Consistent initial values of semi-explicit systems, and whether they exist.

x' = f(t, x, z),   0 = g(t, x, z)

x is given at the start, z is found by Newton's method, damped by the natural monotonicity test (Deuflhard, *Newton Methods for Nonlinear
Problems*, 2004, section 3.3). This is where the index shows: it is one if and only if dg/dz is regular (Hairer and Wanner, *Solving ODEs II*,
VI.1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.jacobian import FixedJacobian
from symnum.solvers.preconditioner import factorise
from symnum.solvers.problem import Problem

Array = NDArray[np.float64]
ITERATIONS, HALVINGS = 60, 12
SINGULAR = 1e14  # condition number (rows scaled) from which on a matrix counts as singular
MOST_DIFFERENCES = 2000  # algebraic unknowns up to which dg/dz is made by differences where no Jacobian is given


@dataclass(frozen=True)
class Start:
    """The state at the start; where ``message`` is not empty there is none, and ``index`` points at an unknown that is not determined."""

    y: Array
    message: str = ""
    index: int | None = None


def consistent_start(
    problem: Problem, t: float, y: Array, jacobian: FixedJacobian | None, rtol: float, atol: float
) -> Start:
    """The state with z such that g(t, x, z) = 0; x is kept. ``y`` is the guess. Without algebraic rows y itself.

    Where dg/dz cannot be had (a Jacobian that leaves out integrals, or none and many unknowns) y is returned as it is: IDA corrects it.
    """
    if problem.differential is None:
        return Start(y)
    if not problem.jacobian_exact or (jacobian is None and (~problem.differential).sum() > MOST_DIFFERENCES):
        return Start(y)
    return _Newton(problem, t, np.array(y), jacobian, rtol, atol).solve()


class _Newton:
    def __init__(
        self, problem: Problem, t: float, y: Array, jacobian: FixedJacobian | None, rtol: float, atol: float
    ) -> None:
        self.problem, self.t, self.y, self.jacobian = problem, t, y, jacobian
        self.rtol, self.atol = rtol, atol
        assert problem.differential is not None
        self.rows = np.flatnonzero(~problem.differential)
        self.out = np.empty(problem.n)

    def solve(self) -> Start:
        start = np.array(self.y)
        z = self.first_guess(start[self.rows])
        if z is None:
            return self.undetermined(start)
        for _ in range(ITERATIONS):
            solver = self.factors(z)
            if solver is None:
                break
            step = -solver(self.residual(z))
            size = self.norm(step, z)
            if not np.isfinite(size):
                break
            z, reached = self.damped(z, step, size, solver)
            if size <= 1e-3:  # where no step is shorter (not reached), nothing but round-off is left
                return Start(self.state(z))
            if not reached:
                break
        return self.no_solution(start, z)

    def damped(self, z: Array, step: Array, size: float, solver: Callable[[Array], Array]) -> tuple[Array, bool]:
        """The longest step, halved again and again, after which the next simplified Newton step would be shorter."""
        share = 1.0
        for _ in range(HALVINGS):
            trial = z + share * step
            with np.errstate(all="ignore"):
                following = self.norm(solver(self.residual(trial)), z)
            if following <= (1 - share / 4) * size or following <= 1e-6:
                return trial, True
            share /= 2
        return z, False

    def first_guess(self, z: Array) -> Array | None:
        """z, or a point near it where dg/dz is regular; None if there seems to be none (the index is not one)."""
        generator = np.random.default_rng(0)
        for spread in (0.0, 0.1, 1.0):
            trial = z + spread * (1 + np.abs(z)) * generator.uniform(0.5, 1.0, len(z))
            if np.isfinite(self.residual(trial)).all() and self.factors(trial) is not None:
                return trial
        return None

    def state(self, z: Array) -> Array:
        y = np.array(self.y)
        y[self.rows] = z
        return y

    def residual(self, z: Array) -> Array:
        self.problem.rhs(self.t, self.state(z), self.out)
        return self.out[self.rows]

    def norm(self, step: Array, z: Array) -> float:
        return float(np.sqrt(np.mean((step / (self.atol + self.rtol * np.abs(z))) ** 2)))

    def block(self, z: Array) -> Any:
        """dg/dz as a CSC matrix."""
        from scipy.sparse import csc_matrix

        if self.jacobian is not None:
            data = np.empty(self.jacobian.nnz)
            self.jacobian.fill(self.t, self.state(z), data)
            return csc_matrix(self.jacobian.matrix(data)[self.rows][:, self.rows])
        base, columns = self.residual(z), []
        for k in range(len(z)):
            moved, h = np.array(z), 1.5e-8 * max(1.0, abs(z[k]))
            moved[k] += h
            columns.append((self.residual(moved) - base) / h)
        return csc_matrix(np.stack(columns, axis=1))

    def factors(self, z: Array) -> Callable[[Array], Array] | None:
        """r -> (dg/dz)^-1 r, or None where dg/dz is singular to working accuracy."""
        matrix = self.block(z)
        scale = np.abs(matrix).max(axis=1).toarray().ravel()
        if not np.isfinite(scale).all() or not scale.all():
            return None
        matrix = matrix.multiply(1 / scale[:, None]).tocsc()
        made = factorise(matrix)
        if made is None or _condition(matrix, made) > SINGULAR:
            return None
        return lambda r: np.asarray(made.solve(r / scale))

    def undetermined(self, start: Array) -> Start:
        if not np.isfinite(self.residual(start[self.rows])).all():
            bad = int(self.rows[np.flatnonzero(~np.isfinite(self.residual(start[self.rows])))[0]])
            message = "an algebraic equation gives NaN or infinity at the initial state; give a guess where it is defined, initial={...}"
            return Start(start, message, bad)
        message = (
            "the algebraic equations 0 = g do not determine the fields without a time derivative: dg/dz is singular at the start. Either the "
            "index is higher than one (differentiate the constraint in time until the missing field appears, and use that equation "
            "instead), or something is left free (a constant, where all conditions are on slopes: fix a value on one side)"
        )
        return Start(start, message, int(self.rows[_undetermined_unknown(self.block(start[self.rows]))]))

    def no_solution(self, start: Array, z: Array) -> Start:
        left = np.abs(np.nan_to_num(self.residual(z), nan=np.inf))
        worst = int(self.rows[int(left.argmax())])
        message = (
            f"no consistent initial values were found: the algebraic equations 0 = g are missed by {left.max():.3g}. Give the fields without a "
            "time derivative a guess closer to the solution, initial={...}"
        )
        return Start(start, message, worst)


def _condition(matrix: Any, made: Any) -> float:
    """An estimate of the condition number in the 1-norm."""
    from scipy.sparse.linalg import LinearOperator, onenormest

    n = matrix.shape[0]
    norm = float(np.abs(matrix).sum(axis=0).max())
    if n <= 4:  # too small for the estimator
        inverse = float(np.abs(np.linalg.inv(matrix.toarray())).sum(axis=0).max())
    else:
        operator = LinearOperator((n, n), matvec=made.solve, rmatvec=lambda b: made.solve(b, "T"), dtype=np.float64)
        inverse = float(onenormest(operator))
    return norm * inverse if np.isfinite(inverse) else np.inf


def _undetermined_unknown(matrix: Any) -> int:
    """The position that dominates the null vector of a singular matrix, by inverse iteration."""
    n = matrix.shape[0]
    scale = float(np.abs(matrix).max()) or 1.0
    from scipy.sparse import identity

    made = factorise((matrix / scale + 1e-10 * identity(n)).tocsc())
    vector = np.random.default_rng(0).standard_normal(n)
    for _ in range(2):
        vector = made.solve(vector) if made is not None else vector
        vector /= np.abs(vector).max()
    return int(np.abs(vector).argmax())
