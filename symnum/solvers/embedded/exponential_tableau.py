"""Exponential Runge-Kutta pairs as data, for y' = L y + N(t, y).

    Y_i   = exp(c_i h L) y + h sum_j a_ij(hL) N(t + c_j h, Y_j)          a_ij = sum of weight * phi_m(c_n h L)
    y_new = Y_s (c_s = 1, the row of the solution);    error = h sum_j e_j(hL) N_j

(M. Hochbruck, A. Ostermann, Exponential integrators, Acta Numerica 19 (2010) 209-286, section 2.3.) The last stage is
the solution, and its N_s serves the error estimate only; it is the first one of the next step.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import factorial

Term = tuple[Fraction, int, Fraction]  # weight, index m of phi, node c: weight * phi_m(c z)
Entry = tuple[Term, ...]
Row = dict[int, Entry]  # stage -> coefficient


@dataclass(frozen=True, eq=False)
class ExponentialTableau:
    """Rows of A from the second stage on; the last one is the solution's. Stages are numbered from 0.

    Args:
        order: of the solution where N is smooth (without order reduction); stiff_order: for every L with a bounded
        exponential, the order
            that is kept however stiff L is.
        error: the coefficients e_j of the estimate; estimate_order: the power of h it falls with, less one (the lower
        order of the pair).
    """

    order: int
    stiff_order: int
    estimate_order: int
    c: tuple[Fraction, ...]
    a: tuple[Row, ...]
    error: Row
    source: str

    def __post_init__(self) -> None:
        assert len(self.a) == len(self.c) - 1 and self.c[0] == 0 and self.c[-1] == 1
        for i, row in enumerate(self.a, start=1):
            for z in (
                Fraction(0),
                Fraction(1, 3),
            ):  # sum_j a_ij(z) = c_i phi_1(c_i z): constant N is integrated exactly
                total = sum(
                    (weight * _phi(m, node * z) for entry in row.values() for weight, m, node in entry), Fraction(0)
                )
                assert abs(total - self.c[i] * _phi(1, self.c[i] * z)) < Fraction(1, 10**20), (
                    f"row {i} does not sum to c phi_1"
                )

    @property
    def stages(self) -> int:
        return len(self.c)

    @property
    def nodes(self) -> list[Fraction]:
        """All c that phi functions are taken at."""
        used = {node for row in (*self.a, self.error) for entry in row.values() for _, _, node in entry}
        return sorted(used | set(self.c[1:]))

    @property
    def highest(self) -> int:
        """The highest index of phi."""
        return max(m for row in (*self.a, self.error) for entry in row.values() for _, m, _ in entry)


def entry(*terms: tuple[int | str | Fraction, int, int | str | Fraction]) -> Entry:
    """A coefficient from (weight, index of phi, node)."""
    return tuple((Fraction(w), m, Fraction(c)) for w, m, c in terms)


def collocation(nodes: dict[int, Fraction], end: Fraction) -> Row:
    """The weights that integrate exp((end - s) z) times the polynomial through N at the nodes (stage -> c) exactly,
    from 0 to ``end``.

    With m nodes the stage has order m, whatever L is: sum_j a_j c_j^l/l! = end^(l+1) phi_(l+1)(end z) for l < m.
    """
    stages, points = list(nodes), list(nodes.values())
    inverse = _vandermonde_inverse(points)
    row: Row = {}
    for j, stage in enumerate(stages):
        terms = [
            (inverse[j][power] * factorial(power) * end ** (power + 1), power + 1, end) for power in range(len(points))
        ]
        row[stage] = tuple(t for t in terms if t[0])
    return row


def difference(first: Row, second: Row) -> Row:
    """first - second."""
    result: Row = {}
    for stage in sorted({*first, *second}):
        bag: dict[tuple[int, Fraction], Fraction] = {}
        for sign, row in ((1, first), (-1, second)):
            for weight, m, node in row.get(stage, ()):
                bag[m, node] = bag.get((m, node), Fraction(0)) + sign * weight
        terms = tuple((w, m, node) for (m, node), w in bag.items() if w)
        if terms:
            result[stage] = terms
    return result


def _vandermonde_inverse(points: Sequence[Fraction]) -> list[list[Fraction]]:
    """inverse[j][l]: coefficient of s^l in the Lagrange polynomial of point j."""
    rows = []
    for j, own in enumerate(points):
        polynomial = [Fraction(1)]
        for k, other in enumerate(points):
            if k == j:
                continue
            scaled = [Fraction(0), *polynomial]
            for power, value in enumerate(polynomial):
                scaled[power] -= other * value
            polynomial = [value / (own - other) for value in scaled]
        rows.append(polynomial)
    return rows


@cache
def _phi(m: int, z: Fraction) -> Fraction:
    """phi_m by its series, to 1e-25 for |z| <= 1."""
    return sum((z**k / factorial(k + m) for k in range(25)), Fraction(0))
