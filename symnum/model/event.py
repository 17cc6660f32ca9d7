"""Events: a condition that is watched while a system is solved, and what happens at the moment it is met.

    g(fields, t, parameters) crosses zero at t*      condition: the term g (both directions), or a relation (when it becomes true)
    u(t*+) = value(fields at t*-, t*, parameters)    effect: new values of fields and parameters, the end of the solve, or nothing but a note
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symnum.errors import ModelError, did_you_mean
from symnum.expr.calculus import substitute
from symnum.expr.names import is_time
from symnum.expr.ops import COMPARISONS
from symnum.expr.term import Const, Symbol, Term
from symnum.expr.walk import postorder, symbols
from symnum.model.naming import to_term

if TYPE_CHECKING:
    from symnum.model.system import PDESystem

TERMINATE = "terminate"
_EXAMPLE = 'Write sn.Event(x <= 0, {v: -0.9*v}) or sn.Event(x <= 0, "terminate").'


@dataclass(frozen=True, init=False, eq=False)
class Event:
    """A condition to watch for, and its effect.

    Args:
        condition: a relation such as ``x <= 0`` or ``sn.integral(u, x) >= 2`` (the event is the moment at which it becomes true), or a term
            such as ``x - 1`` (the event is a change of sign, either way). It may hold fields, ``sn.dt`` of fields, time and parameters.
        effect: ``"terminate"`` ends the solve; ``{field: value, parameter: value}`` gives new values, terms in the state just before (for
            fields in space pointwise, coordinates allowed; ``sn.dt(u)`` for the velocity of a second-order equation); a list of these does all
            of them; None only notes the time and state.
        at: where in space the condition is read, ``{x: 0.5}`` (the nearest grid point), for conditions on fields in space.

    Raises ModelError for what is none of these.
    """

    condition: Term
    terminal: bool
    values: dict[Any, Term]
    at: dict[str, float]
    direction: int
    text: str

    def __init__(self, condition: Any, effect: Any = None, at: Mapping[Any, float] | None = None) -> None:
        term, direction, text = _read_condition(condition)
        terminal, values = _read_effect(effect)
        put = object.__setattr__
        for name, value in (("condition", term), ("direction", direction), ("text", text), ("terminal", terminal), ("values", values)):
            put(self, name, value)
        put(self, "at", _read_place(at))

    @property
    def relation(self) -> bool:
        """The condition is a relation: it becomes true in one direction."""
        return self.direction != 0

    def __repr__(self) -> str:
        parts = [f"{_shown(k)}: {v}" for k, v in self.values.items()]
        effects = ([f"{{{', '.join(parts)}}}"] if parts else []) + (["'terminate'"] if self.terminal else [])
        effect = f", {effects[0]}" if len(effects) == 1 else f", [{', '.join(effects)}]" if effects else ""
        return f"Event({self.text}{effect})"


@dataclass(frozen=True)
class Resolved:
    """An event in the terms of one system's normal form.

    ``condition`` and values hold state fields, time and parameters only; ``state``: state field -> new value; ``parameters``: name -> new
    value; ``at``: coordinate name -> position, complete where the condition varies in space, else empty.
    """

    event: Event
    condition: Term
    state: dict[Symbol, Term]
    parameters: dict[str, Term]
    at: dict[str, float]


def resolve_event(event: Any, system: PDESystem) -> Resolved:
    """The event in terms of a system. Raises ModelError in the words of the model."""
    if not isinstance(event, Event):
        raise ModelError(f"an event is given as sn.Event(condition, effect), not {event!r}. {_EXAMPLE}")
    names = _Names(system)
    condition = names.read(event.condition, f"the condition {event.text}")
    state: dict[Symbol, Term] = {}
    parameters: dict[str, Term] = {}
    for key, value in event.values.items():
        what = f"the effect {_shown(key)}: {value}"
        target = names.target(key)
        term = names.read(value, what)
        if target.kind == "parameter":
            _check_uniform(term, what, "a parameter has one value")
            parameters[target.name] = term
        else:
            extra = [c.name for c in _varying(term) if c not in target.info.coordinates]
            if extra:
                raise ModelError(f"{what} depends on {extra[0]}, on which {target.name} does not; take sn.integral(..., {extra[0]})")
            state[target] = term
    return Resolved(event, condition, state, parameters, _place(event, condition, system))


class _Names:
    """What the symbols of an event mean in a system."""

    def __init__(self, system: PDESystem) -> None:
        self.system = system
        self.form = system.normal_form
        self.known = {s.name: s for s in (*self.form.fields, *system.fields, system.time, *system.space)}
        self.known |= dict(system.parameter_symbols)

    def read(self, term: Term, what: str) -> Term:
        """Symbols by name; derivatives in time become rates or velocities, observed fields their definitions."""
        found: dict[Any, Term] = {}
        for symbol in symbols(term):
            meant = self.known.get(symbol.name)
            if meant is None:
                found[symbol] = self._foreign(symbol, what)
            elif meant is not symbol:
                found[symbol] = meant
        if found:
            term = substitute(term, found)
        observed: Mapping[Any, Term] = getattr(self.form, "observed", {})
        if observed:
            term = substitute(term, observed)
        rates = {node: self._rate(node, what) for node in postorder((term,)) if self._in_time(node)}
        return substitute(term, rates) if rates else term

    def target(self, key: Any) -> Symbol:
        """The state field or parameter that an effect sets."""
        if isinstance(key, Term) and self._in_time(key):
            meant: Any = self._rate(key, f"the effect on {key}")
        else:
            name = key if isinstance(key, str) else getattr(key, "name", str(key))
            meant = self.known.get(name)
            if meant is None:
                raise ModelError(
                    f"the effect sets {name}, which is no field or parameter of the model.{did_you_mean(name, self.known)} {_EXAMPLE}"
                )
        if not isinstance(meant, Symbol) or meant.kind not in ("field", "parameter"):
            raise ModelError(
                f"an effect cannot set {_shown(key)}; it sets fields, parameters and velocities (sn.dt of second-order fields). {_EXAMPLE}"
            )
        if meant.kind == "field" and meant not in self.form.rates:
            raise ModelError(f"{meant.name} has no time derivative: its value follows from the equations and no effect can set it. Set the others")
        return meant

    def _in_time(self, node: Term) -> bool:
        return node.op == "derivative" and self.system.time in node.args[1:]

    def _rate(self, node: Term, what: str) -> Term:
        """dt(u): the velocity field of a second-order equation, else the right-hand side."""
        orders = dict(zip(node.args[1:], node.data, strict=True))
        field = node.args[0]
        if len(orders) > 1 or orders[self.system.time] != 1 or field not in self.form.rates:
            raise ModelError(f"{what} holds {node}; of derivatives in time only dt(u) of an evolving field can be watched")
        return self.form.rates[field]

    def _foreign(self, symbol: Symbol, what: str) -> Term:
        default = getattr(symbol.info, "default", None)
        if symbol.kind == "parameter" and default is not None:
            return Const(float(default))
        advice = "give it a value: sn.parameter(name, 1.0)" if symbol.kind == "parameter" else "write the symbols of the model"
        raise ModelError(f"{what} holds {symbol.name}, which the model does not have.{did_you_mean(symbol.name, self.known)} Else {advice}")


def _read_condition(given: Any) -> tuple[Term, int, str]:
    """g, the direction in which it must cross zero, and the text."""
    lhs, rhs = getattr(given, "lhs", None), getattr(given, "rhs", None)
    if isinstance(lhs, Term) and isinstance(rhs, Term):  # sn.Eq(x, 1)
        return lhs - rhs, 0, f"{lhs} = {rhs}"
    term = to_term(given, "the condition of an event", _EXAMPLE)
    if term.op in COMPARISONS:
        a, b = term.args
        if term.op == "ne":
            raise ModelError(f"the condition {term} is true almost always; write sn.Event({a} - {b}, ...) for the moments of equality")
        direction = {"lt": -1, "le": -1, "gt": 1, "ge": 1, "eq": 0}[term.op]
        return _with_field(a - b, str(term)), direction, str(term)
    if term.op in ("and", "or", "not"):
        raise ModelError(f"the condition {term} joins several; give one sn.Event for each relation, with the same effect")
    return _with_field(term, str(term)), 0, str(term)


def _with_field(term: Term, text: str) -> Term:
    if not any(s.kind in ("field", "coordinate") for s in symbols(term)):
        raise ModelError(f"the condition {text} holds neither a field nor time, so nothing ever changes it. {_EXAMPLE}")
    return term


def _read_effect(given: Any) -> tuple[bool, dict[Any, Term]]:
    """Whether the solve ends, and the new values."""
    terminal, values = False, {}
    for effect in given if isinstance(given, (list, tuple)) else [given]:
        if effect is None:
            continue
        if isinstance(effect, str):
            if effect != TERMINATE:
                near = did_you_mean(effect, (TERMINATE,))
                raise ModelError(f"the effect of an event is the text {effect!r}, not 'terminate'.{near} {_EXAMPLE}")
            terminal = True
        elif isinstance(effect, Mapping):
            for key, value in effect.items():
                values[key] = to_term(value, f"the new value of {_shown(key)}", _EXAMPLE)
        else:
            raise ModelError(f"the effect of an event is {effect!r}, not 'terminate', a mapping of new values, or a list of these. {_EXAMPLE}")
    return terminal, values


def _read_place(at: Any) -> dict[str, float]:
    if at is None:
        return {}
    if not isinstance(at, Mapping):
        raise ModelError(f"at={at!r} is no mapping; write at={{x: 0.5}}")
    made = {}
    for key, value in at.items():
        try:
            made[str(getattr(key, "name", key))] = float(value)
        except (TypeError, ValueError):
            raise ModelError(f"at gives {key} the value {value!r}, not a number; write at={{x: 0.5}}") from None
    return made


def _varying(term: Term) -> list[Symbol]:
    """The spatial coordinates that a term varies with (those integrated over left out)."""
    found: dict[Symbol, None] = {}
    memo: dict[Term, frozenset[Symbol]] = {}
    for node in postorder((term,)):
        below = frozenset().union(*(memo[a] for a in node.args)) if node.args else frozenset()
        if isinstance(node, Symbol):
            own = node.info.coordinates if node.kind == "field" else (node,) if node.kind == "coordinate" else ()
            below = frozenset(c for c in own if not is_time(c))
        if node.op == "integral":
            below = frozenset(c for c in below if c not in node.args[1:])
        memo[node] = below
    found.update(dict.fromkeys(sorted(memo[term], key=lambda c: c.name)))
    return list(found)


def _check_uniform(term: Term, what: str, why: str) -> None:
    varying = _varying(term)
    if varying:
        x = varying[0].name
        raise ModelError(f"{what} varies along {x}, but {why}; write sn.integral(..., {x})")


def _place(event: Event, condition: Term, system: PDESystem) -> dict[str, float]:
    """Positions of the coordinates that the condition varies with."""
    names = [c.name for c in _varying(condition)]
    for name, value in event.at.items():
        known = [c.name for c in system.space]
        if name not in known:
            raise ModelError(f"at names {name}, which is no coordinate in space of the model.{did_you_mean(name, known)}")
        low, high = system.domain.bounds[name]
        if not low <= value <= high:
            raise ModelError(f"at={{{name}: {value:g}}} lies outside the domain, {low:g} to {high:g}")
    missing = [name for name in names if name not in event.at]
    if missing:
        x = missing[0]
        raise ModelError(
            f"the condition {event.text} has a value at every {x}; say where it is read, sn.Event(..., at={{{x}: 0.5}}), or take "
            f"one number of it, such as sn.integral(u, {x}) >= 1"
        )
    return {name: event.at[name] for name in names}


def _shown(key: Any) -> str:
    return str(getattr(key, "name", key))
