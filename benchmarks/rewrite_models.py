"""Right-hand sides of the shipped models, rewritten (the default) against as they are discretised

Both are compiled at the model's own resolution and called in turn from native code on the same arrays: nanoseconds a call, medians of rounds taken
side by side; the ratio is that of the fastest rounds. Where rewriting leaves a kernel as it is, the code is the same and the ratio 1.
Ratios within 3 per cent of 1 are noise on a shared machine. Then both are solved over the model's time (chaotic ones up to the time at which
rounding shows), at the model's tolerances; the difference counts in units of atol + rtol*max|y|.
"""

from __future__ import annotations

import ctypes
import math
import statistics
import time
import warnings
from types import ModuleType
from typing import Any

import numpy as np

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.codegen.jit import compile_ir, native_function
from symnum.codegen.placement import output_vector
from symnum.pipeline import Discretised

from . import _measure as measure

ROUNDS, LEAST = 15, 2e-3  # rounds; CPU seconds of each at least
NOISE = 1.03
RTOL, ATOL = 1e-6, 1e-8  # what sn.solve takes where the model states nothing
FINER = 1e-3  # of the tolerance, where solutions are compared

_REPEAT = """
define void @repeat(ptr %f, i64 %n, double %t, ptr %y, ptr %p, ptr %out) {
entry:
  br label %loop
loop:
  %k = phi i64 [ 0, %entry ], [ %next, %loop ]
  call void %f(double %t, ptr %y, ptr %p, ptr %out)
  %next = add i64 %k, 1
  %done = icmp eq i64 %next, %n
  br i1 %done, label %end, label %loop
end:
  ret void
}
"""


def run() -> dict[str, Any]:
    """Measure; see the module."""
    models = Catalogue("model", folder=shipped_folder("models"))
    driver = compile_ir(_REPEAT)
    repeat = native_function(driver.address("repeat"), *_ARGUMENTS)
    rows = [_row(name, models.load(name), repeat) for name in models.names()]
    changed = [row for row in rows if row["ratio"] != 1]
    return {
        "rows": rows,
        "bars": [
            measure.bar("slowest ratio of a model, noise 3 per cent", max(row["ratio"] for row in rows), NOISE),
            measure.bar("rewritten / plain, geometric mean", _mean(rows), 0.9),
            measure.bar("the same without the model that gains most", _mean(sorted(rows, key=_ratio)[1:]), 0.95),
            measure.bar("models with faster code", sum(row["ratio"] < 1 / NOISE for row in changed), 8, "higher"),
            measure.bar(
                "largest difference of two solutions with small steps, in tolerances",
                max(row["difference"] for row in rows),
                1.0,
            ),
            measure.bar("rewriting, longest, CPU s", max(row["rewriting s"] for row in rows), 0.1),
            measure.bar("rewriting, median, CPU s", statistics.median(row["rewriting s"] for row in rows), 0.05),
        ],
    }


_ARGUMENTS = (ctypes.c_void_p, ctypes.c_int64, ctypes.c_double, *[ctypes.c_void_p] * 3)


def _ratio(row: dict[str, Any]) -> float:
    return float(row["ratio"])


def _mean(rows: list[dict[str, Any]]) -> float:
    return math.exp(statistics.fmean(math.log(row["ratio"]) for row in rows))


def _row(name: str, module: ModuleType, repeat: Any) -> dict[str, Any]:
    system = module.system()
    options = dict(getattr(module, "solve_options", {}))
    space = {key: options[key] for key in ("scheme", "order") if key in options}
    cells = getattr(module, "resolution", None) or 64
    plain = sn.discretise(system, cells, **space, simplify=False)
    begin = time.process_time()
    rewritten = sn.discretise(system, cells, **space)
    row: dict[str, Any] = {
        "model": name,
        "unknowns": plain.size,
        "discretise + compile s": round(time.process_time() - begin, 3),
    }
    row["rewriting s"] = round(rewritten.rewriting.seconds, 4)
    if plain.source == rewritten.source:
        return row | {"plain ns": None, "rewritten ns": None, "ratio": 1.0, "difference": 0.0}
    samples = _times(plain, rewritten, repeat)
    best = {k: min(s) for k, s in samples.items()}
    row |= {f"{k} ns": round(statistics.median(s) * 1e9, 1) for k, s in samples.items()}
    row["ratio"] = round(best["rewritten"] / best["plain"], 3)
    for key, finer in (("difference", FINER), ("difference, own steps", 1.0)):
        row[key] = float(f"{_difference(module, system, cells, options, finer):.3g}")
    return row


def _times(plain: Discretised, rewritten: Discretised, repeat: Any) -> dict[str, list[float]]:
    """Seconds a call of both, on the same arrays, at the initial state with a little noise."""
    y, out = plain.initial_state(), output_vector(plain.size)
    y += 1e-3 * np.random.default_rng(0).standard_normal(y.size) * np.abs(y).max()
    p = np.array(plain.semi.parameter_values)
    start = plain.semi.time_span[0]

    def calls(made: Discretised, count: int) -> Any:
        return lambda: repeat(made.compiled.address, count, start, y.ctypes.data, p.ctypes.data, out.ctypes.data)

    count, once = 1, 0.0
    while once < LEAST:
        begin = time.process_time()
        calls(plain, count)()
        once = time.process_time() - begin
        count *= 1 if once >= LEAST else 2
    thunks = {"plain": calls(plain, count), "rewritten": calls(rewritten, count)}
    return {k: [x / count for x in s] for k, s in measure.interleaved(thunks, 1, rounds=ROUNDS).items()}


def _difference(module: ModuleType, system: sn.PDESystem, cells: int, options: dict[str, Any], finer: float) -> float:
    """How far two solutions are apart at the last time, in tolerances; both integrated at ``finer`` times the tolerance.

    At the tolerance itself the two take steps of different sizes, and what is compared is their errors in time (in Kuramoto and Sivashinsky's
    equation they grow exponentially); the share of the rewriting shows where these are small.
    """
    stop = getattr(module, "reference_until", math.inf)
    start, end = system.domain.bounds[system.time.name]
    times = [float(start), min(float(end), stop)]
    rtol, atol = options.get("rtol", RTOL), options.get("atol", ATOL)
    given = options | ({"resolution": cells} if system.space else {}) | {"rtol": finer * rtol, "atol": finer * atol}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        both = [sn.solve(system, saveat=times, simplify=how, **given) for how in (False, "auto")]
    worst = 0.0
    for name in both[0].fields:
        a, b = (np.asarray(s[name].values)[-1] for s in both)
        worst = max(worst, float(np.abs(a - b).max() / (atol + rtol * np.abs(a).max())))
    return worst
