"""Terms with derivatives -> terms of loads, at one region of a grid.

A **position** is an offset along every axis from the current grid point, in units of the spacing: whole numbers are grid points,
halves are midpoints. ``lower(f, position)`` is the discrete value of f there:

    u                     a load; at a midpoint the interpolation of loads
    d^m f/dx^m            sum over the scheme's stencil of weight * lower(f, position + offset) / h^m
    d/dx (D(u) du/dx)     odd derivative of an odd one: the outer stencil takes midpoints, so fluxes telescope and mass is kept
    x                     start + h*(index + offset)

Near closed sides a region is a single layer whose index is known; loads of eliminated boundary points become the solution of the boundary
conditions there (``boundary.py``).
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from symnum.discretisation.boundary import Boundary
from symnum.discretisation.grid import Grid
from symnum.errors import DiscretisationError
from symnum.expr.term import Const, Symbol, Term, add, call, linear_combination, rebuild, scale, split_coefficient
from symnum.expr.walk import fold, postorder
from symnum.ir.kernel import Array, index, load
from symnum.ir.system import Axis

Position = tuple[Fraction, ...]
ZERO_SHIFT = Fraction(0)


class Lowering:
    """Lowers terms in one region.

    Args:
        grid, arrays: the axes; state array of each field.
        boundary: how eliminated points follow from the state.
        scheme, order: stencils.
        layer: for each axis the grid index if the region is a single layer there, else None.
    """

    def __init__(
        self,
        grid: Grid,
        arrays: dict[Symbol, Array],
        boundary: Boundary,
        scheme: Any,
        order: int,
        layer: tuple[int | None, ...],
    ) -> None:
        self.grid, self.arrays, self.boundary = grid, arrays, boundary
        self.scheme, self.order, self.layer = scheme, order, layer
        self.axis_of = {a.name: k for k, a in enumerate(grid.axes)}
        self.memo: dict[tuple[Position, Any], dict[Term, Term]] = {}
        self.solutions: dict[Any, dict[Term, Term]] = {}
        self.open_face: Any = None
        self.solving: list[tuple[int, str]] = []

    @property
    def centre(self) -> Position:
        return (ZERO_SHIFT,) * len(self.grid.axes)

    def lower(self, term: Term, position: Position) -> Term:
        """The discrete value of a term at a position."""
        memo = self.memo.setdefault((position, self.open_face), {})
        for node in outermost_derivatives(term):
            if node not in memo:
                memo[node] = self._derivative(node, position)
        return fold(term, lambda node, args: self._node(node, args, position), memo)

    def _node(self, node: Term, args: list[Term], position: Position) -> Term:
        if node.op != "symbol":
            changed = any(a is not b for a, b in zip(args, node.args, strict=True))
            return rebuild(node, tuple(args)) if changed else node
        assert isinstance(node, Symbol)
        if node.kind == "field":
            return self._field(node, position)
        if node.kind == "coordinate" and node.name in self.axis_of:
            k = self.axis_of[node.name]
            axis = self.grid.axes[k]
            return self._coordinate(k, axis, position[k])
        return node

    def _coordinate(self, k: int, axis: Axis, shift: Fraction) -> Term:
        """The coordinate at the current index plus a shift; beyond a periodic side it is that of the point the loads wrap to."""
        value = linear_combination({index(k): axis.spacing}, axis.start + axis.spacing * float(shift))
        layer = self.layer[k]
        if not shift or not axis.periodic or (layer is None and self.boundary.signs[axis.name] == -1):
            return value  # the interior of an antiperiodic axis, which is cut into layers, stays clear of the seam
        here = linear_combination({index(k): 1}, float(shift)) if layer is None else Const(float(layer + shift))
        turn = axis.stop - axis.start
        if shift < 0:
            return call("where", call("lt", here, Const(0)), value + turn, value)
        return call("where", call("ge", here, Const(axis.points)), value - turn, value)

    def _derivative(self, node: Term, position: Position) -> Term:
        coordinate, m = node.args[1], node.data[0]
        assert isinstance(coordinate, Symbol)
        if coordinate.name not in self.axis_of:
            raise DiscretisationError(
                f"the derivative {node} along {coordinate} is not a spatial derivative; write the equation as dt(u) = ..."
            )
        inner = node.args[0]
        if len(node.data) > 1:
            inner = _without_first(node)
        k = self.axis_of[coordinate.name]
        at_midpoint = position[k].denominator == 2
        flux = m % 2 == 1 and holds_odd_derivative(inner, coordinate)
        staggered = at_midpoint != flux
        parts = []
        for offset, weight in self.scheme.stencil(
            m, self.order, staggered=staggered, limits=self._limits(k, position, flux)
        ):
            place = position[:k] + (position[k] + offset,) + position[k + 1 :]
            parts.append(scale(self.lower(inner, place), _number(weight, self.grid.axes[k].spacing, m)))
        return add(parts)

    def _limits(self, k: int, position: Position, midpoints: bool) -> tuple[Fraction, Fraction] | None:
        """Offsets of the first and last node of a closed axis, seen from the position; None where nothing is cut off."""
        layer, axis = self.layer[k], self.grid.axes[k]
        if axis.periodic or layer is None:
            return None
        half = Fraction(1, 2) if midpoints else Fraction(0)
        here = layer + position[k]
        return half - here, axis.points - 1 - half - here

    def _field(self, symbol: Symbol, position: Position) -> Term:
        if symbol not in self.arrays:
            raise DiscretisationError(f"{symbol} has no equation that gives its values")
        axes = self.arrays[symbol].axes
        for k in axes:
            if position[k].denominator == 2:
                return self._interpolated(symbol, position, k)
        return self.point(symbol, position)

    def _interpolated(self, symbol: Symbol, position: Position, k: int) -> Term:
        bag: dict[Term, Any] = {}
        constant: Any = 0
        for offset, weight in self.scheme.stencil(
            0, self.order, staggered=True, limits=self._limits(k, position, False)
        ):
            value = self._field(symbol, position[:k] + (position[k] + offset,) + position[k + 1 :])
            if value.op == "const":
                constant = constant + float(weight) * value.data[0]
                continue
            c, rest = split_coefficient(value)
            bag[rest] = bag.get(rest, 0) + c * _number(weight, 1.0, 0)
        return linear_combination(bag, constant)

    def point(self, symbol: Symbol, position: Position) -> Term:
        """The value of a field at a grid point: a load, or what the boundary conditions make of it."""
        array = self.arrays[symbol]
        offsets, wrap, sign = [], [], 1
        for d, k in enumerate(array.axes):
            offset, axis, layer = int(position[k]), self.grid.axes[k], self.layer[k]
            antiperiodic = self.boundary.signs.get(axis.name) == -1
            wrap.append(axis.periodic and not antiperiodic)
            if layer is not None and antiperiodic:
                turns, at = divmod(layer + offset, axis.points)
                sign *= -1 if turns % 2 else 1
                offset = at - layer
            elif layer is not None and not axis.periodic:
                at = layer + offset
                if not array.origin[d] <= at < array.origin[d] + array.shape[d]:
                    return self._eliminated(symbol, k, at, position)
            offsets.append(offset)
        value: Term = load(array.name, tuple(offsets), tuple(wrap))
        return scale(value, sign)

    def _eliminated(self, symbol: Symbol, k: int, at: int, position: Position) -> Term:
        axis = self.grid.axes[k]
        if not 0 <= at < axis.points:
            raise DiscretisationError(
                f"the stencil for {symbol} reaches beyond the sides of {axis.name}; raise resolution along {axis.name} (now {axis.points - 1} cells)"
            )
        side = "lower" if at < axis.points / 2 else "upper"
        return self.boundary.value(self, symbol, k, side, at, position)


def _without_first(node: Term) -> Term:
    from symnum.expr.term import make_call

    return make_call("derivative", (node.args[0], *node.args[2:]), node.data[1:])


def _number(weight: Fraction, spacing: float, m: int) -> Any:
    return float(weight) / spacing**m


def outermost_derivatives(term: Term) -> list[Term]:
    """The derivative nodes that are not inside another derivative."""
    found, stack, seen = [], [term], set()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op == "derivative":
            found.append(node)
        else:
            stack.extend(node.args)
    return found


def holds_odd_derivative(term: Term, coordinate: Symbol) -> bool:
    """True if a composite expression holds a derivative of odd order along the coordinate (then its outer derivative is a flux difference)."""
    if term.op == "derivative" and term.args[0].op == "symbol":
        return False
    for node in postorder((term,)):
        if node.op == "derivative" and coordinate in node.args[1:] and node.data[node.args.index(coordinate) - 1] % 2:
            return True
    return False
