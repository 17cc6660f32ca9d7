"""Sessions without a terminal, for tests."""

from __future__ import annotations

from typing import Any

import symnum as sn
from symnum.cli.models import catalogue, find_model
from symnum.repl.render import Terminal, Text
from symnum.repl.script import PythonRunner
from symnum.repl.session import Host, Session
from symnum.repl.sheet import Sheet


def new_session(**more: Any) -> Session:
    """A session that knows symnum's models and runs Python."""
    models = catalogue()
    host = Host(find_model=find_model, model_names=models.names, model_title=models.one_line, terminal=lambda: Terminal(80, 24), **more)
    session = Session(host, {"sn": sn})
    host.python = PythonRunner(session.namespace)
    return session


def said(session: Session, *lines: str) -> str:
    """Type lines and give what is answered to the last one, plots included, as plain text."""
    text = ""
    for line in lines:
        pieces = [piece for output in session.run(line) for piece in output]  # of all statements of the line
        text = "\n".join(as_text(piece) for piece in pieces)
    return text


def as_text(piece: Any) -> str:
    """A piece of output without colours."""
    if isinstance(piece, Text):
        return piece.text
    if isinstance(piece, Sheet):
        from symnum.repl.sheet import Depth

        return "\n".join(piece.lines(Depth.NONE))
    return f"a picture of {len(piece.png)} bytes"
