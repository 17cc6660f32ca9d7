"""Finite-difference weights on arbitrary nodes, exact.

Source: B. Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math. Comp. 51 (1988) 699-706.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache


def stencil_weights(nodes: Sequence[Fraction | int], derivative: int, at: Fraction | int = 0) -> list[Fraction]:
    """Weights w with f^(m)(at) ~ sum w_k f(nodes_k) for unit spacing; exact for polynomials of degree < len(nodes).

    Divide by h**m on a grid of spacing h. ValueError if the nodes are too few or not distinct.
    """
    if len(nodes) <= derivative or len(set(nodes)) != len(nodes):
        raise ValueError(
            f"a derivative of order {derivative} needs more than {derivative} distinct nodes, got {list(nodes)}"
        )
    return list(_fornberg(tuple(Fraction(x) for x in nodes), derivative, Fraction(at)))


@lru_cache(maxsize=1024)
def _fornberg(x: tuple[Fraction, ...], m: int, z: Fraction) -> tuple[Fraction, ...]:
    n = len(x)
    c = [[Fraction(0)] * (m + 1) for _ in range(n)]
    c[0][0] = Fraction(1)
    c1, c4 = Fraction(1), x[0] - z
    for i in range(1, n):
        top = min(i, m)
        c2, c5, c4 = Fraction(1), c4, x[i] - z
        for j in range(i):
            c3 = x[i] - x[j]
            c2 *= c3
            if j == i - 1:
                for k in range(top, 0, -1):
                    c[i][k] = c1 * (k * c[i - 1][k - 1] - c5 * c[i - 1][k]) / c2
                c[i][0] = -c1 * c5 * c[i - 1][0] / c2
            for k in range(top, 0, -1):
                c[j][k] = (c4 * c[j][k] - k * c[j][k - 1]) / c3
            c[j][0] = c4 * c[j][0] / c3
        c1 = c2
    return tuple(row[m] for row in c)
