"""A progress line for long solves, on stderr and only on a terminal: nothing is shown during the first second."""

from __future__ import annotations

import sys
import time
from typing import Any

_PATIENCE = 1.0  # seconds before anything is shown


class ProgressBar:
    """Called with the model's time after every chunk of steps; shows how far it is, the rate and the time that remains.

    The time that remains is extrapolated from the progress of the last seconds (integrators speed up as transients decay).
    """

    def __init__(self, start: float, stop: float, shown: bool | None = None) -> None:
        self.start, self.stop = start, stop
        self._shown = sys.stderr.isatty() if shown is None else shown
        self._begun = time.perf_counter()
        self._bar: Any = None
        self._task: Any = None

    def __call__(self, t: float, *_: Any) -> None:
        if not self._shown or time.perf_counter() - self._begun < _PATIENCE:
            return
        if self._bar is None:
            self._open()
        done = abs(t - self.start)
        self._bar.update(self._task, completed=done, t=f"{t:.4g}", rate=self._rate(done))

    def close(self) -> None:
        """Take the line away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def __enter__(self) -> ProgressBar:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _rate(self, done: float) -> str:
        rate = done / max(time.perf_counter() - self._begun, 1e-9)
        return f"{rate:.3g} per s"

    def _open(self) -> None:
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        from symnum.cli.console import console

        self._bar = Progress(
            TextColumn("t = {task.fields[t]} of {task.fields[stop]}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"),
            TextColumn("{task.fields[rate]}"), TimeRemainingColumn(), TextColumn("left"),
            console=console(error=True), transient=True,
        )
        self._task = self._bar.add_task("", total=abs(self.stop - self.start), t="", stop=f"{self.stop:.4g}", rate="")
        self._bar.start()
