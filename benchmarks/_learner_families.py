"""How far the families can be predicted at all: what small errors of the input become in the prediction.

    deviation   a small random error of the start that is 1 % of the solution over (0, 2): its size over (2, 6), relative to the solution there
    parameters  all of them 1 % larger: the change over (2, 6), relative to the solution there

Medians and 95th percentiles over 60 draws of parameters and start.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symnum.datasets.generation import _solver
from symnum.datasets.prose_families import ODE15, Family

DRAWS, GIVEN = 60, 64
_SMALL = 1e-4


def sensitivity(names: tuple[str, ...] = tuple(ODE15)) -> list[dict[str, Any]]:
    """A row a family."""
    rows = []
    for name in names:
        rng = np.random.default_rng(0)
        found = np.array([_one(ODE15[name], rng) for _ in range(DRAWS)])
        middle, high = np.percentile(found, [50, 95], axis=0)
        rows.append({
            "family": name, "deviation of 1 %": middle[0], "95th percentile": high[0],
            "parameters 1 % larger": middle[1], "its 95th percentile": high[1],
        })  # fmt: skip
    return rows


def _one(family: Family, rng: np.random.Generator) -> tuple[float, float]:
    while True:
        values, start = family.draw(rng), family.start(rng)
        direction = rng.normal(size=family.dimension)
        truth = _solver(family.name).run(values, start)
        moved = _solver(family.name).run(values, start + _SMALL * direction / np.linalg.norm(direction))
        changed = _solver(family.name).run({k: 1.01 * v for k, v in values.items()}, start)
        largest = max(np.abs(u).max() for u in (truth, moved, changed))
        if np.isfinite(largest) and largest < family.largest:
            break
    before, after = np.linalg.norm(moved[:GIVEN] - truth[:GIVEN]), np.linalg.norm(moved[GIVEN:] - truth[GIVEN:])
    given, asked = np.linalg.norm(truth[:GIVEN]), np.linalg.norm(truth[GIVEN:])
    return 0.01 * (after / asked) / (before / given), float(np.linalg.norm(changed[GIVEN:] - truth[GIVEN:]) / asked)
