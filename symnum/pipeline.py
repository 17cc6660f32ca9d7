"""The whole way of the data on one page. Only this file knows the order.

PDESystem
  | discretise            [PDESystem]           -> [SemiDiscreteSystem]   grids, stencils, boundary elimination
  | compile               [Kernel]              -> [CompiledKernel]       machine code, or NumPy
  | choose                [Structure, spacings] -> [Plan]                 method, backend, and why
  | solve                 [Problem, Options]    -> [Outcome]              time stepping
  | label                 [Outcome]             -> [Solution]             fields with names, coordinates, units
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from symnum.codegen.jacobian import SparseJacobian
from symnum.codegen.placement import output_vector, state_vector
from symnum.codegen.target import CompiledKernel, compile_kernel, targets, vector
from symnum.discretisation.assemble import discretise as to_semi_discrete
from symnum.discretisation.spelled import with_named_spacings
from symnum.errors import SolveError, SolveWarning, UnknownName, did_you_mean, names_options
from symnum.formats.program import Program, program
from symnum.ir.jacobian import jvp_kernel
from symnum.ir.sparsity import sparsity
from symnum.ir.system import SemiDiscreteSystem
from symnum.labels import label
from symnum.model.system import PDESystem
from symnum.plan.choose import Plan, choose, choose_for
from symnum.result import Solution
from symnum.solvers.backend import backend_of, backends, installed, methods, usable
from symnum.solvers.backend import solve as run
from symnum.solvers.problem import Options, Outcome, Problem


class Discretised:
    """A system on a grid, compiled: ``dy/dt = rhs(t, y, p)``.

    Attributes: ``semi`` (the SemiDiscreteSystem: kernels, layout, axes), ``size`` (unknowns), ``parameters`` (name -> value),
    ``state_layout`` (field -> (offset, shape)), ``source`` (the generated code of the right-hand side).
    """

    def __init__(self, semi: SemiDiscreteSystem, target: str = "llvm", **options: Any) -> None:
        begin = time.process_time()
        self.semi, self.target = semi, target
        self.compiled: CompiledKernel = compile_kernel(semi.rhs, target, **options)
        self.parameters = {s.name: v for s, v in zip(semi.parameters, semi.parameter_values, strict=True)}
        self._vector = np.array(semi.parameter_values, dtype=np.float64)
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
        return sparsity(self.semi.rhs)

    @cached_property
    def sparse_jacobian(self) -> SparseJacobian:
        """The compiled derivative of the right-hand side: ``pattern``, ``fill(t, y, data)`` and calls that give matrices."""
        return SparseJacobian(self.semi.rhs, self._vector, self.target)

    def jacobian(self, t: float, y: np.ndarray, p: Any = None) -> Any:
        """d(rhs)/dy at (t, y), analytic: SciPy CSC matrix (size, size) float64.

        Where the equations hold integrals, a ``SparsePlusLowRank`` operator (``@``, ``.solve(b)``, ``.tocsc()``, ``.sparse``): that part of the
        matrix is dense, but of low rank. Raises TargetError for states of a wrong shape or kind.
        """
        values = self._vector if p is None else self.parameter_vector(p)
        return self.sparse_jacobian(float(t), vector("y", y, self.size), vector("p", values, len(self.parameters)))

    def jvp(self, t: float, y: np.ndarray, v: np.ndarray, p: Any = None, out: np.ndarray | None = None) -> np.ndarray:
        """The product (d(rhs)/dy) v at (t, y), exact, without the matrix: y, v and the result (size,)."""
        if self._jvp is None:
            self._jvp = compile_kernel(jvp_kernel(self.semi.rhs), self.target)
        values = self._vector if p is None else self.parameter_vector(p)
        both = np.concatenate([vector("y", y, self.size), vector("v", v, self.size)])
        return self._jvp(t, both, values, out)

    def initial_state(self) -> np.ndarray:
        """The state at the initial time, (size,) float64."""
        return self.semi.initial(self.semi.parameter_values, out=state_vector(self.size))

    def rhs(self, t: float, y: np.ndarray, p: Any = None, out: np.ndarray | None = None) -> np.ndarray:
        """Time derivatives at (t, y): y (size,) float64, p: parameter vector or mapping name -> value (None: the system's), result (size,).

        Nothing is allocated beyond the output, and not even that with ``out``.
        """
        values = self._vector if p is None else self.parameter_vector(p)
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

    def full_fields(self, t: float, y: np.ndarray) -> np.ndarray:
        """All fields on the whole grid, eliminated boundary points included, as one flat vector (see ``semi.full``)."""
        if self._reconstruct is None:
            self._reconstruct = compile_kernel(self.semi.reconstruct, "numpy")
        return self._reconstruct(t, y, self._vector)


@names_options
def discretise(
    system: PDESystem, resolution: Any = 64, scheme: str = "auto", order: int = 2, target: str = "auto"
) -> Discretised:
    """Put a system on a grid and compile its right-hand side.

    Args:
        resolution: number of cells (one number, or ``{x: 64, y: 32}``, or a Grid). order: of accuracy in space.
        target: "llvm" (default), "c" (the system's compiler) or "numpy".

    Raises ModelError, DiscretisationError, TargetError, UnknownOption.
    """
    return Discretised(to_semi_discrete(system, resolution, scheme, order), "llvm" if target == "auto" else target)


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
        target: "c" (readable C99: right-hand side, initial state, boundary points, sparse Jacobian, a main program to try it),
            "numpy" (a module) or "llvm" (IR of the right-hand side).
        resolution, scheme, order: as for ``discretise``. openmp: OpenMP lines in the C. jacobian: with the sparse Jacobian.

    Raises ModelError, DiscretisationError, TargetError, UnknownOption. Warns TargetWarning where the program has no Jacobian (integrals make it
    dense) or no threads (loops too short) although they were asked for.
    """
    semi = to_semi_discrete(system, resolution, scheme, order)
    if target == "c":
        semi = with_named_spacings(system, semi, order)
    return program(system, semi, target, order, openmp, jacobian)


@names_options
def solve(
    system: PDESystem,
    resolution: Any = 64,
    scheme: str = "auto",
    order: int = 2,
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
    threads: int = 1,
    linear_solver: str = "auto",
    preconditioner: Any = None,
    max_order: int | None = None,
) -> Solution:
    """Solve a system from its initial state over its time interval.

    Args:
        resolution: number of cells of each axis: one number, ``{x: 64, y: 32}`` or a Grid. scheme, order: discretisation in space.
        method: name of an integrator, or "auto" (chosen from the equations; ``solution.why`` says why).
        rtol, atol: tolerances of the time stepping.
        saveat, save_every: times to keep (save_every: and the end); default: every step for ordinary differential equations,
            101 equal times with space.
        parameters: values in place of the system's. dt: first step. max_steps: most attempted steps.
        progress: ``progress(t)`` called a few times a second, or True for a progress bar.
        linear_solver, preconditioner, max_order: for CVODE and IDA (see ``solvers.problem.Options``).
        events, dtype, seed, checkpoint, threads: only their defaults are supported so far; anything else is refused by name.

    A failed solve keeps what it has and emits SolveWarning. Raises ModelError, DiscretisationError, SolveError for what cannot be started,
    UnknownName and UnknownOption for names that do not exist.
    """
    if not isinstance(system, PDESystem):
        raise SolveError(f"solve takes a system such as sn.PDESystem(...), got {type(system).__name__}")
    _check_names(method, backend, target)
    _check_defaults(system, events=events, dtype=dtype, seed=seed, checkpoint=checkpoint, threads=threads)
    system = system.with_parameters(**_by_name(parameters)) if parameters else system
    discretised = discretise(system, resolution, scheme, order, target)
    with _reporting(progress, discretised.semi) as report:
        given = {"rtol": rtol, "atol": atol, "dt": dt, "max_steps": max_steps, "progress": report}
        linear = {"linear_solver": linear_solver, "preconditioner": preconditioner, "max_order": max_order}
        options = _options(discretised.semi, saveat, save_every, **given, **linear)
        plan = _plan(discretised.semi, method, backend, rtol)
        options = replace(options, method=plan.method, max_order=max_order or plan.max_order)
        outcome = run(_problem(discretised), options, plan.backend)
    why = f"{plan.why}{_in_space(discretised.semi, scheme)}"
    solution = label(discretised, outcome, why, _explained(outcome, discretised.semi))
    if not solution.success:
        warnings.warn(solution.message, SolveWarning, stacklevel=3)
    return solution


def _by_name(values: Mapping[Any, float]) -> dict[str, float]:
    if not isinstance(values, Mapping):
        raise SolveError(f'parameters is {values!r}, not a mapping; write parameters={{"a": 4.0}}')
    return {str(getattr(key, "name", key)): value for key, value in values.items()}


def _check_defaults(system: PDESystem, **given: Any) -> None:
    """Options of the public contract that this version does not have yet: their defaults pass, all else is refused."""
    defaults = {"events": (), "dtype": "float64", "seed": None, "checkpoint": None, "threads": 1}
    for name, value in given.items():
        value = tuple(value) if name == "events" else value
        if value != defaults[name]:
            raise SolveError(
                f"{name}={value!r} is not supported by this version; leave it out ({name}={defaults[name]!r})"
            )
    if system.events:
        raise SolveError("the system has events, which this version does not watch for; leave events out")


def _check_names(method: str, backend: str, target: str) -> None:
    if method != "auto":
        backend_of(method)
    for what, value, known in (("backend", backend, backends()), ("target", target, targets().names())):
        if value != "auto" and value not in known:
            raise UnknownName(
                f"there is no {what} {value!r}.{did_you_mean(str(value), known)} Known: auto, {', '.join(known)}"
            )


def _plan(semi: SemiDiscreteSystem, method: str, backend: str, rtol: float) -> Plan:
    spacing = {a.name: a.spacing for a in semi.axes}
    span = semi.time_span[1] - semi.time_span[0]
    periodic = all(a.periodic for a in semi.axes)
    fields = len(semi.state) - len(semi.hidden)

    def chosen(sundials: bool) -> Plan:
        return choose(semi.structure, spacing, span, fields, periodic, rtol, sundials, semi.size)

    automatic = chosen(installed("sundials"))
    if automatic.backend == "sundials" and not usable("sundials"):  # broken: only a load tells
        automatic = chosen(False)
    if method == "auto" and backend in ("auto", automatic.backend):
        return automatic
    if method == "auto":
        return choose_for(backend, automatic)
    home = backend_of(method) if backend == "auto" else backend
    if method.lower() not in (name.lower() for name in methods(home)):
        other = backend_of(method)
        raise SolveError(
            f'method {method!r} belongs to backend {other!r}, not {backend!r}; write backend="{other}" or leave it out'
        )
    return Plan(method, home, f"{method} was asked for (the automatic choice is {automatic.method})")


def _problem(discretised: Discretised) -> Problem:
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
        sparsity=lambda: discretised.sparsity,
        jacobian=_LazyJacobian(discretised),
        jacobian_exact=not semi.rhs.locals,
        jvp=lambda t, y, v, out: discretised.jvp(t, y, v, out=out),
        differential=semi.differential,
        keepalive=compiled,
    )


_SMALL = 1000  # unknowns up to which a dense matrix costs an implicit method little


class _LazyJacobian:
    """The sparse Jacobian for solvers, compiled when one first asks."""

    def __init__(self, discretised: Discretised) -> None:
        self._discretised = discretised

    @property
    def pattern(self) -> Any:
        return self._discretised.sparse_jacobian.pattern

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
    times = _save_times(semi, saveat, save_every)
    return Options(saveat=times, every_step=times is None, dense=times is None, **given)


def _save_times(
    semi: SemiDiscreteSystem, saveat: Sequence[float] | None, save_every: float | None
) -> np.ndarray | None:
    """Times to save, or None for every accepted step."""
    start, stop = semi.time_span
    if saveat is not None and save_every is not None:
        raise SolveError("saveat and save_every both say what to save; give one of them")
    if saveat is not None:
        return saveat if np.ndim(saveat) else np.atleast_1d(saveat)  # type: ignore[return-value]  # converted and checked by Options
    if save_every is not None:
        if isinstance(save_every, bool) or not (
            isinstance(save_every, (int, float, np.number)) and 0 < save_every < float("inf")
        ):
            raise SolveError(
                f"save_every is {save_every!r}, not a positive time; write save_every={(stop - start) / 100:g}"
            )
        count = int(np.floor((stop - start) / save_every * (1 + 1e-12)))
        if count > 10_000_000:
            raise SolveError(
                f"save_every={save_every:g} asks for {count:,} states; write save_every={(stop - start) / 100:g}"
            )
        times = np.minimum(start + float(save_every) * np.arange(count + 1), stop)  # 3*0.1 > 0.3
        return times if stop - times[-1] <= 1e-9 * save_every else np.append(times, stop)
    return np.linspace(start, stop, 101) if semi.axes else None


def _in_space(semi: SemiDiscreteSystem, asked: str) -> str:
    """How space was treated, as the end of the sentence that says why."""
    if not semi.axes:
        return ""
    words = {"central": "central differences", "finite_volume": "finite volumes", "upwind": "upwind differences"}
    text = f"; in space {words.get(semi.scheme, semi.scheme)} of order {semi.order}"
    if asked == "auto" and semi.scheme == "finite_volume":
        text += ', which keep the content to round-off: the fluxes through all sides are given (values at cell centres; scheme="central" gives nodes)'
    return text


def _explained(outcome: Outcome, semi: SemiDiscreteSystem) -> str:
    """The outcome as a sentence, with the field and the place where a solve broke down."""
    text = outcome.message[:1].upper() + outcome.message[1:].rstrip(".") + "."
    if outcome.failure_index is None:
        return text
    name, place = semi.locate(outcome.failure_index)
    where = ", ".join(f"{x}={value:.6g}" for x, value in place.items())
    return f"{text} The first field affected is {name}{' at ' + where if where else ''}."


class _reporting:
    """Progress: the user's function, a bar on stderr, or nothing."""

    def __init__(self, progress: Callable[[float], None] | bool | None, semi: SemiDiscreteSystem) -> None:
        if progress is not None and not isinstance(progress, bool) and not callable(progress):
            raise SolveError(f"progress is True, None or a function of t, not {progress!r}")
        self.progress, self.semi = progress, semi
        self.bar: Any = None

    def __enter__(self) -> Callable[[float], None] | None:
        if self.progress is not True:
            return self.progress if callable(self.progress) else None
        from symnum.progress import TimeBar

        self.bar = TimeBar(self.semi.name or "solving", *self.semi.time_span)
        return self.bar.update

    def __exit__(self, *_: object) -> None:
        if self.bar is not None:
            self.bar.close()


__all__ = ["Discretised", "discretise", "generate", "solve"]
