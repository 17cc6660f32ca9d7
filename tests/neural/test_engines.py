"""The two roads give the same through ``NeuralODE``; which one is taken."""

from __future__ import annotations

import copy
import io
from itertools import pairwise

import pytest

import symnum as sn
from symnum.errors import SolveError

torch = pytest.importorskip("torch")

KINDS = ("error", "error_squared", "stiffness", "local", "local_biased", "local_stiffness")


def network(width: int = 10) -> torch.nn.Sequential:
    torch.manual_seed(4)
    layers = (torch.nn.Linear(2, width), torch.nn.Tanh(), torch.nn.Linear(width, 2))
    return torch.nn.Sequential(*layers).double()


@pytest.mark.parametrize("backwards", [False, True])
def test_both_roads_take_the_same_steps_and_give_the_same_gradients(backwards: bool) -> None:
    y0 = torch.tensor([[2.0, 0.0], [1.0, -1.0]], dtype=torch.float64, requires_grad=True)
    times = [0.0, 0.5, 0.7, 3.0][:: -1 if backwards else 1]
    found = []
    for engine in ("torch", "native", "auto"):
        node = sn.neural.NeuralODE(network(), rtol=1e-6, atol=1e-6, dt=0.3, engine=engine)
        out = node(y0, times, backwards=backwards, generator=torch.Generator().manual_seed(0))
        assert out.y.shape == (4, 2, 2)
        loss = (out.y**2).sum() + sum(out.regularizer(kind) for kind in KINDS)
        gradients = torch.autograd.grad(loss, [y0, *node.parameters()])
        found.append((out, float(loss.detach()), torch.cat([g.reshape(-1) for g in gradients])))
        torch.testing.assert_close(node.replay(out).y, out.y, rtol=1e-11, atol=1e-12)
        again = node(y0, times, backwards=backwards, generator=torch.Generator().manual_seed(0))  # now t* is saved
        torch.testing.assert_close(again.y, out.y)
        torch.testing.assert_close(again.regularizer("local"), out.regularizer("local"), rtol=1e-7, atol=0)
    for other, loss, gradient in found[1:]:
        assert other.stats == found[0][0].stats
        torch.testing.assert_close(other.steps, found[0][0].steps, rtol=1e-7, atol=1e-9)
        assert loss == pytest.approx(found[0][1], rel=1e-6)
        torch.testing.assert_close(gradient, found[0][2], rtol=1e-5, atol=1e-7)


def test_the_native_road_sees_new_weights_layers_and_copies() -> None:
    y0 = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
    node = sn.neural.NeuralODE(network(), engine="native")

    def same() -> bool:
        reference = sn.neural.NeuralODE(node.net, engine="torch")
        with torch.no_grad():
            return torch.allclose(node(y0, [0, 1]).y, reference(y0, [0, 1]).y, rtol=1e-10)

    assert same()
    with torch.no_grad():
        node.net[0].weight *= 2
    assert same()
    node.net[1] = torch.nn.Softplus()
    assert same()
    node.net[2] = torch.nn.Linear(10, 2, dtype=torch.float64)
    assert same()
    other = copy.deepcopy(node)
    with torch.no_grad():
        other.net[0].weight *= 3
        assert not torch.allclose(other(y0, [0, 1]).y, node(y0, [0, 1]).y)
    assert same()
    stored = io.BytesIO()
    torch.save(node.state_dict(), stored)
    other.load_state_dict(torch.load(io.BytesIO(stored.getvalue()), weights_only=True))
    with torch.no_grad():
        torch.testing.assert_close(other(y0, [0, 1]).y, node(y0, [0, 1]).y)


def test_the_native_road_sees_what_its_parts_hold() -> None:
    """Functions and lists among the attributes, and hooks, that were exchanged between two solves."""

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.act, self.rates = network(), torch.tanh, [1.0, 2.0]

        def forward(self, y: torch.Tensor) -> torch.Tensor:
            return self.inner(self.act(y)) * self.rates[0] - self.rates[1] * y

    y0 = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
    net = Net()
    node, reference = (sn.neural.NeuralODE(net, engine=engine) for engine in ("auto", "torch"))
    seen = []
    for change in (
        lambda: None,
        lambda: setattr(net, "act", torch.sin),
        lambda: net.rates.__setitem__(0, 0.5),
        lambda: net.inner[0].register_forward_hook(lambda m, i, out: 2 * out),
        lambda: setattr(net.inner, "1", torch.nn.Softplus()),
    ):
        change()
        with torch.no_grad():
            seen.append(node(y0, [0, 1]).y)
            torch.testing.assert_close(seen[-1], reference(y0, [0, 1]).y, rtol=1e-9, atol=1e-10)
    assert all((a - b).abs().max() > 1e-3 for a, b in pairwise(seen))


@pytest.mark.filterwarnings("ignore:.*deprecated:DeprecationWarning")
def test_which_road_is_taken() -> None:
    y0 = torch.tensor([[1.0, 0.5]], dtype=torch.float64)
    for options, call, says in (
        ({"adjoint": "backsolve"}, lambda n: n(y0, [0, 1]), "discrete adjoint"),
        ({}, lambda n: n(y0[0], [0, 1]), r"\(batch, dim\)"),
        ({}, lambda n: n.float()(y0.float(), [0, 1]), "float64"),
        ({}, lambda n: n(y0, [[0.0], [1.0]]), "all samples share"),
    ):
        with pytest.raises(SolveError, match=says + ".*engine='torch'"):
            call(sn.neural.NeuralODE(network(), engine="native", **options))
        call(sn.neural.NeuralODE(network(), engine="auto", **options))
    traced = torch.jit.trace(network(), (y0,))  # has no parts that could be watched
    torch.testing.assert_close(
        sn.neural.NeuralODE(traced, time_dependent=False)(y0, [0, 1]).y,
        sn.neural.NeuralODE(network())(y0, [0, 1]).y,
    )
    with pytest.raises(SolveError, match=r"a function, not a torch\.nn\.Module"):
        sn.neural.NeuralODE(lambda y: -y, engine="native")(y0, [0, 1])
