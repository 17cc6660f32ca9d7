"""The method of Euler and Maruyama: y_new = y + h f(t, y) + B(t, y) dW.

G. Maruyama, Continuous Markov processes and stochastic equations, Rend. Circ. Mat. Palermo 4 (1955). Strong order 1/2 (1 for additive noise),
weak order 1.
"""

from __future__ import annotations

from symnum.solvers.embedded.stochastic.euler import euler_step
from symnum.solvers.embedded.stochastic.method import stochastic_method

METHOD = stochastic_method(
    "EM", 0.5, 1.0, euler_step, "Euler-Maruyama, strong order 1/2, fixed step dt: any noise", ("kick",)
)
