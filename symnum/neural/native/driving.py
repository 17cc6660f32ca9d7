"""The driver program of the native solvers: accepted steps are kept with their slopes, in calls of some 25 ms, so that Ctrl-C is heard."""

from __future__ import annotations

import ctypes
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.neural.record import SolveOptions
from symnum.solvers.embedded.language import Program, Status
from symnum.solvers.embedded.machine import NativeMachine

Array = NDArray[np.float64]
FIRST_CALL, CALL_SECONDS = 64.0, 0.025
_GIVEN = ("rtol", "atol", "direction", "t", "t_old", "t_end", "keep", "t_low", "t_high", "bad_time", "first_step")
_KEPT = ("kept_t", "kept_y", "kept_slopes", "kept_counts")


def address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]  # several times faster than .ctypes.data
    return address


class Room:
    """Where accepted steps are kept: n steps of N numbers with s stages, in one piece of memory.

    Attributes: ``t``, ``counts`` (n + 1,): times, and evaluations up to them; ``h`` (n,); ``y`` (n + 1, N); ``k`` (n*s, N): slopes;
    ``at``: their addresses.
    """

    def __init__(self, steps: int, stages: int, size: int) -> None:
        self.steps, self.stages, self.size = steps, stages, size
        numbers = {"t": steps + 1, "counts": steps + 1, "h": steps, "y": (steps + 1) * size, "k": steps * stages * size}
        memory = np.empty(sum(numbers.values()))
        self.at, begin, place = dict[str, int](), 0, address(memory)
        parts = []
        for name, count in numbers.items():
            self.at[name] = place + 8 * begin
            parts.append(memory[begin : begin + count])
            begin += count
        self.t, self.counts, self.h, y, k = parts
        self.y, self.k = y.reshape(-1, size), k.reshape(-1, size)

    def grown(self) -> Room:
        """Twice as much, with what is in it."""
        made = Room(2 * self.steps, self.stages, self.size)
        for new, old in ((made.t, self.t), (made.counts, self.counts), (made.y, self.y), (made.k, self.k)):
            new[: len(old)] = old
        return made

    def restart(self) -> None:
        """The last step's end becomes the start of the first."""
        for array in (self.t, self.counts, self.y):
            array[0] = array[-1]


class Driver:
    """A program bound to memory for states of ``size`` numbers; for one solve at a time."""

    def __init__(self, program: Program, size: int) -> None:
        machine = NativeMachine(program, size, _never, 0, np.zeros(1))
        self.machine, self.scalars, self.index, self.size = machine, machine.scalars, machine.index, size
        self.at = address(machine.scalars), address(machine.table)
        self.given = np.array([machine.index[name] for name in _GIVEN])
        self.places = [machine.places[name] for name in _KEPT]
        self.chunk = FIRST_CALL  # attempts in a call
        assert machine.places["y"] == 0

    def __getitem__(self, name: str) -> float:
        return float(self.scalars[self.index[name]])

    def start(self, begin: float, end: float, y0: int, options: SolveOptions) -> None:
        """Before the first step, from the state at the address ``y0``."""
        direction = 1.0 if end >= begin else -1.0
        self.scalars.fill(0.0)
        self.scalars[self.given] = (
            options.rtol, options.atol, direction, begin, begin, end, 2.0, -np.inf, np.inf, np.inf, options.dt or 0.0,
        )  # fmt: skip
        self.machine.pointers["save_t"].fill(direction * np.inf)
        ctypes.memmove(int(self.machine.table[0]), y0, 8 * self.size)  # the vector that means y now

    def bind(self, room: Room, kept: int | None = None) -> None:
        """Keep steps there; ``kept``: so many are there."""
        table, (t, y, k, counts) = self.machine.table, self.places
        at = room.at
        table[t], table[y], table[k], table[counts] = at["t"] + 8, at["y"] + 8 * self.size, at["k"], at["counts"]
        self.scalars[self.index["kept_capacity"]] = room.steps
        if kept is not None:
            self.scalars[self.index["kept"]] = kept

    def run(self, rhs: int, context: int, left: float) -> tuple[Status, float]:
        """Run with ``left`` attempts at most; (status, attempts that are left)."""
        budget = self.index["budget"]
        while True:
            allowed = min(self.chunk, left)
            self.scalars[budget] = allowed
            begin = time.perf_counter()
            status = self.machine.function(*self.at, rhs, context, None, self.size)
            done = allowed - float(self.scalars[budget])
            left -= done
            self.chunk = max(1.0, float(round(done * min(8.0, CALL_SECONDS / max(time.perf_counter() - begin, 1e-9)))))
            if status != Status.STEP_LIMIT or left <= 0:
                return Status(status), left


def _never(t: float, y: Array, out: Array) -> None:
    raise AssertionError("the right-hand side has an address")
