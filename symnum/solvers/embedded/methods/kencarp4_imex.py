"""KenCarp4-IMEX: ARK4(3)6L[2]SA of Kennedy and Carpenter for y' = f_E(t, y) + L y, the constant linear part L implicit.

Coefficients and source as in ``kencarp4``; the explicit partner is rational in 25 digits there.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction as F

from symnum.solvers.embedded.methods import kencarp4
from symnum.solvers.embedded.sdirk import imex

TABLEAU = replace(
    kencarp4.TABLEAU,
    explicit=(
        (F(1, 2),),
        (F(13861, 62500), F(6889, 62500)),
        (F(-116923316275, 2393684061468), F(-2731218467317, 15368042101831), F(9408046702089, 11113171139209)),
        (
            F(-451086348788, 2902428689909),
            F(-2682348792572, 7519795681897),
            F(12662868775082, 11960479115383),
            F(3355817975965, 11060851509271),
        ),
        (
            F(647845179188, 3216320057751),
            F(73281519250, 8382639484533),
            F(552539513391, 3454668386233),
            F(3354512671639, 8306763924573),
            F(4040, 17871),
        ),
    ),
    tolerance=1e-24,
)

METHOD = imex(
    "KenCarp4-IMEX",
    TABLEAU,
    "IMEX 4(3) of Kennedy and Carpenter: the linear part implicit, one solve a stage, no iteration",
)
