"""Boundary conditions: equations that hold on a face, and periodic coordinates.

``at`` names the face: ``{x: 0}`` by its place, ``sn.lower(x)`` / ``sn.upper(x)`` by its side. The outward normal
derivative is du/dn = -du/dx on the lower face and +du/dx on the upper one; until the face is known it is written
``OUTWARD * du/dx``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from symnum.errors import ModelError
from symnum.expr.calculus import diff, expand_derivatives, substitute
from symnum.expr.term import Const, Symbol, Term
from symnum.expr.walk import fold
from symnum.model.equation import Eq
from symnum.model.naming import is_sympy, to_term
from symnum.model.space import Face, spatial_symbol

#: The sign of the outward normal, put to -1 or +1 when the face is known.
OUTWARD = Symbol("outward", "symbol", "sign of the outward normal")


@dataclass(frozen=True)
class FaceCondition:
    """An equation that holds on one face.

    Attributes:
        kind: "dirichlet", "neumann", "robin" or "general".
        equation: as written; OUTWARD stands for the sign of the outward normal.
        coordinate: name of the coordinate across the face.
        location: where, as a constant term, or "lower" / "upper".
        field: the field it determines (None for a general condition, until a system assigns it).
        face, place: the face and its exact location, known inside a system.
    """

    kind: str
    equation: Eq
    coordinate: str
    location: Term | str
    field: Symbol | None = None
    face: Face | None = None
    place: Term | None = None

    @property
    def residual(self) -> Term:
        """lhs - rhs on the face: derivatives act on fields alone, the face's coordinate is replaced by its place
        outside them.
        """
        if self.face is None or self.place is None:
            return self.equation.residual
        term = substitute(self.equation.residual, {OUTWARD: Const(self.face.outward)})
        return at_place(term, self.coordinate, self.place)

    @property
    def where(self) -> str:
        """The face as people write it: ``x=0``, or ``lower(x)`` while its place is not known."""
        if self.place is not None:
            return f"{self.coordinate}={self.place}"
        return (
            f"{self.location}({self.coordinate})"
            if isinstance(self.location, str)
            else f"{self.coordinate}={self.location}"
        )

    def __str__(self) -> str:
        equation = self.equation
        if self.face is not None:
            sign = {OUTWARD: Const(self.face.outward)}
            equation = Eq(substitute(equation.lhs, sign), substitute(equation.rhs, sign))
        return f"{equation} @ {self.where}"


def at_place(term: Term, coordinate: str, place: Term) -> Term:
    """Put the place for the coordinate everywhere but below derivatives, which come to act on fields alone."""

    def step(node: Term, args: list[Term]) -> Term:
        if node.op == "derivative":
            return node
        if isinstance(node, Symbol):
            return place if node.kind == "coordinate" and node.name == coordinate else node
        from symnum.expr.term import rebuild

        return node if all(a is b for a, b in zip(args, node.args, strict=True)) else rebuild(node, tuple(args))

    return fold(expand_derivatives(term), step)


@dataclass(frozen=True)
class Periodic:
    """All fields repeat along a coordinate; ``sign`` -1: with the opposite sign (antiperiodic)."""

    coordinate: str
    sign: int = 1

    def __str__(self) -> str:
        return f"{'anti' if self.sign < 0 else ''}periodic {self.coordinate}"


Condition = FaceCondition | Periodic


def dirichlet(u: Any, value: Any, *, at: Any) -> FaceCondition:
    """``u = value`` on a face.

    Args:
        value: a number or term of time, the other coordinates, parameters and other fields, in the units of u.
        at: the face, ``{x: 0}`` by its place, or ``sn.lower(x)``, ``sn.upper(x)``.

    Raises ModelError for what is no field and no face, and inside a system for a face that is not there.
    """
    name, location, _ = _face(at, "dirichlet")
    u = _field(u, "dirichlet")
    return FaceCondition("dirichlet", Eq(u, _value(value, "dirichlet")), name, location, u)


def neumann(u: Any, value: Any, *, at: Any) -> FaceCondition:
    """``du/dn = value`` on a face, n the outward normal: du/dn = -du/dx at the lower end, du/dx at the upper one.

    Args:
        value: a number or term of time, the other coordinates, parameters and other fields, in the units of u over those of x.
        at: the face, see ``sn.dirichlet``.

    Raises ModelError as ``sn.dirichlet``.
    """
    name, location, x = _face(at, "neumann")
    u = _field(u, "neumann")
    return FaceCondition("neumann", Eq(OUTWARD * _along(u, name, x), _value(value, "neumann")), name, location, u)


def robin(u: Any, a: Any, b: Any, value: Any, *, at: Any) -> FaceCondition:
    """``a*u + b*du/dn = value`` on a face, n the outward normal; a, b and value are numbers or terms.

    Args:
        at: the face, see ``sn.dirichlet``.

    Raises ModelError as ``sn.dirichlet``.
    """
    name, location, x = _face(at, "robin")
    u = _field(u, "robin")
    normal = OUTWARD * _along(u, name, x)
    left = _value(a, "robin") * u + _value(b, "robin") * normal
    return FaceCondition("robin", Eq(left, _value(value, "robin")), name, location, u)


def condition(equation: Any, *, at: Any) -> FaceCondition:
    """Any equation that is linear in a field and its derivatives, in any algebraic arrangement, on a face.

    For fields of second order in space the normal derivative alone will do (``D(u)*dx(u) = q``); that needs ``scheme="finite_volume"``.

    Args:
        equation: ``sn.Eq(left, right)`` or a SymPy ``Eq``; derivatives along the axes, not along the normal.
        at: the face, see ``sn.dirichlet``.

    Raises ModelError for what is no equation and no face.
    """
    if not isinstance(equation, Eq):
        if is_sympy(equation):
            equation = Eq.from_sympy(equation)
        else:
            raise ModelError(
                f"condition takes an equation, got {equation!r}; write sn.condition(sn.Eq(sn.diff(u, x), -2*u), "
                f"at={{x: 0}})"
            )
    name, location, _ = _face(at, "condition")
    return FaceCondition("general", equation, name, location)


def periodic(coordinate: Any) -> Periodic:
    """All fields repeat along the coordinate: ``u(x + L) = u(x)``, both ends are the same point. Raises ModelError for time."""
    return Periodic(spatial_symbol(coordinate, "sn.periodic").name)


def antiperiodic(coordinate: Any) -> Periodic:
    """All fields repeat along the coordinate with the opposite sign: ``u(x + L) = -u(x)``. Raises ModelError for time."""
    return Periodic(spatial_symbol(coordinate, "sn.antiperiodic").name, -1)


def _field(u: Any, what: str) -> Symbol:
    line = f"Write sn.{what}(u, ..., at={{x: 0}}) with a field u."
    term = to_term(u, f"the first argument of {what}", line)
    if not isinstance(term, Symbol) or term.kind != "field":
        kind = f"the {term.kind} {term.name}" if isinstance(term, Symbol) else f"the expression {term}"
        raise ModelError(
            f"{what} takes a field, got {kind}; for other equations write sn.condition(sn.Eq(left, right), at={{x: 0}})"
        )
    return term


def _value(value: Any, what: str) -> Term:
    return to_term(value, f"a value of {what}", f"Write sn.{what}(u, ..., at={{x: 0}}) with numbers or terms.")


def _along(u: Symbol, name: str, x: Symbol | None) -> Term:
    """du/dx for the field's own coordinate of this name."""
    own = next((c for c in u.info.coordinates if c.name == name), None)
    if own is None or (x is not None and x.kind == "coordinate" and own is not x):
        raise ModelError(
            f"{u} does not depend on {name}; its coordinates are {', '.join(c.name for c in u.info.coordinates)}"
        )
    return diff(u, own)


def _face(at: Any, what: str) -> tuple[str, Term | str, Symbol | None]:
    """``at`` as (coordinate name, location or side, coordinate symbol if given)."""
    if isinstance(at, Face):
        return at.coordinate, at.side, None
    line = "write at={x: 0}, at=sn.lower(x) or at=sn.upper(x)"
    if not isinstance(at, Mapping):
        raise ModelError(f"at={at!r} of {what} names no face; {line}")
    if len(at) != 1:
        raise ModelError(
            f"at={at!r} of {what} names {len(at)} coordinates; a face is where one coordinate ends: {line}"
        )
    ((key, location),) = at.items()
    if isinstance(key, str):
        raise ModelError(
            f"at={at!r} of {what} names the coordinate by the text {key!r}; {line} with the coordinate itself"
        )
    x = spatial_symbol(key, f"at= of {what}") if not _is_time(key) else _refuse_time(key, what)
    if location in ("lower", "upper"):
        return x.name, str(location), x
    return x.name, to_term(location, f"the place {x.name} of a face", f"Write at={{{x.name}: 0}}."), x


def _is_time(key: Any) -> bool:
    return isinstance(key, Symbol) and key.kind == "coordinate" and key.info.role == "time"


def _refuse_time(key: Symbol, what: str) -> Symbol:
    raise ModelError(
        f"{what} at {key.name}: {key.name} is time, not a face; values at the start belong in initial={{u: ...}}"
    )
