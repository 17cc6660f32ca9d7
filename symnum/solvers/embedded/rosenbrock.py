"""Rosenbrock methods as data, checked when they are made, and their part of the driver: one Jacobian and one W a step.

M y' = f(t, y),  J = df/dy and f_t = df/dt at the start of the step,  W = M/(gamma h) - J

    W U_i = f(t + c_i h, y + sum_j a_ij U_j) + M sum_j (C_ij/h) U_j + d_i h f_t
    y_new = y + sum_i m_i U_i,    error = sum_i e_i U_i,    y(theta) = y + sum_i m_i(theta) U_i

This is the form of Hairer, Wanner, *Solving Ordinary Differential Equations II*, eq. (IV.7.25) and VI.4, which needs no
product with J. With the matrix Gamma = (I/gamma - C)^-1 it is the usual one: alpha = a Gamma, b = m Gamma,
beta = alpha + Gamma. The order holds with the exact J only, so J is renewed every step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.expr.build import minimum, where
from symnum.expr.term import Term
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
    h_try,
    proportional_integral,
    shorten,
    stage_time,
    t,
    unconverged,
)
from symnum.solvers.embedded.language import (
    Factor,
    If,
    Jacobian,
    LinComb,
    Multiply,
    Solve,
    Statement,
    combination,
    let,
    scalars,
)
from symnum.solvers.embedded.method import Method
from symnum.solvers.embedded.tableau import Tree, density, rooted_trees

Array = NDArray[np.float64]
ROUNDING = 1e-12  # tolerance of the checks: coefficients are given in 16 digits
DIFFERENCE = 1e-4  # share of the step over which df/dt is differenced

_OWN = "jacobian_known linear_ok stage_ok algebraic"
jacobian_known, linear_ok, stage_ok, algebraic = scalars(_OWN)


@dataclass(frozen=True, eq=False)
class RosenbrockTableau:
    """A pair in the transformed form of the module.

    Args:
        order, embedded_order: of m and of m - error; dense_order: of the continuous extension.
        gamma: the diagonal of Gamma; a, c_matrix: rows 1..s-1 of a and C, row i with i entries.
        c, d: (s,) row sums of alpha and of Gamma; m, error: (s,).
        dense: for each stage the coefficients of theta, theta^2, ... in m_i(theta).

    Raises AssertionError if a row sum, an order condition or m_i(1) = m_i is violated.
    """

    order: int
    embedded_order: int
    dense_order: int
    gamma: float
    a: tuple[tuple[float, ...], ...]
    c_matrix: tuple[tuple[float, ...], ...]
    c: tuple[float, ...]
    d: tuple[float, ...]
    m: tuple[float, ...]
    error: tuple[float, ...]
    dense: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        assert len(self.c) == len(self.d) == len(self.m) == len(self.error) == len(self.dense) == self.stages
        for name, sums, given in (("alpha", self.alpha, self.c), ("Gamma", self.big_gamma, self.d)):
            assert np.abs(sums.sum(axis=1) - given).max() <= ROUNDING, f"rows of {name} do not sum up"
        for weights, order in ((self.b, self.order), (self.embedded, self.embedded_order)):
            for tree, residual in self.residuals(weights, order):
                assert abs(residual) <= ROUNDING, f"order condition {tree} violated by {residual}"
        for polynomial, m in zip(self.dense, self.m, strict=True):
            assert abs(sum(polynomial) - m) <= 100 * ROUNDING, "the continuous extension does not end in the step"
        for theta in (0.375, 0.8125):
            inside = self.usual([np.polyval((*polynomial[::-1], 0), theta) for polynomial in self.dense])
            for tree, residual in self.residuals(inside, self.dense_order, theta):
                assert abs(residual) <= 100 * ROUNDING, f"order condition {tree} of the continuous extension violated"

    @property
    def stages(self) -> int:
        return len(self.a) + 1

    @cached_property
    def big_gamma(self) -> Array:
        """Gamma, (s, s)."""
        return np.asarray(np.linalg.inv(np.eye(self.stages) / self.gamma - _lower(self.c_matrix)), dtype=np.float64)

    @cached_property
    def alpha(self) -> Array:
        """alpha, (s, s)."""
        made: Array = _lower(self.a) @ self.big_gamma
        return made

    @cached_property
    def b(self) -> Array:
        """Weights of the usual form, (s,)."""
        return self.usual(self.m)

    @cached_property
    def embedded(self) -> Array:
        """Weights of the comparison solution in the usual form, (s,)."""
        return self.b - self.usual(self.error)

    def usual(self, weights: Any) -> Array:
        """Weights of the U_i as weights of the usual form, (s,)."""
        made: Array = np.asarray(weights, dtype=np.float64) @ self.big_gamma
        return made

    def residuals(self, weights: Array, order: int, theta: float = 1.0) -> Iterator[tuple[Tree, float]]:
        """For each rooted tree of up to ``order`` nodes: sum_i weights_i Phi_i(tree) - theta^nodes/gamma(tree).

        In Phi a node with one branch brings beta, one with several brings alpha (Hairer, Wanner II, theorem IV.7.3).
        """
        for nodes in range(1, order + 1):
            for tree in rooted_trees(nodes):
                yield tree, float(weights @ self.phi(tree)) - theta**nodes / density(tree)

    def phi(self, tree: Tree) -> Array:
        """Phi of a tree, (s,)."""
        if not tree:
            return np.ones(self.stages)
        if len(tree) == 1:
            single: Array = (self.alpha + self.big_gamma) @ self.phi(tree[0])
            return single
        product = np.ones(self.stages)
        for branch in tree:
            product = product * (self.alpha @ self.phi(branch))
        return product


def _lower(rows: tuple[tuple[float, ...], ...]) -> Array:
    """Rows 1..s-1 as a strictly lower triangular matrix."""
    full = np.zeros((len(rows) + 1, len(rows) + 1))
    for i, row in enumerate(rows, start=1):
        assert len(row) == i, f"row {i} has {len(row)} entries"
        full[i, :i] = row
    return full


def rosenbrock(name: str, tableau: RosenbrockTableau, summary: str) -> Method:
    """A method from a tableau. Its last stages reach t + h with W y' small, so y_new also meets algebraic equations."""
    stages = [f"u{i}" for i in range(1, tableau.stages + 1)]
    interpolant: tuple[Weight, ...] = (
        ("y_new", 0, (1,)),
        *((u, 0, (0, *polynomial)) for u, polynomial in zip(stages, tableau.dense, strict=True)),
    )
    after, rejected = proportional_integral(tableau.embedded_order + 1)
    parts = Parts(
        name=name.lower(),
        order=tableau.order,
        vectors=(*stages, "work", "time_slope", "differential"),
        attempt=_attempt(tableau, stages),
        next_step=((*after, let(jacobian_known, 0)), rejected),
        interpolant=interpolant,
        kept=tuple(stages),
        scalars=tuple(_OWN.split()),
        restart=(let(jacobian_known, 0),),
    )
    return Method(name, tableau.order, tableau.dense_order, parts, summary, implicit=True)


def _attempt(tableau: RosenbrockTableau, stages: list[str]) -> tuple[Statement, ...]:
    body: list[Statement] = []
    for i in range(tableau.stages):
        body += _stage(tableau, stages, i)
    weights = zip(tableau.m, stages, strict=True)
    body += [
        combination("y_new", (1, "y"), *((m, u) for m, u in weights)),
        error_norm(error, ("y", "y_new"), *((e, u) for e, u in zip(tableau.error, stages, strict=True))),
        let(error, where(linear_ok > 0, error, 2)),  # small by chance after a solve that failed
        If(error <= 1, newton.last_slope()),
    ]
    return (
        let(error, 2),
        let(linear_ok, 1),
        If(jacobian_known <= 0, _derivatives()),
        If(linear_ok > 0, (Factor("linear_ok", 0, 1 / (tableau.gamma * h_try)),)),
        If(linear_ok > 0, tuple(body)),
        let(unconverged, 1 - linear_ok),
        let(shorten, 0.25),
    )


def _derivatives() -> tuple[Statement, ...]:
    """J, and f_t by the one-sided difference of second order, (-3 f(t) + 4 f(t + s) - f(t + 2s))/(2s), inside the step.

    sum_i b_i d_i = 0, so rounding in f_t reaches the result only in second order of h.
    """
    s = DIFFERENCE * h_try
    difference = (
        *evaluate("work", t + s, "y"),
        *evaluate("time_slope", t + 2 * s, "y"),
        combination("time_slope", (-0.5 / s, "time_slope"), (2 / s, "work"), (-1.5 / s, "slope")),
        error_norm(d2, ("y",), (1, "time_slope")),
        let(linear_ok, where(d2 <= HUGE, linear_ok, 0)),
    )
    return (
        Jacobian("linear_ok", stage_time(t), "y"),
        If(autonomous <= 0, difference),
        let(jacobian_known, linear_ok),
    )


def _stage(tableau: RosenbrockTableau, stages: list[str], i: int) -> list[Statement]:
    """U_i. A stage at the same place as the first uses its slope again."""
    u, made = stages[i], list[Statement]()
    place = tableau.a[i - 1] if i else ()
    slope = "slope"
    if any(place):
        slope = u
        made.append(combination("y_new", (1, "y"), *((a, other) for a, other in zip(place, stages, strict=False))))
        made += evaluate(u, t + tableau.c[i] * h_try, "y_new")
    c_row = tableau.c_matrix[i - 1] if i else ()
    memory = [(c / h_try, other) for c, other in zip(c_row, stages, strict=False) if c]
    drift: list[tuple[Term | float, str]] = [(tableau.d[i] * h_try, "time_slope")] if tableau.d[i] else []
    plain: LinComb = combination("work", (1, slope), *memory, *drift)
    if memory:
        masked = (
            combination("work", *memory),
            Multiply("work", "work", "differential"),
            combination("work", (1, slope), (1, "work"), *drift),
        )
        made.append(If(algebraic > 0, masked, (plain,)))
    else:
        made.append(plain)
    # a stage that fails spoils linear_ok for good: the step counts as failed
    return [*made, Solve("stage_ok", 0, u, "work"), let(linear_ok, minimum(linear_ok, stage_ok))]
