"""leave (so does Ctrl-D)"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.repl.arguments import Arguments
from symnum.repl.render import Output

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":quit"
EXAMPLE = ":quit"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """Leave the session."""
    from symnum.repl.session import Quit

    arguments.refuse_words("quit", USAGE)
    raise Quit
