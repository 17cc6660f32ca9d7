"""Smooth equations: Lorenz and a ring of 100 bodies against SciPy's DOP853 and against C loops written by hand

Lorenz: sigma 10, rho 28, beta 8/3, from (1, 0, 0), t up to 100. Ring: 100 equal masses of total 1, gravity with softening 0.05, on the unit
circle with the circular velocity, t up to 10; 400 unknowns. All at rtol = atol = 1e-8, CPU seconds of the solve alone, the end point being
all that is kept. The error is the largest difference from SciPy's DOP853 at 1e-13, at t = 20 for Lorenz and t = 2 for the ring: both
are unstable, and any difference grows until it means nothing. SciPy gets a right-hand side without loops: plain floats for three
unknowns, NumPy's matrices for the ring.
"""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

import symnum as sn
from symnum.pipeline import _problem
from symnum.solvers.backend import solve
from symnum.solvers.problem import Options, Problem

from . import _measure as measure

TOLERANCE, ROUNDS, BODIES, SOFTENING = 1e-8, 7, 100, 0.05
METHODS = ("Tsit5", "Vern7")
Array = np.ndarray


def run() -> dict[str, Any]:
    """Measure; see the module."""
    rows: list[dict[str, Any]] = []
    bars: list[dict[str, Any]] = []
    for name, faster, check in (("Lorenz", 150.0, 20.0), ("ring", 5.0, 2.0)):
        begin = time.process_time()
        problem = _lorenz() if name == "Lorenz" else _ring()
        built = time.process_time() - begin
        found = _compare(name, problem, check)
        rows.append({"problem": name, "run": "from the model to machine code", "seconds": round(built, 3)})
        bars += _bars(name, faster, {row["run"]: row for row in found})
        rows += [{"problem": name, **row} for row in found]
    return {"rows": rows, "bars": bars}


def _compare(name: str, problem: Problem, check: float) -> list[dict[str, Any]]:
    slow = SLOPES[name]
    reference = _scipy(slow, replace(problem, t1=check), 1e-13)[1]
    runs: dict[str, Callable[[Problem], tuple[int, Array]]] = {
        "SciPy DOP853": lambda p: _scipy(slow, p, TOLERANCE),
        **{f"symnum {m}": lambda p, m=m: _ours(p, m) for m in METHODS},
    }
    peer = _c_loop(name)
    if peer is not None:
        runs["Tsit5, C by hand"] = peer
    counts = {key: _repeats(one, problem) for key, one in runs.items()}
    thunks = {key: partial(one, problem) for key, one in runs.items()}
    seconds = measure.interleaved(thunks, lambda key: counts[key], ROUNDS)
    rows = []
    for key, one in runs.items():
        error = float(np.abs(one(replace(problem, t1=check))[1] - reference).max())
        samples = {"run": key, "seconds": float(f"{statistics.median(seconds[key]):.4g}"), "samples": seconds[key]}
        rows.append({**samples, "error": float(f"{error:.2g}"), "steps": one(problem)[0]})
    if peer is None:
        rows.append({"run": "Tsit5, C by hand", "seconds": "missing (no C compiler)", "samples": None, "error": None})
    return rows


def _repeats(one: Callable[[Problem], object], problem: Problem) -> int:
    """Calls that take about 20 ms together, once everything is compiled and loaded."""
    one(problem)
    begin = time.process_time()
    one(problem)
    return max(1, round(0.02 / max(time.process_time() - begin, 1e-5)))


def _bars(name: str, faster: float, rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The best of our methods whose error is no larger than SciPy's; and the same method in C."""
    scipy, c = rows["SciPy DOP853"], rows["Tsit5, C by hand"].pop("samples")
    fit = [rows[f"symnum {m}"] for m in METHODS if rows[f"symnum {m}"]["error"] <= scipy["error"]]
    best = min(fit, key=lambda row: row["seconds"]) if fit else None
    ratio = measure.median_ratio(scipy["samples"], best["samples"]) if best else None
    same = measure.median_ratio(rows["symnum Tsit5"]["samples"], c) if c else None
    for row in rows.values():
        row.pop("samples", None)
    return [
        measure.bar(
            f"{name}: SciPy DOP853 / {best['run'] if best else 'symnum'}, no larger error", ratio, faster, "higher"
        ),
        measure.bar(f"{name}: symnum Tsit5 / the same in C", same, 1.5),
    ]


def _ours(problem: Problem, method: str) -> tuple[int, Array]:
    outcome = solve(problem, Options(method, rtol=TOLERANCE, atol=TOLERANCE))
    return int(outcome.stats["steps"]), outcome.y[-1]


def _scipy(slopes: Callable[[float, Any], Any], problem: Problem, tolerance: float) -> tuple[int, Array]:
    from scipy.integrate import solve_ivp

    # only the ends are kept, as by the others; DOP853 clips rtol at 100 roundings
    span = (problem.t0, problem.t1)
    found = solve_ivp(slopes, span, problem.y0, "DOP853", t_eval=[problem.t1], rtol=tolerance, atol=tolerance)
    return int(found.nfev), found.y[:, -1]


def _c_loop(name: str) -> Callable[[Problem], tuple[int, Array]] | None:
    library = _library(f"_tsit5_{name.lower()}.c")
    if library is None:
        return None
    beta = (ctypes.c_double(8 / 3),) if name == "Lorenz" else ()
    library.solve.restype = ctypes.c_long

    def one(problem: Problem) -> tuple[int, Array]:
        y, rejected = np.array(problem.y0), ctypes.c_long()
        numbers = [ctypes.c_double(v) for v in (problem.t1, TOLERANCE, TOLERANCE)]
        steps = library.solve(ctypes.c_void_p(y.ctypes.data), *numbers, *beta, ctypes.byref(rejected))
        return int(steps), y

    return one


@cache
def _library(source: str) -> Any:
    built = measure.compile_c(Path(__file__).parent / source)
    return None if built is None else ctypes.CDLL(str(built))


def _lorenz() -> Problem:
    t = sn.coordinates("t")
    x, y, z = sn.fields("x y z", (t,))
    equations = [sn.Eq(sn.dt(x), 10 * (y - x)), sn.Eq(sn.dt(y), x * (28 - z) - y), sn.Eq(sn.dt(z), x * y - z * 8 / 3)]
    system = sn.ODESystem(equations, t=(0, 100), initial={x: 1, y: 0, z: 0})
    return _problem(sn.discretise(system))


def _lorenz_slopes(t: float, y: Any) -> Any:
    x, y_, z = y.tolist()
    return 10.0 * (y_ - x), x * (28.0 - z) - y_, x * y_ - 8 / 3 * z


def _ring() -> Problem:
    """The ring as 4950 symbolic pairs."""
    t = sn.coordinates("t")
    fields = sn.fields(" ".join(f"{name}{i}" for name in "xyuv" for i in range(BODIES)), (t,))
    x, y, u, v = (fields[i * BODIES : (i + 1) * BODIES] for i in range(4))
    pulls: list[list[list[Any]]] = [[[] for _ in range(BODIES)] for _ in range(2)]
    for i in range(BODIES):
        for j in range(i + 1, BODIES):
            dx, dy = x[j] - x[i], y[j] - y[i]
            weight = (dx**2 + dy**2 + SOFTENING**2) ** -1.5
            for pull, d in zip(pulls, (dx, dy), strict=True):
                pull[i].append(weight * d)
                pull[j].append(-weight * d)
    motion = [sn.Eq(sn.dt(f), velocity) for f, velocity in zip((*x, *y), (*u, *v), strict=True)]
    forces = [sn.Eq(sn.dt(f), sum(p[1:], p[0]) / BODIES) for f, p in zip((*u, *v), (*pulls[0], *pulls[1]), strict=True)]
    start = dict(zip(fields, _ring_start().tolist(), strict=True))
    return _problem(sn.discretise(sn.ODESystem([*motion, *forces], t=(0, 10), initial=start)))


def _ring_start() -> Array:
    """On the unit circle, with the speed that balances gravity."""
    angle = 2 * np.pi * np.arange(BODIES) / BODIES
    x, y = np.cos(angle), np.sin(angle)
    still = np.concatenate([x, y, np.zeros(2 * BODIES)])
    speed = np.sqrt(-_ring_slopes(0.0, still)[2 * BODIES])
    return np.concatenate([x, y, -speed * y, speed * x])


def _ring_slopes(t: float, state: Array) -> Array:
    x, y = state[:BODIES], state[BODIES : 2 * BODIES]
    dx, dy = x[None] - x[:, None], y[None] - y[:, None]
    square = dx * dx + dy * dy + SOFTENING**2
    weight = 1.0 / (square * np.sqrt(square))
    pull = (np.einsum("ij,ij->i", weight, d) / BODIES for d in (dx, dy))
    return np.concatenate([state[2 * BODIES :], *pull])


SLOPES = {"Lorenz": _lorenz_slopes, "ring": _ring_slopes}
