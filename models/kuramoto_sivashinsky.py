"""The Kuramoto-Sivashinsky equation: chaos in a flame front

    u_t = -u u_x - u_xx - u_xxxx     0 <= x < 32 pi periodic,  0 < t < 150
    u = cos(x/16) (1 + sin(x/16))    at t = 0

What to look at: long waves grow (backward diffusion), short ones are damped (fourth derivative), and the nonlinear
term hands energy from the one to the other. After t = 50 cells some 9 wide wander, merge and split for ever. (The initial state
is odd about x = 8 pi and x = 24 pi, and so stays the solution.)

Source: Y. Kuramoto and T. Tsuzuki, Prog. Theor. Phys. 55 (1976), 356-369; G. I. Sivashinsky, Acta Astronautica 4 (1977),
1177-1206; this run: A.-K. Kassam and L. N. Trefethen, Fourth-order time-stepping for stiff PDEs, SIAM J. Sci. Comput. 26
(2005), 1214-1233, section 4.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("fourth order", "chaos", "1-D", "periodic", "conserved quantity")
order = 4
resolution = 256
solve_options: dict[str, object] = {"order": 4}
convergence_cells = {2: (256, 512, 1024), 4: (128, 256, 512)}
convergence_until = 10.0
reference_until = 20.0  # beyond, chaos magnifies rounding


def system() -> sn.PDESystem:
    """The model; no parameter: the length of the domain is the only one."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), -sn.diff(u**2 / 2, x) - sn.diff(u, x, 2) - sn.diff(u, x, 4))],
        domain=sn.Domain(t=(0, 150), x=(0, 32 * sn.pi)),
        conditions=[sn.periodic(x)],
        initial={u: sn.cos(x / 16) * (1 + sn.sin(x / 16))},
        name="kuramoto_sivashinsky",
    )


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """The same right-hand side by hand, central differences of order 2: state and result (1, n)."""
    import numpy as np

    u = state[0]
    back2, back, ahead, ahead2 = (np.roll(u, s) for s in (2, 1, -1, -2))
    steepening = (ahead**2 - back**2) / (4 * spacing)
    second = (ahead - 2 * u + back) / spacing**2
    fourth = (ahead2 - 4 * ahead + 6 * u - 4 * back + back2) / spacing**4
    return np.stack([-steepening - second - fourth])


def conserved(state: Any, spacing: float, p: dict[str, float]) -> dict[str, float]:
    """The mean position of the front, sum of u times the spacing: state (1, n)."""
    return {"sum": float(state.sum() * spacing)}
