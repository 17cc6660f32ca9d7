"""Dispersion, fourth derivatives and steepening: exponential methods against SciPy's BDF and Radau with our analytic Jacobian

KdV (one soliton of speed 4, N = 256 and 1024, t = 1), Kuramoto-Sivashinsky (N = 128, t = 30), Burgers (viscosity 0.05, N = 512, t = 1.5); periodic.
CPU seconds of the solve alone: right-hand sides and Jacobians are compiled before. Errors are relative to the largest value: KdV and Burgers against
their exact solutions (soliton; Cole and Hopf's integral), Kuramoto-Sivashinsky against 256 waves at a tolerance of 1e-11. SciPy's methods run on
central differences of order 4, where their Jacobian is sparse; "fourier" is spectral. "automatic" is what sn.solve chooses at rtol = 1e-6.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import symnum as sn
from symnum.pipeline import _problem
from symnum.solvers.backend import methods, solve
from symnum.solvers.problem import Options, Problem

from . import _measure as measure

Array = NDArray[np.float64]
BDF, RADAU = "SciPy BDF, our sparse Jacobian", "SciPy Radau, our sparse Jacobian"
SPEED, START, PERIOD, VISCOSITY = 4.0, -5.0, 40.0, 0.05
ROUNDS = 5
SLOW = 2.0  # seconds: a run that took longer is not repeated


@dataclass(frozen=True)
class Case:
    """A problem with its solution at the end; ``runs``: name -> (scheme, order in space, options)."""

    name: str
    system: sn.PDESystem
    cells: int
    solution: Callable[[Array], Array]
    runs: Mapping[str, tuple[str, int, dict[str, Any]]]


def run() -> dict[str, Any]:
    """Measure; see the module."""
    rows, bars = [], []
    for case in cases():
        seconds, errors, found = measured(case)
        rows += found
        bars += _bars(case, seconds, errors)
    return {"rows": rows, "bars": bars}


def cases() -> list[Case]:
    """The four problems."""
    tight, loose = {"rtol": 1e-6, "atol": 1e-6}, {"rtol": 1e-4, "atol": 1e-6}
    peers = {BDF: ("central", 4, {"method": "BDF", **tight}), RADAU: ("central", 4, {"method": "Radau", **tight})}
    ours = {
        "ETDRK4, fourier": ("fourier", 2, {"method": "ETDRK4", **tight}),
        "ETD5, fourier": ("fourier", 2, {"method": "ETD5", **tight}),
        "ETDRK4, order 4": ("central", 4, {"method": "ETDRK4", **tight}),
        "Tsit5, order 4": ("central", 4, {"method": "Tsit5", **tight}),
        "Radau5, order 4": ("central", 4, {"method": "Radau5", **tight}),
    }
    waves = {"ETDRK4, fourier, rtol 1e-4": ("fourier", 2, {"method": "ETDRK4", **loose})}
    found = [Case(f"KdV, N = {n}", kdv(), n, soliton, {**peers, **ours}) for n in (256, 1024)]
    found.append(Case("Kuramoto-Sivashinsky, N = 128", flame(), 128, flame_reference, {**peers, **ours, **waves}))
    return [*found, Case("Burgers, N = 512", burgers(), 512, cole_hopf, {**peers, **ours})]


def measured(case: Case) -> tuple[dict[str, list[float]], dict[str, float], list[dict[str, Any]]]:
    """Seconds and errors of all runs, the automatic choice included, and the rows."""
    known = set(methods("embedded")) | set(methods("scipy"))
    runs = {name: r for name, r in case.runs.items() if r[2]["method"] in known}
    automatic = sn.solve(case.system, resolution=case.cells, rtol=1e-6, atol=1e-6, saveat=[_end(case)])
    scheme = str(automatic.to_xarray().attrs["scheme"])
    runs["automatic"] = (scheme, 2, {"method": automatic.method, "rtol": 1e-6, "atol": 1e-6})
    problems: dict[tuple[str, int], tuple[Problem, Array]] = {}
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    errors: dict[str, float] = {}
    rows: dict[str, dict[str, Any]] = {}
    for lap in range(ROUNDS + 1):
        for name, (scheme, order, options) in runs.items():
            if lap and seconds[name][0] > SLOW:
                continue
            if (scheme, order) not in problems:
                problems[scheme, order] = _prepared(case, scheme, order)
            problem, exact = problems[scheme, order]
            begin = time.process_time()
            outcome = solve(problem, Options(**options))
            seconds[name].append(time.process_time() - begin)
            errors[name] = (
                float(np.abs(outcome.y[-1] - exact).max() / np.abs(exact).max()) if outcome.success else np.inf
            )
            rows[name] = _row(case, name, scheme, outcome)
    seconds = {name: taken[1:] or taken for name, taken in seconds.items()}  # the first round warms up
    made = [
        rows[n] | {"seconds": float(f"{statistics.median(seconds[n]):.3g}"), "error": float(f"{errors[n]:.2g}")}
        for n in runs
    ]
    return seconds, errors, made


def _prepared(case: Case, scheme: str, order: int) -> tuple[Problem, Array]:
    """The problem, compiled, and its solution at the end on the grid."""
    discretised = sn.discretise(case.system, resolution=case.cells, scheme=scheme, order=order)
    if scheme != "fourier":
        discretised.jacobian(0.0, discretised.initial_state())  # compiled here, not in the solve
    return _problem(discretised), case.solution(discretised.semi.axes[0].coordinates())


def _row(case: Case, name: str, scheme: str, outcome: Any) -> dict[str, Any]:
    stats = outcome.stats
    counts = {"steps": int(stats["steps"]), "f": int(stats["rhs_evaluations"])}
    return {"problem": case.name, "run": name, "method": outcome.method, "scheme": scheme, **counts}


def _bars(case: Case, seconds: dict[str, list[float]], errors: dict[str, float]) -> list[dict[str, Any]]:
    """The issue's figures for one problem: the automatic choice against the best method and against SciPy's BDF."""
    middle = {name: statistics.median(taken) for name, taken in seconds.items()}
    own = middle["automatic"]
    fair = [middle[name] for name in middle if errors[name] <= max(errors["automatic"], 1e-3) and "SciPy" not in name]
    made = [
        measure.bar(f"{case.name}: automatic choice / best of all methods with no larger error", own / min(fair), 1.5)
    ]
    if case.name.startswith("Burgers"):  # the automatic choice takes differences of order 2 there, SciPy has order 4
        return made
    against = errors["automatic"] / errors[BDF]
    made.append(measure.bar(f"{case.name}: error of the automatic choice / error of SciPy BDF", against, 1.0))
    wanted = {"KdV, N = 256": 3.0, "KdV, N = 1024": 50.0}.get(case.name)
    if wanted:
        made.append(measure.bar(f"{case.name}: SciPy BDF / automatic choice", middle[BDF] / own, wanted, "higher"))
    if case.name.startswith("Kuramoto"):
        made.append(measure.bar(f"{case.name}: error of the automatic choice", errors["automatic"], 1e-4))
        made.append(measure.bar(f"{case.name}: seconds of the automatic choice", own, 0.01))
    return made


def _end(case: Case) -> float:
    return float(case.system.domain.bounds[case.system.time.name][1])


# --- problems and their solutions ---


def kdv() -> sn.PDESystem:
    """u_t = -6 u u_x - u_xxx, one soliton."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    hump = sum(SPEED / 2 / sn.cosh(SPEED**0.5 / 2 * (x - START + turn * PERIOD)) ** 2 for turn in (-1, 0, 1))
    equation = sn.Eq(sn.dt(u), -6 * u * sn.diff(u, x) - sn.diff(u, x, 3))
    return sn.PDESystem(
        [equation], domain=sn.Domain(t=(0, 1), x=(-20, 20)), conditions=[sn.periodic(x)], initial={u: hump}, name="kdv"
    )


def soliton(x: Array) -> Array:
    """KdV at t = 1."""
    return np.sum(
        [SPEED / 2 / np.cosh(SPEED**0.5 / 2 * (x - START - SPEED + turn * PERIOD)) ** 2 for turn in (-1, 0, 1)], axis=0
    )


def flame(end: float = 30.0) -> sn.PDESystem:
    """u_t = -u u_x - u_xx - u_xxxx, the run of Kassam and Trefethen."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    equation = sn.Eq(sn.dt(u), -u * sn.diff(u, x) - sn.diff(u, x, 2) - sn.diff(u, x, 4))
    start = sn.cos(x / 16) * (1 + sn.sin(x / 16))
    return sn.PDESystem(
        [equation],
        domain=sn.Domain(t=(0, end), x=(0, 32 * sn.pi)),
        conditions=[sn.periodic(x)],
        initial={u: start},
        name="flame",
    )


def flame_reference(x: Array) -> Array:
    """Kuramoto-Sivashinsky at t = 30 from 256 points."""
    found = sn.solve(flame(), 256, "fourier", method="ETDRK4", rtol=1e-11, atol=1e-11, saveat=[30.0])["u"].values[-1]
    return np.asarray(found[:: 256 // len(x)])


def burgers() -> sn.PDESystem:
    """u_t = -u u_x + 0.05 u_xx."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    equation = sn.Eq(sn.dt(u), -u * sn.diff(u, x) + VISCOSITY * sn.diff(u, x, 2))
    return sn.PDESystem(
        [equation],
        domain=sn.Domain(t=(0, 1.5), x=(0, 2 * sn.pi)),
        conditions=[sn.periodic(x)],
        initial={u: sn.sin(x)},
        name="burgers",
    )


def cole_hopf(x: Array, t: float = 1.5) -> Array:
    """Burgers at t: the mean of (x - y)/t with the weight exp(-(x - y)^2/(4 nu t) + cos(y)/(2 nu)), by the trapezoidal rule."""
    shift = np.linspace(-7, 7, 4001)
    exponent = -(shift**2) / (4 * VISCOSITY * t) + np.cos(x[:, None] - shift) / (2 * VISCOSITY)
    weight = np.exp(exponent - exponent.max(axis=1, keepdims=True))
    return np.asarray((weight @ shift) / t / weight.sum(axis=1))
