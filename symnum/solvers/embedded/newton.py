"""Simplified Newton iterations in the step language, and the step-size control that goes with them.

One stage of a diagonally implicit method, with M the mask of differential rows and W = M/(gamma h) - J:

    find Y:  M (Y - base)/(gamma h) = f(t_i, Y)
    W delta = f(t_i, Y) - M (Y - base)/(gamma h),   Y <- Y + delta

With the contraction rate theta = |delta_k|/|delta_(k-1)| and eta = theta/(1 - theta) the iteration has converged when
eta |delta_k| <= KAPPA, and is given up when theta >= 1 or when the remaining iterations would not suffice (Hairer,
Wanner, *Solving Ordinary Differential Equations II*, IV.8, eq. (8.10) and (8.11)). Norms are scaled by the tolerances.

J is kept over steps while the iterations contract fast, W while the step keeps its length; ``keep_or_change`` therefore
leaves the step alone where it would grow by less than ``KEEP`` (IV.8, p. 124). A failed iteration first renews J at the
same step, then shortens the step.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from symnum.expr.build import maximum, minimum, where
from symnum.expr.term import Term
from symnum.solvers.embedded.driver import (
    EPSILON,
    HUGE,
    atol,
    d2,
    error,
    error_norm,
    error_old,
    evaluate,
    h,
    h_try,
    rejecting,
    rtol,
    shorten,
    stage_time,
    t,
    unconverged,
)
from symnum.solvers.embedded.language import (
    Factor,
    If,
    Jacobian,
    Multiply,
    Norm,
    Solve,
    Statement,
    While,
    combination,
    increase,
    let,
    scalars,
)

KAPPA = 0.03  # share of the tolerance that the iteration may miss the stage by
ITERATIONS = (
    8  # these two are defaults: scalars newton_share and newton_most that are set before a run stay as they are
)
RENEW_RATE = 0.05  # J is renewed after a step whose iterations contracted more slowly than this
KEEP = 1.2  # the step is not changed for a growth below this

SCALARS = """linear_ok jacobian_known jacobian_current factored_shift iteration iterating size size_old rate rate_worst
eta algebraic size_h newton_share newton_most"""
(linear_ok, jacobian_known, jacobian_current, factored_shift, iteration, iterating, size, size_old, rate, rate_worst,
 eta, algebraic, size_h, newton_share, newton_most) = scalars(SCALARS)  # fmt: skip


def restart() -> tuple[Statement, ...]:
    """At the start of a segment nothing is known."""
    return (
        let(newton_share, where(newton_share > 0, newton_share, KAPPA)),
        let(newton_most, where(newton_most > 0, newton_most, ITERATIONS)),
        let(jacobian_known, 0),
        let(factored_shift, 0),
        let(eta, 1),
        let(size_h, 0),
    )


def prepare(factors: Sequence[tuple[Term | float, Term | float | None]]) -> tuple[Statement, ...]:
    """J and one W a slot, where they are old.

    Args:
        factors: (shift*h, imaginary*h) of each slot; a None belongs to a real W.
    """
    made: list[Statement] = []
    for slot, (real, imaginary) in enumerate(factors):
        shifted = Factor("linear_ok", slot, real / h_try, None if imaginary is None else imaginary / h_try)
        made.append(If(linear_ok > 0, (shifted,)))
    renew = (
        Jacobian("linear_ok", stage_time(t), "y"),
        let(jacobian_known, linear_ok),
        let(jacobian_current, linear_ok),
        let(factored_shift, 0),
    )
    changed = (factored_shift * h_try < 1 - 1e-12) | (factored_shift * h_try > 1 + 1e-12)
    return (
        let(error, 2),
        let(unconverged, 0),
        let(rate_worst, 0),
        let(linear_ok, 1),
        If(jacobian_known <= 0, renew),
        If((linear_ok > 0) & changed, (*made, let(factored_shift, where(linear_ok > 0, 1 / h_try, 0)))),
        If(linear_ok <= 0, failed()),
    )


def failed() -> tuple[Statement, ...]:
    """The attempt has failed: again with a fresh J, or, where J is fresh, with a quarter of the step."""
    return (
        let(unconverged, 1),
        let(eta, 1),  # may be NaN
        let(error, 2),
        let(shorten, where(jacobian_current > 0, 0.25, 1)),
        let(jacobian_known, jacobian_current),
    )


def begin() -> tuple[Statement, ...]:
    """Before the first iteration of a stage; eta starts from the last stage's rate."""
    return (
        let(iteration, 0),
        let(iterating, 1),
        let(rate, 0),
        let(eta, maximum(eta, EPSILON) ** Fraction(4, 5)),
    )


def judge(kappa: Any = newton_share) -> tuple[Statement, ...]:
    """After an iteration with update ``size``: go on, be content (iterating = 0), or fail."""
    remaining = rate ** (newton_most - iteration) / maximum(1 - rate, 1e-10) * size
    content = ((rate < 1) & (eta * size <= kappa)) | (size <= 1e-3 * kappa) | (rtol * size <= 4 * EPSILON)
    hopeless = (rate >= 1) | (remaining > kappa) | (iteration >= newton_most)
    compare = (
        let(rate, size / maximum(size_old, 1e-300)),
        let(rate_worst, maximum(rate_worst, rate)),
        let(eta, rate / maximum(1 - rate, 1e-10)),
    )
    stop = (let(iterating, 0),)
    give_up = (*failed(), let(iterating, 0))
    return (
        increase(iteration),
        If(iteration > 1, compare),
        If((linear_ok > 0) & (size <= HUGE), (If(content, stop, (If((iteration > 1) & hopeless, give_up),)),), give_up),
        let(size_old, size),
    )


def solve_stage(slope: str, time: Term, gamma: Any) -> tuple[Statement, ...]:
    """Y in ``y_new`` from its first guess there and ``base``; its slope (Y - base)/(gamma h) in ``slope``.

    The slope is that of the equation, not f(Y): a stiff f would magnify what is left of the iteration.
    """
    shift = 1 / (gamma * h_try)
    inertia = (combination("work", (shift, "base"), (-shift, "y_new")),)
    masked = (*inertia, Multiply("work", "work", "differential"), combination("work", (1, "work"), (1, slope)))
    body = (
        *evaluate(slope, time, "y_new"),
        If(algebraic > 0, masked, (combination("work", (1, slope), (shift, "base"), (-shift, "y_new")),)),
        Solve("linear_ok", 0, "work", "work"),
        Norm("size", combination("y", (1, "work")).terms, ("y",), atol, rtol),
        combination("y_new", (1, "y_new"), (1, "work")),
        *judge(),
    )
    return *begin(), While(iterating > 0, body), combination(slope, (shift, "y_new"), (-shift, "base"))


def last_slope() -> tuple[Statement, ...]:
    """f at the end of a step that is about to be accepted; where it is not finite the step is not."""
    return (
        *evaluate("slope_new", t + h_try, "y_new"),
        error_norm(d2, ("y",), (1, "slope_new")),
        let(error, where(d2 <= HUGE, error, d2)),
    )


def keep_or_change(
    order: int, safety: Any = 0.9, grow: float = 8.0, renew: float = RENEW_RATE
) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """The next step after acceptance and after rejection, from an estimate of order ``order``.

    The predictive controller of Gustafsson (ACM TOMS 20 (1994) 496; Hairer, Wanner II, IV.8, eq. (8.25) to (8.27)).
    """
    p = Fraction(1, order)
    estimate = maximum(error, 1e-10)
    plain = safety * estimate**-p
    predicted = (
        safety * (abs(h_try) / maximum(size_h, 1e-300)) * (maximum(error_old, 1e-2) / estimate) ** p * estimate**-p
    )
    factor = minimum(grow, maximum(0.2, where(size_h > 0, minimum(plain, predicted), plain)))
    factor = where(rejecting > 0, minimum(1, factor), factor)
    accepted = (
        let(jacobian_current, 0),
        let(jacobian_known, where(rate_worst > renew, 0, jacobian_known)),
        let(h, h_try * where((factor >= 1) & (factor <= KEEP), 1, factor)),
        let(error_old, estimate),
        let(size_h, abs(h_try)),
    )
    return accepted, (let(h, h_try * maximum(0.1, minimum(0.9, plain))),)
