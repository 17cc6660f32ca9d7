"""One step of an ESDIRK method on torch tensors, with gradients through the implicit function theorem.

    Y_i = base_i + gamma h f(t_i, Y_i),   base_i = y + h sum_(j<i) a_ij k_j,   k_i = (Y_i - base_i)/(gamma h),   y_new = Y_s

Newton's iteration runs without a graph, with df/dy of each sample as a dense matrix (so f of one sample must hardly depend on another). What
the way back needs is only the equation that Y_i solves:

    (I - gamma h df/dY)^T v = dL/dY_i     then dL/dbase_i = v,   dL/dp = gamma h (df/dp)^T v

so memory does not grow with the iterations. The solution v is checked against the true product with df/dY and corrected until it fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from symnum.errors import SolveError
from symnum.neural.control import noise_bound
from symnum.neural.explicit import Step, blend, combination, error_estimate, scaled_norm, weights_of
from symnum.neural.record import SolveOptions
from symnum.neural.vector_field import VectorField
from symnum.solvers.embedded.sdirk import SdirkTableau

IMPLICIT = {"KenCarp4": "kencarp4"}

ITERATIONS = 20  # of Newton's method; it stops where what is left is a share of the tolerance:
ENOUGH, PRECISE = (
    1e-4,
    1e-9,
)  # the second where gradients are wanted: those of the estimates see what is left, in units of E
SLOW = 0.3  # rate of convergence from which the next step has its own Jacobian
CORRECTIONS = 30


@dataclass
class Jacobian:
    """df/dy of each sample, (batch, n, n), where it was computed, and the LU factors of I - gamma h df/dy for one h."""

    matrix: Tensor
    current: bool = True
    slow: bool = False
    shift: float = 0.0
    factors: Any = None

    def solve(self, shift: float, right: Tensor) -> Tensor:
        """(I - shift J)^-1 right, for right of the state's shape."""
        if shift != self.shift:
            identity = torch.eye(self.matrix.shape[-1], dtype=self.matrix.dtype, device=self.matrix.device)
            self.factors, self.shift = torch.linalg.lu_factor(identity - shift * self.matrix), shift
        columns = right.reshape(*self.matrix.shape[:2], 1)
        made: Tensor = torch.linalg.lu_solve(*self.factors, columns).reshape(right.shape)
        return made


class ImplicitMethod:
    """An ESDIRK method, stiffly accurate, with cubic Hermite interpolation between the steps."""

    implicit = True
    size = 1.0  # it has no bounded stability region: S_j is the plain ratio of the last two stages

    def __init__(self, name: str) -> None:
        tableau: SdirkTableau = import_module(f"symnum.solvers.embedded.methods.{IMPLICIT[name]}").TABLEAU
        self.name, self.order, self.estimate_order = name, tableau.order, tableau.embedded_order + 1
        self.gamma, self.nodes = float(tableau.gamma), [float(c) for c in tableau.c]
        self.rows = [weights_of(row) for row in tableau.a]
        self.error_row = weights_of(tableau.error)

    def attempt(self, f: VectorField, t: float, h: float, y: Tensor, k1: Tensor, options: SolveOptions) -> Step:
        """The step and its error estimate; NaN where Newton's iteration failed."""
        slopes, states = [k1], [y]
        for i, row in enumerate(self.rows, start=1):
            base = combination(y, h, row, slopes)
            time, shift = t + self.nodes[i] * h, self.gamma * h
            with torch.no_grad():
                solved = self._newton(f, (t, y.detach()), time, shift, base.detach(), slopes[-1].detach(), options)
            if solved is None:
                return Step(t, h, y, y, slopes, torch.full((), torch.nan, dtype=y.dtype, device=y.device))
            stage = attach(f, time, shift, base, solved) if torch.is_grad_enabled() else solved
            states.append(stage)
            slopes.append((stage - base) / shift)
        error, noise = error_estimate(f, y, states[-1], h, self.error_row, slopes, options)
        pair = (slopes[-1], slopes[-2], states[-1], states[-2])
        return Step(t, h, y, states[-1], slopes, error, noise, pair)

    def finish(self, f: VectorField, step: Step) -> Tensor:
        """The slope at the end of an accepted step."""
        return step.slopes[-1]

    def dense(self, f: VectorField, step: Step, theta: Tensor) -> Tensor:
        """States (m, *state) at shares theta of the step: the cubic through both ends with both slopes."""
        s = theta.unsqueeze(-1)
        weights = torch.cat([s * s * (3 - 2 * s), s * (1 - s) ** 2, s * s * (s - 1)], dim=-1)
        secant = (step.y_new - step.y) / step.h
        return blend(step.y, step.h, weights, [secant, step.slopes[0], step.slopes[-1]])

    def _newton(
        self,
        f: VectorField,
        start: tuple[float, Tensor],
        time: float,
        shift: float,
        base: Tensor,
        slope: Tensor,
        options: SolveOptions,
    ) -> Tensor | None:
        """Y of Y = base + shift f(time, Y); with a fresh Jacobian where an older one does not serve. None: it did not converge."""
        known: Jacobian | None = f.memory.get("jacobian")
        if known is None or known.slow or known.matrix.dtype != base.dtype:
            known = f.memory["jacobian"] = jacobian(f, *start)
        found = self._iterate(f, known, time, shift, base, slope, options)
        if found is None and not known.current:
            known = f.memory["jacobian"] = jacobian(f, *start)
            found = self._iterate(f, known, time, shift, base, slope, options)
        known.current = False
        return found

    def _iterate(
        self,
        f: VectorField,
        known: Jacobian,
        time: float,
        shift: float,
        base: Tensor,
        slope: Tensor,
        options: SolveOptions,
    ) -> Tensor | None:
        y, before, rate = base + shift * slope, 0.0, 1.0
        enough = PRECISE if f.precise else ENOUGH
        smallest = 10 * noise_bound(options, torch.finfo(y.dtype).eps)
        for iteration in range(ITERATIONS):
            change = known.solve(shift, base + shift * f(time, y) - y)
            y = y + change
            size = float(scaled_norm(f, change, y, y, options)[0])
            if iteration:
                rate = size / before if before else 0.0
            if size <= smallest or (iteration and rate < 1 and size * rate / (1 - rate) <= enough):
                known.slow = rate > SLOW
                return y
            if not size < 1e30 or rate > (2.0 if iteration < 3 else 0.9):
                break
            before = size
        known.slow = True
        return None


def attach(f: VectorField, time: float, shift: float, base: Tensor, solved: Tensor) -> Tensor:
    """``solved``, with the gradient of Y = base + shift f(time, Y)."""
    right = torch.add(base, f(time, solved), alpha=shift)
    if not right.requires_grad:
        return solved

    def implicit(gradient: Tensor) -> Tensor:
        return _transposed(f, time, shift, solved, gradient)

    right.register_hook(implicit)
    return right + (solved - right.detach())


def _transposed(f: VectorField, time: float, shift: float, y: Tensor, gradient: Tensor) -> Tensor:
    """v of (I - shift df/dy)^T v = gradient."""
    with torch.enable_grad():
        y = y.detach().requires_grad_()
        value = f(time, y)
    if not value.requires_grad:
        return gradient
    matrix = _rows(value, y).transpose(1, 2)
    solver = Jacobian(matrix)
    v = solver.solve(shift, gradient)
    enough = 100 * torch.finfo(y.dtype).eps * float(gradient.norm())
    for _ in range(CORRECTIONS):
        (product,) = torch.autograd.grad(value, y, v, retain_graph=True, allow_unused=True, materialize_grads=True)
        rest = gradient - v + shift * product
        if float(rest.norm()) <= enough + 1e-12 * float(v.norm()):
            return v
        v = v + solver.solve(shift, rest)
    raise SolveError(
        "the gradient of an implicit step cannot be solved for: the samples of the batch depend on each other in f; "
        "take an explicit method, or give the batch as one sample, y0 of shape (n,)"
    )


def jacobian(f: VectorField, t: float, y: Tensor) -> Jacobian:
    """df/dy of each sample at (t, y)."""
    with torch.enable_grad():
        y = y.detach().requires_grad_()
        value = f(t, y)
    if not value.requires_grad:
        batch, n = _sizes(y)
        return Jacobian(torch.zeros(batch, n, n, dtype=y.dtype, device=y.device))
    return Jacobian(_rows(value, y).detach())


def _rows(value: Tensor, y: Tensor) -> Tensor:
    """(batch, n, n): [b, i, j] = d value_i/d y_j of sample b."""
    batch, n = _sizes(y)
    unit = torch.eye(n, dtype=y.dtype, device=y.device).reshape(n, 1, n).expand(n, batch, n).reshape(n, *y.shape)
    (found,) = torch.autograd.grad(
        value, y, unit, retain_graph=True, is_grads_batched=True, allow_unused=True, materialize_grads=True
    )
    return found.reshape(n, batch, n).transpose(0, 1)


def _sizes(y: Tensor) -> tuple[int, int]:
    """(samples, numbers of each): a state without a batch is one sample."""
    batch = y.shape[0] if y.ndim > 1 else 1
    return batch, y.numel() // batch


@cache
def implicit_method(name: str) -> ImplicitMethod:
    """The method of a name of ``IMPLICIT``."""
    return ImplicitMethod(name)
