"""The Korteweg-de Vries equation: a solitary wave of shallow water that keeps its shape

    u_t + 6 u u_x + u_xxx = 0        -20 <= x < 20 periodic,  0 < t < 4
    u = c/2 sech^2(sqrt(c)/2 (x + 8))   at t = 0,  c = 4

What to look at: steepening and dispersion hold each other exactly, and the hump runs at speed c = 4, twice its height.
A poor scheme shows at once: it leaves a train of ripples behind, and the hump lags.

The steepening is written as 2 (u u_x + (u^2)_x): then central differences keep the mass, sum u, and the momentum, sum
u^2, exactly (N. J. Zabusky and M. D. Kruskal, Phys. Rev. Lett. 15 (1965), 240-243, use the same mean).

Exact solution (D. J. Korteweg and G. de Vries, Phil. Mag. 39 (1895), 422-443): u(t, x) = f(x - c t), and copies of it
one period away on either side, whose tails there are below 1e-16.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("dispersive", "nonlinear", "soliton", "1-D", "periodic", "exact solution", "conserved quantity")
order = 4
resolution = 256
solve_options: dict[str, object] = {"order": 4}
reference = "exact solution: a soliton"
convergence_cells = {2: (256, 384, 512), 4: (384, 512, 768)}
convergence_until = 0.5

_START, _PERIOD = -8, 40


def system() -> sn.PDESystem:
    """The model; parameter c, the speed of the wave and twice its height."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    c = sn.parameter("c", 4.0)
    steepening = 2 * (u * sn.diff(u, x) + sn.diff(u**2, x))
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), -steepening - sn.diff(u, x, 3))],
        domain=sn.Domain(t=(0, 4), x=(-20, 20)),
        conditions=[sn.periodic(x)],
        initial={u: _solitons(0, x, c)},
        name="kdv",
    )


def exact(model: sn.PDESystem) -> dict[str, object]:
    """u(t, x) as a term, with the model's value of c."""
    (x,) = model.space
    return {"u": _solitons(model.time, x, model.parameters["c"])}


def conserved(state: Any, spacing: float, p: dict[str, float]) -> dict[str, float]:
    """Mass and momentum: state (1, n)."""
    return {"mass": float(state.sum() * spacing), "momentum": float((state**2).sum() * spacing)}


def _solitons(t: Any, x: Any, c: Any) -> Any:
    return sum(c / 2 / sn.cosh(sn.sqrt(c) / 2 * (x - _START - c * t + turn * _PERIOD)) ** 2 for turn in (-1, 0, 1))
