"""Small neural differential equations: one training step, and unknown terms recovered

The spiral network 2-50-2 (tanh, on u^3; float64, tolerance 1.4e-8, 30 save times), fitted to the cubic spiral's right-hand side first: a solve, its
mean square against data and the gradient by the weights, in machine code, on the torch road, and by torchdiffeq and diffrax where they are installed.

Reaction-diffusion with an unknown reaction, and diffusion with an unknown diffusivity inside the flux: 20 snapshots with noise, a network of 6
hidden units, L-BFGS through the discrete adjoint of the semi-discrete system. The error is that of the recovered term, L2 over the range of the data.
"""

from __future__ import annotations

import importlib.util
import statistics
from collections.abc import Callable
from typing import Any

import numpy as np

import symnum as sn

from ._measure import bar, interleaved

TOLERANCE, ROUNDS = 1.4e-8, 7
REPEAT = {"native": 100, "torch": 2, "torchdiffeq": 1, "diffrax": 5}


def run() -> dict[str, Any]:
    """Rows: a solver or a term each. Bars: training step against the peers; errors of the recovered terms."""
    times = _spiral()
    samples = interleaved(times, REPEAT.__getitem__, ROUNDS)
    step = {name: statistics.median(values) for name, values in samples.items()}
    rows: list[dict[str, Any]] = [
        {"problem": "spiral, training step", "solver": name, "CPU ms": None if name not in step else 1e3 * step[name]}
        for name in ("native", "torch", "torchdiffeq", "diffrax")
    ]
    ratio = {name: step[name] / step["native"] if name in step else None for name in ("torchdiffeq", "diffrax")}
    errors = {"reaction": _recovered(*_reaction()), "diffusivity": _recovered(*_diffusivity())}
    rows += [
        {"problem": f"recovered {name}", "solver": "native", "relative error": error} for name, error in errors.items()
    ]
    return {
        "rows": rows,
        "bars": [
            bar("spiral training step, times faster than torchdiffeq", ratio["torchdiffeq"], 250, "higher"),
            bar("spiral training step, times faster than diffrax", ratio["diffrax"], 5, "higher"),
            *(bar(f"relative L2 error of the recovered {name}", error, 0.05) for name, error in errors.items()),
        ],
    }


def _spiral() -> dict[str, Callable[[], object]]:
    """The training step of each solver that is there."""
    import torch
    from torch import nn

    torch.set_num_threads(1)
    torch.manual_seed(0)

    class Cubed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(2, 50), nn.Tanh(), nn.Linear(50, 2))

        def forward(self, t: Any, y: Any) -> Any:
            return self.net(y**3)

    net = Cubed().double()
    _fit_rates(net)
    y0, times = torch.tensor([[2.0, 0.0]], dtype=torch.float64), torch.linspace(0, 1.5, 30, dtype=torch.float64)
    nodes = {
        name: sn.neural.NeuralODE(net, rtol=TOLERANCE, atol=TOLERANCE, engine=name) for name in ("native", "torch")
    }
    with torch.no_grad():
        data = nodes["native"](y0, times).y + 0.01

    def step(solve: Callable[[], Any]) -> Callable[[], object]:
        def one() -> None:
            for p in net.parameters():
                p.grad = None
            (solve() - data).square().mean().backward()

        return one

    made: dict[str, Callable[[], object]] = {
        "native": step(lambda: nodes["native"](y0, times).y),
        "torch": step(lambda: nodes["torch"](y0, times).y),
    }
    if importlib.util.find_spec("torchdiffeq"):
        from torchdiffeq import odeint

        made["torchdiffeq"] = step(lambda: odeint(net, y0, times, rtol=TOLERANCE, atol=TOLERANCE, method="dopri5"))
    if importlib.util.find_spec("diffrax"):
        made["diffrax"] = _diffrax(net, times.numpy(), data.numpy())
    return made


def _fit_rates(net: Any) -> None:
    """Near the true right-hand side, so that the solves are those of a trained network."""
    import torch

    spiral = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]], dtype=torch.float64)
    optimiser = torch.optim.Adam(net.parameters(), 1e-2)
    for _ in range(1500):
        y = (torch.rand(256, 2, dtype=torch.float64) - 0.5) * 4.4
        optimiser.zero_grad()
        (net(None, y) - y**3 @ spiral).square().mean().backward()
        optimiser.step()


def _diffrax(net: Any, times: Any, data: Any) -> Callable[[], object]:
    """The same step, compiled by jax."""
    import diffrax
    import jax
    import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    first, last = net.net[0], net.net[2]
    weights = tuple(jnp.asarray(p.detach().numpy()) for p in (first.weight, first.bias, last.weight, last.bias))

    def loss(weights: Any) -> Any:
        w, b, v, c = weights
        term = diffrax.ODETerm(lambda t, y, _: v @ jnp.tanh(w @ y**3 + b) + c)
        control = diffrax.PIDController(rtol=TOLERANCE, atol=TOLERANCE)
        found = diffrax.diffeqsolve(
            term, diffrax.Tsit5(), 0.0, 1.5, None, jnp.array([2.0, 0.0]), stepsize_controller=control,
            saveat=diffrax.SaveAt(ts=jnp.asarray(times)), max_steps=4096,
        )  # fmt: skip
        return ((found.ys - data[:, 0]) ** 2).mean()

    gradient = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready(gradient(weights))


# --- recovered terms --------------------------------------------------------------------------------------------------

_T, _X = sn.coordinates("t x")
_U = sn.field("u", (_T, _X))
Case = tuple[Callable[[Any], Any], Callable[[Any], Any], Callable[[Any], Any], int, float]


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


def _recovered(made: Any, truth: Any, around: Any, cells: int, end: float) -> float:
    """The relative L2 error of the term after training."""
    import torch

    from symnum.neural.networks import weights_of

    times, layers, noise = np.linspace(0, end, 20), [1, 6, 1], np.random.default_rng(0)
    with torch.no_grad():
        data = sn.neural.SystemODE(made(truth(_U)), cells)(times).y
    data = data + 0.002 * torch.from_numpy(noise.standard_normal(tuple(data.shape)))
    network = sn.neural.network("f", inputs=[_U], layers=layers, seed=3)
    model = sn.neural.SystemODE(made(around(network)), cells, train="f", rtol=1e-5, atol=1e-7)
    optimiser = torch.optim.LBFGS(
        model.parameters(), max_iter=100, line_search_fn="strong_wolfe", tolerance_change=1e-12
    )

    def loss() -> Any:
        optimiser.zero_grad()
        value = (model(times).y - data).square().mean()
        value.backward()
        return value

    optimiser.step(loss)
    u = np.linspace(float(data.min()), float(data.max()), 50)
    (w, b), (v, c) = weights_of("f", layers, model.parameter_values())
    found = around(np.tanh(u[:, None] @ w.T + b) @ v[0] + c[0])
    return float(np.linalg.norm(found - truth(u)) / np.linalg.norm(truth(u)))
