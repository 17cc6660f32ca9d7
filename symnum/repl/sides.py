"""Which side of which coordinate a condition is about, and the intervals that follow from conditions where none was typed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from symnum.errors import ParseError, SymnumError

if TYPE_CHECKING:
    from symnum.repl.draft import Draft

PERIODIC = re.compile(r"(?:anti)?periodic\s+(.*)")
_FACE = re.compile(r"(lower|upper)\s*\(\s*(\w+)\s*\)$")
_POINT = re.compile(r"(\w+)\s*=\s*(.+)$")


def constant(text: str) -> float:
    """The value of a constant such as ``2*pi``. Raises ParseError, ModelError."""
    from symnum.expr.parse import parse
    from symnum.model.numeric import evaluate

    return float(evaluate(parse(text)))


def axes_of(text: str) -> list[str]:
    """The coordinates whose sides a condition is about: ``u = 0 @ x=0`` -> x, ``periodic x y`` -> x, y."""
    match = PERIODIC.match(text)
    if match:
        return match[1].replace(",", " ").split()
    found = re.match(r"(?:(?:lower|upper)\s*\(\s*)?(\w+)", text.rpartition(" @ ")[2].strip())
    return [found[1]] if found else []


def point_of(text: str) -> tuple[str, str] | None:
    """(coordinate, value as text) of a condition at a point, ``@ x=0``; None for the others."""
    match = _POINT.match(text.rpartition(" @ ")[2].strip()) if " @ " in text else None
    return (match[1], match[2].strip()) if match else None


def interval(draft: Draft, coordinate: str) -> tuple[str, str]:
    """The interval that was typed; else from the first to the last place of the conditions; else (0, 1), in time without space (0, 10)."""
    if coordinate in draft.domain:
        low, high = draft.domain[coordinate]
        return str(low), str(high)
    if coordinate == draft.time:
        return "0", "1" if draft.space else "10"
    places: dict[float, str] = {}
    for text in draft.conditions:
        point = point_of(text)
        if point is not None and point[0] == coordinate:
            try:
                places[constant(point[1])] = point[1]
            except SymnumError:
                continue
    if len(places) < 2:
        only = next(iter(places), 0.0)
        places = {0.0: "0", only: places.get(only, "0")} if only not in (0.0, 1.0) else {0.0: "0", 1.0: "1"}
    return places[min(places)], places[max(places)]


def place(draft: Draft, text: str) -> tuple[str, str]:
    """(coordinate, "lower" or "upper", or the place as typed where it is neither)."""
    where = text.rpartition(" @ ")[2].strip()
    face = _FACE.match(where)
    if face:
        return face[2], face[1]
    point = point_of(text)
    if point is None:
        return "", where.replace(" ", "")
    try:
        value = constant(point[1])
        low, high = (constant(bound) for bound in interval(draft, point[0]))
    except SymnumError:
        return point
    return point[0], "lower" if value == low else "upper" if value == high else point[1]


def check(draft: Draft, text: str) -> None:
    """A condition must hold an unknown of the model and stand at a side. ParseError with the place in ``text``."""
    from symnum.repl.draft import names_in

    if PERIODIC.match(text) or draft.empty:
        return
    equation = text.rpartition(" @ ")[0]
    if not set(names_in(equation)) & set(draft.fields):
        known = ", ".join(draft.fields)
        raise ParseError(f"this condition holds no unknown of the model; it has {known}", text, 0)
    point = point_of(text)
    if point is not None and point[0] in draft.domain and place(draft, text)[1] not in ("lower", "upper"):
        name, (low, high) = point[0], draft.domain[point[0]]
        message = f"{name}={point[1]} is no side of {name} in ({low}, {high}); write `@ {name}={low}` or `@ {name}={high}`"
        raise ParseError(f"{message}, or give another interval first", text, len(equation) + 3)
