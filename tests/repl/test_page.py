"""docs/repl.md: what its page shows is what the session answers, line by line."""

from __future__ import annotations

import contextlib
import doctest
import io
import re
from pathlib import Path

from symnum.errors import SymnumError
from symnum.repl.commands import commands
from symnum.repl.render import error_output
from tests.repl.sessions import new_session, said

PAGE = (Path(__file__).parents[2] / "docs" / "repl.md").read_text("utf-8")
PROMPT = "sn> "


def exchanges() -> list[tuple[str, str]]:
    """(typed, answered) of the whole page, which is one session."""
    found = []
    for block in re.findall(r"^```text\n(.*?)^```", PAGE, re.M | re.S):
        for part in block.split(PROMPT)[1:]:
            typed, _, answer = part.partition("\n")
            found.append((typed, answer.rstrip("\n")))
    return found


def test_the_page_shows_what_the_session_answers() -> None:
    session, checker = new_session(), doctest.OutputChecker()
    assert len(exchanges()) > 15
    for typed, expected in exchanges():
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                answer = said(session, typed)
        except SymnumError as error:
            answer = f"Error: {error_output(error, typed)[-1].text}"
        got = "\n".join(part for part in (answer, printed.getvalue().rstrip("\n")) if part)
        same = checker.check_output(expected + "\n", got + "\n", doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        assert same, f"{typed}\nexpected:\n{expected}\nanswered:\n{got}"


def test_the_page_names_every_command() -> None:
    named = set(re.findall(r"`:(\w+)", PAGE))
    assert set(commands().names()) <= named
