"""Constraints that hide in equations with derivatives: C (v1' - v2') = i and C (v2' - v1') = j together say i + j = 0.

Which fields an equation holds does not show this, so ``pantelides`` would not see it. Rows whose highest derivatives depend linearly on
those of other rows are replaced by the combination in which these derivatives cancel. Only combinations that do not depend on the
parameters are made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.expr.calculus import derivative, linear_coefficients, substitute
from symnum.expr.term import ZERO, Symbol, Term, add, mul, scale
from symnum.expr.walk import symbols
from symnum.model.numeric import evaluate
from symnum.model.pantelides import instances

DEPENDENT = 1e-11  # of the largest coefficient
Array = NDArray[np.float64]
Split = tuple[dict[Term, Term], Term]


def without_hidden_constraints(
    residuals: Sequence[Term], fields: Sequence[Symbol], time: Symbol, parameters: Mapping[Term, float]
) -> list[Term]:
    """The residuals, those rows replaced that hide a constraint.

    Args:
        residuals: time derivatives act on fields alone; parameters: symbol -> value.
    """
    rows = list(residuals)
    for _ in range(4 * len(rows)):
        replaced = _replaced(rows, fields, time, parameters)
        if replaced is None:
            break
        rows[replaced[0]] = replaced[1]
    return rows


def _replaced(
    rows: Sequence[Term], fields: Sequence[Symbol], time: Symbol, parameters: Mapping[Term, float]
) -> tuple[int, Term] | None:
    """(number of a row, what it becomes), or None."""
    held = [instances(r, fields) for r in rows]
    order = {f: max((h.get(f, 0) for h in held), default=0) for f in fields}
    tops: list[Term] = [derivative(f, {time: n}) for f, n in order.items() if n]
    split = {i: s for i, r in enumerate(rows) if (s := _constant_split(r, tops, parameters)) is not None}
    given = _matrix(split, tops, parameters)
    generator = np.random.default_rng(0)
    other = _matrix(split, tops, {k: v * generator.uniform(1.1, 1.9) for k, v in parameters.items()})
    numbers = list(split)
    for k in range(1, len(numbers)):
        weights: Any = np.round(np.asarray(np.linalg.lstsq(given[:k].T, given[k], rcond=None)[0]), 12)
        if all(np.abs(m[k] - weights @ m[:k]).max() <= DEPENDENT * np.abs(m[k]).max() for m in (given, other)):
            parts = [scale(split[numbers[j]][1], -float(w)) for j, w in enumerate(weights) if w]
            return numbers[k], _collected(add([split[numbers[k]][1], *parts]), fields)
    return None


def _constant_split(row: Term, tops: Sequence[Term], parameters: Mapping[Term, float]) -> Split | None:
    """(coefficients of the highest derivatives, rest) where there are some and they are numbers and parameters alone."""
    found = linear_coefficients(row, list(tops))
    if found is None or not found[0] or any(s not in parameters for c in found[0].values() for s in symbols(c)):
        return None
    return dict(found[0]), substitute(found[1], dict.fromkeys(tops, ZERO))


def _matrix(split: Mapping[int, Split], tops: Sequence[Term], parameters: Mapping[Term, float]) -> Array:
    rows = [[float(evaluate(s[0].get(top, ZERO), parameters)) for top in tops] for s in split.values()]
    return np.array(rows).reshape(len(rows), len(tops))


def _collected(row: Term, fields: Sequence[Symbol]) -> Term:
    """With the fields that occur linearly gathered, so that one that cancels is gone."""
    found = linear_coefficients(row, list(fields))
    if found is None:
        return row
    rest = substitute(found[1], dict.fromkeys(fields, ZERO))
    return add([*(mul((c, f)) for f, c in found[0].items()), rest])
