"""Stiffness seen by an explicit Runge-Kutta method while it runs.

Two stages at the same time t + h, the last but one (state Y, slope K) and the new state (y_new, slope_new), differ by little, and

    h |lambda|  ~  h ||slope_new - K|| / ||y_new - Y||,     y_new - Y = h sum_j (a_sj - a_(s-1)j) k_j

estimates the dominant eigenvalue. Where the step is set by stability this stays at the boundary of the stability region,

    |R(-x)| <= 1 for 0 <= x <= boundary,     R(z) = 1 + sum_j b^T A^(j-1) 1 z^j,

as in DOPRI5: E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, IV.2, "Stiffness detection". Where no inner stage lies at the end
of the step (Bogacki and Shampine's pair), the one nearest to it serves: the slow motion between the two times then counts among the states and
hides stiffness for longer (Robertson's equations: 45,000 steps, where Dopri5 needs less than 1000). A pair for daily use should have such a stage.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symnum.solvers.embedded.driver import atol, h_try, rtol, t, t_end
from symnum.solvers.embedded.language import If, Norm, Return, Statement, Status, combination, increase, let, scalars
from symnum.solvers.embedded.tableau import Tableau

NAMES = "far stiff_next stiff_hits stiff_calm stiff stiff_slopes stiff_states"
far, stiff_next, stiff_hits, stiff_calm, stiff, stiff_slopes, stiff_states = scalars(NAMES)

EVERY = 50  # accepted steps between two looks
HITS = 15  # looks in a row (but for a few) that must see the boundary
CALM = 6  # looks in a row that do not, and all is forgotten
SHARE = 0.95  # of the boundary from which a step counts as set by stability


def stability_polynomial(tableau: Tableau) -> tuple[float, ...]:
    """The coefficients of R(z), lowest power first."""
    s = tableau.stages
    a = np.zeros((s, s))
    for i, row in enumerate(tableau.a, start=1):
        a[i, : len(row)] = [float(x) for x in row]
    b, power, made = np.array([float(x) for x in tableau.b]), np.ones(s), [1.0]
    for _ in range(s):
        made.append(float(b @ power))
        power = a @ power
    return tuple(made)


def boundary(tableau: Tableau) -> float:
    """The largest x with |R(-z)| <= 1 on all of [0, x]."""
    coefficients = stability_polynomial(tableau)[::-1]
    x = np.linspace(0.0, 4.0 * tableau.stages, 40_001)
    outside = np.abs(np.polyval(coefficients, -x)) > 1 + 1e-9
    return float(x[max(0, int(np.argmax(outside)) - 1)])


def stop_where_stiff() -> tuple[Statement, ...]:
    """At the start of an attempt: hand back to the caller once stiffness is established. Nothing is changed before that."""
    return (If(stiff > 0, (let(stiff, 0), let(stiff_hits, 0), let(stiff_calm, 0), Return(Status.STIFF))),)


def look(tableau: Tableau, stages: Sequence[str]) -> tuple[Statement, ...]:
    """After an accepted step, before the states change places; only where ``far`` > 0, and where more than ``far`` steps are left.

    Args:
        stages: the names of the slopes k_1, ..., k_s.
    """
    near = max(range(1, tableau.stages - 1), key=lambda i: (tableau.c[i], i))
    last, before = tableau.a[-1], (*tableau.a[near - 1], *(0 for _ in range(tableau.stages)))
    states = combination(
        "y", *((h_try * (float(p) - float(q)), k) for p, q, k in zip(last, before, stages, strict=False))
    )
    slopes = combination("y", (1, stages[-1]), (-1, stages[near]))
    scale = ("y", "y_new")
    counted = If(
        (abs(h_try) * stiff_slopes > SHARE * boundary(tableau) * stiff_states) & (abs(t_end - t) > far * abs(h_try)),
        (increase(stiff_hits), let(stiff_calm, 0), If(stiff_hits >= HITS, (let(stiff, 1),))),
        (increase(stiff_calm), If(stiff_calm >= CALM, (let(stiff_hits, 0),))),
    )
    measured = (
        Norm(stiff_slopes.name, slopes.terms, scale, atol, rtol),
        Norm(stiff_states.name, states.terms, scale, atol, rtol),
        let(stiff_next, EVERY),
        counted,
    )
    due = (increase(stiff_next, -1), If((stiff_next <= 0) | (stiff_hits > 0), measured))
    return (If(far > 0, due),)


def forget() -> tuple[Statement, ...]:
    """At the start of a segment."""
    return tuple(let(name, 0) for name in (stiff_hits, stiff_calm, stiff)) + (let(stiff_next, EVERY),)
