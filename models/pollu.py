"""Pollu: the chemistry of polluted air, 20 species in 25 reactions

    y' = S r(y),    r_j = k_j y_a y_b  or  k_j y_a,    0 < t < 60 minutes

with S the stoichiometric matrix; the reactions stand in ``_REACTIONS`` below as (rate, what reacts, what is made).

What to look at: rates from 1e-4 to 4e11 per minute. Radicals (y5, y6, y10, y11, y16) live for microseconds and follow
whatever the slow species do; y16 never exceeds 1e-17.

Source: J. G. Verwer, Gauss-Seidel iteration for stiff ODEs from chemical kinetics, SIAM J. Sci. Comput. 15 (1994) 1243-1259;
the values at the end are those of F. Mazzia, C. Magherini, *Test Set for Initial Value Problem Solvers*, release 2.4,
University of Bari 2008, problem POLLU (RADAU5 in quadruple precision).
"""

from __future__ import annotations

from typing import Any

import numpy as np

import symnum as sn

tags = ("ODE", "stiff", "chemistry")
order = None
resolution = None
solve_options: dict[str, object] = {"method": "Rodas5P", "rtol": 1e-9, "atol": 1e-16}

_REACTIONS: tuple[tuple[float, tuple[int, ...], tuple[int, ...]], ...] = (
    (0.35, (1,), (2, 3)),
    (26.6, (2, 4), (1,)),
    (1.23e4, (5, 2), (6, 1)),
    (8.6e-4, (7,), (5, 5, 8)),
    (8.2e-4, (7,), (8,)),
    (1.5e4, (7, 6), (5, 8)),
    (1.3e-4, (9,), (5, 8, 10)),
    (2.4e4, (9, 6), (11,)),
    (1.65e4, (11, 2), (1, 10, 12)),
    (9e3, (11, 1), (13,)),
    (0.022, (13,), (11, 1)),
    (1.2e4, (10, 2), (14, 1)),
    (1.88, (14,), (5, 7)),
    (1.63e4, (1, 6), (15,)),
    (4.8e6, (3,), (4,)),
    (3.5e-4, (4,), (16,)),
    (0.0175, (4,), (3,)),
    (1e8, (16,), (6, 6)),
    (4.44e11, (16,), (3,)),
    (1240.0, (17, 6), (5, 18)),
    (2.1, (19,), (2,)),
    (5.78, (19,), (1, 3)),
    (0.0474, (1, 4), (19,)),
    (1780.0, (19, 1), (20,)),
    (3.12, (20,), (1, 19)),
)
_START = {2: 0.2, 4: 0.04, 7: 0.1, 8: 0.3, 9: 0.01, 17: 0.007}
published = {
    60.0: {
        "y1": 0.5646255480022769e-1,
        "y2": 0.1342484130422339,
        "y3": 0.4139734331099427e-8,
        "y4": 0.5523140207484359e-2,
        "y5": 0.2018977262302196e-6,
        "y6": 0.1464541863493966e-6,
        "y7": 0.7784249118997964e-1,
        "y8": 0.3245075353396018,
        "y9": 0.7494013383880406e-2,
        "y10": 0.1622293157301561e-7,
        "y11": 0.1135863833257075e-7,
        "y12": 0.2230505975721359e-2,
        "y13": 0.2087162882798630e-3,
        "y14": 0.1396921016840158e-4,
        "y15": 0.8964884856898295e-2,
        "y16": 0.4352846369330103e-17,
        "y17": 0.6899219696263405e-2,
        "y18": 0.1007803037365946e-3,
        "y19": 0.1772146513969984e-5,
        "y20": 0.5682943292316392e-4,
    }
}


def system() -> sn.PDESystem:
    """The model; parameter k1, the rate of the first reaction: how strongly the sun shines."""
    t = sn.coordinates("t")
    y = sn.fields(" ".join(f"y{i}" for i in range(1, 21)), (t,))
    k1 = sn.parameter("k1", 0.35)
    made: list[Any] = [0] * 20
    for number, (k, reactants, products) in enumerate(_REACTIONS):
        rate = k1 if number == 0 else k
        for i in reactants:
            rate = rate * y[i - 1]
        for i in reactants:
            made[i - 1] = made[i - 1] - rate
        for i in products:
            made[i - 1] = made[i - 1] + rate
    return sn.ODESystem(
        [sn.Eq(sn.dt(u), rate) for u, rate in zip(y, made, strict=True)],
        t=(0, 60),
        initial={u: _START.get(i, 0) for i, u in enumerate(y, start=1)},
        name="pollu",
    )


def reference(t: float, state: Any, spacing: float, p: dict[str, float]) -> Any:
    """S r with the stoichiometric matrix S: state and result (20,). The tests integrate it with SciPy and compare."""
    y = np.asarray(state)
    rates = np.array([k * np.prod([y[i - 1] for i in reactants]) for k, reactants, _ in _REACTIONS])
    rates[0] = p["k1"] * y[0]
    stoichiometric = np.zeros((20, len(rates)))
    for j, (_, reactants, products) in enumerate(_REACTIONS):
        np.subtract.at(stoichiometric[:, j], [i - 1 for i in reactants], 1.0)
        np.add.at(stoichiometric[:, j], [i - 1 for i in products], 1.0)
    return stoichiometric @ rates
