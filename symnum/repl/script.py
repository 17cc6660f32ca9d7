"""Lines from a file or a pipe: ``symnum repl heat.sym``, ``symnum repl < heat.sym``. The first error ends it.

    text -> logical lines -> Session.run -> output
"""

from __future__ import annotations

import re
from code import InteractiveInterpreter
from collections.abc import Iterator, MutableMapping
from typing import Any, TextIO

from symnum.errors import SymnumError
from symnum.repl.render import error_output, folded, write
from symnum.repl.session import Quit, Session

_BLOCK = re.compile(r"(?:async\s+)?(?:def|class|for|while|if|with|try|match)\b.*:\s*(?:#.*)?$|@")
_CLAUSE = re.compile(r"(?:else|elif|except|finally|case|def|class|async)\b")


def logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, text) of everything that belongs together: open brackets, trailing operators, blocks of Python.

    Blank lines and lines that begin with # are left out.
    """
    from symnum.repl.statements import unfinished

    rows = text.splitlines()
    k = 0
    while k < len(rows):
        first, made = k, rows[k]
        k += 1
        if not made.strip() or made.lstrip().startswith("#"):
            continue
        if _BLOCK.match(made):
            while k < len(rows) and (not rows[k].strip() or rows[k][0].isspace() or _CLAUSE.match(rows[k])):
                made += "\n" + rows[k]
                k += 1
        else:
            while k < len(rows) and unfinished(made):
                made += "\n" + rows[k]
                k += 1
        yield first + 1, made.rstrip()


def run_script(session: Session, text: str, name: str, out: TextIO, err: TextIO) -> int:
    """Run all lines; 0, 2 at the first error (told with its line), 1 where the last solve failed, 130 when interrupted."""
    terminal = session.host.terminal()
    try:
        for number, line in logical_lines(text):
            try:
                for output in session.run(line):
                    write(output, out, terminal)
            except Quit:
                break
            except KeyboardInterrupt:
                print("\nInterrupted.", file=err)
                return 130
            except Exception as error:
                session.traceback = error
                out.flush()
                _tell(error, name, number, line, err)
                return 2
    except BrokenPipeError:
        return 0
    return 0 if session.solution is None or session.solution.success else 1


def _tell(error: Exception, name: str, number: int, line: str, err: TextIO) -> None:
    *place, message = (piece.text for piece in error_output(error, line))
    kind = "" if isinstance(error, SymnumError) else f"{type(error).__name__}: "
    print(folded(f"symnum: {name}, line {number}: {kind}{message}", 120), file=err)
    for row in place:
        print(row, file=err)


class PythonRunner(InteractiveInterpreter):
    """Python lines of a script, run as in Python's own prompt: the value of an expression is printed. Raises what they raise."""

    def __init__(self, namespace: MutableMapping[str, Any]) -> None:
        super().__init__(namespace)  # type: ignore[arg-type]
        self.error: BaseException | None = None

    def __call__(self, code: str) -> None:
        self.error = None
        single = "\n" not in code.strip()
        if self.runsource(code if single else code + "\n", "<session>", "single" if single else "exec"):
            raise SyntaxError(f"the Python is not complete: {code.strip().splitlines()[0]}")
        if self.error is not None:
            raise self.error

    def showtraceback(self) -> None:
        """Keep the error for the caller."""
        import sys

        self.error = sys.exc_info()[1]

    def showsyntaxerror(self, filename: str | None = None, **more: Any) -> None:
        """Keep the error for the caller."""
        self.showtraceback()
