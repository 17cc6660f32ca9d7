"""BioNetGen networks (``.net`` files) -> the parts of a reaction network.

::

    begin parameters                          number, or a formula of parameters above it
        1 kf   0.01  # Constant
        2 kf2  2*kf
    end parameters
    begin functions                           formulas of parameters, groups, time() and functions above it
        1 rate() kf/(1 + Atot)
    end functions
    begin species                             name, and amount at the start: a number or a formula of parameters
        1 A(b) 100                            $ in the name: the amount does not change
        2 A(b!1).A(b!1) 0
    end species
    begin reactions                           number, reactants, products, rate
        1 1,1 2 0.5*kf #dimerise              v = 0.5*kf*x1*x1: the factor is written, nothing is added to it
        2 2 0 rate                            v = rate()*x2: functions are multiplied by the reactants too
        3 1,2 2 Sat kcat Km                   Sat, MM, Hill: see ``model.rate_laws``;  species 0 is nothing
    end reactions
    begin groups                              sums of species, with weights
        1 Atot 1,2*2
    end groups

This is what BioNetGen's own simulator does (Harris and others, *BioNetGen 2.2*, Bioinformatics 32 (2016) 3366-3368; ``network.cpp``, functions
``read_Rxn_array``, ``rxn_rate``, ``derivs_network``). Blocks that hold the rules behind a network (molecule types, reaction rules, ...) are passed
over. Everything else that does not fit is an error with the file and the line.
"""

from __future__ import annotations

import math
import re
from typing import Any

from symnum.errors import ModelError, ParseError
from symnum.expr.names import FieldInfo
from symnum.expr.term import Const, Symbol, Term, linear_combination
from symnum.expr.walk import symbols
from symnum.model.bionetgen_blocks import Block, Line, blocks, content
from symnum.model.bionetgen_expressions import CONSTANTS, NUMBER, RESERVED, Scope
from symnum.model.bionetgen_rates import Rates
from symnum.model.network_parts import parameter_symbol, time_symbol
from symnum.model.network_rates import NetworkParts, Row
from symnum.model.numeric import constant

_ENTRY = re.compile(r"(?:(\d+)\s+)?([^\W\d]\w*)(\([^)]*\))?\s*=?\s*(.*)")
_MEMBER = re.compile(r"(?:([^*\s]+)\*)?(\d+)")
_BARE = re.compile(r"\$?([^\W\d]\w*)(?:\(\))?")


def read_net(path: Any) -> tuple[NetworkParts, str]:
    """The parts of the network in a file, and the file's name without suffix. Raises FileError, ParseError, ModelError."""
    path, text = content(path)
    return _Reader(blocks(text, path.name), path.name).parts(), path.stem


class _Reader:
    """Reads the blocks in the order in which they depend on each other."""

    def __init__(self, found: dict[str, Block], file: str) -> None:
        self.blocks, self.file = found, file
        self.places: dict[str, str] = {}  # name -> "parameter, line 7"
        self.free: dict[Symbol, float] = {}
        self.definitions: dict[Symbol, Term] = {}

    def parts(self) -> NetworkParts:
        constants = Scope(
            CONSTANTS,
            self._named("parameters") | self._named("groups", ", a group: it changes in time, so write a function"),
        )
        for number, line in enumerate(self._lines("parameters"), 1):
            self._parameter(line, number, constants)
        time = time_symbol("t" if "t" not in constants.names else "time")
        species, labels, initial = self._species(constants, time)
        observables = {
            name: term
            for n, line in enumerate(self._lines("groups"), 1)
            for name, term in [self._group(line, n, species)]
        }
        scope = Scope({**constants.names, **observables}, self._named("functions"), time)
        scope.ambiguous = observables.keys() & constants.names.keys()
        for number, line in enumerate(self._lines("functions"), 1):
            self._function(line, number, scope)
        rates = Rates({s.name: s for s in (*self.free, *self.definitions)}, scope.called, len(species))
        rows = self._reactions(rates)
        fixed = frozenset(s for s, label in zip(species, labels, strict=True) if "$" in label)
        return NetworkParts(
            species,
            labels,
            time,
            tuple(rates.laws),
            rows,
            initial,
            self.free,
            self.definitions,
            observables,
            dict(scope.called),
            fixed,
        )

    def _lines(self, block: str) -> Any:
        return self.blocks.get(block, ())

    def _named(self, block: str, more: str = "") -> dict[str, str]:
        """Name -> where a block has it."""
        found = ((line, _ENTRY.fullmatch(line.text)) for line in self._lines(block))
        return {entry[2]: f"line {line.number}{more}" for line, entry in found if entry is not None}

    def _name(self, line: Line, name: str, kind: str) -> str:
        """A name that is free to be used."""
        if name in RESERVED:
            raise line.error(f"{name!r} is a word of BioNetGen's expressions and cannot name a {kind}; rename it")
        if name in self.places:
            raise line.error(f"the name {name!r} is taken already ({self.places[name]}); rename one of the two")
        self.places[name] = f"{kind}, line {line.number}"
        return name

    def _parameter(self, line: Line, number: int, scope: Scope) -> None:
        entry = _ENTRY.fullmatch(line.text)
        if entry is None or entry[3] is not None:
            raise line.error("expected 'number name value', e.g. '1 kf 0.01'", 0)
        check_index(line, entry[1], number, "parameter")
        name, text = self._name(line, entry[2], "parameter"), entry[4]
        if not text:
            raise line.error(f"the parameter {name!r} has no value; write '{number} {name} 1.0'")
        term = amount(line, text, scope, f"the parameter {name!r}")
        if symbols(term):
            symbol = parameter_symbol(name, None)
            self.definitions[symbol] = term
        else:
            value = constant(term)
            assert value is not None
            if not math.isfinite(value):
                raise line.error(f"the parameter {name!r} is {value}, expected a finite number")
            symbol = parameter_symbol(name, value)
            self.free[symbol] = value
        scope.names[name] = symbol

    def _species(self, scope: Scope, time: Symbol) -> tuple[tuple[Symbol, ...], tuple[str, ...], dict[Symbol, Term]]:
        amounts: dict[str, Term] = {}
        lines: dict[str, int] = {}
        for number, line in enumerate(self._lines("species"), 1):
            words = line.text.split()
            index = words.pop(0) if words[0].isdigit() else None
            check_index(line, index, number, "species")
            if len(words) != 2:
                seen = f"{len(words)} entries" if len(words) != 1 else "no amount"
                raise line.error(
                    f"a species has a name and an amount without spaces, {seen} found; write '{number} A(b) 100'"
                )
            name = words[0]
            if name in amounts:
                raise line.error(f"the species {name} is there twice (first on line {lines[name]})")
            lines[name] = line.number
            term = amount(line, words[1], scope, f"the amount of {name}")
            if term.op == "const" and not math.isfinite(term.data[0]):
                raise line.error(f"the amount of {name} is {term.data[0]}, expected a finite number")
            amounts[name] = term
        if not amounts:
            raise ModelError(f"{self.file}: the block 'species' is empty; a network has at least one species")
        info = FieldInfo((time,))
        species = tuple(
            Symbol(name, "field", info) for name in field_names(list(amounts), set(scope.names) | {time.name})
        )
        return species, tuple(amounts), dict(zip(species, amounts.values(), strict=True))

    def _group(self, line: Line, number: int, species: tuple[Symbol, ...]) -> tuple[str, Term]:
        words = line.text.replace(",", " ").split()
        index = words.pop(0) if words[0].isdigit() else None
        check_index(line, index, number, "group")
        if not words or not words[0].isidentifier():
            raise line.error(f"expected 'number name species,species,...', e.g. '{number} Atot 1,2*3'")
        name = words[0]
        if not self.places.get(name, "").startswith("parameter"):  # BioNetGen lets a group bear the name of a parameter
            name = self._name(line, name, "group")
        bag: dict[Term, Any] = {}
        for word in words[1:]:
            member = _MEMBER.fullmatch(word)
            if member is None or not (member[1] is None or NUMBER.fullmatch(member[1])):
                raise line.error(
                    f"the group {name!r} holds {word!r}, expected the number of a species or weight*number: '1,2*3'",
                    line.text.find(word),
                )
            s = int(member[2])
            if not 1 <= s <= len(species):
                raise line.error(
                    f"the group {name!r} holds species {s}; there are species 1 to {len(species)}", line.text.find(word)
                )
            weight = _number(member[1]) if member[1] else 1
            bag[species[s - 1]] = bag.get(species[s - 1], 0) + weight
        return name, linear_combination(bag)

    def _function(self, line: Line, number: int, scope: Scope) -> None:
        entry = _ENTRY.fullmatch(line.text)
        if entry is None or entry[3] is None:
            raise line.error(f"expected 'number name() formula', e.g. '{number} rate() kcat/(Km + Atot)'")
        check_index(line, entry[1], number, "function")
        if entry[3].strip("() \t"):
            raise line.error(
                f"the function {entry[2]!r} has the argument {entry[3]}: local functions do not stand in networks; "
                "let BioNetGen evaluate them (generate_network)"
            )
        name = self._name(line, entry[2], "function")
        term = amount(line, entry[4], scope, f"the function {name!r}")
        scope.names[name] = scope.called[name] = term

    def _reactions(self, rates: Rates) -> tuple[Row, ...]:
        block = self.blocks["reactions"]
        rows = rates.columns("\n".join(block.lines), Line(self.file, block.first, "")) or tuple(
            rates.row(line, line.text.split(), number) for number, line in enumerate(block, 1)
        )
        if not rows:
            raise ModelError(f"{self.file}: the block 'reactions' is empty; a network has at least one reaction")
        return rows


def check_index(line: Line, index: str | None, expected: int, kind: str) -> None:
    """Numbers, where there are any, count 1, 2, 3, ..."""
    if index is not None and int(index) != expected:
        raise line.error(
            f"this {kind} has the number {index}, expected {expected}: numbers count 1, 2, 3, ... (a line is missing, or there twice)"
        )


def amount(line: Line, text: str, scope: Scope, what: str) -> Term:
    """A number or an expression as a term."""
    if NUMBER.fullmatch(text):
        return Const(_number(text) if len(text) < 300 else float(text))
    try:
        return scope.parse(text)
    except ParseError as error:
        raise line.wrapped(error, f"{what}: ") from None


def _number(text: str) -> int | float:
    return int(text) if text.lstrip("+-").isdigit() else float(text)


def field_names(labels: list[str], taken: set[str]) -> list[str]:
    """Names for the fields: the molecules' own where every species is one bare molecule ``A()``, else S1, S2, ..."""
    bare = [match[1] for label in labels if (match := _BARE.fullmatch(label))]
    if len(set(bare)) == len(labels) and not taken.intersection(bare):
        return bare
    prefix = "S"
    while any(f"{prefix}{n}" in taken for n in range(1, len(labels) + 1)):
        prefix += "_"
    return [f"{prefix}{n}" for n in range(1, len(labels) + 1)]
