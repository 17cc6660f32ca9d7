"""A progress bar for time stepping: where the solve is, its rate, and the time that remains. Drawn only after a second, on stderr, in notebooks below
the cell.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from html import escape
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
        if _in_notebook():
            self.bar = NotebookLine(self.title)
            return
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


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this: its shell has one, that of a terminal has not."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    return getattr(shell, "kernel", None) is not None


class NotebookLine:
    """A bar and a sentence that are rewritten in place. No widget library is needed, and front ends without HTML show the sentence.

    Rich's own bar in notebooks needs ipywidgets and a thread that draws, whose output some front ends lose.
    """

    every = 0.2  # seconds between two versions

    def __init__(self, title: str) -> None:
        from IPython.display import display

        self.title, self.begin, self.drawn = title, time.monotonic(), 0.0
        self.handle: Any = display(self._shown(None, "begins"), raw=True, display_id=True)

    def update(self, task: object, completed: float, where: str) -> None:
        """The share that is done (0 to 1), and the sentence. ``task`` is there to be called as Rich's bar is."""
        now = time.monotonic()
        if now - self.drawn < self.every:
            return
        self.drawn = now
        elapsed = now - self.begin + _PATIENCE
        left = f", about {elapsed * (1 - completed) / completed:.0f} s to go" if completed > 0.02 else ""
        self.handle.update(self._shown(completed, f"{100 * completed:.0f} %, {where}{left}"), raw=True)

    def stop(self) -> None:
        """What stays: how long it took."""
        self.handle.update(self._shown(None, f"{time.monotonic() - self.begin + _PATIENCE:.1f} s"), raw=True)

    def _shown(self, completed: float | None, sentence: str) -> dict[str, str]:
        bar = "" if completed is None else f'<progress value="{completed:.3f}" max="1"></progress> '
        return {"text/html": f"{bar}{escape(self.title)}: {escape(sentence)}", "text/plain": f"{self.title}: {sentence}"}


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
