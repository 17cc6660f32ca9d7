"""The phi functions of exponential integrators, to rounding: scalars and small matrices, many at once.

    phi_0(z) = exp(z),     phi_j(z) = integral over s in (0, 1) of exp((1 - s) z) s^(j-1)/(j-1)!
    phi_(j+1)(z) = (phi_j(z) - 1/j!)/z

Scalars: the recurrence where |z| >= 1 (its rounding errors shrink by |z| a step there); below, Taylor's series of the
last one and the recurrence backward. Matrices: Taylor's series of z/2^s with a norm of at most 1/2, then s doublings

    phi_0(2z) = phi_0(z)^2,     phi_j(2z) = 2^-j (phi_0(z) phi_j(z) + sum_(l=1..j) phi_l(z)/(j-l)!)

each matrix with its own s, after a diagonal similarity (powers of two) that makes rows and columns alike: with second
order in time, rows of 1 and of k^4 meet in one matrix, and s is to count the frequency k^2. Sources: M. Hochbruck,
A. Ostermann, Exponential integrators, Acta Numerica 19 (2010) 209-286; for the doubling B. Skaflestad, W. M. Wright, The
scaling and modified squaring method for matrix functions related to the exponential, Appl. Numer. Math. 59 (2009)
783-799; E. E. Osborne, On pre-conditioning of matrices, J. ACM 7 (1960) 338-345.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np

_TERMS = 20  # of Taylor's series: 1/20! is below 2^-60
_SWEEPS = 8  # of balancing: scales differ little after two


def phi_scalars(z: Any, count: int) -> Any:
    """phi_0 ... phi_count of real or complex numbers: shape (count + 1, *z.shape)."""
    z = np.asarray(z)
    if not z.ndim:
        return phi_scalars(z[None], count)[:, 0]
    kind = np.complex128 if np.iscomplexobj(z) else np.float64
    result = np.empty((count + 1, *z.shape), dtype=kind)
    small = np.abs(z) < 1
    far = np.where(small, 1, z)
    near = np.where(small, z, 0)
    low = _taylor(near, count)
    with np.errstate(over="ignore", invalid="ignore"):
        result[0] = np.exp(z)
        high = result[0] if not small.any() else np.exp(far)
        for j in range(count):
            high = (high - 1 / factorial(j)) / far
            result[j + 1] = high
    for j in reversed(range(1, count + 1)):
        np.copyto(result[j], low, where=small)
        low = low * near + 1 / factorial(j - 1)
    return result


def phi_matrices(z: Any, count: int) -> Any:
    """phi_0 ... phi_count of matrices z (k, k, *batch): shape (count + 1, k, k, *batch)."""
    z = np.asarray(z)
    k = z.shape[0]
    flat, scales = _balanced(np.moveaxis(z.reshape(k, k, -1), 2, 0))
    norm = np.abs(flat).sum(axis=2).max(axis=1)
    doublings = np.maximum(0, np.ceil(np.log2(np.maximum(norm, 1e-300)) + 1)).astype(int)
    scaled = flat / 2.0 ** doublings[:, None, None]
    values = _taylor_matrices(scaled, count)
    for done in range(int(doublings.max(initial=0))):
        some = doublings > done
        values[:, some] = _doubled(values[:, some])
    values *= scales[:, :, None] / scales[:, None, :]
    return np.moveaxis(values, 1, 3).reshape(count + 1, *z.shape)


def _balanced(matrices: Any) -> tuple[Any, Any]:
    """(D^-1 A D, diagonal of D) with powers of two, so that off the diagonal row i and column i have sums alike; A (batch, k, k)."""
    made = np.array(matrices)
    scales = np.ones(made.shape[:2])
    for _ in range(_SWEEPS if made.shape[1] > 1 else 0):
        size = np.abs(made)
        size[:, range(size.shape[1]), range(size.shape[1])] = 0
        changed = False
        for i in range(size.shape[1]):
            row, column = size[:, i].sum(axis=1), size[:, :, i].sum(axis=1)
            both = (row > 0) & (column > 0) & np.isfinite(row * column)
            ratio = np.divide(row, column, out=np.ones_like(row), where=both)
            factor = 2.0 ** np.round(0.5 * np.log2(ratio))
            for array in (made, size):
                array[:, :, i] *= factor[:, None]
                array[:, i] /= factor[:, None]
            scales[:, i] *= factor
            changed = changed or bool((factor != 1).any())
        if not changed:
            break
    return made, scales


def _taylor(z: Any, j: int) -> Any:
    """phi_j(z) = sum of z^m/(m + j)!."""
    total = np.full_like(z, 1 / factorial(_TERMS + j))
    for m in reversed(range(_TERMS)):
        total = total * z + 1 / factorial(m + j)
    return total


def _taylor_matrices(z: Any, count: int) -> Any:
    identity = np.broadcast_to(np.eye(z.shape[1], dtype=z.dtype), z.shape)
    top = identity / factorial(_TERMS + count)
    for m in reversed(range(_TERMS)):
        top = top @ z + identity / factorial(m + count)
    values = np.empty((count + 1, *z.shape), dtype=z.dtype)
    values[count] = top
    for j in reversed(range(count)):
        values[j] = values[j + 1] @ z + identity / factorial(j)
    return values


def _doubled(values: Any) -> Any:
    result = np.empty_like(values)
    result[0] = values[0] @ values[0]
    for j in range(1, len(values)):
        total = values[0] @ values[j]
        for lower in range(1, j + 1):
            total = total + values[lower] / factorial(j - lower)
        result[j] = total / 2**j
    return result
