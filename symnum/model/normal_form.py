"""Normal form: first order in time, solved for the rates.

    equations  ->  dt(u_i) = rate_i(fields, spatial derivatives, t, x, parameters),     0 = algebraic_j(...)

A field of second order in time gets a velocity field: dt(u) = u_t, dt(u_t) = (the equation solved for dtt(u)). Rates
keep spatial derivatives as written (flux form stays flux form); nothing is expanded in space.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from symnum.errors import ModelError
from symnum.expr.calculus import derivative, solve_linear, substitute, total_derivative
from symnum.expr.integral import integrals_as_fields
from symnum.expr.names import FieldInfo
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder, symbols, transform
from symnum.model.naming import count, listed
from symnum.model.orders import derivative_nodes
from symnum.model.space import Face

if TYPE_CHECKING:
    from symnum.model.system import PDESystem


@dataclass(frozen=True)
class NormalForm:
    """First-order form of a system.

    Attributes:
        fields: state fields: those of the system that evolve, each followed by its velocity where it is second order;
            then algebraic ones.
        rates: evolving field -> its derivative in time, with spatial derivatives as nodes and parameters as symbols.
        algebraic: field without a derivative in time -> residual that is zero.
        initial: state field -> term, array or callable (algebraic fields: only where the user gave one).
        face_conditions: face -> (field, residual) pairs, complete for all state fields.
        origin: state field -> where it comes from, in words ("equation 1", "dt(u)").
        observed: field that is no state -> its value in terms of states, time and parameters (differential-algebraic systems).
    """

    fields: tuple[Symbol, ...]
    rates: dict[Symbol, Term]
    algebraic: dict[Symbol, Term]
    initial: dict[Symbol, Any]
    face_conditions: dict[Face, tuple[tuple[Symbol, Term], ...]]
    origin: dict[Symbol, str]
    observed: dict[Symbol, Term] = field(default_factory=dict)


def normal_form(system: PDESystem) -> NormalForm:
    """The first-order form of a system. Raises ModelError, naming the equation, where it cannot be solved for the
    time derivatives.
    """
    time = system.time
    order = {u: (o.order if (o := system.orders.get((u, time))) else 0) for u in system.fields}
    velocities = _velocities(system, order)
    top = {u: derivative(u, {time: n}) for u, n in order.items() if n}
    residuals = [
        in_time_derivatives(e.residual, number, time, velocities, order)
        for number, e in enumerate(system.equations, 1)
    ]
    solved, rest, origin = _solve(residuals, top)
    rates: dict[Symbol, Term] = {}
    for u in top:
        if u in velocities:
            rates[u], rates[velocities[u]] = velocities[u], solved[u]
            origin[velocities[u]], origin[u] = origin[u], f"the definition {velocities[u].name} = dt({u.name})"
        else:
            rates[u] = solved[u]
    algebraic = _algebraic([u for u in system.fields if not order[u]], rest, residuals, origin)
    _check_coordinates(rates, system)
    initial = {velocities[k.args[0]] if k.op == "derivative" else k: v for k, v in system.initial.items()}  # type: ignore[index]
    faces = {face: _face_rows(rows, velocities, time) for face, rows in system.face_conditions.items()}
    return NormalForm((*rates, *algebraic), rates, algebraic, initial, faces, origin)  # type: ignore[arg-type]


def _velocities(system: PDESystem, order: dict[Symbol, int]) -> dict[Symbol, Symbol]:
    taken = {s.name for s in (*system.fields, system.time, *system.space)} | set(system.parameters)
    made: dict[Symbol, Symbol] = {}
    for u, n in order.items():
        if n == 2:
            name = f"{u.name}_{system.time.name}"
            while name in taken:
                name += "_"
            taken.add(name)
            units = f"{u.info.units}/{system.time.info.units}" if u.info.units and system.time.info.units else ""
            made[u] = Symbol(name, "field", FieldInfo(u.info.coordinates, u.info.dtype, units))
    return made


def in_time_derivatives(
    residual: Term, number: int, time: Symbol, velocities: dict[Symbol, Symbol], order: dict[Symbol, int]
) -> Term:
    """Time derivatives act on fields alone; lower ones of second-order fields become velocities."""

    def rule(node: Term) -> Term | None:
        if node.op != "derivative" or time not in node.args[1:]:
            return None
        inner = node.args[0]
        orders = dict(zip(node.args[1:], node.data, strict=True))
        if len(orders) == 1 and inner.op != "symbol":  # dt(u^2): the chain rule
            term = inner
            for _ in range(orders[time]):
                term = total_derivative(term, time)
            return transform(term, rule)
        if isinstance(inner, Symbol) and inner in velocities and orders[time] == 1:
            space = {c: n for c, n in orders.items() if c is not time}
            return derivative(velocities[inner], space)  # type: ignore[arg-type]
        if len(orders) > 1:
            raise ModelError(
                f"equation {number} holds the mixed derivative {node} in time and space, which is not supported; "
                "write the expression below dt as a field of its own, or solve the equation for the time derivative"
            )
        return None

    made = transform(residual, rule)
    for node in postorder((made,)):
        if node.op == "integral" and any(time in inner.args[1:] for inner in derivative_nodes(node)):
            raise ModelError(
                f"equation {number} holds {node}, an integral of a time derivative, which is not supported; write the "
                "integral of what that derivative equals"
            )
    for node in derivative_nodes(made):
        for inner in derivative_nodes(node.args[0]):
            if time in inner.args[1:]:
                raise ModelError(
                    f"equation {number} holds {node}, a spatial derivative of a time derivative, which is not "
                    "supported; "
                    "write the expression inside as a field of its own"
                )
    return made


# --- solving for the highest time derivatives ------------------------------------------------------------


def _solve(
    residuals: Sequence[Term], top: dict[Symbol, Term]
) -> tuple[dict[Symbol, Term], list[int], dict[Symbol, str]]:
    """Rates, the numbers of equations without time derivatives, and the origin of each rate; coupled equations are
    solved together.
    """
    unknown_of = {node: u for u, node in top.items()}
    holds: dict[int, list[Symbol]] = {}
    rest: list[int] = []
    for number, residual in enumerate(residuals, 1):
        found = [unknown_of[n] for n in derivative_nodes(residual) if n in unknown_of]
        if found:
            holds[number] = found
        else:
            rest.append(number)
    solved: dict[Symbol, Term] = {}
    origin: dict[Symbol, str] = {}
    for numbers, unknowns in _components(holds, top):
        named = f"equation{'s' if len(numbers) > 1 else ''} {listed([str(n) for n in numbers])}"
        result = _solve_group([residuals[n - 1] for n in numbers], [top[u] for u in unknowns], named)
        solved.update(zip(unknowns, result, strict=True))
        origin.update(dict.fromkeys(unknowns, named))
    return solved, rest, origin


def _solve_group(residuals: list[Term], nodes: list[Term], named: str) -> list[Term]:
    """The time derivatives that make the residuals zero."""
    n, m = len(residuals), len(nodes)
    if n != m:
        names = listed([str(node) for node in nodes])
        raise ModelError(
            f"{named} hold{'s' if n == 1 else ''} {count(m, 'time derivative')} ({names}) for {count(n, 'equation')}; "
            "add or "
            "remove one"
        )
    result = solve_linear(residuals, nodes)
    if result is None:
        names = listed([str(node) for node in nodes])
        raise ModelError(
            f"{named} cannot be solved for {names}: {'it is' if n == 1 else 'they are'} not linear in the time "
            "derivatives, or singular. "
            f"Write sn.Eq({_as_typed(nodes[0])}, ...) with no time derivative on the right"
        )
    return result


def _as_typed(node: Term) -> str:
    return f"sn.dt({node.args[0]}{', 2' if node.data[0] == 2 else ''})"


def _components(holds: dict[int, list[Symbol]], order: Iterable[Symbol]) -> list[tuple[list[int], list[Symbol]]]:
    """Groups of equations that share time derivatives, by union-find on the fields; fields in the given order."""
    place = {u: i for i, u in enumerate(order)}
    parent: dict[Symbol, Symbol] = {}

    def root(u: Symbol) -> Symbol:
        while parent.setdefault(u, u) is not u:
            parent[u] = parent[parent[u]]
            u = parent[u]
        return u

    for found in holds.values():
        for u in found[1:]:
            parent[root(u)] = root(found[0])
    groups: dict[Symbol, tuple[list[int], dict[Symbol, None]]] = {}
    for number, found in holds.items():
        numbers, fields = groups.setdefault(root(found[0]), ([], {}))
        numbers.append(number)
        fields.update(dict.fromkeys(found))
    return [(numbers, sorted(fields, key=place.__getitem__)) for numbers, fields in groups.values()]


def _algebraic(
    fields: list[Symbol], numbers: list[int], residuals: Sequence[Term], origin: dict[Symbol, str]
) -> dict[Symbol, Term]:
    """Match the remaining equations with the fields that have no time derivative: augmenting paths, derivatives
    preferred.
    """
    wishes: dict[int, list[Symbol]] = {}
    for number in numbers:
        residual = residuals[number - 1]
        differentiated = {f for node in derivative_nodes(residual) for f in symbols(node, "field")}
        wishes[number] = sorted(
            (f for f in symbols(residual, "field") if f in fields), key=lambda f: (f not in differentiated, f.name)
        )
    owner: dict[Symbol, int] = {}

    def place(number: int, seen: set[Symbol]) -> bool:
        for f in wishes[number]:
            if f not in seen:
                seen.add(f)
                if f not in owner or place(owner[f], seen):
                    owner[f] = number
                    return True
        return False

    for number in numbers:
        if not place(number, set()):
            known = listed([f.name for f in fields]) or "none"
            advice = (
                "; if it is a constraint, the index is higher than one: differentiate it in time until one of these fields "
                "appears, and write that equation in its place"
            )
            raise ModelError(
                f"equation {number} has no time derivative and no field left to determine (fields without a time "
                f"derivative: {known}){advice if fields else ''}"
            )
    missing = [f.name for f in fields if f not in owner]
    if missing:
        raise ModelError(f"no equation determines {listed(missing)}; write sn.Eq(sn.dt({missing[0]}), ...)")
    for f in fields:
        origin[f] = f"equation {owner[f]}"
    return {f: residuals[owner[f] - 1] for f in fields}


def _check_coordinates(rates: dict[Symbol, Term], system: PDESystem) -> None:
    """A field cannot depend on fewer coordinates than its rate."""
    space = set(system.space)
    for u, rate in rates.items():
        own = set(u.info.coordinates)
        if space <= own:
            continue
        for s in symbols(integrals_as_fields((rate,))[0][0]):
            needed = [s] if s.kind == "coordinate" else list(s.info.coordinates) if s.kind == "field" else []
            for c in needed:
                if c in space and c not in own:
                    names = ", ".join(x.name for x in u.info.coordinates)
                    raise ModelError(
                        f"{u.name} depends on ({names}), but its rate holds {s.name}, which varies along {c.name}; "
                        f'write {u.name} = sn.field("{u.name}", ({names}, {c.name}))'
                    )


# --- conditions ------------------------------------------------------------


def _face_rows(rows: Sequence[Any], velocities: dict[Symbol, Symbol], time: Symbol) -> tuple[tuple[Symbol, Term], ...]:
    """Residuals by field; the time derivative of each serves the velocity."""
    made: list[tuple[Symbol, Term]] = []
    for c in rows:
        made.append((c.field, c.residual))
        if c.field in velocities:
            made.append((velocities[c.field], _differentiated(c, velocities, time)))
    return tuple(made)


def _differentiated(c: Any, velocities: dict[Symbol, Symbol], time: Symbol) -> Term:
    residual = total_derivative(c.residual, time)
    table: dict[Term, Term] = {}
    for node in derivative_nodes(residual):
        if time not in node.args[1:]:
            continue
        u = node.args[0]
        orders = {x: n for x, n in zip(node.args[1:], node.data, strict=True) if x is not time}
        if not isinstance(u, Symbol) or u not in velocities:
            raise ModelError(
                f"the condition '{c}' holds {u}, whose time derivative would be needed on the face; not supported for "
                "fields of first order in time"
            )
        table[node] = derivative(velocities[u], orders)  # type: ignore[arg-type]
    return substitute(residual, table) if table else residual
