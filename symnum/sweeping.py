"""Many solves of one model: ``sn.sweep`` over parameter values, or over random paths.

parameter sets  ->  one discretisation each; those with the same equations share one compiled right-hand side
                ->  backend "julia": one EnsembleProblem, in threads     else: one solve after another
                ->  Sweep: fields over (trajectory, t, ...)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symnum.codegen.targets.numpy import build_elementwise
from symnum.errors import SolveError, UnknownName, did_you_mean, names_options
from symnum.ir.system import SemiDiscreteSystem
from symnum.labels import explained, label, nothing_eliminated
from symnum.model.system import PDESystem
from symnum.on_gpu import ensemble, host_target, plan_on_gpu
from symnum.pipeline import Discretised, _check_names, _options, _problem, semi_discrete
from symnum.planning import plan_for
from symnum.result import Solution
from symnum.result.sweep import Sweep
from symnum.solvers.backend import solve, solve_many
from symnum.solvers.problem import Options, Outcome
from symnum.traced.system import TracedSystem

MOST = 1_000_000  # trajectories
Values = dict[str, float]


@names_options
def sweep(
    system: PDESystem | TracedSystem,
    parameters: Mapping[Any, Sequence[float]] | Sequence[Mapping[Any, float]] | None = None,
    trajectories: int = 1,
    resolution: Any = 64,
    scheme: str = "auto",
    order: int = 2,
    method: str = "auto",
    rtol: float = 1e-6,
    atol: float = 1e-8,
    saveat: Sequence[float] | None = None,
    save_every: float | None = None,
    dt: float | None = None,
    max_steps: int | None = None,
    backend: str = "auto",
    target: str = "auto",
    threads: int = 1,
    seed: int | None = None,
    simplify: str | bool = "auto",
    options: Mapping[str, Any] | None = None,
) -> Sweep:
    """Solve a system for many parameter values, or along many random paths: ``sn.sweep(system, {"a": [1, 2, 3]})["u"]`` is (trajectory, t, ...).

    Args:
        parameters: name -> values (all combinations of several names, the last one fastest), or a list of mappings name -> value, one a trajectory.
        trajectories: how often each of them is solved, each time along another random path (for an ``sn.SDESystem``).
        saveat, save_every: times to keep, the same for all; default: 101 equal times.
        target: "cuda" solves all trajectories of a small system at once on a GPU, one a thread, by explicit methods (docs/gpu.md).
        threads: above 1, backend "julia" solves in all threads that Julia was started with; other backends solve one after another.
        seed: of the first of the seeds from which the random paths are made; the coordinate ``seed`` of the result tells them.
        All else is as for ``sn.solve``.

    A trajectory that fails keeps what it has, NaN after it, and says why in ``sweep.messages``. Raises ModelError, DiscretisationError, SolveError
    for what cannot be started, UnknownName and UnknownOption for names that do not exist.
    """
    if not isinstance(system, PDESystem | TracedSystem):
        raise SolveError(f"sweep takes a system such as sn.PDESystem(...), got {type(system).__name__}")
    _check_names(method, backend, target)
    sets = _sets(system, parameters)
    count = _whole(trajectories, "trajectories", MOST // max(1, len(sets)))
    if _whole(threads, "threads", 4096) > 1 and backend != "julia":
        raise SolveError(f'threads={threads} is for backend "julia"; write backend="julia", or leave threads out')
    if tuple(system.events):
        raise SolveError(
            "a sweep does not watch for events; solve such a system by sn.solve, once for each set of parameters"
        )
    at = {"saveat": saveat, "save_every": save_every}
    given = {
        "rtol": rtol,
        "atol": atol,
        "dt": dt,
        "max_steps": max_steps,
        "method_options": {} if options is None else options,
    }
    run = _Sweep(system, (resolution, scheme, order), (target, simplify), (method, backend), at, given, threads)
    seeds = _seeds(system, seed, len(sets) * count)
    at_once = run.at_once(sets) if target == "cuda" and count == 1 else None
    if at_once is not None:
        return at_once
    made: list[Solution] = []
    for group in run.groups(sets):
        made += run.solve(group, count, seeds[len(made) :])
    rows: list[Values] = [dict(values) for values in sets for _ in range(count)]
    names = dict.fromkeys(name for values in sets for name in values)
    for row, number in zip(rows, seeds, strict=True):
        row |= {name: system.parameters[name] for name in names if name not in row}
        if number is not None:
            row["seed"] = number
    return Sweep.of(made, rows, run.times)


class _Sweep:
    """What all trajectories share.

    ``groups``: neighbouring parameter sets with the same equations; ``solve``: their solutions, ``count`` for each set.
    """

    def __init__(
        self,
        system: PDESystem | TracedSystem,
        space: tuple[Any, str, int],
        code: tuple[str, str | bool],
        method: tuple[str, str],
        at: Mapping[str, Any],
        given: Mapping[str, Any],
        threads: int,
    ) -> None:
        self.system, self.space, self.code, self.method, self.at, self.given = system, space, code, method, at, given
        self.threads = threads
        self.times = np.zeros(0)
        self.semi: list[SemiDiscreteSystem] = []

    def groups(self, sets: Sequence[Values]) -> Iterable[list[SemiDiscreteSystem]]:
        """Discretised parameter sets; those that follow one another with the same equations together."""
        made = (
            semi_discrete(self.system.with_parameters(**values) if values else self.system, *self.space)
            for values in sets
        )
        group: list[SemiDiscreteSystem] = []
        for semi in made:
            if group and not _same(group[0], semi):
                yield group
                group = []
            group.append(semi)
        yield group

    def at_once(self, sets: Sequence[Values]) -> Sweep | None:
        """All trajectories of a system without space by one call on a GPU, discretised once; None where parameters may change the equations
        themselves (times of discontinuity), or fields are put together from the state."""
        semi = semi_discrete(self.system, *self.space)
        special = (semi.watch, semi.differential, semi.noise)
        if semi.axes or semi.breakpoints or any(x is not None for x in special) or not nothing_eliminated(semi):
            return None
        host_target("cuda")
        names = [s.name for s in semi.parameters]
        given = {n: np.array([v.get(n, self.system.parameters[n]) for v in sets]) for n in dict.fromkeys(n for v in sets for n in v)}
        values = np.tile(np.array(semi.parameter_values, dtype=float), (len(sets), 1))
        for name, column in given.items():
            values[:, names.index(name)] = column
        discretised = Discretised(semi, "llvm", self.code[1])
        problem, settings = _problem(discretised), self.settings(semi)
        plan = plan_on_gpu(plan_for(semi, *self.method, settings.rtol, False, problem), self.method, False)
        made = ensemble(discretised.compiled.kernel, problem, replace(settings, method=plan.method), _starts(semi, values), values)
        same = {"method": plan.method, "why": plan.why, "success": True, "message": "Reached the end of the interval."}
        facts = [same | {"stats": row} for row in made.stats()]
        for k in np.flatnonzero(~made.success).tolist():
            said = made.message(k)
            facts[k] |= {"success": False, "message": f"{said[:1].upper()}{said[1:]}."}
        states = np.nan_to_num(made.y[0])
        first = label(discretised, Outcome(made.t, states, True, "", plan.method, {}), plan.why, str(facts[0]["message"]))
        shown = {a.field: made.y[:, :, a.offset] for a in semi.full if a.field not in semi.hidden}
        return Sweep.of_arrays(first, shown, given, facts)

    def solve(self, group: Sequence[SemiDiscreteSystem], count: int, seeds: Sequence[int | None]) -> list[Solution]:
        """``count`` solutions of each system of a group, which share their compiled right-hand side."""
        target, simplify = self.code
        home = host_target(target)
        discretised = Discretised(group[0], "llvm" if home == "auto" else home, simplify)
        problem, settings = _problem(discretised), self.settings(group[0])
        plan = plan_for(group[0], *self.method, settings.rtol, False, problem)
        settings = replace(settings, method=plan.method, max_order=plan.max_order)
        starts = np.array([semi.initial(semi.parameter_values) for semi in group for _ in range(count)])
        values = np.array([semi.parameter_values for semi in group for _ in range(count)]).reshape(len(starts), -1)
        outcomes = None
        if target == "cuda":
            plan = plan_on_gpu(plan, self.method, bool(group[0].axes))
            chosen = replace(settings, method=plan.method)
            outcomes = ensemble(discretised.compiled.kernel, problem, chosen, starts, values).outcomes()
        elif len(starts) > 1:
            numbers = [0 if s is None else s for s in seeds[: len(starts)]]
            outcomes = solve_many(problem, settings, plan.backend, starts, values, numbers, self.threads)
        solutions = []
        for k, semi in enumerate(group):
            _become(discretised, semi)
            for j in range(k * count, (k + 1) * count):
                if outcomes is None:
                    one = replace(settings, seed=seeds[j])
                    outcome: Outcome = solve(_problem(discretised), one, plan.backend)
                else:
                    outcome = outcomes[j]
                outcome = replace(outcome, dense=None)
                solutions.append(label(discretised, outcome, plan.why, explained(outcome, semi)))
        return solutions

    def settings(self, semi: SemiDiscreteSystem) -> Options:
        """The options, with the same save times for all trajectories."""
        at = dict(self.at)
        if at["saveat"] is None and at["save_every"] is None:
            at["saveat"] = np.linspace(*semi.time_span, 101)
        settings = _options(semi, at["saveat"], at["save_every"], **self.given)
        assert settings.saveat is not None
        self.times = settings.saveat
        return replace(settings, dense=False)


def _starts(semi: SemiDiscreteSystem, values: np.ndarray) -> np.ndarray:
    """Initial states (k, n) for rows of parameters (k, p): all formulas at once where they are formulas."""
    kernel = semi.initial_kernel
    ends = np.array([semi.initial(values[0]), semi.initial(values[-1])])
    if kernel is not None and not kernel.inputs and kernel.parameters == semi.parameters and not kernel.locals:
        _, formulas = build_elementwise(kernel)
        made = formulas(*values.T)
        columns = made if isinstance(made, tuple) else (made,)
        states = np.empty((len(values), semi.size))
        for array, column in zip(kernel.outputs, columns, strict=True):
            states[:, array.offset] = column
        if np.array_equal(states[[0, -1]], ends):
            return states
    return np.array([semi.initial(row) for row in values])


def _same(one: SemiDiscreteSystem, other: SemiDiscreteSystem) -> bool:
    """Equations that differ in parameter values and initial data alone."""
    plain = one.spectral is None and other.spectral is None and one.watch is None
    shared = _coefficients(one) == _coefficients(other)
    names = ("rhs", "reconstruct", "axes", "state", "full", "time_span", "breakpoints", "parameters", "algebraic")
    return plain and shared and all(getattr(one, name) == getattr(other, name) for name in names)


def _coefficients(semi: SemiDiscreteSystem) -> Any:
    return None if semi.noise is None else semi.noise.coefficients


def _become(discretised: Discretised, semi: SemiDiscreteSystem) -> None:
    """The values of another parameter set, in the memory that compiled functions read; the noise keeps what was compiled of it."""
    discretised.semi = replace(semi, noise=discretised.semi.noise)
    discretised.parameters = {s.name: v for s, v in zip(semi.parameters, semi.parameter_values, strict=True)}
    discretised._vector[:] = semi.parameter_values


def _sets(system: PDESystem | TracedSystem, given: Any) -> list[Values]:
    """The parameter sets, checked for names."""
    if given is None:
        return [{}]
    if isinstance(given, Mapping):
        names = [str(getattr(key, "name", key)) for key in given]
        if len(set(names)) < len(names):
            raise SolveError(f"parameters names {', '.join(names)}; name each parameter once")
        columns = [_numbers(name, values) for name, values in zip(names, given.values(), strict=True)]
        made = [dict(zip(names, row, strict=True)) for row in itertools.product(*columns)]
    elif isinstance(given, Iterable) and not isinstance(given, (str, bytes)):
        rows = list(given)
        if not all(isinstance(row, Mapping) for row in rows):
            raise SolveError(f'parameters is {given!r}, not mappings; write parameters=[{{"a": 1.0}}, {{"a": 2.0}}]')
        made = [{str(getattr(key, "name", key)): value for key, value in row.items()} for row in rows]
    else:
        raise SolveError(f'parameters is {given!r}; write parameters={{"a": [1.0, 2.0]}}, or a list of mappings')
    if not made:
        raise SolveError('parameters gives no set of values; write for example parameters={"a": [1.0, 2.0]}')
    if len(made) > MOST:
        raise SolveError(f"parameters gives {len(made):,} sets of values; a sweep takes at most {MOST:,}")
    for name in dict.fromkeys(name for values in made for name in values):
        if name not in system.parameters:
            raise UnknownName(
                f"the system has no parameter {name!r}.{did_you_mean(name, system.parameters)} "
                f"It has: {', '.join(system.parameters) or 'none'}"
            )
        if name in ("trajectory", "seed"):
            raise SolveError(
                f"the result of a sweep has a coordinate {name!r} of its own; give the parameter another name"
            )
    return made


def _numbers(name: str, values: Any) -> list[float]:
    try:
        numbers = np.atleast_1d(np.asarray(values, dtype=np.float64))
    except (TypeError, ValueError):
        numbers = np.zeros((0, 0))
    if numbers.ndim != 1:
        raise SolveError(
            f'the values of {name} are {values!r}, not a list of numbers; write parameters={{"{name}": [1.0, 2.0]}}'
        )
    return [float(v) for v in numbers]


def _whole(value: Any, name: str, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or not 1 <= value <= most:
        raise SolveError(f"{name} is {value!r}, not a whole number from 1 to {most:,}; write {name}=1")
    return int(value)


def _seeds(system: PDESystem | TracedSystem, seed: Any, count: int) -> list[int | None]:
    """A seed for each trajectory of a stochastic system, None for others."""
    from symnum.model.sde import SDESystem

    if not isinstance(system, SDESystem):
        if seed is not None:
            raise SolveError(
                f"seed={seed!r} is for equations with noise (sn.SDESystem), and nothing in these is random; leave it out"
            )
        return [None] * count
    if seed is not None and (isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0):
        raise SolveError(f"seed is {seed!r}, not a whole number >= 0; write seed=1")
    # 63 bits: two of a million trajectories hardly ever share a path, and every file format holds the numbers
    return [int(s) for s in np.random.SeedSequence(seed).generate_state(count, np.uint64) >> np.uint64(1)]
