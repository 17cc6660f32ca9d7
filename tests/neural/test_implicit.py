"""The implicit method: exact solutions, order, stiff networks, gradients through the implicit function theorem."""

from __future__ import annotations

import math

import pytest

import symnum as sn
from symnum.errors import SolveError

torch = pytest.importorskip("torch")

from tests.neural.fields import TimedNet, difference  # noqa: E402

KINDS = ("error", "stiffness", "local")


class Stiff(torch.nn.Module):
    """A network whose fast directions decay at the rate 2000."""

    def __init__(self) -> None:
        super().__init__()
        self.slow = TimedNet(dim=3, width=8, seed=2, scale=2.0)
        self.rate = torch.nn.Parameter(torch.tensor(2000.0, dtype=torch.float64))

    def forward(self, t: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        pull = torch.stack([0 * y[:, 0], 0 * y[:, 1], torch.sin(y[:, 0]) - y[:, 2]], dim=1)
        return self.slow(t, y) + self.rate * pull


def case() -> tuple[Stiff, torch.Tensor, torch.Tensor]:
    net = Stiff()
    y0 = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    return net, y0, torch.tensor([0.0, 0.2, 0.5], dtype=torch.float64, requires_grad=True)


def test_error_falls_with_the_tolerance_and_the_order() -> None:
    y0, times = torch.tensor([[1.0, 0.5]], dtype=torch.float64), torch.linspace(0, 2, 5, dtype=torch.float64)
    errors, steps = [], []
    for tol in (1e-5, 1e-8):
        out = sn.neural.NeuralODE(lambda t, y: -2 * t * y**2, "KenCarp4", tol, tol)(y0, times)
        exact = torch.stack([y0 / (1 + y0 * t**2) for t in times])
        errors.append(float((out.y[-1] - exact[-1]).abs().max()))
        steps.append(out.stats.steps)
        assert float((out.y - exact).abs().max()) < 100 * tol  # between the steps too
    order = math.log(errors[0] / errors[1]) / math.log(steps[1] / steps[0])
    assert 3.5 < order < 5.5


def test_stiff_networks_take_few_steps_and_agree_with_the_explicit_method() -> None:
    net, y0, times = case()
    with torch.no_grad():
        implicit = sn.neural.NeuralODE(net, "KenCarp4", 1e-6, 1e-6)(y0, times)
        explicit = sn.neural.NeuralODE(net, "Tsit5", 1e-6, 1e-6)(y0, times)
    assert implicit.stats.steps < 0.2 * explicit.stats.steps
    torch.testing.assert_close(implicit.y, explicit.y, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("checkpoints", [None, 3])
def test_gradients_are_those_of_the_replayed_steps(checkpoints: int | None) -> None:
    net, y0, times = case()
    node = sn.neural.NeuralODE(net, "KenCarp4", 1e-5, 1e-5, checkpoints=checkpoints, dt=0.1)
    out = node(y0, times, generator=torch.Generator().manual_seed(1))

    def loss(made: sn.neural.Outcome) -> torch.Tensor:
        return (made.y**2).sum()

    variables = [y0, times, *net.parameters()]
    gradients = torch.autograd.grad(loss(out), variables)
    steps = (1e-3, 3e-4)
    assert difference(lambda: loss(node.replay(out, y0, times)), variables, gradients, steps) < 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_regularisers_have_their_gradients(kind: str) -> None:
    net, y0, times = case()
    node = sn.neural.NeuralODE(net, "KenCarp4", 1e-4, 1e-4, dt=0.1)
    out = node(y0, times.detach(), generator=torch.Generator().manual_seed(1))
    variables = [y0, *net.slow.parameters()]
    gradients = torch.autograd.grad(out.regularizer(kind), variables, materialize_grads=True)
    found = difference(lambda: node.replay(out, y0).regularizer(kind), variables, gradients, (1e-3, 3e-4, 1e-4))
    assert found < 1e-5


def test_a_state_without_a_batch_and_samples_that_depend_on_each_other() -> None:
    def coupled(y: torch.Tensor) -> torch.Tensor:
        return -5 * (y - 0.3 * y.mean(0)) - y**3

    y0 = torch.tensor([[1.0, 2.0], [3.0, -1.0], [0.5, 0.1]], dtype=torch.float64, requires_grad=True)
    exact = sn.neural.NeuralODE(coupled, "Tsit5", 1e-10, 1e-10)(y0, [0.0, 1.0]).y[-1]
    whole = sn.neural.NeuralODE(lambda y: coupled(y.reshape(3, 2)).reshape(-1), "KenCarp4", 1e-8, 1e-8)
    rows = sn.neural.NeuralODE(coupled, "KenCarp4", 1e-8, 1e-8)
    for found in (whole(y0.reshape(-1), [0.0, 1.0]).y[-1].reshape(3, 2), rows(y0, [0.0, 1.0]).y[-1]):
        torch.testing.assert_close(found, exact, rtol=1e-6, atol=1e-7)
        (gradient,) = torch.autograd.grad(found.sum(), y0)
        (reference,) = torch.autograd.grad(exact.sum(), y0, retain_graph=True)
        torch.testing.assert_close(gradient, reference, rtol=1e-5, atol=1e-7)


def test_continuous_adjoints_are_for_explicit_methods() -> None:
    with pytest.raises(SolveError, match="with KenCarp4 write adjoint='discrete'"):
        sn.neural.NeuralODE(lambda y: -y, "KenCarp4", adjoint="backsolve")
