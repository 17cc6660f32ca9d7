"""Heat conduction in a rod held at zero temperature at both ends

    u_t = D u_xx              0 < x < 1,  0 < t < 0.2
    u = 0                     at x = 0 and x = 1
    u = sin(pi x) + sin(3 pi x)/2   at t = 0

What to look at: the short wave dies nine times faster than the long one, so that the profile becomes a single arch.

Exact solution: every sine is an eigenfunction, u = sum_k a_k exp(-D (k pi)^2 t) sin(k pi x); see J. Crank, *The
Mathematics of Diffusion*, 2nd ed., Oxford 1975, section 2.4.
"""

from __future__ import annotations

import symnum as sn

tags = ("diffusion", "1-D", "Dirichlet", "exact solution")
order = 2
resolution = 64
solve_options: dict[str, object] = {}
convergence_cells = {2: (32, 64, 128), 4: (48, 64, 96)}
convergence_until = 0.02
reference = "exact solution: two decaying sine waves"


def system() -> sn.PDESystem:
    """The model; parameter D, the diffusivity."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    D = sn.parameter("D", 1.0)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), D * sn.diff(u, x, 2))],
        domain=sn.Domain(t=(0, 0.2), x=(0, 1)),
        conditions=[sn.dirichlet(u, 0, at={x: 0}), sn.dirichlet(u, 0, at={x: 1})],
        initial={u: sn.sin(sn.pi * x) + sn.sin(3 * sn.pi * x) / 2},
        name="heat",
    )


def exact(model: sn.PDESystem) -> dict[str, object]:
    """u(t, x) as a term, with the model's value of D."""
    t, (x,), D = model.time, model.space, model.parameters["D"]
    modes = {1: 1, 3: sn.rational(1, 2)}
    return {"u": sum(a * sn.exp(-D * (k * sn.pi) ** 2 * t) * sn.sin(k * sn.pi * x) for k, a in modes.items())}
