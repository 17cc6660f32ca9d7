"""Fisher's equation: an advantageous gene, or a flame, spreads as a travelling front

    u_t = D u_xx + r u (1 - u)     -10 < x < 30,  0 < t < 8
    u = the exact solution         at both ends and at t = 0

What to look at: the front keeps its shape and runs at 5/sqrt(6) sqrt(r D), a little faster than the slowest
possible front, 2 sqrt(r D) (R. A. Fisher, Ann. Eugenics 7, 1937; Kolmogorov, Petrovsky and Piskunov, 1937).

Exact solution (M. J. Ablowitz and A. Zeppetella, Bull. Math. Biol. 41, 1979, 835-840):
u = (1 + exp(z))^-2,  z = sqrt(r/(6 D)) x - (5/6) r t.
"""

from __future__ import annotations

import symnum as sn

tags = ("reaction-diffusion", "travelling wave", "1-D", "Dirichlet", "exact solution")
order = 2
resolution = 128
solve_options: dict[str, object] = {}
reference = "exact solution of Ablowitz and Zeppetella"


def system() -> sn.PDESystem:
    """The model; parameters D, the diffusivity, and r, the rate of growth."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    D, r = sn.parameters(D=1.0, r=1.0)
    return sn.PDESystem(
        [sn.Eq(sn.dt(u), D * sn.diff(u, x, 2) + r * u * (1 - u))],
        domain=sn.Domain(t=(0, 8), x=(-10, 30)),
        conditions=[
            sn.dirichlet(u, _front(t, -10, D, r), at={x: -10}),
            sn.dirichlet(u, _front(t, 30, D, r), at={x: 30}),
        ],
        initial={u: _front(0, x, D, r)},
        name="fisher_kpp",
    )


def exact(model: sn.PDESystem) -> dict[str, object]:
    """u(t, x) as a term, with the model's values of D and r."""
    (x,) = model.space
    return {"u": _front(model.time, x, model.parameters["D"], model.parameters["r"])}


def _front(t: object, x: object, D: object, r: object) -> object:
    return (1 + sn.exp(sn.sqrt(r / (6 * D)) * x - sn.rational(5, 6) * r * t)) ** -2
