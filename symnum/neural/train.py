"""``fit``: the training loop, with the solver's own estimates as regularisers.

report = sn.neural.fit(model, loss, loader, epochs=20, regulariser="error", lambda_=sn.neural.exponential(10, 1, 20),
                       validate=accuracy, checkpoint="digits.training")
print(report.table())

step:  loss(model, batch) + lambda(epoch) * (sum of the regularisers of all neural solves in it),  backward,  optimiser step
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from symnum.errors import FileError, SolveError
from symnum.neural.ode import NeuralODE, Outcome
from symnum.neural.regularise import checked_regulariser, constant
from symnum.neural.report import Row, Training
from symnum.neural.stochastic import NeuralSDE
from symnum.neural.system import SystemODE
from symnum.neural.training_file import read_training, set_random_state, write_training

Weight = Callable[[int], float]
SOLVES = NeuralODE | NeuralSDE | SystemODE


def fit(
    model: torch.nn.Module,
    loss: Callable[[Any, Any], Tensor],
    data: Iterable[Any],
    epochs: int,
    *,
    regulariser: str | None = None,
    lambda_: float | Weight = 1.0,
    optimiser: torch.optim.Optimizer | None = None,
    learning_rate: float | Weight = 1e-3,
    validate: Callable[[Any], float] | None = None,
    early_stop: int | None = None,
    clip: float | None = None,
    seed: int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = True,
    progress: bool = True,
) -> Training:
    """Train.

    Args:
        model: a SystemODE, NeuralODE or NeuralSDE, or a module that holds some. loss: loss(model, batch) -> tensor without dimensions.
        data: batches, gone through once an epoch (a DataLoader, a list).
        regulariser: a name of ``REGULARISERS``, or None. lambda_: its weight, a number or a function of the epoch (``exponential``, ``warm_up``).
        optimiser: None: Adam. ``torch.optim.LBFGS`` gets the loss as its closure. learning_rate: a number, or a function of the epoch; with an
            optimiser given, only a function changes its rate.
        validate: validate(model) -> score, the higher the better (an accuracy, a loss with its sign turned); called in evaluation mode without
            gradients before the first epoch and after each.
        early_stop: stop after so many epochs without a better score (loss, without ``validate``), and go back to the best weights.
        clip: largest norm of the gradient; longer ones are shortened to it.
        seed: of torch's generator at the start. None: as it is.
        checkpoint: a file that holds the training after each epoch. resume: go on from that file where it exists: a run that was killed ends with
            the weights that it would have had.
        progress: a bar on stderr.

    Returns:
        Training: the history, scores and evaluations before and after. A loss that is not finite ends the training with a sentence; the weights are
        those before that step.

    Raises SolveError, UnknownName, FileError.
    """
    run = _Run(model, loss, data, epochs, regulariser, lambda_, optimiser, learning_rate, validate, early_stop, clip)
    if seed is not None:
        torch.manual_seed(seed)
    if checkpoint is not None and resume and Path(checkpoint).exists():
        run.restore(checkpoint)
    elif validate is not None:
        run.report.before = run.scored()
    with _bar(progress, epochs, run) as show:
        for epoch in range(len(run.report.history), epochs):
            if run.finished(show, epoch):
                break
            if checkpoint is not None:
                write_training(checkpoint, run.state())
    return run.conclude()


@dataclass
class _Run:
    """A training on its way."""

    model: torch.nn.Module
    loss: Callable[[Any, Any], Tensor]
    data: Iterable[Any]
    epochs: int
    regulariser: str | None
    lambda_: float | Weight
    optimiser: torch.optim.Optimizer | None
    learning_rate: float | Weight
    validate: Callable[[Any], float] | None
    early_stop: int | None
    clip: float | None
    report: Training = field(default_factory=Training)
    best: float = -math.inf
    best_epoch: int = -1
    best_weights: dict[str, Tensor] | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.model, torch.nn.Module):
            raise SolveError(f"model is a {type(self.model).__name__}, not a torch.nn.Module")
        for name, least in (("epochs", 1), ("early_stop", 1)):
            value = getattr(self, name)
            if (value is not None or name == "epochs") and (
                isinstance(value, bool) or not isinstance(value, int) or value < least
            ):
                raise SolveError(f"{name} is {value!r}, not a whole number >= {least}; write for example {name}=10")
        if iter(self.data) is self.data:
            raise SolveError(
                "data is an iterator, which is empty after one epoch; give a list of batches or a DataLoader"
            )
        if self.regulariser is not None:
            checked_regulariser(self.regulariser)
            if not any(isinstance(m, SOLVES) for m in self.model.modules()):
                raise SolveError(
                    f"regulariser={self.regulariser!r}, but the model holds no NeuralODE, NeuralSDE or SystemODE"
                )
        self.weight = self.lambda_ if callable(self.lambda_) else constant(self.lambda_)
        parameters = [p for p in self.model.parameters() if p.requires_grad]
        if not parameters:
            raise SolveError("the model has no parameters to train")
        if self.optimiser is None:
            first = self.learning_rate(0) if callable(self.learning_rate) else self.learning_rate
            self.optimiser = torch.optim.Adam(parameters, first)

    def finished(self, show: Callable[[Row], None], epoch: int) -> bool:
        """Train one epoch. Is that all?"""
        begin, busy = time.perf_counter(), time.process_time()
        row = self.epoch(epoch, show)
        if row is None:
            return True
        row["seconds"], row["cpu_seconds"] = time.perf_counter() - begin, time.process_time() - busy
        if self.validate is not None:
            scored = self.scored()
            row |= {"score": scored["score"], "score_nfe": scored["nfe"]}
        self.report.history.append(row)
        reached = row.get("score", -row["loss"])
        if reached > self.best:
            self.best, self.best_epoch = reached, epoch
            if self.early_stop is not None:
                self.best_weights = {k: v.detach().clone() for k, v in self.model.state_dict().items()}
        if self.early_stop is not None and epoch - self.best_epoch >= self.early_stop:
            self.report.message = f"stopped after epoch {epoch + 1}: no better than in epoch {self.best_epoch + 1}, whose weights are kept"
            return True
        return False

    def epoch(self, epoch: int, show: Callable[[Row], None]) -> Row | None:
        """The means over the epoch; None where the loss is not finite."""
        assert self.optimiser is not None
        if callable(self.learning_rate):
            for group in self.optimiser.param_groups:
                group["lr"] = self.learning_rate(epoch)
        self.model.train()
        weight, number = self.weight(epoch), 0
        sums = {"loss": 0.0, "regulariser": 0.0, "nfe": 0.0}
        for number, batch in enumerate(self.data, start=1):
            made = self.step(batch, weight)
            if not math.isfinite(made["loss"] + made["regulariser"]):
                self.report.success = False
                self.report.message = (
                    f"the loss is {made['loss']:g}, the regulariser {made['regulariser']:g} in epoch {epoch + 1}, batch {number}: "
                    "stopped with the weights before that step; a smaller learning rate or clip=1.0 may help"
                )
                return None
            for key in sums:
                sums[key] += made[key]
            show({"epoch": epoch, "lambda": weight, **made})
        if not number:
            raise SolveError("data holds no batches")
        return {"epoch": epoch + 1.0, **{key: value / number for key, value in sums.items()}, "lambda": weight}

    def step(self, batch: Any, weight: float) -> Row:
        """One step of the optimiser, unless the loss is not finite; loss and evaluations before it."""
        optimiser = self.optimiser
        assert optimiser is not None
        rows = list[Row]()

        def evaluate() -> Tensor:
            optimiser.zero_grad()
            total, row = self.total(batch, weight)
            rows.append(row)
            if bool(torch.isfinite(total)):
                total.backward()
                if self.clip is not None:
                    torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
            elif len(rows) > 1:  # a line search has gone too far: a wall, from which it comes back
                total = torch.full_like(total, 1e10 * max(1.0, abs(rows[0]["loss"])))
            return total

        if isinstance(optimiser, torch.optim.LBFGS):  # without a gradient at its start it stays there
            optimiser.step(lambda: evaluate().detach())
        elif bool(torch.isfinite(evaluate())):
            optimiser.step()
        return rows[0]

    def total(self, batch: Any, weight: float) -> tuple[Tensor, Row]:
        """The loss with its regulariser, and both as numbers with the evaluations a solve."""
        with solves_of(self.model) as solves:
            loss = self.loss(self.model, batch)
        if not (isinstance(loss, Tensor) and loss.numel() == 1):
            seen = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"a {type(loss).__name__}"
            raise SolveError(
                f"loss(model, batch) gave {seen}, not a tensor without dimensions; write for example (...).mean()"
            )
        if not loss.requires_grad:
            raise SolveError(
                "the loss has no gradient; compute it from what the model gives with torch alone, without .detach(), numpy or torch.no_grad()"
            )
        extra = loss.new_zeros(())
        if self.regulariser is not None and weight:
            extra = sum((out.regularizer(self.regulariser) for out in solves), extra)
        evaluations = sum(out.nfe for out in solves) / max(1, len(solves))
        row = {"loss": float(loss.detach()), "regulariser": float(extra.detach()), "nfe": evaluations}
        return loss.reshape(()) + weight * extra, row

    def scored(self) -> Row:
        """Score and evaluations a solve, in evaluation mode."""
        assert self.validate is not None
        mode = self.model.training
        self.model.eval()
        with torch.no_grad(), solves_of(self.model) as solves:
            score = float(self.validate(self.model))
        self.model.train(mode)
        return {"score": score, "nfe": sum(out.nfe for out in solves) / max(1, len(solves))}

    def state(self) -> dict[str, Any]:
        assert self.optimiser is not None
        return {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "optimiser_name": type(self.optimiser).__name__,
            "history": self.report.history,
            "before": self.report.before,
            "best": [self.best, self.best_epoch],
            "best_weights": self.best_weights,
        }

    def restore(self, path: str | os.PathLike[str]) -> None:
        """Go on from a file. Raises FileError where it belongs to another model or optimiser."""
        assert self.optimiser is not None
        state = read_training(path)
        known = {k: tuple(v.shape) for k, v in self.model.state_dict().items()}
        if {k: tuple(v.shape) for k, v in state["model"].items()} != known:
            raise FileError(
                f"{str(path)!r} holds the training of another model (other parameters); give another path, or resume=False"
            )
        if state["optimiser_name"] != type(self.optimiser).__name__:
            raise FileError(
                f"{str(path)!r} was trained by {state['optimiser_name']}, not {type(self.optimiser).__name__}; give another path, or resume=False"
            )
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.report.history, self.report.before = state["history"], state["before"]
        self.report.resumed = len(state["history"])
        (self.best, self.best_epoch), self.best_weights = state["best"], state["best_weights"]
        set_random_state(state["random"])

    def conclude(self) -> Training:
        report = self.report
        if self.early_stop is not None and self.best_weights is not None:
            self.model.load_state_dict(self.best_weights)
        report.message = report.message or f"trained {len(report.history)} epochs"
        if self.validate is not None:
            report.after = self.scored()
        return report


@contextmanager
def solves_of(model: torch.nn.Module) -> Any:
    """The outcomes of all solves below: ``with solves_of(model) as solves: ...``."""
    found: list[Outcome] = []
    hooks = [
        module.register_forward_hook(lambda _m, _i, out: found.append(out))
        for module in model.modules()
        if isinstance(module, SOLVES)
    ]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


@contextmanager
def _bar(wanted: bool, epochs: int, run: _Run) -> Any:
    """``show(row)`` after each step: epoch, loss, evaluations, lambda, time left."""
    if not wanted:
        yield lambda row: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        size = len(run.data) if hasattr(run.data, "__len__") else 0  # type: ignore[arg-type]
        task = bar.add_task("training", total=epochs * size if size else None, completed=len(run.report.history) * size)

        def show(row: Row) -> None:
            weight = f", lambda {row['lambda']:.3g}" if run.regulariser else ""
            text = f"epoch {row['epoch'] + 1} of {epochs}: loss {row['loss']:.4g}, {row['nfe']:.0f} evaluations{weight}"
            bar.update(task, advance=1, description=text)

        yield show
