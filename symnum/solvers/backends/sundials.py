"""SUNDIALS' CVODE and IDA (through scikit-sundae): stiff and differential-algebraic equations, with our sparse Jacobian.

CVODE   y' = f(t, y)                     BDF of order 1 to 5, or Adams of order 1 to 12
IDA     M y' = f(t, y)                   BDF of order 1 to 5; M is the identity with zeros in the rows of algebraic equations

Hindmarsh and others, *SUNDIALS: suite of nonlinear and differential/algebraic equation solvers*, ACM TOMS 31 (2005) 363-396.
"""

from __future__ import annotations

import io
import math
import re
import sys
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import BackendUnavailable, SolveError
from symnum.solvers.consistent import consistent_start
from symnum.solvers.jacobian import fixed_jacobian
from symnum.solvers.linear import choose
from symnum.solvers.multistep import INTEGRATORS, SHORTEST, Multistep, Setting
from symnum.solvers.polynomials import NODES, Polynomials
from symnum.solvers.problem import Options, Outcome, Problem, empty_statistics

NAME = "sundials"
METHODS = {
    "CVODE": "SUNDIALS: variable-order backward differentiation: stiff equations, sparse and Krylov solvers",
    "CVODE_Adams": "SUNDIALS: variable-order Adams: equations that are not stiff, costly right-hand sides",
    "IDA": "SUNDIALS: backward differentiation for equations with algebraic constraints",
}
REQUIRES = ("sksundae",)
ALGEBRAIC = ("IDA",)
WATCHES = True  # heeds Problem.watch
OPTIONS = ("max_step", "max_order", "linear_solver", "preconditioner")
HIGHEST_ORDER = {"CVODE": 5, "CVODE_Adams": 12, "IDA": 5}
Array = NDArray[np.float64]
MAX_SHORT = 2  # steps in a row below the SHORTEST share of t, and the solve stops (SUNDIALS would go on to h = 0)
REPLAYED = 200  # attempts after a failure to meet the NaN behind it again
PROGRESS_SECONDS = 0.1
_NOTICE = re.compile(r"\s*\[\w+, Error: -?\d+\]")
TOO_SHORT = -1000
CAUSES = {  # return values that CVODE and IDA share, and ours
    TOO_SHORT: "the step became too short to change t",
    -2: "the tolerance is below what rounding allows",
    -3: "the error test failed again and again, down to the smallest step",
    -4: "Newton's iteration failed to converge, down to the smallest step",
    -6: "the linear solver could not be set up",
    -7: "the linear solver failed",
}


def solve(problem: Problem, options: Options) -> Outcome:
    """Integrate with one of ``METHODS``.

    Values at save times come from the method's own interpolant; the dense output is, in each step, the polynomial through six of its values
    (for BDF the interpolant itself). ``rejected`` is 0 in the statistics (not told); ``linear_solves`` counts the preconditioner's solves, or
    without one the evaluations of f by steps, one for each Newton iteration. Where algebraic values are missing, ``y0`` is a guess; the first
    saved state is consistent.

    Raises:
        SolveError: options that contradict the problem or each other; BackendUnavailable: scikit-sundae does not load.
    """
    try:
        import sksundae  # noqa: F401
    except Exception as error:  # a damaged build fails in many ways
        absent = isinstance(error, ModuleNotFoundError)
        seen = "which is not installed" if absent else f"which does not load ({error})"
        line = f"pip install {'' if absent else '--force-reinstall '}scikit-sundae"
        raise BackendUnavailable(
            f"{options.method} needs the package scikit-sundae, {seen}. Install it: {line}"
        ) from error
    run = _Run(problem, options)
    with Notices():  # the wrapper prints the library's messages; ours say the same in words
        return run.solve()


class _Run:
    def __init__(self, problem: Problem, options: Options) -> None:
        from symnum.solvers.backend import find

        self.problem, self.options = problem, options
        self.method = find({name: name for name in METHODS}, options.method, "method of SUNDIALS")
        _check(problem, options, self.method)
        self.sign = math.copysign(1.0, problem.t1 - problem.t0)
        self.times = options.save_times(problem)
        self.t, self.y = self.before, self.y_before = problem.t0, problem.y0
        self.saved_t: list[float] = []
        self.saved_y: list[Array] = []
        self.pieces: list[tuple[float, float, Array]] = []
        self.stats: dict[str, float] = empty_statistics()
        self.failure: tuple[float, int] | None = None
        self.jacobian = fixed_jacobian(problem)
        self.choice = choose(problem, options, self.jacobian, self.method != "CVODE_Adams")
        self.told, self.short, self.paused = 0.0, 0, False
        self.out = np.empty(problem.n)

    def solve(self) -> Outcome:
        start = time.perf_counter()
        success, message = True, "reached the end of the interval"
        try:
            for number, (begin, end) in enumerate(self.problem.segments):
                failed = self.segment(number, begin, end)
                if failed:
                    success, message = False, failed
                    break
                if self.paused:
                    message = f"paused at t = {self.t:.6g}"
                    break
        except KeyboardInterrupt:
            success, message = False, f"interrupted at t = {self.t:.6g}; what was computed up to there is kept"
        if not success and (not self.saved_t or self.saved_t[-1] != self.t):
            self.add(self.t, self.y)
        self.stats["solve_seconds"] = time.perf_counter() - start
        failure: dict[str, Any] = {}
        if self.failure is not None and not success:
            failure = {"failure_time": self.failure[0], "failure_index": self.failure[1]}
        states = np.array(self.saved_y).reshape(len(self.saved_t), self.problem.n)
        dense = Polynomials(self.pieces, self.sign) if self.pieces else None
        return Outcome(np.array(self.saved_t), states, success, message, self.method, self.stats, dense, **failure)

    def segment(self, number: int, begin: float, end: float) -> str:
        """Integrate between two breakpoints; "" or the reason for stopping."""
        problem, last = self.problem, len(self.problem.segments) - 1
        inner = [np.nextafter(begin, end) if number > 0 else begin, np.nextafter(end, begin) if number < last else end]
        low, high = sorted(map(float, inner))
        self.before = begin
        failed = self.prepare(min(max(begin, low), high))
        if number == 0:
            self.save(None)
        elif self.problem.differential is not None and self.saved_t and self.saved_t[-1] == begin and not failed:
            self.saved_y[-1] = np.array(self.y)  # algebraic values jump with the equations: from here on these hold
        if failed:
            return failed
        first = self.options.dt if number == 0 else None
        if abs(end - begin) <= 1e-15 * max(abs(begin), abs(end)):  # too close for a step
            self.t = end
            return ""
        setting = Setting(problem, self.options, self.choice, self.jacobian, (low, high), first)
        solver = INTEGRATORS[self.method](setting)
        try:
            solver.start(begin, self.y, end)
            return self.steps(solver, end)
        except RuntimeError as error:
            if not str(error).startswith("IDACalcIC"):
                raise
            return self.inconsistent()
        finally:
            for name, count in solver.counts().items():
                self.stats[name] += count

    def prepare(self, t: float) -> str:
        """Consistent algebraic values, and a right-hand side that is finite at the start of a segment."""
        begun = consistent_start(self.problem, t, self.y, self.jacobian, self.options.rtol, self.options.atol)
        if begun.message:
            self.failure = None if begun.index is None else (t, begun.index)
            return begun.message
        self.y = begun.y
        self.problem.rhs(t, self.y, self.out)
        if np.isfinite(self.out).all():
            return ""
        self.failure = (t, int(np.flatnonzero(~np.isfinite(self.out))[0]))
        return self.not_finite()

    def steps(self, solver: Multistep, end: float) -> str:
        while self.t != end:
            if self.options.max_steps is not None and self.stats["steps"] >= self.options.max_steps:
                limit = f"stopped at t = {self.t:.6g} after max_steps = {self.options.max_steps} steps"
                return f"{limit}. Try a larger max_steps or a larger rtol"
            status, t, y = solver.step(end)
            if status < 0 or not math.isfinite(float(y.sum())):
                return self.explain(solver, status)
            self.short = self.short + 1 if abs(t - self.t) <= SHORTEST * abs(t) and t != end else 0
            if self.short >= MAX_SHORT:
                return self.explain(solver, TOO_SHORT)
            self.before, self.y_before, self.t, self.y = self.t, self.y, t, y
            self.stats["steps"] += 1
            self.save(solver)
            if self.problem.watch is not None and t != end and self.problem.watch(t, y):
                self.paused = True
                return ""
        return ""

    def inconsistent(self) -> str:
        """IDA's own correction of the initial values failed (only asked to find them where the Jacobian is not known as a matrix)."""
        assert self.problem.differential is not None
        rows = np.flatnonzero(~self.problem.differential)
        worst = int(rows[np.abs(self.out[rows]).argmax()])
        self.failure = (self.t, worst)
        return ("IDA found no consistent initial values: the algebraic equations 0 = g are missed by "
                f"{abs(self.out[worst]):.3g}. Give the fields without a time derivative a guess closer to the solution, initial={{...}}")  # fmt: skip

    def explain(self, solver: Multistep, status: int) -> str:
        """A sentence; a step that failed is tried again from the last good state to find out where numbers cease to be finite."""
        self.failure = solver.find_nonfinite(self.t, self.y, abs(self.t - self.before), REPLAYED)
        if self.failure is not None:
            return self.not_finite()
        cause = CAUSES.get(status, f"the solver returned {status}")
        return (f"{self.method} stopped at t = {self.t:.6g}: {cause}. The solution may grow without bound there; try ending the interval "
                "earlier, a larger atol, or another method")  # fmt: skip

    def not_finite(self) -> str:
        assert self.failure is not None
        return (f"the right-hand side gives NaN or infinity at t = {self.failure[0]:.6g} (index {self.failure[1]} of the state). "
                "Check logarithms, roots and divisions there, or try a smaller rtol")  # fmt: skip

    def save(self, solver: Multistep | None) -> None:
        """Rows owed up to the present time, the continuous extension, and progress."""
        if solver is not None and self.options.dense:
            inner = [solver.interpolate(self.before + c * (self.t - self.before)) for c in NODES[1:-1]]
            self.pieces.append((self.before, self.t, np.array([self.y_before, *inner, self.y])))
        if self.times is None:
            self.add(self.t, self.y)
        else:
            while len(self.saved_t) < len(self.times) and (self.times[len(self.saved_t)] - self.t) * self.sign <= 0:
                due = float(self.times[len(self.saved_t)])
                self.add(due, self.y if due == self.t or solver is None else solver.interpolate(due))
        now = time.perf_counter()
        if self.options.progress is not None and now - self.told >= PROGRESS_SECONDS:
            self.told = now
            self.options.progress(self.t)

    def add(self, t: float, y: Array) -> None:
        self.saved_t.append(t)
        self.saved_y.append(np.array(y))


def _check(problem: Problem, options: Options, method: str) -> None:
    """What the method cannot do is refused before any work."""
    highest = HIGHEST_ORDER[method]
    if options.max_order is not None and options.max_order > highest:
        raise SolveError(
            f"max_order={options.max_order} is above the highest order of {method}, {highest}; write max_order={highest}"
        )
    if options.dt is not None and problem.t1 < problem.t0:
        raise SolveError(f"{method} chooses its first step by itself when it integrates backward; leave dt out")


class Notices(io.TextIOBase):
    """Standard output without the notices that scikit-sundae prints when a step fails; all else goes on to where it was going."""

    def __init__(self) -> None:
        super().__init__()
        self.target, self.swallowed, self.active = sys.stdout, False, True

    def __enter__(self) -> Notices:
        sys.stdout = self
        return self

    def __exit__(self, *_: object) -> None:
        """Solves in other threads may have begun or ended in between: take off what no solve needs any more."""
        self.active = False
        while isinstance(sys.stdout, Notices) and not sys.stdout.active:
            sys.stdout = sys.stdout.target

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        notice = _NOTICE.match(text) is not None
        if not notice and not (self.swallowed and text == "\n"):
            self.target.write(text)
        self.swallowed = notice
        return len(text)

    def flush(self) -> None:
        self.target.flush()
