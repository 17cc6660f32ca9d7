"""Stiff diffusion with reactions: CVODE with our sparse Jacobian against SciPy's BDF with the same Jacobian and left alone

The 2-D Brusselator (periodic, two fields, second order, N = 32, alpha = 10, t up to 11.5) at rtol = atol = 1e-6. CPU seconds of the solve alone:
right-hand side and Jacobian are compiled before. The error is the largest difference at the end from a reference at 1e-11 on the same grid, over the
largest value. "callbacks" is the least that SUNDIALS' calls of f cost in Python: 4.5 microseconds each before f does anything. Left alone, SciPy
factorises dense matrices, where NumPy's BLAS may use several threads; their CPU time counts.
"""

from __future__ import annotations

import statistics
import time
from typing import Any

import numpy as np

import symnum as sn
from symnum.pipeline import Discretised
from symnum.solvers.backend import solve, usable
from symnum.solvers.problem import Options, Outcome, Problem

from . import _measure as measure
from .rhs import _brusselator

CELLS, TOLERANCE, ROUNDS = 32, 1e-6, 5
CALLBACK = 4.5e-6  # seconds
CVODE, TIGHTER = "CVODE, our sparse Jacobian", "CVODE, tolerance 2e-7"
SAME, ALONE = "SciPy BDF, our sparse Jacobian", "SciPy BDF, left alone"


def run() -> dict[str, Any]:
    """Measure; see the module."""
    discretised = sn.discretise(_brusselator(), resolution=CELLS)
    ours, alone = _problem(discretised, True), _problem(discretised, False)
    reference = solve(ours, Options("Tsit5", rtol=1e-11, atol=1e-11)).y[-1]
    runs: dict[str, tuple[Problem, dict[str, Any]]] = {
        SAME: (ours, {"method": "BDF"}),
        "RKC2, native": (ours, {"method": "RKC2"}),
    }
    if usable("sundials"):
        runs |= {
            CVODE: (ours, {"method": "CVODE"}),
            "CVODE, GMRES + ILU": (ours, {"method": "CVODE", "linear_solver": "gmres", "preconditioner": "ilu"}),
            "CVODE, GMRES alone": (ours, {"method": "CVODE", "linear_solver": "gmres", "preconditioner": "none"}),
            "CVODE, SUNDIALS' sparse LU": (ours, {"method": "CVODE", "linear_solver": "sparse"}),
            TIGHTER: (ours, {"method": "CVODE", "rtol": 2e-7, "atol": 2e-7}),
        }
    seconds, outcomes = _measured(runs, ROUNDS)
    slow, left = _measured({ALONE: (alone, {"method": "BDF"})}, 1, warm=False)
    seconds, outcomes = seconds | slow, outcomes | left
    rows = [_row(name, seconds[name], outcomes[name], reference) for name in seconds]
    if CVODE not in seconds:
        rows.append({"run": CVODE, "seconds": "missing (pip install scikit-sundae)"})
    return {"rows": rows, "bars": _bars(seconds)}


def _bars(seconds: dict[str, list[float]]) -> list[dict[str, Any]]:
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


def _problem(discretised: Discretised, with_jacobian: bool) -> Problem:
    semi, function = discretised.semi, discretised.compiled.function
    p = np.array(semi.parameter_values)
    if with_jacobian:
        discretised.jacobian(0.0, discretised.initial_state())  # compiled here, not in the solve
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


def _measured(
    runs: dict[str, tuple[Problem, dict[str, Any]]], rounds: int, warm: bool = True
) -> tuple[dict[str, list[float]], dict[str, Outcome]]:
    """CPU seconds of each run, in turns, and its last outcome. One round warms up."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    outcomes: dict[str, Outcome] = {}
    for lap in range(rounds + warm):
        for name, (problem, changes) in runs.items():
            options = Options(**{"rtol": TOLERANCE, "atol": TOLERANCE} | changes)
            begin = time.process_time()
            outcomes[name] = solve(problem, options)
            if lap or not warm:
                seconds[name].append(time.process_time() - begin)
    return seconds, outcomes


def _row(name: str, seconds: list[float], outcome: Outcome, reference: np.ndarray) -> dict[str, Any]:
    stats = outcome.stats
    return {
        "run": name,
        "seconds": round(statistics.median(seconds), 4),
        "error": float(f"{np.abs(outcome.y[-1] - reference).max() / np.abs(reference).max():.2g}"),
        "steps": int(stats["steps"]),
        "f": int(stats["rhs_evaluations"]),
        "Jacobians": int(stats["jacobian_evaluations"]),
        "linear solves": int(stats["linear_solves"]),
        "callbacks": round(CALLBACK * stats["rhs_evaluations"], 4) if outcome.method.startswith("CVODE") else None,
    }
