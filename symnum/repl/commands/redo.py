"""make again what :undo took back"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.repl.arguments import Arguments
from symnum.repl.render import Output, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":redo"
EXAMPLE = ":redo"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """Go forward, and show the model as it is now."""
    from symnum.repl.commands.show import model_lines

    arguments.check_names("redo", OPTIONS)
    arguments.refuse_words("redo", USAGE)
    if not session.redo():
        return [Text("  nothing to make again", Tone.FAINT)]
    return model_lines(session)
