"""Operators of text models: ``dt``, ``dxx``, ``dxy``, ``d(u, x, 3)``, ``laplacian``, ``div``, ``grad``, ``curl``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from symnum.errors import ModelError, TermError
from symnum.expr.calculus import diff
from symnum.expr.integral import integral
from symnum.expr.term import Const, Symbol, Term
from symnum.model import vector
from symnum.model.suffix import split_suffix as split_suffix
from symnum.model.vector import Vector

Operator = Callable[..., Any]
VECTOR_OPERATORS = ("laplacian", "div", "grad", "curl")


def operators(coordinates: Mapping[str, Symbol]) -> Callable[[str], Operator | None]:
    """name -> operator (None: not an operator) for the declared coordinates."""

    def find(name: str) -> Operator | None:
        if name == "d":
            return _d
        if name == "integral":
            return _integral
        if name in VECTOR_OPERATORS:
            return _named(getattr(vector, name))
        ways = split_suffix(name, coordinates)
        if not ways:
            return None
        if len(ways) > 1:
            return _ambiguous(name, ways)
        return _derivative([coordinates[c] for c in ways[0]])

    return find


def _derivative(along: list[Symbol]) -> Operator:
    def operator(*args: Any) -> Any:
        if len(args) != 1:
            raise TermError(f"takes 1 argument, {len(args)} given; write d(u, x, 2) for other forms")
        if isinstance(args[0], Vector):
            return Vector(tuple(diff(a, *along) for a in args[0]), args[0].coordinates)
        return diff(_term(args[0]), *along)

    return operator


def _d(*args: Any) -> Term:
    """``d(u, x)``, ``d(u, x, 2)``, ``d(u, x, y)``."""
    if len(args) < 2:
        raise TermError("needs an expression and a coordinate: write d(u, x) or d(u, x, 2)")
    variables: list[Any] = []
    for a in args[1:]:
        if isinstance(a, Const):
            if type(a.value) is not int or not variables or not 1 <= a.value <= 20:
                raise TermError(
                    f"the order of a derivative is a whole number from 1 to 20 after its coordinate, not {a}; write "
                    "d(u, x, 2)"
                )
            variables.append(a.value)
        elif isinstance(a, Symbol) and a.kind == "coordinate":
            variables.append(a)
        else:
            raise TermError(f"differentiates along coordinates, not {a}; write d(u, x)")
    return diff(_term(args[0]), *variables)


def _term(value: Any) -> Term:
    if not isinstance(value, Term):
        raise TermError("takes one expression, not a list or a vector")
    return value


def _integral(*args: Any) -> Term:
    """``integral(u, x)``, ``integral(u, x, y)``."""
    if len(args) < 2:
        raise TermError("needs an expression and a coordinate: write integral(u, x)")
    return integral(_term(args[0]), *args[1:])


def _named(function: Operator) -> Operator:
    def operator(*args: Any) -> Any:
        if len(args) != 1:
            raise TermError(f"takes 1 argument, {len(args)} given")
        try:
            return function(args[0])
        except ModelError as error:
            raise TermError(str(error)) from None

    return operator


def _ambiguous(name: str, ways: list[tuple[str, ...]]) -> Operator:
    offers = " or ".join(f"d(u, {', '.join(way)})" for way in ways[:3])

    def operator(*args: Any) -> Any:
        raise TermError(f"{name!r} can be read as {offers}; write the one you mean")

    return operator
