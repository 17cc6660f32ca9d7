"""The line preconditioner: a grid's Jacobian split by axis, and one band along each.

J = A_1 + ... + A_d + (entries that move along several axes at once):  P = (1 - gamma A_1) ... (1 - gamma A_d) = 1 - gamma J + O(gamma^2)

A_x holds the entries that move along axis x alone; what stands at the point itself goes to the axes by what leaves the point along each (so that
a constant state is no worse off than in J), the rest in equal shares. Each factor is a set of independent lines, solved by LAPACK's band solver.
Douglas, Gunn, Numer. Math. 6 (1964) 428-453. Coefficients may vary as they like; fields without time derivative are not served.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from symnum.ir.linear_part import LinearPart
from symnum.solvers.jacobian import FixedJacobian
from symnum.solvers.linear_algebra.banded import Banded
from symnum.solvers.linear_algebra.entries import Entries

Array = NDArray[np.float64]


class Lines:
    """``setup`` and ``solve`` are those of ``preconditioner.Preconditioner``.

    Args:
        jacobian: df/dy; part: how the unknowns lie on the grid (all fields on one).

    Counts: ``evaluations`` of the Jacobian, ``factorisations`` (of all axes), ``solves``.
    """

    def __init__(self, jacobian: FixedJacobian, part: LinearPart) -> None:
        grid = part.grid
        assert grid is not None and jacobian.mass.all()
        self.jacobian, self.data, self.gamma = jacobian, np.empty(jacobian.nnz), 0.0
        self.ready = False
        self.evaluations = self.factorisations = self.solves = 0
        n, size = jacobian.n, int(np.prod(grid))
        columns = np.repeat(np.arange(n), np.diff(jacobian.indptr))
        places = [np.unravel_index(index % size, grid) for index in (jacobian.indices, columns)]
        moved = np.array([r != c for r, c in zip(*places, strict=True)])
        self.along = [np.flatnonzero(moved[k] & (moved.sum(axis=0) == 1)) for k in range(len(grid))]
        self.here = np.flatnonzero(~moved.any(axis=0))
        self.rows, self.columns = jacobian.indices, columns
        same = self.rows // size == columns // size
        self.own = [at[same[at]] for at in self.along]
        self.diagonal = np.searchsorted(self.here, jacobian.diagonal)
        self.bands = [Banded(self._entries(at)) for at in self.along]

    def _entries(self, at: NDArray[np.intp]) -> Entries:
        """Entries of one axis: those along it, then those at the point."""
        rows, columns = (np.concatenate([index[at], index[self.here]]) for index in (self.rows, self.columns))
        order = np.argsort(rows, kind="stable")
        short = [np.ascontiguousarray(part[order], dtype=np.int32) for part in (rows, columns, np.arange(len(rows)))]
        values = np.zeros(len(rows))
        return Entries(
            self.jacobian.n, 0, short[0], short[1], short[2], len(rows), self.jacobian.mass, None, constant=values
        )

    def setup(self, t: float, y: Array, gamma: float, reuse: bool) -> None:
        """Prepare for P at (t, y). Where a factor is singular, the identity is left in the place of P."""
        fresh = not reuse or not self.evaluations
        if fresh:
            self.evaluations += 1
            self.jacobian.fill(t, y, self.data)
            self._share()
        if fresh or gamma != self.gamma:
            self.factorisations += 1
            self.gamma = gamma
            self.ready = all(band.factor(0, 1 / gamma) for band in self.bands)

    def _share(self) -> None:
        """The values of each axis from those of J."""
        n, axes = self.jacobian.n, len(self.along)
        leaving = [-np.bincount(self.rows[at], self.data[at], minlength=n) for at in self.own]
        rest = np.array(self.data[self.here])
        rest[self.diagonal] -= np.sum(leaving, axis=0)
        for band, at, own in zip(self.bands, self.along, leaving, strict=True):
            band.values[: len(at)] = self.data[at]
            band.values[len(at) :] = rest / axes
            band.values[len(at) + self.diagonal] += own

    def solve(self, r: Array, out: Array) -> None:
        """Write z with P z = r into ``out``."""
        self.solves += 1
        out[:] = r
        for band in self.bands if self.ready else []:
            band.solve(0, out, out)
            out /= self.gamma


def lines(jacobian: FixedJacobian, part: LinearPart | None) -> Lines | None:
    """The preconditioner; None without a grid of two or three axes that all fields share, or with algebraic equations."""
    if part is None or part.grid is None or len(part.grid) < 2 or not jacobian.mass.all():
        return None
    return Lines(jacobian, part)
