"""Which derivatives of a differentiated DAE become algebraic unknowns: the dummy derivatives of Mattsson and Soderlind.

S. E. Mattsson, G. Soderlind, Index reduction in differential-algebraic equations using dummy derivatives, SIAM J. Sci. Comput. 14 (1993) 677-692.
A constraint together with its derivatives holds more equations than unknowns. For each derivative of a constraint one derivative of a field is taken
as an unknown of its own (a dummy), no longer the derivative of anything. Which ones is decided by pivoting on the Jacobian of the constraints in
numbers; far from there another choice may be needed, because the pivots may vanish.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symnum.errors import ModelError
from symnum.expr.calculus import derivative, linear_coefficients, substitute
from symnum.expr.calculus import differentiate as partial
from symnum.expr.term import Symbol, Term
from symnum.model.naming import listed
from symnum.model.numeric import evaluate
from symnum.model.pantelides import Chains

SINGULAR = 1e-10  # of a row's largest entry: below, a pivot counts as zero
Instance = tuple[Symbol, int]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Stage:
    """One round of the choice: the Jacobian of differentiated equations by the derivatives that may become dummies.

    ``entries[i][j]``: a term; ``columns``: the derivatives by which, (field, order).
    """

    rows: tuple[int, ...]
    columns: tuple[Instance, ...]
    entries: tuple[tuple[Term, ...], ...]

    def matrix(self, values: Mapping[Term, float]) -> Array:
        """In numbers, each row divided by its largest entry."""
        made = np.array([[float(evaluate(e, values)) for e in row] for row in self.entries], dtype=np.float64)
        size = np.abs(made).max(axis=1, keepdims=True)
        return np.asarray(made / np.where(size > 0, size, 1.0))


def choose(chains: Chains, time: Symbol, values: Mapping[Term, float]) -> frozenset[Instance]:
    """The dummy derivatives at these values of fields and derivatives.

    Raises ModelError where the constraints do not determine that many derivatives there.
    """
    chosen: list[Instance] = []
    for stage in stages(chains, time):
        columns = stage.columns
        picked = _pivots(stage, values)
        chosen += [columns[j] for j in picked]
    return frozenset(chosen)


def stages(chains: Chains, time: Symbol) -> list[Stage]:
    """The rounds, from the highest derivatives down; each considers what the round before could choose from."""
    made: list[Stage] = []
    depth = 0
    while True:
        rows = tuple(i for i, chain in enumerate(chains.equations) if len(chain) > depth + 1)
        if not rows:
            return made
        columns = tuple((f, n - depth) for f, n in chains.order.items() if n - depth >= 1)
        entries = tuple(tuple(_slope(chains.equations[i][-1 - depth], c, time) for c in columns) for i in rows)
        made.append(Stage(rows, columns, entries))
        depth += 1


def _slope(residual: Term, column: Instance, time: Symbol) -> Term:
    """The partial derivative of a residual by a derivative of a field; it does not change when both are differentiated."""
    node = derivative(column[0], {time: column[1]})
    found = linear_coefficients(residual, [node])
    if found is not None:
        from symnum.expr.term import ZERO

        return found[0].get(node, ZERO)
    stand_in = Symbol("_", "temporary")
    return substitute(partial(substitute(residual, {node: stand_in}), stand_in), {stand_in: node})


def _pivots(stage: Stage, values: Mapping[Term, float]) -> list[int]:
    """Columns that make the square part regular, by QR factorisation with column pivoting."""
    from scipy.linalg import qr

    matrix = stage.matrix(values)
    if not np.isfinite(matrix).all():
        bad = stage.rows[int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])]
        raise ModelError(
            f"the derivative in time of equation {bad + 1} is not finite at the initial values; give initial values where it is defined"
        )
    count = len(stage.rows)
    if matrix.shape[1] >= count:
        triangle, order = qr(matrix, mode="r", pivoting=True)
        pivots = np.abs(np.diag(triangle[:, :count]))
        if pivots.min(initial=1.0) > SINGULAR:
            return [int(j) for j in order[:count]]
    numbers = listed([str(i + 1) for i in stage.rows])
    plural = "s" if count > 1 else ""
    raise ModelError(
        f"the constraints (equation{plural} {numbers}) do not determine {count} derivative{plural} at the initial values: "
        "their Jacobian is singular there. Start elsewhere, or remove a constraint that follows from the others"
    )


def quality(stage_list: list[Stage], chosen: frozenset[Instance], values: Mapping[Term, float]) -> float:
    """How well a choice still does: the smallest singular value with these dummies over that of the best choice by pivoting, at most 1 or so."""
    worst = np.inf
    for stage in stage_list:
        matrix = stage.matrix(values)
        if not np.isfinite(matrix).all():
            return 0.0
        own = [j for j, c in enumerate(stage.columns) if c in chosen]
        try:
            best = _pivots(stage, values)
        except ModelError:
            return 0.0
        ratio = _smallest(matrix[:, own]) / max(_smallest(matrix[:, best]), 1e-300)
        worst = min(worst, ratio)
    return float(worst)


def _smallest(matrix: Array) -> float:
    return float(np.linalg.svd(matrix, compute_uv=False).min(initial=np.inf))
