"""Symplectic splitting for q' = f(p), p' = g(t, q), with a fixed step.

    kick   p <- p + b h g(t, q)          drift   q <- q + a h f(p),  t <- t + a h

A step of the Stormer-Verlet method is half a kick, a drift, half a kick. Compositions with symmetric weights w_1 .. w_k of sum one are of higher
order (E. Hairer, Ch. Lubich, G. Wanner, Geometric Numerical Integration, 2nd edition 2006, I.1.4 and V.3.2); kicks that meet are done as one. All
are symmetric (a run backward returns), and symplectic where the equations are Hamiltonian: the energy error stays bounded for very long times.

The right-hand side gives f and g together, so a step costs 2k evaluations; the slopes at its ends, for cubic Hermite interpolation, are computed
where a save time lies inside. Weights beyond one put stages outside their step: g is asked for times up to 1.4 steps outside the time interval,
while at a breakpoint inside it the time is held, which costs order in that one step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError
from symnum.expr.build import ceil, where
from symnum.expr.term import Term
from symnum.solvers.embedded.driver import (
    HUGE,
    Parts,
    Weight,
    d2,
    direction,
    error,
    error_norm,
    evaluate,
    first_step,
    h,
    h_try,
    landing,
    last,
    t,
    t_end,
    t_old,
)
from symnum.solvers.embedded.language import If, Multiply, Return, Statement, Status, combination, let
from symnum.solvers.embedded.method import Method

if TYPE_CHECKING:
    from symnum.solvers.problem import Options, Problem

#: Cubic Hermite over slopes that are computed on demand.
INTERPOLANT: tuple[Weight, ...] = (
    ("y_new", 0, (1, 0, -3, 2)),
    ("y", 0, (0, 0, 3, -2)),
    ("slope_at_start", 1, (0, 1, -2, 1)),
    ("slope_at_end", 1, (0, 0, -1, 1)),
)


def composition(name: str, order: int, weights: tuple[float, ...], summary: str) -> Method:
    """The method that composes Stormer-Verlet steps of lengths w_i h."""
    parts = Parts(
        name=name.lower(),
        order=order,
        vectors=("position", "moved", "slope_at_start", "slope_at_end"),
        attempt=_attempt(weights),
        next_step=((), ()),
        interpolant=INTERPOLANT,
        kept=("slope_at_start", "slope_at_end"),
        restart=(let(h, direction * _even_step()),),
        extra=(*evaluate("slope_at_start", t_old, "y_new"), *evaluate("slope_at_end", t, "y")),
        choose_step=(
            let(landing, 0),
            let(last, where(abs(t_end - t) <= 1.5 * abs(h), 1, 0)),
            let(h_try, where(last > 0, t_end - t, h)),
        ),
    )
    return Method(name, order, 3, parts, summary, fixed_step=True)


def _even_step() -> Term:
    """The longest step up to dt that divides the segment evenly."""
    span = abs(t_end - t)
    return span / ceil((1 - 1e-12) * span / first_step)


def _attempt(weights: tuple[float, ...]) -> tuple[Statement, ...]:
    """Between kicks and drifts ``slope_new`` holds f and g at the state as it is; at the end its g is the first kick's of the next step."""
    statements: list[Statement] = [combination("y_new", (1, "y")), *_kick("slope", 0.5 * weights[0])]
    done = 0.0
    for i, weight in enumerate(weights):
        statements += [*evaluate("slope_new", t + h_try * done, "y_new"), *_drift(weight)]
        done += weight
        following = weights[i + 1] if i + 1 < len(weights) else 0.0
        statements += [
            *evaluate("slope_new", t + h_try * done, "y_new"),
            *_kick("slope_new", 0.5 * (weight + following)),
        ]
    return (
        *statements,
        error_norm(d2, ("y",), (1, "y_new")),
        If(d2 <= HUGE, (), (Return(Status.NONFINITE),)),
        let(error, 0),
    )


def _kick(slope: str, share: float) -> tuple[Statement, ...]:
    """p <- p + share h g: the slope without the rows of positions."""
    return (
        Multiply("moved", "position", slope),
        combination("y_new", (1, "y_new"), (share * h_try, slope), (-share * h_try, "moved")),
    )


def _drift(share: float) -> tuple[Statement, ...]:
    """q <- q + share h f: the rows of positions alone."""
    return Multiply("moved", "position", "slope_new"), combination("y_new", (1, "y_new"), (share * h_try, "moved"))


def position_mask(problem: Problem, options: Options) -> NDArray[np.float64]:
    """1.0 for positions, 0.0 for momenta, (n,).

    Raises:
        SolveError: dt is not given, or the equations are not of the form q' = f(p), p' = g(t, q).
    """
    name = options.method
    if options.dt is None:
        step = abs(problem.t1 - problem.t0) / 1000
        raise SolveError(f"{name} keeps a fixed step, which is to be given; write for example dt={step:.3g}")
    mask = problem.partition() if callable(problem.partition) else problem.partition
    if mask is None:
        raise SolveError(
            f"{name} is for equations q' = f(p), p' = g(t, q), and the right-hand side is not known to be of this form; write the system with "
            'symnum\'s terms, give Problem(partition=...) (True where an unknown is a position), or take method="Tsit5"'
        )
    return np.asarray(mask, dtype=np.float64)


def partition(pattern: object, timed: NDArray[np.bool_], names: tuple[str, ...] = ()) -> NDArray[np.bool_]:
    """Which unknowns are positions, from the sparsity of df/dy: a two-colouring, in which no unknown acts on one of its own colour.

    Args:
        pattern: (n, n) SciPy sparse matrix; timed: (n,) rows that depend on time by themselves, which must be momenta.
        names: of the unknowns, for messages.

    Returns:
        (n,) bool. Within each connected part the first unknown is a position unless time says otherwise.

    Raises:
        SolveError: no such colouring exists; the message names the unknowns.
    """
    from scipy.sparse import coo_matrix

    entries = coo_matrix(pattern)
    n = entries.shape[0]
    neighbours: list[list[int]] = [[] for _ in range(n)]
    for i, j in zip(entries.row.tolist(), entries.col.tolist(), strict=True):
        neighbours[i].append(j)
        neighbours[j].append(i)
    colour = np.full(n, -1)
    for start in [*np.flatnonzero(timed).tolist(), *range(n)]:
        if colour[start] >= 0:
            continue
        colour[start], queue = int(not timed[start]), [start]
        while queue:
            i = queue.pop()
            for j in neighbours[i]:
                if colour[j] < 0:
                    colour[j] = 1 - colour[i]
                    queue.append(j)
                elif colour[j] == colour[i]:
                    raise SolveError(_not_separable(i, j, names))
    wrong = np.flatnonzero(timed & (colour == 1))
    if len(wrong):
        raise SolveError(
            f"{_name(int(wrong[0]), names)} would be a position, but its equation depends on time; {_ADVICE}"
        )
    return colour == 1


_ADVICE = (
    "symplectic methods need q' = f(p), p' = g(t, q): positions whose equations hold momenta alone, and the other way round. Write "
    'method="Tsit5"'
)


def _name(i: int, names: tuple[str, ...]) -> str:
    return names[i] if i < len(names) else f"unknown {i}"


def _not_separable(i: int, j: int, names: tuple[str, ...]) -> str:
    if i == j:
        return f"the equation of {_name(i, names)} holds {_name(i, names)} itself; {_ADVICE}"
    return f"{_name(i, names)} and {_name(j, names)} act on each other and on a third unknown in a ring of odd length; {_ADVICE}"
