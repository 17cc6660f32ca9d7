"""What notebooks show of an object: a title, facts, pictures and source code as a piece of HTML that needs nothing else.

Everything given as text is escaped. Colours are left to the notebook, so that dark themes stay readable; pictures have their own white ground.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterable
from html import escape
from importlib import import_module
from typing import Any

from symnum.errors import SymnumError

_MOST_SOURCE = 60_000  # characters; a notebook keeps what it shows
_CELL = 'style="text-align: left; vertical-align: top; padding: 1px 1em 1px 0; border: none"'


def card(title: str, facts: Iterable[tuple[str, str]] = (), *more: str) -> str:
    """A title in bold, a table of (label, text), then pieces of HTML such as ``image`` and ``source`` give."""
    rows = "".join(f"<tr><td {_CELL}>{escape(a)}</td><td {_CELL}>{escape(b)}</td></tr>" for a, b in facts if b)
    table = f'<table style="margin: 0.3em 0; border: none">{rows}</table>' if rows else ""
    return f'<div class="symnum"><b>{escape(title)}</b>{table}{"".join(more)}</div>'


def table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table with a header; all but the first column stand to the right."""

    def cells(kind: str, texts: Iterable[str]) -> str:
        return "".join(
            f'<{kind} style="text-align: {"right" if k else "left"}">{escape(text)}</{kind}>'
            for k, text in enumerate(texts)
        )

    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    return f'<table style="margin: 0.3em 0"><thead><tr>{cells("th", columns)}</tr></thead><tbody>{body}</tbody></table>'


def image(figure: Callable[[], Any], described: str, width: int) -> str:
    """The figure that ``figure()`` draws as an <img> at most ``width`` pixels wide; where it cannot be drawn, the sentence that says why."""
    stream = io.BytesIO()
    try:
        figure().savefig(stream, format="png")
    except SymnumError as error:
        return f"<p><i>no picture: {escape(str(error))}</i></p>"
    data = base64.b64encode(stream.getvalue()).decode("ascii")
    style = f"max-width: min(100%, {width}px); display: inline-block; vertical-align: top"
    return f'<img src="data:image/png;base64,{data}" alt="{escape(described)}" style="{style}"/>'


def source(text: str, language: str, opened: bool = False) -> str:
    """Source code, folded away under its number of lines."""
    count = len(text.splitlines())
    shown = (
        text
        if len(text) <= _MOST_SOURCE
        else f"{text[:_MOST_SOURCE]}\n... ({len(text) - _MOST_SOURCE:,} characters more)"
    )
    return folded(f"source: {language}, {count:,} lines", f"<pre>{escape(shown)}</pre>", opened)


def folded(summary: str, html: str, opened: bool = False) -> str:
    """HTML under a line that opens it."""
    return f"<details{' open' if opened else ''}><summary>{escape(summary)}</summary>{html}</details>"


def above(module: str, name: str) -> Any:
    """A function of a layer that knows the layer of the caller (pictures know systems), found when something is to be shown."""
    return getattr(import_module(f"symnum.{module}"), name)
