"""A step of a stochastic method on torch tensors, with its estimates. Formulas and coefficients are those of ``solvers.embedded.stochastic``.

E_j = rms((h (sum_i alpha_i f_i - f_1) + sum_i (beta3_i I10/h + beta4_i I111/h) g_i) / (atol + rtol max(|y_j|, |y_(j+1)|)))      SOSRI, SRIW1
S_j = rms(f_p - f_q) / rms(H0_p - H0_q) / size         the last two stages that f is evaluated at; size: stability of the drift
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Any

import torch
from torch import Tensor

from symnum.errors import SolveError
from symnum.neural.explicit import Step, scaled_norm
from symnum.neural.record import SolveOptions
from symnum.neural.stochastic_path import OWN, Node, Path
from symnum.neural.vector_field import VectorField
from symnum.solvers.embedded.stochastic.method import stochastic_methods

# Stages of S_j (counted from 0) and its size: where the drift alone is stable on the negative axis, |1 + z alpha^T (I - z A0)^-1 1| <= 1.
PAIRS = {"SOSRI": (3, 2, 9.84), "SRIW1": (1, 0, 2.0)}
METHODS = (*PAIRS, "EM", "Milstein")


class StochasticField(VectorField):
    """Drift f(t, y), diffusion g(t, y), and the path.

    Args:
        drift, diffusion: functions of (t, y), or of y alone where not ``timed``, ``diffusion_timed``.
        nodes: t_j -> the node of the step that begins there; any other step has one of its own, independent of the solve's.
    """

    def __init__(
        self,
        drift: Callable[..., Any],
        timed: bool,
        diffusion: Callable[..., Any],
        diffusion_timed: bool,
        path: Path,
        nodes: dict[float, Node],
    ) -> None:
        super().__init__(drift, timed)
        self.noise, self.noise_timed, self.path, self.nodes = diffusion, diffusion_timed, path, nodes
        self.checked = False

    def g(self, t: float, y: Tensor) -> Tensor:
        """The diffusion."""
        value = self.noise(torch.tensor(t, dtype=y.dtype, device=y.device), y) if self.noise_timed else self.noise(y)
        if not self.checked:
            check_diffusion(value, y)
            self.checked = True
        made: Tensor = value
        return made


def check_diffusion(value: Any, y: Tensor) -> None:
    """g gives a tensor of y's shape, dtype and device. Raises SolveError."""
    if not isinstance(value, Tensor):
        raise SolveError(f"the diffusion gave a {type(value).__name__}, not a tensor; return g(t, y), a tensor like y")
    if value.shape != y.shape:
        raise SolveError(
            f"the diffusion gave the shape {tuple(value.shape)} for a state of shape {tuple(y.shape)}; noise is diagonal here, "
            "one Wiener process for each number of the state: return a tensor like y (shared processes, a matrix for each sample, are not supported; "
            "sn.SDESystem has them)"
        )
    for what, seen, expected in (("dtype", value.dtype, y.dtype), ("device", value.device, y.device)):
        if seen != expected:
            raise SolveError(f"the diffusion gave g of {what} {seen} for a state of {what} {expected}")


@dataclass
class StochasticStep(Step):
    """``node``: the interval of the path that it covers."""

    node: Node | None = None


class StochasticMethod:
    """A method for dy = f dt + g dW, diagonal, as ``march.retrace`` and ``regularise`` want one."""

    implicit = False

    def __init__(self, name: str) -> None:
        self.name, method = name, stochastic_methods()[name]
        self.order, self.adaptive = method.strong, not method.fixed_step
        self.first, self.second, self.size = PAIRS.get(name, (0, 0, 1.0))
        self.scheme: Any = method.step

    def attempt(
        self, f: StochasticField, t: float, h: float, y: Tensor, k1: Tensor, options: SolveOptions
    ) -> StochasticStep:
        """The step over the node that begins at t, with its estimate."""
        return self.over(f, f.nodes.get(t) or Node(OWN, 0, 0, h), 1.0, t, h, y, k1, options)

    def over(
        self, f: Any, node: Node, share: float, t: float, h: float, y: Tensor, k1: Tensor, options: SolveOptions | None
    ) -> StochasticStep:
        """A step over a share of a node, h long. Without options: no estimate."""
        w, a = f.path.over(node, share, y)
        make = self._runge_kutta if self.adaptive else self._euler
        step, estimate = make(f, t, h, y, k1, w, a)
        step.node = node
        if options is not None and estimate is not None:
            step.error, step.noise = scaled_norm(f, estimate, y, step.y_new, options)
        return step

    def finish(self, f: StochasticField, step: Step) -> Tensor:
        """The drift at the end of an accepted step, k_1 of the next."""
        return f(step.t + step.h, step.y_new)

    def dense(self, f: StochasticField, step: StochasticStep, theta: Tensor) -> Tensor:
        """States (m, *state) at shares theta (m,) of the step: each by a step of its own from the step's beginning, along the same path."""
        assert step.node is not None
        rows = [
            self.over(f, step.node, share, step.t, share * step.h, step.y, step.slopes[0], None).y_new
            for share in theta.tolist()
        ]
        return torch.stack(rows)

    def _euler(
        self, f: StochasticField, t: float, h: float, y: Tensor, k1: Tensor, w: Tensor, _a: Tensor
    ) -> tuple[StochasticStep, Tensor | None]:
        """y + h f + g W; Milstein adds g dg/dy (W^2 - h)/2."""
        if self.name == "EM":
            y_new = torch.add(y, k1, alpha=h) + f.g(t, y) * w
        else:
            g, correction = with_correction(lambda state: f.g(t, state), y)
            y_new = torch.add(y, k1, alpha=h) + g * w + correction * (0.5 * (w * w - h))
        return StochasticStep(t, h, y, y_new, [k1], y.new_zeros(()), pair=(k1, k1, y, y)), None

    def _runge_kutta(
        self, f: StochasticField, t: float, h: float, y: Tensor, k1: Tensor, w: Tensor, a: Tensor
    ) -> tuple[StochasticStep, Tensor | None]:
        scheme, root = self.scheme, sqrt(h)
        tableau = scheme.tableau
        slopes, arguments, noises = {"f1": k1}, {"f1": y}, list[Tensor]()
        for i in range(tableau.stages):
            name = scheme.slope[i]
            if name and name not in slopes:
                state = weighted(y, h, scheme.drift_weights(tableau.a0[i]), slopes)
                moved = mixed(tableau.b0[i], noises)
                arguments[name] = state if moved is None else state + a * moved
                slopes[name] = f(t + float(scheme.c0[i]) * h, arguments[name])
            state = weighted(y, h, scheme.drift_weights(tableau.a1[i]), slopes)
            moved = mixed(tableau.b1[i], noises)
            noises.append(
                f.g(t + float(scheme.c1[i]) * h, state if moved is None else torch.add(state, moved, alpha=root))
            )
        sums = [mixed(row, noises) for row in (tableau.beta1, tableau.beta2, tableau.beta3, tableau.beta4)]
        y_new, estimate = self._together(h, y, slopes, sums, w, a)
        p, q = f"f{self.first + 1}", f"f{self.second + 1}"
        pair = (slopes[p], slopes[q], arguments[p], arguments[q])
        return StochasticStep(t, h, y, y_new, [*slopes.values()], y.new_zeros(()), pair=pair), estimate

    def _together(
        self, h: float, y: Tensor, slopes: dict[str, Tensor], sums: list[Any], w: Tensor, a: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The new state and the estimate: what I10, I111 and the drift beyond Euler's bring."""
        root, weights = sqrt(h), self.scheme.drift_weights()
        square = w * w
        difference = a * sums[2] + (square / (6 * h) - 0.5) * w * sums[3]
        new = weighted(y, h, weights, slopes) + w * sums[0] + (square * (0.5 / root) - 0.5 * root) * sums[1]
        beyond = {**weights, "f1": weights.get("f1", 0) - 1}
        return new + difference, weighted(difference, h, beyond, slopes)


@cache
def stochastic_method(name: str) -> StochasticMethod:
    """The method of a name of ``METHODS``."""
    return StochasticMethod(name)


def weighted(y: Tensor, h: float, weights: dict[str, Any], slopes: dict[str, Tensor]) -> Tensor:
    """y + h sum c f."""
    total = y
    for name, c in weights.items():
        total = torch.add(total, slopes[name], alpha=h * float(c))
    return total


def mixed(row: tuple[Any, ...], noises: list[Tensor]) -> Tensor | None:
    """sum b g; None where all weights are 0."""
    total: Tensor | None = None
    for b, g in zip(row, noises, strict=False):
        if b:
            total = float(b) * g if total is None else torch.add(total, g, alpha=float(b))
    return total


def with_correction(g: Callable[[Tensor], Tensor], y: Tensor) -> tuple[Tensor, Tensor]:
    """g(y) and g_i dg_i/dy_i, for g_i that depends on y_i alone; with a graph where y or g has a gradient to take."""
    graph = torch.is_grad_enabled() and (y.requires_grad or g(y).requires_grad)
    with torch.inference_mode(False), torch.enable_grad():
        state = y if graph and y.requires_grad else y.detach().clone().requires_grad_()
        value = g(state)
        if not value.requires_grad:
            return value, torch.zeros_like(value)
        weight = value if graph else value.detach()
        (product,) = torch.autograd.grad(value, state, weight, create_graph=graph, materialize_grads=True)
    return (value, product) if graph else (value.detach(), product)
