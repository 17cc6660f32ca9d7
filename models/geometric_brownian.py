"""Geometric Brownian motion: growth at a random rate, as of a population or a price

    du = mu u dt + sigma u dW          u = 1 at t = 0,  0 < t < 1

What to look at: in Ito's meaning the mean grows as exp(mu t) while a typical path grows as exp((mu - sigma^2/2) t); the path of the
Wiener process is a function of the seed, so two methods, or one at two tolerances, can be compared path by path with the exact solution
u = exp((mu - sigma^2/2) t + sigma W(t)).

Source: P. E. Kloeden, E. Platen, Numerical Solution of Stochastic Differential Equations, Springer 1992, (4.4.6).
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("SDE",)
order = None
resolution = None
solve_options: dict[str, object] = {"rtol": 1e-4, "atol": 1e-6}


def system() -> sn.PDESystem:
    """The model; parameters mu (growth) and sigma (strength of the noise)."""
    t = sn.coordinates("t")
    u = sn.field("u", (t,))
    mu, sigma = sn.parameters(mu=1.0, sigma=0.5)
    return sn.SDESystem(
        [sn.Eq(sn.dt(u), mu * u)], noise={u: sigma * u}, t=(0, 1), initial={u: 1.0}, name="geometric_brownian"
    )


reference = "Kloeden, Platen 1992, (4.4.6): linear equations with multiplicative noise"


def path(model: sn.PDESystem) -> dict[str, Any]:
    """The exact solution on a path W of the Wiener process (a symbol of that name)."""
    mu, sigma = (model.parameter_symbols[name] for name in ("mu", "sigma"))
    return {"u": sn.exp((mu - sigma**2 / 2) * model.time + sigma * sn.symbol("W"))}
