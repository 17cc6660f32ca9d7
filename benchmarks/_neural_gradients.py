"""Gradients against difference quotients, and the memory of the discrete adjoint.

The map whose derivative a gradient is takes the recorded steps (and path, t* and j) once more; quotients are central, of order 4, along a
random direction of all variables in which each has its share of the slope. Of several lengths the best counts: a long one has an error of its own,
a short one round-off.

    deviation = |quotient - gradient . direction| / |gradient . direction|

Memory: the largest resident set of a process that trains once (forward and backward), less what it would be without steps, in megabytes. With
m checkpoints and n steps it is stated to be m states and the graph of at most ceil(2 n/m) steps; the graph of a step is that of a solve without
checkpoints, divided by n.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import symnum as sn

from ._measure import bar, fresh_process

LENGTHS = (1e-2, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5)
CHECKPOINTS = (4, 8, 20, 40)
Result = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def gradients() -> Result:
    """A row and a bar an equation; a bar for the regularisers."""
    worst = {"ODE": _ode(), "SDE": _sde(), "PDE": {"solution": _pde()}}
    rows = [
        {"problem": "gradient against differences", "equation": equation, "of": of, "deviation": deviation}
        for equation, found in worst.items()
        for of, deviation in found.items()
    ]
    solution = {equation: found["solution"] for equation, found in worst.items()}
    local = max(v for found in worst.values() for of, v in found.items() if of.startswith("local"))
    return rows, [
        *(bar(f"gradient of the solution, {equation}, deviation", value, 1e-6) for equation, value in solution.items()),
        bar("gradient of a local regulariser, deviation", local, 1e-5),
    ]


def deviation(loss: Callable[[], Any], variables: Sequence[Any], slopes: Sequence[Any]) -> float:
    """See above. ``loss()`` is asked without gradients, with the variables moved in place; ``slopes``: the gradient by each."""
    import torch

    generator = torch.Generator().manual_seed(6)
    directions = [torch.randn(v.shape, generator=generator, dtype=torch.float64) for v in variables]
    shares = [float((g * d).sum()) for g, d in zip(slopes, directions, strict=True)]
    directions = [d / s if s else 0 * d for d, s in zip(directions, shares, strict=True)]  # no slopes that cancel
    size = math.sqrt(sum(float((d * d).sum()) for d in directions))
    exact = sum(1 for s in shares if s) / size
    kept, found = [v.detach().clone() for v in variables], []
    for length in LENGTHS:
        quotient = 0.0
        for share, factor in ((-2, 1), (-1, -8), (1, 8), (2, -1)):
            with torch.no_grad():
                for v, k, d in zip(variables, kept, directions, strict=True):
                    v.copy_(k + share * length / size * d)
                quotient += factor * float(loss()) / (12 * length)
        found.append(abs(quotient - exact) / exact)
    with torch.no_grad():
        for v, k in zip(variables, kept, strict=True):
            v.copy_(k)
    return min(found)


def _network(seed: int, dim: int = 2, width: int = 12) -> Any:
    import torch

    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(dim, width), torch.nn.Tanh(), torch.nn.Linear(width, dim)).double()


def _worst(solved: Callable[[], Any], replayed: Callable[[Any], Any], variables: Sequence[Any]) -> dict[str, float]:
    """Deviations of the gradients of the solution and the local regularisers."""
    import torch

    of: dict[str, Callable[[Any], Any]] = {
        "solution": lambda out: (out.y**2).sum() + 3 * out.y[-1, 1, 0],
        **{kind: lambda out, kind=kind: out.regularizer(kind) for kind in ("local", "local_biased", "local_stiffness")},
    }
    found = {}
    for name, value in of.items():
        out = solved()
        slopes = torch.autograd.grad(value(out), variables, materialize_grads=True)
        found[name] = deviation(lambda: value(replayed(out)), variables, slopes)  # noqa: B023
    return found


def _ode() -> dict[str, float]:
    """The worse of both roads."""
    import torch

    times, worst = torch.tensor([0.0, 0.7, 2.5], dtype=torch.float64), dict[str, float]()
    for engine in ("native", "torch"):
        net = _network(0)
        y0 = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
        node = sn.neural.NeuralODE(net, rtol=1e-4, atol=1e-4, dt=0.4, engine=engine)
        found = _worst(
            lambda: node(y0, times, generator=torch.Generator().manual_seed(2)),  # noqa: B023
            lambda out: node.replay(out, y0),  # noqa: B023
            [y0, *net.parameters()],
        )
        worst = {name: max(value, worst.get(name, 0.0)) for name, value in found.items()}
    return worst


def _sde() -> dict[str, float]:
    import torch

    class Factors(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.s = torch.nn.Parameter(torch.tensor([0.5, 0.8], dtype=torch.float64))

        def forward(self, y: Any) -> Any:
            return self.s * torch.sin(y)

    sde = sn.neural.NeuralSDE(_network(1), Factors(), rtol=1e-2, atol=1e-3)
    y0 = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    times = torch.tensor([0.0, 0.7, 2.0], dtype=torch.float64)
    return _worst(
        lambda: sde(y0, times, seed=5, generator=torch.Generator().manual_seed(1)),
        lambda out: sde.replay(out, y0),
        [y0, *sde.parameters()],
    )


# --- a partial differential equation: the steps again in NumPy --------------------------------------------------------


def _pde() -> float:
    """A network inside a flux and one as a reaction, by the initial state and all weights."""
    import torch

    from symnum.codegen.target import compile_kernel

    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    k, f = (sn.neural.network(name, inputs=[u], layers=[1, 3, 1], seed=seed) for name, seed in (("k", 1), ("f", 2)))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.div((0.05 + 0.02 * k**2) * sn.grad(u)) + u * f)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.neumann(u, 0, at={x: e}) for e in (0, 1)],
        initial={u: 0.5 + 0.4 * sn.cos(sn.pi * x)},
    )
    model = sn.neural.SystemODE(system, 16)
    rates = compile_kernel(model.semi.rhs, "numpy")
    start = torch.tensor(model.semi.initial(model.semi.parameter_values), requires_grad=True)
    times = np.linspace(0, 1, 3)
    record = model(times, start).record
    steps, weights = list(zip(record.t[:-1], record.h, strict=True)), np.cos(np.arange(start.numel()))

    def end() -> float:
        return float(weights @ _tsit5(rates, start.numpy(force=True), model.values.numpy(force=True), steps))

    slopes = torch.autograd.grad(record.states[-1] @ torch.from_numpy(weights), [start, model.values])
    return deviation(end, [start, model.values], slopes)


def _tsit5(rates: Any, y: Any, p: Any, steps: Sequence[tuple[float, float]]) -> Any:
    """The state after the steps (t_j, h_j)."""
    from symnum.solvers.embedded.methods.tsit5 import TABLEAU

    for t, h in steps:
        slopes = [rates(t, y, p)]
        for c, row in zip(TABLEAU.c[1:], TABLEAU.a, strict=True):
            stage = y + h * sum(a * k for a, k in zip(row, slopes, strict=True))
            slopes.append(rates(t + c * h, stage, p))
        y = stage
    return y


# --- memory -----------------------------------------------------------------------------------------------------------

_TRAIN = """
import json, resource, torch, symnum as sn
torch.set_num_threads(1)
torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(20, 100), torch.nn.Tanh(), torch.nn.Linear(100, 20)).double()
y0 = torch.randn(1024, 20, dtype=torch.float64)
node = sn.neural.NeuralODE(net, rtol=1e-9, atol=1e-9, checkpoints={checkpoints}, engine="torch")
out = node(y0, [0.0, {end}])
out.y[-1].sum().backward()
try:  # of this program alone; ru_maxrss begins with what the process that started it held
    peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
except OSError:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({{"KB": peak, "steps": out.stats.steps}}))
"""


def memory() -> Result:
    """A row a number of checkpoints, and a bar for the worst against what is stated."""
    state = 1024 * 20 * 8 / 1e6
    few, whole = _trained(None, 1e-3), _trained(None, 20.0)
    graph = (whole["MB"] - few["MB"]) / (whole["steps"] - few["steps"])
    base, steps = few["MB"] - graph * few["steps"], int(whole["steps"])
    rows = [{"problem": "memory", "steps": steps, "checkpoints": "none", "MB": whole["MB"] - base}]
    first = _trained(CHECKPOINTS[0], 1e-3)  # what torch loads for a way back of one's own is in it
    base = first["MB"] - graph * first["steps"]
    ratios = []
    for m in CHECKPOINTS:
        measured, stated = _trained(m, 20.0)["MB"] - base, m * state + math.ceil(2 * steps / m) * graph
        rows.append({"problem": "memory", "steps": steps, "checkpoints": m, "MB": measured, "stated MB": stated})
        ratios.append(measured / stated)
    worst = max(ratios) if min(ratios) > 0 else None  # a peak that was there before tells nothing
    return rows, [bar("memory with checkpoints over what is stated, the worst", worst, 1.1)]


def _trained(checkpoints: int | None, end: float) -> dict[str, float]:
    """The peak of a process that trains once from 0 to ``end``, in MB, and the steps."""
    made = fresh_process(_TRAIN.format(checkpoints=checkpoints, end=end), {"MALLOC_MMAP_THRESHOLD_": "100000"})
    return {"MB": made["KB"] * 1024 / 1e6, "steps": made["steps"]}
