"""The door to Julia: what it costs over DifferentialEquations.jl used by hand, and whether both engines agree

    start         symnum's session with a solver package loaded, against bare juliacall that loads the same, in new processes
    warm solve    sn's Lorenz and Brusselator (N = 64) through the door against the same equations written by hand in Julia
                  (benchmarks/_julia_peer.jl), same algorithm and tolerances, the end alone kept; medians of interleaved runs, process CPU time
    memory        resident growth over 1000 solves of one model in one process, after the first 100
    agreement     every ODE and PDE model of models/ by three Julia algorithms at rtol 1e-6: largest difference from the embedded
                  solution (at a hundredth of that tolerance, so that the error seen is Julia's), in units of atol + rtol*max|u|

    refusals      what needs Julia, where there is none: the longest answer of a new process, imports of the solvers included

Without Julia every other figure is missing, with the reason. Option: --models no leaves out the last part (minutes).
"""

from __future__ import annotations

import gc
import resource
import statistics
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.errors import BackendUnavailable, SolveWarning, SymnumError
from symnum.pipeline import _problem
from symnum.solvers.backend import solve
from symnum.solvers.problem import Options, Problem

from . import _measure as measure

OPTIONS = {"models": "no: leave out the agreement over models/"}
ALGORITHMS = ("Rodas5P", "FBDF")  # for every model, and one of:
EXPLICIT, STIFF, ALGEBRAIC = "Tsit5", "RadauIIA5", "QNDF"
PACKAGES = ("OrdinaryDiffEqTsit5", "OrdinaryDiffEqStabilizedRK")
ROUNDS, SOLVES = 9, 1000
RTOL, ATOL = 1e-6, 1e-8
COARSE = 16  # cells a side in two and three dimensions
SCHEMES = {"kdv": "central", "kuramoto_sivashinsky": "central"}  # else the embedded solver takes a Fourier scheme
UNTIL = {"lorenz": 5.0}  # to t = 10 chaos magnifies the error of FBDF by 8000

_START = """
import json, time
c0, w0 = time.process_time(), time.perf_counter()
{code}
print(json.dumps({{"cpu": time.process_time() - c0, "wall": time.perf_counter() - w0}}))
"""
_BARE = """from juliacall import Main
for name in {packages!r}:
    Main.seval("using " + name)"""
_OURS = """from symnum.bridge import session
session(*{packages!r})"""

_REFUSED = """
import json, time
import symnum as sn
x = sn.symbol("x")
model = sn.PDESystem.from_text(equations=["dt(u) = a*u"], domain={{"t": (0, 1)}}, initial=["u = 1"], parameters={{"a": -1}})
c0, w0 = time.process_time(), time.perf_counter()
try:
    {code}
except sn.BackendUnavailable:
    print(json.dumps({{"cpu": time.process_time() - c0, "wall": time.perf_counter() - w0}}))
"""
_REFUSALS = (
    'sn.solve(model, backend="julia")',
    'sn.solve(model, method="QNDF")',
    'sn.sweep(model, {"a": [1.0, 2.0]}, backend="julia")',
    'sn.simplify(x + x**2, engine="symbolics")',
    'sn.sparse_jacobian([x**2], [x], engine="symbolics")',
    'sn.build_function([x**2], [x], target="julia")(1.0)',
)

Rows = list[dict[str, Any]]


def run(models: str = "yes") -> dict[str, Any]:
    """Measure; see the module."""
    from symnum.bridge import session

    rows: Rows = []
    found: dict[str, float | None] = {"refusals": _refusals(rows)}
    try:
        opened = session(*PACKAGES)
    except BackendUnavailable as absent:
        return {"rows": [*rows, {"what": "Julia", "value": f"missing: {absent}"}], "bars": _bars(found)}
    rows += [{"what": name, "value": version} for name, version in sorted(opened.versions().items())]
    found["start"] = _start(rows)
    opened.main.include(str(Path(__file__).parent / "_julia_peer.jl"))
    for name, method, problem, peer in _cases(opened):
        found[name] = _warm(name, method, problem, peer, rows)
    found["memory"] = _memory(opened, rows)
    if models != "no":
        found["agreement"] = _agreement(rows)
    return {"rows": rows, "bars": _bars(found)}


def _bars(found: dict[str, float | None]) -> list[dict[str, Any]]:
    return [
        measure.bar("without Julia, longest answer, s", found.get("refusals"), 0.2),
        measure.bar("start-up / bare juliacall with the same packages", found.get("start"), 1.5),
        measure.bar("Lorenz, warm solve / Julia by hand", found.get("Lorenz"), 1.05),
        measure.bar("Brusselator N = 64, warm solve / Julia by hand", found.get("Brusselator"), 1.05),
        measure.bar("growth over 1000 solves, MB", found.get("memory"), 10.0),
        measure.bar(
            "models/: largest difference from the embedded solution / tolerance", found.get("agreement"), 100.0
        ),
    ]


def _refusals(rows: Rows) -> float:
    """The longest answer, median seconds of five new processes by the wall clock."""
    longest = 0.0
    for code in _REFUSALS:
        samples = [measure.fresh_process(_REFUSED.format(code=code), {"SYMNUM_JULIA": "0"}) for _ in range(5)]
        wall, cpu = (statistics.median(s[key] for s in samples) for key in ("wall", "cpu"))
        rows.append({"what": "refusal", "of": code, "s": round(wall, 3), "CPU s": round(cpu, 3)})
        longest = max(longest, wall)
    return longest


def _start(rows: Rows) -> float:
    """CPU seconds of the start in new processes, in turns."""
    seconds: dict[str, list[dict[str, float]]] = {"bare juliacall": [], "symnum": []}
    for _ in range(3):
        for name, code in (("bare juliacall", _BARE), ("symnum", _OURS)):
            seconds[name].append(measure.fresh_process(_START.format(code=code.format(packages=PACKAGES))))
    medians = {name: statistics.median(s["cpu"] for s in samples) for name, samples in seconds.items()}
    rows += [{"what": "start", "by": name, "CPU s": round(value, 2)} for name, value in medians.items()]
    return medians["symnum"] / medians["bare juliacall"]


def _cases(opened: Any) -> list[tuple[str, str, Problem, Callable[[], Any]]]:
    """(name, algorithm, our problem, the peer's solve)."""
    peer = opened.main.SymnumPeer
    lorenz, brusselator = peer.lorenz(), peer.brusselator(64)
    tsit5, rock4 = opened.use(PACKAGES[0]).Tsit5(), opened.use(PACKAGES[1]).ROCK4()
    given = {"reltol": RTOL, "abstol": ATOL}
    return [
        ("Lorenz", "Tsit5", _lorenz(), lambda: peer.run(lorenz, tsit5, **given)),
        ("Brusselator", "ROCK4", _brusselator(), lambda: peer.run(brusselator, rock4, **given)),
    ]


def _warm(name: str, method: str, problem: Problem, peer: Callable[[], Any], rows: Rows) -> float:
    """The median ratio of CPU times, ours to the peer's, with rows on what each did."""
    options = Options(method, rtol=RTOL, atol=ATOL, saveat=[problem.t1])
    ours = lambda: solve(problem, options, "julia")  # noqa: E731
    embedded = lambda: solve(problem, options, "embedded")  # noqa: E731
    thunks = {"symnum through Julia": ours, "Julia by hand": peer, "symnum embedded": embedded}
    repeats = {key: _repeats(thunk) for key, thunk in thunks.items()}
    samples = measure.interleaved(thunks, lambda key: repeats[key], ROUNDS)
    theirs, mine = peer(), ours()
    counts = {
        "symnum through Julia": (mine.stats["rhs_evaluations"], mine.stats["steps"]),
        "Julia by hand": (theirs[0], theirs[1]),
    }
    for key, values in samples.items():
        nf, steps = counts.get(key, (None, None))
        rows.append({"what": f"{name}, {method}", "by": key, "CPU s": float(f"{statistics.median(values):.4g}"),
                     "right-hand sides": nf, "steps": steps})  # fmt: skip
    end = np.asarray(theirs[2])
    if name == "Brusselator":
        end = end.reshape(2, 64, 64).transpose(0, 2, 1).ravel()  # Julia's first index runs fastest
    if name != "Lorenz":  # chaos, by t = 100
        difference = float(f"{_scaled(mine.y[-1], end):.2g}")
        rows.append({"what": f"{name}: largest difference of the two ends / tolerance", "value": difference})
    return measure.median_ratio(samples["symnum through Julia"], samples["Julia by hand"])


def _repeats(thunk: Callable[[], object]) -> int:
    """Calls that take about 50 ms together, once everything is compiled."""
    thunk()
    begin = time.process_time()
    thunk()
    return max(1, round(0.05 / max(time.process_time() - begin, 1e-5)))


def _memory(opened: Any, rows: Rows) -> float:
    """Growth of the resident memory, MB, from the 100th to the last of 1000 solves, each with other parameters; both languages collect first."""
    system = _models().load("lorenz").system()
    sizes = []
    for k in range(SOLVES):
        sn.solve(system, method="Rodas5P", backend="julia", parameters={"rho": 20 + 0.01 * (k % 50)}, saveat=[1.0])
        if k in (99, SOLVES - 1):
            gc.collect()
            opened.main.GC.gc()
            sizes.append(_resident())
    rows.append({"what": f"{SOLVES} solves", "resident MB after 100": sizes[0], "at the end": sizes[1]})
    return sizes[1] - sizes[0]


def _resident() -> float:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20
    except OSError:  # not Linux: the peak, which cannot shrink
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _agreement(rows: Rows) -> float:
    """The worst difference over models and algorithms, in units of atol + rtol*max|u| of the field."""
    worst = 0.0
    for name in _models().names():
        module = _models().load(name)
        if "SDE" in module.tags:
            continue  # the two engines draw different paths
        for method, measured in _differences(name, module):
            worst = max(worst, measured if isinstance(measured, float) else float("inf"))
            rows.append({"what": "agreement", "model": name, "by": method, "difference / tolerance": measured})
    return worst


def _differences(name: str, module: Any) -> list[tuple[str, float | str]]:
    """(algorithm, difference or why there is none): both engines at the same few times."""
    system = module.system()
    low, high = _span(system)
    high = min(high, UNTIL.get(name, high), getattr(module, "reference_until", high))
    given: dict[str, Any] = {"saveat": [low + f * (high - low) for f in (0.25, 0.5, 1.0)]}
    given["resolution"] = COARSE if len(system.space) > 1 else module.resolution or 64
    given["scheme"] = SCHEMES.get(name, "auto")
    ours = sn.solve(system, rtol=RTOL / 100, atol=ATOL / 100, **given)
    third = ALGEBRAIC if ours.method == "IDA" else STIFF if ours.method in ("Rodas5P", "CVODE", "Radau5") else EXPLICIT
    made: list[tuple[str, float | str]] = []
    for method in (*ALGORITHMS, third):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", SolveWarning)
                theirs = sn.solve(system, backend="julia", method=method, rtol=RTOL, atol=ATOL, **given)
        except (SymnumError, SolveWarning) as error:
            made.append((method, f"none: {str(error)[:200]}"))
            continue
        made.append((method, float(f"{max(_scaled(theirs[f].values, ours[f].values) for f in ours.fields):.3g}")))
    return made


def _scaled(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference in units of the tolerance."""
    return float(np.abs(one - other).max() / (ATOL + RTOL * np.abs(other).max()))


def _span(system: Any) -> tuple[float, float]:
    low, high = (float(v) for v in sn.discretise(system, resolution=8).semi.time_span)
    return low, high


def _models() -> Catalogue:
    return Catalogue("model", folder=shipped_folder("models"))


def _lorenz() -> Problem:
    system = sn.ODESystem.from_text(
        equations=["dt(x) = s*(y - x)", "dt(y) = x*(r - z) - y", "dt(z) = x*y - b*z"],
        domain={"t": (0, 100)}, initial=["x = 1", "y = 0", "z = 0"], parameters={"s": 10.0, "r": 28.0, "b": 8 / 3})  # fmt: skip
    return _problem(sn.discretise(system))


def _brusselator() -> Problem:
    return _problem(sn.discretise(_models().load("brusselator").system(), resolution=64))
