"""initial conditions: list, or give one"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.errors import ParseError
from symnum.repl.arguments import Arguments
from symnum.repl.render import Output, Text, Tone
from symnum.repl.statement_kinds import Initial, Statement

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":ic [FIELD = VALUE]"
EXAMPLE = ":ic u = sin(2 pi x)"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """Give one, or list them."""
    if not arguments.raw.strip():
        return _listed(session)
    rows: list[Text] = []
    for statement in _read(session, arguments.raw):
        if not isinstance(statement, Initial):
            raise ParseError("this gives no value at the start; write `u = sin(pi x)` or `u_t = 0`", arguments.raw)
        rows += [piece for piece in session.do(statement) if isinstance(piece, Text)]
    return rows


def _read(session: Session, text: str) -> tuple[Statement, ...]:
    """After ``:ic`` the time need not be said."""
    from symnum.repl.statements import parse

    draft, known = session.draft, session.known()
    start = draft.domain[draft.time][0] if draft.time in draft.domain else "0"
    dated = text if "@" in text else f"{text.rstrip()} @ {draft.time}={start}"
    try:
        found = parse(dated, known)
    except ParseError as first:
        try:
            return parse(text, known)
        except ParseError:
            raise ParseError(str(first).splitlines()[0], text, min(first.position, len(text))) from None
    return found if all(isinstance(s, Initial) for s in found) else parse(text, known)


def _listed(session: Session) -> list[Text]:
    draft = session.draft
    if draft.base is not None:
        return [Text(f"  {key} = {value}" if not hasattr(value, "shape") else f"  {key}: an array") for key, value in draft.base.initial.items()]
    rows = [Text(f"  {text}") for text in draft.initial]
    return rows or [Text("  none given; `:show` says what is assumed", Tone.FAINT)]
