"""Equations in one space dimension, periodic on 0 <= x < 2: the families of PROSE's second data set (LeMON) and their relatives.

Parameters are uniform within 10 % of the means and rounded to three digits. Starts are sums of sines with random amplitudes and phases,

    u(0, x) = sum_j A_j sin(pi n_j x + phi_j),   A_j uniform in (0, 1), n_j in {1, 2},   scaled to the interval that the family names.

Time runs to ``duration`` and is rescaled to 2 in the tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.datasets.prose_families import SPREAD, rounded
from symnum.expr.build import pi, sin
from symnum.expr.calculus import diff

if TYPE_CHECKING:
    from symnum.model.system import PDESystem

LENGTH, TIME_RANGE = 2, 2.0
SINES = 3

Rate = Callable[[Any, Any, Mapping[str, Any]], Any]  # u, x, parameters -> u_t or u_tt


@dataclass(frozen=True)
class PdeFamily:
    """u_t = rate or u_tt = rate (``order`` 2, at rest at first).

    ``values``: the interval to which starts are scaled; ``whole``: parameters that stay at their means; ``largest``: see ``prose_families``.
    """

    name: str
    means: Mapping[str, float]
    rate: Rate = field(repr=False)
    duration: float = 2.0
    order: int = 1
    values: tuple[float, float] = (-1.0, 1.0)
    whole: frozenset[str] = frozenset()
    largest: float = 1e3

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Values of the parameters; those that are exponents stay."""
        return {
            n: m if n in self.whole else rounded(m * rng.uniform(1 - SPREAD, 1 + SPREAD)) for n, m in self.means.items()
        }

    def start(self, rng: np.random.Generator, x: np.ndarray) -> np.ndarray:
        """The state at the start, shape (order*points,): the field, then its velocity, which is zero."""
        amplitude, phase = rng.uniform(0, 1, SINES), rng.uniform(0, 2 * np.pi, SINES)
        waves = rng.integers(1, 3, SINES)
        u = (amplitude[:, None] * np.sin(np.pi * waves[:, None] * x + phase[:, None])).sum(axis=0)
        low, high = self.values
        u = low + (high - low) * (u - u.min()) / (u.max() - u.min())
        return np.concatenate([u, *[np.zeros_like(u)] * (self.order - 1)])

    @cached_property
    def system(self) -> PDESystem:
        """The equation, parameters at their means."""
        from symnum.model.conditions import periodic
        from symnum.model.field import field as unknown
        from symnum.model.field import parameter
        from symnum.model.space import Domain, coordinates
        from symnum.model.system import Eq, PDESystem
        from symnum.model.vector import dt

        t, x = coordinates("t x")
        u = unknown("u", (t, x))
        values = {name: parameter(name, mean) for name, mean in self.means.items()}
        left = dt(dt(u)) if self.order == 2 else dt(u)
        low, high = self.values
        start = {u: (low + high) / 2 + (high - low) / 2 * sin(pi * x)}
        return PDESystem(
            [Eq(left, self.rate(u, x, values))],
            domain=Domain(t=(0, self.duration), x=(0, LENGTH)),
            conditions=[periodic(x)],
            initial=start | ({dt(u): 0} if self.order == 2 else {}),
            name=self.name,
        )


def _reaction(f: Callable[[Any, Mapping[str, Any]], Any]) -> Rate:
    return lambda u, x, p: p["nu"] * diff(u, x, 2) + p["rho"] * f(u, p)


def _flux(f: Callable[[Any], Any]) -> Rate:
    return lambda u, x, p: p["eps"] * diff(u, x, 2) - p["k"] * diff(f(u), x)


_SMALL = {"nu": 3e-3, "rho": 1.0}
PDE16 = {
    family.name: family
    for family in (
        PdeFamily("heat", {"c": 3e-3}, lambda u, x, p: p["c"] * diff(u, x, 2)),
        PdeFamily(
            "porous_medium",
            {"m": 2.0},
            lambda u, x, p: diff(u ** p["m"], x, 2),
            0.1,
            values=(0.1, 1.0),
            whole=frozenset("m"),
        ),
        PdeFamily("advection", {"beta": 0.5}, lambda u, x, p: -p["beta"] * diff(u, x)),
        PdeFamily("kdv", {"delta": 4.84e-4}, lambda u, x, p: -u * diff(u, x) - p["delta"] * diff(u, x, 3), 1.0),
        PdeFamily(
            "fokker_planck",
            {"D": 0.02, "k": 0.1},
            lambda u, x, p: p["D"] * diff(u, x, 2) + p["k"] * diff(sin(pi * x) * u, x),
            values=(0.1, 1.0),
        ),
        PdeFamily("burgers", {"k": 1.0, "eps": 0.01}, _flux(lambda u: u**2 / 2)),
        PdeFamily("cubic_flux", {"k": 1.0, "eps": 0.01}, _flux(lambda u: u**3 / 3)),
        PdeFamily("sine_flux", {"k": 1.0, "eps": 0.01}, _flux(sin)),
        PdeFamily("wave", {"beta": 0.25}, lambda u, x, p: p["beta"] * diff(u, x, 2), 1.0, order=2),
        PdeFamily(
            "klein_gordon", {"c": 0.25, "m": 2.0}, lambda u, x, p: p["c"] * diff(u, x, 2) - p["m"] * u, 1.0, order=2
        ),
        PdeFamily(
            "sine_gordon", {"c": 0.25, "k": 2.0}, lambda u, x, p: p["c"] * diff(u, x, 2) - p["k"] * sin(u), 1.0, order=2
        ),
        PdeFamily(
            "cahn_hilliard",
            {"eps": 4e-4, "k": 0.02},
            lambda u, x, p: diff(p["k"] * (u**3 - u), x, 2) - p["eps"] * diff(u, x, 4),
            2.0,
        ),
        PdeFamily("logistic_reaction", _SMALL, _reaction(lambda u, p: u * (1 - u)), values=(0.0, 1.0)),
        PdeFamily("linear_reaction", {"nu": 3e-3, "rho": 0.1}, _reaction(lambda u, p: u), values=(0.0, 1.0)),
        PdeFamily(
            "bistable_reaction",
            _SMALL | {"a": 0.3},
            _reaction(lambda u, p: u * (1 - u) * (u - p["a"])),
            values=(0.0, 1.0),
        ),
        PdeFamily("square_logistic_reaction", _SMALL, _reaction(lambda u, p: u**2 * (1 - u) ** 2), values=(0.0, 1.0)),
    )
}
