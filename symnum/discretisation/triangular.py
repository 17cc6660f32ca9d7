"""Systems that are not linear in all unknowns at once, but are when solved in turn: ``v = 1``, then ``u = v^2``.

Equations and unknowns are brought into block triangular form (I. S. Duff, A. M. Erisman, J. K. Reid, *Direct Methods for Sparse Matrices*,
Oxford 2017, chapter 6): a perfect matching of equations and unknowns, then the strongly connected components of the graph "the equation matched
to i holds unknown j". Each block is solved for its own unknowns after those before it are put in.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import numpy as np

from symnum.expr.calculus import linear_coefficients, substitute
from symnum.expr.term import Term
from symnum.expr.walk import postorder

Solve = Callable[[list[int], list[Term], list[Term]], "list[Term] | None"]


class NotLinearError(Exception):
    """``equation``: which one; ``unknowns``: those it is not linear in (two or more: in their product) when its turn comes."""

    def __init__(self, equation: int, unknowns: list[Term]) -> None:
        super().__init__(equation, unknowns)
        self.equation, self.unknowns = equation, unknowns


def solve_in_turn(equations: list[Term], unknowns: list[Term], solve: Solve) -> list[Term] | None:
    """The unknowns from equations = 0; None where these do not determine them.

    ``solve(indices, equations, unknowns)`` solves one linear block: the indices of its equations, the equations with what is known put in, and
    its unknowns (None: singular). Everything is one block if the equations are linear. Raises NotLinearError.
    """
    if all(linear_coefficients(equation, unknowns) is not None for equation in equations):
        return solve(list(range(len(equations))), equations, unknowns)
    blocks = triangular_blocks(equations, unknowns)
    if blocks is None:
        return None
    found: dict[Term, Term] = {}
    for rows, columns in blocks:
        own = [unknowns[j] for j in columns]
        reduced = [substitute(equations[i], found) for i in rows]
        for i, equation in zip(rows, reduced, strict=True):
            if linear_coefficients(equation, own) is None:
                raise NotLinearError(i, not_linear_in(equation, own))
        values = solve(rows, reduced, own)
        if values is None:
            return None
        found.update(zip(own, values, strict=True))
    return [found[u] for u in unknowns]


def not_linear_in(equation: Term, unknowns: list[Term]) -> list[Term]:
    """The unknowns that an equation is not linear in one by one; else a pair whose product it holds."""
    alone = [u for u in unknowns if linear_coefficients(equation, [u]) is None]
    if alone:
        return alone
    pairs = (list(pair) for pair in combinations(unknowns, 2) if linear_coefficients(equation, pair) is None)
    return next(pairs, unknowns)


def triangular_blocks(equations: list[Term], unknowns: list[Term]) -> list[tuple[list[int], list[int]]] | None:
    """(equations, unknowns) of each diagonal block in an order in which they can be solved; None if no equation is left for some unknown."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import connected_components, maximum_bipartite_matching

    places = {u: j for j, u in enumerate(unknowns)}
    holds = np.zeros((len(equations), len(unknowns)), dtype=bool)
    for i, equation in enumerate(equations):
        for node in postorder((equation,)):
            if node in places:
                holds[i, places[node]] = True
    row_of = maximum_bipartite_matching(csr_matrix(holds), perm_type="row")
    if (row_of < 0).any():
        return None
    needs = holds[row_of]  # needs[j, k]: the equation for unknown j holds unknown k
    count, label = connected_components(csr_matrix(needs), directed=True, connection="strong")
    left, order = set(range(count)), []
    while left:
        ready = [b for b in sorted(left) if set(label[needs[label == b].any(axis=0)]) & left == {b}]
        order += ready
        left -= set(ready)
    return [(sorted(int(i) for i in row_of[label == b]), [int(j) for j in np.flatnonzero(label == b)]) for b in order]
