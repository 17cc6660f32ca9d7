"""The telegraph equation: a pulse in a long cable that resists and leaks

    u_tt + (alpha + beta) u_t + alpha beta u = c^2 u_xx      0 < x < 1,  0 < t < 1.6
    u_x = 0                                                  at both ends: open, no current
    u = exp(R (cos(pi x) - 1)),  u_t = 0                     at t = 0, R = 30

u is the voltage, alpha = (resistance)/(inductance), beta = (leakage)/(capacity).

What to look at: half of a pulse at the left end runs to the right with speed c, gets smaller, leaves a long tail, and
is thrown back by the open end. The tail is what blurred the letters of the first Atlantic cable; with as much
leakage as resistance (--set beta=2) it is gone: Heaviside's line without distortion.

Exact solution: every cosine swings or dies on its own, u = sum_k a_k T_k(t) cos(k pi x); the coefficients of this pulse
are modified Bessel functions. O. Heaviside, *Electromagnetic Theory*, vol. 1 (1893); R. Courant and D. Hilbert,
*Methods of Mathematical Physics*, vol. 2, section III.4.
"""

from __future__ import annotations

import math
from typing import Any

import symnum as sn

tags = ("wave", "damped", "second order in time", "1-D", "Neumann", "exact solution")
order = 2
resolution = 128
solve_options: dict[str, object] = {}
convergence_cells = {2: (128, 256, 512), 4: (256, 384, 512)}
reference = "exact solution: a series of cosines"
_R = 30


def system() -> sn.PDESystem:
    """The model; parameters c, the speed of signals, alpha and beta, the damping by resistance and by leakage."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    c, alpha, beta = sn.parameters(c=1.0, alpha=2.0, beta=0.0)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u, 2) + (alpha + beta) * sn.dt(u) + alpha * beta * u, c**2 * sn.diff(u, x, 2))],
        domain=sn.Domain(t=(0, 1.6), x=(0, 1)),
        conditions=[sn.neumann(u, 0, at={x: 0}), sn.neumann(u, 0, at={x: 1})],
        initial={u: sn.exp(_R * (sn.cos(sn.pi * x) - 1)), sn.dt(u): 0},
        name="telegraph",
    )


def exact(model: sn.PDESystem) -> dict[str, object]:
    """u(t, x) as a term, with the model's values of c, alpha and beta."""
    from scipy.special import ive

    t, (x,), p = model.time, model.space, model.parameters
    # exp(R (cos y - 1)) = e^-R I_0(R) + 2 sum_k e^-R I_k(R) cos(k y);  ive(k, R) = e^-R I_k(R)
    waves = [(k, (2 if k else 1) * float(ive(k, _R))) for k in range(80) if ive(k, _R) > 1e-18]
    return {"u": sum(a * _swing(t, k, p) * sn.cos(k * sn.pi * x) for k, a in waves)}


def _swing(t: Any, k: int, p: dict[str, float]) -> Any:
    """The solution of T'' + (alpha + beta) T' + (alpha beta + (c k pi)^2) T = 0 with T = 1, T' = 0 at t = 0."""
    g = (p["alpha"] + p["beta"]) / 2
    square = (p["c"] * k * math.pi) ** 2 + p["alpha"] * p["beta"] - g**2
    w = math.sqrt(abs(square))
    if w < 1e-9:
        return sn.exp(-g * t) * (1 + g * t)
    if square > 0:
        return sn.exp(-g * t) * (sn.cos(w * t) + g / w * sn.sin(w * t))
    return ((1 + g / w) * sn.exp((w - g) * t) + (1 - g / w) * sn.exp(-(w + g) * t)) / 2
