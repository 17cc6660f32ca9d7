"""Gray-Scott reaction: spots that grow, split and fill the plane

    u_t = Du lap u - u v^2 + F (1 - u)
    v_t = Dv lap v + u v^2 - (F + k) v      unit square, periodic,  0 < t < 5000

u = 1, v = 0 with two smooth seeds of the catalyst v at t = 0.

What to look at: v lives on u, spreads where there is fresh u, and starves where it was: each spot divides in two,
again and again. Other values of F and k give winding stripes, waves or nothing (try --set F=0.04 --set k=0.0625).

Source: J. E. Pearson, Complex patterns in a simple system, Science 261 (1993), 189-192 (diffusivities and the map
of F and k); P. Gray and S. K. Scott, Chem. Eng. Sci. 38 (1983), 29-43.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("reaction-diffusion", "pattern", "2-D", "periodic")
order = 2
resolution = 96
solve_options: dict[str, object] = {}
convergence_cells = {2: (48, 96, 192), 4: (48, 96, 192)}
convergence_until = 20.0


def system() -> sn.PDESystem:
    """The model; parameters Du and Dv, the diffusivities, F, the rate of feeding, and k, the rate of decay of v."""
    t, x, y = sn.coordinates("t x y")
    u, v = sn.fields("u v", (t, x, y))
    Du, Dv, F, k = sn.parameters(Du=2e-5, Dv=1e-5, F=0.035, k=0.0635)
    seeds = _seed(x, y, 0.42, 0.45) + _seed(x, y, 0.6, 0.58)
    return sn.PDESystem(
        [
            sn.Eq(sn.dt(u), Du * sn.laplacian(u) - u * v**2 + F * (1 - u)),
            sn.Eq(sn.dt(v), Dv * sn.laplacian(v) + u * v**2 - (F + k) * v),
        ],
        domain=sn.Domain(t=(0, 5000), x=(0, 1), y=(0, 1)),
        conditions=[sn.periodic(x), sn.periodic(y)],
        initial={u: 1 - seeds / 2, v: seeds / 4},
        name="gray_scott",
    )


def _seed(x: Any, y: Any, x0: float, y0: float) -> Any:
    """A smooth periodic bump of height 1 and radius about 0.05."""
    return sn.exp(-20 * (2 - sn.cos(2 * sn.pi * (x - x0)) - sn.cos(2 * sn.pi * (y - y0))))


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """The same right-hand side by hand: state and result (2, n, n), five-point Laplacian with wrap-around.

    The tests integrate it with SciPy at tight tolerance and compare.
    """
    import numpy as np

    u, v = state
    lap_u, lap_v = (
        sum(np.roll(w, s, a) for s in (1, -1) for a in (0, 1)) / spacing**2 - 4 * w / spacing**2 for w in (u, v)
    )
    eaten = u * v**2
    return np.stack([p["Du"] * lap_u - eaten + p["F"] * (1 - u), p["Dv"] * lap_v + eaten - (p["F"] + p["k"]) * v])
