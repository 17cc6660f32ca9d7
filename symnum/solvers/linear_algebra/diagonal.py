"""Constant linear parts in a basis where they are diagonal (in blocks of the k fields): L y = backward(symbol . forward(y)).

The basis is a product of one basis an axis (see ``bases``); which one serves is found from the matrix, and the whole is checked on random states, so
nothing needs to be known of schemes or boundary conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.ir.linear_part import LinearPart
from symnum.solvers.linear_algebra.bases import Basis, Fourier, Twisted, Untouched, basis_of

Array = NDArray[np.float64]
Values = NDArray[Any]
_ACCURACY = 1e-9  # of L y against the matrix, relative to the largest entry
_NOTHING = 1e-14  # share of the largest symbol below which a part of it is rounding


class Diagonalisation:
    """L on k fields over one grid.

    Attributes:
        fields: k; grid: shape of a field; modes: shape of its coefficients.
        symbol: (k, k, *modes), real or complex: (L y)^_a = sum over b of symbol[a, b] y^_b.
        diagonal: no field acts on another one.
    """

    def __init__(self, fields: int, grid: Sequence[int], bases: Sequence[Basis], symbol: Values | None = None) -> None:
        self.fields, self.grid, self.bases = fields, tuple(grid), tuple(bases)
        self.shape = (fields, *self.grid)
        self._plain = self._plain_axes()
        first = self.forward(np.zeros(self.n))
        self.modes: tuple[int, ...] = first.shape[1:]
        self.dtype = first.dtype
        self.symbol: Values = np.zeros((fields, fields, *self.modes)) if symbol is None else symbol

    @property
    def n(self) -> int:
        """Number of unknowns."""
        return self.fields * int(np.prod(self.grid))

    @property
    def diagonal(self) -> bool:
        return all(not self.symbol[a, b].any() for a in range(self.fields) for b in range(self.fields) if a != b)

    def with_symbol(self, symbol: Values) -> Diagonalisation:
        """Another operator in the same basis."""
        return Diagonalisation(self.fields, self.grid, self.bases, symbol)

    def _plain_axes(self) -> tuple[int, ...] | None:
        """The axes of one real transform of several dimensions, if Fourier is all there is."""
        if not all(isinstance(basis, (Fourier, Untouched)) for basis in self.bases):
            return None
        return tuple(k + 1 for k, basis in enumerate(self.bases) if isinstance(basis, Fourier)) or None

    def _order(self) -> list[int]:
        """Real transforms first, so that the first Fourier transform finds real values and halves its modes; the last axis before the others."""
        complex_ones = [k for k, basis in enumerate(self.bases) if isinstance(basis, (Fourier, Twisted))]
        return [k for k in range(len(self.bases)) if k not in complex_ones] + complex_ones[::-1]

    def forward(self, y: Values) -> Values:
        """The coefficients (k, *modes) of a state (n,)."""
        values = y.reshape(self.shape)
        if self._plain is not None:
            from scipy import fft

            made: Values = fft.rfftn(values, axes=self._plain)
            return made
        for k in self._order():
            values = self.bases[k].forward(values, k + 1)
        return values

    def backward(self, coefficients: Values, out: Array) -> None:
        """The state (n,) of coefficients (k, *modes)."""
        out.reshape(self.shape)[...] = self._values(coefficients).real

    def _values(self, coefficients: Values) -> Values:
        if self._plain is not None:
            from scipy import fft

            made: Values = fft.irfftn(coefficients, [self.shape[a] for a in self._plain], axes=self._plain)
            return made
        for k in self._order()[::-1]:
            coefficients = self.bases[k].backward(coefficients, k + 1)
        return coefficients

    def apply(self, symbol: Values, coefficients: Values) -> Values:
        """symbol . coefficients, block by block."""
        if self.fields == 1:
            return symbol[0] * coefficients
        return np.asarray(np.einsum("ab...,b...->a...", symbol, coefficients))


def diagonalise(part: LinearPart) -> Diagonalisation | None:
    """The basis in which L is diagonal, and its symbol; None if the grid, the coefficients or the coupling allow none that is known."""
    grid = part.grid
    if grid is None or len(grid) != len(part.signs) or not part.matrix.nnz:
        return None
    bases = []
    for axis, sign in enumerate(part.signs):
        basis = basis_of(_line(part, grid, axis), sign)
        if basis is None:
            return None
        bases.append(basis)
    found = Diagonalisation(len(part.fields), grid, bases)
    found.symbol = _symbol(found, part.matrix)
    return found if _agrees(found, part.matrix) else None


def _line(part: LinearPart, grid: tuple[int, ...], axis: int) -> Array:
    """The matrix along one line of points through the middle of the grid, for the field that is most coupled along it; (m, m)."""
    strides = [int(np.prod(grid[k + 1 :])) for k in range(len(grid))]
    middle = sum(s * (m // 2) for k, (s, m) in enumerate(zip(strides, grid, strict=True)) if k != axis)
    lines = []
    for offset in part.offsets:
        points = offset + middle + strides[axis] * np.arange(grid[axis])
        line = part.matrix[points][:, points].toarray()
        lines.append((float(np.abs(line - np.diag(np.diag(line))).max(initial=0.0)), line))
    made: Array = max(lines, key=lambda pair: pair[0])[1]
    return made


def _symbol(found: Diagonalisation, matrix: Any) -> Values:
    """The response of every mode: L applied to a state in which all coefficients of one field are 1."""
    k, size = found.fields, found.n // found.fields
    columns = []
    for b in range(k):
        ones = np.zeros((k, *found.modes), dtype=found.dtype)
        ones[b] = 1.0
        state = found._values(ones).reshape(found.n)
        assert not state[: b * size].any()
        columns.append(found.forward(matrix @ state))
    symbol = np.stack(columns, axis=1)
    largest = float(np.abs(symbol).max(initial=0.0))
    real = np.where(np.abs(symbol.real) > _NOTHING * largest, symbol.real, 0.0)
    if not np.iscomplexobj(symbol) or np.abs(symbol.imag).max(initial=0.0) <= _NOTHING * 100 * largest:
        return real
    return real + 1j * np.where(np.abs(symbol.imag) > _NOTHING * largest, symbol.imag, 0.0)


def _agrees(found: Diagonalisation, matrix: Any) -> bool:
    state = np.random.default_rng(0).standard_normal(found.n)
    made = np.empty(found.n)
    found.backward(found.apply(found.symbol, found.forward(state)), made)
    exact = matrix @ state
    return bool(np.abs(made - exact).max() <= _ACCURACY * np.abs(matrix.data).max())
