"""The continuous extension of methods whose interpolant can only be asked for values: a polynomial through six of them in each step."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError

Array = NDArray[np.float64]
NODES = tuple((1 - math.cos(math.pi * k / 5)) / 2 for k in range(6))  # Chebyshev points of a step
_WEIGHTS = np.array([0.5, -1.0, 1.0, -1.0, 1.0, -0.5])  # barycentric


class Polynomials:
    """The continuous extension of a run: in each step (begin, end, values (6, n)) the polynomial through the values at ``NODES``.

    Call with a time -> (n,), or with k times -> (k, n).
    """

    def __init__(self, steps: list[tuple[float, float, Array]], sign: float) -> None:
        self.steps, self.sign = steps, sign
        self.ends = np.array([end for _, end, _ in steps])

    def __call__(self, t: Any) -> Array:
        times = np.atleast_1d(np.asarray(t, dtype=np.float64))
        begin, end = self.steps[0][0], float(self.ends[-1])
        low, high = sorted((begin, end))
        if times.min() < low or times.max() > high:
            raise SolveError(f"the solution is known from t = {begin:.6g} to {end:.6g}; widen the time interval")
        which = np.searchsorted(self.sign * self.ends, self.sign * times, side="left")
        result = np.array([self._at(self.steps[i], float(s)) for i, s in zip(which, times, strict=True)])
        return result[0] if np.ndim(t) == 0 else result

    @staticmethod
    def _at(step: tuple[float, float, Array], t: float) -> Array:
        begin, end, values = step
        distance = (t - begin) / (end - begin) - np.array(NODES)
        if not distance.all():
            return np.array(values[int(np.flatnonzero(distance == 0)[0])])
        weights = _WEIGHTS / distance
        return np.asarray(weights @ values / weights.sum())
