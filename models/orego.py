"""OREGO: the Oregonator, the skeleton of the Belousov-Zhabotinskii reaction

    x' = s (y - x y + x - q x^2)
    y' = (-y - x y + z)/s
    z' = w (x - z)            x = 1, y = 2, z = 3 at t = 0,  0 < t < 360,   s = 77.27, q = 8.375e-6, w = 0.161

What to look at: long quiet stretches, then within a second x jumps over five powers of ten and falls back. Every step
size between 1e-3 and 10 is right at some time.

Source: R. J. Field, R. M. Noyes, Oscillations in chemical systems IV, J. Chem. Phys. 60 (1974) 1877-1884; the values at the
end are those of F. Mazzia, C. Magherini, *Test Set for Initial Value Problem Solvers*, release 2.4, University of Bari
2008, problem OREGO (RADAU in quadruple precision).
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("ODE", "stiff", "chemistry", "oscillator")
order = None
resolution = None
solve_options: dict[str, object] = {"method": "Rodas5P", "rtol": 1e-9, "atol": 1e-9}
published = {360.0: {"x": 0.1000814870318523e1, "y": 0.1228178521549917e4, "z": 0.1320554942846706e3}}
reference_until = 60.0


def system() -> sn.PDESystem:
    """The model; parameters s, q and w, the ratios of the rates."""
    t = sn.coordinates("t")
    x, y, z = sn.fields("x y z", (t,))
    s, q, w = sn.parameters(s=77.27, q=8.375e-6, w=0.161)
    return sn.ODESystem(
        [
            sn.Eq(sn.dt(x), s * (y - x * y + x - q * x**2)),
            sn.Eq(sn.dt(y), (-y - x * y + z) / s),
            sn.Eq(sn.dt(z), w * (x - z)),
        ],
        t=(0, 360),
        initial={x: 1, y: 2, z: 3},
        name="orego",
    )


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """The same right-hand side by hand: state and result (3,). The tests integrate it with SciPy and compare."""
    x, y, z = state
    made = p["s"] * (y + x * (1 - y - p["q"] * x))
    return [made, (z - (1 + x) * y) / p["s"], p["w"] * (x - z)]
