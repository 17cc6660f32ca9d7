"""The coefficients of ROCK4, computed from its defining conditions.

A. Abdulle, Fourth order Chebyshev methods with recurrence relation, SIAM J. Sci. Comput. 23 (2002) 2041-2054. The stability
polynomial of s stages is

    R(z) = w(x) P(x),   x = a + z/kappa,      R = 1 + z + z^2/2 + z^3/6 + z^4/24 + O(z^5),   |R| <= 0.95 for x in [-1, 1]

w has two pairs of complex zeros, P of degree s - 4 belongs to the orthogonal polynomials of the weight w(x)^2/sqrt(1 - x^2). The five unknowns
(the zeros and a) follow from three order conditions and the two damping conditions R(x=1) = max |R| inside = 0.95 (``design``).

    P   stages Y_j = mu_j h f(Y_{j-1}) + (1 + nu_j) Y_{j-1} - nu_j Y_{j-2}     (``recurrence``: the three-term recurrence, P_j(a) = 1)
    w   four stages of an ordinary Runge-Kutta method (A, b) started from Y_{s-4} (``finish``)

so that the composition satisfies the eight conditions of order 4, nonlinear ones included; the embedded weights satisfy the four of order 3.
The zeros need not be exact: ``finish`` satisfies the conditions for the P that is really used. The module
``rock4_coefficients`` is what ``python -m symnum.solvers.embedded.rock4_construction`` prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.embedded.tableau import Tree, density, rooted_trees

Array = NDArray[np.float64]
DAMPING = 0.95
START = (
    14.3462,
    7.8079,
    1.2994,
    20.9108,
    0.31354,
)  # a solution at s = 11 to a few digits; found by maximising the stable length
START_STAGES = 11
#: degrees of P with coefficients: every one up to 20, then about 5 % apart
DEGREES = (*range(1, 21), 22, 24, 26, 28, 30, 32, 34, 36, 38, 41, 44, 47, 50, 53, 56, 59, 63, 67, 71, 76, 81, 86, 92, 98, 105, 112,
           120, 129, 138, 148, 158, 169, 181, 194)  # fmt: skip


@dataclass(frozen=True)
class Orthogonal:
    """Orthonormal polynomials of the weight w^2/sqrt(1 - x^2): side[j+1] p_{j+1} = (x - middle[j]) p_j - side[j] p_{j-1}."""

    zeros: tuple[complex, complex]
    middle: Array
    side: Array

    @property
    def degree(self) -> int:
        return len(self.middle)

    def values(self, x: Any, derivatives: int = 0) -> list[list[Any]]:
        """For each degree 0..m the values and derivatives at x, up to one common factor."""
        rows = [[np.ones_like(x), *(np.zeros_like(x) for _ in range(derivatives))]]
        before = [np.zeros_like(x)] * (derivatives + 1)
        for j in range(self.degree):
            row = []
            for k in range(derivatives + 1):
                slope = k * rows[j][k - 1] if k else 0.0
                row.append(((x - self.middle[j]) * rows[j][k] + slope - self.side[j] * before[k]) / self.side[j + 1])
            before = rows[j]
            rows.append(row)
        return rows


def factor(zeros: tuple[complex, complex], x: Any) -> Any:
    """w(x), up to a factor."""
    first, second = zeros
    return ((x - first.real) ** 2 + first.imag**2) * ((x - second.real) ** 2 + second.imag**2)


def orthogonal(zeros: tuple[complex, complex], degree: int) -> Orthogonal:
    """The polynomials by Stieltjes' procedure on Gauss-Chebyshev nodes, where it is exact (W. Gautschi, Orthogonal Polynomials, 2004, 2.2)."""
    count = degree + 8
    x = np.cos((2 * np.arange(count) + 1) * np.pi / (2 * count))
    weight = factor(zeros, x) ** 2
    before, now = np.zeros(count), np.full(count, 1 / np.sqrt(weight.sum()))
    middle, side = np.zeros(degree), np.zeros(degree + 1)
    for j in range(degree):
        middle[j] = np.sum(weight * x * now * now)
        following = (x - middle[j]) * now - side[j] * before
        side[j + 1] = np.sqrt(np.sum(weight * following * following))
        before, now = now, following / side[j + 1]
    return Orthogonal(zeros, middle, side)


def taylor(polynomials: Orthogonal, a: float) -> Array:
    """R^(k)(a)/R(a) for k = 0..4, R = w P."""
    # w in powers of x - a: near x = 1 all zeros crowd, and powers of x would cancel
    first, second = (np.array([(a - z.real) ** 2 + z.imag**2, 2 * (a - z.real), 1.0]) for z in polynomials.zeros)
    outer = np.convolve(first, second) * (1, 1, 2, 6, 24)
    inner = polynomials.values(np.float64(a), 4)[-1]
    values = [sum(comb(n, k) * outer[k] * inner[n - k] for k in range(n + 1)) for n in range(5)]
    return np.array(values) / values[0]


def unscaled(u: Array, stages: int) -> tuple[tuple[complex, complex], float]:
    """Zeros and a from unknowns that hardly change with s: distances from x = 1 in units of s^-2."""
    scale = float(stages) ** 2
    return (complex(1 - u[0] / scale, u[1] / scale), complex(1 - u[2] / scale, u[3] / scale)), 1 + u[4] / scale


def oscillation(polynomials: Orthogonal, a: float) -> tuple[Array, Array]:
    """(x, |R(x)|) on a fine grid of [-1, 1], from x = 1 down."""
    x = np.cos(np.linspace(0, np.pi, 24 * (polynomials.degree + 4) + 1))
    size = factor(polynomials.zeros, a) * polynomials.values(np.float64(a))[-1][0]
    return x, np.abs(factor(polynomials.zeros, x) * polynomials.values(x)[-1][0] / size)


def _highest(values: Array) -> float:
    """The largest value inside and at x = -1; maxima of the parabola through three grid points."""
    i = np.flatnonzero((values[1:-1] >= values[:-2]) & (values[1:-1] >= values[2:])) + 1
    low, middle, high = values[i - 1], values[i], values[i + 1]
    bend = low - 2 * middle + high
    peaks = middle - (low - high) ** 2 / (8 * np.where(bend == 0, -1.0, bend))
    return float(max([values[-1], *peaks]))


def _conditions(u: Array, stages: int) -> Array:
    zeros, a = unscaled(u, stages)
    polynomials = orthogonal(zeros, stages - 4)
    derivatives = taylor(polynomials, a)
    order = derivatives[2:] / derivatives[1] ** np.arange(2, 5) - 1
    values = oscillation(polynomials, a)[1]
    return np.array([*order, _highest(values) - DAMPING, values[0] - DAMPING])


def design(stages: int, guess: Array) -> Array:
    """The five scaled unknowns for s stages from those of a near s."""
    from scipy.optimize import fsolve

    found = fsolve(_conditions, guess, args=(stages,), xtol=1e-12)
    left = np.abs(_conditions(found, stages)).max()
    assert left < 1e-9, f"no polynomial for {stages} stages: the conditions are missed by {left:.2g}"
    return np.asarray(found, dtype=np.float64)


def recurrence(zeros: tuple[complex, complex], a: float, degree: int) -> tuple[Array, float]:
    """((m, 2) rows (mu_j, nu_j), stable length l = kappa (1 + a)) of P; nu_1 = 0."""
    polynomials = orthogonal(zeros, degree)
    kappa = taylor(polynomials, a)[1]
    at = np.array([row[0] for row in polynomials.values(np.float64(a))])
    mu = at[:-1] / (polynomials.side[1:] * at[1:]) / kappa
    nu = np.array([0.0, *(polynomials.side[1:-1] * at[:-2] / (polynomials.side[2:] * at[2:]))])
    return np.stack([mu, nu], axis=1), float(kappa * (1 + a))


TREES = {order: rooted_trees(order) for order in range(1, 6)}
FINISH = (
    -0.11,
    0.8,
    -0.5,
    -0.1,
    0.1,
    0.5,
    0.6,
    -0.25,
    -0.1,
    0.45,
)  # a rough start at s = 20: a21 a31 a32 a41 a42 a43 b1 b2 b3 b4


def start_series(rows: Array) -> dict[Tree, float]:
    """B-series coefficients (elementary weights) of Y_{s-4}, the state that the four last stages start from, for trees up to order 5."""
    trees = [tree for order in TREES for tree in TREES[order]]
    before, now = dict.fromkeys(trees, 0.0), dict.fromkeys(trees, 0.0)
    for mu, nu in rows:
        following = {
            tree: mu * float(np.prod([now[b] for b in tree])) + (1 + nu) * now[tree] - nu * before[tree]
            for tree in trees
        }
        before, now = now, following
    return now


def stage_series(unknowns: Array, start: dict[Tree, float]) -> dict[Tree, Array]:
    """Elementary weights (4,) of f at the four last stages."""
    a = np.zeros((4, 4), dtype=unknowns.dtype)
    a[1, 0], a[2, :2], a[3, :3] = unknowns[0], unknowns[1:3], unknowns[3:6]
    states: dict[Tree, Array] = {}
    slopes: dict[Tree, Array] = {}
    for order in TREES:
        for tree in TREES[order]:
            slopes[tree] = np.prod([states[b] for b in tree], axis=0) if tree else np.ones(4)
            states[tree] = start[tree] + a @ slopes[tree]
    return slopes


def residuals(unknowns: Array, start: dict[Tree, float], orders: tuple[int, ...]) -> Array:
    """What the composition misses of 1/gamma, for all trees of these orders."""
    slopes = stage_series(unknowns, start)
    return np.array(
        [start[tree] + unknowns[6:] @ slopes[tree] - 1 / density(tree) for n in orders for tree in TREES[n]]
    )


def finish(start: dict[Tree, float], guess: Any) -> Array:
    """a21 a31 a32 a41 a42 a43 b1 b2 b3 b4: eight conditions; the two that are free keep the terms of order 5 and the coefficients small."""
    from scipy.optimize import least_squares, minimize

    def size(x: Array) -> float:
        return float(1e4 * np.sum(residuals(x, start, (5,)) ** 2) + np.sum(x**2))

    order = {"type": "eq", "fun": lambda x: residuals(x, start, (1, 2, 3, 4))}
    near = least_squares(lambda x: residuals(x, start, (1, 2, 3, 4)), guess).x
    found = minimize(size, near, method="SLSQP", constraints=[order], options={"maxiter": 200, "ftol": 1e-12}).x
    for _ in range(5):  # to rounding, by the shortest way
        step = 1e-30j * np.eye(10)
        slopes = np.array([np.imag(residuals(found + e, start, (1, 2, 3, 4))) / 1e-30 for e in step]).T
        found = found - np.linalg.lstsq(slopes, residuals(found, start, (1, 2, 3, 4)), rcond=None)[0]
    assert np.abs(residuals(found, start, (1, 2, 3, 4))).max() < 1e-13
    return np.asarray(found, dtype=np.float64)


def comparison(unknowns: Array, start: dict[Tree, float], length: float) -> Array:
    """e (5,): the error estimate h sum e_i k_i over the four last stages and f(y_new), of order h^4; scaled to e_5 = 1/l.

    So the estimate of a component with the largest eigenvalue is about as large as the component.
    """
    slopes = stage_series(unknowns, start)
    rows = [
        [*slopes[tree], float(np.prod([1 / density(b) for b in tree]))] for order in (1, 2, 3) for tree in TREES[order]
    ]
    e = np.linalg.svd(np.array(rows))[2][-1]
    return np.asarray(e / e[4] / length)


def coefficients(degrees: tuple[int, ...] = DEGREES) -> dict[int, Array]:
    """degree of P -> (20,): two zeros (re, im), a, the ten of ``finish``, the five of ``comparison``."""
    designs: dict[int, Array] = {}
    for direction in (range(START_STAGES, max(degrees) + 5), range(START_STAGES - 1, 4, -1)):
        guess = np.array(START)
        for stages in direction:
            guess = designs[stages - 4] = design(stages, guess)
    found: dict[int, Array] = {}
    middle = degrees.index(16)
    for order in (degrees[middle:], degrees[:middle][::-1]):
        guess = np.array(FINISH if order[0] == 16 else found[16][5:15])
        for degree in order:
            zeros, a = unscaled(designs[degree], degree + 4)
            rows, length = recurrence(zeros, a, degree)
            start = start_series(rows)
            guess = finish(start, guess)
            first, second = zeros
            design_ = (first.real, first.imag, second.real, second.imag, a)
            found[degree] = np.array([*design_, *guess, *comparison(guess, start, length)])
    return {degree: found[degree] for degree in degrees}


def module_text() -> str:
    """The module ``rock4_coefficients``: every number in 17 digits."""
    lines = [
        '"""The coefficients of ROCK4; made by ``python -m symnum.solvers.embedded.rock4_construction``, which derives them."""',
        "",
        "from __future__ import annotations",
        "",
        "#: degree of P -> the zeros of w (re, im, re, im), a; a21 a31 a32 a41 a42 a43 b1 b2 b3 b4; e1 .. e5",
        "# fmt: off",
        "COEFFICIENTS: dict[int, tuple[float, ...]] = {",
    ]
    for degree, numbers in coefficients().items():
        for k, part in enumerate((numbers[:5], numbers[5:10], numbers[10:15], numbers[15:])):
            opening = f"    {degree}: (" if k == 0 else "        "
            lines.append(opening + ", ".join(repr(float(v)) for v in part) + ("),"[: 2 if k == 3 else 0] or ","))
    return "\n".join([*lines, "}", "# fmt: on", ""])


if __name__ == "__main__":
    print(module_text(), end="")
