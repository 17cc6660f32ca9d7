"""PROSE data sets: records a second against the loop of the reference generator

The same families, parameters and starts by a loop around SciPy, one trajectory after another as the reference's generator has it: BDF at rtol
1e-5 and atol 1e-6, LSODA and RK45 where it names them, 192 save times, rates as plain Python functions. Process CPU seconds; both write the same
JSON lines. symnum's compile times are in its figure.
"""

from __future__ import annotations

import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.integrate import solve_ivp

import symnum as sn
from symnum.datasets.generation import POINTS, SPAN, Recipe, system_records
from symnum.datasets.prose_families import ODE15, Family

from ._measure import bar

RECORDS, SAMPLE = 1500, 2  # records of symnum; trajectories a family of the peer
OTHERS = {"chen_lee": "LSODA", "dadras": "LSODA", "rossler": "LSODA", "halvorsen": "RK45"}
TIMES = np.linspace(*SPAN, POINTS)


def run() -> dict[str, Any]:
    """Rows: each family of the peer, and the whole. Bars: CPU time a record of the peer over ours; records the same for one and two workers."""
    with tempfile.TemporaryDirectory() as folder:
        ours = _ours(Path(folder))
        same = _same(Path(folder))
    rows: list[dict[str, Any]] = [{"family": "all 15, symnum", "CPU ms a record": 1e3 * ours}]
    peer = []
    for family in ODE15.values():
        seconds = _reference(family)
        peer.append(seconds)
        rows.append(
            {"family": f"{family.name}, SciPy {OTHERS.get(family.name, 'BDF')}", "CPU ms a record": 1e3 * seconds}
        )
    ratio = float(np.mean(peer)) / ours
    return {
        "rows": rows,
        "bars": [
            bar("records a CPU second, times those of the reference's loop", ratio, 10, "higher"),
            bar("files of one and two workers that differ", float(not same), 0),
        ],
    }


def _ours(folder: Path) -> float:
    begin = time.process_time()
    sn.datasets.prose("ode15", folder / "ours.prefix", RECORDS, seed=1)
    return (time.process_time() - begin) / RECORDS


def _same(folder: Path) -> bool:
    for workers in (1, 2):
        sn.datasets.prose("ode15", folder / f"{workers}.prefix", 150, seed=1, workers=workers)
    return (folder / "1.prefix").read_bytes() == (folder / "2.prefix").read_bytes()


def _reference(family: Family) -> float:
    """CPU seconds a record of a Python loop: draw, solve, write."""
    line = system_records(Recipe((family.name,), 1, SAMPLE, 0.0, False), 0)[0][0]
    tokens = json.loads(line)["tree_encoded"]
    rng = np.random.default_rng([1, 0])
    values = family.draw(rng)
    rates = _plain(family, values)
    kept, begin = 0, time.process_time()
    while kept < SAMPLE:
        out = solve_ivp(
            rates, SPAN, family.start(rng), method=OTHERS.get(family.name, "BDF"), t_eval=TIMES, rtol=1e-5, atol=1e-6
        )
        if out.success and np.abs(out.y).max() < family.largest:
            data = out.y.T.astype(np.float32)
            json.dumps({"type": family.name, "data": data.tolist(), "tree_encoded": tokens})
            kept += 1
    return (time.process_time() - begin) / SAMPLE


def _plain(family: Family, values: dict[str, float]) -> Any:
    """The right-hand side in plain floating-point Python, from the family's own formulas."""
    if family.name in ("thomas", "duffing", "double_pendulum"):  # their formulas hold sin and cos of terms
        return _BY_HAND[family.name](values)
    return lambda _, u: family.rates(list(u), values)


def _thomas(p: dict[str, float]) -> Any:
    return lambda _, u: [np.sin(u[1]) - p["b"] * u[0], np.sin(u[2]) - p["b"] * u[1], np.sin(u[0]) - p["b"] * u[2]]


def _duffing(p: dict[str, float]) -> Any:
    return lambda _, u: [
        1.0,
        u[2],
        p["delta"] * u[2] + p["alpha"] * u[1] + p["beta"] * u[1] ** 3 + p["gamma"] * np.cos(p["omega"] * u[0]),
    ]


def _double_pendulum(p: dict[str, float]) -> Any:
    def rates(_: float, u: Any) -> list[Any]:
        d = u[0] - u[1]
        q = 3 - np.cos(2 * d)
        first = (
            p["a"] * np.sin(u[0])
            + p["b"] * np.sin(u[0] - 2 * u[1])
            - 2 * np.sin(d) * (u[3] ** 2 + u[2] ** 2 * np.cos(d))
        )
        return [u[2], u[3], first / q, np.sin(d) * (4 * u[2] ** 2 + p["c"] * np.cos(u[0]) + u[3] ** 2 * np.cos(d)) / q]

    return rates


_BY_HAND = {"thomas": _thomas, "duffing": _duffing, "double_pendulum": _double_pendulum}
