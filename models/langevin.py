"""Langevin's equation: a particle in a well, shaken and braked by its surroundings

    x'' = -w^2 x - g x' + sqrt(2 g T) dW/dt          x = 1, x' = 0 at t = 0,  0 < t < 10

What to look at: noise and friction belong together; whatever the friction g, position and velocity come to rest at the normal
distribution of statistical mechanics, with the variances T/w^2 and T, and do not depend on each other.

Source: P. Langevin, Sur la theorie du mouvement brownien, C. R. Acad. Sci. 146 (1908) 530-533; G. E. Uhlenbeck, L. S. Ornstein, On the
theory of the Brownian motion, Phys. Rev. 36 (1930) 823-841.
"""

from __future__ import annotations

import symnum as sn

tags = ("SDE", "mechanics")
order = None
resolution = None
solve_options: dict[str, object] = {"rtol": 1e-3, "atol": 1e-3}


def system() -> sn.PDESystem:
    """The model; parameters w (frequency of the well), g (friction) and T (temperature)."""
    t = sn.coordinates("t")
    x = sn.field("x", (t,))
    w, g, T = sn.parameters(w=2.0, g=1.5, T=0.5)
    return sn.SDESystem(
        [sn.Eq(sn.dt(x, 2), -(w**2) * x - g * sn.dt(x))],
        noise={x: sn.sqrt(2 * g * T)},
        t=(0, 10),
        initial={x: 1.0, sn.dt(x): 0.0},
        name="langevin",
    )


reference = (
    "the Gibbs distribution of a particle in the potential w^2 x^2/2 at temperature T, to which the equation relaxes"
)


def moments(p: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Mean and variance of the fields of the state at the end; what is left of the start is exp(-g t/2) of it, half a per mille."""
    return {"x": (0.0, p["T"] / p["w"] ** 2), "x_t": (0.0, p["T"])}
