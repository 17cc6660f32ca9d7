"""Algebraic unknowns as functions of the others, with their gradient.

    0 = g(t, x, z; p)     z from x by Newton's method;     dz = -(dg/dz)^-1 (dg/dx dx + dg/dp dp)

At the start and at save times: there the solution of a system with algebraic equations needs no slopes of z.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse.linalg import splu
from torch import Tensor

from symnum.codegen.target import CompiledKernel
from symnum.errors import SolveError
from symnum.neural.transposed import CORRECTIONS, ENOUGH, Transposed
from symnum.solvers.jacobian import FixedJacobian
from symnum.solvers.problem import Problem

Array = NDArray[np.float64]
RTOL, ATOL, ROUND_OFF, TINY = 1e-8, 1e-10, 1e-14, 1e-14
ITERATIONS = 12  # of Newton's method near the solution


class Constraints:
    """rows = constraints(times, rows, p): (m,) times, (m, n) states, (count,) parameters; x is kept, z solved for. NaN rows stay."""

    def __init__(self, problem: Problem, vjp: CompiledKernel) -> None:
        assert problem.differential is not None
        self.problem, self.vjp, self.z = problem, vjp, np.flatnonzero(~problem.differential)

    def __call__(self, times: Array, rows: Tensor, p: Tensor) -> Tensor:
        made: Tensor = _Rows.apply(self, times, rows, p)
        return made

    def solved(self, times: Array, rows: Array, p: Array) -> Array:
        """Raises SolveError where there is no z."""
        from symnum.solvers.consistent import consistent_start
        from symnum.solvers.jacobian import fixed_jacobian

        self.problem.parameters[:] = p
        jacobian = fixed_jacobian(self.problem)
        assert jacobian is not None
        made = np.array(rows)
        for k in np.flatnonzero(np.isfinite(rows).all(axis=1)):
            t = float(times[k])
            if not self._polished(t, made[k], jacobian):
                found = consistent_start(self.problem, t, rows[k], jacobian, RTOL, ATOL)
                made[k] = found.y
                if found.message or not self._polished(t, made[k], jacobian):
                    raise SolveError(
                        f"at t = {t:.6g} {found.message or 'the algebraic equations have no solution nearby'}"
                    )
        return made

    def _polished(self, t: float, y: Array, jacobian: FixedJacobian) -> bool:
        """Newton's iteration from a state nearby, in place, to round-off; False where it does not converge."""
        z, out, data, before = self.z, np.empty(len(y)), np.empty(jacobian.nnz), np.inf
        for _ in range(ITERATIONS):
            self.problem.rhs(t, y, out)
            jacobian.fill(t, y, data)
            try:
                step = splu(jacobian.matrix(data)[:, z][z].tocsc()).solve(-out[z])
            except RuntimeError:  # exactly singular
                return False
            size = float(np.linalg.norm(step))
            scale = float(np.linalg.norm(y[z]))
            if not np.isfinite(size):
                return False
            if size > 0.5 * before:  # it comes no closer
                return size <= RTOL * scale
            y[z] += step
            if size <= ROUND_OFF * scale + TINY:
                return True
            before = size
        return False

    def pulled(self, times: Array, rows: Array, p: Array, given: Array) -> tuple[Array, Array]:
        """Gradients by rows and parameters, from those by what ``solved`` gave."""
        transposed = Transposed(self.problem, self.vjp, p)
        by_rows = np.array(given)
        for k in np.flatnonzero(given[:, self.z].any(axis=1)):
            by_rows[k] += transposed.pull(
                float(times[k]), rows[k], self._multipliers(transposed, float(times[k]), rows[k], given[k])
            )
            by_rows[k, self.z] = 0.0
        return by_rows, transposed.by_parameter

    def _multipliers(self, transposed: Transposed, t: float, y: Array, given: Array) -> Array:
        """v of (dg/dz)^T v_z = -zbar, v_x = 0; corrected with the exact product."""
        z, jacobian = self.z, transposed.jacobian
        jacobian.fill(t, y, transposed.data)
        factors = splu(jacobian.matrix(transposed.data)[:, z][z].tocsc())
        v, rest, size = np.zeros(len(y)), -given[z], float(np.linalg.norm(given[z]))
        for _ in range(CORRECTIONS):
            v[z] += factors.solve(rest, trans="T")
            rest = -given[z] - transposed.product(t, y, v)[z]
            if float(np.linalg.norm(rest)) <= ENOUGH * size:
                break
        return v


class _Rows(torch.autograd.Function):
    """(constraints, times, rows, p) -> rows."""

    @staticmethod
    def forward(ctx: Any, constraints: Constraints, times: Array, rows: Tensor, p: Tensor) -> Tensor:
        ctx.constraints, ctx.times, ctx.p = constraints, times, np.array(p.detach().numpy())
        ctx.rows = constraints.solved(times, rows.detach().numpy(), ctx.p)
        return torch.from_numpy(np.array(ctx.rows))

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        by_rows, by_parameter = ctx.constraints.pulled(ctx.times, ctx.rows, ctx.p, gradient.numpy())
        return None, None, torch.from_numpy(by_rows), torch.from_numpy(by_parameter)
