"""Error against CPU time: every fitting method at several tolerances, on the classical stiff problems; SciPy's methods with the same Jacobian

Robertson (to 1e11), HIRES, OREGO, Pollu and van der Pol (mu = 1000) end at the reference values of the Test Set for IVP Solvers, Mazzia and
Magherini 2008; the 2-D Brusselator (N = 32) at a reference of tolerance 1e-12 on the same grid. CPU seconds of the solve alone, median of some
runs; right-hand side, Jacobian and drivers are compiled before. The error is the largest over the unknowns of |y - reference|/(|reference| +
floor) at the end, atol = floor*rtol. The bars compare the best of our methods with the best of SciPy's at the same error, by interpolation
between their points. ``symnum bench work_precision --picture FILE.png`` also draws the
diagrams.
"""

from __future__ import annotations

import math
import statistics
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.model.system import PDESystem
from symnum.pipeline import _problem
from symnum.solvers.backend import backend_of, solve, usable
from symnum.solvers.embedded.method import methods
from symnum.solvers.problem import Options, Problem

from . import _measure as measure
from .rhs import _brusselator

ROBERTSON = (0.2083340149701255e-7, 0.8333360770334713e-13, 0.9999999791665050)  # at 1e11, in the Test Set
VAN_DER_POL = (
    1.706167732170469,
    -0.8928097010248125e-3,
)  # at 2000 = 2 mu, in the Test Set as VDPOL with eps = 1e-6, t = 2
OPTIONS = {"picture": "file in which the diagrams are drawn"}
AT_ERRORS = (1e-4, 1e-6)
BARS = {"Robertson": 15.0, "HIRES": 8.0, "OREGO": 30.0, "Pollu": 4.0, "van der Pol": 20.0, "Brusselator": 18.0}
PEERS = ("BDF", "Radau", "LSODA")
TOLERANCES = tuple(10.0**-k for k in range(3, 11))
SECONDS = 0.15  # of repeated runs a point
LONGEST = 3.0  # a method that needs longer is not tried at the next tolerance


@dataclass(frozen=True)
class Case:
    """One problem: ``make`` gives the model, ``reference`` the state at the end (None: computed), ``floor`` is atol/rtol."""

    name: str
    make: Callable[[], PDESystem]
    reference: tuple[float, ...] | None
    floor: float
    methods: tuple[str, ...]
    peers: tuple[str, ...] = PEERS
    tolerances: tuple[float, ...] = TOLERANCES
    resolution: int | None = None


@dataclass(frozen=True)
class Point:
    """One run of one method."""

    method: str
    rtol: float
    seconds: float
    error: float


def cases() -> list[Case]:
    """The problems, in the order of the table."""
    models = Catalogue("model", folder=shipped_folder("models"))
    stiff = (*(name for name, m in methods().items() if m.implicit and not m.split), "CVODE")
    others = (name for name, m in methods().items() if m.split or m.exponential or name.startswith(("RKC", "ROCK")))

    def until(name: str, end: float, **parameters: float) -> PDESystem:
        model = models.load(name).system().with_parameters(**parameters)
        return model.replace(domain=sn.Domain({model.time: (0, end)}))

    def classical(title: str, floor: float) -> Case:
        module = models.load(title.lower())
        values = next(iter(module.published.values()))
        return Case(title, module.system, tuple(values.values()), floor, stiff)

    return [
        Case("Robertson", lambda: until("robertson", 1e11), ROBERTSON, 1e-8, stiff),
        classical("HIRES", 1e-4),
        classical("OREGO", 1e-4),
        classical("Pollu", 1e-8),
        Case("van der Pol", lambda: _relaxation(until("van_der_pol", 2000.0, mu=1000.0)), VAN_DER_POL, 1e-3, stiff),
        Case("Brusselator", _brusselator, None, 1.0, (*stiff, *others), ("BDF",), TOLERANCES[:6], 32),
    ]


def _relaxation(model: PDESystem) -> PDESystem:
    """From u = 2, as in the Test Set."""
    u, v = model.fields
    return model.replace(initial={u: 2, v: 0})


def prepared(case: Case) -> tuple[Problem, Problem]:
    """The problem, compiled, for our methods; and for SciPy's, which are given the same Jacobian in the form that suits them."""
    model = case.make()
    discretised = sn.discretise(model, resolution=case.resolution) if case.resolution else sn.discretise(model)
    ours = _problem(discretised)
    derivative = discretised.sparse_jacobian

    def dense(t: float, y: np.ndarray) -> np.ndarray:
        made: np.ndarray = derivative.sparse(t, y).toarray()
        return made

    return ours, replace(ours, jacobian=dense) if ours.n <= 100 else ours


def measure_case(case: Case) -> list[Point]:
    """Every method at every tolerance."""
    ours, theirs = prepared(case)
    ends = case.reference
    if ends is None:
        ends = tuple(solve(ours, Options("Tsit5", rtol=1e-12, atol=1e-12)).y[-1])
    reference = np.array(ends)
    points: list[Point] = []
    for name in (*case.methods, *case.peers):
        if name == "CVODE" and not usable("sundials"):
            continue
        problem = theirs if backend_of(name) == "scipy" else ours
        for rtol in case.tolerances:
            point = _point(problem, name, rtol, case.floor, reference)
            if point is None:
                continue
            points.append(point)
            if point.seconds > LONGEST:
                break
    return points


def _point(problem: Problem, name: str, rtol: float, floor: float, reference: np.ndarray) -> Point | None:
    """Median CPU time and error of some equal solves; None where the method gives up."""
    options = Options(name, rtol=rtol, atol=floor * rtol)
    taken: list[float] = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        while not taken or (sum(taken) < SECONDS and len(taken) < 20):
            if not taken and name not in PEERS:
                solve(problem, replace(options, max_steps=3))  # compiles what is not compiled yet
            begin = time.process_time()
            outcome = solve(problem, options)
            taken.append(time.process_time() - begin)
    if not outcome.success:
        return None
    error = float(np.max(np.abs(outcome.y[-1] - reference) / (np.abs(reference) + floor)))
    return Point(name, rtol, statistics.median(taken), error)


def best_time(points: Iterable[Point], error: float) -> float:
    """CPU seconds of the cheapest method that is that accurate, by interpolation of the logarithms between its points."""
    best = math.inf
    for name in {p.method for p in points}:
        front: list[tuple[float, float]] = []  # log error falling, log seconds: the points no cheaper one beats
        for p in sorted((p for p in points if p.method == name), key=lambda p: p.seconds):
            if not front or math.log(p.error) < front[-1][0]:
                front.append((math.log(p.error), math.log(p.seconds)))
        errors, seconds = [e for e, _ in reversed(front)], [s for _, s in reversed(front)]
        if errors[0] <= math.log(error):
            best = min(best, math.exp(float(np.interp(math.log(error), errors, seconds))))
    return best


def run(picture: str | None = None) -> dict[str, Any]:
    """Measure; see the module."""
    measured = {case.name: (case, measure_case(case)) for case in cases()}
    rows: list[dict[str, Any]] = []
    bars = []
    for name, (_, points) in measured.items():
        for p in points:
            seconds, error = float(f"{p.seconds:.3g}"), float(f"{p.error:.2g}")
            rows.append({"problem": name, "method": p.method, "rtol": p.rtol, "seconds": seconds, "error": error})
        mine = [p for p in points if p.method not in PEERS]
        peers = [p for p in points if p.method in PEERS]
        for error in AT_ERRORS:
            ratio = best_time(peers, error) / best_time(mine, error)
            if math.isfinite(ratio):
                bars.append(
                    measure.bar(f"{name}, error {error:g}: best of SciPy / best of ours", ratio, BARS[name], "higher")
                )
    if picture is not None:
        draw(measured, picture)
    return {"rows": rows, "bars": bars}


def draw(measured: dict[str, tuple[Case, list[Point]]], path: str) -> None:
    """One diagram a problem: error to the right, CPU seconds upwards; SciPy's methods dashed."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    names = sorted(
        {p.method for _, points in measured.values() for p in points}, key=lambda name: (name in PEERS, name)
    )
    colours = dict(zip(names, plt.get_cmap("tab20").colors, strict=False))  # type: ignore[attr-defined]
    figure, axes = plt.subplots(2, 3, figsize=(13, 8), layout="constrained")
    for axis, (title, (_, points)) in zip(axes.flat, measured.items(), strict=True):
        for name in names:
            line = sorted((p.rtol, p.error, p.seconds) for p in points if p.method == name)
            if line:
                style = "o--" if name in PEERS else "o-"
                axis.loglog(
                    [e for _, e, _ in line],
                    [s for _, _, s in line],
                    style,
                    ms=3,
                    lw=1.3,
                    color=colours[name],
                    label=name,
                )
        axis.set_title(title)
        axis.invert_xaxis()
        axis.grid(True, which="major", alpha=0.3)
    figure.supxlabel("error at the end")
    figure.supylabel("CPU seconds")
    handles = {
        label: handle for axis in axes.flat for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)
    }
    figure.legend([handles[n] for n in names], names, loc="outside right upper", frameon=False)
    figure.savefig(path, dpi=120)
    plt.close(figure)
