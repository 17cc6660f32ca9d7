"""Random semilinear equations u_t = L u + N(u), drawn from a fixed seed: what the automatic choice is judged on beside the models.

One or two dimensions, periodic or closed, one to three fields; L: diffusion, advection with diffusion, dispersion, hyperdiffusion; N: reactions
with rates from 0.3 to 3e4, and steepening. All of them keep bounded: the reactions have attracting states, the operators damp or conserve.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import symnum as sn

SEED = 2026
OPERATORS = ("diffusion", "advection-diffusion", "dispersion", "hyperdiffusion", "advection")


@dataclass(frozen=True)
class Drawn:
    """One equation: a name that says what it is, the system, and the cells of each axis."""

    name: str
    system: sn.PDESystem
    cells: int


def random_pdes(count: int = 30, seed: int = SEED) -> list[Drawn]:
    """The first ``count`` equations of a seed; the operators take turns, all else is drawn."""
    draw = np.random.default_rng(seed)
    return [_one(draw, number) for number in range(count)]


def _one(draw: Any, number: int) -> Drawn:
    operator = OPERATORS[number % len(OPERATORS)]
    dimensions = 1 if operator == "dispersion" else int(draw.choice([1, 2], p=[0.6, 0.4]))
    closed = operator in ("diffusion", "advection-diffusion", "hyperdiffusion") and draw.random() < 0.45
    closed = closed and not (operator == "hyperdiffusion" and dimensions == 2)
    count = int(draw.integers(1, 4))
    cells = int(draw.choice([64, 128, 256, 512] if dimensions == 1 else [24, 32, 48, 64]))
    end = float(f"{10 ** draw.uniform(-0.7, 0.9):.2g}")
    t, *space = sn.coordinates("t x y" if dimensions == 2 else "t x")
    fields = sn.fields("u v w", (t, *space))[:count] if count > 1 else (sn.field("u", (t, *space)),)
    linear = _linear(draw, operator, fields, space, cells)
    rate, reactions = _reactions(draw, fields, operator)
    steep = float(draw.choice([0.0, 1.0])) if operator in ("advection-diffusion", "dispersion") else 0.0
    rates = [a + b - steep * u * sn.diff(u, space[0]) for u, a, b in zip(fields, linear, reactions, strict=True)]
    sides = "closed" if closed else "periodic"
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), f) for u, f in zip(fields, rates, strict=True)],
        domain=sn.Domain(t=(0, end), **{x.name: (0, 1) for x in space}),
        conditions=_closed(fields, space, operator) if closed else [sn.periodic(x) for x in space],
        initial={u: _start(draw, space, closed) for u in fields},
        name=f"random {number + 1}",
    )
    kind = f"{dimensions}-D {sides} {operator}, {count} field{'s' * (count > 1)}, rate {rate:.2g}, {cells} cells, t {end:g}"
    return Drawn(f"{number + 1}: {kind}", system, cells)


def _linear(draw: Any, operator: str, fields: Sequence[Any], space: Sequence[Any], cells: int) -> list[Any]:
    """The differential terms of each field; their strengths span what is smooth and what is stiff on the grid."""
    made = []
    for u in fields:
        strength = float(f"{10 ** draw.uniform(-3.5, 0.3):.2g}")
        speed = float(f"{10 ** draw.uniform(-1, 1):.2g}")
        second = sum(sn.diff(u, x, 2) for x in space)
        match operator:
            case "diffusion":
                term = strength * second
            case "advection-diffusion":
                term = strength / 10 * second - speed * sn.diff(u, space[0])
            case "dispersion":
                term = -strength / 1000 * sn.diff(u, space[0], 3)
            case "hyperdiffusion":
                term = -strength / 1e4 * (sn.laplacian(sn.laplacian(u)) if len(space) > 1 else sn.diff(u, space[0], 4))
            case _:
                term = -speed * sum(sn.diff(u, x) for x in space)
        made.append(term)
    return made


def _reactions(draw: Any, fields: Sequence[Any], operator: str) -> tuple[float, list[Any]]:
    """Reactions that end in attracting states: two phases, growth to a limit, relaxation to another field; their largest rate."""
    fastest = 1.5 if operator in ("dispersion", "advection") else 4.5
    rates = [float(f"{10 ** draw.uniform(-0.5, fastest):.2g}") for _ in fields]
    made: list[Any] = []
    for number, (u, k) in enumerate(zip(fields, rates, strict=True)):
        other = fields[number - 1]
        kind = str(draw.choice(["phases", "growth", "relaxation", "activation"]))
        if kind == "phases":
            made.append(k * (u - u**3))
        elif kind == "growth":
            made.append(k * u * (1 - u))
        elif kind == "relaxation" and len(fields) > 1:
            made.append(k * (other - u))
        else:
            made.append(k * (sn.tanh(2 * other) - u))
    return max(rates), made


def _start(draw: Any, space: Sequence[Any], closed: bool) -> Any:
    """Smooth, between 0.3 and 0.7; on closed sides level at both ends."""
    waves = sum(
        float(f"{draw.uniform(0.03, 0.1):.2g}")
        * (sn.cos(2 * sn.pi * k * x) if closed else sn.sin(2 * sn.pi * k * x + k))
        for x in space
        for k in draw.choice([1, 2, 3], size=2, replace=False).tolist()
    )
    return 0.5 + waves


def _closed(fields: Sequence[Any], space: Sequence[Any], operator: str) -> list[Any]:
    """Nothing passes the sides."""
    made = []
    for u in fields:
        for x in space:
            for side in (0, 1):
                made.append(sn.neumann(u, 0, at={x: side}))
                if operator == "hyperdiffusion":
                    made.append(sn.condition(sn.Eq(sn.diff(u, x, 3), 0), at={x: side}))
    return made
