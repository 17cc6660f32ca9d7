"""What a figure draws as text, and which of it overlaps or leaves the page."""

from __future__ import annotations

from typing import Any, NamedTuple

from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure


class Word(NamedTuple):
    """A text that was drawn, and its box in pixels."""

    text: str
    left: float
    bottom: float
    right: float
    top: float


class _Recorder(RendererAgg):
    """A renderer that notes every text."""

    words: list[Word]

    def draw_text(
        self, gc: Any, x: float, y: float, s: str, prop: Any, angle: float, ismath: Any = False, mtext: Any = None
    ) -> None:
        if s.strip() and mtext is not None and angle % 90 == 0:  # boxes of slanted texts (axes in space) say little
            box = mtext.get_window_extent(self)
            self.words.append(Word(s, box.x0, box.y0, box.x1, box.y1))
        super().draw_text(gc, x, y, s, prop, angle, ismath, mtext)


def words(figure: Figure) -> list[Word]:
    """All texts as they are drawn."""
    FigureCanvasAgg(figure)
    width, height = figure.get_size_inches() * figure.dpi
    renderer = _Recorder(int(width), int(height), figure.dpi)
    renderer.words = []
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
        figure.set_layout_engine("none")  # once is enough
    figure.draw(renderer)
    return renderer.words


def faults(figure: Figure, drawn: list[Word] | None = None, slack: float = 1.0) -> list[str]:
    """Pairs of texts that overlap by more than ``slack`` pixels both ways, and texts that leave the page."""
    found, drawn = [], words(figure) if drawn is None else drawn
    width, height = figure.get_size_inches() * figure.dpi
    for number, a in enumerate(drawn):
        if min(a.left, a.bottom) < -slack or a.right > width + slack or a.top > height + slack:
            found.append(f"{a.text!r} leaves the page")
        for b in drawn[number + 1 :]:
            across = min(a.right, b.right) - max(a.left, b.left)
            up = min(a.top, b.top) - max(a.bottom, b.bottom)
            if across > slack and up > slack:
                found.append(f"{a.text!r} and {b.text!r} overlap by {across:.1f} x {up:.1f}")
    return found
