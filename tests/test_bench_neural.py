"""The bench on neural equations: its yardsticks see what they should, and what is not installed is reported."""

from __future__ import annotations

import importlib.util
from typing import Any

import numpy as np
import pytest

import symnum as sn

torch = pytest.importorskip("torch")

from benchmarks import _neural_digits, _neural_gradients, _neural_steps, neural  # noqa: E402  (they need torch)


@pytest.mark.parametrize("error", [0.0, 1e-4])
def test_a_wrong_gradient_deviates(error: float) -> None:
    """d/dx of sum(sin x + x^2 y), and one that is off by a share of it."""
    x, y = (torch.linspace(a, 1, 3, dtype=torch.float64) for a in (0, 0.4))
    slopes = [(1 + error) * (torch.cos(x) + 2 * x * y), (1 + error) * x**2]
    found = _neural_gradients.deviation(lambda: (torch.sin(x) + x**2 * y).sum(), [x, y], slopes)
    assert found == pytest.approx(error, rel=1e-3, abs=1e-10)
    assert torch.equal(x, torch.linspace(0, 1, 3, dtype=torch.float64))


def test_the_steps_in_numpy_are_those_of_tsit5() -> None:
    """y' = y cos t over n steps to t = 1, against exp(sin 1): order five."""
    errors = []
    for n in (16, 32):
        steps = [(k / n, 1 / n) for k in range(n)]
        end = _neural_gradients._tsit5(lambda t, y, p: p * np.cos(t) * y, np.ones(1), 1.0, steps)
        errors.append(abs(float(end[0]) - np.exp(np.sin(1))))
    assert abs(np.log2(errors[0] / errors[1]) - 5) < 0.5


def test_batches_are_full_and_hold_no_image_twice() -> None:
    images = torch.arange(3 * _neural_digits.BATCH + 5, dtype=torch.float64)
    batches = _neural_digits.Batches(images, -images)
    parts = list(batches)
    assert len(parts) == len(batches) == 3 and all(len(a) == _neural_digits.BATCH for a, _ in parts)
    seen = torch.cat([a for a, _ in parts])
    assert len(seen.unique()) == len(seen) and torch.equal(seen, -torch.cat([b for _, b in parts]))
    assert not torch.equal(seen, torch.cat([a for a, _ in batches]))  # another order


def test_what_is_not_installed_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    rows, bars = _neural_digits.digits()
    assert "pip install scikit-learn" in rows[0]["data"]
    assert all(bar["value"] is None and not bar["holds"] for bar in bars)


def test_the_spiral_network_is_the_problem_s() -> None:
    """2-50-2 on u^3: odd in u^3 up to its biases, 252 weights, and known to the native road."""
    net: Any = _neural_steps.spiral_network()
    assert sum(p.numel() for p in net.parameters()) == 252
    y0 = torch.tensor([[2.0, 0.0]], dtype=torch.float64)
    by_road = [sn.neural.NeuralODE(net, engine=e)(y0, [0.0, 0.5]).y[-1] for e in ("native", "torch")]
    torch.testing.assert_close(*by_road, rtol=1e-9, atol=1e-9)
    u = torch.tensor([[0.7, -0.3]], dtype=torch.float64)
    torch.testing.assert_close(net(None, u), net.net(u**3))


def test_an_unknown_part_and_a_missing_folder_are_named() -> None:
    with pytest.raises(sn.UnknownName, match=r"no part 'digit'.*Did you mean 'digits'"):
        neural.run(part="digit")
    with pytest.raises(sn.FileError, match="no folder 'nowhere'"):
        neural.run(part="digits", picture="nowhere/digits.png")
