"""Records of equations in space: tokens as lines, values as an array."""

from __future__ import annotations

import json
import warnings
from functools import cache

import numpy as np

from symnum.datasets.prose_pde_families import LENGTH, PDE16, TIME_RANGE, PdeFamily
from symnum.datasets.trajectories import Trajectories
from symnum.errors import ModelWarning
from symnum.formats.prose.pde import export_pde

TIMES, POINTS = 64, 128  # of a record
_FINER, _ORDER = 4, 6  # the grid that is solved on has four times the points, with differences of order 6
_RTOL, _ATOL, _TRIES = 1e-7, 1e-9, 50


def pde_records(family: PdeFamily, count: int, rng: np.random.Generator) -> tuple[list[str], np.ndarray, int]:
    """Lines, values (count, 64, 128, fields) float32, and how many solutions were refused."""
    x = np.arange(POINTS * _FINER) * LENGTH / (POINTS * _FINER)
    refused = 0
    while True:
        values = family.draw(rng)
        found: list[np.ndarray] = []
        tried = 0
        while len(found) < count and tried - len(found) <= _TRIES:
            tried += 1
            states = _solver(family.name).run(values, family.start(rng, x))
            if np.isfinite(states).all() and np.abs(states).max() < family.largest:
                found.append(states[:, : len(x) : _FINER, None].astype(np.float32))
        refused += tried - len(found)
        if len(found) == count:
            break
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ModelWarning)
        tokens = export_pde(family.system.with_parameters(**values), time_range=TIME_RANGE).tokens
    line = json.dumps({"type": family.name, "dim": 1, "tree_encoded": tokens}, separators=(",", ":")) + "\n"
    return [line] * count, np.stack(found), refused


@cache
def _solver(name: str) -> Trajectories:
    """Compiled once a process."""
    family = PDE16[name]
    times = np.linspace(0, family.duration, TIMES)
    return Trajectories(family.system, times, _RTOL, _ATOL, resolution=POINTS * _FINER, order=_ORDER)
