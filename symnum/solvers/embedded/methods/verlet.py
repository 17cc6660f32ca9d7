"""Stormer-Verlet: the symplectic method of order 2 for q' = f(p), p' = g(t, q), with a fixed step.

L. Verlet, Computer "experiments" on classical fluids I, Phys. Rev. 159 (1967) 98-103; E. Hairer, Ch. Lubich, G. Wanner, Geometric numerical
integration illustrated by the Stormer-Verlet method, Acta Numerica 12 (2003) 399-450:

    p_half = p + h/2 g(t, q),   q_new = q + h f(p_half),   p_new = p_half + h/2 g(t + h, q_new)
"""

from __future__ import annotations

from symnum.solvers.embedded.partitioned import composition

METHOD = composition(
    "Verlet",
    2,
    (1.0,),
    "symplectic, order 2, fixed step dt: Hamiltonian systems q' = f(p), p' = g(t, q) over long times",
)
