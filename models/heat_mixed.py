"""A rod heated at one end that loses its heat to the air at the other

    u_t = D u_xx                            0 < x < 1,  0 < t < 1
    u = 1                                   at x = 0: held hot
    u_x + h u = 0,  h = -k cot(k)           at x = 1: Newton's law of cooling, h = 1 for k = 2.0288
    u = 1 - h x/(1 + h) - 0.5 sin(k x)      at t = 0

What to look at: heat enters on the left until the profile is the straight line on which as much flows in as goes
over to the air; the slope at the cooled end always follows the value there.

Exact solution: the line, and a wave whose k solves k cos(k) + h sin(k) = 0 and which decays as exp(-D k^2 t); see H. S.
Carslaw and J. C. Jaeger, *Conduction of Heat in Solids*, 2nd ed., Oxford 1959, section 3.9. The model takes k and works
out h, so that the solution is a formula; pi/2 < k < pi.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("diffusion", "1-D", "Dirichlet", "Robin", "exact solution")
order = 2
resolution = 64
solve_options: dict[str, object] = {}
reference = "exact solution: a straight line and one decaying wave"


def system() -> sn.PDESystem:
    """The model; parameters D, the diffusivity, and k, the number of the slowest wave, which stands for the cooling."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    D, k = sn.parameters(D=1.0, k=2.028757838110434)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), D * sn.diff(u, x, 2))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.dirichlet(u, 1, at={x: 0}), sn.robin(u, -k / sn.tan(k), 1, 0, at={x: 1})],
        initial={u: _profile(0, x, D, k)},
        name="heat_mixed",
    )


def exact(model: sn.PDESystem) -> dict[str, object]:
    """u(t, x) as a term, with the model's values of D and k."""
    (x,) = model.space
    return {"u": _profile(model.time, x, model.parameters["D"], model.parameters["k"])}


def _profile(t: Any, x: Any, D: Any, k: Any) -> Any:
    h = -k / sn.tan(k)
    return 1 - h * x / (1 + h) - 0.5 * sn.exp(-D * k**2 * t) * sn.sin(k * x)
