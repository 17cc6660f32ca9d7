"""Events of a solve that Julia steps: Julia finds the moment, the effect happens here, and the solve goes on from the new state.

The meaning is that of ``embedded.events``: a relation is an event when it becomes true; after its event a condition that the effect leaves at zero
has no sign until it has left zero; an effect may make the relation of another event true, which is then an event at the same moment.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.embedded.events import CROWDED, STUCK, ZENO, _left
from symnum.solvers.events import Occurrence
from symnum.solvers.problem import Problem

Array = NDArray[np.float64]
Found = tuple[float, Array, Array, Array]  # time, crossings, conditions at the start of the step, state


class EventStop(Exception):
    """The run cannot go on because of an event. ``index``: of the state, where one is at fault."""

    def __init__(self, message: str, t: float, index: int | None = None) -> None:
        super().__init__(message)
        self.t, self.index = t, index


class Turns:
    """The events of one solve.

    Attributes: ``occurrences``, ``notes`` as of an Outcome; ``pending``: events that act now; ``muted``: conditions without a sign at the start of
    the next run; ``ended``: an event ended the run.
    """

    def __init__(self, problem: Problem) -> None:
        assert problem.events is not None
        self.problem, self.events = problem, problem.events
        self.occurrences: list[Occurrence] = []
        self.notes: list[str] = []
        self.pending: tuple[int, ...] = ()
        self.acted: tuple[int, ...] = ()
        self.muted: tuple[int, ...] = ()
        self.scale = np.zeros(len(self.events.watched))
        self.times: list[float] = []
        self.ended = False

    def conditions(self, solver: Any) -> Any:
        """The object of Julia that watches."""
        return solver.solver.model.conditions

    def begin(self, t: float, y: Array) -> None:
        """A relation that holds at the start is worth a word."""
        for k, value in enumerate(self.values(t, y)):
            event = self.events.watched[k]
            if event.relation and np.sign(value) == event.direction:
                self.notes.append(
                    f"the condition {event.name} holds already at t = {t:.6g}; an event is the moment at which it becomes true, "
                    "so it must be false first"
                )

    def values(self, t: float, y: Array) -> Array:
        """All conditions at one state, (m,). Raises EventStop where one is NaN."""
        out = np.empty(len(self.events.watched))
        self.events.conditions(t, np.ascontiguousarray(y), out)
        if np.isnan(out).any():
            raise self.undefined(int(np.flatnonzero(np.isnan(out))[0]) + 1, t)
        return out

    def undefined(self, k: int, t: float) -> EventStop:
        """Condition number k (from 1) is NaN."""
        name = self.events.watched[k - 1].name
        return EventStop(
            f"the condition of the event {name} gives NaN at t = {t:.6g}; check logarithms, roots and divisions in it",
            t,
        )

    def noted(self, found: list[Found]) -> bool:
        """Note what changes nothing; whether the last of them acts, which ``pending`` then holds."""
        self.pending = ()
        for t, crossings, before, y in found:
            which = [int(k) for k in np.flatnonzero(crossings)]
            for k in which:
                if not self.events.watched[k].acts:
                    self.occurrences.append(Occurrence(k, t, y, y))
            self.pending = tuple(k for k in which if self.events.watched[k].acts)
            self.scale = np.abs(before)
        return bool(self.pending)

    def act(self, t: float, y: Array) -> tuple[Array, Array] | None:
        """Apply the pending effects in the order of the list: the new state and parameters, or None where the run ends here."""
        p, ends = np.array(self.problem.parameters), False
        for k in self.pending:
            event, before, old = self.events.watched[k], y, p
            if event.effect is not None:
                y, p = event.effect(t, before, old)
                self._check_effect(event.name, t, y, p)
            changed = p if event.effect is not None and not np.array_equal(p, old) else None
            self.occurrences.append(Occurrence(k, t, before, y, changed))
            ends = ends or event.terminal
        self.acted, self.pending = self.pending, ()
        if ends:
            self.ended = True
            return None
        self._check_progress(t)
        return y, p

    def settle(self, t: float, y: Array, after_t: float, given: Array, after: Array) -> tuple[int, ...]:
        """Where the conditions stand after the effects; the events whose relations the effects have made true.

        (t, y): on arrival; given: the state that the effects gave; (after_t, after): made consistent.
        """
        old, plain = self.values(t, y), self.values(after_t, given)
        new = plain if given is after else self.values(after_t, after)
        self.muted = tuple(k for k in self.acted if abs(plain[k]) <= 1e-9 * max(self.scale[k], abs(old[k])))
        true = []
        for k, event in enumerate(self.events.watched):
            moved = abs(new[k] - old[k]) > 1e-12 * max(abs(new[k]), abs(old[k]))
            became = event.relation and np.sign(old[k]) == -event.direction and np.sign(new[k]) == event.direction
            if k not in self.acted and moved and became:
                true.append(k)
        return tuple(true)

    def ending(self) -> str:
        """The sentence for an event that ended the run."""
        last = next(o for o in reversed(self.occurrences) if self.events.watched[o.index].terminal)
        return f"the event {self.events.watched[last.index].name} ended the solve at t = {last.t:.10g}"

    def _check_effect(self, name: str, t: float, y: Array, p: Array) -> None:
        if np.isfinite(y).all() and np.isfinite(p).all():
            return
        index = int(np.flatnonzero(~np.isfinite(y))[0]) if not np.isfinite(y).all() else None
        what = "a state" if index is not None else "a parameter"
        message = f"the effect of the event {name} at t = {t:.6g} gives {what} that is not a finite number"
        raise EventStop(f"{message}. Check logarithms, roots and divisions in it", t, index)

    def _check_progress(self, t: float) -> None:
        """Event times that close in on a limit never get beyond it."""
        self.times = [*self.times[-STUCK:], t]
        span = abs(self.problem.t1 - self.problem.t0)
        gaps = np.abs(np.diff(self.times))
        crowded = len(gaps) == STUCK and gaps.max() <= CROWDED * max(span, abs(t))
        left = _left(gaps[-3:]) if len(gaps) >= 3 else math.inf
        if not crowded and left > ZENO * span:
            return
        name = self.events.watched[self.acted[0]].name
        sign = math.copysign(1.0, self.problem.t1 - self.problem.t0)
        raise EventStop(
            f"the events {name} follow one another ever faster: after {len(self.occurrences)} of them, at t = {t:.10g}, their times close in on "
            f"t = {t + sign * (left if math.isfinite(left) else 0.0):.10g} and the solve would never get beyond it (Zeno's paradox). End the solve "
            'there with the effect "terminate" on a speed below which the motion counts as over, or give the state at rest equations of its own',
            t,
        )
