"""Unknown terms of partial differential equations, recovered from noisy snapshots.

Reaction-diffusion with an unknown reaction, and diffusion with an unknown diffusivity inside the flux: 20 snapshots with noise of deviation 0.002,
a network of 6 hidden units, L-BFGS through the discrete adjoint of the semi-discrete system; the loss is the sum of squares in units of the noise,
and 0.1 times that of the weights. The error is that of the recovered term, L2 over the range of the data; the worst of three draws of the noise with
two of the weights.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

import symnum as sn

from ._measure import bar

_T, _X = sn.coordinates("t x")
_U = sn.field("u", (_T, _X))
Case = tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[Any], Any], int, float]


def terms() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """A row and a bar a term."""
    rows: list[dict[str, Any]] = []
    for name, case in (("reaction", _reaction()), ("diffusivity", _diffusivity())):
        errors = [_recovered(*case, noise, weights) for noise in range(3) for weights in (3, 4)]
        rows.append({"problem": f"recovered {name}", "error": statistics.median(errors), "worst": max(errors)})
    return rows, [bar(f"relative L2 error of the {row['problem']}, the worst", row["worst"], 0.05) for row in rows]


def _reaction() -> Case:
    """(model of a term, the true term, what is made of the network, cells, end of time)."""

    def model(reaction: Any) -> Any:
        return sn.PDESystem(
            [sn.Eq(sn.dt(_U), 0.05 * sn.diff(_U, _X, 2) + reaction)],
            domain=sn.Domain(t=(0, 1), x=(0, 1)),
            conditions=[sn.neumann(_U, 0, at={_X: e}) for e in (0, 1)],
            initial={_U: 0.5 + 0.4 * sn.cos(sn.pi * _X)},
        )

    return model, lambda u: 4 * u * (1 - u) * (u - 0.3), lambda f: f, 14, 1.0


def _diffusivity() -> Case:
    def model(diffusivity: Any) -> Any:
        return sn.PDESystem(
            [sn.Eq(sn.dt(_U), sn.div(diffusivity * sn.grad(_U)))],
            domain=sn.Domain(t=(0, 1), x=(0, 1)),
            conditions=[sn.dirichlet(_U, e, at={_X: e}) for e in (0, 1)],
            initial={_U: _X + 0.6 * sn.sin(3 * sn.pi * _X) + 0.2 * sn.sin(2 * sn.pi * _X)},
        )

    return model, lambda u: 0.05 + 0.1 * u**2, lambda f: f**2 + 0.01, 24, 0.5


def _recovered(made: Any, truth: Any, around: Any, cells: int, end: float, noise_seed: int, weight_seed: int) -> float:
    """The relative L2 error of the term after training."""
    import torch

    from symnum.neural.networks import weights_of

    times, layers, deviation = np.linspace(0, end, 20), [1, 6, 1], 0.002
    with torch.no_grad():
        data = sn.neural.SystemODE(made(truth(_U)), cells)(times).y
    noise = np.random.default_rng(noise_seed).standard_normal(tuple(data.shape))
    data = data + deviation * torch.from_numpy(noise)
    network = sn.neural.network("f", inputs=[_U], layers=layers, seed=weight_seed)
    model = sn.neural.SystemODE(made(around(network)), cells, train="f", rtol=1e-5, atol=1e-7)
    optimiser = torch.optim.LBFGS(model.parameters(), max_iter=300, history_size=50, line_search_fn="strong_wolfe")
    sn.neural.fit(
        model,
        lambda model, data: ((model(times).y - data) / deviation).square().sum() + 0.1 * model.values.square().sum(),
        [data],
        1,
        optimiser=optimiser,
        progress=False,
    )
    u = np.linspace(float(data.min()), float(data.max()), 50)
    (w, b), (v, c) = weights_of("f", layers, model.parameter_values())
    found = around(np.tanh(u[:, None] @ w.T + b) @ v[0] + c[0])
    return float(np.linalg.norm(found - truth(u)) / np.linalg.norm(truth(u)))
