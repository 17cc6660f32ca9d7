"""the equations in another language: prose, json, latex and others"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from symnum.errors import FileError, did_you_mean
from symnum.repl.arguments import Arguments
from symnum.repl.render import Output, Text, Tone

if TYPE_CHECKING:
    from symnum.repl.session import Session

USAGE = ":export FORMAT [FILE]"
EXAMPLE = ":export prose tokens.txt"
OPTIONS: dict[str, str] = {}


def run(session: Session, arguments: Arguments) -> Output:
    """Export to the screen or to a file."""
    from symnum.exchange import export, names

    arguments.check_names("export", OPTIONS)
    formats = names()
    if not arguments.words:
        return [Text(f"  {name:<13} {purpose}", indent=16) for name, purpose in formats.items()]
    wanted, *rest = arguments.words
    if wanted.text not in formats:
        raise arguments.wrong(f"there is no format {wanted.text!r}.{did_you_mean(wanted.text, formats)} Formats: {', '.join(formats)}", wanted)
    if len(rest) > 1:
        raise arguments.wrong(f"one file at most; usage: {USAGE}", rest[1])
    noted: list[Text] = []
    with session.noting(noted):
        made = export(session.built().system, wanted.text)
    text = as_text(made)
    if not rest:
        return [*noted, Text(text, indent=None if "\n" in text else 0)]
    try:
        Path(rest[0].text).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise FileError(f"{rest[0].text} cannot be written: {error.strerror}") from None
    return [*noted, Text(f"  wrote {rest[0].text}", Tone.GOOD)]


def as_text(made: Any) -> str:
    """An export as text: tokens with blanks between them, SymPy objects by name."""
    if isinstance(made, str):
        return made.rstrip("\n")
    if hasattr(made, "tokens"):
        return " ".join(made.tokens)
    if isinstance(made, dict):
        return "\n".join(f"{name}: {value}" for name, value in made.items())
    return str(made)
