"""The Brusselator: a chemical oscillator in two dimensions, disturbed at t = 1.1

    u_t = b + u^2 v - (a + 1) u + alpha lap u + f
    v_t = a u - u^2 v + alpha lap v             unit square, periodic,  0 < t < 11.5
    f = 5 where (x - 0.3)^2 + (y - 0.6)^2 <= 0.01 and t >= 1.1, else 0
    u = 22 (y (1 - y))^1.5,  v = 27 (x (1 - x))^1.5   at t = 0

What to look at: with alpha = 10 diffusion flattens the initial state within hundredths of a time unit, after which
the square oscillates almost as one, warmer inside the disc; with --set alpha=0.002 waves run from it.
The reaction is slow and diffusion fast: the classical stiff problem.

Source: E. Hairer and G. Wanner, *Solving Ordinary Differential Equations II*, section IV.10 (BRUSS-2D), in the form
of the benchmarks of DifferentialEquations.jl (A = 3.4, B = 1).
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("reaction-diffusion", "stiff", "2-D", "periodic", "discontinuous forcing")
order = 2
resolution = 64
solve_options: dict[str, object] = {}
smooth = False  # the initial state has kinks at the seam, the forcing a jump at the edge of the disc


def system() -> sn.PDESystem:
    """The model; parameters alpha, the diffusivity, and a and b, the feeds."""
    t, x, y = sn.coordinates("t x y")
    u, v = sn.fields("u v", (t, x, y))
    alpha, a, b = sn.parameters(alpha=10.0, a=3.4, b=1.0)
    forcing = sn.where((x - 0.3) ** 2 + (y - 0.6) ** 2 <= 0.01, 5.0, 0.0) * (t >= 1.1)
    return sn.PDESystem(
        [
            sn.Eq(sn.dt(u), b + u**2 * v - (a + 1) * u + alpha * sn.laplacian(u) + forcing),
            sn.Eq(sn.dt(v), a * u - u**2 * v + alpha * sn.laplacian(v)),
        ],
        domain=sn.Domain(t=(0, 11.5), x=(0, 1), y=(0, 1)),
        conditions=[sn.periodic(x), sn.periodic(y)],
        initial={u: 22 * (y * (1 - y)) ** 1.5, v: 27 * (x * (1 - x)) ** 1.5},
        name="brusselator",
    )


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """The same right-hand side by hand: state and result (2, n, n), five-point Laplacian with wrap-around.

    The tests integrate it with SciPy at tight tolerance and compare.
    """
    import numpy as np

    u, v = state
    x = spacing * np.arange(u.shape[0])
    disc = (x[:, None] - 0.3) ** 2 + (x[None, :] - 0.6) ** 2 <= 0.01
    lap_u, lap_v = (
        sum(np.roll(w, s, a) for s in (1, -1) for a in (0, 1)) / spacing**2 - 4 * w / spacing**2 for w in (u, v)
    )
    f = 5.0 * disc * (t >= 1.1)
    return np.stack(
        [
            p["b"] + u**2 * v - (p["a"] + 1) * u + p["alpha"] * lap_u + f,
            p["a"] * u - u**2 * v + p["alpha"] * lap_v,
        ]
    )
