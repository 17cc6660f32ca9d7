"""CVODE and IDA one step at a time: the callbacks that SUNDIALS sees, and its interpolant between steps.

A callback from SUNDIALS into Python costs about 4.5 microseconds before it does anything, so those below do as little as can be: f is written
straight into SUNDIALS' vector and df/dy into the data of its matrix.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.jacobian import FixedJacobian, FunctionProduct, MatrixProduct, Product, marked_pattern, mass_of
from symnum.solvers.linear import KRYLOV, Choice
from symnum.solvers.linear_algebra.averaged import Averaged
from symnum.solvers.linear_algebra.lines import Lines
from symnum.solvers.preconditioner import Factorisation
from symnum.solvers.problem import Options, Problem

Array = NDArray[np.float64]
Callback = Callable[..., None]
KRYLOV_DIMENSION = 20
LARGEST_MATRIX = 5000  # unknowns up to which products go through the matrix
UNLIMITED = 2**31 - 1
SHORTEST = 1e-14  # share of t below which a step counts for nothing


class NonFinite(ArithmeticError):
    """The right-hand side gave NaN or infinity; ``at`` is (time, index)."""

    def __init__(self, t: float, index: int) -> None:
        super().__init__(f"NaN or infinity at t = {t}")
        self.at = (t, index)


@dataclass(frozen=True)
class Setting:
    """Everything an integration needs to know.

    ``inside``: the closed interval of times at which f may be asked; ``first``: length of the first step or None; ``least``: a step below
    this length is a failure; ``checked``: f raises
    ``NonFinite`` instead of handing NaN or infinity on.
    """

    problem: Problem
    options: Options
    choice: Choice
    jacobian: FixedJacobian | None
    inside: tuple[float, float]
    first: float | None = None
    least: float = 0.0
    checked: bool = False


class Multistep:
    """What CVODE and IDA have in common: start, step, interpolate, count."""

    def __init__(self, setting: Setting) -> None:
        self.setting, self.problem, self.jacobian = setting, setting.problem, setting.jacobian
        self.mass = mass_of(self.problem)
        self.calls = [0]  # of f
        self.moved = False  # the last value handed out was not that at the present time
        self.last: Any = None
        self.solver: Any = None
        self.preconditioner: Any = None
        kind = setting.choice.preconditioner
        if kind == "given":
            self.preconditioner = setting.options.preconditioner
        elif setting.choice.built is not None:
            self.preconditioner = setting.choice.built
        elif kind != "none":
            assert self.jacobian is not None
            self.preconditioner = Factorisation(self.jacobian, kind)

    def start(self, t: float, y: Array, end: float) -> None:
        """Begin at (t, y) towards ``end``. Raises RuntimeError where IDA finds no consistent slopes."""
        raise NotImplementedError

    def step(self, end: float) -> tuple[int, float, Array]:
        """One step towards ``end``, which no step crosses: (status, t, y); a negative status is a failure."""
        if self.moved:  # else the next call would hand out the present state again
            self.solver.step(self.last.t, "normal", None)
            self.moved = False
        self.last = self.solver.step(end, "onestep", end)
        return int(self.last.status), float(self.last.t), self.last.y

    def interpolate(self, t: float) -> Array:
        """y at a time inside the last step, from the method's own interpolant, (n,)."""
        self.moved = True
        return np.array(self.solver.step(t, "normal", None).y)

    def counts(self) -> dict[str, int]:
        """What the statistics say of this integration."""
        made = {"rhs_evaluations": self.calls[0]}
        if isinstance(self.preconditioner, (Factorisation, Averaged, Lines)):
            made["jacobian_evaluations"] = self.preconditioner.evaluations
            made["linear_solves"] = self.preconditioner.solves
        elif self.last is not None:
            made["jacobian_evaluations"] = int(self.last.njev)
            made["linear_solves"] = int(self.last.nfev)
        return made

    def find_nonfinite(self, t: float, y: Array, first: float, attempts: int) -> tuple[float, int] | None:
        """Where f ceases to be finite on the way from (t, y): (time, index), or None if steps from there do not meet that."""
        least = SHORTEST * abs(t)
        again = type(self)(replace(self.setting, first=max(first, 2 * least) or None, least=least, checked=True))
        low, high = self.setting.inside
        end = high if self.problem.t1 > self.problem.t0 else low
        try:
            again.start(t, y, end)
            for _ in range(attempts):
                status, t, _state = again.step(end)
                if status < 0 or t == end:
                    break
        except NonFinite as found:
            return found.at
        except RuntimeError:  # the wrapper's word for a start that fails
            return None
        return None

    def rhs(self) -> Callback:
        """f(t, y, out), counted, at times inside the open segment alone."""
        f, (low, high), calls = self.problem.rhs, self.setting.inside, self.calls

        def counted(t: float, y: Array, out: Array) -> None:
            calls[0] += 1
            f(t if low <= t <= high else low if t < low else high, y, out)

        def checked(t: float, y: Array, out: Array) -> None:
            counted(t, y, out)
            if not np.isfinite(out).all():
                raise NonFinite(t, int(np.flatnonzero(~np.isfinite(out))[0]))

        return checked if self.setting.checked else counted

    def clamp(self, t: float) -> float:
        low, high = self.setting.inside
        return min(max(t, low), high)

    def common_options(self) -> dict[str, Any]:
        """The options that both take, in the wrapper's words."""
        options, solver = self.setting.options, self.setting.choice.solver
        made: dict[str, Any] = {
            "rtol": max(float(options.rtol), 1e-15),
            "atol": float(options.atol),
            "linsolver": solver,
            "max_num_steps": UNLIMITED,
            "first_step": float(self.setting.first or 0.0),
            "min_step": self.setting.least,
            "max_step": float(
                options.max_step or (1e300 if self.setting.least else 0.0)
            ),  # the wrapper wants max >= min
        }
        if options.max_order is not None:
            made["max_order"] = int(options.max_order)
        if solver in KRYLOV:
            made["krylov_dim"] = min(KRYLOV_DIMENSION, self.problem.n)
        if solver == "sparse":
            made["sparsity"] = self.pattern()
        return made

    def pattern(self) -> Any:
        """The pattern for the sparse solver, diagonal included, with the type of index that SUNDIALS has."""
        return marked_pattern(self.problem) if self.jacobian is None else self.jacobian.pattern

    def matrix_entries(self) -> Callable[[float, Array, Array], None]:
        """``write(t, y, JJ)``: df/dy into the wrapper's array, (nnz,) for the sparse solver, (n, n) for the dense one."""
        jacobian = self.jacobian
        assert jacobian is not None
        if self.setting.choice.solver == "sparse":
            return lambda t, y, out: jacobian.fill(self.clamp(t), y, out)
        data, rows = np.empty(jacobian.nnz), jacobian.indices
        columns = np.repeat(np.arange(jacobian.n), np.diff(jacobian.indptr))

        def write(t: float, y: Array, out: Array) -> None:
            jacobian.fill(self.clamp(t), y, data)
            out[rows, columns] = data

        return write

    @property
    def direct(self) -> bool:
        """A direct solver with the problem's own Jacobian (one that leaves something out is not used)."""
        return self.setting.choice.solver not in KRYLOV and self.jacobian is not None and self.problem.jacobian_exact

    def product(self) -> Product | None:
        """(df/dy) v: by the Jacobian while it is small, else by the problem's own product; None leaves it to differences of f."""
        exact = self.jacobian is not None and self.problem.jacobian_exact
        if exact and (self.problem.n <= LARGEST_MATRIX or self.problem.jvp is None):
            assert self.jacobian is not None
            return MatrixProduct(self.jacobian, self.clamp)
        return None if self.problem.jvp is None else FunctionProduct(self.problem.jvp, self.clamp)


def _silently(kind: Any, function: Callback, options: dict[str, Any]) -> Any:
    """The wrapper's solver, without its warning that a pattern given beside a Jacobian makes no differences."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return kind(function, **options)


class Cvode(Multistep):
    """y' = f(t, y). ``adams``: Adams formulas in place of BDF."""

    adams = False

    def start(self, t: float, y: Array, end: float) -> None:
        from sksundae.cvode import CVODE

        options = self.common_options() | {"method": "Adams" if self.adams else "BDF"} | self._linear_options()
        self.solver = _silently(CVODE, self.rhs(), options)
        self.last = self.solver.init_step(t, y)

    def _linear_options(self) -> dict[str, Any]:
        from sksundae.cvode import CVODEJacTimes, CVODEPrecond

        made: dict[str, Any] = {}
        if self.direct:
            write = self.matrix_entries()
            made["jacfn"] = lambda t, y, fy, out: write(t, y, out)
        if self.setting.choice.solver not in KRYLOV:
            return made
        if (product := self.product()) is not None:
            made["jactimes"] = CVODEJacTimes(
                lambda t, y, fy: product.setup(t, y), lambda t, y, fy, v, out: product.times(t, y, v, out)
            )
        if (given := self.preconditioner) is not None:

            def setup(t: float, y: Array, fy: Array, reuse: int, fresh: list[int], gamma: float) -> None:
                fresh[0] = int(not reuse)
                given.setup(self.clamp(t), y, gamma, bool(reuse))

            def solve(
                t: float, y: Array, fy: Array, r: Array, out: Array, gamma: float, delta: float, side: int
            ) -> None:
                given.solve(r, out)

            made["precond"] = CVODEPrecond(setup, solve, "right")
        return made


class CvodeAdams(Cvode):
    """y' = f(t, y) by Adams formulas."""

    adams = True


class Ida(Multistep):
    """M y' = f(t, y), as the residual f - M y'; its matrix is df/dy - c*M with c = 1/gamma."""

    def start(self, t: float, y: Array, end: float) -> None:
        from sksundae.ida import IDA

        algebraic = np.flatnonzero(self.mass == 0)
        options = self.common_options() | self._linear_options()
        if len(algebraic):
            scale = 1e-6 * abs(end - t)
            options |= {
                "algebraic_idx": algebraic,
                "calc_initcond": "yp0",
                "calc_init_dt": math.copysign(scale, end - t),
            }
        slopes = np.empty(self.problem.n)
        self.rhs()(t, y, slopes)
        self.solver = _silently(IDA, self.residual(), options)
        self.last = self.solver.init_step(t, y, slopes * self.mass)

    def residual(self) -> Callback:
        f, mass, scratch = self.rhs(), self.mass, np.empty(self.problem.n)
        if mass.all():

            def plain(t: float, y: Array, slopes: Array, out: Array) -> None:
                f(t, y, out)
                np.subtract(out, slopes, out=out)

            return plain

        def residual(t: float, y: Array, slopes: Array, out: Array) -> None:
            f(t, y, out)
            np.multiply(mass, slopes, out=scratch)
            np.subtract(out, scratch, out=out)

        return residual

    def _linear_options(self) -> dict[str, Any]:
        from sksundae.ida import IDAJacTimes, IDAPrecond

        made: dict[str, Any] = {}
        mass = self.mass
        if self.direct:
            made["jacfn"] = self._matrix()
        if self.setting.choice.solver not in KRYLOV:
            return made
        if (product := self.product()) is not None:

            def times(t: float, y: Array, slopes: Array, residual: Array, v: Array, out: Array, c: float) -> None:
                product.times(t, y, v, out)
                out -= c * mass * v

            made["jactimes"] = IDAJacTimes(lambda t, y, slopes, residual, c: product.setup(t, y), times)
        if (given := self.preconditioner) is not None:

            def setup(t: float, y: Array, slopes: Array, residual: Array, c: float) -> None:
                given.setup(self.clamp(t), y, 1 / c, False)

            def solve(
                t: float, y: Array, slopes: Array, residual: Array, r: Array, out: Array, c: float, delta: float
            ) -> None:  # df/dy - c*M = -c*(M - gamma*df/dy)
                given.solve(r, out)
                out *= -1 / c

            made["precond"] = IDAPrecond(setup, solve)
        return made

    def _matrix(self) -> Callback:
        assert self.jacobian is not None
        write, mass = self.matrix_entries(), self.mass
        sparse = self.setting.choice.solver == "sparse"
        diagonal = self.jacobian.diagonal if sparse else np.arange(self.problem.n)

        def matrix(t: float, y: Array, slopes: Array, residual: Array, c: float, out: Array) -> None:
            write(t, y, out)
            out[diagonal if sparse else (diagonal, diagonal)] -= c * mass

        return matrix


INTEGRATORS: dict[str, type[Multistep]] = {"CVODE": Cvode, "CVODE_Adams": CvodeAdams, "IDA": Ida}
