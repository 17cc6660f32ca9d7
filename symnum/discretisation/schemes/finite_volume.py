"""Finite volumes of order 2: each unknown belongs to a cell, and derivatives are differences of fluxes through the faces of the cells.

::

    lower side                                      cells 0 ... n-1 have their centres at start + (i + 1/2) h,
        |  0  |  1  |  2  |          | n-1 |        faces lie at start + i h; the outermost are the sides
      -1/2   1/2   3/2                   n-1/2

    at a centre     d^m f/dx^m = (G(i + 1/2) - G(i - 1/2))/h,       G = d^(m-1) f/dx^(m-1) at the faces
    at a face       d^m f/dx^m = (d^(m-1) f at the centre beyond - d^(m-1) f at the centre before)/h
                    u          = (u_i + u_(i+1))/2
    at a side       u and du/dx are what the conditions make of them: symnum.discretisation.cells

What leaves one cell enters the next, and what passes a side is the flux that the condition there gives: in
``dt(u) = div(F)`` the sum of u over the cells changes by the fluxes through the sides alone, to round-off. Sources: R. J. LeVeque, "Finite
Volume Methods for Hyperbolic Problems", Cambridge 2002, chapter 4; W. Hundsdorfer and J. G. Verwer, "Numerical Solution of Time-Dependent
Advection-Diffusion-Reaction Equations", Springer 2003, section I.5 (cell-centred grids and their boundaries).
"""

from __future__ import annotations

from fractions import Fraction
from math import comb
from typing import Any

from symnum.discretisation.cells import SideConditions, side_unknown
from symnum.discretisation.lower import At, Lowering, Position
from symnum.errors import DiscretisationError
from symnum.expr.calculus import derivative, expand_derivatives
from symnum.expr.term import Const, Symbol, Term, add, scale
from symnum.ir.system import Axis

HALF = Fraction(1, 2)
CENTRED = True  # the unknowns lie in the centres of the cells
SHELLS = False  # only the outermost cells see a side, and each is a region of its own


def check(order: int, closed: bool) -> None:
    """DiscretisationError for every order but 2."""
    if isinstance(order, bool) or order != 2 or not isinstance(order, int):
        raise DiscretisationError(
            f'finite volumes have order 2, not {order!r}; write order=2, or scheme="central" for higher orders'
        )


def stencil(derivative: int, order: int = 2, *, staggered: bool, **_: Any) -> list[tuple[Fraction, Fraction]]:
    """Offsets and weights of h^m d^m u/dx^m of a field away from the sides, its values at the cells' centres.

    ``staggered``: seen from a face. m differences in a row, after one mean of two neighbours where m alone would not end on centres.
    """
    mean = (derivative % 2 == 1) != staggered
    weights = [Fraction(comb(derivative, j)) * (-1 if (derivative - j) % 2 else 1) for j in range(derivative + 1)]
    if mean:
        none = Fraction(0)
        weights = [(a + b) / 2 for a, b in zip([*weights, none], [none, *weights], strict=True)]
    first = -Fraction(derivative + mean, 2)
    return [(first + j, w) for j, w in enumerate(weights) if w]


class Cells(Lowering):
    """Lowers terms on a grid of cells: whole positions are centres, halves are faces."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.at_sides: dict[Symbol, Term] = {}  # what the conditions make of the unknowns of the sides
        self._within = False

    def lower(self, term: Term, position: Position) -> Term:
        """The discrete value of a term at a position. Values and slopes at the sides are put in at the end, when fluxes are complete."""
        if self._within:
            return super().lower(term, position)
        assert isinstance(self.boundary, SideConditions)
        self._within = True
        try:
            return self.boundary.resolve(self, super().lower(term, position))
        finally:
            self._within = False

    def side(self, k: int, shift: Fraction | At) -> str | None:
        """ "lower" or "upper" if a shift from the current cell along axis k ends on a closed side."""
        axis, place = self.grid.axes[k], self.place(k, shift)
        if axis.periodic or place is None:
            return None
        return {-HALF: "lower", axis.points - HALF: "upper"}.get(place)

    def _coordinate(self, k: int, axis: Axis, shift: Fraction | At) -> Term:
        side = self.side(k, shift)
        if side is None:
            return super()._coordinate(k, axis, shift)
        return Const(axis.start if side == "lower" else axis.stop)  # exact: sqrt(x - start) is a number there

    def _field(self, symbol: Symbol, position: Position) -> Term:
        """A field at a centre (a load), a face (the mean of two cells) or a side (an unknown of the conditions)."""
        sides = []
        for k in self.arrays[symbol].axes if symbol in self.arrays else ():
            if position[k].denominator == 2:
                if self.side(k, position[k]) is None:
                    return self._mean(symbol, position, k, self._field)
                sides.append(k)
        return side_unknown(self, "value", symbol, sides[0], position) if sides else self._value(symbol, position)

    def _value(self, symbol: Symbol, position: Position) -> Term:
        if symbol not in self.arrays:
            raise DiscretisationError(f"{symbol} has no equation that gives its values")
        return self.point(symbol, position)

    def _slope(self, symbol: Symbol, position: Position, normal: int) -> Term:
        """du/dx across a side of axis ``normal``, also between two cells of another axis."""
        for k in self.arrays[symbol].axes:
            if k != normal and position[k].denominator == 2 and self.side(k, position[k]) is None:
                return self._mean(symbol, position, k, lambda u, place: self._slope(u, place, normal))
        return side_unknown(self, "slope", symbol, normal, position)

    def _mean(self, symbol: Symbol, position: Position, k: int, value: Any) -> Term:
        """The mean of what two neighbours along axis k have."""
        return add(scale(value(symbol, moved(position, k, shift)), 0.5) for shift in (-HALF, HALF))

    def _derivative(self, node: Term, position: Position) -> Term:
        inner = node.args[0]
        orders = self._orders(node)
        k = next((k for k in orders if self.side(k, position[k]) is None), None)
        if k is None:
            return self._across_sides(node, orders, position)
        coordinate, m = orders.pop(k)
        at_face, h = position[k].denominator == 2, self.grid.axes[k].spacing
        self._check_order(node, k, m, at_face)
        compact = (m % 2 == 1) == at_face
        parts = stencil(m, staggered=at_face)
        if self._inside(k, position[k], parts) and (compact or inner.op == "symbol"):
            rest = derivative(inner, dict(orders.values()))
            return add(scale(self.lower(rest, moved(position, k, o)), float(w) / h**m) for o, w in parts)
        flux = derivative(inner, dict(orders.values()) | {coordinate: m - 1})
        return add(scale(self.lower(flux, moved(position, k, o)), float(2 * o) / h) for o in (-HALF, HALF))

    def _orders(self, node: Term) -> dict[int, tuple[Symbol, int]]:
        orders: dict[int, tuple[Symbol, int]] = {}
        for coordinate, m in zip(node.args[1:], node.data, strict=True):
            assert isinstance(coordinate, Symbol)
            if coordinate.name not in self.axis_of:
                raise DiscretisationError(
                    f"the derivative {node} along {coordinate} is not a spatial derivative; write the equation as dt(u) = ..."
                )
            orders[self.axis_of[coordinate.name]] = (coordinate, m)
        return orders

    def _inside(self, k: int, shift: Fraction | At, parts: list[tuple[Fraction, Fraction]]) -> bool:
        """Whether a stencil along axis k reads cells of the grid only."""
        axis, place = self.grid.axes[k], self.place(k, shift)
        return axis.periodic or place is None or (0 <= place + parts[0][0] and place + parts[-1][0] <= axis.points - 1)

    def _check_order(self, node: Term, k: int, m: int, at_face: bool) -> None:
        axis = self.grid.axes[k]
        if not axis.periodic and m + at_face > 2:
            raise DiscretisationError(
                f"{node} makes an equation of an order above 2 along {axis.name}, whose sides are closed; finite volumes take "
                f'orders up to 2 there. Write scheme="central", or sn.periodic({axis.name})'
            )

    def _across_sides(self, node: Term, orders: dict[int, tuple[Symbol, int]], position: Position) -> Term:
        """A derivative across the side on which the position lies: an unknown, after the chain rule."""
        inner = node.args[0]
        if inner.op != "symbol":
            return self.lower(expand_derivatives(node), position)
        assert isinstance(inner, Symbol)
        (k, (_, m)), *others = orders.items()
        self._check_order(node, k, m, at_face=True)
        if others:
            names = " and ".join(self.grid.axes[j].name for j in orders)
            raise DiscretisationError(
                f"the flux {node} is needed in a corner between sides of {names}, where the conditions do not give it; write the "
                f'equation with derivatives up to order 2 in all, or scheme="central"'
            )
        return self._slope(inner, position, k)


def moved(position: Position, k: int, shift: Fraction) -> Position:
    """The position shifted along axis k."""
    return position[:k] + (position[k] + shift,) + position[k + 1 :]


LOWERING = Cells
BOUNDARY = SideConditions
