"""The discrete adjoint: the exact gradient of the numbers that were computed, with the steps h_j held fixed.

graph         the way forward builds torch's graph over the accepted steps; memory: steps x stages x what f keeps of one evaluation
checkpoints   m states are kept on the way forward, in even distances; on the way back the steps between two of them are taken again, with
              their graph. Memory: m states + the graph of at most ceil(2 steps/m) steps; cost: one more way forward.

A segment begins with k_1 = f(t_j, y_j), which is the last slope of the segment before: so its gradient goes to y_j, and nothing is lost at the seam.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from symnum.neural.checks import refuse_nonfinite
from symnum.neural.march import Keep, Trace, march, retrace
from symnum.neural.record import Record, SolveOptions
from symnum.neural.save import Saves
from symnum.neural.vector_field import VectorField


@dataclass
class Problem:
    """y' = net(t, y), with what a solve draws at random beforehand.

    Args:
        net, timed: see ``VectorField``. parameters: tensors that net depends on and that want a gradient.
        method: see ``explicit.ExplicitPair``.
        precise: an implicit method iterates to round-off, as exact gradients want it.
        star: t* of the local regularisers; share: in [0, 1), the step j = floor(share n) of the biased one. None: not drawn.
        drawing: gives star and share, where these are drawn when they are first asked for.
    """

    net: Callable[..., Any]
    timed: bool
    method: Any
    options: SolveOptions
    parameters: list[Tensor] = field(default_factory=list)
    precise: bool = False
    star: float | None = None
    share: float | None = None
    drawing: Callable[[], tuple[float, float]] | None = None

    def draw(self) -> None:
        """Draw what was left to be drawn."""
        if self.drawing is not None:
            (self.star, self.share), self.drawing = self.drawing(), None

    def chosen(self, steps: int) -> int | None:
        """The number of the step that was drawn."""
        return None if self.share is None or steps == 0 else min(int(self.share * steps), steps - 1)

    def field(self, shift: Tensor | None = None) -> VectorField:
        """f, counted from 0."""
        return VectorField(self.net, self.timed, shift, precise=self.precise)

    def march(self, y0: Tensor, times: Tensor, keep: Keep) -> tuple[Trace, Saves, VectorField]:
        """Adaptive steps; a start that is not finite is refused by name."""
        saves = Saves(times, self.star)
        f = self.field(saves.shift)
        trace = march(self.method, f, y0, saves, self.options, keep)
        if trace.message and not trace.h:
            self.check_start(y0, saves.start)
        return trace, saves, f

    def check_start(self, y0: Tensor, t0: float) -> None:
        """Where no step was accepted: is f finite at the start? Raises SolveError that names what is not."""
        with torch.no_grad():
            if not bool(torch.isfinite(self.field()(t0, y0)).all()):
                refuse_nonfinite(self.net, y0, t0)


class Starts:
    """Where the local regularisers start: ``star``, (t*, y*), and ``chosen``, (j, y_j), or None."""

    def __init__(self, star: tuple[float, Tensor] | None = None, chosen: tuple[int, Tensor] | None = None) -> None:
        self._star, self._chosen = star, chosen

    @property
    def star(self) -> tuple[float, Tensor] | None:
        return self._star

    @property
    def chosen(self) -> tuple[int, Tensor] | None:
        return self._chosen


def by_graph(problem: Problem, y0: Tensor, times: Tensor) -> tuple[Record, Starts]:
    """The solve whose graph torch keeps, where gradients are enabled."""
    keep = Keep(None if problem.share is not None else 0)
    trace, saves, f = problem.march(y0, times, keep)
    record = trace.record(problem.method, saves, keep.states, y0, f.evaluations)
    return record, _starts(problem, saves.star_row, len(trace.h), keep.states)


def replay(problem: Problem, record: Record, y0: Tensor, times: Tensor) -> tuple[Record, Starts]:
    """The steps of a record once more, from y0, for other weights, states or times: h_j, t* and j stay."""
    saves = Saves(times, problem.star)
    saves.begin(y0)
    f = problem.field(saves.shift)
    late = saves.start - record.t[0]
    times_taken = [t + late for t in record.t]
    trace, states = retrace(problem.method, f, y0, times_taken, record.h, saves, problem.options, record.success)
    trace.rejected, trace.message = record.stats.rejected, "" if record.success else record.message
    made = trace.record(problem.method, saves, states, y0, f.evaluations)
    return made, _starts(problem, saves.star_row, len(trace.h), states)


def _starts(problem: Problem, star: Tensor | None, steps: int, states: Any) -> Starts:
    j = problem.chosen(steps)
    return Starts(
        None if problem.star is None or star is None else (problem.star, star),
        None if j is None else (j, states[j]),
    )


def by_checkpoints(problem: Problem, y0: Tensor, times: Tensor, most: int) -> tuple[Record, Starts]:
    """The solve of which ``most`` states are kept."""
    run = _Run(problem, most)
    y, errors, stiffness, star, chosen = _Recomputed.apply(run, y0, times, *problem.parameters)
    trace = run.trace
    record = trace.record(problem.method, run.saves, (), y0, run.evaluations)
    record.y, record.errors, record.stiffness = y, errors, stiffness
    j = problem.chosen(len(trace.h))
    return record, Starts(
        None if problem.star is None or star is None else (problem.star, star), None if j is None else (j, chosen)
    )


class _Run:
    """What the way back needs of the way forward."""

    trace: Trace
    saves: Saves
    evaluations: int

    def __init__(self, problem: Problem, most: int) -> None:
        self.problem, self.keep = problem, Keep(max(2, most))

    def segments(self) -> list[tuple[int, int]]:
        """(first step, first step of the next) of each segment."""
        steps, stride = len(self.trace.h), self.keep.stride
        return [(a, min(a + stride, steps)) for a in range(0, steps, stride)]


class _Recomputed(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, run: _Run, y0: Tensor, times: Tensor, *parameters: Tensor) -> tuple[Tensor | None, ...]:
        problem = run.problem
        y0 = y0.detach()
        run.trace, run.saves, f = problem.march(y0, times.detach(), run.keep)
        run.evaluations = f.evaluations
        record = run.trace.record(problem.method, run.saves, (), y0, f.evaluations)
        ctx.run = run
        ctx.save_for_backward(y0, times, *parameters)
        ctx.set_materialize_grads(False)
        j, chosen = problem.chosen(len(run.trace.h)), None
        if j is not None:
            chosen = state_at(problem, run.trace, run.keep, j)
        star = run.saves.star_row
        return record.y, record.errors, record.stiffness, star, chosen

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        run: _Run = ctx.run
        _, times, *parameters = ctx.saved_tensors
        wanted = [p for p, needed in zip(parameters, ctx.needs_input_grad[3:], strict=True) if needed]
        times = times.detach().requires_grad_(ctx.needs_input_grad[2])
        totals: list[Tensor | None] = [None] * (len(wanted) + 1)
        at_end: Tensor | None = None
        for number, (a, b) in reversed(list(enumerate(run.segments()))):
            y = run.keep.states[number].detach().requires_grad_()
            outputs, given = _segment(run, y, times, a, b, at_end, gradients)
            with_times = [*wanted, times] if times.requires_grad else wanted
            found = torch.autograd.grad(outputs, [y, *with_times], given, allow_unused=True) if outputs else ()
            at_end = found[0] if found else None
            for i, gradient in enumerate(found[1:]):
                before = totals[i]
                totals[i] = gradient if before is None else before if gradient is None else before + gradient
        answers = iter(totals)
        by_parameter = [next(answers) if needed else None for needed in ctx.needs_input_grad[3:]]
        return None, at_end, next(answers) if times.requires_grad else None, *by_parameter


def _segment(
    run: _Run, y: Tensor, times: Tensor, a: int, b: int, at_end: Tensor | None, gradients: tuple[Tensor | None, ...]
) -> tuple[list[Tensor], list[Tensor]]:
    """Steps a to b - 1 with their graph: what they gave, and the gradients for that."""
    problem, trace = run.problem, run.trace
    by_y, by_errors, by_stiffness, by_star, by_chosen = gradients
    with torch.enable_grad():
        saves = Saves(times, problem.star)
        saves.skip(trace.t[a])
        if a == 0:
            saves.next = 0
            saves.begin(y)
        f = problem.field(saves.shift)
        made, states = retrace(problem.method, f, y, trace.t[a : b + 1], trace.h[a:b], saves, problem.options)
        none = y.new_zeros(0)
        record = Trace.record(made, problem.method, saves, (), y, 0) if made.h else None
    pairs: list[tuple[Tensor | None, Tensor | None]] = [(states[-1], at_end)]
    if by_y is not None:
        pairs += [(row, by_y[k]) for k, row in saves.rows.items()]
    pairs += [(record.errors if record else none, None if by_errors is None else by_errors[a:b])]
    pairs += [(record.stiffness if record else none, None if by_stiffness is None else by_stiffness[a:b])]
    pairs += [(saves.star_row, by_star)]
    j = problem.chosen(len(trace.h))
    if j is not None and a <= j < b:
        pairs += [(states[j - a], by_chosen)]
    kept = [(out, g) for out, g in pairs if out is not None and g is not None and out.requires_grad]
    return [out for out, _ in kept], [g for _, g in kept]


def state_at(problem: Problem, trace: Trace, keep: Keep, j: int) -> Tensor:
    """The state at the start of step j, from the one kept before it."""
    a = j - j % keep.stride
    y = keep.states[a // keep.stride]
    if a == j:
        return y.clone()
    saves = Saves(torch.tensor([trace.t[0], trace.t[-1]], dtype=torch.float64, device="cpu"))
    saves.next = len(saves.late)  # no rows
    f = problem.field()
    return retrace(problem.method, f, y, trace.t[a : j + 1], trace.h[a:j], saves, problem.options)[0].y_end
