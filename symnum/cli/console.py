"""What the commands print: paragraphs and tables on stdout, or one JSON object; errors and warnings on stderr."""

from __future__ import annotations

import contextlib
import json
import math
import subprocess
import sys
import textwrap
import traceback
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from symnum.errors import SolveWarning

if TYPE_CHECKING:
    from rich.console import Console

_WIDTH = 100


def console() -> Console:
    """A rich console on stdout; plain text of a fixed width where it is not a terminal."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else 120)


def print_json(value: Mapping[str, Any]) -> None:
    """One JSON object on stdout. Numbers that JSON cannot hold (NaN, infinities) become null."""
    in_utf = "utf" in (getattr(sys.stdout, "encoding", None) or "utf-8").lower()
    print(json.dumps(plain(value), indent=2, allow_nan=False, ensure_ascii=not in_utf))


def plain(value: Any) -> Any:
    """NumPy numbers as Python's, tuples as lists, NaN and infinities as None, all else that JSON lacks as text."""
    if isinstance(value, Mapping):
        return {str(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:  # a NumPy number
        return plain(value.item())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value)


def show_error(error: BaseException, as_json: bool, *, internal: bool = False) -> None:
    """One paragraph on stderr; with --json also an object on stdout, so that a program always gets one."""
    message = _internal(error) if internal else str(error)
    with contextlib.suppress(BrokenPipeError):
        print(f"symnum: {paragraph(message)}", file=sys.stderr)
    if as_json:
        print_json({"success": False, "error": type(error).__name__, "message": message})


def paragraph(message: str) -> str:
    """Long lines folded at a comfortable width; line breaks of the message (a caret below a text) are kept."""
    lines = message.strip().splitlines()
    return "\n".join(
        textwrap.fill(line, _WIDTH, break_long_words=False, break_on_hyphens=False) if len(line) > _WIDTH else line
        for line in lines
    )


def _internal(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    text = " ".join(str(error).split())
    return (
        f"an error that symnum did not foresee, {type(error).__name__}: {text}{place}. Please report it; "
        "SYMNUM_TRACEBACK=1 in the environment shows where it came from."
    )


@contextlib.contextmanager
def quiet_stdout(as_json: bool) -> Iterator[None]:
    """Warnings as one paragraph each on stderr; with ``as_json`` whatever a model prints goes to stderr too.

    SolveWarning is left out: the command tells how the solve ended itself.
    """
    seen: set[str] = set()

    def show(message: Warning | str, category: type[Warning], *rest: Any, **named: Any) -> None:
        text = f"warning: {message}"
        if text not in seen:
            seen.add(text)
            print(f"symnum: {paragraph(text)}", file=sys.stderr)

    redirected = contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()
    with warnings.catch_warnings(), redirected:
        warnings.showwarning = show
        warnings.simplefilter("ignore", SolveWarning)
        yield


@contextlib.contextmanager
def decisions_told(verbose: int) -> Iterator[None]:
    """The lines of the logger ``symnum`` on stderr while a command runs: 0 none, 1 what was chosen, 2 and more everything."""
    if not verbose:
        yield
        return
    import logging

    log, handler = logging.getLogger("symnum"), logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("  %(message)s"))
    before = log.level, log.propagate
    log.addHandler(handler)
    log.setLevel(logging.INFO if verbose == 1 else logging.DEBUG)
    log.propagate = False
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(before[0])
        log.propagate = before[1]


def program_line(path: str) -> str:
    """The first line of what a program says of its version; empty where it says nothing."""
    flag = "-version" if "ffmpeg" in path else "--version"
    try:
        text = subprocess.run([path, flag], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return (text.splitlines() or [""])[0].strip()


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], title: str = "") -> Any:
    """A rich table without outer lines; numbers are the caller's text."""
    from rich import box
    from rich.table import Table

    made = Table(*columns, box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False)
    for row in rows:
        made.add_row(*row)
    return made


def seconds(value: float | None) -> str:
    """A duration as people write it: ``12 ms``, ``3.4 s``, ``2 min 5 s``."""
    if value is None:
        return "?"
    if value < 0.0995:
        return f"{value * 1000:.2g} ms"
    if value < 99.5:
        return f"{value:.3g} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s"
