"""One solve with DifferentialEquations.jl: from breakpoint to breakpoint, from event to event, and sentences for what went wrong.

segment     f is asked only inside it; each is a run of its own, so no method carries its memory across a jump of f
event       Julia finds it and stops; its effect happens here; a new run goes on from the new state
rows        copied once, from Julia's arrays into ours
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.bridge import guarded
from symnum.errors import SolveError
from symnum.solvers.consistent import consistent_start
from symnum.solvers.jacobian import fixed_jacobian
from symnum.solvers.julia_events import EventStop, Turns
from symnum.solvers.julia_methods import check_names
from symnum.solvers.julia_problem import Prepared, prepared
from symnum.solvers.problem import Options, Outcome, Problem, empty_statistics

Array = NDArray[np.float64]
PROGRESS_SECONDS = 0.1
STATUS = ("Success", "Terminated", "Stopped", "MaxIters", "DtLessThanMin", "DtNaN", "Unstable", "ConvergenceFailure", "InitialFailure",
          "InternalLinearSolveFailed", "Interrupted", "Exception", "Failure")  # fmt: skip  # SymnumBridge.STATUS
COUNTED = ("rhs_evaluations", "steps", "rejected", "jacobian_evaluations", "linear_solves")
CAUSES = {
    "DtLessThanMin": "the step became too short to change t",
    "DtNaN": "the step length is no number",
    "Unstable": "the solution is no number any more",
    "ConvergenceFailure": "Newton's iteration failed to converge, down to the smallest step",
    "InitialFailure": "no consistent initial values were found",
    "InternalLinearSolveFailed": "the linear solver failed",
    "Failure": "the method failed",
}


@dataclass(frozen=True)
class Piece:
    """A run of Julia: from ``begin`` to ``end``, its rows, and the solver's own solution for values in between."""

    begin: float
    end: float
    t: Array
    y: Array
    last: Array
    status: str
    message: str
    events: int
    undefined: tuple[int, float]
    result: Any


class Run:
    """One solve in progress. ``t``, ``y``: where it stands."""

    def __init__(self, problem: Problem, options: Options, name: str) -> None:
        self.problem, self.options, self.name = problem, options, name
        self.sign = math.copysign(1.0, problem.t1 - problem.t0)
        check_names(options.method_options)
        times = options.save_times(problem)
        self.times = times
        self.wanted = None if times is None or options.dense else np.unique(times)[:: int(self.sign)]
        self.t, self.y = problem.t0, problem.y0
        self.begun, self.row = True, True  # the state that stands here was not saved yet (start, or after a jump)
        self.stats = empty_statistics()
        self.saved_t: list[Array] = []
        self.saved_y: list[Array] = []
        self.pieces: list[Piece] = []
        self.where: tuple[float, int] | None = None
        self.solver: Prepared = prepared(problem, options, name, self.wanted is None)
        self.turns = None if problem.events is None else Turns(problem)
        self.report, self.last = np.zeros(12), np.empty(problem.n)
        self.monitor = self._monitor()
        self.seed = 0 if options.seed is None else julia_seed(options.seed)  # 0 means a random one to Julia
        self.stopped = False

    def solve(self) -> Outcome:
        begin = time.perf_counter()
        given = np.array(self.problem.parameters)
        success, message = True, "reached the end of the interval"
        try:
            message = self._segments() or message
        except Stop as stop:
            success, message = False, str(stop)
        except EventStop as stop:
            success, message = False, str(stop)
            self.where = None if stop.index is None else (stop.t, stop.index)
        except SolveError as error:
            raise told(error, self.name, self.problem) from None
        except KeyboardInterrupt:
            success, message = False, f"interrupted at t = {self.t:.6g}; what was computed up to there is kept"
        finally:
            self.problem.parameters[:] = given  # events may have changed them
        self.stats = counted(self.stats, self.problem)
        self.stats["compile_seconds"] = self.solver.seconds
        self.stats["solve_seconds"] = time.perf_counter() - begin
        return self._outcome(success, message)

    def _segments(self) -> str:
        """Through all segments; a sentence where an event ended the run, else "". Raises Stop where it failed."""
        problem, last = self.problem, len(self.problem.segments) - 1
        for number, (begin, end) in enumerate(problem.segments):
            low = math.nextafter(begin, end) if number > 0 else begin
            high = math.nextafter(end, begin) if number < last else end
            if problem.differential is not None:
                self._make_consistent(low, "" if number == 0 else "after a time of discontinuity")
            if number == 0 and self.turns is not None:
                self.turns.begin(self.t, self.y)
            ended = self._segment(end, min(low, high), max(low, high))
            if ended:
                return ended
        return ""

    def _segment(self, end: float, low: float, high: float) -> str:
        """To the end of a segment; a sentence where an event (or the watcher) ended the run, else ""."""
        while True:
            piece = self._piece(end, low, high)
            self._take(piece)
            raised = self.solver.callbacks.take()
            if raised is not None:
                raise raised
            if piece.undefined[0]:
                assert self.turns is not None
                raise self.turns.undefined(*piece.undefined)
            turned = self.turns is not None and piece.events > 0 and self.turns.noted(self._occurrences(piece))
            if not turned:
                if self.stopped:
                    return "paused where its watcher asked for it"
                if piece.status != "Success":
                    raise Stop(self._explained(piece))
                return ""
            assert self.turns is not None
            ended = self._turn(end)
            if ended or self.t == end:
                return ended

    def _piece(self, end: float, low: float, high: float) -> Piece:
        """One run of Julia from where the solve stands."""
        problem, n, begin = self.problem, self.problem.n, self.t
        times, count = self._ahead(end)
        y = np.ascontiguousarray(self.y, dtype=np.float64)
        muted: Sequence[int] = () if self.turns is None else self.turns.muted
        bridge = self.solver.session.bridge
        with guarded(f"the solve with {self.name}", SolveError):
            if self.turns is not None:
                bridge.reset_b(self.turns.conditions(self.solver), begin, np.asarray(muted, dtype=np.int64) + 1)
            p, report = problem.parameters, self.report
            result = bridge.run_b(self.solver.solver, begin, end, low, high, y.ctypes.data, p.ctypes.data, p.size, times.ctypes.data, count,
                                  self.seed, *self.monitor, report.ctypes.data)  # fmt: skip
            rows = int(report[0])
            t, states = np.empty(rows), np.empty((rows, n))
            bridge.collect_b(result, t.ctypes.data, states.ctypes.data, self.last.ctypes.data)
            status = STATUS[int(report[2])]
            message = str(result.message) if status in ("Exception", "Failure") else ""
        for name, value in zip(COUNTED, report[3:8], strict=True):
            self.stats[name] += int(value)
        undefined = (int(report[10]), float(report[11]))
        return Piece(
            begin, float(report[1]), t, states, self.last.copy(), status, message, int(report[9]), undefined, result
        )

    def _ahead(self, end: float) -> tuple[Array, int]:
        """Save times of (t, end], and their number; -1: every step."""
        if self.wanted is None:
            return np.zeros(1), -1
        ahead = self.wanted[((self.wanted - self.t) * self.sign > 0) & ((self.wanted - end) * self.sign <= 0)]
        if self.begun and self.wanted[0] == self.t:
            self._save(np.array([self.t]), self.y[None])
        self.begun = False
        # an empty list would mean every step to Julia
        return (ahead, len(ahead)) if len(ahead) else (np.array([end]), 1)

    def _take(self, piece: Piece) -> None:
        """Keep the rows, and stand where the piece ended."""
        t, y = piece.t, piece.y
        if self.wanted is None:
            first = 0 if self.row else int(len(t) > 0 and t[0] == piece.begin)
            t, y = t[first:], y[first:]
            self.row = False
        else:
            asked = np.isin(t, self.wanted)
            t, y = t[asked], y[asked]
        if len(t):
            self._save(t, y)
        if self.options.dense:
            self.pieces.append(piece)
        self.t, self.y = piece.end, piece.last

    def _save(self, t: Array, y: Array) -> None:
        self.saved_t.append(t)
        self.saved_y.append(y)

    def _occurrences(self, piece: Piece) -> list[tuple[float, Array, Array, Array]]:
        """(time, crossings, conditions before, state) of each event of a piece."""
        found, bridge = [], self.solver.session.bridge
        for k in range(1, piece.events + 1):
            y = np.empty(self.problem.n)
            t, crossings, before = bridge.occurrence(piece.result, k, y.ctypes.data)
            found.append((float(t), np.array(crossings, dtype=np.float64), np.array(before, dtype=np.float64), y))
        return found

    def _turn(self, end: float) -> str:
        """The effects of what happened here, and of what these make happen; a sentence where the run ends."""
        assert self.turns is not None
        while self.turns.pending:
            acted = self.turns.act(self.t, self.y)
            if acted is None:
                return self.turns.ending()
            self.turns.pending = self._jump(end, *acted)
        return ""

    def _jump(self, end: float, y: Array, p: Array) -> tuple[int, ...]:
        """Go on from the state that the effects gave; the events that become true by it."""
        assert self.turns is not None
        self.problem.parameters[:] = p
        before, at = self.y, self.t
        if not np.array_equal(y, before) and self.t != end:
            self.t, self.row = math.nextafter(self.t, end), True
        self.y = y
        if self.problem.differential is not None:
            self._make_consistent(self.t, "after an event")
        return self.turns.settle(at, before, self.t, y, self.y)

    def _make_consistent(self, t: float, cause: str) -> None:
        """Algebraic unknowns that satisfy their equations. Raises Stop where there are none."""
        made = consistent_start(
            self.problem, t, self.y, fixed_jacobian(self.problem), self.options.rtol, self.options.atol
        )
        if made.message:
            self.where = None if made.index is None else (self.t, made.index)
            raise Stop(f"{cause} at t = {t:.6g} {made.message}" if cause else made.message)
        if cause and not np.array_equal(made.y, self.y) and not self.row:
            self.t, self.row = math.nextafter(self.t, self.problem.t1), True
        self.y = made.y

    def _monitor(self) -> tuple[int, float]:
        """Address of what is asked on the way, and after how many seconds."""
        progress, watch = self.options.progress, self.problem.watch
        if progress is None and watch is None:
            return 0, 0.0
        told = [time.perf_counter()]

        def ask(t: float, y: Array) -> bool:
            now = time.perf_counter()
            if progress is not None and now - told[0] >= PROGRESS_SECONDS:
                told[0] = now
                progress(t)
            self.stopped = watch is not None and t != self.problem.t1 and watch(t, y)
            return self.stopped

        return self.solver.callbacks.monitor(ask, self.problem.n), 0.0 if watch is not None else PROGRESS_SECONDS

    def _explained(self, piece: Piece) -> str:
        """The sentence for a run that failed."""
        if piece.status == "Interrupted":
            raise KeyboardInterrupt
        if piece.status == "MaxIters":
            limit = self.options.max_steps or self.options.method_options.get("maxiters")
            return (
                f"stopped at t = {self.t:.6g} after max_steps = {limit} steps. Try a larger max_steps or a larger rtol"
            )
        if piece.status == "DtLessThanMin" and "dtmin" in self.options.method_options:
            shortest = self.options.method_options["dtmin"]
            return (
                f"stopped at t = {self.t:.6g}: the tolerances ask for a step shorter than dtmin = {shortest:.6g}. "
                "Try a smaller dtmin, or a larger rtol"
            )
        bad = self._not_finite()
        if bad is not None:
            self.where = (self.t, bad)
            return (f"the right-hand side gives NaN or infinity at t = {self.t:.6g} (index {bad} of the state). "
                    "Check logarithms, roots and divisions there, or try a smaller rtol")  # fmt: skip
        reason = piece.message.splitlines()[0] if piece.message else CAUSES.get(piece.status, "the method failed")
        return (f"{self.name} stopped at t = {self.t:.6g}: {reason.rstrip('.')}. The solution may grow without bound there; try ending the "
                "interval earlier, a larger atol, or another method")  # fmt: skip

    def _not_finite(self) -> int | None:
        """The first component of the state, or of f there, that is no number."""
        if not np.isfinite(self.y).all():
            return int(np.flatnonzero(~np.isfinite(self.y))[0])
        out = np.empty(self.problem.n)
        with np.errstate(all="ignore"):
            self.problem.rhs(self.t, np.array(self.y), out)
        return None if np.isfinite(out).all() else int(np.flatnonzero(~np.isfinite(out))[0])

    def _outcome(self, success: bool, message: str) -> Outcome:
        t = np.concatenate(self.saved_t) if self.saved_t else np.zeros(0)
        y = np.concatenate(self.saved_y) if self.saved_y else np.zeros((0, self.problem.n))
        dense: Callable[[Any], Array] | None = None
        if self.options.dense and self.pieces:
            dense = Dense(self.pieces, self.solver.session.bridge, self.sign, self.problem.n)
        if self.times is not None:
            reached = self.times[(self.times - self.t) * self.sign <= 0]
            if dense is not None:
                t, y = reached, dense(reached)
            elif len(reached) != len(t):  # some times were asked for twice
                places = np.searchsorted(t * self.sign, reached * self.sign)
                t, y = reached, y[places]
        paused = self.stopped and self.times is None  # with save times a pause is no row of its own
        ended = not success or paused or (self.turns is not None and self.turns.ended)
        if ended and (not len(t) or (self.t - t[-1]) * self.sign > 0) and np.isfinite(self.y).all():
            t, y = np.append(t, self.t), np.vstack([y, self.y[None]])
        more: dict[str, Any] = {}
        if self.where is not None:
            more = {"failure_time": self.where[0], "failure_index": self.where[1]}
        if self.turns is not None:
            more |= {"events": tuple(self.turns.occurrences), "notes": tuple(self.turns.notes)}
        return Outcome(t, y, success, message, self.name, self.stats, dense, **more)


def counted(stats: dict[str, Any], problem: Problem) -> dict[str, Any]:
    """The counts that mean something: methods for noise do not count their calls of f."""
    return stats if problem.noise is None else stats | {"rhs_evaluations": None}


def julia_seed(seed: int) -> int:
    """A seed as Julia takes it, 1 to 2^63 - 1."""
    return int(seed) % (2**63 - 1) + 1


def told(error: SolveError, name: str, problem: Problem) -> SolveError:
    """An error of Julia in words of ours, where there are some."""
    if "Fixed timestep" not in str(error):
        return error
    step = abs(problem.t1 - problem.t0) / 1000
    return SolveError(f"{name} keeps a fixed step, which is to be given; write for example dt={step:.3g}")


class Stop(Exception):
    """The run cannot go on; the message says why."""


class Dense:
    """The continuous extension of all runs of a solve: call with a time -> (n,), or with k times -> (k, n)."""

    def __init__(self, pieces: list[Piece], bridge: Any, sign: float, n: int) -> None:
        self.pieces, self.bridge, self.sign, self.n = pieces, bridge, sign, n
        self.ends = np.array([piece.end for piece in pieces])

    def __call__(self, t: Any) -> Array:
        times = np.atleast_1d(np.asarray(t, dtype=np.float64))
        first, last = self.pieces[0].begin, self.pieces[-1].end
        if len(times) and (times.min() < min(first, last) or times.max() > max(first, last)):
            raise SolveError(f"the solution is known from t = {first:.6g} to {last:.6g}; widen the time interval")
        out = np.empty((len(times), self.n))
        which = np.searchsorted(self.ends * self.sign, times * self.sign, side="left")
        for k in np.unique(which):
            here = np.flatnonzero(which == k)
            asked, made = np.ascontiguousarray(times[here]), np.empty((len(here), self.n))
            piece = self.pieces[k]
            asked = np.clip(
                asked, min(piece.begin, piece.end), max(piece.begin, piece.end)
            )  # a jump leaves a gap of one rounding
            with guarded("reading the solution", SolveError):
                self.bridge.interpolate_b(piece.result, asked.ctypes.data, len(asked), made.ctypes.data)
            out[here] = made
        return out[0] if np.ndim(t) == 0 else out
