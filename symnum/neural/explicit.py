"""One step of an explicit Runge-Kutta pair on torch tensors, from the tableaus of the native solvers.

    k_i = f(t + c_i h, g_i),   g_i = y + h sum_(j<i) a_ij k_j,   y_new = g_s  (the last row of A is b),   k_1 of a step is k_s of the step before

Everything but t and h is a tensor with its gradient, k_1 among them: held constant, it would break the cancellation in sum e_i k_i, and the
gradient of E would be wrong by orders of magnitude. A sum of stages makes one new tensor and adds to it in place; addition keeps nothing for
the way back, so what a solve keeps in memory is what f keeps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from math import sqrt

import torch
from torch import Tensor

from symnum.errors import SolveError, did_you_mean
from symnum.neural import fused
from symnum.neural.control import NOISY, noise_bound
from symnum.neural.record import SolveOptions
from symnum.neural.vector_field import VectorField
from symnum.solvers.embedded.tableau import Tableau

Row = tuple[tuple[int, float], ...]  # the stages with a weight that is not zero

# Module, the two stages of S_j (counted from 0) and its size, the extent of the stability region along the negative axis.
EXPLICIT = {"Tsit5": ("tsit5", 6, 5, 3.5068), "Dopri5": ("dopri5", 6, 5, 3.3066), "Vern7": ("vern7", 9, 8, 4.64)}


@dataclass
class Step:
    """An attempted step from (t, y) of signed length h.

    Attributes:
        slopes: k_1 ... k_s; the last one is missing until ``finish`` where the estimate does not need it.
        error: E, without dimension. pair: (k_p, k_q, g_p, g_q) of the stiffness estimate. fast: can ``fused`` read what it is made of?
    """

    t: float
    h: float
    y: Tensor
    y_new: Tensor
    slopes: list[Tensor]
    error: Tensor
    noise: float = 0.0
    pair: tuple[Tensor, Tensor, Tensor, Tensor] | None = None
    extra: list[Tensor] = field(default_factory=list)
    fast: bool = False

    def differences(self) -> tuple[Tensor, Tensor]:
        """The norms of k_p - k_q and g_p - g_q."""
        assert self.pair is not None
        k_p, k_q, g_p, g_q = self.pair
        if self.fast:
            return fused.distance(k_p, k_q), fused.distance(g_p, g_q)
        return torch.dist(k_p, k_q), torch.dist(g_p, g_q)


class ExplicitPair:
    """An explicit pair with its continuous extension."""

    implicit = False

    def __init__(self, name: str) -> None:
        module, self.first, self.second, self.size = EXPLICIT[name]
        tableau: Tableau = import_module(f"symnum.solvers.embedded.methods.{module}").TABLEAU
        self.name, self.order, self.estimate_order = name, tableau.order, tableau.embedded_order + 1
        self.nodes = [float(c) for c in (*tableau.c, *tableau.extra_c)]
        self.rows = [weights_of(row) for row in tableau.a]
        self.extra_rows = [weights_of(row) for row in tableau.extra_a]
        self.error_row = weights_of(tableau.error)
        self.needs_last = bool(tableau.error[-1])  # else the last slope is evaluated once the step is accepted
        self.stages = tableau.stages
        self.dense_weights = _dense_weights(tableau)

    def attempt(self, f: VectorField, t: float, h: float, y: Tensor, k1: Tensor, options: SolveOptions) -> Step:
        """The step and its error estimate."""
        slopes, arguments, fast = [k1], {0: y}, fused.serves(y, (k1,))
        for i, row in enumerate(self.rows, start=1):
            g = fused.combination(y, h, row, slopes) if fast else combination(y, h, row, slopes)
            if i in (self.first, self.second):
                arguments[i] = g
            if i < self.stages - 1 or self.needs_last:
                slopes.append(f(t + self.nodes[i] * h, g))
                fast = fast and fused.alike(slopes[-1], y)
        if fast and f.counted is None:
            error, noise = fused_norm(y, g, h, self.error_row, slopes, options)
        else:
            error, noise = error_estimate(f, y, g, h, self.error_row, slopes, options)
        step = Step(t, h, y, g, slopes, error, noise, fast=fast)
        if self.first < len(slopes):
            step.pair = (slopes[self.first], slopes[self.second], arguments[self.first], arguments[self.second])
        return step

    def finish(self, f: VectorField, step: Step) -> Tensor:
        """The slope at the end of an accepted step."""
        if len(step.slopes) < self.stages:
            step.slopes.append(f(step.t + step.h, step.y_new))
        return step.slopes[-1]

    def dense(self, f: VectorField, step: Step, theta: Tensor) -> Tensor:
        """States (m, *state) at shares theta of the step, (m,) or (m, batch) of float64: y + h sum b_i(theta) k_i."""
        for c, row in zip(self.nodes[self.stages + len(step.extra) :], self.extra_rows[len(step.extra) :], strict=True):
            slopes = [*step.slopes, *step.extra]
            step.extra.append(f(step.t + c * step.h, combination(step.y, step.h, row, slopes)))
        powers = torch.stack([theta**p for p in range(1, len(self.dense_weights) + 1)], dim=-1)
        weights = powers @ self.dense_weights.to(theta.device)
        used = [i for i in range(weights.shape[-1]) if bool(self.dense_weights[:, i].any())]
        slopes = [*step.slopes, *step.extra]
        return blend(step.y, step.h, weights[..., used], [slopes[i] for i in used])


def _dense_weights(tableau: Tableau) -> Tensor:
    """(degree, stages): the coefficient of theta^(p + 1) in b_i."""
    degree = max(len(row) for row in tableau.dense)
    rows = [[float(b) for b in row] + [0.0] * (degree - len(row)) for row in tableau.dense]
    with torch.inference_mode(False):  # it is kept, also for solves with gradients
        return torch.tensor(rows, dtype=torch.float64, device="cpu").T.contiguous()


def weights_of(row: tuple[object, ...]) -> Row:
    """The entries that are not zero."""
    return tuple((j, float(a)) for j, a in enumerate(row) if a)  # type: ignore[arg-type]


@cache
def explicit_pair(name: str) -> ExplicitPair:
    """The pair of a name of ``EXPLICIT``."""
    if name not in EXPLICIT:
        raise SolveError(
            f"{name!r} is no explicit pair.{did_you_mean(name, EXPLICIT)} These are: {', '.join(EXPLICIT)}"
        )
    return ExplicitPair(name)


def combination(y: Tensor, h: float, row: Row, slopes: list[Tensor]) -> Tensor:
    """y + h sum_j a_j k_j, one new tensor."""
    (first, a), *rest = row
    total = torch.add(y, slopes[first], alpha=h * a)
    for j, a in rest:
        total.add_(slopes[j], alpha=h * a)
    return total


def stiffness(differences: list[tuple[Tensor, Tensor]], size: float) -> Tensor:
    """S_j from the two norms of each step: their ratio/size; 0 where the two stages coincide or it is not finite."""
    above, below = (torch.stack(column) for column in zip(*differences, strict=True))
    known = (below > 0) & torch.isfinite(above) & torch.isfinite(below)
    one = torch.ones_like(below)  # inside `where` too: a 0/0 that is not chosen would still give the gradient NaN
    return torch.where(known, torch.where(known, above, one) / torch.where(known, below, one), 0 * one) / size


def blend(y: Tensor, h: float, weights: Tensor, vectors: list[Tensor]) -> Tensor:
    """y + h sum_i w_i v_i for rows of weights: (m, n) weights for the whole state or (m, batch, n) by sample; gives (m, *state)."""
    weights = weights.to(y)
    if weights.ndim == 2:
        table = torch.stack(vectors).reshape(len(vectors), -1)
        return torch.addmm(y.reshape(1, -1), weights, table, alpha=h).reshape(-1, *y.shape)
    batch = y.shape[0]
    table = torch.stack(vectors, dim=1).reshape(batch, len(vectors), -1)  # (batch, n, rest)
    rows = torch.baddbmm(y.reshape(batch, 1, -1), weights.transpose(0, 1), table, alpha=h)
    return rows.transpose(0, 1).reshape(-1, *y.shape)


def error_estimate(
    f: VectorField, y: Tensor, y_new: Tensor, h: float, row: Row, slopes: list[Tensor], options: SolveOptions
) -> tuple[Tensor, float]:
    """E of a step, differentiable, and nu, the noise that round-off gives it (see ``control``)."""
    work = f.work(y)
    (first, e), *rest = row
    estimate = torch.mul(slopes[first], h * e, out=None if work is None else work[0])
    for j, e in rest:
        estimate.add_(slopes[j], alpha=h * e)
    return scaled_norm(f, estimate, y, y_new, options)


def fused_norm(
    y: Tensor, y_new: Tensor, h: float, row: Row, vectors: list[Tensor], options: SolveOptions
) -> tuple[Tensor, float]:
    """``scaled_norm`` of h sum_j e_j v_j, for a solve that keeps no graph."""
    error, size = fused.norm(y, y_new, h, row, vectors, options.rtol, options.atol)
    n, eps = y.numel(), torch.finfo(y.dtype).eps
    noise = eps * sqrt(size / n) if noise_bound(options, eps) > NOISY else 0.0
    return y.new_tensor(sqrt(error / n)), noise


def scaled_norm(
    f: VectorField, estimate: Tensor, y: Tensor, y_new: Tensor, options: SolveOptions
) -> tuple[Tensor, float]:
    """rms(estimate/(atol + rtol max(|y|, |y_new|))) over the numbers that count, and the noise nu in it."""
    if f.counted is None and fused.serves(y, (y_new, estimate)):
        return fused_norm(y, y_new, 1.0, ((0, 1.0),), [estimate], options)
    if f.counted is not None:
        estimate, y, y_new = estimate[: f.counted], y[: f.counted], y_new[: f.counted]
    work = f.work(y)
    ratio, one, other = (None, None, None) if work is None else work
    size = torch.abs(y_new, out=one)
    scale = torch.maximum(size, torch.abs(y, out=other), out=other).mul_(options.rtol).add_(options.atol)
    number = sqrt(max(1, estimate.numel()))
    error = torch.linalg.vector_norm(torch.div(estimate, scale, out=ratio)) / number
    eps = torch.finfo(y.dtype).eps
    if noise_bound(options, eps) <= NOISY:
        return error, 0.0
    with torch.no_grad():
        return error, eps * float(torch.linalg.vector_norm(torch.div(size, scale, out=one))) / number
