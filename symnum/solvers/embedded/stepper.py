"""A run that is led by hand: one step, or up to a time, with the state or the parameters changed in between.

The driver is the one of ``solve``: it stops at the first step end at or beyond the time asked for and gives the state there from the same
native continuous extension, without ending a step at it. So ``to(t)`` for one time after another gives bit for bit the rows that one solve
with these save times gives.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError
from symnum.solvers.embedded.events import EventFailure
from symnum.solvers.embedded.guards import explain
from symnum.solvers.embedded.language import Status
from symnum.solvers.embedded.solve import ON_THE_WAY, Run
from symnum.solvers.problem import Options, Outcome, Problem

Array = NDArray[np.float64]


class Stepper:
    """A run in the hands of its caller.

    Attributes:
        t, y: the present time and state (n,); the driver may already be up to one step ahead.
        ended: a sentence where the run cannot go on (the end of the interval, an event, a failure), else "".
        failed: it ended in a failure; where: (time, index) of a number that is not finite, or None.
    """

    def __init__(self, problem: Problem, options: Options) -> None:
        self.given = np.array(problem.parameters)
        self.run = Run(problem, options)
        self.problem = problem = self.run.problem
        self.t, self.y = problem.t0, np.array(problem.y0)
        self.ended, self.failed = "", False
        self.where: tuple[float, int] | None = None
        if self.run.inconsistent is not None:
            raise SolveError(f"the integrator cannot start: {self.run.inconsistent.message}")
        self.row = np.zeros((1, problem.n))
        machine = self.run.machine
        machine["pause"] = 1
        self._wait_for(None)
        self.run.enter_segment(0, *problem.segments[0])
        if self.run.watch is not None:
            self.run.watch.begin()

    @property
    def reached(self) -> float:
        """The end of the last accepted step."""
        return float(self.run.machine["t"])

    def step(self) -> float:
        """To the end of the next accepted step; gives the new time. SolveError where the run has ended there."""
        before, ended = self.t, bool(self.ended)
        if self.reached == self.t:
            self._wait_for(None)
            self._advance(steps=1)
        self._show()
        if self.t == before and (ended or not self.failed) and self.ended:  # a loop over steps would never end
            self._check_ended()
        return self.t

    def to(self, t: float) -> Array:
        """To a time at or after the present one; gives the state there.

        Raises SolveError for a time that lies behind, beyond the interval, or cannot be reached.
        """
        sign = self.run.direction
        if not math.isfinite(t):
            raise SolveError(f"t = {t!r} is not a finite time; give one from {self.t:.6g} to {self.problem.t1:.6g}")
        if (t - self.t) * sign < 0:
            raise SolveError(f"t = {t!r} lies before the present time {self.t:.6g}; give a later one, or set_state to go back")
        if (t - self.problem.t1) * sign > 0:
            raise SolveError(f"t = {t:.6g} lies beyond the interval, which ends at {self.problem.t1:.6g}; widen it in the system")
        self._wait_for(t)
        self._advance(steps=None)
        if not self.run.machine["save_next"]:  # the run ended on the way
            self._show()
            return self.y
        self.t, self.y = float(t), np.array(self.row[0])
        return self.y

    def restart(self, t: float, y: Array) -> None:
        """Go on from (t, y), with the parameters as they are now; what the driver knew of earlier steps is forgotten."""
        segments = self.problem.segments
        sign = self.run.direction
        number = next((k for k, (_, end) in enumerate(segments) if (end - t) * sign > 0), len(segments) - 1)
        self.run.enter_segment(number, t, segments[number][1])
        y = self.run.consistent(t, y)
        self.run.restart(t, y)
        self._wait_for(None)
        watch = self.run.watch
        if watch is not None:
            self.run.next_block()
            watch.occurrences = [o for o in watch.occurrences if (o.t - self.t) * sign <= 0]
            watch.anchor, watch.side = (t, np.array(y)), np.sign(watch.values(t, y))
        self.ended, self.failed, self.where = "", False, None
        self.t, self.y = t, np.array(y)

    def set_parameters(self, p: Array) -> None:
        self.run.set_parameters(p)
        self.restart(self.t, self.y)

    def close(self) -> None:
        """Put the parameters back that were there at the start."""
        self.problem.parameters[:] = self.given

    def stats(self) -> Outcome:
        """The counts so far, as the outcome of a solve."""
        return self.run.outcome(not self.failed, self.ended, self.where, 0.0)

    # --- inside ---

    def _wait_for(self, t: float | None) -> None:
        """A table with one save time, at which the driver also returns; None: there is none."""
        never = math.copysign(math.inf, self.problem.t1 - self.problem.t0)
        time, machine = never if t is None else t, self.run.machine
        machine.bind("save_t", np.array([time, never]))
        machine.bind("save_y", self.row)
        machine["save_next"], machine["t_pause"] = 0, time
        self.run.record.times, self.run.record.rows, self.run.record.retained = np.array([time]), self.row, False

    def _advance(self, steps: int | None) -> None:
        """Run to ``t_pause``, or a number of accepted steps."""
        if self.ended:
            self._check_ended()
        run, segments = self.run, self.problem.segments
        goal = None if steps is None else run.machine["steps"] + steps
        while True:
            try:
                status = self._some_steps(goal)
            except EventFailure as failure:
                self._end(str(failure), True, None if failure.index is None else (failure.t, failure.index))
                return
            if status is None:
                self._end(run.ending(), False, None)
            elif status is Status.DONE and run.number < len(segments) - 1:
                run.enter_segment(run.number + 1, *segments[run.number + 1])
                if goal is None or run.machine["steps"] < goal:
                    continue
            elif status is Status.DONE:
                self.ended = "reached the end of the interval"
            elif status is not Status.PAUSED:
                message, where = explain(run, status)
                self._end(message, True, where)
            return

    def _some_steps(self, goal: float | None) -> Status | None:
        """Advance; with a goal one attempted step after the other until the count is there (then PAUSED)."""
        run = self.run
        if goal is None:
            return run.advance()
        while run.machine["steps"] < goal:
            if run.used >= run.limit:
                return Status.STEP_LIMIT
            status, turned = run.call(1)
            if status not in ON_THE_WAY or turned:
                return Status.PAUSED if turned and status is not None else status
        return Status.PAUSED

    def _end(self, message: str, failed: bool, where: tuple[float, int] | None) -> None:
        self.ended, self.failed, self.where = message, failed, where

    def _check_ended(self) -> None:
        raise SolveError(f"the integrator cannot go on from t = {self.t:.6g}: {self.ended}. Set a state or make a new one")

    def _show(self) -> None:
        """The state at the last step end (or where an event ended the run)."""
        ended = self.run.record.ended
        self.t, self.y = ended if ended is not None else (self.reached, np.array(self.run.machine.vector("y")))
