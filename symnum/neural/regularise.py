"""Regularisers made of the solver's own estimates, schedules for their weight, and random end times.

    "error"            sum_j E_j |h_j|               "local"            T E(t*),  t* uniform in the interval
    "error_squared"    sum_j E_j^2                   "local_biased"     n E_j |h_j|,  j uniform over the n accepted steps
    "error_mean"       (1/n) sum_j E_j |h_j|         "local_stiffness"  n S(t*)
    "stiffness"        sum_j S_j                     "stiffness_max"    max_j S_j

E(t*): estimate of one more step from (t*, y(t*)), as long as the step that the solver took there. n E_j |h_j| has the expectation
sum_j E_j |h_j| exactly, T E(t*) has it with the integral of E over time in place of the sum; so one weight serves all three. k_1 of that step is
differentiable. The global ones want the discrete adjoint, the local ones go with any.

A. Pal, Y. Ma, V. Shah, C. Rackauckas, Opening the Blackbox, ICML 2021; A. Pal, A. Edelman, C. Rackauckas, Locally Regularized Neural
Differential Equations, ICML 2023; random end times: A. Ghosh and others, STEER, NeurIPS 2020.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from symnum.errors import SolveError, UnknownName, did_you_mean
from symnum.neural.discrete import Problem, Starts
from symnum.neural.explicit import stiffness
from symnum.neural.record import Record

GLOBAL: dict[str, Callable[[Record], Tensor]] = {
    "error": lambda r: (r.errors * _lengths(r)).sum(),
    "error_squared": lambda r: (r.errors**2).sum(),
    "error_mean": lambda r: (r.errors * _lengths(r)).mean(),
    "stiffness": lambda r: r.stiffness.sum(),
    "stiffness_max": lambda r: r.stiffness.max(),
}
LOCAL = ("local", "local_biased", "local_stiffness")
REGULARISERS = (*GLOBAL, *LOCAL)


def _lengths(record: Record) -> Tensor:
    """|h_j|, numbers without gradient."""
    return torch.tensor([abs(h) for h in record.h], dtype=record.errors.dtype, device=record.errors.device)


def checked_regulariser(kind: str) -> str:
    """The name, if it is one. Raises UnknownName."""
    if kind not in REGULARISERS:
        raise UnknownName(
            f"there is no regulariser {kind!r}.{did_you_mean(str(kind), REGULARISERS)} It is one of: {', '.join(REGULARISERS)}"
        )
    return kind


def regulariser(kind: str, problem: Problem, record: Record, starts: Starts, shift: Tensor | None = None) -> Tensor:
    """The value of a regulariser, a tensor without dimensions. ``shift``: see ``VectorField``; t_j moves with the start, t* does not."""
    if checked_regulariser(kind) in GLOBAL:
        return GLOBAL[kind](record) if record.h else record.errors.sum()
    if kind == "local_biased":
        if starts.chosen is None:
            return record.errors.new_zeros(())
        j, y = starts.chosen
        return _step(problem, record.t[j], record.h[j], y, shift).error * (len(record.h) * abs(record.h[j]))
    if starts.star is None:
        return record.errors.new_zeros(())
    t, y = starts.star
    step = _step(problem, t, _step_at(record, t), y)
    if kind == "local":
        return step.error * abs(record.t[-1] - record.t[0])
    return stiffness([step.differences()], problem.method.size)[0] * len(record.h)


def _step(problem: Problem, t: float, h: float, y: Tensor, shift: Tensor | None = None) -> Any:
    f = problem.field(shift)
    step = problem.method.attempt(f, t, h, y, f(t, y), problem.options)
    problem.method.finish(f, step)
    return step


def _step_at(record: Record, t: float) -> float:
    """The length of the step that holds t."""
    direction = math.copysign(1.0, record.h[0])
    j = sum((begin - t) * direction <= 0 for begin in record.t[:-1]) - 1
    return record.h[max(0, j)]


def steer(t1: float, b: float, generator: torch.Generator | None = None, *, t0: float = 0.0) -> float:
    """A random end time, uniform in (t1 - b, t1 + b): ``ts = torch.tensor([0.0, sn.neural.steer(1.0, 0.5)])``. t0: where the interval begins.

    Raises SolveError unless 0 <= b < |t1 - t0|: the end stays behind the beginning.
    """
    if not all(isinstance(v, int | float) and math.isfinite(v) for v in (t0, t1, b)) or not 0 <= b < abs(t1 - t0):
        raise SolveError(
            f"steer({t1!r}, {b!r}) from t0={t0!r} wants finite numbers and 0 <= b < |t1 - t0|; write steer(1.0, 0.5)"
        )
    return t1 + b * (2 * uniform(1, generator)[0] - 1)


def uniform(count: int, generator: torch.Generator | None) -> list[float]:
    """Random numbers in [0, 1)."""
    device = "cpu" if generator is None else generator.device
    made: list[float] = torch.rand(count, generator=generator, dtype=torch.float64, device=device).tolist()
    return made


def constant(value: float) -> Callable[[int], float]:
    """lambda(epoch) = value."""
    _check_weights(value=value)
    return lambda epoch: value


def exponential(first: float, last: float, epochs: int) -> Callable[[int], float]:
    """lambda(epoch) = first exp(-epoch/epochs ln(first/last)): from first to last, where it stays."""
    _check_weights(first=first, last=last, epochs=epochs)
    if not (first > 0 and last > 0):
        raise SolveError(
            f"exponential({first!r}, {last!r}, ...) wants two numbers > 0; write for example exponential(10, 1, epochs)"
        )
    return lambda epoch: first * math.exp(-min(epoch / epochs, 1.0) * math.log(first / last)) if epochs else last


def warm_up(schedule: Callable[[int], float] | float, epochs: int) -> Callable[[int], float]:
    """0 at the start, rising in a line to ``schedule`` (a function of the epoch, or a number) within ``epochs``."""
    _check_weights(epochs=epochs)
    after = schedule if callable(schedule) else constant(schedule)
    return lambda epoch: after(epoch) * (min(1.0, epoch / epochs) if epochs else 1.0)


def _check_weights(**values: float) -> None:
    for name, value in values.items():
        if not (isinstance(value, int | float) and math.isfinite(value) and value >= 0):
            raise SolveError(f"{name} is {value!r}, not a number >= 0")
