"""Robertson's reaction: the classical test of stiff integrators

    A -> B  (slow, 0.04)        B + B -> C + B  (very fast, 3e7)        B + C -> A + C  (fast, 1e4)

    A' = -0.04 A + 1e4 B C
    B' =  0.04 A - 1e4 B C - 3e7 B^2
    C' =                     3e7 B^2       A = 1, B = C = 0 at t = 0,  0 < t < 40

What to look at: B rises within milliseconds to 3.65e-5 and is used up as fast as it is made ever after. Nothing
happens quickly any more, and yet an explicit method must go on taking steps of a millisecond. A + B + C stays 1.

Source: H. H. Robertson, in *Numerical Analysis, an Introduction*, Academic Press 1966, 178-182; E. Hairer and G. Wanner,
*Solving Ordinary Differential Equations II*, section IV.1; the values at t = 40 are those of the examples of SUNDIALS.
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("ODE", "stiff", "chemistry", "conserved quantity")
order = None
resolution = None
solve_options: dict[str, object] = {"method": "CVODE", "rtol": 1e-7, "atol": 1e-11}
published = {40.0: {"A": 0.7158270688, "B": 9.185534e-6, "C": 0.2841637457}}


def system() -> sn.PDESystem:
    """The model; parameters k1, k2 and k3, the rates of the slow, the very fast and the fast reaction."""
    t = sn.coordinates("t")
    A, B, C = sn.fields("A B C", (t,))
    k1, k2, k3 = sn.parameters(k1=0.04, k2=3e7, k3=1e4)
    slow, very_fast, fast = k1 * A, k2 * B**2, k3 * B * C
    return sn.ODESystem(
        [
            sn.Eq(sn.dt(A), -slow + fast),
            sn.Eq(sn.dt(B), slow - fast - very_fast),
            sn.Eq(sn.dt(C), very_fast),
        ],
        t=(0, 40),
        initial={A: 1, B: 0, C: 0},
        name="robertson",
    )


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """The same right-hand side by hand: state and result (3,). The tests integrate it with SciPy and compare."""
    A, B, C = state
    slow, very_fast, fast = p["k1"] * A, p["k2"] * B**2, p["k3"] * B * C
    return [-slow + fast, slow - fast - very_fast, very_fast]


def conserved(state: Any, spacing: float, p: dict[str, float]) -> dict[str, float]:
    """The number of atoms: state (3,)."""
    return {"A + B + C": float(sum(state))}
