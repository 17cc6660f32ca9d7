"""``sn.steady(system)``: the state at rest of an evolution, by Newton's method in pseudo time.

    M dy/dt = f(y) = 0:   (M/delta - df/dy) s = f(y),   y <- y + s,   M = 1 in rows with a time derivative, 0 in others

Each step is one of backward Euler of length delta, linearised once. delta starts at the time scale of the start and grows with every step,
faster as the residual falls (switched evolution relaxation: Mulder and van Leer, J. Comput. Phys. 59 (1985) 232; pseudo-transient
continuation: Kelley and Keyes, SIAM J. Numer. Anal. 35 (1998) 508). So the iteration follows the evolution at first, keeps what that conserves
(the content behind closed sides), and ends as Newton's method.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from symnum.errors import SolveError, SolveWarning, names_options
from symnum.labels import label
from symnum.model.system import PDESystem
from symnum.pipeline import Discretised, _by_name, discretise
from symnum.result import Solution
from symnum.solvers.problem import Outcome

_STEPS = 500
_FASTEST, _SLOWEST = 20.0, 1.5  # growth of delta from step to step
_NEAR = 1e4  # tolerances; beyond, the rates must have fallen: of 1e15 that grows by 1 a second nothing but rounding errors is left
_SMALL = 400  # unknowns up to which all eigenvalues are computed
_LONGEST = (
    1e5  # delta relative to the first, unless it takes more; what is conserved is so to rounding errors times delta
)


@names_options
def steady(
    system: PDESystem,
    resolution: Any = 64,
    scheme: str = "auto",
    order: int = 2,
    parameters: Mapping[Any, float] | None = None,
    rtol: float = 1e-8,
    atol: float = 1e-10,
    max_steps: int = _STEPS,
) -> Solution:
    """The state at which nothing changes any more: ``sn.steady(system, resolution=128)["u"]``.

    It is looked for from the system's initial state, along its evolution at first. A state at rest may be unstable: ``.message`` says so, for systems
    of at most 400 unknowns. ``dt(u) = div(a*grad(u)) + f`` gives the solution of -div(a grad u) = f.

    Args:
        system: equations that do not depend on time. resolution, scheme, order: in space, as for ``sn.solve``.
        parameters: values in place of the system's.
        rtol, atol: the last correction of Newton's method is smaller than rtol |y| + atol in the mean square.
        max_steps: most linear solves.

    The Solution has one time, the end of the system's interval; ``.stats`` counts steps. Where no state at rest is found it has what was reached,
    ``.success`` is False and SolveWarning is emitted. Raises SolveError for systems that have no states at rest (noise, coefficients that depend on
    time, events) and options that make no sense; ModelError, DiscretisationError, UnknownName, UnknownOption as ``sn.solve``.
    """
    if not isinstance(system, PDESystem):
        raise SolveError(f"steady takes a system such as sn.PDESystem(...), got {type(system).__name__}")
    for name, value in (("rtol", rtol), ("atol", atol)):
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
            raise SolveError(f"{name}={value!r} is no tolerance; write {name}=1e-8")
    if isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1:
        raise SolveError(f"max_steps={max_steps!r} is no whole number from 1 on; write max_steps={_STEPS}")
    if parameters:
        system = system.with_parameters(**_by_name(parameters))
    discretised = discretise(system, resolution, scheme, order)
    check_rest(discretised, system)
    begin = time.process_time()
    y, found, steps = at_rest(discretised, discretised.initial_state(), rtol, atol, max_steps)
    outcome = _outcome(discretised, y, found, steps, time.process_time() - begin)
    why = "the state at rest, by Newton's method in pseudo time from the initial state"
    solution = label(discretised, outcome, why, outcome.message)
    if not found:
        warnings.warn(outcome.message, SolveWarning, stacklevel=3)
    return solution


def check_rest(discretised: Discretised, system: PDESystem) -> None:
    """Raise SolveError for a system that has no states at rest."""
    semi, name = discretised.semi, system.name or "the system"
    if semi.noise is not None:
        raise SolveError(f"{name} has noise, so nothing in it comes to rest; write sn.solve(...) and average over time")
    if tuple(system.events):
        raise SolveError(f"{name} has events, which happen in time; write sn.solve(...), or leave them out")
    if semi.breakpoints or not semi.rhs.autonomous:
        t = semi.time.name if semi.time is not None else "t"
        raise SolveError(
            f"{name} depends on time by itself, so nothing in it comes to rest; write a parameter in place of {t}"
        )


def _outcome(discretised: Discretised, y: np.ndarray, found: bool, steps: int, seconds: float) -> Outcome:
    t = discretised.semi.time_span[1]
    if found:
        message = f"At rest after {steps} steps.{_stability(discretised, y)}"
    else:
        largest = int(np.argmax(np.abs(discretised.rhs(t, y))))
        field, place = discretised.semi.locate(largest)
        where = "".join(f", {x} = {v:.4g}" for x, v in place.items())
        message = (
            f"No state at rest was found in {steps} steps; {field} changes fastest{where}. It may oscillate or grow without end: look at "
            "sn.solve(...), or start nearer"
        )
    stats: dict[str, float] = {
        "steps": steps,
        "linear_solves": steps,
        "jacobian_evaluations": steps,
        "solve_seconds": seconds,
    }
    return Outcome(np.array([t]), y[None], found, message, "Newton in pseudo time", stats)


def _stability(discretised: Discretised, y: np.ndarray) -> str:
    """A sentence for a small system in which disturbances grow: the largest real part of the Jacobian's eigenvalues is positive."""
    semi = discretised.semi
    if semi.size > _SMALL or semi.differential is not None:
        return ""
    jacobian = discretised.jacobian(semi.time_span[1], y)
    dense = jacobian if isinstance(jacobian, np.ndarray) else jacobian.toarray()
    if not np.isfinite(dense).all():  # a square root at zero: there is no linearisation
        return ""
    values = np.linalg.eigvals(dense)
    growth, scale = float(values.real.max(initial=0.0)), float(np.abs(values).max(initial=0.0))
    if growth <= 1e-9 * scale:
        return ""
    return f" It is unstable: disturbances grow as exp({growth:.3g} t)."


def at_rest(
    discretised: Discretised, y: np.ndarray, rtol: float, atol: float, most: int = _STEPS
) -> tuple[np.ndarray, bool, int]:
    """The state found from the state y, whether it is at rest, and the number of linear solves."""
    semi = discretised.semi
    t = semi.time_span[1]
    mass = np.ones(len(y)) if semi.differential is None else semi.differential.astype(float)
    rate = discretised.rhs(t, y)
    size = _norm(rate)
    if not np.isfinite(size):
        raise SolveError(
            f"the rates of {semi.name or 'the system'} at the initial state are not finite; give another one"
        )
    start, at_first = y, size
    first = delta = _time_scale(y, rate, rtol, atol)
    longest, before = _LONGEST * first, np.inf
    for step in range(1, most + 1):
        correction = _solved(discretised.jacobian(t, y), mass / delta, rate)
        tried = y + correction
        tried_rate = discretised.rhs(t, tried) if np.isfinite(correction).all() else correction
        tried_size = _norm(tried_rate)
        if not np.isfinite(tried_size) or (tried_size > 10 * size and delta > 1e-6 * first):
            delta, before = delta / 10, np.inf
            if delta < 1e-12 * first:
                return y, False, step
            continue
        length = _norm(correction / (atol + rtol * np.abs(tried)))
        growth = min(max(size / tried_size if tried_size else _FASTEST, _SLOWEST), _FASTEST)
        y, rate, size = tried, tried_rate, tried_size
        # What is left is no more than this correction, or than the sum of all that follow at this pace.
        settled = length == 0 or (length < before < np.inf and length * max(1.0, length / (before - length)) <= 1)
        if settled and (size <= at_first / 10 or _norm((y - start) / (atol + rtol * np.abs(y))) <= _NEAR):
            return y, True, step
        if delta >= longest and length > before / 2:
            longest *= 10
        delta, before = min(delta * growth, longest), length
    return y, False, most


def _time_scale(y: np.ndarray, rate: np.ndarray, rtol: float, atol: float) -> float:
    """A time in which the state changes by a tenth of itself or of 1."""
    fastest = float(np.abs(rate).max(initial=0.0))
    return 0.1 * max(float(np.abs(y).max(initial=0.0)), atol / rtol, 1e-3) / fastest if fastest else 1.0


def _norm(values: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.mean(np.square(values)))) if len(values) else 0.0


def _solved(jacobian: Any, shift: np.ndarray, rate: np.ndarray) -> np.ndarray:
    """s of (shift - J) s = rate; NaN where that is singular or J not finite (1/inf = 0 would pass for rest)."""
    import scipy.sparse
    import scipy.sparse.linalg

    dense = isinstance(jacobian, np.ndarray)
    matrix = jacobian if dense else jacobian.tocsc()
    if not np.isfinite(matrix if dense else matrix.data).all():
        return np.full(len(rate), np.nan)
    try:
        if dense:
            return np.asarray(np.linalg.solve(np.diag(shift) - matrix, rate))
        return np.asarray(scipy.sparse.linalg.splu((scipy.sparse.diags_array(shift) - matrix).tocsc()).solve(rate))
    except (RuntimeError, np.linalg.LinAlgError):
        return np.full(len(rate), np.nan)
