"""Gradients of solved systems by parameters, weights and the initial state; an unknown reaction term recovered from noisy data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import symnum as sn  # noqa: E402
from symnum.codegen.target import compile_kernel  # noqa: E402
from symnum.neural.networks import network, weights_of  # noqa: E402
from symnum.neural.system import SystemODE  # noqa: E402

T, X = sn.coordinates("t x")
U = sn.field("u", (T, X))
D = sn.parameter("D", 0.05)
TIMES = np.linspace(0, 1, 6)


def reaction_diffusion(reaction: Any, start: Any = None) -> Any:
    return sn.PDESystem(
        [sn.Eq(sn.dt(U), D * sn.diff(U, X, 2) + reaction)],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.neumann(U, 0, at={X: e}) for e in (0, 1)],
        initial={U: 0.5 + 0.4 * sn.cos(sn.pi * X) if start is None else start},
    )


def replay(model: SystemODE, y: np.ndarray, p: np.ndarray, record: Any) -> np.ndarray:
    """The recorded steps of Tsit5 in NumPy: the states at their ends."""
    from symnum.solvers.embedded.methods.tsit5 import TABLEAU

    field = compile_kernel(model.semi.rhs)

    def rhs(t: float, y: np.ndarray) -> np.ndarray:
        return field(t, y, p)

    states = [y]
    for t, h in zip(record.t[:-1], record.h, strict=True):
        slopes = [rhs(t, states[-1])]
        for c, row in zip(TABLEAU.c[1:], TABLEAU.a, strict=True):
            stage = states[-1] + h * sum(a * k for a, k in zip(row, slopes, strict=True))
            slopes.append(rhs(t + c * h, stage))
        states.append(stage)
    return np.array(states)


@pytest.mark.parametrize("flux", [False, True])
def test_the_gradient_against_differences_of_the_replayed_steps(flux: bool) -> None:
    reaction = U * network("f", U, [1, 3, 1], seed=1)
    if flux:
        reaction = sn.diff((1 + U**2) * network("f", U, [1, 2, 1], "softplus", seed=1) * sn.diff(U, X), X) * D
    model = SystemODE(reaction_diffusion(reaction), 12)
    start = torch.from_numpy(model.semi.initial(model.semi.parameter_values)).requires_grad_()
    record = model(TIMES, start).record
    weights = np.cos(np.arange(record.states.numel())).reshape(record.states.shape)
    (record.states * torch.from_numpy(weights)).sum().backward()
    y, p = start.detach().numpy(), model.values.detach().numpy()
    np.testing.assert_allclose(replay(model, y, p, record), record.states.detach(), rtol=1e-12)
    rng = np.random.default_rng(0)
    dy, dp = rng.standard_normal(y.shape), rng.standard_normal(p.shape) * (np.abs(p) + 0.1)
    h, quotient = 1e-4, 0.0
    for share, factor in ((1, 8), (-1, -8), (2, -1), (-2, 1)):
        moved = replay(model, y + share * h * dy, p + share * h * dp, record)
        quotient += factor * float((moved * weights).sum()) / (12 * h)
    slope = float(start.grad.numpy() @ dy + model.values.grad.numpy() @ dp)
    assert abs(slope - quotient) <= 1e-7 * abs(quotient)


def test_the_solution_is_that_of_solve() -> None:
    system = reaction_diffusion(U - U**3)
    record = SystemODE(system, 16, rtol=1e-9, atol=1e-11)(TIMES)
    other = sn.solve(system, resolution=16, method="Tsit5", rtol=1e-10, atol=1e-12, saveat=TIMES)
    model = SystemODE(system, 16)
    fields = model.fields(record.y)["u"].detach().numpy()
    at = model.points("u")["x"]
    whole = np.asarray(other["u"])
    inside = np.isin(np.round(np.linspace(0, 1, 17), 9), np.round(at, 9))
    np.testing.assert_allclose(fields, whole[:, inside], atol=1e-8)


def flow(diffusivity: Any) -> Any:
    return sn.PDESystem(
        [sn.Eq(sn.dt(U), sn.div(diffusivity * sn.grad(U)))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.dirichlet(U, e, at={X: e}) for e in (0, 1)],
        initial={U: X + 0.6 * sn.sin(3 * sn.pi * X) + 0.2 * sn.sin(2 * sn.pi * X)},
    )


def reaction(u: Any) -> Any:
    return 4 * u * (1 - u) * (u - 0.3)


def diffusivity(u: Any) -> Any:
    return 0.05 + 0.1 * u**2


@pytest.mark.parametrize(
    ("made", "truth", "around", "cells", "end"),
    [
        (reaction_diffusion, reaction, lambda f: f, 14, 1.0),
        (flow, diffusivity, lambda f: f**2 + 0.01, 24, 0.5),
    ],
)
def test_an_unknown_term_is_recovered_from_noisy_snapshots(
    made: Any, truth: Any, around: Any, cells: int, end: float
) -> None:
    times, layers, noise = np.linspace(0, end, 20), [1, 6, 1], np.random.default_rng(0)
    with torch.no_grad():
        data = SystemODE(made(truth(U)), cells)(times).y
    data = data + 0.002 * torch.from_numpy(noise.standard_normal(tuple(data.shape)))
    model = SystemODE(made(around(network("f", U, layers, seed=3))), cells, train="f", rtol=1e-5, atol=1e-7)
    optimiser = torch.optim.LBFGS(
        model.parameters(), max_iter=100, line_search_fn="strong_wolfe", tolerance_change=1e-12
    )

    def loss() -> Any:
        optimiser.zero_grad()
        value = ((model(times).y - data) ** 2).mean()
        value.backward()
        return value

    optimiser.step(loss)
    u = np.linspace(float(data.min()), float(data.max()), 50)
    (w, b), (v, c) = weights_of("f", layers, model.parameter_values())
    found = around(np.tanh(u[:, None] @ w.T + b) @ v[0] + c[0])
    assert np.linalg.norm(found - truth(u)) <= 0.05 * np.linalg.norm(truth(u))


def test_only_what_is_named_is_trained() -> None:
    model = SystemODE(reaction_diffusion(network("f", U, [1, 2, 1])), 8, train=["f"])
    assert "D" not in model.names and len(model.names) == 7
    model(TIMES).y.sum().backward()
    assert model.values.grad.shape == (7,) and bool((model.values.grad != 0).any())
    model.set_values({"f_b1_0": 0.25})
    assert model.parameter_values()["f_b1_0"] == 0.25 and model.parameter_values()["D"] == 0.05


def test_errors_say_what_to_write() -> None:
    system = reaction_diffusion(-U)
    with pytest.raises(sn.errors.SolveError, match="Tsit5, Dopri5, Vern7, KenCarp4, not with 'Radau5'"):
        SystemODE(system, 8, method="Radau5")
    with pytest.raises(sn.errors.ModelError, match="no parameter and no network 'E'"):
        SystemODE(system, 8, train="E")
    with pytest.raises(sn.errors.ModelError, match="train=5 names no parameters"):
        SystemODE(system, 8, train=5)
    f, g = network("f", [U, X], [2, 2, 2])
    model = SystemODE(reaction_diffusion(f + g), 8)
    with pytest.raises(sn.errors.ModelError, match=r"hold f\[0\]\(u, x\), f\[1\]\(u, x\). Give the term"):
        model.recover("f", model(TIMES))
    assert repr(model.recover(f, model(TIMES))).startswith("Recovered(f[0](u, x), ")
    with pytest.raises(sn.errors.ModelError, match="'d' is not trained"):
        SystemODE(system, 8).set_values({"d": 1.0})
    with pytest.raises(sn.errors.SolveError, match="jump at a time that depends on tau, which is trained"):
        SystemODE(reaction_diffusion((sn.parameter("tau", 0.5) <= T) * U), 8)
    with pytest.raises(sn.errors.SolveError, match="times"):
        SystemODE(system, 8)([1.0, 1.0])
    with pytest.raises(sn.errors.SolveError, match=r"the state is torch.float64 of shape \(7,\)|y0 is"):
        SystemODE(system, 8)(TIMES, torch.zeros(3, dtype=torch.float64))
