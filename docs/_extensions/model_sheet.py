"""The contact sheet: every model of the catalogue with its picture, its equations and its source.

    ```{model-pictures}
    ```
    ```{model-sheet}
    ```

A new file in models/ appears by itself; its picture is ``docs/pictures/models/NAME.png`` where there is one.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.nodes import nested_parse_with_titles

LONGEST = 420  # characters of LaTeX in a line; what is longer is read in the model's file


class ModelPictures(Directive):
    """All pictures at a glance, each leading to its model."""

    def run(self) -> list[nodes.Node]:
        lines = sheet([name for name in _models() if _picture(self, name).exists()])
        return _parsed(self, lines)


class ModelSheet(Directive):
    """A section a model, in the order of their names."""

    def run(self) -> list[nodes.Node]:
        models, lines = _models(), []
        for name in models:
            self.state.document.settings.env.note_dependency(str(models.path(name)))
            lines += section(name, models.path(name), _picture(self, name).exists())
        return _parsed(self, lines)


def _models() -> Any:
    from symnum.catalogue import Catalogue, shipped_folder

    return Catalogue("model", folder=shipped_folder("models"))


def _picture(directive: Directive, name: str) -> Path:
    return Path(directive.state.document.settings.env.srcdir) / "pictures" / "models" / f"{name}.png"


def _parsed(directive: Directive, lines: list[str]) -> list[nodes.Node]:
    """Markdown as nodes; sections join the page's own."""
    holder = nodes.container()
    holder.document = directive.state.document
    nested_parse_with_titles(directive.state, StringList(lines, source="models"), holder)
    return holder.children


def sheet(names: list[str]) -> list[str]:
    """Pictures that lead to sections, in Markdown."""
    links = [f"[![{name}](pictures/models/{name}.png) {name}](#{name})" for name in names]
    return ['<div class="sheet">', "", *(f"- {link}" for link in links), "", "</div>", ""] if names else []


def section(name: str, path: Path, pictured: bool) -> list[str]:
    """One model, in Markdown."""
    from symnum import export
    from symnum.catalogue import Catalogue

    system = Catalogue("model", folder=path.parent).load(name).system()
    title, remarks, source = _docstring(path)
    lines = [f"## {name}", "", f"**{escape(title)}**", ""]
    if pictured:
        lines += [f"![{title}](pictures/models/{name}.png)", ""]
    lines += ["$$", *equations(str(export(system, "latex"))), "$$", ""]
    for paragraph in remarks:
        lines += [escape(paragraph), ""]
    return [*lines, *([f"*{escape(source)}*", ""] if source else []), f"`symnum run {name} --plot {name}.png`", ""]


def _docstring(path: Path) -> tuple[str, list[str], str]:
    """The first line of a model's file, its remarks and its source; the equations in it are shown as formulas instead."""
    blocks = re.split(r"\n\s*\n", ast.get_docstring(ast.parse(path.read_text("utf-8"))) or "")
    prose = [" ".join(block.split()) for block in blocks[1:] if not block.startswith(" ")]
    sources = [block for block in prose if block.startswith("Source")]
    return (
        blocks[0].replace("\n", " "),
        [b.replace("*", "") for b in prose if b not in sources],
        " ".join(sources).replace("*", ""),
    )


def equations(latex: str) -> list[str]:
    """The lines of ``align*``: rates, conditions, initial data, parameters; many short ones of a kind share a line."""
    rows = latex.strip().removeprefix(r"\begin{align*}").removesuffix(r"\end{align*}").strip().split("\\\\\n")
    kept = [_moved(row) if len(row) <= LONGEST else _left_out(row) for row in map(str.strip, rows)]
    starts = [row for row in kept if re.fullmatch(r".{1,12} &= [^&]{1,24} && \\text\{at \} t = \S+", row)]
    if len(starts) > 3:
        values = [row.split(" && ")[0].replace("&", "") for row in starts]
        groups = [r", \;".join(values[k : k + 6]) for k in range(0, len(values), 6)]
        at = starts[0].split(" && ")[1]
        place = kept.index(starts[0])
        kept = [row for row in kept if row not in starts]
        kept[place:place] = [f"&{group} && {at}" for group in groups]
    return [r"\begin{align*}", *(row + r" \\" for row in kept[:-1]), kept[-1], r"\end{align*}"]


def _moved(row: str) -> str:
    """A condition with much on its left, and 0 on its right: both in the right column."""
    left, _, right = row.partition(" &= ")
    return rf"& {left} = {right}" if len(left) > 50 and re.match(r"0( &&|$)", right) else row


def _left_out(row: str) -> str:
    """A long line: what is on its left, and when."""
    left, _, rest = row.partition(" &= ")
    at = rest.rpartition(" && ")[2] if " && " in rest else ""
    shown = left if len(left) < LONGEST else r"\ldots"
    return rf"{shown} &= \ldots" + (f" && {at}" if at else "")


def escape(text: str) -> str:
    """Text without markup."""
    return re.sub(r"([\\*`_\[\]<>$])", r"\\\1", text).replace("--", "\\--")


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("model-pictures", ModelPictures)
    app.add_directive("model-sheet", ModelSheet)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
