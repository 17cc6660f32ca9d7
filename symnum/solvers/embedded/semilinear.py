"""Problems y' = L y + N(t, y) in coordinates where L is diagonal, or in blocks: what exponential methods work in.

``spectral``     the Fourier scheme: L and N by their definitions ``OnGrid``       a grid whose constant linear part a
transform diagonalises: N = f - L y, in coefficients ``Dense``        any constant L of a few hundred unknowns: the
state is its own coefficients, one block
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.spectral import SpectralFunction
from symnum.codegen.spectral_native import grid_context, spectral_context
from symnum.errors import SolveError
from symnum.solvers.embedded.exponential import Semilinear
from symnum.solvers.problem import Problem

Array = NDArray[np.float64]
WEAK = 1e-3  # a coupling below this share of the largest eigenvalue is not worth phi functions of matrices
LARGEST_DENSE = 256  # unknowns up to which phi functions of a full matrix are affordable


class OnGrid:
    """``diagonalisation``: ``linear_algebra.diagonal.Diagonalisation``."""

    def __init__(self, diagonalisation: Any, problem: Problem) -> None:
        self.made, self.rhs, self.problem = diagonalisation, problem.rhs, problem
        self.symbol = _without_weak_coupling(diagonalisation.symbol)

    def forward(self, y: Array) -> Any:
        return self.made.forward(y)

    def backward(self, c: Any, out: Array) -> None:
        self.made.backward(c, out)

    def nonlinear(self, t: float, y: Array, c: Any) -> Any:
        """F f(t, y) - symbol . c: rounding errors of L y in f come back divided by h L, so none grow."""
        rates = np.empty_like(y)
        self.rhs(t, y, rates)
        return self.made.forward(rates) - self.made.apply(self.symbol, c)

    def native(self) -> Any:
        """Words for machine code, where all axes are periodic and f is machine code itself."""
        from symnum.solvers.linear_algebra.bases import Fourier

        if self.problem.address is None or not all(isinstance(basis, Fourier) for basis in self.made.bases):
            return None
        return grid_context(self.made.grid, self.symbol, self.problem.address, self.problem.parameters)


def _without_weak_coupling(symbol: Any) -> Any:
    """The symbol without couplings between fields that are weak beside it: N = f - L y keeps them, and numbers are cheaper than blocks."""
    own = np.zeros_like(symbol)
    fields = range(len(symbol))
    own[fields, fields] = symbol[fields, fields]
    return own if np.abs(symbol - own).max(initial=0.0) <= WEAK * np.abs(own).max(initial=0.0) else symbol


class Dense:
    """L as one block on n "fields" without modes."""

    def __init__(self, matrix: Array, problem: Problem) -> None:
        self.symbol, self.rhs = np.ascontiguousarray(matrix), problem.rhs

    def forward(self, y: Array) -> Any:
        return y.copy()

    def backward(self, c: Any, out: Array) -> None:
        out[...] = c

    def nonlinear(self, t: float, y: Array, c: Any) -> Any:
        rates = np.empty_like(y)
        self.rhs(t, y, rates)
        return rates - self.symbol @ c

    def native(self) -> Any:
        return None


class Spectral:
    """The Fourier scheme at fixed parameter values."""

    def __init__(self, function: SpectralFunction, parameters: Array) -> None:
        self.function, self.parameters = function, parameters
        self.symbol = function.symbol(parameters)

    def forward(self, y: Array) -> Any:
        return self.function.forward(y)

    def backward(self, c: Any, out: Array) -> None:
        out.reshape(-1, *self.function.rates.shape)[...] = self.function.backward(c)

    def nonlinear(self, t: float, y: Array, c: Any) -> Any:
        return self.function.nonlinear(t, y, c, self.parameters)

    def native(self) -> Any:
        return spectral_context(self.function, self.parameters)


def semilinear(problem: Problem, method: str) -> Semilinear:
    """The coordinates for a problem.

    Raises SolveError where f has no constant linear part that a transform diagonalises, and is too large for full
    matrices.
    """
    made: Semilinear | None = problem.semilinear() if problem.semilinear is not None else None
    if made is not None:
        return made
    if problem.differential is not None:
        raise SolveError(f'{method} does not take algebraic equations; write method="IDA"')
    part = problem.linear_part() if problem.linear_part is not None else None
    if part is None:
        raise SolveError(
            f'{method} needs the constant linear part of the equations, which is not known for this right-hand side; write method="CVODE", or '
            "describe the equations as a sn.PDESystem"
        )
    from symnum.solvers.linear_algebra.diagonal import diagonalise

    found = diagonalise(part)
    if found is not None:
        return OnGrid(found, problem)
    if problem.n <= LARGEST_DENSE:
        return Dense(part.matrix.toarray(), problem)
    no_basis = "have a linear part that no Fourier, cosine or sine transform makes diagonal"
    what = no_basis if part.matrix.nnz else "have no linear part with constant coefficients"
    raise SolveError(
        f"the equations {what}, and {problem.n} unknowns are too many for full matrices (at most {LARGEST_DENSE}); exponential "
        f"methods such as {method} want constant coefficients on periodic, Neumann or Dirichlet sides. "
        'Write method="CVODE" or "KenCarp4"'
    )
