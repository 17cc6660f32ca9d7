"""where the last error came from"""

from __future__ import annotations

import traceback
from typing import TYPE_CHECKING

from symnum.repl.arguments import Arguments
from symnum.repl.render import Output, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":traceback"
EXAMPLE = ":traceback"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """The lines of Python that led to the last error."""
    arguments.refuse_words("traceback", USAGE)
    if session.traceback is None:
        return [Text("  there was no error", Tone.FAINT)]
    return [Text("".join(traceback.format_exception(session.traceback)).rstrip("\n"), indent=None)]
