"""A sheet of coloured characters: plots are drawn on it cell by cell and printed at the end with as many colours as the terminal has.

Colours are (red, green, blue) from 0 to 255, or None for the terminal's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

Colour = tuple[int, int, int]


class Depth(Enum):
    """How many colours a terminal shows."""

    NONE = "none"
    INDEXED = "256"
    TRUE = "24 bit"


def colour_depth(environment: Mapping[str, str], terminal: bool) -> Depth:
    """What the environment says: NO_COLOR (no-color.org) and TERM=dumb win, COLORTERM=truecolor says 24 bit."""
    if not terminal or environment.get("NO_COLOR") or environment.get("TERM", "dumb") == "dumb":
        return Depth.NONE
    if environment.get("COLORTERM", "").lower() in ("truecolor", "24bit") or "direct" in environment.get("TERM", ""):
        return Depth.TRUE
    return Depth.INDEXED


@dataclass(frozen=True)
class Cell:
    """One character with the colours of its ink and of its paper."""

    text: str = " "
    ink: Colour | None = None
    paper: Colour | None = None


_EMPTY = Cell()


class Sheet:
    """``height`` rows of ``width`` cells; what falls outside is cut off."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = max(width, 0), max(height, 0)
        self.rows = [[_EMPTY] * self.width for _ in range(self.height)]

    def put(self, row: int, column: int, text: str, ink: Colour | None = None, paper: Colour | None = None) -> None:
        """Write text to the right of (row, column)."""
        for k, character in enumerate(text):
            if 0 <= row < self.height and 0 <= column + k < self.width:
                self.rows[row][column + k] = Cell(character, ink, paper)

    def paste(self, row: int, column: int, other: Sheet) -> None:
        """Lay another sheet over this one."""
        for r, cells in enumerate(other.rows):
            for c, cell in enumerate(cells):
                if 0 <= row + r < self.height and 0 <= column + c < self.width:
                    self.rows[row + r][column + c] = cell

    def lines(self, depth: Depth) -> list[str]:
        """The rows as text, with escape sequences only where a colour changes and no blanks at the end."""
        return [_line(cells, depth) for cells in self.rows]


def beside(left: Sheet, right: Sheet, gap: int = 2) -> Sheet:
    """Two sheets in a row."""
    made = Sheet(left.width + gap + right.width, max(left.height, right.height))
    made.paste(0, 0, left)
    made.paste(0, left.width + gap, right)
    return made


def below(upper: Sheet, lower: Sheet) -> Sheet:
    """Two sheets in a column."""
    made = Sheet(max(upper.width, lower.width), upper.height + lower.height)
    made.paste(0, 0, upper)
    made.paste(upper.height, 0, lower)
    return made


def _line(cells: list[Cell], depth: Depth) -> str:
    end = len(cells)
    while end and cells[end - 1].text == " " and cells[end - 1].paper is None:
        end -= 1
    if depth is Depth.NONE:
        return "".join(cell.text for cell in cells[:end])
    parts: list[str] = []
    now: tuple[Colour | None, Colour | None] = (None, None)
    for cell in cells[:end]:
        wanted = (None if cell.text == " " else cell.ink, cell.paper)
        if wanted != now:
            parts.append(_escape(*wanted, depth))
            now = wanted
        parts.append(cell.text)
    return "".join(parts) + ("\x1b[0m" if now != (None, None) else "")


def _escape(ink: Colour | None, paper: Colour | None, depth: Depth) -> str:
    codes = ["0"]
    codes += [f"38;{_code(ink, depth)}"] if ink is not None else []
    codes += [f"48;{_code(paper, depth)}"] if paper is not None else []
    return f"\x1b[{';'.join(codes)}m"


def _code(colour: Colour, depth: Depth) -> str:
    return f"2;{colour[0]};{colour[1]};{colour[2]}" if depth is Depth.TRUE else f"5;{indexed(colour)}"


_LEVELS = (0, 95, 135, 175, 215, 255)  # of the 6 x 6 x 6 cube of xterm's 256 colours


def indexed(colour: Colour) -> int:
    """The nearest of xterm's 256 colours: the cube (16 to 231) or its greys (232 to 255)."""
    steps = [min(range(6), key=lambda k: abs(_LEVELS[k] - part)) for part in colour]
    cube = tuple(_LEVELS[k] for k in steps)
    shade = min(23, max(0, round((sum(colour) / 3 - 8) / 10)))
    grey = (8 + 10 * shade,) * 3
    if _distance(grey, colour) < _distance(cube, colour):
        return 232 + shade
    return 16 + 36 * steps[0] + 6 * steps[1] + steps[2]


def _distance(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))
