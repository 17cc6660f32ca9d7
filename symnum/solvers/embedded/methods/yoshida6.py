"""Yoshida6: seven Stormer-Verlet steps that make order 6, symplectic, with a fixed step.

H. Yoshida, Construction of higher order symplectic integrators, Phys. Lett. A 150 (1990) 262-268, solution A; digits as in Hairer, Lubich, Wanner,
Geometric Numerical Integration (2006), eq. (V.3.11). sum w_i = 1, sum w_i^3 = sum w_i^5 = 0 and one condition of order 6 more.
"""

from __future__ import annotations

from symnum.solvers.embedded.partitioned import composition

_HALF = (0.78451361047755726381949763, 0.23557321335935813368479318, -1.17767998417887100694641568)
WEIGHTS = (*_HALF, 1 - 2 * sum(_HALF), *_HALF[::-1])

METHOD = composition(
    "Yoshida6",
    6,
    WEIGHTS,
    "symplectic, order 6, fixed step dt: Hamiltonian systems over long times at tight tolerances",
)
