"""One solve in machine code, and its exact gradient.

Memory until the gradient is taken, in numbers of float64, for N numbers of the state, n steps and s stages:

    without checkpoints   (s + 1) N n, and, where the batch is small, the values inside f, at most ``TAPE``; else these are computed again
    m checkpoints         m N, and (s + 1) N for each of the steps between two kept states (at most 2 n/m), which are taken again on the way back
    no gradient           some steps at a time
"""

from __future__ import annotations

import struct
from bisect import bisect_left
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.neural.native.adjoint import scratch_vectors
from symnum.neural.native.bound import Bound
from symnum.neural.native.compiled import compiled_method
from symnum.neural.native.driving import Driver, Room, address
from symnum.neural.native.words import DOUBLES, WORDS
from symnum.neural.record import SolveOptions, Stats
from symnum.solvers.embedded.language import Status

Array = NDArray[np.float64]
_TABLE = struct.Struct("".join("d" if word in DOUBLES else "q" for word in WORDS))
_ROWS, _USED = WORDS.index("rows"), WORDS.index("used")
TAPE = 2**19  # numbers
SHORTEST, LONGEST, PIECE = (
    16,
    512,
    2**15,
)  # steps, and numbers, that are kept at a time where nothing is kept for a gradient


class Run:
    """One solve, and what its gradient needs.

    Attributes: ``t`` (n + 1,), ``h`` (n,): accepted times and steps; ``stats``; ``message``: why it stopped early; ``whole``: all steps are kept;
    ``chosen``: the step whose start was wanted, -1: none.
    """

    def __init__(
        self,
        bound: Bound,
        times: Array,
        options: SolveOptions,
        graph: bool = True,
        checkpoints: int | None = None,
        share: float | None = None,
    ) -> None:
        self.bound, self.times, self.options = bound, times, options
        self.native, self.method = bound.native, compiled_method(options.method)
        self.whole, self.share, self.chosen = graph and checkpoints is None, share, -1
        self.checkpoints = Checkpoints(checkpoints) if graph and checkpoints is not None else None
        self.stats, self.message, self.kept = Stats(), "", 0
        self.slots_at = self.more_at = 0
        self.times_at, self.direction = address(times), 1.0 if times[-1] >= times[0] else -1.0
        self.t: Array = times[:1]
        self.h: Array = times[:0]
        self.evaluations = 0  # of extra stages

    def forward(self, y0: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Rows (m, *state), E (n,), S (n,), and states: all (n + 1, *state), the chosen one (1, *state), or none."""
        self.shape, self.size = y0.shape, y0.numel()
        y0 = y0.detach().contiguous()
        method, key = self.method, (self.options.method, self.size)
        pool = self.native.pool.setdefault(key, [])
        driver = pool.pop() if pool else Driver(method.program, self.size)
        self.scratch = np.empty(scratch_vectors(method.tableau) * self.size)
        self.table = np.empty(len(WORDS), dtype=np.int64)
        self.scratch_at, self.table_at = address(self.scratch), address(self.table)
        rows = _tensor(len(self.times), *self.shape)
        with self.bound.working():
            errors, stiffness, states = (self._all if self.whole else self._in_pieces)(driver, y0, rows)
        if self.rows < len(rows):
            rows[self.rows :] = torch.nan
        steps = len(self.h)
        self.native.seen[key] = steps
        evaluations = int(driver["rhs_evaluations"]) + self.evaluations
        self.stats = Stats(evaluations, steps, int(driver["rejected"]))
        pool.append(driver)
        return rows, errors, stiffness, torch.from_numpy(states).view(-1, *self.shape)

    def backward(self, given: Sequence[Tensor | None], timed: bool = False) -> tuple[Tensor, list[Tensor]]:
        """Gradients by y0 and by each parameter array, from those by what ``forward`` gave. ``timed``: ``by_time`` is wanted."""
        rows, errors, stiffness, states = given
        self.bound.clear()
        self.row_slopes = np.zeros(len(self.times)) if timed else None
        rows = torch.zeros(len(self.times), self.size, dtype=torch.float64, device="cpu") if rows is None else rows
        with self.bound.working():
            if self.whole:
                ybar = _tensor(*self.shape).zero_() if states is None else states[-1].clone()
                self._reverse(self.room, len(self.h), (rows, errors, stiffness, states), (0, self.rows), ybar, 0)
            else:
                ybar = self._reverse_pieces(rows, errors, stiffness, states)
        found = self.bound.gradients()
        return ybar, [g if isinstance(g, Tensor) else torch.from_numpy(g) for g in found]

    def by_time(self) -> Array:
        """The gradient by the save times, after ``backward``: each moves its row along the polynomial; the first moves the whole run."""
        assert self.row_slopes is not None
        result = self.row_slopes
        result[self.times == self.times[0]] = 0.0
        result[0] = self.bound.by_time() - result.sum()
        return result

    # --- forward ---

    def _all(self, driver: Driver, y0: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Array]:
        """Keep all steps."""
        stages, seen = self.method.tableau.stages, self.native.seen.get((self.options.method, self.size), 0)
        room, rhs = Room(max(16, seen + seen // 4), stages, self.size), self.native.rhs
        if self.bound.entry:
            self.kept = min(room.steps * stages, TAPE // self.bound.entry)
            self.bound.keep(self.kept)
            rhs = self.native.rhs_kept
        left, status = self._start(driver, room, y0), Status.SAVE
        while status is Status.SAVE:
            driver.bind(room)
            status, left = driver.run(rhs, self.bound.at, left)
            if status is Status.SAVE:
                room = room.grown()
        steps = int(driver["kept"])
        self._ended(status, driver)
        self.room, self.t, self.h = room, room.t[: steps + 1], room.h[:steps]
        errors, stiffness = _tensor(steps), _tensor(steps)
        self._extras(room, steps)
        self.rows = self._finish(room, steps, 0, rows, errors, stiffness)
        return errors, stiffness, room.y[: steps + 1]

    def _in_pieces(self, driver: Driver, y0: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Array]:
        """Keep some steps at a time; of the states what ``checkpoints`` takes."""
        stages = self.method.tableau.stages
        room = Room(min(max(PIECE // ((stages + 1) * self.size), SHORTEST), LONGEST), stages, self.size)
        self._extras(room, room.steps)
        left, status = self._start(driver, room, y0), Status.SAVE
        times, lengths, estimates = [self.times[:1]], list[Array](), list[tuple[Tensor, Tensor]]()
        count = self.rows = 0
        while status is Status.SAVE:
            driver.bind(room, kept=0)
            status, left = driver.run(self.native.rhs, self.bound.at, left)
            steps = int(driver["kept"])
            errors, stiffness = _tensor(steps), _tensor(steps)
            self.rows += self._finish(room, steps, self.rows, rows, errors, stiffness)
            if self.checkpoints is not None:
                self.checkpoints.take(count, room.y[:steps])
            count += steps
            times.append(room.t[1 : steps + 1].copy())
            lengths.append(room.h[:steps].copy())
            estimates.append((errors, stiffness))
            if status is Status.SAVE:
                room.restart()
        self._ended(status, driver)
        self.t, self.h = np.concatenate(times), np.concatenate(lengths)
        errors, stiffness = (torch.cat(parts) for parts in zip(*estimates, strict=True))
        return errors, stiffness, self._chosen_state()

    def _start(self, driver: Driver, room: Room, y0: Tensor) -> float:
        room.t[0], room.y[0] = self.times[0], y0.numpy().reshape(-1)
        driver.start(float(self.times[0]), float(self.times[-1]), y0.data_ptr(), self.options)
        return float(self.options.max_steps)

    def _ended(self, status: Status, driver: Driver) -> None:
        if status is not Status.DONE:
            self.message = explain(status, driver, float(self.times[-1]), self.options)

    def _extras(self, room: Room, steps: int) -> None:
        """Memory for the stages that only the dense output needs, of steps with a row inside."""
        extra = len(self.method.tableau.extra_a)
        if extra:
            self.slots = np.empty(steps, dtype=np.int64)
            self.more = np.empty((min(steps, len(self.times)) * extra, self.size))
            self.slots_at, self.more_at = address(self.slots), address(self.more)

    def _finish(self, room: Room, steps: int, row: int, rows: Tensor, errors: Tensor, stiffness: Tensor) -> int:
        """h, E, S and rows of the steps in ``room``; the number of rows."""
        self._words(room, steps, rows, (row, len(self.times)), errors.data_ptr(), stiffness.data_ptr())
        self.method.finish(self.table_at)
        self.evaluations += int(self.table[_USED]) * len(self.method.tableau.extra_a)
        return int(self.table[_ROWS])

    def _words(
        self,
        room: Room,
        steps: int,
        out: Tensor,
        rows: tuple[int, int],
        errors: int = 0,
        stiffness: int = 0,
        states: int = 0,
        counts: int = 0,
        ybar: int = 0,
        by_time: int = 0,
    ) -> None:
        """Fill the table of the native functions, for save rows rows[0] ... rows[1] - 1 of ``out``, which belong to times from there on."""
        native, options, at, (first, last) = self.native, self.options, room.at, rows
        times = self.times_at + 8 * min(first, len(self.times) - 1)  # it may be read, also where no row is left
        numbers = {
            "steps": steps, "n": self.size, "t": at["t"], "h": at["h"], "y": at["y"], "k": at["k"],
            "rows": last - first, "times": times, "direction": self.direction, "out": out.data_ptr() + 8 * self.size * first,
            "slots": self.slots_at, "more": self.more_at, "used": 0,
            "errors": errors, "stiffness": stiffness, "states": states,
            "context": self.bound.at, "field": native.rhs, "pullback": native.pullback,
            "counts": counts, "held": self.kept, "pullback_kept": native.pullback_kept,
            "ybar": ybar, "by_time": by_time, "scratch": self.scratch_at, "rtol": options.rtol, "atol": options.atol,
        }  # fmt: skip
        _TABLE.pack_into(self.table.data, 0, *numbers.values())

    # --- backward ---

    def _reverse(
        self,
        room: Room,
        steps: int,
        given: tuple[Tensor, Tensor | None, Tensor | None, Tensor | None],
        rows: tuple[int, int],
        ybar: Tensor,
        first: int,
    ) -> None:
        """``adjoint`` over steps in ``room``, the first of which has the number ``first``; ``given``: of the whole run, but for the states."""
        by_rows, by_errors, by_stiffness, by_states = given
        self._words(
            room, steps, by_rows, rows,
            errors=0 if by_errors is None else by_errors.data_ptr() + 8 * first,
            stiffness=0 if by_stiffness is None else by_stiffness.data_ptr() + 8 * first,
            states=0 if by_states is None else by_states.data_ptr(),
            counts=room.at["counts"] if self.kept else 0,
            ybar=ybar.data_ptr(),
            by_time=0 if self.row_slopes is None else address(self.row_slopes) + 8 * rows[0],
        )  # fmt: skip
        self.method.adjoint(self.table_at)

    def _reverse_pieces(
        self, rows: Tensor, errors: Tensor | None, stiffness: Tensor | None, state: Tensor | None
    ) -> Tensor:
        """Take the steps between two kept states again, and reverse them, from the last to the first."""
        assert self.checkpoints is not None
        room = Room(self.checkpoints.stride, self.method.tableau.stages, self.size)
        ybar, last = _tensor(*self.shape).zero_(), self.rows
        for a, b in reversed(self.checkpoints.segments(len(self.h))):
            first = self._first_row(a)
            self._retrace(room, a, b, (first, last))
            by_state = None
            if state is not None and a <= self.chosen < b:
                by_state = _tensor(b - a, self.size).zero_()
                by_state[self.chosen - a] = state.reshape(-1)
            self._reverse(room, b - a, (rows, errors, stiffness, by_state), (first, last), ybar, a)
            last = first
        return ybar

    def _retrace(self, room: Room, a: int, b: int, rows: tuple[int, int]) -> None:
        """Steps a ... b - 1 with their slopes, from a kept state; and the extra slopes that save rows rows[0] ... rows[1] - 1 need."""
        assert self.checkpoints is not None
        room.y[0] = self.checkpoints.states[a // self.checkpoints.stride]
        room.t[: b - a + 1], room.h[: b - a] = self.t[a : b + 1], self.h[a:b]
        self._extras(room, b - a)
        unused = [_tensor(b - a), _tensor(b - a)]
        self._words(room, b - a, unused[0], (0, 0))
        self.method.retrace(self.table_at)
        if self.method.tableau.extra_a:
            out = _tensor(rows[1], self.size)  # of which the rows from rows[0] on are written
            self._words(room, b - a, out, rows, unused[0].data_ptr(), unused[1].data_ptr())
            self.method.finish(self.table_at)

    def _first_row(self, step: int) -> int:
        """The first save row that does not come before a step."""
        return bisect_left(self.times, self.direction * self.t[step], key=lambda t: self.direction * t)

    def _chosen_state(self) -> Array:
        """The state at the start of the step that ``share`` draws."""
        steps = len(self.h)
        if self.checkpoints is None or self.share is None or not steps:
            return np.empty((0, self.size))
        self.chosen = j = min(int(self.share * steps), steps - 1)
        a = j - j % self.checkpoints.stride
        room = Room(self.checkpoints.stride, self.method.tableau.stages, self.size)
        self._retrace(room, a, max(j, a + 1), (0, 0))
        return room.y[j - a].copy()


def _tensor(*shape: int) -> Tensor:
    return torch.empty(shape, dtype=torch.float64, device="cpu")


class Checkpoints:
    """States at the starts of steps, evenly spread: every ``stride``-th, at most ``most``; every second one goes when there are more."""

    def __init__(self, most: int) -> None:
        self.most, self.stride, self.states = max(2, most), 1, list[Array]()

    def take(self, first: int, states: Array) -> None:
        """The states at the starts of steps first, first + 1, ..."""
        for j, state in enumerate(states, start=first):
            if j % self.stride == 0 and len(self.states) >= self.most:
                self.states = self.states[::2]
                self.stride *= 2
            if j % self.stride == 0:
                self.states.append(state.copy())

    def segments(self, steps: int) -> list[tuple[int, int]]:
        """(first step, first step of the next) of each segment."""
        return [(a, min(a + self.stride, steps)) for a in range(0, steps, self.stride)]


def explain(status: Status, driver: Driver, end: float, options: SolveOptions) -> str:
    """Why a run stopped early, and what to try."""
    t = driver["t"]
    if status is Status.STEP_LIMIT:
        return (
            f"stopped at t = {t:.6g} of {end:.6g} after max_steps = {options.max_steps} steps; "
            "increase max_steps, loosen the tolerances, or take an implicit method if the network is stiff"
        )
    if status is Status.TOO_SMALL:
        from symnum.neural.march import _too_small

        return _too_small(t, driver["h"], options)
    bad = driver["bad_time"] if np.isfinite(driver["bad_time"]) else t
    return f"f gives NaN or infinity near t = {bad:.6g}; what was computed up to t = {t:.6g} is kept. Is the solution unbounded?"
