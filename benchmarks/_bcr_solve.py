"""The whole solve against a reference trajectory of observables.

BioNetGen's own file carries an error in time: it runs 0.088 ms ahead in the first pulse of the B-cell receptor's network and 2.469 ms in the second
(the shifts that best fit an integration at 1e-11), so on the steep edges it cannot be met to 1e-4 at equal times. Two figures are given:

    plain       max |w - r|/|r|                               where |r| > 1e-3 max |r|
    with time   max |w - r|/(1e-4 |r| + 3 ms |dw/dt|)         at most 1: right but for 3 ms (dw/dt from the equations)

Amounts as small as 1e-14 decide when a pulse begins, so the absolute tolerance lies there.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import symnum as sn
from symnum.expr.gradient import gradient

TOLERANCE, ABSOLUTE, LATE = 1e-8, 1e-14, 3e-3


def read_gdat(path: str | Path) -> tuple[list[str], NDArray[np.float64]]:
    """Names and values, (times, 1 + observables), of a BioNetGen trajectory; the first column is the time."""
    with open(path, encoding="utf-8") as lines:
        names = lines.readline().lstrip("#").split()
    values = np.loadtxt(path, skiprows=1)
    if names[:1] != ["time"] or values.ndim != 2 or values.shape[1] != len(names):
        raise sn.errors.SymnumError(f"{path}: a first line 'time NAME ...' and as many columns were expected")
    return names[1:], values


def solved(network: Any, times: NDArray[np.float64]) -> tuple[dict[str, Any], Any]:
    """A row of what the solve cost, everything from the equations on, and the solution."""
    begin = time.process_time()
    solution = sn.solve(network, rtol=TOLERANCE, atol=ABSOLUTE, saveat=times)
    used = time.process_time() - begin
    steps = {k: v for k, v in solution.stats.items() if k in ("steps", "rhs_evaluations", "jacobian_evaluations")}
    return {"what": f"solve, rtol {TOLERANCE:g}", "by": solution.method, "CPU s": round(used, 3), **steps}, solution


def differences(network: Any, solution: Any, names: list[str], values: NDArray[np.float64]) -> tuple[float, float]:
    """The two figures of the module over all observables."""
    found, slopes = network.observe(solution), _slopes(network, solution, names)
    plain = late = 0.0
    for k, name in enumerate(names):
        reference, ours = values[:, k + 1], np.asarray(found[name])
        large = np.abs(reference) > 1e-3 * np.abs(reference).max()
        off = np.abs(ours - reference)
        plain = max(plain, float((off[large] / np.abs(reference[large])).max()))
        late = max(late, float((off[large] / (1e-4 * np.abs(reference) + LATE * np.abs(slopes[name]))[large]).max()))
    return plain, late


def _slopes(network: Any, solution: Any, names: list[str]) -> dict[str, NDArray[np.float64]]:
    """Time derivatives of the observables, which are sums of species, along the solution."""
    discretised = sn.discretise(network)
    species = [a.field for a in discretised.semi.state]
    states = np.stack([np.asarray(solution[s]) for s in species], axis=1)
    rates = np.stack([discretised.rhs(t, y) for t, y in zip(np.asarray(solution.t), states, strict=True)])
    where = {s: k for k, s in enumerate(species)}
    weights = {n: gradient(network.observables[n], lambda s: s.kind == "field") for n in names}
    return {
        n: sum((float(c.data[0]) * rates[:, where[s.name]] for s, c in row.items()), np.zeros(len(rates)))
        for n, row in weights.items()
    }
