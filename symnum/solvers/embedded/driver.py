"""The driver that every one-step method shares, written in the step language.

    loop:  hand over what the last step owes (kept steps, save times inside it)
           at the start of a segment: slope and first step
           end of the segment? budget spent? step too small to change t?
           attempt a step (the method's part): y_new, slope_new, error
           accept (t, y, slope move on) or reject; the controller gives the next h

It may return after any part and goes on where it was, because the scalars decide every part. A method gives its
``Parts``. Names: ``slope`` = f(t, y) at the start of a step, ``slope_new`` at its end (first same as last); after
acceptance y/y_new and slope/slope_new are swapped, so that ``y_new`` is then the old state and ``slope_new`` the old
slope.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from symnum.expr.build import maximum, minimum, where
from symnum.expr.term import TRUE, Term, as_term
from symnum.solvers.embedded.language import (
    Assign,
    Fetch,
    If,
    LinComb,
    Norm,
    Program,
    Put,
    Return,
    Rhs,
    Row,
    Statement,
    Status,
    Swap,
    While,
    combination,
    every_statement,
    increase,
    let,
    scalars,
)

_COMMON = """t t_old t_end t_low t_high direction h h_try h_old first_step rtol atol error error_old started fresh
last budget steps rejected rejecting failures rhs_evaluations save_next save_time keep kept kept_capacity theta d0 d1
d2 bad_time extended autonomous has_linear convergence_failures unconverged shorten pause
t_pause landing"""
ARRAYS = ("save_t", "save_y", "kept_t", "kept_y", "kept_slopes")

(t, t_old, t_end, t_low, t_high, direction, h, h_try, h_old, first_step, rtol, atol, error, error_old, started, fresh,
 last, budget, steps, rejected, rejecting, failures, rhs_evaluations, save_next, save_time, keep, kept, kept_capacity,
 theta, d0, d1, d2, bad_time, extended, autonomous, has_linear, convergence_failures,
 unconverged, shorten, pause, t_pause, landing) = scalars(_COMMON)  # fmt: skip

HUGE = 1e300
MAX_FAILURES = 12  # a step that meets NaN is shortened by 4 this often (a factor 2e7) before the run stops
EPSILON = 2.0**-52

#: One term of the continuous extension: y(t_old + theta*h) = sum of  h**power * polynomial(theta) * vector.
Weight = tuple[str, int, tuple[Any, ...]]


@dataclass(frozen=True)
class Parts:
    """What a method adds to the driver.

    Args:
        name: of the native function; order: of the solution that is carried on.
        vectors: the method's own vectors, beside y, y_new, slope, slope_new.
        attempt: statements that compute ``y_new``, ``slope_new`` and the scalar ``error`` (accepted when <= 1) from
            t, y, slope, h_try. An implicit method sets ``unconverged`` to 1 (and error > 1) where Newton's iteration or
            a linear solve failed, and ``shorten`` to the factor of the step that is tried instead.
        next_step: (after acceptance, after rejection) statements that set h from h_try and error.
        interpolant: the continuous extension, over vectors by their names *after* acceptance (see the module).
        kept: vectors that the interpolant needs from a kept step, beside the states at both ends.
        scalars: the method's own scalars; restart: statements that set them at the start of a segment.
        extra: statements run once after an accepted step whose continuous extension is wanted (names as in ``interpolant``).
        choose_step: statements that set h_try, last (the step ends at t_end) and landing (it ends at save_time) from h; else the driver's own.
        tables: arrays of numbers that the statements fetch from: name -> function that gives the (k,) float64 values.
    """

    name: str
    order: int
    vectors: tuple[str, ...]
    attempt: tuple[Statement, ...]
    next_step: tuple[tuple[Statement, ...], tuple[Statement, ...]]
    interpolant: tuple[Weight, ...]
    kept: tuple[str, ...]
    scalars: tuple[str, ...] = ()
    restart: tuple[Statement, ...] = ()
    extra: tuple[Statement, ...] = ()
    choose_step: tuple[Statement, ...] = ()
    tables: tuple[tuple[str, Callable[[], Any]], ...] = ()


def driver(parts: Parts) -> Program:
    """The program of a method."""
    body = (
        *_extend(parts),
        *keep_step(parts),
        *_save(parts),
        If((pause > 0) & ((t - t_pause) * direction >= 0), (Return(Status.PAUSED),)),
        If(started <= 0, _start(parts)),
        If((t_end - t) * direction <= 0, (Return(Status.DONE),)),
        If(budget <= 0, (Return(Status.STEP_LIMIT),)),
        increase(budget, -1),
        *(parts.choose_step or _choose_step()),
        *parts.attempt,
        If(error <= 1, _accept(parts), _reject(parts)),
    )
    vectors = ("y", "y_new", "slope", "slope_new", *parts.vectors)
    return Program(
        parts.name,
        (*_COMMON.split(), *parts.scalars),
        vectors,
        (*ARRAYS, *(name for name, _ in parts.tables)),
        (While(TRUE, body),),
    )


def stage_time(time: Term) -> Term:
    """A time moved into the open segment, where f has one meaning (it may jump at both ends)."""
    return minimum(maximum(time, t_low), t_high)


def evaluate(out: str, time: Any, state: str) -> tuple[Statement, ...]:
    """out = f(time, state), counted."""
    return Rhs(out, stage_time(as_term(time)), state), increase(rhs_evaluations)


def error_norm(name: Any, scale: tuple[str, ...], *terms: tuple[Any, str]) -> Norm:
    """The scaled RMS norm with the run's tolerances."""
    weights = combination("y", *terms).terms
    return Norm(name.name, weights, scale, atol, rtol)


def _extend(parts: Parts) -> tuple[Statement, ...]:
    """The method's ``extra``, once a step, where the step is kept with its dense output or a save time lies inside it."""
    if not parts.extra:
        return ()
    wanted = (keep >= 2) | ((save_time - t) * direction < 0)
    return (
        Fetch("save_time", "save_t", save_next),
        If((steps > 0) & (extended <= 0) & wanted, (*parts.extra, let(extended, 1))),
    )


def keep_step(parts: Parts) -> tuple[Statement, ...]:
    """keep = 1: every accepted step; 2: also what the continuous extension needs."""
    count = len(parts.kept)
    slopes = tuple(
        combination(Row("kept_slopes", kept * count + j), (1, vector)) for j, vector in enumerate(parts.kept)
    )
    write = (
        If(kept >= kept_capacity, (Return(Status.SAVE),)),
        Put("kept_t", kept, t),
        combination(Row("kept_y", kept), (1, "y")),
        If(keep >= 2, slopes),
        increase(kept),
    )
    return If((fresh * keep) > 0, write), let(fresh, 0)


def _save(parts: Parts) -> tuple[Statement, ...]:
    """Rows for all save times up to t; the table of save times ends with one that is never reached."""
    inside: tuple[Statement, ...] = (
        let(theta, (save_time - t_old) / h_old),
        interpolate(parts, Row("save_y", save_next)),
    )
    exact = (combination(Row("save_y", save_next), (1, "y")),)
    fetch = Fetch("save_time", "save_t", save_next)
    body = (If((save_time - t) * direction >= 0, exact, inside), increase(save_next), fetch)
    return fetch, While((save_time - t) * direction <= 0, body)


def interpolate(parts: Parts, out: str | Row) -> LinComb:
    """The continuous extension at ``theta``, one fused combination."""
    return combination(
        out, *((h_old**power * _horner(polynomial), vector) for vector, power, polynomial in parts.interpolant)
    )


def _horner(coefficients: tuple[Any, ...]) -> Term:
    """Polynomial in theta, lowest power first."""
    result = as_term(coefficients[-1])
    for c in reversed(coefficients[:-1]):
        result = result * theta + c
    return result


def _start(parts: Parts) -> tuple[Statement, ...]:
    """First slope of a segment and first step: Hairer, Norsett, Wanner I, II.4, "Starting step size", a to f."""
    finite = d1 <= HUGE
    trial = where((d0 < 1e-5) | (d1 < 1e-5), 1e-6, 0.01 * d0 / maximum(d1, 1e-300))
    largest = maximum(d1, d2)
    second = where(
        largest <= 1e-15, maximum(1e-6, h_try * 1e-3), (0.01 / maximum(largest, 1e-300)) ** Fraction(1, parts.order + 1)
    )
    estimate = (
        error_norm(d0, ("y",), (1, "y")),
        let(h_try, minimum(trial, abs(t_end - t))),
        combination("y_new", (1, "y"), (direction * h_try, "slope")),
        *evaluate("slope_new", t + direction * h_try, "y_new"),
        error_norm(d2, ("y",), (1 / h_try, "slope_new"), (-1 / h_try, "slope")),
        let(d2, where(d2 <= HUGE, d2, d1 * 1e3)),  # the trial state may lie outside the domain of f
        let(h, direction * minimum(minimum(100 * h_try, second), abs(t_end - t))),
    )
    return (
        *evaluate("slope", t, "y"),
        error_norm(d1, ("y",), (1, "slope")),
        If(finite, (), (Return(Status.NONFINITE),)),
        let(h, direction * first_step),
        If(first_step <= 0, estimate),
        let(started, 1),
        let(error_old, 1e-4),
        let(rejecting, 0),
        let(failures, 0),
        *parts.restart,
    )


def _choose_step() -> tuple[Statement, ...]:
    """h_try: h, or what is left of the segment (up to 1 % more than h), or half of it to avoid a sliver afterwards."""
    remaining = abs(t_end - t)
    smallest = 4 * EPSILON * maximum(abs(t), 1e-290)
    return (
        If((abs(h) <= smallest) & (remaining > smallest), (Return(Status.TOO_SMALL),)),
        let(last, where(1.01 * abs(h) >= remaining, 1, 0)),
        let(h_try, where(last > 0, t_end - t, where(2 * abs(h) > remaining, 0.5 * (t_end - t), h))),
    )


def _accept(parts: Parts) -> tuple[Statement, ...]:
    return (
        *parts.next_step[0],
        increase(steps),
        let(rejecting, 0),
        let(failures, 0),
        let(t_old, t),
        let(h_old, h_try),
        let(t, where(last > 0, t_end, where(landing > 0, save_time, t + h_try))),
        Swap("y", "y_new"),
        Swap("slope", "slope_new"),
        let(fresh, 1),
        let(extended, 0),
    )


def _reject(parts: Parts) -> tuple[Statement, ...]:
    not_finite = (
        increase(failures),
        let(bad_time, t + h_try),
        If(failures > MAX_FAILURES, (Return(Status.NONFINITE),)),
        let(h, 0.25 * h_try),
    )
    not_converged = (
        increase(failures),
        increase(convergence_failures),
        let(unconverged, 0),
        let(bad_time, t + h_try),
        If(failures > MAX_FAILURES, (Return(Status.NOT_CONVERGED),)),
        let(h, shorten * h_try),
    )
    judged = If(error <= HUGE, parts.next_step[1], not_finite)
    may_fail = any(isinstance(s, Assign) and s.name == unconverged.name for s in every_statement(parts.attempt))
    return (
        increase(rejected),
        let(rejecting, 1),
        If(unconverged > 0, not_converged, (judged,)) if may_fail else judged,
    )


def proportional_integral(order: int, safety: float = 0.9) -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """Next step after acceptance and after rejection.

    h_new = h * safety * error^-alpha * error_old^beta, between h/5 and 10 h, not growing after a rejection, with
    beta = 0.2/order and alpha = 1/order - 0.75 beta: Gustafsson's PI control with the constants of DOPRI5 (beta =
    0.04 at order 5; Hairer, Wanner II, IV.2, eq. (2.43); Soderlind, ACM TOMS 29 (2003)). A rejected step uses the
    error alone. ``order``: of the step's error, i.e. the lower order of the pair plus one.
    """
    beta = 0.2 / order
    alpha = 1.0 / order - 0.75 * beta
    size = maximum(error, 1e-10)
    factor = minimum(10, maximum(0.2, safety * size**-alpha * error_old**beta))
    accepted = (
        let(h, h_try * where(rejecting > 0, minimum(1, factor), factor)),
        let(error_old, maximum(error, 1e-4)),
    )
    rejected_ = (let(h, h_try * maximum(0.2, safety * size ** (-1.0 / order))),)
    return accepted, rejected_
