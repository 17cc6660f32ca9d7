"""Boundary conditions solved for the outermost points of a closed axis.

m conditions on a face eliminate the m outermost points there: the conditions, with one-sided differences of the scheme's order, are m linear
equations for them; one symbolic m x m solve a face, all coupled fields together, gives each eliminated value as a term of interior loads, time,
coordinates and parameters.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from symnum.errors import DiscretisationError
from symnum.expr.calculus import linear_coefficients, solve_linear
from symnum.expr.term import Symbol, Term
from symnum.ir.kernel import Array

Conditions = dict[tuple[int, str], tuple[tuple[Symbol, Term], ...]]


class Boundary:
    """The conditions of each closed face: ``conditions[(axis, side)] = ((field, residual), ...)``; ``signs``: periodic axes (+1, -1)."""

    def __init__(self, conditions: Conditions, signs: dict[str, int]) -> None:
        self.conditions, self.signs = conditions, signs

    def count(self, field: Symbol, axis: int, side: str) -> int:
        """How many points of a field a face eliminates."""
        return sum(1 for f, _ in self.conditions.get((axis, side), ()) if f is field)

    def value(self, lowering: Any, field: Symbol, k: int, side: str, at: int, position: tuple[Fraction, ...]) -> Term:
        """The eliminated value of ``field`` at grid index ``at`` of axis ``k``, at a tangential position."""
        tangential = position[:k] + (Fraction(0),) + position[k + 1 :]
        face = (k, side, tangential)
        if lowering.open_face == face:
            return _unknown(field, k, at, tangential)
        solution = lowering.solutions.setdefault(face, {})
        if not solution:
            solution.update(self._solve(lowering, k, side, tangential))
        return solution[_unknown(field, k, at, tangential)]

    def _solve(self, lowering: Any, k: int, side: str, tangential: tuple[Fraction, ...]) -> dict[Term, Term]:
        axis, layer = lowering.grid.axes[k], lowering.layer[k]
        edge = 0 if side == "lower" else axis.points - 1
        position = tangential[:k] + (Fraction(edge - layer),) + tangential[k + 1 :]
        if (k, side) in lowering.solving:
            raise DiscretisationError(self._along(k, side, axis.name))
        lowering.solving.append((k, side))
        outer, lowering.open_face = lowering.open_face, (k, side, tangential)
        try:
            equations = [lowering.lower(residual, position) for _, residual in self.conditions[(k, side)]]
        finally:
            lowering.open_face = outer
            lowering.solving.pop()
        unknowns = self._unknowns(lowering.arrays, k, side, axis.points, tangential)
        values = solve_linear(equations, unknowns)
        if values is None:
            raise DiscretisationError(self._why_not(equations, unknowns, k, side, axis.name))
        return dict(zip(unknowns, values, strict=True))

    def _unknowns(
        self, arrays: dict[Symbol, Array], k: int, side: str, points: int, tangential: tuple[Fraction, ...]
    ) -> list[Term]:
        unknowns: list[Term] = []
        for field in dict.fromkeys(f for f, _ in self.conditions[(k, side)]):
            count = self.count(field, k, side)
            layers = range(count) if side == "lower" else range(points - count, points)
            unknowns.extend(_unknown(field, k, at, tangential) for at in layers)
        return unknowns

    def _along(self, k: int, side: str, name: str) -> str:
        listed = "; ".join(f"{residual} = 0" for _, residual in self.conditions[(k, side)])
        return (
            f"the conditions at the {side} side of {name} hold derivatives along the side, which couple all its points; "
            f"write them with values and derivatives along {name} alone: {listed}"
        )

    def _why_not(self, equations: list[Term], unknowns: list[Term], k: int, side: str, name: str) -> str:
        where = f"the {side} side of {name}"
        for (field, residual), equation in zip(self.conditions[(k, side)], equations, strict=True):
            if linear_coefficients(equation, unknowns) is None:
                return (
                    f"the condition on {field} at {where} ({residual} = 0) is not linear in the boundary value of "
                    f"{field}; write it linear in {field} and its normal derivative"
                )
        listed = "; ".join(f"{residual} = 0" for _, residual in self.conditions[(k, side)])
        return f"the conditions at {where} do not determine the boundary values (the boundary system is singular): {listed}"


def _unknown(field: Symbol, k: int, at: int, tangential: tuple[Fraction, ...]) -> Symbol:
    return Symbol(f"{field.name}@{k}:{at}", "temporary", (field, k, at, tangential))
