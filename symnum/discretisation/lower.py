"""Terms with derivatives -> terms of loads, at one region of a grid.

A **position** is an offset along every axis from the current grid point, in units of the spacing: whole numbers are grid points,
halves are midpoints. ``lower(f, position)`` is the discrete value of f there:

    u                     a load; at a midpoint the interpolation of loads
    d^m f/dx^m            sum over the scheme's stencil of weight * lower(f, position + offset) / h^m
    d/dx (D(u) du/dx)     odd derivative of an odd one: the outer stencil takes midpoints, so fluxes telescope and mass is kept
    x                     start + h*(index + offset)

Near closed sides a region is a single layer whose index is known, or a **shell** of several layers. In a shell derivatives along its axis
read their weights from tables, and their nodes are grid points that do not move with the loop: positions whose entry is ``At(index)``.
Loads of eliminated boundary points become the solution of the boundary conditions there (``boundary.py``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symnum.discretisation.boundary import Boundary, Face
from symnum.discretisation.closure import Closure
from symnum.discretisation.grid import Grid
from symnum.errors import DiscretisationError
from symnum.expr.term import Const, Symbol, Term, add, call, linear_combination, make_call, mul, rebuild, scale
from symnum.expr.walk import fold, postorder
from symnum.ir.kernel import Array, index, load, table
from symnum.ir.system import Axis

ZERO_SHIFT = Fraction(0)


@dataclass(frozen=True)
class At:
    """A place along an axis given by its grid index (halves: midpoints), wherever the current point is. ``At(3) + 1`` is ``At(4)``."""

    node: Fraction

    def __add__(self, shift: Fraction | int) -> At:
        return At(self.node + shift)

    def __int__(self) -> int:
        return int(self.node)

    @property
    def denominator(self) -> int:
        return self.node.denominator


Position = tuple[Any, ...]  # for each axis a Fraction (an offset from the current point) or At


class Lowering:
    """Lowers terms in one region.

    Args:
        grid, arrays: the axes; state array of each field.
        boundary: how eliminated points follow from the state.
        scheme, order: stencils.
        layer: for each axis the grid index if the region is a single layer there, else None.
        shell: for each axis the first layer and the one after the last if the region is a shell there, else None.
        closures: (axis, side) -> what stands for stencils that the side cuts off; empty: the scheme's own windows.
    """

    def __init__(
        self,
        grid: Grid,
        arrays: dict[Symbol, Array],
        boundary: Boundary,
        scheme: Any,
        order: int,
        layer: tuple[int | None, ...],
        shell: tuple[tuple[int, int] | None, ...] | None = None,
        closures: Mapping[tuple[int, str], Closure] | None = None,
    ) -> None:
        self.grid, self.arrays, self.boundary = grid, arrays, boundary
        self.scheme, self.order, self.layer = scheme, order, layer
        self.shell = shell or (None,) * len(layer)
        self.closures = closures or {}
        self.axis_of = {a.name: k for k, a in enumerate(grid.axes)}
        self.memo: dict[tuple[Position, Any], dict[Term, Term]] = {}
        self.solutions: dict[Any, dict[Term, Term]] = {}
        self.open_face: Any = None
        self.solving: list[Face] = []

    @property
    def centre(self) -> Position:
        return (ZERO_SHIFT,) * len(self.grid.axes)

    def rate(self, term: Term, field: Symbol | None = None) -> Term:
        """The discrete value of a rate at the current grid point: where schemes that look at whole rates (upwinding) come in.

        ``field``: the field that changes at this rate; None for the residual of an equation without a time derivative.
        """
        return self.lower(term, self.centre)

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

    def place(self, k: int, shift: Fraction | At) -> Fraction | None:
        """The grid index of a position along an axis, where it does not depend on the loop."""
        if isinstance(shift, At):
            return shift.node
        layer = self.layer[k]
        return None if layer is None else layer + shift

    def entry(self, k: int, node: int) -> Fraction | At:
        """The entry of a position that stands for a grid index near the side that the region lies at."""
        layer = self.layer[k]
        return At(Fraction(node)) if layer is None else Fraction(node - layer)

    def _coordinate(self, k: int, axis: Axis, shift: Fraction | At) -> Term:
        """The coordinate at the current index plus a shift; beyond a periodic side it is that of the point the loads wrap to."""
        if isinstance(shift, At):
            node = shift.node % axis.points if axis.periodic else shift.node
            return Const(axis.first + axis.spacing * float(node))
        value = linear_combination({index(k): axis.spacing}, axis.first + axis.spacing * float(shift))
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
        inner = inner_of(node)
        k = self.axis_of[coordinate.name]
        at_midpoint = position[k].denominator == 2
        flux = m % 2 == 1 and holds_odd_derivative(inner, coordinate)
        nodes = self.nodes(k, position, m, staggered=at_midpoint != flux, midpoints=flux)
        return add(_times(weight, self.lower(inner, place)) for weight, place in nodes)

    def nodes(
        self, k: int, position: Position, m: int, staggered: bool, midpoints: bool
    ) -> list[tuple[float | Term, Position]]:
        """What the m-th derivative along axis k (m = 0: interpolation) at a position is made of: weights, positions of the nodes.

        In a shell the weight of a node is a table over its layers.
        """

        def at(entry: Fraction | At) -> Position:
            return (*position[:k], entry, *position[k + 1 :])

        spacing, here = self.grid.axes[k].spacing, position[k]
        shell = self.shell[k]
        if shell is None or isinstance(here, At):
            stencil = self._stencil(k, position, m, staggered, midpoints)
            return [(_number(weight, spacing, m), at(here + offset)) for offset, weight in stencil]
        start, stop = shell
        rows: dict[Fraction, list[float]] = {}
        for layer in range(start, stop):
            for offset, weight in self._stencil(k, at(At(layer + here)), m, staggered, midpoints):
                row = rows.setdefault(layer + here + offset, [0.0] * (stop - start))
                row[layer - start] = _number(weight, spacing, m)
        return [(table(k, start, rows[node]), at(At(node))) for node in sorted(rows)]

    def _stencil(
        self, k: int, position: Position, m: int, staggered: bool, midpoints: bool
    ) -> list[tuple[Fraction, Fraction]]:
        """Offsets along axis k and weights for unit spacing."""
        limits = self._limits(k, position, midpoints)
        if limits is None or self.open_face is not None or not self.closures:  # conditions keep the full order
            return self.scheme.stencil(m, self.order, staggered=staggered, limits=limits)
        side = "lower" if -limits[0] < limits[1] else "upper"
        closure = self.closures.get((k, side))
        return self.scheme.stencil(m, self.order, staggered=staggered, limits=limits, closure=closure)

    def _limits(self, k: int, position: Position, midpoints: bool) -> tuple[Fraction, Fraction] | None:
        """Offsets of the first and last node of a closed axis, seen from the position; None where nothing is cut off."""
        axis, place = self.grid.axes[k], self.place(k, position[k])
        if axis.periodic or place is None:
            return None
        half = Fraction(1, 2) if midpoints else Fraction(0)
        return half - place, axis.points - 1 - half - place

    def _field(self, symbol: Symbol, position: Position) -> Term:
        if symbol not in self.arrays:
            raise DiscretisationError(f"{symbol} has no equation that gives its values")
        axes = self.arrays[symbol].axes
        for k in axes:
            if position[k].denominator == 2:
                return self._interpolated(symbol, position, k)
        return self.point(symbol, position)

    def _interpolated(self, symbol: Symbol, position: Position, k: int) -> Term:
        nodes = self.nodes(k, position, 0, staggered=True, midpoints=False)
        return add(_times(weight, self._field(symbol, place)) for weight, place in nodes)

    def point(self, symbol: Symbol, position: Position) -> Term:
        """The value of a field at a grid point: a load, or what the boundary conditions make of it."""
        array = self.arrays[symbol]
        offsets, wrap, sign = [], [], 1
        for d, k in enumerate(array.axes):
            axis, place = self.grid.axes[k], self.place(k, position[k])
            antiperiodic = self.boundary.signs.get(axis.name) == -1
            wrap.append(axis.periodic and not antiperiodic)
            offset = int(position[k])
            if place is not None and antiperiodic:
                turns, at = divmod(int(place), axis.points)
                sign *= -1 if turns % 2 else 1
                offset += at - int(place)
            elif place is not None and not axis.periodic:
                at = int(place)
                if not array.origin[d] <= at < array.origin[d] + array.shape[d]:
                    return self._eliminated(symbol, k, at, position)
            offsets.append(offset)
        fixed = tuple(isinstance(position[k], At) for k in array.axes)
        value: Term = load(array.name, tuple(offsets), tuple(wrap), fixed)
        return scale(value, sign)

    def _eliminated(self, symbol: Symbol, k: int, at: int, position: Position) -> Term:
        axis = self.grid.axes[k]
        if not 0 <= at < axis.points:
            raise DiscretisationError(
                f"the stencil for {symbol} reaches beyond the sides of {axis.name}; raise resolution along {axis.name} (now {axis.points - 1} cells)"
            )
        side = "lower" if at < axis.points / 2 else "upper"
        return self.boundary.value(self, symbol, k, side, at, position)


def inner_of(node: Term) -> Term:
    """What a derivative node takes its first derivative of: d/dx d/dy u along x is taken of d/dy u."""
    if len(node.data) == 1:
        return node.args[0]
    return make_call("derivative", (node.args[0], *node.args[2:]), node.data[1:])


def _times(weight: float | Term, value: Term) -> Term:
    return mul((weight, value)) if isinstance(weight, Term) else scale(value, weight)


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
