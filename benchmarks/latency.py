"""From a model to its first right-hand side, in a cold process

The Brusselator is written, discretised on N x N points and its right-hand side called once, in a new process with an empty cache of
compiled code, after everything that will be needed has been imported. CPU seconds, medians over several processes:

    build + compile   writing the model, discretising it, generating and compiling machine code
    first call        the first right-hand side less a later one: what a first call costs beyond its arithmetic
    initial state     evaluating the initial conditions (grows with the grid, as it must)
    memory            allocating the output and touching its pages for the first time (likewise)
    one call          a later right-hand side (likewise)

Compile time must not grow with the grid: loops over regions, never one expression a grid point.
"""

from __future__ import annotations

from typing import Any

from ._measure import bar, cold_medians

_IMPORTS = """
import importlib, json, pkgutil, sys, time
begun = time.process_time()
import symnum
imported = time.process_time() - begun
"""

_SCRIPT = _IMPORTS + """
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
semi = symnum.discretise(model, resolution=int(sys.argv[1]))
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
print(json.dumps({"model": t1 - t0, "discretise + compile": t2 - t1, "first call": first, "build + compile": t2 - t0 + first,
                  "initial state": t3 - t2, "memory": t4 - t3, "one call": once}))
"""

_IMPORT_ONLY = _IMPORTS + 'print(json.dumps({"import symnum": imported}))'


def run() -> dict[str, Any]:
    """Rows: one a grid. Bars: CPU seconds of build + compile + first call at N = 32, its growth to N = 2048, and of the import."""
    small, large = (cold_medians(_SCRIPT, str(n), repeats=r) for n, r in ((32, 7), (2048, 5)))
    imported = cold_medians(_IMPORT_ONLY)["import symnum"]
    growth = abs(large["build + compile"] / small["build + compile"] - 1)
    return {
        "rows": [{"N": 32, **small}, {"N": 2048, **large}],
        "bars": [
            bar("model to first right-hand side, N = 32, CPU s", small["build + compile"], 0.10),
            bar("growth of build + compile from N = 32 to 2048", growth, 0.20),
            bar("import symnum, CPU s", imported, 0.30),
        ],
    }
