"""-div(a grad u) = f on a rectangle, u = 0 on its boundary: conjugate gradients, preconditioned by a multigrid cycle, in machine code.

Finite volumes of order 2: a, f and u are values of cells. The flux through a face is its transmissibility times the difference of its two cells,

    e = a_face h_y/h_x,     a_face = 2 a_- a_+/(a_- + a_+)   "harmonic": the flux is exact where a jumps at the face
                                     (a_- + a_+)/2           "arithmetic": as the published data sets have it

and at the boundary 2 a h_y/h_x u, the wall being half a cell away. So the matrix is symmetric, positive definite and has five entries a row. Where a
jumps inside a cell, or faces are arithmetic, the order falls to 1 at the interface.

The cycle (Trottenberg, Oosterlee, Schueller, Multigrid, 2001): aggregates of 2 x 2 cells, transmissibilities of coarse faces the mean of the
two fine ones (half the Galerkin operator, which over-corrects: Braess, Computing 55 (1995) 379), two Chebyshev steps before and after (Adams et al.,
J. Comput. Phys. 188 (2003) 593), Cholesky factors of the coarsest grid of at most 64 cells. Grids of other sizes than m 2^k are filled up with
cells that touch nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from symnum.errors import SolveError, UnknownName, did_you_mean, names_options
from symnum.kernels.make import TracedKernel, kernel

FACES = ("harmonic", "arithmetic")
_COARSEST = 64  # cells of the coarsest grid: small enough for LAPACK to stay in one thread
_MOST = 200  # iterations; 10 to 20 are usual
_EMPTY = 1e-12  # diagonal of cells that fill a grid up, relative to the others
# Steps of the Chebyshev smoother for eigenvalues of D^-1 A in [0.4, 2]; 2 bounds them (Gershgorin).
_FIRST, _SECOND = (1 / (1.2 + 0.8 * math.cos(math.pi * k / 4)) for k in (1, 3))


class Solved(NamedTuple):
    """``u``: (n_x, n_y); ``iterations`` of conjugate gradients; ``residual``: ||f - A u||_2/||f||_2 as the recursion has it."""

    u: np.ndarray
    iterations: int
    residual: float


@dataclass
class _Level:
    """A grid of the hierarchy: transmissibilities to the next cell along x (``east``) and y (``north``), zero at the end; diagonal, its inverse."""

    east: np.ndarray
    north: np.ndarray
    side: np.ndarray  # what the boundary adds to the diagonal
    diagonal: np.ndarray
    inverse: np.ndarray


class DiffusionSolver:
    """Solves -div(a grad u) = f on ``points`` cells of a rectangle, u = 0 on its boundary, for one a and f after another.

    Args:
        points: cells along x and y. lengths: of the sides. faces: "harmonic" or "arithmetic". rtol: ||f - A u||_2 relative to ||f||_2.

    Raises UnknownName for other faces, SolveError for sizes and numbers that make no sense.
    """

    @names_options
    def __init__(
        self, points: Sequence[int], lengths: Sequence[float] = (1.0, 1.0), faces: str = "harmonic", rtol: float = 1e-8
    ) -> None:
        if len(points) != 2 or min(points) < 2:
            raise SolveError(f"points={tuple(points)!r} is no grid of a rectangle; write points=(128, 128)")
        if not isinstance(faces, str) or faces not in FACES:
            raise UnknownName(
                f"unknown faces={faces!r}.{did_you_mean(str(faces), FACES)} There are: {', '.join(FACES)}"
            )
        if not 1e-14 <= rtol < 1:
            raise SolveError(f"rtol={rtol!r} is no tolerance of a linear solver; write rtol=1e-8")
        self.points, self.lengths = (int(points[0]), int(points[1])), (float(lengths[0]), float(lengths[1]))
        self.faces, self.rtol = faces, float(rtol)
        self.depth = 0
        while math.prod(-(-n // 2**self.depth) for n in self.points) > _COARSEST:
            self.depth += 1
        self.padded = tuple(-(-n // 2**self.depth) * 2**self.depth for n in self.points)

    def solve(self, a: np.ndarray, f: Any = 1.0, basis: Sequence[np.ndarray] = ()) -> Solved:
        """The solution for the coefficient ``a`` (positive, ``points``) and the right-hand side ``f`` (a number or ``points``).

        ``basis``: solutions of related problems; the iteration starts from the best combination of them (in the energy norm). Raises SolveError
        where a is not positive or the iteration does not converge.
        """
        a = np.asarray(a, dtype=np.float64)
        if a.shape != self.points or not (np.isfinite(a).all() and a.min() > 0):
            raise SolveError(
                f"the coefficient must be positive numbers of shape {self.points}; got shape {a.shape}, least {a.min():.3g}"
            )
        hx, hy = (length / n for length, n in zip(self.lengths, self.points, strict=True))
        b = self._fill(np.broadcast_to(np.asarray(f, dtype=np.float64) * (hx * hy), self.points))
        if not b.any():
            return Solved(np.zeros(self.points), 0, 0.0)
        levels, factor = self._hierarchy(a, hy / hx)
        x, r = self._start(b, basis, levels[0])
        size = math.sqrt(
            np.sum(b * b)
        )  # not by BLAS, whose threads cost more than they bring on vectors as short as these
        x, iterations, residual = self._iterate(x, r, size, levels, factor)
        return Solved(x[: self.points[0], : self.points[1]].copy(), iterations, residual)

    def _fill(self, values: np.ndarray) -> np.ndarray:
        filled = np.zeros(self.padded)
        filled[: self.points[0], : self.points[1]] = values
        return filled

    def _hierarchy(self, a: np.ndarray, ratio: float) -> tuple[list[_Level], Any]:
        """The levels from fine to coarse, and the factors of the coarsest."""
        from scipy.linalg import cho_factor

        side = np.zeros_like(a)
        for inner, r in ((side, ratio), (side.T, 1 / ratio)):
            for end in (0, -1):
                inner[end] += 2 * r * (a if inner is side else a.T)[end]
        east, north = np.zeros_like(a), np.zeros_like(a)
        east[:-1] = ratio * self._faces(a[:-1], a[1:])
        north[:, :-1] = self._faces(a[:, :-1], a[:, 1:]) / ratio
        sides = np.full(self.padded, _EMPTY * a.min())
        sides[: a.shape[0], : a.shape[1]] = side
        levels = [_level(self._fill(east), self._fill(north), sides)]
        for _ in range(self.depth):
            levels.append(_coarser(levels[-1]))
        return levels, cho_factor(_dense(levels[-1]), check_finite=False)

    def _faces(self, p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return 2 * p * q / (p + q) if self.faces == "harmonic" else (p + q) / 2

    def _start(self, b: np.ndarray, basis: Sequence[np.ndarray], fine: _Level) -> tuple[np.ndarray, np.ndarray]:
        """First guess and its residual: Galerkin's projection onto the basis."""
        if not len(basis):
            return np.zeros_like(b), b
        v = np.stack([self._fill(u) for u in basis])
        product = kernels().product
        images = np.stack([product(u, fine.east, fine.north, fine.diagonal) for u in v])
        energies = np.einsum("kij,lij->kl", v, images)
        weights = np.linalg.lstsq(energies, np.einsum("kij,ij->k", v, b), rcond=1e-12)[0]
        return np.einsum("k,kij->ij", weights, v), b - np.einsum("k,kij->ij", weights, images)

    def _iterate(
        self, x: np.ndarray, r: np.ndarray, size: float, levels: list[_Level], factor: Any
    ) -> tuple[np.ndarray, int, float]:
        """Conjugate gradients from the guess x with residual r."""
        fine, use = levels[0], kernels()
        error, p, beta, before = math.sqrt(np.sum(r * r)) / size, np.zeros_like(x), 0.0, 1.0
        for iteration in range(_MOST):
            if error <= self.rtol:
                return x, iteration, error
            z = _cycle(levels, 0, r, factor)
            now = float(use.inner(r, z))
            beta = now / before if iteration else 0.0
            p, q, energy = use.direction(z, p, beta, fine.east, fine.north, fine.diagonal)
            x, r, squared = use.step(x, r, p, q, now / float(energy))
            before, error = now, math.sqrt(float(squared)) / size
        raise SolveError(
            f"conjugate gradients did not reach rtol={self.rtol:g} in {_MOST} iterations (residual {error:.1e}); write a larger rtol"
        )


def _level(east: np.ndarray, north: np.ndarray, side: np.ndarray) -> _Level:
    diagonal = side + east + north
    diagonal[1:] += east[:-1]
    diagonal[:, 1:] += north[:, :-1]
    return _Level(east, north, side, diagonal, 1 / diagonal)


def _coarser(fine: _Level) -> _Level:
    east, north, side = fine.east, fine.north, fine.side
    return _level(
        (east[1::2, ::2] + east[1::2, 1::2]) / 2,
        (north[::2, 1::2] + north[1::2, 1::2]) / 2,
        (side[::2, ::2] + side[1::2, ::2] + side[::2, 1::2] + side[1::2, 1::2]) / 2,
    )


def _dense(level: _Level) -> np.ndarray:
    n, width = level.east.size, level.east.shape[1]
    matrix = np.diag(level.diagonal.ravel())
    rows = np.arange(n)
    matrix[rows[:-width], rows[width:]] = matrix[rows[width:], rows[:-width]] = -level.east.ravel()[:-width]
    matrix[rows[:-1], rows[1:]] = matrix[rows[1:], rows[:-1]] = -level.north.ravel()[:-1]
    return matrix


def _cycle(levels: list[_Level], k: int, b: np.ndarray, factor: Any) -> np.ndarray:
    """One V-cycle for A_k u = b from zero: a symmetric, positive definite map of b."""
    if k == len(levels) - 1:
        from scipy.linalg import cho_solve

        return np.asarray(cho_solve(factor, b.ravel(), check_finite=False)).reshape(b.shape)
    level, use = levels[k], kernels()
    u, coarse = use.descend(b, level.east, level.north, level.diagonal, level.inverse)
    return np.asarray(use.ascend(u, _cycle(levels, k + 1, coarse, factor), b, level.east, level.north, level.inverse))


# --- what becomes machine code: one pass over memory each ----------------------------------------------------------------------------------


class _Kernels(NamedTuple):
    product: TracedKernel
    descend: TracedKernel
    ascend: TracedKernel
    inner: TracedKernel
    direction: TracedKernel
    step: TracedKernel


@cache
def kernels() -> _Kernels:
    """Compiled once a process, for each shape on its first use."""
    return _Kernels(*(kernel(f, threads=1) for f in (_product, _descend, _ascend, _inner, _direction, _step)))


def _neighbours(u: Any, east: Any, north: Any) -> Any:
    """Transmissibility times value of the four neighbours; what rolls round the ends meets a zero."""
    along = east * np.roll(u, -1, 0) + np.roll(east, 1, 0) * np.roll(u, 1, 0)
    return along + north * np.roll(u, -1, 1) + np.roll(north, 1, 1) * np.roll(u, 1, 1)


def _product(u: Any, east: Any, north: Any, diagonal: Any) -> Any:
    return diagonal * u - _neighbours(u, east, north)


def _smoothed(u: Any, b: Any, east: Any, north: Any, inverse: Any, weight: float) -> Any:
    return u * (1 - weight) + weight * (b + _neighbours(u, east, north)) * inverse


def _descend(b: Any, east: Any, north: Any, diagonal: Any, inverse: Any) -> Any:
    """Two steps from zero, and the sum of the residual over each aggregate."""
    u = _smoothed(_FIRST * b * inverse, b, east, north, inverse, _SECOND)
    r = b - _product(u, east, north, diagonal)
    return u, r[::2, ::2] + r[1::2, ::2] + r[::2, 1::2] + r[1::2, 1::2]


def _ascend(u: Any, correction: Any, b: Any, east: Any, north: Any, inverse: Any) -> Any:
    """The coarse correction, and the two steps in reverse order."""
    u = u + np.repeat(np.repeat(correction, 2, 0), 2, 1)
    u = _smoothed(u, b, east, north, inverse, _SECOND)
    return _smoothed(u, b, east, north, inverse, _FIRST)


def _inner(r: Any, z: Any) -> Any:
    return np.sum(r * z)


def _direction(z: Any, p: Any, beta: float, east: Any, north: Any, diagonal: Any) -> Any:
    p = z + beta * p
    q = _product(p, east, north, diagonal)
    return p, q, np.sum(p * q)


def _step(x: Any, r: Any, p: Any, q: Any, alpha: float) -> Any:
    r = r - alpha * q
    return x + alpha * p, r, np.sum(r * r)
