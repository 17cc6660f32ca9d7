"""A solve that changes its method where the run proves the choice wrong.

    stiff       an explicit Runge-Kutta method finds that stability sets its step (``embedded.stiffness``): another method goes on from there
    collapse    its step becomes too small to change t (an unstable run has left the solution): another method solves from the start, and its
                result is taken if it reaches the end

Only for a method that was chosen automatically; ``sentence`` of the result tells what happened and when.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.backend import solve
from symnum.solvers.problem import STATISTICS, Options, Outcome, Problem

Array = NDArray[np.float64]


class Switched(NamedTuple):
    """The outcome, and what the user should know of a change of method ("" where there was none)."""

    outcome: Outcome
    sentence: str = ""


def solve_switching(
    problem: Problem, options: Options, backend: str, successor: tuple[str, str] | None, patience: float = 500.0
) -> Switched:
    """Solve; ``successor`` (method, backend) takes over where needed.

    Args:
        successor: None: nothing takes over. A run with a checkpoint keeps its method too, because the file holds the state of one.
        patience: steps that must be left for a change to pay.

    Raises SolveError as ``backend.solve``.
    """
    if successor is None or options.checkpoint is not None:
        return Switched(solve(problem, options, backend))
    times = options.save_times(problem)
    options = replace(options, saveat=times)
    first = solve(problem, replace(options, detect_stiffness=patience), backend)
    if first.stopped == "STIFF":
        return _go_on(problem, options, first, *successor)
    if first.stopped == "TOO_SMALL":
        return _repeat(problem, options, first, *successor)
    return Switched(first)


def _go_on(problem: Problem, options: Options, first: Outcome, method: str, backend: str) -> Switched:
    """The rest of the interval by another method, from the state in which the first one stopped."""
    t, y = float(first.t[-1]), first.y[-1]
    sign = 1.0 if problem.t1 > problem.t0 else -1.0
    rest = replace(problem, y0=y, t0=t, breakpoints=tuple(b for b in problem.breakpoints if (b - t) * sign > 0))
    ahead = None if options.saveat is None else options.saveat[(options.saveat - t) * sign > 0]
    used = first.stats["steps"] + first.stats["rejected"]
    left = None if options.max_steps is None else max(1, int(options.max_steps - used))
    wanted = np.array([problem.t1]) if ahead is not None and not len(ahead) else ahead
    given = np.array(problem.parameters)
    try:
        problem.parameters[:] = _in_force(first, given)
        second = solve(rest, replace(options, method=method, saveat=wanted, dt=None, max_steps=left), backend)
    finally:
        problem.parameters[:] = given
    said = f"; from t = {t:.3g} on stability and not accuracy set its step (the equations are stiff there), so {second.method} took over"
    return Switched(_joined(first, second, t, options.saveat, sign, None if ahead is None else len(ahead)), said)


def _repeat(problem: Problem, options: Options, first: Outcome, method: str, backend: str) -> Switched:
    """From the start by another method; what the first one gave where that does not reach the end either."""
    second = solve(problem, replace(options, method=method, dt=None), backend)
    if not second.success:
        return Switched(first)
    said = f"; its step collapsed at t = {float(first.t[-1]):.3g}, so {second.method} solved from the start"
    return Switched(replace(second, stats=_sums(first, second)), said)


def _in_force(outcome: Outcome, given: Array) -> Array:
    """The parameters that the last event left."""
    return next((o.parameters for o in reversed(outcome.events) if o.parameters is not None), given)


def _sums(first: Outcome, second: Outcome) -> dict[str, float]:
    return {name: first.stats[name] + second.stats[name] for name in STATISTICS}


def _joined(first: Outcome, second: Outcome, t: float, times: Array | None, sign: float, ahead: int | None) -> Outcome:
    """Both parts as one. ``times``: the save times, None for every step; ``ahead``: how many of them are for the second part."""
    if times is None:
        before, after = slice(None), slice(1, None)
    else:
        before = slice(0, int(np.count_nonzero((times - t) * sign <= 0)))
        after = slice(0, ahead) if second.success else slice(None)
    dense: Callable[[Any], Array] | None = None
    if first.dense is not None and second.dense is not None:
        dense = Joined(first.dense, second.dense, t, sign)
    return replace(
        second,
        t=np.concatenate([first.t[before], second.t[after]]),
        y=np.concatenate([first.y[before], second.y[after]]),
        method=f"{first.method}, then {second.method}",
        stats=_sums(first, second),
        dense=dense,
        events=(*first.events, *second.events),
        notes=(*first.notes, *second.notes),
    )


@dataclass(frozen=True)
class Joined:
    """Two continuous extensions, the second from ``t`` on: call with a time -> (n,), or with k times -> (k, n)."""

    first: Callable[[Any], Array]
    second: Callable[[Any], Array]
    t: float
    sign: float

    def __call__(self, t: Any) -> Array:
        times = np.atleast_1d(np.asarray(t, dtype=np.float64))
        made = np.array([(self.first if (s - self.t) * self.sign <= 0 else self.second)(s) for s in times])
        return made[0] if np.ndim(t) == 0 else made
