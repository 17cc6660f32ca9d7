"""The pendulum in Cartesian coordinates: a constraint of index three

    x' = u    y' = v    u' = -w x    v' = -w y - g    0 = x^2 + y^2 - 1        x = 1, y = 0, at rest;  0 < t < 5

What to look at: nothing says how the force w of the rod follows; the constraint is differentiated twice in time, and as the
mass swings, first x and then y serves as the coordinate of the circle. Length and energy stay. Let go at the horizontal
the mass returns after 4 K(1/2)/sqrt(g) = 2.3678 (K: the complete elliptic integral of parameter m = 1/2), and the rod pulls with w = -3 g y.

Source: E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, 1996, VII.1, example 1.4; S. E. Mattsson,
G. Soderlind, Index reduction in differential-algebraic equations using dummy derivatives, SIAM J. Sci. Comput. 14 (1993).
"""

from __future__ import annotations

from typing import Any

import symnum as sn

tags = ("DAE", "mechanics")
order = None
resolution = None
solve_options: dict[str, object] = {"rtol": 1e-8, "atol": 1e-10}


def system() -> sn.PDESystem:
    """The model; parameter g (acceleration of gravity over the length of the rod)."""
    t = sn.coordinates("t")
    x, y, u, v, w = sn.fields("x y u v w", (t,))
    g = sn.parameters(g=9.81)
    return sn.DAESystem(
        [
            sn.Eq(sn.dt(x), u),
            sn.Eq(sn.dt(y), v),
            sn.Eq(sn.dt(u), -w * x),
            sn.Eq(sn.dt(v), -w * y - g),
            sn.Eq(x**2 + y**2, 1),
        ],
        t=(0, 5),
        initial={x: 1, y: 0, u: 0, v: 0, w: 0},
        name="pendulum",
    )


published = {2.3678419475762373 / 4: {"y": -1.0, "w": 3 * 9.81}}


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """The same motion without a constraint, by hand: state and result (5,). The tests integrate it with SciPy and compare."""
    x, y, u, v, _ = state
    w = u**2 + v**2 - p["g"] * y
    return [u, v, -w * x, -w * y - p["g"], -3 * p["g"] * v]
