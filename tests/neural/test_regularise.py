"""Regularisers: values against their formulas, gradients against differences, unbiasedness; schedules, random end times."""

from __future__ import annotations

import math

import pytest

import symnum as sn
from symnum.errors import SolveError, UnknownName

torch = pytest.importorskip("torch")

from symnum.neural.discrete import Starts  # noqa: E402
from symnum.neural.regularise import GLOBAL, LOCAL, REGULARISERS, regulariser  # noqa: E402
from tests.neural.fields import TimedNet, difference  # noqa: E402

METHODS = ("Tsit5", "Dopri5", "Vern7")
# lengths for difference quotients: Vern7 has long steps, and its estimates bend more within them
STEPS = {"Tsit5": (3e-4,), "Dopri5": (3e-4,), "Vern7": (1e-3, 1e-4, 1e-5)}
TIMES = torch.tensor([0.0, 0.7, 2.5], dtype=torch.float64)


def solved(tol: float = 1e-4, **options: object) -> tuple[sn.neural.NeuralODE, sn.neural.Outcome, torch.Tensor]:
    """A solve whose estimates all lie well above round-off, also that of the first step."""
    node = sn.neural.NeuralODE(TimedNet(scale=2.0), rtol=tol, atol=tol, dt=0.4, engine="torch", **options)
    y0 = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    return node, node(y0, TIMES, generator=torch.Generator().manual_seed(2)), y0


def test_values_are_their_formulas() -> None:
    _, out, _ = solved()
    e, h, s = out.errors, out.steps.abs(), out.stiffness
    for kind, value in (
        ("error", (e * h).sum()),
        ("error_squared", (e * e).sum()),
        ("error_mean", (e * h).mean()),
        ("stiffness", s.sum()),
        ("stiffness_max", s.max()),
    ):
        torch.testing.assert_close(out.regularizer(kind), value)
    j = out.starts.chosen[0]
    torch.testing.assert_close(out.regularizer("local_biased"), e[j] * h[j] * len(h))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("checkpoints", [None, 2])
@pytest.mark.parametrize("kind", REGULARISERS)
def test_gradients_are_those_of_the_replayed_steps(kind: str, checkpoints: int | None, method: str) -> None:
    """A constant k_1 would be wrong by orders of magnitude here."""
    node, out, y0 = solved(1e-3, method=method, checkpoints=checkpoints)
    variables = [y0, *node.net.parameters()]
    gradients = torch.autograd.grad(out.regularizer(kind), variables, materialize_grads=True)
    found = difference(lambda: node.replay(out, y0).regularizer(kind), variables, gradients, STEPS[method])
    assert found < 1e-6


@pytest.mark.parametrize("adjoint", ["interpolating", "backsolve"])
def test_local_regularisers_go_with_any_adjoint(adjoint: str) -> None:
    for kind in LOCAL:
        results = []
        for choice in ("discrete", adjoint):
            node, out, y0 = solved(1e-6, adjoint=choice)
            results.append(
                torch.autograd.grad(out.regularizer(kind), [y0, *node.net.parameters()], materialize_grads=True)
            )
        for a, b in zip(*results, strict=True):
            assert float((a - b).norm()) < 1e-3 * float(a.norm())


def test_the_biased_estimator_has_the_mean_of_the_sum_exactly() -> None:
    _, out, _ = solved()
    with torch.no_grad():
        values = [
            regulariser("local_biased", out.problem, out.record, Starts(chosen=(j, out.record.states[j])))
            for j in range(out.stats.steps)
        ]
        assert out.stats.steps > 4
        torch.testing.assert_close(torch.stack(values).mean(), out.regularizer("error"))


def test_the_unbiased_estimator_has_the_mean_of_the_sum_on_fine_steps() -> None:
    node = sn.neural.NeuralODE(TimedNet(scale=2.0), rtol=1e-11, atol=1e-11)
    y0 = torch.randn(3, 2, dtype=torch.float64)
    times = torch.linspace(0, 3, 401, dtype=torch.float64)
    with torch.no_grad():
        out = node(y0, times)
        assert out.stats.steps > 40
        for kind, whole, share in (("local", "error", 0.05), ("local_stiffness", "stiffness", 0.1)):
            values = [
                regulariser(kind, out.problem, out.record, Starts(star=(float(t), y)))
                for t, y in zip(times[:-1], out.y[:-1], strict=True)
            ]
            assert float(torch.stack(values).mean()) == pytest.approx(float(out.regularizer(whole)), rel=share)


def test_draws_come_from_the_generator_in_training_only() -> None:
    draws = []
    for _ in range(2):
        node, out, _ = solved()
        assert 0 < out.starts.star[0] < 2.5
        draws.append((out.starts.star[0], out.starts.chosen[0]))
    assert draws[0] == draws[1]
    before = torch.get_rng_state()
    out = node.eval()(torch.ones(1, 2, dtype=torch.float64), TIMES)
    assert torch.equal(before, torch.get_rng_state())
    assert float(out.regularizer("local")) == 0.0 and float(out.regularizer("error").detach()) > 0


def test_training_with_a_regulariser_needs_fewer_evaluations() -> None:
    """Ten steps of descent on the regulariser alone bring the evaluations down."""
    node, out, y0 = solved(1e-6)
    optimiser = torch.optim.Adam(node.parameters(), 2e-2)
    first = out.nfe
    for _ in range(10):
        optimiser.zero_grad()
        out = node(y0.detach(), TIMES)
        out.regularizer("error").backward()
        optimiser.step()
    assert out.nfe < 0.9 * first


def test_bad_names_and_numbers() -> None:
    _, out, _ = solved()
    with pytest.raises(UnknownName, match="Did you mean 'local_biased'"):
        out.regularizer("local_bias")
    for call in (
        lambda: sn.neural.steer(1.0, -1.0),
        lambda: sn.neural.steer(1.0, 1.0),
        lambda: sn.neural.steer(1.0, "0.5"),  # type: ignore[arg-type]
        lambda: sn.neural.steer(3.0, 1.5, t0=2.0),
        lambda: sn.neural.constant(-1),
        lambda: sn.neural.exponential(0, 1, 10),
        lambda: sn.neural.warm_up(1.0, -3),
    ):
        with pytest.raises(SolveError):
            call()


def test_schedules_and_random_end_times() -> None:
    falling = sn.neural.exponential(100.0, 1.0, 10)
    assert [falling(0), falling(5), falling(10), falling(20)] == pytest.approx([100.0, 10.0, 1.0, 1.0])
    warm = sn.neural.warm_up(falling, 5)
    assert warm(0) == 0 and warm(10) == pytest.approx(1.0) and warm(1) == pytest.approx(falling(1) / 5)
    assert sn.neural.constant(3)(7) == 3 and sn.neural.warm_up(2.0, 4)(2) == 1.0
    generator = torch.Generator().manual_seed(0)
    ends = [sn.neural.steer(1.0, 0.5, generator) for _ in range(400)]
    assert 0.5 < min(ends) and max(ends) < 1.5
    assert 2.1 < sn.neural.steer(3.0, 0.9, t0=2.0) < 3.9 and -0.5 < sn.neural.steer(0.0, 0.5, t0=-1.0) < 0.5
    assert math.isclose(sum(ends) / 400, 1.0, abs_tol=0.05) and set(GLOBAL) | set(LOCAL) == set(REGULARISERS)
