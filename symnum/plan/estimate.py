"""Stiffness before any step, and what methods will cost.

It is judged from the largest eigenvalues of the discretised linear terms on spacing h (second-order central differences)::

    k*u_xx      4|k|/h^2  real, negative        c*u_x       |c|/h     imaginary
    k*u_xxxx   16|k|/h^4  real, negative        k*u_xxx   2.6|k|/h^3  imaginary        u_tt = c^2*u_xx   2|c|/h  imaginary
                                            u_tt = -k*u_xxxx   4 sqrt(k)/h^2  imaginary

and from the spectrum of df/dy at the start where it was measured (``Measured``), which sees reactions too. What a method will cost is guessed in
seconds, with x = (span of time)*(largest real eigenvalue), w the same of the imaginary ones, n unknowns, q = rtol/1e-6, and
e = 0.1 us + 1.2 ns n for one right-hand side::

    explicit (Tsit5)   6 e max(x/3.5, w/1.9, 60 q^-0.2)
    ROCK4              e s max(5, sqrt(x/(0.35 s))),  s = max(60 q^-0.25, w/1.5, x/548 q^-0.25) steps; the last keeps its rounding errors small
    RKC2               e s max(3, sqrt(x/(0.65 s))),  s = max(100 q^-0.33, w) steps
    implicit           Rodas5P in one dimension, banded: q^-0.25 (1 ms + 14 us n); in more CVODE: q^-0.2 (10 ms + 30 us n); ten times that
                       where waves run
    KenCarp4-IMEX      q^-0.25 (2 ms + 8 us n) max(1, (span*reaction rate)/250), transforms
    ETDRK4             q^-0.25 (4 ms + 30 us n) max(1, (span*reaction rate)/50)

fitted to whole solves of the shipped models and of random equations on one core (``symnum bench planner``); only ratios of three matter.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from symnum.model.structure import Coefficients, Structure

REAL_LIMIT = 3.5  # of Tsit5
IMAGINARY_LIMIT = 1.9  # fitted: six stages of Tsit5 are stable to 1.0 (growth below 1e-4 a step), ten of Vern7 to 4.6
FEW_STEPS = 80  # below, accuracy and not stability sets the step of an explicit method
SOME_STEPS = 110  # of undamped waves at the limit of stability, whose errors a pair of order 5 lets grow a hundredfold
MANY_STEPS = 2000  # so many stability-limited steps and a method without that limit pays
SMALL = 150  # unknowns up to which full matrices cost little
SHARP = 1e-7  # tolerances from which high order pays


@dataclass(frozen=True)
class Measured:
    """The spectrum of df/dy at the start, per unit of time: largest -Re, largest |Im|, and the rates without what neighbours bring."""

    damping: float
    frequency: float
    reaction: float


@dataclass(frozen=True)
class Stiffness:
    """What the rules ask for.

    Attributes:
        real, imaginary: largest eigenvalues of the terms of the equations, or of df/dy at the start where that is larger (a coefficient that
            varies counts with its scale, fields put to 1); reaction: of what happens at one place.
        steps: how many steps stability would force on an explicit method over the whole time span.
        unknowns, dimensions, fields, rtol: of the problem.
        constant: the terms with derivatives of order two or more have constant coefficients.
        cost: method -> seconds, roughly.
    """

    real: float
    imaginary: float
    steps: float
    reaction: float
    unknowns: int
    dimensions: int
    fields: int
    rtol: float
    constant: bool
    cost: dict[str, float]

    @property
    def damped(self) -> bool:
        """The real eigenvalues set the step."""
        return self.real / REAL_LIMIT > self.imaginary

    @property
    def small(self) -> bool:
        return self.unknowns <= SMALL

    @property
    def sharp(self) -> bool:
        return self.rtol <= SHARP

    @property
    def stabilised(self) -> float:
        """Seconds of the better stabilised method."""
        return min(self.cost["ROCK4"], self.cost["RKC2"])

    @property
    def one_dimension(self) -> bool:
        return self.dimensions == 1


def estimate(
    structure: Structure,
    spacing: dict[str, float],
    span: float,
    rtol: float = 1e-6,
    unknowns: int = 1000,
    measured: Measured | None = None,
    fields: int = 1,
) -> Stiffness:
    """The largest eigenvalues of the linear terms on a grid, the steps they would force, and what methods would cost."""
    diffusive = _largest(structure.diffusion, spacing, lambda k, h: 4 * abs(k) / h**2)
    hyper = _largest(structure.hyperdiffusion, spacing, lambda k, h: 16 * abs(k) / h**4)
    advective = _largest(structure.advection, spacing, lambda c, h: abs(c) / h)
    dispersive = _largest(structure.dispersion, spacing, lambda k, h: 2.6 * abs(k) / h**3)
    wave = _largest(structure.wave, spacing, lambda c2, h: 4 * abs(c2) / h**2)
    bending = _largest(structure.bending, spacing, lambda k, h: 16 * abs(k) / h**4)
    real, imaginary, reaction = diffusive + hyper, advective + dispersive + (wave + bending) ** 0.5, 0.0
    if measured is not None:
        real, reaction = max(real, measured.damping), measured.reaction
        imaginary = max(imaginary, measured.frequency)
    span = abs(span)
    tables = (structure.diffusion, structure.hyperdiffusion, structure.dispersion)
    constant = all(c.value is not None for table in tables for row in table.values() for c in row.values())
    return Stiffness(
        real,
        imaginary,
        span * max(real / REAL_LIMIT, imaginary / IMAGINARY_LIMIT),
        reaction,
        unknowns,
        len(spacing),
        fields,
        rtol,
        constant and "mixed" not in {row.kind for row in structure.terms},
        _costs(span * real, span * imaginary, span * reaction, unknowns, len(spacing), rtol),
    )


def evaluation(unknowns: int) -> float:
    """Seconds of one right-hand side."""
    return 1e-7 + 1.2e-9 * unknowns


def _costs(x: float, w: float, reaction: float, n: int, dimensions: int, rtol: float) -> dict[str, float]:
    """Seconds by method; see the module."""
    q, e = max(rtol, 1e-16) / 1e-6, evaluation(n)
    explicit = max(x / REAL_LIMIT, w / IMAGINARY_LIMIT, 60 * q**-0.2)
    rock = max(60 * q**-0.25, w / 1.5, x / 548 * q**-0.25)
    chebyshev = max(100 * q ** (-1 / 3), w)
    banded = q**-0.25 * (1e-3 + 1.4e-5 * n)
    sparse = q**-0.2 * (1e-2 + 3e-5 * n)
    waves = 10.0 if w > x / REAL_LIMIT else 1.0
    return {
        "explicit": 6 * explicit * e,
        "ROCK4": rock * max(5.0, math.sqrt(x / 0.35 / rock)) * e,
        "RKC2": chebyshev * max(3.0, math.sqrt(x / 0.65 / chebyshev)) * e,
        "implicit": waves * (banded if dimensions <= 1 else sparse),
        "IMEX": q**-0.25 * (2e-3 + 8e-6 * n) * max(1.0, reaction / 250),
        "ETD": q**-0.25 * (4e-3 + 3e-5 * n) * max(1.0, reaction / 50),
    }


def _largest(table: Coefficients, spacing: dict[str, float], eigenvalue: Callable[[float, float], float]) -> float:
    """The largest sum over the coordinates among the fields; coefficients that vary count with their scale."""
    sums = (sum(eigenvalue(c.scale, spacing[x]) for x, c in row.items()) for row in table.values())
    return max(sums, default=0.0)
