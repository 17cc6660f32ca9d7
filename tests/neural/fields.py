"""A small time-dependent network, and difference quotients over replayed steps."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch


class TimedNet(torch.nn.Module):
    """dy/dt = W2 tanh(W1 (y^3, t) + b1) + b2, float64."""

    def __init__(self, dim: int = 2, width: int = 12, seed: int = 0, scale: float = 1.0) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.inner = torch.nn.Linear(dim + 1, width, dtype=torch.float64)
        self.outer = torch.nn.Linear(width, dim, dtype=torch.float64)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter *= scale

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.outer(torch.tanh(self.inner(torch.cat([y**3, t.expand(len(y), 1)], dim=1))))


def worst_difference(
    loss: Callable[[], torch.Tensor],
    variables: Sequence[torch.Tensor],
    gradients: Sequence[torch.Tensor],
    steps: Sequence[float] = (3e-4,),
) -> float:
    """The largest relative deviation of a gradient from the difference quotient of order 4 along one random direction, variable by variable.

    Of several steps the best counts: too long a one has an error of its own, too short a one round-off.
    ``loss()`` is evaluated without gradients, with the variables moved in place.
    """
    worst = 0.0
    generator = torch.Generator().manual_seed(5)
    for variable, gradient in zip(variables, gradients, strict=True):
        direction = torch.randn(variable.shape, generator=generator, dtype=torch.float64)
        direction /= direction.norm()
        exact, kept, found = float((gradient * direction).sum()), variable.detach().clone(), []
        for step in steps:
            values = []
            with torch.no_grad():
                for share in (-2, -1, 1, 2):
                    variable.copy_(kept + share * step * direction)
                    values.append(float(loss()))
                variable.copy_(kept)
            quotient = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
            found.append(abs(quotient - exact) / max(abs(exact), 1e-2 * float(gradient.norm())))
        worst = max(worst, min(found))
    return worst


def difference(
    loss: Callable[[], torch.Tensor],
    variables: Sequence[torch.Tensor],
    gradients: Sequence[torch.Tensor],
    steps: Sequence[float] = (3e-4,),
) -> float:
    """As ``worst_difference``, along one direction of all variables together, in which each has its share of the slope."""
    generator = torch.Generator().manual_seed(6)
    directions = [torch.randn(v.shape, generator=generator, dtype=torch.float64) for v in variables]
    slopes = [abs(float((g * d).sum())) for g, d in zip(gradients, directions, strict=True)]
    directions = [d / max(s, 1e-30) if s else 0 * d for d, s in zip(directions, slopes, strict=True)]
    length = sum(float((d * d).sum()) for d in directions) ** 0.5
    directions = [d / length for d in directions]
    exact = sum(float((g * d).sum()) for g, d in zip(gradients, directions, strict=True))
    size = sum(s / length for s in slopes if s)  # the slopes may cancel, this does not
    kept, found = [v.detach().clone() for v in variables], []
    for step in steps:
        values = []
        with torch.no_grad():
            for share in (-2, -1, 1, 2):
                for v, k, d in zip(variables, kept, directions, strict=True):
                    v.copy_(k + share * step * d)
                values.append(float(loss()))
            for v, k in zip(variables, kept, strict=True):
                v.copy_(k)
        quotient = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * step)
        found.append(abs(quotient - exact) / max(abs(exact), 0.1 * size))
    return min(found)
