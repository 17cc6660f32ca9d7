"""Explicit Runge-Kutta pairs as data, checked when they are made.

    c | A            stages   k_i = f(t + c_i h, y + h sum_j a_ij k_j)
    --+---           step     y_new = y + h sum_i b_i k_i
      | b            error    h sum_i e_i k_i
      | e            dense    y(t + theta h) = y + h sum_i b_i(theta) k_i

The last row of A is b (first same as last): the last stage is the slope at the end of the step. Stages that only the dense
output needs may follow it (``extra_a``): they are computed on demand, once the step is accepted.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from math import prod
from typing import Any

Number = Any  # int, float or Fraction
Tree = tuple[Any, ...]  # a rooted tree is the sorted tuple of its branches; () is the single node


@dataclass(frozen=True)
class Tableau:
    """A pair with its continuous extension.

    Args:
        order: of the solution; embedded_order: of the comparison solution b - e.
        a: rows 1..s-1 of A, row i with i entries (row 0 is empty); the last one is b.
        error: e (s entries).
        dense: for each stage, extra ones included, the coefficients of theta, theta^2, ... in b_i(theta).
        dense_order: order of the continuous extension.
        tolerance: of the checks, 0 for exact fractions.
        extra_c, extra_a: nodes and rows of the stages that only the dense output needs; row j has s + j entries.

    Raises AssertionError if a row sum, an order condition or b_i(1) = b_i is violated.
    """

    order: int
    embedded_order: int
    c: tuple[Number, ...]
    a: tuple[tuple[Number, ...], ...]
    error: tuple[Number, ...]
    dense: tuple[tuple[Number, ...], ...]
    dense_order: int
    tolerance: float = 0.0
    source: str = field(default="", compare=False)
    extra_c: tuple[Number, ...] = ()
    extra_a: tuple[tuple[Number, ...], ...] = ()

    def __post_init__(self) -> None:
        nodes, rows = (*self.c, *self.extra_c), (*self.a, *self.extra_a)
        assert len(self.c) == len(self.error) == self.stages and self.c[0] == 0 and self.c[-1] == 1
        assert len(self.dense) == len(nodes) == len(rows) + 1
        for i, row in enumerate(rows, start=1):
            assert len(row) == i and abs(sum(row) - nodes[i]) <= self.tolerance, f"row {i} does not sum to c"
        for weights, order in ((self.b, self.order), (self.embedded, self.embedded_order)):
            for tree, residual in order_residuals(self, weights, order):
                assert abs(residual) <= self.tolerance, f"order condition {tree} violated by {float(residual)}"
        for polynomial, b in zip(self.dense, (*self.b, *(0 for _ in self.extra_a)), strict=True):
            assert abs(sum(polynomial) - b) <= self.tolerance, "the continuous extension does not end in the step"

    @property
    def stages(self) -> int:
        return len(self.a) + 1

    @property
    def b(self) -> tuple[Any, ...]:
        return (*self.a[-1], 0)

    @property
    def embedded(self) -> tuple[Number, ...]:
        return tuple(b - e for b, e in zip(self.b, self.error, strict=True))


def order_residuals(tableau: Tableau, weights: tuple[Any, ...], order: int) -> Iterator[tuple[Tree, Any]]:
    """For each rooted tree of up to ``order`` nodes: sum_i weights_i Phi_i(tree) - 1/gamma(tree).

    ``weights`` is for the stages of the step or for these and the extra ones.
    Hairer, Norsett, Wanner I, II.2, theorem 2.13.
    """
    rows = ((), *tableau.a, *tableau.extra_a)[: len(weights)]
    values: dict[Tree, list[Any]] = {}

    def phi(tree: Tree) -> list[Any]:
        if tree not in values:
            branches = [phi(branch) for branch in tree]
            inner = [[sum(a * v for a, v in zip(row, branch, strict=False)) for row in rows] for branch in branches]
            values[tree] = [prod(column) for column in zip(*inner, strict=True)] if inner else [1] * len(rows)
        return values[tree]

    for nodes in range(1, order + 1):
        for tree in rooted_trees(nodes):
            yield tree, sum(w * v for w, v in zip(weights, phi(tree), strict=True)) - Fraction(1, density(tree))


@cache
def rooted_trees(nodes: int) -> tuple[Tree, ...]:
    """All rooted trees with this many nodes (1, 1, 2, 4, 9, 20, ...)."""
    if nodes == 1:
        return ((),)
    found = {tuple(sorted((*tree, ()))) for tree in rooted_trees(nodes - 1)}  # a leaf at the root
    for size in range(2, nodes):  # or a larger branch at the root
        found |= {
            tuple(sorted((*rest, branch))) for rest in rooted_trees(nodes - size) for branch in rooted_trees(size)
        }
    return tuple(sorted(found))


def node_count(tree: Tree) -> int:
    """Number of nodes."""
    return 1 + sum(node_count(branch) for branch in tree)


def density(tree: Tree) -> int:
    """gamma: the product over all nodes of the size of the subtree below."""
    return node_count(tree) * prod(density(branch) for branch in tree)
