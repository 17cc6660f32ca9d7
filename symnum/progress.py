"""A progress bar for time stepping: where the solve is, its rate, and the time that remains. Drawn on stderr, only after a second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from symnum.errors import SolveError

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


class reporting:
    """Progress: the user's function, a bar on stderr, or nothing. ``semi``: has ``name`` and ``time_span``."""

    def __init__(self, progress: Callable[[float], None] | bool | None, semi: Any) -> None:
        if progress is not None and not isinstance(progress, bool) and not callable(progress):
            raise SolveError(f"progress is True, None or a function of t, not {progress!r}")
        self.progress, self.semi = progress, semi
        self.bar: Any = None

    def __enter__(self) -> Callable[[float], None] | None:
        if self.progress is not True:
            return self.progress if callable(self.progress) else None
        self.bar = TimeBar(self.semi.name or "solving", *self.semi.time_span)
        return self.bar.update

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()
