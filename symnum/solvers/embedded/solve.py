"""The loop around a driver: segments, buffers, progress, interrupts, and sentences for what went wrong.

One call of the native function takes about 25 ms: the number of steps a call may try follows the measured pace, so
that Ctrl-C and progress are answered at once and a fast problem is not slowed down.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError
from symnum.solvers.embedded.language import Status
from symnum.solvers.embedded.machine import Machine, NativeMachine, NumpyMachine
from symnum.solvers.embedded.method import Method, methods
from symnum.solvers.embedded.record import Record
from symnum.solvers.problem import Options, Outcome, Problem, empty_statistics

Array = NDArray[np.float64]
CALL_SECONDS = 0.025
UNLIMITED = 2.0**53

MACHINES: dict[str, Callable[[Problem, Method], Machine]] = {
    "llvm": lambda problem, method: NativeMachine(
        method.program, problem.n, problem.rhs, problem.address, problem.parameters
    ),
    "numpy": lambda problem, method: NumpyMachine(method.program, problem.n, problem.rhs),
}


def solve(problem: Problem, options: Options, meaning: str = "llvm") -> Outcome:
    """Integrate with an embedded method.

    Args:
        meaning: "llvm" (native driver; a right-hand side without an address is called back) or "numpy".

    Raises:
        SolveError: save times outside the interval; UnknownName: no such method. What goes wrong on the way is told
            by the Outcome.
    """
    return Run(problem, options, meaning).solve()


class Run:
    """One solve in progress."""

    def __init__(self, problem: Problem, options: Options, meaning: str = "llvm") -> None:
        from symnum.solvers.backend import find

        self.problem, self.options = problem, options
        self.method: Method = find(methods(), options.method, "method")
        start = time.perf_counter()
        self.machine = MACHINES[meaning](problem, self.method)
        self.compile_seconds = time.perf_counter() - start
        self.record = Record(self.machine, problem, options, self.method)
        self.direction = math.copysign(1.0, problem.t1 - problem.t0)
        self.chunk = 4.0
        self.used = 0.0
        machine = self.machine
        machine["rtol"], machine["atol"], machine["direction"] = options.rtol, options.atol, self.direction
        machine["t"] = machine["t_old"] = problem.t0
        machine["bad_time"] = math.inf
        if "radius" in machine.index:
            machine["radius_given"], machine["radius_step"] = float(problem.spectral_radius is not None), -1
        machine.vector("y")[:] = problem.y0

    def solve(self) -> Outcome:
        start = time.perf_counter()
        success, message, where = True, "reached the end of the interval", None
        try:
            for number, (begin, end) in enumerate(self.problem.segments):
                self.enter_segment(number, begin, end)
                status = self.advance()
                if status is not Status.DONE:
                    success = False
                    message, where = self.explain(status)
                    break
        except KeyboardInterrupt:
            success, message = (
                False,
                f"interrupted at t = {self.machine['t']:.6g}; what was computed up to there is kept",
            )
        return self.outcome(success, message, where, time.perf_counter() - start)

    def enter_segment(self, number: int, begin: float, end: float) -> None:
        """f is asked only for times inside the open segment: it may jump at both ends."""
        machine = self.machine
        machine["t"], machine["t_end"], machine["started"] = begin, end, 0
        machine["first_step"] = self.options.dt if self.options.dt is not None and number == 0 else 0.0
        inside = sorted((begin, end))
        first, last = 0 < number, number < len(self.problem.segments) - 1
        open_low, open_high = (first, last) if self.direction > 0 else (last, first)
        machine["t_low"] = np.nextafter(inside[0], inside[1]) if open_low else inside[0]
        machine["t_high"] = np.nextafter(inside[1], inside[0]) if open_high else inside[1]

    def advance(self) -> Status:
        """Run to the end of the segment, or to what stops the solve."""
        machine, limit = self.machine, self.options.max_steps or UNLIMITED
        while True:
            allowed = min(self.chunk, limit - self.used)
            machine["budget"] = allowed
            start = time.perf_counter()
            status = machine.run()
            elapsed = time.perf_counter() - start
            done = allowed - machine["budget"]
            self.used += done
            if status is Status.SAVE:
                self.record.next_block()
            elif status is Status.RADIUS:
                self.give_radius()
            elif status is not Status.STEP_LIMIT or self.used >= limit:
                return status
            if done:
                self.chunk = float(math.ceil(done * min(8.0, max(0.125, CALL_SECONDS / max(elapsed, 1e-9)))))
            if self.options.progress is not None:
                self.options.progress(machine["t"])

    def give_radius(self) -> None:
        radius = self.problem.spectral_radius
        value = radius(self.machine["t"], self.machine.vector("y").copy()) if callable(radius) else radius
        if value is None or not math.isfinite(value) or value < 0:
            raise SolveError(
                f"the spectral radius at t = {self.machine['t']:.6g} is {value!r}; "
                "give a finite number >= 0 or None to have it estimated"
            )
        self.machine["radius"] = float(value)

    def explain(self, status: Status) -> tuple[str, tuple[float, int] | None]:
        """A sentence for a failure, and (time, index) where a number is not finite."""
        machine = self.machine
        t = machine["t"]
        if status is Status.TOO_SMALL and abs(machine["bad_time"] - t) <= 1e-12 * abs(t):
            status = Status.NONFINITE  # accepted steps have crept up to where the numbers end
        match status:
            case Status.STEP_LIMIT:
                seen = f"stopped at t = {t:.6g} after max_steps = {self.options.max_steps} attempted steps"
                return f"{seen}. Try a larger max_steps, a larger rtol, or a method for stiff equations", None
            case Status.TOO_SMALL:
                seen = f"the step became too small at t = {t:.6g} (h = {machine['h']:.3g})"
                cause = "the solution may grow without bound there, or the equations jump or are stiff"
                return f"{seen}: {cause}. Try ending the interval earlier, or a larger atol", None
            case _:
                time_, index, what = self.first_nonfinite()
                largest = float(np.max(np.abs(machine.vector("y"))))
                if largest > 1e100:
                    seen = f"the solution grew without bound: it reached {largest:.1g} at t = {time_:.6g} (index {index} of the state)"
                    return (
                        f"{seen}. The equations may be ill-posed or unstable there; try ending the interval earlier",
                        (time_, index),
                    )
                seen = f"the right-hand side gives {what} at t = {time_:.6g} (index {index} of the state)"
                advice = "Check logarithms, roots and divisions there, or try a smaller rtol"
                return f"{seen}, also with shorter steps. {advice}", (time_, index)

    def first_nonfinite(self) -> tuple[float, int, str]:
        """(time, index, "NaN" or "infinity") of the first bad number: in f now, f a step later, what the step left."""
        machine = self.machine
        t, y, out = machine["t"], machine.vector("y"), np.zeros(self.problem.n)
        later = machine["bad_time"] if machine["started"] and math.isfinite(machine["bad_time"]) else t
        for when in (t, later):
            self.problem.rhs(min(max(when, machine["t_low"]), machine["t_high"]), y, out)
            if not np.isfinite(out).all():
                return when, *_first_bad(out)
        for name in machine.program.vectors:
            if not np.isfinite(machine.vector(name)).all():
                return later, *_first_bad(machine.vector(name))
        return t, int(np.argmax(np.abs(out))), "a number too large for its tolerance"

    def outcome(self, success: bool, message: str, where: tuple[float, int] | None, seconds: float) -> Outcome:
        machine = self.machine
        stats: dict[str, float] = empty_statistics() | {
            "steps": int(machine["steps"]),
            "rejected": int(machine["rejected"]),
            "rhs_evaluations": int(machine["rhs_evaluations"]),
            "compile_seconds": self.compile_seconds,
            "solve_seconds": seconds,
        }
        times, states = self.record.saved(failed=not success)
        failure: dict[str, Any] = {} if where is None else {"failure_time": where[0], "failure_index": where[1]}
        name, dense = self.method.name, self.record.dense()
        return Outcome(times, states, success, message, name, stats, dense, **failure)


def _first_bad(vector: Array) -> tuple[int, str]:
    index = int(np.flatnonzero(~np.isfinite(vector))[0])
    return index, "NaN" if np.isnan(vector[index]) else "infinity"
