"""The method for a Fourier discretisation, from the eigenvalues of its linear part: every wave is known exactly, so
nothing is estimated.

    explicit steps = span * max(real/REAL_LIMIT, imaginary/IMAGINARY_LIMIT)     what stability would force on an explicit method

Measured (KdV, Kuramoto-Sivashinsky and Burgers on 128 to 1024 points): the pair of order 4 is cheaper down to a
tolerance of 1e-6, that of order 5 below.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from symnum.plan.choose import Plan
from symnum.plan.estimate import IMAGINARY_LIMIT, REAL_LIMIT

FEW_STEPS = 200  # of an explicit method: below, accuracy sets its steps
FINE = 3e-7  # a relative tolerance below which order 5 pays


@dataclass(frozen=True)
class Waves:
    """Facts of a spectral discretisation: largest damping rate and frequency of L (1/time); order of L, and of the
    derivatives outside it."""

    real: float
    imaginary: float
    linear_order: int
    rest_order: int


def plan_for_waves(semi: Any, rtol: float) -> Plan:
    """The plan for a Fourier discretisation (``ir.system.SemiDiscreteSystem`` with its ``spectral`` form)."""
    spectral, fields = semi.spectral, len(semi.state) - len(semi.hidden)
    real, imaginary = spectral.rates_of_waves(semi.parameter_values)
    waves = Waves(real, imaginary, spectral.linear_order, spectral.rest_order)
    return choose_for_waves(waves, semi.time_span[1] - semi.time_span[0], rtol, semi.structure.kind, fields)


def choose_for_waves(waves: Waves, span: float, rtol: float, kind: str, fields: int) -> Plan:
    """The plan: exponential where L is stiff and holds the highest derivatives, else stabilised or explicit."""
    head = f"{kind}, periodic, {fields} field{'s' if fields != 1 else ''}"
    steps = span * max(waves.real / REAL_LIMIT, waves.imaginary / IMAGINARY_LIMIT)
    about = f"about {float(f'{steps:.1g}'):,.0f}"
    if steps > FEW_STEPS and waves.linear_order > waves.rest_order:
        name, order = ("ETDRK4", 4) if rtol >= FINE else ("ETD5", 5)
        why = f"{head}: the linear part would force {about} explicit steps; an exponential method of order {order} solves it exactly on every wave"
        return Plan(name, "embedded", why)
    if waves.rest_order >= 2:
        return Plan(
            "RKC2",
            "embedded",
            f"{head}: second derivatives outside the linear part; a stabilised explicit method needs no linear algebra",
        )
    name = "Tsit5" if rtol > 1e-7 else "Vern7"
    return Plan(
        name,
        "embedded",
        f"{head}: smooth and not stiff at this resolution, so an explicit pair in native code is cheapest",
    )
