"""The loop around a driver: segments, buffers, progress, interrupts, and sentences for what went wrong.

One call of the native function takes about 25 ms: the number of steps a call may try follows the measured pace, so
that Ctrl-C and progress are answered at once and a fast problem is not slowed down.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import FileError, SolveError
from symnum.solvers.embedded.checkpoint import RENEW, Checkpoint
from symnum.solvers.embedded.events import EventFailure, Happening, Watch
from symnum.solvers.embedded.guards import explain
from symnum.solvers.embedded.language import Status
from symnum.solvers.embedded.machine import Machine, NativeMachine, NumpyMachine
from symnum.solvers.embedded.method import Method, methods
from symnum.solvers.embedded.partitioned import position_mask
from symnum.solvers.embedded.record import Record
from symnum.solvers.embedded.stochastic.method import StochasticMethod, stochastic_methods
from symnum.solvers.embedded.stochastic.start import Polyline, bind, driving, prepared, remarks
from symnum.solvers.problem import Options, Outcome, Problem, empty_statistics

if TYPE_CHECKING:
    from symnum.solvers.consistent import Start
    from symnum.solvers.linear_algebra.contract import LinearSolver

Array = NDArray[np.float64]
CALL_SECONDS = 0.025
UNLIMITED = 2.0**53
KEPT = ("steps", "rejected", "rhs_evaluations", "convergence_failures", "save_next", "keep", "kept", "kept_capacity", "budget",
        "t_end", "t_low", "t_high", "pause", "t_pause")  # fmt: skip  # scalars that live on when a run starts afresh inside a segment
ROOTS = ("first_root", "roots")  # of stochastic methods: what comes has a path independent of what was
ON_THE_WAY = (Status.STEP_LIMIT, Status.SAVE, Status.RADIUS)  # what the driver returns for and goes on

MACHINES: dict[str, Callable[[Problem, Method, LinearSolver | None], Machine]] = {
    "llvm": lambda problem, method, linear: NativeMachine(
        method.program, problem.n, problem.rhs, problem.address, problem.parameters, linear, problem.module
    ),
    "numpy": lambda problem, method, linear: NumpyMachine(method.program, problem.n, problem.rhs, linear),
    "torch": lambda problem, method, linear: _torch_machine(problem, method, linear),
    "cuda": lambda problem, method, linear: _cuda_machine(problem, method, linear),
}


def _torch_machine(problem: Problem, method: Method, linear: LinearSolver | None) -> Machine:
    from symnum.solvers.embedded.torch import TorchMachine

    return TorchMachine(method.program, problem.n, problem.rhs, linear, problem.torch_rhs)


def _cuda_machine(problem: Problem, method: Method, linear: LinearSolver | None) -> Machine:
    from symnum.solvers.embedded.cuda_machine import CudaMachine

    return CudaMachine(method.program, problem.n, problem.rhs, linear, problem.device)


def _device_linear(problem: Problem, options: Options, method: Method) -> LinearSolver | None:
    """What stands in the linear solver's place on a device: whole steps of exponential methods, else nothing. SolveError for what it cannot do."""
    from symnum.solvers.embedded.cuda_machine import refuse

    refuse(problem, options, method)
    if method.exponential is None:
        return None
    from symnum.solvers.embedded.cuda_exponential import device_stepper

    return device_stepper(problem, method.exponential, method.name)  # type: ignore[return-value]


def linear_solver(problem: Problem, options: Options, method: Method) -> LinearSolver | None:
    """The linear solver that an implicit method needs (for the linear part of f where the method is split), else None."""
    if problem.device is not None:
        return _device_linear(problem, options, method)
    if isinstance(method, StochasticMethod):
        return driving(problem, options, method)  # type: ignore[return-value]  # stands in a linear solver's place, as the next
    if method.exponential is not None:
        from symnum.solvers.embedded.exponential import Stepper
        from symnum.solvers.embedded.semilinear import semilinear

        return Stepper(method.exponential, semilinear(problem, method.name), problem.breakpoints, problem.autonomous)  # type: ignore[return-value]  # stands in a linear solver's place
    if not (method.implicit or method.split):
        return None
    from symnum.solvers.linear_algebra.choose import solver

    return solver(problem, options, split=method.split)


def solve(problem: Problem, options: Options, meaning: str = "llvm") -> Outcome:
    """Integrate with an embedded method.

    Args:
        meaning: "llvm" (native driver; a right-hand side without an address is called back) or "numpy"; a problem with a device runs there.

    Raises:
        SolveError: save times outside the interval; UnknownName: no such method. What goes wrong on the way is told
            by the Outcome.
    """
    return Run(problem, options, meaning if problem.device is None else "cuda").solve()


def consistent_problem(problem: Problem, options: Options) -> tuple[Problem, Start | None]:
    """The problem with algebraic unknowns that satisfy their equations at the start; where there are none, why."""
    if problem.differential is None:
        return problem, None
    from symnum.solvers.consistent import consistent_start
    from symnum.solvers.jacobian import fixed_jacobian

    begun = consistent_start(problem, problem.t0, problem.y0, fixed_jacobian(problem), options.rtol, options.atol)
    return (problem, begun) if begun.message else (replace(problem, y0=begun.y), None)


class CheckpointFailure(Exception):
    """A checkpoint could not be written while the run was under way."""


class Run:
    """One solve in progress.

    ``method``: a variant of the one that the options name (which keeps other vectors of each step, say).

    Attributes: ``machine``, ``record``, ``watch`` (events) and ``checkpoint`` (None where there are none), ``number`` (of the segment; -1 before
    the first), ``used`` (attempted steps).
    """

    def __init__(self, problem: Problem, options: Options, meaning: str = "llvm", method: Method | None = None) -> None:
        from symnum.solvers.backend import find

        problem, self.inconsistent = consistent_problem(problem, options)
        self.problem, self.options = problem, options
        self.method: Method = method or find({**methods(), **stochastic_methods()}, options.method, "method")
        if isinstance(self.method, StochasticMethod):
            self.options = options = prepared(problem, options, self.method)
        start = time.perf_counter()
        self.linear = linear_solver(problem, options, self.method)
        self.machine = MACHINES[meaning](problem, self.method, self.linear)
        self.compile_seconds = time.perf_counter() - start
        self.record = Record(self.machine, problem, options, self.method, problem.events is not None)
        self.meaning, self.number = meaning, -1
        self.direction = math.copysign(1.0, problem.t1 - problem.t0)
        self.chunk = 4.0
        self.used = 0.0
        machine = self.machine
        machine["rtol"], machine["atol"], machine["direction"] = options.rtol, options.atol, self.direction
        machine["t"] = machine["t_old"] = problem.t0
        machine["bad_time"] = math.inf
        machine["autonomous"] = float(getattr(problem, "autonomous", False))
        machine["has_linear"] = float(self.linear is not None)
        if "differential" in machine.program.vectors:
            machine.vector("differential")[:] = 1.0 if problem.differential is None else problem.differential
            machine["algebraic"] = float(problem.differential is not None)
        if "position" in machine.program.vectors:
            machine.vector("position")[:] = position_mask(problem, options)
        if isinstance(self.method, StochasticMethod):
            bind(machine, self.linear, options, self.method)
        if "radius" in machine.index:
            machine["radius_given"], machine["radius_step"] = float(problem.spectral_radius is not None), -1
        for name, table in self.method.parts.tables:
            machine.bind(name, table())
        if "far" in machine.index:
            machine["far"] = options.detect_stiffness or 0.0
        machine.vector("y")[:] = problem.y0
        self.stopped = ""
        self.fresh, self.given = np.array(machine.scalars), np.array(problem.parameters)
        self.begun = self.given
        constant = {"differential", "position"} & set(machine.program.vectors)
        self.fixed = {name: np.array(machine.vector(name)) for name in constant}
        self.watch = Watch(problem.events, problem, machine, self.record, self.method) if problem.events else None
        self.checkpoint = Checkpoint(self, options.checkpoint, options.checkpoint_every) if options.checkpoint else None
        self.renews = self.checkpoint is not None and self.checkpoint.renews
        self.chunk = RENEW if self.renews else self.chunk

    def solve(self) -> Outcome:
        """Run to the end, a failure or an event that ends it."""
        given = np.array(self.problem.parameters)
        try:
            return self._solve()
        finally:
            self.problem.parameters[:] = given  # events may have changed them

    def _solve(self) -> Outcome:
        start = time.perf_counter()
        success, message, where = True, "reached the end of the interval", None
        if self.inconsistent is not None:
            index = self.inconsistent.index
            return self.outcome(
                False, self.inconsistent.message, None if index is None else (self.problem.t0, index), 0.0
            )
        if self.checkpoint is not None and not self.checkpoint.resume():
            self.checkpoint.write()  # a folder that cannot be written is told before hours have passed
        try:
            status = self.proceed()
            if status is None:
                message = self.ending()
            elif status is not Status.DONE:
                success, self.stopped = False, status.name
                message, where = explain(self, status)
            if success and self.checkpoint is not None:
                self.checkpoint.remove()
        except EventFailure as failure:
            success, message = False, str(failure)
            where = None if failure.index is None else (failure.t, failure.index)
        except CheckpointFailure as failure:
            success, message = False, f"stopped at t = {self.machine['t']:.6g}: {failure}; what was computed is kept"
        except KeyboardInterrupt:
            success = False
            message = f"interrupted at t = {self.machine['t']:.6g}; what was computed up to there is kept"
        return self.outcome(success, message, where, time.perf_counter() - start)

    def proceed(self) -> Status | None:
        """Through the segments to the end (DONE), to what stops the solve, or to an event that ends it (None)."""
        segments = self.problem.segments
        if self.number < 0:
            self.enter_segment(0, *segments[0])
            if self.watch is not None:
                self.watch.begin()
        while True:
            status = self.advance()
            if status is not Status.DONE or self.number == len(segments) - 1:
                return status
            self.enter_segment(self.number + 1, *segments[self.number + 1])

    def enter_segment(self, number: int, begin: float, end: float) -> None:
        """f is asked only for times inside the open segment: it may jump at both ends."""
        machine, self.number = self.machine, number
        self.chunk = RENEW if self.renews else self.chunk
        machine["t"], machine["t_end"], machine["started"] = begin, end, 0
        machine["first_step"] = (
            self.options.dt if self.options.dt is not None and (number == 0 or self.method.fixed_step) else 0.0
        )
        inside = sorted((begin, end))
        beyond = math.inf if self.method.fixed_step else 0.0  # compositions have stages outside their step
        first, last = 0 < number, number < len(self.problem.segments) - 1
        open_low, open_high = (first, last) if self.direction > 0 else (last, first)
        machine["t_low"] = np.nextafter(inside[0], inside[1]) if open_low else inside[0] - beyond
        machine["t_high"] = np.nextafter(inside[1], inside[0]) if open_high else inside[1] + beyond
        if number > 0 and self.problem.differential is not None:  # algebraic unknowns may jump with the equations
            t = min(max(begin, machine["t_low"]), machine["t_high"])
            y = self.consistent(t, np.array(machine.vector("y")), "after a time of discontinuity")
            if not np.array_equal(y, machine.vector("y")):
                machine.vector("y")[:] = y
                self.record.jump(self.after(begin), y)
                if self.watch is not None:
                    self.watch.moved(self.after(begin), y)

    def advance(self) -> Status | None:
        """Run to the end of the segment, to what stops the solve, or to an event that ends it (None)."""
        while True:
            allowed = min(self.chunk, self.limit - self.used)
            start = time.perf_counter()
            status, turned = self.call(allowed)
            if status is None or status not in ON_THE_WAY or (status is Status.STEP_LIMIT and self.used >= self.limit):
                return status
            self.set_pace(allowed - self.machine["budget"], time.perf_counter() - start, None if turned else status)
            if self.options.progress is not None:
                self.options.progress(self.machine["t"])
            if self.checkpoint is not None:
                self.keep_state(status is Status.STEP_LIMIT and not turned)

    def call(self, allowed: float) -> tuple[Status | None, bool]:
        """One call of the driver, with what it asks for; its status (None: an event ended the run), and whether an event changed the run."""
        machine = self.machine
        machine["budget"] = allowed
        status = machine.run()
        self.used += allowed - machine["budget"]
        here = None if self.watch is None else self.watch.look()
        if here is not None:
            return (Status.STEP_LIMIT if self.turn(here) else None), True
        if status is Status.SAVE:
            self.next_block()
        elif status is Status.RADIUS:
            self.give_radius()
        return status, False

    @property
    def limit(self) -> float:
        """The most attempted steps."""
        return self.options.max_steps or UNLIMITED

    def set_pace(self, done: float, elapsed: float, status: Status | None) -> None:
        """How many steps the next call may try; with events no more than twice as many as in this one. ``status``: None after an event."""
        if self.renews:  # what lies between two renewals of J must not depend on the clock
            self.chunk = self.chunk - done if status in (Status.SAVE, Status.RADIUS) else RENEW
        elif done and status is not None:
            growth = 8.0 if self.watch is None else 2.0
            self.chunk = float(math.ceil(done * min(growth, max(0.125, CALL_SECONDS / max(elapsed, 1e-9)))))

    def keep_state(self, between_calls: bool) -> None:
        """Write a checkpoint where one is due."""
        assert self.checkpoint is not None
        if self.checkpoint.renews:
            if not between_calls:
                return
            self.checkpoint.forget_solver()
        if self.checkpoint.due():
            try:
                self.checkpoint.write()
            except FileError as error:
                raise CheckpointFailure(str(error)) from error

    def next_block(self) -> None:
        self.record.next_block()
        if self.watch is not None:
            self.watch.forget_block()

    # --- events ---

    def turn(self, here: Happening) -> bool:
        """Act on an event; False where it ends the run."""
        assert self.watch is not None
        forgotten = max(0, self.record.kept - here.row - 1)
        self.machine["steps"] -= forgotten
        self.used -= forgotten
        begin, arrival = here.t, here.y
        while True:
            made = self.watch.act(here, cut=here.y is arrival)
            if made is None:
                return False
            y, p = made
            if not np.array_equal(p, self.problem.parameters):
                self.set_parameters(p)
            t = self.after(begin) if not np.array_equal(y, arrival) else begin
            given, y = y, self.consistent(t, y)
            following = self.watch.settle(here, t, given, y)
            if not following:
                break
            here = Happening(here.row, t, np.array(y), following)
        if t not in (begin, self.machine["t_end"]):
            self.record.jump(t, y)
        self.restart(t, y)
        self.watch.go_on(t, y)
        self.chunk = float(max(4, self.watch.pace))
        return True

    def after(self, t: float) -> float:
        """The next time that there is: a state after a jump has a time of its own."""
        end = self.machine["t_end"]
        return t if t == end else float(np.nextafter(t, end))

    def ending(self) -> str:
        """The sentence for an event that ended the run."""
        assert self.watch is not None
        last = [o for o in self.watch.occurrences if self.watch.events.watched[o.index].terminal][-1]
        return f"the event {self.watch.events.watched[last.index].name} ended the solve at t = {last.t:.10g}"

    def set_parameters(self, p: Array) -> None:
        """Other parameter values from here on, in the memory that the right-hand side reads."""
        self.problem.parameters[:] = p
        self.renew_linear()

    def renew_linear(self) -> None:
        """Methods that work with the constant linear part of f have it in numbers: they get a new one."""
        if not (self.method.split or self.method.exponential) or np.array_equal(self.given, self.problem.parameters):
            return
        old = self.machine
        self.linear = linear_solver(self.problem, self.options, self.method)
        self.machine = MACHINES[self.meaning](self.problem, self.method, self.linear)
        self.machine.scalars[:] = old.scalars
        for name in old.program.vectors:
            self.machine.vector(name)[:] = old.vector(name)
        for name in old.program.arrays:
            self.machine.bind(name, old.pointers[name])
        self.record.machine = self.machine
        if self.watch is not None:
            self.watch.machine = self.machine
        self.given = np.array(self.problem.parameters)

    def restart(self, t: float, y: Array) -> None:
        """From (t, y) on as if the segment began there: nothing of the steps before is remembered but the counters."""
        machine = self.machine
        kept = {name: machine[name] for name in (*KEPT, *ROOTS) if name in machine.index}
        machine.scalars[:] = self.fresh
        for name, value in kept.items():
            machine[name] = value
        for name in machine.program.vectors:
            machine.vector(name)[:] = self.fixed.get(name, 0.0)
        machine.vector("y")[:] = y
        machine["t"] = machine["t_old"] = t
        machine["first_step"] = self.options.dt if self.method.fixed_step and self.options.dt is not None else 0.0

    def consistent(self, t: float, y: Array, cause: str = "after an event") -> Array:
        """The state with algebraic unknowns that satisfy their equations."""
        if self.problem.differential is None:
            return y
        from symnum.solvers.consistent import consistent_start
        from symnum.solvers.jacobian import fixed_jacobian

        made = consistent_start(self.problem, t, y, fixed_jacobian(self.problem), self.options.rtol, self.options.atol)
        if made.message:
            raise EventFailure(f"{cause} at t = {t:.6g} {made.message}", t, made.index)
        return made.y

    def give_radius(self) -> None:
        radius = self.problem.spectral_radius
        value = radius(self.machine["t"], self.machine.vector("y").copy()) if callable(radius) else radius
        if value is None or not math.isfinite(value) or value < 0:
            raise SolveError(
                f"the spectral radius at t = {self.machine['t']:.6g} is {value!r}; "
                "give a finite number >= 0 or None to have it estimated"
            )
        self.machine["radius"] = float(value)

    def dense(self) -> Callable[[Any], Array] | None:
        """The solution between the steps, if it was asked for."""
        if isinstance(self.method, StochasticMethod):
            return Polyline(*self.record.steps()[:2]) if self.options.dense else None
        if self.method.exponential is None or not self.options.dense:
            return self.record.dense()
        from symnum.solvers.embedded.exponential_dense import ExponentialDense

        found = () if self.watch is None else self.watch.occurrences
        changes = [(self.problem.t0, self.begun), *((o.t, o.parameters) for o in found if o.parameters is not None)]
        problem, options, method = self.problem, self.options, self.method
        return ExponentialDense(
            problem, options, self.record.steps(), lambda: linear_solver(problem, options, method), changes
        )

    def outcome(self, success: bool, message: str, where: tuple[float, int] | None, seconds: float) -> Outcome:
        machine = self.machine
        stats: dict[str, float] = empty_statistics() | {
            "steps": int(machine["steps"]),
            "rejected": int(machine["rejected"]),
            "rhs_evaluations": int(machine["rhs_evaluations"]),
            "jacobian_evaluations": 0 if self.linear is None else self.linear.evaluations,
            "linear_solves": 0 if self.linear is None else self.linear.solves,
            "compile_seconds": self.compile_seconds,
            "solve_seconds": seconds,
        }
        times, states = self.record.saved(failed=not success)
        failure: dict[str, Any] = {} if where is None else {"failure_time": where[0], "failure_index": where[1]}
        if isinstance(self.method, StochasticMethod):
            assert self.options.seed is not None  # ``prepared`` took one
            stats["seed"] = self.options.seed
            largest = float(np.max(np.abs(machine.vector("y")), initial=0.0))
            failure["notes"] = remarks(self.problem, self.options, self.method, largest) if success else ()
        if self.watch is not None:
            failure |= {"events": tuple(self.watch.occurrences), "notes": tuple(self.watch.notes)}
        name, dense = self.method.name, self.dense()
        return Outcome(times, states, success, message, name, stats, dense, stopped=self.stopped, **failure)
