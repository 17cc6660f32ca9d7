"""Boundary conditions solved for the outermost points of a closed axis.

m conditions on a face eliminate the m outermost points there: the conditions, with one-sided differences of the scheme's order, are m linear
equations for them; one symbolic m x m solve a face, all coupled fields together, gives each eliminated value as a term of interior loads, time,
coordinates and parameters. Conditions that hold functions of other boundary values are solved in turn: ``v = 1``, then ``u = v^2`` (``triangular``).

A derivative along the side couples all points of the side. Where another condition of the face prescribes what it is taken of, it is known
and is put in: a hinged plate has ``u = g`` and ``u_xx + nu*u_yy = 0``, where ``u_yy = g_yy``.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from symnum.discretisation.prescribed import put_in_known
from symnum.discretisation.triangular import NotLinearError, solve_in_turn
from symnum.errors import DiscretisationError
from symnum.expr.calculus import linear_coefficients, solve_linear
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder, symbols
from symnum.model.numeric import evaluate

Conditions = dict[tuple[int, str], tuple[tuple[Symbol, Term], ...]]
Face = tuple[int, str, tuple[Symbol, ...]]  # axis, side, and the fields that are solved for there
_SINGULAR = 1e-10  # least singular value of the boundary system, rows scaled by their largest coefficient


class Boundary:
    """The conditions of each closed face: ``conditions[(axis, side)] = ((field, residual), ...)``; ``signs``: periodic axes (+1, -1).

    ``known``: values of parameters and time, at which boundary systems are tested for singularity.
    """

    known: Mapping[Term, float] = MappingProxyType({})

    def __init__(self, conditions: Conditions, signs: dict[str, int]) -> None:
        self.conditions, self.signs = conditions, signs
        self._residuals: dict[tuple[int, str], list[Term]] = {}
        self._rows: dict[tuple[Face, tuple[int, ...]], list[int] | None] = {}
        self._groups: dict[Face, tuple[Symbol, ...]] = {}

    def count(self, field: Symbol, axis: int, side: str) -> int:
        """How many points of a field a face eliminates."""
        return sum(1 for f, _ in self.conditions.get((axis, side), ()) if f is field)

    def value(self, lowering: Any, field: Symbol, k: int, side: str, at: int, position: tuple[Any, ...]) -> Term:
        """The eliminated value of ``field`` at grid index ``at`` of axis ``k``, at a tangential position."""
        tangential = position[:k] + (Fraction(0),) + position[k + 1 :]
        face = (k, side, tangential)
        if lowering.open_face == face:
            return _unknown(field, k, at, tangential)
        solution, wanted = lowering.solutions.setdefault(face, {}), _unknown(field, k, at, tangential)
        if wanted not in solution:
            group = self._group(k, side, field, lowering.grid.axes[k].name)
            solution.update(self._solve(lowering, group, k, side, tangential))
        return solution[wanted]

    def _solve(
        self, lowering: Any, group: tuple[Symbol, ...], k: int, side: str, tangential: tuple[Any, ...]
    ) -> dict[Term, Term]:
        axis = lowering.grid.axes[k]
        edge = 0 if side == "lower" else axis.points - 1
        position = (*tangential[:k], lowering.entry(k, edge), *tangential[k + 1 :])
        if lowering.solving.count((k, side, group)) > 1:  # twice is right at an edge
            raise DiscretisationError(self._along(k, side, axis.name))
        free = tuple(field for field in group if _is_free(lowering, field, k, tangential))
        known = self._known_put_in(k, side, axis.name)
        rows = [(f, r) for (f, _), r in zip(self.conditions[(k, side)], known, strict=True) if f in free]
        lowering.solving.append((k, side, group))
        outer, lowering.open_face = lowering.open_face, (k, side, tangential)
        try:
            equations = [lowering.lower(residual, position) for _, residual in rows]
        finally:
            lowering.open_face = outer
            lowering.solving.pop()
        unknowns = self._unknowns(free, k, side, axis.points, tangential)
        try:
            values = solve_in_turn(equations, unknowns, partial(self._determine, (k, side, free)))
        except NotLinearError as problem:
            raise DiscretisationError(_not_linear(*rows[problem.equation], problem.unknowns, side, axis.name)) from None
        if values is None:
            raise DiscretisationError(self._singular(k, side, axis.name))
        return dict(zip(unknowns, values, strict=True))

    def _group(self, k: int, side: str, field: Symbol, name: str) -> tuple[Symbol, ...]:
        """The fields of a face that must be solved for together with one: those that its conditions hold, and theirs in turn."""
        key = (k, side, (field,))
        if key not in self._groups:
            given = [f for f, _ in self.conditions[(k, side)]]
            found = [field]
            for f in found:  # grows
                rows = [r for g, r in zip(given, self._known_put_in(k, side, name), strict=True) if g is f]
                found += [g for g in symbols(rows, "field") if g in given and g not in found]
            self._groups[key] = tuple(f for f in dict.fromkeys(given) if f in found)
        return self._groups[key]

    def _known_put_in(self, k: int, side: str, name: str) -> list[Term]:
        if (k, side) not in self._residuals:
            self._residuals[(k, side)] = put_in_known([r for _, r in self.conditions[(k, side)]], name)
        return self._residuals[(k, side)]

    def _determine(
        self, face: Face, which: list[int], equations: list[Term], unknowns: list[Term]
    ) -> list[Term] | None:
        """The unknowns from linear equations (number ``which`` of the face), or None if these are singular, symbolically or in numbers."""
        block = (face, tuple(which))
        if block not in self._rows:
            matrix = self._numbers(equations, unknowns)
            if matrix is not None and np.linalg.svd(matrix, compute_uv=False)[-1] < _SINGULAR:
                return None
            self._rows[block] = None if matrix is None else pivot_order(matrix)
        order = self._rows[block]
        if order is None:
            return solve_linear(equations, unknowns)
        return solve_linear([equations[i] for i in order], unknowns, ordered=True)

    def _numbers(self, equations: list[Term], unknowns: list[Term]) -> np.ndarray | None:
        """The boundary system at the known values, rows and fields scaled to one; None where it depends on the state.

        The scale of a field is its largest coefficient anywhere in the conditions, interior points included: where the coefficients of a
        boundary value cancel, those of its neighbours remain.
        """
        matrix = np.zeros((len(equations), len(unknowns)))
        largest: dict[str, np.ndarray] = {}
        for i, equation in enumerate(equations):
            loads = symbols(equation, "load")
            split = linear_coefficients(equation, [*unknowns, *loads])
            if split is None:  # not linear in other fields, which counts nothing here
                own = {u.info[0].name for u in unknowns}  # type: ignore[attr-defined]
                split = linear_coefficients(equation, [*unknowns, *(s for s in loads if s.info.array in own)])
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
        self, fields: tuple[Symbol, ...], k: int, side: str, points: int, tangential: tuple[Any, ...]
    ) -> list[Term]:
        unknowns: list[Term] = []
        for field in fields:
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

    def _singular(self, k: int, side: str, name: str) -> str:
        where = f"the {side} side of {name}"
        listed = "; ".join(f"{residual} = 0" for _, residual in self.conditions[(k, side)])
        names = ", ".join(dict.fromkeys(f.name for f, _ in self.conditions[(k, side)]))
        return (
            f"the conditions at {where} do not determine the boundary values (the boundary system is singular): {listed}. Write conditions that "
            f"fix {names} there; where the coefficients cancel on this grid alone, another resolution along {name} helps"
        )


def _is_free(lowering: Any, field: Symbol, k: int, tangential: tuple[Any, ...]) -> bool:
    """True if no earlier axis eliminates the field at this place along the face: near an edge fields may have different layers."""
    array = lowering.arrays[field]
    for d, j in enumerate(array.axes):
        place = None if j >= k or lowering.grid.axes[j].periodic else lowering.place(j, tangential[j])
        if place is not None and not array.origin[d] <= int(place) < array.origin[d] + array.shape[d]:
            return False
    return True


def _not_linear(field: Symbol, residual: Term, unknowns: list[Term], side: str, name: str) -> str:
    """What to write in place of a condition that is not linear in the boundary values ``unknowns``."""
    values = list(dict.fromkeys(u.info[0].name for u in unknowns))  # type: ignore[attr-defined]
    named = f"value of {values[0]}" if len(values) == 1 else f"values of {' and '.join(values)}"
    other = f"write it linear in {' and '.join(values)}"
    if any(n.op == "derivative" and name in (c.name for c in n.args[1:]) for n in postorder((residual,))):  # type: ignore[attr-defined]
        other += ' and its normal derivative, or take scheme="finite_volume"'
    elif values != [field.name]:
        other += f", or give {' and '.join(v for v in values if v != field.name)} there by a condition of its own"
    return f"the condition on {field} at the {side} side of {name} ({residual} = 0) is not linear in the boundary {named}; {other}"


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
