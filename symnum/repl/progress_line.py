"""The line that shows how far a solve is: method, time, share, time that remains. It appears after a moment and is wiped at the end."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from symnum.repl.render import Terminal

_PATIENCE, _EVERY = 0.4, 0.1  # seconds before the line appears, and between two versions of it


class _Method(logging.Handler):
    """Hears from the log which method was chosen (``symnum.decisions``)."""

    name_of_method = ""

    def emit(self, record: logging.LogRecord) -> None:
        if str(record.msg).startswith("method: %s of backend") and isinstance(record.args, tuple):
            self.name_of_method = str(record.args[0])


@contextmanager
def progress_line(title: str, span: tuple[float, float], stream: TextIO, terminal: Terminal) -> Iterator[Callable[[float], None]]:
    """A function of t that rewrites one line. ``span``: start and end of time."""
    heard, begun, drawn = _Method(logging.INFO), time.monotonic(), [0.0]

    def update(t: float) -> None:
        now = time.monotonic()
        if now - begun < _PATIENCE or now - drawn[0] < _EVERY:
            return
        drawn[0] = now
        stream.write("\r\x1b[K" + line_at(title, heard.name_of_method, t, span, now - begun)[: terminal.width - 1])
        stream.flush()

    try:
        with listening(heard):
            yield update
    finally:
        if drawn[0]:
            stream.write("\r\x1b[K")
            stream.flush()


@contextmanager
def listening(handler: logging.Handler) -> Iterator[None]:
    """What symnum logs goes to ``handler`` as well; other handlers get no more than before."""
    log = logging.getLogger("symnum")
    level, propagate = log.level, log.propagate
    if not log.isEnabledFor(logging.INFO):
        log.setLevel(logging.INFO)
        log.propagate = False
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        log.propagate = propagate


def line_at(title: str, method: str, t: float, span: tuple[float, float], elapsed: float) -> str:
    """``heat, ROCK4: t = 0.43 of 1 (43 %), 12 s, about 16 s to go; Ctrl-C stops and keeps it``."""
    share = abs(t - span[0]) / (abs(span[1] - span[0]) or 1.0)
    rest = f", about {elapsed * (1 - share) / share:.0f} s to go" if share > 0.02 else ""
    by = f", {method}" if method else ""
    return f"  {title}{by}: t = {t:.4g} of {span[1]:.4g} ({100 * share:.0f} %), {elapsed:.0f} s{rest}; Ctrl-C stops and keeps it"
