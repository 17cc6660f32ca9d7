"""What a typed line can say: one frozen class a kind of statement, and what is known when it is read.

::

    lorenz: x' = s(y - x), ...      Equations        u(t=0) = sin(pi x)      Initial
    A + B -> C, k                   Reactions        x in (0, 1)             Interval
    D = 0.1    k = 2 W/m/K          Value            :solve method=CVODE     Command
    f(x) = exp(-x²)   q = u v       Definition       ∂x(u v)                 Expression
    u = 0 @ x=0    periodic x       ConditionText    sol.plot()              Python

The mathematics inside is a ``Formula``: text in the grammar of ``PDESystem.from_text`` that remembers where it was typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace


class Formula(str):
    """Text in symnum's grammar. ``typed``: what the user wrote; ``columns[i]``: where in it character i comes from; ``short``: the same text
    before definitions were put in, "" where there were none.
    """

    typed: str
    columns: tuple[int, ...]
    short: str

    def __new__(cls, text: str, typed: str = "", columns: tuple[int, ...] = (), short: str = "") -> Formula:
        made = super().__new__(cls, text)
        made.typed, made.columns, made.short = typed, columns, short
        return made

    def typed_position(self, position: int) -> int:
        """The place in the typed text that character ``position`` of the formula comes from."""
        if not self.columns:
            return 0
        return self.columns[max(0, min(position, len(self.columns) - 1))]


@dataclass(frozen=True)
class Definition:
    """``f(x) = exp(-x²)`` or ``q = u v`` (no arguments): put in wherever the name is used."""

    name: str
    arguments: tuple[str, ...]
    text: Formula


@dataclass(frozen=True)
class Known:
    """What the names of a line may refer to.

    Attributes:
        fields: name of an unknown -> its coordinates, ("t", "x").
        coordinates: the model's coordinates; none before the first equation or interval, when t, x, y, z are at hand.
        parameters: name -> value, None where it has none yet.
        definitions: name -> what it stands for.
        domain: coordinate -> (lower, upper) as text in symnum's grammar.
        models: names of models.
        python: names of Python variables.
        time: name of the time coordinate.
    """

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    coordinates: tuple[str, ...] = ()
    parameters: Mapping[str, float | None] = field(default_factory=dict)
    definitions: Mapping[str, Definition] = field(default_factory=dict)
    domain: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    models: frozenset[str] = frozenset()
    python: frozenset[str] = frozenset()
    time: str = "t"

    @property
    def possible_coordinates(self) -> tuple[str, ...]:
        """The model's coordinates and, where they bear no other meaning, time, x, y and z."""
        taken = {*self.fields, *self.parameters, *self.definitions}
        own = tuple(dict.fromkeys((*self.coordinates, *self.domain)))
        return own + tuple(c for c in (self.time, "x", "y", "z") if c not in taken and c not in own)


def fresh(known: Known) -> Known:
    """What is known when a new model begins: values, definitions and Python's names stay."""
    return replace(known, fields={}, coordinates=(), domain={})


@dataclass(frozen=True)
class Equations:
    """Equations of one system, in the order typed.

    ``fields``: unknown -> coordinates as far as this text shows them; ``free``: names without a meaning yet, to be given values;
    ``coordinates``: those that occur; ``new``: they begin a new model, as names contradict the present one or the system has a name.
    """

    name: str | None
    equations: tuple[Formula, ...]
    fields: Mapping[str, tuple[str, ...]]
    free: tuple[str, ...]
    coordinates: tuple[str, ...]
    new: bool = False


@dataclass(frozen=True)
class Reactions:
    """Reactions in the grammar of ``ReactionNetwork.from_text``; ``free``: names in the rates without a meaning yet; ``new``: they begin a new
    model, as they share no species with the present one or have a name.
    """

    name: str | None
    reactions: tuple[Formula, ...]
    species: tuple[str, ...]
    free: tuple[str, ...]
    new: bool = False


@dataclass(frozen=True)
class Value:
    """A parameter: ``D = 0.1``, ``k = 2 W/m/K``, ``w = 2π/T`` with a T that has a value. ``text``: in symnum's grammar."""

    name: str
    value: float
    units: str
    text: Formula


@dataclass(frozen=True)
class ConditionText:
    """A boundary condition as ``from_text`` takes it: ``u = 0 @ x=0``, ``periodic x``."""

    text: Formula


@dataclass(frozen=True)
class Initial:
    """Initial data as ``from_text`` takes them: ``u = sin(pi*x)``, ``dt(u) = 0``. ``field``: whose."""

    text: Formula
    field: str


@dataclass(frozen=True)
class Interval:
    """``x in (0, 1)``: bounds in symnum's grammar, constants."""

    coordinate: str
    lower: Formula
    upper: Formula


@dataclass(frozen=True)
class Expression:
    """A term by itself, to be shown."""

    text: Formula
    fields: Mapping[str, tuple[str, ...]]
    free: tuple[str, ...]
    coordinates: tuple[str, ...]


@dataclass(frozen=True)
class Command:
    """``:solve method=CVODE``: the word after the colon, and the rest as typed; ``column``: where the rest begins."""

    name: str
    arguments: str
    column: int


@dataclass(frozen=True)
class Python:
    """Text that is left to Python."""

    code: str


Statement = (
    Equations | Reactions | Value | Definition | ConditionText | Initial | Interval | Expression | Command | Python
)
