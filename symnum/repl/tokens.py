r"""Typed mathematics to tokens with their columns. Superscripts, subscripts, primes, fractions, Greek letters and LaTeX commands are told apart here.

::

    2u_xx   number 2, name u_xx        u²      name u, power 2          \frac   op frac
    uₓₓ     name u_xx                  u''     name u, prime 2          Δu      op Δ, name u
    k₁      name k1                    νu      name ν, name u           u_{xx}  name u_xx
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import NamedTuple

from symnum.errors import ParseError, did_you_mean
from symnum.repl.symbols import FRACTIONS, GREEK_NAMES, SUBSCRIPTS, SUPERSCRIPTS, SYMBOLS

LONGEST = 20_000  # characters of a typed text
_NUMBER = re.compile(r"(?:[0-9]+(?:\.(?!\.)[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_OPERATORS = re.compile(r"\*\*|<->|<=>|->|=>|<=|>=|==|!=|\.\.\.?|[-+*/^<>=()\[\]{},;:@|·⋅∙×÷−∂∇∆√∛∫≤≥≠∈∞∧∨¬⌊⌋⌈⌉→⇌⇒…–∅]")
_SAME = {"**": "^", "⋅": "·", "∙": "·", "−": "-", "–": "-", "∆": "Δ", "÷": "/", "≤": "<=", "≥": ">=", "≠": "!=", "…": "..",
         "...": "..", "→": "->", "⇌": "<->", "⇒": "=>"}  # fmt: skip
_PRIMES = {"'": 1, "′": 1, "’": 1, "″": 2, "‴": 3}
_DOTS = {"\u0307": 1, "\u0308": 2}
_SPACES = (
    "\\,",
    "\\;",
    "\\:",
    "\\!",
    "\\ ",
)
_FRAME = re.compile(r"\\\\|\\(?:begin|end)\{\w+\*?\}")
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_BRACED = re.compile(r"\{([\w\s,\\]*)\}")
_IGNORED = frozenset(
    {"left", "right", "quad", "qquad", "displaystyle", "limits", "big", "Big", "bigl", "bigr", "mathop"}
)
_UPRIGHT = frozenset({"mathrm", "mathit", "mathbf", "text", "operatorname", "mathsf"})
_KEPT = frozenset({"frac", "dfrac", "tfrac", "dot", "ddot"})
_OPERATOR_LETTERS = "Δ"


class Token(NamedTuple):
    """kind: number, fraction, name, op, power, prime, newline or end; ``spaced``: white space before it."""

    kind: str
    text: str
    position: int
    end: int
    spaced: bool


def tokenize(text: str, declared: Callable[[str], bool] = lambda name: False) -> list[Token]:
    """Tokens of a typed text, comments (``#``) left out; ``declared(name)``: names that shall stay whole, as ``Δx`` or ``πr``.

    Raises ParseError with the column.
    """
    if len(text) > LONGEST:
        raise ParseError(
            f"a text of {len(text)} characters; a typed line has at most {LONGEST}: put long models into a file"
        )
    return _Scanner(text, declared).run()


class _Scanner:
    def __init__(self, text: str, declared: Callable[[str], bool]) -> None:
        self.text, self.declared = text, declared
        self.position, self.spaced = 0, False
        self.tokens: list[Token] = []

    def run(self) -> list[Token]:
        while self.position < len(self.text):
            self.step()
        self.add("end", "", len(self.text.rstrip()), len(self.text))
        return self.tokens

    def add(self, kind: str, text: str, start: int, end: int) -> None:
        self.tokens.append(Token(kind, text, start, end, self.spaced))
        self.position, self.spaced = end, False

    def step(self) -> None:
        text, start = self.text, self.position
        character = text[start]
        if character == "\n":
            self.add("newline", "\n", start, start + 1)
        elif character.isspace() or character in "$&\u200b":
            self.position, self.spaced = start + 1, True
        elif character == "#":
            end = text.find("\n", start)
            self.position, self.spaced = (end if end >= 0 else len(text)), True
        elif match := _NUMBER.match(text, start):
            self.add("number", match[0], start, match.end())
        elif character in FRACTIONS:
            self.add("fraction", FRACTIONS[character], start, start + 1)
        elif character in SUPERSCRIPTS:
            self.run_of("power", SUPERSCRIPTS)
        elif character in _PRIMES or character in _DOTS:
            table = _PRIMES if character in _PRIMES else _DOTS
            end = start
            while end < len(text) and text[end] in table:
                end += 1
            self.add("prime", str(sum(table[c] for c in text[start:end])), start, end)
        elif character == "\\":
            self.command()
        elif match := _OPERATORS.match(text, start):
            self.add("op", _SAME.get(match[0], match[0]), start, match.end())
        elif character.isalpha() or character == "_" or character in SUBSCRIPTS:
            self.name()
        else:
            self.refuse(character)

    def refuse(self, character: str) -> None:
        hints = {
            '"': "; text in quotes is Python's",
            "!": "; '≠' is written !=",
            "%": "; a percentage is a number, 0.05",
            "?": "; ask with :help",
        }
        name = "" if character.isascii() else f" ({unicodedata.name(character, 'unnamed').lower()})"
        raise ParseError(
            f"the character {character!r}{name} is not part of the notation{hints.get(character, '')}",
            self.text,
            self.position,
        )

    def run_of(self, kind: str, table: dict[str, str]) -> None:
        start = end = self.position
        while end < len(self.text) and self.text[end] in table:
            end += 1
        self.add(kind, "".join(table[c] for c in self.text[start:end]), start, end)

    # --- names ------------------------------------------------------------

    def name(self) -> None:
        """One name, or several written together: ``Δu``, ``πx``, ``νu_xx`` (a Greek letter before Latin ones)."""
        start = self.position
        whole, end, dots = self.characters(start)
        if not whole or whole[0].isdigit():
            self.refuse(self.text[start])
        if whole[0] in _OPERATOR_LETTERS and not self.declared(whole):
            self.add("op", whole[0], start, start + 1)
            return
        cut = self.greek_before_latin(whole, start, end)
        if cut:
            whole, end, dots = _normal(self.text[start : start + cut]), start + cut, 0
        self.add("name", whole, start, end)
        if dots:
            self.add("prime", str(dots), end - 1, end)

    def characters(self, start: int) -> tuple[str, int, int]:
        """The name at ``start`` in its normal form, where it ends, and how many dots stand above it."""
        text, end, made, index, dots = self.text, start, "", False, 0
        while end < len(text):
            character = text[end]
            if character in SUBSCRIPTS:
                below = SUBSCRIPTS[character]
                made += ("_" if below.isalpha() and not index and "_" not in made else "") + below
                index = True
            elif character == "_" and (match := _BRACED.match(text, end + 1)):
                made += "_" + re.sub(r"[\s,]", "", _latex_letters(match[1]))
                end = match.end() - 1
            elif character == "_" and text.startswith("\\", end + 1) and (greek := _COMMAND.match(text, end + 1)):
                made += "_" + SYMBOLS.get(greek[1], (greek[1], ""))[0]
                end = greek.end() - 1
            elif character in _DOTS:
                dots += _DOTS[character]
            elif _in_name(character) and not index:  # behind small letters below, a new name begins: ∂ₓu
                bare = _undotted(character)
                made += bare
                dots += 0 if bare == character else _DOTS[unicodedata.normalize("NFD", character)[1]]
            else:
                break
            end += 1
        return _normal(made), end, dots

    def greek_before_latin(self, whole: str, start: int, end: int) -> int:
        """How many characters of ``νu_xx`` belong to the Greek name in front; 0 where the name is one."""
        if whole[0] not in GREEK_NAMES or self.declared(whole):
            return 0
        for i in range(1, end - start):
            character = self.text[start + i]
            if character.isascii() and character.isalpha():
                return i
            if character in GREEK_NAMES:
                return i
            if not (character.isdigit() or character in SUBSCRIPTS):
                return 0
        return 0

    # --- LaTeX ------------------------------------------------------------

    def command(self) -> None:
        start = self.position
        if match := _FRAME.match(self.text, start):  # \\ between the lines of an align environment
            self.add("newline", "\n", start, match.end())
            return
        for space in _SPACES:
            if self.text.startswith(space, start):
                self.position, self.spaced = start + len(space), True
                return
        match = _COMMAND.match(self.text, start)
        name = match[1] if match else ""
        end = match.end() if match else start + 1
        if name in _IGNORED:
            self.position, self.spaced = end, True
            if self.text.startswith(".", end):  # \left. opens nothing
                self.position += 1
        elif name in _KEPT:
            self.add("op", "frac" if name.endswith("frac") else name, start, end)
        elif name in _UPRIGHT and (braced := _BRACED.match(self.text, end)):
            self.add("name", _normal(braced[1].strip()), start, braced.end())
        elif name in _FUNCTIONS:
            self.add("name", _FUNCTIONS[name], start, end)
        elif name in SYMBOLS:
            self.symbol(SYMBOLS[name][0], start, end)
        else:
            raise ParseError(f"unknown LaTeX command '\\{name}'.{did_you_mean(name, SYMBOLS)}", self.text, start)

    def symbol(self, character: str, start: int, end: int) -> None:
        if character in _OPERATOR_LETTERS or not character.isalpha():
            self.add("op", _SAME.get(character, character), start, end)
            return
        if end < len(self.text) and (self.text[end] == "_" or self.text[end] in SUBSCRIPTS):
            tail, end, _ = self.characters(end)
            character += tail
        self.add("name", character, start, end)


_FUNCTIONS = {name: name for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "exp", "log", "min", "max")} | {
    "ln": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan"
}  # fmt: skip


def _in_name(character: str) -> bool:
    if character in SUPERSCRIPTS or character in FRACTIONS:
        return False
    return character == "_" or character.isalpha() or (character.isascii() and character.isdigit())


def _normal(name: str) -> str:
    """As Python normalises identifiers: µ (micro) is μ, ϕ is φ."""
    return unicodedata.normalize("NFKC", name).replace("ϑ", "θ").replace("ϵ", "ε")


def _undotted(letter: str) -> str:
    """``ẋ`` or ``ẍ`` (one character) without its dots; ä, ö, ü stay letters."""
    apart = unicodedata.normalize("NFD", letter)
    dotted = len(apart) == 2 and (apart[1] == "\u0307" or (apart[1] == "\u0308" and apart[0] in "xywt"))
    return apart[0] if dotted else letter


def _latex_letters(text: str) -> str:
    return _COMMAND.sub(lambda match: SYMBOLS.get(match[1], (match[1], ""))[0], text)
