"""``ProseLearner``: trajectories continued and equations written down, learnt from files of ``sn.datasets.prose``.

learner = sn.neural.ProseLearner(dimension=3)
learner.fit("train.prefix", steps=7000, unlike="test.prefix", checkpoint="learner.training")
print(learner.evaluate("test.prefix").table())

loss = mean over the batch of ||prediction - u||/||u|| at random times after the given ones + symbol_weight * cross entropy of the words

Words cost more than all the rest and are learnt sooner, so a step takes those of half its records only.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from symnum.datasets.prose_families import POINTS
from symnum.errors import FileError, SolveError
from symnum.neural.prose.decoding import written_by
from symnum.neural.prose.model import ProseModel, ProseSettings
from symnum.neural.prose.records import Batches, ProseSet, record_set
from symnum.neural.prose.scores import ProseScores, scored
from symnum.neural.prose.vocabulary import PAD
from symnum.neural.report import Training
from symnum.neural.train import fit

FORMAT = "symnum prose learner 1"
EPOCH = 50  # steps between two checkpoints, and of one learning rate
CHUNK = 256  # records that are worked on at once
WARM_UP = 200  # steps


class ProseLearner:
    """A ``ProseModel`` with what is done with it.

    Args:
        dimension: the greatest number of equations of a system. seed: of the starting weights.
        symbols: the field of a record that the symbol encoder reads: "tree_skeleton" (imperfect, without numbers), "tree_encoded" (the equations
            themselves), or "" (none: data alone). settings: the other fields of ``ProseSettings``.

    Attributes: ``model``, ``settings``. Raises SolveError for settings that make no sense.
    """

    def __init__(self, dimension: int = 3, *, symbols: str = "tree_skeleton", seed: int = 0, **settings: Any) -> None:
        known = [f.name for f in fields(ProseSettings)]
        for name in settings:
            if name not in known:
                raise SolveError(f"ProseLearner has no setting {name!r}; it has {', '.join(known)}")
        self.settings = ProseSettings(dimension=dimension, symbols=symbols, **settings)
        _check_whole(0, seed=seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.model = ProseModel(self.settings)

    def records(self, given: Any, truth: bool = True) -> ProseSet:
        """Records of a file, of a list or of one dictionary as tensors; ``truth=False``: the values given and the symbols are enough."""
        return record_set(given, self.model.vocabulary, self.settings.points, self.settings.symbols, truth)

    def fit(
        self,
        data: Any,
        *,
        steps: int = 7000,
        batch: int = 32,
        learning_rate: float = 2e-3,
        queries: int = 32,
        noise: float | None = 0.02,
        symbol_weight: float = 0.1,
        weight_decay: float = 0.01,
        unlike: Any = None,
        seed: int = 0,
        checkpoint: str | os.PathLike[str] | None = None,
        progress: bool = True,
    ) -> Training:
        """Train by AdamW; the rate rises over 200 steps and falls like a cosine.

        Args:
            data: a file, records, or a ``ProseSet``. unlike: the same; records of its equations are left out of the training.
            steps: of the optimiser, rounded up to whole epochs of 50. batch: records a step. queries: times that the data decoder is asked for.
            noise: drawn anew each step, relative to ||data||_2 (None: the noise of the file). symbol_weight: of the cross entropy in the loss.
            checkpoint: a file that keeps the training; the same call goes on from it, bit for bit.

        Raises FileError, ParseError, SolveError for bad data and settings.
        """
        source = self.records(data)
        if unlike is not None:
            source = source.without(self.records(unlike))
            if not len(source):
                raise SolveError("unlike= holds the equations of all records; nothing is left to train on")
        _check_whole(1, steps=steps, batch=batch, queries=queries)
        _check_whole(0, seed=seed)
        numbers = {"learning_rate": learning_rate, "symbol_weight": symbol_weight, "weight_decay": weight_decay}
        for name, number in (numbers if noise is None else numbers | {"noise": noise}).items():
            if isinstance(number, bool) or not isinstance(number, (int, float)) or not 0 <= number < math.inf:
                raise SolveError(f"{name}={number!r} is no number from 0 on; write {name}=0.02")
        epochs = math.ceil(steps / EPOCH)
        ask = min(queries, POINTS - self.settings.points)

        def loss(model: ProseModel, rows: tuple[Tensor, ...]) -> Tensor:
            return self._loss(rows, ask, symbol_weight)

        return fit(
            self.model,
            loss,
            Batches(source, batch, EPOCH if epochs > 1 else steps, noise),
            epochs,
            optimiser=torch.optim.AdamW(self._groups(weight_decay), learning_rate, betas=(0.9, 0.98)),
            learning_rate=lambda epoch: learning_rate * cosine((epoch + 0.5) / epochs, WARM_UP / (EPOCH * epochs)),
            clip=1.0,
            seed=seed,
            checkpoint=checkpoint,
            progress=progress,
        )

    def _loss(self, rows: tuple[Tensor, ...], queries: int, symbol_weight: float) -> Tensor:
        data, values, skeleton, written = rows
        places = self.settings.points + torch.randperm(POINTS - self.settings.points)[:queries].sort()[0]
        half = -(-len(data) // 2)
        memory, seen = self.model.encode(values, skeleton)
        prediction = self.model.predict(memory, seen, values, self.times[places])
        logits = self.model.write(memory[:half], None if seen is None else seen[:half], written[:half, :-1])
        truth = data[:, places]
        missed = (prediction - truth).square().sum((1, 2)).sqrt() / truth.square().sum((1, 2)).sqrt().clamp_min(1e-6)
        words = cross_entropy(logits.flatten(0, 1), written[:half, 1:].flatten(), ignore_index=PAD)
        return missed.mean() + symbol_weight * words

    def _groups(self, weight_decay: float) -> list[dict[str, Any]]:
        """Matrices decay; biases, norms and the like do not."""
        given = [p for p in self.model.parameters() if p.requires_grad]
        return [
            {"params": [p for p in given if p.ndim > 1], "weight_decay": weight_decay},
            {"params": [p for p in given if p.ndim <= 1], "weight_decay": 0.0},
        ]

    @property
    def times(self) -> Tensor:
        """All times of a record, (192,)."""
        return torch.linspace(0.0, self.settings.span, POINTS)

    @torch.no_grad()
    def predict(self, given: Any, times: Sequence[float] | np.ndarray | None = None) -> np.ndarray:
        """Values at the times (None: those after the given ones), (records, times, D). Raises SolveError for times outside (0, span)."""
        span = self.settings.span
        try:
            at = self.times[self.settings.points :] if times is None else torch.tensor(np.asarray(times, np.float32))
        except (TypeError, ValueError):
            at = torch.zeros(0)
        if at.ndim != 1 or not len(at) or not bool(((at >= 0) & (at <= span)).all()):
            raise SolveError(f"times must be numbers from 0 to {span:g}; write times=np.linspace(2, {span:g}, 100)")
        parts = [self.model.predict(*self.model.encode(p.noisy, p.skeletons), p.noisy, at) for p in self._parts(given)]
        made: np.ndarray = torch.cat(parts).numpy()
        return made

    @torch.no_grad()
    def write(self, given: Any, *, grammar: bool = False) -> list[list[str]]:
        """The tokens of each record's equations as the symbol decoder has them, the likeliest word each time.

        ``sn.read(tokens, "prose")`` reads them.

        grammar: only words that can stand in their place, so that every list is a system; without it some may not be.
        """
        return [
            words
            for p in self._parts(given)
            for words in written_by(self.model, *self.model.encode(p.noisy, p.skeletons), p.dimensions, grammar)
        ]

    def evaluate(self, given: Any, *, solve: int = 60, seed: int = 0) -> ProseScores:
        """The measures of the paper over all records (``ProseScores``). solve: so many written systems are solved too, evenly from all records."""
        records = self.records(given)
        _check_whole(0, solve=solve, seed=seed)
        prediction = self.predict(records)
        return scored(
            records,
            prediction,
            self.write(records),
            self.write(records, grammar=True),
            self.times.numpy(),
            solve,
            np.random.default_rng(seed),
        )

    def _parts(self, given: Any) -> Iterator[ProseSet]:
        whole = self.records(given, truth=False)
        self.model.eval()
        return (whole[k : k + CHUNK] for k in range(0, len(whole), CHUNK))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Settings and weights as a file. Raises FileError."""
        beside = Path(path).with_name(f"{Path(path).name}.{os.getpid()}")
        try:
            with open(beside, "wb") as file:
                torch.save(
                    {"format": FORMAT, "settings": asdict(self.settings), "model": self.model.state_dict()}, file
                )
            os.replace(beside, path)
        except OSError as error:
            raise FileError(f"the learner cannot be saved to {os.fspath(path)!r}: {error.strerror or error}") from None
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> ProseLearner:
        """What ``save`` wrote; the file is read as data and cannot run code. Raises FileError."""
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
        except OSError as error:
            raise FileError(f"{os.fspath(path)!r} cannot be read: {error.strerror or error}") from None
        except Exception:  # whatever torch says of a file that it did not write
            state = None
        if not isinstance(state, dict) or state.get("format") != FORMAT:
            raise FileError(f"{os.fspath(path)!r} is no learner; write it with learner.save({os.fspath(path)!r})")
        try:
            _check_fit(state["settings"], state["model"])
            made = cls(**state["settings"])
            made.model.load_state_dict(state["model"])
        except (KeyError, TypeError, AttributeError, RuntimeError) as error:  # RuntimeError: weights of other shapes, or SolveError
            raise FileError(f"{os.fspath(path)!r} is a learner whose parts do not agree: {error}") from None
        return made

    def __repr__(self) -> str:
        count = sum(p.numel() for p in self.model.parameters())
        return (
            f"ProseLearner(dimension={self.settings.dimension}, symbols={self.settings.symbols!r}): {count:,} weights"
        )


def _check_fit(settings: dict[str, Any], weights: dict[str, Tensor]) -> None:
    """Raises TypeError where settings and weights do not belong together, before a model as large as the settings say takes memory."""
    whole = {name: value for name, value in settings.items() if type(value) is int}
    tensors = [w for w in weights.values() if isinstance(w, torch.Tensor)]
    size = max(POINTS, sum(w.numel() for w in tensors))
    if len(tensors) < len(weights) or any(v > (len(tensors) if name.endswith("layers") else size) for name, v in whole.items()):
        raise TypeError("the settings tell of more than the weights hold")
    with torch.device("meta"):
        shapes = {name: w.shape for name, w in ProseModel(ProseSettings(**settings)).state_dict().items()}
    if shapes != {name: w.shape for name, w in weights.items()}:
        raise TypeError("the weights have other shapes than the settings tell")


def _check_whole(least: int, **given: Any) -> None:
    for name, value in given.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise SolveError(f"{name}={value!r} is no whole number from {least} on; write {name}=64")


def cosine(share: float, warm_up: float) -> float:
    """A factor at ``share`` of a training: up to 1 over ``warm_up`` (at most a tenth), then down to 0.01 along a cosine."""
    rise = min(warm_up, 0.1)
    if share < rise:
        return share / rise
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (share - rise) / (1 - rise)))
