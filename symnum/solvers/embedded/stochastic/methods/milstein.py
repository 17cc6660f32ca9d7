"""Milstein's method: y_new = y + h f + B dW + 1/2 sum_jk L_j b_k (dW_j dW_k - [j = k] h), with L_j = sum_i b_ij d/dy_i.

G. N. Milstein, Approximate integration of stochastic differential equations, Theory Probab. Appl. 19 (1974). Strong order 1 where
L_j b_k = L_k b_j. The derivatives of the coefficients are taken symbolically.
"""

from __future__ import annotations

from symnum.solvers.embedded.stochastic.euler import euler_step
from symnum.solvers.embedded.stochastic.method import stochastic_method

METHOD = stochastic_method(
    "Milstein",
    1.0,
    1.0,
    euler_step,
    "Milstein, strong order 1, fixed step dt: noise whose coefficients commute",
    ("kick",),
    kernel="milstein",
)
