"""read a run (.nc), a model (.toml .py .net) or lines (.sym)"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from symnum.errors import FileError
from symnum.repl.arguments import Arguments
from symnum.repl.commands import model
from symnum.repl.commands.model import Found
from symnum.repl.render import Output, Piece, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session
    from symnum.result import Solution

USAGE = ":load FILE.nc | FILE.toml | FILE.py | FILE.net | FILE.sym"
EXAMPLE = ":load run.nc"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """By the suffix."""
    from symnum.repl.journal import Call, written

    arguments.check_names("load", OPTIONS)
    if len(arguments.words) != 1:
        raise arguments.wrong(f"one file; usage: {USAGE}")
    path = Path(arguments.words[0].text)
    if path.suffix == ".nc":
        from symnum.result import Solution

        solution = Solution.load(path)
        model_of = _model_of(session, solution)
        session.solved(solution)
        session.journal.append(Call(f"sol = sn.Solution.load({written(str(path))})"))
        return [Text("\n".join(f"  {line}" for line in repr(solution).splitlines())), *model_of]
    if path.suffix == ".sym":
        return _lines_of(session, path)
    if path.suffix in (".toml", ".py", ".net"):
        return model.run(session, arguments)
    raise arguments.wrong(f"{path}: the suffix says what is read: .nc, .toml, .py, .net or .sym", arguments.words[0])


def _lines_of(session: Session, path: Path) -> Output:
    """Run the lines of a file. Raises FileError for a file that loads itself."""
    from symnum.repl.script import logical_lines

    if not path.is_file():
        raise FileError(f"there is no file {path}")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FileError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if path.resolve() in session.reading:
        raise FileError(f"{path} loads itself; take the line `:load {path}` out of it")
    session.reading.append(path.resolve())
    made: list[Piece] = []
    try:
        for _, line in logical_lines(text):
            for output in session.run(line):
                made += output
    finally:
        session.reading.pop()
    return made


def _model_of(session: Session, solution: Solution) -> list[Text]:
    """The model that a saved run carries becomes the model of the session."""
    from symnum.provenance import read_provenance

    if not solution.provenance:
        return []
    recipe = read_provenance(solution.provenance)
    system = recipe.system
    name = system.name or "model"
    draft = model.draft_of(Found(name, "", system, None, recipe.options), name)
    session.change(draft, draft.name)
    return [Text(f"  its model is here too: {draft.name}; `:show` shows it, `:solve` makes the run again", Tone.FAINT)]
