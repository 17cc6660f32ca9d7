"""What stops a run, in words: numbers that are not finite, growth without bound, steps that no longer change t; negative densities."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.embedded.language import Status

if TYPE_CHECKING:
    from symnum.solvers.embedded.solve import Run

Array = NDArray[np.float64]
Where = tuple[float, int] | None  # time and index of the state


def explain(run: Run, status: Status) -> tuple[str, Where]:
    """A sentence for a failure, and (time, index) where a number is not finite."""
    machine = run.machine
    t = machine["t"]
    if status is Status.TOO_SMALL and abs(machine["bad_time"] - t) <= 1e-12 * abs(t):
        status = Status.NONFINITE  # accepted steps have crept up to where the numbers end
        if machine["convergence_failures"] and finite_ahead(run):
            status = Status.NOT_CONVERGED
    match status:
        case Status.STEP_LIMIT:
            seen = f"stopped at t = {t:.6g} after max_steps = {run.options.max_steps} attempted steps"
            return f"{seen}. Try a larger max_steps, a larger rtol, or a method for stiff equations", None
        case Status.STIFF:
            seen = f"stability and not accuracy sets the step since about t = {t:.6g} (h = {machine['h']:.3g}): the equations are stiff there"
            return f'{seen}. Write method="Rodas5P"', None
        case Status.TOO_SMALL:
            seen = f"the step became too small at t = {t:.6g} (h = {machine['h']:.3g})"
            cause = "the solution may grow without bound there, or the equations jump or are stiff"
            return f"{seen}: {cause}. Try ending the interval earlier, a larger resolution where there is space, or a larger atol", None
        case Status.NOT_CONVERGED if finite_ahead(run):
            seen = f"{run.method.name} did not converge at t = {t:.6g}, also with steps down to h = {machine['h']:.3g}"
            cause = "df/dy - c*M is singular or far from the slopes of f there (a jump, a kink, a wrong jacobian=)"
            return f"{seen}: {cause}. Try a smaller dt, ending the interval earlier, or an explicit method", None
        case _:
            return _explain_numbers(run)


def _explain_numbers(run: Run) -> tuple[str, Where]:
    time, index, what = first_nonfinite(run)
    largest = float(np.max(np.abs(run.machine.vector("y"))))
    if largest > 1e100:
        seen = f"the solution grew without bound: it reached {largest:.1g} at t = {time:.6g} (index {index} of the state)"
        advice = "The equations may be ill-posed or unstable there; try ending the interval earlier"
    else:
        seen = f"the right-hand side gives {what} at t = {time:.6g} (index {index} of the state), also with shorter steps"
        advice = "Check logarithms, roots and divisions there, or try a smaller rtol"
    return f"{seen}. {advice}", (time, index)


def finite_ahead(run: Run) -> bool:
    """True if f is finite at the present state, now and at the end of the step that failed."""
    machine, out = run.machine, np.zeros(run.problem.n)
    for when in (machine["t"], machine["bad_time"]):
        if math.isfinite(when):
            run.problem.rhs(min(max(when, machine["t_low"]), machine["t_high"]), machine.vector("y"), out)
            if not np.isfinite(out).all():
                return False
    return True


def first_nonfinite(run: Run) -> tuple[float, int, str]:
    """(time, index, "NaN" or "infinity") of the first bad number: in f now, f a step later, what the step left."""
    machine = run.machine
    t, y, out = machine["t"], machine.vector("y"), np.zeros(run.problem.n)
    later = machine["bad_time"] if machine["started"] and math.isfinite(machine["bad_time"]) else t
    for when in (t, later):
        run.problem.rhs(min(max(when, machine["t_low"]), machine["t_high"]), y, out)
        if not np.isfinite(out).all():
            return when, *_first_bad(out)
    for name in machine.program.vectors:
        if not np.isfinite(machine.vector(name)).all():
            return later, *_first_bad(machine.vector(name))
    return t, int(np.argmax(np.abs(out))), "a number too large for its tolerance"


def _first_bad(vector: Array) -> tuple[int, str]:
    index = int(np.flatnonzero(~np.isfinite(vector))[0])
    return index, "NaN" if np.isnan(vector[index]) else "infinity"
