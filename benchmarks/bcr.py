"""Large reaction networks: building, sparse Jacobian, simplification, compilation, right-hand side and a whole solve

    symnum bench bcr --net bcr.net --gdat bcr.gdat      the B-cell receptor's network: 1122 species, 24388 reactions
    symnum bench bcr                                    a synthetic network of similar size

All figures are process CPU time. Right-hand sides are called side by side through the same door; "as written" is every equation as the network
states it, cut into functions of the same size as ours, since one function would take minutes to compile. SymPy's Jacobian takes minutes too, so it is
measured on a smaller synthetic network, beside ours on that network; ``--peers all`` measures it on the network itself.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from symnum.codegen.target import compile_kernel
from symnum.errors import SymnumError

from . import _measure as measure
from ._bcr_build import building
from ._bcr_common import OURS, SITES, SPAN, Bars, Rows, network_of, say
from ._bcr_peers import seconds
from ._bcr_rhs import Case, case_of, right_hand_sides, second_network
from ._bcr_solve import LATE, differences, read_gdat, solved

OPTIONS = {
    "net": "a BioNetGen .net file of mass-action reactions; without it a synthetic network",
    "gdat": "BioNetGen's trajectory of its observables, which the solve is held against",
    "second": "a second .net file, for its right-hand side alone; without it a synthetic network",
    "peers": "quick (default), or all: SymPy's Jacobian of the whole network, minutes",
}


def run(net: str | None = None, gdat: str | None = None, second: str | None = None, peers: str = "quick") -> Any:
    """Measure; see the module. ``OPTIONS`` says what the arguments are."""
    if peers not in ("quick", "all"):
        raise SymnumError(f"--peers is quick or all, got {peers!r}")
    if gdat is not None and net is None:
        raise SymnumError("--gdat is the trajectory of a network; name that too: --net bcr.net --gdat bcr.gdat")
    with _no_cache():
        rows, bars = building(net, peers == "all")
        case = case_of(network_of(net, SITES, gdat), rows, bars)
        right_hand_sides(case, rows, bars)
        second_network(second, rows, bars)
        _jacobian(case, rows, bars)
        _solve(case, gdat, rows, bars)
    return {"rows": rows, "bars": bars}


@contextmanager
def _no_cache() -> Iterator[None]:
    """Nothing compiled is read from disk: compilation is what is measured."""
    before = os.environ.get("SYMNUM_CACHE")
    os.environ["SYMNUM_CACHE"] = "off"
    try:
        yield
    finally:
        os.environ.pop("SYMNUM_CACHE")
        if before is not None:
            os.environ["SYMNUM_CACHE"] = before


def _jacobian(case: Case, rows: Rows, bars: Bars) -> None:
    from symnum.codegen.jacobian import SparseJacobian

    say("the Jacobian: derivatives, compilation, evaluation")
    spent, jacobian = seconds(lambda: SparseJacobian(case.ours, case.p))
    rhs = compile_kernel(case.ours, cache=False)
    y, out, data = case.state(1), np.empty(case.ours.output_size), np.empty(jacobian.pattern.nnz)
    samples = measure.interleaved(
        {
            "rhs": lambda: rhs.function(0.0, y, case.p, out),
            "jacobian": lambda: jacobian.fill(0.0, y, data),
        },
        300,
        rounds=9,
    )
    v = np.random.default_rng(2).standard_normal(len(y))
    exact = case.table.values(y + 1e-30j * v, case.p).imag / 1e-30
    size = abs(jacobian.sparse(0.0, y)) @ np.abs(v)
    error = float((np.abs(jacobian.sparse(0.0, y) @ v - exact)[size > 0] / size[size > 0]).max())
    rows.append(
        {
            "what": "Jacobian, as sorted CSC, called from Python",
            "by": OURS,
            "CPU s": round(spent, 3),
            "microseconds": round(statistics.median(samples["jacobian"]) * 1e6, 2),
            "entries": len(data),
        }
    )
    bars.append(measure.bar("Jacobian: derivatives and compilation, CPU s", spent, 30))
    ratio = measure.median_ratio(samples["jacobian"], samples["rhs"])
    bars.append(measure.bar("Jacobian / right-hand side, both called from Python", ratio, 3))
    bars.append(measure.bar("Jacobian times a vector, error against complex step", error, 1e-11))


def _solve(case: Case, gdat: str | None, rows: Rows, bars: Bars) -> None:
    say("the whole solve")
    names, values = read_gdat(gdat) if gdat else ([], np.linspace(0.0, SPAN, 101)[:, None])
    network = case.network.replace()  # nothing that was worked out already
    row, solution = solved(network, values[:, 0])
    rows.append(row)
    bars.append(measure.bar("whole solve, CPU s", row["CPU s"], 60))
    if gdat is None:
        return
    plain, late = differences(network, solution, names, values)
    bars.append(measure.bar("observables, plain relative difference", plain, 1e-4))
    bars.append(measure.bar(f"observables, |w - r| / (1e-4 |r| + {LATE * 1e3:g} ms |dw/dt|)", late, 1.0))


__all__ = ["OPTIONS", "run"]
