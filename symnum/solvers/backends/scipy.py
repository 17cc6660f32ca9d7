"""SciPy's integrators, stepped by hand: partial results are kept; interrupts, limits and progress work as elsewhere."""

from __future__ import annotations

import math
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import SolveError
from symnum.solvers.problem import Options, Outcome, Problem, empty_statistics

NAME = "scipy"
METHODS = {
    "RK45": "SciPy: explicit Runge-Kutta 5(4) of Dormand and Prince",
    "RK23": "SciPy: explicit Runge-Kutta 3(2) of Bogacki and Shampine",
    "DOP853": "SciPy: explicit Runge-Kutta of order 8 for tight tolerances",
    "BDF": "SciPy: variable-order backward differentiation: stiff equations",
    "Radau": "SciPy: implicit Runge-Kutta Radau IIA of order 5: stiff equations, tight tolerances",
    "LSODA": "SciPy: Adams and BDF, switching by itself; dense Jacobian",
}
Array = NDArray[np.float64]
IMPLICIT = ("BDF", "Radau", "LSODA")
MAX_DENSE = 4000  # unknowns up to which a dense Jacobian (128 MB) is made without being asked
MAX_NONFINITE = 100  # evaluations with NaN in a row after which the solve stops
MAX_STALLED = 20  # steps in a row that leave t where it is (LSODA goes on for ever near a singularity)
PROGRESS_SECONDS = 0.1


class NonFinite(ArithmeticError):
    """The right-hand side keeps giving NaN or infinity."""


def solve(problem: Problem, options: Options) -> Outcome:
    """Integrate with one of ``METHODS``.

    In the statistics ``steps`` are accepted steps, ``rejected`` is 0 (SciPy does not tell), ``linear_solves`` are LU
    factorisations.

    Raises:
        SolveError: save times outside the interval, or a dense Jacobian of more than ``MAX_DENSE`` unknowns.
    """
    return _Run(problem, options).solve()


class _Run:
    def __init__(self, problem: Problem, options: Options) -> None:
        from symnum.solvers.backend import find

        self.problem, self.options = problem, options
        self.method = find({name: name for name in METHODS}, options.method, "method of SciPy")
        self.sign = math.copysign(1.0, problem.t1 - problem.t0)
        self.times = options.save_times(problem)
        self.t, self.y = problem.t0, problem.y0
        self.saved_t: list[float] = []
        self.saved_y: list[Array] = []
        self.pieces: list[Any] = []
        self.stats: dict[str, float] = empty_statistics()
        self.low, self.high = sorted((problem.t0, problem.t1))
        self.bad: tuple[float, int] | None = None
        self.bad_in_a_row = 0
        self.told, self.stalled = 0.0, 0
        self.check_size()

    def solve(self) -> Outcome:
        start = time.perf_counter()
        self.save(None)
        success, message = True, "reached the end of the interval"
        try:
            for number, (begin, end) in enumerate(self.problem.segments):
                with np.errstate(all="ignore"):  # infinities are told in words, with the place
                    failed = self.segment(number, begin, end)
                if failed:
                    success, message = False, failed
                    break
        except KeyboardInterrupt:
            success, message = False, f"interrupted at t = {self.t:.6g}; what was computed up to there is kept"
        except (NonFinite, ValueError, ArithmeticError, RuntimeError, np.linalg.LinAlgError) as error:
            if self.bad is None and "singular" not in str(error):  # SuperLU: "Factor is exactly singular"
                raise
            success, message = False, self.explain(str(error))
        if not success and (not self.saved_t or self.saved_t[-1] != self.t) and np.isfinite(self.y).all():
            self.add(self.t, self.y)
        self.stats["solve_seconds"] = time.perf_counter() - start
        failure: dict[str, Any] = (
            {"failure_time": self.bad[0], "failure_index": self.bad[1]} if self.bad and not success else {}
        )
        states = np.array(self.saved_y).reshape(len(self.saved_t), self.problem.n)
        dense = _Pieces(self.pieces, self.sign) if self.options.dense and self.pieces else None
        return Outcome(np.array(self.saved_t), states, success, message, self.method, self.stats, dense, **failure)

    def check_size(self) -> None:
        problem = self.problem
        known = self.method != "LSODA" and (problem.jacobian is not None or problem.sparsity is not None)
        if self.method in IMPLICIT and problem.n > MAX_DENSE and not known:
            advice = (
                'Write method="BDF"'
                if problem.sparsity is not None or problem.jacobian is not None
                else "Give the sparsity of the Jacobian"
            )
            raise SolveError(
                f"{self.method} would keep a dense Jacobian of {problem.n} x {problem.n} numbers. {advice}"
            )

    def segment(self, number: int, begin: float, end: float) -> str:
        """Integrate between two breakpoints; "" or the reason for stopping."""
        problem, last = self.problem, len(self.problem.segments) - 1
        inner = [np.nextafter(begin, end) if number > 0 else begin, np.nextafter(end, begin) if number < last else end]
        self.low, self.high = sorted(inner)
        solver = self.make_solver(number, begin, end)
        try:
            while solver.status == "running":
                if self.options.max_steps is not None and self.stats["steps"] >= self.options.max_steps:
                    limit = f"stopped at t = {self.t:.6g} after max_steps = {self.options.max_steps} steps"
                    return f"{limit}. Try a larger max_steps or a larger rtol"
                reason = solver.step()
                if solver.status == "failed":
                    return self.explain(str(reason))
                if not np.isfinite(solver.y).all():
                    self.bad = (float(solver.t), int(np.flatnonzero(~np.isfinite(solver.y))[0]))
                    return self.explain("the state is not finite")
                self.stalled = self.stalled + 1 if abs(solver.t - self.t) <= 4e-16 * abs(self.t) else 0
                if self.stalled > MAX_STALLED:
                    return self.explain("the step no longer changes t")
                self.t, self.y = float(solver.t), np.array(solver.y)
                self.stats["steps"] += 1
                self.save(solver)
        finally:
            for name, count in (
                ("jacobian_evaluations", "njev"),
                ("linear_solves", "nlu"),
            ):
                self.stats[name] += int(getattr(solver, count))
        assert self.t == end or problem.n == 0
        return ""

    def make_solver(self, number: int, begin: float, end: float) -> Any:
        import scipy.integrate

        options: dict[str, Any] = {"rtol": max(self.options.rtol, 2.3e-14), "atol": self.options.atol}
        if self.options.dt is not None and number == 0:
            options["first_step"] = min(self.options.dt, abs(end - begin))
        if self.method in IMPLICIT:
            options |= self.jacobian_options()
        return getattr(scipy.integrate, self.method)(self.rhs, begin, self.y, end, **options)

    def jacobian_options(self) -> dict[str, Any]:
        problem = self.problem
        if problem.jacobian is not None:
            given = problem.jacobian

            def jacobian(t: float, y: Array) -> Any:
                matrix = given(min(max(t, self.low), self.high), y)
                return matrix.toarray() if self.method == "LSODA" and hasattr(matrix, "toarray") else matrix

            return {"jac": jacobian}
        if problem.sparsity is None or self.method == "LSODA":
            return {}
        return {"jac_sparsity": problem.sparsity() if callable(problem.sparsity) else problem.sparsity}

    def rhs(self, t: float, y: Array) -> Array:
        """f at a time inside the open segment; notes where it is not finite."""
        out = np.empty(self.problem.n)
        self.stats["rhs_evaluations"] += 1
        self.problem.rhs(min(max(t, self.low), self.high), np.ascontiguousarray(y), out)
        if math.isfinite(float(out.sum())) or np.isfinite(out).all():
            self.bad_in_a_row = 0
            return out
        self.bad = (float(t), int(np.flatnonzero(~np.isfinite(out))[0]))
        self.bad_in_a_row += 1
        if self.bad_in_a_row > MAX_NONFINITE:
            raise NonFinite("also with shorter steps")
        return out

    def explain(self, reason: str) -> str:
        if (self.bad is not None and self.bad_in_a_row > 0) or "finite" in reason:
            time_, index = self.bad or (self.t, 0)
            return (f"the right-hand side gives NaN or infinity at t = {time_:.6g} (index {index} of the state). "
                    "Check logarithms, roots and divisions there, or try a smaller rtol")  # fmt: skip
        self.bad = None
        return (f"{self.method} stopped at t = {self.t:.6g}: {reason.rstrip('.')}. The solution may grow "
                "without bound there; try ending the interval earlier, a larger atol, or another method")  # fmt: skip

    def save(self, solver: Any) -> None:
        """Rows owed up to the present time, and progress."""
        piece = None
        if solver is None:
            if self.times is None:
                self.add(self.t, self.y)
        elif self.options.dense or self.owes_inside():
            piece = solver.dense_output()
            if self.options.dense:
                self.pieces.append(piece)
        if self.times is None:
            if solver is not None:
                self.add(self.t, self.y)
        else:
            while len(self.saved_t) < len(self.times) and (self.times[len(self.saved_t)] - self.t) * self.sign <= 0:
                due = float(self.times[len(self.saved_t)])
                self.add(due, self.y if due == self.t or piece is None else piece(due))
        self.tell_progress()

    def owes_inside(self) -> bool:
        """A save time lies before the present time."""
        return (
            self.times is not None
            and len(self.saved_t) < len(self.times)
            and (self.times[len(self.saved_t)] - self.t) * self.sign < 0
        )

    def add(self, t: float, y: Array) -> None:
        self.saved_t.append(t)
        self.saved_y.append(np.array(y))

    def tell_progress(self) -> None:
        now = time.perf_counter()
        if self.options.progress is not None and now - self.told >= PROGRESS_SECONDS:
            self.told = now
            self.options.progress(self.t)


class _Pieces:
    """SciPy's continuous extensions of all steps: call with a time -> (n,), or with k times -> (k, n)."""

    def __init__(self, pieces: list[Any], sign: float) -> None:
        self.pieces, self.sign = pieces, sign
        self.ends = np.array([piece.t for piece in pieces])
        self.begin = pieces[0].t_old

    def __call__(self, t: Any) -> Array:
        times = np.atleast_1d(np.asarray(t, dtype=np.float64))
        low, high = sorted((self.begin, self.ends[-1]))
        if times.min() < low or times.max() > high:
            raise SolveError(
                f"the solution is known from t = {self.begin:.6g} to {self.ends[-1]:.6g}; widen the time interval"
            )
        which = np.searchsorted(self.sign * self.ends, self.sign * times, side="left")
        result = np.array([self.pieces[i](s) for i, s in zip(which, times, strict=True)])
        return result[0] if np.ndim(t) == 0 else result
