"""``fit`` takes a SystemODE as it takes a NeuralODE: report, regulariser, checkpoints, L-BFGS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

import symnum as sn  # noqa: E402
from symnum.errors import FileError  # noqa: E402
from symnum.neural.system import SystemODE  # noqa: E402

T = sn.coordinates("t")
X, Y = sn.fields("x y", (T,))
TIMES = np.linspace(0, 3, 16)
OPTIMISERS = {
    "Adam": lambda model: torch.optim.Adam(model.parameters(), 2e-2),
    "LBFGS": lambda model: torch.optim.LBFGS(model.parameters(), max_iter=4, line_search_fn="strong_wolfe"),
}


def predator_prey(meeting: Any) -> Any:
    """Lotka and Volterra, with what happens when they meet unknown."""
    return sn.ODESystem(
        [sn.Eq(sn.dt(X), 1.3 * X - meeting), sn.Eq(sn.dt(Y), -1.8 * Y + meeting)], t=(0, 3), initial={X: 0.8, Y: 1.2}
    )


def unknown(**options: Any) -> SystemODE:
    network = sn.neural.network("f", [X, Y], [2, 4, 1], seed=2)
    return SystemODE(predator_prey(network), train="f", rtol=1e-5, atol=1e-7, **options)


@pytest.fixture(scope="module")
def data() -> Any:
    with torch.no_grad():
        return SystemODE(predator_prey(0.9 * X * Y), train=())(TIMES).y


def loss(model: SystemODE, data: Any) -> Any:
    return (model(TIMES).y - data).square().mean()


def test_a_networks_term_is_fitted_and_found_by_its_formula(data: Any) -> None:
    model = unknown()
    report = sn.neural.fit(model, loss, [data], 20, optimiser=OPTIMISERS["LBFGS"](model), progress=False)
    assert report.success and report.history[0]["nfe"] > 50
    assert report.history[-1]["loss"] < 1e-3 * report.history[0]["loss"]
    network = sn.neural.network("f", [X, Y], [2, 4, 1], seed=2)
    found = model.recover(network, model(TIMES)).candidates(degree=2, loss=lambda m: loss(m, data))
    assert set(found.best.coefficients) == {X * Y}
    assert found.best.coefficients[X * Y] == pytest.approx(0.9, abs=1e-4)


@pytest.mark.parametrize("name", OPTIMISERS)
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(name: str, data: Any, tmp_path: Path) -> None:
    whole, first, second = unknown(), unknown(), unknown()
    file = tmp_path / "training"

    def train(model: SystemODE, epochs: int, checkpoint: Path | None = None) -> Any:
        optimiser = OPTIMISERS[name](model)
        return sn.neural.fit(
            model,
            loss,
            [data],
            epochs,
            optimiser=optimiser,
            checkpoint=checkpoint,
            regulariser="error",
            lambda_=1e-3,
            progress=False,
        )

    train(whole, 6)
    train(first, 3, file)
    report = train(second, 6, file)
    assert (
        report.resumed == 3
        and torch.equal(whole.values, second.values)
        and not torch.equal(first.values, second.values)
    )
    with pytest.raises(FileError, match="another model"):
        train(unknown(train_initial=True), 6, file)


def test_a_line_search_that_goes_too_far_comes_back() -> None:
    """x' = a x^2 from x(0) = 1 blows up at t = 1/a: the first trial step lies far beyond."""
    a = sn.parameter("a", 0.2)
    model = SystemODE(sn.ODESystem([sn.Eq(sn.dt(X), a * X**2)], t=(0, 1), initial={X: 1.0}), max_steps=500)
    optimiser = torch.optim.LBFGS(model.parameters(), max_iter=30, line_search_fn="strong_wolfe")

    def far(model: SystemODE, wanted: float) -> Any:
        return 100 * (model([1.0])["x"][0] - wanted) ** 2

    with pytest.warns(sn.errors.SolveWarning):
        report = sn.neural.fit(model, far, [2.0], 2, optimiser=optimiser, progress=False)
    assert report.success and float(model.values.detach()) == pytest.approx(0.5, abs=1e-5)  # 1/(1 - a) = 2
