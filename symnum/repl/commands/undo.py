"""take back the last change of the model"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.repl.arguments import Arguments
from symnum.repl.render import Output, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":undo"
EXAMPLE = ":undo"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """Go back, and show the model as it is now."""
    from symnum.repl.commands.show import model_lines

    arguments.check_names("undo", OPTIONS)
    arguments.refuse_words("undo", USAGE)
    if not session.undo():
        return [Text("  nothing to take back", Tone.FAINT)]
    return model_lines(session)
