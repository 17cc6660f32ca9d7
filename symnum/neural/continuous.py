"""The continuous adjoints: the adjoint equation solved backwards in time by the same method.

    da/dt = -(df/dy)^T a,    a jumps by dL/dy_k at each save time t_k,    dL/dy0 = a(t_0)
    dL/dp = integral of (df/dp)^T a dt,    dL/dt_k = dL/dy_k . f(t_k, y_k),    dL/dt_0 = -a(t_0) . f(t_0, y_0)

interpolating    y(t) is the polynomial of each step taken on the way forward; memory: steps x stages x state
backsolve        y' = f is solved backwards together with a; memory: the saved states and 32 more. Where f damps, going back amplifies: what
                 comes back is compared with the saved states, and a warning says so where it is off.

Neither depends on what f keeps for its gradient. The gradient is that of the exact solution, so it differs from that of the computed one by
the size of the tolerances. Steps are judged by y and a alone, not by the integral (P. Kidger, R. T. Q. Chen, T. Lyons, "Hey, that's not an
ODE", ICML 2021); a is scaled to size 1, so that tolerances mean the same for any loss.
"""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from symnum.errors import SolveError, SolveWarning
from symnum.neural.discrete import Problem, Starts, state_at
from symnum.neural.march import Keep, Trace, march
from symnum.neural.record import Record
from symnum.neural.save import Saves
from symnum.neural.vector_field import VectorField

SPREAD = 32  # states kept on the way forward, from which that of a step drawn at random is found again
FAR = 100.0  # tolerances by which a state that comes back may differ from the one that was left


def by_adjoint(problem: Problem, y0: Tensor, times: Tensor, kind: str) -> tuple[Record, Starts]:
    """The solve whose way back solves the adjoint equation. ``kind``: "interpolating" or "backsolve"."""
    if times.ndim == 2:
        raise SolveError(
            f"adjoint={kind!r} wants the same save times for all samples; write adjoint='discrete' for ts of shape (m, batch)"
        )
    run = _Run(problem, kind)
    y, star, chosen = _Adjoint.apply(run, y0, times, *problem.parameters)
    record = run.record
    record.y = y
    j = problem.chosen(len(record.h))
    return record, Starts(
        None if problem.star is None or star is None else (problem.star, star), None if j is None else (j, chosen)
    )


class _Run:
    """What the way back needs of the way forward."""

    record: Record

    def __init__(self, problem: Problem, kind: str) -> None:
        self.problem, self.kind = problem, kind
        self.keep = Keep(0 if problem.share is None else SPREAD, steps=kind == "interpolating")


@dataclass
class _Jump:
    """At time t the adjoint grows by ``gradient``; ``y``: the state there; ``row``: of ts, or None."""

    t: float
    y: Tensor
    gradient: Tensor | None
    row: int | None


class _Adjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, run: _Run, y0: Tensor, times: Tensor, *parameters: Tensor) -> tuple[Tensor | None, ...]:
        problem = run.problem
        y0 = y0.detach()
        trace, saves, f = problem.march(y0, times.detach(), run.keep)
        run.record = trace.record(problem.method, saves, (), y0, f.evaluations)
        ctx.run = run
        ctx.set_materialize_grads(False)
        j = problem.chosen(len(trace.h))
        star, chosen = saves.star_row, None if j is None else state_at(problem, trace, run.keep, j)
        ctx.save_for_backward(y0, times, *parameters)
        ctx.saved = run.record.y.clone(), star, chosen
        return run.record.y, star, chosen

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        y0, times, *_ = ctx.saved_tensors
        wanted = [p for p, needed in zip(ctx.run.problem.parameters, ctx.needs_input_grad[3:], strict=True) if needed]
        jumps = _jumps(ctx.run, y0, times.tolist(), ctx.saved, gradients)
        sizes = [float(jump.gradient.abs().max()) for jump in jumps if jump.gradient is not None]
        size = max(sizes, default=0.0) or 1.0
        a, integral, by_times = _back(ctx.run, jumps, wanted, size, len(times))
        pieces = iter(integral.split([p.numel() for p in wanted]))
        by_parameter = [
            (next(pieces) * size).reshape(p.shape) if needed else None
            for p, needed in zip(ctx.run.problem.parameters, ctx.needs_input_grad[3:], strict=True)
        ]
        return None, a * size, by_times.to(times) * size if ctx.needs_input_grad[2] else None, *by_parameter


def _jumps(run: _Run, y0: Tensor, times: list[float], saved: Any, gradients: tuple[Tensor | None, ...]) -> list[_Jump]:
    """All times where something was handed out, latest first; the start is among them."""
    (y, star, chosen), (by_y, by_star, by_chosen) = saved, gradients
    problem, record = run.problem, run.record
    jumps = [_Jump(t, y[k], None if by_y is None else by_y[k], k) for k, t in enumerate(times)]
    if star is not None and by_star is not None and problem.star is not None:
        jumps.append(_Jump(problem.star, star, by_star, None))
    j = problem.chosen(len(record.h))
    if j is not None and by_chosen is not None:
        jumps.append(_Jump(record.t[j], chosen, by_chosen, None))
    reached, direction = record.t[-1], math.copysign(1.0, times[-1] - times[0])
    jumps = [jump for jump in jumps if (jump.t - reached) * direction <= 0]  # a failed solve has rows of NaN
    return sorted(jumps, key=lambda jump: -direction * jump.t)


def _back(
    run: _Run, jumps: list[_Jump], parameters: list[Tensor], size: float, rows: int
) -> tuple[Tensor, Tensor, Tensor]:
    """a(t_0), the integral of (df/dp)^T a, and the gradient for the times, all in units of ``size``."""
    problem, y = run.problem, jumps[0].y
    field = _Augmented(run, parameters, y)
    f = problem.field()
    a, by_times = torch.zeros_like(y), torch.zeros(rows, dtype=torch.float64, device="cpu")
    integral = y.new_zeros(sum(p.numel() for p in parameters))
    step, off = None, 0.0
    for jump, following in zip(jumps, [*jumps[1:], None], strict=True):
        if field.backsolve:
            off, y = max(off, _distance(y, jump.y, problem)), jump.y
        given = torch.zeros_like(a) if jump.gradient is None else jump.gradient / size
        if jump.row is not None:
            by_times[jump.row] = ((given if jump.row else -a) * f(jump.t, jump.y)).sum().double()
        a = a + given
        if following is None or following.t == jump.t:
            continue
        if not bool((a != 0).any()):
            y = following.y  # nothing to carry yet
            continue
        parts = (y, a, integral) if field.backsolve else (a, integral)
        trace = field.solve(torch.cat([part.reshape(-1) for part in parts]), jump.t, following.t, step)
        y, a, integral = field.parts(trace.y_end)
        step = abs(trace.h[-2] if len(trace.h) > 1 else trace.h[-1])  # the last one may have been cut short
    if off > FAR:
        _warn_unstable(off)
    return a, integral, by_times


def _warn_unstable(off: float) -> None:
    warnings.warn(
        f"the backsolve adjoint is unstable here: the state it brings back differs from the saved one by {off:.2g} tolerances, "
        "so its gradient is not to be trusted; write adjoint='discrete' or 'interpolating'",
        SolveWarning,
        stacklevel=2,
    )


def _distance(y: Tensor, known: Tensor, problem: Problem) -> float:
    scale = problem.options.atol + problem.options.rtol * known.abs()
    return float(((y - known) / scale).square().mean().sqrt())


class _Augmented:
    """The right-hand side of (y,) a and the integral, as one flat vector."""

    def __init__(self, run: _Run, parameters: list[Tensor], like: Tensor) -> None:
        self.problem, self.record, self.steps = run.problem, run.record, run.keep.steps
        self.parameters, self.shape, self.n = parameters, like.shape, like.numel()
        self.backsolve = run.kind == "backsolve"
        self.direction = math.copysign(1.0, self.record.h[0]) if self.record.h else 1.0
        self.begins = [self.direction * t for t in self.record.t[:-1]]
        self.field = self.problem.field()

    def parts(self, z: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(y or an empty tensor, a, integral)."""
        n = self.n
        y = z[:n] if self.backsolve else z[:0]
        a, integral = z[len(y) :][:n], z[len(y) + n :]
        return y.reshape(self.shape) if self.backsolve else y, a.reshape(self.shape), integral

    def state(self, t: float) -> Tensor:
        """y(t) from the steps of the way forward."""
        assert self.steps is not None
        j = max(0, bisect_right(self.begins, self.direction * t) - 1)
        step = self.steps[j]
        theta = torch.tensor([(t - step.t) / step.h], dtype=torch.float64, device="cpu")
        made: Tensor = self.problem.method.dense(self.field, step, theta)[0]
        return made

    def slope(self, t: float, z: Tensor) -> Tensor:
        y, a, _ = self.parts(z)
        if not self.backsolve:
            y = self.state(t)
        with torch.enable_grad():
            y = y.detach().requires_grad_()
            value = self.field(t, y)
            found = torch.autograd.grad(value, [y, *self.parameters], -a, allow_unused=True, materialize_grads=True)
        parts = [value.detach(), *found] if self.backsolve else found
        return torch.cat([part.reshape(-1) for part in parts])

    def solve(self, state: Tensor, begin: float, end: float, step: float | None) -> Trace:
        """The state at ``end``. Raises SolveError where it is not reached."""
        problem = self.problem
        options = replace(problem.options, dt=step or problem.options.dt)
        saves = Saves(torch.tensor([begin, end], dtype=torch.float64, device="cpu"))
        field = _Numbers(self, self.n * (2 if self.backsolve else 1))
        trace = march(problem.method, field, state, saves, options, Keep(0))
        if trace.message:
            raise SolveError(
                f"the adjoint equation, solved backwards: {trace.message}; adjoint='discrete' needs no such solve"
            )
        return trace


class _Numbers(VectorField):
    """The augmented right-hand side for ``march``: times stay numbers."""

    def __init__(self, augmented: _Augmented, counted: int) -> None:
        super().__init__(augmented.slope, True, counted=counted)

    def __call__(self, t: float, y: Tensor) -> Tensor:
        self.evaluations += 1
        made: Tensor = self.net(t, y)
        return made
