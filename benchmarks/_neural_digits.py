"""What regularisers do to a classifier: scikit-learn's handwritten digits (1797 images of 8 x 8).

    y' = W2 tanh(W1 (y, t) + b1) + b2,   y(0) = pixels/16,   logits = W3 y(1) + b3

64-64-64 with time, Glorot's weights, float64, Tsit5 at 1e-7; 1437 images to train on, batches of 256, Adam 1e-3, 200 steps in 40 epochs, cross
entropy; 360 images to test. Three seeds; figures are means over them, of accuracy, evaluations of f in one solve of all test images, process CPU
seconds of a training, and of that solve (in turns, medians).
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import symnum as sn

from ._measure import bar, interleaved

SEEDS, EPOCHS, BATCH, TRAINED = (0, 1, 2), 40, 256, 1437
# regulariser -> its weight, constant over the training: one for the three that estimate the same sum
WEIGHTS: dict[str, float] = {
    "none": 0.0,
    "error": 0.7,
    "local": 0.7,
    "local_biased": 0.7,
    "stiffness_max": 0.5,
}
Result = tuple[list[dict[str, Any]], list[dict[str, Any]]]


def digits(picture: str | None = None) -> Result:
    """A row a regulariser. ``picture``: where to draw evaluations against accuracy, epoch by epoch, of the first seed."""
    names = (
        ("evaluations with 'error', over those without", "evaluations", "error", "none", 0.60),
        ("CPU of a prediction with 'error', over that without", "predict CPU ms", "error", "none", 0.65),
        ("CPU of a training with 'error', over that without", "train CPU s", "error", "none", 1.0),
        ("evaluations with 'local', over 'error'", "evaluations", "local", "error", 1.1),
        ("evaluations with 'local_biased', over 'error'", "evaluations", "local_biased", "error", 1.1),
        ("evaluations with 'stiffness_max', over those without", "evaluations", "stiffness_max", "none", 0.80),
    )
    if importlib.util.find_spec("sklearn") is None:
        missing = {"problem": "digits", "data": "missing (pip install scikit-learn)"}
        return [missing], [bar(f"digits, {name}", None, limit) for name, _, _, _, limit in names]
    rows = _studied(picture)
    bars = [bar(f"digits, {name}", rows[a][key] / rows[b][key], limit) for name, key, a, b, limit in names]
    lost = max(rows["none"]["accuracy"] - row["accuracy"] for row in rows.values())
    return list(rows.values()), [*bars, bar("digits, accuracy lost by any regulariser, points", 100 * lost, 1.0)]


def _studied(picture: str | None) -> dict[str, dict[str, Any]]:
    """The means over all seeds, by regulariser."""
    import torch

    torch.set_num_threads(1)
    images, labels = _data()
    found: dict[str, list[dict[str, float]]] = {name: [] for name in WEIGHTS}
    for seed in SEEDS:
        models, reports = {}, {}
        for name in WEIGHTS:
            torch.manual_seed(seed)
            models[name] = _classifier()
            reports[name], seconds = _trained(models[name], images, labels, name)
            found[name].append({"train CPU s": seconds, **reports[name].after})
        with torch.no_grad():
            samples = interleaved({name: partial(m, images[TRAINED:]) for name, m in models.items()}, 1, 7)
        for name, values in samples.items():
            found[name][-1]["predict CPU ms"] = 1e3 * statistics.median(values)
        if picture is not None and seed == SEEDS[0]:
            _drawn(reports, picture)
    return {name: _mean(name, rows) for name, rows in found.items()}


def _mean(name: str, rows: list[dict[str, float]]) -> dict[str, Any]:
    means = {key: statistics.mean(row[key] for row in rows) for key in rows[0]}
    return {
        "problem": "digits", "regulariser": name, "weight": WEIGHTS[name], "accuracy": means["score"],
        "evaluations": means["nfe"], "each seed": " ".join(f"{row['nfe']:g}" for row in rows),
        "predict CPU ms": means["predict CPU ms"], "train CPU s": means["train CPU s"],
    }  # fmt: skip


def _data() -> tuple[Any, Any]:
    """Images (1797, 64) in [0, 1] and labels, in one fixed random order."""
    import torch
    from sklearn.datasets import load_digits

    given = load_digits()
    order = torch.randperm(len(given.target), generator=torch.Generator().manual_seed(0))
    return torch.tensor(given.data / 16, dtype=torch.float64)[order], torch.tensor(given.target).long()[order]


def _classifier() -> Any:
    import torch
    from torch import nn

    class Field(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.outer = nn.Linear(65, 64), nn.Linear(64, 64)
            for layer in (self.inner, self.outer):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

        def forward(self, t: Any, y: Any) -> Any:
            return self.outer(torch.tanh(self.inner(torch.cat([y, t.expand(len(y), 1)], 1))))

    class Classifier(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.node = sn.neural.NeuralODE(Field(), rtol=1e-7, atol=1e-7)
            self.readout = nn.Linear(64, 10)

        def forward(self, x: Any) -> Any:
            return self.readout(self.node(x, [0.0, 1.0]).y[-1])

    return Classifier().double()


class Batches:
    """Full batches in a new random order each epoch, drawn from torch's generator."""

    def __init__(self, images: Any, labels: Any) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images) // BATCH

    def __iter__(self) -> Iterator[tuple[Any, Any]]:
        import torch

        order = torch.randperm(len(self.images))
        for k in range(len(self)):
            at = order[k * BATCH : (k + 1) * BATCH]
            yield self.images[at], self.labels[at]


def _trained(model: Any, images: Any, labels: Any, name: str) -> tuple[sn.neural.Training, float]:
    """The report, scored on the images held back after each epoch, and the CPU seconds of the training without the scores."""
    import torch

    scoring = 0.0

    def accuracy(model: Any) -> float:
        nonlocal scoring
        begin = time.process_time()
        right = model(images[TRAINED:]).argmax(1) == labels[TRAINED:]
        scoring += time.process_time() - begin
        return float(right.double().mean())

    weight = WEIGHTS[name]
    begin = time.process_time()
    report = sn.neural.fit(
        model,
        lambda model, batch: torch.nn.functional.cross_entropy(model(batch[0]), batch[1]),
        Batches(images[:TRAINED], labels[:TRAINED]),
        EPOCHS,
        regulariser=name if weight else None,
        lambda_=weight,
        learning_rate=1e-3,
        validate=accuracy,
        progress=False,
    )
    return report, time.process_time() - begin - scoring


def _drawn(reports: dict[str, sn.neural.Training], path: str) -> None:
    """Evaluations of a solve against accuracy, from the first epoch to the last."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained")
    axes = figure.add_subplot()
    for name, report in reports.items():
        score, evaluations = ([report.before[k]] for k in ("score", "nfe"))
        score += [row["score"] for row in report.history]
        evaluations += [row["score_nfe"] for row in report.history]
        (line,) = axes.plot(score, evaluations, linewidth=1, alpha=0.6)
        axes.plot(score[-1], evaluations[-1], "o", color=line.get_color(), label=f"{name}: {evaluations[-1]:.0f}")
    axes.set_xlabel("test accuracy")
    axes.set_ylabel("evaluations of f a solve")
    axes.legend(title="after training")
    figure.savefig(path, dpi=150)
