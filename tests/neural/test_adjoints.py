"""Gradients: against difference quotients over the recorded steps, against each other, and what they keep in memory."""

from __future__ import annotations

import re
import weakref
from collections import Counter

import pytest

import symnum as sn
from symnum.errors import SolveError, SolveWarning

torch = pytest.importorskip("torch")

from tests.neural.fields import TimedNet, worst_difference  # noqa: E402  (they need torch)

METHODS = ("Tsit5", "Dopri5", "Vern7")


def case() -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    net = TimedNet()
    y0 = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    ts = torch.tensor([0.0, 0.3, 0.7, 1.5], dtype=torch.float64, requires_grad=True)
    return net, y0, ts


def loss_of(out: sn.neural.Outcome) -> torch.Tensor:
    return (out.y**2).sum() + 3 * out.y[2, 1, 0] + out.y[0].sum()


@pytest.mark.parametrize("checkpoints", [None, 2, 3, 100])
@pytest.mark.parametrize("method", METHODS)
def test_the_discrete_adjoint_is_the_derivative_of_the_replayed_steps(method: str, checkpoints: int | None) -> None:
    net, y0, ts = case()
    node = sn.neural.NeuralODE(net, method, 1e-5, 1e-5, checkpoints=checkpoints)
    out = node(y0, ts)
    variables = [y0, ts, *net.parameters()]
    gradients = torch.autograd.grad(loss_of(out), variables)
    assert worst_difference(lambda: loss_of(node.replay(out, y0, ts)), variables, gradients, (1e-3,)) < 1e-8
    torch.testing.assert_close(node.replay(out).y, out.y, rtol=1e-11, atol=1e-12)


def test_per_sample_times_have_gradients() -> None:
    net, y0, _ = case()
    ts = torch.tensor([[0.0, 0.0, 0.0], [0.2, 0.9, 0.0], [0.8, 1.0, 0.4]], dtype=torch.float64, requires_grad=True)
    for checkpoints in (None, 2):
        node = sn.neural.NeuralODE(net, rtol=1e-5, atol=1e-5, checkpoints=checkpoints)
        out = node(y0, ts)
        gradients = torch.autograd.grad((out.y**2).sum(), [y0, *net.parameters(), ts])
        variables = [y0, *net.parameters()]
        assert worst_difference(lambda: (node.replay(out).y ** 2).sum(), variables, gradients[:-1], (1e-3,)) < 1e-8  # noqa: B023
        # a time of a row that is saved: dL/dt = dL/dy . f
        slope = net(torch.tensor(0.9, dtype=torch.float64), out.y[1, 1:2])[0]
        assert float(gradients[-1][1, 1]) == pytest.approx(float((2 * out.y[1, 1] * slope).sum().detach()), rel=1e-3)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("adjoint", ["interpolating", "backsolve"])
def test_continuous_adjoints_agree_with_the_discrete_one_to_the_tolerance(adjoint: str, method: str) -> None:
    net, y0, ts = case()
    variables = [y0, ts, *net.parameters()]
    discrete, other = (
        torch.autograd.grad(loss_of(sn.neural.NeuralODE(net, method, 1e-9, 1e-9, adjoint=a)(y0, ts)), variables)
        for a in ("discrete", adjoint)
    )
    for a, b in zip(discrete, other, strict=True):
        assert float((a - b).norm()) < 1e-6 * float(a.norm())


@pytest.mark.parametrize("adjoint", ["discrete", "interpolating", "backsolve"])
def test_gradients_of_solves_backwards_in_time(adjoint: str) -> None:
    y0 = torch.tensor([[1.0]], dtype=torch.float64, requires_grad=True)
    rate = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
    node = sn.neural.NeuralODE(lambda t, y: -rate * t * y, rtol=1e-9, atol=1e-9, adjoint=adjoint, parameters=[rate])
    out = node(y0, [1.0, 0.5, 0.0], backwards=True)  # y0 exp(rate/2 (1 - t^2))
    by_y0, by_rate = torch.autograd.grad(out.y[-1].sum(), (y0, rate))
    assert float(by_y0) == pytest.approx(2.718281828459045, rel=1e-7)
    assert float(by_rate) == pytest.approx(2.718281828459045 / 2, rel=1e-7)


def test_an_unstable_backsolve_warns_and_the_others_are_right() -> None:
    matrix = torch.tensor([[-30.0, 0.0], [0.0, -0.1]], dtype=torch.float64)
    for adjoint in ("discrete", "interpolating"):
        y0 = torch.ones(1, 2, dtype=torch.float64, requires_grad=True)
        out = sn.neural.NeuralODE(lambda y: y @ matrix, adjoint=adjoint)(y0, [0.0, 2.0])
        (gradient,) = torch.autograd.grad(out.y[-1].sum(), y0)
        assert float(gradient[0, 1]) == pytest.approx(0.8187307530779818, abs=1e-5)
    out = sn.neural.NeuralODE(lambda y: y @ matrix, adjoint="backsolve")(y0, [0.0, 2.0])
    with pytest.warns(SolveWarning, match="backsolve adjoint is unstable .* adjoint='discrete'"):
        torch.autograd.grad(out.y[-1].sum(), y0)


def test_continuous_adjoints_refuse_what_they_cannot_do() -> None:
    net, y0, _ = case()
    node = sn.neural.NeuralODE(net, adjoint="interpolating")
    with pytest.raises(SolveError, match="adjoint='discrete'"):
        node(y0, torch.tensor([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]))
    with pytest.raises(SolveError, match=re.escape("take 'local', which goes with any")):
        node(y0, [0.0, 1.0]).regularizer("error")


class Bytes:
    """What the graph keeps for the way back, in numbers of float64 (``saved_tensors_hooks``), without the parameters."""

    def __init__(self, net: torch.nn.Module) -> None:
        self.known = {p.data_ptr() for p in net.parameters()}
        self.seen: dict[int, int] = {}

    def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
        if tensor.data_ptr() not in self.known:
            self.seen[tensor.data_ptr()] = tensor.untyped_storage().nbytes() // 8
        return tensor


def test_memory_of_the_discrete_adjoint_grows_as_stated() -> None:
    """With the graph: with the number of steps. With checkpoints the graph keeps nothing of them, and m states are kept beside it."""
    net = TimedNet(width=40)
    y0 = torch.randn(5, 2, dtype=torch.float64)

    def kept(checkpoints: int | None, end: float) -> tuple[int, int]:
        node = sn.neural.NeuralODE(net, rtol=1e-6, atol=1e-6, checkpoints=checkpoints, dt=0.01)
        count = Bytes(net)
        with torch.autograd.graph.saved_tensors_hooks(count, lambda x: x):
            out = node(y0, [0.0, end])
        return out.stats.steps, sum(count.seen.values())

    few, many = kept(None, 2.0), kept(None, 20.0)
    assert many[0] > 3 * few[0]
    assert many[1] / many[0] == pytest.approx(few[1] / few[0], rel=0.25)  # the same for every step
    with_few, with_many = kept(4, 2.0), kept(4, 20.0)
    assert with_few[1] == with_many[1] < 0.02 * many[1]


class Held:
    """Numbers that graphs hold for the way back: what is held now and the most at any time; a storage counts once."""

    def __init__(self, net: torch.nn.Module) -> None:
        self.known = {p.data_ptr() for p in net.parameters()}
        self.holders: Counter[int] = Counter()
        self.sizes: dict[int, int] = {}
        self.most = 0

    def pack(self, tensor: torch.Tensor) -> object:
        key = tensor.untyped_storage().data_ptr()  # alive as long as it is held, so no other has it
        if key in self.known:
            return _Packed(tensor)
        self.holders[key] += 1
        self.sizes[key] = tensor.untyped_storage().nbytes() // 8
        self.most = max(self.most, sum(self.sizes[k] for k in self.holders))
        packed = _Packed(tensor)
        weakref.finalize(packed, self.release, key)
        return packed

    def release(self, key: int) -> None:
        self.holders[key] -= 1
        if not self.holders[key]:
            del self.holders[key]

    def __enter__(self) -> Held:
        self.hooks = torch.autograd.graph.saved_tensors_hooks(self.pack, lambda packed: packed.tensor)
        self.hooks.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.hooks.__exit__(*error)


class _Packed:
    def __init__(self, tensor: torch.Tensor) -> None:
        self.tensor = tensor.detach()  # with its graph, an output that its own node keeps would never be let go


def test_memory_of_checkpoints_is_m_states_and_the_graph_of_a_few_steps() -> None:
    """The formula of the docs, for numbers of checkpoints and of steps: the most that is held at any time, on the way back too."""
    net, y0 = TimedNet(width=40, scale=1.5), torch.randn(5, 2, dtype=torch.float64)

    def most(checkpoints: int | None, rtol: float) -> tuple[int, int]:
        node = sn.neural.NeuralODE(net, rtol=rtol, atol=rtol, checkpoints=checkpoints, engine="torch")
        with Held(net) as held:
            out = node(y0, [0.0, 5.0])
            out.y.square().sum().backward()
        return out.stats.steps, held.most

    whole = {rtol: most(None, rtol) for rtol in (1e-6, 1e-9)}
    assert whole[1e-9][0] > 2 * whole[1e-6][0] > 30
    per_step = whole[1e-9][1] / whole[1e-9][0]
    assert per_step == pytest.approx(whole[1e-6][1] / whole[1e-6][0], rel=0.1)
    for rtol, (steps, _) in whole.items():
        for m in (4, 8, 16):
            longest = -(-2 * steps // m)
            taken, held = most(m, rtol)
            assert taken == steps and held <= m * y0.numel() + 1.1 * longest * per_step
            assert held >= 0.4 * longest * per_step  # what is counted is that graph


@pytest.mark.parametrize("most", [2, 3, 7, 64])
def test_checkpoints_are_evenly_spread_and_never_too_many(most: int) -> None:
    from symnum.neural.march import Keep

    keep = Keep(most)
    for j in range(200):
        keep.take(j, torch.tensor(float(j)))
        assert len(keep.states) <= most
    kept = [float(s) for s in keep.states]
    assert kept == [float(i * keep.stride) for i in range(len(kept))]
    assert keep.stride * len(kept) >= 200 - keep.stride and keep.stride <= -(-2 * 200 // most)


ADJOINTS = ("discrete", "checkpoints", "interpolating", "backsolve")


@pytest.mark.parametrize(
    ("method", "adjoint"), [*((m, a) for m in METHODS for a in ADJOINTS), *(("KenCarp4", a) for a in ADJOINTS[:2])]
)
def test_nothing_is_made_on_the_default_device(method: str, adjoint: str) -> None:
    """As on a machine with an accelerator that is torch's default: whatever is made there by mistake has no numbers here."""
    net, y0, ts = case()
    options = {"checkpoints": 3} if adjoint == "checkpoints" else {"adjoint": adjoint}
    torch.set_default_device("meta")
    try:
        out = sn.neural.NeuralODE(net, method, 1e-3, 1e-3, **options)(y0, ts)
        kinds = ["local", "local_biased", "local_stiffness"]
        if adjoint in ("discrete", "checkpoints"):
            kinds += ["error", "stiffness"]
        loss = (out.y**2).sum() + sum(out.regularizer(kind) for kind in kinds)
        gradients = torch.autograd.grad(loss, [y0, ts, *net.parameters()])
    finally:
        torch.set_default_device(None)
    assert all(bool(torch.isfinite(g).all()) for g in gradients)


def test_second_derivatives_and_inference_mode() -> None:
    net, y0, ts = case()
    node = sn.neural.NeuralODE(net, rtol=1e-6, atol=1e-6)
    with torch.inference_mode():
        assert not node(y0, ts).y.requires_grad
    out = node(y0, ts)
    (first,) = torch.autograd.grad(loss_of(out), y0, create_graph=True)
    (second,) = torch.autograd.grad(first[0, 0], y0)
    assert worst_difference(lambda: _slope(node, out, y0, ts), [y0], [second], (1e-3,)) < 1e-6


def _slope(node: sn.neural.NeuralODE, out: sn.neural.Outcome, y0: torch.Tensor, ts: torch.Tensor) -> torch.Tensor:
    with torch.enable_grad():
        start = y0.detach().clone().requires_grad_()
        (gradient,) = torch.autograd.grad(loss_of(node.replay(out, start, ts)), start)
    return gradient[0, 0]
