"""Training: a fit, its report, early stop, runs that are killed and go on, bad input."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import symnum as sn
from symnum.errors import FileError, SolveError, UnknownName

torch = pytest.importorskip("torch")

from tests.neural.fields import TimedNet  # noqa: E402

TIMES = torch.linspace(0, 1, 5, dtype=torch.float64)


class Model(torch.nn.Module):
    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.node = sn.neural.NeuralODE(TimedNet(seed=seed), rtol=1e-4, atol=1e-4)

    def forward(self, y0: torch.Tensor) -> torch.Tensor:
        return self.node(y0, TIMES).y


def batches(count: int = 3) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Damped turning, exactly."""
    generator = torch.Generator().manual_seed(1)
    matrix = torch.tensor([[-0.1, -1.0], [1.0, -0.1]], dtype=torch.float64)
    starts = [torch.rand(4, 2, generator=generator, dtype=torch.float64) for _ in range(count)]
    return [(y0, torch.stack([y0 @ torch.matrix_exp(matrix * t) for t in TIMES])) for y0 in starts]


def loss(model: Model, batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    return ((model(batch[0]) - batch[1]) ** 2).mean()


def train(model: Model, epochs: int = 6, **options: object) -> sn.neural.Training:
    given = {"learning_rate": 0.02, "progress": False, "seed": 3, **options}
    return sn.neural.fit(model, loss, batches(), epochs, **given)


def score(model: Model) -> float:
    return -float(loss(model, batches()[0]).detach())


def test_fit_learns_and_reports(tmp_path: Path) -> None:
    model = Model()
    report = train(model, 8, regulariser="local", lambda_=sn.neural.exponential(1e-2, 1e-4, 8), validate=score)
    first, last = report.history[0], report.history[-1]
    assert report.success and len(report.history) == 8 and last["loss"] < 0.5 * first["loss"]
    assert first["lambda"] == pytest.approx(1e-2) and first["regulariser"] > 0 and first["nfe"] >= 8
    assert (
        report.after["score"] == pytest.approx(score(model.eval())) and report.after["score"] > report.before["score"]
    )
    assert re.search(r"evaluations a solve +\d+ +\d+\n", report.table())
    report.plot(tmp_path / "training.png")
    assert (tmp_path / "training.png").stat().st_size > 5000
    assert "trained 8 epochs" in repr(report)


def test_the_same_seed_gives_the_same_weights() -> None:
    weights = []
    for _ in range(2):
        model = Model()
        train(model, 2, regulariser="local")
        weights.append(torch.nn.utils.parameters_to_vector(model.parameters()))
    assert torch.equal(*weights)


KILLED = """
import os, sys
from tests.neural import test_train as here
calls = 0
def loss(model, batch):
    global calls
    calls += 1
    if calls == 8:  # in the third epoch
        os._exit(9)
    return here.loss(model, batch)
here.sn.neural.fit(here.Model(), loss, here.shuffled(), 5, regulariser="local", learning_rate=0.02, progress=False, seed=3, checkpoint=sys.argv[1])
"""


def shuffled() -> torch.utils.data.DataLoader:
    return torch.utils.data.DataLoader(batches(), batch_size=None, shuffle=True)


def test_a_run_that_was_killed_ends_with_the_same_weights(tmp_path: Path) -> None:
    path = tmp_path / "run.training"
    root = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(path)], env=environment, check=False, cwd=root)
    assert killed.returncode == 9 and path.exists()
    options = {"regulariser": "local", "learning_rate": 0.02, "progress": False, "seed": 3}
    resumed, whole = Model(seed=8), Model()  # the weights that count are those of the file
    report = sn.neural.fit(resumed, loss, shuffled(), 5, checkpoint=path, **options)
    assert report.resumed == 2 and len(report.history) == 5
    reference = sn.neural.fit(whole, loss, shuffled(), 5, **options)
    assert [row["loss"] for row in report.history] == [row["loss"] for row in reference.history]
    for a, b in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(a, b)
    assert list(tmp_path.iterdir()) == [path]


def test_early_stop_keeps_the_best_weights() -> None:
    model = Model()
    scores = iter([0.0, 1.0, 3.0, 2.0, 1.0, 0.5, 7.0, 7.0])
    kept = []

    def validate(trained: Model) -> float:
        kept.append(torch.nn.utils.parameters_to_vector(trained.parameters()).detach().clone())
        return next(scores)

    report = train(model, 20, early_stop=2, validate=validate)
    assert len(report.history) == 4 and "no better than in epoch 2" in report.message
    assert torch.equal(torch.nn.utils.parameters_to_vector(model.parameters()), kept[2])


def test_a_loss_that_is_not_finite_stops_with_the_weights_before() -> None:
    model = Model()
    before = torch.nn.utils.parameters_to_vector(model.parameters()).detach().clone()
    report = sn.neural.fit(model, lambda m, b: loss(m, b) * float("nan"), batches(), 3, progress=False)
    assert not report.success and "epoch 1, batch 1" in report.message
    assert torch.equal(torch.nn.utils.parameters_to_vector(model.parameters()), before)


def test_bad_input_is_named(tmp_path: Path) -> None:
    for options, error, says in (
        ({"regulariser": "locl"}, UnknownName, "Did you mean 'local'"),
        ({"lambda_": -1.0}, SolveError, "-1.0"),
        ({"early_stop": 0}, SolveError, "early_stop is 0"),
        ({"epochs": 0}, SolveError, "epochs is 0"),
        ({"data": []}, SolveError, "no batches"),
        ({"data": iter([1])}, SolveError, "an iterator"),
        ({"loss": lambda m, b: 1.0}, SolveError, "gave a float"),
        ({"loss": lambda m, b: m(b[0])}, SolveError, "of shape (5, 4, 2)"),
        ({"loss": lambda m, b: m(b[0]).detach().sum()}, SolveError, "the loss has no gradient"),
        ({"model": torch.nn.Linear(1, 1), "regulariser": "error"}, SolveError, "holds no NeuralODE"),
        ({"model": torch.nn.ReLU()}, SolveError, "no parameters"),
        ({"model": 3}, SolveError, "not a torch.nn.Module"),
    ):
        given = {"model": Model(), "loss": loss, "data": batches(), "epochs": 1, "progress": False, **options}
        with pytest.raises(error, match=re.escape(says)):
            sn.neural.fit(**given)
    path = tmp_path / "x.training"
    train(Model(), 1, checkpoint=path)
    with pytest.raises(FileError, match="another model"):
        sn.neural.fit(torch.nn.Linear(1, 1), loss, batches(), 1, checkpoint=path)
    with pytest.raises(FileError, match="trained by Adam, not SGD"):
        model = Model()
        train(model, 1, checkpoint=path, optimiser=torch.optim.SGD(model.parameters(), 0.1))
    path.write_bytes(b"not a training")
    with pytest.raises(FileError, match="no training that symnum"):
        train(Model(), 1, checkpoint=path)
    with pytest.raises(FileError, match="cannot be saved"):
        train(Model(), 1, checkpoint=tmp_path / "missing" / "x.training")
