"""NeuralSDE: paths and steps of the native solver, strong order, moments, gradients along the path, regularisers, seeds, failures, bad input."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest

import symnum as sn
from symnum.errors import SolveError, SolveWarning, UnknownName
from symnum.solvers.embedded.stochastic.path import BrownianPath

torch = pytest.importorskip("torch")

from symnum.neural.discrete import Starts  # noqa: E402
from symnum.neural.regularise import REGULARISERS, regulariser  # noqa: E402
from symnum.neural.stochastic_path import Node, Path  # noqa: E402
from symnum.neural.stochastic_step import PAIRS, stochastic_method  # noqa: E402
from tests.neural.fields import TimedNet, difference  # noqa: E402

ADAPTIVE = tuple(PAIRS)
FIXED = ("EM", "Milstein")
TIMES = [0.0, 0.3, 0.77, 2.0]
MATRIX = [[-0.3, -1.0], [1.0, -0.2]]


def tensor(values: object) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


class Factors(torch.nn.Module):
    """g_i = s_i sin(y_i + t), which acts number by number."""

    def __init__(self) -> None:
        super().__init__()
        self.s = torch.nn.Parameter(tensor([0.5, 0.8]))

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        return self.s * torch.sin(y + t)


def steps_of(method: str) -> dict[str, float]:
    return {"rtol": 1e-2, "atol": 1e-3} if method in ADAPTIVE else {"dt": 0.1}


def solved(method: str = "SOSRI", **options: object) -> tuple[sn.neural.NeuralSDE, sn.neural.Outcome, torch.Tensor]:
    node = sn.neural.NeuralSDE(TimedNet(scale=1.5), Factors(), method, **{**steps_of(method), **options})
    torch.manual_seed(3)
    y0 = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    return node, node(y0, tensor([0.0, 0.7, 2.0]), seed=5, generator=torch.Generator().manual_seed(1)), y0


def growth(mu: float = 1.0, sigma: float = 0.5, **options: object) -> sn.neural.NeuralSDE:
    return sn.neural.NeuralSDE(lambda y: mu * y, lambda y: sigma * y, **options)


# --- the solution ---


@pytest.mark.parametrize("method", [*ADAPTIVE, *FIXED])
def test_the_same_seed_gives_the_path_and_the_steps_of_the_native_solver(method: str) -> None:
    t = sn.coordinates("t")
    u, v = sn.field("u", (t,)), sn.field("v", (t,))
    system = sn.SDESystem(
        [sn.Eq(sn.dt(u), -0.3 * u + v), sn.Eq(sn.dt(v), -u - 0.2 * v)],
        noise={u: 0.4 * u, v: 0.6 * v + sn.sin(t)},
        t=(0, 2),
        initial={u: 1.0, v: 0.5},
    )
    node = sn.neural.NeuralSDE(
        lambda y: y @ tensor(MATRIX),
        lambda t, y: tensor([0.4, 0.6]) * y + torch.stack([0 * t, torch.sin(t)]),
        method,
        **steps_of(method),
    )
    native = sn.solve(system, method=method, seed=3, saveat=TIMES, **steps_of(method))
    out = node(tensor([[1.0, 0.5]]), TIMES, seed=3)
    assert (out.stats.steps, out.stats.rejected) == (native.stats["steps"], native.stats["rejected"])
    assert (out.stats.rejected > 0) == (method in ADAPTIVE)
    expected = np.stack([native["u"], native["v"]], axis=-1)
    assert not out.y.requires_grad
    np.testing.assert_allclose(out.y[:, 0].numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize("method, order", [("EM", 0.5), ("Milstein", 1.0), ("SRIW1", 1.5), ("SOSRI", 1.5)])
def test_the_strong_order_on_geometric_brownian_motion(method: str, order: float) -> None:
    batch, seed, lengths = 500, 7, (1 / 8, 1 / 32, 1 / 128)
    w = BrownianPath(seed, batch).increment(0, 0, 0, 1.0)[0]
    y0, exact = torch.ones(batch, 1, dtype=torch.float64), np.exp(1.0 - 0.125 + 0.5 * w)
    with torch.no_grad():
        errors = [
            np.abs(growth(method=method, dt=dt, adaptive=False)(y0, [0, 1], seed).y[-1, :, 0].numpy() - exact).mean()
            for dt in lengths
        ]
    slope = np.polyfit(np.log(lengths), np.log(errors), 1)[0]
    assert abs(slope - order) < 0.15


def test_adaptive_steps_have_the_moments_of_the_exact_solution() -> None:
    """Rejected steps leave no trace: mean and variance lie within four standard errors."""
    mu, sigma, batch = 0.5, 0.6, 4000
    with torch.no_grad():
        out = growth(mu, sigma, rtol=1e-2, atol=1e-2)(torch.ones(batch, 1).double(), [0.0, 1.0], seed=11)
    y = out.y[-1, :, 0]
    mean, second = math.exp(mu), math.exp(2 * mu + sigma**2)
    fourth = math.exp(4 * mu + 6 * sigma**2)
    assert abs(float(y.mean()) - mean) < 4 * math.sqrt((second - mean**2) / batch)
    assert abs(float((y**2).mean()) - second) < 4 * math.sqrt((fourth - second**2) / batch)


def test_tighter_tolerances_come_nearer_along_the_same_path() -> None:
    w = BrownianPath(2, 50).increment(0, 0, 0, 1.0)[0]
    errors = []
    for tol in (1e-1, 1e-3):
        with torch.no_grad():
            y = growth(rtol=tol, atol=tol)(torch.ones(50, 1).double(), [0, 1], seed=2).y[-1, :, 0]
        errors.append(np.abs(y.numpy() - np.exp(0.875 + 0.5 * w)).mean())
    assert errors[1] < 0.05 * errors[0]


def test_float32_takes_the_path_of_float64() -> None:
    rows = [
        growth(rtol=1e-3, atol=1e-3)(torch.ones(20, 1, dtype=dtype), [0, 0.4, 1], seed=2).y
        for dtype in (torch.float32, torch.float64)
    ]
    assert rows[0].dtype == torch.float32
    torch.testing.assert_close(rows[0].double(), rows[1], rtol=2e-4, atol=1e-5)


# --- gradients ---


@pytest.mark.parametrize("method", [*ADAPTIVE, *FIXED])
@pytest.mark.parametrize("checkpoints", [None, 2])
def test_gradients_are_those_of_the_replayed_steps_and_path(method: str, checkpoints: int | None) -> None:
    node, out, y0 = solved(method, checkpoints=checkpoints)
    weights = torch.linspace(-1, 2, out.y.numel(), dtype=torch.float64).reshape(out.y.shape)

    def loss(result: sn.neural.Outcome) -> torch.Tensor:
        return (weights * result.y).sum() + (result.y[1:] ** 2).sum()

    torch.testing.assert_close(node.replay(out).y, out.y, rtol=1e-13, atol=1e-13)
    variables = [y0, *node.parameters()]
    gradients = torch.autograd.grad(loss(out), variables)
    assert difference(lambda: loss(node.replay(out, y0)), variables, gradients) < 1e-7


@pytest.mark.parametrize("method", ADAPTIVE)
@pytest.mark.parametrize("kind", REGULARISERS)
def test_gradients_of_regularisers(kind: str, method: str) -> None:
    node, out, y0 = solved(method, rtol=3e-2, atol=1e-2)
    variables = [y0, *node.parameters()]
    value = out.regularizer(kind)
    gradients = torch.autograd.grad(value, variables, materialize_grads=True)
    assert float(value.detach()) > 0
    assert difference(lambda: node.replay(out, y0).regularizer(kind), variables, gradients, (3e-5,)) < 1e-6


def test_regularisers_are_their_formulas_and_the_biased_one_has_the_mean_of_the_sum() -> None:
    _, out, _ = solved()
    e, h = out.errors, out.steps
    assert float(e.detach().max()) <= 1 and float(h.sum()) == 2.0
    torch.testing.assert_close(out.regularizer("error"), (e * h).sum())
    torch.testing.assert_close(out.regularizer("stiffness_max"), out.stiffness.max())
    drawn = [
        regulariser("local_biased", out.problem, out.record, Starts(chosen=(j, out.record.states[j])))
        for j in range(out.stats.steps)
    ]
    torch.testing.assert_close(torch.stack(drawn).mean(), out.regularizer("error"))


def test_the_estimate_of_stiffness_of_a_linear_drift_is_its_rate() -> None:
    for method in ADAPTIVE:
        node = sn.neural.NeuralSDE(lambda y: -50 * y, lambda y: 0.1 * y, method, rtol=1e-2)
        out = node(tensor([[1.0, 2.0]]), [0, 0.2], seed=1)
        torch.testing.assert_close(out.stiffness, torch.full_like(out.stiffness, 50 / PAIRS[method][2]))


@pytest.mark.parametrize("method", ADAPTIVE)
def test_sizes_are_the_extent_of_stability_of_the_drift(method: str) -> None:
    tableau = stochastic_method(method).scheme.tableau
    a0, alpha, ones = tableau.matrix("a0"), np.array([float(c) for c in tableau.alpha]), np.ones(tableau.stages)

    def growth_factor(z: float) -> float:
        return abs(1 + z * float(alpha @ np.linalg.solve(np.eye(len(ones)) - z * a0, ones)))

    size = PAIRS[method][2]
    assert all(growth_factor(-z) <= 1 for z in np.linspace(0.01, 0.998 * size, 500))
    assert growth_factor(-1.002 * size) > 1


# --- paths ---


def test_paths_are_functions_of_the_seed_alone() -> None:
    y0, times = torch.ones(4, 1).double(), [0, 0.5, 1]
    node = growth()
    torch.manual_seed(1)
    first, second = node(y0, times), node(y0, times)
    torch.manual_seed(1)
    assert torch.equal(node(y0, times).y, first.y) and not torch.equal(first.y, second.y)
    assert torch.equal(node(y0, times, seed=second.seed).y, second.y)
    fixed = growth(seed=4)
    assert torch.equal(fixed(y0, times).y, fixed(y0, times).y) and fixed(y0, times).seed == 4
    drawn = [node(y0, times, generator=torch.Generator().manual_seed(2)).seed for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_what_is_kept_of_a_path_changes_nothing_and_is_a_pair_of_nodes_a_level() -> None:
    path, plain, like = Path(3, 2), BrownianPath(3, 2), torch.zeros(2, dtype=torch.float64)
    nodes = [Node(0, 5, i, 1.0) for i in (7, 8, 7, 20)] + [Node(1, 2, 3, 0.5), Node(0, 9, 100, 1.0)]
    for node in nodes:
        for share in (1.0, 0.3):
            expected = plain.increment(node.root, node.level, node.index, node.root_length, share)
            for seen, value in zip(path.over(node, share, like), expected, strict=True):
                assert np.array_equal(seen.numpy(), value)
    assert len(path._pairs) == 9 and all(len(pair) == 2 for _, pair in path._pairs.values())


def test_nothing_is_made_on_the_default_device() -> None:
    y0, times = torch.ones(2, 1, dtype=torch.float64), [0, 0.3, 1]
    with torch.device("meta"):
        for method in (*ADAPTIVE, *FIXED):
            out = growth(method=method, **steps_of(method))(y0, times)
            assert out.y.device.type == "cpu" and bool(torch.isfinite(out.y).all())
            if method in ADAPTIVE:
                assert float(out.regularizer("local")) > 0
    with torch.inference_mode():
        assert bool(torch.isfinite(growth(method="Milstein", dt=0.1)(y0, times).y).all())


# --- training ---


class Rate(torch.nn.Module):
    def __init__(self, factor: float) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(tensor(factor))

    def forward(self, y: torch.Tensor) -> torch.Tensor:
        return self.factor * y


def test_moments_are_matched() -> None:
    """dX = -X dt + X/2 dW is found from the moments of its exact solution along the same paths."""
    times, batch, seed = torch.linspace(0, 1, 5, dtype=torch.float64), 100, 3
    path = BrownianPath(seed, batch)
    w = torch.stack([torch.from_numpy(path.increment(0, 0, 0, 1.0, float(t))[0]) for t in times])
    exact = torch.exp(-1.125 * times[:, None] + 0.5 * w)[..., None]
    model = sn.neural.NeuralSDE(Rate(-2.0), Rate(0.8), rtol=1e-2, atol=1e-2, seed=seed)
    y0 = torch.ones(batch, 1, dtype=torch.float64)
    optimiser = torch.optim.LBFGS(model.parameters(), max_iter=12, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimiser.zero_grad()
        loss = sn.neural.moment_loss(model(y0, times).y, exact.mean(1), exact.var(1))
        loss.backward()
        return loss

    optimiser.step(closure)
    assert model.drift.factor.item() == pytest.approx(-1, abs=0.01)
    assert model.diffusion.factor.item() == pytest.approx(0.5, abs=0.01)


def test_fit_sees_the_solves_and_a_regulariser_brings_the_steps_down() -> None:
    model = sn.neural.NeuralSDE(TimedNet(scale=1.5), Factors())
    batches = [torch.ones(4, 2, dtype=torch.float64)] * 10
    report = sn.neural.fit(
        model,
        lambda model, y0: 0.0 * model(y0, [0.0, 2.0], seed=5).y.sum(),
        batches,
        epochs=2,
        learning_rate=3e-2,
        regulariser="error",
        lambda_=1.0,
        seed=0,
    )
    first, last = report.history
    assert last["regulariser"] < first["regulariser"] and last["nfe"] < 0.9 * first["nfe"]


# --- failures and bad input ---


def test_a_solve_that_cannot_go_on_gives_what_it_had() -> None:
    y0 = torch.ones(2, 1, dtype=torch.float64)
    for node, message in (
        (growth(max_steps=4, rtol=1e-4, atol=1e-4), "max_steps = 4"),
        (sn.neural.NeuralSDE(lambda y: y**3, lambda y: 0.1 * y), "near t = 0.[45]|too small"),
        (sn.neural.NeuralSDE(lambda y: 1e200 * y**2, lambda y: 0.1 * y, "EM", dt=0.1), "dt = 0.1 too long"),
    ):
        with pytest.warns(SolveWarning, match=message):
            out = node(y0, [0.0, 0.01, 2.0], seed=1)
        assert not out.success and bool(torch.isnan(out.y[-1]).all()) and bool(torch.isfinite(out.y[0]).all())


def test_noise_that_does_not_commute_is_spoken_of() -> None:
    mixing, y0 = torch.nn.Linear(2, 2, dtype=torch.float64), torch.ones(1, 2, dtype=torch.float64)
    node = sn.neural.NeuralSDE(lambda y: -y, mixing)
    with pytest.warns(SolveWarning, match="do not commute.*strong order 1/2"):
        node(y0, [0, 0.1])
    node(y0, [0, 0.1])  # said once
    with pytest.raises(SolveError, match="as Milstein needs; write method='EM'"):
        sn.neural.NeuralSDE(lambda y: -y, mixing, "Milstein", dt=0.1)(y0, [0, 0.1])
    sn.neural.NeuralSDE(lambda y: -y, mixing, "EM", dt=0.1)(y0, [0, 0.1])


Y0 = torch.ones(3, 2, dtype=torch.float64)
BAD_CALLS: list[tuple[Callable[[], object], str]] = [
    (lambda: growth(method="EM"), "EM keeps a fixed step here.*write for example dt=0.01, or method="),
    (lambda: growth(adaptive=False), "SOSRI keeps a fixed step here"),
    (lambda: growth(adaptive="no"), "adaptive is 'no'"),
    (lambda: growth(method="EM", dt=1e-6)(Y0, [0, 1]), "dt=1e-06 makes more steps from 0 to 1 than max_steps=10000"),
    (lambda: growth(rtol=-1.0), "rtol is -1.0"),
    (lambda: growth(seed=-1), "seed is -1"),
    (lambda: growth(seed=1.5), "seed is 1.5"),
    (lambda: growth(checkpoints=1), "checkpoints is 1"),
    (lambda: sn.neural.NeuralSDE(3, torch.sin), "drift is a int"),
    (
        lambda: sn.neural.NeuralSDE(lambda *a: a, lambda y: y),
        re.escape("NeuralSDE(drift, diffusion, time_dependent=True)"),
    ),
    (lambda: growth()(Y0, [1.0, 0.5, 0.0]), "go forward in time"),
    (lambda: growth()(Y0, [0.0, 0.5, 0.2]), "not in order"),
    (lambda: growth()(Y0, torch.linspace(0, 1, 3, requires_grad=True)), "no derivative by time"),
    (lambda: growth()(Y0, torch.rand(2, 3).cumsum(0) * tensor([[0.0], [1.0]])), "share their save times"),
    (lambda: growth()(Y0 * math.nan, [0, 1]), "y0 holds NaN"),
    (lambda: growth()(Y0, [0, 1], seed="a"), "seed is 'a'"),
    (lambda: growth()(Y0.long(), [0, 1]), "not a tensor of float32 or float64"),
    (lambda: sn.neural.NeuralSDE(lambda y: y, lambda y: y[:, :, None] * Y0[0])(Y0, [0, 1]), "noise is diagonal here"),
    (lambda: sn.neural.NeuralSDE(lambda y: y, lambda y: y.float())(Y0, [0, 1]), "g of dtype torch.float32"),
    (lambda: sn.neural.NeuralSDE(lambda y: y, lambda y: 3.0)(Y0, [0, 1]), "the diffusion gave a float"),
    (lambda: sn.neural.NeuralSDE(lambda y: y, lambda y: y / 0)(Y0, [0, 1]), "gives NaN or infinity at the start"),
    (lambda: growth(method="EM", dt=0.1)(Y0, [0, 1]).regularizer("error"), "EM has no estimate"),
    (lambda: sn.neural.moment_loss(Y0[None], Y0, Y0), r"the mean has the shape \(3, 2\)"),
    (lambda: sn.neural.moment_loss(Y0[None, :1], Y0[:1], Y0[:1]), "one sample, which has no variance"),
]


@pytest.mark.parametrize("number", range(len(BAD_CALLS)))
def test_bad_input_is_named(number: int) -> None:
    call, message = BAD_CALLS[number]
    with pytest.raises(SolveError, match=message):
        call()


def test_unknown_names_have_a_suggestion() -> None:
    with pytest.raises(UnknownName, match="no method 'SOSRA'"):
        growth(method="SOSRA")
    with pytest.raises(UnknownName, match="no regulariser 'errors'"):
        growth()(Y0, [0, 1], seed=1).regularizer("errors")
