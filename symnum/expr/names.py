"""What belongs to the identity of a name: coordinates, fields, parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symnum.expr.term import Symbol, Term


@dataclass(frozen=True)
class CoordinateInfo:
    """``role``: "time" or "space"."""

    role: str
    units: str = ""


@dataclass(frozen=True)
class FieldInfo:
    """An unknown function of ``coordinates``; ``dtype`` "float64" or "complex128"."""

    coordinates: tuple[Symbol, ...]
    dtype: str = "float64"
    units: str = ""


@dataclass(frozen=True)
class ParameterInfo:
    """A symbol with a default value (None: must be given) and units."""

    default: Any = None
    units: str = ""


def depends_on(symbol: Term, coordinate: Term) -> bool:
    """True if the symbol is the coordinate or a field that is a function of it."""
    if symbol is coordinate:
        return True
    return isinstance(symbol, Symbol) and symbol.kind == "field" and coordinate in symbol.info.coordinates


def is_time(symbol: Term) -> bool:
    """True for the time coordinate."""
    return isinstance(symbol, Symbol) and symbol.kind == "coordinate" and symbol.info.role == "time"


def varies(term: Term, coordinate: Term) -> bool:
    """True if a term changes along a coordinate: it holds it, or a field of it, outside integrals along it."""
    stack, seen = [term], {term}
    while stack:
        node = stack.pop()
        if depends_on(node, coordinate):
            return True
        if node.op == "integral" and node.args[1] is coordinate:
            continue
        new = [a for a in node.args if a not in seen]
        seen.update(new)
        stack.extend(new)
    return False
