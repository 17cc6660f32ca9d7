"""Spectral rates as functions: compiled pointwise kernels between fast Fourier transforms.

    y -> c = F y -> D^b y = F^-1 (ik)^b c -> E (kernel) -> F E -> sum of (ik)^a F E + L c -> F^-1

The transforms are SciPy's here; ``spectral_rates.NativeRates`` does the same in machine code where the grid allows
it. The directional derivative runs through the same stages with the derivatives of the kernels.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.target import CompiledKernel, compile_kernel
from symnum.errors import DiscretisationError
from symnum.ir.jacobian import jvp_kernel
from symnum.ir.kernel import Kernel
from symnum.ir.spectral import Part, SpectralRates

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]


@dataclass(frozen=True)
class _Outer:
    """One summand of the rates outside L: ``factor`` (modes) of the coefficients of expression ``expression``; None:
    the values as they are."""

    row: int
    expression: int
    factor: Complex | None


class SpectralFunction:
    """The rates and their parts for one set of compiled kernels.

    Args:
        rates: what to compute; target: of the pointwise kernels.

    The state y is (size,), field-major, values at the points; coefficients are (fields, *modes).
    """

    def __init__(self, rates: SpectralRates, target: str = "llvm") -> None:
        begin = time.process_time()
        self.rates, self.target = rates, target
        self.axes = tuple(range(-len(rates.shape), 0))
        self.kernels = [compile_kernel(stage.kernel, target) for stage in rates.stages]
        self.tangents: list[CompiledKernel] = []
        self.derived = [[(d.source, rates.multiplier(d.orders)) for d in stage.derived] for stage in rates.stages]
        self.outer = [self._summand(part) for part in rates.outer]
        self.counts = [len(stage.kernel.outputs) for stage in rates.stages]
        self.kept = rates.kept()
        self._symbols: tuple[bytes, Complex] | None = None
        self.compile_seconds = time.process_time() - begin

    @property
    def source(self) -> str:
        """The code of the pointwise kernels."""
        return "\n".join(kernel.source for kernel in self.kernels)

    def forward(self, values: Array) -> Complex:
        """Coefficients (k, *modes) of values (k*points,)."""
        from scipy.fft import rfftn

        made: Complex = rfftn(values.reshape(-1, *self.rates.shape), axes=self.axes)
        return made

    def backward(self, coefficients: Complex) -> Array:
        """Values (k, *shape) of coefficients (k, *modes)."""
        from scipy.fft import irfftn

        made: Array = irfftn(coefficients, s=self.rates.shape, axes=self.axes)
        return made

    def symbol(self, p: Array) -> Complex:
        """L on each wave, (fields, fields, *modes), at parameter values p."""
        key = p.tobytes()
        if self._symbols is None or self._symbols[0] != key:
            self._symbols = key, self.rates.symbol(p)
        return self._symbols[1]

    def nonlinear(self, t: float, y: Array, coefficients: Complex | None, p: Array) -> Complex:
        """Coefficients of f(t, y) - L y from values and coefficients of one state (None: transformed here if they are needed)."""
        values = self._expressions(t, y, coefficients, p)
        total = np.zeros((self.rates.fields, *self.rates.modes), dtype=np.complex128)
        if not self.outer:
            return total
        transformed = self.forward(values)
        for part in self.outer:
            own = transformed[part.expression]
            total[part.row] += own if part.factor is None else part.factor * own
        return total

    def evaluate(self, t: float, y: Array, p: Array, out: Array) -> None:
        """out = f(t, y; p); y and out (size,)."""
        coefficients = self.forward(y)
        values = self._expressions(t, y, coefficients, p)
        self._assemble(values, self._linear(coefficients, p), out)

    def tangent(self, t: float, both: Array, p: Array, out: Array) -> None:
        """out = (df/dy) v; ``both``: y, then v."""
        size = self.rates.size
        y, v = both[:size], both[size:]
        cy, cv = self.forward(y), self.forward(v)
        values = self._tangent_expressions(t, (y, v), (cy, cv), p)
        self._assemble(values, self._linear(cv, p), out)

    def tangent_kernels(self) -> list[CompiledKernel]:
        """The derivatives of the pointwise kernels along their arguments, one a stage."""
        if not self.tangents:
            self.tangents = [compile_kernel(jvp_kernel(stage.kernel), self.target) for stage in self.rates.stages]
        return self.tangents

    def point(self, t: float, y: Array, p: Array) -> Array:
        """The state y and all derivatives that the kernels read, (size + derivatives*points,)."""
        work = np.empty(self.rates.size + self.rates.derivatives * self.rates.points)
        work[: self.rates.size] = y
        self._expressions(t, y, None, p, work)
        return work

    # --- pieces ---

    def _linear(self, coefficients: Complex, p: Array) -> Complex:
        if not self.rates.linear:
            return np.zeros_like(coefficients)
        symbol = self.symbol(p)
        if len(symbol) == 1:
            return symbol[0] * coefficients
        made: Complex = np.einsum("ij...,j...->i...", symbol, coefficients)
        return made

    def _assemble(self, values: Array, total: Complex, out: Array) -> None:
        rows = out.reshape(-1, *self.rates.shape)
        through = sorted({part.expression for part in self.outer if part.factor is not None})
        if through:
            transformed = dict(zip(through, self.forward(values[through]), strict=True))
            for part in self.outer:
                if part.factor is not None:
                    total[part.row] += part.factor * transformed[part.expression]
        rows[...] = self.backward(total) if through or self.rates.linear else 0.0
        for part in self.outer:
            if part.factor is None:
                rows[part.row] += values[part.expression]

    def _expressions(
        self, t: float, y: Array, coefficients: Complex | None, p: Array, work: Array | None = None
    ) -> Array:
        """The expressions of all stages at the points, (expressions, *shape); ``work`` receives what the kernels read."""
        rates, points = self.rates, self.rates.points
        values = np.empty((rates.expressions, *rates.shape))
        if work is None:
            work = np.empty(rates.size + rates.derivatives * points) if rates.derivatives else y
        if rates.derivatives:
            work[: rates.size] = y
            coefficients = self.forward(y) if coefficients is None else coefficients
        at, first = rates.size, 0
        sources = None if coefficients is None else list(coefficients)
        for kernel, derived, count in zip(self.kernels, self.derived, self.counts, strict=True):
            at = self._derive(work, at, derived, sources)
            kernel.function(t, work[:at], p, values[first : first + count].reshape(-1))
            self._more(sources, values, first, count)
            first += count
        return values

    def _tangent_expressions(
        self, t: float, states: tuple[Array, Array], spectra: tuple[Complex, Complex], p: Array
    ) -> Array:
        """The derivatives of all expressions along v."""
        rates, points = self.rates, self.rates.points
        works = [np.empty(rates.size + rates.derivatives * points) for _ in states]
        for work, state in zip(works, states, strict=True):
            work[: rates.size] = state
        values = [np.empty((rates.expressions, *rates.shape)) for _ in states]
        sources = [list(c) for c in spectra]
        at, first = rates.size, 0
        for kernel, tangent, derived, count in zip(
            self.kernels, self.tangent_kernels(), self.derived, self.counts, strict=True
        ):
            end = at
            for work, source in zip(works, sources, strict=True):
                end = self._derive(work, at, derived, source)
            at = end
            kernel.function(t, works[0][:at], p, values[0][first : first + count].reshape(-1))
            tangent.function(
                t, np.concatenate([w[:at] for w in works]), p, values[1][first : first + count].reshape(-1)
            )
            for source, value in zip(sources, values, strict=True):
                self._more(source, value, first, count)
            first += count
        return values[1]

    def _derive(self, work: Array, at: int, derived: list[tuple[int, Complex]], sources: list[Complex] | None) -> int:
        """Append derivatives to the work vector from position ``at`` on; gives the new end."""
        if not derived:
            return at
        assert sources is not None
        made = self.backward(np.stack([factor * sources[source] for source, factor in derived]))
        work[at : at + made.size] = made.ravel()
        return at + made.size

    def _more(self, sources: list[Complex] | None, values: Array, first: int, count: int) -> None:
        """Coefficients of the expressions of an inner stage, which later derivatives are taken of."""
        if sources is not None and first + count < self.rates.expressions:
            sources.extend(self.forward(values[first : first + count]) * self.kept)

    def _summand(self, part: Part) -> _Outer:
        rates = self.rates
        plain = not any(part.orders) and not rates.dealiased
        factor = None if plain else rates.multiplier(part.orders) * rates.kept()
        return _Outer(part.row, part.source, factor)


def spectral_kernel(function: SpectralFunction, kernel: Kernel, parameters: Array) -> CompiledKernel:
    """The rates in the shape of a compiled kernel, in machine code where there is some; ``kernel``: one whose inputs
    and outputs are the state."""
    begin = time.process_time()
    native = None
    if function.target == "llvm":
        from symnum.codegen.spectral_rates import native_rates

        native = native_rates(function, parameters)
    seconds = function.compile_seconds + time.process_time() - begin
    if native is None:
        return CompiledKernel(kernel, function.target, function.evaluate, function.source, None, function, seconds)
    return CompiledKernel(kernel, "llvm", native.evaluate, function.source, native.address, native, seconds)


LARGEST_DENSE = 2048  # unknowns up to which a dense matrix of the Fourier scheme is made


def no_program(rates: SpectralRates | None) -> None:
    """DiscretisationError where source code alone would not do: transforms are not written out."""
    if rates is not None:
        raise DiscretisationError(
            'programs are written for difference schemes, not for scheme="fourier" (it needs fast Fourier transforms); '
            'write scheme="central"'
        )


def no_sparsity(function: SpectralFunction | None) -> None:
    """DiscretisationError where the derivative of the rates has no zeros to leave out."""
    if function is not None:
        raise DiscretisationError(
            'with scheme="fourier" every point depends on every other along an axis, so there is no sparse Jacobian; use .jvp(t, y, v), or '
            '.jacobian(t, y) (dense), or write scheme="central"'
        )


def affordable_jacobian(function: SpectralFunction | None, p: Array) -> Any:
    """``jacobian(t, y)``, dense, for solvers; None where it would be too large."""
    if function is None or function.rates.size > LARGEST_DENSE:
        return None
    return lambda t, y: dense_jacobian(function, t, y, p)


def dense_jacobian(function: SpectralFunction, t: float, y: Array, p: Array) -> Array:
    """df/dy, dense (size, size). DiscretisationError beyond ``LARGEST_DENSE`` unknowns."""
    size = function.rates.size
    if size > LARGEST_DENSE:
        raise DiscretisationError(
            f"the Jacobian of the Fourier scheme is dense, and {size} x {size} numbers are too many (at most {LARGEST_DENSE} unknowns); "
            'use .jvp(t, y, v), or method="ETDRK4", which needs none'
        )
    from symnum.codegen.spectral_jacobian import columns

    matrix = np.empty((size, size))
    columns(function, t, y, p, matrix)
    return matrix
