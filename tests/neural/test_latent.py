"""Latent ODEs: what they learn from series with gaps, and that what was not observed plays no part."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.errors import SolveError

torch = pytest.importorskip("torch")


def waves(count: int, seed: int, missing: float = 0.5) -> tuple[Any, Any, Any]:
    """sin(2 pi t + phase) of random phase at 16 times, of which a share is not observed."""
    generator = torch.Generator().manual_seed(seed)
    times = torch.linspace(0, 1, 16, dtype=torch.float64)
    phase = 2 * math.pi * torch.rand(count, 1, generator=generator, dtype=torch.float64)
    mask = torch.rand(count, 16, generator=generator) >= missing
    return torch.sin(2 * math.pi * times + phase)[:, :, None], mask, times


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tensors this small are slower on several threads, much slower where these wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def model(**options: Any) -> Any:
    torch.manual_seed(0)
    return sn.neural.LatentODE(1, **{"latent": 4, "hidden": 24, **options}).double()


def test_waves_of_random_phase_are_learnt_from_half_of_their_points() -> None:
    latent = model()
    batches = [waves(32, seed) for seed in range(50)]
    report = sn.neural.fit(
        latent, sn.neural.LatentODE.loss, batches, 5, learning_rate=1e-2, regulariser="error", lambda_=0.1,
        seed=0, progress=False,
    )  # fmt: skip
    assert report.success and report.history[-1]["loss"] < 0.3 * report.history[0]["loss"]
    values, mask, times = waves(64, seed=999)
    with torch.no_grad():
        error = ((latent.eval()(values, mask, times).y - values)[~mask]).square().mean()
        again = latent(values, mask, times, at=times).y
    assert float(error) < 0.3 * float(values[~mask].var())  # the mean's error is the variance
    torch.testing.assert_close(again, latent(values, mask, times).y)


@pytest.mark.parametrize("engine", ["native", "torch"])
def test_what_was_not_observed_plays_no_part(engine: str) -> None:
    latent = model(engine=engine)
    values, mask, times = waves(5, seed=1)
    mask[2] = False  # nothing at all
    found = []
    for other in (0.0, 1e6, math.nan):
        latent.zero_grad()
        torch.manual_seed(3)
        loss = latent.loss((torch.where(mask[:, :, None], values, other), mask, times))
        loss.backward()
        found.append([loss.detach(), *(p.grad.clone() for p in latent.parameters())])
    assert all(torch.isfinite(x).all() for x in found[0])
    for others in found[1:]:
        assert all(torch.equal(x, z) for x, z in zip(found[0], others, strict=True))


def test_padding_and_the_other_series_change_nothing() -> None:
    """A series alone, and with padding (times NaN) beside a longer one, is encoded and decoded alike."""
    latent = model(rtol=1e-10, atol=1e-10).eval()
    short, long = waves(1, seed=1, missing=0.0), waves(1, seed=2, missing=0.0)
    values, times = torch.full((2, 16, 1), math.nan, dtype=torch.float64), torch.full((2, 16), math.nan)
    times = times.double()
    values[0, :6], times[0, :6] = short[0][0, :6], short[2][:6] ** 2  # times of its own
    values[1], times[1] = long[0][0], long[2]
    mask = torch.ones(2, 16, 1)
    mask[0, 6:] = 0
    both = latent(values, mask, times)
    alone = latent(values[:1, :6], mask[:1, :6], times[:1, :6])
    torch.testing.assert_close(both.mean[:1], alone.mean, rtol=1e-12, atol=1e-13)
    torch.testing.assert_close(both.y[:1, :6], alone.y, rtol=1e-8, atol=1e-9)
    assert torch.isfinite(both.y).all()


def test_the_bound_is_that_of_the_formula() -> None:
    """Against NumPy, from the means, in evaluation mode: z(start) = m."""
    latent = model(noise=0.3).eval()
    values, mask, times = waves(3, seed=4)
    out = latent(values, mask, times)
    y, m, v, x = (a.detach().numpy() for a in (out.y, out.mean, out.log_variance, values))
    kept = mask.numpy()
    likely = -0.5 * ((x - y)[kept] / 0.3) ** 2 - np.log(0.3) - 0.5 * np.log(2 * np.pi)
    divergence = 0.5 * (m**2 + np.exp(v) - 1 - v)
    for weight in (1.0, 0.2):
        expected = (weight * divergence.sum() - likely.sum()) / 3
        assert float(latent.loss((values, mask, times), weight).detach()) == pytest.approx(expected, rel=1e-12)


def test_parts_of_ones_own_and_the_start() -> None:
    class Mean(torch.nn.Module):
        """(mean of what was observed, its last gap; -100, -100): z has no spread."""

        def forward(self, values: Any, mask: Any, gaps: Any) -> Any:
            mean = values.sum((1, 2)) / mask.sum((1, 2))
            return torch.stack([mean, gaps[:, -1], *torch.full((2, len(mean)), -100.0)], 1)

    rotation = torch.nn.Linear(2, 2, bias=False).double()
    with torch.no_grad():
        rotation.weight.copy_(torch.tensor([[0.0, -1.0], [1.0, 0.0]]))
    latent = sn.neural.LatentODE(
        2, 2, encoder=Mean(), field=rotation, decoder=torch.nn.Identity(), start=-1.0, rtol=1e-9, atol=1e-9
    )
    values = torch.tensor([[[2.0, 2.0], [math.nan, 9.0], [4.0, 4.0]]], dtype=torch.float64)
    out = latent(values, [[[1, 0], [0, 0], [1, 0]]], [0.0, 1.0, 3.0])
    start, gap = 3.0, 3.0  # no observation at t = 1, so 3 time units since the one before
    assert out.mean.tolist() == [[start, gap]]
    turned = (start + 1j * gap) * np.exp(1j * (np.array([0.0, 1.0, 3.0]) + 1.0))
    np.testing.assert_allclose(out.y[0].detach().numpy(), np.stack([turned.real, turned.imag], 1), atol=1e-7)


def test_bad_input_is_named() -> None:
    latent = model()
    x, mask, t = waves(2, seed=0, missing=0.0)
    nan = x.clone()
    nan[0, 3] = math.nan
    for given, says in (
        ((x[:, :, 0], mask, t), r"expected a tensor \(batch, time, features = 1\)"),
        ((x.float(), mask, t), r"model\.to\('cpu', torch\.float32\)"),
        ((x, mask[:, :3], t), "the mask has the shape"),
        ((x, 0.5 * mask, t), "other numbers than 0 and 1"),
        ((x, mask, t[:3]), "times have the shape"),
        ((x, mask, t - 1), "before start = 0"),
        ((x, mask, t.flip(0)), "decrease; sort"),
        ((nan, mask, t), "set its mask to 0"),
        ((x, mask, 0 * t), "set start= before the first"),
        ((x, mask, t, [-1.0]), "write at="),
        ((x, "all", t), "the mask: expected a tensor"),
    ):
        with pytest.raises(SolveError, match=says):
            latent(*given)
    with pytest.raises(SolveError, match="three tensors, not a dict"):
        latent.loss({"values": x, "mask": mask, "times": t})
    with pytest.raises(SolveError, match="the encoder gave"):
        _wrong_encoder()(x, mask, t)
    for options in ({"latent": 0}, {"noise": 0.0}, {"start": "now"}):
        with pytest.raises(SolveError, match=r"not a (whole|finite) number"):
            model(**options)


def _wrong_encoder() -> Any:
    class Wrong(torch.nn.Module):
        def forward(self, values: Any, mask: Any, gaps: Any) -> Any:
            return gaps

    return model(encoder=Wrong())
