"""intervals of the coordinates: list, or give some"""

from __future__ import annotations

from typing import TYPE_CHECKING

from symnum.errors import ParseError
from symnum.repl.arguments import Arguments
from symnum.repl.render import Output, Text, Tone
from symnum.repl.statement_kinds import Interval

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":domain [x in (a, b), t in (0, T)]"
EXAMPLE = ":domain x in (0, 2 pi), t in (0, 5)"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """Give intervals, or list them."""
    from symnum.repl.statements import parse

    if not arguments.raw.strip():
        return _listed(session)
    rows: list[Text] = []
    for statement in parse(arguments.raw, session.known()):
        if not isinstance(statement, Interval):
            raise ParseError("this is no interval; write `x in (0, 1)` or `0 <= x <= 1`", arguments.raw)
        rows += [piece for piece in session.do(statement) if isinstance(piece, Text)]
    return rows


def _listed(session: Session) -> list[Text]:
    draft = session.draft
    bounds = {c: (str(low), str(high)) for c, (low, high) in (draft.base.domain.exact if draft.base else {}).items()} | dict(draft.domain)
    rows = [Text(f"  {c} in ({low}, {high})") for c, (low, high) in bounds.items()]
    free = [c for c in draft.coordinates if c not in bounds]
    if free:
        rows.append(Text(f"  not given, so assumed: {', '.join(free)}; `:show` says how", Tone.FAINT))
    return rows or [Text("  no coordinate yet", Tone.FAINT)]
