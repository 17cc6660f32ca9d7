"""Which linear solver an implicit method gets, from the size and the graph of the Jacobian.

    dense     up to 48 unknowns, or up to 150 that do not fit into a band
    banded    up to 48 diagonals on each side in a narrow order: one space dimension
    sparse    everything else that complete factors suit; small ones in machine code (``pattern``): 32 x 32 points of three fields, of which
              one diffuses: .22 ms for factors and .026 for a solve, by SuperLU 1.4 and .077

Measured, milliseconds for factors and for one solve:

                                        unknowns   diagonals   dense          banded          sparse
    1-D, 2 fields, periodic                  256       7       .57   .019     .035  .016      .20   .041
    1-D, 2 fields, fourth order             2048      14         -    -       .35   .074      .89   .116
    2-D, 2 fields, 16 x 16                   512      65      2.7    .042     .49   .030      .47   .043
    2-D, 2 fields, 32 x 32                  2048     129         -    -      5.4    .193     2.8    .178
    network                                  100      70       .046  .006     .048  .007      .088  .009
"""

from __future__ import annotations

from typing import Any

from symnum.errors import SolveError
from symnum.ir.linear_part import LinearPart
from symnum.solvers.jacobian import FixedJacobian, FunctionProduct, MatrixProduct, Product, fixed_jacobian, graph_width
from symnum.solvers.linear import preconditioned
from symnum.solvers.linear_algebra.averaged import averaged, field_mass
from symnum.solvers.linear_algebra.banded import Banded, narrow_order
from symnum.solvers.linear_algebra.contract import LinearSolver
from symnum.solvers.linear_algebra.diagonal import Diagonalisation, diagonalise
from symnum.solvers.linear_algebra.direct import Dense
from symnum.solvers.linear_algebra.entries import Entries, constant_entries, entries_of
from symnum.solvers.linear_algebra.krylov import Krylov
from symnum.solvers.linear_algebra.lines import lines
from symnum.solvers.linear_algebra.sparse import Sparse
from symnum.solvers.linear_algebra.transform import Transformed
from symnum.solvers.preconditioner import Factorisation
from symnum.solvers.problem import Options, Problem

SMALL = 48  # unknowns up to which the full matrix is always fastest
LARGEST_DENSE = 150
WIDEST_FACTORS = 500  # diagonals from which on incomplete factors are cheaper than complete ones
MOST_IN_PATTERN = 15_000  # unknowns up to which two-dimensional grids factorise faster in machine code than transforms precondition
WIDEST = 48  # diagonals on each side up to which a band is faster than sparse factors


def solver(problem: Problem, options: Options, split: bool = False) -> LinearSolver:
    """The solver of W x = b for a problem; see ``contract.LinearSolver``.

    Args:
        split: J is the constant linear part of f (``Problem.linear_part``), for methods that treat only that implicitly.

    Raises:
        SolveError: ``options.linear_solver`` asks for what the problem does not allow.
    """
    _check(options, split)
    if split:
        return _for_linear_part(problem, options)
    if options.linear_solver == "gmres" or (_preconditioned(options) and options.linear_solver == "auto"):
        return _krylov(problem, options)
    entries = entries_of(problem, options)
    if options.linear_solver != "auto" or not _krylov_pays(problem, entries):
        return _direct(entries, options.linear_solver)
    return _cheap_factors(entries) or _krylov(problem, options)


def _cheap_factors(entries: Entries) -> Sparse | None:
    """Factors in a fixed pattern, where these are small: then nothing is cheaper."""
    if entries.total > MOST_IN_PATTERN or graph_width(entries.pattern()) > WIDEST_FACTORS:
        return None
    made = Sparse(entries)
    return None if made.native is None else made


def _preconditioned(options: Options) -> bool:
    return options.preconditioner is not None and not _is_none(options.preconditioner)


def _is_none(preconditioner: Any) -> bool:
    return isinstance(preconditioner, str) and preconditioner == "none"


def _check(options: Options, split: bool) -> None:
    """SolveError for a linear solver or preconditioner that would not be used."""
    solver, serves = options.linear_solver, ["auto", "dense", "sparse"] + ([] if split else ["gmres"])
    if solver not in serves:
        write = " or ".join((", ".join(f'"{name}"' for name in serves[:-1]), f'"{serves[-1]}"'))
        instead = "CVODE and IDA" if solver != "gmres" else "methods that solve with the whole Jacobian"
        raise SolveError(
            f'linear_solver="{solver}" is for {instead}, not for {options.method}; write linear_solver={write}'
        )
    if _preconditioned(options) and (split or solver in ("dense", "sparse")):
        why = (
            f"{options.method} solves with the constant linear part directly"
            if split
            else f"linear_solver={solver!r} is direct"
        )
        raise SolveError(
            f"preconditioner={options.preconditioner!r} serves iterations, and {why}; leave preconditioner out"
        )


def _krylov_pays(problem: Problem, entries: Entries) -> bool:
    """A wide graph, and either transforms for a preconditioner or factors too large: three space dimensions."""
    if problem.jacobian is None or entries.total <= LARGEST_DENSE:
        return False
    width = graph_width(entries.pattern())
    if width > WIDEST_FACTORS:
        return True
    return width > WIDEST and averaged(problem, fixed_jacobian(problem)) is not None


def _krylov(problem: Problem, options: Options) -> Krylov:
    """GMRES, preconditioned by transforms where the stiffness lies in a constant linear part, else by incomplete factors (or as asked)."""
    jacobian = fixed_jacobian(problem)
    if jacobian is None:
        raise SolveError(
            'linear_solver="gmres" wants a Jacobian for its preconditioner; give Problem(jacobian=...) or leave linear_solver and preconditioner out'
        )
    exact: Product = MatrixProduct(jacobian, lambda t: t)
    if not problem.jacobian_exact and problem.jvp is not None:
        exact = FunctionProduct(problem.jvp, lambda t: t)
    choice = preconditioned("gmres", problem, _asked(problem, options, jacobian), jacobian, True)
    made = (
        options.preconditioner
        if choice.preconditioner == "given"
        else choice.built or Factorisation(jacobian, choice.preconditioner)
    )
    return Krylov(jacobian, exact, made, options.rtol, options.atol)


def _for_linear_part(problem: Problem, options: Options) -> LinearSolver:
    """Exact solves by transforms where a basis is known, else factors of the constant matrix."""
    if problem.linear_part is None and problem.semilinear is not None:
        raise SolveError(
            f'{options.method} solves with a sparse linear part, and with scheme="fourier" every point depends on every other; write '
            'method="ETDRK4", which solves the linear part of that scheme exactly, or scheme="central"'
        )
    if problem.linear_part is None:
        raise SolveError(
            "this method splits off the constant linear part of the equations, and this problem does not give it; "
            "give Problem(linear_part=...) or choose a method for the whole of f, such as Rodas5P"
        )
    part = problem.linear_part()
    if options.linear_solver == "auto" and part.n > SMALL:
        basis, mass = diagonalise(part), field_mass(problem, part)
        if basis is not None and mass is not None and worth_transforming(part, basis):
            return Transformed(basis, mass)
    return _direct(constant_entries(problem, part.matrix), options.linear_solver)


def worth_transforming(part: LinearPart, basis: Diagonalisation) -> bool:
    """Along one axis a band costs less than any transform."""
    return len(basis.grid) > 1


def _asked(problem: Problem, options: Options, jacobian: FixedJacobian) -> Any:
    """A Rosenbrock method renews J and P in every step, where bands along lines are cheaper than incomplete factors (3-D: 2 against 9 seconds)."""
    renewed = (
        options.preconditioner is None
        and options.method.lower().startswith("rodas")
        and graph_width(jacobian.pattern) > WIDEST_FACTORS
    )
    if not renewed or averaged(problem, jacobian) is not None:
        return options.preconditioner
    return (
        None if lines(jacobian, problem.linear_part() if problem.linear_part is not None else None) is None else "line"
    )


def _direct(entries: Entries, asked: str) -> LinearSolver:
    if asked == "dense":
        return Dense(entries)
    if asked == "sparse":
        return Sparse(entries)
    if entries.total <= SMALL:
        return Dense(entries)
    if not entries.extra:
        order = narrow_order(entries)
        if max(order.below, order.above) <= min(WIDEST, entries.n // 4):
            return Banded(entries, order)
    return Dense(entries) if entries.total <= LARGEST_DENSE else Sparse(entries)
