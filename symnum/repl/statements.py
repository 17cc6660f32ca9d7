"""Typed lines to statements: the language of the shell. Nothing is ever evaluated as Python.

::

    parse("u_t = D u_xx, u(t=0) = sin(πx), D = 0.1", Known())
        -> Equations("dt(u) = D*dxx(u)"), Initial("u = sin(pi*x)"), Value("D", 0.1)

Which lines are Python's says ``python_or_mathematics``. Errors are ParseErrors whose ``text`` is the typed text and whose ``position`` lies in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from symnum.errors import ParseError
from symnum.repl.python_or_mathematics import is_python
from symnum.repl.statement_kinds import Command as Command
from symnum.repl.statement_kinds import ConditionText as ConditionText
from symnum.repl.statement_kinds import Definition as Definition
from symnum.repl.statement_kinds import Equations as Equations
from symnum.repl.statement_kinds import Expression as Expression
from symnum.repl.statement_kinds import Formula as Formula
from symnum.repl.statement_kinds import Initial as Initial
from symnum.repl.statement_kinds import Interval as Interval
from symnum.repl.statement_kinds import Known as Known
from symnum.repl.statement_kinds import Python as Python
from symnum.repl.statement_kinds import Reactions as Reactions
from symnum.repl.statement_kinds import Statement as Statement
from symnum.repl.statement_kinds import Value as Value
from symnum.repl.statement_kinds import fresh as fresh

_COMMAND = re.compile(r"\s*:\s*([^\W\d][\w-]*)[^\S\n]*")


def parse(text: str, known: Known | None = None) -> tuple[Statement, ...]:
    """What a typed text says, in order; one text may hold several statements.

    A new model is meant, and ``Equations.new`` is true, where a name contradicts what is known (x was an unknown and is now differentiated
    along) or where the system is given a name.

    Raises ParseError with the place in ``text``, and both readings where there are two.
    """
    known = Known() if known is None else known
    if text.lstrip().startswith(":"):
        return (_command(text),)
    if is_python(text, known):
        return (Python(text),)
    lines = text.splitlines()
    if len(lines) > 1 and any(line.lstrip().startswith(":") for line in lines):
        raise ParseError(
            "a command (:) stands on a line of its own", text, text.index("\n:") + 1 if "\n:" in text else 0
        )
    from symnum.repl.reading import read

    return read(text, known)


def is_mathematics(text: str, known: Known) -> bool:
    """False for text that is left to Python."""
    return text.lstrip().startswith(":") or not is_python(text, known)


def unfinished(text: str) -> bool:
    """Does the text ask for another line: an open bracket, an operator or a comma at its end?"""
    if text.lstrip().startswith(":"):
        return False
    from symnum.repl.parts import unfinished_tokens
    from symnum.repl.tokens import tokenize

    try:
        return unfinished_tokens(tokenize(text))
    except ParseError:
        return False


def point(error: ParseError, formulas: Iterable[Formula]) -> ParseError:
    """An error about a formula as one about the text it was typed in: the caret moves to what the user wrote."""
    for formula in formulas:
        if error.text and str(formula) == error.text and formula.typed:
            message = str(error).partition("\n")[0]
            return ParseError(message, formula.typed, formula.typed_position(error.position))
    return error


def redefined(text: str, known: Known) -> str:
    """An equation, condition or initial value in symnum's grammar with the definitions put in as they are now.

    Give it a ``Formula`` as it came: it remembers what was written before definitions were put in, so a name may be defined after its first use,
    and again. A text that cannot be read anew is given back as it is.
    """
    short = getattr(text, "short", "") or text
    body, mark, place = short.rpartition(" @ ")
    body, place = (body, place) if mark else (short, "")
    if "=" not in body or (short == text and not known.definitions):
        return text
    from symnum.repl.reading import rewritten

    try:
        made = rewritten(body, known)
    except ParseError:
        return text
    if not made.short and short == text:
        return text
    return Formula(str(made) + mark + place, made.typed, made.columns, short)


def _command(text: str) -> Command:
    match = _COMMAND.match(text)
    if match is None:
        raise ParseError("a command is a word behind ':', such as :solve; :help lists them", text, text.index(":"))
    return Command(match[1], text[match.end() :].rstrip(), match.end())
