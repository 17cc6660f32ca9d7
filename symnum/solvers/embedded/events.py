"""Events: zeros of conditions g_k(t, y) along the continuous extension, in the accepted steps that a call of the driver left.

    signs of g at the ends of the steps (small systems: also at quarters of each step)  ->  the first change that counts
    Brent's method on g(t, y(t)) inside that quarter, to round-off                      ->  t*, y* = y(t*)
    steps beyond t* are forgotten; y, p = effect(t*, y*, p); the solve starts afresh there

An effect may make the relation of another event true, which is then an event too, at the same moment.

A condition is on one *side*, the sign that g had last when it was not zero; an event is a change of side. After its event a
condition that the effect leaves at zero has no side until it has left zero. So it does not happen again at once, and a touch
without a change of sign between two samples is not an event. A change of sign through infinity (a pole) is not one either.

The work beside the run itself: each step is written to a block with its slopes, and g is evaluated for it by native code;
an event costs the steps of the running call beyond it, at most as many as lay between the last two events.
Source of the root finder: R. P. Brent, Algorithms for Minimization without Derivatives, 1973, chapter 4.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.embedded.condition_block import block_function
from symnum.solvers.embedded.extension import Step, exponential, polynomial
from symnum.solvers.embedded.machine import Machine
from symnum.solvers.embedded.method import Method
from symnum.solvers.embedded.record import Record
from symnum.solvers.events import Events, Occurrence
from symnum.solvers.problem import Problem

Array = NDArray[np.float64]
FEW = 64  # unknowns up to which a step is sampled at quarters too
NEAR = 32 * 2.0**-52  # two events no further apart in relation to t are one moment
HALVINGS = 50  # of the stretch before a condition is NaN
STUCK, CROWDED = 50, 1e-13  # so many events in a row, so close in relation to the interval, and the run does not get on
ZENO = 1e-9  # a limit of event times that is closer than this share of the interval is named


class EventFailure(Exception):
    """The run cannot go on; the message says why. ``index``: of the state, where one is at fault."""

    def __init__(self, message: str, t: float, index: int | None = None) -> None:
        super().__init__(message)
        self.t, self.index = t, index


@dataclass(frozen=True)
class Happening:
    """Where a run turned: step ``row`` of the block, at (t, y), by the events ``which``."""

    row: int
    t: float
    y: Array
    which: tuple[int, ...]


class Watch:
    """The events of one run, and where each condition stands.

    Attributes: ``occurrences``, what happened so far; ``notes``, sentences for the user.
    """

    def __init__(self, events: Events, problem: Problem, machine: Machine, record: Record, method: Method) -> None:
        self.events, self.problem, self.machine, self.record, self.method = events, problem, machine, record, method
        self.sign = math.copysign(1.0, problem.t1 - problem.t0)
        self.occurrences: list[Occurrence] = []
        self.notes: list[str] = []
        self.checked = 0  # rows of the block that are done with
        self.shares = np.array([0.25, 0.5, 0.75, 1.0]) if problem.n <= FEW else np.array([1.0])
        self.since = 0  # steps since the last event that acted
        self.pace = 0  # steps from the event before the last one to the last one
        self.scale = np.zeros(len(events.watched))  # size of the conditions around the last events
        self.side = np.zeros(len(events.watched))
        self.before = np.zeros(len(events.watched))  # the conditions on arrival at the last event
        self.anchor = (problem.t0, problem.y0)  # the state up to which conditions were looked at
        self.turns: list[float] = []  # times of the last events that acted
        self.verge: set[int] = set()  # relations whose sides are equal at the start, until they have moved

    # --- sides ---

    def begin(self) -> None:
        """At the start: a relation that holds already is worth a word; one on the verge counts as not holding yet."""
        t, y = self.anchor
        values = self.values(t, y)
        self.side = np.sign(values)
        for k, event in enumerate(self.events.watched):
            if event.relation and values[k] == 0:
                self.side[k] = -event.direction
                self.verge.add(k)
            elif event.relation and self.side[k] == event.direction:
                self.notes.append(
                    f"the condition {event.name} holds already at t = {t:.6g}; an event is the moment at which it becomes true, "
                    "so it must be false first"
                )

    def values(self, t: float, y: Array) -> Array:
        """All conditions at one state, (m,). Raises EventFailure where one is NaN."""
        out = np.empty(len(self.events.watched))
        self.events.conditions(t, np.ascontiguousarray(y), out)
        if np.isnan(out).any():
            raise self.undefined(t, int(np.flatnonzero(np.isnan(out))[0]))
        return out

    def undefined(self, t: float, k: int) -> EventFailure:
        return EventFailure(
            f"the condition of the event {self.events.watched[k].name} gives NaN at t = {t:.6g}; "
            "check logarithms, roots and divisions in it",
            t,
        )

    # --- looking for events ---

    def look(self) -> Happening | None:
        """Go through the steps that are new in the block; note events that change nothing, give the first that acts.

        Raises EventFailure where a condition gives NaN before any event that acts; the steps before that are kept.
        """
        kept = self.record.kept
        if kept <= self.checked:
            return None
        times, states = self._samples(kept)
        values = self._conditions(times, states)
        sides = _carried(np.vstack([self.side, np.sign(values)]))
        if times[-1] == self.problem.t1:
            self._last_chance(sides[-1], values[-1])
        if self.verge:
            self._leave_verge(values[0])
        changes = self._changes(sides)
        bad = np.flatnonzero(np.isnan(values).any(axis=1))
        for place in changes:
            if len(bad) and bad[0] <= place:
                break
            found = self._at(int(place), sides)
            if found is not None:
                return found
        if len(bad):
            found = self._before_undefined(int(bad[0]), sides)
            if found is not None:
                return found
            self._fail(int(bad[0]), times, values)
        self._advance(kept, sides[-1])
        return None

    def _leave_verge(self, first: Array) -> None:
        """A relation whose sides are equal at the start and that is false right after it: no event, which is worth a word."""
        for k in sorted(self.verge):
            event = self.events.watched[k]
            if first[k] * event.direction < 0:
                self.notes.append(
                    f"both sides of the condition {event.name} are equal at t = {self.problem.t0:.6g} and it is false right after; that is no "
                    "event: an event is the moment at which it becomes true"
                )
        self.verge.clear()

    def _last_chance(self, side: Array, values: Array) -> None:
        """At the end of the interval no later value decides: a relation that is reached is true."""
        for k, event in enumerate(self.events.watched):
            if event.relation and values[k] == 0 and side[k] == -event.direction:
                side[k] = event.direction

    def forget_block(self) -> None:
        """The block begins anew."""
        self.checked = 0

    def _advance(self, kept: int, side: Array) -> None:
        self.side = side
        self.since += kept - self.checked
        self.anchor = (float(self.record.block[0][kept - 1]), np.array(self.record.block[1][kept - 1]))
        self.checked = kept

    def _fail(self, place: int, times: Array, values: Array) -> None:
        row = self.checked + place // len(self.shares)
        time, k = float(times[place]), int(np.flatnonzero(np.isnan(values[place]))[0])
        begin, y = self._begin(row)
        self.occurrences = [o for o in self.occurrences if (o.t - begin) * self.sign <= 0]
        if row > 0 or begin != self.problem.t0:
            self._end_at(row, begin, y)
        raise self.undefined(time, k)

    def _end_at(self, row: int, t: float, y: Array) -> None:
        """The run ends in the state at the start of a step."""
        self.machine["kept"] = row
        self.record.rewind(t)
        self.record.ended = (t, np.array(y))

    def _begin(self, row: int) -> tuple[float, Array]:
        if row == self.checked:
            return self.anchor
        return float(self.record.block[0][row - 1]), self.record.block[1][row - 1]

    def _samples(self, kept: int) -> tuple[Array, Array]:
        """Times (k,) and states (k, n) at the shares of the new steps."""
        ends, after = self.record.block[0][self.checked : kept], self.record.block[1][self.checked : kept]
        if len(self.shares) == 1:
            return ends, after
        begins = np.concatenate([[self.anchor[0]], ends[:-1]])
        before = np.concatenate([self.anchor[1][None], after[:-1]])
        h = ends - begins
        times = begins[:, None] + h[:, None] * self.shares
        times[:, -1] = ends
        return times.reshape(-1), self._inside(before, after, h).reshape(-1, after.shape[1])

    def _inside(self, before: Array, after: Array, h: Array) -> Array:
        """States (steps, shares, n) of the new steps."""
        count, n = after.shape
        if self.method.exponential is not None:
            steps = [self._step(row) for row in range(self.checked, self.checked + count)]
            return np.array([[step(float(share)) for share in self.shares] for step in steps])
        slopes = self.record.block[2][self.checked * self.record.slopes : (self.checked + count) * self.record.slopes]
        slopes = slopes.reshape(count, self.record.slopes, n)
        old, new, kept_weights = self._weights
        states = np.empty((count, len(self.shares), n))
        states[:, -1] = after
        inside = old[:, None] * before[:, None] + new[:, None] * after[:, None]
        for power, weights in kept_weights.items():
            inside += np.matmul(weights, slopes) * (h**power)[:, None, None]
        states[:, :-1] = inside
        return states

    @cached_property
    def _weights(self) -> tuple[Array, Array, dict[int, Array]]:
        """Weights of the continuous extension at all shares but the last: of old and new state (s,); of kept vectors (s, kept) by power of h."""
        shares, parts = self.shares[:-1], self.method.parts
        tables = self.method.dense_weights(shares)
        states = (tables.get(name, np.zeros(len(shares))) for name in ("y_new", "y"))
        kept: dict[int, Array] = {}
        for name, power, _ in parts.interpolant:
            if name in parts.kept:
                kept.setdefault(power, np.zeros((len(shares), len(parts.kept))))[:, parts.kept.index(name)] = tables[
                    name
                ]
        old, new = states
        return old, new, kept

    def _conditions(self, times: Array, states: Array) -> Array:
        """g at all samples, (k, m)."""
        count, m = len(times), len(self.events.watched)
        out = np.empty((count, m))
        if self.events.address is None:
            for t, y, row in zip(times, states, out, strict=True):
                self.events.conditions(float(t), y, row)
            return out
        times, states = np.ascontiguousarray(times), np.ascontiguousarray(states)
        arrays = (a.ctypes.data for a in (times, states, self.problem.parameters, out))
        block_function()(self.events.address, count, self.problem.n, m, *arrays)
        return out

    def _changes(self, sides: Array) -> NDArray[np.intp]:
        """The samples before which a condition has changed its side in the direction that counts, in order."""
        before, after = sides[:-1], sides[1:]
        wanted = np.array([event.direction for event in self.events.watched])
        with np.errstate(invalid="ignore"):
            changed = (
                (before != 0)
                & (after != before)
                & ((wanted == 0) | (wanted == -before))
                & ~np.isnan(after)
                & ~np.isnan(before)
            )
        return np.flatnonzero(changed.any(axis=1))

    # --- the moment itself ---

    def _at(self, place: int, sides: Array) -> Happening | None:
        """The events between sample ``place - 1`` and ``place``: notes those that change nothing, gives the first that acts."""
        row, low, high = self._stretch(place)
        return self._between(row, self._step(row), (low, high), sides[place], sides[place + 1])

    def _before_undefined(self, place: int, sides: Array) -> Happening | None:
        """The events in the stretch before a sample where a condition is NaN, as far as all conditions are numbers."""
        row, low, high = self._stretch(place)
        step, side, out = self._step(row), sides[place].copy(), np.empty(len(self.events.watched))
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            self.events.conditions(step.begin + middle * step.h, step(middle), out)
            if np.isnan(out).any():
                high = middle
                continue
            now = np.where(out == 0, side, np.sign(out))
            if len(self._changes(np.array([side, now]))):
                found = self._between(row, step, (low, middle), side, now)
                if found is not None:
                    return found
            low, side = middle, now
        return None

    def _stretch(self, place: int) -> tuple[int, float, float]:
        """(row of the block, shares of its step) between the sample before ``place`` and that one."""
        row, j = self.checked + place // len(self.shares), place % len(self.shares)
        return row, float(self.shares[j - 1]) if j else 0.0, float(self.shares[j])

    def _step(self, row: int) -> Step:
        """The step of a row of the block that has not been looked at before."""
        begin, before = self._begin(row)
        end, after = float(self.record.block[0][row]), self.record.block[1][row]
        if self.method.exponential is not None:
            return Step(begin, end, exponential(self.machine, begin, end - begin, before, after))
        vectors = dict(zip(self.method.parts.kept, self.record.step(row), strict=True)) | {"y_new": before, "y": after}
        return Step(begin, end, polynomial(self.method, end - begin, vectors))

    def _between(self, row: int, step: Step, ends: tuple[float, float], side: Array, after: Array) -> Happening | None:
        """The events between two shares of a step, with the sides on which the conditions are there."""
        found = []
        for k, event in enumerate(self.events.watched):
            was, now = side[k], after[k]
            if was != 0 and now != was and event.direction in (0, -was):
                theta = self._root(step, k, ends, now)
                if theta is not None:
                    found.append((theta, k))
        acting = min((theta for theta, k in found if self.events.watched[k].acts), default=math.inf)
        self.side = side.copy()
        for theta, k in sorted(found):
            if theta <= acting and not self.events.watched[k].acts:
                y = step(theta)
                self.occurrences.append(Occurrence(k, step.begin + theta * step.h, y, y))
                self.side[k] = after[k]
        if acting == math.inf:
            return None
        t = step.begin + acting * step.h
        same = NEAR * max(abs(t), abs(step.h))
        which = tuple(k for theta, k in sorted(found, key=lambda pair: pair[1])
                      if self.events.watched[k].acts and abs(theta - acting) * abs(step.h) <= same)  # fmt: skip
        return Happening(row, t, step(acting), which)

    def _root(self, step: Step, k: int, ends: tuple[float, float], now: float) -> float | None:
        """The share of the step at which condition k is zero; None at a pole. ``now``: its side at the end of the stretch."""
        low, high = ends
        out = np.empty(len(self.events.watched))

        def value(theta: float) -> float:
            t = step.begin + theta * step.h
            self.events.conditions(t, step(theta), out)
            if math.isnan(out[k]):
                raise self.undefined(t, k)
            return float(out[k])

        at_low, at_high = value(low), value(high)
        self.scale[k] = max(abs(at_low), abs(at_high))
        if (
            at_low == 0 or at_low * now > 0
        ):  # at the start already: the state has jumped there, or rounding has moved the sign
            return low
        if not at_high * now > 0:
            return high
        root = _brent(value, low, high)
        return None if abs(value(root)) > self.scale[k] else root

    # --- effects ---

    def act(self, here: Happening, cut: bool = True) -> tuple[Array, Array] | None:
        """Apply the effects in the order of the list; the new state and parameters, or None where the run ends here.

        ``cut``: the step ends here; False for events that the effects of others bring about at the same moment.
        Raises EventFailure where an effect gives NaN or infinity, and where events follow one another without end.
        """
        if cut:
            self._cut(here)
        self.before = self.values(here.t, here.y)
        y, p, ends = here.y, np.array(self.problem.parameters), False
        for k in here.which:
            event = self.events.watched[k]
            before, old = y, p
            if event.effect is not None:
                y, p = event.effect(here.t, before, old)
                self._check_effect(event.name, here, y, p)
            changed = p if event.effect is not None and not np.array_equal(p, old) else None
            self.occurrences.append(Occurrence(k, here.t, before, y, changed))
            ends = ends or event.terminal
        if ends:
            self.record.ended = (here.t, y)
            return None
        self._check_progress(here)
        return y, p

    def _cut(self, here: Happening) -> None:
        """The step ends at the event; one at the very start of the step leaves nothing of it."""
        self.pace = self.since + here.row - self.checked + 1
        if here.t != self._begin(here.row)[0]:
            self.record.cut(here.row, here.t, here.y, self._slope_there(here))
            return
        self.machine["kept"] = here.row
        self.record.rewind(here.t)

    def _slope_there(self, here: Happening) -> Array | None:
        """f at the event where the step becomes one that ends there (exponential methods), else None: it stays part of the whole step."""
        if self.method.exponential is None:
            return None
        out = np.empty_like(here.y)
        self.problem.rhs(min(max(here.t, self.machine["t_low"]), self.machine["t_high"]), np.array(here.y), out)
        return out

    def _check_effect(self, name: str, here: Happening, y: Array, p: Array) -> None:
        if np.isfinite(y).all() and np.isfinite(p).all():
            return
        self.record.ended = (here.t, here.y)
        index = int(np.flatnonzero(~np.isfinite(y))[0]) if not np.isfinite(y).all() else None
        what = "a state" if index is not None else "a parameter"
        message = f"the effect of the event {name} at t = {here.t:.6g} gives {what} that is not a finite number"
        raise EventFailure(f"{message}. Check logarithms, roots and divisions in it", here.t, index)

    def _check_progress(self, here: Happening) -> None:
        """Zeno: event times that close in on a limit, as those of a bouncing ball, never get beyond it."""
        self.turns = [*self.turns[-STUCK:], here.t]
        span = abs(self.problem.t1 - self.problem.t0)
        gaps = np.abs(np.diff(self.turns))
        crowded = len(gaps) == STUCK and gaps.max() <= CROWDED * max(span, abs(here.t))
        left = _left(gaps[-3:]) if len(gaps) >= 3 else math.inf
        if not crowded and left > ZENO * span:
            return
        name = self.events.watched[here.which[0]].name
        limit = here.t + self.sign * (left if math.isfinite(left) else 0.0)
        self.record.ended = (here.t, here.y)
        raise EventFailure(
            f"the events {name} follow one another ever faster: after {len(self.occurrences)} of them, at t = {here.t:.10g}, their times "
            f"close in on t = {limit:.10g} and the solve would never get beyond it (Zeno's paradox). End the solve there with the effect "
            '"terminate" on a speed below which the motion counts as over, or give the state at rest equations of its own',
            here.t,
        )

    def settle(self, here: Happening, t: float, given: Array, y: Array) -> tuple[int, ...]:
        """Where the conditions stand after the effects, at (t, y); the events whose relations the effects have made true.

        ``given``: the state that the effects gave, before its algebraic unknowns were made consistent.
        """
        after, made_true = self.values(t, y), []
        plain = after if given is y else self.values(t, given)
        for k, (now, old) in enumerate(zip(after, self.before, strict=True)):
            if k in here.which:  # still on the verge: the next value that is not zero decides
                self.side[k] = 0.0 if abs(plain[k]) <= 1e-9 * self.scale[k] else np.sign(now)
            elif abs(now - old) > 1e-12 * max(abs(now), abs(old)):
                event, was = self.events.watched[k], self.side[k]
                self.side[k] = np.sign(now)
                if event.relation and was == -event.direction == -self.side[k]:
                    made_true.append(k)
        return tuple(made_true)

    def go_on(self, t: float, y: Array) -> None:
        """The run starts afresh from (t, y)."""
        self.since = 0
        self.moved(t, y)

    def moved(self, t: float, y: Array) -> None:
        """The next step starts from (t, y), which is not where the last one ended."""
        self.anchor = (t, np.array(y))
        self.checked = self.record.kept


def _carried(sides: Array) -> Array:
    """Where a condition is zero the side before it holds on."""
    if not (sides[1:] == 0).any():
        return sides
    for before, row in pairwise(sides):
        row[row == 0] = before[row == 0]
    return sides


def _left(gaps: Array) -> float:
    """How far the limit of times is whose gaps shrink as a geometric series; infinity where they do not."""
    if (gaps <= 0).any():
        return math.inf
    first, second = gaps[1] / gaps[0], gaps[2] / gaps[1]
    if not (second < 0.9999 and abs(first - second) <= 0.05 * second):
        return math.inf
    return float(gaps[2] * second / (1 - second))


def _brent(value: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    return float(brentq(value, low, high, xtol=1e-300, rtol=4 * np.finfo(float).eps, maxiter=200))
