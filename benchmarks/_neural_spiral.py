"""Regularised fits of the spiral: fewer evaluations than without, at no worse a loss.

Truth: u' = A u^3, A = [[-0.1, 2], [-2, -0.1]], u(0) = (2, 0); with noise 0.2 u dW (number by number) for the stochastic one. Three seeds each.

ODE: 2-50-2 (tanh) on u^3, float64, Tsit5 at 1.4e-8, 30 points of t in [0, 1.5]; 4000 steps of Adam, its rate falling from 0.03 to 0.001, gradients
no longer than 1. The data are exact, or have noise of deviation 0.05. Loss: the mean square of the difference from the exact solution at 300 times.
The true system's evaluations are those of its own right-hand side at the same tolerance. With exact data the loss without a regulariser falls as long
as one trains, and evaluations rise as it does: they are bought with loss. With noise that is overfitting, and a regulariser helps both.

SDE: the drift as above, the diffusion a linear layer (2-2), SOSRI at 0.03, 9 times in [0, 1], 100 paths a step; loss: differences of mean and
variance from those of 4000 paths of the truth (A. Pal and others, ICML 2021, section 4.2). 400 steps of Adam, its rate falling from 0.02 to 0.001.
Tested on 2 x 2000 other paths, evaluations on 20 solves of 100 paths, the same paths with and without a regulariser.
"""

from __future__ import annotations

import statistics
import warnings
from typing import Any

import symnum as sn

from ._measure import bar
from ._neural_steps import spiral_network

SEEDS = (0, 1, 2)
Result = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def _cubes(y: Any) -> Any:
    import torch

    return y**3 @ torch.tensor([[-0.1, 2.0], [-2.0, -0.1]], dtype=torch.float64)


# --- the ordinary one -------------------------------------------------------------------------------------------------

ODE_STEPS, ODE_TOLERANCE, ODE_WEIGHT = 4000, 1.4e-8, (1e-2, 1e-3)


def spiral_ode() -> Result:
    """A row for each kind of data, with and without a regulariser."""
    import torch

    y0 = torch.tensor([[2.0, 0.0]], dtype=torch.float64)
    with torch.no_grad():
        truth = sn.neural.NeuralODE(_cubes, rtol=ODE_TOLERANCE, atol=ODE_TOLERANCE)(y0, [0.0, 1.5]).nfe
    rows: list[dict[str, Any]] = [{"problem": "spiral ODE", "data": "", "regulariser": "truth", "evaluations": truth}]
    by_noise = {}
    for noise in (0.0, 0.05):
        plain, regularised = (_ode_row(noise, kind) for kind in (None, "error"))
        rows += [plain, regularised]
        by_noise[noise] = plain, regularised
    plain, regularised = by_noise[0.05]
    return rows, [
        bar("spiral ODE, noisy data, loss with 'error', over that without", regularised["loss"] / plain["loss"], 1.0),
        *(
            bar(f"spiral ODE, {which} data, evaluations with 'error', over the truth's", pair[1]["evaluations"] / truth, 1.0)
            for which, pair in (("exact", by_noise[0.0]), ("noisy", by_noise[0.05]))
        ),
    ]  # fmt: skip


def _ode_row(noise: float, kind: str | None) -> dict[str, Any]:
    found = [_ode_fit(seed, noise, kind) for seed in SEEDS]
    loss, evaluations = (statistics.mean(values) for values in zip(*found, strict=True))
    return {
        "problem": "spiral ODE", "data": f"noise {noise:g}" if noise else "exact", "regulariser": kind or "none", "loss": loss,
        "evaluations": evaluations, "each seed": " ".join(f"{n:g}" for _, n in found),
    }  # fmt: skip


def _ode_fit(seed: int, noise: float, kind: str | None) -> tuple[float, float]:
    """Loss and evaluations after training."""
    import torch

    torch.manual_seed(seed)
    node = sn.neural.NeuralODE(spiral_network(), rtol=ODE_TOLERANCE, atol=ODE_TOLERANCE)
    y0 = torch.tensor([[2.0, 0.0]], dtype=torch.float64)
    times, fine = torch.linspace(0, 1.5, 30, dtype=torch.float64), torch.linspace(0, 1.5, 300, dtype=torch.float64)
    with torch.no_grad():
        exact = sn.neural.NeuralODE(_cubes, "Vern7", rtol=1e-12, atol=1e-12)
        data, target = exact(y0, times).y, exact(y0, fine).y
        data = data + noise * torch.randn(data.shape, generator=torch.Generator().manual_seed(7 + seed)).to(data)
    sn.neural.fit(
        node,
        lambda node, batch: (node(y0, times).y - batch).square().mean(),
        [data],
        ODE_STEPS,
        regulariser=kind,
        lambda_=sn.neural.exponential(*ODE_WEIGHT, ODE_STEPS),
        learning_rate=sn.neural.exponential(0.03, 0.001, ODE_STEPS),
        clip=1.0,
        progress=False,
    )
    with torch.no_grad():
        return float((node(y0, fine).y - target).square().mean()), node(y0, times).nfe


# --- the stochastic one -----------------------------------------------------------------------------------------------

SDE_STEPS, SDE_TOLERANCE, SDE_WEIGHT, PATHS = 400, 3e-2, (0.3, 0.01), 100


def spiral_sde() -> Result:
    """A row with and one without a regulariser."""
    rows = [_sde_row(kind) for kind in (None, "error")]
    plain, regularised = rows
    return rows, [
        bar(f"spiral SDE, {what} with 'error', over that without", regularised[what] / plain[what], limit)
        for what, limit in (("loss", 1.0), ("evaluations", 0.995))
    ]


def _sde_row(kind: str | None) -> dict[str, Any]:
    found = [_sde_fit(seed, kind) for seed in SEEDS]
    loss, evaluations = (statistics.mean(values) for values in zip(*found, strict=True))
    return {
        "problem": "spiral SDE", "regulariser": kind or "none", "loss": loss, "evaluations": evaluations,
        "each seed": " ".join(f"{loss:.3g}: {n:g}" for loss, n in found),
    }  # fmt: skip


def _sde_fit(seed: int, kind: str | None) -> tuple[float, float]:
    """Loss on new paths, and evaluations of the drift in a solve."""
    import torch

    class Cubed(torch.nn.Module):
        def forward(self, y: Any) -> Any:
            return y**3

    times = torch.linspace(0, 1, 9, dtype=torch.float64)
    y0 = torch.tensor([[2.0, 0.0]], dtype=torch.float64)
    with torch.no_grad():
        true = sn.neural.NeuralSDE(_cubes, lambda y: 0.2 * y, rtol=1e-3, atol=1e-3)(y0.expand(4000, 2), times, seed=1).y
    mean, variance = true.mean(1), true.var(1)
    torch.manual_seed(seed)
    inner, outer, diffusion = (torch.nn.Linear(*n, dtype=torch.float64) for n in ((2, 50), (50, 2), (2, 2)))
    drift = torch.nn.Sequential(Cubed(), inner, torch.nn.Tanh(), outer)
    sde = sn.neural.NeuralSDE(drift, diffusion, rtol=SDE_TOLERANCE, atol=SDE_TOLERANCE, time_dependent=False)

    def solved(paths: int, seed: int | None = None) -> Any:
        return sde(y0.expand(paths, 2), times, seed=seed)

    with warnings.catch_warnings():
        # the diffusion mixes the numbers of the state, as the paper's does
        warnings.simplefilter("ignore", sn.errors.SolveWarning)
        sn.neural.fit(
            sde,
            lambda _, batch: sn.neural.moment_loss(solved(PATHS).y, mean, variance),
            [None],
            SDE_STEPS,
            regulariser=kind,
            lambda_=sn.neural.exponential(*SDE_WEIGHT, SDE_STEPS),
            learning_rate=sn.neural.exponential(2e-2, 1e-3, SDE_STEPS),
            progress=False,
        )
    sde.eval()
    with torch.no_grad():
        loss = statistics.mean(float(sn.neural.moment_loss(solved(2000, 900 + s).y, mean, variance)) for s in range(2))
        return loss, statistics.mean(solved(PATHS, 100 + s).nfe for s in range(20))
