"""write a script (.py), the lines (.sym) or the solution (.nc)"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from symnum.errors import FileError, ModelError, SymnumError
from symnum.repl.arguments import Arguments
from symnum.repl.commands.solve import solution_of
from symnum.repl.render import Output, Piece, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":save FILE.py | FILE.sym | FILE.nc"
EXAMPLE = ":save heat.py"
OPTIONS = {"overwrite": "overwrite=yes: replace a file that no session wrote"}
MARK = "A session of symnum"


def run(session: Session, arguments: Arguments) -> Output:
    """Write each file that is named."""
    arguments.check_names("save", OPTIONS)
    if not arguments.words:
        raise arguments.wrong(f"which file? Usage: {USAGE}")
    overwrite = (pair := arguments.get("overwrite")) is not None and pair.text.lower() in ("yes", "true", "1")
    for word in arguments.words:
        if Path(word.text).suffix not in (".py", ".sym", ".nc"):
            raise arguments.wrong(f"{word.text}: the suffix says what is written: .py a script, .sym the lines, .nc the solution", word)
    said: list[Piece] = []
    for word in arguments.words:
        said += _save(session, Path(word.text), overwrite)
    return [*said, Text(f"  wrote {', '.join(word.text for word in arguments.words)}", Tone.GOOD)]


def _save(session: Session, path: Path, overwrite: bool) -> list[Piece]:
    if path.suffix == ".nc":
        solution, said = solution_of(session)
        solution.save(path)
        return said
    text = _script(session) if path.suffix == ".py" else _lines(session)
    draft = path.with_name(f".{path.name}.{os.getpid()}")  # a disk that is full leaves the older script as it was
    try:
        if path.exists() and not overwrite and MARK not in _beginning(path):
            raise FileError(f"{path} exists and is not of a session; write `:save {path} overwrite=yes` to replace it, or another name")
        try:
            draft.write_text(text, encoding="utf-8", errors="backslashreplace")
            draft.replace(path.resolve())
        finally:
            draft.unlink(missing_ok=True)
    except OSError as error:
        raise error if isinstance(error, FileError) else FileError(f"{path} cannot be written: {error.strerror}") from None
    return []


def _beginning(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(200)


def _script(session: Session) -> str:
    from symnum.repl.journal import script

    built = None
    if not session.draft.empty:
        try:
            with session.noting([]):
                built = session.built()
        except SymnumError:
            built = None
    if built is None and not session.journal:
        raise ModelError("there is nothing to save yet: no model was solved, and none is complete")
    return script(session.journal, built, session.draft, MARK)


def _lines(session: Session) -> str:
    return f"# {MARK}: symnum repl FILE runs it\n" + "\n".join(session.typed) + "\n"
