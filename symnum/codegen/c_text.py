"""Lines of C, indented and folded before operators."""

from __future__ import annotations

import re
import textwrap

WIDTH = 120
_BREAKS = ("+ ", "- ", "? ", ": ", "&& ", "|| ")


class Writer:
    """Collects lines. ``statement`` folds what is too long."""

    def __init__(self, indent: int = 0) -> None:
        self.indent = indent
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(f"{'    ' * self.indent}{text}" if text else "")

    def open(self, text: str) -> None:
        """A line that begins a block."""
        self.line(text)
        self.indent += 1

    def close(self) -> None:
        """The end of a block."""
        self.indent -= 1
        self.line("}")

    def comment(self, text: str) -> None:
        """A comment of one or more lines; empty lines are kept."""
        safe = text.replace("*/", "* /").replace("/*", "/ *")
        paragraphs = safe.split("\n")
        if len(paragraphs) == 1 and len(safe) < WIDTH - 10 - 4 * self.indent:
            self.line(f"/* {safe} */")
            return
        folded = [line for p in paragraphs for line in _folded(p, WIDTH - 8 - 4 * self.indent)]
        for k, part in enumerate(folded):
            self.line(f"{'/*' if k == 0 else ' *'} {part}".rstrip() + (" */" if k == len(folded) - 1 else ""))

    def statement(self, text: str, comment: str = "") -> None:
        """A statement, folded before operators of sums and choices, or after commas."""
        room = WIDTH - 4 * self.indent
        if len(text) + len(comment) <= room:
            self.line(text + comment)
            return
        lines: list[str] = []
        rest = text
        while len(rest) > room - (4 if lines else 0):
            cut = self._cut(rest, room - (4 if lines else 0))
            if cut <= 0:
                break
            lines.append(rest[:cut].rstrip())
            rest = rest[cut:].lstrip()
        lines.append(rest)
        for k, part in enumerate(lines):
            self.line(("    " if k else "") + part + (comment if k == len(lines) - 1 else ""))

    def _cut(self, text: str, room: int) -> int:
        """Where to break a line: the last place in the room with the fewest open brackets."""
        best, fewest, depth = 0, 10**9, 0
        for k, c in enumerate(text[:room]):
            depth += (c in "([{") - (c in ")]}")
            if c == " " and k >= room // 3 and depth <= fewest and self._breaks(text, k):
                best, fewest = k, depth
        return best

    def _breaks(self, text: str, k: int) -> bool:
        """True if a line may end before the space at position k."""
        return text[k + 1 :].startswith(_BREAKS) or text[k - 1] == ","


def unwrapped(text: str) -> str:
    """Without parentheses around the whole."""
    depth = 0
    for k, c in enumerate(text):
        depth += (c == "(") - (c == ")")
        if depth == 0:
            return text[1:-1] if k == len(text) - 1 and text[0] == "(" else text
    return text


def _folded(text: str, width: int) -> list[str]:
    """One paragraph, wrapped; its indentation is kept on every line, further lines get two columns more."""
    indent = re.match(r" *", text)[0]  # type: ignore[index]
    return textwrap.wrap(
        text, width, subsequent_indent=indent + "    ", break_long_words=False, break_on_hyphens=False
    ) or [""]
