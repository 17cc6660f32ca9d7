"""ETD5: an exponential Runge-Kutta method of order 5, also where L is stiff, with an embedded solution of order 4.

V. T. Luan, A. Ostermann, Explicit exponential Runge-Kutta methods of high order for parabolic problems, J. Comput.
Appl. Math. 256 (2014) 168-179, method expRK5s8: eight evaluations of N a step. Stages count from 1, phi_(m,i) = c_i^m
phi_m(c_i h L), and a_i1 = phi_(1,i) - (the others of the row):

    c      0     1/2    1/2    1/4    1/2    1/5    2/3    1          9: the solution

The comparison solution is ours: exp(h L) y and the quadrature that is exact for quadratic N through the nodes 0, 1/2
(stage 5) and 1 (stage 8): Simpson's rule, of order 4 where L is not stiff and 3 where it is.
"""

from __future__ import annotations

from fractions import Fraction

from symnum.solvers.embedded.exponential_method import exponential_runge_kutta
from symnum.solvers.embedded.exponential_tableau import ExponentialTableau, Row, collocation, difference

Sum = dict[tuple[int, Fraction], Fraction]  # (m, c) -> weight of phi_m(c z)

_C = tuple(Fraction(c) for c in ("0", "1/2", "1/2", "1/4", "1/2", "1/5", "2/3", "1", "1"))


def _sum(*parts: Sum | tuple[int, int, int | str]) -> Sum:
    """A sum of sums and of (m, i, weight) for weight * phi_(m,i)."""
    total: Sum = {}
    for part in parts:
        if isinstance(part, tuple):
            m, stage, weight = part
            c = _C[stage - 1]
            part = {(m, c): Fraction(weight) * c**m}
        for key, value in part.items():
            total[key] = total.get(key, Fraction(0)) + value
    return {key: value for key, value in total.items() if value}


def _times(factor: int | str, part: Sum) -> Sum:
    return {key: Fraction(factor) * value for key, value in part.items()}


def _rows() -> tuple[Row, ...]:
    """The rows of A from the second stage on, the weights of the solution last."""
    a64 = _sum((2, 6, 8), (3, 6, -32))
    mixed = _sum(
        _times("5/32", a64), (2, 6, "-25/28"), (2, 7, "81/175"), (3, 7, "-162/25"), (4, 6, "150/7"), (4, 7, "972/35"), (4, 8, 6)
    )  # fmt: skip
    inner: dict[int, dict[int, Sum]] = {
        2: {},
        3: {2: _sum((2, 3, 2))},
        4: {3: _sum((2, 4, 2))},
        5: {3: _sum((2, 5, -2), (3, 5, 16)), 4: _sum((2, 5, 8), (3, 5, -32))},
        6: {4: a64, 5: _sum((2, 6, -2), (3, 6, 16))},
        7: {
            4: _times("-125/162", a64),
            5: _sum(_times("125/1944", a64), (2, 7, "-4/3"), (3, 7, "40/3")),
            6: _sum(_times("3125/3888", a64), (2, 7, "25/3"), (3, 7, "-100/3")),
        },
        8: {
            5: _sum((2, 8, "-16/3"), (3, 8, "208/3"), _times(-40, mixed)),
            6: _sum((2, 8, "250/21"), (3, 8, "-250/3"), _times("250/7", mixed)),
            7: _sum((2, 8, "27/14"), (3, 8, -27), _times("135/7", mixed)),
        },
        9: {
            6: _sum((2, 9, "125/14"), (3, 9, "-625/14"), (4, 9, "1125/14")),
            7: _sum((2, 9, "-27/14"), (3, 9, "162/7"), (4, 9, "-405/7")),
            8: _sum((2, 9, "1/2"), (3, 9, "-13/2"), (4, 9, "45/2")),
        },
    }
    rows = []
    for stage, row in inner.items():
        first = _sum((1, stage, 1), *(_times(-1, part) for part in row.values()))
        rows.append({j - 1: tuple((w, m, c) for (m, c), w in part.items()) for j, part in {1: first, **row}.items()})
    return tuple(rows)


_ROWS = _rows()
_SIMPSON = collocation({0: Fraction(0), 4: Fraction(1, 2), 7: Fraction(1)}, Fraction(1))

TABLEAU = ExponentialTableau(
    order=5,
    stiff_order=5,
    estimate_order=4,
    c=_C,
    a=_ROWS,
    error=difference(_ROWS[-1], _SIMPSON),
    source="Luan, Ostermann 2014, expRK5s8",
)

METHOD = exponential_runge_kutta(
    "ETD5", TABLEAU, "exponential Runge-Kutta of order 5 (also where stiff): tolerances of 1e-5 and below"
)
