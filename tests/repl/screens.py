"""A terminal for tests: a program in a pseudo-terminal (pexpect), and what a person would see of it (pyte).

    with Screen("symnum", columns=80, rows=24) as screen:
        screen.type("u_t = 0.1 u_xx")
        assert "assumed" in screen.text()
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import pytest

pexpect = pytest.importorskip("pexpect", reason="the package pexpect is not installed")
pyte = pytest.importorskip("pyte", reason="the package pyte is not installed")

PATIENCE = 120  # seconds; a busy machine may take long, a broken program takes for ever


class Screen:
    """``columns`` x ``rows`` characters, and everything that has scrolled off the top."""

    def __init__(
        self, columns: int = 80, rows: int = 24, environment: Mapping[str, str] | None = None, prompt: str = "sn> ", folder: str | None = None
    ) -> None:
        self.prompt = prompt
        self.seen = pyte.HistoryScreen(columns, rows, history=5000, ratio=0.5)
        self.stream = pyte.ByteStream(self.seen)
        given = {**os.environ, "TERM": "xterm-256color", "PYTHONUNBUFFERED": "1", "OPENBLAS_NUM_THREADS": "1", **(environment or {})}
        given.pop("NO_COLOR", None)
        self.child: Any = pexpect.spawn(
            sys.executable, ["-m", "symnum"], dimensions=(rows, columns), env=given, timeout=PATIENCE, cwd=folder
        )
        self.child.delaybeforesend = None
        self.wait_for_prompt()

    def __enter__(self) -> Screen:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.child.close(force=True)

    # ---- looking -------------------------------------------------------------------------------

    def lines(self) -> list[str]:
        """The screen as it is, without blanks at the ends of its lines."""
        return [line.rstrip() for line in self.seen.display]

    def text(self) -> str:
        """The screen as one text."""
        return "\n".join(self.lines())

    def history(self) -> str:
        """All that was ever shown: lines that scrolled off, then the screen."""
        old = ["".join(row[c].data for c in range(self.seen.columns)).rstrip() for row in self.seen.history.top]
        return "\n".join([*old, *self.lines()])

    def ready(self) -> bool:
        """The cursor stands behind an empty prompt."""
        line = self.seen.display[self.seen.cursor.y]
        return line.rstrip() == self.prompt.rstrip() and self.seen.cursor.x == len(self.prompt)

    # ---- waiting -------------------------------------------------------------------------------

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Take output until a condition holds."""
        end = time.monotonic() + PATIENCE
        while not until():
            if time.monotonic() > end:
                raise AssertionError(f"waited {PATIENCE} s for {what}; the screen:\n{self.text()}")
            self.pump(0.05)

    def pump(self, seconds: float) -> None:
        """Take what the program has written meanwhile, and answer its question for the place of the cursor."""
        try:
            data = self.child.read_nonblocking(65536, timeout=seconds)
        except pexpect.TIMEOUT:
            return
        except pexpect.EOF:
            raise AssertionError(f"the program ended; the screen:\n{self.text()}") from None
        self.stream.feed(data)
        if b"\x1b[6n" in data:
            self.child.send(f"\x1b[{self.seen.cursor.y + 1};{self.seen.cursor.x + 1}R")

    def wait_for_prompt(self) -> None:
        """Until the program asks for the next line."""
        self.wait(self.ready, f"the prompt {self.prompt!r}")

    def wait_for(self, text: str) -> None:
        """Until a text is on the screen."""
        self.wait(lambda: text in self.text(), repr(text))

    # ---- typing --------------------------------------------------------------------------------

    def send(self, keys: str) -> None:
        """Keys as they are; no Enter."""
        self.child.send(keys)

    def type(self, line: str, prompt: str | None = None) -> str:
        """A line and Enter; the screen when the next prompt (of another model: ``prompt``) is there."""
        self.send(line)
        self.wait(lambda: line[-12:] in self.text() or len(line) > 60, f"the echo of {line!r}")
        self.send("\r")
        self.prompt = prompt or self.prompt
        self.wait(self._moved(line), "the line to be taken")
        self.wait_for_prompt()
        return self.text()

    def _moved(self, line: str) -> Callable[[], bool]:
        """Enter was taken: the cursor stands somewhere else than behind the line that was typed."""
        row, column = self.seen.cursor.y, self.seen.cursor.x
        return lambda: (self.seen.cursor.y, self.seen.cursor.x) != (row, column)

    def wait_for_end(self) -> None:
        """Until the program has ended."""
        self.child.expect(pexpect.EOF)
