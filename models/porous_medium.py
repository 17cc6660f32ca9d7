"""Gas in a porous medium: a front of finite speed

    u_t = (m u^(m - 1) u_x)_x        -10 < x < 10,  1 < t < 20,  m = 2
    m u^(m - 1) u_x = 0              at both ends: nothing leaves
    u = the exact solution           at t = 1

What to look at: unlike heat, the gas ends at a sharp front, ahead of which there is nothing at all; it slows down as
t^(1/(m + 1)) while the content stays the same.

Exact solution (G. I. Barenblatt, Prikl. Mat. Mekh. 16 (1952), 67-78; J. L. Vazquez, *The Porous Medium Equation*, Oxford
2007, section 4.4): u = t^-a max(0, 1 - a (m - 1)/(2 m) x^2 t^(-2 a))^(1/(m - 1)),  a = 1/(m + 1). At the front the
slope jumps, so no scheme of finite differences keeps its order there: the mean error is measured. It holds until the front meets the
ends, for m = 1.8 at t = 18.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("diffusion", "nonlinear", "degenerate", "1-D", "flux condition", "exact solution", "conserved quantity")
order = 2
resolution = 200
solve_options: dict[str, object] = {}
reference = "exact solution of Barenblatt"
smooth = False


def system() -> sn.PDESystem:
    """The model; parameter m, the exponent of the law of Darcy and the gas (m = 2: isothermal)."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    m = sn.parameter("m", 2.0)
    flux = m * sn.where(u > 0, u ** (m - 1), 0) * sn.diff(u, x)  # rounding leaves some u below zero
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.diff(flux, x))],
        domain=sn.Domain(t=(1, 20), x=(-10, 10)),
        conditions=[sn.neumann(u, 0, at={x: -10}), sn.neumann(u, 0, at={x: 10})],
        initial={u: _barenblatt(1, x, m)},
        name="porous_medium",
    )


def exact(model: sn.PDESystem) -> dict[str, object]:
    """u(t, x) as a term, with the model's value of m."""
    (x,) = model.space
    return {"u": _barenblatt(model.time, x, model.parameters["m"])}


def conserved(state: Any, spacing: float, p: dict[str, float]) -> dict[str, float]:
    """The mass, sum of u times the spacing: state (1, points)."""
    return {"mass": float(state.sum() * spacing)}


def _barenblatt(t: Any, x: Any, m: Any) -> Any:
    a = 1 / (m + 1)
    inside = 1 - a * (m - 1) / (2 * m) * x**2 * t ** (-2 * a)
    return t ** (-a) * sn.maximum(0, inside) ** (1 / (m - 1))
