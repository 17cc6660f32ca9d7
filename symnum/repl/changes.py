"""What a statement makes of the draft, and what is answered to it.

    (draft, name of the model, statement) -> Change(draft, name, said)
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from symnum.errors import UnknownName, did_you_mean
from symnum.repl.draft import Draft, Number
from symnum.repl.render import Piece, Text, Tone
from symnum.repl.sides import check
from symnum.repl.statement_kinds import (
    ConditionText,
    Definition,
    Equations,
    Formula,
    Initial,
    Interval,
    Reactions,
    Statement,
    Value,
)
from symnum.repl.terms import condition_text, equation_text


@dataclass(frozen=True)
class Change:
    """The new draft, the name under which it is kept, and the lines that say what was understood."""

    draft: Draft
    name: str
    said: list[Piece]


def changed(draft: Draft, name: str, statement: Statement) -> Change:
    """The draft after a statement about the model. Raises ParseError, ModelError or UnknownName for what does not fit it."""
    match statement:
        case Equations():
            return _with_equations(draft, name, statement)
        case Reactions():
            name, draft = _started(draft, name, statement)
            return Change(draft.with_reactions(statement), name, [Text(f"  {row}") for row in statement.reactions])
        case Value():
            units = f" {statement.units}" if statement.units else ""
            said = f"parameter {statement.name} = {statement.value:.12g}{units}"
            fixed = _fixed_by(draft, statement)
            return Change(_with_value(draft, statement), name, [Text(f"  {said}", Tone.FAINT), *fixed])
        case Definition():
            head = f"{statement.name}({', '.join(statement.arguments)})" if statement.arguments else statement.name
            said = f"{head} stands for {statement.text}"
            draft = draft.with_definition(statement)
        case ConditionText():
            check(draft, statement.text)
            draft = draft.with_condition(statement.text)
            said = f"condition {condition_text(draft, statement.text)}"
        case Initial():
            draft = draft.with_initial(statement.text)
            said = f"start {equation_text(draft, statement.text)}"
        case Interval():
            draft = draft.with_interval(statement.coordinate, statement.lower, statement.upper)
            said = f"{statement.coordinate} in ({statement.lower}, {statement.upper})"
        case _:
            raise AssertionError(statement)
    return Change(draft, name, [Text(f"  {said}", Tone.FAINT)])


def _with_equations(old: Draft, name: str, statement: Equations) -> Change:
    name, draft = _started(old, name, statement)
    another = not draft.equations and not old.empty and statement.name is None
    draft = draft.with_equations(statement)
    said: list[Piece] = [Text("  a new model; `:undo` goes back to the other", Tone.FAINT)] if another else []
    return Change(draft, name, [*said, *(Text(f"  {equation_text(draft, text)}") for text in statement.equations)])


def _started(draft: Draft, name: str, statement: Equations | Reactions) -> tuple[str, Draft]:
    """``name:`` (and what contradicts the present model) begins a model anew, with the values and definitions so far."""
    if statement.name is None and not getattr(statement, "new", False):
        return name, draft
    fresh = statement.name or ""
    return fresh, Draft(name=fresh, values=draft.values, definitions=draft.definitions)


def _fixed_by(draft: Draft, statement: Value) -> list[Piece]:
    """Intervals and places were given as numbers when they were typed: they do not follow a name that gets another value."""
    before = draft.values.get(statement.name)
    if before is None or before.value == statement.value:
        return []
    places = [text.rpartition("@")[2].strip() for text in draft.conditions if _holds(text, statement.name) and "@" in text]
    bounds = [f"{x} in ({low}, {high})" for x, (low, high) in draft.domain.items() if _holds(low, statement.name) or _holds(high, statement.name)]
    return [
        Text(f"  {what} was typed with {statement.name} = {before.value:.12g} and stays; type it again to move it", Tone.WARNING)
        for what in dict.fromkeys([*bounds, *places])
    ]


def _holds(text: str, name: str) -> bool:
    """Whether a part of a formula comes from ``name`` in what was typed, and is its number."""
    if not isinstance(text, Formula):
        return False
    word = rf"(?<!\w){re.escape(name)}(?!\w)"
    found = {match.start() for match in re.finditer(word, text.typed)}
    return any(column in found and not re.match(word, text[k:]) for k, column in enumerate(text.columns))


def _with_value(draft: Draft, statement: Value) -> Draft:
    if draft.base is not None and statement.name not in draft.base.parameters:
        known = draft.base.parameters
        listed = ", ".join(known) or "none"
        raise UnknownName(f"{draft.name} has no parameter {statement.name}.{did_you_mean(statement.name, known)} It has {listed}")
    return draft.with_value(statement.name, Number(statement.value, statement.units, str(statement.text)))
