"""Reactions as users write them -> the parts of a network: one symbol a name, species in order, parameters with their values."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from symnum.errors import ModelError, UnknownName, did_you_mean
from symnum.expr.calculus import substitute
from symnum.expr.names import CoordinateInfo, ParameterInfo, is_time
from symnum.expr.term import ONE, ZERO, Symbol, Term
from symnum.expr.walk import postorder, symbols
from symnum.model.field import parameter_value
from symnum.model.naming import listed, to_term
from symnum.model.network_rates import NetworkParts, Row
from symnum.model.rate_laws import FULL, MASS_ACTION, RateLaw

_LINE = "Write sn.Reaction(k, {A: 1, B: 1}, {C: 1})."


@dataclass(frozen=True, init=False)
class Reaction:
    """``reactants -> products`` at a rate: ``sn.Reaction(k, {A: 1, B: 1}, {C: 1})`` is A + B -> C with v = k*A*B.

    Args:
        rate: the rate constant k of v = k * prod(reactant**count); any term of species, parameters and time is allowed (a functional rate). With
            ``mass_action=False`` the rate v itself: ``sn.Reaction(Vmax*S/(Km + S), {S: 1}, {P: 1}, mass_action=False)``.
        reactants, products: species -> whole number of molecules; None or {} for nothing (synthesis, degradation).

    There are no hidden factors: 2 A -> B runs at k*A**2 and takes two A each time. Raises ModelError for other counts and keys.
    """

    rate: Term
    reactants: dict[Symbol, int]
    products: dict[Symbol, int]
    mass_action: bool

    def __init__(self, rate: Any, reactants: Any = None, products: Any = None, *, mass_action: bool = True) -> None:
        put = object.__setattr__
        put(self, "rate", to_term(rate, "the rate of a reaction", _LINE))
        put(self, "reactants", _side(reactants, "reactants"))
        put(self, "products", _side(products, "products"))
        put(self, "mass_action", bool(mass_action))
        if not self.reactants and not self.products:
            raise ModelError(f"the reaction with rate {self.rate} has neither reactants nor products. {_LINE}")

    @property
    def flux(self) -> Term:
        """The rate v, reactants included."""
        law = RateLaw(MASS_ACTION if self.mass_action else FULL, (self.rate,))
        return law.flux([s for s, n in self.reactants.items() for _ in range(n)])

    def __str__(self) -> str:
        arrow = "->" if self.mass_action else "=>"
        return f"{side_text(self.reactants)} {arrow} {side_text(self.products)}, {self.rate}"

    __repr__ = __str__


def side_text(side: Mapping[Symbol, int]) -> str:
    """``2 A + B``; ``0`` for nothing."""
    return " + ".join(s.name if n == 1 else f"{n} {s.name}" for s, n in side.items()) or "0"


def _whole(count: Any) -> Any:
    """A whole number of NumPy as Python's; anything else as it is."""
    return int(count) if not isinstance(count, bool) and hasattr(count, "__index__") else count


def _side(given: Any, what: str) -> dict[Symbol, int]:
    if given is None:
        return {}
    if isinstance(given, Term):
        given = {given: 1}
    if not isinstance(given, Mapping):
        raise ModelError(f"the {what} of a reaction are {given!r}, expected species with their numbers. {_LINE}")
    made: dict[Symbol, int] = {}
    for key, count in given.items():
        species = to_term(key, f"a species among the {what} of a reaction", _LINE)
        if not isinstance(species, Symbol) or species.kind != "field":
            kind = species.kind if isinstance(species, Symbol) else "expression"
            raise ModelError(
                f"the {kind} {species} stands among the {what} of a reaction, expected a species: "
                f'A = sn.field("A", (t,)). {_LINE}'
            )
        count = _whole(count)
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise ModelError(
                f"the number of {species.name} among the {what} of a reaction is {count!r}, expected a whole number such as 1 or 2. {_LINE}"
            )
        if count:
            made[species] = count
    return made


def reaction_objects(parts: NetworkParts, rows: Iterable[Row]) -> list[Reaction]:
    """Rows as ``Reaction`` objects; laws other than mass action with their full rates."""
    made = []
    for number, reactants, products in rows:
        law = parts.laws[number]
        left, right = ([parts.species[s] for s in side] for side in (reactants, products))
        plain = law.kind == MASS_ACTION
        rate = law.factor * law.constants[0] if plain else law.flux(left)
        made.append(Reaction(rate, dict(Counter(left)), dict(Counter(right)), mass_action=plain))
    return made


@dataclass
class Stated:
    """What the user passed to ``ReactionNetwork``."""

    reactions: list[Reaction]
    species: Any = None
    initial: Any = None
    parameters: Any = None
    observables: Any = None
    fixed: Any = ()
    names: dict[str, Symbol] = field(default_factory=dict)

    def parts(self) -> NetworkParts:
        """Everything resolved and checked. Raises ModelError in the words of the model."""
        self._check_reactions()
        species = self._species()
        time = _time(species)
        self.names = {s.name: s for s in (*species, time)}
        given = mapping(self.parameters, "parameters", "{k: 0.1}")
        self._declare(k for k in given if isinstance(k, Symbol))
        self._declare(s for value in given.values() if isinstance(value, Term) for s in symbols(value, "parameter"))
        self._declare(s for r in self.reactions for s in symbols(r.rate, "parameter"))
        laws, rows = self._rows(species)
        initial = self._initial(species)
        observables = {
            _name(key): self._own(to_term(value, f"the observable {key}"), f"the observable {_name(key)}")
            for key, value in mapping(self.observables, "observables", '{"total": A + B}').items()
        }
        free, definitions = self._parameters(given)
        fixed = frozenset(self._known(s, species, "fixed") for s in _several(self.fixed))
        labels = tuple(s.name for s in species)
        return NetworkParts(species, labels, time, laws, rows, initial, free, definitions, observables, {}, fixed)

    def _check_reactions(self) -> None:
        if not self.reactions:
            raise ModelError(f"the network has no reaction. {_LINE}")
        for n, reaction in enumerate(self.reactions, 1):
            if not isinstance(reaction, Reaction):
                raise ModelError(
                    f"reaction {n} is {reaction!r} of type {type(reaction).__name__}, expected sn.Reaction(...); "
                    "text goes through sn.ReactionNetwork.from_text"
                )

    def _species(self) -> tuple[Symbol, ...]:
        used = dict.fromkeys(s for r in self.reactions for s in (*r.reactants, *r.products))
        stated = tuple(used) if self.species is None else tuple(_several(self.species))
        for s in stated:
            if not isinstance(s, Symbol) or s.kind != "field":
                raise ModelError(f'species holds {s!r}, expected fields of time: A, B = sn.fields("A B", (t,))')
        for s in used:
            if s not in stated:
                near = did_you_mean(s.name, [x.name for x in stated])
                raise ModelError(
                    f"a reaction holds {s.name}, which is not among the species.{near} Add it to species=[...]"
                )
        for s in stated:
            if s.info.coordinates and s.name == s.info.coordinates[0].name:
                raise ModelError(f"the name {s.name!r} stands for a species and for time; rename the species")
            if sum(x.name == s.name for x in stated) > 1 and len({x for x in stated if x.name == s.name}) > 1:
                raise ModelError(f"two species have the name {s.name}; rename one of them")
            if len(s.info.coordinates) != 1 or not is_time(s.info.coordinates[0]):
                on = ", ".join(c.name for c in s.info.coordinates)
                raise ModelError(
                    f"the species {s.name} depends on {on}; species of a network depend on time alone. For reactions in space write "
                    "sn.PDESystem([sn.Eq(sn.dt(u), D*sn.laplacian(u) + ...)], ...)"
                )
        return tuple(dict.fromkeys(stated))

    def _declare(self, found: Iterable[Symbol]) -> None:
        for symbol in found:
            other = self.names.setdefault(symbol.name, symbol)
            if other is not symbol:
                kinds = "parameter" if other.kind == "parameter" else f"{other.kind} and a parameter"
                raise ModelError(
                    f"the name {symbol.name!r} stands for two different things ({kinds}); rename one, or give values by parameters="
                )

    def _own(self, term: Term, where: str) -> Term:
        """The term with plain symbols matched by name; ModelError for what a network cannot hold."""
        loose = {s: self.names[s.name] for s in symbols(term, "symbol") if s.name in self.names}
        term = substitute(term, loose) if loose else term
        for node in postorder((term,)):
            if node.op in ("derivative", "integral"):
                raise ModelError(f"{where} holds {node}; rates are functions of amounts, parameters and time")
            if not isinstance(node, Symbol):
                continue
            if node.kind == "parameter":
                self._declare([node])
            elif self.names.get(node.name) is not node:
                near = did_you_mean(node.name, self.names)
                raise ModelError(
                    f"{where} holds {node.name}, which is no species, parameter or time of the network.{near} "
                    f'Write {node.name} = sn.parameter("{node.name}", 1.0), or use it in a reaction'
                )
        return term

    def _rows(self, species: tuple[Symbol, ...]) -> tuple[tuple[RateLaw, ...], tuple[Row, ...]]:
        number = {s: i for i, s in enumerate(species)}
        laws: dict[RateLaw, int] = {}
        rows = []
        for n, reaction in enumerate(self.reactions, 1):
            rate = self._own(reaction.rate, f"the rate of reaction {n} ({reaction})")
            law = RateLaw(MASS_ACTION if reaction.mass_action else FULL, (rate,), ONE)
            sides = [
                tuple(number[s] for s, count in side.items() for _ in range(count))
                for side in (reaction.reactants, reaction.products)
            ]
            rows.append((laws.setdefault(law, len(laws)), sides[0], sides[1]))
        return tuple(laws), tuple(rows)

    def _known(self, key: Any, species: tuple[Symbol, ...], what: str) -> Symbol:
        name = getattr(key, "name", key)
        for s in species:
            if s is key or (s.name == name and (isinstance(key, str) or key.kind == "symbol")):
                return s
        names = [s.name for s in species]
        raise ModelError(
            f"{what} names {name!r}, which is no species of the network.{did_you_mean(str(name), names)} "
            f"Species: {listed(names[:12])}{', ...' if len(names) > 12 else ''}"
        )

    def _initial(self, species: tuple[Symbol, ...]) -> dict[Symbol, Term]:
        made: dict[Symbol, Term] = dict.fromkeys(species, ZERO)
        for key, value in mapping(self.initial, "initial", "{A: 1.0}").items():
            s = self._known(key, species, "initial")
            made[s] = self.amount(s, value)
        return made

    def amount(self, species: Symbol, value: Any) -> Term:
        """An initial amount as a term of parameters. Raises ModelError for anything else."""
        where = f"the initial amount of {species.name}"
        term = self._own(to_term(value, where, f"Write initial={{{species.name}: 1.0}}."), where)
        held = [x for x in symbols(term) if x.kind != "parameter"]
        if held:
            raise ModelError(f"{where} ({term}) holds {held[0].name}; it is a number or a formula in the parameters")
        if term.op == "const" and not math.isfinite(term.data[0]):
            raise ModelError(f"{where} is {term.data[0]}, expected a finite number")
        return term

    def _parameters(self, given: Mapping[Any, Any]) -> tuple[dict[Symbol, float], dict[Symbol, Term]]:
        """Free parameters with their values, and the definitions of the others in an order that can be computed."""
        stated: dict[Symbol, Any] = {}
        for key, value in given.items():
            symbol = self.names.get(_name(key))
            if symbol is None or symbol.kind != "parameter":
                known = [n for n, s in self.names.items() if s.kind == "parameter"]
                raise UnknownName(
                    f"parameters names {_name(key)!r}, which no reaction holds.{did_you_mean(_name(key), known)} "
                    f"Parameters: {listed(known) or 'none'}"
                )
            stated[symbol] = value
        written: dict[Symbol, Term] = {}
        for symbol, value in stated.items():
            if isinstance(value, Term) and symbols(value):
                where = f"the definition of the parameter {symbol.name}"
                written[symbol] = self._own(value, where)
                other = next((s for s in symbols(written[symbol]) if s.kind != "parameter"), None)
                if other is not None:
                    raise ModelError(f"{where} ({value}) holds {other.name}; it may hold parameters alone")
        free = {}
        for name, symbol in self.names.items():
            if symbol.kind == "parameter" and symbol not in written:
                value = stated.get(symbol, symbol.info.default)
                if value is None:
                    raise ModelError(f'the parameter {name} has no value; write parameters={{"{name}": 1.0}}')
                free[symbol] = parameter_value(name, value)
        return free, in_order(written)


def in_order(definitions: Mapping[Symbol, Term]) -> dict[Symbol, Term]:
    """Definitions sorted so that each follows those it needs. ModelError where they go in a circle."""
    from graphlib import CycleError, TopologicalSorter

    graph = {s: [x for x in symbols(term) if x in definitions] for s, term in definitions.items()}
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError as error:
        circle = " -> ".join(s.name for s in reversed(error.args[1]))
        raise ModelError(f"the parameters define each other in a circle: {circle}; give one of them a number") from None
    return {s: definitions[s] for s in order}


def parameter_symbol(name: str, value: float | None) -> Symbol:
    """A parameter symbol for any name (names in files need not be Python identifiers that users type)."""
    return Symbol(name, "parameter", ParameterInfo(value))


def time_symbol(name: str = "t") -> Symbol:
    """The time coordinate."""
    return Symbol(name, "coordinate", CoordinateInfo("time"))


def _time(species: tuple[Symbol, ...]) -> Symbol:
    times = list(dict.fromkeys(s.info.coordinates[0] for s in species))
    if len(times) > 1:
        raise ModelError(
            f"the species have the time coordinates {listed([t.name for t in times])}; a model has one time"
        )
    time: Symbol = times[0]
    return time


def _several(given: Any) -> list[Any]:
    if isinstance(given, (Term, str)):
        return [given]
    if not isinstance(given, Iterable):
        raise ModelError(f'{given!r} is no list of species; write [A, B] with A, B = sn.fields("A B", (t,))')
    return list(given)


def mapping(given: Any, what: str, example: str) -> Mapping[Any, Any]:
    """What was given, if it is a mapping; None is an empty one. Else ModelError."""
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise ModelError(f"{what}={given!r} is no mapping; write {what}={example}")
    return given


def _name(key: Any) -> str:
    return str(getattr(key, "name", key))
