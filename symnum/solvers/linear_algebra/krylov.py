"""Large systems without factors: restarted GMRES with a preconditioner from the right.

The stopping rule is that of the step: with w_i = atol + rtol*|y_i| and the root mean square norm |r| = rms(r_i/w_i), whose unit is the largest
error that a step may make, iteration ends at |b - W x| <= 1e-3*|shift|. Where J does not amplify (its logarithmic norm is not positive),
|W^-1| <= 1/|shift|, so x misses by a thousandth of the step's tolerance, whether it is a Newton correction or a stage.

Saad, Schultz, SIAM J. Sci. Stat. Comput. 7 (1986) 856-869; from the right, because then the residual that is measured is the true one (Saad,
*Iterative Methods for Sparse Linear Systems*, 2nd ed., section 9.3.2).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.jacobian import FixedJacobian, Product
from symnum.solvers.linear_algebra.contract import NativeLinear
from symnum.solvers.linear_algebra.threads import one_thread
from symnum.solvers.preconditioner import Preconditioner

Array = NDArray[np.float64]
Operator = Callable[[Array], Array]
DIMENSION, RESTARTS = 30, 10
NEAR = 2.0  # shifts within this factor share a preconditioner
TOLERANCE = 1e-3  # share of the step's tolerance by which a solution may miss
_ROUNDING = 1e-14  # share of b below which no residual can come


def gmres(matrix: Operator, precondition: Operator, b: Array, weight: Array, target: float) -> tuple[Array, bool, int]:
    """(x, whether the residual is small enough, number of products with the matrix).

    Args:
        matrix, precondition: v -> W v, v -> P^-1 v, new arrays; weight: of the residual, (n,);
            target: the norm of weight*residual that is small enough.
    """
    x, residual, products = np.zeros_like(b), b, 0
    target = max(target, _ROUNDING * float(np.linalg.norm(weight * b)))
    for _ in range(RESTARTS):
        size = float(np.linalg.norm(weight * residual))
        if not size > target:
            return x, bool(np.isfinite(size)), products
        step, used = _cycle(matrix, precondition, residual, weight, size, target)
        x = x + step
        products += used + 1
        residual = b - matrix(x)
    return x, float(np.linalg.norm(weight * residual)) <= target, products


def _cycle(
    matrix: Operator, precondition: Operator, residual: Array, weight: Array, size: float, target: float
) -> tuple[Array, int]:
    """One cycle of at most ``DIMENSION`` products; the small least squares problem by Givens rotations."""
    basis, directions = [weight * residual / size], []
    triangle, right = np.zeros((DIMENSION + 1, DIMENSION)), np.zeros(DIMENSION + 1)
    rotations: list[tuple[float, float]] = []
    right[0], count = size, 0
    for k in range(DIMENSION):
        directions.append(precondition(basis[k] / weight))
        image = weight * matrix(directions[k])
        column = _orthogonalised(image, basis)
        for i, (c, s) in enumerate(rotations):
            column[i], column[i + 1] = c * column[i] + s * column[i + 1], c * column[i + 1] - s * column[i]
        length = float(np.hypot(column[k], column[k + 1]))
        if not length > 0:  # the space is exhausted
            break
        c, s = column[k] / length, column[k + 1] / length
        below = float(column[k + 1])
        rotations.append((c, s))
        triangle[: k + 1, k] = column[: k + 1]
        triangle[k, k] = length
        right[k], right[k + 1] = c * right[k], -s * right[k]
        count = k + 1
        if abs(right[k + 1]) <= target or below == 0:
            break
        basis.append(image / below)
    y = np.linalg.solve(triangle[:count, :count], right[:count]) if count else np.zeros(0)
    step: Array = np.zeros_like(residual)
    for factor, direction in zip(y, directions, strict=False):
        step += factor * direction
    return step, count


def _orthogonalised(image: Array, basis: list[Array]) -> Array:
    """Make ``image`` orthogonal to the basis in place (modified Gram-Schmidt); the coefficients and the length that is left."""
    column = np.empty(len(basis) + 1)
    for i, vector in enumerate(basis):
        column[i] = vector @ image
        image -= column[i] * vector
    column[-1] = np.linalg.norm(image)
    return column


class Krylov:
    """``contract.LinearSolver`` for problems too wide for factors; called from Python.

    A complex W is solved as a real system of twice the size, preconditioned by the real P of the shift's absolute value, or of a real shift that
    is within a factor 2 of it: the eigenvalues of P^-1 W then lie within a factor 2 of where they lay, which costs an iteration or none.

    Args:
        jacobian: df/dy in a fixed pattern; product: (df/dy) v, exact; preconditioner: ``preconditioner.Preconditioner``, whose P approximates
            M - gamma*df/dy.
        rtol, atol: of the step.
    """

    native: NativeLinear | None = None

    def __init__(
        self,
        jacobian: FixedJacobian,
        product: Product,
        preconditioner: Preconditioner,
        rtol: float,
        atol: float,
    ) -> None:
        self.fixed, self.exact, self.preconditioner = jacobian, product, preconditioner
        self.rtol, self.atol = rtol, atol
        self.weight = np.ones(jacobian.n)
        self.t, self.y, self.fresh = 0.0, np.zeros(jacobian.n), True
        self.shifts: dict[tuple[int, bool], complex] = {}
        self.prepared = 0.0  # shift of P; 0: none
        self.raised: BaseException | None = None
        self.evaluations = self.factorisations = self.solves = self.products = 0

    def jacobian(self, t: float, y: Array) -> bool:
        self.evaluations += 1
        self.t, self.y, self.fresh, self.prepared = t, np.array(y), True, 0.0
        self.exact.setup(t, self.y)
        self.weight = 1 / (self.atol + self.rtol * np.abs(self.y)) / np.sqrt(self.fixed.n)
        return bool(np.isfinite(self._times(np.ones_like(self.y))).all())

    def factor(self, slot: int, shift: complex) -> bool:
        self.factorisations += 1
        shift = complex(shift)
        self.shifts[slot, shift.imag == 0] = shift
        if shift.imag == 0 and abs(shift) != self.prepared:
            self.prepared = 0.0
        self._prepare(abs(shift))
        return True

    def solve(self, slot: int, b: Array, out: Array) -> bool:
        shift = self.shifts[slot, True].real
        mass, n = shift * self.fixed.mass, self.fixed.n
        self._prepare(abs(shift))
        return self._solve(lambda v: mass * v - self._times(v), np.array(b), out, np.arange(n), abs(shift))

    def solve_complex(self, slot: int, b_re: Array, b_im: Array, out_re: Array, out_im: Array) -> bool:
        shift, n = self.shifts[slot, False], self.fixed.n
        real, imaginary = shift.real * self.fixed.mass, shift.imag * self.fixed.mass
        self._prepare(abs(shift))

        def whole(v: Array) -> Array:
            x, y = v[:n], v[n:]
            return np.concatenate(
                [real * x - self._times(x) - imaginary * y, imaginary * x + real * y - self._times(y)]
            )

        out = np.empty(2 * n)
        done = self._solve(whole, np.concatenate([b_re, b_im]), out, np.tile(np.arange(n), 2), abs(shift))
        out_re[:], out_im[:] = out[:n], out[n:]
        return done

    def product(self, v: Array, out: Array) -> None:
        self.exact.times(self.t, self.y, v, out)

    def _times(self, v: Array) -> Array:
        self.products += 1
        out = np.empty(self.fixed.n)
        self.exact.times(self.t, self.y, np.ascontiguousarray(v), out)
        return out

    def _prepare(self, shift: float) -> None:
        """P = M - J/shift, or one of a shift that is near: a method with a real and a complex one needs a single P."""
        if not shift / NEAR <= self.prepared <= shift * NEAR:
            self.preconditioner.setup(self.t, self.y, 1 / shift, not self.fresh)
            self.fresh, self.prepared = False, shift

    def _solve(self, matrix: Operator, b: Array, out: Array, places: NDArray[np.intp], shift: float) -> bool:
        self.solves += 1
        n = self.fixed.n

        def precondition(v: Array) -> Array:
            z = np.empty_like(v)
            for start in range(0, len(v), n):
                self.preconditioner.solve(v[start : start + n], z[start : start + n])
            return z / self.prepared

        with one_thread():
            out[:], done, _ = gmres(matrix, precondition, b, self.weight[places], TOLERANCE * shift)
        return done
