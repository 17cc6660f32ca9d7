"""The blocks of a BioNetGen file, ``begin NAME ... end NAME``, and errors that name file and line."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from symnum.errors import FileError, ModelError, ParseError, did_you_mean

_READ = ("parameters", "functions", "species", "reactions", "groups")
_PASSED = (
    "molecule types",
    "observables",
    "reaction rules",
    "compartments",
    "energy patterns",
    "population types",
    "population maps",
)
_SETTINGS = ("substanceUnits", "setOption", "version", "setModelName")
_MARK = re.compile(r"^[ \t]*(begin|end)\b([^\n#]*)", re.MULTILINE)


@dataclass(frozen=True)
class Line:
    """A line of the file, comment removed; the error it raises says where it stands."""

    file: str
    number: int
    text: str

    def error(self, message: str, position: int | None = None) -> ParseError:
        """A ParseError with the file, the line and its text."""
        return ParseError(f"{self.file}, line {self.number}: {message}", self.text.strip(), position or 0)

    def wrapped(self, error: ModelError, what: str = "") -> ParseError:
        """Another module's error with the place in front."""
        return ParseError(f"{self.file}, line {self.number}: {what}{error}")


class Block:
    """The lines between ``begin`` and ``end``."""

    def __init__(self, file: str, name: str, first: int, lines: list[str]) -> None:
        self.file, self.name, self.first, self.lines = file, name, first, lines

    def __iter__(self) -> Iterator[Line]:
        for number, text in enumerate(self.lines, self.first):
            text = text.partition("#")[0].strip()
            if text:
                yield Line(self.file, number, text)


def content(path: Any) -> tuple[Path, str]:
    """The file as text. Raises FileError."""
    if not isinstance(path, (str, Path)):
        raise FileError(
            f'from_net takes the path of a file, not {path!r}; write sn.ReactionNetwork.from_net("model.net")'
        )
    path = Path(path)
    if path.suffix == ".bngl":
        raise FileError(
            f"{path} holds rules, not a network; let BioNetGen write the network: generate_network() makes {path.stem}.net"
        )
    if not path.is_file():
        folder = path.parent
        near = (
            did_you_mean(path.name, [p.name for p in folder.glob("*.net")])
            if folder.is_dir()
            else f" The folder {folder} does not exist."
        )
        raise FileError(f"there is no file {path}.{near}")
    try:
        return path, path.read_bytes().decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise FileError(
            f"{path} is no text file (byte {error.start} is not UTF-8); expected a BioNetGen network, .net"
        ) from None
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from None


def blocks(text: str, file: str) -> dict[str, Block]:
    """Block name -> its lines; nothing but settings may stand between blocks."""
    made: dict[str, Block] = {}
    open_: tuple[str, int, int] | None = None  # name, line, where its content begins
    outside = 0
    for mark in _MARK.finditer(text):
        number = text.count("\n", 0, mark.start()) + 1
        here, name = Line(file, number, mark[0]), " ".join(mark[2].split())
        if mark[1] == "begin":
            if open_ is not None:
                raise here.error(f"the block {open_[0]!r} (line {open_[1]}) has no 'end {open_[0]}' before this line")
            _check_between(text[outside : mark.start()], text.count("\n", 0, outside) + 1, file)
            _check_block(name, made, here)
            open_ = name, number, mark.end()
            continue
        if open_ is None:
            raise here.error(f"'end {name}' closes a block that was not begun; write 'begin {name}' above its lines")
        if name != open_[0]:
            raise here.error(f"'end {name}' stands where 'end {open_[0]}' is expected (begun on line {open_[1]})")
        content = text[open_[2] : mark.start()].split("\n")  # the first piece is the rest of the 'begin' line
        made[name] = Block(file, name, open_[1] + 1, content[1:])
        open_, outside = None, mark.end()
    if open_ is not None:
        raise Line(file, open_[1], f"begin {open_[0]}").error(
            f"the file ends inside the block {open_[0]!r}; close it with 'end {open_[0]}'"
        )
    if not made:
        raise FileError(f"{file} has no 'begin' line, so it is no BioNetGen network (.net)")
    _check_between(text[outside:], text.count("\n", 0, outside) + 1, file)
    for name in ("species", "reactions"):
        if name not in made:
            raise FileError(
                f"{file} has no block 'begin {name}'; a network has species and reactions (generate_network writes them)"
            )
    return made


def _check_between(text: str, first: int, file: str) -> None:
    for number, line in enumerate(text.split("\n"), first):
        words = line.partition("#")[0].strip()
        if words and not re.match(rf"(?:{'|'.join(_SETTINGS)})\s*\(.*\)\s*;?$", words):
            raise Line(file, number, words).error(
                f"this stands outside of all blocks.{did_you_mean(words.partition('(')[0], _SETTINGS)} "
                f"Expected 'begin parameters', ..., or a setting ({', '.join(_SETTINGS)})"
            )


def _check_block(name: str, made: dict[str, Block], here: Line) -> None:
    if name in ("model", "seed species"):
        raise here.error(
            f"'begin {name}' belongs to a BioNetGen model with rules (.bngl); read the network that generate_network writes (.net)"
        )
    if name not in (*_READ, *_PASSED):
        raise here.error(
            f"there is no block {name!r}.{did_you_mean(name, (*_READ, *_PASSED))} Blocks: {', '.join(_READ)}"
        )
    if name in made:
        raise here.error(f"the block {name!r} is there twice (first on line {made[name].first - 1}); join the two")
