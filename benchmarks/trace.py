"""Traced NumPy functions against NumPy itself: a stiff solve with a sparse Jacobian, and single calls

The solve is the tutorial of Symbolics.jl: three species on an N x N index grid, the first diffuses by products with tridiagonal matrices, TRBDF2 to
t = 10. The peer is the plain function under the same method, with dense differences for its Jacobian and everything in NumPy; an outside witness is
SciPy's Radau. Trace and compile are those of a fresh process without cached objects of this function (the method's driver, one for all problems,
is compiled before). At N = 64 the peer is not run, for hours: its Jacobian, factors and solves are measured once each and multiplied by the counts
of the run of the same method.

The calls are functions as users write them, at sizes where NumPy moves its arrays through memory; both allocate their results.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np

import symnum as sn
from symnum.pipeline import _problem
from symnum.solvers.embedded.solve import Run
from symnum.solvers.linear_algebra import differences
from symnum.solvers.linear_algebra.threads import one_thread
from symnum.solvers.problem import Options, Problem

from ._measure import bar, fresh_process, interleaved
from ._trace_functions import CASES, tutorial

METHOD, RTOL, ATOL, END = "TRBDF2", 1e-6, 1e-8, 10.0
ROUNDS = 7
OPTIONS = {"peers": "quick: without the plain solve and SciPy's, which take minutes; all (default)"}


def run(peers: str = "all") -> dict[str, Any]:
    """Rows: a solve or a function each. Bars: the issue's, each against its peer."""
    if peers not in ("quick", "all"):
        raise sn.SymnumError(f"--peers {peers} is not quick or all; write symnum bench trace --peers quick")
    with one_thread():  # of BLAS, whose threads would count as the peers' time
        solved, solve_bars = _solves(peers == "all")
        called, call_bars = _calls()
    return {"rows": [*solved, *called], "bars": [*solve_bars, *call_bars]}


# --- the solve --------------------------------------------------------------------------------------------------------


def _solves(with_peers: bool) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    built = {n: _built(n) for n in (32, 64, 256)}
    ours = {n: _ours(n) for n in (32, 64)}
    plain = _plain(32) if with_peers else None
    radau = _radau(32) if with_peers else None
    large = _plain_in_parts(64, ours[64]["counts"]) if with_peers else None
    rows: list[dict[str, Any]] = [
        {
            "problem": f"reaction-diffusion, N = {n}",
            "solver": f"traced, {METHOD}",
            "trace and compile s": built[n]["all"],
            "solve s": ours[n]["seconds"],
        }
        for n in ours
    ]
    rows.append({"problem": "reaction-diffusion, N = 256", "solver": "traced, not solved", "trace and compile s": built[256]["all"]})
    for n, solver, seconds in ((32, f"plain, {METHOD}", plain), (32, "plain, SciPy Radau", radau), (64, f"plain, {METHOD}, from its parts", large)):
        rows.append({"problem": f"reaction-diffusion, N = {n}", "solver": solver, "solve s": seconds and seconds["seconds"]})
    whole = {n: built[n]["all"] + ours[n]["seconds"] for n in ours}
    gain = plain and plain["seconds"] / whole[32]
    source = (np.random.default_rng(0).random((32, 32, 3)), 0.0)
    return rows, [
        bar("solve at N = 32, times faster than the plain function", plain and plain["seconds"] / ours[32]["seconds"], 435, "higher"),
        bar("solve at N = 32, times faster than SciPy Radau on it", radau and radau["seconds"] / ours[32]["seconds"], 100, "higher"),
        bar("trace and compile at N = 32, CPU seconds", built[32]["all"], 0.5),
        bar("code traced and compiled at N = 256 over N = 32", built[256]["code"] / built[32]["code"], 1.5),
        bar("everything at N = 32, times faster than the plain solve", gain, 100, "higher"),
        bar("everything at N = 64, over the same at N = 32", gain and large and large["seconds"] / whole[64] / gain, 1, "higher"),
        bar("largest relative difference of the end states", plain and _difference(plain["state"], ours[32]["state"]), 1e-4),
        bar("traced function against the original, relative", _error(tutorial(32), source), 1e-13),
    ]


def _system(n: int) -> Any:
    start = np.zeros((n, n, 3))
    return sn.trace(tutorial(n), start, 0.0).as_system(start, (0.0, END))


def _ours(n: int) -> dict[str, Any]:
    """The median of solves, the state at the end, and the counts."""
    made = sn.discretise(_system(n))
    problem, options = _problem(made), Options(method=METHOD, rtol=RTOL, atol=ATOL)
    runs = [_run(problem, options, "llvm") for _ in range(ROUNDS + 1)][1:]
    seconds, outcome = statistics.median(s for s, _ in runs), runs[-1][1]
    return {"seconds": seconds, "state": made.full_fields(END, outcome.y[-1]).reshape(n, n, 3), "counts": outcome.stats}


def _run(problem: Problem, options: Options, meaning: str) -> tuple[float, Any]:
    """CPU seconds of the steps alone, and the outcome."""
    run = Run(problem, options, meaning)
    begin = time.process_time()
    outcome = run.solve()
    return time.process_time() - begin, outcome


def _built(n: int) -> dict[str, float]:
    """CPU seconds in a fresh process without cached objects: "code", to trace and compile the function and the kernel of its Jacobian's values;
    "all", with the places of these values in a sparse matrix, which are as many as the matrix has."""
    code = f"""
import json, time
import numpy as np, symnum as sn
from benchmarks._trace_functions import tutorial
import symnum.pipeline, symnum.traced.function, scipy.sparse, llvmlite.binding
from symnum.codegen.target import compile_kernel
from symnum.ir.jacobian import jacobian_slots
f, start = tutorial({n}), np.zeros(({n}, {n}, 3))
begin = time.process_time()
made = sn.discretise(sn.trace(f, start, 0.0).as_system(start, (0.0, 10.0)))
made.rhs(0.0, made.initial_state())
function = time.process_time() - begin
begin = time.process_time()
compile_kernel(jacobian_slots(made.semi.rhs, located=False).kernel)
values = time.process_time() - begin
begin = time.process_time()
made.jacobian(0.0, made.initial_state())
print(json.dumps({{"code": function + values, "all": function + time.process_time() - begin}}))
"""
    runs = [fresh_process(code, {"SYMNUM_CACHE": "off", "OPENBLAS_NUM_THREADS": "1"}) for _ in range(5)]
    return {key: statistics.median(run[key] for run in runs) for key in runs[0]}


def _plain(n: int) -> dict[str, Any]:
    """The same method in NumPy on the plain function, dense differences for its Jacobian, LAPACK for its factors; set-up is not counted."""
    options = Options(method=METHOD, rtol=RTOL, atol=ATOL, linear_solver="dense")
    problem = Problem(rhs=_flat(n), y0=np.zeros(3 * n * n), t0=0.0, t1=END)
    with mock.patch.object(differences, "_LARGEST_DENSE", problem.n):  # solve would refuse so many evaluations
        seconds, outcome = _run(problem, options, "numpy")
    return {"seconds": seconds, "state": outcome.y[-1].reshape(n, n, 3)}


def _flat(n: int) -> Callable[[float, np.ndarray, np.ndarray], None]:
    f = tutorial(n)

    def rhs(t: float, y: np.ndarray, out: np.ndarray) -> None:
        out[:] = f(y.reshape(n, n, 3), t).ravel()

    return rhs


def _radau(n: int) -> dict[str, Any]:
    from scipy.integrate import solve_ivp

    f = tutorial(n)
    begin = time.process_time()
    solve_ivp(lambda t, y: f(y.reshape(n, n, 3), t).ravel(), (0.0, END), np.zeros(3 * n * n), "Radau", rtol=RTOL, atol=ATOL)
    return {"seconds": time.process_time() - begin}


def _plain_in_parts(n: int, counts: dict[str, float]) -> dict[str, Any]:
    """A lower bound of the plain solve: a Jacobian by differences, factors and a solve, each measured once, times the counts of a run."""
    from scipy.linalg import lu_factor, lu_solve

    f, size = tutorial(n), 3 * n * n
    y = np.zeros(size)
    sample = 50  # evaluations, of as many as there are unknowns
    begin = time.process_time()
    for _ in range(sample):
        f(y.reshape(n, n, 3), 0.0)
    evaluation = (time.process_time() - begin) / sample
    matrix = np.random.default_rng(0).random((size, size)).T  # column by column, as LAPACK takes it without a copy
    matrix[np.diag_indices(size)] += size
    begin = time.process_time()
    factors = lu_factor(matrix, overwrite_a=True, check_finite=False)
    factor = time.process_time() - begin
    begin = time.process_time()
    lu_solve(factors, y, check_finite=False)
    solve = time.process_time() - begin
    jacobians = counts["jacobian_evaluations"]
    return {"seconds": jacobians * (size * evaluation + factor) + counts["linear_solves"] * solve + counts["rhs_evaluations"] * evaluation}


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a - b).max() / np.abs(a).max())


# --- calls ------------------------------------------------------------------------------------------------------------


def _calls() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    rows, ratios, errors = [], [], []
    for name, case in CASES.items():
        f, arguments = case.make(case.large)
        g = sn.trace(f, *arguments)
        errors.append(_error(f, arguments, g))
        thunks = {"NumPy": lambda f=f, a=arguments: f(*a), "traced": lambda g=g, a=arguments: g(*a)}
        counts = {key: _count(thunk) for key, thunk in thunks.items()}
        samples = interleaved(thunks, counts.__getitem__, ROUNDS)
        ratio = statistics.median(a / b for a, b in zip(samples["NumPy"], samples["traced"], strict=True))
        ms = {key: 1e3 * statistics.median(values) for key, values in samples.items()}
        row = {"problem": name, "size": case.large, "NumPy ms": ms["NumPy"], "traced ms": ms["traced"]}
        rows.append(row | {"times faster": ratio, "relative error": errors[-1]})
        ratios.append(ratio)
    return rows, [
        bar("functions traced without change", float(len(rows)), 15, "higher"),
        bar("functions at least 5 times faster than NumPy", float(sum(r >= 5 for r in ratios)), 15, "higher"),
        bar("largest relative difference from NumPy", max(errors), 1e-12),
    ]


def _count(thunk: Callable[[], object]) -> int:
    """As many calls as take some milliseconds."""
    begin = time.process_time()
    thunk()
    return max(1, int(5e-3 / (time.process_time() - begin + 1e-6)))


def _error(f: Any, arguments: tuple[Any, ...], g: Any = None) -> float:
    """The largest difference of results over the largest result."""
    g = sn.trace(f, *arguments) if g is None else g
    want, got = f(*arguments), g(*arguments)
    pairs = zip(want, got, strict=True) if isinstance(want, tuple) else ((want, got),)
    return max(float(np.abs(a - b).max() / (np.abs(a).max() or math.inf)) for a, b in pairs)
