"""Values and slopes at the closed sides of a grid of cells, from the conditions there.

At a side each field has two unknowns, its value u_s and its slope g_s = du/dx. With u1, u2, u3 in the cells next to it::

    reconstruction      g_s = (-8 u_s + 9 u1 - u2)/(3 h)        at a lower side, mirrored at an upper one; error O(h^2)
    extrapolation       u_s = (15 u1 - 10 u2 + 3 u3)/8          error O(h^3)

The conditions of a side, those of all fields together, are solved for the slopes, which are the fluxes that enter the balance of the
outermost cell; the reconstruction then gives the values::

    D(x)*u_x = q                g_s = q/D          what leaves the cell is D*g_s = q, whatever D and the values inside
    D(u)*u_x - c*u = q          g_s = (q + c u_s)/D(u_s), not linear in u_s: u_s is extrapolated, D*g_s - c*u_s = q all the same
    a*u + b*u_x = q             u_s and g_s from this and the reconstruction
    u = q                       u_s = q, g_s reconstructed
    none (an outflow)           u_s extrapolated

The weights are those of ``weights.stencil_weights`` on the nodes 0, 1/2, 3/2 and 1/2, 3/2, 5/2.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from symnum.discretisation.boundary import Boundary
from symnum.discretisation.triangular import NotLinearError, solve_in_turn
from symnum.discretisation.weights import stencil_weights
from symnum.errors import DiscretisationError
from symnum.expr.calculus import linear_coefficients, solve_linear, substitute
from symnum.expr.term import Symbol, Term, add, scale
from symnum.expr.walk import symbols
from symnum.model.numeric import evaluate

Position = tuple[Fraction, ...]
_SINGULAR = 1e-10  # least singular value of a boundary system whose rows are scaled to one
_MOST_PASSES = 12  # a corner in d dimensions needs 2*d; beyond, conditions refer to each other without end
_INWARDS = tuple(Fraction(2 * j + 1, 2) for j in range(3))  # the cells next to a side, seen from it


@dataclass(frozen=True)
class Place:
    """A point of a side: the axis across it, "lower" or "upper", and the position along it (0 along the axis)."""

    axis: int
    side: str
    along: Position


@dataclass(frozen=True)
class FaceUnknown:
    """What a symbol at a side stands for: the "value" or the "slope" (du/dx) of a field."""

    kind: str
    field: Symbol
    place: Place


def side_unknown(lowering: Any, kind: str, field: Symbol, k: int, position: Position) -> Symbol:
    """The symbol for a value or slope at the side of axis k on which the position lies."""
    place = Place(k, lowering.side(k, position[k]), position[:k] + (Fraction(0),) + position[k + 1 :])
    return _symbol(kind, field, place)


def _symbol(kind: str, field: Symbol, place: Place) -> Symbol:
    along = ",".join(str(shift) for shift in place.along)
    return Symbol(
        f"{field.name}:{kind}@{place.axis}:{place.side}({along})", "temporary", FaceUnknown(kind, field, place)
    )


def _unknowns(term: Term) -> list[Symbol]:
    return [s for s in symbols(term, "temporary") if isinstance(s.info, FaceUnknown)]


class SideConditions(Boundary):
    """The conditions of each closed side. No cell is eliminated; values and slopes at the sides are put into the rates."""

    def count(self, field: Symbol, axis: int, side: str) -> int:
        """How many cells of a field a side eliminates: none."""
        return 0

    def resolve(self, lowering: Any, term: Term) -> Term:
        """The term with loads in place of all unknowns of the sides.

        Slopes go first: they hold values at the side, so that D(u_s)*g_s becomes the given flux before u_s becomes a formula.
        """
        for _ in range(_MOST_PASSES):
            found = _unknowns(term)
            if not found:
                return term
            slopes = [s for s in found if s.info.kind == "slope"]
            term = substitute(term, {s: self._solution(lowering, s) for s in slopes or found})
        raise self._along_the_side(lowering, found[0].info.place)

    def _solution(self, lowering: Any, unknown: Symbol) -> Term:
        known: dict[Symbol, Term] = lowering.at_sides
        if unknown not in known:
            place = unknown.info.place
            side = _Side(lowering, place, self._side_rows(lowering, place))
            if unknown.info.field in side.rows:
                known.update(self._solved(side))
            else:
                known[unknown] = side.extrapolated(unknown.info.field, unknown.info.kind)
        return known[unknown]

    def _side_rows(self, lowering: Any, place: Place) -> dict[Symbol, Term]:
        """The conditions of a side, one a field."""
        rows: dict[Symbol, Term] = {}
        given, name = self.conditions.get((place.axis, place.side), ()), lowering.grid.axes[place.axis].name
        residuals = self._known_put_in(place.axis, place.side, name) if given else []
        for (field, _), residual in zip(given, residuals, strict=True):
            if field in rows:
                raise DiscretisationError(
                    f"finite volumes take one condition on {field} at each side of {name}, the {place.side} side has two: "
                    f'{rows[field]} = 0; {residual} = 0. Write one at each side, or scheme="central"'
                )
            rows[field] = residual
        return rows

    def _solved(self, side: _Side) -> dict[Symbol, Term]:
        """Value and slope of every field that has a condition here."""
        try:
            return side.solve()
        except _AlongTheSide:
            raise self._along_the_side(side.lowering, side.place) from None
        except _Undetermined as problem:
            name = side.lowering.grid.axes[side.place.axis].name
            listed = "; ".join(f"{row} = 0" for row in side.rows.values())
            raise DiscretisationError(
                f"the conditions at the {side.place.side} side of {name} {problem}: {listed}"
            ) from None

    def _along_the_side(self, lowering: Any, place: Place) -> DiscretisationError:
        return DiscretisationError(self._along(place.axis, place.side, lowering.grid.axes[place.axis].name))


class _AlongTheSide(Exception):
    """A value at a side would depend on its neighbours along the side."""


class _Undetermined(Exception):
    """Why the conditions do not give the values and slopes."""


def _named(unknowns: list[Any]) -> str:
    kind = "normal derivative" if unknowns[0].info.kind == "slope" else "boundary value"
    fields = list(dict.fromkeys(u.info.field.name for u in unknowns))
    return f"the {kind}{'s' if len(fields) > 1 else ''} of {' and '.join(fields)}"


class _Side:
    """The conditions at one point of a side and what follows from them: ``solve`` gives unknown -> term.

    ``rows``: field -> residual of its condition. ``fixed``: fields whose values a condition without slopes gives (Dirichlet);
    their slopes are reconstructed. The others are ``flux`` fields: conditions give their slopes.
    """

    def __init__(self, lowering: Any, place: Place, rows: dict[Symbol, Term]) -> None:
        self.lowering, self.place, self.rows = lowering, place, rows
        axis = lowering.grid.axes[place.axis]
        self.edge = Fraction(-1, 2) if place.side == "lower" else axis.points - Fraction(1, 2)
        self.inward = 1 if place.side == "lower" else -1
        self.spacing = axis.spacing
        self.solution: dict[Symbol, Term] = {}
        self.foreign: set[Symbol] = set()  # unknowns of other points of the sides that the conditions hold

    def value(self, field: Symbol) -> Symbol:
        return _symbol("value", field, self.place)

    def slope(self, field: Symbol) -> Symbol:
        return _symbol("slope", field, self.place)

    def position(self, depth: Fraction) -> Position:
        """The position that lies this many cells inwards from the side."""
        k, along = self.place.axis, self.place.along
        return along[:k] + (self.edge + self.inward * depth - self.lowering.layer[k],) + along[k + 1 :]

    def cells(self, field: Symbol, count: int) -> list[Term]:
        return [self.lowering.lower(field, self.position(depth)) for depth in _INWARDS[:count]]

    def reconstructed(self, field: Symbol) -> Term:
        """The slope from the value at the side and two cells."""
        weights = stencil_weights([Fraction(0), *_INWARDS[:2]], 1)
        return self._combined(weights, [self.value(field), *self.cells(field, 2)], self.inward / self.spacing)

    def extrapolated(self, field: Symbol, kind: str) -> Term:
        """Value or slope from three cells."""
        m = int(kind == "slope")
        factor = self.inward / self.spacing if m else 1.0
        return self._combined(stencil_weights(_INWARDS, m), self.cells(field, 3), factor)

    def _combined(self, weights: list[Fraction], values: list[Term], factor: float) -> Term:
        return add(scale(v, float(w) * factor) for w, v in zip(weights, values, strict=True))

    def solve(self) -> dict[Symbol, Term]:
        position = self.position(Fraction(0))
        rows = {field: self.lowering.lower(residual, position) for field, residual in self.rows.items()}
        self.foreign = {u for row in rows.values() for u in _unknowns(row) if u.info.place != self.place}
        self._refuse_slopes_along()
        flux = self._fix_values(rows)
        if flux:
            self._solve_fluxes({field: rows[field] for field in flux})
        return self.solution

    def _refuse_slopes_along(self) -> None:
        """Slopes at neighbouring points of the side would couple all of them."""
        for unknown in (u.info for u in self.foreign):
            if unknown.kind == "slope" and unknown.place.axis == self.place.axis:
                raise _AlongTheSide

    def _elsewhere(self, term: Term) -> bool:
        """Whether the term holds what the conditions say about other points of the sides (derivatives along a side)."""
        return not self.foreign.isdisjoint(_unknowns(term))

    def _fix_values(self, rows: dict[Symbol, Term]) -> list[Symbol]:
        """Solve the conditions that hold no slope but those already reconstructed; give the fields that are left."""
        left = list(rows)
        while True:
            slopes = {self.slope(field) for field in left}
            reduced = {field: self._reduced(rows[field]) for field in left}
            fixed = [field for field in left if not slopes & set(_unknowns(reduced[field]))]
            if not fixed:
                return left
            if any(self._elsewhere(reduced[field]) for field in fixed):
                raise _AlongTheSide
            values = self._linear([reduced[f] for f in fixed], [self.value(f) for f in fixed])
            for field, value in zip(fixed, values, strict=True):
                self.solution[self.value(field)] = value
                self.solution[self.slope(field)] = self.reconstructed(field)
            left = [field for field in left if field not in fixed]

    def _reduced(self, term: Term) -> Term:
        """The term with all that is known put in."""
        while not self.solution.keys().isdisjoint(_unknowns(term)):
            term = substitute(term, self.solution)
        return term

    def _solve_fluxes(self, rows: dict[Symbol, Term]) -> None:
        fields = list(rows)
        slopes = [self.slope(field) for field in fields]
        try:
            solved = solve_in_turn(list(rows.values()), list(slopes), lambda _, block, own: solve_linear(block, own))
        except NotLinearError as problem:
            raise _Undetermined(
                f"are not linear in {_named(problem.unknowns)}; solve them for the normal derivatives, e.g. dx(u) = ..."
            ) from None
        if solved is None or not self._divides_by_numbers(rows, solved):
            if self._solve_together(rows):
                return
            if solved is None:
                raise _Undetermined("do not determine the boundary values (the boundary system is singular)")
        self.solution.update(zip(slopes, solved, strict=True))
        self._values_of_fluxes(fields)

    def _divides_by_numbers(self, rows: dict[Symbol, Term], solved: list[Term]) -> bool:
        """Whether solving for the slopes divides by nothing that may become zero (b in a*u + b*u_x = q), or nothing else gives them."""
        slopes, values = [self.slope(f) for f in rows], {self.value(f) for f in rows}
        splits = [linear_coefficients(row, slopes) for row in rows.values()]
        numbers = all(split is not None and all(k.op == "const" for k in split[0].values()) for split in splits)
        return numbers or not any(values & set(_unknowns(self._reduced(slope))) for slope in solved)

    def _solve_together(self, rows: dict[Symbol, Term]) -> bool:
        """Values from the conditions with reconstructed slopes; False where that is no linear system of full rank."""
        unknowns = [self.value(field) for field in rows]
        slopes = {self.slope(field): self.reconstructed(field) for field in rows}
        equations = [self._reduced(substitute(row, slopes)) for row in rows.values()]
        if any(self._elsewhere(row) for row in rows.values()) or self._singular(equations, unknowns):
            return False
        values = solve_linear(equations, list(unknowns))
        if values is None:
            return False
        self.solution.update(slopes)
        self.solution.update(zip(unknowns, values, strict=True))
        return True

    def _values_of_fluxes(self, fields: list[Symbol]) -> None:
        """Values from the slopes by reconstruction where that is linear and local, by extrapolation elsewhere."""
        equations = {f: self._reduced(add((self.slope(f), scale(self.reconstructed(f), -1)))) for f in fields}
        left = list(fields)
        while True:
            unknowns = [self.value(field) for field in left]
            lost = [
                f for f in left if self._elsewhere(equations[f]) or linear_coefficients(equations[f], unknowns) is None
            ]
            if not lost:
                break
            self.solution.update({self.value(f): self.extrapolated(f, "value") for f in lost})
            left = [field for field in left if field not in lost]
        values = self._linear([equations[f] for f in left], [self.value(f) for f in left])
        self.solution.update(zip((self.value(f) for f in left), values, strict=True))

    def _linear(self, equations: list[Term], unknowns: list[Any]) -> list[Term]:
        try:
            values = solve_in_turn(equations, unknowns, self._block)
        except NotLinearError as problem:
            raise _Undetermined(f"are not linear in {_named(problem.unknowns)}; write them linear in it") from None
        if values is None:
            raise _Undetermined("do not determine the boundary values (the boundary system is singular)")
        return values

    def _block(self, _: list[int], equations: list[Term], unknowns: list[Any]) -> list[Term] | None:
        return None if self._singular(equations, unknowns) else solve_linear(equations, unknowns)

    def _singular(self, equations: list[Term], unknowns: list[Any]) -> bool:
        """Whether coefficients cancel at the values of the parameters and the initial time, measured against those of the cells."""
        matrix = np.zeros((len(equations), len(unknowns)))
        for i, equation in enumerate(equations):
            split = linear_coefficients(equation, [*unknowns, *symbols(equation, "load")])
            held = {s for k in split[0].values() for s in symbols(k)} if split is not None else set()
            if split is None or any(s.kind in ("load", "temporary") for s in held):
                return False
            at = {**dict.fromkeys(held, 1.0), **self.lowering.boundary.known}
            row = {u: float(evaluate(k, at)) for u, k in split[0].items()}
            matrix[i] = [row.get(u, 0.0) for u in unknowns] / np.max(np.abs(list(row.values())), initial=1e-300)
        return bool(
            np.isfinite(matrix).all() and matrix.size and np.linalg.svd(matrix, compute_uv=False)[-1] < _SINGULAR
        )
