"""Conditions and initial data: ``u = 0 @ x=0``, ``∂x u(x=1) = 2``, ``x(0) = 1``, ``u(0, t) = u(1, t) = 0``, ``∂u/∂n = 0 on ∂Ω``.

A place in time gives initial data, one in space a boundary condition.
"""

from __future__ import annotations

import math

from symnum.errors import ParseError
from symnum.repl.canonical import SUM, Writer
from symnum.repl.nodes import Node, walk
from symnum.repl.places import Place
from symnum.repl.scope import Scope
from symnum.repl.statement_kinds import ConditionText, Formula, Initial
from symnum.repl.values import constant


def stated(tree: Node, place: Place, scope: Scope, inside: dict[int, Place]) -> ConditionText | Initial:
    """One equation at one place."""
    if tree.kind != "equals":
        raise scope.fail("a condition is an equation: u = 0 @ x=0", tree.position)
    left, right = tree.args
    side = _side(place, scope) if _holds_normal(tree) else ""
    writer = Writer(scope, inside, normal=(place.coordinate, side))
    if place.coordinate == scope.known.time:
        _check_start(place, scope)
        return Initial(writer.formula(left, " = ", right), _field_of(left, scope))
    if _holds_normal(tree) and not side and not (right.kind == "number" and right.text == "0"):
        raise scope.fail(
            f"which way is outward here? Say the interval first, {place.coordinate} in (0, 1), or write @ upper({place.coordinate})",
            place.position,
        )
    if place.value is None:
        return ConditionText(writer.formula(left, " = ", right, f" @ {place.side}({place.coordinate})"))
    at = Writer(scope, values=True).formula(place.value, need=SUM)
    return ConditionText(_joined(writer.formula(left, " = ", right, f" @ {place.coordinate}="), at))


def _joined(first: Formula, second: Formula) -> Formula:
    short = first.short + str(second) if first.short else ""
    return Formula(str(first) + str(second), first.typed, (*first.columns, *second.columns), short)


def _field_of(left: Node, scope: Scope) -> str:
    for node in walk(left):
        if node.kind == "name":
            index = scope.index_of(node.text, node.position)
            return scope.canonical(index[0] if index else node.text)
    raise scope.fail("initial data are given as u(t=0) = ...", left.position)


def _holds_normal(tree: Node) -> bool:
    return any(a.text == "n" for node in walk(tree) for a in node.along)


def _ends(coordinate: str, scope: Scope) -> tuple[float, float] | None:
    """The bounds of a coordinate as numbers; None where they are not known."""
    bounds = scope.known.domain.get(coordinate)
    if bounds is None:
        return None
    try:
        low, high = (_number(text) for text in bounds)
    except ParseError:
        return None
    return low, high


def _number(text: str) -> float:
    """A bound as a number; plain numbers need no grammar (and no NumPy)."""
    try:
        return float(text)
    except ValueError:
        pass
    from symnum.errors import SymnumError
    from symnum.expr.parse import parse
    from symnum.model.numeric import evaluate

    try:
        return float(evaluate(parse(text)))
    except (SymnumError, TypeError) as error:
        raise ParseError(f"{text!r} is no constant", text) from error


def _side(place: Place, scope: Scope) -> str:
    """Which end of its coordinate the place is, "" where that is not known."""
    ends = _ends(place.coordinate, scope)
    if place.side or place.value is None or ends is None:
        return place.side
    at = constant(place.value, scope)
    near = [
        side
        for side, end in zip(("lower", "upper"), ends, strict=True)
        if math.isclose(at, end, rel_tol=1e-12, abs_tol=1e-15)
    ]
    return near[0] if near else ""


def _check_start(place: Place, scope: Scope) -> None:
    """Initial data belong to the lower end of time."""
    c = place.coordinate
    if place.side == "upper":
        raise scope.fail(f"initial data belong to the start, not to the end; write @ {c}=0", place.position)
    if place.value is None:
        return
    start = scope.known.domain.get(c, ("0", ""))[0]
    if constant(place.value, scope) != _number(start):
        at = Writer(scope, values=True).formula(place.value)
        raise scope.fail(
            f"initial data belong to the start, {c}={start}; to start at {at}, write {c} in ({at}, ...)", place.position
        )


def chain(tree: Node, inside: dict[int, Place], scope: Scope) -> list[ConditionText | Initial]:
    """An equation, or ``u(0, t) = u(1, t) = 0``, whose places stand in it."""
    rows = [(side, [inside[id(n)] for n in walk(side) if id(n) in inside]) for side in tree.args]
    keys = {_key(p, scope) for _, found in rows for p in found}
    if len(keys) == 1:
        place = next(p for _, found in rows for p in found)
        return [
            stated(Node("equals", "=", (side, rows[-1][0]), side.position), place, scope, inside)
            for side, _ in rows[:-1]
        ]
    last, at_last = rows[-1]
    if at_last:
        return [_periodic(tree, keys, scope)]
    made = []
    for side, found in rows[:-1]:
        if len({_key(p, scope) for p in found}) != 1:
            raise scope.fail(
                "each side of this equation must be at one place; write one condition a place: u = 0 @ x=0",
                side.position,
            )
        made.append(stated(Node("equals", "=", (side, last), side.position), found[0], scope, inside))
    return made


def _key(place: Place, scope: Scope) -> tuple[str, str]:
    value = str(Writer(scope, values=True).formula(place.value)) if place.value is not None else place.side
    return place.coordinate, value


def _periodic(tree: Node, keys: set[tuple[str, str]], scope: Scope) -> ConditionText:
    """``u(0, t) = u(1, t)``: the sides are joined."""
    along = {coordinate for coordinate, _ in keys}
    coordinate = min(along)
    bounds = scope.known.domain.get(coordinate)
    whole = bounds is None or {value for _, value in keys} == set(bounds)
    if len(along) == 1 and len(keys) == 2 and len(tree.args) == 2 and coordinate != scope.known.time and whole:
        return ConditionText(Formula(f"periodic {coordinate}", scope.typed, (tree.position,) * (9 + len(coordinate))))
    raise scope.fail(
        "an equation between values at two places; sides that are joined are written: periodic x", tree.position
    )
