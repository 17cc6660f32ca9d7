"""Which linear solver serves the Newton iteration of an implicit method: from the size and the graph of the Jacobian.

    dense     LU of the full matrix
    sparse    SUNDIALS' own sparse LU (SuperLU_MT), renewed whenever gamma changes
    gmres     Krylov, with exact products (df/dy) v; preconditioned by LU factors that are kept while they help ("lu"), by incomplete
              ones ("ilu"), or by exact solves with the constant linear part by transforms ("fft"), where most of the stiffness lies in that
              (asked for, also by the product of one band along each axis, "line")

Measured with CVODE on reaction-diffusion in one to three dimensions, Cahn-Hilliard and a biharmonic problem (CPU seconds of whole solves):

    n = 128 (1-D)     dense 0.004   gmres+lu 0.010                    n = 512 (1-D)   dense 0.084   gmres+lu 0.014
    width 126 (2-D)   gmres+lu 0.30   gmres+ilu 0.31   sparse 1.3     width 510       gmres+lu 12.7   gmres+ilu 8.6
    width 442 (3-D)   gmres+lu 0.81   gmres+ilu 0.10   sparse 4.8
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from symnum.errors import SolveError
from symnum.solvers.jacobian import FixedJacobian, graph_width, marked_pattern
from symnum.solvers.linear_algebra.averaged import Averaged, averaged
from symnum.solvers.linear_algebra.lines import Lines, lines
from symnum.solvers.problem import Options, Problem

SMALL = 150  # unknowns up to which a full matrix is fastest
LARGEST_DENSE = 2000  # unknowns up to which a full matrix is used where nothing is known of the Jacobian
WIDEST = 150  # width of the graph up to which complete factors pay
NARROWEST_FFT = 30  # width from which on transforms are cheaper than factors
WIDEST_SPARSE, MOST_FILL = (
    600,
    40,
)  # what SuperLU_MT has room for: it ends the process when factors exceed 50 times the matrix
KRYLOV = ("gmres", "bicgstab", "tfqmr")


@dataclass(frozen=True)
class Choice:
    """``solver``: a name that SUNDIALS' wrapper knows; ``preconditioner``: "none", "lu", "ilu", "fft" or "line" (then ``built``), or "given"."""

    solver: str
    preconditioner: str = "none"
    built: Averaged | Lines | None = None


def choose(problem: Problem, options: Options, jacobian: FixedJacobian | None, stiff: bool) -> Choice:
    """The linear solver and the preconditioner; what the options name is taken if the problem has what it needs.

    Args:
        jacobian: the problem's, or None; stiff: False for Adams methods, whose matrices are close to the identity.

    Raises:
        SolveError: sparse without a pattern, with a Jacobian that is not exact or with factors too large for it; a preconditioner without
            Jacobian, or without a Krylov method; "fft" where no transform makes a constant linear part diagonal,
            "line" without a grid.
    """
    asked = options.preconditioner is not None and not _is(options.preconditioner, "none")
    solver = options.linear_solver
    if solver == "auto":
        solver = "gmres" if asked else _automatic(problem, jacobian, stiff)
    elif solver == "sparse":
        reason = _no_sparse(problem, jacobian)
        if reason:
            raise SolveError(f'linear_solver="sparse" {reason}; write linear_solver="gmres"')
    if solver in KRYLOV:
        return preconditioned(solver, problem, options.preconditioner, jacobian, stiff)
    if asked:
        raise SolveError(
            f"preconditioner={options.preconditioner!r} serves Krylov methods, not linear_solver={solver!r}; "
            'write linear_solver="gmres"'
        )
    return Choice(solver)


def _automatic(problem: Problem, jacobian: FixedJacobian | None, stiff: bool) -> str:
    if problem.n <= SMALL:
        return "dense"
    if not stiff or jacobian is not None:
        return "gmres"
    if problem.sparsity is not None:  # coloured differences
        return "gmres" if _no_sparse(problem, jacobian) else "sparse"
    return "dense" if problem.n <= LARGEST_DENSE else "gmres"


def preconditioned(solver: str, problem: Problem, asked: Any, jacobian: FixedJacobian | None, stiff: bool) -> Choice:
    if asked is None:
        if jacobian is None or not stiff:
            return Choice(solver)
        width = graph_width(jacobian.pattern)
        if width > NARROWEST_FFT and (found := averaged(problem, jacobian)) is not None:
            return Choice(solver, "fft", found)
        return Choice(solver, "lu" if width <= WIDEST else "ilu")
    if not isinstance(asked, str):
        return Choice(solver, "given")
    if asked == "fft":
        found = averaged(problem, jacobian, certain=True)
        if found is None:
            raise SolveError(
                'preconditioner="fft" solves with a constant linear part by transforms along each axis, and this problem has none that they make '
                'diagonal (coefficients vary across the grid, fields with different sides, or no grid); write preconditioner="ilu"'
            )
        return Choice(solver, "fft", found)
    if asked == "line" and jacobian is not None:
        return Choice(solver, "line", _lines(problem, jacobian))
    if asked != "none" and jacobian is None:
        raise SolveError(
            f"preconditioner={asked!r} factorises the Jacobian, and this problem gives none; "
            'write preconditioner="none", or give Problem(jacobian=...)'
        )
    return Choice(solver, asked)


def _lines(problem: Problem, jacobian: FixedJacobian) -> Lines:
    made = lines(jacobian, problem.linear_part() if problem.linear_part is not None else None)
    if made is None:
        raise SolveError(
            'preconditioner="line" solves along the axes of a grid of two or three dimensions that all fields share, and every field needs a time '
            'derivative; write preconditioner="ilu"'
        )
    return made


def _no_sparse(problem: Problem, jacobian: FixedJacobian | None) -> str:
    """Why SuperLU_MT cannot serve, "" where it can."""
    if not problem.jacobian_exact:
        return "needs the whole Jacobian, but integrals make it dense"
    pattern = marked_pattern(problem) if jacobian is None else jacobian.pattern
    if pattern is None:
        return "needs the pattern of the Jacobian, and this problem gives none"
    if graph_width(pattern) > WIDEST_SPARSE or _fill(pattern) > MOST_FILL:
        return f"would need factors more than {MOST_FILL} times as large as the Jacobian, for which SUNDIALS' sparse solver has no room"
    return ""


def _fill(pattern: Any) -> float:
    """Size of the factor U over that of the matrix, by column ordering and pivoting as SuperLU_MT does them (random values: much pivoting)."""
    from scipy.sparse.linalg import splu

    random = pattern.copy()
    random.data = np.random.default_rng(0).standard_normal(pattern.nnz)
    return float(splu(random).U.nnz / pattern.nnz)


def _is(given: Any, name: str) -> bool:
    return isinstance(given, str) and given == name
