"""The reactions block of a BioNetGen network: sides and rate laws, each read once."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from symnum.errors import ModelError, ParseError, did_you_mean
from symnum.expr.term import ONE, Const, Term
from symnum.model.bionetgen_expressions import NUMBER
from symnum.model.network_rates import Row
from symnum.model.rate_laws import HILL, MASS_ACTION, MICHAELIS_MENTEN, SATURATION, RateLaw

_LAWS = {"Ele": MASS_ACTION, "Sat": SATURATION, "MM": MICHAELIS_MENTEN, "Hill": HILL}
_REFUSED = {
    "FunctionProduct": "let BioNetGen evaluate the local functions (generate_network)",
    "Arrhenius": "let BioNetGen evaluate the energies (generate_network)",
}
_SHAPE = "a reaction is 'number reactants products rate', e.g. '1 1,2 3 kf'"


class Rates:
    """Reads reaction lines; ``laws`` are the distinct rate laws, ``known`` and ``sides`` what was read before."""

    def __init__(self, parameters: Mapping[str, Term], functions: Mapping[str, Term], species: int) -> None:
        self.parameters, self.functions, self.species = parameters, functions, species
        self.numbers = {str(n): n - 1 for n in range(1, species + 1)}
        self.laws: list[RateLaw] = []
        self.known: dict[str, int] = {}  # text of a rate -> number of its law
        self.sides: dict[str, tuple[int, ...]] = {}

    def columns(self, text: str, line: Any) -> tuple[Row, ...] | None:
        """All reactions at once, where every line has four entries and nothing is odd; else None: they are read line by line.

        An entry too few here and one too many there cannot hide: a number would stand among the rates, which must be names.
        """
        text = re.sub(r"#[^\n]*", "", text)
        words = text.split()
        count = len(re.findall(r"^[^\S\n]*\S", text, re.MULTILINE))
        if len(words) != 4 * count or words[::4] != [str(n) for n in range(1, count + 1)]:
            return None
        left, right, rates = words[1::4], words[2::4], words[3::4]
        try:
            for side in dict.fromkeys([*left, *right]):
                self._side(side, line)
            for rate in dict.fromkeys(rates):
                if NUMBER.fullmatch(rate):
                    return None
                self._numbered(rate, [rate], line)
        except ParseError:
            return None
        sides = self.sides
        if "0" in sides and any(
            not sides[a] and not sides[b] for a, b in dict.fromkeys(zip(left, right, strict=True)) if a == "0"
        ):
            return None
        known = map(self.known.__getitem__, rates)
        return tuple(zip(known, map(sides.__getitem__, left), map(sides.__getitem__, right), strict=True))

    def row(self, line: Any, words: list[str], expected: int) -> Row:
        """One reaction; ``line``: a ``bionetgen.Line``."""
        if not words[0].isdigit():
            raise line.error(f"the first entry, {words[0]!r}, is no number of a reaction; {_SHAPE}")
        if len(words) < 4:
            raise line.error(
                f"{len(words)} entries, expected at least 4; {_SHAPE} (0 stands for no reactants or products)"
            )
        if int(words[0]) != expected:
            raise line.error(
                f"this reaction has the number {words[0]}, expected {expected}: numbers count 1, 2, 3, ... (a line is missing, or there twice)"
            )
        left, right = self._side(words[1], line), self._side(words[2], line)
        if not left and not right:
            raise line.error(f"this reaction has neither reactants nor products; {_SHAPE}")
        law = self._numbered(" ".join(words[3:]), words[3:], line)
        try:
            self.laws[law].check(left)
        except ModelError as error:
            raise line.error(str(error)) from None
        return law, left, right

    def _numbered(self, text: str, words: list[str], line: Any) -> int:
        """The number of the rate law that a text stands for."""
        if text not in self.known:
            law = self._law(words, line)
            self.known[text] = len(self.laws)
            self.laws.append(law)
        return self.known[text]

    def _side(self, text: str, line: Any) -> tuple[int, ...]:
        if text not in self.sides:
            known = [self.numbers.get(word, -1) for word in text.split(",")]
            self.sides[text] = tuple(known) if -1 not in known else self._unusual(text, line)
        return self.sides[text]

    def _unusual(self, text: str, line: Any) -> tuple[int, ...]:
        """A side with 0 for nothing, or with what does not belong there."""
        made = []
        for word in text.split(","):
            if not word.isdigit():
                seen = repr(word) if word else "nothing between two commas"
                raise line.error(
                    f"{seen} stands where the number of a species is expected; write '1,2' without spaces, 0 for nothing",
                    line.text.find(text),
                )
            if int(word) > self.species:
                raise line.error(
                    f"there is no species {word}; the species are 1 to {self.species}", line.text.find(text)
                )
            if int(word):
                made.append(int(word) - 1)
        return tuple(made)

    def _law(self, words: list[str], line: Any) -> RateLaw:
        head, star, tail = words[0].partition("*")
        factor, name = (self._factor(head, line), tail) if star else (ONE, head)
        rest = words[1:]
        keyword = name.partition("(")[0]
        if keyword in _REFUSED:
            raise line.error(f"the rate law {keyword} is not supported; {_REFUSED[keyword]}")
        if name in _LAWS and (rest or name not in self.parameters):
            law = RateLaw(_LAWS[name], tuple(self._constant(word, line) for word in rest), factor)
            if not rest or (name == "Ele" and len(rest) != 1):
                raise line.error(
                    f"the rate law {name} has {len(rest)} constants; write '{name} {'k' if name == 'Ele' else 'k K'}'"
                )
            return law
        if rest:
            near = did_you_mean(name, _LAWS)
            raise line.error(
                f"there is no rate law {name!r}.{near} Expected the name of a rate constant alone, or one of {', '.join(_LAWS)}"
            )
        return RateLaw(MASS_ACTION, (self._constant(name, line, number=True),), factor)

    def _factor(self, text: str, line: Any) -> Term:
        if NUMBER.fullmatch(text):
            return Const(int(text) if text.isdigit() else float(text))
        if text in self.parameters:
            return self.parameters[text]
        raise line.error(
            f"the factor {text!r} in front of the rate is no number and no parameter.{did_you_mean(text, self.parameters)}"
        )

    def _constant(self, text: str, line: Any, number: bool = False) -> Term:
        """A parameter or function by name (or a number)."""
        if text in self.parameters:
            return self.parameters[text]
        if text in self.functions:
            return self.functions[text]
        if number and NUMBER.fullmatch(text):
            return Const(int(text) if text.isdigit() else float(text))
        known = [*self.parameters, *self.functions]
        hint = (
            ""
            if text.isidentifier()
            else " A rate is [factor*]name; write an expression as a parameter (or function) of its own."
        )
        error: ParseError = line.error(
            f"there is no rate constant {text!r}.{did_you_mean(text, known)}{hint}", max(line.text.rfind(text), 0)
        )
        raise error
