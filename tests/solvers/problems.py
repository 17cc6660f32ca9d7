"""Initial value problems with exact or trusted solutions, and a step-by-step way to run a method."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnum.codegen.jit import compile_ir
from symnum.solvers.embedded.language import Status
from symnum.solvers.embedded.solve import Run
from symnum.solvers.problem import Options, Problem


def oscillator(t, y, out):
    out[0], out[1] = y[1], -y[0]


def forced(t, y, out):
    out[0] = -y[0] + math.sin(t) + math.cos(t)


def rational(t, y, out):
    out[0] = -2 * t * y[0] ** 2


def lorenz(t, y, out):
    out[0] = 10 * (y[1] - y[0])
    out[1] = y[0] * (28 - y[2]) - y[1]
    out[2] = y[0] * y[1] - 8 / 3 * y[2]


def van_der_pol(t, y, out):
    out[0], out[1] = y[1], (1 - y[0] ** 2) * y[1] - y[0]


def arenstorf(t, y, out):
    """Hairer, Norsett, Wanner I, II.0, eq. (0.1)."""
    mu = 0.012277471
    d1 = ((y[0] + mu) ** 2 + y[1] ** 2) ** 1.5
    d2 = ((y[0] - 1 + mu) ** 2 + y[1] ** 2) ** 1.5
    out[0], out[1] = y[2], y[3]
    out[2] = y[0] + 2 * y[3] - (1 - mu) * (y[0] + mu) / d1 - mu * (y[0] - 1 + mu) / d2
    out[3] = y[1] - 2 * y[2] - (1 - mu) * y[1] / d1 - mu * y[1] / d2


ARENSTORF_START = (0.994, 0.0, 0.0, -2.00158510637908252240537862224)
ARENSTORF_PERIOD = 17.0652165601579625588917206249


@dataclass(frozen=True)
class Exact:
    """A problem with its solution."""

    name: str
    problem: Problem
    solution: Callable[[Any], Any]  # times (k,) -> (k, n)


EXACT = (
    Exact("oscillator", Problem(oscillator, [1.0, 0.0], 0, 3, partition=np.array([True, False])), lambda t: np.stack([np.cos(t), -np.sin(t)], -1)),
    Exact("forced", Problem(forced, [1.0], 0, 6), lambda t: (np.sin(t) + np.exp(-np.asarray(t)))[..., None]),
    Exact("rational", Problem(rational, [1.0], 0, 3), lambda t: (1 / (1 + np.asarray(t) ** 2))[..., None]),
)

LORENZ_IR = """
define void @lorenz(double %t, ptr %y, ptr %p, ptr %out) {
  %y1 = getelementptr double, ptr %y, i64 1
  %y2 = getelementptr double, ptr %y, i64 2
  %o1 = getelementptr double, ptr %out, i64 1
  %o2 = getelementptr double, ptr %out, i64 2
  %a = load double, ptr %y
  %b = load double, ptr %y1
  %c = load double, ptr %y2
  %d = fsub double %b, %a
  %e = fmul double %d, 1.0e1
  store double %e, ptr %out
  %f = fsub double 2.8e1, %c
  %g = fmul double %a, %f
  %h = fsub double %g, %b
  store double %h, ptr %o1
  %i = fmul double %a, %b
  %rate = load double, ptr %p
  %j = fmul double %c, %rate
  %k = fsub double %i, %j
  store double %k, ptr %o2
  ret void
}
"""


def native_lorenz(t1: float) -> Problem:
    """Lorenz with beta = p[0] as native code."""
    module = compile_ir(LORENZ_IR, cache=False)
    return Problem(
        lorenz, [1.0, 0.0, 0.0], 0, t1, address=module.address("lorenz"), parameters=[8 / 3], keepalive=module
    )


def fixed_steps(method: str, problem: Problem, count: int, meaning: str = "llvm") -> Run:
    """Take ``count`` equal steps whatever the error estimate says; gives the run, with its dense record."""
    run = Run(problem, Options(method, rtol=1e6, atol=1e6, dense=True), meaning)
    iterate_to_the_end(run)
    run.enter_segment(0, problem.t0, problem.t1)
    status = Status.STEP_LIMIT
    run.machine["first_step"] = abs(problem.t1 - problem.t0) / count
    while status is not Status.DONE:
        assert status is Status.STEP_LIMIT
        run.machine["budget"] = 1
        run.machine["h"] = (problem.t1 - problem.t0) / count
        status = run.machine.run()
    assert run.machine["steps"] == count
    return run


def iterate_to_the_end(run: Run) -> None:
    """Newton's iterations go on to rounding, whatever the tolerance."""
    if "newton_share" in run.machine.index:
        run.machine["newton_share"], run.machine["newton_most"] = 1e-16 / run.options.rtol, 50


def slope(sizes: Any, errors: Any) -> float:
    """Fitted exponent of errors against step sizes."""
    return float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])
