"""TRBDF2: a trapezoidal stage and a backward differentiation stage of order 2, L-stable, for stiff equations at low accuracy.

R. E. Bank and others, Transient simulation of silicon devices and circuits, IEEE Trans. CAD 4 (1985) 436-451, in the form
of M. E. Hosea, L. F. Shampine, Analysis and implementation of TR-BDF2, Appl. Numer. Math. 20 (1996) 21-37. The comparison
solution is of order 3; the estimate is filtered by W^-1 as their section 4 proposes.
"""

from __future__ import annotations

from math import sqrt

from symnum.solvers.embedded.sdirk import SdirkTableau, esdirk

_D = 1 - sqrt(2) / 2  # the diagonal, d of the paper
_W = sqrt(2) / 4

TABLEAU = SdirkTableau(
    order=2,
    embedded_order=3,
    gamma=_D,
    c=(0, 2 * _D, 1),
    a=((_D,), (_W, _W)),
    error=(_W - (1 - _W) / 3, _W - (3 * _W + 1) / 3, _D - _D / 3),
    tolerance=1e-15,
)

METHOD = esdirk(
    "TRBDF2", TABLEAU, "trapezoidal rule and BDF2: stiff equations, low accuracy, strong damping", filtered=True
)
