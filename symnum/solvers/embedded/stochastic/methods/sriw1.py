"""SRIW1: Roessler's method of strong order 3/2 with two evaluations of f and four of g a step.

A. Roessler, Runge-Kutta methods for the strong approximation of solutions of stochastic differential equations, SIAM J. Numer. Anal. 48
(2010) 922-952.
"""

from __future__ import annotations

from fractions import Fraction as Q

from symnum.solvers.embedded.stochastic.sri import SRITableau, stochastic_runge_kutta

TABLEAU = SRITableau(
    a0=((), (Q(3, 4),), (0, 0), (0, 0, 0)),
    a1=((), (Q(1, 4),), (1, 0), (0, 0, Q(1, 4))),
    b0=((), (Q(3, 2),), (0, 0), (0, 0, 0)),
    b1=((), (Q(1, 2),), (-1, 0), (-5, 3, Q(1, 2))),
    alpha=(Q(1, 3), Q(2, 3), 0, 0),
    beta1=(-1, Q(4, 3), Q(2, 3), 0),
    beta2=(-1, Q(4, 3), Q(-1, 3), 0),
    beta3=(2, Q(-4, 3), Q(-2, 3), 0),
    beta4=(-2, Q(5, 3), Q(-2, 3), 1),
)

METHOD = stochastic_runge_kutta(
    "SRIW1", TABLEAU, "Roessler's SRIW1, strong order 3/2, adaptive: one Wiener process an unknown, or a single one"
)
