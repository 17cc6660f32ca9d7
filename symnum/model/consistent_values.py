"""Numbers for all fields and derivatives that satisfy a set of equations at the start: Gauss-Newton on everything that is not given.

What is given stays where that is possible. If the given values contradict the equations, the closest ones that agree are taken, with a warning.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np

from symnum.errors import ModelError
from symnum.expr.term import Term
from symnum.model.naming import listed
from symnum.model.numeric import evaluate
from symnum.model.warn import warn

CLOSE = 1e-9  # residual over the size of the values
FREE = 1e4  # how much further a value may move that nobody stated


def consistent_values(
    equations: Sequence[Term],
    instances: Sequence[Term],
    given: Mapping[Term, float],
    numbers: Mapping[Term, float],
    guesses: Collection[Term] = (),
) -> dict[Term, float]:
    """A value for each of ``instances`` (fields and their derivatives).

    Args:
        given: values the user stated; numbers: parameters and the initial time; guesses: those of ``given`` that are given up first, silently.

    Raises ModelError where no such values are found.
    """
    stated = {k: v for k, v in given.items() if k in instances}
    firm = {k: v for k, v in stated.items() if k not in guesses}
    for kept in (stated, firm, {}) if firm != stated else (stated, {}):
        unknown = [i for i in instances if i not in kept]
        start = np.array([given.get(i, 0.0) for i in unknown])
        for spread in (0.0, 0.1, 1.0):
            noise = spread * np.random.default_rng(0).uniform(0.5, 1.0, len(unknown))
            begin = start + np.where([i in given for i in unknown], 0.1 * noise, noise)
            scale = np.where([i in given for i in unknown], 1.0, FREE)
            found = _solve(equations, unknown, begin, {**numbers, **kept}, scale)
            if found is not None:
                made = {**kept, **dict(zip(unknown, map(float, found), strict=True))}
                _tell(firm, made)
                return made
    raise ModelError(
        "no consistent initial values were found: the equations and their derivatives in time cannot all hold at the start; "
        "give initial values that satisfy the constraints and their derivatives"
    )


def _tell(given: Mapping[Term, float], made: Mapping[Term, float]) -> None:
    moved = [str(k) for k, v in given.items() if k in made and abs(made[k] - v) > 1e-6 * max(1.0, abs(v))]
    if moved:
        became = listed([f"{k} = {made[k]:.6g}" for k in made if str(k) in moved])
        warn(
            f"the initial value{'s' if len(moved) > 1 else ''} of {listed(moved)} contradict the constraints or their derivatives in time; "
            f"the closest that agree are taken: {became}"
        )


def _solve(
    equations: Sequence[Term],
    unknown: Sequence[Term],
    begin: np.ndarray,
    known: Mapping[Term, float],
    scale: np.ndarray,
) -> np.ndarray | None:
    """A zero near ``begin``, by the smallest steps (minimum norm of step/scale); None if there is none."""
    if not unknown:
        size = 1.0 + max((abs(float(v)) for v in known.values()), default=0.0)
        rest = np.array([float(evaluate(e, known)) for e in equations])
        return begin if np.isfinite(rest).all() and np.abs(rest).max(initial=0.0) <= CLOSE * size else None

    residual = _residual(equations, unknown, known)
    z = begin.copy()
    r = residual(z)
    for _ in range(60):
        jacobian = _slopes(residual, z)
        if not (np.isfinite(r).all() and np.isfinite(jacobian).all()):
            return None
        size = np.abs(jacobian).max(axis=1)
        weight = 1 / np.where(size > 0, size, 1.0)  # residuals in the unit of the unknowns
        if np.abs(weight * r).max() <= CLOSE * (1.0 + np.abs(z).max()):
            return z
        step = scale * np.linalg.lstsq(weight[:, None] * jacobian * scale, -weight * r, rcond=1e-12)[0]
        share = 1.0
        while share > 1e-4:
            trial = residual(z + share * step)
            if np.isfinite(trial).all() and np.linalg.norm(weight * trial) < np.linalg.norm(weight * r):
                break
            share /= 2
        else:
            return None
        z, r = z + share * step, trial
    return None


def _residual(
    equations: Sequence[Term], unknown: Sequence[Term], known: Mapping[Term, float]
) -> Callable[[np.ndarray], np.ndarray]:
    def residual(z: np.ndarray) -> np.ndarray:
        values = {**known, **dict(zip(unknown, z, strict=True))}
        return np.array([float(evaluate(e, values)) for e in equations])

    return residual


def _slopes(residual: Callable[[np.ndarray], np.ndarray], z: np.ndarray) -> np.ndarray:
    """The Jacobian by central differences, (equations, unknowns)."""
    columns = []
    for k in range(len(z)):
        h = 1e-7 * max(1.0, abs(z[k]))
        up, down = z.copy(), z.copy()
        up[k] += h
        down[k] -= h
        columns.append((residual(up) - residual(down)) / (2 * h))
    return np.stack(columns, axis=1)
