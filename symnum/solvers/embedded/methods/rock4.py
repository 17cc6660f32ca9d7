"""ROCK4: the orthogonal Runge-Kutta-Chebyshev method of order 4, with as many stages as stability needs.

A. Abdulle, Fourth order Chebyshev methods with recurrence relation, SIAM J. Sci. Comput. 23 (2002) 2041-2054. With s stages a step is stable
for real eigenvalues down to -0.35 s^2/h (damping 0.95). The first m = s - 4 stages follow a three-term recurrence, four more make the order:

    Y_1 = y + mu_1 h f(y),   Y_j = mu_j h f(Y_{j-1}) + (1 + nu_j) Y_{j-1} - nu_j Y_{j-2}
    k_i = f(Y_m + h sum_j a_ij k_j), i = 1..4;   y_new = Y_m + h sum b_i k_i;   error = h (sum e_i k_i + e_5 f(y_new)), of order h^4

``rock4_construction`` derives the coefficients. Continuous extension: cubic Hermite interpolation.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

from symnum.expr.build import maximum, minimum, sqrt, where
from symnum.expr.term import Term, as_term
from symnum.solvers.embedded.driver import (
    EPSILON,
    Parts,
    direction,
    error,
    error_norm,
    evaluate,
    h_try,
    last,
    proportional_integral,
    rtol,
    t,
)
from symnum.solvers.embedded.language import Fetch, Statement, Swap, While, combination, increase, let, scalars
from symnum.solvers.embedded.method import Method
from symnum.solvers.embedded.stabilised import HERMITE, SCALARS, VECTORS, know_radius, radius, radius_step

_OWN = """row degree offset length most wanted j mu nu c c_before c_next a21 a31 a32 a41 a42 a43 b1 b2 b3 b4
e1 e2 e3 e4 e5"""
(row, degree, offset, length, most, wanted, j, mu, nu, c, c_before, c_next, a21, a31, a32, a41, a42, a43,
 b1, b2, b3, b4, e1, e2, e3, e4, e5) = scalars(_OWN)  # fmt: skip
#: The four last stages enlarge rounding errors of Y_m by w(z) = z^4/100 or so: |z| stays below (ROUNDING*rtol/2^-52)^(1/4).
ROUNDING = 20  # so that they stay below a fifth of the tolerance a step: with 600 whole solves of decaying problems lost 80 tolerances
COLUMNS = (degree, offset, length, a21, a31, a32, a41, a42, a43, b1, b2, b3, b4, e1, e2, e3, e4, e5)


@cache
def tables() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """("rock4_rows": for each degree a row of ``COLUMNS``, "rock4_recurrence": the pairs mu_j, nu_j of all degrees), both flat.

    The last row is a repetition with an endless stable length, so that a search ends.
    """
    from symnum.solvers.embedded.rock4_coefficients import COEFFICIENTS
    from symnum.solvers.embedded.rock4_construction import recurrence

    rows: list[list[float]] = []
    pairs: list[float] = []
    for m, numbers in COEFFICIENTS.items():
        first, second, a = complex(*numbers[:2]), complex(*numbers[2:4]), numbers[4]
        found, stable = recurrence((first, second), a, m)
        rows.append([m, len(pairs), stable, *numbers[5:]])
        pairs += found.ravel().tolist()
    return np.array(rows).ravel(), np.array(pairs)


def _fetch(name: Term, column: int) -> Fetch:
    return Fetch(name.name, "rock4_rows", row * len(COLUMNS) + column)  # type: ignore[attr-defined]


def _choose_degree() -> tuple[Statement, ...]:
    """The lowest degree that is stable; the step is shortened where there is none."""
    from symnum.solvers.embedded.rock4_coefficients import COEFFICIENTS

    count = len(COEFFICIENTS)
    return (
        let(row, count - 1),
        _fetch(most, COLUMNS.index(length)),
        let(most, minimum(most, sqrt(sqrt(ROUNDING * maximum(rtol, 1e-14) / EPSILON)))),
        let(last, where(abs(h_try) * radius > most, 0, last)),
        let(h_try, where(abs(h_try) * radius > most, direction * most / radius, h_try)),
        let(wanted, minimum(abs(h_try) * radius, most)),
        let(row, 0),
        _fetch(length, COLUMNS.index(length)),
        While(length < wanted, (increase(row), _fetch(length, COLUMNS.index(length)))),
        *(_fetch(name, column) for column, name in enumerate(COLUMNS)),
    )


def _pair(number: Term) -> tuple[Statement, ...]:
    """mu and nu of stage ``number``, counted from 1."""
    at = offset + 2 * (number - 1)
    return Fetch("mu", "rock4_recurrence", at), Fetch("nu", "rock4_recurrence", at + 1)


def _recurrence() -> tuple[Statement, ...]:
    """Y_m in ``y_new`` at the time t + c h."""
    stage = (
        *_pair(j),
        *evaluate("slope_new", t + h_try * c, "y_new"),
        combination("before", (h_try * mu, "slope_new"), (1 + nu, "y_new"), (-nu, "before")),
        Swap("before", "y_new"),
        let(c_next, mu + (1 + nu) * c - nu * c_before),
        let(c_before, c),
        let(c, c_next),
        increase(j),
    )
    return (
        *_pair(as_term(1)),
        combination("before", (1, "y")),
        combination("y_new", (1, "y"), (h_try * mu, "slope")),
        let(c, mu),
        let(c_before, 0),
        let(j, 2),
        While(j <= degree, stage),
    )


def _finish() -> tuple[Statement, ...]:
    """Four stages from Y_m; the estimate takes the slope at the end of the step as the fifth."""

    def stage(out: str, node: Term, *terms: tuple[Term, str]) -> tuple[Statement, ...]:
        state = combination("before", (1, "y_new"), *((h_try * a, k) for a, k in terms))
        return state, *evaluate(out, t + h_try * (c + node), "before")

    k = ("trial", "trial_slope", "k3", "k4")  # the first two are free between two estimates of the spectral radius
    weights = tuple((h_try * b, name) for b, name in zip((b1, b2, b3, b4), k, strict=True))
    estimate = tuple((h_try * e, name) for e, name in zip((e1, e2, e3, e4, e5), (*k, "slope_new"), strict=True))
    return (
        *evaluate(k[0], t + h_try * c, "y_new"),
        *stage(k[1], a21, (a21, k[0])),
        *stage(k[2], a31 + a32, (a31, k[0]), (a32, k[1])),
        *stage(k[3], a41 + a42 + a43, (a41, k[0]), (a42, k[1]), (a43, k[2])),
        combination("y_new", (1, "y_new"), *weights),
        *evaluate("slope_new", t + h_try, "y_new"),
        error_norm(error, ("y", "y_new"), *estimate),
    )


METHOD = Method(
    name="ROCK4",
    order=4,
    dense_order=3,
    parts=Parts(
        name="rock4",
        order=4,
        vectors=("before", "k3", "k4", *VECTORS),
        attempt=(*know_radius(), *_choose_degree(), *_recurrence(), *_finish()),
        next_step=proportional_integral(4),
        interpolant=HERMITE,
        kept=("slope_new", "slope"),
        scalars=(*SCALARS, *_OWN.split()),
        restart=(let(radius_step, -1),),
        tables=(("rock4_rows", lambda: tables()[0]), ("rock4_recurrence", lambda: tables()[1])),
    ),
    summary="stabilised explicit Runge-Kutta-Chebyshev of order 4: diffusive equations at tight tolerances",
)
