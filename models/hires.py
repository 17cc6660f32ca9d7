"""HIRES: how light shapes a plant, eight reactions of phytochrome; a test of stiff integrators

    y1' = -1.71 y1 + 0.43 y2 + 8.32 y3 + 0.0007
    y2' =  1.71 y1 - 8.75 y2
    y3' = -10.03 y3 + 0.43 y4 + 0.035 y5
    y4' =  8.32 y2 + 1.71 y3 - 1.12 y4
    y5' = -1.745 y5 + 0.43 y6 + 0.43 y7
    y6' = -280 y6 y8 + 0.69 y4 + 1.71 y5 - 0.43 y6 + 0.69 y7
    y7' =  280 y6 y8 - 1.81 y7
    y8' = -280 y6 y8 + 1.81 y7            y = (1, 0, 0, 0, 0, 0, 0, 0.0057) at t = 0,  0 < t < 321.8122

What to look at: everything happens in the first ten time units and in a sharp bend near t = 318, where the free receptor is
used up. y7 + y8 stays 0.0057.

Source: E. Schaefer, A new approach to explain the "high irradiance responses" of photomorphogenesis on the basis of
phytochrome, J. Math. Biology 2 (1975) 41-56; the values at the end are those of F. Mazzia, C. Magherini, *Test Set for
Initial Value Problem Solvers*, release 2.4, University of Bari 2008, problem HIRES (RADAU5 in quadruple precision).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import symnum as sn

tags = ("ODE", "stiff", "chemistry", "conserved quantity")
order = None
resolution = None
solve_options: dict[str, object] = {"method": "Rodas5P", "rtol": 1e-9, "atol": 1e-12}
published = {
    321.8122: {
        "y1": 0.7371312573325668e-3,
        "y2": 0.1442485726316185e-3,
        "y3": 0.5888729740967575e-4,
        "y4": 0.1175651343283149e-2,
        "y5": 0.2386356198831331e-2,
        "y6": 0.6238968252742796e-2,
        "y7": 0.2849998395185769e-2,
        "y8": 0.2850001604814231e-2,
    }
}


def system() -> sn.PDESystem:
    """The model; parameter k, the rate at which the receptor binds."""
    t = sn.coordinates("t")
    y = sn.fields("y1 y2 y3 y4 y5 y6 y7 y8", (t,))
    k = sn.parameter("k", 280.0)
    start = (1, 0, 0, 0, 0, 0, 0, 0.0057)
    return sn.ODESystem(
        [sn.Eq(sn.dt(u), rate) for u, rate in zip(y, _rates(*y, k), strict=True)],
        t=(0, 321.8122),
        initial=dict(zip(y, start, strict=True)),
        name="hires",
    )


def _rates(y1: Any, y2: Any, y3: Any, y4: Any, y5: Any, y6: Any, y7: Any, y8: Any, k: Any) -> list[Any]:
    bound = k * y6 * y8
    return [
        -1.71 * y1 + 0.43 * y2 + 8.32 * y3 + 0.0007,
        1.71 * y1 - 8.75 * y2,
        -10.03 * y3 + 0.43 * y4 + 0.035 * y5,
        8.32 * y2 + 1.71 * y3 - 1.12 * y4,
        -1.745 * y5 + 0.43 * y6 + 0.43 * y7,
        -bound + 0.69 * y4 + 1.71 * y5 - 0.43 * y6 + 0.69 * y7,
        bound - 1.81 * y7,
        -bound + 1.81 * y7,
    ]


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """The linear rates as a matrix, the reaction apart: state and result (8,). The tests integrate it with SciPy and compare."""
    linear = np.zeros((8, 8))
    linear[0, :3] = -1.71, 0.43, 8.32
    linear[1, :2] = 1.71, -8.75
    linear[2, 2:5] = -10.03, 0.43, 0.035
    linear[3, 1:4] = 8.32, 1.71, -1.12
    linear[4, 4:7] = -1.745, 0.43, 0.43
    linear[5, 3:7] = 0.69, 1.71, -0.43, 0.69
    linear[6, 6], linear[7, 6] = -1.81, 1.81
    made = linear @ np.asarray(state)
    made[0] += 0.0007
    made[5:] += p["k"] * state[5] * state[7] * np.array([-1.0, 1.0, -1.0])
    return made


def conserved(state: Any, spacing: float, p: dict[str, float]) -> dict[str, float]:
    """Receptor, free and bound: state (8,)."""
    return {"y7 + y8": float(state[6] + state[7])}
