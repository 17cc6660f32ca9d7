"""Steady Darcy flow, -div(a grad u) = beta on a rectangle, u = 0 on its boundary; the coefficient a is drawn, u follows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from symnum.datasets.operator_learning.elliptic import DiffusionSolver
from symnum.datasets.operator_learning.inputs import Bumps
from symnum.datasets.operator_learning.models import Sampler, described
from symnum.datasets.operator_learning.random_fields import GaussianField
from symnum.datasets.operator_learning.records import Column, Description
from symnum.errors import SolveError

VARIANTS: dict[str, Sampler] = {
    # N(0, (-Laplace + 9)^-2), zero normal derivative, no mean: Li et al., arXiv:2010.08895, appendix A.3.2
    "fno": GaussianField(
        "laplacian_power", alpha=2.0, tau=3.0, boundary="neumann", constant_mode=False, shape="step", low=3.0, high=12.0
    ),
    "pdebench": Bumps(0.1, 1.0, 5),
}


@dataclass(frozen=True)
class Darcy:
    """The source of a set of ``points`` x ``points`` cells of the unit square, on each of which a is constant.

    ``finer``: for the solution each cell is cut into ``finer`` x ``finer``; the record has the means of u.
    """

    points: int
    coefficient: Sampler
    force: float
    faces: str
    finer: int
    rtol: float
    seed: int

    def recipe(self) -> dict[str, Any]:
        return vars(self) | {
            "coefficient": described(self.coefficient),
            "equation": "-div(a grad u) = force, u = 0 on the boundary",
        }

    def describe(self) -> Description:
        DiffusionSolver((self.points * self.finer,) * 2, faces=self.faces, rtol=self.rtol)  # checks its arguments
        x = (np.arange(self.points) + 0.5) / self.points
        grid = (self.points, self.points)
        return Description((Column("a", grid),), (Column("u", grid),), {"x": x, "y": x}, None, {"beta": self.force})

    def record(self, k: int) -> tuple[dict[str, np.ndarray], int]:
        n, m = self.points, self.finer
        a = np.asarray(
            self.coefficient.sample(
                (n, n), np.random.default_rng([self.seed, k]), (1.0, 1.0), (False, False), (True, True)
            ),
            dtype=float,
        )
        if not a.min() > 0:
            raise SolveError(
                f"record {k}: the coefficient has the value {a.min():.3g}; it must be positive, as field.exp() or field.threshold(3, 12) are"
            )
        u = _solver(n * m, self.faces, self.rtol).solve(np.repeat(np.repeat(a, m, 0), m, 1), self.force).u
        return {"a": a, "u": u.reshape(n, m, n, m).mean(axis=(1, 3))}, 0


@cache
def _solver(points: int, faces: str, rtol: float) -> DiffusionSolver:
    return DiffusionSolver((points, points), faces=faces, rtol=rtol)
