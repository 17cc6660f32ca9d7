"""FitzHugh-Nagumo: spiral waves in an excitable medium such as the heart

    u_t = D lap u + u (1 - u) (u - a) - v
    v_t = eps (beta u - gamma v)             square of side 2.5, periodic,  0 < t < 1200

An excited bar, u = 1, with a refractory one, v = 0.1, beside it at t = 0; both smooth at their edges.

What to look at: the bar cannot run into the refractory side, so it becomes a wave with two free ends. Each end curls
up and turns for ever as a spiral; where two waves meet they extinguish each other.

Source: R. FitzHugh, Biophys. J. 1 (1961), 445-466; J. Nagumo, S. Arimoto and S. Yoshizawa, Proc. IRE 50 (1962),
2061-2070; the values of the parameters are those of A. Bueno-Orovio, D. Kay and K. Burrage, BIT Numer. Math. 54 (2014),
937-954, section 5.3.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("reaction-diffusion", "excitable", "spiral wave", "2-D", "periodic")
order = 2
resolution = 128
solve_options: dict[str, object] = {"method": "Tsit5"}
convergence_cells = {2: (96, 192, 384), 4: (64, 128, 256)}
convergence_until = 5.0
reference_until = 50.0

_SIDE = 2.5


def system() -> sn.PDESystem:
    """The model; parameters D, the diffusivity of u, a, the threshold, eps, beta and gamma, the recovery."""
    t, x, y = sn.coordinates("t x y")
    u, v = sn.fields("u v", (t, x, y))
    D, a, eps, beta, gamma = sn.parameters(D=1e-4, a=0.1, eps=0.01, beta=0.5, gamma=1.0)
    along = _between(x, 0.6, 1.9)
    return sn.PDESystem(
        [
            sn.Eq(sn.dt(u), D * sn.laplacian(u) + u * (1 - u) * (u - a) - v),
            sn.Eq(sn.dt(v), eps * (beta * u - gamma * v)),
        ],
        domain=sn.Domain(t=(0, 1200), x=(0, _SIDE), y=(0, _SIDE)),
        conditions=[sn.periodic(x), sn.periodic(y)],
        initial={u: along * _between(y, 1.1, 1.3), v: 0.1 * along * _between(y, 1.3, 1.8)},
        name="fitzhugh_nagumo",
    )


def _between(x: Any, low: float, high: float) -> Any:
    """About 1 from low to high and 0 elsewhere, smooth and periodic."""
    middle, half = (low + high) / 2, (high - low) / 2
    wave = 2 * sn.pi / _SIDE
    edge = sn.cos(wave * (x - middle)) - sn.cos(wave * half)
    return (1 + sn.tanh(12 * edge)) / 2


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """The same right-hand side by hand: state and result (2, n, n), five-point Laplacian with wrap-around.

    The tests integrate it with SciPy at tight tolerance and compare.
    """
    import numpy as np

    u, v = state
    laplacian = sum(np.roll(u, s, a) for s in (1, -1) for a in (0, 1)) / spacing**2 - 4 * u / spacing**2
    return np.stack(
        [
            p["D"] * laplacian + u * (1 - u) * (u - p["a"]) - v,
            p["eps"] * (p["beta"] * u - p["gamma"] * v),
        ]
    )
