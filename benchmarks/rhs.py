"""Right-hand sides against a hand-written fused C loop, NumPy slices and a copy of the same traffic

The 2-D Brusselator (periodic, two fields, second order) in nanoseconds a grid point, a right-hand side with exp and tanh against NumPy, and
the 3-D heat equation (seven points, periodic and Dirichlet) against a loop that copies as many values on the same arrays.
Every caller uses its own natural arrays: C and NumPy those that NumPy allocates, symnum those it allocates; the rows "C, symnum's arrays" and
"symnum, NumPy's arrays" show what the placement of arrays alone is worth.
"""

from __future__ import annotations

import ctypes
import itertools
import math
import statistics
from pathlib import Path
from typing import Any

import numpy as np

import symnum as sn
from symnum.codegen.jit import native_function
from symnum.codegen.placement import output_vector
from symnum.pipeline import Discretised

from . import _measure as measure

SIZES = (32, 128, 512, 2048)
TIME = 1.2


def run() -> dict[str, Any]:
    """Measure; see the module."""
    library = measure.compile_c(Path(__file__).with_name("_brusselator.c"))
    rows: list[dict[str, Any]] = []
    ratios: dict[int, float] = {}
    for n in SIZES:
        row, ratio = _brusselator_row(n, library)
        rows.append(row)
        if ratio is not None:
            ratios[n] = ratio
    smooth, against_numpy = _exp_tanh_row(512)
    rows.append(smooth)
    heat: dict[str, float | None] = {}
    for pairs, sides in itertools.product((4, 1), ("periodic", "Dirichlet")):
        row, heat[f"{sides}, {'from memory' if pairs > 1 else 'one pair of arrays'}"] = _heat_row(sides, 128, pairs)
        rows.append(row)
    mean = math.sqrt(ratios[128] * ratios[512]) if ratios else None
    return {
        "rows": rows,
        "bars": [
            measure.bar("llvm / hand-written C, geometric mean of N = 128 and 512", mean, 0.75),
            measure.bar("llvm / hand-written C, N = 2048", ratios.get(2048), 1.05),
            measure.bar("llvm / NumPy, right-hand side with exp and tanh, N = 512", against_numpy, 0.5),
            *(measure.bar(f"3-D heat 128^3 / copy loop, {case}", ratio, 1.5) for case, ratio in heat.items()),
        ],
    }


def _native(discretised: Discretised, y: np.ndarray, out: np.ndarray) -> Any:
    """The compiled right-hand side bound to its arrays: what a solver's inner loop calls."""
    p = np.array(discretised.semi.parameter_values)
    function = native_function(discretised.compiled.address, ctypes.c_double, *[ctypes.c_void_p] * 3)
    addresses = y.ctypes.data, p.ctypes.data, out.ctypes.data
    return lambda keep=(y, p, out): function(TIME, *addresses)


def _c(library: Path, n: int, y: np.ndarray, out: np.ndarray) -> Any:
    function = ctypes.CDLL(str(library)).rhs
    function.restype, function.argtypes = (
        None,
        [ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int, ctypes.c_double],
    )
    addresses = y.ctypes.data, out.ctypes.data
    return lambda keep=(y, out): function(TIME, *addresses, n, 10.0)


def _brusselator_row(n: int, library: Path | None) -> tuple[dict[str, Any], float | None]:
    discretised = sn.discretise(_brusselator(), resolution=n)
    own = discretised.initial_state()
    own[:] = np.random.default_rng(1).random(own.size) + 0.5
    plain, result, placed = np.array(own), np.empty(own.size), output_vector(own.size)
    thunks = {
        "symnum": _native(discretised, own, placed),
        "symnum, NumPy's arrays": _native(discretised, plain, result),
        "copy": lambda: np.copyto(result, plain),
        "NumPy slices": lambda: _numpy_brusselator(TIME, plain.reshape(2, n, n), 10.0, result.reshape(2, n, n)),
    }
    if library is not None:
        thunks |= {"C": _c(library, n, plain, result), "C, symnum's arrays": _c(library, n, own, placed)}
        thunks["C"]()
        reference = result.copy()
        thunks["symnum"]()
        difference = float(np.abs(placed - reference).max() / np.abs(reference).max())
    budget = 6e6 / n**2
    samples = measure.interleaved(thunks, lambda name: max(1, int(budget / (20 if name == "NumPy slices" else 1))))
    row: dict[str, Any] = {"problem": "brusselator", "N": n, "unit": "ns per point"}
    row |= {name: round(statistics.median(s) * 1e9 / n**2, 3) for name, s in samples.items()}
    if library is None:
        return row | {"C": "missing (no gcc or cc on the PATH)"}, None
    ratio = measure.median_ratio(samples["symnum"], samples["C"])
    same = measure.median_ratio(samples["symnum"], samples["C, symnum's arrays"])
    return row | {
        "ratio to C": round(ratio, 3),
        "ratio to C, same arrays": round(same, 3),
        "largest difference": difference,
    }, ratio


def _brusselator() -> sn.PDESystem:
    t, x, y = sn.coordinates("t x y")
    u, v = sn.fields("u v", (t, x, y))
    alpha = sn.parameter("alpha", 10.0)
    forcing = sn.where((x - 0.3) ** 2 + (y - 0.6) ** 2 <= 0.01, 5.0, 0.0) * (t >= 1.1)
    return sn.PDESystem(
        [
            sn.Eq(sn.dt(u), 1 + u**2 * v - 4.4 * u + alpha * sn.laplacian(u) + forcing),
            sn.Eq(sn.dt(v), 3.4 * u - u**2 * v + alpha * sn.laplacian(v)),
        ],
        domain=sn.Domain(t=(0, 11.5), x=(0, 1), y=(0, 1)),
        conditions=[sn.periodic(x), sn.periodic(y)],
        initial={u: 22 * (y * (1 - y)) ** 1.5, v: 27 * (x * (1 - x)) ** 1.5},
        name="brusselator",
    )


def _laplacian(u: np.ndarray, h: float) -> np.ndarray:
    """Five points, wrapped, by slices of a padded copy."""
    padded = np.pad(u, 1, mode="wrap")
    return (padded[2:, 1:-1] + padded[:-2, 1:-1] + padded[1:-1, 2:] + padded[1:-1, :-2] - 4 * u) / h**2


def _numpy_brusselator(t: float, y: np.ndarray, alpha: float, out: np.ndarray) -> None:
    u, v = y
    n = u.shape[0]
    x = np.arange(n) / n
    f = 5.0 * ((x[:, None] - 0.3) ** 2 + (x - 0.6) ** 2 <= 0.01) * (t >= 1.1)
    uuv = u * u * v
    out[0] = 1 + uuv - 4.4 * u + alpha * _laplacian(u, 1 / n) + f
    out[1] = 3.4 * u - uuv + alpha * _laplacian(v, 1 / n)


def _exp_tanh_row(n: int) -> tuple[dict[str, Any], float]:
    t, x, y = sn.coordinates("t x y")
    u = sn.field("u", (t, x, y))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), 0.1 * sn.laplacian(u) + u * sn.exp(-(u**2)) - sn.tanh(3 * u))],
        domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
        conditions=[sn.periodic(x), sn.periodic(y)],
        initial={u: sn.sin(2 * sn.pi * x)},
        name="exp and tanh",
    )
    discretised = sn.discretise(system, resolution=n)
    state = discretised.initial_state()
    state[:] = np.random.default_rng(2).standard_normal(state.size)
    grid, result, placed = np.array(state).reshape(n, n), np.empty((n, n)), output_vector(state.size)

    def by_numpy() -> None:
        result[...] = 0.1 * _laplacian(grid, 1 / n) + grid * np.exp(-(grid**2)) - np.tanh(3 * grid)

    thunks = {"symnum": _native(discretised, state, placed), "NumPy slices": by_numpy}
    samples = measure.interleaved(thunks, 4)
    difference = float(np.abs(placed.reshape(n, n) - result).max() / np.abs(result).max())
    row: dict[str, Any] = {"problem": "exp and tanh", "N": n, "unit": "ns per point"}
    row |= {name: round(statistics.median(s) * 1e9 / n**2, 3) for name, s in samples.items()}
    ratio = measure.median_ratio(samples["symnum"], samples["NumPy slices"])
    return row | {"ratio to NumPy": round(ratio, 3), "largest difference": difference}, ratio


def _heat(sides: str) -> sn.PDESystem:
    t, x, y, z = sn.coordinates("t x y z")
    u = sn.field("u", (t, x, y, z))
    closed = [sn.dirichlet(u, 0, at={a: end}) for a in (x, y, z) for end in (0, 1)]
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.laplacian(u))],
        domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1), z=(0, 1)),
        conditions=closed if sides == "Dirichlet" else [sn.periodic(a) for a in (x, y, z)],
        initial={u: sn.sin(sn.pi * x) ** 2 * sn.sin(sn.pi * y) ** 2 * sn.sin(sn.pi * z) ** 2},
        name="heat in three dimensions",
    )


def _heat_row(sides: str, n: int, pairs: int) -> tuple[dict[str, Any], float | None]:
    """The 3-D Laplacian reads and writes n^3 values; so does the copy loop, and nothing can move less.

    One state and one output of 128^3 values (34 MB) just about fit into some caches. Four pairs of arrays in turn do not: that is traffic from
    and to memory, as in a solver, whose steps touch some ten vectors.
    """
    discretised = sn.discretise(_heat(sides), resolution=n)
    arrays = [(discretised.initial_state(), output_vector(discretised.size)) for _ in range(pairs)]
    for k, (state, _) in enumerate(arrays):
        state[:] = np.random.default_rng(k).random(state.size)
    library = measure.compile_c(Path(__file__).with_name("_copy.c"))
    thunks = {
        "symnum": _in_turn([_native(discretised, *pair) for pair in arrays]),
        "copy": _in_turn([lambda a=a, b=b: np.copyto(b, a) for a, b in arrays]),
    }
    if library is not None:
        thunks["copy loop"] = _in_turn([_copy_loop(library, *pair) for pair in arrays])
    samples = measure.interleaved(thunks, 4, rounds=21)
    row: dict[str, Any] = {"problem": f"heat 3-D, {sides}, {pairs} x 2 arrays", "N": n, "unit": "ns per point"}
    row |= {name: round(statistics.median(s) * 1e9 / discretised.size, 3) for name, s in samples.items()}
    row["ratio to copy"] = round(measure.median_ratio(samples["symnum"], samples["copy"]), 3)
    if library is None:
        return row | {"copy loop": "missing (no gcc or cc on the PATH)"}, None
    ratio = measure.median_ratio(samples["symnum"], samples["copy loop"])
    return row | {"ratio to copy loop": round(ratio, 3)}, ratio


def _in_turn(calls: list[Any]) -> Any:
    """One call after the other, a different one each time."""
    turn = itertools.cycle(calls)
    return lambda: next(turn)()


def _copy_loop(library: Path, source: np.ndarray, target: np.ndarray) -> Any:
    function = ctypes.CDLL(str(library)).copy_loop
    function.restype, function.argtypes = None, [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
    return lambda: function(source.ctypes.data, target.ctypes.data, source.size)
