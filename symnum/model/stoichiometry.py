"""The stoichiometric matrix of a reaction network, and the conservation laws that follow from it.

    dx/dt = N v(x),     N (species x reactions) integer,     v the rates

A row vector c with c N = 0 gives the conserved quantity c x, whatever the rates are.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

Change = tuple[tuple[int, int], ...]  # what one event changes: (species, net amount) pairs, none of them zero
Expression = dict[int, Fraction | int]  # weight of a species as a combination of free weights


def net_changes(rows: Iterable[tuple[int, tuple[int, ...], tuple[int, ...]]], fixed: set[int]) -> list[Change]:
    """For each reaction (law, reactants, products) its net change; ``fixed`` species keep their amounts."""
    made = []
    for _, reactants, products in rows:
        change: dict[int, int] = {}
        for s in reactants:
            change[s] = change.get(s, 0) - 1
        for s in products:
            change[s] = change.get(s, 0) + 1
        made.append(tuple((s, n) for s, n in change.items() if n and s not in fixed))
    return made


def matrix(changes: Sequence[Change], species: int) -> Any:
    """The stoichiometric matrix N as SciPy CSR, (species, reactions) int64."""
    import numpy as np
    from scipy.sparse import csr_matrix

    counts = [len(change) for change in changes]
    columns = np.repeat(np.arange(len(changes)), counts)
    pairs = np.array([pair for change in changes for pair in change], dtype=np.int64).reshape(-1, 2)
    return csr_matrix((pairs[:, 1], (pairs[:, 0], columns)), shape=(species, len(changes)))


def conservation_laws(changes: Iterable[Change], species: int) -> list[dict[int, int]]:
    """A basis of the integer row vectors c with c N = 0, each as species -> weight, coprime, first weight positive.

    The weights are unknowns, and each distinct net change is a linear equation between them. They are solved exactly by propagation: an
    equation with one unknown weight gives it in terms of free weights; when none is left, the next species gets a free weight. An equation
    without unknown weights relates free ones and removes one of them. Where species are complexes of a few building blocks the expressions hold a few
    free weights each, and the time is linear in the size of N (Sauro and Ingalls, *Conservation analysis in biochemical networks*,
    Biophys. Chem. 109 (2004) 1-15, say what the laws mean; the usual way is an elimination of the whole matrix).
    """
    equations = list(dict.fromkeys(change for change in changes if change))
    return _Propagation(equations, species).laws()


class _Propagation:
    """Exact solution of sum(n_s * c_s) = 0 for all equations."""

    def __init__(self, equations: list[Change], species: int) -> None:
        self.equations, self.species = equations, species
        self.weight: dict[int, Expression] = {}  # species whose weight is known in terms of free ones
        self.holding: list[list[int]] = [[] for _ in range(species)]
        for e, change in enumerate(equations):
            for s, _ in change:
                self.holding[s].append(e)
        self.missing = [len(change) for change in equations]
        self.ready = [e for e, n in enumerate(self.missing) if n == 1]  # equations with one unknown weight

    def laws(self) -> list[dict[int, int]]:
        self._follow()
        for s in self._seeds():
            if s not in self.weight:
                self._set(s, {s: 1})
                self._follow()
        free = sorted({v for expression in self.weight.values() for v in expression})
        rows: dict[int, dict[int, Fraction | int]] = {v: {} for v in free}
        for s in sorted(self.weight):
            for v, factor in self.weight[s].items():
                rows[v][s] = factor
        return [_coprime(rows[v]) for v in free]

    def _seeds(self) -> list[int]:
        """Building blocks before complexes: a complex is the lone species on one side of a reaction with several on the other."""
        composite = [0] * self.species
        for change in self.equations:
            for sign in (1, -1):
                one = [s for s, n in change if n * sign > 0]
                if len(one) == 1 and sum(abs(n) for s, n in change if n * sign < 0) > 1:
                    composite[one[0]] = 1
        return sorted(range(self.species), key=lambda s: (composite[s], s))

    def _follow(self) -> None:
        """Find the weights that follow from the known ones."""
        while self.ready:
            e = self.ready.pop()
            total, unknown = self._sum(e)
            if unknown:  # else another equation has given it meanwhile
                ((s, n),) = unknown
                self._set(s, {v: _divided(-factor, n) for v, factor in total.items()})

    def _set(self, species: int, expression: Expression) -> None:
        self.weight[species] = expression
        for e in self.holding[species]:
            self.missing[e] -= 1
            if self.missing[e] == 1:
                self.ready.append(e)
            elif self.missing[e] == 0:
                self._relate(e)

    def _sum(self, e: int) -> tuple[Expression, list[tuple[int, int]]]:
        """The known part of an equation, and the (species, factor) pairs whose weights are not known."""
        total: Expression = {}
        unknown = []
        for s, n in self.equations[e]:
            known = self.weight.get(s)
            if known is None:
                unknown.append((s, n))
                continue
            for v, factor in known.items():
                value = total.get(v, 0) + n * factor
                if value:
                    total[v] = value
                else:
                    del total[v]
        return total, unknown

    def _relate(self, e: int) -> None:
        """All weights of an equation are known: it is fulfilled, or it gives one free weight in terms of the others."""
        total, _ = self._sum(e)
        if not total:
            return
        gone = max(total)
        pivot = total.pop(gone)
        instead = {v: _divided(-factor, pivot) for v, factor in total.items()}
        for expression in self.weight.values():
            factor = expression.pop(gone, 0)
            if factor:
                for v, part in instead.items():
                    value = expression.get(v, 0) + factor * part
                    if value:
                        expression[v] = value
                    else:
                        del expression[v]


def _divided(value: Fraction | int, by: Fraction | int) -> Fraction | int:
    quotient = Fraction(value) / by if by not in (1, -1) else value * by
    return quotient.numerator if isinstance(quotient, Fraction) and quotient.denominator == 1 else quotient


def _coprime(row: dict[int, Fraction | int]) -> dict[int, int]:
    """The row as whole numbers without a common factor, the first one positive."""
    common = math.lcm(*(Fraction(w).denominator for w in row.values()))
    whole = {s: int(w * common) for s, w in row.items()}
    divisor = math.gcd(*whole.values()) * (1 if next(iter(whole.values())) > 0 else -1)
    return {s: w // divisor for s, w in whole.items()}
