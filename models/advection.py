"""Advection of a smooth wave around a ring

    u_t + c u_x = 0           0 <= x < 1 periodic,  0 < t < 1
    u = exp(sin(2 pi x)) / e  at t = 0

What to look at: after the time 1/c the wave is back where it began, unchanged. What differs is the error of the
scheme: central differences keep the height and delay short waves (R. J. LeVeque, *Finite Difference Methods for
Ordinary and Partial Differential Equations*, SIAM 2007, chapter 10).

Exact solution: u(t, x) = f(x - c t) with the initial profile f.
"""

from __future__ import annotations

import symnum as sn

tags = ("advection", "1-D", "periodic", "exact solution")
order = 2
resolution = 128
solve_options: dict[str, object] = {}
reference = "exact solution: the initial profile, shifted"


def system() -> sn.PDESystem:
    """The model; parameter c, the speed."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    c = sn.parameter("c", 1.0)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), -c * sn.diff(u, x))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={u: _profile(x)},
        name="advection",
    )


def exact(model: sn.PDESystem) -> dict[str, object]:
    """u(t, x) as a term, with the model's value of c."""
    (x,) = model.space
    return {"u": _profile(x - model.parameters["c"] * model.time)}


def _profile(x: object) -> object:
    return sn.exp(sn.sin(2 * sn.pi * x) - 1)
