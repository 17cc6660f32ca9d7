"""One step of an exponential Runge-Kutta method on y' = L y + N(t, y), L diagonal (or blocks) in coefficient space.

    c = F y,    L y = F^-1 (symbol . c),    N^(t, y) = F (f(t, y)) - symbol . c

F is a Fourier, cosine or sine transform. ``Stepper`` holds what depends on the step size: tables of a_ij(hL) for each
h, few because step sizes come from a ladder. A step starts from the values y alone and ends in values: what a run
knows are the vectors of its driver, so it resumes exactly.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.embedded.exponential_tableau import Entry, ExponentialTableau
from symnum.solvers.phi import phi_matrices, phi_scalars

Array = NDArray[np.float64]
TABLES = 64  # step sizes whose tables are kept
MANTISSA = 40  # bits of a step size that tables tell apart: equal save times give equal steps up to rounding


class Semilinear(Protocol):
    """A problem in coefficient space: y (n,) values, c (k, *modes) coefficients, ``symbol`` (k, k, *modes)."""

    @property
    def symbol(self) -> Any: ...

    def forward(self, y: Array) -> Any: ...

    def backward(self, c: Any, out: Array) -> None: ...

    def nonlinear(self, t: float, y: Array, c: Any) -> Any:
        """The coefficients of f(t, y) - L y; c are those of y."""
        ...

    def native(self) -> Any:
        """The same for machine code (``codegen.spectral_native.NativeContext``), or None."""
        ...


@dataclass
class _Known:
    """A state whose coefficients and N are known."""

    t: float
    key: bytes
    c: Any
    slope: Any


class Stepper:
    """Takes the place of a linear solver in a driver whose program holds ``Advance``.

    Args:
        tableau: the method; semilinear: the problem.
        breakpoints: times where f jumps; autonomous: f does not depend on t.

    ``native``: the same in machine code (``exponential_native``), where the problem allows it.
    """

    def __init__(
        self,
        tableau: ExponentialTableau,
        semilinear: Semilinear,
        breakpoints: tuple[float, ...] = (),
        autonomous: bool = False,
    ) -> None:
        self.tableau, self.semilinear = tableau, semilinear
        self.breakpoints, self.autonomous = breakpoints, autonomous
        self.raised: BaseException | None = None
        self.evaluations = self.factorisations = self.solves = 0
        self._tables: OrderedDict[float, tuple[list[Any], list[dict[int, Any]]]] = OrderedDict()
        self._start: _Known | None = None
        self._end: _Known | None = None
        symbol = np.asarray(semilinear.symbol)
        fields = range(len(symbol))
        self.diagonal = not any(symbol[i, j].any() for i in fields for j in fields if i != j)
        self.z = symbol[fields, fields] if self.diagonal else symbol

    @cached_property
    def native(self) -> Any:
        context = self.semilinear.native()
        if context is None:
            return None
        from symnum.solvers.embedded.exponential_native import NativeStep

        return NativeStep(self, context, self.breakpoints, self.autonomous).native()

    def advance(self, t: float, h: float, y: Array, out: Array, error: Array) -> bool:
        """out = y(t + h), error = its estimate, from y = y(t). False where a number is not finite."""
        with np.errstate(all="ignore"):
            self._advance(t, h, y, out, error)
        return bool(np.isfinite(out).all())

    def _advance(self, t: float, h: float, y: Array, out: Array, error: Array) -> None:
        exponentials, rows = self.tables(h)
        start = self._begin(t, y)
        slopes, state = [start.slope], y.copy()  # an array of the same kind, on a device too
        for i, node in enumerate(self.tableau.c[1:-1], start=1):
            stage = self._combined(exponentials[i], start.c, rows[i - 1], slopes)
            self.semilinear.backward(stage, state)
            slopes.append(self.semilinear.nonlinear(self._inside(t + float(node) * h, h), state, stage))
        self.semilinear.backward(self._combined(exponentials[-1], start.c, rows[-2], slopes), out)
        self._end = self._knowledge(self._inside(t + h, h), out)
        slopes.append(self._end.slope)
        self.semilinear.backward(self._combined(None, None, rows[-1], slopes), error)

    def _combined(self, exponential: Any, c: Any, row: dict[int, Any], slopes: list[Any]) -> Any:
        """exponential . c + sum over a row of table . N."""
        total = 0.0 if exponential is None else self._times(exponential, c)
        for j, coefficient in row.items():
            total = total + self._times(coefficient, slopes[j])
        return total

    def _begin(self, t: float, y: Array) -> _Known:
        """Coefficients and N of the state a step starts from; those of the last step's end or start are at hand."""
        key = y.tobytes()
        for known in (self._end, self._start):
            if known is not None and known.key == key and (self.autonomous or known.t == t):
                self._start = known
                return known
        self._start = self._knowledge(t, y)
        return self._start

    def _knowledge(self, t: float, y: Array) -> _Known:
        c = self.semilinear.forward(y)
        return _Known(t, y.tobytes(), c, self.semilinear.nonlinear(t, y, c))

    def _inside(self, t: float, h: float) -> float:
        """A time moved off a breakpoint, towards the start of the step: f may jump there."""
        for jump in self.breakpoints:
            near = 1e-15 * abs(jump)
            if abs(t - jump) <= near:
                t = jump - math.copysign(2 * near, h)
        return t

    def _times(self, coefficient: Any, c: Any) -> Any:
        return coefficient * c if self.diagonal else np.einsum("ij...,j...->i...", coefficient, c)

    def tables(self, h: float) -> tuple[list[Any], list[dict[int, Any]]]:
        """(exp(c_i h L) of each stage, h a_ij(hL) of each row and of the error), for a step size."""
        h = self.rounded(h)
        if h not in self._tables:
            self._tables[h] = self.made(h)
            self.factorisations += 1
            if len(self._tables) > TABLES:
                self._tables.popitem(last=False)
        self._tables.move_to_end(h)
        return self._tables[h]

    def rounded(self, h: float) -> float:
        """The step size that tables are made for."""
        mantissa, exponent = math.frexp(h)
        return math.ldexp(round(math.ldexp(mantissa, MANTISSA)), exponent - MANTISSA)

    def made(self, h: float) -> tuple[list[Any], list[dict[int, Any]]]:
        """The tables of ``tables``, computed."""
        tableau = self.tableau
        phi = phi_scalars if self.diagonal else phi_matrices
        nodes = np.array([float(node) for node in tableau.nodes])
        scaled = np.multiply.outer(np.asarray(self.z), nodes * h)
        values = dict(zip(tableau.nodes, np.moveaxis(phi(scaled, tableau.highest), -1, 0), strict=True))

        def total(entry: Entry) -> Any:
            return sum(h * float(weight) * values[node][m] for weight, m, node in entry)

        exponentials = [None, *(values[node][0] for node in tableau.c[1:])]
        rows = [{j: total(entry) for j, entry in row.items()} for row in (*tableau.a, tableau.error)]
        return exponentials, rows
