"""A vibrating string, fixed at both ends

    u_tt = c^2 u_xx           0 < x < 1,  0 < t < 1.75
    u = 0                     at x = 0 and x = 1
    u = sin(pi x) + sin(2 pi x)/2,  u_t = 0   at t = 0

What to look at: the second harmonic swings twice as fast as the first; after the time 2/c both are back, and
nothing is lost.

Exact solution: standing waves, u = sum_k a_k cos(k pi c t) sin(k pi x); see J. W. Strutt (Lord Rayleigh), *The
Theory of Sound*, vol. 1, chapter VI.
"""

from __future__ import annotations

import symnum as sn

tags = ("wave", "second order in time", "1-D", "Dirichlet", "exact solution")
order = 2
resolution = 64
solve_options: dict[str, object] = {}
convergence_cells = {2: (32, 64, 128), 4: (32, 64, 128)}
reference = "exact solution: two standing waves"


def system() -> sn.PDESystem:
    """The model; parameter c, the speed of waves."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    c = sn.parameter("c", 1.0)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u, 2), c**2 * sn.diff(u, x, 2))],
        domain=sn.Domain(t=(0, 1.75), x=(0, 1)),
        conditions=[sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
        initial={u: sn.sin(sn.pi * x) + sn.sin(2 * sn.pi * x) / 2, sn.dt(u): 0},
        name="wave",
    )


def exact(model: sn.PDESystem) -> dict[str, object]:
    """u(t, x) as a term, with the model's value of c."""
    t, (x,), c = model.time, model.space, model.parameters["c"]
    modes = {1: 1, 2: sn.rational(1, 2)}
    return {"u": sum(a * sn.cos(k * sn.pi * c * t) * sn.sin(k * sn.pi * x) for k, a in modes.items())}
