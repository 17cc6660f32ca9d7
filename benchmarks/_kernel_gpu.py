"""What kernels, ensembles and resident solves do on a GPU, where there is one: part of `symnum bench kernel`, alone by
`python -m benchmarks._kernel_gpu`.

Times are those of CUDA events (medians); every figure stands beside its yardstick of the same run: the copy bandwidth of the device (bytes read
plus bytes written), the native solves of the host.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import symnum as sn
from symnum.codegen.cuda_device import load_cupy, why_no_gpu
from symnum.codegen.cuda_plan import Tiling
from symnum.codegen.targets.cuda import cuda_kernel
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Kernel
from symnum.pipeline import _options, _problem
from symnum.solvers.backend import solve
from symnum.solvers.embedded.cuda_ensemble import solve_ensemble

from . import _measure as measure

TILINGS = (None, *(Tiling(rows, width) for rows in (1, 2, 4, 8) for width in (32, 64, 128, 256)))
TRAJECTORIES, SINGLE = 1_000_000, 400  # on the device, on one core of the host


def run() -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows and bars; one row that says why there are none where no GPU answers."""
    problem = why_no_gpu()
    if problem:
        return [{"gpu": "missing", "why": problem}], []
    cupy = load_cupy()
    device = cupy.cuda.runtime.getDeviceProperties(0)["name"].decode()
    copied = _copy_bandwidth(cupy)
    rows: list[dict[str, Any]] = [{"gpu": device, "copy_GB_s": copied}]
    planes, plane_share = _stencil(cupy, copied, 4096, 2, "float64")
    rows += [*planes, *_stencil(cupy, copied, 4096, 2, "float32")[0], *_stencil(cupy, copied, 384, 3, "float64")[0]]
    lorenz, faster = _ensemble(cupy)
    rows += [lorenz, _resident()]
    return rows, [
        measure.bar(f"Brusselator 4096^2 float64 on {device} / its copy bandwidth", plane_share, 0.8, "higher"),
        measure.bar(f"10^6 Lorenz trajectories on {device} / two cores of the host", faster, 50.0, "higher"),
    ]


def _milliseconds(cupy: Any, call: Callable[[], None], repeats: int = 30) -> float:
    """Median time of a call on the device."""
    for _ in range(3):
        call()
    times = []
    for _ in range(repeats):
        begin, end = cupy.cuda.Event(), cupy.cuda.Event()
        begin.record()
        call()
        end.record()
        end.synchronize()
        times.append(cupy.cuda.get_elapsed_time(begin, end))
    return statistics.median(times)


def _copy_bandwidth(cupy: Any) -> float:
    """Bytes read and written per nanosecond by a copy of 1 GiB."""
    source, target = cupy.ones(2**27), cupy.empty(2**27)
    milliseconds = _milliseconds(cupy, lambda: cupy.copyto(target, source))
    return 2 * source.nbytes / milliseconds / 1e6


def brusselator(dimensions: int, resolution: int) -> Kernel:
    """The right-hand side, two fields, periodic."""
    t, *space = sn.coordinates("t x y z"[: 2 * dimensions + 1])
    u, v = sn.fields("u v", (t, *space))
    alpha, a, b = sn.parameters(alpha=0.1, a=3.4, b=1.0)
    system = sn.PDESystem(
        [
            sn.Eq(sn.dt(u), b + u**2 * v - (a + 1) * u + alpha * sn.laplacian(u)),
            sn.Eq(sn.dt(v), a * u - u**2 * v + alpha * sn.laplacian(v)),
        ],
        domain=sn.Domain(t=(0, 1), **{str(x): (0, 1) for x in space}),
        conditions=[sn.periodic(x) for x in space],
        initial={u: 1.0, v: 1.0},
    )
    kernel: Kernel = sn.discretise(system, resolution=resolution, target="numpy").semi.rhs
    return kernel


def _stencil(cupy: Any, copied: float, n: int, dimensions: int, dtype: str) -> tuple[list[dict[str, Any]], float]:
    """Share of the copy bandwidth, each value counted once in and once out, for several tilings; the first one is what users get."""
    wrong = _wrong(cupy, dimensions, dtype)
    kernel = replace(brusselator(dimensions, n), dtype=dtype)
    y, out = cupy.random.random(kernel.input_size).astype(dtype), cupy.empty(kernel.output_size, dtype)
    rows = []
    for tiling in TILINGS:
        made = cuda_kernel(kernel, [("y", 0, y.size)], [("dydt", 0, out.size)], tiling=tiling)
        milliseconds = _milliseconds(cupy, lambda made=made: made.launch(0.0, (3.4, 0.1, 1.0), [y], [out]))  # type: ignore[misc]
        moved = (y.nbytes + out.nbytes) / milliseconds / 1e6
        row = {
            "kernel": f"Brusselator {n}^{dimensions}",
            "dtype": dtype,
            "tiling": "default" if tiling is None else f"{tiling.rows}x{tiling.width}",
        }
        rows.append(row | {"ms": milliseconds, "GB_s": moved, "share_of_copy": moved / copied, "error": wrong})
    return rows, float(rows[0]["share_of_copy"])


def _wrong(cupy: Any, dimensions: int, dtype: str) -> float:
    """The largest difference from the interpreter on a small grid, relative to the largest value."""
    kernel = brusselator(dimensions, 40)
    y = np.random.default_rng(0).random(kernel.input_size)
    want, p = interpret(kernel, 0.0, y, (3.4, 0.1, 1.0)), (3.4, 0.1, 1.0)
    made = cuda_kernel(replace(kernel, dtype=dtype), [("y", 0, y.size)], [("dydt", 0, y.size)])
    out = cupy.empty(y.size, dtype)
    made.launch(0.0, p, [cupy.asarray(y, dtype)], [out])
    return float(np.abs(cupy.asnumpy(out) - want).max() / np.abs(want).max())


def _ensemble(cupy: Any) -> tuple[dict[str, Any], float]:
    """Tsit5 with its own steps from random starts over 10 time units, rtol 1e-6, against native solves."""
    t = sn.coordinates("t")
    x, y, z = sn.fields("x y z", (t,))
    sigma, rho, beta = sn.parameters(sigma=10.0, rho=28.0, beta=8 / 3)
    equations = [
        sn.Eq(sn.dt(x), sigma * (y - x)),
        sn.Eq(sn.dt(y), x * (rho - z) - y),
        sn.Eq(sn.dt(z), x * y - beta * z),
    ]
    made = sn.discretise(sn.ODESystem(equations, t=(0, 10), initial={x: 1.0, y: 1.0, z: 1.0}))
    problem = _problem(made)
    options = replace(_options(made.semi, [0.0, 10.0], None, rtol=1e-6, atol=1e-6), method="Tsit5", dense=False)
    starts = np.random.default_rng(0).normal(size=(TRAJECTORIES, 3)) + np.array([1.0, 1.0, 20.0])
    parameters = np.tile(made.semi.parameter_values, (TRAJECTORIES, 1))
    given = (made.semi.rhs, problem, options)
    solve_ensemble(*given, starts[:1000], parameters[:1000])
    begin = time.perf_counter()
    ensemble = solve_ensemble(*given, starts, parameters)
    cupy.cuda.runtime.deviceSynchronize()
    seconds = time.perf_counter() - begin
    solve(replace(problem, y0=starts[0]), options)
    native = time.process_time()
    singles = [solve(replace(problem, y0=start), options) for start in starts[:SINGLE]]
    native = (time.process_time() - native) / SINGLE * TRAJECTORIES / 2
    same = [int(one.stats["steps"]) for one in singles] == ensemble.counts["steps"][:SINGLE].tolist()
    row = {
        "ensemble": "Lorenz, Tsit5",
        "trajectories": TRAJECTORIES,
        "seconds": seconds,
        "solve_seconds": ensemble.solve_seconds,
    }
    row |= {"steps": int(ensemble.counts["steps"].sum()), "all_finished": bool(ensemble.success.all())}
    return row | {"two_cores_seconds": native, "same_steps_as_native": same}, native / seconds


def _resident() -> dict[str, Any]:
    """A whole solve with the state on the device and on one core of the host."""
    t, x, y = sn.coordinates("t x y")
    u = sn.field("u", (t, x, y))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), 0.01 * sn.laplacian(u) + u - u**3)],
        domain=sn.Domain(t=(0, 1), x=(0, 1), y=(0, 1)),
        conditions=[sn.periodic(x), sn.periodic(y)],
        initial={u: sn.sin(2 * sn.pi * x) * sn.cos(4 * sn.pi * y)},
    )
    row: dict[str, Any] = {"solve": "Allen-Cahn 1024^2, ROCK4 to t = 1"}
    found = {}
    for target in ("cuda", "llvm"):
        begin = time.perf_counter()
        found[target] = sn.solve(system, resolution=1024, method="ROCK4", saveat=[0.0, 1.0], target=target)
        row |= {f"{target}_seconds": time.perf_counter() - begin, f"{target}_steps": int(found[target].stats["steps"])}
    return row | {"difference": float(np.abs(found["cuda"]["u"][-1] - found["llvm"]["u"][-1]).max())}


if __name__ == "__main__":
    json.dump(dict(zip(("rows", "bars"), run(), strict=True)), sys.stdout, indent=1)
