"""[Problem, Options] -> a solver of DifferentialEquations.jl that can be run as often as wanted.

    f          native code at its address; with target="julia", or where the user wants automatic differentiation, generated Julia
    df/dy      our analytic values, put into their places by Julia: sparse with our pattern, dense for small systems
    else       (NumPy, dense derivatives of integrals and of Fourier schemes) Python, called back

Nothing is copied between the languages on the way but the vector of distinct derivatives.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.bridge import Session, guarded, session
from symnum.errors import SolveError, did_you_mean
from symnum.ir.kernel import Kernel
from symnum.ir.passes import write_networks_out
from symnum.solvers.jacobian import fixed_jacobian, mass_of
from symnum.solvers.julia_callbacks import Callbacks
from symnum.solvers.julia_methods import ALGORITHMS, EXPLICIT, IMPLICIT, PARTITIONED, SPLIT, STOCHASTIC
from symnum.solvers.problem import Options, Problem

Places = NDArray[np.int64]
FEW = 40  # unknowns up to which a dense matrix is factorised faster than a sparse one
FULL = 0.25  # share of nonzeros from which on a matrix counts as dense
LARGEST_DENSE = 2000  # unknowns up to which the solver may make a dense Jacobian by differences
KRYLOV = ("Krylov", "SimpleGMRES")  # how the names of linear solvers begin that take products with the matrix alone


@dataclass(frozen=True)
class Prepared:
    """A solver of Julia for one problem and one set of options. ``seconds``: what making it took."""

    session: Session
    solver: Any
    callbacks: Callbacks
    seconds: float


def prepared(problem: Problem, options: Options, name: str, every_step: bool) -> Prepared:
    """The solver; made once for a problem and the same options.

    Raises BackendUnavailable where Julia or a package is missing, SolveError for options that the algorithm does not have.
    """
    known: dict[str, Prepared] = problem.__dict__.setdefault("_julia", {})
    limits = (options.rtol, options.atol, options.dt, options.max_steps, options.max_step)
    key = repr((name, *limits, every_step, options.dense, sorted(options.method_options.items())))
    if key not in known:
        known[key] = _prepare(problem, options, name, every_step)
    return known[key]


def _prepare(problem: Problem, options: Options, name: str, every_step: bool) -> Prepared:
    begin = time.perf_counter()
    julia = session("SciMLBase", *_packages(name, options.method_options))
    with guarded(f"setting up {name}", SolveError):
        _check_options(julia, name, options.method_options)
        making = _Making(julia, problem, options, name)
        making.everything()
        solver = julia.bridge.solver(
            making.model,
            name,
            [(key, value) for key, value in making.method_options.items()],
            ALGORITHMS[name].kind,
            rtol=options.rtol,
            atol=options.atol,
            dt=0.0 if options.dt is None else float(options.dt),
            max_steps=float(options.max_steps or np.inf),
            max_step=float(options.max_step or np.inf),
            every_step=every_step,
            dense=options.dense,
        )
    return Prepared(julia, solver, making.callbacks, time.perf_counter() - begin)


def _packages(name: str, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Packages of Julia that a solve needs beside SciMLBase; loaded before they are used."""
    wanted = [ALGORITHMS[name].package, "DiffEqBase", "ADTypes"]
    if name.startswith("Auto"):
        stiff = str(given.get("stiffalg", "Rodas5P"))
        wanted.append(ALGORITHMS[stiff].package if stiff in ALGORITHMS else "OrdinaryDiffEqRosenbrock")
    if ALGORITHMS[name].kind == SPLIT:
        wanted.append("SciMLOperators")
    if "linsolve" in given:
        wanted.append("LinearSolve")
    return tuple(wanted)


def _check_options(julia: Session, name: str, given: Mapping[str, Any]) -> None:
    if not given:
        return
    known = [str(word) for word in julia.bridge.option_names(name)]
    for word in given:
        if word not in known:
            raise SolveError(f"{name} has no option {word!r}.{did_you_mean(word, known)} It takes: {', '.join(known)}")


class _Making:
    """The model as Julia's bridge takes it, put together step by step."""

    def __init__(self, julia: Session, problem: Problem, options: Options, name: str) -> None:
        self.julia, self.problem, self.options, self.name = julia, problem, options, name
        self.callbacks, self.kind = Callbacks(), ALGORITHMS[name].kind
        self.method_options = dict(options.method_options)
        self.differentiated = "autodiff" in self.method_options
        forward = self.method_options.get("autodiff") in (True, "AutoForwardDiff") or (
            isinstance(self.method_options.get("autodiff"), tuple)
            and self.method_options["autodiff"][0] == "AutoForwardDiff"
        )
        if forward and problem.kernel is None:
            raise SolveError(
                "automatic differentiation needs the equations as Julia code, which these are not; "
                'write target="julia", or options={"autodiff": "AutoFiniteDiff"}'
            )
        self.source = problem.kernel is not None and (forward or problem.address is None)
        linear = self.method_options.get("linsolve")
        self.krylov = str(linear[0] if isinstance(linear, tuple) else linear).startswith(KRYLOV)
        self.model: Any = None

    def everything(self) -> None:
        self.model = self.right_hand_side()
        if self.kind in (IMPLICIT, STOCHASTIC):
            self.derivatives()
        if self.problem.differential is not None:
            self.julia.bridge.set_mass_b(self.model, mass_of(self.problem))
        if self.kind == STOCHASTIC:
            self.noise()
        if self.kind == SPLIT:
            self.linear_part()
        if self.kind == PARTITIONED:
            self.partition()
        if self.problem.events is not None:
            self.events()

    def right_hand_side(self) -> Any:
        problem, bridge = self.problem, self.julia.bridge
        if self.source:
            assert problem.kernel is not None
            function = self.generated(problem.kernel, "rhs")
            return bridge.source_model(problem.n, function, problem.autonomous, self.kind == EXPLICIT)
        address = problem.address
        if address is None:
            address = self.callbacks.equations(problem.rhs, problem.n, problem.n)
        return bridge.native_model(problem.n, address, problem.autonomous)

    def generated(self, kernel: Kernel, name: str) -> Any:
        """A kernel as a function of Julia; the same text is compiled once in a process."""
        from symnum.codegen.targets.julia import print_function

        return self.julia.bridge.generated(print_function(write_networks_out(kernel), name), f"{name}!")

    def derivatives(self) -> None:
        problem = self.problem
        if self.krylov and problem.jvp is not None and not self.differentiated:
            self.product()
        elif self.differentiated:
            self.pattern_only()
        else:
            self.jacobian()

    def product(self) -> None:
        n, jvp = self.problem.n, self.problem.jvp
        assert jvp is not None
        address = self.callbacks.equations(lambda t, both, out: jvp(t, both[:n], both[n:], out), 2 * n, n)
        self.julia.bridge.set_product_b(self.model, address)

    def jacobian(self) -> None:
        """Our Jacobian: by the kernel of its distinct values where there is one, else by Python."""
        problem, n = self.problem, self.problem.n
        whole = getattr(problem.jacobian, "whole", None)
        if whole is not None and not whole.low_rank and (self.source or whole.compiled.address is not None):
            block, kernel = whole.blocks[0], whole.compiled.kernel
            function = self.generated(kernel, "jacobian") if self.source else whole.compiled.address
            pattern = Pattern(n, block.rows, block.columns)
            self.set_jacobian(function, kernel.output_size, np.asarray(block.at) + 1, pattern)
            return
        if problem.jacobian is not None and not problem.jacobian_exact and n <= LARGEST_DENSE // 2:
            self.dense_jacobian()
            return
        fixed = fixed_jacobian(problem)
        if fixed is None:
            self.no_jacobian()
            return
        if not problem.jacobian_exact and ALGORITHMS[self.name].package == "OrdinaryDiffEqRosenbrock":
            raise SolveError(
                f'integrals make the Jacobian dense, and {self.name} needs all of it for {n} unknowns; write method="FBDF"'
            )
        address = self.callbacks.equations(fixed.fill, n, fixed.nnz)
        pattern = Pattern(n, fixed.indices, np.repeat(np.arange(n), np.diff(fixed.indptr)))
        self.set_jacobian(address, fixed.nnz, np.arange(fixed.nnz) + 1, pattern)

    def dense_jacobian(self) -> None:
        n, given = self.problem.n, self.problem.jacobian
        assert given is not None

        def fill(t: float, y: NDArray[np.float64], out: NDArray[np.float64]) -> None:
            matrix = given(t, y)
            out[:] = np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix).ravel(order="F")

        address, places = self.callbacks.equations(fill, n, n * n), np.arange(1, n * n + 1)
        self.julia.bridge.set_jacobian_b(self.model, address, n * n, places, places, _NONE, _NONE)

    def no_jacobian(self) -> None:
        n, given = self.problem.n, self.method_options
        if n > LARGEST_DENSE and "linsolve" not in given and self.problem.jvp is not None:
            given["linsolve"] = "KrylovJL_GMRES"
            self.julia.use("LinearSolve")
            self.product()
        elif n > LARGEST_DENSE:
            raise SolveError(
                f"the equations give neither a Jacobian nor its sparsity, and a dense one of {n} x {n} numbers is too large; "
                "choose an explicit method"
            )

    def set_jacobian(self, function: Any, slots: int, source: Places, pattern: Pattern) -> None:
        """``source``: which slot (from 1) each entry of the pattern's ``rows`` and ``columns`` is."""
        bridge = self.julia.bridge
        if pattern.dense:
            bridge.set_jacobian_b(self.model, function, slots, source, pattern.linear, _NONE, _NONE)
        else:
            bridge.set_jacobian_b(
                self.model, function, slots, source, pattern.stored, pattern.pointers, pattern.indices
            )

    def pattern_only(self) -> None:
        """The solver differentiates f by itself: it gets the sparsity and groups of columns."""
        from symnum.solvers.linear_algebra.differences import colour_columns

        given = self.problem.sparsity() if callable(self.problem.sparsity) else self.problem.sparsity
        if given is None or not self.problem.jacobian_exact:
            return
        from scipy.sparse import coo_matrix

        entries = coo_matrix(given)
        pattern = Pattern(self.problem.n, entries.row, entries.col)
        if not pattern.dense:
            colours = colour_columns(pattern.matrix) + 1
            self.julia.bridge.set_pattern_b(self.model, pattern.pointers, pattern.indices, colours)

    def noise(self) -> None:
        noise, n = self.problem.noise, self.problem.n
        assert noise is not None
        columns = 0 if noise.diagonal else noise.columns
        if self.source:
            assert noise.kernel is not None
            function = self.generated(noise.kernel, "noise")
        elif noise.address is not None:
            function = noise.address
        else:
            function = self.callbacks.equations(noise.function, n, n * max(1, columns))
        self.julia.bridge.set_noise_b(self.model, function, columns)

    def linear_part(self) -> None:
        if self.problem.linear_part is None:
            raise SolveError(
                f"{self.name} splits f = L y + N(t, y), and these equations give no constant linear part L"
            )
        matrix = self.problem.linear_part().matrix.tocsc()
        matrix.sort_indices()
        places = (matrix.indptr.astype(np.int64) + 1, matrix.indices.astype(np.int64) + 1)
        self.julia.bridge.set_linear_b(self.model, *places, matrix.data.astype(np.float64))

    def partition(self) -> None:
        from symnum.solvers.embedded.partitioned import position_mask

        mask = position_mask(self.problem, self.options)
        self.julia.bridge.set_partition_b(self.model, np.flatnonzero(mask).astype(np.int64) + 1)

    def events(self) -> None:
        events, n = self.problem.events, self.problem.n
        assert events is not None
        address = events.address
        if address is None:
            address = self.callbacks.equations(events.conditions, n, len(events.watched))
        directions = np.array([w.direction for w in events.watched], dtype=np.int64)
        acts = np.array([w.acts for w in events.watched], dtype=np.int64)
        self.julia.bridge.set_events_b(self.model, address, directions, acts)


class Pattern:
    """Places (rows, columns) of a matrix (n, n), and the sparse pattern that holds them and the diagonal, with all indices from 1.

    Attributes: ``pointers``, ``indices``: compressed columns; ``stored``: where each place is among the stored values; ``linear``: its linear
    index in a dense matrix; ``dense``: that form is the better one.
    """

    def __init__(self, n: int, rows: Any, columns: Any) -> None:
        rows, columns = np.asarray(rows, dtype=np.int64), np.asarray(columns, dtype=np.int64)
        keys = columns * n + rows
        kept = np.union1d(keys, np.arange(n) * (n + 1))
        self.n = n
        self.dense = n <= FEW or len(kept) > FULL * n * n
        self.linear: Places = keys + 1
        self.stored: Places = np.searchsorted(kept, keys) + 1
        self.indices: Places = kept % n + 1
        self.pointers: Places = np.concatenate([[0], np.cumsum(np.bincount(kept // n, minlength=n))]) + 1

    @property
    def matrix(self) -> Any:
        """A SciPy CSC matrix of ones."""
        from scipy.sparse import csc_matrix

        return csc_matrix((np.ones(len(self.indices)), self.indices - 1, self.pointers - 1), shape=(self.n, self.n))


_NONE: Places = np.zeros(0, dtype=np.int64)
__all__ = ["Pattern", "Prepared", "prepared"]
