"""Many solves of one model in Julia: EnsembleProblem, in threads where there are some."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from symnum.bridge import guarded
from symnum.errors import SolveError
from symnum.solvers.julia_methods import ALGORITHMS, SPLIT, check_names
from symnum.solvers.julia_problem import Prepared, prepared
from symnum.solvers.julia_run import CAUSES, COUNTED, STATUS, counted, julia_seed, told
from symnum.solvers.problem import Options, Outcome, Problem, empty_statistics

Array = NDArray[np.float64]


def solve_many(
    problem: Problem, options: Options, name: str, starts: Array, parameters: Array, seeds: Sequence[int], threads: int
) -> list[Outcome] | None:
    """One outcome for each row of ``starts`` (k, n) and ``parameters`` (k, p); None where the solves must go one by one.

    That is where Python takes part in them: events, algebraic equations, discontinuities, functions that are not native code.

    Raises SolveError where threads are asked for and Julia runs with one.
    """
    check_names(options.method_options)
    by_python = problem.events is not None or problem.watch is not None or problem.differential is not None
    if by_python or problem.breakpoints or options.saveat is None or ALGORITHMS[name].kind == SPLIT:
        return None
    times = np.unique(np.asarray(options.save_times(problem)))[:: 1 if problem.t1 > problem.t0 else -1]
    solver = prepared(problem, options, name, False)
    if threads > 1 and solver.session.threads < 2:
        raise SolveError(
            f"threads={threads} needs a Julia with threads, and it was started with one; set the environment variable "
            f"PYTHON_JULIACALL_THREADS={threads} before Python is started"
        )
    if solver.callbacks.used:
        return None
    begin = time.perf_counter()
    starts, parameters = np.ascontiguousarray(starts), np.ascontiguousarray(parameters)
    numbers = np.array([julia_seed(s) for s in seeds], dtype=np.int64)
    try:
        made = _made(solver, problem, name, (starts, parameters, times, numbers), threads > 1)
    except SolveError as error:
        raise told(error, name, problem) from None
    seconds = (time.perf_counter() - begin) / len(made)
    for outcome in made:
        outcome.stats["solve_seconds"] = seconds
    return made


def _made(
    solver: Prepared, problem: Problem, name: str, rows: tuple[Array, Array, Array, NDArray[np.int64]], threaded: bool
) -> list[Outcome]:
    starts, parameters, times, seeds = rows
    with guarded(f"the solves with {name}", SolveError):
        results = solver.session.bridge.ensemble(
            solver.solver, problem.t0, problem.t1, min(problem.t0, problem.t1), max(problem.t0, problem.t1), starts.ctypes.data,
            parameters.ctypes.data, parameters.shape[1], len(starts), times.ctypes.data, len(times), seeds, threaded,
        )  # fmt: skip
        return [_outcome(result, solver, problem, name, times) for result in results]


def _outcome(result: object, solver: Prepared, problem: Problem, name: str, times: Array) -> Outcome:
    bridge, report, last = solver.session.bridge, np.zeros(12), np.empty(problem.n)
    bridge.report_b(result, report.ctypes.data)
    rows = int(report[0])
    t, y = np.empty(rows), np.empty((rows, problem.n))
    bridge.collect_b(result, t.ctypes.data, y.ctypes.data, last.ctypes.data)
    status = STATUS[int(report[2])]
    asked = np.isin(t, times)
    stats = counted(empty_statistics() | {n: int(v) for n, v in zip(COUNTED, report[3:8], strict=True)}, problem)
    success, end = status == "Success", float(report[1])
    cause = CAUSES.get(status, f"the method failed ({status})")
    message = "reached the end of the interval" if success else f"{name} stopped at t = {end:.6g}: {cause}"
    return Outcome(t[asked], y[asked], success, message, name, stats)
