"""The Lorenz attractor: three equations for a layer of air heated from below

    X' = sigma (Y - X)
    Y' = X (rho - Z) - Y
    Z' = X Y - beta Z          X = 1, Y = 0, Z = 0 at t = 0,  0 < t < 40

What to look at: the orbit never closes; it circles one wing, then the other, and two orbits that begin almost
together part after a while (errors grow about as exp(0.9 t): beyond t = 30 no method keeps more than a few digits).

Source: E. N. Lorenz, Deterministic nonperiodic flow, J. Atmos. Sci. 20 (1963), 130-141,
with sigma = 10, rho = 28, beta = 8/3.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("ODE", "chaos")
order = None
resolution = None
solve_options: dict[str, object] = {"rtol": 1e-8, "atol": 1e-8}


def system() -> sn.PDESystem:
    """The model; parameters sigma, rho and beta."""
    t = sn.coordinates("t")
    X, Y, Z = sn.fields("X Y Z", (t,))
    sigma, rho, beta = sn.parameters(sigma=10.0, rho=28.0, beta=8 / 3)
    return sn.ODESystem(
        [
            sn.Eq(sn.dt(X), sigma * (Y - X)),
            sn.Eq(sn.dt(Y), X * (rho - Z) - Y),
            sn.Eq(sn.dt(Z), X * Y - beta * Z),
        ],
        t=(0, 40),
        initial={X: 1, Y: 0, Z: 0},
        name="lorenz",
    )


reference_until = 10.0  # beyond, chaos magnifies rounding


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """The same right-hand side by hand: state and result (3,). The tests integrate it with SciPy and compare."""
    X, Y, Z = state
    return [p["sigma"] * (Y - X), X * (p["rho"] - Z) - Y, X * Y - p["beta"] * Z]
