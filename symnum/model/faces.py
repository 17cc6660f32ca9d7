"""Boundary conditions put onto the faces of the domain and counted against the equations.

A field of order n in x needs n conditions over the two faces of x together, n/2 at each for even n (diffusion 1 + 1,
KdV 1 + 2 or 2 + 1, advection one at either face); a periodic coordinate needs none (Kreiss & Lorenz, Initial-Boundary
Value Problems, 1989).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from symnum.errors import ModelError, did_you_mean
from symnum.expr.calculus import derivative, linear_coefficients
from symnum.expr.names import depends_on
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder, symbols
from symnum.model.assemble import Parts
from symnum.model.conditions import Condition, FaceCondition, Periodic
from symnum.model.naming import count, listed
from symnum.model.numeric import constant
from symnum.model.orders import Order, derivative_nodes, ordinal, term_orders
from symnum.model.space import Domain, Face
from symnum.model.validate import check_symbols

FaceConditions = dict[Face, tuple[FaceCondition, ...]]


@dataclass(frozen=True)
class Need:
    """What the equations ask of conditions: orders by (field, coordinate), the fields that evolve in time,
    coordinates by name.
    """

    orders: Mapping[tuple[Symbol, Symbol], Order]
    fields: tuple[Symbol, ...]
    time: Symbol
    space: tuple[Symbol, ...]

    def order(self, field: Symbol, coordinate: Symbol) -> int:
        found = self.orders.get((field, coordinate))
        return found.order if found else 0

    def evolves(self, field: Symbol) -> bool:
        return self.order(field, self.time) > 0

    def coordinate(self, name: str) -> Symbol:
        return next(c for c in self.space if c.name == name)


def resolve(parts: Parts, need: Need) -> tuple[FaceConditions, dict[str, int]]:
    """Conditions by face with their fields assigned, and periodic coordinates with their signs.

    Raises ModelError where they do not fit the equations.
    """
    periodic = _periodic(parts, need)
    placed = [_place(c, parts, need, periodic) for c in parts.conditions if isinstance(c, FaceCondition)]
    placed = _assign(placed, need)
    for c in placed:
        _check_linear(c, need)
    for x in need.space:
        if x.name not in periodic:
            pooled = _pooled(placed, x, parts, need)
            for u in need.fields:
                if u in pooled:
                    _check_twice([c for c in placed if c.field is u and c.coordinate == x.name])
                    continue
                _check_count([c for c in placed if c.field is u and c.coordinate == x.name], u, x, need, parts.domain)
    faces = [Face(x.name, side) for x in need.space for side in ("lower", "upper") if x.name not in periodic]
    by_face = {face: tuple(c for c in placed if c.face == face) for face in faces}
    return {face: rows for face, rows in by_face.items() if rows}, periodic


def _periodic(parts: Parts, need: Need) -> dict[str, int]:
    found: dict[str, int] = {}
    for c in parts.conditions:
        if isinstance(c, Periodic):
            _known_coordinate(c.coordinate, c, need)
            if found.get(c.coordinate, c.sign) != c.sign:
                raise ModelError(f"{c.coordinate} is both periodic and antiperiodic; keep one of the two conditions")
            if c.coordinate in found:
                raise ModelError(f"'{c}' is given twice; write it once, it holds for all fields")
            found[c.coordinate] = c.sign
    return found


def _known_coordinate(name: str, condition: Condition, need: Need) -> None:
    names = [c.name for c in need.space]
    if name == need.time.name:
        raise ModelError(
            f"the condition '{condition}': {name} is time, not a face; values at the start belong in initial={{u: ...}}"
        )
    if name not in names:
        have = f"the spatial coordinates are {', '.join(names)}" if names else "the model has no spatial coordinate"
        raise ModelError(f"the condition '{condition}' names {name!r}; {have}.{did_you_mean(name, names)}")


def _place(c: FaceCondition, parts: Parts, need: Need, periodic: Mapping[str, int]) -> FaceCondition:
    """The condition with its face and exact place, its symbols checked."""
    _known_coordinate(c.coordinate, c, need)
    if c.coordinate in periodic:
        raise ModelError(
            f"the condition '{c}' is on {c.coordinate}, which is periodic and has no faces; remove it or "
            f"sn.periodic({c.coordinate})"
        )
    check_symbols((c.equation.lhs, c.equation.rhs), lambda: f"the condition '{c}'", parts)
    face = _face(c, parts.domain)
    for f in symbols(c.equation.residual, "field"):
        if f not in need.fields:
            names = [g.name for g in need.fields]
            raise ModelError(
                f"the condition '{c}' holds the field {f.name}, which no equation "
                f"determines.{did_you_mean(f.name, names)} Fields: {', '.join(names)}"
            )
    return replace(c, face=face, place=parts.domain.location(face))


def _face(c: FaceCondition, domain: Domain) -> Face:
    if isinstance(c.location, str):
        return Face(c.coordinate, c.location)
    low, high = domain.bounds[c.coordinate]
    exact = domain.exact[c.coordinate]
    value = constant(c.location)
    if value is not None:
        for side, end in (("lower", low), ("upper", high)):
            if abs(value - end) <= 1e-9 * (high - low):
                return Face(c.coordinate, side)
    x = c.coordinate
    raise ModelError(
        f"the condition '{c}': {x}={c.location} is not a face of {x} in [{exact[0]}, {exact[1]}]; "
        f"write at={{{x}: {exact[0]}}} or at={{{x}: {exact[1]}}} (or at=sn.lower({x}), at=sn.upper({x}))"
    )


# --- which field a condition determines ------------------------------------------------------------


def _assign(placed: list[FaceCondition], need: Need) -> list[FaceCondition]:
    """Give general conditions their field: the only one they hold, else the one that still lacks most conditions
    there.
    """
    made = list(placed)
    open_rows = [i for i, c in enumerate(made) if c.field is None]
    open_rows.sort(key=lambda i: len(_candidates(made[i], need)))
    for i in open_rows:
        c = made[i]
        candidates = _candidates(c, need)
        lack = {f: need.order(f, need.coordinate(c.coordinate)) - _given(made, f, c.coordinate) for f in candidates}
        here = {f: sum(1 for other in made if other.field is f and other.face == c.face) for f in candidates}
        first = symbols(c.equation.lhs, "field")
        made[i] = replace(
            c, field=max(candidates, key=lambda f: (lack[f] > 0, -here[f], lack[f], f in first, -candidates.index(f)))
        )
    return made


def _given(rows: list[FaceCondition], field: Symbol, coordinate: str) -> int:
    return sum(1 for c in rows if c.field is field and c.coordinate == coordinate)


def _candidates(c: FaceCondition, need: Need) -> list[Symbol]:
    x = need.coordinate(c.coordinate)
    found = [f for f in need.fields if f in symbols(c.residual, "field") and depends_on(f, x)]
    if not found:
        names = listed([f.name for f in need.fields if depends_on(f, x)], "or")
        raise ModelError(
            f"the condition '{c}' holds no field that depends on {c.coordinate}, so it says nothing; write an equation "
            f"for {names}"
        )
    return found


def _check_linear(c: FaceCondition, need: Need) -> None:
    """Each condition is linear in its field and the field's derivatives, with a coefficient that is not zero.

    For fields of second order the normal derivative alone will do (``D(u)*dx(u) = q``, ``dx(u) = -u^4``).
    """
    field = c.field
    assert field is not None
    x = need.coordinate(c.coordinate)
    residual = c.residual
    if not depends_on(field, x):
        raise ModelError(
            f"the condition '{c}' is on {c.coordinate}, but {field.name} does not depend on {c.coordinate}"
        )
    _check_place(c, field, need)
    if any(need.time in node.args[1:] for node in derivative_nodes(residual)):
        raise ModelError(
            f"the condition '{c}' holds a derivative in time: not supported yet; write it with {field.name} and its "
            "derivatives in space"
        )
    unknowns = [n for n in postorder((residual,)) if n is field or (n.op == "derivative" and n.args[0] is field)]
    split = linear_coefficients(residual, unknowns)
    if split is None or any(field in symbols(k) for k in split[0].values()):
        split = _linear_in_slope(residual, field, x) if need.order(field, x) == 2 else None
    if split is None:
        raise ModelError(
            f"the condition '{c}' is not linear in {field.name}; solve it for {field.name} or its normal derivative, "
            f"e.g. dx({field.name}) = ..."
        )
    if all(k.op == "const" and k.data[0] == 0 for k in split[0].values()):
        raise ModelError(
            f"the condition '{c}' does not depend on {field.name}, so it says nothing about it; write e.g. "
            f"sn.dirichlet({field.name}, 0, at={{{c.where.replace('=', ': ')}}})"
        )
    own = term_orders(residual).get((field, x), 0)
    order = need.order(field, x)
    if own >= order > 0:
        raise ModelError(
            f"the condition '{c}' holds a {ordinal(own)} derivative in {x.name}, but the equations have order {order} "
            f"in {x.name} for {field.name}; "
            f"conditions go up to the {ordinal(order - 1)} derivative"
        )


def _linear_in_slope(residual: Term, field: Symbol, x: Symbol) -> tuple[dict[Term, Term], Term] | None:
    """The condition as coefficient*normal derivative + rest, both of which may hold the field; None if it is not linear."""
    slope = derivative(field, {x: 1})
    split = linear_coefficients(residual, [slope])
    return split if split is not None and slope in split[0] else None


def _check_place(c: FaceCondition, field: Symbol, need: Need) -> None:
    """A condition varies along no coordinate that its field does not depend on."""
    own = field.info.coordinates
    for s in symbols(c.residual):
        for x in (s,) if s.kind == "coordinate" else s.info.coordinates if s.kind == "field" else ():
            if x in own:
                continue
            through = f"{s.name}, which varies along {x.name}" if s.kind == "field" else x.name
            names = ", ".join(k.name for k in own)
            known = x is need.time or x in need.space
            line = f'write sn.field("{field.name}", ({names}, {x.name}))' if known else "write a parameter or a number"
            raise ModelError(
                f"the condition '{c}' holds {through}, but {field.name} depends on {names} alone; {line}, or leave "
                f"{s.name} out"
            )


# --- counting ------------------------------------------------------------


def _check_count(rows: list[FaceCondition], u: Symbol, x: Symbol, need: Need, domain: Domain) -> None:
    order = need.order(u, x)
    _check_twice(rows)
    if len(rows) < order:
        raise ModelError(_too_few(rows, u, x, need, domain))
    if len(rows) > order:
        raise ModelError(_too_many(rows, u, x, need))
    at = {side: [c for c in rows if c.face == Face(x.name, side)] for side in ("lower", "upper")}
    sizes = sorted(len(found) for found in at.values())
    if order > 1 and need.evolves(u) and sizes != [order // 2, order - order // 2]:
        low, high = domain.exact[x.name]
        split = (
            f"{order // 2} at each end"
            if order % 2 == 0
            else f"{order // 2} at one end and {order - order // 2} at the other"
        )
        raise ModelError(
            f"{_reason(u, x, need)}, so {x.name} needs {split}; given: {len(at['lower'])} at {x.name}={low} and "
            f"{len(at['upper'])} at "
            f"{x.name}={high}. Move one to at={{{x.name}: {high if len(at['lower']) > len(at['upper']) else low}}}"
        )


def _pooled(placed: list[FaceCondition], x: Symbol, parts: Parts, need: Need) -> set[Symbol]:
    """Fields of coupled first-order equations that have as many conditions together as they need together.

    u_t = v_x, v_t = u_x (sound, light): the conditions belong to waves, not to fields, so u may be given at both faces and
    v at none.
    """
    first = [u for u in need.fields if need.order(u, x) == 1 and need.evolves(u)]
    groups = {u: {u} for u in first}
    for equation in parts.equations:
        nodes = derivative_nodes(equation.residual)
        rates = {f for n in nodes if need.time in n.args[1:] for f in symbols(n, "field")}
        slopes = {f for n in nodes if x in n.args[1:] for f in symbols(n, "field")}
        joined = set().union(*(groups[u] for u in (rates | slopes) & set(first)))
        if rates & set(first) and slopes - rates:
            groups.update(dict.fromkeys(joined, joined))
    return {
        u
        for u, group in groups.items()
        if len(group) > 1 and sum(_given(placed, f, x.name) for f in group) == len(group)
    }


def _check_twice(rows: list[FaceCondition]) -> None:
    seen: set[tuple[Face | None, Term]] = set()
    for c in rows:
        key = (c.face, c.residual)
        if key in seen:
            raise ModelError(f"the condition '{c}' is given twice; write it once")
        seen.add(key)


def _reason(u: Symbol, x: Symbol, need: Need) -> str:
    found = need.orders.get((u, x))
    if found is None:
        return f"{u.name} has no derivatives in {x.name}"
    return f"{u.name} has {ordinal(found.order)} derivatives in {x.name} (equation {found.equation})"


def _too_few(rows: list[FaceCondition], u: Symbol, x: Symbol, need: Need, domain: Domain) -> str:
    order = need.order(u, x)
    places = f" ({listed(dict.fromkeys(c.where for c in rows))})" if rows else ""
    given = f"{len(rows) or 'none'} {'was' if len(rows) == 1 else 'were'} given{places}"
    low, high = domain.exact[x.name]
    free = high if rows and all(c.face == Face(x.name, "lower") for c in rows) else low
    return (
        f"{_reason(u, x, need)}, so {x.name} needs {count(order, 'condition')} on {u.name}; {given}. "
        f"Add e.g. sn.dirichlet({u.name}, 0, at={{{x.name}: {free}}}) or sn.periodic({x.name})"
    )


def _too_many(rows: list[FaceCondition], u: Symbol, x: Symbol, need: Need) -> str:
    order = need.order(u, x)
    listing = "; ".join(f"'{c}'" for c in rows)
    needs = f"needs {count(order, 'condition')}" if order else "needs no condition"
    given = f"{len(rows)} were given: {listing}"
    return f"{_reason(u, x, need)}, so {x.name} {needs} on {u.name}; {given}. Remove {len(rows) - order}"
