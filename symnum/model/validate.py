"""Is the model well posed as written? Equations, unknowns, coordinates and parameters (conditions: ``faces``, start:
``initial``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from symnum.errors import ModelError, did_you_mean
from symnum.expr.integral import coordinates_of
from symnum.expr.names import is_time
from symnum.expr.term import ZERO, Symbol, Term
from symnum.expr.walk import postorder, symbols
from symnum.model.assemble import Parts
from symnum.model.conditions import FaceCondition
from symnum.model.equation import Eq
from symnum.model.field import parameter_value
from symnum.model.naming import count, listed
from symnum.model.suffix import split_suffix


def find_fields(equations: Sequence[Eq]) -> tuple[Symbol, ...]:
    """The unknowns in order of first appearance: left sides first, then right sides, by name within one side."""
    found: dict[Symbol, None] = {}
    for side in (*(e.lhs for e in equations), *(e.rhs for e in equations)):
        found.update(dict.fromkeys(sorted(symbols(side, "field"), key=lambda s: s.name)))
    return tuple(found)


def check_equations(parts: Parts, fields: tuple[Symbol, ...]) -> None:
    """Equations exist, hold known symbols and supported operators, and are as many as the unknowns."""
    if not parts.equations:
        raise ModelError("the model has no equation; write sn.PDESystem([sn.Eq(sn.dt(u), ...)], ...)")
    for number, equation in enumerate(parts.equations, 1):
        check_symbols((equation.lhs, equation.rhs), partial(_named, number, equation), parts, integrals=True)
        if not symbols((equation.lhs, equation.rhs), "field"):
            raise ModelError(
                f"equation {number} ({_brief(equation)}) holds no field, so it determines nothing; remove it or write "
                "sn.dt(u)"
            )
    _check_statements(parts.equations)
    _check_count(parts.equations, fields)


def _check_statements(equations: Sequence[Eq]) -> None:
    """No equation says nothing (``u = u``) or the same as another one."""
    seen: dict[Term, int] = {}
    for number, equation in enumerate(equations, 1):
        residual = equation.residual
        if not symbols(residual, "field"):
            said = "0 = 0, which holds always" if residual is ZERO else f"{residual} = 0, which holds no field"
            raise ModelError(
                f"{_named(number, equation)} comes to {said}; write the equation that determines a field, e.g. "
                "sn.Eq(sn.dt(u), ...)"
            )
        for same in (residual, equation.rhs - equation.lhs):
            if same in seen:
                raise ModelError(
                    f"{_named(number, equation)} says the same as equation {seen[same]}; remove one of the two, or write "
                    "the one that is missing"
                )
        seen[residual] = number


def _check_count(equations: Sequence[Eq], fields: tuple[Symbol, ...]) -> None:
    n, m = len(equations), len(fields)
    if n == m:
        return
    names = listed([f.name for f in fields])
    if n > m:
        raise ModelError(
            f"{count(n, 'equation')} for {count(m, 'field')} ({names}); remove {count(n - m, 'equation')} or use one "
            "field more"
        )
    differentiated = {s for e in equations for s in symbols(e.lhs, "field")}
    lonely = [f.name for f in fields if f not in differentiated] or [fields[-1].name]
    for u, v in ((u, v) for u in fields for v in fields if v.name.startswith(f"{u.name}_")):
        if split_suffix("d" + v.name.removeprefix(f"{u.name}_"), {c.name: c for c in u.info.coordinates}):
            raise ModelError(
                f"{count(n, 'equation')} for {count(m, 'field')} ({names}): {v.name} is a field of its own here; the "
                f"derivative of {u.name} is written d{v.name.removeprefix(u.name + '_')}({u.name}) in text, sn.dt({u.name}) or "
                f"sn.diff({u.name}, ...) in Python"
            )
    raise ModelError(
        f"{count(n, 'equation')} for {count(m, 'field')} ({names}); {listed(lonely, 'or')} has no equation of its own. "
        f'Add e.g. sn.Eq(sn.dt({lonely[0]}), ...), or make it a parameter: {lonely[0]} = sn.parameter("{lonely[0]}", '
        "1.0)"
    )


def _named(number: int, equation: Eq) -> str:
    return f"equation {number} ({_brief(equation)})"


def _brief(equation: Eq) -> str:
    from symnum.expr.show import plain

    return f"{plain(equation.lhs, limit=60)} = {plain(equation.rhs, limit=90)}"


def check_symbols(terms: tuple[Term, ...], where: Callable[[], str], parts: Parts, integrals: bool = False) -> None:
    """Every symbol is a coordinate, field or parameter, and there are no integrals unless allowed; else ModelError with near names."""
    for node in postorder(terms):
        if node.op == "integral" and not integrals:
            names = ", ".join(c.name for c in coordinates_of(node)) or "t"
            raise ModelError(
                f"{where()} holds {node}: integrals stand in equations only. Make it a field with an equation of its "
                f'own, m = sn.field("m", ({names},)) and sn.Eq(m, sn.{node}), and write m here'
            )
        if (
            isinstance(node, Symbol)
            and node.kind not in ("coordinate", "field", "parameter")
            and node.name != "outward"
        ):
            near = did_you_mean(node.name, parts.names)
            raise ModelError(
                f"{where()} holds the unknown symbol {node.name!r}.{near} Declare it: "
                f'{node.name} = sn.parameter("{node.name}", 1.0), or give its value: parameters={{"{node.name}": 1.0}}'
            )


def find_time(parts: Parts, fields: tuple[Symbol, ...]) -> Symbol:
    """The time coordinate; ModelError when no field depends on time or nothing is differentiated in it."""
    times = [s for s in parts.names.values() if is_time(s)]
    used = [c for f in fields for c in f.info.coordinates]
    if not any(c in used for c in times):
        names = list(dict.fromkeys(c.name for c in used))
        guess = names[0] if names else "t"
        raise ModelError(
            f"no field depends on time: the coordinates are {', '.join(names)}, and time is the one named 't'. "
            'Write t, x = sn.coordinates("t x") and sn.field("u", (t, x)), or name it: '
            f'sn.coordinates("{" ".join(names)}", time="{guess}"). For a state at rest add sn.dt(u) to the equation: sn.steady(system)'
        )
    if len(times) > 1:
        raise ModelError(
            f"two time coordinates, {listed([c.name for c in times])}; a model has one time. "
            f'Write sn.coordinates("... {times[0].name}", time="{times[0].name}") and rename the other'
        )
    return times[0]


def check_coordinates(parts: Parts, fields: tuple[Symbol, ...], time: Symbol) -> tuple[Symbol, ...]:
    """The spatial coordinates of the fields, after checking that fields, equations and domain agree on them."""
    of_fields = list(dict.fromkeys(c for f in fields for c in f.info.coordinates))
    names = [c.name for c in of_fields]
    for c in of_fields:
        if c.name not in parts.domain.bounds:
            have = ", ".join(parts.domain.bounds)
            owner = next(f for f in fields if c in f.info.coordinates)
            raise ModelError(
                f"the field {owner.name} depends on {c.name}, which has no bounds in the domain (it has {have})."
                f"{did_you_mean(c.name, set(parts.domain.bounds) - set(names))} Write sn.Domain({c.name}=(0, 1), ...)"
            )
    for c in of_fields:
        low, high = parts.domain.bounds[c.name]
        if c is not time and not 1e-60 < high - low < 1e60:
            raise ModelError(
                f"the interval of {c.name} is {high - low:.3g} long; powers of a spacing like that are no numbers of the "
                f"machine. Choose a unit of {c.name} in which it is nearer to 1, e.g. sn.Domain({c.name}=(0, 1), ...)"
            )
    for name in parts.domain.bounds:
        if name not in names:
            raise ModelError(
                f"the domain has bounds for {name!r}, but no field depends on it (coordinates: {', '.join(names)})."
                f"{did_you_mean(name, names)} Remove {name}=... from the domain or make a field depend on it"
            )
    for number, equation in enumerate(parts.equations, 1):
        for c in symbols((equation.lhs, equation.rhs), "coordinate"):
            if c not in of_fields:
                raise ModelError(
                    f"equation {number} ({_brief(equation)}) holds {c.name}, but no field depends on it (they depend "
                    f"on {', '.join(names)})"
                )
    return tuple(c for c in of_fields if c is not time)


def parameter_values(parts: Parts) -> tuple[dict[str, float], dict[str, Symbol]]:
    """name -> value and name -> symbol of all parameters the model uses or was given as symbols."""
    used: list[Term] = [s for e in parts.equations for s in (e.lhs, e.rhs)]
    used += [s for c in parts.conditions if isinstance(c, FaceCondition) for s in (c.equation.lhs, c.equation.rhs)]
    used += [v for v in parts.initial.values() if isinstance(v, Term)]
    found = {s.name: s for s in sorted({*symbols(used, "parameter"), *parts.stated}, key=lambda s: s.name)}
    for name in parts.given:
        if name not in found:
            kind = parts.names[name].kind if name in parts.names else ""
            listing = f"the model's parameters are {', '.join(found)}" if found else "the model has no parameters"
            raise ModelError(
                f"parameters= gives a value for {name!r}, "
                f"{f'which is a {kind}' if kind else 'which the model does not hold'}; {listing}."
                f"{did_you_mean(name, found)}"
            )
    values: dict[str, float] = {}
    for name, symbol in found.items():
        value = parts.given.get(name, symbol.info.default)
        if value is None:
            raise ModelError(
                f'the parameter {name} has no value; write parameters={{"{name}": 1.0}} in the system, or give it a '
                "default: "
                f'{name} = sn.parameter("{name}", 1.0)'
            )
        values[name] = parameter_value(name, value)
    return values, found
