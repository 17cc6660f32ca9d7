"""the right-hand sides, or an expression, in a cheaper equal form"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from symnum.errors import ParseError, did_you_mean
from symnum.repl.arguments import Arguments
from symnum.repl.render import Output, Text, Tone
from symnum.repl.statement_kinds import Expression

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":simplify [EXPRESSION] [engine=NAME]"
EXAMPLE = ":simplify (u^2 - 1)/(u - 1)"
OPTIONS = {"engine": "egraph (if not given), factor, sympy or symbolics"}
ENGINES = ("egraph", "factor", "sympy", "symbolics")


def run(session: Session, arguments: Arguments) -> Output:
    """Simplify and tell the costs in processor cycles before and after."""
    from symnum.expr.show import unicode
    from symnum.rewrite.simplify import simplify

    text, engine = _engine(arguments)
    labelled = terms(session, arguments, text)
    rows: list[Text] = []
    for label, term in labelled:
        made, report = simplify(term, engine=engine, report=True)
        change = f"{report.before:g} cycles before, {report.after:g} after" if made != term else f"{report.before:g} cycles, nothing cheaper found"
        rows += [Text(f"  {label}{unicode(made, 1500)}"), Text(f"  {change}", Tone.FAINT)]
    return rows


def _engine(arguments: Arguments) -> tuple[str, str]:
    """The expression without the option, and the engine."""
    pair = arguments.get("engine")
    if pair is None:
        return arguments.raw, "egraph"
    if pair.text not in ENGINES:
        raise arguments.wrong(f"there is no engine {pair.text!r}.{did_you_mean(pair.text, ENGINES)} Engines: {', '.join(ENGINES)}", pair)
    return arguments.raw[: arguments.raw.rfind("engine", 0, pair.position)].rstrip(), pair.text


def terms(session: Session, arguments: Arguments, text: str) -> list[tuple[str, Any]]:
    """(label, term): the expression that was typed, or the rates of the model."""
    from symnum.expr.show import unicode
    from symnum.repl.statements import parse
    from symnum.repl.terms import expression_term

    if not text.strip():
        with session.noting([]):
            system = session.built().system
        return [(f"{unicode(e.lhs)} = ", e.rhs) for e in system.equations[:20]]
    draft = session.draft
    names = {*draft.fields, *draft.coordinates, *draft.values}
    known = session.known()
    statement = parse(text, known)[0] if text.strip() not in names else None
    if not isinstance(statement, Expression):
        raise ParseError("this is no expression that could be simplified; write for instance `:simplify (u^2 - 1)/(u - 1)`", arguments.raw)
    return [("", expression_term(draft, statement))]
