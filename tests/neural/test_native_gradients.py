"""Gradients by the save times, checkpoints and kept values of the native road, against the torch road."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

import symnum as sn  # noqa: E402
from symnum.errors import SolveError  # noqa: E402
from symnum.neural.native.recorded import Checkpoints, Run  # noqa: E402
from symnum.neural.native.solve import BoundNetwork  # noqa: E402
from symnum.neural.native.trace import small_network  # noqa: E402
from symnum.neural.record import SolveOptions  # noqa: E402

DOUBLE = torch.float64
KINDS = ("error", "stiffness", "local", "local_biased", "local_stiffness")


class Timed(nn.Module):
    """f(t, y) with the time in columns, in a factor and as a number."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(3, 9), nn.Linear(9, 2)

    def forward(self, t: Any, y: Any) -> Any:
        hidden = torch.tanh(self.first(torch.cat([y, t.expand(y.shape[0], 1)], dim=1)))
        return self.last(hidden) * torch.cos(2 * t) + (t * t - 0.5) * y


def timed(seed: int = 3) -> Any:
    torch.manual_seed(seed)
    return Timed().double()


def found(engine: str, ts: Any, y0: Any, method: str = "Tsit5", **options: Any) -> tuple[Any, list[Any]]:
    """Rows and gradients by the start, the times and the weights, of a loss of the rows and of one with the regularisers."""
    node = sn.neural.NeuralODE(timed(), method, rtol=1e-7, atol=1e-8, dt=0.05, engine=engine, **options)
    times, start = ts.clone().requires_grad_(), y0.clone().requires_grad_()
    backwards = bool(ts[-1] < ts[0])
    out = node(start, times, backwards=backwards, generator=torch.Generator().manual_seed(5))
    loss = (torch.cos(torch.arange(out.y.numel(), dtype=DOUBLE)).reshape(out.y.shape) * out.y).sum()
    wanted = [start, times, *node.parameters()]
    rows = torch.autograd.grad(loss, wanted, retain_graph=True)
    return out, [rows, torch.autograd.grad(loss + sum(0.1 * out.regularizer(kind) for kind in KINDS), wanted)]


@pytest.mark.parametrize(
    ("method", "backwards", "checkpoints"),
    [("Tsit5", False, None), ("Tsit5", True, 3), ("Dopri5", True, None), ("Vern7", False, 3), ("Vern7", True, None)],
)
def test_gradients_by_times_and_through_checkpoints_are_those_of_torch(
    method: str, backwards: bool, checkpoints: int | None
) -> None:
    ts = torch.tensor([0.0, 0.11, 0.4, 0.4, 1.3], dtype=DOUBLE)
    ts = ts.flip(0) if backwards else ts
    y0 = torch.tensor([[0.9, -0.2], [0.3, 0.6]], dtype=DOUBLE)
    (a, by_torch), (b, by_native) = (found(e, ts, y0, method, checkpoints=checkpoints) for e in ("torch", "native"))
    assert a.stats.steps == b.stats.steps > 6
    torch.testing.assert_close(b.y, a.y, rtol=1e-11, atol=1e-12)
    for some, others, bound in zip(
        by_native, by_torch, (1e-11, 1e-6), strict=True
    ):  # E, S: differences of nearly equal numbers
        for x, z in zip(some, others, strict=True):
            assert float((x - z).norm() / z.norm()) < bound


def test_a_time_moves_its_row_along_f() -> None:
    """dy(t_k)/dt_k = f(t_k, y_k), and the start moves the whole run: dy/dt_0 = -dy/dy_0 f(t_0, y_0)."""
    ts, y0 = torch.tensor([0.0, 0.3, 0.7], dtype=DOUBLE), torch.tensor([[0.9, -0.2]], dtype=DOUBLE)
    net = timed()
    node = sn.neural.NeuralODE(net, "Vern7", rtol=1e-11, atol=1e-11, engine="native")
    times, start = ts.requires_grad_(), y0.requires_grad_()
    out = node(start, times)
    for k in (1, 2):
        for i in range(2):
            by_time, by_start = torch.autograd.grad(out.y[k, 0, i], [times, start], retain_graph=True)
            slope = net(ts[k].detach(), out.y[k].detach())[0, i].detach()
            assert abs(float(by_time[k] - slope)) < 1e-8
            assert abs(float(by_time[0] + (by_start * net(ts[0].detach(), y0).detach()).sum())) < 1e-8


def test_second_derivatives_are_refused() -> None:
    node = sn.neural.NeuralODE(timed(), engine="native")
    y = node(torch.ones(1, 2, dtype=DOUBLE), [0, 1]).y
    with pytest.raises(SolveError, match="engine='torch'"):
        torch.autograd.grad(y.sum(), list(node.parameters()), create_graph=True)


def run_of(batch: int, graph: bool, checkpoints: int | None) -> Run:
    net = small_network(timed(), 2, True)
    times = torch.linspace(0, 3, 40, dtype=DOUBLE).numpy()
    return Run(BoundNetwork(net, batch), times, SolveOptions("Tsit5", 1e-9, 1e-9), graph, checkpoints)


def test_values_inside_f_that_are_kept_give_what_computing_them_again_gives() -> None:
    y0 = torch.randn(3, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))
    found = []
    for kept in (10**6, 40, 0):
        run = run_of(3, True, None)
        rows, _, _, states = run.forward(y0)
        run.kept = min(run.kept, kept)
        by_start, by_weight = run.backward([torch.cos(rows), None, None, torch.sin(states)])
        found.append(torch.cat([by_start.reshape(-1), *(g.reshape(-1) for g in by_weight)]))
    torch.testing.assert_close(found[1], found[0], rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(found[2], found[0], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("most", [2, 3, 7, 100])
def test_checkpoints_keep_what_they_promise(most: int) -> None:
    y0 = torch.randn(1, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))
    whole, run = run_of(1, True, None), run_of(1, True, most)
    expected, got = whole.forward(y0), run.forward(y0)
    steps, kept = len(run.h), run.checkpoints
    assert steps == len(whole.h) > 60 and kept is not None
    for a, b in zip(got[:3], expected[:3], strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    assert len(kept.states) <= most and kept.stride <= max(1, -(-2 * steps // most))
    for number, state in enumerate(kept.states):
        torch.testing.assert_close(
            torch.from_numpy(state), expected[3][number * kept.stride].reshape(-1), rtol=0, atol=0
        )
    weights = torch.cos(expected[0])
    (a, by_a), (b, by_b) = (r.backward([weights, None, None, None]) for r in (whole, run))
    torch.testing.assert_close(b, a, rtol=1e-11, atol=1e-13)
    for x, z in zip(by_b, by_a, strict=True):
        torch.testing.assert_close(x, z, rtol=1e-10, atol=1e-12)


def test_segments_cover_the_steps() -> None:
    kept = Checkpoints(4)
    for first in range(0, 50, 10):
        kept.take(first, torch.arange(first, first + 10, dtype=DOUBLE).reshape(-1, 1).numpy())
    assert [float(s[0]) for s in kept.states] == [0, 16, 32, 48]
    assert kept.segments(50) == [(0, 16), (16, 32), (32, 48), (48, 50)]


def test_without_a_gradient_nothing_is_kept_and_the_rows_are_the_same() -> None:
    y0 = torch.randn(30, 2, dtype=DOUBLE, generator=torch.Generator().manual_seed(1))
    whole, pieces = run_of(30, True, None), run_of(30, False, None)
    a, b = whole.forward(y0), pieces.forward(y0)
    assert len(b[3]) == 0 and pieces.checkpoints is None and pieces.stats == whole.stats
    for x, z in zip(a[:3], b[:3], strict=True):
        torch.testing.assert_close(x, z, rtol=0, atol=0)
    assert pieces.t.tolist() == whole.t.tolist()


def test_threads_change_nothing() -> None:
    """The same bits for any number of threads, and torch's gradient: the batch falls into parts that do not depend on them."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(6, 90), nn.Tanh(), nn.Linear(90, 90), nn.Tanh(), nn.Linear(90, 6)).double()
    y0, times = torch.randn(300, 6, dtype=DOUBLE), torch.tensor([0.0, 0.3], dtype=DOUBLE)
    network = small_network(net, 6, False)
    assert BoundNetwork(network, 300).parts == 5 and BoundNetwork(network, 30).parts == 1
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2, 4):
            torch.set_num_threads(threads)
            run = Run(BoundNetwork(network, 300), times.numpy(), SolveOptions("Tsit5", 1e-5, 1e-5))
            rows = run.forward(y0)[0]
            by_start, by_weight = run.backward([torch.ones_like(rows), None, None, None])
            found.append((rows, by_start, *by_weight))
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(a, b) for a, b in zip(other, found[0], strict=True))
    node = sn.neural.NeuralODE(net, rtol=1e-5, atol=1e-5, engine="torch")
    wanted = torch.autograd.grad(node(y0, times).y.sum(), list(net.parameters()))
    for got, expected in zip(found[0][2:], wanted, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-9, atol=1e-9)
