"""What a solver gets and gives back: ``Problem``, ``Options``, ``Outcome``.

y'(t) = f(t, y; p),   y(t0) = y0,   t from t0 to t1 (t1 < t0 integrates backward),   y in R^n
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError, did_you_mean
from symnum.ir.kernel import Kernel
from symnum.ir.linear_part import LinearPart
from symnum.solvers.events import Events, Occurrence
from symnum.solvers.noise import Noise

Array = NDArray[np.float64]
RightHandSide = Callable[[float, Array, Array], None]

STATISTICS = (
    "steps",
    "rejected",
    "rhs_evaluations",
    "jacobian_evaluations",
    "linear_solves",
    "compile_seconds",
    "solve_seconds",
)

LINEAR_SOLVERS = ("auto", "dense", "sparse", "gmres", "bicgstab", "tfqmr")
PRECONDITIONERS = ("none", "lu", "ilu", "fft", "line")
_POSITIVE = {  # options that must be positive where given, with a usual value
    "rtol": "1e-6",
    "atol": "1e-8",
    "dt": "0.01",
    "max_step": "0.1",
    "max_steps": "100_000",
    "max_order": "2",
    "detect_stiffness": "500",
}


def empty_statistics() -> dict[str, float]:
    """The statistics of a solve that has not begun: whole counts, seconds as floats."""
    return {name: 0.0 if name.endswith("seconds") else 0 for name in STATISTICS}


@dataclass(frozen=True)
class Problem:
    """An initial value problem.

    Args:
        rhs: ``rhs(t, y, out)`` writes f(t, y) into ``out``; y and out are (n,) float64 and never overlap.
        y0: (n,) the state at t0.
        t0, t1: the interval; t1 < t0 integrates backward.
        address: of the native ``void rhs(double t, const double* y, const double* p, double* out)``, if there is one.
        parameters: the array that ``p`` points to.
        breakpoints: times inside the interval where f jumps; no step crosses one, and f is asked only for times
            inside an open segment.
        sparsity: (n, n) SciPy sparse matrix whose nonzeros mark df_i/dy_j, or a callable giving it, or None (unknown).
        jacobian: ``jacobian(t, y)`` -> (n, n) dense or SciPy sparse df/dy, or None. An object with ``pattern`` (CSC, sorted) and
            ``fill(t, y, data)`` as well (``codegen.jacobian.SparseJacobian``) spares the solver a matrix a call.
        jacobian_exact: False if ``jacobian`` leaves something out (the dense part that integrals bring); ``jvp`` is always exact.
        jvp: ``jvp(t, y, v, out)`` writes (df/dy) v into ``out``, or None.
        differential: (n,) bool, False where row i is an algebraic equation 0 = f_i(t, y); None: all rows are y_i' = f_i.
        spectral_radius: a bound of |eigenvalues of df/dy| for stabilised methods: a number, ``f(t, y) -> float``, or
            None (estimated).
        partition: for symplectic methods, (n,) bool, True where an unknown is a position q of q' = f(p), p' = g(t, q), or a function that gives
            it; None: not known.
        autonomous: f does not depend on t by itself (a Rosenbrock method then needs no df/dt).
        semilinear: gives f = L y + N(t, y) in coordinates where L is diagonal (``embedded.exponential.Semilinear``), for exponential
            methods; None: made from ``linear_part``.
        linear_part: gives the constant linear part L of f as an ``ir.linear_part.LinearPart``, for methods that split f = L y + N(t, y), or None.
        module: (name, LLVM text) of the native right-hand side, so that the driver of a small system can take it in (see
            ``embedded.inline``); None: it is called at ``address``.
        kernel: the right-hand side as a kernel, for solvers that take its code in another language; None: it has none.
        torch_rhs: ``torch_rhs(t, y)`` -> (n,) tensor: the same function on torch tensors, for gradients (meaning "torch").
        events: conditions that are watched, and what happens when one crosses zero; None: none. Effects may change ``parameters`` while a
            solve runs; it puts them back at its end.
        identity: a digest of the equations, by which a checkpoint knows whether it belongs to them.
        keepalive: whatever must live as long as ``address`` is called.
        watch: asked after each accepted step; the run ends there, successfully, where ``watch(t, y)`` is true.
        noise: what moves the state at random beside f; None: nothing.
        device: ``cuda_machine.OnDevice``: f on a GPU, where explicit and exponential methods of the embedded backend then keep all vectors.

    Raises:
        SolveError: y0 is not a finite vector, differential is no mask of its length, the interval is empty or not finite, a breakpoint is not
            inside it.
    """

    rhs: RightHandSide
    y0: Array
    t0: float
    t1: float
    address: int | None = None
    parameters: Array = field(default_factory=lambda: np.zeros(0))
    breakpoints: tuple[float, ...] = ()
    sparsity: Any = None
    jacobian: Callable[[float, Array], Any] | None = None
    jacobian_exact: bool = True
    jvp: Callable[[float, Array, Array, Array], Any] | None = None
    differential: NDArray[np.bool_] | None = None
    spectral_radius: Callable[[float, Array], float] | float | None = None
    autonomous: bool = False
    partition: NDArray[np.bool_] | Callable[[], NDArray[np.bool_]] | None = None
    linear_part: Callable[[], LinearPart] | None = None
    semilinear: Callable[[], Any] | None = None
    module: tuple[str, str] | None = None
    kernel: Kernel | None = None
    torch_rhs: Callable[[float, Any], Any] | None = None
    events: Events | None = None
    identity: str = ""
    keepalive: object = None
    watch: Callable[[float, Array], bool] | None = None
    noise: Noise | None = None
    device: Any = None

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "y0", _vector(self.y0, "the initial state"))
        put(self, "parameters", np.ascontiguousarray(self.parameters, dtype=np.float64))
        put(self, "differential", _mask(self.differential, self.n))
        put(self, "t0", float(self.t0))
        put(self, "t1", float(self.t1))
        put(self, "breakpoints", tuple(sorted({float(b) for b in self.breakpoints}, reverse=self.t1 < self.t0)))
        if not (math.isfinite(self.t0) and math.isfinite(self.t1)) or self.t0 == self.t1:
            raise SolveError(
                f"the time interval ({self.t0}, {self.t1}) is empty or not finite; write t=(0, 10) in the domain"
            )
        outside = [b for b in self.breakpoints if not min(self.t0, self.t1) < b < max(self.t0, self.t1)]
        if outside:
            raise SolveError(
                f"the breakpoint {outside[0]} is not inside ({self.t0}, {self.t1}); give only times strictly inside"
            )

    @property
    def n(self) -> int:
        """Number of unknowns."""
        return len(self.y0)

    @property
    def segments(self) -> list[tuple[float, float]]:
        """The intervals between breakpoints, in the order of integration."""
        ends = (self.t0, *self.breakpoints, self.t1)
        return list(pairwise(ends))


@dataclass(frozen=True)
class Options:
    """How to solve.

    Args:
        method: a name of ``backend.METHODS``.
        rtol, atol: a step is accepted when the RMS over components of error_i / (atol + rtol*max(|y_i old|, |y_i
            new|)) is <= 1.
        saveat: times to save, in the order of integration; exactly these are returned.
        every_step: without ``saveat``: save every accepted step (else only the two ends).
        dt: the first step, which adaptive methods change afterwards, and the only one of symplectic methods. None: chosen from f.
        max_steps: most attempted steps (accepted and rejected). None: no limit.
        progress: called as ``progress(t)`` a few times a second.
        dense: keep what the continuous extension needs (memory: steps x stages x n).
        max_step: no step is longer. None: no limit.
        max_order: highest order of a multistep method. None: the method's own (BDF 5, Adams 12).
        linear_solver: how an implicit method of SUNDIALS solves (I - gamma df/dy) x = b: a name of ``LINEAR_SOLVERS``.
        preconditioner: for the Krylov ones among these: None (chosen), a name of ``PRECONDITIONERS``, or an object with ``setup`` and
            ``solve`` (see ``solvers.preconditioner.Preconditioner``).
        checkpoint: a file that holds the state of the run every ``checkpoint_every`` seconds (0: as often as it can be); a run that finds it
            goes on from there. None: no file. For the embedded methods.
        detect_stiffness: an embedded explicit Runge-Kutta method stops (``Outcome.stopped`` is "STIFF") once stability and not accuracy sets
            its step and more than this many steps are left (see ``embedded.stiffness``). None: it goes on.

        method_options: further options of a method by name, as DifferentialEquations.jl calls them (all with backend "julia"; the embedded stochastic
            methods take "adaptive").
        seed: of the random path of a problem with noise, a whole number >= 0. None: a new one, which the outcome's ``stats`` name.

    max_step, max_order, linear_solver and preconditioner are only for the backends that list them in ``OPTIONS``; elsewhere they are refused by name.

    Raises:
        SolveError: a tolerance, dt, max_step, max_steps or max_order is not positive, save times are not finite and in order, a linear
            solver or preconditioner is not known.
    """

    method: str = "Tsit5"
    rtol: float = 1e-6
    atol: float = 1e-8
    saveat: Array | None = None
    every_step: bool = False
    dt: float | None = None
    max_steps: int | None = None
    progress: Callable[[float], None] | None = None
    dense: bool = False
    max_step: float | None = None
    max_order: int | None = None
    linear_solver: str = "auto"
    preconditioner: Any = None
    checkpoint: str | os.PathLike[str] | None = None
    checkpoint_every: float = 60.0
    detect_stiffness: float | None = None
    method_options: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None

    def __post_init__(self) -> None:
        for name, least in _POSITIVE.items():
            value = getattr(self, name)
            if (value is not None or name in ("rtol", "atol")) and not (
                isinstance(value, (int, float, np.number)) and math.isfinite(value) and value > 0
            ):
                raise SolveError(f"{name} is {value!r}, not a positive number; write for example {name}={least}")
        for name in ("max_steps", "max_order"):
            value = getattr(self, name)
            if value is not None and int(value) != value:
                raise SolveError(f"{name} is {value!r}, not a whole number; write {name}={_POSITIVE[name]}")
        if self.linear_solver not in LINEAR_SOLVERS:
            near = did_you_mean(str(self.linear_solver), LINEAR_SOLVERS)
            raise SolveError(f"linear_solver is {self.linear_solver!r}, not one of {', '.join(LINEAR_SOLVERS)}.{near}")
        _check_preconditioner(self.preconditioner)
        if not isinstance(self.method_options, Mapping) or not all(isinstance(name, str) for name in self.method_options):
            raise SolveError(f'options is {self.method_options!r}, not a mapping; write options={{"linsolve": "KLUFactorization"}}')
        _check_checkpoint(self.checkpoint, self.checkpoint_every)
        _check_seed(self.seed)
        if self.saveat is not None:
            object.__setattr__(self, "saveat", _vector(self.saveat, "saveat"))

    def save_times(self, problem: Problem) -> Array | None:
        """The save times (m,), checked against the interval; None: every accepted step."""
        if self.saveat is None:
            return None if self.every_step else np.array([problem.t0, problem.t1])
        sign = math.copysign(1.0, problem.t1 - problem.t0)
        times = self.saveat
        if np.any(np.diff(times) * sign < 0):
            raise SolveError("the save times are not in the order of integration; write saveat=sorted(times)")
        low, high = sorted((problem.t0, problem.t1))
        if times[0] < low or times[0] > high or times[-1] < low or times[-1] > high:
            seen = f"save times reach from {times[0]} to {times[-1]}, the solve only from {problem.t0} to {problem.t1}"
            raise SolveError(f"{seen}; widen the time interval of the domain or shorten saveat")
        return times


@dataclass(frozen=True)
class Outcome:
    """What a solve gave; after a failure, everything up to it.

    Attributes:
        t: (m,) saved times; y: (m, n) saved states.
        success, message: a sentence, with what to try after a failure.
        method: the method that ran.
        stats: the counts and seconds of ``STATISTICS``.
        dense: ``dense(t) -> (n,)`` (or (k, n) for k times), the method's continuous extension, if it was asked for.
        failure_time, failure_index: where a NaN or infinity was met.
        stopped: why an embedded method stopped before the end, a name of ``embedded.language.Status``; else "".
        events: what happened, in the order of time; notes: sentences that the user should read though the solve may have succeeded.
    """

    t: Array
    y: Array
    success: bool
    message: str
    method: str
    stats: dict[str, float]
    dense: Callable[[Any], Array] | None = None
    failure_time: float | None = None
    failure_index: int | None = None
    events: tuple[Occurrence, ...] = ()
    notes: tuple[str, ...] = ()
    stopped: str = ""


def _mask(given: Any, n: int) -> NDArray[np.bool_] | None:
    """Which rows have a time derivative; None where all have."""
    if given is None:
        return None
    mask = np.asarray(given)
    if mask.shape != (n,) or mask.dtype != np.bool_:
        raise SolveError(
            f"differential is {given!r}, not {n} truth values; write None, or for example [True, False] for n = 2"
        )
    return None if mask.all() else mask


def _check_preconditioner(given: Any) -> None:
    if given is None or (isinstance(given, str) and given in PRECONDITIONERS):
        return
    if not isinstance(given, str) and all(callable(getattr(given, name, None)) for name in ("setup", "solve")):
        return
    near = did_you_mean(given, PRECONDITIONERS) if isinstance(given, str) else ""
    raise SolveError(
        f"preconditioner is {given!r}, not None, one of {', '.join(PRECONDITIONERS)}, or an object with setup(t, y, gamma, reuse) "
        f"and solve(r, out).{near}"
    )


def _check_checkpoint(path: Any, every: Any) -> None:
    if path is not None and not isinstance(path, (str, os.PathLike)):
        raise SolveError(f'checkpoint is {path!r}, not the path of a file; write checkpoint="run.ckpt"')
    if isinstance(every, bool) or not isinstance(every, (int, float, np.number)) or not 0 <= every < math.inf:
        raise SolveError(f"checkpoint_every is {every!r}, not a number of seconds >= 0; write checkpoint_every=60")


def _check_seed(seed: Any) -> None:
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
        raise SolveError(f"seed is {seed!r}, not a whole number >= 0; write seed=1, or leave it out for a new one in each run")


def _vector(values: Any, what: str) -> Array:
    try:
        vector = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise SolveError(f"{what} is {values!r}, not a sequence of numbers; write for example [0.0, 1.0]") from None
    if vector.ndim != 1 or not len(vector):
        raise SolveError(f"{what} has shape {vector.shape}, not (n,) with n >= 1; write for example [0.0, 1.0]")
    if not np.isfinite(vector).all():
        index = int(np.flatnonzero(~np.isfinite(vector))[0])
        raise SolveError(f"{what} holds {vector[index]} at index {index}; every entry must be finite")
    return vector
