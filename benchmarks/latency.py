"""From a model to its first right-hand side, in a cold process

The Brusselator is written, discretised on N x N points and its right-hand side called once, in a new process with
an empty cache of compiled code, after everything that will be needed has been imported. CPU seconds, medians over
several processes:

    build + compile   writing the model, discretising it, generating and compiling machine code
    first call        the first right-hand side less a later one: what a first call costs beyond its arithmetic
    initial state     evaluating the initial conditions (grows with the grid, as it must)
    memory            allocating the output and touching its pages for the first time (likewise)
    one call          a later right-hand side (likewise)

Compile time must not grow with the grid: loops over regions, never one expression a grid point.
"""

from __future__ import annotations

import os
import statistics
import sys
from pathlib import Path
from typing import Any

from ._measure import bar, fresh_process

_IMPORTS = """
import importlib, json, os, pkgutil, time
begun = time.process_time()
import symnum
imported = time.process_time() - begun
"""

_SCRIPT = (
    _IMPORTS
    + """
import numpy as np
for module in pkgutil.walk_packages(symnum.__path__, "symnum."):
    if not any(part.startswith("_") or part in ("cli", "result") for part in module.name.split(".")):
        try:
            importlib.import_module(module.name)
        except ImportError:
            pass
from symnum.catalogue import Catalogue, shipped_folder
brusselator = Catalogue("model", folder=shipped_folder("models")).load("brusselator")

t0 = time.process_time()
model = brusselator.system()
t1 = time.process_time()
semi = symnum.discretise(model, resolution=int(os.environ["SYMNUM_BENCH_N"]))
t2 = time.process_time()
y = semi.initial_state()
t3 = time.process_time()
out = np.empty(semi.size)
out[:] = 0.0
t4 = time.process_time()
semi.rhs(0.0, y, out=out)
t5 = time.process_time()
assert np.isfinite(out).all()
t6 = time.process_time()
semi.rhs(0.0, y, out=out)
t7 = time.process_time()
once = t7 - t6
first = max(t5 - t4 - once, 0.0)
print(json.dumps({"model": t1 - t0, "discretise + compile": t2 - t1, "first call": first,
                  "build + compile": t2 - t0 + first, "initial state": t3 - t2, "memory": t4 - t3, "one call": once}))
"""
)

_IMPORT_ONLY = _IMPORTS + 'print(json.dumps({"import symnum": imported}))'


def run() -> dict[str, Any]:
    """Rows: one a grid. Bars: CPU s of build + compile + first call at N = 32, its growth to N = 2048, the import."""
    small, large = _medians((32, 2048))
    imported = statistics.median(_cold(_IMPORT_ONLY)["import symnum"] for _ in range(5))
    growth = abs(large["build + compile"] / small["build + compile"] - 1)
    return {
        "rows": [{"N": 32, **small}, {"N": 2048, **large}],
        "bars": [
            bar("model to first right-hand side, N = 32, CPU s", small["build + compile"], 0.10),
            bar("growth of build + compile from N = 32 to 2048", growth, 0.20),
            bar("import symnum, CPU s", imported, 0.30),
        ],
    }


def _medians(sizes: tuple[int, ...], rounds: int = 7) -> list[dict[str, float]]:
    """Each figure of each size as the median over ``rounds`` processes; sizes in turns: all see the same noise."""
    laps = [[_cold(_SCRIPT, n) for n in sizes] for _ in range(rounds)]
    return [{key: statistics.median(lap[i][key] for lap in laps) for key in laps[0][i]} for i in range(len(sizes))]


def _cold(script: str, n: int = 0) -> dict[str, float]:
    """The figures of one new process, which finds this copy of symnum and no compiled code."""
    root = Path(sys.modules["symnum"].__file__ or "").resolve().parent.parent
    paths = os.pathsep.join(p for p in (str(root), os.environ.get("PYTHONPATH", "")) if p)
    return fresh_process(script, {"PYTHONPATH": paths, "SYMNUM_CACHE": "off", "SYMNUM_BENCH_N": str(n)})
