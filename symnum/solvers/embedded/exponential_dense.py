"""The solution between the steps of an exponential method, which may be longer than any polynomial can follow.

The value at a share theta of a step is the method's own step of length theta h. Steps are cut at 1/2, 1/4, ... where they are asked for, until
cubic Hermite interpolation meets such a value in the middle of a piece to the tolerances; equal shares of equal steps have their phi functions in
common. What was computed is kept.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError
from symnum.solvers.problem import Options, Problem

Array = NDArray[np.float64]
Maker = Callable[[], Any]  # a new Stepper for the parameters in force
DEEPEST = 2.0**-16  # share of a step that is not cut further


class ExponentialDense:
    """Call with a time -> (n,), or with k times -> (k, n).

    Args:
        t: (m,) ends of the accepted steps; y: (m, n); slopes: (m - 1, 2, n), f at both ends of each.
        stepper: makes the method's step for the parameters in force; changes: (time, all parameters) from then on, the first for the start.
    """

    def __init__(
        self,
        problem: Problem,
        options: Options,
        steps: tuple[Array, Array, Array],
        stepper: Maker,
        changes: Sequence[tuple[float, Array]],
    ) -> None:
        self.problem, self.options, self.make, self.changes = problem, options, stepper, list(changes)
        self.t, self.y, self.slopes = steps
        self.sign = 1.0 if self.t[-1] >= self.t[0] else -1.0
        self.steppers: dict[int, Any] = {}
        self.pieces: dict[int, _Step] = {}

    def __call__(self, t: Any) -> Array:
        times = np.atleast_1d(np.asarray(t, dtype=np.float64))
        present = np.array(self.problem.parameters)
        try:
            result = np.array([self._at(float(s)) for s in times])
        finally:
            self.problem.parameters[:] = present
        return result[0] if np.ndim(t) == 0 else result

    def _at(self, time: float) -> Array:
        low, high = sorted((self.t[0], self.t[-1]))
        if not low <= time <= high:
            raise SolveError(
                f"the solution is known from t = {self.t[0]:.6g} to {self.t[-1]:.6g}, not at {time:.6g}; widen the time interval"
            )
        end = int(np.searchsorted(self.sign * self.t, self.sign * time, side="left"))
        if self.t[end] == time:
            return np.array(self.y[end])
        begin = float(self.t[end - 1])
        return self._step(end - 1)((time - begin) / (float(self.t[end]) - begin))

    def _step(self, k: int) -> _Step:
        """Step k with the parameters that held in it, which are put in force."""
        begin = float(self.t[k])
        times = [self.sign * t for t, _ in self.changes]
        number = max(0, int(np.searchsorted(times, self.sign * begin, side="right")) - 1)
        self.problem.parameters[:] = self.changes[number][1]
        if number not in self.steppers:
            self.steppers[number] = self.make()
        if k not in self.pieces:
            jumps = begin in self.problem.breakpoints
            start = float(np.nextafter(begin, self.t[k + 1])) if jumps else begin
            self.pieces[k] = _Step(self, self.steppers[number], start, float(self.t[k + 1]) - begin, k)
        return self.pieces[k]


class _Step:
    """One step, cut as finely as was needed so far."""

    def __init__(self, of: ExponentialDense, stepper: Any, begin: float, h: float, k: int) -> None:
        self.of, self.stepper, self.begin, self.h = of, stepper, begin, h
        self.shares = [0.0, 1.0]
        first, last = of.slopes[k]
        self.values = {0.0: (of.y[k], first), 1.0: (of.y[k + 1], last)}
        self.fine: set[float] = set()  # shares at the start of pieces that are fine enough

    def __call__(self, theta: float) -> Array:
        while True:
            place = bisect_left(self.shares, theta)
            low, high = self.shares[place - 1], self.shares[place]
            middle = (low + high) / 2
            if low in self.fine or high - low <= DEEPEST:
                return self._hermite(low, high, theta)
            exact = self._exact(middle)
            guess = self._hermite(low, high, middle)
            slope = np.empty_like(exact)
            self.of.problem.rhs(self.begin + middle * self.h, exact, slope)
            turned = slope - self._slope_in_the_middle(
                low, high
            )  # a middle may be right by chance, with its slope it hardly is
            self.shares.insert(place, middle)
            self.values[middle] = exact, slope
            if self._size(exact - guess, exact) <= 1 and self._size(turned * (high - low) * self.h, exact) <= 8:
                self.fine |= {low, middle}

    def _size(self, error: Array, y: Array) -> float:
        """The root mean square in tolerances."""
        return float(np.sqrt(np.mean((error / (self.of.options.atol + self.of.options.rtol * np.abs(y))) ** 2)))

    def _slope_in_the_middle(self, low: float, high: float) -> Array:
        (y0, f0), (y1, f1) = self.values[low], self.values[high]
        made: Array = 1.5 * (y1 - y0) / ((high - low) * self.h) - (f0 + f1) / 4
        return made

    def _exact(self, theta: float) -> Array:
        before = self.values[0.0][0]
        out, error = np.empty_like(before), np.empty_like(before)
        self.stepper.advance(self.begin, theta * self.h, before, out, error)
        return out

    def _hermite(self, low: float, high: float, theta: float) -> Array:
        (y0, f0), (y1, f1) = self.values[low], self.values[high]
        s, h = (theta - low) / (high - low), (high - low) * self.h
        made: Array = (1 - s) ** 2 * ((1 + 2 * s) * y0 + s * h * f0) + s**2 * ((3 - 2 * s) * y1 - (1 - s) * h * f1)
        return made
