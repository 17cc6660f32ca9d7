"""The spectrum of df/dy at the start, measured through f alone: what stiffness is judged by before any step.

Arnoldi's iteration on products (f(y + e v) - f(y))/e finds the outermost eigenvalues, and all of them where n is no larger than the number of
products (Y. Saad, Numerical Methods for Large Eigenvalue Problems, SIAM 2011, chapter 6). Rates that do not come from differences in space are seen
by moving each field as a whole: d(field)/dx does not feel a constant.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from symnum.solvers.problem import Problem

Array = NDArray[np.float64]
PRODUCTS = 24
_STEP = 1e-7  # relative: the square root of the rounding error of f, nearly


@dataclass(frozen=True)
class Spectrum:
    """Of df/dy at (t0, y0), per unit of time.

    Attributes:
        damping: the largest -Re(lambda); growth: the largest Re(lambda); frequency: the largest |Im(lambda)|.
        reaction: a bound of |eigenvalues| of the Jacobian at one place, without what neighbours bring.
    """

    damping: float
    growth: float
    frequency: float
    reaction: float


def measure(problem: Problem, fields: Sequence[tuple[int, int]] = ()) -> Spectrum | None:
    """The spectrum at the start; None where f is not finite there, or algebraic equations leave rows without rates.

    Args:
        fields: (offset, size) of each field in the state; none: every unknown is one.
    """
    if problem.differential is not None:
        return None
    y, t = np.array(problem.y0), _inside(problem)
    f0 = np.empty(problem.n)
    problem.rhs(t, y, f0)
    if not np.isfinite(f0).all():
        return None
    scale = float(np.sqrt(np.mean(y**2))) or 1.0
    with np.errstate(all="ignore"):
        values = _ritz(problem, t, y, f0, scale)
        reaction = _reaction(problem, t, y, f0, scale, fields)
    if values is None:
        return None
    real, imaginary = values.real, values.imag
    return Spectrum(max(0.0, -float(real.min())), max(0.0, float(real.max())), float(np.abs(imaginary).max()), reaction)


def _inside(problem: Problem) -> float:
    """Just after the start: f may jump there."""
    return float(np.nextafter(problem.t0, problem.t1))


def _product(problem: Problem, t: float, y: Array, f0: Array, v: Array, size: float) -> Array:
    out = np.empty_like(f0)
    problem.rhs(t, y + size * v, out)
    return (out - f0) / size


def _ritz(problem: Problem, t: float, y: Array, f0: Array, scale: float) -> NDArray[np.complex128] | None:
    """Eigenvalues of the Hessenberg matrix of Arnoldi's iteration, from a vector that holds all waves."""
    n = problem.n
    m = min(n, PRODUCTS)
    basis, hessenberg = np.zeros((m + 1, n)), np.zeros((m + 1, m))
    start = np.cos(np.arange(n) * 2.399963) + (-1.0) ** np.arange(n)  # the golden angle, and the shortest wave
    basis[0] = start / np.linalg.norm(start)
    made = m
    for j in range(m):
        w = _product(problem, t, y, f0, basis[j], _STEP * scale * math.sqrt(n))
        size = float(np.linalg.norm(w))
        if not np.isfinite(size):
            return None
        for _ in range(2):  # once is not enough for orthogonality to rounding
            part = basis[: j + 1] @ w
            hessenberg[: j + 1, j] += part
            w -= part @ basis[: j + 1]
        hessenberg[j + 1, j] = np.linalg.norm(w)
        if hessenberg[j + 1, j] <= 1e-6 * max(size, 1e-300):
            made = j + 1
            break
        basis[j + 1] = w / hessenberg[j + 1, j]
    return np.asarray(np.linalg.eigvals(hessenberg[:made, :made]), dtype=np.complex128)


def _reaction(
    problem: Problem, t: float, y: Array, f0: Array, scale: float, fields: Sequence[tuple[int, int]]
) -> float:
    """The largest row sum of the Jacobian at one place over nine tenths of the places (sides with values given do feel a constant)."""
    if not fields:
        return 0.0
    rows = np.zeros(len(fields))
    for offset, size in fields:
        v = np.zeros(problem.n)
        v[offset : offset + size] = 1.0
        moved = np.abs(_product(problem, t, y, f0, v, _STEP * scale))
        rows += [float(np.quantile(moved[o : o + s], 0.9)) for o, s in fields]
    return float(rows.max()) if np.isfinite(rows).all() else 0.0
