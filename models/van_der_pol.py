"""The Van der Pol oscillator: a valve circuit that settles into a limit cycle

    u' = v
    v' = mu (1 - u^2) v - u    u = 0.1, v = 0 at t = 0,  0 < t < 40

What to look at: small swings grow and large ones shrink until all are the same; with larger mu (try --set mu=30)
the orbit crawls and jumps, and the equations become stiff.

Source: B. van der Pol, On relaxation-oscillations, Phil. Mag. 2 (1926), 978-992; E. Hairer, S. P. Norsett and G.
Wanner, *Solving Ordinary Differential Equations I*, section I.16.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("ODE", "oscillator", "limit cycle")
order = None
resolution = None
solve_options: dict[str, object] = {"rtol": 1e-8, "atol": 1e-8}


def system() -> sn.PDESystem:
    """The model; parameter mu, the strength of the nonlinear damping."""
    t = sn.coordinates("t")
    u, v = sn.fields("u v", (t,))
    mu = sn.parameter("mu", 1.0)
    return sn.ODESystem(
        [sn.Eq(sn.dt(u), v), sn.Eq(sn.dt(v), mu * (1 - u**2) * v - u)],
        t=(0, 40),
        initial={u: 0.1, v: 0},
        name="van_der_pol",
    )


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """The same right-hand side by hand: state and result (2,). The tests integrate it with SciPy and compare."""
    u, v = state
    return [v, p["mu"] * (1 - u**2) * v - u]
