"""The Allen-Cahn equation: walls between two phases that hardly move, and then vanish at once

    u_t = eps u_xx + u - u^3      -1 < x < 1,  0 < t < 70,  eps = 0.01
    u = -1 at x = -1,  u = 1 at x = 1
    u = 0.53 x + 0.47 sin(-3 pi x/2)   at t = 0

What to look at: within a few time units u is +1 or -1 nearly everywhere. Three walls are left between
the phases; they attract each other with a force that is exponentially small in their distance, so little seems to
happen until about t = 38, when the three are suddenly one (metastability). The energy falls all the time.

Source: S. M. Allen and J. W. Cahn, Acta Metall. 27 (1979), 1085-1095; this run: L. N. Trefethen, *Spectral Methods in
MATLAB*, SIAM 2000, program 34, and A.-K. Kassam and L. N. Trefethen, SIAM J. Sci. Comput. 26 (2005), 1214-1233.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("reaction-diffusion", "metastable", "1-D", "Dirichlet", "energy")
order = 2
resolution = 200
solve_options: dict[str, object] = {}
convergence_cells = {2: (50, 100, 200), 4: (25, 50, 100)}
convergence_until = 5.0
reference_until = 5.0  # to the end it would take SciPy seconds


def system() -> sn.PDESystem:
    """The model; parameter eps, the square of the width of a wall."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    eps = sn.parameter("eps", 0.01)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), eps * sn.diff(u, x, 2) + u - u**3)],
        domain=sn.Domain(t=(0, 70), x=(-1, 1)),
        conditions=[sn.dirichlet(u, -1, at={x: -1}), sn.dirichlet(u, 1, at={x: 1})],
        initial={u: 0.53 * x + 0.47 * sn.sin(-3 * sn.pi * x / 2)},
        name="allen_cahn",
    )


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """The same right-hand side by hand: state and result (1, n + 1), both ends included, which keep their values."""
    import numpy as np

    rates = np.zeros_like(state)
    u = state[0]
    rates[0, 1:-1] = p["eps"] * (u[2:] - 2 * u[1:-1] + u[:-2]) / spacing**2 + u[1:-1] - u[1:-1] ** 3
    return rates


def energy(state: Any, spacing: float, p: dict[str, float]) -> float:
    """Sum of eps/2 u_x^2 + (1 - u^2)^2/4 times the spacing, which may only fall: state (1, n + 1)."""
    u = state[0]
    slopes = (u[1:] - u[:-1]) / spacing
    return float(spacing * (p["eps"] / 2 * (slopes**2).sum() + ((1 - u**2) ** 2).sum() / 4))
