"""The whole way of the data on one page. Only this file knows the order.

PDESystem
  | discretise            [PDESystem]           -> [SemiDiscreteSystem]   grids, stencils, boundary elimination
  | compile               [Kernel]              -> [CompiledKernel]       machine code, or NumPy
  | choose                [Structure, spacings] -> [Plan]                 method, backend, and why
  | solve                 [Problem, Options]    -> [Outcome]              time stepping
  | label                 [Outcome]             -> [Solution]             fields with names, coordinates, units
"""

from __future__ import annotations

import hashlib
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from symnum import display
from symnum.charts import in_charts
from symnum.codegen.jacobian import SparseJacobian
from symnum.codegen.jit import cache_folder
from symnum.codegen.placement import output_vector, state_vector
from symnum.codegen.spectral import (
    SpectralFunction,
    affordable_jacobian,
    dense_jacobian,
    no_program,
    no_sparsity,
    spectral_kernel,
)
from symnum.codegen.target import CompiledKernel, compile_kernel, targets, vector
from symnum.decisions import ended, starts
from symnum.discretisation.assemble import discretise as to_semi_discrete
from symnum.discretisation.events import EventKernels, event_kernels
from symnum.discretisation.fourier_choice import Space, space_for
from symnum.discretisation.spelled import with_named_spacings
from symnum.errors import SolveError, SolveWarning, TargetError, UnknownName, did_you_mean, names_options
from symnum.formats.program import Program, program
from symnum.ir.jacobian import jvp_kernel
from symnum.ir.linear_part import linear_part
from symnum.ir.passes.inline import inline_stores
from symnum.ir.sparsity import sparsity
from symnum.ir.system import SemiDiscreteSystem
from symnum.labels import explained, in_space, label
from symnum.model.sde import SDESystem
from symnum.model.system import PDESystem
from symnum.on_gpu import host_target, moved
from symnum.planning import plan_for as _plan
from symnum.progress import reporting
from symnum.provenance import recorded
from symnum.result import Solution
from symnum.rewrite.kernel_rewrite import KernelReport
from symnum.rewrite.kernel_switch import rewritten
from symnum.solvers.backend import backend_of, backends, methods, refuse_absent
from symnum.solvers.embedded.semilinear import Spectral
from symnum.solvers.events import Events
from symnum.solvers.noise import noise_of
from symnum.solvers.problem import Options, Problem
from symnum.solvers.save_times import save_times
from symnum.solvers.switch import solve_switching
from symnum.traced.system import TracedSystem
from symnum.watching import all_events, changes, happened, negative_amounts, watched


class Discretised:
    """A system on a grid, compiled: ``dy/dt = rhs(t, y, p)``.

    Attributes: ``semi`` (the SemiDiscreteSystem: kernels, layout, axes), ``size`` (unknowns), ``parameters`` (name -> value),
    ``state_layout`` (field -> (offset, shape)), ``source`` (the generated code of the right-hand side), ``rewriting`` (what rewriting did to it).
    """

    def __init__(
        self, semi: SemiDiscreteSystem, target: str = "llvm", simplify: str | bool = "auto", **options: Any
    ) -> None:
        begin = time.process_time()
        self.semi, self.target = semi, target
        self.spectral = SpectralFunction(semi.spectral, target) if semi.spectral is not None else None
        now = dict(zip(semi.parameters, semi.parameter_values, strict=True))
        self.rewriting = KernelReport()
        kernel = semi.rhs
        if self.spectral is None:
            kernel, self.rewriting = rewritten(semi.rhs, now, simplify, target)
        self.compiled: CompiledKernel = (
            compile_kernel(kernel, target, **options)
            if self.spectral is None
            else spectral_kernel(self.spectral, semi.reconstruct, np.array(semi.parameter_values, dtype=np.float64))
        )
        self.parameters = {s.name: v for s, v in zip(semi.parameters, semi.parameter_values, strict=True)}
        self._vector = np.array(semi.parameter_values, dtype=np.float64)
        self.changes: tuple[tuple[float, np.ndarray], ...] = ()  # times after which an event had set other parameters, and these
        self._reconstruct: CompiledKernel | None = None
        self._jvp: CompiledKernel | None = None
        self.compile_seconds = time.process_time() - begin

    def __repr__(self) -> str:
        semi = self.semi
        shown = [a.field for a in semi.state if a.field not in semi.hidden]
        fields = ", ".join(shown) if len(shown) <= 6 else f"{', '.join(shown[:5])}, ... ({len(shown)} fields)"
        grid = f" on {' x '.join(str(a.points) for a in semi.axes)} points" if semi.axes else ""
        count = f"{self.size:,} unknown{'s' if self.size != 1 else ''}"
        return f"<{semi.name or 'system'}: {fields}{grid}, {count}, target {self.target}>"

    def _repr_html_(self) -> str:
        facts, pictures = display.above("pictures.discretised", "described")(self)
        return display.card(repr(self).strip("<>"), facts, *pictures, display.source(self.source, self.target))

    @property
    def size(self) -> int:
        return self.semi.size

    @property
    def source(self) -> str:
        return self.compiled.source

    @property
    def state_layout(self) -> dict[str, tuple[int, tuple[int, ...]]]:
        return {a.field: (a.offset, a.shape) for a in self.semi.state}

    @property
    def sparsity(self) -> Any:
        """Pattern of d(rhs)/dy: boolean SciPy CSC matrix (size, size). What integrals bring, dense and of low rank, is left out."""
        no_sparsity(self.spectral)
        return sparsity(self.semi.rhs)

    @cached_property
    def sparse_jacobian(self) -> SparseJacobian:
        """The compiled derivative of the right-hand side: ``pattern``, ``fill(t, y, data)`` and calls that give matrices."""
        no_sparsity(self.spectral)
        return SparseJacobian(self.semi.rhs, self._vector, self.target)

    def jacobian(self, t: float, y: np.ndarray, p: Any = None) -> Any:
        """d(rhs)/dy at (t, y), analytic: SciPy CSC matrix (size, size) float64.

        Where the equations hold integrals, a ``SparsePlusLowRank`` operator (``@``, ``.solve(b)``, ``.tocsc()``, ``.sparse``): that part of the
        matrix is dense, but of low rank. With scheme="fourier" a dense array (size, size). Raises TargetError for states of a wrong shape or kind,
        DiscretisationError where a dense matrix would be too large.
        """
        values = self._vector if p is None else self.parameter_vector(p)
        if self.spectral is not None:
            return dense_jacobian(self.spectral, float(t), vector("y", y, self.size), vector("p", values, len(self.parameters)))
        return self.sparse_jacobian(float(t), vector("y", y, self.size), vector("p", values, len(self.parameters)))

    def jvp(self, t: float, y: np.ndarray, v: np.ndarray, p: Any = None, out: np.ndarray | None = None) -> np.ndarray:
        """The product (d(rhs)/dy) v at (t, y), exact, without the matrix: y, v and the result (size,)."""
        values = self._vector if p is None else self.parameter_vector(p)
        both = np.concatenate([vector("y", y, self.size), vector("v", v, self.size)])
        if self.spectral is not None:
            out = output_vector(self.size) if out is None else out
            self.spectral.tangent(float(t), both, vector("p", values, len(self.parameters)), out)
            return out
        if self._jvp is None:
            self._jvp = compile_kernel(jvp_kernel(self.semi.rhs), self.target)
        return self._jvp(t, both, values, out)

    def initial_state(self) -> np.ndarray:
        """The state at the initial time, (size,) float64."""
        return self.semi.initial(self.semi.parameter_values, out=state_vector(self.size))

    def rhs(self, t: float, y: np.ndarray, p: Any = None, out: np.ndarray | None = None) -> np.ndarray:
        """Time derivatives at (t, y): y (size,) float64, p: parameter vector or mapping name -> value (None: the system's), result (size,).

        Nothing is allocated beyond the output, and not even that with ``out``.
        """
        values = self.values_at(t) if p is None else self.parameter_vector(p)
        return self.compiled(t, y, values, output_vector(self.size) if out is None else out)

    def parameter_vector(self, p: Any) -> np.ndarray:
        """Values in the kernel's order; a mapping may name some of them."""
        if not isinstance(p, Mapping):
            return np.ascontiguousarray(p, dtype=np.float64)
        given = _by_name(p)
        for name in given:
            if name not in self.parameters:
                network = self.semi.structure.kind == "reaction network"
                line = f" If it follows from others, write sn.discretise(network.with_parameters({name}={given[name]!r}))." if network else ""
                raise UnknownName(
                    f"{self.semi.name or 'the system'} has no parameter {name!r}.{did_you_mean(name, self.parameters)}{line}"
                )
        return np.array([float(given.get(name, value)) for name, value in self.parameters.items()])

    def values_at(self, t: float) -> np.ndarray:
        """The parameters in force on arrival at a time (events may have set others on the way)."""
        if not self.changes:
            return self._vector
        sign = 1.0 if self.semi.time_span[1] > self.semi.time_span[0] else -1.0
        return next((p for since, p in reversed(self.changes) if (t - since) * sign > 0), self._vector)

    def watched(self, kernels: EventKernels) -> Events:
        """Events as functions of (t, state, p), for a solver."""
        return watched(kernels, self.semi, self._vector, self.target)

    def full_fields(self, t: float, y: np.ndarray, p: np.ndarray | None = None) -> np.ndarray:
        """All fields on the whole grid, eliminated boundary points included, as one flat vector (see ``semi.full``)."""
        if self._reconstruct is None:
            self._reconstruct = compile_kernel(self.semi.reconstruct, "numpy")
        return self._reconstruct(t, y, self.values_at(t) if p is None else p)


@names_options
def discretise(
    system: PDESystem | TracedSystem,
    resolution: Any = 64,
    scheme: str = "auto",
    order: int = 2,
    target: str = "auto",
    simplify: str | bool = "auto",
) -> Discretised:
    """Put a system on a grid and compile its right-hand side.

    Args:
        resolution: number of cells (one number, or ``{x: 64, y: 32}``, or a Grid). order: of accuracy in space.
        target: "llvm" (default), "c" (the system's compiler) or "numpy".
        simplify: whether the right-hand side is rewritten into a cheaper form before it is compiled: "auto" (for llvm and c), True (for every
            target), False, or the name of a rewriting engine such as "egraph" (see docs/rewriting.md).

    Raises ModelError, DiscretisationError, TargetError, UnknownName, UnknownOption.
    """
    return Discretised(semi_discrete(system, resolution, scheme, order), "llvm" if target == "auto" else target, simplify)


def semi_discrete(system: PDESystem | TracedSystem, resolution: Any = 64, scheme: str = "auto", order: int = 2) -> SemiDiscreteSystem:
    """A model on a grid; a traced function is on its own."""
    return system.semi if isinstance(system, TracedSystem) else to_semi_discrete(system, resolution, scheme, order)


@names_options
def generate(
    system: PDESystem,
    target: str = "c",
    resolution: Any = 64,
    scheme: str = "auto",
    order: int = 2,
    openmp: bool = False,
    jacobian: bool = True,
) -> Program:
    """Write the discretised system out as source code that needs no symnum: ``sn.generate(system).write("brusselator.c")``.

    Args:
        target: "c" (readable C99: right-hand side, initial state, boundary points, sparse Jacobian, a main program to try it), "julia" (a
            module with the same, for Base alone or OrdinaryDiffEq), "numpy" (a module), "llvm" (IR of the right-hand side) or "cuda" (CUDA C
            of the right-hand side).
        resolution, scheme, order: as for ``discretise``. openmp: OpenMP lines in the C. jacobian: with the sparse Jacobian.

    Raises ModelError, DiscretisationError, TargetError, UnknownOption. Warns TargetWarning where the program has no Jacobian (integrals make it
    dense) or no threads (loops too short) although they were asked for.
    """
    if isinstance(system, TracedSystem):
        raise TargetError('programs are written of models; a traced function writes its own code: sn.trace(f, ...).write("f.c")')
    semi = to_semi_discrete(system, resolution, scheme, order)
    no_program(semi.spectral)
    if semi.noise is not None:
        raise TargetError("programs with noise are not written; write out the drift alone: sn.generate(sn.ODESystem(...)) without noise=")
    if target in ("c", "julia"):
        semi = with_named_spacings(system, semi, order)
    return program(system, semi, target, order, openmp, jacobian)


@recorded
@in_charts
@names_options
def solve(
    system: PDESystem | TracedSystem,
    resolution: Any = 64,
    scheme: str = "auto",
    order: int | None = None,
    method: str = "auto",
    rtol: float = 1e-6,
    atol: float = 1e-8,
    saveat: Sequence[float] | None = None,
    save_every: float | None = None,
    parameters: Mapping[str, float] | None = None,
    dt: float | None = None,
    max_steps: int | None = None,
    backend: str = "auto",
    target: str = "auto",
    progress: Callable[[float], None] | bool | None = None,
    events: Sequence[Any] = (),
    dtype: str = "float64",
    seed: int | None = None,
    checkpoint: Any = None,
    checkpoint_every: float = 60.0,
    threads: int = 1,
    linear_solver: str = "auto",
    preconditioner: Any = None,
    max_order: int | None = None,
    simplify: str | bool = "auto",
    options: Mapping[str, Any] | None = None,
) -> Solution:
    """Solve a system from its initial state over its time interval.

    Args:
        resolution: number of cells of each axis: one number, ``{x: 64, y: 32}`` or a Grid. scheme, order: in space (None: 2, or waves that suit).
        method: name of an integrator, or "auto" (chosen from the equations; ``solution.why`` says why).
        rtol, atol: tolerances of the time stepping.
        saveat, save_every: times to keep (save_every: and the end); default: every step without space, 101 equal times with space.
        parameters: values in place of the system's. dt: first step (of Verlet and Yoshida: every step). max_steps: most attempted steps.
        progress: ``progress(t)`` called a few times a second, or True for a progress bar.
        linear_solver, preconditioner, max_order: for CVODE and IDA (see ``solvers.problem.Options``). simplify: as for ``discretise``.
        options: what a method of backend "julia" takes beside: {"linsolve": "KLUFactorization", "autodiff": "AutoForwardDiff", "dtmin": 1e-12}.
        events: ``sn.Event`` objects to watch for beside the system's own; what happened is in ``solution.events``.
        checkpoint: a file that keeps the state of the run every ``checkpoint_every`` seconds; the same call goes on from it, bit for bit, after
            a crash or Ctrl-C. It is removed at the end.
        seed: of the random path of an ``sn.SDESystem`` (None: a new one, see ``solution.stats["seed"]``). dtype, threads: only their defaults.

    A failed solve keeps what it has and emits SolveWarning. Raises ModelError, DiscretisationError, SolveError for what cannot be started,
    UnknownName and UnknownOption for names that do not exist.
    """
    if not isinstance(system, PDESystem | TracedSystem):
        raise SolveError(f"solve takes a system such as sn.PDESystem(...), got {type(system).__name__}")
    _check_names(method, backend, target)
    _check_defaults(dtype=dtype, seed=None if isinstance(system, SDESystem) else seed, threads=threads)
    system = system.with_parameters(**_by_name(parameters)) if parameters else system
    space = _space(system, resolution, scheme, order, free=method == backend == "auto" and target != "cuda")
    discretised, watching = discretise(system, resolution, space.scheme, space.order, host_target(target), simplify), watched_events(system, events)
    with reporting(progress, discretised.semi) as report:
        given: dict[str, Any] = {"rtol": rtol, "atol": atol, "dt": dt, "max_steps": max_steps, "progress": report, "linear_solver": linear_solver}
        given |= {"preconditioner": preconditioner, "max_order": max_order, "method_options": {} if options is None else options}
        given |= {"checkpoint": checkpoint, "checkpoint_every": checkpoint_every, "seed": seed}
        settings = _options(discretised.semi, saveat, save_every, **given)
        problem = _problem(discretised, _conditions(system, watching, resolution, space))
        plan = _plan(discretised.semi, method, backend, rtol, bool(watching) or checkpoint is not None, problem)
        plan, problem = moved(plan, problem, discretised.compiled.kernel, (method, backend)) if target == "cuda" else (plan, problem)
        settings = starts(discretised, plan, replace(settings, method=plan.method, max_order=max_order or plan.max_order))
        outcome, changed = ended(*solve_switching(problem, settings, plan.backend, plan.successor, plan.patience))
        discretised.changes = changes(outcome)
    why = f"{plan.why}{changed}{in_space(discretised.semi, scheme, space.why)}"
    solution = label(discretised, outcome, why, explained(outcome, discretised.semi), happened(discretised, outcome, watching))
    for note in (*outcome.notes, *negative_amounts(discretised.semi, outcome, settings), *(() if solution.success else (solution.message,))):
        warnings.warn(note, SolveWarning, stacklevel=5)
    return solution


def integrators() -> dict[str, dict[str, str]]:
    """Backend -> {method: what it is}, for listings and completion; without Julia's hundreds."""
    return {name: methods(name) for name in backends() if name != "julia"}


def watched_events(system: PDESystem | TracedSystem, given: Any) -> tuple[Any, ...]:
    found = all_events(system, given)
    if found and isinstance(system, TracedSystem):
        why = "events are conditions on fields of a model, and a traced function has none"
        raise SolveError(f"{why}; write the equations as a sn.PDESystem, or leave out events")
    return found


def _conditions(system: PDESystem | TracedSystem, watching: Sequence[Any], resolution: Any, space: Space) -> EventKernels | None:
    if not watching or isinstance(system, TracedSystem):
        return None
    return event_kernels(system, watching, resolution, space.scheme, space.order)


def _space(system: PDESystem | TracedSystem, resolution: Any, scheme: str, order: int | None, free: bool) -> Space:
    """Scheme and order; a traced function has its own."""
    return Space(scheme, 2) if isinstance(system, TracedSystem) else space_for(system, resolution, scheme, order, free)


def _by_name(values: Mapping[Any, float]) -> dict[str, float]:
    if not isinstance(values, Mapping):
        raise SolveError(f'parameters is {values!r}, not a mapping; write parameters={{"a": 4.0}}')
    return {str(getattr(key, "name", key)): value for key, value in values.items()}


def _check_defaults(**given: Any) -> None:
    """Options of the public contract that this version does not have yet: their defaults pass, all else is refused."""
    defaults = {
        "dtype": ("float64", "states are double precision"),
        "seed": (None, "nothing in equations without noise is random"),
        "threads": (1, "a solve runs on one thread"),
    }
    for name, value in given.items():
        default, why = defaults[name]
        if value != default or isinstance(value, bool):
            raise SolveError(f"{name}={value!r} is not supported by this version ({why}); leave it out ({name}={default!r})")


def _check_names(method: str, backend: str, target: str) -> None:
    for what, value, known in (("backend", backend, backends()), ("target", target, targets().names())):
        if value != "auto" and value not in known:
            raise UnknownName(
                f"there is no {what} {value!r}.{did_you_mean(str(value), known)} Known: auto, {', '.join(known)}"
            )
    refuse_absent(backend, method)  # before all methods are loaded, which takes longer than this answer may
    if method != "auto":
        home = backend_of(method)
        refuse_absent(home if backend == "auto" else "auto", method)


def _problem(discretised: Discretised, events: EventKernels | None = None) -> Problem:
    semi, compiled, p = discretised.semi, discretised.compiled, discretised._vector
    function = compiled.function
    return Problem(
        rhs=lambda t, y, out: function(t, y, p, out),
        y0=discretised.initial_state(),
        t0=semi.time_span[0],
        t1=semi.time_span[1],
        address=compiled.address,
        parameters=p,
        breakpoints=semi.breakpoints,
        sparsity=None if semi.spectral is not None else lambda: discretised.sparsity,
        jacobian=_LazyJacobian(discretised) if semi.spectral is None else affordable_jacobian(discretised.spectral, p),
        jacobian_exact=not inline_stores(semi.rhs).locals,
        jvp=lambda t, y, v, out: discretised.jvp(t, y, v, out=out),
        differential=semi.differential,
        autonomous=semi.rhs.autonomous,
        partition=lambda: _partition(discretised),
        linear_part=None if semi.spectral is not None else lambda: linear_part(semi, p.tolist()),
        semilinear=None if discretised.spectral is None else lambda: Spectral(discretised.spectral, p),  # type: ignore[arg-type]
        module=(compiled.kernel.name, compiled.source) if compiled.target == "llvm" else None,
        events=None if events is None else discretised.watched(events),
        kernel=None if semi.spectral is not None or compiled.target == "numpy" else compiled.kernel,
        identity=hashlib.sha256(compiled.source.encode()).hexdigest()[:24],
        keepalive=compiled,
        watch=semi.watch,
        noise=noise_of(semi.noise, p, compiled.target),
    )


_SMALL = 1000  # unknowns up to which a dense matrix costs an implicit method little


def _partition(discretised: Discretised) -> np.ndarray:
    """Positions and momenta for symplectic methods, from the sparsity; which equations depend on time is seen from their values."""
    from symnum.solvers.embedded.partitioned import partition

    semi, p = discretised.semi, discretised._vector
    timed = np.zeros(semi.size, dtype=bool)
    if not semi.rhs.autonomous:
        start, low, high = discretised.initial_state(), *semi.time_span
        random = np.random.default_rng(0)  # times that no period meets; states where no factor of a time is zero, as a velocity is at the start
        times = random.uniform(low, high, 7)
        for y in (start, *(start + (1 + np.abs(start)) * random.uniform(-0.5, 0.5, (3, semi.size)))):
            values = np.array([discretised.compiled(t, y, p, np.empty(semi.size)) for t in times])
            timed |= ((values != values[0]) & np.isfinite(values) & np.isfinite(values[0])).any(axis=0)
    names = tuple(field.field for field in semi.state for _ in range(int(np.prod(field.shape))))
    return partition(discretised.sparsity, timed, names)


class _LazyJacobian:
    """The sparse Jacobian for solvers, compiled when one first asks."""

    def __init__(self, discretised: Discretised) -> None:
        self._discretised = discretised

    @property
    def pattern(self) -> Any:
        return self._discretised.sparse_jacobian.pattern

    @property
    def whole(self) -> SparseJacobian:
        """The compiled derivative itself, integrals included."""
        return self._discretised.sparse_jacobian

    def fill(self, t: float, y: np.ndarray, data: np.ndarray) -> None:
        """See ``SparseJacobian.fill``."""
        self._discretised.sparse_jacobian.fill(t, y, data)

    def __call__(self, t: float, y: np.ndarray) -> Any:
        """A sparse matrix; with integrals the exact dense one while it is small, else its sparse part."""
        made = self._discretised.sparse_jacobian
        if made.low_rank and self._discretised.size <= _SMALL:
            return made(t, y).toarray()
        return made.sparse(t, y)


def _options(
    semi: SemiDiscreteSystem, saveat: Sequence[float] | None, save_every: float | None, **given: Any
) -> Options:
    """The options, checked; the method comes with the plan."""
    times = save_times(semi.time_span, any(a.axes for a in semi.state), saveat, save_every)
    return Options(saveat=times, every_step=times is None, dense=times is None, **given)


__all__ = ["Discretised", "cache_folder", "discretise", "generate", "integrators", "solve"]
