"""What the stabilised methods share: the spectral radius of df/dy, given or estimated, and cubic Hermite interpolation.

The estimate is a nonlinear power iteration (B. P. Sommeijer, L. F. Shampine, J. G. Verwer, RKC: an explicit solver for parabolic PDEs, J. Comput.
Appl. Math. 88 (1998) 315-326, section 3.4), renewed every 25 steps and after a rejected step. It starts from the last eigenvector found.
"""

from __future__ import annotations

from symnum.expr.build import maximum, where
from symnum.solvers.embedded.driver import Weight, evaluate, rejecting, steps, t
from symnum.solvers.embedded.language import (
    If,
    Norm,
    Return,
    Statement,
    Status,
    While,
    combination,
    increase,
    let,
    scalars,
)

RENEW_AFTER = 25  # steps between two estimates of the spectral radius
MAX_ITERATIONS = 50

#: scalars and vectors that ``know_radius`` uses; a method names them among its own
SCALARS = (
    "radius", "radius_given", "radius_asked", "radius_step", "estimating", "size_y",
    "size_v", "size_d", "sigma", "sigma_old", "iterations", "have_direction",
)  # fmt: skip
VECTORS = ("trial", "trial_slope", "eigenvector")
(radius, radius_given, radius_asked, radius_step, estimating, size_y, size_v, size_d, sigma, sigma_old, iterations,
 have_direction) = scalars(" ".join(SCALARS))  # fmt: skip


def _size(name: str, *terms: tuple[object, str]) -> Norm:
    """Root mean square of a combination."""
    return Norm(name, combination("y", *terms).terms, (), t * 0 + 1, t * 0)


def _power_iteration() -> tuple[Statement, ...]:
    """radius = 1.2 |f(v) - f(y)| / |v - y| for the last of v <- y + (f(v) - f(y)) scaled back to the first |v - y|.

    As RKCRHO of the authors' code. ``eigenvector`` keeps v - y for the next estimate; the first starts from f(y).
    """
    root = 2.0**-26
    step = (
        *evaluate("trial_slope", t, "trial"),
        _size("size_v", (1, "trial_slope"), (-1, "slope")),
        let(sigma_old, sigma),
        let(sigma, size_v / size_d),
        let(radius, 1.2 * sigma),
        increase(iterations),
        let(estimating, where((iterations >= 2) & (abs(sigma - sigma_old) <= 0.01 * maximum(sigma, 1e-300)), 0, 1)),
        If(
            (estimating <= 0) | (size_v <= 0) | (iterations >= MAX_ITERATIONS),
            (
                combination("eigenvector", (1, "trial"), (-1, "y")),
                let(have_direction, where(size_v > 0, 1, 0)),
                let(estimating, 0),
            ),
            (
                combination(
                    "trial",
                    (1, "y"),
                    (size_d / maximum(size_v, 1e-300), "trial_slope"),
                    (-size_d / maximum(size_v, 1e-300), "slope"),
                ),
            ),
        ),
    )
    return (
        If(have_direction <= 0, (combination("eigenvector", (1, "slope")),)),
        _size("size_y", (1, "y")),
        _size("size_v", (1, "eigenvector")),
        let(size_d, root * maximum(size_y, 1e-10)),
        If(
            size_v > 0,
            (combination("trial", (1, "y"), (size_d / size_v, "eigenvector")),),
            (combination("trial", (1 + root, "y")), let(size_d, maximum(root * size_y, 1e-300))),
        ),
        let(sigma, 0),
        let(iterations, 0),
        let(estimating, 1),
        While(estimating > 0, step),
    )


def know_radius() -> tuple[Statement, ...]:
    """A fresh spectral radius where it is old: given by the problem (``RADIUS`` asks for it) or estimated."""
    ask = If(radius_asked <= 0, (let(radius_asked, 1), Return(Status.RADIUS)), (let(radius_asked, 0),))
    renew = (If(radius_given > 0, (ask,), _power_iteration()), let(radius_step, steps))
    return (
        If((radius_step < 0) | (steps - radius_step >= RENEW_AFTER) | ((rejecting > 0) & (radius_step < steps)), renew),
    )


#: Cubic Hermite: after acceptance y_new and slope_new are the old state and slope.
HERMITE: tuple[Weight, ...] = (
    ("y_new", 0, (1, 0, -3, 2)),
    ("y", 0, (0, 0, 3, -2)),
    ("slope_new", 1, (0, 1, -2, 1)),
    ("slope", 1, (0, 0, -1, 1)),
)
