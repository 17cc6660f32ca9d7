"""Dopri5: the explicit pair of order 5(4) of Dormand and Prince, in exact fractions.

J. R. Dormand, P. J. Prince, A family of embedded Runge-Kutta formulae, J. Comput. Appl. Math. 6 (1980) 19-26.
Continuous extension of order 4 by L. F. Shampine, as in Hairer, Norsett, Wanner, Solving Ordinary Differential
Equations I, II.6, and their code DOPRI5:

    y(theta) = y + theta*(D + (1 - theta)*(B + theta*(D - h*k7 - B + (1 - theta)*h*sum d_i k_i))),
    D = y_new - y,  B = h*k1 - D
"""

from __future__ import annotations

from fractions import Fraction as F

from symnum.solvers.embedded.method import explicit_runge_kutta
from symnum.solvers.embedded.tableau import Tableau

_B = (F(35, 384), F(0), F(500, 1113), F(125, 192), F(-2187, 6784), F(11, 84), F(0))
_D = (
    F(-12715105075, 11282082432),
    F(0),
    F(87487479700, 32700410799),
    F(-10690763975, 1880347072),
    F(701980252875, 199316789632),
    F(-1453857185, 822651844),
    F(69997945, 29380423),
)


def _dense() -> tuple[tuple[F, ...], ...]:
    """The formula of the docstring as coefficients of theta .. theta^4 for each k_i."""
    rows = []
    for i, (b, d) in enumerate(zip(_B, _D, strict=True)):
        first, last = F(i == 0), F(i == 6)
        bend = 2 * b - first - last  # weight of k_i in D - h*k7 - B
        # theta*b + (theta - theta^2)*(first - b) + (theta^2 - theta^3)*bend + (theta^2 - 2 theta^3 + theta^4)*d
        rows.append((first, b - first + bend + d, -bend - 2 * d, d))
    return tuple(rows)


TABLEAU = Tableau(
    order=5,
    embedded_order=4,
    dense_order=4,
    c=(0, F(1, 5), F(3, 10), F(4, 5), F(8, 9), 1, 1),
    a=(
        (F(1, 5),),
        (F(3, 40), F(9, 40)),
        (F(44, 45), F(-56, 15), F(32, 9)),
        (F(19372, 6561), F(-25360, 2187), F(64448, 6561), F(-212, 729)),
        (F(9017, 3168), F(-355, 33), F(46732, 5247), F(49, 176), F(-5103, 18656)),
        _B[:6],
    ),
    error=(F(71, 57600), F(0), F(-71, 16695), F(71, 1920), F(-17253, 339200), F(22, 525), F(-1, 40)),
    dense=_dense(),
)

METHOD = explicit_runge_kutta(
    "Dopri5", TABLEAU, "explicit Runge-Kutta 5(4) of Dormand and Prince: smooth non-stiff equations"
)
