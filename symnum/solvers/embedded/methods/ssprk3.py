"""SSPRK3: the strong-stability-preserving method of order 3 for advection with upwind or limited differences.

C.-W. Shu, S. Osher, Efficient implementation of essentially non-oscillatory shock-capturing schemes, J. Comput. Phys. 77 (1988) 439-471, eq. (2.18):

    u1 = y + h f(y),   u2 = 3/4 y + 1/4 (u1 + h f(u1)),   y_new = 1/3 y + 2/3 (u2 + h f(u2))

Each stage is an average of states and Euler steps of length h. So whatever an Euler step of length h does not increase (total variation, the
maximum, the distance below zero), a step does not increase: S. Gottlieb, C.-W. Shu, E. Tadmor, SIAM Rev. 43 (2001) 89-112. The first-order
upwind scheme allows h <= dx/speed, which is 2/radius, the spectral radius of df/dy being 2 speed/dx; steps keep h <= CFL*2/radius also where
the error would allow more. The error estimate is the difference from Heun's method, of order 2; continuous extension: cubic Hermite.
"""

from __future__ import annotations

from symnum.expr.build import maximum, minimum, where
from symnum.solvers.embedded.driver import (
    Parts,
    direction,
    error,
    error_norm,
    evaluate,
    h_try,
    last,
    proportional_integral,
    t,
)
from symnum.solvers.embedded.language import Statement, combination, let
from symnum.solvers.embedded.method import Method
from symnum.solvers.embedded.stabilised import HERMITE, SCALARS, VECTORS, know_radius, radius, radius_step

CFL = 0.9  # share of the Courant limit; an estimated radius has 20 % on it besides


def _attempt() -> tuple[Statement, ...]:
    """The vectors of the radius estimate serve as the two inner slopes."""
    longest = 2 * CFL / maximum(radius, 1e-300)
    first, second = "trial", "trial_slope"
    return (
        *know_radius(),
        let(last, where(abs(h_try) > longest, 0, last)),
        let(h_try, direction * minimum(abs(h_try), longest)),
        combination("y_new", (1, "y"), (h_try, "slope")),
        *evaluate(first, t + h_try, "y_new"),
        combination("y_new", (3 / 4, "y"), (1 / 4, "y_new"), (h_try / 4, first)),
        *evaluate(second, t + h_try / 2, "y_new"),
        combination("y_new", (1 / 3, "y"), (2 / 3, "y_new"), (h_try * (2 / 3), second)),
        *evaluate("slope_new", t + h_try, "y_new"),
        error_norm(
            error, ("y", "y_new"), (h_try * (-1 / 3), "slope"), (h_try * (-1 / 3), first), (h_try * (2 / 3), second)
        ),
    )


METHOD = Method(
    name="SSPRK3",
    order=3,
    dense_order=3,
    parts=Parts(
        name="ssprk3",
        order=3,
        vectors=VECTORS,
        attempt=_attempt(),
        next_step=proportional_integral(3),
        interpolant=HERMITE,
        kept=("slope_new", "slope"),
        scalars=SCALARS,
        restart=(let(radius_step, -1),),
    ),
    summary="strong-stability-preserving Runge-Kutta of order 3 under a Courant limit: advection with upwind or limited differences",
)
