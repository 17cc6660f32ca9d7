"""A method from an exponential tableau: its part of the driver.

Steps end at save times, so no value between steps is needed there (a polynomial cannot follow exp(theta h L) through
a large step). The step sizes of a run are few, because each costs tables of phi functions: a stretch up to the next
save time or end is cut into equal steps where 16 suffice, else steps are taken from the ladder 2^(k/4).
"""

from __future__ import annotations

import math

from symnum.expr.build import exp, floor, log, maximum, minimum, where
from symnum.expr.term import Term
from symnum.solvers.embedded.driver import (
    EPSILON,
    Parts,
    Weight,
    direction,
    error,
    error_norm,
    evaluate,
    h,
    h_try,
    landing,
    last,
    proportional_integral,
    rhs_evaluations,
    save_time,
    stage_time,
    t,
    t_end,
    t_old,
)
from symnum.solvers.embedded.exponential_tableau import ExponentialTableau
from symnum.solvers.embedded.language import Advance, If, Return, Statement, Status, increase, let, scalar
from symnum.solvers.embedded.method import Method

EQUAL_STEPS = 16  # a stretch of at most so many steps is cut evenly
OVERFLOW = 1e301  # an error above driver.HUGE: not finite

_target, _gap, _count, _ok = (scalar(name) for name in ("target", "gap", "equal_steps", "advanced"))

#: Cubic Hermite for dense output: after acceptance y_new and slope_new are the old state and slope.
HERMITE: tuple[Weight, ...] = (
    ("y_new", 0, (1, 0, -3, 2)),
    ("y", 0, (0, 0, 3, -2)),
    ("slope_new", 1, (0, 1, -2, 1)),
    ("slope", 1, (0, 0, -1, 1)),
)


def exponential_runge_kutta(name: str, tableau: ExponentialTableau, summary: str) -> Method:
    """The method of a tableau. Its cubic Hermite interpolant, of order 3 where h times L times the solution is small, serves pictures of a step;
    ``exponential_dense`` and events take parts of the step itself."""
    attempt: tuple[Statement, ...] = (
        Advance(_ok.name, stage_time(t), h_try, "y", "y_new", "estimate"),
        increase(rhs_evaluations, tableau.stages - 1),
        If(_ok > 0, (error_norm(error, ("y", "y_new"), (1, "estimate")),), (let(error, OVERFLOW),)),
    )
    parts = Parts(
        name=name.lower(),
        order=tableau.order,
        vectors=("estimate",),
        attempt=attempt,
        next_step=proportional_integral(tableau.estimate_order + 1),
        interpolant=HERMITE,
        kept=("slope_new", "slope"),
        scalars=(_target.name, _gap.name, _count.name, _ok.name),
        extra=(*evaluate("slope_new", t_old, "y_new"), *evaluate("slope", t, "y")),
        choose_step=_choose_step(),
    )
    orders = {"order": tableau.order, "dense_order": 3, "estimate_order": tableau.estimate_order + 1}
    return Method(name, parts=parts, summary=summary, exponential=tableau, **orders)  # type: ignore[arg-type]


def _choose_step() -> tuple[Statement, ...]:
    smallest = 4 * EPSILON * maximum(abs(t), 1e-290)
    short = _count <= EQUAL_STEPS
    return (
        let(_target, where((save_time - t_end) * direction < 0, save_time, t_end)),
        let(_gap, abs(_target - t)),
        If((abs(h) <= smallest) & (_gap > smallest), (Return(Status.TOO_SMALL),)),
        let(_count, maximum(1, -floor(-(1 - 1e-9) * _gap / maximum(abs(h), 1e-300)))),
        let(landing, where(_count <= 1, 1, 0)),
        let(last, where((_count <= 1) & ((t_end - _target) * direction <= 0), 1, 0)),
        let(h_try, where(short, (_target - t) / minimum(_count, EQUAL_STEPS), direction * _rung(abs(h)))),
    )


def _rung(size: Term) -> Term:
    """The largest 2^(k/4) that is not above a step size (up to rounding)."""
    k = floor(4 / math.log(2) * log(maximum(size, 1e-300)) + 1e-9)
    return exp(0.25 * math.log(2) * k)
