"""Rodas3: a Rosenbrock method of order 3(2) with 4 stages and 3 right-hand sides, for stiff and differential-algebraic
equations of index 1 at low accuracy.

A. Sandu, J. G. Verwer, J. G. Blom, E. J. Spee, G. R. Carmichael, F. A. Potra, Benchmarking stiff ODE solvers for
atmospheric chemistry problems II: Rosenbrock solvers, Atmospheric Environment 31 (1997) 3459-3472. L-stable, stiffly
accurate, in exact fractions. The continuous extension is our own: its weights w_i(theta) in the usual form satisfy

    sum w_i = theta,   sum w_i beta_i = theta^2/2,   sum w_i alpha_i^2 = theta^3/3,   sum w_i (beta^-1 alpha^2)_i = theta^2,

the conditions of order 2, one of order 3, and that of the algebraic variables (Hairer, Wanner II, VI.4).
"""

from __future__ import annotations

from symnum.solvers.embedded.rosenbrock import RosenbrockTableau, rosenbrock

TABLEAU = RosenbrockTableau(
    order=3,
    embedded_order=2,
    dense_order=2,
    gamma=0.5,
    a=((0.0,), (2.0, 0.0), (2.0, 0.0, 1.0)),
    c_matrix=((4.0,), (1.0, -1.0), (1.0, -1.0, -8 / 3)),
    c=(0.0, 0.0, 1.0, 1.0),
    d=(0.5, 1.5, 0.0, 0.0),
    m=(2.0, 0.0, 1.0, 1.0),
    error=(0.0, 0.0, 0.0, 1.0),
    dense=((5.0, -3.0, 0.0), (-1.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 3.0, -2.0)),
)

METHOD = rosenbrock(
    "Rodas3", TABLEAU, "Rosenbrock 3(2): stiff equations and algebraic equations of index 1, low accuracy"
)
