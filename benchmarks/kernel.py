"""Fused kernels from NumPy functions (sn.kernel) against a hand-written C loop, NumPy and themselves on two threads

Gray-Scott reaction and diffusion, periodic, in two and three dimensions, written with np.roll; nanoseconds a grid point, one thread, CPU time.
"C" (gcc -O3 -march=native) and "code" are bare calls of the two native functions on the same NumPy arrays; "kernel" is fast(u, v, ..., out=those),
"kernel, own results" fast(u, v, ...), which gives arrays of its own. Two threads are timed by the clock: that figure wants an idle machine.
"""

from __future__ import annotations

import ctypes
import math
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

import symnum as sn

from . import _kernel_gpu
from . import _measure as measure

SIZES = {"plane": (64, 128, 512, 1024, 2048), "space": (32, 64, 128, 192)}
SINGLE = {"plane": 1024, "space": 128}  # sizes for float32
LARGE = 2**18  # points from which the call itself does not count
VALUES = 0.16, 0.08, 0.035, 0.06
Arrays = tuple[np.ndarray, np.ndarray]


def laplacian(w: np.ndarray) -> np.ndarray:
    return sum(np.roll(w, s, k) for k in range(w.ndim) for s in (1, -1)) - 2 * w.ndim * w


def gray_scott(u: np.ndarray, v: np.ndarray, Du: float, Dv: float, F: float, k: float) -> Arrays:
    """du/dt = Du laplacian(u) - u v^2 + F (1 - u), dv/dt = Dv laplacian(v) + u v^2 - (F + k) v, spacing 1."""
    uvv = u * v**2
    return Du * laplacian(u) - uvv + F * (1 - u), Dv * laplacian(v) + uvv - (F + k) * v


def run() -> dict[str, Any]:
    """Measure; see the module."""
    rows, bars = [], []
    for shape, sizes in SIZES.items():
        for n, dtype in [*((n, np.float64) for n in sizes), (SINGLE[shape], np.float32)]:
            row = _row(shape, n, dtype)
            rows.append(row)
            said = f"{n}^{2 if shape == 'plane' else 3} {row['dtype']}"
            bars.append(measure.bar(f"code / C, {said}", row.get("code / C"), 1.1))
            if row["points"] >= LARGE:
                bars.append(measure.bar(f"kernel, own results / C, {said}", row.get("own results / C"), 1.1))
    small = max(int(row["threads"]) for row in rows if row["points"] < LARGE)
    threads, speedup = _threads_row(2048)
    bars.append(measure.bar("two threads / one, N = 2048 (clock time, idle machine)", speedup, 1.6, "higher"))
    bars.append(measure.bar("threads of small kernels", float(small), 1.0))
    gpu_rows, gpu_bars = _kernel_gpu.run()
    return {"rows": [*rows, threads, _call_row(), *gpu_rows], "bars": [*bars, *gpu_bars]}


def _fields(shape: str, n: int, dtype: Any) -> Arrays:
    random = np.random.default_rng(1)
    box = (n,) * (2 if shape == "plane" else 3)
    return random.random(box).astype(dtype), random.random(box).astype(dtype)


def _row(shape: str, n: int, dtype: Any) -> dict[str, Any]:
    u, v = _fields(shape, n, dtype)
    fast, out = sn.kernel(gray_scott, threads=1), (np.empty_like(u), np.empty_like(v))
    begin = time.process_time()
    variant = fast.variant(u, v, *VALUES)
    traced = time.process_time() - begin
    row: dict[str, Any] = {
        "problem": "gray-scott",
        "shape": shape,
        "N": n,
        "points": u.size,
        "dtype": np.dtype(dtype).name,
    }
    row |= {
        "trace and compile, CPU s": round(traced, 3),
        "threads": sn.kernel(gray_scott).variant(u, v, *VALUES).threads,
    }
    thunks: dict[str, Any] = {
        "code": _code(variant, (u, v, *out)),
        "kernel": lambda: fast(u, v, *VALUES, out=out),
        "kernel, own results": lambda: fast(u, v, *VALUES),
    }
    if u.size <= LARGE:
        thunks["NumPy"] = lambda: gray_scott(u, v, *VALUES)
    real = "double" if dtype == np.float64 else "float"
    library = measure.compile_c(Path(__file__).with_name("_kernel.c"), ("-O3", "-march=native", f"-DREAL={real}"))
    if library is not None:
        thunks["C"] = _c(library, shape, n, (u, v, *out), real)
        thunks["C"]()
        row["largest difference"] = float(
            max(np.abs(a - b).max() for a, b in zip(out, fast(u, v, *VALUES), strict=True))
        )
    samples = measure.interleaved(thunks, max(1, int(3e6 / u.size)))
    row |= {"unit": "ns per point"} | {
        name: round(statistics.median(s) * 1e9 / u.size, 3) for name, s in samples.items()
    }
    if library is None:
        return row | {"C": "missing (no gcc or cc on the PATH)"}
    pairs = {"code / C": "code", "own results / C": "kernel, own results"}
    return row | {name: round(measure.median_ratio(samples[ours], samples["C"]), 3) for name, ours in pairs.items()}


def _code(variant: Any, arrays: tuple[np.ndarray, ...]) -> Any:
    """The native function bound to its arrays."""
    addresses = (ctypes.c_void_p * len(arrays))(*[a.ctypes.data for a in arrays])
    numbers, native = (ctypes.c_double * len(VALUES))(*VALUES), variant.run.native.whole
    return lambda keep=arrays: native(0.0, addresses, numbers, 0)


def _c(library: Path, shape: str, n: int, arrays: tuple[np.ndarray, ...], real: str) -> Any:
    function, number = (
        getattr(ctypes.CDLL(str(library)), shape),
        ctypes.c_double if real == "double" else ctypes.c_float,
    )
    function.restype, function.argtypes = None, [*[ctypes.c_void_p] * 4, ctypes.c_int, *[number] * 4]
    addresses = [a.ctypes.data for a in arrays]
    return lambda keep=arrays: function(*addresses, n, *VALUES)


def _threads_row(n: int) -> tuple[dict[str, Any], float | None]:
    """Seconds by the clock of one and two threads in turns; the best of each, as both only lose by what else runs."""
    u, v = _fields("plane", n, np.float64)
    out = np.empty_like(u), np.empty_like(v)
    kernels = {count: sn.kernel(gray_scott, threads=count) for count in (1, 2)}
    best = dict.fromkeys(kernels, math.inf)
    for _ in range(21):
        for count, kernel in kernels.items():
            kernel(u, v, *VALUES, out=out)
            begin = time.perf_counter()
            kernel(u, v, *VALUES, out=out)
            best[count] = min(best[count], time.perf_counter() - begin)
    row = {"problem": "threads", "N": n, "unit": "ms by the clock"}
    row |= {f"{count} thread{'s' * (count > 1)}": round(1e3 * seconds, 3) for count, seconds in best.items()}
    return row, best[1] / best[2]


def _call_row() -> dict[str, Any]:
    """What a call costs beside the work."""
    u, v = _fields("plane", 4, np.float64)
    out, kernel = (np.empty_like(u), np.empty_like(v)), sn.kernel(gray_scott)
    samples = measure.interleaved(
        {
            "with out=": lambda: kernel(u, v, *VALUES, out=out),
            "kernel": lambda: kernel(u, v, *VALUES),
            "NumPy": lambda: gray_scott(u, v, *VALUES),
        },
        200,
    )
    row = {"problem": "a call on 4 x 4 points", "unit": "microseconds"}
    return row | {name: round(statistics.median(s) * 1e6, 2) for name, s in samples.items()}
