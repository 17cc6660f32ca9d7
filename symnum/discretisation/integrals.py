"""Whole-domain integrals: sums over the grid at the start of the right-hand side, read like fields afterwards.

    integral(f, x) at y   ~   h * sum over i of w_i * f(x_i, y)

Weights w_i: one at the centres of cells and on periodic axes. On axes with end points the ends are corrected after Gregory, which makes the
error proportional to h^p for order p = 2, 4, 6 and leaves all weights positive:

    p = 2    1/2, 1, 1, ...  (trapezoidal rule)        p = 4    3/8, 7/6, 23/24, 1, 1, ...

A periodic axis has end points too if the integrand jumps there, as x*u does: x is the upper bound at the last of them.

Each integral is a local array of the kernel, one value for each grid point of the axes left over, summed by ``Accumulate`` in the same
pieces (layers near sides, interior) as the equations. Eliminated boundary points enter through their solutions. Source of the weights:
E. T. Whittaker, G. Robinson, The Calculus of Observations, 1924, section 72 (Gregory); the Euler-Maclaurin formula.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import lru_cache
from itertools import product
from math import factorial, prod
from typing import Any

import numpy as np

from symnum.discretisation.grid import Grid
from symnum.discretisation.lower import Lowering, outermost_derivatives
from symnum.discretisation.weights import stencil_weights
from symnum.errors import DiscretisationError
from symnum.expr.calculus import substitute
from symnum.expr.integral import integrals_as_fields
from symnum.expr.names import FieldInfo, depends_on
from symnum.expr.term import ONE, Const, Symbol, Term, add, mul, rebuild, scale
from symnum.expr.walk import fold, postorder, symbols
from symnum.ir.kernel import Accumulate, Array, Statement, nest, table
from symnum.ir.system import Axis
from symnum.model.normal_form import NormalForm
from symnum.model.numeric import evaluate

# sum_j (w_j - 1)*j^k for k = 0, 1, ...: -zeta(-k) for sums from 0 on (Euler-Maclaurin)
_MOMENTS = (
    Fraction(-1, 2), Fraction(1, 12), Fraction(0), Fraction(-1, 120), Fraction(0), Fraction(1, 252), Fraction(0),
)  # fmt: skip


@lru_cache(maxsize=8)
def end_weights(order: int) -> tuple[Fraction, ...]:
    """Gregory's weights of the first ``order - 1`` points (2 <= order <= 8); the others are 1, the far end is the mirror image."""
    nodes = range(order - 1)
    total = [Fraction(1)] * (order - 1)
    for k in nodes:
        for j, w in enumerate(stencil_weights(nodes, k)):
            total[j] += w * _MOMENTS[k] / factorial(k)
    return tuple(total)


@dataclass(frozen=True)
class Integral:
    """One integral: the local array of its values (divided by the spacings), what is summed, and along which axes.

    ``ends``: the axes of ``along`` whose first and last point count with Gregory's weights.
    """

    array: Array
    integrand: Term
    along: tuple[int, ...]
    ends: frozenset[int]

    @property
    def axes(self) -> tuple[int, ...]:
        return tuple(sorted((*self.along, *self.array.axes)))


@dataclass(frozen=True)
class Integrals:
    """The integrals of a system, those that others hold first; ``arrays``: the fields that stand for them."""

    rows: tuple[Integral, ...] = ()
    arrays: Mapping[Symbol, Array] = field(default_factory=dict)

    @property
    def locals(self) -> tuple[Array, ...]:
        return tuple(row.array for row in self.rows)

    def statements(self, assembly: Any) -> list[Statement]:
        """The loops that sum them up, for the start of a kernel."""
        return [statement for group in self._groups() for statement in _sums(assembly, group)]

    def _groups(self) -> Iterable[list[Integral]]:
        """Integrals that can be summed in one sweep: over the same axes, none holding another."""
        names = {array.name: symbol for symbol, array in self.arrays.items()}
        group: list[Integral] = []
        for row in self.rows:
            held = set(symbols(row.integrand, "field"))
            if group and (row.axes != group[0].axes or any(names[r.array.name] in held for r in group)):
                yield group
                group = []
            group.append(row)
        if group:
            yield group


def take_out(
    normal: NormalForm, grid: Grid, signs: Mapping[str, int], known: Mapping[Term, float]
) -> tuple[NormalForm, Integrals]:
    """The normal form with fields in place of integrals, and the integrals. ``known``: parameters and time in numbers."""
    fields = [*normal.rates, *normal.algebraic]
    terms, found = integrals_as_fields([*normal.rates.values(), *normal.algebraic.values()])
    if not found:
        return normal, Integrals()
    axis_of = {a.name: k for k, a in enumerate(grid.axes)}
    taken = {f.name for f in fields} | {s.name for s in known if isinstance(s, Symbol)}
    stands: dict[Term, Term] = {}
    rows: list[Integral] = []
    arrays: dict[Symbol, Array] = {}
    for symbol, whole in found.items():
        along = tuple(axis_of[c.name] for c in whole.along)
        cell = prod(grid.axes[k].spacing for k in along)
        if whole.integrand is ONE:
            stands[symbol] = Const(prod(grid.axes[k].stop - grid.axes[k].start for k in along))
            continue
        name = _fresh(f"integral{len(rows) + 1}", taken)
        axes = tuple(sorted(axis_of[c.name] for c in symbol.info.coordinates if c.name in axis_of))
        shape = tuple(grid.axes[k].points for k in axes)
        array = Array(name, shape, sum(a.size for a in arrays.values()), axes, (0,) * len(axes), symbol.name)
        integrand = substitute(whole.integrand, stands)
        ends = frozenset(
            k for c, k in zip(whole.along, along, strict=True) if _has_ends(grid.axes[k], c, integrand, signs, known)
        )
        rows.append(Integral(array, integrand, along, ends))
        local = Symbol(name, "field", FieldInfo(symbol.info.coordinates))
        arrays[local] = array
        stands[symbol] = scale(local, cell)
    replaced = dict(zip(fields, (substitute(term, stands) for term in terms), strict=True))
    _check_seams(replaced.values(), arrays, signs)
    rates = {f: replaced[f] for f in normal.rates}
    return replace(normal, rates=rates, algebraic={f: replaced[f] for f in normal.algebraic}), Integrals(
        tuple(rows), arrays
    )


def _fresh(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _check_seams(terms: Iterable[Term], arrays: Mapping[Symbol, Array], signs: Mapping[str, int]) -> None:
    """An integral has no sign of its own at the seam of an antiperiodic axis, so it must not stand below a derivative across it."""
    for node in (n for term in terms for n in postorder((term,)) if n.op == "derivative"):
        for c in node.args[1:]:
            held = [s for s in symbols(node.args[0], "field") if s in arrays and depends_on(s, c)]
            if held and signs.get(c.name) == -1:  # type: ignore[attr-defined]
                raise DiscretisationError(
                    f"{arrays[held[0]].field} stands below a derivative along {c}, which is antiperiodic; multiply the derivative out, so that "
                    f"only fields are differentiated along {c}"
                )


# --- ends -----------------------------------------------------------------------------------------------------------


def _has_ends(axis: Axis, x: Symbol, integrand: Term, signs: Mapping[str, int], known: Mapping[Term, float]) -> bool:
    """Whether the sum along an axis has ends: closed and antiperiodic axes of nodes, periodic ones where the integrand jumps."""
    if axis.centred:
        return False
    return not axis.periodic or signs[axis.name] == -1 or not _repeats(integrand, x, axis, known)


def _repeats(integrand: Term, x: Symbol, axis: Axis, known: Mapping[Term, float]) -> bool:
    """Whether the explicit dependence on x has the period of the axis: f(x + L) = f(x) at a few points, with some values for the fields."""
    if x not in symbols(_outside(integrand), "coordinate"):
        return True
    values: dict[Term, Any] = dict(known)
    for j, s in enumerate(symbols(_outside(integrand))):
        if s not in values:
            values[s] = 0.7 + 0.19 * j
    values.update({n: 0.6 + 0.17 * j for j, n in enumerate(outermost_derivatives(integrand))})
    length = axis.stop - axis.start
    points = axis.start + length * np.array([0.0, 0.013, 0.31, 0.77])
    here, there = (np.asarray(evaluate(integrand, {**values, x: points + d}), dtype=float) for d in (0.0, length))
    return bool(np.allclose(here, there, rtol=1e-9, atol=1e-9 * float(np.abs(here).max())))


def _outside(term: Term) -> Term:
    """The term with its derivatives put to one."""
    memo: dict[Term, Term] = dict.fromkeys(outermost_derivatives(term), ONE)
    return fold(term, lambda node, args: rebuild(node, tuple(args)) if node.args else node, memo)


def _at_end(integrand: Term, coordinate: str, stop: float) -> Term:
    """The integrand with x at the upper bound, except below derivatives."""
    memo: dict[Term, Term] = {node: node for node in outermost_derivatives(integrand)}
    memo.update({s: Const(stop) for s in symbols(integrand, "coordinate") if s.name == coordinate})
    return fold(integrand, lambda node, args: rebuild(node, tuple(args)) if node.args else node, memo)


# --- loops ----------------------------------------------------------------------------------------------------------

Piece = tuple[int, int, int | None]  # start, stop, the index of a single layer


def _sums(assembly: Any, group: Sequence[Integral]) -> list[Statement]:
    """One nest of loops for each product of pieces of the axes."""
    axes = group[0].axes
    interior = assembly.lowering((None,) * len(assembly.periods))
    reach = reach_of(
        [interior.lower(row.integrand, interior.centre) for row in group],
        assembly.arrays.values(),
        len(assembly.periods),
    )
    held = list(dict.fromkeys(f for row in group for f in symbols(row.integrand, "field")))
    order = min(assembly.order + assembly.order % 2, 8)
    body: list[Statement] = []
    for cell in product(*(_pieces(assembly, k, group, held, reach[k], order) for k in axes)):
        layer: list[int | None] = [None] * len(assembly.periods)
        for k, piece in zip(axes, cell, strict=True):
            layer[k] = piece[2]
        lowering = assembly.lowering(tuple(layer))
        added = tuple(
            Accumulate(
                row.array.name, _summand(lowering, row, dict(zip(axes, cell, strict=True)), order), row.array.field
            )
            for row in group
        )
        body.append(nest(tuple((k, p[0], p[1]) for k, p in zip(axes, cell, strict=True)), added))
    return body


def _pieces(
    assembly: Any, k: int, group: Sequence[Integral], fields: Sequence[Symbol], reach: tuple[int, int], order: int
) -> list[Piece]:
    """An axis cut into layers where stencils or eliminated points need it, pieces where weights do, and the rest."""
    axis: Axis = assembly.grid.axes[k]
    ends = any(k in row.ends for row in group)
    plain = axis.periodic and assembly.boundary.signs[axis.name] == 1
    low = high = 0
    if not plain:
        kept = [assembly._kept(f, k) for f in fields if f in assembly.normal.fields and k in assembly._axes(f)]
        low = max((a for a, _ in kept), default=0) + reach[0]
        high = axis.points - min((b for _, b in kept), default=axis.points) + reach[1]
    if ends and axis.periodic:
        low = max(low, 1)  # the last point is the first one
    special = order - 1 if ends else 0
    first, last = max(low, special), axis.points - max(high, special - axis.periodic)
    if last <= first or (plain and max(reach) >= axis.points):
        raise DiscretisationError(
            f"{axis.points} points along {axis.name} are too few for the integral {group[0].array.field} at order={assembly.order}; raise resolution"
        )
    layers = [(i, i + 1, i) for i in range(axis.points) if i < low or i >= axis.points - high]
    between = [(low, first, None), (first, last, None), (last, axis.points - high, None)]
    return sorted([*layers, *(p for p in between if p[0] < p[1])])


def _summand(lowering: Lowering, row: Integral, cell: Mapping[int, Piece], order: int) -> Term:
    """weight * integrand at the current point; at the first point of a periodic axis with ends also the last one."""
    choices = []
    for k in row.along:
        axis, piece = lowering.grid.axes[k], cell[k]
        here = _weights(axis, k, piece, order) if k in row.ends else ONE
        both = k in row.ends and axis.periodic and piece[2] == 0
        choices.append([(k, here, False), *([(k, Const(float(end_weights(order)[0])), True)] if both else [])])
    parts = []
    for choice in product(*choices):
        integrand, position = row.integrand, list(lowering.centre)
        for k in (k for k, _, last in choice if last):
            axis = lowering.grid.axes[k]
            integrand = _at_end(integrand, axis.name, axis.stop)
            if lowering.boundary.signs[axis.name] == -1:
                position[k] = position[k] + axis.points
        parts.append(mul((*(w for _, w, _ in choice), lowering.lower(integrand, tuple(position)))))
    return add(parts)


def _weights(axis: Axis, k: int, piece: Piece, order: int) -> Term:
    """The weights over a piece of an axis with ends: a number or a table."""
    ends, last = end_weights(order), axis.points - (not axis.periodic)
    if piece[0] >= len(ends) and piece[1] <= last + 1 - len(ends):
        return ONE

    def extra(i: int) -> Fraction:
        return ends[i] - 1 if i < len(ends) else Fraction(0)

    return table(k, piece[0], [float(1 + extra(i) + extra(last - i)) for i in range(piece[0], piece[1])])


def reach_of(terms: Iterable[Term], arrays: Iterable[Array], dimensions: int) -> list[tuple[int, int]]:
    """How far below and above the current point the loads of terms reach, for each axis."""
    axes = {a.name: a.axes for a in arrays}
    reach = [(0, 0)] * dimensions
    for symbol in symbols(terms, "load"):
        for k, offset in zip(axes[symbol.info.array], symbol.info.offsets, strict=True):
            reach[k] = (max(reach[k][0], -offset), max(reach[k][1], offset))
    return reach
