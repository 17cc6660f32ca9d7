"""begin another model; the others are kept"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.repl.arguments import Arguments
from symnum.repl.draft import Draft
from symnum.repl.render import Output, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":new [NAME]"
EXAMPLE = ":new rod"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """An empty model."""
    arguments.check_names("new", OPTIONS)
    if len(arguments.words) > 1:
        raise arguments.wrong(f"one name; usage: {USAGE}", arguments.words[1])
    name = arguments.words[0].text if arguments.words else ""
    if name and not name.isidentifier():
        raise arguments.wrong(f"{name!r} is no name; write letters, digits and _", arguments.words[0])
    session.change(Draft(name=name), name)
    return [Text(f"  an empty model{' ' + name if name else ''}", Tone.FAINT)]
