"""The Cahn-Hilliard equation: an alloy separates into its two phases

    u_t = lap(u^3 - u - eps^2 lap u)         unit square, periodic,  0 < t < 0.2,  eps = 0.02
    u = small waves of many lengths about 0  at t = 0

What to look at: the mixture u = 0 is unstable; waves some 2 pi sqrt(2) eps = 0.18 long grow fastest and make a labyrinth of
u = 1 and u = -1 with walls of width eps. Then the labyrinth coarsens, slower and slower, to shorten its walls. The
amount of each phase never changes, and the energy always falls.

Source: J. W. Cahn and J. E. Hilliard, J. Chem. Phys. 28 (1958), 258-267; J. W. Cahn, Acta Metall. 9 (1961), 795-801.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("fourth order", "phase separation", "2-D", "periodic", "energy", "conserved quantity")
order = 2
resolution = 64
solve_options: dict[str, object] = {}
convergence_cells = {2: (48, 96, 192), 4: (64, 128, 256)}
convergence_until = 2e-5
reference_until = 0.002


def system() -> sn.PDESystem:
    """The model; parameter eps, the width of the walls."""
    t, x, y = sn.coordinates("t x y")
    u = sn.field("u", (t, x, y))
    eps = sn.parameter("eps", 0.02)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.laplacian(u**3 - u - eps**2 * sn.laplacian(u)))],
        domain=sn.Domain(t=(0, 0.2), x=(0, 1), y=(0, 1)),
        conditions=[sn.periodic(x), sn.periodic(y)],
        initial={u: _ripples(x, y)},
        name="cahn_hilliard",
    )


def _ripples(x: Any, y: Any) -> Any:
    """Waves in many directions with phases that have nothing to do with each other: noise that is a formula."""
    waves = [(i, j) for i in range(-4, 7) for j in range(7) if 4 <= i * i + j * j <= 36]
    return sum(
        0.02 * sn.cos(2 * sn.pi * (i * x + j * y) + 100 * ((0.618 * n * n + 0.377 * n) % 1))
        for n, (i, j) in enumerate(waves)
    )


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """The same right-hand side by hand, the five-point Laplacian of the five-point potential: state and result (1, n, n)."""
    import numpy as np

    def laplacian(w: Any) -> Any:
        return sum(np.roll(w, s, a) for s in (1, -1) for a in (0, 1)) / spacing**2 - 4 * w / spacing**2

    u = state[0]
    return np.stack([laplacian(u**3 - u - p["eps"] ** 2 * laplacian(u))])


def conserved(state: Any, spacing: float, p: dict[str, float]) -> dict[str, float]:
    """The amount of the phase u = 1 less that of u = -1: state (1, n, n)."""
    return {"mass": float(state.sum() * spacing**2)}


def energy(state: Any, spacing: float, p: dict[str, float]) -> float:
    """Sum of eps^2/2 |grad u|^2 + (1 - u^2)^2/4 over the cells, which may only fall: state (1, n, n)."""
    import numpy as np

    u = state[0]
    slopes = sum(((np.roll(u, -1, a) - u) ** 2).sum() for a in (0, 1)) / spacing**2
    return float(spacing**2 * (p["eps"] ** 2 / 2 * slopes + ((1 - u**2) ** 2).sum() / 4))
