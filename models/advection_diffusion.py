"""A cloud of dye enters a channel with the stream, drifts and spreads

    u_t + c u_x = D u_xx      0 < x < 2,  0 < t < 1
    c u - D u_x = q(t)        at x = 0: the inflow brings the amount q
    u_x = 0                   at x = 2: what comes flows out freely
    u = the exact solution    at t = 0

What to look at: the cloud comes in through the left side, keeps its speed c, and grows wider and lower so that its
content stays the same once it is inside.

Exact solution: a Gaussian, u = sqrt(s/(t + s)) exp(-(x - x0 - c t)^2/(4 D (t + s))), with s = 0.5 and x0 = -0.1; at
the outlet it is below 1e-16 in the time shown. See R. B. Bird, W. E. Stewart and E. N. Lightfoot, *Transport
Phenomena*, 2nd ed., Wiley 2002, chapter 20; the inflow condition is that of P. V. Danckwerts, Chem. Eng. Sci. 2 (1953),
1-13.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("advection", "diffusion", "1-D", "flux condition", "Neumann", "exact solution")
order = 2
resolution = 200
solve_options: dict[str, object] = {}
reference = "exact solution: a Gaussian that drifts and spreads"

_AGE, _START = 0.5, -0.1  # s and x0


def system() -> sn.PDESystem:
    """The model; parameters c, the speed of the stream, and D, the diffusivity."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    c, D = sn.parameters(c=1.0, D=0.005)
    inflow = (c + (0 - _START - c * t) / (2 * (t + _AGE))) * _cloud(t, 0, c, D)  # c u - D u_x of the exact solution
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), -c * sn.diff(u, x) + D * sn.diff(u, x, 2))],
        domain=sn.Domain(t=(0, 1), x=(0, 2)),
        conditions=[
            sn.condition(sn.Eq(c * u - D * sn.diff(u, x), inflow), at={x: 0}),
            sn.neumann(u, 0, at={x: 2}),
        ],
        initial={u: _cloud(0, x, c, D)},
        name="advection_diffusion",
    )


def exact(model: sn.PDESystem) -> dict[str, object]:
    """u(t, x) as a term, with the model's values of c and D."""
    (x,) = model.space
    return {"u": _cloud(model.time, x, model.parameters["c"], model.parameters["D"])}


def _cloud(t: Any, x: Any, c: Any, D: Any) -> Any:
    age = t + _AGE
    return sn.sqrt(_AGE / age) * sn.exp(-((x - _START - c * t) ** 2) / (4 * D * age))
