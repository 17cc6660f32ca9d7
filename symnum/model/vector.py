"""Vector calculus in Cartesian coordinates: dt, grad, div, curl, laplacian.

The spatial coordinates are those of the expression's fields (of the expression itself where it holds no field)::

    grad u = (du/dx, du/dy)        div w = dw_x/dx + dw_y/dy        laplacian u = div grad u
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from symnum.errors import ModelError
from symnum.expr.calculus import diff
from symnum.expr.names import is_time
from symnum.expr.term import Symbol, Term, add, mul
from symnum.expr.walk import symbols
from symnum.model.field import _coordinates, field
from symnum.model.naming import to_term


@dataclass(frozen=True)
class Vector:
    """One component a spatial coordinate; ``w[0]`` or ``w[x]`` is a component. + and - with vectors, * and / with
    scalars.
    """

    components: tuple[Term, ...]
    coordinates: tuple[Symbol, ...]

    def __getitem__(self, which: Any) -> Term:
        if isinstance(which, Term):
            if which not in self.coordinates:
                raise ModelError(
                    f"the vector has no component along {which}; its coordinates are {_names(self.coordinates)}"
                )
            return self.components[self.coordinates.index(which)]
        if not isinstance(which, int) or not -len(self.components) <= which < len(self.components):
            raise IndexError(
                f"component {which!r} of a vector with {len(self.components)} components; write w[0] or w[x]"
            )
        return self.components[which]

    def __iter__(self) -> Iterator[Term]:
        return iter(self.components)

    def __len__(self) -> int:
        return len(self.components)

    def __add__(self, other: Any) -> Vector:
        return self._paired(other, "+", lambda a, b: a + b)

    def __sub__(self, other: Any) -> Vector:
        return self._paired(other, "-", lambda a, b: a - b)

    def __mul__(self, factor: Any) -> Vector:
        scalar = self._scalar(factor, "*")
        return self._each(lambda a: scalar * a)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Vector:
        scalar = self._scalar(divisor, "/")
        return self._each(lambda a: a / scalar)

    def __neg__(self) -> Vector:
        return self._each(lambda a: -a)

    def dot(self, other: Any) -> Term:
        """The scalar product with another vector."""
        return add(self._paired(other, "dot", lambda a, b: mul((a, b))).components)

    def _each(self, function: Callable[[Term], Term]) -> Vector:
        return Vector(tuple(function(a) for a in self.components), self.coordinates)

    def _scalar(self, value: Any, operator: str) -> Term:
        if isinstance(value, Vector):
            raise ModelError(f"'{operator}' between two vectors is not defined; write v.dot(w) for the scalar product")
        return to_term(value, f"the scalar beside '{operator}' of a vector")

    def _paired(self, other: Any, operator: str, function: Callable[[Term, Term], Term]) -> Vector:
        if not isinstance(other, Vector):
            raise ModelError(
                f"'{operator}' between a vector and {other}, which is not a vector; write sn.grad(...) or w[x] for a "
                "component"
            )
        if other.coordinates != self.coordinates:
            raise ModelError(
                f"'{operator}' between vectors along ({_names(self.coordinates)}) and ({_names(other.coordinates)})"
            )
        return Vector(
            tuple(function(a, b) for a, b in zip(self.components, other.components, strict=True)), self.coordinates
        )


def vector_field(name: str, coordinates: Any, *, units: str = "") -> Vector:
    """A vector of fields, one a spatial coordinate: ``w = sn.vector_field("w", (t, x, y))`` has components ``w_x``
    and ``w_y``.
    """
    found = _coordinates(name, coordinates)
    space = tuple(c for c in found if not is_time(c))
    if not space:
        raise ModelError(
            f'the vector field {name} has no spatial coordinate; write sn.vector_field("{name}", (t, x, y))'
        )
    return Vector(tuple(field(f"{name}_{c.name}", found, units=units) for c in space), space)


def dt(expression: Any, order: int = 1) -> Any:
    """The derivative in time, ``dt(u)`` or ``dt(u, 2)``; a vector gives a vector. Raises ModelError where no field depends on time."""
    if isinstance(expression, Vector):
        return expression._each(lambda a: dt(a, order))
    term = to_term(expression, "the argument of dt", "Write sn.dt(u) with a field u.")
    times = [c for c in _all_coordinates(term) if is_time(c)]
    if not times:
        raise ModelError(
            f'dt({term}): no field in it depends on time; write u = sn.field("u", (t, x)) with a time coordinate t'
        )
    if len(times) > 1:
        raise ModelError(f"dt({term}): two time coordinates, {_names(times)}; a model has one time")
    return diff(term, times[0], _order(order))


def _order(order: Any) -> int:
    if not isinstance(order, int) or isinstance(order, bool) or order < 0:
        raise ModelError(
            f"the order of a derivative is 0, 1, 2, ..., not {order!r}; a second derivative in time is sn.dt(u, 2)"
        )
    return order


def grad(expression: Any) -> Vector:
    """The gradient, ``(dw/dx, dw/dy, ...)``: one component a spatial coordinate of the expression's fields.

    Raises ModelError for a vector, and where no field depends on space.
    """
    term = _scalar(expression, "grad")
    space = _space(term, "grad")
    return Vector(tuple(diff(term, c) for c in space), space)


def div(vector: Any) -> Term:
    """The divergence ``dw_x/dx + dw_y/dy + ...`` of a vector: ``div(D*grad(u))``. Raises ModelError for what is no vector."""
    if not isinstance(vector, Vector):
        raise ModelError(
            f"div takes a vector, got {vector}; write sn.div(D*sn.grad(u)) or sn.div(w) with w = sn.vector_field(...)"
        )
    return add(diff(component, c) for component, c in zip(vector.components, vector.coordinates, strict=True))


def curl(vector: Any) -> Any:
    """The curl: a vector in three dimensions, the scalar dw_y/dx - dw_x/dy in two."""
    if not isinstance(vector, Vector) or len(vector) not in (2, 3):
        size = f"a vector with {len(vector)} components" if isinstance(vector, Vector) else str(vector)
        raise ModelError(
            f'curl takes a vector in 2 or 3 dimensions, got {size}; write w = sn.vector_field("w", (t, x, y))'
        )
    w, c = vector.components, vector.coordinates
    if len(vector) == 2:
        return diff(w[1], c[0]) - diff(w[0], c[1])
    pairs = ((1, 2), (2, 0), (0, 1))
    return Vector(tuple(diff(w[j], c[i]) - diff(w[i], c[j]) for i, j in pairs), c)


def laplacian(expression: Any) -> Any:
    """The sum of second derivatives along the spatial coordinates; of a vector, component by component (Cartesian)."""
    if isinstance(expression, Vector):
        return expression._each(lambda a: add(diff(a, c, 2) for c in expression.coordinates))
    term = _scalar(expression, "laplacian")
    return add(diff(term, c, 2) for c in _space(term, "laplacian"))


def _scalar(expression: Any, what: str) -> Term:
    if isinstance(expression, Vector):
        raise ModelError(f"{what} takes a scalar, got a vector; write [sn.{what}(a) for a in w]")
    return to_term(expression, f"the argument of {what}", f"Write sn.{what}(u) with a field u.")


def _all_coordinates(term: Term) -> list[Symbol]:
    """Coordinates of the fields, else those written in the expression, in order of first appearance."""
    found = symbols(term)
    own = [c for s in sorted((s for s in found if s.kind == "field"), key=lambda s: s.name) for c in s.info.coordinates]
    return list(dict.fromkeys(own or [s for s in found if s.kind == "coordinate"]))


def _space(term: Term, what: str) -> tuple[Symbol, ...]:
    space = tuple(c for c in _all_coordinates(term) if not is_time(c))
    if not space:
        raise ModelError(
            f'{what}({term}): no field in it depends on a spatial coordinate; write u = sn.field("u", (t, x))'
        )
    return space


def _names(coordinates: Any) -> str:
    return ", ".join(c.name for c in coordinates)
