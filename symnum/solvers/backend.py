"""Backends: each module of ``backends`` has ``NAME``, ``METHODS`` (name -> a line) and ``solve(problem, options)``.

``ALGEBRAIC`` lists the methods that also solve systems with algebraic equations (``Problem.differential``), ``OPTIONS`` those of
``SPECIAL`` options that the backend heeds, ``REQUIRES`` packages it imports, ``NOISE`` those for stochastic equations (``Problem.noise``; True:
the module itself refuses the others), of these ``ADDITIVE`` need coefficients without the state and ``COMMUTING`` such that commute,
``METHOD_OPTIONS`` names of ``Options.method_options`` by method (True: the module itself refuses
others); all are empty where a module does not have them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

from symnum.catalogue import Catalogue
from symnum.errors import BackendUnavailable, SolveError, UnknownName, did_you_mean
from symnum.solvers.noise import new_seed
from symnum.solvers.problem import Options, Outcome, Problem

Entry = TypeVar("Entry")
CATALOGUE = Catalogue("backend", package="symnum.solvers.backends")
SPECIAL = {"max_step": None, "max_order": None, "linear_solver": "auto", "preconditioner": None}  # option -> default


def backends() -> tuple[str, ...]:
    """Names of all backends; "embedded" first."""
    return tuple(sorted(CATALOGUE.names(), key=lambda name: (name != "embedded", name)))


def methods(backend: str) -> dict[str, str]:
    """The methods of a backend: name -> one line."""
    return dict(CATALOGUE.load(backend).METHODS)


def backend_of(method: str) -> str:
    """The first backend that has a method (names are compared without regard to case).

    Raises:
        UnknownName: no backend has it.
    """
    homes = _homes()
    if str(method).lower() in (name.lower() for name in homes):
        return find(homes, method, "method")
    listed = sorted(name for name, home in homes.items() if home != "julia")  # the others are hundreds
    raise UnknownName(
        f"there is no method {method!r}.{did_you_mean(str(method), homes)} Known: {', '.join(listed)}; "
        f"and {len(homes) - len(listed)} algorithms of DifferentialEquations.jl (docs/julia.md lists them)"
    )


def refuse_absent(backend: str, method: str) -> None:
    """Before anything is compiled: BackendUnavailable where a backend can tell at once that a method ("auto": any) cannot run here."""
    if backend != "auto" and not CATALOGUE.problem(backend):
        look = getattr(CATALOGUE.load(backend), "check", None)
        if look is None:
            return
        try:
            look(method)
        except BackendUnavailable as error:
            if backend != "julia" or method == "auto":
                raise
            own = [name for name, home in _homes().items() if home != "julia"]
            near = did_you_mean(method, own)
            raise BackendUnavailable(f"{method} is an algorithm of DifferentialEquations.jl.{near} {error}") from None


def installed(backend: str) -> bool:
    """What the backend needs is there; nothing is imported, so it may still be broken."""
    return not CATALOGUE.problem(backend) and all(
        find_spec(p) for p in getattr(CATALOGUE.load(backend), "REQUIRES", ())
    )


def usable(backend: str) -> bool:
    """What the backend needs is installed and loads (imported once, some tenths of a second)."""
    return installed(backend) and all(_loads(p) for p in getattr(CATALOGUE.load(backend), "REQUIRES", ()))


def _loads(package: str) -> bool:
    try:
        import_module(package)
    except Exception:  # a damaged build fails in many ways: a missing library, another NumPy, a wrong processor
        return False
    return True


@cache
def _module(backend: str) -> Any:
    """A backend that loads here, without looking into the folder again: short solves notice it."""
    return CATALOGUE.load(backend)


@cache
def _homes() -> dict[str, str]:
    """Method -> backend, of the backends that can be loaded."""
    return {name: b for b in reversed(backends()) if not CATALOGUE.problem(b) for name in methods(b)}


def solve(problem: Problem, options: Options, backend: str = "auto") -> Outcome:
    """Solve with a backend; "auto" takes the first that has the method.

    Raises:
        UnknownName: no such backend or method; SolveError: the options contradict the problem.
    """
    name = backend_of(options.method) if backend == "auto" else backend
    module = _module(name)
    able = [m.lower() for m in getattr(module, "ALGEBRAIC", ())]
    if problem.differential is not None and options.method.lower() not in able:
        count = int((~problem.differential).sum())
        raise SolveError(
            f"the system has {count} algebraic equation{'s' if count > 1 else ''} 0 = f(t, y), which {options.method} does not solve; "
            'write method="IDA"'
        )
    if problem.watch is not None and not getattr(module, "WATCHES", False):
        raise SolveError(
            f"the unknowns of this system (a constraint of higher index) may have to be chosen anew on the way, which {options.method} "
            f'(backend {name!r}) does not watch for; write method="{"CVODE" if problem.differential is None else "IDA"}"'
        )
    options = _check_noise(problem, options, module)
    _check_embedded(problem, options, name, module)
    known = getattr(module, "METHOD_OPTIONS", {})
    unheeded = [] if known is True else [o for o in options.method_options if o not in known.get(options.method.lower(), ())]
    if unheeded:
        given = ", ".join(unheeded)
        raise SolveError(f'options={{...}} ({given}) is for backend "julia", and {options.method} belongs to backend {name!r}; leave it out')
    heeded = module.options_of(options.method) if hasattr(module, "options_of") else getattr(module, "OPTIONS", ())
    for option, default in SPECIAL.items():
        if getattr(options, option) != default and option not in heeded:
            raise SolveError(
                f'{option}={getattr(options, option)!r} is not for {options.method} (backend {name!r}); leave it out, or write method="CVODE"'
            )
    outcome: Outcome = module.solve(problem, options)
    if problem.noise is None or options.seed is None:
        return outcome
    notes = (*outcome.notes, *_noise_note(problem, options, module))
    return replace(outcome, stats=outcome.stats | {"seed": options.seed}, notes=notes)


def solve_many(
    problem: Problem, options: Options, backend: str, starts: Any, parameters: Any, seeds: Sequence[int], threads: int
) -> list[Outcome] | None:
    """Outcomes for the rows of ``starts`` (k, n) and ``parameters`` (k, p), where the backend solves many at once; None where it does not.

    Raises as ``solve``.
    """
    module = CATALOGUE.load(backend)
    many = getattr(module, "solve_many", None)
    if many is None:
        return None
    options = _check_noise(problem, options, module)
    made: list[Outcome] | None = many(problem, options, starts, parameters, seeds, threads)
    return made


def _check_noise(problem: Problem, options: Options, module: Any) -> Options:
    """Stochastic methods are for problems with noise, and only these, which need a seed: a new one where none is given."""
    stochastic = getattr(module, "NOISE", ())
    able = stochastic is True or _among(options, stochastic)
    if problem.noise is not None and not able:
        raise SolveError(
            f'the equations have noise, and {options.method} solves ordinary ones; write method="SOSRI" (steps of its own choice) or '
            'method="EM" with dt='
        )
    if problem.noise is None and able and stochastic is not True:
        raise SolveError(
            f'{options.method} is for equations with noise (sn.SDESystem(..., noise={{u: ...}})), and these have none; write method="Tsit5"'
        )
    if problem.noise is not None and not problem.noise.additive and _among(options, getattr(module, "ADDITIVE", ())):
        raise SolveError(
            f"{options.method} is for noise whose coefficients do not depend on the fields, and here they do; "
            'write method="SOSRI", or method="EM" with dt='
        )
    if problem.noise is None and options.seed is not None:
        raise SolveError(f"seed={options.seed!r} is for equations with noise (sn.SDESystem), and nothing in these is random; leave it out")
    return options if problem.noise is None or options.seed is not None else replace(options, seed=new_seed())


def _among(options: Options, names: Sequence[str]) -> bool:
    return options.method.lower() in (name.lower() for name in names)


def _noise_note(problem: Problem, options: Options, module: Any) -> tuple[str, ...]:
    if problem.noise is None or problem.noise.commutative or not _among(options, getattr(module, "COMMUTING", ())):
        return ()
    return (
        "the coefficients of the noise do not commute (one depends on a field that another process moves), or could not be compared: "
        f"{options.method} then has the strong order 1/2, and its error estimate does not see it; "
        'write method="RKMilGeneral", or method="EM" with dt=',
    )


def _check_embedded(problem: Problem, options: Options, name: str, module: Any) -> None:
    """Events and checkpoints are for backends that say so."""
    advice = 'write method="Tsit5", or method="Rodas5P" for stiff equations'
    if problem.events is not None and not getattr(module, "EVENTS", False):
        raise SolveError(f"events are not watched for by {options.method} (backend {name!r}); {advice}")
    if options.checkpoint is not None and not getattr(module, "CHECKPOINTS", False):
        raise SolveError(f"checkpoint= is not for {options.method} (backend {name!r}), whose state cannot be saved; {advice}")


def find(known: Mapping[str, Entry], name: str, what: str) -> Entry:
    """An entry by its name, whatever the case; UnknownName with near names otherwise."""
    if name in known:
        return known[name]
    exact = {key.lower(): key for key in known}.get(str(name).lower())
    if exact is None:
        raise UnknownName(
            f"there is no {what} {name!r}.{did_you_mean(str(name), known)} Known: {', '.join(sorted(known))}"
        )
    return known[exact]
