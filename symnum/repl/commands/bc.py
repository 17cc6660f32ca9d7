"""boundary conditions: list, add one, or remove N"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from symnum.errors import ParseError
from symnum.repl.arguments import Arguments
from symnum.repl.render import Output, Text, Tone
from symnum.repl.statement_kinds import ConditionText

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":bc [CONDITION | remove N | remove all]"
EXAMPLE = ":bc u = 0 @ x=0"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """Add, remove or list."""
    from symnum.repl.statements import parse

    text = arguments.raw.strip()
    if not text:
        return listed(session)
    if arguments.words and arguments.words[0].text == "remove":
        return _remove(session, arguments)
    rows: list[Text] = []
    for statement in parse(arguments.raw, session.known()):
        if not isinstance(statement, ConditionText):
            raise ParseError("this is no boundary condition; write `u = 0 @ x=0`, `∂x u = 0 @ x=1` or `periodic x`", arguments.raw)
        rows += [piece for piece in session.do(statement) if isinstance(piece, Text)]
    return rows


def listed(session: Session) -> list[Text]:
    """The conditions with their numbers, and on which axes none is given."""
    draft = session.draft
    if draft.base is not None:
        return [Text(f"  {c}") for c in draft.base.conditions] or [Text("  none", Tone.FAINT)]
    rows = [Text(f"  {number}  {text}") for number, text in enumerate(draft.conditions, 1)]
    from symnum.repl.sides import axes_of

    closed = {c for text in draft.conditions for c in axes_of(text)}
    free = [c for c in draft.space if c not in closed]
    if free:
        rows.append(Text(f"  none on {', '.join(free)}: assumed periodic", Tone.FAINT))
    return rows or [Text("  none: the model has no space coordinate", Tone.FAINT)]


def _remove(session: Session, arguments: Arguments) -> Output:
    draft = session.draft
    which = arguments.words[1] if len(arguments.words) > 1 else None
    if which is None:
        raise arguments.wrong("which one? `:bc remove 1` or `:bc remove all`; `:bc` numbers them")
    if which.text == "all":
        kept: tuple[str, ...] = ()
    else:
        number = arguments.whole(which, "number")
        if number > len(draft.conditions):
            raise arguments.wrong(f"there are {len(draft.conditions)} conditions; `:bc` numbers them", which)
        kept = (*draft.conditions[: number - 1], *draft.conditions[number:])
    session.change(replace(draft, conditions=kept))
    return listed(session)
