"""RKC2: the Runge-Kutta-Chebyshev method of order 2 for diffusive equations, with as many stages as stability needs.

B. P. Sommeijer, L. F. Shampine, J. G. Verwer, RKC: an explicit solver for parabolic PDEs, J. Comput. Appl. Math. 88
(1998) 315-326. With s stages the step is stable for real eigenvalues down to about -0.653 s^2/h (10 stages reach
65/h, ten Euler steps 20/h). Stages j = 2..s follow the Chebyshev recurrence T_j(w0) = 2 w0 T_{j-1} - T_{j-2}:

    Y_j = (1 - mu_j - nu_j) y + mu_j Y_{j-1} + nu_j Y_{j-2} + mu~_j h (f(Y_{j-1}) - a_{j-1} f(y))
    error = 0.8 (y - y_new) + 0.4 h (f(y) + f(y_new));    continuous extension: cubic Hermite interpolation

The spectral radius comes from the problem or from a nonlinear power iteration, renewed every 25 steps and after a
rejected step.
"""

from __future__ import annotations

from fractions import Fraction

from symnum.expr.build import exp, floor, log, maximum, minimum, sqrt, where
from symnum.expr.term import Term
from symnum.solvers.embedded.driver import (
    EPSILON,
    Parts,
    direction,
    error,
    error_norm,
    error_old,
    evaluate,
    h,
    h_try,
    last,
    rejecting,
    rtol,
    t,
)
from symnum.solvers.embedded.language import (
    Statement,
    Swap,
    While,
    combination,
    increase,
    let,
    scalars,
)
from symnum.solvers.embedded.method import Method
from symnum.solvers.embedded.stabilised import HERMITE, SCALARS, VECTORS, know_radius, radius, radius_step

DAMPING = 2 / 13  # epsilon of the paper

_OWN = "stages j w0 w1 mu nu mu_slope a b1 b2 b c1 c2 c z1 z2 z d1z d2z dz e1z e2z ez size_h most"
(stages, j, w0, w1, mu, nu, mu_slope, a, b1, b2, b, c1, c2, c, z1, z2, z, d1z, d2z, dz, e1z, e2z, ez,
 size_h, most) = scalars(_OWN)  # fmt: skip


def _cosh_sinh(argument: Term) -> tuple[Term, Term]:
    grown = exp(argument)
    return 0.5 * (grown + 1 / grown), 0.5 * (grown - 1 / grown)


def _first_stage() -> tuple[Statement, ...]:
    """w0 = 1 + epsilon/s^2, w1 = T_s'(w0)/T_s''(w0) in closed form, b_0 = b_1 = b_2, and Y_1."""
    square = w0**2 - 1
    argument = stages * log(w0 + sqrt(square))
    cosh, sinh = _cosh_sinh(argument)
    return (
        let(
            most, maximum(2, floor(sqrt(maximum(rtol, 1e-14) / (10 * EPSILON))))
        ),  # more stages would let round-off grow past rtol
        let(last, where(1.54 * abs(h_try) * radius > most**2 - 2 * most, 0, last)),
        let(h_try, direction * minimum(abs(h_try), (most**2 - 2 * most + 0.5) / maximum(1.54 * radius, 1e-300))),
        let(stages, maximum(2, 1 + floor(sqrt(1 + 1.54 * abs(h_try) * radius)))),
        let(w0, 1 + DAMPING / stages**2),
        let(w1, sinh * square / (cosh * stages * sqrt(square) - w0 * sinh)),
        let(b1, 0.25 / w0**2),
        let(b2, 0.25 / w0**2),
        let(mu_slope, w1 * b1),
        let(c1, mu_slope),
        let(c2, 0),
        *(let(name, value) for name, value in ((z1, w0), (z2, 1), (d1z, 1), (d2z, 0), (e1z, 0), (e2z, 0))),
        combination("before", (1, "y")),
        combination("y_new", (1, "y"), (h_try * mu_slope, "slope")),
        let(j, 2),
    )


def _stage() -> tuple[Statement, ...]:
    """Y_j from Y_{j-1} (y_new) and Y_{j-2} (before), in one fused pass; the two then change names."""
    shift = ((z2, z1), (z1, z), (d2z, d1z), (d1z, dz), (e2z, e1z), (e1z, ez), (b2, b1), (b1, b), (c2, c1), (c1, c))
    return (
        let(z, 2 * w0 * z1 - z2),
        let(dz, 2 * w0 * d1z - d2z + 2 * z1),
        let(ez, 2 * w0 * e1z - e2z + 4 * d1z),
        let(b, ez / dz**2),
        let(a, 1 - z1 * b1),
        let(mu, 2 * w0 * b / b1),
        let(nu, -b / b2),
        let(mu_slope, mu * w1 / w0),
        *evaluate("slope_new", t + h_try * c1, "y_new"),
        combination(
            "before",
            (mu, "y_new"),
            (nu, "before"),
            (1 - mu - nu, "y"),
            (h_try * mu_slope, "slope_new"),
            (-h_try * mu_slope * a, "slope"),
        ),
        Swap("before", "y_new"),
        let(c, mu * c1 + nu * c2 + mu_slope * (1 - a)),
        *(let(name, value) for name, value in shift),
        increase(j),
    )


def _attempt() -> tuple[Statement, ...]:
    return (
        *know_radius(),
        *_first_stage(),
        While(j <= stages, _stage()),
        *evaluate("slope_new", t + h_try, "y_new"),
        error_norm(
            error, ("y", "y_new"), (0.8, "y"), (-0.8, "y_new"), (0.4 * h_try, "slope"), (0.4 * h_try, "slope_new")
        ),
    )


def _next_step() -> tuple[tuple[Statement, ...], tuple[Statement, ...]]:
    """The controller of the paper, section 3.3, with the prediction of Watts once two accepted steps are known."""
    third = Fraction(1, 3)
    size = maximum(error, 1e-10)
    plain = 0.8 / size**third
    predicted = 0.8 * (abs(h_try) / maximum(size_h, 1e-300)) * error_old**third / size ** (2 * third)
    factor = minimum(10, maximum(0.1, where(size_h > 0, predicted, plain)))
    accepted = (
        let(h, h_try * where(rejecting > 0, minimum(1, factor), factor)),
        let(error_old, size),
        let(size_h, abs(h_try)),
    )
    return accepted, (let(h, h_try * maximum(0.1, plain)),)


METHOD = Method(
    name="RKC2",
    order=2,
    dense_order=2,
    parts=Parts(
        name="rkc2",
        order=2,
        vectors=("before", *VECTORS),
        attempt=_attempt(),
        next_step=_next_step(),
        interpolant=HERMITE,
        kept=("slope_new", "slope"),
        scalars=(*SCALARS, *_OWN.split()),
        restart=(let(size_h, 0), let(radius_step, -1)),
    ),
    summary="stabilised explicit Runge-Kutta-Chebyshev of order 2: diffusive equations at moderate tolerances",
    estimate_order=3,
)
