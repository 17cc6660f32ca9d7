"""The loop over steps: adaptive (``march``), or over steps that were taken before (``retrace``). Both build the graph where gradients are enabled."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from symnum.neural.control import Controller, first_step, first_trial
from symnum.neural.explicit import Step, scaled_norm, stiffness
from symnum.neural.record import Record, SolveOptions, Stats
from symnum.neural.save import Saves
from symnum.neural.vector_field import VectorField


class Keep:
    """States at accepted times. ``most``: at most so many, evenly spread (every second one goes when there are more); None: all; 0: none.

    ``steps``: keep the accepted steps with their stages too.
    """

    def __init__(self, most: int | None = None, steps: bool = False) -> None:
        self.most, self.stride, self.states = most, 1, list[Tensor]()
        self.steps: list[Step] | None = [] if steps else None

    def take(self, j: int, y: Tensor) -> None:
        """The state at the start of step j."""
        if self.most == 0 or j % self.stride:
            return
        if self.most is not None and len(self.states) >= max(2, self.most):
            self.states = self.states[::2]
            self.stride *= 2
            if j % self.stride:
                return
        self.states.append(y)


@dataclass
class Trace:
    """Steps that were taken: n + 1 times, n steps, E_j, what S_j needs, the state at the end."""

    t: list[float]
    y_end: Tensor
    h: list[float] = field(default_factory=list)
    errors: list[Tensor] = field(default_factory=list)
    differences: list[tuple[Tensor, Tensor]] = field(default_factory=list)  # for S_j
    rejected: int = 0
    message: str = ""  # why it stopped early

    def record(self, method: Any, saves: Saves, states: Sequence[Tensor], like: Tensor, evaluations: int) -> Record:
        """The record of a finished solve."""
        none = like.new_zeros(0)
        return Record(
            y=saves.stacked(like),
            t=self.t,
            h=self.h,
            errors=torch.stack(self.errors) if self.errors else none,
            stiffness=stiffness(self.differences, method.size) if self.differences else none,
            states=states,
            stats=Stats(evaluations, len(self.h), self.rejected),
            success=not self.message,
            message=self.message or "reached the end of the interval",
        )

    def take(self, method: Any, f: VectorField, step: Step, saves: Saves, t_new: float, beyond: bool = False) -> Tensor:
        """Note an accepted step and its rows, with those ``beyond`` it if wanted; the slope at its end."""
        slope = method.finish(f, step)
        self.h.append(step.h)
        self.t.append(t_new)
        self.errors.append(step.error)
        self.differences.append(step.differences())
        saves.take(method, f, step, t_new, beyond)
        self.y_end = step.y_new
        return slope


def march(method: Any, f: VectorField, y0: Tensor, saves: Saves, options: SolveOptions, keep: Keep) -> Trace:
    """Adaptive steps from the first save time to the last."""
    t, end, y = saves.start, saves.end, y0
    trace = Trace([t], y0)
    saves.begin(y0)
    k1 = f(t, y)
    control = Controller(method.estimate_order)
    control.h = choose_first(method, f, t, end, y, k1, options)
    keep.take(0, y)
    for _ in range(options.max_steps):
        if t == end:
            return trace
        h, last = control.choose(t, end)
        if h == 0.0:
            trace.message = _too_small(t, control.h, options)
            return trace
        step = method.attempt(f, t, h, y, k1, options)
        error = float(step.error.detach())
        if not control.accepts(error, step.noise):
            trace.rejected += 1
            if not control.after_rejected(h, error, step.noise):
                trace.message = f"f gives NaN or infinity near t = {t + h:.6g}; what was computed up to there is kept. Is the solution unbounded?"
                return trace
            continue
        control.after_accepted(h, error, step.noise)
        t = end if last else t + h
        k1, y = trace.take(method, f, step, saves, t), step.y_new
        keep.take(len(trace.h), y)
        if keep.steps is not None:
            keep.steps.append(step)
    if t != end:
        trace.message = (
            f"stopped at t = {t:.6g} of {end:.6g} after max_steps = {options.max_steps} steps; "
            "increase max_steps, loosen the tolerances, or take an implicit method if the network is stiff"
        )
    return trace


def retrace(
    method: Any,
    f: VectorField,
    y: Tensor,
    times: Sequence[float],
    steps: Sequence[float],
    saves: Saves,
    options: SolveOptions,
    beyond: bool = False,
) -> tuple[Trace, list[Tensor]]:
    """The steps given, whatever their error: n + 1 times and n steps; and the n + 1 states.

    ``beyond``: save times after the last step are on its polynomial (a difference quotient moves them there).
    """
    trace, states = Trace([times[0]], y), [y]
    k1 = f(times[0], y)
    for t, t_new, h in zip(times[:-1], times[1:], steps, strict=True):
        step = method.attempt(f, t, h, y, k1, options)
        k1 = trace.take(method, f, step, saves, t_new, beyond and len(trace.h) == len(steps) - 1)
        y = step.y_new
        states.append(y)
    return trace, states


def choose_first(
    method: Any, f: VectorField, t: float, end: float, y: Tensor, k1: Tensor, options: SolveOptions
) -> float:
    """The signed first step; 0 dimension of gradient."""
    direction, span = math.copysign(1.0, end - t), abs(end - t)
    if options.dt is not None or span == 0:
        return direction * min(options.dt or 0.0, span)
    with torch.no_grad():
        y, k1 = y.detach(), k1.detach()
        d0, d1 = (float(scaled_norm(f, v, y, y, options)[0]) for v in (y, k1))
        if not math.isfinite(d1):
            return direction * span  # the first attempt meets it, and is shortened
        trial = first_trial(d0, d1, span)
        slope = f(t + direction * trial, torch.add(y, k1, alpha=direction * trial))
        d2 = float(scaled_norm(f, slope - k1, y, y, options)[0]) / trial
    return direction * first_step(trial, d1, d2, method.order, span)


def _too_small(t: float, h: float, options: SolveOptions) -> str:
    return (
        f"the step at t = {t:.6g} became too small ({abs(h):.1e}): the solution has a singularity there, or the network a jump; "
        "what was computed up to there is kept. If the network is stiff, an implicit method takes longer steps; "
        f"rtol = {options.rtol:g} may also be too tight"
    )
