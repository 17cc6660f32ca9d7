"""Diagonally implicit Runge-Kutta methods with an explicit first stage (ESDIRK), by Newton or linearly implicit (IMEX).

    k_i = f(t + c_i h, Y_i),   Y_i = y + h sum_(j<=i) a_ij k_j,   a_ii = gamma (a_11 = 0),   y_new = Y_s,   error = h sum_i e_i k_i

IMEX, for f = f_E + L y with a constant L: with the explicit partner A^E and the same weights b

    Y_i = y + h sum_(j<i) a^E_ij (f_j - L_j) + h sum_(j<=i) a_ij L_j,   L_j = L Y_j,   f_j = f(t + c_j h, Y_j),
    y_new = y + h sum_i b_i f_i,   error = h sum_i e_i f_i

so that each stage is one linear solve with W = I/(gamma h) - L. Ch. A. Kennedy, M. H. Carpenter, Additive Runge-Kutta
schemes for convection-diffusion-reaction equations, Appl. Numer. Math. 44 (2003) 139-181; and *Diagonally implicit
Runge-Kutta methods for ordinary differential equations, a review*, NASA/TM-2016-219173.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from itertools import product
from math import prod
from typing import Any

from symnum.expr.build import minimum, where
from symnum.solvers.embedded import newton
from symnum.solvers.embedded.driver import (
    HUGE,
    Parts,
    Weight,
    autonomous,
    d2,
    error,
    error_norm,
    evaluate,
    h,
    h_old,
    h_try,
    rejecting,
    stage_time,
    t,
    unconverged,
)
from symnum.solvers.embedded.language import (
    Factor,
    If,
    Jacobian,
    JacobianProduct,
    Multiply,
    Solve,
    Statement,
    combination,
    let,
)
from symnum.solvers.embedded.method import Method
from symnum.solvers.embedded.tableau import Tree, density, rooted_trees

Number = Any  # int, float or Fraction


@dataclass(frozen=True)
class SdirkTableau:
    """An ESDIRK pair, with its explicit partner if it has one.

    Args:
        order: of b; embedded_order: of b - error.
        gamma: the diagonal; c: (s,); a: rows 2..s below the diagonal, row i with i - 1 entries; the last row and gamma are b.
        error: e, (s,). explicit: rows 2..s of A^E, or ().
        tolerance: of the checks, 0 for exact fractions.

    Raises AssertionError if a row sum or an order condition (of both partners together) is violated.
    """

    order: int
    embedded_order: int
    gamma: Number
    c: tuple[Number, ...]
    a: tuple[tuple[Number, ...], ...]
    error: tuple[Number, ...]
    explicit: tuple[tuple[Number, ...], ...] = ()
    tolerance: float = 0.0
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        assert len(self.c) == len(self.error) == self.stages and self.c[0] == 0 and self.c[-1] == 1
        for i, row in enumerate(self.a, start=1):
            assert len(row) == i and abs(sum(row) + self.gamma - self.c[i]) <= self.tolerance, (
                f"row {i} does not sum to c"
            )
        for i, row in enumerate(self.explicit, start=1):
            assert len(row) == i and abs(sum(row) - self.c[i]) <= self.tolerance, f"explicit row {i} does not sum to c"
        matrices = (self.matrix, self.explicit_matrix) if self.explicit else (self.matrix,)
        for weights, order in ((self.b, self.order), (self.embedded, self.embedded_order)):
            for tree, residual in additive_residuals(matrices, weights, order):
                assert abs(residual) <= self.tolerance, f"order condition {tree} violated by {float(residual)}"

    @property
    def stages(self) -> int:
        return len(self.a) + 1

    @property
    def b(self) -> tuple[Number, ...]:
        return (*self.a[-1], self.gamma)

    @property
    def embedded(self) -> tuple[Number, ...]:
        return tuple(b - e for b, e in zip(self.b, self.error, strict=True))

    @property
    def matrix(self) -> tuple[tuple[Number, ...], ...]:
        """A, (s, s)."""
        below = [(*row, self.gamma, *(0,) * (self.stages - len(row) - 1)) for row in self.a]
        return (0,) * self.stages, *below

    @property
    def explicit_matrix(self) -> tuple[tuple[Number, ...], ...]:
        """A^E, (s, s)."""
        return tuple((*row, *(0,) * (self.stages - len(row))) for row in ((), *self.explicit))


def additive_residuals(matrices: tuple[Any, ...], weights: tuple[Any, ...], order: int) -> Iterator[tuple[Tree, Any]]:
    """The order conditions of an additive Runge-Kutta method with common weights and nodes.

    As ``tableau.order_residuals``, for every way to take one of the matrices at each inner edge of a rooted tree (Kennedy,
    Carpenter 2003, section 2.1).
    """

    @cache
    def phis(tree: Tree) -> tuple[tuple[Any, ...], ...]:
        edges = [
            tuple(
                tuple(sum(a * v for a, v in zip(row, phi, strict=True)) for row in matrix)
                for matrix in (matrices if branch else matrices[:1])
                for phi in phis(branch)
            )
            for branch in tree
        ]
        return (
            tuple(tuple(prod(column) for column in zip(*choice, strict=True)) for choice in product(*edges))
            if edges
            else (ones,)
        )

    ones = (1,) * len(weights)
    for nodes in range(1, order + 1):
        for tree in rooted_trees(nodes):
            for phi in phis(tree):
                yield tree, sum(w * v for w, v in zip(weights, phi, strict=True)) - Fraction(1, density(tree))


#: Cubic Hermite: after acceptance y_new and slope_new are the old state and slope.
HERMITE: tuple[Weight, ...] = (
    ("y_new", 0, (1, 0, -3, 2)),
    ("y", 0, (0, 0, 3, -2)),
    ("slope_new", 1, (0, 1, -2, 1)),
    ("slope", 1, (0, 0, -1, 1)),
)


def esdirk(name: str, tableau: SdirkTableau, summary: str, filtered: bool = False) -> Method:
    """A method that solves each stage by Newton's iteration; index-1 algebraic equations are met, for y_new = Y_s.

    Args:
        filtered: the estimate is W^-1 M error/(gamma h), for pairs whose estimate grows with stiffness (Hairer, Wanner II, IV.8, eq. (8.19)).
    """
    slopes = ["slope", *(f"k{i}" for i in range(2, tableau.stages)), "slope_new"]
    body: list[Statement] = [*newton.prepare([(1 / tableau.gamma, None)])]
    body += [If(unconverged <= 0, _newton_stage(tableau, slopes, i)) for i in range(1, tableau.stages)]
    body.append(If(unconverged <= 0, _estimate(tableau, slopes, filtered)))
    controller = newton.keep_or_change(tableau.embedded_order + 1 if not filtered else tableau.order + 1)
    parts = Parts(
        name=name.lower(),
        order=tableau.order,
        vectors=(*slopes[1:-1], "base", "work", "differential"),
        attempt=tuple(body),
        next_step=controller,
        interpolant=HERMITE,
        kept=("slope_new", "slope"),
        scalars=tuple(newton.SCALARS.split()),
        restart=(*newton.restart(), If(newton.algebraic > 0, _algebraic_slopes())),
    )
    dense = 3 if tableau.order > 2 else 2
    return Method(
        name,
        tableau.order,
        dense,
        parts,
        summary,
        implicit=True,
        estimate_order=min(tableau.order, tableau.embedded_order) + 1,
    )


def _algebraic_slopes() -> tuple[Statement, ...]:
    """The first slope of algebraic unknowns, z' of 0 = g_t + g_x x' + g_z z'; at later steps it is that of the last stage.

    W delta = (0, g_t + g_x x' + g_z z') with a large shift gives -delta_z = the error of z' but for 1/shift: two corrections from z' = 0.
    """
    s, shift = 1e-4 * h, 1e6 / abs(h)
    difference = (
        *evaluate("base", t + s, "y"),
        *evaluate("y_new", t + 2 * s, "y"),
        combination("base", (-0.5 / s, "y_new"), (2 / s, "base"), (-1.5 / s, "slope")),
    )
    correct = (
        JacobianProduct("work", "slope"),
        combination("work", (1, "work"), (1, "base")),
        *_algebraic_rows("work"),
        Solve("linear_ok", 0, "work", "work"),
        *_algebraic_rows("work"),
        combination("slope", (1, "slope"), (1, "work")),
    )
    give_up = (*evaluate("slope", t, "y"), Multiply("slope", "slope", "differential"))
    return (
        combination("base", (1, "y"), (-1, "y")),
        If(autonomous <= 0, difference),
        Multiply("slope", "slope", "differential"),
        Jacobian("linear_ok", stage_time(t), "y"),
        let(newton.jacobian_known, newton.linear_ok),
        let(newton.jacobian_current, newton.linear_ok),
        If(newton.linear_ok > 0, (Factor("linear_ok", 0, shift * where(h < 0, -1, 1)),)),
        If(newton.linear_ok > 0, (*correct, *correct, error_norm(d2, ("y",), (1, "slope")))),
        If((newton.linear_ok <= 0) | ~(d2 <= HUGE), give_up),
    )


def _algebraic_rows(vector: str) -> tuple[Statement, ...]:
    """Zeros in the other rows; y_new is free memory."""
    return Multiply("y_new", vector, "differential"), combination(vector, (1, vector), (-1, "y_new"))


def _newton_stage(tableau: SdirkTableau, slopes: list[str], i: int) -> tuple[Statement, ...]:
    """Base, first guess and iteration of stage i. The guess of its slope extrapolates earlier ones."""
    gamma, row = tableau.gamma, tableau.a[i - 1]
    known = [(h_try * a, k) for a, k in zip(row, slopes, strict=False)]

    def first(guess: list[tuple[str, Any]]) -> tuple[Statement, ...]:
        weights = dict(zip(slopes, row, strict=False))
        for k, weight in guess:
            weights[k] = weights.get(k, 0) + gamma * weight
        return (combination("y_new", (1, "y"), *((h_try * w, k) for k, w in weights.items())),)

    if i > 1:
        start = first(_interpolated(tableau, slopes, i))
    else:  # what an attempt that failed has left may be NaN, which no zero weight takes away
        start = (
            If((newton.size_h > 0) & (rejecting <= 0), first(_extrapolated(tableau, slopes)), first([(slopes[0], 1)])),
        )
    return (
        combination("base", (1, "y"), *known),
        *start,
        *newton.solve_stage(slopes[i], t + tableau.c[i] * h_try, gamma),
    )


def _extrapolated(tableau: SdirkTableau, slopes: list[str]) -> list[tuple[str, Any]]:
    """Weights of the line at c_2 through the first slope and that of a stage of the last step, which still lies in its vector."""
    c, j = tableau.c, max(1, tableau.stages - 3)
    reach = minimum(c[1] * h_try / ((1 - c[j]) * h_old), 3)
    return [(slopes[0], 1 + reach), (slopes[j], -reach)]


def _interpolated(tableau: SdirkTableau, slopes: list[str], i: int) -> list[tuple[str, Any]]:
    """Weights of the polynomial at c_i through the three (or two) slopes nearest to it."""
    c = tableau.c
    nodes = sorted(range(i), key=lambda j: abs(c[j] - c[i]))[:3]
    return [(slopes[j], prod((c[i] - c[k]) / (c[j] - c[k]) for k in nodes if k != j)) for j in nodes]


def _estimate(tableau: SdirkTableau, slopes: list[str], filtered: bool) -> tuple[Statement, ...]:
    terms = [(h_try * e, k) for e, k in zip(tableau.error, slopes, strict=True)]
    if not filtered:
        return (error_norm(error, ("y", "y_new"), *terms),)
    shift = 1 / tableau.gamma
    return (
        combination("work", *((shift * e, k) for e, k in zip(tableau.error, slopes, strict=True))),
        If(newton.algebraic > 0, (Multiply("work", "work", "differential"),)),
        Solve("linear_ok", 0, "work", "work"),
        error_norm(error, ("y", "y_new"), (1, "work")),
        If(newton.linear_ok <= 0, newton.failed()),
    )


def imex(name: str, tableau: SdirkTableau, summary: str) -> Method:
    """A method that treats the constant linear part of f implicitly: one linear solve a stage, no iteration."""
    stages = tableau.stages
    slopes = ["slope", *(f"k{i}" for i in range(2, stages + 1))]
    linear = [f"l{i}" for i in range(1, stages + 1)]
    body: list[Statement] = [
        If(rejecting <= 0, (JacobianProduct("l1", "y"),)),  # before W, which may be singular at the first attempt
        *newton.prepare([(1 / tableau.gamma, None)]),
    ]
    body += [If(unconverged <= 0, _linear_stage(tableau, slopes, linear, i)) for i in range(1, stages)]
    body.append(If(unconverged <= 0, _finish(tableau, slopes)))
    parts = Parts(
        name=name.lower(),
        order=tableau.order,
        vectors=(*slopes[1:], *linear, "base"),
        attempt=tuple(body),
        next_step=newton.keep_or_change(tableau.embedded_order + 1),
        interpolant=HERMITE,
        kept=("slope_new", "slope"),
        scalars=tuple(newton.SCALARS.split()),
        restart=newton.restart(),
    )
    return Method(name, tableau.order, 3, parts, summary, implicit=True, split=True)


def _linear_stage(tableau: SdirkTableau, slopes: list[str], linear: list[str], i: int) -> tuple[Statement, ...]:
    """W Y = base/(gamma h), then L Y = (Y - base)/(gamma h)."""
    shift = 1 / (tableau.gamma * h_try)
    explicit, implicit = tableau.explicit[i - 1], tableau.a[i - 1]
    known = [(a / tableau.gamma, k) for a, k in zip(explicit, slopes, strict=False)]
    known += [((a - e) / tableau.gamma, k) for a, e, k in zip(implicit, explicit, linear, strict=False)]
    return (
        combination("base", (shift, "y"), *known),
        Solve("linear_ok", 0, "y_new", "base"),
        combination(linear[i], (shift, "y_new"), (-1, "base")),
        *evaluate(slopes[i], t + tableau.c[i] * h_try, "y_new"),
        If(newton.linear_ok <= 0, newton.failed()),
    )


def _finish(tableau: SdirkTableau, slopes: list[str]) -> tuple[Statement, ...]:
    return (
        combination("y_new", (1, "y"), *((h_try * b, k) for b, k in zip(tableau.b, slopes, strict=True))),
        error_norm(error, ("y", "y_new"), *((h_try * e, k) for e, k in zip(tableau.error, slopes, strict=True))),
        If(error <= 1, newton.last_slope()),
    )
