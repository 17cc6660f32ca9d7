"""The generated C of the Brusselator against a C loop written by hand

The same compiler, the same flags and the same arrays, in turns; nanoseconds of CPU time a grid point.
"""

from __future__ import annotations

import ctypes
import statistics
from pathlib import Path
from typing import Any

import numpy as np

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.codegen.c_compiler import Library, compile_c
from symnum.codegen.jit import native_function
from symnum.codegen.placement import output_vector, state_vector
from symnum.codegen.target import compile_kernel
from symnum.errors import TargetError

from . import _measure as measure

SIZES = (128, 512)
TIME = 1.2


def run() -> dict[str, Any]:
    """Measure; see the module."""
    try:
        by_hand = compile_c(Path(__file__).with_name("_brusselator.c").read_text(encoding="utf-8"))
    except TargetError as error:
        rows: list[dict[str, Any]] = [
            {"problem": "brusselator", "N": n, "generated": f"missing ({error})"} for n in SIZES
        ]
    else:
        rows = [_row(n, by_hand) for n in SIZES]
    bars = [measure.bar(f"generated C / hand-written C, N = {row['N']}", row.get("ratio"), 1.1) for row in rows]
    return {"rows": rows, "bars": bars}


def _row(n: int, by_hand: Library) -> dict[str, Any]:
    row: dict[str, Any] = {"problem": "brusselator", "N": n, "unit": "ns per point"}
    model = Catalogue("model", folder=shipped_folder("models")).load("brusselator")
    semi = sn.discretise(model.system(), resolution=n).semi
    state, p = state_vector(semi.size), np.array(semi.parameter_values)
    state[:] = np.random.default_rng(1).random(semi.size) + 0.5
    out = output_vector(semi.size)
    ours = native_function(compile_kernel(semi.rhs, "c").address or 0, ctypes.c_double, *[ctypes.c_void_p] * 3)
    types = [ctypes.c_double, *[ctypes.c_void_p] * 2, ctypes.c_int, ctypes.c_double]
    hand = native_function(by_hand.address("rhs"), *types)
    addresses = state.ctypes.data, p.ctypes.data, out.ctypes.data
    thunks = {
        "generated": lambda: ours(TIME, *addresses),
        "by hand": lambda: hand(TIME, addresses[0], addresses[2], n, 10.0),
    }
    thunks["by hand"]()
    reference = out.copy()
    thunks["generated"]()
    difference = float(np.abs(out - reference).max() / np.abs(reference).max())
    samples = measure.interleaved(thunks, max(1, int(6e6 / n**2)))
    row |= {name: round(statistics.median(s) * 1e9 / n**2, 3) for name, s in samples.items()}
    ratio = measure.median_ratio(samples["generated"], samples["by hand"])
    return row | {"ratio": round(ratio, 3), "largest difference": difference}
