"""A system solved by an ESDIRK method in machine code, with the exact gradient of the steps that were taken.

    k_i = f(t_i, Y_i),   Y_i = y + h sum_(j<i) a_ij k_j + gamma h k_i,   y_new = Y_s,   k_1: the last slope of the step before

Forward is the driver of ``solvers.embedded`` with its linear solver; each accepted step is kept with its slopes. Backward, from the last stage to the
first, with kbar_i what is given by k_i (and, for i = s, gamma h times what is given by y_new),

    (M - gamma h J_i)^T v_i = kbar_i,   kbar_j += h a_ij J_i^T v_i (j < i),   ybar += J_i^T v_i,   pbar += (df/dp)^T v_i,   J_i = df/dy(t_i, Y_i)

as the implicit function theorem says; M is the identity, with zeros in the rows of algebraic equations. The solves are those of ``transposed``,
algebraic unknowns at the start and at save times those of ``constraints``. Memory: (stages + 1) n numbers a step.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.codegen.target import CompiledKernel, compile_kernel
from symnum.ir.system import SemiDiscreteSystem
from symnum.ir.vjp import vjp_kernel
from symnum.neural.implicit import IMPLICIT
from symnum.neural.record import Record, SolveOptions, Stats
from symnum.neural.transposed import Transposed
from symnum.solvers.embedded.method import Method, methods
from symnum.solvers.embedded.sdirk import SdirkTableau
from symnum.solvers.problem import Options, Outcome, Problem

if TYPE_CHECKING:
    from symnum.neural.constraints import Constraints

Array = NDArray[np.float64]

NEWTON_SHARE = (
    1e-4  # of the tolerance that Newton's iteration may miss a stage by: the gradient takes stages for solved
)


@cache
def recorded(name: str) -> tuple[Method, SdirkTableau]:
    """The method with all its slopes kept."""
    method = methods()[name]
    tableau: SdirkTableau = import_module(f"symnum.solvers.embedded.methods.{IMPLICIT[name]}").TABLEAU
    inner = tuple(f"k{i}" for i in range(2, tableau.stages))
    kept = ("slope_new", *inner, "slope")  # names after a step is accepted
    parts = replace(method.parts, name=f"{method.parts.name}_record", kept=kept)
    return replace(method, parts=parts), tableau


class StiffSystem:
    """A semi-discrete system, compiled for implicit methods: the problem with its Jacobian, and products from the left."""

    def __init__(self, semi: SemiDiscreteSystem) -> None:
        from symnum.pipeline import Discretised, _problem

        made = Discretised(semi, simplify=False)
        self.problem: Problem = _problem(made)
        self.vjp: CompiledKernel = compile_kernel(vjp_kernel(semi.rhs))
        self.constraints = _constraints(self.problem, self.vjp) if semi.algebraic else None

    def solve(self, parameters: Tensor, y0: Tensor, times: Array, options: SolveOptions) -> Record:
        """From times[0] to times[-1]; rows, errors, stiffness and states have gradients by y0 and the parameters.

        With algebraic equations the estimates are without: they hold slopes of algebraic unknowns, which nothing else does.
        """
        constraints = self.constraints
        if constraints is None:
            return self._solve(parameters, y0, times, options)
        record = self._solve(parameters, constraints(times[:1], y0[None], parameters)[0], times, options)
        record.y = constraints(times, record.y, parameters)
        record.errors, record.stiffness = record.errors.detach(), record.stiffness.detach()
        return record

    def _solve(self, parameters: Tensor, y0: Tensor, times: Array, options: SolveOptions) -> Record:
        run = _Run(self, parameters.detach().numpy(), y0.detach().numpy(), times, options)
        states, slopes = _Function.apply(run, y0, parameters)
        return run.record(states, slopes)


def _constraints(problem: Problem, vjp: CompiledKernel) -> Constraints:
    from symnum.neural.constraints import Constraints  # SciPy's sparse solvers

    return Constraints(problem, vjp)


class _Function(torch.autograd.Function):
    """(run, y0, parameters) -> states (n + 1, N), slopes (n, stages, N)."""

    @staticmethod
    def forward(ctx: Any, run: _Run, y0: Tensor, parameters: Tensor) -> tuple[Tensor, ...]:
        ctx.run = run
        ctx.set_materialize_grads(False)
        return torch.from_numpy(run.states), torch.from_numpy(run.slopes)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *given: Tensor | None) -> tuple[Tensor | None, ...]:
        run: _Run = ctx.run
        numbers = [
            np.zeros_like(a) if g is None else g.numpy() for g, a in zip(given, (run.states, run.slopes), strict=True)
        ]
        by_start, by_parameter = run.backward(*numbers)
        return None, torch.from_numpy(by_start), torch.from_numpy(by_parameter)


class _Run:
    """One solve, and what its gradient needs.

    Attributes: ``t`` (n + 1,), ``h`` (n,), ``states`` (n + 1, N), ``slopes`` (n, stages, N).
    """

    def __init__(self, system: StiffSystem, p: Array, y0: Array, times: Array, options: SolveOptions) -> None:
        from symnum.solvers.embedded.solve import Run

        self.system, self.times, self.options = system, times, options
        self.p = np.array(p, dtype=np.float64)
        method, self.tableau = recorded(options.method)
        begin, end = float(times[0]), float(times[-1])
        low, high = sorted((begin, end))
        jumps = tuple(b for b in system.problem.breakpoints if low < b < high)
        system.problem.parameters[:] = self.p
        problem = replace(system.problem, y0=np.array(y0), t0=begin, t1=end, breakpoints=jumps)
        given = Options(options.method, options.rtol, options.atol, every_step=True, dense=True, dt=options.dt)
        run = Run(problem, replace(given, max_steps=options.max_steps), method=method)
        run.machine["newton_share"] = NEWTON_SHARE
        self.outcome: Outcome = run.solve()
        self.t, self.states, self.slopes = run.record.steps()
        self.h = np.diff(self.t)
        self.segments = problem.segments
        self.fresh = {0, *np.flatnonzero(np.isin(self.t[:-1], jumps)).tolist()}  # steps whose k_1 is f(t, y)

    def record(self, states: Tensor, slopes: Tensor) -> Record:
        """Rows, error and stiffness estimates from states and slopes, by torch."""
        outcome = self.outcome
        counts = (int(outcome.stats[name]) for name in ("rhs_evaluations", "steps", "rejected"))
        return Record(
            y=self._rows(states, slopes),
            t=self.t.tolist(),
            h=self.h.tolist(),
            errors=self._errors(states, slopes),
            stiffness=self._stiffness(states, slopes),
            states=states,
            stats=Stats(*counts),
            success=outcome.success,
            message=outcome.message,
        )

    def _rows(self, states: Tensor, slopes: Tensor) -> Tensor:
        """Cubic Hermite between the ends of a step."""
        sign = 1.0 if self.times[-1] >= self.times[0] else -1.0
        reached = int(np.searchsorted(sign * self.times, sign * self.t[-1], side="right"))
        rows = states.new_full((len(self.times), states.shape[1]), torch.nan)
        if not len(self.h):
            rows[0] = states[0]
            return rows
        times = self.times[:reached]
        step = np.maximum(np.searchsorted(sign * self.t, sign * times, side="left") - 1, 0)
        h = self.h[step]
        s = (times - self.t[step]) / h
        weights = (1 - s * s * (3 - 2 * s), s * s * (3 - 2 * s), h * s * (1 - s) ** 2, h * s * s * (s - 1))
        vectors = (states[step], states[step + 1], slopes[step, 0], slopes[step, -1])
        rows[:reached] = sum(torch.from_numpy(w)[:, None] * v for w, v in zip(weights, vectors, strict=True))
        return rows

    def _errors(self, states: Tensor, slopes: Tensor) -> Tensor:
        """E_j."""
        estimate = torch.einsum("i,jin->jn", _tensor(self.tableau.error), slopes) * torch.from_numpy(self.h)[:, None]
        scale = self.options.atol + self.options.rtol * torch.maximum(states[:-1].abs(), states[1:].abs())
        return _norm(estimate / scale)

    def _stiffness(self, states: Tensor, slopes: Tensor) -> Tensor:
        """S_j: the last two stages."""
        s, row = self.tableau.stages, [*self.tableau.a[-2], self.tableau.gamma]
        stage = (
            states[:-1]
            + torch.einsum("i,jin->jn", _tensor(row), slopes[:, : s - 1]) * torch.from_numpy(self.h)[:, None]
        )
        above, below = _norm(slopes[:, -1] - slopes[:, -2]), _norm(states[1:] - stage)
        known, one = (below > 0) & torch.isfinite(above) & torch.isfinite(below), torch.ones_like(below)
        return torch.where(known, torch.where(known, above, one) / torch.where(known, below, one), 0 * one)

    # --- the way back ---

    def backward(self, states: Array, slopes: Array) -> tuple[Array, Array]:
        """Gradients by y0 and the parameters, from those by states (n + 1, N) and slopes (n, stages, N)."""
        products = Transposed(self.system.problem, self.system.vjp, self.p)
        ybar, handed = np.zeros(states.shape[1]), np.zeros(states.shape[1])
        for j in reversed(range(len(self.h))):
            kbar = np.array(slopes[j])
            kbar[-1] += handed
            ybar = self._step(products, j, kbar, ybar + states[j + 1])
            handed = kbar[0]
            if j in self.fresh:
                ybar += products.pull(self._inside(j, self.t[j]), self.states[j], handed)
                handed = np.zeros_like(handed)
        return ybar + states[0], products.by_parameter

    def _step(self, products: Transposed, j: int, kbar: Array, given: Array) -> Array:
        """ybar of step j from that of its end; ``kbar`` of the first slope is left in its place."""
        tableau, h, y, k = self.tableau, self.h[j], self.states[j], self.slopes[j]
        shift = float(tableau.gamma) * h
        total = np.zeros_like(given)
        for i in reversed(range(1, tableau.stages)):
            row = np.array([float(a) for a in tableau.a[i - 1]])
            last = i == tableau.stages - 1
            stage = self.states[j + 1] if last else y + h * (row @ k[:i]) + shift * k[i]
            right = kbar[i] + shift * given if last else kbar[i]
            sent = products.solve(self._inside(j, self.t[j] + float(tableau.c[i]) * h), stage, shift, right)
            if last:
                sent = sent + given
            kbar[:i] += h * row[:, None] * sent
            total += sent
        return total

    def _inside(self, j: int, t: float) -> float:
        """A time of step j, moved into its open segment where the equations jump at an end."""
        middle = self.t[j] + self.h[j] / 2
        for ends in self.segments:
            low, high = sorted(ends)
            if low < middle < high:
                if t <= low and low != min(self.times[0], self.times[-1]):
                    return float(np.nextafter(low, high))
                if t >= high and high != max(self.times[0], self.times[-1]):
                    return float(np.nextafter(high, low))
        return float(t)


def _tensor(numbers: Any) -> Tensor:
    return torch.tensor([float(x) for x in numbers], dtype=torch.float64)


def _norm(rows: Tensor) -> Tensor:
    """rms along the last axis; a row of zeros has the gradient 0."""
    mean = rows.square().mean(dim=-1)
    return torch.where(mean > 0, torch.where(mean > 0, mean, torch.ones_like(mean)).sqrt(), 0 * mean)
