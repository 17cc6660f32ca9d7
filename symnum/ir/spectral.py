"""What a Fourier discretisation is made of, as data: pointwise kernels between derivatives that are exact on waves.

    dy_i/dt  =  sum_j L_ij(D) y_j  +  sum_e  c_e D^(a_e) E_e(t, x, y, D^b y, D^b E)        D = (d/dx_1, ..., d/dx_d)

``linear`` is L, a polynomial in D whose coefficients hold nothing but numbers and parameters; the E_e are values of
pointwise kernels, in stages, because an expression may hold the derivative of another one. The derivative of order a
along an axis of length P multiplies the coefficient of the wave exp(2 pi i m x/P) by (2 pi i m/P)^a. On an even
number n of points the wave m = n/2 (cos only) has an odd derivative that the grid does not see; its factor is 0 for
odd a (L. N. Trefethen, Spectral Methods in MATLAB, SIAM 2000, chapter 3).

Coefficients are those of the real transform: shape (fields, *modes) with modes = (n_1, ..., n_(d-1), n_d//2 + 1), as
scipy.fft.rfftn gives them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold
from symnum.ir.interpret import operator_value
from symnum.ir.kernel import Kernel

Complex = NDArray[np.complex128]
Orders = tuple[int, ...]  # of a derivative, one entry an axis


@dataclass(frozen=True)
class Derived:
    """The derivative D^orders of source number ``source``: a field, or (from the number of fields on) an expression of
    an earlier stage."""

    source: int
    orders: Orders


@dataclass(frozen=True)
class Part:
    """coefficient * D^orders of source ``source`` in the rate of field ``row``; the coefficient holds only numbers and
    parameters."""

    row: int
    source: int
    orders: Orders
    coefficient: Term


@dataclass(frozen=True)
class Stage:
    """``derived`` are appended to the vector (fields, derivatives so far); ``kernel`` takes that vector and gives
    expressions, one after the other."""

    derived: tuple[Derived, ...]
    kernel: Kernel


@dataclass(frozen=True)
class SpectralRates:
    """The rates of a system on a periodic grid, see the module.

    Attributes:
        shape, lengths: number of points and period of each axis; fields: how many.
        linear: L, its sources are fields; outer: the other summands, their sources are expressions.
        dealiased: products lose the upper third of their waves (the 2/3 rule).
    """

    shape: tuple[int, ...]
    lengths: tuple[float, ...]
    fields: int
    parameters: tuple[Symbol, ...]
    linear: tuple[Part, ...]
    stages: tuple[Stage, ...]
    outer: tuple[Part, ...]
    dealiased: bool = False

    @property
    def points(self) -> int:
        return prod(self.shape)

    @property
    def modes(self) -> tuple[int, ...]:
        """Shape of the coefficients of one field."""
        return (*self.shape[:-1], self.shape[-1] // 2 + 1)

    @property
    def size(self) -> int:
        return self.fields * self.points

    @property
    def derivatives(self) -> int:
        return sum(len(stage.derived) for stage in self.stages)

    @property
    def expressions(self) -> int:
        return sum(len(stage.kernel.outputs) for stage in self.stages)

    @property
    def rest_order(self) -> int:
        """Highest order of a derivative outside L: what limits the step of a method that treats only L exactly."""
        kept = [d.orders for stage in self.stages for d in stage.derived] + [part.orders for part in self.outer]
        return max((sum(orders) for orders in kept), default=0)

    @property
    def linear_order(self) -> int:
        """Highest order of a derivative in L."""
        return max((sum(part.orders) for part in self.linear), default=0)

    def symbol(self, values: Sequence[float] | NDArray[np.float64]) -> Complex:
        """L on each wave, (fields, fields, *modes), at parameter values."""
        known = {symbol: float(v) for symbol, v in zip(self.parameters, values, strict=True)}

        def rule(node: Term, args: list[Any]) -> Any:
            return known[node] if node in known else operator_value(node, args)

        total = np.zeros((self.fields, self.fields, *self.modes), dtype=np.complex128)
        for part in self.linear:
            total[part.row, part.source] += float(fold(part.coefficient, rule)) * self.multiplier(part.orders)
        return total

    def rates_of_waves(self, values: Sequence[float] | NDArray[np.float64]) -> tuple[float, float]:
        """(largest damping rate, largest frequency) of L, in 1/time."""
        symbol = np.moveaxis(self.symbol(values).reshape(self.fields, self.fields, -1), 2, 0)
        eigenvalues = symbol[:, 0, 0] if self.fields == 1 else np.linalg.eigvals(symbol).ravel()
        return float(max(0.0, -eigenvalues.real.min())), float(np.abs(eigenvalues.imag).max())

    def multiplier(self, orders: Orders) -> Complex:
        """What D^orders multiplies the coefficients by, shape ``modes``."""
        result = np.ones(self.modes, dtype=np.complex128)
        for axis, order in enumerate(orders):
            if order:
                factor = (2j * np.pi / self.lengths[axis] * self.numbers(axis)) ** order
                if order % 2 and self.shape[axis] % 2 == 0:
                    factor[self.shape[axis] // 2] = 0.0
                result *= factor.reshape([-1 if k == axis else 1 for k in range(len(self.shape))])
        return result

    def numbers(self, axis: int) -> NDArray[np.float64]:
        """The wave numbers along an axis: 0, 1, ..., on all but the last axis then the negative ones."""
        n = self.shape[axis]
        whole = np.arange(n // 2 + 1, dtype=np.float64)
        if axis == len(self.shape) - 1:
            return whole
        return np.concatenate([whole, np.arange(n // 2 + 1 - n, 0, dtype=np.float64)])

    def kept(self) -> NDArray[np.bool_]:
        """Which waves products keep, shape ``modes``: all, or those with |m| < n/3 along every axis."""
        keep = np.ones(self.modes, dtype=bool)
        if self.dealiased:
            for axis, n in enumerate(self.shape):
                low = np.abs(self.numbers(axis)) < n / 3
                keep &= low.reshape([-1 if k == axis else 1 for k in range(len(self.shape))])
        return keep
