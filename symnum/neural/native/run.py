"""A recorded, differentiable solve of dy/dt = f(t, y; p) in machine code, whatever f is.

    forward    the driver of ``solvers.embedded`` (the program of every native solve), which keeps each accepted step with its slopes; from that
               record, rows at the save times, E_j and S_j
    backward   ``adjoint``: the exact gradient of what was computed, with the steps that were taken; values inside f are computed again

Memory of a solve until its gradient is taken: (stages + 1) * n doubles a step.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.neural.native.adjoint import scratch_vectors
from symnum.neural.native.compiled import Native, compiled_method
from symnum.neural.native.words import WORDS
from symnum.neural.record import Record, SolveOptions, Stats
from symnum.solvers.embedded.language import Status
from symnum.solvers.embedded.machine import NativeMachine

Array = NDArray[np.float64]
_PLACES = {name: k for k, name in enumerate(WORDS)}
_VARYING = [_PLACES[name] for name in ("out", "errors", "stiffness", "states", "ybar")]
FIRST_CALL, CALL_SECONDS = 64.0, 0.025


class Bound(ABC):
    """A right-hand side with its parameters for one solve.

    Attributes: ``native``: its functions; ``context``: the table that they read, (k,) int64.
    """

    native: Native
    context: NDArray[np.int64]

    @abstractmethod
    def clear(self) -> None:
        """Set the sums of parameter gradients to zero."""

    @abstractmethod
    def gradients(self) -> list[Array]:
        """The gradient by each parameter array, in the order they were given."""


def differentiable(
    bound: Bound, y0: Tensor, parameters: Sequence[Tensor], times: Array, options: SolveOptions
) -> Record:
    """Solve from times[0] to times[-1]; ``y``, ``errors``, ``stiffness`` and ``states`` carry gradients to y0 and the parameters.

    Args: y0: float64 on the CPU, of any shape; times: strictly monotone, (m,).
    """
    made = Run(bound, times, options)
    y, errors, stiffness, states = _Function.apply(made, y0, *parameters)
    return Record(
        y=y,
        t=made.t.tolist(),
        h=made.h.tolist(),
        errors=errors,
        stiffness=stiffness,
        states=states,
        stats=made.stats,
        success=not made.message,
        message=made.message or "reached the end of the interval",
    )


class _Function(torch.autograd.Function):
    """(run, y0, parameters) -> rows, errors, stiffness, states."""

    @staticmethod
    def forward(ctx: Any, run: Run, y0: Tensor, *parameters: Tensor) -> tuple[Tensor, ...]:
        made = run.forward(y0.detach().numpy())
        ctx.run = run
        ctx.save_for_backward(*parameters)
        ctx.set_materialize_grads(False)
        return tuple(map(torch.from_numpy, made))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *given: Tensor | None) -> tuple[Tensor | None, ...]:
        run: Run = ctx.run
        _ = ctx.saved_tensors  # asks torch whether a parameter was changed since: what is bound was read before
        numbers = [None if g is None else np.ascontiguousarray(g.numpy()) for g in given]
        y0, parameters = run.backward(numbers)
        by_start = torch.from_numpy(y0) if ctx.needs_input_grad[1] else None
        return None, by_start, *map(torch.from_numpy, parameters)


# --- one solve --------------------------------------------------------------------------------------------------------


class Run:
    """One solve, and what its gradient needs.

    Attributes: ``t`` (n + 1,), ``h`` (n,), ``states`` (n + 1, N), ``slopes`` (n*stages, N) for N numbers of the state; ``stats``, ``message``.
    """

    def __init__(self, bound: Bound, times: Array, options: SolveOptions) -> None:
        self.bound, self.times, self.options = bound, times, options
        self.native, self.method = bound.native, compiled_method(options.method)
        self.stats, self.message = Stats(), ""
        self.t: Array = times[:1]
        self.h: Array = times[:0]

    def forward(self, y0: Array) -> tuple[Array, Array, Array, Array]:
        """Rows (m, *state), E (n,), S (n,), states (n + 1, *state)."""
        self.shape, self.size = y0.shape, y0.size
        self._march(np.ascontiguousarray(y0, dtype=np.float64).ravel())
        self._place_rows()
        steps = len(self.h)
        rows = np.full((len(self.times), self.size), np.nan)
        errors, stiffness = np.zeros(steps), np.zeros(steps)
        self._tabulate()
        words = self._words(rows, errors, stiffness)
        call = self.method.functions
        if self.method.tableau.extra_a:
            call["extend"](words)
            count = len(self.more) * len(self.method.tableau.extra_a)
            self.stats = replace(self.stats, rhs_evaluations=self.stats.rhs_evaluations + count)
        call["rows"](words)
        call["estimates"](words)
        return rows.reshape(-1, *self.shape), errors, stiffness, self.states.reshape(-1, *self.shape)

    def backward(self, given: Sequence[Array | None]) -> tuple[Array, list[Array]]:
        """Gradients by y0 and by each parameter array, from those by what ``forward`` gave."""
        rows, errors, stiffness, states = given
        self.bound.clear()
        result = np.empty(self.size)
        rows = np.zeros((len(self.times), self.size)) if rows is None else rows
        self.method.functions["adjoint"](self._words(rows, errors, stiffness, states, result))
        return result.reshape(self.shape), self.bound.gradients()

    # --- the run ---

    def _march(self, y0: Array) -> None:
        """Run the driver; keep accepted steps."""
        machine, stages, n = self._machine(), self.method.tableau.stages, self.size
        key = self.options.method, n
        seen = self.native.steps.get(key, 0)
        capacity = max(16, seen + seen // 4)
        times, states, slopes = _room(capacity, stages, n)
        times[0], states[0] = self.times[0], y0
        self._start(machine, y0)
        left, status = float(self.options.max_steps), Status.SAVE
        while status is Status.SAVE:
            for name, array, first in (("kept_t", times, 1), ("kept_y", states, n), ("kept_slopes", slopes, 0)):
                machine.table[machine.places[name]] = address(array) + 8 * first
            machine["kept_capacity"] = capacity
            status, left = _run(machine, left)
            if status is Status.SAVE:
                capacity *= 2
                old, (times, states, slopes) = (times, states, slopes), _room(capacity, stages, n)
                for array, before in zip((times, states, slopes), old, strict=True):
                    array[: len(before)] = before
        steps = int(machine["kept"])
        self.native.steps[key] = steps
        self.t, self.states, self.slopes = times[: steps + 1], states[: steps + 1], slopes[: steps * stages]
        self.lengths = np.ones(steps + 1)
        self.h = self.lengths[:-1]
        np.subtract(self.t[1:], self.t[:-1], out=self.h)
        self.stats = Stats(int(machine["rhs_evaluations"]), steps, int(machine["rejected"]))
        self.message = "" if status is Status.DONE else self._explain(status, machine)
        self.native.pool[key].append(machine)

    def _machine(self) -> NativeMachine:
        """A machine that no other solve uses."""
        try:
            machine = self.native.pool.setdefault((self.options.method, self.size), []).pop()
        except IndexError:
            context = self.bound.context.view(np.float64)
            machine = NativeMachine(self.method.program, self.size, _never, self.native.rhs, context)
        machine.parameters = self.bound.context.view(np.float64)
        return machine

    def _start(self, machine: NativeMachine, y0: Array) -> None:
        begin, end = float(self.times[0]), float(self.times[-1])
        options, direction = self.options, 1.0 if self.times[-1] >= self.times[0] else -1.0
        scalars, index = machine.scalars, machine.index
        scalars.fill(0.0)
        for name, value in (
            ("rtol", options.rtol), ("atol", options.atol), ("direction", direction), ("t", begin), ("t_old", begin), ("t_end", end), ("keep", 2),
            ("t_low", -np.inf), ("t_high", np.inf), ("bad_time", np.inf), ("first_step", options.dt or 0.0),
        ):  # fmt: skip
            scalars[index[name]] = value
        machine.pointers["save_t"].fill(direction * np.inf)
        machine.vector("y")[:] = y0

    def _explain(self, status: Status, machine: NativeMachine) -> str:
        t, options = machine["t"], self.options
        if status is Status.STEP_LIMIT:
            return (
                f"stopped at t = {t:.6g} of {self.times[-1]:.6g} after max_steps = {options.max_steps} steps; "
                "increase max_steps, loosen the tolerances, or take an implicit method if the network is stiff"
            )
        if status is Status.TOO_SMALL:
            from symnum.neural.march import _too_small

            return _too_small(t, machine["h"], options)
        bad = machine["bad_time"] if np.isfinite(machine["bad_time"]) else t
        return f"f gives NaN or infinity near t = {bad:.6g}; what was computed up to t = {t:.6g} is kept. Is the solution unbounded?"

    # --- rows at the save times ---

    def _place_rows(self) -> None:
        """To which step each save time belongs, and the weights of the slopes; times that were not reached are left out."""
        times, t, tableau = self.times, self.t, self.method.tableau
        end = t.searchsorted(times) if times[-1] >= times[0] else (-t).searchsorted(-times)
        if end[-1] == len(t):  # the run stopped early
            end = end[: end.searchsorted(len(t))]
            times = times[: len(end)]
        inside = t[end] != times
        step = end - inside
        h = self.lengths[step]  # a row at the end of the run belongs to no step
        dense = self.method.dense
        powers = np.empty((len(dense), len(times)))
        powers[:] = (times - t[step]) / h
        np.multiply.accumulate(powers, out=powers)
        self.weights = np.empty((len(times), dense.shape[1] + 1))
        np.multiply(powers.T @ dense, h[:, None], out=self.weights[:, :-1])
        self.weights[:, -1] = inside
        self.first = step.searchsorted(np.arange(len(t) + 1))
        if tableau.extra_a:
            wanted = np.unique(step[inside])
            self.slots = np.full(len(t), -1, dtype=np.int64)
            self.slots[wanted] = np.arange(len(wanted))
            self.more = np.empty((len(wanted), len(tableau.extra_a), self.size))

    def _tabulate(self) -> None:
        """The table of the native functions, but for the arrays that are not the same in every call."""
        self.scratch = np.empty((scratch_vectors(self.method.tableau), self.size))
        arrays = {
            "t": self.t, "h": self.h, "y": self.states, "k": self.slopes, "first": self.first, "weights": self.weights,
            "context": self.bound.context, "scratch": self.scratch,
        }  # fmt: skip
        if self.method.tableau.extra_a:
            arrays |= {"slots": self.slots, "more": self.more}
        self.table = np.zeros(len(WORDS), dtype=np.int64)
        self.table[_PLACES["rtol"] : _PLACES["atol"] + 1].view(np.float64)[:] = self.options.rtol, self.options.atol
        numbers = {"steps": len(self.h), "n": self.size, "rows": len(self.weights)}
        numbers |= {"field": self.native.rhs, "pullback": self.native.pullback}
        for name, number in (*numbers.items(), *((name, address(array)) for name, array in arrays.items())):
            self.table[_PLACES[name]] = number
        self.table_address = address(self.table)

    def _words(self, *arrays: Array | None) -> int:
        """The address of the table, with the arrays of this call (``_VARYING``) in it."""
        for place, array in zip(_VARYING, (*arrays, None, None), strict=False):
            self.table[place] = 0 if array is None else address(array)
        return self.table_address


def address(array: NDArray[Any]) -> int:
    address: int = array.__array_interface__["data"][0]  # several times faster than .ctypes.data
    return address


def _room(steps: int, stages: int, n: int) -> tuple[Array, Array, Array]:
    """Where the driver puts accepted steps: times (steps + 1,), states (steps + 1, n), slopes (steps*stages, n)."""
    return np.empty(steps + 1), np.empty((steps + 1, n)), np.empty((steps * stages, n))


def _run(machine: NativeMachine, left: float) -> tuple[Status, float]:
    """Run with ``left`` attempts at most, in calls of some 25 ms, so that Ctrl-C is heard; (status, attempts that are left)."""
    chunk = FIRST_CALL
    while True:
        allowed = min(chunk, left)
        machine["budget"] = allowed
        start = time.perf_counter()
        status = machine.run()
        done = allowed - machine["budget"]
        left -= done
        if status is not Status.STEP_LIMIT or left <= 0:
            return status, left
        chunk = max(1.0, float(round(done * min(8.0, CALL_SECONDS / max(time.perf_counter() - start, 1e-9)))))


def _never(t: float, y: Array, out: Array) -> None:
    raise AssertionError("the right-hand side has an address")
