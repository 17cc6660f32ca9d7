"""what the model is: orders, linearity, type, conserved quantities"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.repl.arguments import Arguments
from symnum.repl.render import Output, Text

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":explain"
EXAMPLE = ":explain"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """The explanation of the system, and what was assumed in it."""
    arguments.check_names("explain", OPTIONS)
    arguments.refuse_words("explain", USAGE)
    noted: list[Text] = []
    with session.noting(noted):
        built = session.built()
        text = built.system.explain()
    rows = [Text("\n".join(f"  {line}" for line in text.splitlines()), indent=13)]
    return [*rows, *session.assumptions(built, again=True), *noted]
