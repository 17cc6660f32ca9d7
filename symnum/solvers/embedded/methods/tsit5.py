"""Tsit5: an explicit pair of order 5(4) with small error constants and a free continuous extension of order 4.

Ch. Tsitouras, Runge-Kutta pairs of order 5(4) satisfying only the first column simplifying assumption, Computers and
Mathematics with Applications 62 (2011) 770-775; coefficients in 16 digits as in the author's published code. Row
sums and order conditions hold to 1e-13.
"""

from __future__ import annotations

from symnum.solvers.embedded.method import explicit_runge_kutta
from symnum.solvers.embedded.tableau import Tableau

TABLEAU = Tableau(
    order=5,
    embedded_order=4,
    dense_order=4,
    c=(0, 0.161, 0.327, 0.9, 0.9800255409045097, 1, 1),
    a=(
        (0.161,),
        (-0.008480655492356989, 0.335480655492357),
        (2.8971530571054935, -6.359448489975075, 4.3622954328695815),
        (5.325864828439257, -11.748883564062828, 7.4955393428898365, -0.09249506636175525),
        (5.86145544294642, -12.92096931784711, 8.159367898576159, -0.071584973281401, -0.028269050394068383),
        (0.09646076681806523, 0.01, 0.4798896504144996, 1.379008574103742, -3.290069515436081, 2.324710524099774),
    ),
    error=(
        -0.00178001105222577714,
        -0.0008164344596567469,
        0.007880878010261995,
        -0.1447110071732629,
        0.5823571654525552,
        -0.45808210592918697,
        0.015151515151515152,
    ),
    dense=(
        (1.0, -2.763706197274826, 2.9132554618219126, -1.0530884977290216),
        (0.0, 0.13169999999999998, -0.2234, 0.1017),
        (0.0, 3.9302962368947516, -5.941033872131505, 2.490627285651253),
        (0.0, -12.411077166933676, 30.33818863028232, -16.548102889244902),
        (0.0, 37.50931341651104, -88.1789048947664, 47.37952196281928),
        (0.0, -27.896526289197286, 65.09189467479366, -34.87065786149661),
        (0.0, 1.5, -4.0, 2.5),
    ),
    tolerance=2e-13,
)

METHOD = explicit_runge_kutta("Tsit5", TABLEAU, "explicit Runge-Kutta 5(4) of Tsitouras: smooth non-stiff equations")
