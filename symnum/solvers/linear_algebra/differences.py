"""df/dy by one-sided differences of f, several columns at a time.

Columns that share no row are moved together (Curtis, Powell, Reid, J. Inst. Maths Applics 13 (1974) 117-119): a stencil of any grid needs about as
many evaluations of f as it has points. The groups are a greedy colouring of the graph whose edges join columns with a common row (Coleman, More,
SIAM J. Numer. Anal. 20 (1983) 187-209), largest degree first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError
from symnum.solvers.linear_algebra.entries import Entries, sorted_entries
from symnum.solvers.problem import Options, Problem

Array = NDArray[np.float64]
_STEP = 1.5e-8  # about the root of the unit roundoff
_LARGEST_DENSE = 2000  # unknowns up to which every column may be moved by itself


def differences(problem: Problem, options: Options) -> Entries:
    """The Jacobian of a function of which only values are known.

    The step in y_j is 1.5e-8 of max(|y_j|, atol/rtol), away from zero.

    Raises:
        SolveError: more than 2000 unknowns and no sparsity.
    """
    n = problem.n
    pattern = problem.sparsity() if callable(problem.sparsity) else problem.sparsity
    if pattern is None or not problem.jacobian_exact:  # integrals are left out of the sparsity
        if n > _LARGEST_DENSE and problem.semilinear is not None:
            raise SolveError(
                f'with scheme="fourier" the Jacobian is dense, too much for {n} unknowns; write method="ETDRK4", which needs none, '
                'method="CVODE", which takes products with it, or scheme="central"'
            )
        if n > _LARGEST_DENSE:
            raise SolveError(
                f"the equations give neither a Jacobian nor its sparsity, and differences for {n} unknowns would need {n} evaluations "
                "each time; give Problem(sparsity=...) or Problem(jacobian=...), or choose an explicit method"
            )
        rows, columns = (index.ravel() for index in np.indices((n, n)))
        groups = np.arange(n)
    else:
        rows, columns = pattern.nonzero()
        groups = colour_columns(pattern)
    floor = options.atol / options.rtol
    scratch = (np.empty(n), np.empty(n), np.empty(n))

    def evaluate(t: float, y: Array, values: Array) -> None:
        base, moved, value = scratch
        problem.rhs(t, y, base)
        step = np.copysign(_STEP * np.maximum(np.abs(y), floor), y)
        step = (y + step) - y  # what is really added
        for group in range(count):
            np.add(y, np.where(groups == group, step, 0.0), out=moved)
            problem.rhs(t, moved, value)
            here = members[group]
            values[here] = (value[rows[here]] - base[rows[here]]) / step[columns[here]]

    count = int(groups.max(initial=-1)) + 1
    members = [np.flatnonzero(groups[columns] == group) for group in range(count)]
    return sorted_entries(problem, rows, columns, np.arange(len(rows)), len(rows), evaluate)


def colour_columns(pattern: Any) -> NDArray[np.intp]:
    """A group for each column of a sparse matrix such that no two columns of a group have a row in common, (columns,)."""
    from scipy.sparse import csc_matrix

    ones = csc_matrix(pattern, dtype=np.float64)
    graph = (ones.T @ ones).tocsr()
    colours = np.full(graph.shape[0], -1, dtype=np.intp)
    degrees = np.diff(graph.indptr)
    for column in np.argsort(-degrees, kind="stable"):
        taken = colours[graph.indices[graph.indptr[column] : graph.indptr[column + 1]]]
        free = np.ones(len(taken) + 1, dtype=bool)
        free[taken[(taken >= 0) & (taken < len(free))]] = False
        colours[column] = int(free.argmax())
    return colours
