"""Random small networks on the native road against torch: dense layers, convolutions, activations, joins, the time."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import symnum as sn  # noqa: E402
from symnum.codegen.jit import native_function  # noqa: E402
from symnum.neural.native.solve import BoundNetwork, native_reason  # noqa: E402
from symnum.neural.native.trace import small_network  # noqa: E402
from symnum.neural.record import SolveOptions  # noqa: E402

DOUBLE = torch.float64
ACTIVATIONS = [nn.Tanh, nn.ReLU, nn.Sigmoid, nn.Softplus, nn.GELU, nn.SiLU, nn.ELU, nn.LeakyReLU]


class Stack(nn.Module):
    """Layers one after the other; before each of them, perhaps, the time as one more column or channel; a skip and a factor at the end."""

    def __init__(self, layers: list[nn.Module], joins: list[bool], skip: float) -> None:
        super().__init__()
        self.layers, self.joins, self.skip = nn.ModuleList(layers), tuple(joins), skip

    def forward(self, t: Any, y: Any) -> Any:
        h = y
        for layer, join in zip(self.layers, self.joins):  # noqa: B905 (torch.fx reads lists of modules only so)
            if join:
                h = torch.cat([h, torch.ones_like(h[:, :1]) * torch.sin(t)], dim=1)
            h = layer(h)
        return h * (1 + 0.5 * t) - self.skip * y


@st.composite
def dense(draw: Any) -> tuple[nn.Module, tuple[int, ...]]:
    sizes = [draw(st.integers(1, 20)) for _ in range(draw(st.integers(1, 3)))]
    dim, layers, joins = sizes[0], list[nn.Module](), list[bool]()
    for before, after in zip(sizes, [*sizes[1:], dim], strict=True):
        joins += [draw(st.booleans()), False]
        layers += [
            nn.Linear(before + joins[-2], after, bias=draw(st.booleans())),
            draw(st.sampled_from(ACTIVATIONS))(),
        ]
    return Stack(layers, joins, draw(st.sampled_from([0.0, 0.3]))), (dim,)


@st.composite
def convolved(draw: Any) -> tuple[nn.Module, tuple[int, ...]]:
    """Padding, dilation and taps that keep the length; then one layer with a stride and a linear one back to the state."""
    channels, length = draw(st.integers(1, 4)), draw(st.integers(3, 19))
    layers, joins, now = list[nn.Module](), list[bool](), channels
    for last in [False] * draw(st.integers(0, 2)) + [True]:
        join, groups = draw(st.booleans()), draw(st.sampled_from([1, 1, 2]))
        taps, apart = draw(st.sampled_from([1, 2, 3])), draw(st.integers(1, 2))
        mode = draw(st.sampled_from(["zeros", "circular", "replicate", "reflect"]))
        if mode in ("circular", "reflect") and apart * (taps - 1) >= length:
            mode = "zeros"
        inside = now + join
        after = channels if last else draw(st.integers(1, 5))
        groups = groups if inside % groups == 0 and after % groups == 0 else 1
        options = {"dilation": apart, "groups": groups, "padding_mode": mode, "bias": draw(st.booleans())}
        layers += [nn.Conv1d(inside, after, taps, padding="same", **options), draw(st.sampled_from(ACTIVATIONS))()]
        joins += [join, False]
        now = after
    if draw(st.booleans()):
        stride, padding = draw(st.integers(1, 3)), draw(st.integers(0, 2))
        result = (length + 2 * padding - 3) // stride + 1
        if result >= 1:
            layers += [nn.Conv1d(channels, 2, 3, stride=stride, padding=padding), nn.Flatten()]
            layers += [nn.Linear(2 * result, channels * length), nn.Unflatten(1, (channels, length))]
            joins += [False] * 4
    return Stack(layers, joins, draw(st.sampled_from([0.0, 0.3]))), (channels, length)


def relative(a: Any, b: Any) -> float:
    return float((a - b).norm() / (b.norm() + 1e-300))


def agrees(net: nn.Module, shape: tuple[int, ...], batch: int) -> None:
    """f, w^T df/dy, w^T df/dt and the gradients by the weights, to round-off."""
    generator = torch.Generator().manual_seed(1)
    net = net.double()
    with torch.no_grad():
        for p in net.parameters():
            p.copy_(0.6 * torch.randn(p.shape, dtype=DOUBLE, generator=generator))
    y, w = (torch.randn(batch, *shape, dtype=DOUBLE, generator=generator) for _ in range(2))
    t, leaf = torch.tensor(0.7, dtype=DOUBLE, requires_grad=True), y.clone().requires_grad_()
    value = net(t, leaf)
    network = small_network(net, shape, True)
    wanted = [leaf, t, *network.parameters]
    gradients = torch.autograd.grad(value, wanted, w)
    bound = BoundNetwork(network, batch)
    bound.clear()
    out, back = np.empty(y.shape), np.empty(y.shape)
    field = native_function(network.compiled.rhs, ctypes.c_double, *[ctypes.c_void_p] * 3)
    pullback = native_function(network.compiled.pullback, ctypes.c_double, *[ctypes.c_void_p] * 4)
    field(0.7, y.data_ptr(), bound.at, out.ctypes.data)
    pullback(0.7, y.data_ptr(), bound.at, w.data_ptr(), back.ctypes.data)
    assert relative(torch.from_numpy(out), value.detach()) < 1e-14
    found = [torch.from_numpy(back), torch.tensor(bound.by_time(), dtype=DOUBLE)]
    found += bound.gradients()
    size = max(float(g.norm()) for g in gradients)
    for got, expected in zip(found, gradients, strict=True):
        assert float((got - expected).norm()) < 1e-13 * (float(expected.norm()) + 0.1 * size)


def same_solve(net: nn.Module, shape: tuple[int, ...], batch: int) -> None:
    """The steps of both roads are the same; rows to round-off; the gradient is that of torch through the steps that were taken."""
    y0 = torch.randn(batch, *shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(2)).requires_grad_()
    ts = torch.tensor([0.0, 0.04, 0.1], dtype=DOUBLE, requires_grad=True)
    native, other = (sn.neural.NeuralODE(net, rtol=1e-6, atol=1e-6, dt=0.02, engine=e) for e in ("native", "torch"))
    out = native(y0, ts)
    with torch.no_grad():
        plain = other(y0, ts)
    assert (out.stats.steps, out.stats.rejected) == (plain.stats.steps, plain.stats.rejected)
    assert relative(out.y.detach(), plain.y) < 1e-10
    again, wanted = native.replay(out), [y0, ts, *net.parameters()]
    weights = torch.cos(torch.arange(out.y.numel(), dtype=DOUBLE)).reshape(out.y.shape)
    found, expected = (torch.autograd.grad((weights * o.y).sum(), wanted) for o in (out, again))
    size = max(float(g.norm()) for g in expected)
    for a, b in zip(found, expected, strict=True):
        assert float((a - b).norm()) < 1e-10 * (float(b.norm()) + 0.1 * size)


@settings(max_examples=5)  # each is compiled
@given(made=dense(), batch=st.sampled_from([1, 3, 40]))
def test_dense_networks(made: tuple[nn.Module, tuple[int, ...]], batch: int) -> None:
    agrees(*made, batch)
    same_solve(*made, batch)


@pytest.mark.filterwarnings("ignore:Using padding=.same")
@settings(max_examples=4)
@given(made=convolved(), batch=st.sampled_from([1, 3, 35]))
def test_convolutions(made: tuple[nn.Module, tuple[int, ...]], batch: int) -> None:
    agrees(*made, batch)
    same_solve(*made, batch)


def test_a_convolution_is_solved_as_on_the_torch_road() -> None:
    """A state (batch, channels, length), chosen without asking: same steps, rows to round-off, gradients."""
    torch.manual_seed(2)
    layers = [nn.Conv1d(2, 5, 3, padding=1, padding_mode="circular"), nn.Tanh(), nn.Conv1d(5, 2, 5, padding=2)]
    net = nn.Sequential(*layers).double()
    y0, ts = torch.randn(3, 2, 12, dtype=DOUBLE), torch.tensor([0.0, 0.4, 1.0], dtype=DOUBLE)
    found = []
    for engine in ("torch", "native"):
        node = sn.neural.NeuralODE(net, rtol=1e-8, atol=1e-8, engine=engine)
        out = node(y0, ts)
        found.append((out, torch.autograd.grad(out.y.square().sum(), list(net.parameters()))))
    (a, by_torch), (b, by_native) = found
    assert a.stats == b.stats and b.y.shape == (3, 3, 2, 12)
    assert relative(b.y.detach(), a.y.detach()) < 1e-11
    for x, z in zip(by_native, by_torch, strict=True):
        assert relative(x, z) < 1e-9
    with torch.no_grad():
        chosen = sn.neural.NeuralODE(net, rtol=1e-8, atol=1e-8)
        chosen(y0, ts)
    assert chosen._native.network is not None


def test_a_state_of_columns_passes_through_channels() -> None:
    class Channels(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv1d(1, 4, 3, padding="same"), nn.Conv1d(4, 1, 3, padding="same")

        def forward(self, y: Any) -> Any:
            h = torch.tanh(self.one(y.unsqueeze(1)))
            h = h.reshape(y.shape[0], -1).view(y.shape[0], 4, y.shape[1])
            return self.two(h).squeeze(1).flatten(1)

    net = Channels().double()
    y0 = torch.randn(2, 9, dtype=DOUBLE)
    native, other = (
        sn.neural.NeuralODE(net, rtol=1e-9, atol=1e-9, engine=e)(y0, [0, 1]).y for e in ("native", "torch")
    )
    assert relative(native.detach(), other.detach()) < 1e-11


class Calls(nn.Module):
    def __init__(self, call: Any) -> None:
        super().__init__()
        self.call = call

    def forward(self, y: Any) -> Any:
        return self.call(y)


WEIGHT = torch.ones(2, 2, 3, dtype=DOUBLE)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (nn.Linear(5, 5).double(), "acts on channels"),
        (lambda y: nn.functional.conv1d(y, WEIGHT[:, :1], padding=1), "takes 1 channels and gets 2"),
        (lambda y: nn.functional.conv1d(y, WEIGHT), "shape (2, 5)"),
        (lambda y: nn.functional.conv1d(y, WEIGHT, dilation=3), "longer than its 5 numbers"),
        (lambda y: nn.functional.conv1d(y.flatten(1), WEIGHT), "unsqueeze(1)"),
        (lambda y: torch.cat([y, y], dim=2), "another axis"),
        (lambda y: y + y.flatten(1), "combines"),
        (lambda y: y.transpose(1, 2), "transpose"),
        (lambda y: y.reshape(-1, 10), "reshapes values"),
        (lambda y: y.reshape(y.shape[0], 3, -1), "reshapes 10 numbers"),
        (lambda y: y[:, 0], "takes values apart"),
        (nn.Conv2d(1, 1, 3).double(), "Conv2d"),
        (nn.MaxPool1d(2), "MaxPool1d"),
    ],
)
def test_what_is_not_understood_is_refused(call: Any, reason: str) -> None:
    got = native_reason(Calls(call), SolveOptions(), (2, 5))
    assert reason in got and "\n" not in got
