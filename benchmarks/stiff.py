"""Stiff diffusion with reactions: the automatic choice and every method that fits, against SciPy's BDF with the same Jacobian and left alone

The 2-D Brusselator (periodic, two fields, second order, alpha = 10, t up to 11.5) at rtol = atol = 1e-6 on N x N points, N = 32, 64, 128. CPU
seconds of the solve alone: right-hand side, Jacobian and drivers are compiled before, and how long that takes in a fresh process is a row of its own
("nothing kept": no compiled object on disk; "drivers kept": all but those of the model, which is what a new model costs). The error is the largest
difference at the end from CVODE at tolerance 1e-12 on the same grid, over the largest value (that reference is 8e-9 away from Tsit5's at 1e-12 for
N = 32). The last row is the growth of the process's memory during a solve with 256 x 256 points.

Of N = 32 further: CVODE by the linear solvers it can use. "callbacks" is the least that SUNDIALS' calls of f cost in Python: 4.5 microseconds each
before f does anything. Left alone, SciPy factorises dense matrices, where NumPy's BLAS may use several threads; their CPU time counts.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from typing import Any

import numpy as np

import symnum as sn
from symnum.pipeline import Discretised, _plan
from symnum.pipeline import _problem as whole_problem
from symnum.solvers.backend import methods, solve, usable
from symnum.solvers.problem import Options, Outcome, Problem

from . import _measure as measure
from .rhs import _brusselator

CELLS, TOLERANCE, ROUNDS = 32, 1e-6, 5
CALLBACK = 4.5e-6  # seconds
CVODE, TIGHTER = "CVODE, our sparse Jacobian", "CVODE, tolerance 2e-7"
SAME, ALONE = "SciPy BDF, our sparse Jacobian", "SciPy BDF, left alone"
AUTOMATIC, TRANSFORMS = "automatic choice", "CVODE, GMRES + transforms"
SETS = {"RKC2": "RKC2", "ROCK4": "ROCK4", "KenCarp4-IMEX": "KenCarp4-IMEX, transforms", "ETDRK4": "ETDRK4"}
SLOW = {("ETDRK4", 64), ("ETDRK4", 128)}  # several seconds: once
Runs = dict[str, tuple[Problem, dict[str, Any], str]]  # name -> (problem, options, backend)
Seconds = dict[str, list[float]]


def run() -> dict[str, Any]:
    """Measure; see the module."""
    rows, measured = [], {}
    for cells in (CELLS, 64, 128):
        discretised = sn.discretise(_brusselator(), resolution=cells)
        runs = _candidates(discretised) | (_cvode_at_32(discretised) if cells == CELLS else {})
        seconds, outcomes = _measured(runs, ROUNDS if cells == CELLS else 3)
        if cells == 64:
            slow = {SAME: (_problem(discretised, True), {"method": "BDF"}, "auto")}
            seconds, outcomes = (
                a | b for a, b in zip((seconds, outcomes), _measured(slow, 1, warm=False), strict=True)
            )
        if cells == CELLS:
            alone = {ALONE: (_problem(discretised, False), {"method": "BDF"}, "auto")}
            seconds, outcomes = (
                a | b for a, b in zip((seconds, outcomes), _measured(alone, 1, warm=False), strict=True)
            )
        reference = _reference(discretised)
        rows += [{"cells": cells} | _row(name, seconds[name], outcomes[name], reference) for name in seconds]
        measured[cells] = (seconds, {name: _error(outcomes[name], reference) for name in outcomes})
    if not usable("sundials"):
        rows.append({"run": CVODE, "seconds": "missing (pip install scikit-sundae)"})
    compiling, memory = _compiling(), _memory()
    rows += [{"run": f"compiling, {name}", "seconds": round(value, 3)} for name, value in compiling.items()]
    rows.append({"run": "memory of a solve, 256 x 256", "vectors of n": None if memory is None else round(memory, 1)})
    return {"rows": rows, "bars": _bars(measured, compiling["drivers kept"], memory) + _older_bars(measured[CELLS][0])}


def _bars(
    measured: dict[int, tuple[Seconds, dict[str, float]]], compiling: float, memory: float | None
) -> list[dict[str, Any]]:
    """The automatic choice against SciPy's BDF with the same Jacobian on the same grid."""
    (small, error), (middle, middle_error), (large, _) = (measured[n] for n in (32, 64, 128))
    return [
        measure.bar(
            "SciPy BDF with the same Jacobian / automatic choice, N = 32",
            measure.median_ratio(small[SAME], small[AUTOMATIC]),
            18,
            "higher",
        ),
        measure.bar(
            "SciPy BDF with the same Jacobian / automatic choice, N = 64",
            middle[SAME][0] / statistics.median(middle[AUTOMATIC]),
            27,
            "higher",
        ),
        measure.bar(
            "automatic choice at N = 128 / SciPy BDF at N = 32",
            statistics.median(large[AUTOMATIC]) / statistics.median(small[SAME]),
            1.7,
        ),
        measure.bar("error of the automatic choice / SciPy BDF's, N = 32", error[AUTOMATIC] / error[SAME], 1.0),
        measure.bar(
            "error of the automatic choice / SciPy BDF's, N = 64", middle_error[AUTOMATIC] / middle_error[SAME], 1.0
        ),
        measure.bar("seconds to compile a new model", compiling, 0.2),
        measure.bar("memory of a solve in vectors of n, 256 x 256", memory, 150),
    ]


def _older_bars(seconds: Seconds) -> list[dict[str, Any]]:
    """SciPy's time over CVODE's, also where CVODE's tolerance makes it the more accurate of the two."""
    there = CVODE in seconds
    same = measure.median_ratio(seconds[SAME], seconds[CVODE]) if there else None
    accurate = measure.median_ratio(seconds[SAME], seconds[TIGHTER]) if there else None
    alone = seconds[ALONE][0] / statistics.median(seconds[CVODE]) if there else None
    return [
        measure.bar("SciPy BDF with the same Jacobian / CVODE", same, 1.5, "higher"),
        measure.bar("SciPy BDF with the same Jacobian / CVODE at 2e-7, a smaller error", accurate, 1.5, "higher"),
        measure.bar("SciPy BDF left alone / CVODE", alone, 20.0, "higher"),
    ]


# ------------------------------------------------------------------ what runs


def _candidates(discretised: Discretised) -> Runs:
    """The automatic choice, and every method that fits."""
    cells, problem = discretised.semi.axes[0].points, whole_problem(discretised)
    discretised.jacobian(0.0, discretised.initial_state())  # compiled here, not in the solve
    plan = _plan(discretised.semi, "auto", "auto", TOLERANCE)
    chosen: dict[str, Any] = {"method": plan.method, "max_order": plan.max_order}
    runs: Runs = {AUTOMATIC: (problem, chosen, plan.backend)}
    if cells == CELLS:
        runs[SAME] = (_problem(discretised, True), {"method": "BDF"}, "auto")
    known = methods("embedded")
    runs |= {
        name: (problem, {"method": m}, "auto") for m, name in SETS.items() if m in known and (m, cells) not in SLOW
    }
    if usable("sundials"):
        runs[TRANSFORMS] = (problem, {"method": "CVODE", "linear_solver": "gmres", "preconditioner": "fft"}, "auto")
    return runs


def _cvode_at_32(discretised: Discretised) -> Runs:
    if not usable("sundials"):
        return {}
    ours = _problem(discretised, True)
    changes: dict[str, dict[str, Any]] = {
        CVODE: {},
        "CVODE, GMRES + ILU": {"linear_solver": "gmres", "preconditioner": "ilu"},
        "CVODE, GMRES alone": {"linear_solver": "gmres", "preconditioner": "none"},
        "CVODE, SUNDIALS' sparse LU": {"linear_solver": "sparse"},
        TIGHTER: {"rtol": 2e-7, "atol": 2e-7},
    }
    return {name: (ours, {"method": "CVODE"} | more, "auto") for name, more in changes.items()}


def _problem(discretised: Discretised, with_jacobian: bool) -> Problem:
    """Right-hand side and, if wanted, Jacobian; nothing else is told of the equations."""
    semi, function = discretised.semi, discretised.compiled.function
    p = np.array(semi.parameter_values)
    if with_jacobian:
        discretised.jacobian(0.0, discretised.initial_state())
    return Problem(
        rhs=lambda t, y, out: function(t, y, p, out),
        y0=discretised.initial_state(),
        t0=semi.time_span[0],
        t1=semi.time_span[1],
        address=discretised.compiled.address,
        parameters=p,
        breakpoints=semi.breakpoints,
        jacobian=discretised.sparse_jacobian if with_jacobian else None,
        keepalive=discretised,
    )


def _reference(discretised: Discretised) -> np.ndarray:
    problem, method = whole_problem(discretised), "CVODE" if usable("sundials") else "KenCarp4-IMEX"
    tolerance = 1e-12 if method == "CVODE" else 1e-11
    return np.asarray(solve(problem, Options(method, rtol=tolerance, atol=tolerance)).y[-1])


# ------------------------------------------------------------------ measuring


def _measured(runs: Runs, rounds: int, warm: bool = True) -> tuple[Seconds, dict[str, Outcome]]:
    """CPU seconds of each run, in turns, and its last outcome. One round warms up."""
    seconds: Seconds = {name: [] for name in runs}
    outcomes: dict[str, Outcome] = {}
    for lap in range(rounds + warm):
        for name, (problem, changes, backend) in runs.items():
            options = Options(**{"rtol": TOLERANCE, "atol": TOLERANCE} | changes)
            begin = time.process_time()
            outcomes[name] = solve(problem, options, backend)
            if lap or not warm:
                seconds[name].append(time.process_time() - begin)
    return seconds, outcomes


_COMPILE = """
import time, json
import symnum as sn
from symnum.pipeline import _plan, _problem
from symnum.solvers.backend import solve
from symnum.solvers.problem import Options
from benchmarks.rhs import _brusselator
def first(cells):
    begin = time.process_time()
    discretised = sn.discretise(_brusselator(), resolution=cells)
    compiling = discretised.compile_seconds
    plan = _plan(discretised.semi, "auto", "auto", 1e-6)
    made = solve(_problem(discretised), Options(plan.method, rtol=1e-6, atol=1e-6, max_order=plan.max_order, max_steps=1), plan.backend)
    return compiling + made.stats["compile_seconds"]
print(json.dumps({"nothing kept": first(32), "drivers kept": first(34)}))
"""


def _compiling() -> dict[str, float]:
    """Seconds to compile all that a solve needs, in a fresh process with an empty cache, then for another grid in the same process."""
    with tempfile.TemporaryDirectory() as folder:
        return measure.fresh_process(_COMPILE, {"SYMNUM_CACHE": folder})


_MEMORY = """
import json
from pathlib import Path
import symnum as sn
from symnum.pipeline import _plan, _problem
from symnum.solvers.backend import solve
from symnum.solvers.problem import Options
from benchmarks.rhs import _brusselator
def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))
def run(cells):
    discretised = sn.discretise(_brusselator(), resolution=cells)
    plan = _plan(discretised.semi, "auto", "auto", 1e-6)
    problem = _problem(discretised)
    before = status("VmRSS")
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
    solve(problem, Options(plan.method, rtol=1e-6, atol=1e-6, max_order=plan.max_order, max_steps=20), plan.backend)
    return (status("VmHWM") - before) * 1024 / (8 * discretised.size)
run(16)
print(json.dumps({"vectors": run(256)}))
"""


def _memory() -> float | None:
    """By how many vectors of n numbers the process grows during 20 steps; None where the system does not tell (only Linux does)."""
    try:
        return measure.fresh_process(_MEMORY)["vectors"]
    except RuntimeError:
        return None


def _error(outcome: Outcome, reference: np.ndarray) -> float:
    return float(np.abs(outcome.y[-1] - reference).max() / np.abs(reference).max())


def _row(name: str, seconds: list[float], outcome: Outcome, reference: np.ndarray) -> dict[str, Any]:
    stats = outcome.stats
    return {
        "run": f"{name}: {outcome.method}" if name == AUTOMATIC else name,
        "seconds": round(statistics.median(seconds), 4),
        "error": float(f"{_error(outcome, reference):.2g}"),
        "steps": int(stats["steps"]),
        "f": int(stats["rhs_evaluations"]),
        "Jacobians": int(stats["jacobian_evaluations"]),
        "linear solves": int(stats["linear_solves"]),
        "callbacks": round(CALLBACK * stats["rhs_evaluations"], 4) if outcome.method.startswith("CVODE") else None,
    }
