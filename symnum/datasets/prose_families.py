"""The 15 families of ordinary differential equations that PROSE was trained on.

Parameters are uniform within 10 % of the means below and rounded to three significant digits, so that the tokens hold what was solved; initial
values are uniform in (-2, 2).

Source: Y. Liu, Z. Zhang, H. Schaeffer, PROSE (2023), and the code beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.expr.build import cos, sin
from symnum.expr.term import Term

if TYPE_CHECKING:
    from symnum.model.system import ODESystem

Rates = Callable[[list[Any], Mapping[str, Any]], list[Any]]
SPAN, POINTS = (0.0, 6.0), 192  # of a trajectory
REACH, SPREAD = 2.0, 0.1  # of initial values, and of parameters relative to their means


@dataclass(frozen=True)
class Family:
    """u' = rates(u, parameters) with random parameters.

    ``means``: of what is drawn; ``derived``: parameters of the rates made from what was drawn (None: the same); ``largest``: trajectories
    that leave (-largest, largest) are drawn again.
    """

    name: str
    dimension: int
    means: Mapping[str, float]
    rates: Rates = field(repr=False)
    largest: float = 1e3
    derived: Callable[[Mapping[str, float]], dict[str, float]] | None = field(default=None, repr=False)

    def draw(self, rng: np.random.Generator) -> dict[str, float]:
        """Values of the parameters of the rates."""
        drawn = {name: rounded(mean * rng.uniform(1 - SPREAD, 1 + SPREAD)) for name, mean in self.means.items()}
        return {n: rounded(v) for n, v in self.derived(drawn).items()} if self.derived else drawn

    def start(self, rng: np.random.Generator) -> np.ndarray:
        """Initial values, shape (dimension,)."""
        return rng.uniform(-REACH, REACH, self.dimension)

    @cached_property
    def system(self) -> ODESystem:
        """The equations, parameters at their means, initial values 1."""
        from symnum.model.field import field as unknown
        from symnum.model.field import parameter
        from symnum.model.space import coordinates
        from symnum.model.system import Eq, ODESystem
        from symnum.model.vector import dt

        t = coordinates("t")
        states: list[Term] = [unknown(f"u_{k}", (t,)) for k in range(self.dimension)]
        means = self.derived(self.means) if self.derived else self.means
        values = {name: parameter(name, mean) for name, mean in means.items()}
        equations = [Eq(dt(u), rate) for u, rate in zip(states, self.rates(states, values), strict=True)]
        return ODESystem(equations, t=SPAN, initial=dict.fromkeys(states, 1.0), name=self.name)


def rounded(value: float) -> float:
    """Three significant digits, as the tokens have."""
    return float(f"{value:.2e}")


def _cyclic(count: int) -> Rates:
    def rates(u: list[Any], p: Mapping[str, Any]) -> list[Any]:
        return [(u[(i + 1) % count] - u[i - 2]) * u[i - 1] - u[i] + p["F"] for i in range(count)]

    return rates


def _aizawa(u: list[Any], p: Mapping[str, Any]) -> list[Any]:
    x, y, z = u
    return [
        (z - p["b"]) * x - p["d"] * y,
        p["d"] * x + (z - p["b"]) * y,
        p["c"] + p["a"] * z - z**3 / 3 - x**2 + p["f"] * z * x**3,
    ]


def _halvorsen(u: list[Any], p: Mapping[str, Any]) -> list[Any]:
    return [p["a"] * u[k] - u[(k + 1) % 3] - u[(k + 2) % 3] - u[(k + 1) % 3] ** 2 / 4 for k in range(3)]


def _double_pendulum(u: list[Any], p: Mapping[str, Any]) -> list[Any]:
    """Two equal rods; angles u0, u1 and their velocities."""
    difference = u[0] - u[1]
    q = 3 - cos(2 * difference)
    first = (
        p["a"] * sin(u[0])
        + p["b"] * sin(u[0] - 2 * u[1])
        - 2 * sin(difference) * (u[3] ** 2 + u[2] ** 2 * cos(difference))
    )
    second = sin(difference) * (4 * u[2] ** 2 + p["c"] * cos(u[0]) + u[3] ** 2 * cos(difference))
    return [u[2], u[3], first / q, second / q]


def _gravity(p: Mapping[str, float]) -> dict[str, float]:
    ratio = p["g"] / p["l"]
    return {"a": -3 * ratio, "b": -ratio, "c": 4 * ratio}


ODE15 = {
    family.name: family
    for family in (
        Family(
            "thomas",
            3,
            {"b": 0.17},
            lambda u, p: [sin(u[1]) - p["b"] * u[0], sin(u[2]) - p["b"] * u[1], sin(u[0]) - p["b"] * u[2]],
        ),
        Family(
            "lorenz_3d",
            3,
            {"sigma": 10.0, "rho": 28.0, "beta": 8 / 3},
            lambda u, p: [p["sigma"] * (u[1] - u[0]), u[0] * (p["rho"] - u[2]) - u[1], u[0] * u[1] - p["beta"] * u[2]],
        ),
        Family("aizawa", 3, {"a": 0.95, "b": 0.7, "c": 0.6, "d": 3.5, "f": 0.1}, _aizawa),
        Family(
            "chen_lee",
            3,
            {"a": 5.0, "d": -0.38},
            lambda u, p: [p["a"] * u[0] - u[1] * u[2], -10 * u[1] + u[0] * u[2], p["d"] * u[2] + u[0] * u[1] / 3],
        ),
        Family(
            "dadras",
            3,
            {"a": 1.25, "b": 1.15, "c": 0.75, "d": 0.8, "e": 4.0},
            lambda u, p: [
                u[1] / 2 - p["a"] * u[0] + p["b"] * u[1] * u[2],
                p["c"] * u[1] - u[0] * u[2] / 2 + u[2] / 2,
                p["d"] * u[0] * u[1] - p["e"] * u[2],
            ],
        ),
        Family(
            "rossler",
            3,
            {"a": 0.1, "b": 0.1, "c": 14.0},
            lambda u, p: [-u[1] - u[2], u[0] + p["a"] * u[1], p["b"] + u[2] * (u[0] - p["c"])],
        ),
        Family("halvorsen", 3, {"a": -0.35}, _halvorsen),
        Family(
            "fabrikant",
            3,
            {"alpha": 0.98, "gamma": 0.1},
            lambda u, p: [
                u[1] * (u[2] - 1 + u[0] ** 2) + p["gamma"] * u[0],
                u[0] * (3 * u[2] + 1 - u[0] ** 2) + p["gamma"] * u[1],
                p["alpha"] * u[2] - 2 * u[0] * u[1] * u[2],
            ],
            largest=1e5,
            derived=lambda p: {"alpha": -2 * p["alpha"], "gamma": p["gamma"]},
        ),
        Family(
            "sprott_B",
            3,
            {"a": 0.4, "b": 1.2, "c": 1.0},
            lambda u, p: [p["a"] * u[1] * u[2], u[0] - p["b"] * u[1], p["c"] - u[0] * u[1]],
        ),
        Family("sprott_linz_F", 3, {"a": 0.5}, lambda u, p: [u[1] + u[2], p["a"] * u[1] - u[0], u[0] ** 2 - u[2]]),
        Family(
            "four_wing",
            3,
            {"a": 0.2, "b": 0.01, "c": -0.4},
            lambda u, p: [
                p["a"] * u[0] + u[1] * u[2],
                p["b"] * u[0] + p["c"] * u[1] - u[0] * u[2],
                -u[2] - u[0] * u[1],
            ],
        ),
        Family("lorenz_96_4d", 4, {"F": 8.0}, _cyclic(4)),
        Family("lorenz_96_5d", 5, {"F": 8.0}, _cyclic(5)),
        Family(
            "duffing",
            3,
            {"alpha": -1.0, "beta": -5.0, "gamma": 8.0, "delta": -0.02, "omega": 0.5},
            lambda u, p: [
                1,
                u[2],
                p["delta"] * u[2] + p["alpha"] * u[1] + p["beta"] * u[1] ** 3 + p["gamma"] * cos(p["omega"] * u[0]),
            ],
        ),
        Family("double_pendulum", 4, {"g": 9.81, "l": 1.0}, _double_pendulum, derived=_gravity),
    )
}
