"""``symnum repl``, and ``symnum`` alone on a terminal: the interactive session; from a file or a pipe, its lines one after the other."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from symnum.errors import FileError

if TYPE_CHECKING:
    from symnum.repl.session import Host


def repl(arguments: argparse.Namespace) -> int:
    """Converse, or run the lines of a file; 0, or 2 at the first error of a file."""
    if arguments.file is not None:
        return _run_lines(_text(Path(arguments.file)), arguments.file)
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return _run_lines(sys.stdin.read(), "standard input")
    return open_session()


def open_session() -> int:
    """The session in this terminal."""
    from symnum import __version__
    from symnum.repl.progress_line import progress_line
    from symnum.repl.shell import open_shell, this_terminal

    host = _host()
    host.terminal = this_terminal
    host.progress = lambda title, span: progress_line(title, span, sys.stdout, this_terminal())
    return open_shell(host, {"sn": sys.modules["symnum"]}, __version__)


def _run_lines(text: str, name: str) -> int:
    from symnum.repl.render import Terminal
    from symnum.repl.script import PythonRunner, run_script
    from symnum.repl.session import Session
    from symnum.repl.sheet import colour_depth

    host = _host()
    depth = colour_depth(os.environ, sys.stdout.isatty())
    size = shutil.get_terminal_size((100, 30))
    host.terminal = lambda: Terminal(size.columns, size.lines, depth)
    session = Session(host, {"sn": sys.modules["symnum"], "__name__": "__main__"})
    host.python = PythonRunner(session.namespace)
    return run_script(session, text, name, sys.stdout, sys.stderr)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise FileError(f"{path} cannot be read: {reason}. Write: symnum repl FILE, or symnum repl alone for a session") from None


def _host() -> Host:
    from symnum.cli.models import catalogue, find_model
    from symnum.repl.session import Host

    models = catalogue()
    return Host(find_model=find_model, model_names=cache(models.names), model_title=models.one_line, doctor=_doctor)


def _doctor() -> str:
    import subprocess

    made = subprocess.run([sys.executable, "-m", "symnum", "doctor"], capture_output=True, text=True, check=False)
    return made.stdout or made.stderr
