"""The driver of all stochastic methods, written in the step language.

A run walks through a binary tree of time intervals, along which the Brownian path is known (``codegen.brownian_code``):

    |----------------------- root -----------------------|        the whole segment, or with fixed steps M pieces of it
    |---------- 1,0 ----------|---------- 1,1 -----------|
    |--- 2,0 ---|---- 2,1 ----|                                   (level, index)

A step is a node. A rejected step is cut in two; after an accepted one the next is the largest node that begins there, cut down to the length the
controller wants. So every step is 2^-level of its root, and the path, a function of the seed and the node, is the same for every tolerance
and method: what is rejected is not forgotten but refined (J. G. Gaines, T. J. Lyons, Variable step size control in the numerical solution of
stochastic differential equations, SIAM J. Appl. Math. 57 (1997)). A save time inside a step is reached by a step of its own from the step's
beginning, over the path up to there; it does not change what follows.

With fixed steps of a length ``fixed`` > 0 M*2^k steps are taken, M odd: half the step uses the same roots, and so refines the same path.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

from symnum.expr.build import ceil, floor, maximum, minimum, where
from symnum.expr.term import TRUE, Term, as_term
from symnum.solvers.embedded.driver import (
    _COMMON,
    ARRAYS,
    HUGE,
    MAX_FAILURES,
    Parts,
    bad_time,
    budget,
    d0,
    d1,
    d2,
    direction,
    error,
    error_norm,
    evaluate,
    failures,
    first_step,
    fresh,
    h,
    h_old,
    h_try,
    keep_step,
    pause,
    rejected,
    rejecting,
    rtol,
    save_next,
    save_time,
    started,
    steps,
    t,
    t_end,
    t_old,
    t_pause,
)
from symnum.solvers.embedded.language import (
    Fetch,
    If,
    NoiseValues,
    Program,
    Return,
    Row,
    Statement,
    Status,
    Swap,
    While,
    combination,
    increase,
    let,
    scalars,
)

_OWN = """root roots first_root level index length root_length t_begin root_old level_old index_old length_old wanted fixed deepest"""
(root, roots, first_root, level, index, length, root_length, t_begin, root_old, level_old, index_old, length_old,
 wanted, fixed, deepest) = scalars(_OWN)  # fmt: skip


@dataclass(frozen=True)
class Place:
    """A node of the tree and the share of it that a step covers, its length, and the time it begins."""

    root: Term
    level: Term
    index: Term
    length: Term
    share: Term
    time: Term
    h: Term


#: ``step(place, state, out)``: statements that put the solution at the end of a step from a state into ``out``.
Step = Callable[[Place, str, str], tuple[Statement, ...]]


def stochastic_driver(
    name: str, vectors: tuple[str, ...], step: Step, estimate: tuple[Statement, ...], order: float
) -> Program:
    """The program of a method.

    Args:
        vectors: of the method, beside y, y_new, saved, slope and values. estimate: statements that set ``error`` after a step (none: it keeps
            fixed steps). order: the error estimate of a step of length h is O(h**order).
    """
    parts = Parts(name, 1, vectors, (), ((), ()), (), ())
    here = Place(first_root + root, level, index, root_length, as_term(1), t, h_try)
    body = (
        *keep_step(parts),
        *_save(step),
        If((pause > 0) & ((t - t_pause) * direction >= 0), (Return(Status.PAUSED),)),
        If(started <= 0, _start(bool(estimate))),
        If((t_end - t) * direction <= 0, (Return(Status.DONE),)),
        If(budget <= 0, (Return(Status.STEP_LIMIT),)),
        increase(budget, -1),
        *_choose_step(),
        *step(here, "y", "y_new"),
        *_judge(estimate),
        If(error <= 1, _accept(order), _reject(order)),
    )
    every = ("y", "y_new", "saved", "slope", "values", *vectors)
    return Program(name, (*_COMMON.split(), *_OWN.split()), every, ARRAYS, (While(TRUE, body),))


def _judge(estimate: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """error <= 1 where the step is accepted; a fixed step is, as long as its numbers are finite."""
    finite = (error_norm(d2, ("y",), (1, "y_new")), let(bad_time, t + direction * h_try))
    lost = If(d2 <= HUGE, (let(error, 0),), (Return(Status.NONFINITE),))
    if not estimate:
        return *finite, lost
    return (If(fixed > 0, (*finite, lost), estimate),)


def _save(step: Step) -> tuple[Statement, ...]:
    """Rows for all save times up to t."""
    share = (save_time - t_old) / (direction * h_old)
    place = Place(root_old, level_old, index_old, length_old, share, t_old, share * h_old)
    row = Row("save_y", save_next)
    inside = (*step(place, "y_new", "saved"), combination(row, (1, "saved")))  # y_new is the state before the step
    fetch = Fetch("save_time", "save_t", save_next)
    body = (If((save_time - t) * direction >= 0, (combination(row, (1, "y")),), inside), increase(save_next), fetch)
    return fetch, While((save_time - t) * direction <= 0, body)


def _start(adaptive: bool) -> tuple[Statement, ...]:
    """The tree of a segment. Segments have different roots, so their paths are independent."""
    span = abs(t_end - t)
    even = floor(roots / 2) * 2 >= roots
    halve = (let(roots, roots / 2), let(level, level + 1))
    grid = (
        let(roots, ceil((1 - 1e-12) * span / fixed)),
        let(wanted, span / roots),
        While(even & (level < deepest), halve),
    )
    free = (let(roots, 1), *_first_step(span), If(first_step > 0, (let(wanted, first_step),)))
    return (
        increase(first_root, roots),
        let(level, 0),
        *((If(fixed > 0, grid, free),) if adaptive else grid),
        let(root_length, span / roots),
        let(length, root_length),
        *(let(name, 0) for name in (root, level, index, rejecting, failures)),
        let(t_begin, t),
        let(started, 1),
    )


def _first_step(span: Term) -> tuple[Statement, ...]:
    """Drift and noise move the state by r^(1/3) relative to its scale at most: the error of a step is about the cube of what noise does."""
    r = minimum(maximum(rtol, 1e-10), 1)
    drift = maximum(r * d1, 1e-300)
    noise = maximum(r * d0, 1e-150)
    return (
        *evaluate("slope", t, "y"),
        NoiseValues("values", t, "y"),
        error_norm(d1, ("y",), (1, "slope")),
        error_norm(d0, ("y",), (1, "values")),
        If((d0 <= HUGE) & (d1 <= HUGE), (), (let(bad_time, t), Return(Status.NONFINITE))),
        let(wanted, minimum(span / 8, minimum(r ** Fraction(2, 3) / drift, r ** Fraction(2, 3) / noise**2))),
    )


def _choose_step() -> tuple[Statement, ...]:
    """Down the tree to a node that is not longer than wanted."""
    deeper = (level < deepest) & (length > wanted * (1 + 1e-9))
    down = (increase(level), let(index, index * 2), let(length, length / 2))
    return While(deeper, down), let(h_try, length)


def _accept(order: float) -> tuple[Statement, ...]:
    up = (let(index, index / 2), increase(level, -1), let(length, length * 2))
    even = floor(index / 2) * 2 >= index
    factor = minimum(5, maximum(0.2, 0.9 * maximum(error, 1e-10) ** (-1 / order)))
    grown = h_try * where(rejecting > 0, minimum(1, factor), factor)
    return (
        increase(steps),
        let(rejecting, 0),
        let(failures, 0),
        *(
            let(old, new)
            for old, new in ((t_old, t), (h_old, h_try), (root_old, first_root + root), (level_old, level))
        ),
        *(let(old, new) for old, new in ((index_old, index), (length_old, root_length))),
        If(fixed > 0, (), (let(wanted, grown),)),
        increase(index),
        While((level > 0) & even, up),
        If(level <= 0, (increase(root, index), let(index, 0))),
        let(t, where(root >= roots, t_end, t_begin + direction * (root * root_length + index * length))),
        Swap("y", "y_new"),
        let(fresh, 1),
    )


def _reject(order: float) -> tuple[Statement, ...]:
    """Half the step or less; numbers that are not finite count as failures."""
    lost = (
        increase(failures),
        let(bad_time, t + direction * h_try),
        If(failures > MAX_FAILURES, (Return(Status.NONFINITE),)),
        let(wanted, h_try / 4),
    )
    shorter = (let(wanted, h_try * minimum(0.5, maximum(0.2, 0.9 * error ** (-1 / order)))),)
    return (
        increase(rejected),
        let(rejecting, 1),
        let(h, direction * h_try),
        If(level >= deepest, (Return(Status.TOO_SMALL),)),
        If(error <= HUGE, shorter, lost),
    )
