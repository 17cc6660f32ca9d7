"""Reactions as text, in symnum's own grammar; nothing is ever evaluated as Python.

::

    A + B -> C, k1             mass action: v = k1*A*B
    2 A <-> B, k1, k2          two reactions, forward and back
    0 -> A, k0                 synthesis; ``A -> 0, d`` degradation
    S => P, Vmax*S/(Km + S)    a double arrow: the rate is written in full, reactants are not multiplied in
    A -> B, k*(1 + t)          a rate may hold species, parameters, observables and time
    # a comment

The arrows say what they do in Catalyst.jl (Loman and others, PLoS Comput. Biol. 19 (2023) e1011530). Names on the sides of arrows are species; every
other name must be a parameter, an observable or ``t``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from symnum.errors import ModelError, ParseError
from symnum.expr.parse import parse
from symnum.expr.show import plain
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols
from symnum.model.field import field as make_field
from symnum.model.field import parameter as make_parameter
from symnum.model.naming import split_names
from symnum.model.network_parts import Reaction, in_order, mapping, side_text, time_symbol

if TYPE_CHECKING:
    from symnum.model.reactions import ReactionNetwork

_ARROW = re.compile(r"<->|<=>|->|=>|<-|<=|→|⇌|⇒")
_KINDS = {"->": (True, False), "→": (True, False), "=>": (False, False), "⇒": (False, False)} | {
    "<->": (True, True),
    "⇌": (True, True),
    "<=>": (False, True),
}  # arrow -> (mass action, reversible)
_MEMBER = re.compile(r"(?:(\d+)\s*\*?\s*)?([^\W\d]\w*)")
_NOTHING = ("", "0", "∅")
_EXAMPLE = "write 'A + B -> C, k1' or 'A + B <-> C, k1, k2'"


def from_text(
    reactions: Any,
    initial: Any = None,
    parameters: Mapping[str, Any] | None = None,
    observables: Mapping[str, Any] | None = None,
    species: Any = None,
    fixed: Any = (),
    name: str = "",
    events: Iterable[Any] = (),
) -> dict[str, Any]:
    """Keyword arguments of ``ReactionNetwork`` (all but ``t``) from text.

    Args:
        reactions: one text with a reaction a line, or a list of texts.
        initial: name -> number or text in the parameters; parameters: name -> number or text in other parameters; observables: name -> text.
        species: names in the order of the state ("A B C"), needed for species that no reaction holds; fixed: names of those that do not change.

    Raises ParseError with the reaction's number and the column, ModelError for what does not fit together.
    """
    rows = [_split(text, n) for n, text in enumerate(_lines(reactions), 1)]
    time = time_symbol()
    found = list(dict.fromkeys(s for row in rows for side in row.sides for s in side))
    order = split_names(species, "species") if species is not None else found
    fields = {s: make_field(s, (time,)) for s in dict.fromkeys([*order, *found])}
    constants = _parameters(mapping(parameters, "parameters", '{"k1": 0.1}'), {*fields, "t"})
    names: dict[str, Term] = {"t": time, **constants[0], **fields}
    watched: dict[str, Term] = {}
    for key, text in mapping(observables, "observables", '{"total": "A + C"}').items():
        watched[key] = _term(text, names, f"the observable {key}")
    names = {**{k: v for k, v in watched.items() if k not in names}, **names}
    started = {
        k: _term(v, constants[0], f"the initial amount of {k}")
        for k, v in mapping(initial, "initial", '{"A": 1.0}').items()
    }
    made: dict[str, Any] = {"reactions": [r for row in rows for r in row.reactions(fields, names)]}
    made |= {
        "species": [fields[s] for s in order],
        "initial": started,
        "parameters": constants[1],
        "observables": watched,
    }
    return made | {"fixed": split_names(fixed, "species") if fixed else (), "name": name, "events": events}


def _lines(texts: Any) -> list[str]:
    rows = texts.splitlines() if isinstance(texts, str) else texts
    if not isinstance(rows, Iterable) or isinstance(rows, Mapping):
        raise ModelError(f"reactions={texts!r} is no text; {_EXAMPLE}")
    found = list(rows)
    for row in found:
        if not isinstance(row, str):
            raise ModelError(f"reactions holds {row!r} of type {type(row).__name__}, expected text; {_EXAMPLE}")
    return [text for row in found if (text := row.partition("#")[0].strip())]


class _split:
    """One line: its sides, arrow and rates."""

    def __init__(self, text: str, number: int) -> None:
        self.text, self.label = text, f"reaction {number}"
        head, comma, tail = text.partition(",")
        arrow = _ARROW.search(head)
        if arrow is None:
            raise ParseError(f"{self.label} has no arrow; {_EXAMPLE}", text, len(head))
        if arrow[0] not in _KINDS:
            raise ParseError(
                f"{self.label} has the arrow {arrow[0]!r}; write it from left to right: '->' or '=>'",
                text,
                arrow.start(),
            )
        if extra := _ARROW.search(head, arrow.end()):
            raise ParseError(f"{self.label} has two arrows; write one reaction a line", text, extra.start())
        self.mass_action, self.reversible = _KINDS[arrow[0]]
        self.sides = (self._side(0, arrow.start()), self._side(arrow.end(), len(head)))
        self.rates = _top_level(tail) if comma else []
        need = 2 if self.reversible else 1
        if len(self.rates) != need or not all(self.rates):
            seen = sum(map(bool, self.rates))
            raise ParseError(
                f"{self.label} has {seen} rate{'s' if seen != 1 else ''}, expected {need} after the arrow "
                f"{arrow[0]}: '{head.strip()}, {'k1, k2' if self.reversible else 'k1'}'",
                text,
                len(head),
            )

    def _side(self, start: int, stop: int) -> dict[str, int]:
        """Species -> number on one side of the arrow."""
        made: dict[str, int] = {}
        if self.text[start:stop].strip() in _NOTHING:
            return made
        position = start
        for part in self.text[start:stop].split("+"):
            match = _MEMBER.fullmatch(part.strip())
            if match is None:
                seen = repr(part.strip()) if part.strip() else "nothing beside '+'"
                raise ParseError(
                    f"{self.label} holds {seen} where a species stands; write 'A', '2 A', or '0' for nothing",
                    self.text,
                    position,
                )
            made[match[2]] = made.get(match[2], 0) + int(match[1] or 1)
            position += len(part) + 1
        return made

    def reactions(self, fields: Mapping[str, Symbol], names: Mapping[str, Term]) -> list[Reaction]:
        left, right = ({fields[s]: n for s, n in side.items()} for side in self.sides)
        rates = [_term(text, names, f"{self.label}, rate") for text in self.rates]
        made = [Reaction(rates[0], left, right, mass_action=self.mass_action)]
        return [*made, Reaction(rates[1], right, left, mass_action=self.mass_action)] if self.reversible else made


def _top_level(text: str) -> list[str]:
    """Split at commas outside parentheses."""
    depth, parts = 0, [""]
    for character in text:
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "," and not depth:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _term(value: Any, names: Mapping[str, Term], label: str) -> Any:
    if not isinstance(value, str):
        return value
    try:
        found = parse(value, names)
    except ParseError as error:
        raise ParseError(f"{label}: {error}") from None
    if not isinstance(found, Term):
        raise ParseError(f"{label}: {value!r} is a list, expected one expression")
    return found


def _parameters(given: Mapping[str, Any], taken: set[str]) -> tuple[dict[str, Symbol], dict[Symbol, Any]]:
    """name -> symbol and symbol -> value; a text may hold other parameters."""
    symbols_: dict[str, Symbol] = {}
    for name, value in given.items():
        if name in taken:
            what = "time" if name == "t" else "a species"
            raise ModelError(f"the name {name!r} stands for {what} and for a parameter; rename one of them")
        symbols_[name] = make_parameter(name, None if isinstance(value, str) else value)
    values = {symbols_[name]: _term(value, symbols_, f"the parameter {name}") for name, value in given.items()}
    in_order({s: v for s, v in values.items() if isinstance(v, Term) and symbols(v)})
    return symbols_, values


def to_text(network: ReactionNetwork) -> dict[str, Any]:
    """Keyword arguments of ``from_text`` that give an equal network, in free parameters."""
    rows = []
    for r in network.reactions:
        arrow = "->" if r.mass_action else "=>"
        rate = network._parts.in_free_parameters(r.rate)
        rows.append(f"{side_text(r.reactants)} {arrow} {side_text(r.products)}, {plain(rate)}")
    low, high = network.domain.bounds[network.time.name]
    put_in = network._parts.in_free_parameters
    return {
        "reactions": rows,
        "initial": {s.name: plain(put_in(value)) for s, value in network.initial.items()},  # type: ignore[attr-defined]
        "t": (low, high),
        "parameters": dict(network.parameters),
        "observables": {name: plain(put_in(term)) for name, term in network.observables.items()},
        "species": [s.name for s in network.fields],
        "fixed": [s.name for s in network.fields if s in network.fixed],
        "name": network.name,
    }
