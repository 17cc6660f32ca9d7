"""Lines of Julia: comments, documentation strings, statements folded after operators (a line that is complete ends in Julia)."""

from __future__ import annotations

import re
import textwrap

from symnum.codegen.c_text import WIDTH, Writer

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\x85\u2028-\u202e\u2066-\u2069]")
_BEFORE = ("+", "-", ",", "&", "|", "?", ":", "=")


class JuliaWriter(Writer):
    """Collects lines of Julia."""

    def close(self) -> None:
        """The end of a block."""
        self.indent -= 1
        self.line("end")

    def comment(self, text: str) -> None:
        """A comment of one or more lines; empty lines are kept."""
        for paragraph in plain(text).split("\n"):
            self.lines += [f"{'    ' * self.indent}# {part}".rstrip() for part in _folded(paragraph, WIDTH - 4)]

    def documentation(self, text: str) -> None:
        """A documentation string before a definition; nothing in it is taken for code."""
        self.line('"""')
        for paragraph in plain(text).split("\n"):
            for part in _folded(paragraph, WIDTH):
                self.line(literal(part).rstrip())
        self.line('"""')

    def _breaks(self, text: str, k: int) -> bool:
        return text[k - 1] in _BEFORE and text[k - 2 : k] not in ("<=", ">=", "==", "!=")


def plain(text: str) -> str:
    """Without signs that end a line or turn the direction of reading."""
    return _CONTROL.sub(" ", text)


def literal(text: str) -> str:
    """Text for the inside of a Julia string: no escape, no interpolation, no end."""
    return text.replace("\\", "\\\\").replace("$", "\\$").replace('""', '"\\"')


def _folded(text: str, width: int) -> list[str]:
    indent = re.match(r" *", text)[0]  # type: ignore[index]
    return textwrap.wrap(
        text, width, subsequent_indent=indent and f"{indent}    ", break_long_words=False, break_on_hyphens=False
    ) or [""]
