"""What a run keeps: rows at save times, written in place, or blocks of accepted steps; and the continuous extension.

Where events are watched every accepted step passes through a block, with what its continuous extension needs; the block is
used again when nobody wants the steps themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError
from symnum.solvers.embedded.machine import Machine
from symnum.solvers.embedded.method import Method
from symnum.solvers.problem import Options, Problem

Array = NDArray[np.float64]
Block = tuple[Array, Array, Array]  # times (rows,), states (rows, n), slopes (rows * kept, n) or (0, n)
BLOCK_BYTES = 2**20  # of a block of accepted steps


class Record:
    """The buffers of one run, bound to its machine.

    ``watched``: events are looked for, so every step passes through the block with its slopes.
    """

    def __init__(
        self, machine: Machine, problem: Problem, options: Options, method: Method, watched: bool = False
    ) -> None:
        self.machine, self.problem, self.options, self.method = machine, problem, options, method
        self.sign = math.copysign(1.0, problem.t1 - problem.t0)
        times = options.save_times(problem)
        self.times = times
        self.retained = times is None or options.dense
        self.slopes = len(method.parts.kept) if options.dense or watched else 0
        self.done: list[Block] = []
        self.shortened: dict[int, tuple[float, Array]] = {}  # step that an event cut short -> where it would have ended
        self.ended: tuple[float, Array] | None = None  # the state that an event ended the run in
        count = 0 if times is None else len(times)
        self.rows = np.zeros((max(1, count), problem.n))
        never = math.copysign(math.inf, problem.t1 - problem.t0)
        machine.bind("save_t", np.array([*(times if times is not None else ()), never]))
        machine.bind("save_y", self.rows)
        if times is not None:
            self.rewind(problem.t0)
            self.rows[: int(machine["save_next"])] = problem.y0
        machine["keep"] = 2 if options.dense or watched else int(times is None)
        self.block: Block = self._new_block() if machine["keep"] else (np.zeros(0), np.zeros((0, 0)), np.zeros((0, 0)))

    # --- blocks of accepted steps ---

    @property
    def kept(self) -> int:
        """Rows of the block in use."""
        return int(self.machine["kept"]) if self.machine["keep"] else 0

    @property
    def retained_rows(self) -> int:
        """Steps kept in full blocks."""
        return sum(len(block[0]) for block in self.done)

    def next_block(self) -> None:
        """Give the driver an empty block of rows for accepted steps."""
        if self.retained:
            self.done.append(self._filled())
            self.block = self._new_block()
        else:
            self.machine["kept"] = 0

    def _new_block(self) -> Block:
        n = self.problem.n
        rows = max(4, min(4096, BLOCK_BYTES // (8 * n * (1 + self.slopes))))
        block = (np.zeros(rows), np.zeros((rows, n)), np.zeros((max(1, rows * self.slopes), n)))
        for name, array in zip(("kept_t", "kept_y", "kept_slopes"), block, strict=True):
            self.machine.bind(name, array)
        self.machine["kept"], self.machine["kept_capacity"] = 0, rows
        return block

    def _filled(self) -> Block:
        """The rows in use; slopes only where the dense output was asked for."""
        count, (t, y, slopes) = self.kept, self.block
        return t[:count], y[:count], slopes[: count * self.slopes] if self.options.dense else slopes[:0]

    def _blocks(self) -> list[Block]:
        """All rows. Ctrl-C may come between any two lines of ``next_block``, when the block in use is among the full ones already."""
        handed_over = bool(self.done) and self.done[-1][0].base is self.block[0]
        return [*self.done] if handed_over else [*self.done, self._filled()]

    def step(self, row: int) -> Array:
        """The slopes (kept, n) of a row of the block in use."""
        return self.block[2][row * self.slopes : (row + 1) * self.slopes]

    def cut(self, row: int, t: float, y: Array, slope: Array | None = None) -> None:
        """The step of a row of the block ends early, at (t, y); later rows and saved times are forgotten.

        ``slope``: f there, where the part of the step is a step of its own; else it keeps the continuous extension of the whole.
        """
        if slope is not None:
            self.step(row)[self.method.parts.kept.index("slope")] = slope
        elif self.retained and self.options.dense:
            self.shortened[self.retained_rows + row] = (float(self.block[0][row]), np.array(self.block[1][row]))
        self.block[0][row], self.block[1][row] = t, y
        self.machine["kept"] = row + 1
        self.rewind(t)

    def jump(self, t: float, y: Array) -> None:
        """The state jumps: the new one is kept under the next time that there is."""
        if not self.retained:
            return
        if self.kept >= self.machine["kept_capacity"]:
            self.next_block()
        row = self.kept
        self.block[0][row], self.block[1][row] = t, y
        self.step(row)[:] = 0.0
        self.machine["kept"] = row + 1

    def rewind(self, t: float) -> None:
        """Save times beyond t are still to come."""
        if self.times is not None:
            place = np.searchsorted(self.times * self.sign, t * self.sign, side="right")
            self.machine["save_next"] = int(place)

    # --- what comes out ---

    def saved(self, failed: bool) -> tuple[Array, Array]:
        """Times (m,) and states (m, n) reached; after a failure between save times the last state is added."""
        if self.times is None:
            times, states, _ = self.steps()
            return times, states
        count = int(self.machine["save_next"])
        times, states = self.times[:count], self.rows[:count]
        t, y = self.ended or (self.machine["t"], self.machine.vector("y"))
        if (failed or self.ended) and (not count or times[-1] * self.sign < t * self.sign) and np.isfinite(y).all():
            return np.append(times, t), np.vstack([states, y])
        return times, states

    def steps(self) -> Block:
        """All accepted steps: times (m,), states (m, n), with dense output slopes (m - 1, kept, n)."""
        blocks = self._blocks()
        n, kept = self.problem.n, self.slopes if self.options.dense else 0
        times = [np.array([self.problem.t0]), *(b[0] for b in blocks)]
        states = [self.problem.y0[None], *(b[1] for b in blocks)]
        slopes = [b[2].reshape(-1, kept, n) if kept else np.zeros((0, 0, n)) for b in blocks]
        return np.concatenate(times), np.concatenate(states), np.concatenate(slopes)

    def dense(self) -> Callable[[Any], Array] | None:
        """The continuous extension of the run, if it was asked for."""
        return DenseOutput(self.method, *self.steps(), self.shortened) if self.options.dense else None

    # --- checkpoints ---

    def state(self) -> dict[str, Array]:
        """All that is kept so far, as arrays."""
        count = int(self.machine["save_next"]) if self.times is not None else 0
        made = {"rows": self.rows[:count]}
        if self.retained:
            blocks = self._blocks()
            made |= {f"steps_{j}": np.concatenate([b[j] for b in blocks]) for j in range(3)}
        at = sorted(self.shortened)
        made["cut_rows"] = np.array(at, dtype=np.float64)
        made["cut_t"] = np.array([self.shortened[row][0] for row in at])
        made["cut_y"] = np.array([self.shortened[row][1] for row in at]).reshape(len(at), self.problem.n)
        return made

    def restore(self, state: Mapping[str, Array]) -> None:
        """Take up what ``state`` gave, in a run that has not begun; the machine's scalars are restored already."""
        self.rows[: len(state["rows"])] = state["rows"]
        if self.machine["keep"]:
            self.block = self._new_block()
        if self.retained:
            self.done = [(state["steps_0"], state["steps_1"], state["steps_2"])]
        self.shortened = {
            int(row): (float(t), y) for row, t, y in zip(state["cut_rows"], state["cut_t"], state["cut_y"], strict=True)
        }


@dataclass(frozen=True)
class DenseOutput:
    """The method's own continuous extension: call with a time -> (n,), or with k times -> (k, n).

    Args:
        t: (m,) ends of the accepted steps; y: (m, n); slopes: (m - 1, kept, n), see ``driver.Parts.kept``.
        shortened: for steps that an event cut short, the time and state at which they would have ended.
    """

    method: Method
    t: Array
    y: Array
    slopes: Array
    shortened: Mapping[int, tuple[float, Array]]

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
        whole, target = self.shortened.get(end - 1, (self.t[end], self.y[end]))
        h = whole - self.t[end - 1]
        theta = (time - self.t[end - 1]) / h
        return within_step(self.method, np.array([theta]), h, self.y[end - 1], target, self.slopes[end - 1])[0]


def within_step(method: Method, theta: Array, h: Any, before: Array, after: Array, slopes: Array) -> Array:
    """The continuous extension of one step at shares theta (k,) of it, (k, n).

    Args: h: the step; before, after: the states (n,) at its ends; slopes: (kept, n).
    """
    parts = method.parts
    vectors = dict(zip(parts.kept, slopes, strict=True)) | {"y_new": before, "y": after}
    weights = method.dense_weights(theta)
    made: Array = sum((weights[v] * h**power)[:, None] * vectors[v] for v, power, _ in parts.interpolant)
    return made
