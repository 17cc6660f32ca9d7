"""The reference: every public name of a package with its docstring, found through the package's own table.

    ```{public-names} symnum
    :modules: symnum.expr symnum.rewrite
    ```

``:modules:`` keeps names whose home begins so; ``:but:`` leaves out those whose home begins so; ``:also:`` adds what public
functions give, by full names. A package without a table is taken by its ``__all__``. Docstrings are plain text with
``code`` in double backticks, indented blocks and sections such as "Args:"; ``to_rst`` says the same in reStructuredText,
so nothing in a formula is taken for markup.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.nodes import nested_parse_with_titles

SECTION = re.compile(r"(Args|Attributes|Returns|Raises|Yields|Example|Examples): *(.*)$")
ENTRY = re.compile(r"((?:\*{0,2}\w[\w.]*|\"[\w ]+\")(?:, (?:\*{0,2}\w[\w.]*))*): +(.*)$")


def to_rst(lines: list[str], names: tuple[str, ...] = ()) -> list[str]:
    """A docstring as reStructuredText: paragraphs, lists of arguments (``names``: those of the signature), literal blocks."""
    out: list[str] = []
    for block in _blocks(lines):
        head = SECTION.match(block[0])
        if head:
            out += [f"**{head[1]}:**", ""]
            body = ([head[2]] if head[2] else []) + inspect.cleandoc("\n".join(["", *block[1:]])).splitlines()
            out += _entries(body, names)
        elif all(line.startswith((" ", "\t")) for line in block) or block[0].startswith(">>>"):
            out += ["::", "", *("    " + line for line in inspect.cleandoc("\n".join(["", *block])).splitlines()), ""]
        else:
            out += _prose(block)
    return out


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    """Pieces between empty lines; a section takes along what is indented below it."""
    block: list[str] = []
    for line in lines:
        indented = line.startswith((" ", "\t"))
        section = bool(block) and SECTION.match(block[0]) is not None
        changes = bool(block) and not section and SECTION.match(line) is not None
        if block and ((not line.strip() and not section) or changes or (section and line.strip() and not indented)):
            yield block
            block = []
        if line.strip() or section:
            block.append(line)
    if block:
        yield block


def _prose(block: list[str]) -> list[str]:
    """A paragraph; what is indented below it (a formula, a table) stands as it is written."""
    out: list[str] = []
    literal = False
    for line in block:
        if line.startswith((" ", "\t")) and not literal:
            out += ["", "::", ""]
        elif not line.startswith((" ", "\t")) and literal:
            out += [""]
        literal = line.startswith((" ", "\t"))
        out.append("    " + line.strip("\n") if literal else escape(line))
    return [*out, ""]


def _entries(body: list[str], names: tuple[str, ...]) -> list[str]:
    """``name: text`` lines as a definition list; lines that are indented or begin no entry belong to the one before."""
    entries: list[tuple[str, list[str]]] = []  # names, and the lines of text
    for line in body:
        found = ENTRY.match(line)
        if found:
            entries.append((found[1], [found[2]]))
        elif entries and (line.startswith(" ") or not line.strip()):
            entries[-1][1].append(line.strip())
        else:
            entries.append(("", [line.strip()]))
    out: list[str] = []
    for head, lines in entries:
        for name, text in _apart(head, " ".join(filter(None, lines)), names):
            if name:
                out += [", ".join(f"``{one}``" for one in name.split(", ")), f"    {escape(text)}"]
            else:
                out += [*([""] if out and out[-1] else []), escape(text), ""]
    return [*out, ""]


def _apart(head: str, text: str, names: tuple[str, ...]) -> list[tuple[str, str]]:
    """An entry that goes on about further arguments, "first. dt: the first step", as one entry each."""
    if not names:
        return [(head, text)]
    known = "|".join(map(re.escape, names))
    parts = re.split(rf"(?<=[.;)]) ((?:{known})(?:, (?:{known}))*): ", text)
    return [(head, parts[0]), *zip(parts[1::2], parts[2::2], strict=True)]


def escape(line: str) -> str:
    """Text in which nothing but ``code`` is markup; errors and ``sn.NAME`` lead to their entries."""
    parts = re.split(r"(``.+?``)", line)
    return "".join(_linked(p) if k % 2 else _plain(p) for k, p in enumerate(parts))


def _plain(text: str) -> str:
    quiet = re.sub(r"([\\*`|_])", r"\\\1", text)
    return re.sub(rf"(?<![\w.])({'|'.join(_errors())})\b", r":py:exc:`~symnum.\1`", quiet)


def _linked(code: str) -> str:
    name = code.strip("`").removeprefix("sn.")
    known = code.startswith("``sn.") and (
        name in import_module("symnum")._PUBLIC or name.startswith(("neural.", "datasets.", "pictures."))
    )
    return f":py:obj:`sn.{name} <symnum.{name}>`" if known and re.fullmatch(r"[\w.]+", name) else code


@cache
def _errors() -> tuple[str, ...]:
    """The names of symnum's errors and warnings."""
    names: dict[str, tuple[str, str]] = import_module("symnum")._PUBLIC
    return tuple(name for name, (home, _) in names.items() if home == "symnum.errors")


def public(package: str, modules: tuple[str, ...], but: tuple[str, ...]) -> list[str]:
    """The public names of a package whose homes begin with one of ``modules`` and with none of ``but``."""
    table = getattr(import_module(package), "_PUBLIC", None)
    if table is None:
        return list(import_module(package).__all__)
    homes = {name: home if isinstance(home, str) else home[0] for name, home in table.items()}
    return [n for n, h in homes.items() if h.startswith(modules or "") and not (but and h.startswith(but))]


class PublicNames(Directive):
    """One autodoc entry a name, in the order of the package's table."""

    required_arguments = 1
    option_spec = dict.fromkeys(("modules", "but", "also"), directives.unchanged)

    def run(self) -> list[nodes.Node]:
        package = self.arguments[0]
        kept, left = (tuple(self.options.get(key, "").split()) for key in ("modules", "but"))
        text = ["```{eval-rst}"]  # the pages are Markdown
        for name in public(package, kept, left):
            text += [*entry(package, name), ""]
        for path in self.options.get("also", "").split():
            text += [*entry(*path.rsplit(".", 1)), ""]
        holder = nodes.container()
        holder.document = self.state.document
        nested_parse_with_titles(self.state, StringList([*text, "```"], source=package), holder)
        return holder.children


def entry(package: str, name: str) -> list[str]:
    """The autodoc directive for a name."""
    try:
        value: Any = getattr(import_module(package), name)
    except import_module("symnum.errors").BackendUnavailable as absent:  # the site can be built without torch
        return [f".. py:data:: {package}.{name}", "", f"   {escape(str(absent))}"]
    if inspect.isclass(value):
        hidden = issubclass(value, Exception)
        return [
            f".. autoclass:: {package}.{name}",
            *([] if hidden else ["   :members:", "   :special-members: __call__, __getitem__"]),
        ]
    if callable(value) and not hasattr(type(value), "args"):
        return [f".. autofunction:: {package}.{name}"]
    return [f".. py:data:: {package}.{name}", "", f"   {escape(_described(value))}"]


def _described(value: Any) -> str:
    if type(value).__module__.startswith("symnum.expr"):
        return f"The exact term ``{value}``."
    if isinstance(value, dict):
        return f"A mapping of {len(value)} names: {', '.join(map(str, value))}."
    return f"``{value!r}``" if len(repr(value)) < 400 else type(value).__name__


def _clean(app: Sphinx, what: str, name: str, obj: object, options: object, lines: list[str]) -> None:
    if what != "module":
        lines[:] = to_rst(list(lines), _arguments(obj))


def _arguments(obj: object) -> tuple[str, ...]:
    """The names in a signature and those of annotated attributes."""
    try:
        given = tuple(inspect.signature(obj).parameters) if callable(obj) else ()
    except (TypeError, ValueError):
        given = ()
    return (*given, *getattr(obj, "__annotations__", {}))


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("public-names", PublicNames)
    app.connect("autodoc-process-docstring", _clean)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
