"""A stochastic equation as ``discrete`` wants a problem, and the loop over its steps along the path."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from symnum.neural.checks import refuse_nonfinite
from symnum.neural.control import MAX_FAILURES
from symnum.neural.discrete import Problem
from symnum.neural.explicit import scaled_norm
from symnum.neural.march import Keep, Trace
from symnum.neural.save import Saves
from symnum.neural.stochastic_path import Node, Path, Walk, first_step
from symnum.neural.stochastic_step import StochasticField


@dataclass
class StochasticProblem(Problem):
    """dy = net(t, y) dt + diffusion(t, y) dW along the path of ``seed``.

    Args:
        diffusion, diffusion_timed: as net, timed. seed, path: the path. fixed: length of all steps; 0: chosen.

    Attributes: ``nodes``: t_j -> the node of the step from there, of the latest solve.
    """

    diffusion: Callable[..., Any] = torch.zeros_like
    diffusion_timed: bool = False
    seed: int = 0
    path: Path = field(default_factory=lambda: Path(0, 1))
    fixed: float = 0.0
    nodes: dict[float, Node] = field(default_factory=dict)

    def field(self, shift: Tensor | None = None) -> StochasticField:
        """f and g, counted from 0."""
        return StochasticField(self.net, self.timed, self.diffusion, self.diffusion_timed, self.path, self.nodes)

    def march(self, y0: Tensor, times: Tensor, keep: Keep) -> tuple[Trace, Saves, Any]:
        """Adaptive or fixed steps; a start that is not finite is refused by name."""
        saves = Saves(times, self.star)
        f = self.field()
        saves.begin(y0)
        k1 = f(saves.start, y0)
        wanted = self.fixed or self._first(f, saves, y0, k1)
        walk = Walk(saves.start, saves.end, wanted, self.method.order, self.path.depth, self.fixed)
        trace = self._steps(f, y0, k1, saves, keep, walk)
        if trace.message and not trace.h:
            self.check_start(y0, saves.start)
        return trace, saves, f

    def _first(self, f: StochasticField, saves: Saves, y: Tensor, k1: Tensor) -> float:
        if self.options.dt is not None:
            return self.options.dt
        with torch.no_grad():
            d1, d0 = (float(scaled_norm(f, v, y, y, self.options)[0]) for v in (k1, f.g(saves.start, y)))
        span = saves.end - saves.start
        return first_step(self.options.rtol, d1, d0, span) if math.isfinite(d1) and math.isfinite(d0) else span

    def _steps(self, f: StochasticField, y: Tensor, k1: Tensor, saves: Saves, keep: Keep, walk: Walk) -> Trace:
        trace, method, options, failures = Trace([walk.t], y), self.method, self.options, 0
        keep.take(0, y)
        for _ in range(options.max_steps):
            t = walk.t
            if t == walk.end:
                return trace
            node = self.nodes[t] = walk.choose()
            step = method.attempt(f, t, node.h, y, k1, options)
            error = float(step.error.detach()) / max(1.0, step.noise)
            finite = math.isfinite(error) and bool(torch.isfinite(step.y_new).all())
            failures = 0 if finite else failures + 1
            if failures > (0 if self.fixed else MAX_FAILURES):
                trace.message = _unbounded(t + node.h, self.fixed)
                return trace
            if not finite or (error > 1 and not self.fixed):
                trace.rejected += 1
                if walk.too_small:
                    trace.message = _too_small(t, node.h, options.rtol)
                    return trace
                walk.reject(error if finite else None)
                continue
            walk.accept(error)
            k1, y = trace.take(method, f, step, saves, walk.t), step.y_new
            keep.take(len(trace.h), y)
        if walk.t != walk.end:
            trace.message = (
                f"stopped at t = {walk.t:.6g} of {walk.end:.6g} after max_steps = {options.max_steps} steps; "
                "increase max_steps, or loosen the tolerances"
            )
        return trace

    def check_start(self, y0: Tensor, t0: float) -> None:
        """Where no step was accepted: are f and g finite at the start? Raises SolveError that names what is not."""
        f = self.field()
        with torch.no_grad():
            for net, value in ((self.net, f(t0, y0)), (self.diffusion, f.g(t0, y0))):
                if not bool(torch.isfinite(value).all()):
                    refuse_nonfinite(net, y0, t0)


def _unbounded(t: float, fixed: float) -> str:
    remedy = f"Is dt = {fixed:g} too long for stability?" if fixed else "Is the solution unbounded?"
    return f"the state is NaN or infinite near t = {t:.6g}; what was computed up to there is kept. {remedy}"


def _too_small(t: float, h: float, rtol: float) -> str:
    return (
        f"the step at t = {t:.6g} became too small ({h:.1e}): the networks may have a jump there; what was computed up to there is kept. "
        f"rtol = {rtol:g} may also be too tight"
    )
