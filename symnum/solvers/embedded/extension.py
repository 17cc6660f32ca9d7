"""The solution inside one accepted step, for conditions that are watched along it.

polynomial methods     y(t + theta h) = sum of h^power p(theta) vector, the method's continuous extension
exponential methods    y(t + theta h) = one step of the method of length theta h: no polynomial follows exp(theta h L) through a large step
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.embedded.machine import Machine
from symnum.solvers.embedded.method import Method

Array = NDArray[np.float64]


class Step:
    """One accepted step: ``begin``, ``h``, and the state at shares of it."""

    def __init__(self, begin: float, end: float, state: Callable[[float], Array]) -> None:
        self.begin, self.h, self.state = begin, end - begin, state

    def __call__(self, theta: float) -> Array:
        """The state (n,) at a share of the step."""
        return self.state(theta)


def polynomial(method: Method, h: float, vectors: dict[str, Array]) -> Callable[[float], Array]:
    """The continuous extension of a step; vectors by their names after acceptance."""
    rows, coefficients = [], []
    for name, power, weights in method.parts.interpolant:
        rows.append(vectors[name])
        coefficients.append([float(c) * h**power for c in weights])
    table = np.array(rows)

    def state(theta: float) -> Array:
        factors = []
        for weights in coefficients:
            value = 0.0
            for c in reversed(weights):
                value = value * theta + c
            factors.append(value)
        made: Array = np.array(factors) @ table
        return made

    return state


def exponential(machine: Machine, begin: float, h: float, before: Array, after: Array) -> Callable[[float], Array]:
    """The method's own step of length theta h from the state at ``begin``; NaN where it is not finite."""
    stepper: Any = machine.linear
    start = min(max(begin, machine["t_low"]), machine["t_high"])

    def state(theta: float) -> Array:
        if theta <= 0 or theta >= 1:
            return before if theta <= 0 else after
        out, error = np.empty_like(before), np.empty_like(before)
        stepper.advance(start, theta * h, before, out, error)
        return out

    return state
