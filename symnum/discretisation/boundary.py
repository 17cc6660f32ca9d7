"""Boundary conditions solved for the outermost points of a closed axis.

m conditions on a face eliminate the m outermost points there: the conditions, with one-sided differences of the scheme's order, are m linear
equations for them; one symbolic m x m solve a face, all coupled fields together, gives each eliminated value as a term of interior loads, time,
coordinates and parameters.

A derivative along the side couples all points of the side. Where another condition of the face prescribes what it is taken of, it is known
and is put in: a hinged plate has ``u = g`` and ``u_xx + nu*u_yy = 0``, where ``u_yy = g_yy``.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Any

import numpy as np

from symnum.discretisation.prescribed import put_in_known
from symnum.errors import DiscretisationError
from symnum.expr.calculus import linear_coefficients, solve_linear
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols
from symnum.ir.kernel import Array
from symnum.model.numeric import evaluate

Conditions = dict[tuple[int, str], tuple[tuple[Symbol, Term], ...]]
_SINGULAR = 1e-10  # least singular value of the boundary system, rows scaled by their largest coefficient


class Boundary:
    """The conditions of each closed face: ``conditions[(axis, side)] = ((field, residual), ...)``; ``signs``: periodic axes (+1, -1).

    ``known``: values of parameters and time, at which boundary systems are tested for singularity.
    """

    known: Mapping[Term, float] = MappingProxyType({})

    def __init__(self, conditions: Conditions, signs: dict[str, int]) -> None:
        self.conditions, self.signs = conditions, signs
        self._residuals: dict[tuple[int, str], list[Term]] = {}
        self._rows: dict[tuple[int, str], list[int]] = {}

    def count(self, field: Symbol, axis: int, side: str) -> int:
        """How many points of a field a face eliminates."""
        return sum(1 for f, _ in self.conditions.get((axis, side), ()) if f is field)

    def value(self, lowering: Any, field: Symbol, k: int, side: str, at: int, position: tuple[Any, ...]) -> Term:
        """The eliminated value of ``field`` at grid index ``at`` of axis ``k``, at a tangential position."""
        tangential = position[:k] + (Fraction(0),) + position[k + 1 :]
        face = (k, side, tangential)
        if lowering.open_face == face:
            return _unknown(field, k, at, tangential)
        solution = lowering.solutions.setdefault(face, {})
        if not solution:
            solution.update(self._solve(lowering, k, side, tangential))
        return solution[_unknown(field, k, at, tangential)]

    def _solve(self, lowering: Any, k: int, side: str, tangential: tuple[Any, ...]) -> dict[Term, Term]:
        axis = lowering.grid.axes[k]
        edge = 0 if side == "lower" else axis.points - 1
        position = (*tangential[:k], lowering.entry(k, edge), *tangential[k + 1 :])
        if (k, side) in lowering.solving:
            raise DiscretisationError(self._along(k, side, axis.name))
        lowering.solving.append((k, side))
        outer, lowering.open_face = lowering.open_face, (k, side, tangential)
        try:
            equations = [lowering.lower(residual, position) for residual in self._known_put_in(k, side, axis.name)]
        finally:
            lowering.open_face = outer
            lowering.solving.pop()
        unknowns = self._unknowns(lowering.arrays, k, side, axis.points, tangential)
        values = self._determine(equations, unknowns, (k, side))
        if values is None:
            raise DiscretisationError(self._why_not(equations, unknowns, k, side, axis.name))
        return dict(zip(unknowns, values, strict=True))

    def _known_put_in(self, k: int, side: str, name: str) -> list[Term]:
        if (k, side) not in self._residuals:
            self._residuals[(k, side)] = put_in_known([r for _, r in self.conditions[(k, side)]], name)
        return self._residuals[(k, side)]

    def _determine(self, equations: list[Term], unknowns: list[Term], face: tuple[int, str]) -> list[Term] | None:
        """The unknowns, or None if the equations are not linear in them or do not determine them, symbolically or in numbers."""
        if face not in self._rows:
            matrix = self._numbers(equations, unknowns)
            if matrix is not None and np.linalg.svd(matrix, compute_uv=False)[-1] < _SINGULAR:
                return None
            self._rows[face] = list(range(len(equations))) if matrix is None else pivot_order(matrix)
        return solve_linear([equations[i] for i in self._rows[face]], unknowns)

    def _numbers(self, equations: list[Term], unknowns: list[Term]) -> np.ndarray | None:
        """The boundary system at the known values, rows and fields scaled to one; None where it depends on the state.

        The scale of a field is its largest coefficient anywhere in the conditions, interior points included: where the coefficients of a
        boundary value cancel, those of its neighbours remain.
        """
        matrix = np.zeros((len(equations), len(unknowns)))
        largest: dict[str, np.ndarray] = {}
        for i, equation in enumerate(equations):
            split = linear_coefficients(equation, [*unknowns, *symbols(equation, "load")])
            held = {s for c in split[0].values() for s in symbols(c)} if split else set()
            if split is None or any(s.kind in ("load", "temporary") for s in held):
                return None
            values: dict[Term, float] = dict.fromkeys(held, 1.0)
            values.update(self.known)
            for unknown, c in split[0].items():
                value = float(evaluate(c, values))
                name = unknown.info.array if unknown.kind == "load" else unknown.info[0].name  # type: ignore[attr-defined]
                sizes = largest.setdefault(name, np.zeros(len(equations)))
                sizes[i] = max(sizes[i], abs(value))
                if unknown in unknowns:
                    matrix[i, unknowns.index(unknown)] = value
        if not np.isfinite(matrix).all():
            return None
        rows = np.max([*largest.values(), np.full(len(equations), 1e-300)], axis=0)
        columns = [max((largest.get(u.info[0].name, rows) / rows).max(), 1e-300) for u in unknowns]  # type: ignore[attr-defined]
        return matrix / rows[:, None] / np.array(columns)

    def _unknowns(
        self, arrays: dict[Symbol, Array], k: int, side: str, points: int, tangential: tuple[Any, ...]
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
                    f'{field}; write it linear in {field} and its normal derivative, or take scheme="finite_volume"'
                )
        listed = "; ".join(f"{residual} = 0" for _, residual in self.conditions[(k, side)])
        names = ", ".join(dict.fromkeys(f.name for f, _ in self.conditions[(k, side)]))
        return (
            f"the conditions at {where} do not determine the boundary values (the boundary system is singular): {listed}. Write conditions that "
            f"fix {names} there; where the coefficients cancel on this grid alone, another resolution along {name} helps"
        )


def _unknown(field: Symbol, k: int, at: int, tangential: tuple[Any, ...]) -> Symbol:
    return Symbol(f"{field.name}@{k}:{at}", "temporary", (field, k, at, tangential))


def pivot_order(matrix: np.ndarray) -> list[int]:
    """The order of rows that Gaussian elimination with partial pivoting takes, so that symbolic elimination meets no pivot that vanishes."""
    work, order = np.array(matrix), list(range(len(matrix)))
    for k in range(len(work)):
        best = k + int(np.argmax(np.abs(work[k:, k])))
        work[[k, best]], order[k], order[best] = work[[best, k]], order[best], order[k]
        work[k + 1 :] -= np.outer(work[k + 1 :, k] / work[k, k], work[k])
    return order
