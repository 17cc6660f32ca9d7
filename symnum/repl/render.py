"""What the session answers, and how it is written: lines with a tone, plots, pictures.

    Session -> Output -> Renderer -> terminal
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TextIO

from symnum.errors import ParseError
from symnum.repl.sheet import Colour, Depth, Sheet, indexed
from symnum.repl.words import in_session_words


class Tone(Enum):
    """What a line is: its colour, or None for the terminal's own."""

    PLAIN = None
    STRONG = "1"
    FAINT = (128, 128, 128)
    GOOD = (0, 158, 115)
    WARNING = (214, 140, 20)
    ERROR = (213, 94, 0)


@dataclass(frozen=True)
class Text:
    """A paragraph. ``indent``: of the lines it is folded into, None for text (source code) that keeps its lines."""

    text: str
    tone: Tone = Tone.PLAIN
    indent: int | None = 2


@dataclass(frozen=True)
class Picture:
    """A PNG image for a terminal that shows pictures."""

    png: bytes


_NO_PLOT = "  (no plot: the encoding of this output is not UTF-8; PYTHONUTF8=1 in the environment makes it so, `:plot FILE.png` writes a picture)"
_BEFORE = 50  # characters shown before the place of an error, at most

Piece = Text | Sheet | Picture
Output = Sequence[Piece]


@dataclass(frozen=True)
class Terminal:
    """Where output goes: size in characters, colours, and how pictures are sent ("" for not at all)."""

    width: int = 80
    height: int = 24
    depth: Depth = Depth.NONE
    pictures: str = ""


def write(output: Output, stream: TextIO, terminal: Terminal) -> None:
    """Write pieces to a stream, folded at the terminal's width."""
    for piece in output:
        if isinstance(piece, Text):
            text = piece.text if piece.indent is None else folded(piece.text, terminal.width, piece.indent)
            stream.write(coloured(text, piece.tone, terminal.depth) + "\n")
        elif isinstance(piece, Sheet):
            plot = "\n".join(piece.lines(terminal.depth))
            stream.write((plot if _fits(plot, stream) else folded(_NO_PLOT, terminal.width)) + "\n")
        else:
            from symnum.repl.terminal_pictures import escape_sequence

            stream.write(escape_sequence(piece.png, terminal.pictures, terminal.width) + "\n")
    stream.flush()


def _fits(text: str, stream: TextIO) -> bool:
    """Has the encoding of the stream all characters of the text?"""
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def folded(text: str, width: int, indent: int = 2) -> str:
    """Lines longer than the terminal are folded between words; their own indentation is kept."""
    made = []
    for line in text.splitlines() or [""]:
        if len(line) < width:
            made.append(line)
            continue
        own = len(line) - len(line.lstrip())
        made += textwrap.wrap(
            line, max(width - 1, 20), subsequent_indent=" " * (own + indent), break_long_words=True, break_on_hyphens=False
        ) or [""]
    return "\n".join(made)


def coloured(text: str, tone: Tone, depth: Depth) -> str:
    """The text in its tone, line by line, as escape sequences; plain where there are no colours."""
    if tone is Tone.PLAIN or depth is Depth.NONE:
        return text
    code = "1" if tone is Tone.STRONG else _code(tone.value, depth)
    return "\n".join(f"\x1b[{code}m{line}\x1b[0m" if line else line for line in text.splitlines())


def _code(colour: Colour | str | None, depth: Depth) -> str:
    assert isinstance(colour, tuple)
    return f"38;2;{';'.join(map(str, colour))}" if depth is Depth.TRUE else f"38;5;{indexed(colour)}"


def error_output(error: BaseException, typed: str, prompt: int | None = None) -> list[Text]:
    """An error as one paragraph, with a caret under the place in the typed line.

    ``prompt``: the width of the prompt before a line that is still to be seen on the screen (one line): the caret goes right below
    it. Otherwise the line is written once more above its caret.
    """
    message = in_session_words(" ".join(str(error).split()) if not isinstance(error, ParseError) else sentence(error))
    if not isinstance(error, ParseError) or not error.text or error.text.strip() not in typed:
        return [Text(message, Tone.ERROR)]
    position = typed.index(error.text.strip()) + error.position if error.text != typed else error.position
    start = typed.rfind("\n", 0, position) + 1
    line = typed[start:].partition("\n")[0]
    if prompt is not None and "\n" not in typed:
        return [Text(" " * (prompt + position) + "^", Tone.ERROR, 0), Text(message, Tone.ERROR)]
    cut = max(0, position - start - _BEFORE)  # of a long line the part around the place
    shown = line[cut : cut + _BEFORE + 20]
    return [Text(f"    {shown}", indent=None), Text(f"    {' ' * (position - start - cut)}^", Tone.ERROR), Text(message, Tone.ERROR)]


def sentence(error: ParseError) -> str:
    """The message of a ParseError without the window and caret that it carries for plain output."""
    lines = str(error).splitlines()
    if error.text and len(lines) >= 3 and lines[-1].strip() == "^":
        lines = lines[:-2]
    return " ".join(" ".join(lines).split())
