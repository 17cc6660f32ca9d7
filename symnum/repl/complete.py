r"""Completion: what can stand at the cursor, with one line of help each.

::

    \alp            α                       :sol          :solve
    u_              u_t, u_x, u_xx          :solve me     method=
    u = 0 @         x=0, x=1, lower(x)      :solve method=RO     ROCK4
    lap             laplacian(              :model lo     lorenz        :load r    run.nc
"""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from symnum.repl import offers
from symnum.repl.statement_kinds import Known
from symnum.repl.symbols import SYMBOLS

_LATEX = re.compile(r"\\([A-Za-z]+|[\^_][\w-]*)?$")
_WORD = re.compile(r"[^\W\d]\w*$")
_PLACE = re.compile(r"(?:@|\bat|\bon)\s+\S*$")
_COMMAND = re.compile(r"\s*:([\w-]*)$")
_ARGUMENTS = re.compile(r"\s*:([\w-]+)\s+(.*)$", re.DOTALL)
_LAST = re.compile(r"(?:([^\W\d]\w*)=)?([^\s=,]*)$")
_MODEL_FILES = (".toml", ".py", ".net")
_FILES = {"load": (".nc", ".toml", ".py", ".net", ".sym"), "model": _MODEL_FILES, "save": (".py", ".sym", ".nc")} | dict.fromkeys(
    ("plot", "movie", "code", "export"), ()
)  # fmt: skip
_FORMULAS = frozenset({"bc", "ic", "domain", "latex", "simplify"})
_PROGRAMS = {name: f"a program in {name}" for name in ("c", "julia", "numpy")}


@dataclass(frozen=True)
class Completion:
    """``text`` replaces what was typed from column ``start`` to the cursor; ``help``: one line."""

    text: str
    start: int
    help: str


def complete(text: str, cursor: int, known: Known | None = None) -> tuple[Completion, ...]:
    """What can stand at ``cursor`` in ``text``; nothing where the text is Python's to complete."""
    known = Known() if known is None else known
    before = text[:cursor]
    line = before.rpartition("\n")[2]
    if symbol := _LATEX.search(before):
        return _symbols(symbol[1] or "", symbol.start())
    if command := _COMMAND.match(line):
        rows = {f":{name}": help_ for name, help_ in offers.entries(offers.COMMANDS).items()}
        return _starting(":" + command[1], cursor - len(command[1]) - 1, rows)
    if arguments := _ARGUMENTS.match(line):
        return tuple(_arguments(arguments[1], arguments[2], cursor, known))
    if _is_pythons(line):
        return ()
    return tuple(_mathematics(line, cursor, known))


def _starting(prefix: str, start: int, rows: Mapping[str, str]) -> tuple[Completion, ...]:
    """Those that begin with the prefix; where none does, those that do if case is not regarded."""
    found = [name for name in rows if name.startswith(prefix)]
    found = found or [name for name in rows if name.lower().startswith(prefix.lower())]
    return tuple(Completion(name, start, rows[name]) for name in found)


def _symbols(name: str, start: int) -> tuple[Completion, ...]:
    """Characters by their LaTeX names; a name typed in full comes first."""
    found = sorted((n for n in SYMBOLS if n.startswith(name)), key=lambda n: (n != name, n.lower(), n))
    made: dict[str, Completion] = {}
    for n in found:
        character, meaning = SYMBOLS[n]
        made.setdefault(character, Completion(character, start, f"\\{n}: {meaning}"))
    return tuple(made.values())


def _is_pythons(line: str) -> bool:
    """Inside quotes, behind a dot, or in a statement of Python."""
    first = re.match(r"\s*([^\W\d]\w*)\s", line)
    if first and keyword.iskeyword(first[1]) and first[1] not in ("not", "lambda"):
        return True
    quoted = line.count('"') % 2 or re.search(r"[(=,\[]\s*'[^']*$", line)
    attribute = re.search(r"[\w\])]\.\w*$", line) and not re.search(r"\d\.\w*$", line)
    return bool(quoted or attribute)


# --- commands ------------------------------------------------------------


def _arguments(command: str, typed: str, cursor: int, known: Known) -> Iterator[Completion]:
    match = _LAST.search(typed)
    assert match is not None  # the pattern fits the empty text too
    option, prefix = match[1], match[2]
    start = cursor - len(prefix)
    if option is not None:
        yield from _starting(prefix, start, offers.values_of(option))
        return
    if command in _FORMULAS:
        yield from _mathematics(typed, cursor, known)
    yield from _starting(prefix, start, _words(command, known))
    options = offers.command_options("solve" if command == "set" else command)
    yield from _starting(prefix, start, {f"{name}=": help_ for name, help_ in options.items()})
    if command in _FILES:
        for name, kind in offers.files(prefix, _FILES[command]):
            yield Completion(name, start, kind)


def _words(command: str, known: Known) -> dict[str, str]:
    """What a command takes besides options and files."""
    match command:
        case "model":
            return dict.fromkeys(sorted(known.models), "a model") | offers.models()
        case "help":
            return offers.entries(offers.COMMANDS)
        case "code":
            return offers.values_of("target")
        case "export":
            return offers.values_of("format") | _PROGRAMS
        case "set":
            return {f"{name}=": _parameter(value) for name, value in known.parameters.items()}
        case "plot" | "movie":
            return dict.fromkeys(known.fields, "an unknown")
        case "bc":
            return {"remove": "remove a condition by its number"}
    return {}


def _parameter(value: float | None) -> str:
    return "a parameter without a value yet" if value is None else f"a parameter, {value:g}"


# --- mathematics ------------------------------------------------------------


def _mathematics(line: str, cursor: int, known: Known) -> Iterator[Completion]:
    word = _WORD.search(line)
    prefix = word[0] if word else ""
    if _PLACE.search(line):
        yield from _starting(prefix, cursor - len(prefix), _places(known))
        return
    if not prefix:
        return
    start = cursor - len(prefix)
    rows = dict(_names(known))
    rows |= {f"{name}(": help_ for name, help_ in offers.FUNCTIONS.items()} | offers.OPERATORS
    yield from _starting(prefix, start, rows)
    if line.strip() == prefix and len(prefix) > 1:
        for name, help_ in offers.models().items():
            if name.startswith(prefix):
                yield Completion(f":model {name}", start, help_)


def _names(known: Known) -> Iterator[tuple[str, str]]:
    for name, coordinates in known.fields.items():
        yield name, f"an unknown, {name}({', '.join(coordinates)})"
        yield from _derivatives(name, coordinates)
    for c in dict.fromkeys((*known.coordinates, *known.domain)):
        bounds = known.domain.get(c)
        yield c, f"coordinate in ({bounds[0]}, {bounds[1]})" if bounds else "coordinate"
    for name, value in known.parameters.items():
        yield name, _parameter(value)
    for name, definition in known.definitions.items():
        usage = f"{name}({', '.join(definition.arguments)})" if definition.arguments else name
        yield (f"{name}(" if definition.arguments else name), f"{usage} = {definition.text}"


def _derivatives(name: str, coordinates: Iterable[str]) -> Iterator[tuple[str, str]]:
    along = [c for c in coordinates if len(c) == 1]
    for c in along:
        yield f"{name}_{c}", f"∂{name}/∂{c}"
    for c in along:
        yield f"{name}_{c}{c}", f"∂²{name}/∂{c}²"


def _places(known: Known) -> dict[str, str]:
    rows: dict[str, str] = {}
    space = [c for c in dict.fromkeys((*known.coordinates, *known.domain)) if c != known.time]
    for c in space or ["x"]:
        bounds = known.domain.get(c, ("0", "1"))
        rows[f"{c}={bounds[0]}"] = f"the lower end of {c}"
        rows[f"{c}={bounds[1]}"] = f"the upper end of {c}"
        rows[f"lower({c})"] = f"the lower end of {c}, wherever it is"
        rows[f"upper({c})"] = f"the upper end of {c}, wherever it is"
    rows["boundary"] = "all sides"
    rows[f"{known.time}={known.domain.get(known.time, ('0', ''))[0]}"] = "the start: initial data"
    return rows
