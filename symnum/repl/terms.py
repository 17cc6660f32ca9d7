"""Texts of a draft as terms: to echo equations and expressions, and to give Python their names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from symnum.errors import SymnumError
from symnum.repl.draft import Draft

if TYPE_CHECKING:
    from symnum.expr.term import Symbol
    from symnum.model.text import Scope
    from symnum.repl.statement_kinds import Expression


def symbols_of(draft: Draft, fields: Iterable[str] = (), coordinates: Iterable[str] = (), free: Iterable[str] = ()) -> dict[str, Symbol]:
    """Coordinates and fields of a draft (and others that a line names) as symbols."""
    from symnum.model.field import field as make_field
    from symnum.model.space import coordinates as make_coordinate

    along = dict.fromkeys((*draft.coordinates, *coordinates))
    made = {c: make_coordinate(c, time=c if c == draft.time else "t") for c in along}
    if draft.base is not None:
        made |= {s.name: s for s in (draft.base.time, *draft.base.space)}
    on = tuple(made.values()) or (make_coordinate(draft.time, time=draft.time),)
    symbols: dict[str, Any] = {name: make_field(name, on) for name in (*draft.fields, *fields)}
    if draft.base is not None:
        symbols |= {u.name: u for u in draft.base.fields}
    return {**made, **symbols}


def scope_of(draft: Draft, fields: Iterable[str] = (), coordinates: Iterable[str] = (), free: Iterable[str] = ()) -> Scope:
    """What a text may mention: the symbols, and parameters (with or without a value)."""
    from symnum.model.field import parameter
    from symnum.model.operators import operators
    from symnum.model.space import coordinates as make_coordinate
    from symnum.model.text import Scope

    names = symbols_of(draft, fields, coordinates)
    along = {n: s for n, s in names.items() if s.kind == "coordinate"} or {draft.time: make_coordinate(draft.time, time=draft.time)}
    values: dict[str, float | None] = dict.fromkeys(free)
    values.update({n: number.value for n, number in draft.values.items()})
    values.update(draft.parameters())
    constants = {n: parameter(n, v) if v is not None else parameter(n) for n, v in values.items() if n not in names}
    return Scope({**constants, **names}, operators(along))


def equation_text(draft: Draft, text: str) -> str:
    """An equation as people read it; as it stands where it cannot be read yet."""
    from symnum.expr.show import unicode

    try:
        row = scope_of(draft).equation(text, "equation")
    except SymnumError:
        return text
    return primed(draft, f"{unicode(row.lhs, 120)} = {unicode(row.rhs, 400)}")


def condition_text(draft: Draft, text: str) -> str:
    """A condition as people read it: ``∂ₓu = 0 @ x=1``."""
    equation, mark, place = text.rpartition(" @ ")
    return f"{equation_text(draft, equation)} @ {place}" if mark else text


def primed(draft: Draft, text: str) -> str:
    """Derivatives in time of models without space as primes, as they are mostly typed."""
    if draft.space or (draft.base is not None and draft.base.space) or draft.time != "t":
        return text
    return re.sub(r"∂ₜ(\w+)", r"\1'", re.sub(r"∂ₜₜ(\w+)", r"\1''", text))


def expression_term(draft: Draft, statement: Expression) -> Any:
    """The term of an expression. Raises ParseError."""
    scope = scope_of(draft, statement.fields, statement.coordinates, statement.free)
    return scope.term(statement.text, "expression")


def shown(draft: Draft, statement: Expression) -> str:
    """An expression as people read it and, where every name has a value, the value."""
    from symnum.expr.show import unicode

    term = expression_term(draft, statement)
    text = unicode(term, 2000) if not isinstance(term, tuple) else ", ".join(unicode(part, 500) for part in term)
    value = None if isinstance(term, tuple) else value_of(term, {**{n: number.value for n, number in draft.values.items()}, **draft.parameters()})
    if value is None or text == f"{value:.12g}":
        return text
    return f"{text} = {value:.12g}"


def value_of(term: Any, values: Mapping[str, float | None]) -> float | None:
    """The number that a term is at these values of its parameters; None where something else is left."""
    from symnum.expr.walk import symbols
    from symnum.model.numeric import evaluate

    found = symbols(term)
    if any(values.get(s.name) is None for s in found):
        return None
    try:
        return float(evaluate(term, {s: values[s.name] for s in found}))
    except (SymnumError, TypeError):
        return None
