"""What a run keeps: rows at save times, written in place, or blocks of accepted steps; and the continuous extension."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError
from symnum.solvers.embedded.machine import Machine
from symnum.solvers.embedded.method import Method
from symnum.solvers.problem import Options, Problem

Array = NDArray[np.float64]
BLOCK_BYTES = 2**20  # of a block of accepted steps


class Record:
    """The buffers of one run, bound to its machine."""

    def __init__(self, machine: Machine, problem: Problem, options: Options, method: Method) -> None:
        self.machine, self.problem, self.options, self.method = machine, problem, options, method
        self.sign = math.copysign(1.0, problem.t1 - problem.t0)
        times = options.save_times(problem)
        self.times = times
        self.blocks: list[tuple[Array, Array, Array]] = []
        self.counts: list[int] = []
        count = 0 if times is None else len(times)
        self.rows = np.zeros((max(1, count), problem.n))
        never = math.copysign(math.inf, problem.t1 - problem.t0)
        machine.bind("save_t", np.array([*(times if times is not None else ()), never]))
        machine.bind("save_y", self.rows)
        if times is not None:
            at_start = int(np.searchsorted(times * self.sign, problem.t0 * self.sign, side="right"))
            self.rows[:at_start] = problem.y0
            machine["save_next"] = at_start
        machine["keep"] = 2 if options.dense else int(times is None)
        if machine["keep"]:
            self.next_block()

    def next_block(self) -> None:
        """Give the driver an empty block of rows for accepted steps."""
        if self.blocks:
            self.counts.append(int(self.machine["kept"]))
        slopes = len(self.method.parts.kept) if self.options.dense else 0
        n = self.problem.n
        rows = max(4, min(4096, BLOCK_BYTES // (8 * n * (1 + slopes))))
        block = (np.zeros(rows), np.zeros((rows, n)), np.zeros((max(1, rows * slopes), n)))
        for name, array in zip(("kept_t", "kept_y", "kept_slopes"), block, strict=True):
            self.machine.bind(name, array)
        self.blocks.append(block)
        self.machine["kept"], self.machine["kept_capacity"] = 0, rows

    def saved(self, failed: bool) -> tuple[Array, Array]:
        """Times (m,) and states (m, n) reached; after a failure between save times the last state is added."""
        if self.times is None:
            times, states, _ = self.steps()
            return times, states
        count = int(self.machine["save_next"])
        times, states = self.times[:count], self.rows[:count]
        t, y = self.machine["t"], self.machine.vector("y")
        if failed and (not count or times[-1] * self.sign < t * self.sign) and np.isfinite(y).all():
            return np.append(times, t), np.vstack([states, y])
        return times, states

    def steps(self) -> tuple[Array, Array, Array]:
        """All accepted steps: times (m,), states (m, n), with dense output slopes (m - 1, kept, n)."""
        counts = [*self.counts, int(self.machine["kept"])]
        n, kept = self.problem.n, len(self.method.parts.kept) if self.options.dense else 0
        times = [np.array([self.problem.t0])] + [block[0][:c] for block, c in zip(self.blocks, counts, strict=True)]
        states = [self.problem.y0[None]] + [block[1][:c] for block, c in zip(self.blocks, counts, strict=True)]
        slopes = [block[2][: c * kept].reshape(c, kept, n) for block, c in zip(self.blocks, counts, strict=True)]
        return np.concatenate(times), np.concatenate(states), np.concatenate(slopes)

    def dense(self) -> Callable[[Any], Array] | None:
        """The continuous extension of the run, if it was asked for."""
        return DenseOutput(self.method, *self.steps()) if self.options.dense else None


@dataclass(frozen=True)
class DenseOutput:
    """The method's own continuous extension: call with a time -> (n,), or with k times -> (k, n).

    Args:
        t: (m,) ends of the accepted steps; y: (m, n); slopes: (m - 1, kept, n), see ``driver.Parts.kept``.
    """

    method: Method
    t: Array
    y: Array
    slopes: Array

    def __call__(self, t: Any) -> Array:
        times = np.atleast_1d(np.asarray(t, dtype=np.float64))
        result = np.array([self._at(float(s)) for s in times])
        return result[0] if np.ndim(t) == 0 else result

    def _at(self, time: float) -> Array:
        low, high = sorted((self.t[0], self.t[-1]))
        if not low <= time <= high:
            raise SolveError(
                f"the solution is known from t = {self.t[0]:.6g} to {self.t[-1]:.6g}, not at {time:.6g}; "
                "widen the time interval"
            )
        sign = 1.0 if self.t[-1] >= self.t[0] else -1.0
        end = int(np.searchsorted(sign * self.t, sign * time, side="left"))
        if self.t[end] == time:
            return np.array(self.y[end])
        h = self.t[end] - self.t[end - 1]
        theta = np.array([(time - self.t[end - 1]) / h])
        parts = self.method.parts
        vectors = dict(zip(parts.kept, self.slopes[end - 1], strict=True)) | {
            "y_new": self.y[end - 1],
            "y": self.y[end],
        }
        weights = self.method.dense_weights(theta)
        return np.asarray(sum(weights[v][0] * h**power * vectors[v] for v, power, _ in parts.interpolant))
