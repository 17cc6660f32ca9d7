"""A diving board: an elastic beam, clamped at one end and free at the other

    u_tt = -c^2 u_xxxx            0 < x < 1,  0 < t < 1.75,  c^2 = (bending stiffness)/(mass per length)
    u = 0,  u_x = 0               at x = 0: clamped
    u_xx = 0,  u_xxx = 0          at x = 1: free, neither moment nor force
    u = X_1 + X_2/4,  u_t = 0     at t = 0

What to look at: the second mode swings 6.27 times as fast as the first, so the board never repeats itself: the
overtones of a beam are out of tune, unlike those of a string.

Exact solution: X_k = (cosh - cos)(b x) - s (sinh - sin)(b x) swings as cos(c b^2 t), where cos(b) cosh(b) = -1; see L.
Meirovitch, *Fundamentals of Vibrations*, McGraw-Hill 2001, section 8.5.
"""

from __future__ import annotations

import math
from typing import Any

import symnum as sn

tags = ("beam", "fourth order", "second order in time", "1-D", "clamped", "free", "exact solution")
order = 2
resolution = 40
solve_options: dict[str, object] = {}
reference = "exact solution: two modes of a cantilever"
convergence_cells = {2: (32, 48, 64), 4: (24, 32, 48)}
convergence_until = 0.3
convergence_slope = {4: 5}  # u_xxxx and u_xxxxx vanish at x = 0, and with them the leading errors of the closures

# the first two solutions of cos(b) cosh(b) = -1, and their amplitudes
_MODES = ((1.8751040687119611, 0.5), (4.6940911329741746, 0.125))


def system() -> sn.PDESystem:
    """The model; parameter c, the square root of stiffness over mass."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    c = sn.parameter("c", 1.0)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u, 2), -(c**2) * sn.diff(u, x, 4))],
        domain=sn.Domain(t=(0, 1.75), x=(0, 1)),
        conditions=[
            sn.dirichlet(u, 0, at={x: 0}),
            sn.neumann(u, 0, at={x: 0}),
            sn.condition(sn.Eq(sn.diff(u, x, 2), 0), at={x: 1}),
            sn.condition(sn.Eq(sn.diff(u, x, 3), 0), at={x: 1}),
        ],
        initial={u: sum(a * _shape(b, x) for b, a in _MODES), sn.dt(u): 0},
        name="beam",
    )


def exact(model: sn.PDESystem) -> dict[str, object]:
    """u(t, x) as a term, with the model's value of c."""
    t, (x,), c = model.time, model.space, model.parameters["c"]
    return {"u": sum(a * sn.cos(c * b**2 * t) * _shape(b, x) for b, a in _MODES)}


def _shape(b: float, x: Any) -> Any:
    """A mode, 2 or -2 at the free end: no moment at x = 1 fixes s."""
    s = (math.cosh(b) + math.cos(b)) / (math.sinh(b) + math.sin(b))
    return sn.cosh(b * x) - sn.cos(b * x) - s * (sn.sinh(b * x) - sn.sin(b * x))
