"""A model under construction: what was typed so far, as text. Frozen: every change gives a new draft, so that undo is going back.

    equations, values, intervals, conditions, initial data, options  ->  building.build  ->  PDESystem
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from symnum.errors import ModelError
from symnum.repl.sides import PERIODIC, axes_of, place
from symnum.repl.statement_kinds import Definition, Equations, Known, Reactions

if TYPE_CHECKING:
    from symnum.model.system import PDESystem

_WORDS = frozenset({"and", "or", "not", "true", "false", "pi", "π"})


@dataclass(frozen=True)
class Number:
    """The value of a parameter, with units and as it was typed."""

    value: float
    units: str = ""
    text: str = ""

    @property
    def in_python(self) -> float:
        """The value; what was typed as a whole number is one in Python, so that ``range(n)`` works."""
        return int(self.value) if self.text.lstrip("-").isdecimal() else self.value


@dataclass(frozen=True)
class Draft:
    """Attributes:
    equations, conditions, initial, reactions: texts in the grammar of ``from_text``.
    fields: unknown -> coordinates as typed; domain: coordinate -> (lower, upper) as text.
    values: parameter -> number, also of names that the model does not use (yet).
    options: of ``sn.solve``, as set. base: a system that has no text (arrays, noise, events), whose equations stay as they are.
    origin: where it was loaded from.
    """

    name: str = ""
    equations: tuple[str, ...] = ()
    reactions: tuple[str, ...] = ()
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    domain: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    conditions: tuple[str, ...] = ()
    initial: tuple[str, ...] = ()
    values: Mapping[str, Number] = field(default_factory=dict)
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    base: PDESystem | None = None
    origin: str = ""
    time: str = "t"

    @property
    def empty(self) -> bool:
        """Nothing to solve yet."""
        return not (self.equations or self.reactions or self.base is not None)

    @property
    def coordinates(self) -> tuple[str, ...]:
        """Time first, then space in order of appearance; none before the first equation or interval."""
        found = [c for on in self.fields.values() for c in on] + list(self.domain)
        for text in self.conditions:
            found += axes_of(text)
        space = dict.fromkeys(c for c in found if c != self.time)
        return (self.time, *space) if found or self.fields else ()

    @property
    def space(self) -> tuple[str, ...]:
        """The spatial coordinates."""
        return self.coordinates[1:]

    def parameters(self) -> dict[str, float | None]:
        """Names that the model uses as parameters -> value, None where it has none yet."""
        if self.base is not None:
            return dict(self.base.parameters)
        texts = [*self.equations, *self.reactions, *self.initial, *(t.rpartition(" @ ")[0] for t in self.conditions if " @ " in t)]
        taken = {*self.fields, *self.coordinates, *_WORDS}
        found = [name for text in texts for name in names_in(text) if name not in taken]
        return {name: self.values[name].value if name in self.values else None for name in dict.fromkeys(found)}

    def known(self, models: Iterable[str] = (), python: Iterable[str] = ()) -> Known:
        """What the names of the next line may refer to."""
        values: dict[str, float | None] = {name: number.value for name, number in self.values.items()}
        values |= {n: v for n, v in self.parameters().items() if n not in values}
        values = {n: v for n, v in values.items() if n not in self.fields and n not in self.coordinates}
        fields = {name: self.on(name) for name in self.fields}
        domain = {name: (str(low), str(high)) for name, (low, high) in self.domain.items()}
        return Known(
            fields, self.coordinates, values, dict(self.definitions), domain, frozenset(models), frozenset(python), self.time
        )

    def on(self, name: str) -> tuple[str, ...]:
        """The coordinates of a field: all of the model's, as in ``from_text``; of a model without text its own."""
        if self.base is not None:
            return self.fields[name]
        return self.coordinates or (self.time,)

    # ---- changes: each gives a new draft ---------------------------------------------------------

    def with_equations(self, statement: Equations) -> Draft:
        """With these equations; one for a field that has an equation already takes its place."""
        self._refuse_change("equations")
        if self.reactions:
            raise ModelError(f"{self.name or 'the model'} holds reactions; `:new` starts another model, for equations")
        rows = {left_side(text): text for text in self.equations}
        for text in statement.equations:
            rows[left_side(text)] = text
        return replace(self, equations=tuple(rows.values()), fields={**self.fields, **statement.fields})

    def with_reactions(self, statement: Reactions) -> Draft:
        """With these reactions added."""
        self._refuse_change("reactions")
        if self.equations:
            raise ModelError(f"{self.name or 'the model'} holds equations; `:new` starts another model, for reactions")
        fields = {**self.fields, **dict.fromkeys(statement.species, (self.time,))}
        rows = dict.fromkeys((*self.reactions, *statement.reactions))
        return replace(self, reactions=tuple(rows), fields=fields)

    def with_condition(self, text: str) -> Draft:
        """With a boundary condition; one with the same left side at the same place, or of the other kind on that axis, gives way."""
        self._refuse_change("conditions")
        made = replace(self, conditions=(*self.conditions, text))  # its place may widen the interval
        axes, periodic = axes_of(text), PERIODIC.match(text) is not None
        kept = []
        for old in self.conditions:
            old_periodic = PERIODIC.match(old) is not None
            clash = bool(set(axes) & set(axes_of(old)))
            same = not periodic and not old_periodic and left_side(old) == left_side(text) and place(made, old) == place(made, text)
            if not (clash and (periodic or old_periodic)) and not same:
                kept.append(old)
        return replace(self, conditions=(*kept, text))

    def with_initial(self, text: str) -> Draft:
        """With initial data of a field (or of its first derivative)."""
        self._refuse_change("initial data")
        rows = {left_side(old): old for old in self.initial}
        rows[left_side(text)] = text
        return replace(self, initial=tuple(rows.values()))

    def with_interval(self, coordinate: str, lower: str, upper: str) -> Draft:
        """With other bounds of a coordinate."""
        return replace(self, domain={**self.domain, coordinate: (lower, upper)})

    def with_value(self, name: str, number: Number) -> Draft:
        """With a value of a parameter."""
        made = replace(self, values={**self.values, name: number})
        if name not in self.definitions:
            return made
        return replace(made, definitions={n: d for n, d in self.definitions.items() if n != name}).reread()

    def with_definition(self, definition: Definition) -> Draft:
        """With an abbreviation, in place of a value or an older one of its name; texts that hold the name are written anew."""
        values = {name: number for name, number in self.values.items() if name != definition.name}
        return replace(self, definitions={**self.definitions, definition.name: definition}, values=values).reread()

    def reread(self) -> Draft:
        """The same draft with its definitions put in as they are now."""
        from symnum.repl.statements import redefined

        known = self.known()
        equations, conditions, initial = (
            tuple(redefined(text, known) for text in texts) for texts in (self.equations, self.conditions, self.initial)
        )
        return replace(self, equations=equations, conditions=conditions, initial=initial)

    def _refuse_change(self, what: str) -> None:
        if self.base is not None:
            raise ModelError(
                f"the {what} of {self.name} cannot be changed here, since it holds what has no text (noise, arrays, events or constraints); "
                "its parameters, times and options can (`:set`), and `:new` starts another model"
            )


# ---- reading the texts ---------------------------------------------------------------------------


def names_in(text: str) -> list[str]:
    """Names that stand for values (not for functions), in order of appearance."""
    from symnum.expr.parse import tokenize

    body = text.replace("<->", ",").replace("->", ",").replace(";", ",") if "->" in text else text
    tokens = tokenize(body)
    return [token.text for token, after in pairwise(tokens) if token.kind == "name" and after.text != "("]


def left_side(text: str) -> str:
    """What stands before the equals sign, without blanks."""
    return text.partition("=")[0].replace(" ", "")
