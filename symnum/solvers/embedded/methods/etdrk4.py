"""ETDRK4: the exponential Runge-Kutta method of order 4 for stiff semilinear equations y' = L y + N(t, y).

S. M. Cox, P. C. Matthews, Exponential time differencing for stiff systems, J. Comput. Phys. 176 (2002) 430-455, eqs.
(26)-(29), without the cancellation that A.-K. Kassam and L. N. Trefethen, SIAM J. Sci. Comput. 26 (2005) 1214-1233
cure by contour integrals: here the coefficients are sums of phi functions.

    c   0     1/2   1/2   1          z = h L
    Y_2 = exp(z/2) y + h/2 phi_1(z/2) N_1                           Y_3 = exp(z/2) y + h/2 phi_1(z/2) N_2
    Y_4 = exp(z) y + h (phi_1(z) - phi_1(z/2)) N_1 + h phi_1(z/2) N_3
    y_new = exp(z) y + h (phi_1 - 3 phi_2 + 4 phi_3) N_1 + h (2 phi_2 - 4 phi_3) (N_2 + N_3) + h (4 phi_3 - phi_2) N_4

The pair of P. Whalen, M. Brio, J. V. Moloney, J. Comput. Phys. 280 (2015) 579-601, compares N(t + h, Y_4) with
N(t + h, y_new): it sees nothing of an N that depends on t alone, nor on parts of y that have none (these differences
are 0 whatever h is). So the comparison solution here is ours: one more stage at 1/4, of order 2, and the quadrature that
is exact for cubic N through the nodes 0, 1/4, 1/2 (half of each stage there) and 1 (y_new); of order 3.
"""

from __future__ import annotations

from fractions import Fraction

from symnum.solvers.embedded.exponential_method import exponential_runge_kutta
from symnum.solvers.embedded.exponential_tableau import ExponentialTableau, Row, collocation, difference, entry

QUARTER, HALF, ONE = Fraction(1, 4), Fraction(1, 2), Fraction(1)
_middle = entry((2, 2, 1), (-4, 3, 1))
_last = entry((-1, 2, 1), (4, 3, 1))

_SOLUTION: Row = {0: entry((1, 1, 1), (-3, 2, 1), (4, 3, 1)), 1: _middle, 2: _middle, 3: _last}


def _comparison() -> Row:
    row = collocation({0: Fraction(0), 4: QUARTER, 2: HALF, 5: ONE}, ONE)
    half = tuple((weight / 2, m, node) for weight, m, node in row[2])
    return row | {1: half, 2: half}


TABLEAU = ExponentialTableau(
    order=4,
    stiff_order=2,
    estimate_order=3,
    c=(Fraction(0), HALF, HALF, ONE, QUARTER, ONE),
    a=(
        {0: entry((HALF, 1, HALF))},
        {1: entry((HALF, 1, HALF))},
        {0: entry((1, 1, 1), (-1, 1, HALF)), 2: entry((1, 1, HALF))},
        collocation({0: Fraction(0), 2: HALF}, QUARTER),
        _SOLUTION,
    ),
    error=difference(_SOLUTION, _comparison()),
    source="Cox, Matthews 2002",
)

METHOD = exponential_runge_kutta(
    "ETDRK4", TABLEAU, "exponential Runge-Kutta of order 4: stiff linear part, exact on it"
)
