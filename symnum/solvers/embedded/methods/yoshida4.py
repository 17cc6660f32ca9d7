"""Yoshida4: three Stormer-Verlet steps that make order 4, symplectic, with a fixed step.

H. Yoshida, Construction of higher order symplectic integrators, Phys. Lett. A 150 (1990) 262-268:

    w_1 = w_3 = 1/(2 - 2^(1/3)),   w_2 = 1 - 2 w_1,   so that   sum w_i = 1,   sum w_i^3 = 0
"""

from __future__ import annotations

from symnum.solvers.embedded.partitioned import composition

_OUTER = 1 / (2 - 2 ** (1 / 3))
WEIGHTS = (_OUTER, 1 - 2 * _OUTER, _OUTER)

METHOD = composition("Yoshida4", 4, WEIGHTS, "symplectic, order 4, fixed step dt: Hamiltonian systems over long times")
