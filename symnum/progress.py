"""A progress bar for time stepping: where the solve is, its rate, and the time that remains. Drawn on stderr, only after a second."""

from __future__ import annotations

import time
from typing import Any

_PATIENCE = 1.0  # seconds before a bar appears


class TimeBar:
    """``update(t)`` as the solve advances from ``start`` to ``stop``; ``close()`` at the end."""

    def __init__(self, title: str, start: float, stop: float) -> None:
        self.title, self.start, self.stop = title, start, stop
        self.begin = time.monotonic()
        self.bar: Any = None
        self.task: Any = None

    def update(self, t: float) -> None:
        """Show that the solve has reached time t."""
        elapsed = time.monotonic() - self.begin
        if self.bar is None and elapsed >= _PATIENCE:
            self._open()
        if self.bar is not None:
            done = abs(t - self.start) / abs(self.stop - self.start)
            rate = abs(t - self.start) / max(elapsed, 1e-9)
            self.bar.update(self.task, completed=done, where=f"t = {t:.4g} of {self.stop:.4g}, {rate:.3g} a second")

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None:
            self.bar.stop()

    def _open(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[where]}"),
            TimeRemainingColumn(),
        )
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self.task = self.bar.add_task(self.title, total=1.0, where="")
        self.bar.start()
