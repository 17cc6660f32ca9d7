"""What a session did, in order, and the script that does it again.

    entries: Solve, Code, Plot, Movie, Export  ->  a Python file that stands alone
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from symnum.repl.building import Built
from symnum.repl.draft import Draft


@dataclass(frozen=True)
class Solve:
    """``sn.solve`` of a system with options; ``comment``: what was chosen. ``draft``: the origin of the system."""

    built: Built
    draft: Draft
    options: Mapping[str, Any]
    comment: str = ""


@dataclass(frozen=True)
class Code:
    """Python that ran without an error; ``model``: the system that its names meant; ``shown``: it had a value, which was seen."""

    code: str
    model: Built | None = None
    draft: Draft | None = None
    shown: bool = False


@dataclass(frozen=True)
class Call:
    """A call on the solution or the system, as a line of Python: ``sol.plot(path="u.png")``."""

    line: str
    uses: str = "sol"  # or "system"
    built: Built | None = None
    draft: Draft | None = None


Entry = Solve | Code | Call


@dataclass
class _Writer:
    """The lines so far, and which system the name ``system`` stands for."""

    lines: list[str] = field(default_factory=list)
    imports: list[str] = field(default_factory=list)
    system: Built | None = None
    named: dict[str, float | None] = field(default_factory=dict)  # names that were defined, and their numbers

    def need(self, built: Built, draft: Draft) -> None:
        """Define ``system`` where it is not this one already."""
        if built is self.system:
            return
        before = self.system
        self.system = built
        self.named = {name: value for name, value in self.named.items() if value is not None}
        changed = _changed_values(before, built)
        if changed:
            self.lines += ["", f"system = system.with_parameters({', '.join(f'{n}={v!r}' for n, v in changed.items())})"]
            return
        self.lines += ["", *definition(built, draft)]


def script(entries: Sequence[Entry], built: Built | None, draft: Draft, title: str = "") -> str:
    """The session as Python: models, solves, pictures and the Python lines that ran. ``built``: the model as it stands now."""
    writer = _Writer()
    kept = list(_without_superseded(entries))
    for number, entry in enumerate(kept):
        if isinstance(entry, Solve):
            writer.need(entry.built, entry.draft)
            _solve(writer, entry, shown=not any(isinstance(later, Call) for later in kept[number:]))
        elif isinstance(entry, Code):
            _code(writer, entry)
        else:
            if entry.uses == "system" and entry.built is not None and entry.draft is not None:
                writer.need(entry.built, entry.draft)
            writer.lines.append(entry.line)
    if built is not None and built is not writer.system:
        writer.need(built, draft)
        writer.lines.append("print(system.explain())")
    head = f'"""{title or "A session of symnum"}, as a script: run it with Python."""'
    imports = list(dict.fromkeys(["import symnum as sn", *writer.imports]))
    first = [] if writer.lines[:1] == [""] else [""]
    return "\n".join([head, "", *imports, *first, *writer.lines]) + "\n"


def _without_superseded(entries: Sequence[Entry]) -> Iterator[Entry]:
    """A solve whose solution nothing looked at before the next solve is left out, and so is a line that was repeated."""
    for number, entry in enumerate(entries):
        after = entries[number + 1] if number + 1 < len(entries) else None
        if isinstance(entry, Solve) and isinstance(after, Solve):
            continue
        if after is not None and entry == after and isinstance(entry, Call):
            continue
        yield entry


def _solve(writer: _Writer, entry: Solve, shown: bool) -> None:
    options = "".join(f", {name}={written(value)}" for name, value in entry.options.items())
    line, comment = f"sol = sn.solve(system{options})", " ".join(entry.comment.split())  # a message may hold the lines of an event's text
    writer.lines.append(line if len(line) + len(comment) > 110 or not comment else f"{line}  # {comment}")
    if shown:
        writer.lines.append("print(sol)")


def _code(writer: _Writer, entry: Code) -> None:
    """The code, after definitions of those of the model's names that it reads."""
    if entry.code.lstrip().startswith(("%", "!", "?")) or entry.code.rstrip().endswith("?"):
        return  # for IPython alone
    _define(writer, entry, _names(entry.code))
    body = _parsed(entry.code)
    if body and all(isinstance(node, ast.Import | ast.ImportFrom) for node in body):
        writer.imports += entry.code.strip().splitlines()
        return
    value = len(body) == 1 and isinstance(body[0], ast.Expr) and (entry.shown or not isinstance(body[0].value, ast.Call))
    if value:  # the session echoed it: a script has to print it
        writer.lines.append(f"print({entry.code.strip()})")
        return
    block = any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in body)
    writer.lines += ["", "", *entry.code.splitlines(), "", ""] if block else entry.code.splitlines()


def _define(writer: _Writer, entry: Code, used: set[str]) -> None:
    """The model's names that the code reads: coordinates, fields, values."""
    values: dict[str, float] = {}
    if entry.model is not None and entry.draft is not None:
        system = entry.model.system
        along, fields = [system.time.name, *(c.name for c in system.space)], [u.name for u in system.fields]
        values |= system.parameters
        if used & {*along, *fields, "system"}:
            writer.need(entry.model, entry.draft)
        for names, one, all_ in ((along, "system.time", "system.time, *system.space"), (fields, "system.fields[0]", "system.fields")):
            if used & set(names) - writer.named.keys():
                writer.lines.append(f"{', '.join(names)} = {one if len(names) == 1 else all_}")
                writer.named |= dict.fromkeys(names)
    values |= {name: number.in_python for name, number in entry.draft.values.items()} if entry.draft is not None else {}
    for name in sorted(used & values.keys()):
        if writer.named.get(name) != values[name]:
            writer.lines.append(f"{name} = {values[name]!r}")
            writer.named[name] = values[name]


def _parsed(code: str) -> list[ast.stmt]:
    try:
        return ast.parse(code.strip()).body
    except SyntaxError:
        return []


def _names(code: str) -> set[str]:
    try:
        return {node.id for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)}
    except SyntaxError:
        return set(re.findall(r"[^\W\d]\w*", code))


# ---- systems as source ---------------------------------------------------------------------------


def _changed_values(before: Built | None, built: Built) -> dict[str, float]:
    """The parameters that differ, where nothing else does; else nothing."""
    if before is None or before.kind != built.kind or built.kind == "base":
        return {}
    one, other = ({k: v for k, v in b.arguments.items() if k != "parameters"} for b in (before, built))
    old, new = before.system.parameters, built.system.parameters
    if one != other or old.keys() != new.keys():
        return {}
    return {name: value for name, value in new.items() if value != old[name]}


def definition(built: Built, draft: Draft) -> list[str]:
    """Lines that define ``system``."""
    assumed = [f"# assumed: {'; '.join(built.assumed)}"] if built.assumed else []
    if built.kind == "base":
        return _base(built, draft)
    arguments = dict(built.arguments)
    if "domain" in arguments:
        arguments["domain"] = {c: tuple(_literal(text) for text in pair) for c, pair in arguments["domain"].items()}
    head = "sn.PDESystem.from_text" if built.kind == "equations" else "sn.ReactionNetwork.from_text"
    rows = []
    for name, value in arguments.items():
        if name == "reactions":
            value = str(value).splitlines()
        rows += _argument(name, value)
    return [*assumed, f"system = {head}(", *rows, ")"]


def _argument(name: str, value: Any) -> list[str]:
    """One keyword argument; a list that is long has an item a line."""
    line = f"    {name}={written(value)},"
    if len(line) <= 110 or not isinstance(value, list):
        return [line]
    return [f"    {name}=[", *(f"        {written(item)}," for item in value), "    ],"]


def written(value: Any) -> str:
    """Python source of texts, numbers, lists, pairs and mappings; texts with double quotes."""
    if isinstance(value, str):
        text = repr(str(value))
        return text if '"' in text else f'"{text[1:-1]}"'
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{written(k)}: {written(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        inner = ", ".join(written(item) for item in value)
        return f"[{inner}]" if isinstance(value, list) else f"({inner}{',' if len(value) == 1 else ''})"
    return repr(value)


def _literal(text: Any) -> Any:
    """A bound as a number where it is written as one."""
    if not isinstance(text, str):
        return text
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _base(built: Built, draft: Draft) -> list[str]:
    """A system without text: read again from where it came, or from JSON."""
    from symnum.exchange import export

    if draft.origin.endswith(".net"):
        lower, upper = built.system.domain.bounds[built.system.time.name]
        lines = [f"system = sn.ReactionNetwork.from_net({written(draft.origin)}, t=({lower!r}, {upper!r}))"]
        values = {n: number.value for n, number in draft.values.items() if n in built.system.parameters}
        return lines + ([f"system = system.with_parameters(**{written(values)})"] if values else [])
    data = json.loads(export(built.system, "json"))
    rows = ",\n".join(f" {json.dumps(key)}: {json.dumps(value)}" for key, value in data.items())
    return [f'system = sn.read({_triple(f"{{{chr(10)}{rows}{chr(10)}}}")}, "json")']


def _triple(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return f'"""{escaped}"""'
