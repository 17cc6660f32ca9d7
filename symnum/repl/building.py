"""Drafts to systems: what is missing is assumed, and said.

    Draft -> Built(system, arguments of from_text, what was assumed)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from symnum.errors import ModelError, ParseError, did_you_mean
from symnum.repl.draft import Draft, left_side
from symnum.repl.sides import axes_of, constant, interval

if TYPE_CHECKING:
    from symnum.model.system import PDESystem


@dataclass(frozen=True)
class Built:
    """A system, and how it was made.

    ``kind``: "equations" (``PDESystem.from_text(**arguments)``), "reactions" (``ReactionNetwork.from_text(**arguments)``) or "base";
    ``assumed``: lines in the language of the session for what the draft leaves open.
    """

    system: PDESystem
    kind: str
    arguments: dict[str, Any]
    assumed: tuple[str, ...] = ()


def build(draft: Draft) -> Built:
    """The system of a draft. Raises ModelError (ParseError) in the words of the session for what cannot be assumed."""
    if draft.empty:
        raise ModelError("there is no equation yet; type one, such as `u_t = 0.1 u_xx`, or take a model: `:model heat`")
    if draft.base is not None:
        return _from_base(draft, draft.base)
    _check_values(draft)
    return _network(draft) if draft.reactions else _equations(draft)


def _check_values(draft: Draft) -> None:
    parameters = draft.parameters()
    missing = [name for name, value in parameters.items() if value is None]
    if missing:
        near = did_you_mean(missing[0], [*draft.fields, *draft.coordinates, *(n for n, v in parameters.items() if v is not None)])
        line = ", ".join(f"`{name} = 1`" for name in missing[:4])
        are = "s" if len(missing) == 1 else ""
        raise ModelError(f"{', '.join(missing)} need{are} a value: type {line} for instance.{near}")


def _from_base(draft: Draft, base: PDESystem) -> Built:
    system = base
    if draft.domain:
        from symnum.expr.parse import parse
        from symnum.model.space import Domain

        exact: dict[str, Any] = dict(base.domain.exact)
        for name, pair in draft.domain.items():
            if name not in exact:
                raise ModelError(f"{draft.name} has no coordinate {name}.{did_you_mean(name, exact)} It has {', '.join(exact)}")
            exact[name] = tuple(parse(text) for text in pair)
        system = system.replace(domain=Domain(exact, time=base.time.name))
    values = {name: number.value for name, number in draft.values.items() if name in base.parameters}
    return Built(system.with_parameters(**values) if values else system, "base", {})


def _network(draft: Draft) -> Built:
    from symnum.model.reactions import ReactionNetwork

    lower, upper = draft.domain.get(draft.time, ("0", "10"))
    assumed = [] if draft.time in draft.domain else ["t in (0, 10)"]
    initial = {left_side(text): text.partition("=")[2].strip() for text in draft.initial}
    start = {name: _initial_number(name, text) for name, text in initial.items()}
    nothing = [name for name in draft.fields if name not in initial]
    if len(nothing) == len(draft.fields):
        start = dict.fromkeys(nothing, 1.0)
        assumed.append(f"{' = '.join(f'{name}(t=0)' for name in nothing[:4])}{' = ...' if len(nothing) > 4 else ''} = 1")
    elif nothing:
        assumed.append(f"{' = '.join(f'{name}(t=0)' for name in nothing[:4])}{' = ...' if len(nothing) > 4 else ''} = 0")
    arguments = {
        "reactions": "\n".join(draft.reactions),
        "initial": start,
        "t": (constant(lower), constant(upper)),
        "parameters": {name: value for name, value in draft.parameters().items() if value is not None},
    }
    if draft.name:
        arguments["name"] = draft.name
    return Built(ReactionNetwork.from_text(**arguments), "reactions", arguments, tuple(assumed))


def _initial_number(name: str, text: str) -> Any:
    try:
        return constant(text)
    except ParseError:
        return text  # a formula in the parameters


def _equations(draft: Draft) -> Built:
    from symnum.model.text import from_text

    domain, assumed = _domain(draft)
    conditions = list(draft.conditions)
    closed = {c for text in conditions for c in axes_of(text)}
    for c in draft.space:
        if c not in closed:
            conditions.append(f"periodic {c}")
            assumed.append(f"periodic {c}")
    initial = [*draft.initial]
    for text, said in _assumed_initial(draft, domain):
        initial.append(text)
        assumed.append(said)
    parameters = {name: value for name, value in draft.parameters().items() if value is not None}
    arguments: dict[str, Any] = {"equations": list(draft.equations), "domain": domain}
    arguments |= {"conditions": conditions} if conditions else {}
    arguments |= {"initial": initial} | ({"parameters": parameters} if parameters else {})
    arguments |= {"name": draft.name} if draft.name else {}
    arguments |= {"time": draft.time} if draft.time != "t" else {}
    return Built(from_text(**arguments), "equations", arguments, tuple(assumed))


def _domain(draft: Draft) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """All intervals, and those that had to be assumed."""
    made = {c: interval(draft, c) for c in draft.coordinates}
    return made, [f"{c} in ({low}, {high})" for c, (low, high) in made.items() if c not in draft.domain]


def _assumed_initial(draft: Draft, domain: dict[str, tuple[str, str]]) -> list[tuple[str, str]]:
    """Initial data for what evolves and has none, and how to type them: a bump in space, else 1; rates 0."""
    given = {left_side(text) for text in draft.initial}
    start = domain[draft.time][0]
    rows = []
    for name, order in orders_in_time(draft).items():
        if order and name not in given:
            value = _bump(draft.on(name)[1:], domain) if draft.on(name)[1:] else "1"
            rows.append((f"{name} = {value}", f"{name}({draft.time}={start}) = {value}"))
        rate = f"d{draft.time}({name})"
        if order > 1 and rate not in given:
            rows.append((f"{rate} = 0", f"{name}_{draft.time}({draft.time}={start}) = 0"))
    return rows


def _bump(space: tuple[str, ...], domain: dict[str, tuple[str, str]]) -> str:
    """exp(-100 r^2) about the middle, r in lengths of the interval: below 1e-10 at the sides."""
    from symnum.expr.parse import parse
    from symnum.expr.show import plain

    squares: list[tuple[str, str]] = []
    for c in space:
        low, high = (parse(text) for text in domain[c])
        middle = (low + high) / 2
        shift = f" - {_atom(plain(middle))}" if constant(plain(middle)) else ""
        squares.append((plain(100 / (high - low) ** 2), f"({c}{shift})^2" if shift else f"{c}^2"))
    if len({rate for rate, _ in squares}) == 1:
        total = " + ".join(text for _, text in squares)
        return f"exp(-{_atom(squares[0][0])}*{total if len(squares) == 1 else f'({total})'})"
    return f"exp(-{' - '.join(f'{_atom(rate)}*{text}' for rate, text in squares)})"


def _atom(text: str) -> str:
    return f"({text})" if text.startswith("-") or " " in text else text


def orders_in_time(draft: Draft) -> dict[str, int]:
    """Field -> order of its highest derivative in time. Raises ParseError for equations that cannot be read."""
    from symnum.model.field import field as make_field
    from symnum.model.field import parameter
    from symnum.model.operators import operators
    from symnum.model.orders import system_orders
    from symnum.model.space import coordinates
    from symnum.model.text import Scope

    along = {c: coordinates(c, time=c if c == draft.time else "t") for c in draft.coordinates or (draft.time,)}
    symbols = {name: make_field(name, tuple(along[c] for c in draft.on(name))) for name in draft.fields}
    constants = {name: parameter(name, 1.0) for name in draft.parameters()}
    scope = Scope({**along, **constants, **symbols}, operators(along))
    rows = [scope.equation(text, f"equation {number}") for number, text in enumerate(draft.equations, 1)]
    found = system_orders([row.residual for row in rows])
    return {name: found[u, along[draft.time]].order if (u, along[draft.time]) in found else 0 for name, u in symbols.items()}
