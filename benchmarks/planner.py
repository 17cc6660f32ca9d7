"""The automatic choice against every method that fits, on all models and on 30 random semilinear equations

Each problem is put on its grid once (the model's own resolution, order and tolerances; rtol 1e-6, atol 1e-8 for the random ones) and solved by
the automatic choice and by every adaptive method of every backend that takes it, saved at four equal times. Times are CPU seconds of the solve
alone (right-hand sides, Jacobians and drivers are compiled before, the choice, some milliseconds, is made before), the median of some runs; a
run that takes four times as long as the best so far is broken off.

An error is the root mean square over the saved states of (y - reference)/(atol + rtol*|reference|): in tolerances. The reference is the first of
``SHARP`` that is not too slow, at a thousandth of the tolerances. A run counts when its error is at most 10, or at most 10 times the median over the
methods of that problem (where an equation amplifies errors, it does so for all). The automatic choice is right when it counts and takes at most
twice the time of the fastest run that counts. Systems of higher index, which are solved in several charts, are left out.
"""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.errors import SymnumError
from symnum.pipeline import _problem
from symnum.plan.choose import Plan
from symnum.planning import plan_for
from symnum.solvers.backend import methods, usable
from symnum.solvers.backend import solve as solve_by_name
from symnum.solvers.embedded.method import methods as embedded
from symnum.solvers.problem import Options, Outcome, Problem
from symnum.solvers.switch import solve_switching

from . import _measure as measure
from ._random_pdes import random_pdes

OPTIONS = {"only": "problems whose name holds this text"}
CAP, LEAST_CAP, LONGEST = (
    4.0,
    0.1,
    60.0,
)  # a run may take so many times the best so far; always so many seconds; never more
SECONDS, ROUNDS = 0.1, 7  # of repeated runs of one method, and how many at most
PEERS = ("CVODE", "CVODE_Adams", "DOP853", "BDF", "Radau", "LSODA")
SHARP = (
    "Vern7",
    "Radau5",
    "Rodas5P",
    "CVODE",
    "KenCarp4",
    "KenCarp4-IMEX",
    "ROCK4",
    "RKC2",
    "IDA",
)  # for references, the first that runs
AUTOMATIC = "automatic"


class TooSlow(Exception):
    """A run was broken off."""


@dataclass(frozen=True)
class Case:
    """One problem; ``rtol``, ``atol``: of every run."""

    name: str
    system: Any
    cells: Any
    order: int = 2
    rtol: float = 1e-6
    atol: float = 1e-8


@dataclass(frozen=True)
class Run:
    """One method on one problem: CPU seconds, states (times, n), and the method's name as the outcome tells it."""

    method: str
    seconds: float
    states: Any


def cases() -> Iterator[Case]:
    """The models, then the random equations."""
    models = Catalogue("model", folder=shipped_folder("models"))
    for name in models.names():
        module = models.load(name)
        if getattr(module.system(), "reduction", None) is not None or "SDE" in module.tags:
            continue
        given = {k: v for k, v in module.solve_options.items() if k in ("order", "rtol", "atol")}
        yield Case(name, module.system(), module.resolution or 64, **given)
    for drawn in random_pdes():
        yield Case(drawn.name, drawn.system, drawn.cells)


def run(only: str = "") -> dict[str, Any]:
    """Measure; see the module."""
    rows = [row for case in cases() if only in case.name if (row := judged(case)) is not None]
    share = 100 * sum(row["right"] == "yes" for row in rows) / max(1, len(rows))
    return {
        "rows": rows,
        "bars": [measure.bar("automatic choice within 2x of the best, per cent of problems", share, 90, "higher")],
    }


def judged(case: Case) -> dict[str, Any] | None:
    """One row of the table."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runs, reference = measured(case)
    errors = {name: _error(r.states, reference, case) for name, r in runs.items()}
    allowed = max(10.0, 10 * statistics.median(errors.values()))
    counting = {name: r for name, r in runs.items() if errors[name] <= allowed}
    own = runs.get(AUTOMATIC)
    best = min(counting.values(), key=lambda r: r.seconds)
    right = AUTOMATIC in counting and own is not None and own.seconds <= 2 * best.seconds
    return {
        "problem": case.name,
        "n": reference.shape[1],
        "automatic": "fails" if own is None else own.method,
        "ms": None if own is None else float(f"{1e3 * own.seconds:.3g}"),
        "error": None if own is None else float(f"{errors[AUTOMATIC]:.2g}"),
        "best": best.method,
        "ms of the best": float(f"{1e3 * best.seconds:.3g}"),
        "error of the best": float(f"{errors[next(n for n, r in counting.items() if r is best)]:.2g}"),
        "right": "yes" if right else "no",
        "all": " ".join(
            f"{n}:{1e3 * r.seconds:.3g}/{errors[n]:.1g}"
            for n, r in sorted(runs.items(), key=lambda item: item[1].seconds)
        ),
    }


def measured(case: Case) -> tuple[dict[str, Run], np.ndarray]:
    """All runs that ended well in time, and the reference."""
    discretised = sn.discretise(case.system, resolution=case.cells, order=case.order)
    problem = _problem(discretised)
    times = np.linspace(problem.t0, problem.t1, 5)[1:]
    options = Options(rtol=case.rtol, atol=case.atol, saveat=times)
    runs: dict[str, Run] = {}
    plan = plan_for(discretised.semi, "auto", "auto", case.rtol, problem=problem)
    own = _timed(AUTOMATIC, problem, options, plan, LONGEST)
    if own is not None:
        runs[AUTOMATIC] = own
    for name in _fitting(problem):
        best = min((r.seconds for r in runs.values()), default=LONGEST / CAP)
        made = _timed(name, problem, options, plan, max(LEAST_CAP, CAP * best))
        if made is not None:
            runs[name] = made
    return runs, _reference(problem, options, runs)


def _fitting(problem: Problem) -> Iterable[str]:
    """Names of all adaptive methods, those that solve algebraic equations where there are some."""
    there = usable("sundials")
    known = [name for name, m in embedded().items() if not m.fixed_step] + [
        p for p in PEERS if there or not p.startswith("CVODE")
    ]
    if problem.differential is None:
        return known
    return [name for name in known if name in embedded() and embedded()[name].implicit] + ["IDA"] * there


def _timed(name: str, problem: Problem, options: Options, plan: Plan, cap: float) -> Run | None:
    """Median CPU time of some equal solves; None where the method does not fit, fails, or takes longer than the cap."""
    taken: list[float] = []
    try:
        _solve(name, problem, replace(options, max_steps=3), plan)  # compiles what is not compiled yet
        while len(taken) < ROUNDS and sum(taken) < SECONDS:
            begin = time.process_time()
            outcome = _solve(name, problem, replace(options, progress=_stopper(begin + cap)), plan)
            taken.append(time.process_time() - begin)
    except (SymnumError, TooSlow, ArithmeticError, ValueError):
        return None
    return (
        Run(outcome.method if name == AUTOMATIC else name, statistics.median(taken), outcome.y)
        if outcome.success
        else None
    )


def _solve(name: str, problem: Problem, options: Options, plan: Plan) -> Outcome:
    if name != AUTOMATIC:
        return solve_by_name(problem, replace(options, method=name))
    chosen = replace(options, method=plan.method, max_order=plan.max_order)
    return solve_switching(problem, chosen, plan.backend, plan.successor, plan.patience).outcome


def _stopper(deadline: float) -> Any:
    def stop(t: float) -> None:
        if time.process_time() > deadline:
            raise TooSlow

    return stop


def _reference(problem: Problem, options: Options, runs: dict[str, Run]) -> np.ndarray:
    """States at a thousandth of the tolerances."""
    known = {n for b in ("embedded", "sundials", "scipy") if usable(b) for n in methods(b)}
    for name in (n for n in SHARP if n in runs and n in known):
        tight = replace(
            options, method=name, rtol=max(1e-12, options.rtol / 1000), atol=max(1e-300, options.atol / 1000)
        )
        made = solve_by_name(problem, tight)
        if made.success:
            return np.asarray(made.y)
    raise RuntimeError(f"no method gives a reference; these ran: {', '.join(runs)}")


def _error(states: Any, reference: np.ndarray, case: Case) -> float:
    return float(np.sqrt(np.mean(((states - reference) / (case.atol + case.rtol * np.abs(reference))) ** 2)))
