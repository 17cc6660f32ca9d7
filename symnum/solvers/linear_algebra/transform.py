"""W = shift*M - L solved exactly in a basis where L is diagonal: transform, multiply by the inverse of small blocks, transform back.

In the basis W is one k x k block a mode (k fields). M is the identity on differential fields and zero on algebraic ones. A complex shift a + ib gives
for real b = b_re + i b_im the real system of twice the size

    [ aM - L   -bM   ] [x_re]   [b_re]
    [   bM    aM - L ] [x_im] = [b_im]

whose blocks are inverted in the same way (i here is not the i of the transform).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.linear_algebra.contract import NativeLinear
from symnum.solvers.linear_algebra.diagonal import Diagonalisation
from symnum.solvers.linear_algebra.threads import one_thread

Array = NDArray[np.float64]
Values = NDArray[Any]


class Transformed:
    """``contract.LinearSolver`` for a constant J = L with a known basis.

    Args:
        basis: of L; mass: (k,) 1 for fields with a time derivative, 0 for algebraic ones.
    """

    def __init__(self, basis: Diagonalisation, mass: Array) -> None:
        self.basis, self.mass = basis, mass
        self.raised: BaseException | None = None
        self.counters: Array = np.zeros(3)
        self._context: Any = None
        self.inverses: dict[tuple[int, bool], Values] = {}  # by slot and whether W is real
        self.rows: dict[tuple[int, bool], Rows] = {}

    @property
    def evaluations(self) -> int:
        return int(self.counters[0])

    @property
    def factorisations(self) -> int:
        return int(self.counters[1])

    @property
    def solves(self) -> int:
        return int(self.counters[2])

    @cached_property
    def native(self) -> NativeLinear | None:
        """Machine code on periodic grids, see ``fourier``; else None."""
        from symnum.solvers.linear_algebra import fourier

        if not fourier.suits(self.basis):
            return None
        self._context = fourier.Context(self)
        for (slot, real), inverse in self.inverses.items():
            self._context.enter(slot, real, inverse)
        made: NativeLinear = self._context.native()
        return made

    def jacobian(self, t: float, y: Array) -> bool:
        """L is constant: nothing to do."""
        return True

    def factor(self, slot: int, shift: complex) -> bool:
        self.counters[1] += 1
        shift = complex(shift)
        real = shift.imag == 0
        whole = -self.basis.symbol if real else self._doubled(-self.basis.symbol, shift.imag)
        k = self.basis.fields
        for a in range(len(whole)):
            whole[a, a] += shift.real * self.mass[a % k]
        inverse = inverted(whole)
        if inverse is None:
            return False
        self.inverses[slot, real], self.rows[slot, real] = inverse, rows_of(inverse)
        if self._context is not None:
            self._context.enter(slot, real, inverse)
        return True

    def _doubled(self, symbol: Values, imaginary: float) -> Values:
        k = self.basis.fields
        whole = np.zeros((2 * k, 2 * k, *self.basis.modes), dtype=symbol.dtype)
        whole[:k, :k], whole[k:, k:] = symbol, symbol
        for a in range(k):
            whole[a, a + k] = -imaginary * self.mass[a]
            whole[a + k, a] = imaginary * self.mass[a]
        return whole

    def solve(self, slot: int, b: Array, out: Array) -> bool:
        self.counters[2] += 1
        with one_thread():
            self.basis.backward(multiplied(self.rows[slot, True], self.basis.forward(b)), out)
        return True

    def solve_complex(self, slot: int, b_re: Array, b_im: Array, out_re: Array, out_im: Array) -> bool:
        self.counters[2] += 1
        both = np.concatenate([self.basis.forward(b_re), self.basis.forward(b_im)])
        both = multiplied(self.rows[slot, False], both)
        self.basis.backward(both[: self.basis.fields], out_re)
        self.basis.backward(both[self.basis.fields :], out_im)
        return True

    def fast_solve(self, b: Array, out: Array) -> None:
        """``solve`` with slot 0, in machine code where there is some."""
        if self.native is None:
            self.solve(0, b, out)
        else:
            self._context.solve(b, out)

    def change_symbol(self, symbol: Values) -> None:
        """Another L in the same basis (and of the same kind, real or complex); slots must be factorised again."""
        self.basis.symbol = symbol
        if self._context is not None:
            self._context.enter_symbol(symbol)

    def product(self, v: Array, out: Array) -> None:
        self.basis.backward(multiplied(rows_of(self.basis.symbol), self.basis.forward(v)), out)


Rows = list[list[tuple[int, Values]]]  # of each row of blocks: (column, values (*modes)) of those that are not zero


def rows_of(blocks: Values) -> Rows:
    """The blocks (k, k, *modes) without those that are zero."""
    every = range(len(blocks))
    return [[(b, blocks[a, b]) for b in every if blocks[a, b].any()] for a in every]


def multiplied(rows: Rows, vectors: Values) -> Values:
    """Blocks times vectors (k, *modes)."""
    if len(rows) == 1:
        alone: Values = vectors * (rows[0][0][1] if rows[0] else 0.0)
        return alone
    made: Values = np.empty(
        vectors.shape, dtype=np.result_type(vectors, *(values for row in rows for _, values in row))
    )
    for out, row in zip(made, rows, strict=True):
        if not row:
            out[...] = 0.0
            continue
        np.multiply(row[0][1], vectors[row[0][0]], out=out)
        for column, values in row[1:]:
            out += values * vectors[column]
    return made


def inverted(blocks: Values) -> Values | None:
    """The inverse of each block, (k, k, *modes); None where one is singular or not finite."""
    k = len(blocks)
    with np.errstate(all="ignore"):
        if k == 1:
            inverse: Values = 1.0 / blocks
        elif k == 2:
            (a, b), (c, d) = blocks
            scale = 1.0 / (a * d - b * c)
            inverse = np.stack([np.stack([d * scale, -b * scale]), np.stack([-c * scale, a * scale])])
        else:
            try:
                moved = np.linalg.inv(np.moveaxis(blocks, (0, 1), (-2, -1)))
            except np.linalg.LinAlgError:
                return None
            inverse = np.ascontiguousarray(np.moveaxis(moved, (-2, -1), (0, 1)))
    return inverse if np.isfinite(inverse).all() else None
