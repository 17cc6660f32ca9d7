"""What inputs are drawn from, beside Gaussian random fields: numbers from an interval, and sums of sines."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnum.datasets.operator_learning.random_fields import with_named_options
from symnum.errors import SolveError


@with_named_options
@dataclass(frozen=True)
class Uniform:
    """A number uniform in (low, high); ``logarithmic``: its logarithm is. Raises SolveError where that is no interval."""

    low: float
    high: float
    logarithmic: bool = False

    def __post_init__(self) -> None:
        ends = (self.low, self.high)
        if not all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in ends):
            raise SolveError(f"({self.low!r}, {self.high!r}) is no interval of numbers; write (0.01, 0.1)")
        if not self.low < self.high or (self.logarithmic and self.low <= 0):
            what = "positive and in order" if self.logarithmic else "in order"
            raise SolveError(f"the ends ({self.low!r}, {self.high!r}) of an interval must be {what}; write (0.01, 0.1)")

    def draw(self, rng: np.random.Generator) -> float:
        if self.logarithmic:
            return float(math.exp(rng.uniform(math.log(self.low), math.log(self.high))))
        return float(rng.uniform(self.low, self.high))


@with_named_options
@dataclass(frozen=True)
class SineWaves:
    """Periodic initial values of PDEBench's equations on an interval (Takamoto et al., arXiv:2210.07182, appendix D):

        u(x) = sum_{i=1}^{terms} A_i sin(2 pi n_i x/L + phi_i),   A_i in (0, 1), n_i in {1, ..., waves}, phi_i in (0, 2 pi)

    With probability ``altered`` each, its absolute value is taken, with either sign, and it is set to zero outside a smooth window
    (tanh of width 0.01 L, from 0.1 to 0.45 L to 0.55 to 0.9 L).
    """

    terms: int = 2
    waves: int = 8
    altered: float = 0.1

    def __post_init__(self) -> None:
        if not (isinstance(self.terms, int) and isinstance(self.waves, int) and self.terms > 0 and self.waves > 0):
            raise SolveError(f"terms={self.terms!r}, waves={self.waves!r}: whole numbers from 1 on are expected")
        if not 0 <= self.altered <= 1:
            raise SolveError(f"altered={self.altered!r} is no probability; write altered=0.1")

    def sample(
        self,
        points: Sequence[int],
        rng: np.random.Generator,
        lengths: Sequence[float] | None = None,
        periodic: Sequence[bool] | None = None,
        centred: Sequence[bool] | None = None,
    ) -> np.ndarray:
        """Values on a uniform grid of an interval, as ``GaussianField.sample`` has them. Raises SolveError for more dimensions."""
        if len(points) != 1:
            raise SolveError(
                f"SineWaves are fields on an interval, this one has {len(points)} dimensions; write sn.datasets.GaussianField(...)"
            )
        n = points[0]
        if centred and centred[0]:
            x = (np.arange(n) + 0.5) / n
        else:
            x = np.arange(n) / (n if not periodic or periodic[0] else n - 1)
        amplitude, phase = rng.uniform(0, 1, self.terms), rng.uniform(0, 2 * np.pi, self.terms)
        wave = rng.integers(1, self.waves + 1, self.terms)
        u = np.asarray((amplitude[:, None] * np.sin(2 * np.pi * wave[:, None] * x + phase[:, None])).sum(axis=0))
        absolute, sign, window = rng.uniform(size=3)
        left, right = rng.uniform(0.1, 0.45), rng.uniform(0.55, 0.9)
        if absolute < self.altered:
            u = np.abs(u) * (1 if sign < 0.5 else -1)
        if window < self.altered:
            u = u * 0.5 * (np.tanh((x - left) / 0.01) - np.tanh((x - right) / 0.01))
        return u


@with_named_options
@dataclass(frozen=True)
class Bumps:
    """Two values on a box, ``high`` where a sum of Gaussian bumps is above its mean, else ``low``: the coefficient of PDEBench's Darcy flow.

    s(x) = sum_{i=1}^{count} exp(-|x - c_i|^2/w_i),   c_i uniform in the box, w_i uniform in (0, L/2), L the length of its first side
    """

    low: float = 0.1
    high: float = 1.0
    count: int = 5

    def __post_init__(self) -> None:
        if isinstance(self.count, bool) or not isinstance(self.count, int) or self.count < 1:
            raise SolveError(f"count={self.count!r} bumps; a whole number from 1 on is expected, count=5")
        for value in (self.low, self.high):
            if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
                raise SolveError(f"Bumps have two numbers as values, got {value!r}; write Bumps(0.1, 1.0)")

    def sample(
        self,
        points: Sequence[int],
        rng: np.random.Generator,
        lengths: Sequence[float] | None = None,
        periodic: Sequence[bool] | None = None,
        centred: Sequence[bool] | None = None,
    ) -> np.ndarray:
        """Values on a uniform grid, as ``GaussianField.sample`` has them."""
        lengths = (1.0,) * len(points) if lengths is None else tuple(lengths)
        centres = rng.uniform(size=(self.count, len(points))) * lengths
        widths = rng.uniform(0, lengths[0] / 2, self.count)
        total = np.zeros(tuple(points))
        for centre, width in zip(centres, widths, strict=True):
            factors = []
            for axis, (n, length, c) in enumerate(zip(points, lengths, centre, strict=True)):
                cell = centred is not None and centred[axis]
                x = (
                    (np.arange(n) + 0.5) * (length / n)
                    if cell
                    else np.linspace(0, length, n, endpoint=not (periodic and periodic[axis]))
                )
                factors.append(np.exp(-((x - c) ** 2) / width).reshape(-1, *(1,) * (len(points) - 1 - axis)))
            bump = factors[0]
            for factor in factors[1:]:
                bump = bump * factor
            total += bump
        return np.where(total > total.mean(), self.high, self.low)
