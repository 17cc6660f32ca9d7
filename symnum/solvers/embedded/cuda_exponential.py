"""A step of an exponential method with everything on the device: transforms by cuFFT, tables of phi functions uploaded once a step size.

The same step as ``exponential.Stepper`` (it is one, on other arrays), for linear parts that a Fourier transform along every axis diagonalises.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symnum.errors import SolveError
from symnum.solvers.embedded.cuda_machine import OnDevice
from symnum.solvers.embedded.exponential import Stepper, _Known
from symnum.solvers.embedded.exponential_tableau import ExponentialTableau
from symnum.solvers.embedded.semilinear import OnGrid, semilinear
from symnum.solvers.problem import Problem


class DeviceGrid:
    """``OnGrid`` on device arrays: coefficients (k, *modes) of states (n,)."""

    def __init__(self, found: OnGrid, on_device: OnDevice, method: str) -> None:
        made = found.made
        if made._plain is None or len(made._plain) != len(made.grid):
            raise SolveError(
                f'{method} on the GPU takes Fourier transforms along every axis, and not all sides here are periodic; write method="ROCK4", or '
                'leave out target="cuda"'
            )
        self.shape, self.axes, self.rhs, self.device = made.shape, made._plain, on_device.rhs, on_device.device
        self.symbol = found.symbol
        self._symbol = on_device.device.upload(np.ascontiguousarray(found.symbol))

    def forward(self, y: Any) -> Any:
        return self.device.arrays.fft.rfftn(y.reshape(self.shape), axes=self.axes)

    def backward(self, c: Any, out: Any) -> None:
        sizes = [self.shape[a] for a in self.axes]
        out.reshape(self.shape)[...] = self.device.arrays.fft.irfftn(c, sizes, axes=self.axes)

    def nonlinear(self, t: float, y: Any, c: Any) -> Any:
        """F f(t, y) - symbol . c."""
        rates = self.device.arrays.empty_like(y)
        self.rhs(t, y, rates)
        return self.forward(rates) - self.device.arrays.einsum("ab...,b...->a...", self._symbol, c)

    def native(self) -> Any:
        return None


class DeviceStepper(Stepper):
    """Whole steps on device arrays; what is known of a state is kept with a copy of it, and compared there."""

    def __init__(
        self,
        tableau: ExponentialTableau,
        grid: DeviceGrid,
        breakpoints: tuple[float, ...] = (),
        autonomous: bool = False,
    ) -> None:
        super().__init__(tableau, grid, breakpoints, autonomous)
        self.device = grid.device
        self._uploaded: dict[float, tuple[list[Any], list[dict[int, Any]]]] = {}

    native = None  # there is no machine code of the host for it

    def advance(self, t: float, h: float, y: Any, out: Any, error: Any) -> bool:
        with np.errstate(all="ignore"):
            self._advance(t, h, y, out, error)
        return bool(self.device.arrays.isfinite(out).all())

    def _combined(self, exponential: Any, c: Any, row: dict[int, Any], slopes: list[Any]) -> Any:
        total: Any = 0.0 if exponential is None else self._times(exponential, c)
        for j, coefficient in row.items():
            total = total + self._times(coefficient, slopes[j])
        return total

    def _times(self, coefficient: Any, c: Any) -> Any:
        return coefficient * c if self.diagonal else self.device.arrays.einsum("ij...,j...->i...", coefficient, c)

    def _begin(self, t: float, y: Any) -> _Known:
        for known in (self._end, self._start):
            if known is not None and (self.autonomous or known.t == t) and bool((known.key == y).all()):
                self._start = known
                return known
        self._start = self._knowledge(t, y)
        return self._start

    def _knowledge(self, t: float, y: Any) -> _Known:
        c = self.semilinear.forward(y)
        return _Known(t, y.copy(), c, self.semilinear.nonlinear(t, y, c))

    def tables(self, h: float) -> tuple[list[Any], list[dict[int, Any]]]:
        """The tables of the host, on the device; as many step sizes are kept as there."""
        rounded, made = self.rounded(h), super().tables(h)
        if rounded not in self._uploaded:
            upload = self.device.upload
            exponentials = [None if e is None else upload(np.ascontiguousarray(e)) for e in made[0]]
            rows = [{j: upload(np.ascontiguousarray(a)) for j, a in row.items()} for row in made[1]]
            self._uploaded = {k: v for k, v in self._uploaded.items() if k in self._tables} | {
                rounded: (exponentials, rows)
            }
        return self._uploaded[rounded]


def device_stepper(problem: Problem, tableau: ExponentialTableau, name: str) -> DeviceStepper:
    """The steps of an exponential method for a problem on a device. SolveError where its linear part is not diagonal in a Fourier basis."""
    found = semilinear(problem, name)
    if not isinstance(found, OnGrid):
        raise SolveError(
            f'{name} on the GPU takes systems discretised on a periodic grid; write scheme="central", or leave out target="cuda"'
        )
    return DeviceStepper(tableau, DeviceGrid(found, problem.device, name), problem.breakpoints, problem.autonomous)
