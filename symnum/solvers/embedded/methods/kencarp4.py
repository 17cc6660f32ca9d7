"""KenCarp4: the implicit part of ARK4(3)6L[2]SA by Newton's iteration, order 4(3), 6 stages, L-stable, stiffly accurate.

Ch. A. Kennedy, M. H. Carpenter, Additive Runge-Kutta schemes for convection-diffusion-reaction equations, Appl. Numer.
Math. 44 (2003) 139-181, appendix C. The explicit part makes the method of ``kencarp4_imex``.
"""

from __future__ import annotations

from fractions import Fraction as F

from symnum.solvers.embedded.sdirk import SdirkTableau, esdirk

_B = (F(82889, 524892), F(0), F(15625, 83664), F(69875, 102672), F(-2260, 8211), F(1, 4))
_EMBEDDED = (
    F(4586570599, 29645900160),
    F(0),
    F(178811875, 945068544),
    F(814220225, 1159782912),
    F(-3700637, 11593932),
    F(61727, 225920),
)

TABLEAU = SdirkTableau(
    order=4,
    embedded_order=3,
    gamma=F(1, 4),
    c=(F(0), F(1, 2), F(83, 250), F(31, 50), F(17, 20), F(1)),
    a=(
        (F(1, 4),),
        (F(8611, 62500), F(-1743, 31250)),
        (F(5012029, 34652500), F(-654441, 2922500), F(174375, 388108)),
        (F(15267082809, 155376265600), F(-71443401, 120774400), F(730878875, 902184768), F(2285395, 8070912)),
        _B[:5],
    ),
    error=tuple(b - e for b, e in zip(_B, _EMBEDDED, strict=True)),
)

METHOD = esdirk(
    "KenCarp4", TABLEAU, "ESDIRK 4(3) of Kennedy and Carpenter: stiff equations, dear Jacobians kept over steps"
)
