"""What a training did: losses, evaluations of f and scores, epoch by epoch, as a table and a picture."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from html import escape
from typing import Any

from symnum import display

Row = dict[str, float]


@dataclass
class Training:
    """The report of ``fit``.

    Attributes:
        history: a row an epoch: "epoch", "loss", "regulariser", "lambda", "nfe" (a solve, the mean over the epoch), "seconds" (by the clock),
            "cpu_seconds" (of all threads), and, where scores were asked for, "score" and "score_nfe" (evaluations a solve while scoring).
        before, after: "score" and "nfe" of the model before and after the training; empty without ``validate``.
        success, message: whether it ended as planned, and a sentence. resumed: the number of epochs that an earlier run had done.
    """

    history: list[Row] = field(default_factory=list)
    before: Row = field(default_factory=dict)
    after: Row = field(default_factory=dict)
    success: bool = True
    message: str = ""
    resumed: int = 0

    def table(self) -> str:
        """Score and evaluations before and after, and the losses of the first and the last epoch, as text."""
        rows = [("", "before", "after")]
        for key, label in (("score", "score"), ("nfe", "evaluations a solve")):
            if key in self.before and key in self.after:
                rows.append((label, f"{self.before[key]:.4g}", f"{self.after[key]:.4g}"))
        if self.history:
            first, last = self.history[0], self.history[-1]
            for key, label in (
                ("loss", "loss"),
                ("regulariser", "regulariser"),
                ("nfe", "evaluations a solve, training"),
            ):
                rows.append((label, f"{first[key]:.4g}", f"{last[key]:.4g}"))
            rows.append(("seconds", "", f"{sum(row['seconds'] for row in self.history):.1f}"))
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        return "\n".join(f"{a:<{widths[0]}}  {b:>{widths[1]}}  {c:>{widths[2]}}" for a, b, c in rows)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Any:
        """Evaluations a solve against the score (against the loss, without scores), epoch by epoch, begin and end marked; the matplotlib figure.

        ``path``: also writes it there.
        """
        from symnum.result.style import Picture

        scored = bool(self.before)
        x = [row["score"] for row in self.history if "score" in row] if scored else [r["loss"] for r in self.history]
        y = [row["score_nfe"] for row in self.history if "score" in row] if scored else [r["nfe"] for r in self.history]
        if scored:
            x, y = [self.before["score"], *x], [self.before["nfe"], *y]
        figure = Picture(figsize=(5, 3.5), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(x, y, color="0.6", linewidth=1)
        if x:
            axes.plot(x[0], y[0], "o", color="tab:orange", label="before" if scored else "first epoch")
            axes.plot(x[-1], y[-1], "o", color="tab:blue", label="after" if scored else "last epoch")
            axes.legend()
        axes.set_xlabel("score" if scored else "loss")
        axes.set_ylabel("evaluations of f a solve")
        if not scored and all(v > 0 for v in x):
            axes.set_xscale("log")
        if path is not None:
            figure.savefig(path, dpi=150)
        return figure

    def _repr_html_(self) -> str:
        if not self.history:
            return display.card(repr(self))
        picture = display.image(self.plot, "evaluations against the score, epoch by epoch", 500)
        return display.card(repr(self), (), f"<pre>{escape(self.table())}</pre>", picture)

    def __repr__(self) -> str:
        return f"Training({len(self.history)} epochs: {self.message})"
