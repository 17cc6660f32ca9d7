"""Speed: a training step of the spiral network beside torchdiffeq and diffrax, and a solve of a wider network beside its own floor.

Spiral: 2-50-2 (tanh, on u^3; float64, tolerance 1.4e-8, batch 1, 30 save times), fitted to the cubic spiral's right-hand side first. A step is a
solve, its mean square against data and the gradient by the weights. All have the same tolerances and the norm rms(error/(atol + rtol |y|)); diffrax
runs Tsit5 compiled by jax.jit, with its own discrete adjoint (RecursiveCheckpointAdjoint). Errors are those of the solutions, against Vern7 at 1e-12.

Floor: 20-100-20 (tanh), batch 512, float32, Dopri5 at 1e-7, to t = 5, on the torch road, as torchdiffeq's dopri5. The floor is as many evaluations of
the network as the solve makes, and nothing else. Errors are rms differences from the solution in float64 at 1e-11.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import symnum as sn

from ._measure import bar, interleaved, median_ratio

TOLERANCE, ROUNDS = 1.4e-8, 9
REPEAT = {"native": 100, "torch": 2, "torchdiffeq": 1, "diffrax": 10}
Step = Callable[[], object]
Result = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def steps() -> Result:
    """Rows: a solver each. Bars: native against the peers."""
    with one_processor():
        solves = _spiral()
        samples = interleaved({name: step for name, (step, _, _) in solves.items()}, REPEAT.__getitem__, ROUNDS)
    rows: list[dict[str, Any]] = []
    for name in REPEAT:
        row: dict[str, Any] = {"problem": "spiral, training step", "solver": name, "CPU ms": None}
        if name in solves:
            _, evaluations, error = solves[name]
            row |= {"CPU ms": 1e3 * statistics.median(samples[name]), "evaluations": evaluations, "error": error}
        rows.append(row)
    ratio = {n: median_ratio(samples[n], samples["native"]) for n in ("torchdiffeq", "diffrax") if n in samples}
    return rows, [
        bar("spiral training step, times faster than torchdiffeq", ratio.get("torchdiffeq"), 250, "higher"),
        bar("spiral training step, times faster than diffrax", ratio.get("diffrax"), 5, "higher"),
    ]


@contextmanager
def one_processor() -> Iterator[None]:
    """Where the system can: else threads of JAX that only wait count as its work."""
    able = hasattr(os, "sched_setaffinity")
    allowed = os.sched_getaffinity(0) if able else set()
    if able:
        os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        if able:
            os.sched_setaffinity(0, allowed)


def floor() -> Result:
    """Row and bars of the wider network."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(20, 100), torch.nn.Tanh(), torch.nn.Linear(100, 20))
    y0, times, tol = torch.randn(512, 20), torch.tensor([0.0, 5.0]), 1e-7
    with torch.no_grad():
        exact = sn.neural.NeuralODE(net.double(), rtol=1e-11, atol=1e-11)(y0.double(), times).y[-1]
        net.float()
        node = sn.neural.NeuralODE(net, "Dopri5", tol, tol, engine="torch")
        out = node(y0, times)
        solves: dict[str, Step] = {
            "symnum": lambda: node(y0, times),
            "floor": lambda: [net(y0) for _ in range(out.nfe)],
        }
        row = {"problem": "20-100-20, solve", "evaluations": out.nfe, "error": _rms(out.y[-1] - exact)}
        if importlib.util.find_spec("torchdiffeq"):
            from torchdiffeq import odeint

            field = Counted(net)
            theirs = odeint(field, y0, times, method="dopri5", rtol=tol, atol=tol)[-1]
            row |= {"torchdiffeq's evaluations": field.calls, "its error": _rms(theirs - exact)}
            solves["torchdiffeq"] = lambda: odeint(field, y0, times, method="dopri5", rtol=tol, atol=tol)
        samples = interleaved(solves, 1, 31)
    row |= {f"{name}, CPU ms": 1e3 * statistics.median(values) for name, values in samples.items()}
    there = "torchdiffeq" in samples
    return [row], [
        bar("20-100-20 forward, over evaluations x cost(f)", median_ratio(samples["symnum"], samples["floor"]), 1.3),
        bar(
            "20-100-20 forward, times faster than torchdiffeq",
            median_ratio(samples["torchdiffeq"], samples["symnum"]) if there else None, 1, "higher",
        ),
        bar("20-100-20 forward, error over torchdiffeq's", row["error"] / row["its error"] if there else None, 1),
    ]  # fmt: skip


def _rms(difference: Any) -> float:
    return float(difference.square().mean().sqrt())


class Counted:
    """f(t, y) = net(y), or net(t, y) with ``timed``, and how often it was asked."""

    def __init__(self, net: Any, timed: bool = False) -> None:
        self.net, self.timed, self.calls = net, timed, 0

    def __call__(self, t: Any, y: Any) -> Any:
        self.calls += 1
        return self.net(t, y) if self.timed else self.net(y)


def spiral_network() -> Any:
    """2-50-2 (tanh) on u^3 in float64, its weights drawn from torch's generator."""
    import torch

    class Cubed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = torch.nn.Sequential(torch.nn.Linear(2, 50), torch.nn.Tanh(), torch.nn.Linear(50, 2))

        def forward(self, t: Any, y: Any) -> Any:
            return self.net(y**3)

    return Cubed().double()


def _spiral() -> dict[str, tuple[Step, int, float]]:
    """Of each solver that is there: the training step, the evaluations of a solve, its error."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = spiral_network()
    _fit_rates(net)
    y0, times = torch.tensor([[2.0, 0.0]], dtype=torch.float64), torch.linspace(0, 1.5, 30, dtype=torch.float64)
    with torch.no_grad():
        exact = sn.neural.NeuralODE(net, "Vern7", rtol=1e-12, atol=1e-12)(y0, times).y
    data = exact + 0.01

    def step(solve: Callable[[], Any]) -> Step:
        def one() -> None:
            for p in net.parameters():
                p.grad = None
            (solve() - data).square().mean().backward()

        return one

    def error(y: Any) -> float:
        return float((y.detach() - exact).abs().max())

    made: dict[str, tuple[Step, int, float]] = {}
    for name in ("native", "torch"):
        node = sn.neural.NeuralODE(net, rtol=TOLERANCE, atol=TOLERANCE, engine=name)
        out = node(y0, times)
        made[name] = step(lambda node=node: node(y0, times).y), out.nfe, error(out.y)
    if importlib.util.find_spec("torchdiffeq"):
        from torchdiffeq import odeint

        options = {"rtol": TOLERANCE, "atol": TOLERANCE, "method": "dopri5"}
        field = Counted(net, timed=True)
        y = odeint(field, y0, times, **options)
        made["torchdiffeq"] = step(lambda: odeint(net, y0, times, **options)), field.calls, error(y)
    if importlib.util.find_spec("diffrax"):
        made["diffrax"] = _diffrax(net, times.numpy(), data.numpy(), exact.numpy())
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


def _diffrax(net: Any, times: Any, data: Any, exact: Any) -> tuple[Step, int, float]:
    """The same step, compiled by jax."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import diffrax
        import jax
        import jax.numpy as jnp

    jax.config.update("jax_enable_x64", True)
    first, last = net.net[0], net.net[2]
    weights = tuple(jnp.asarray(p.detach().numpy()) for p in (first.weight, first.bias, last.weight, last.bias))

    def rates(t: Any, y: Any, weights: Any) -> Any:
        w, b, v, c = weights
        return v @ jnp.tanh(w @ y**3 + b) + c

    def solve(weights: Any) -> Any:
        return diffrax.diffeqsolve(
            diffrax.ODETerm(rates), diffrax.Tsit5(), 0.0, 1.5, None, jnp.array([2.0, 0.0]), args=weights, max_steps=4096,
            saveat=diffrax.SaveAt(ts=jnp.asarray(times)),
            stepsize_controller=diffrax.PIDController(rtol=TOLERANCE, atol=TOLERANCE),
        )  # fmt: skip

    gradient = jax.jit(jax.value_and_grad(lambda weights: ((solve(weights).ys - data[:, 0]) ** 2).mean()))
    found = jax.jit(solve)(weights)
    error = float(np.abs(np.asarray(found.ys) - exact[:, 0]).max())
    # six evaluations a step, and two to choose the first one
    return lambda: jax.block_until_ready(gradient(weights)), 6 * int(found.stats["num_steps"]) + 2, error
