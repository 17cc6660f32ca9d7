"""Stochastic Runge-Kutta methods of strong order 3/2 for one Wiener process an unknown, or a single one (Roessler's class SRI).

    H0_i = y + h sum_j A0_ij f(t + c0_j h, H0_j) + I10/h sum_j B0_ij g(t + c1_j h, H1_j)
    H1_i = y + h sum_j A1_ij f(t + c0_j h, H0_j) + sqrt(h) sum_j B1_ij g(t + c1_j h, H1_j)
    y_new = y + h sum_i alpha_i f(H0_i) + sum_i (beta1_i W + beta2_i I11/sqrt(h) + beta3_i I10/h + beta4_i I111/h) g(H1_i)

    I11 = (W^2 - h)/2    I111 = (W^3 - 3 h W)/6    I10 = int_t^{t+h} (W(s) - W(t)) ds

A. Roessler, Runge-Kutta methods for the strong approximation of solutions of stochastic differential equations, SIAM J. Numer. Anal. 48
(2010) 922-952. The error is estimated against the method of order one inside, y + h f(t, y) + sum_i (beta1_i W + beta2_i I11/sqrt(h)) g(H1_i)
(after C. Rackauckas, Q. Nie, Adaptive methods for stochastic differential equations via natural embeddings and rejection sampling with
memory, Discrete Contin. Dyn. Syst. B 22 (2017)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnum.expr.build import sqrt
from symnum.expr.term import Term
from symnum.solvers.embedded.driver import error, error_norm, evaluate, h_try, stage_time
from symnum.solvers.embedded.language import Increment, LinComb, Multiply, NoiseValues, Statement, combination
from symnum.solvers.embedded.stochastic.driver import Place
from symnum.solvers.embedded.stochastic.method import StochasticMethod, stochastic_method

Row = tuple[Any, ...]


@dataclass(frozen=True)
class SRITableau:
    """The coefficients; rows of a0, a1, b0, b1 are strictly lower. The 25 order conditions are checked when it is made."""

    a0: tuple[Row, ...]
    a1: tuple[Row, ...]
    b0: tuple[Row, ...]
    b1: tuple[Row, ...]
    alpha: Row
    beta1: Row
    beta2: Row
    beta3: Row
    beta4: Row

    def __post_init__(self) -> None:
        worst = max(abs(value - target) for value, target in self.conditions())
        assert worst < 1e-12, f"an order condition is missed by {worst:.3g}"

    @property
    def stages(self) -> int:
        return len(self.alpha)

    def matrix(self, name: str) -> np.ndarray:
        rows = getattr(self, name)
        made = np.zeros((self.stages, self.stages))
        for i, row in enumerate(rows):
            made[i, : len(row)] = [float(c) for c in row]
        return made

    def conditions(self) -> list[tuple[float, float]]:
        """(value, what it must be): Roessler 2010, for strong order 3/2."""
        a0, a1, b0, b1 = (self.matrix(name) for name in ("a0", "a1", "b0", "b1"))
        alpha, *beta = (
            np.array([float(c) for c in getattr(self, n)]) for n in ("alpha", "beta1", "beta2", "beta3", "beta4")
        )
        e = np.ones(self.stages)
        rows: list[tuple[Any, Sequence[float]]] = [
            (e, (1, 0, 0, 0)),
            (b1 @ e, (0, 1, 0, 0)),
            (a1 @ e, (1, 0, -1, 0)),
            ((b1 @ e) ** 2, (1, 0, -1, 2)),
            (b1 @ (b1 @ e), (0, 0, 0, 1)),
        ]
        found = [(alpha @ e, 1), (alpha @ a0 @ e, 1 / 2), (alpha @ b0 @ e, 1), (alpha @ (b0 @ e) ** 2, 3 / 2)]
        found += [(b @ vector, target) for vector, targets in rows for b, target in zip(beta, targets, strict=True)]
        mixed = a1 @ (b0 @ e)
        return [*found, (beta[0] @ mixed / 2 + beta[2] @ mixed / 3, 0)]


def stochastic_runge_kutta(name: str, tableau: SRITableau, summary: str) -> StochasticMethod:
    """The method of a tableau, with steps of its own choice."""
    maker = _Step(tableau)
    vectors = (
        "w",
        "a",
        *maker.slopes,
        *maker.noises,
        "state",
        "moved",
        *(f"sum{r}" for r in range(1, 5)),
        "cube",
        "difference",
    )
    estimate = (error_norm(error, ("y", "y_new"), (1, "difference"), *_drift_difference(maker)),)
    return stochastic_method(name, 1.5, 2.0, maker, summary, vectors, estimate, componentwise=True)


def _drift_difference(maker: _Step) -> list[tuple[Term, str]]:
    """h (sum_i alpha_i f_i - f_1)."""
    weights = maker.drift_weights()
    weights["f1"] = weights.get("f1", 0) - 1
    return [(h_try * c, f) for f, c in weights.items() if c]


class _Step:
    """Writes a step."""

    def __init__(self, tableau: SRITableau) -> None:
        self.tableau = tableau
        stages = range(tableau.stages)
        self.c0, self.c1 = tableau.matrix("a0").sum(axis=1), tableau.matrix("a1").sum(axis=1)
        used = [
            bool(tableau.alpha[j]) or tableau.matrix("a0")[:, j].any() or tableau.matrix("a1")[:, j].any()
            for j in stages
        ]
        plain = [not (tableau.matrix("a0")[i].any() or tableau.matrix("b0")[i].any()) for i in stages]
        # a stage at the state itself has the slope of the first; one that nothing uses is left out
        self.slope = ["f1" if plain[i] else f"f{i + 1}" if used[i] else "" for i in stages]
        self.slopes = tuple(dict.fromkeys(f for f in self.slope if f))
        self.noises = tuple(f"g{i + 1}" for i in stages)

    def drift_weights(self, row: Row | None = None) -> dict[str, Any]:
        """Coefficient of each slope, for alpha or a row of A0 or A1."""
        found: dict[str, Any] = {}
        for f, c in zip(self.slope, self.tableau.alpha if row is None else row, strict=False):
            if c:
                found[f] = found.get(f, 0) + c
        return found

    def __call__(self, place: Place, state: str, out: str) -> tuple[Statement, ...]:
        h, tableau = place.h, self.tableau
        root = sqrt(h)
        made: list[Statement] = [Increment(place.root, place.level, place.index, place.length, place.share, "w", "a")]
        for i in range(tableau.stages):
            f, g = self.slope[i], self.noises[i]
            if f == f"f{i + 1}":
                made += self._stage(tableau.b0[i], tableau.a0[i], "a", 1, h, state)
                made += evaluate(f, place.time + float(self.c0[i]) * h, "state" if i else state)
            made += self._stage(tableau.b1[i], tableau.a1[i], None, root, h, state)
            made.append(NoiseValues(g, stage_time(place.time + float(self.c1[i]) * h), "state" if i else state))
        return (*made, *self._together(h, root, state, out))

    def _stage(self, noise: Row, drift: Row, times: str | None, factor: Any, h: Term, state: str) -> list[Statement]:
        """``state`` of a stage, in the vector of that name: y + h sum a f + factor (times) sum b g."""
        if not (any(noise) or any(drift)):
            return [combination("state", (1, state))]
        moved = [(factor * b, g) for b, g in zip(noise, self.noises, strict=False) if b]
        slopes = [(h * a, f) for f, a in self.drift_weights(drift).items()]
        if times is None or not moved:
            return [combination("state", (1, state), *slopes, *moved)]
        product = (combination("moved", *moved), Multiply("moved", times, "moved"))
        return [*product, combination("state", (1, state), *slopes, (1, "moved"))]

    def _together(self, h: Term, root: Term, state: str, out: str) -> tuple[Statement, ...]:
        """The new state; ``difference``: what the integrals I10 and I111 bring, the noise part of the error estimate."""
        rows = (self.tableau.beta1, self.tableau.beta2, self.tableau.beta3, self.tableau.beta4)
        sums = [_sum(f"sum{r}", row, self.noises) for r, row in enumerate(rows, 1)]
        drift = [(h * c, f) for f, c in self.drift_weights().items()]
        return (
            *sums,
            Multiply("sum4", "w", "sum4"),  # I111/h = W^3/(6 h) - W/2
            Multiply("cube", "w", "sum4"),
            Multiply("cube", "w", "cube"),
            Multiply("sum3", "a", "sum3"),
            combination("difference", (1, "sum3"), (1 / (6 * h), "cube"), (-0.5, "sum4")),
            Multiply("sum1", "w", "sum1"),
            Multiply("moved", "w", "sum2"),  # I11/sqrt(h) = W^2/(2 sqrt(h)) - sqrt(h)/2
            Multiply("moved", "w", "moved"),
            combination(
                out, (1, state), *drift, (1, "sum1"), (0.5 / root, "moved"), (-0.5 * root, "sum2"), (1, "difference")
            ),
        )


def _sum(out: str, weights: Row, vectors: Sequence[str]) -> LinComb:
    return combination(out, *((c, v) for c, v in zip(weights, vectors, strict=True)))
