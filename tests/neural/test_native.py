"""The native road: network and derivative against torch, the gradient of a solve against torch's through the same steps and against differences."""

from __future__ import annotations

import copy
import ctypes
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional  # noqa: E402

from symnum.codegen.jit import native_function  # noqa: E402
from symnum.neural.explicit import explicit_pair  # noqa: E402
from symnum.neural.march import retrace  # noqa: E402
from symnum.neural.native.solve import BoundNetwork, native_reason, native_solve  # noqa: E402
from symnum.neural.native.trace import NotNative, SmallNetwork, signature, small_network  # noqa: E402
from symnum.neural.record import Record, SolveOptions  # noqa: E402
from symnum.neural.save import Saves  # noqa: E402
from symnum.neural.vector_field import VectorField  # noqa: E402

DOUBLE = torch.float64


class Cube(nn.Module):
    """The spiral's network, small."""

    def __init__(self, width: int = 9) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, width), nn.Tanh(), nn.Linear(width, 2))

    def forward(self, t: Any, y: Any) -> Any:
        return self.net(y**3)


class Everything(nn.Module):
    """All that the native road knows: joins, time, skips, a shared layer, a matrix from the right, layers in both orders."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.shared, self.last = nn.Linear(4, 17), nn.Linear(17, 17), nn.Linear(17, 3, bias=False)
        self.matrix = nn.Parameter(0.2 * torch.randn(3, 3))
        self.register_buffer("ones", torch.ones(7, 3))
        self.rate = 0.3

    def forward(self, t: Any, y: Any) -> Any:
        h = functional.softplus(self.first(torch.cat([y, t.expand(y.shape[0], 1)], dim=-1)))
        h = functional.silu(self.shared(h)) - 0.5 * torch.sigmoid(self.shared(h))
        gate = torch.cat([torch.ones_like(y[:, :1]) * torch.cos(t), y.sin(), y * y], 1)
        return self.last(h) + y @ self.matrix - self.rate * y / (2 + torch.square(gate) @ self.ones)


def state(batch: int, dim: int, seed: int = 0) -> Any:
    return torch.randn(batch, dim, dtype=DOUBLE, generator=torch.Generator().manual_seed(seed))


def made(net: nn.Module, seed: int = 1) -> Any:
    torch.manual_seed(seed)
    for p in net.parameters():
        nn.init.normal_(p, std=0.6)
    return net.double()


def relative(a: Any, b: Any) -> float:
    return float((a - b).norm() / (b.norm() + 1e-300))


# --- the network itself ------------------------------------------------------------


def evaluate(network: SmallNetwork, t: float, y: Any, w: Any) -> tuple[Any, Any, list[Any]]:
    """f, w^T df/dy and the weight gradients, from the native functions."""
    bound = BoundNetwork(network, len(y))
    bound.clear()
    value, back = np.empty(y.shape), np.empty(y.shape)
    pointer = ctypes.c_void_p
    field = native_function(network.compiled.rhs, ctypes.c_double, *[pointer] * 3)
    pullback = native_function(network.compiled.pullback, ctypes.c_double, *[pointer] * 4)
    at = y.numpy().ctypes.data, bound.context.ctypes.data
    field(t, *at, value.ctypes.data)
    pullback(t, *at, w.numpy().ctypes.data, back.ctypes.data)
    return torch.from_numpy(value), torch.from_numpy(back), list(bound.gradients())


def agrees(net: nn.Module, dim: int, timed: bool, batch: int) -> None:
    network = small_network(net, dim, timed)
    y, w, t = state(batch, dim), state(batch, dim, 1), torch.tensor(0.7, dtype=DOUBLE)
    leaf = y.clone().requires_grad_()
    value = net(t, leaf) if timed else net(leaf)
    wanted = [p for p in network.parameters if p.requires_grad]
    gradients = torch.autograd.grad(value, [leaf, *wanted], w)
    got, back, by_weight = evaluate(network, 0.7, y, w)
    assert relative(got, value.detach()) < 1e-14
    assert relative(back, gradients[0]) < 1e-13
    found = {id(p): g for p, g in zip(network.parameters, by_weight, strict=True)}
    for parameter, gradient in zip(wanted, gradients[1:], strict=True):
        assert relative(found[id(parameter)], gradient) < 1e-13


@pytest.mark.parametrize("batch", [1, 5, 71])
def test_a_network_with_everything(batch: int) -> None:
    agrees(made(Everything()), 3, True, batch)


def test_activations() -> None:
    kinds = [nn.Tanh(), nn.ReLU(), nn.Sigmoid(), nn.Softplus(), nn.GELU(), nn.SiLU(), nn.ELU(0.7), nn.LeakyReLU(0.2)]
    layers = [m for kind in kinds for m in (kind, nn.Linear(5, 5))]
    agrees(made(nn.Sequential(nn.Linear(2, 5), *layers, nn.Identity(), nn.Linear(5, 2))), 2, False, 6)


def test_activations_far_out() -> None:
    """Each between values from -1e20 to 1e20: derivatives must not cancel."""
    network = made(nn.Sequential(nn.Linear(1, 8), nn.SiLU(), nn.Linear(8, 8), nn.Softplus(), nn.Linear(8, 1)))
    y = torch.tensor([[s * 10.0**e] for s in (1, -1) for e in (-2, 0, 1.3, 3, 9, 20)], dtype=DOUBLE)
    w = torch.ones_like(y)
    leaf = y.clone().requires_grad_()
    wanted = torch.autograd.grad(network(leaf), leaf, w)[0]
    got = evaluate(small_network(network, 1, False), 0.0, y, w)[1]
    np.testing.assert_allclose(got, wanted, rtol=1e-12)


def test_a_layer_alone_and_the_state_itself() -> None:
    agrees(made(nn.Linear(3, 3)), 3, False, 4)


# --- a solve ------------------------------------------------------------


def losses(record: Record) -> list[Any]:
    """Functions of all that carries a gradient."""
    states = record.states if torch.is_tensor(record.states) else torch.stack(list(record.states))
    weights = torch.cos(torch.arange(record.y.numel(), dtype=DOUBLE)).reshape(record.y.shape)
    heights = torch.sin(1.0 + torch.arange(len(record.errors), dtype=DOUBLE))
    inner = torch.sin(torch.arange(states[1:-1].numel(), dtype=DOUBLE)).reshape(states[1:-1].shape)
    return [
        (weights * record.y).sum(),
        (heights * record.errors).sum(),
        (heights * record.stiffness).sum(),
        (inner * states[1:-1] ** 2).sum(),
    ]


def replayed(net: nn.Module, timed: bool, y0: Any, ts: Any, options: SolveOptions, like: Record) -> Record:
    """The same steps on the torch road."""
    method, field = explicit_pair(options.method), VectorField(net, timed)
    saves = Saves(ts, 1.0 if ts[-1] > ts[0] else -1.0)
    saves.begin(y0)
    trace, states = retrace(method, field, y0, like.t, like.h, saves, options)
    return trace.record(method, saves, states, y0, field.evaluations)


@pytest.mark.parametrize(
    ("method", "backwards", "batch"),
    [("Tsit5", False, 1), ("Dopri5", True, 3), ("Vern7", False, 2), ("Tsit5", True, 40)],
)
def test_the_gradient_is_that_of_torch_through_the_same_steps(method: str, backwards: bool, batch: int) -> None:
    net, options = made(Cube()), SolveOptions(method, 1e-6, 1e-7, dt=0.05)
    ts = torch.linspace(0, 1, 9, dtype=DOUBLE)
    ts = ts.flip(0) if backwards else ts
    network = small_network(net, 2, True)
    found = []
    like: Record | None = None
    for native in (True, False):
        y0 = (0.6 * state(batch, 2)).requires_grad_()
        record = native_solve(network, y0, ts, options) if like is None else replayed(net, True, y0, ts, options, like)
        like = like or record
        wanted = [y0, *net.parameters()]
        gradients = [torch.autograd.grad(loss, wanted, retain_graph=True) for loss in losses(record)]
        found.append((record, losses(record), gradients))
        assert native == (record is like)
    (a, la, ga), (b, lb, gb) = found
    assert relative(a.y.detach(), b.y.detach()) < 1e-13
    for x, z in zip(la, lb, strict=True):
        assert abs(float((x - z).detach())) <= 1e-9 * (abs(float(z.detach())) + 1e-3)
    for k, (some, others) in enumerate(zip(ga, gb, strict=True)):
        for x, z in zip(some, others, strict=True):
            # S and E are differences of nearly equal numbers: their rounding is that of the slopes, divided by what is left
            assert relative(x, z) < (1e-11 if k in (0, 3) else 1e-7)


def test_the_gradient_against_differences_of_the_replayed_steps() -> None:
    net, options = made(Cube(5)), SolveOptions("Tsit5", 1e-6, 1e-8)
    ts, y0 = torch.linspace(0, 1, 5, dtype=DOUBLE), state(2, 2)
    record = native_solve(small_network(net, 2, True), y0, ts, options)
    parameters = list(net.parameters())
    every = [torch.autograd.grad(loss, parameters, retain_graph=True) for loss in losses(record)]
    for k, gradients in enumerate(every):
        direction = [torch.randn(p.shape, dtype=DOUBLE, generator=torch.Generator().manual_seed(3)) for p in parameters]
        quotient = 0.0
        for share, weight in ((1, 8), (-1, -8), (2, -1), (-2, 1)):  # of order 4
            moved = copy.deepcopy(net)
            with torch.no_grad():
                for p, d in zip(moved.parameters(), direction, strict=True):
                    p += 1e-4 * share * d
                value = losses(replayed(moved, True, y0, ts, options, record))[k]
            quotient += weight * float(value) / (12 * 1e-4)
        slope = float(sum((g * d).sum() for g, d in zip(gradients, direction, strict=True)))
        assert abs(slope - quotient) <= 1e-6 * abs(quotient) + 1e-12


def test_steps_counts_and_rows_are_those_of_the_adaptive_torch_road() -> None:
    from symnum.neural.march import Keep, march

    net, options = made(Cube()), SolveOptions("Tsit5", 1e-7, 1e-9)
    ts, y0 = torch.linspace(0, 2, 7, dtype=DOUBLE), state(3, 2)
    record = native_solve(small_network(net, 2, True), y0, ts, options)
    method, field, saves = explicit_pair("Tsit5"), VectorField(net, True), Saves(ts, 1.0)
    with torch.no_grad():
        other = march(method, field, y0, saves, options, Keep()).record(method, saves, [], y0, 0)
    assert (record.stats.steps, record.stats.rejected) == (other.stats.steps, other.stats.rejected)
    assert record.stats.rhs_evaluations == field.evaluations
    np.testing.assert_allclose(record.t, other.t, rtol=1e-6)  # controllers amplify the rounding of the estimate
    assert relative(record.y.detach(), other.y) < 1e-11


def test_against_an_exact_solution() -> None:
    """y' = A y, a rotation with decay."""
    net = nn.Linear(2, 2, bias=False).double()
    with torch.no_grad():
        net.weight.copy_(torch.tensor([[-0.1, 2.0], [-2.0, -0.1]]))
    ts = torch.linspace(0, 3, 11, dtype=DOUBLE)
    record = native_solve(
        small_network(net, 2, False), torch.tensor([[1.0, 0.0]], dtype=DOUBLE), ts, SolveOptions("Vern7", 1e-10, 1e-12)
    )
    exact = torch.exp(-0.1 * ts)[:, None] * torch.stack([torch.cos(2 * ts), -torch.sin(2 * ts)], dim=1)
    assert float((record.y[:, 0].detach() - exact).abs().max()) < 1e-8
    final = torch.autograd.grad(record.y[-1, 0, 0], net.weight)[0]
    assert abs(float(final[0, 0] + final[1, 1]) - 3 * float(exact[-1, 0])) < 1e-7  # d/ds exp((A + s) t) = t exp(A t)


def test_weights_are_read_anew_and_changes_before_the_gradient_are_noticed() -> None:
    net = made(Cube(5))
    network, ts = small_network(net, 2, True), torch.tensor([0.0, 1.0], dtype=DOUBLE)
    before = native_solve(network, state(1, 2), ts, SolveOptions())
    with torch.no_grad():
        net.net[0].weight.mul_(1.1)
    assert not torch.equal(native_solve(network, state(1, 2), ts, SolveOptions()).y, before.y)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        before.y.sum().backward()


def test_what_stops_a_solve_is_a_sentence() -> None:
    net = made(Cube(5))
    network, ts = small_network(net, 2, True), torch.linspace(0, 1, 4, dtype=DOUBLE)
    few = native_solve(network, state(1, 2), ts, SolveOptions(rtol=1e-10, atol=1e-12, max_steps=3))
    assert not few.success and "max_steps = 3" in few.message and few.stats.steps <= 3
    assert torch.isnan(few.y[-1]).all() and torch.equal(few.y[0].detach(), state(1, 2))
    with torch.no_grad():
        net.net[0].weight[0, 0] = torch.nan
    bad = native_solve(network, state(1, 2), ts, SolveOptions())
    assert not bad.success and "NaN" in bad.message and len(bad.t) == 1


@pytest.mark.parametrize(
    ("net", "dim", "reason"),
    [
        (nn.Sequential(nn.Linear(2, 3), nn.Dropout(), nn.Linear(3, 2)), 2, "Dropout"),
        (nn.Sequential(nn.Linear(2, 3), nn.Softmax(-1), nn.Linear(3, 2)), 2, "Softmax"),
        (nn.Sequential(nn.Linear(2, 3), nn.GELU(approximate="tanh"), nn.Linear(3, 2)), 2, "options"),
        (nn.Sequential(nn.Linear(2, 3), nn.Tanh()), 2, "width 2"),
        (nn.Linear(3, 3), 2, "takes 3 inputs and gets 2"),
        (nn.Linear(600, 600), 600, "600 columns"),
        (nn.utils.parametrizations.spectral_norm(nn.Linear(2, 2)), 2, ""),
    ],
)
def test_networks_that_do_not_fit_are_told_why(net: nn.Module, dim: int, reason: str) -> None:
    got = native_reason(net.double(), SolveOptions(), dim)
    assert got and reason in got and "\n" not in got


def test_options_that_do_not_fit_are_told_why() -> None:
    net = nn.Linear(2, 2).double()
    assert native_reason(net, SolveOptions(), 2) == ""
    assert "KenCarp4" in native_reason(net, SolveOptions("KenCarp4"))
    assert "round-off" in native_reason(net, SolveOptions(rtol=1e-15))
    assert "float32" in native_reason(nn.Linear(2, 2), SolveOptions())
    assert "function" in native_reason(lambda y: y, SolveOptions())
    with pytest.raises(NotNative, match="hooks"):
        hooked = nn.Linear(2, 2).double()
        hooked.register_forward_hook(lambda *_: None)
        small_network(hooked, 2, False)


def test_control_flow_on_values_is_told() -> None:
    class Branching(nn.Module):
        def forward(self, y: Any) -> Any:
            return y if y.sum() > 0 else -y

    assert "graph cannot be read" in native_reason(Branching(), SolveOptions(), 2)


def test_code_does_not_depend_on_batch_or_weights() -> None:
    first, second = (small_network(made(Cube(), seed), 2, True) for seed in (1, 2))
    assert first.compiled is second.compiled
    a, b = (native_solve(n, state(k, 2), [0.0, 0.1], SolveOptions()) for n, k in ((first, 1), (second, 50)))
    assert a.success and b.success and first.compiled is second.compiled


def test_two_solves_before_one_gradient_keep_apart() -> None:
    net = made(Cube(5))
    network = small_network(net, 2, True)
    ts = torch.linspace(0, 1, 3, dtype=DOUBLE)
    alone = []
    for seed in (1, 2):
        loss = native_solve(network, state(1, 2, seed), ts, SolveOptions()).y.sum()
        alone.append(torch.autograd.grad(loss, list(net.parameters())))
    both = sum(native_solve(network, state(1, 2, seed), ts, SolveOptions()).y.sum() for seed in (1, 2))
    for total, x, z in zip(torch.autograd.grad(both, list(net.parameters())), *alone, strict=True):
        assert relative(total, x + z) < 1e-14


def test_nothing_is_printed_while_compiling(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMNUM_CACHE", "off")
    assert small_network(nn.Sequential(nn.Linear(2, 3), nn.GELU(), nn.Linear(3, 2)).double(), 2, False).compiled.rhs
    assert capfd.readouterr() == ("", "")


def test_a_module_that_changes_is_noticed() -> None:
    net = made(Everything())
    first = signature(net)
    with torch.no_grad():
        net.matrix.mul_(2.0)
    assert signature(net) == first
    net.rate = 0.5
    second = signature(net)
    net.last = nn.Linear(17, 3).double()
    assert len({first, second, signature(net)}) == 3


class Shapes(nn.Module):
    """All ways to bring the time and numbers to the shape of the state."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(15, 2)

    def forward(self, t: Any, y: Any) -> Any:
        parts = [
            y,
            torch.ones_like(y) * t,
            t.expand(y.shape[0], 3),
            t.expand_as(y) + y,
            t * y.new_ones(y.shape[0], 1) - torch.full_like(y[..., :1], 0.25),
            y.new_zeros((y.size(0), 2)) + t.expand(y.shape),
            torch.sin(t) * torch.zeros_like(y[:, :1]) + t.repeat(y.shape[0], 1),
            functional.elu(y.to(t)) - functional.leaky_relu(y, 0.3),
        ]
        return self.layer(torch.cat(parts, dim=-1)) / (1 + t * t)


@pytest.mark.parametrize("batch", [1, 7])
def test_shapes_and_times(batch: int) -> None:
    agrees(made(Shapes()), 2, True, batch)


class Calls(nn.Module):
    """One call on the state."""

    def __init__(self, call: Any) -> None:
        super().__init__()
        self.call = call

    def forward(self, y: Any) -> Any:
        return self.call(y)


@pytest.mark.parametrize(
    ("call", "reason"),
    [
        (lambda y: torch.add(y, y, alpha=2), "in a way"),
        (lambda y: functional.gelu(y, approximate="tanh"), "options"),
        (lambda y: functional.relu(y, inplace=True) + y, "in place"),
        (lambda y: y[:, :1] + y, "neither a value"),
        (lambda y: y[:, 1:], "takes values apart"),
        (lambda y: y - y.mean(), "mean"),
        (lambda y: y.reshape(-1), "reshape"),
        (lambda y: torch.cat([y, y]), "another axis"),
        (lambda y: torch.softmax(y, -1), "softmax"),
        (lambda y: 2**y, "exponent"),
        (lambda y: y @ torch.ones(2), "something else"),
        (lambda y: y * y.shape[0], "neither a value"),
        (lambda y: y.expand(2, 2), "reshapes"),
        (lambda y: torch.ones(3, 2) * y, ""),
    ],
)
def test_what_is_not_understood_is_refused(call: Any, reason: str) -> None:
    got = native_reason(Calls(call), SolveOptions(), 2)
    assert got and reason in got


def test_a_module_in_place_is_refused() -> None:
    assert "in place" in native_reason(
        nn.Sequential(nn.Linear(2, 2), nn.ReLU(inplace=True)).double(), SolveOptions(), 2
    )
