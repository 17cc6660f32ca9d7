"""df/dy of spectral rates, dense: the directional derivatives along all unit vectors, transformed many at a time.

What the point (t, y) itself needs is computed once, and one call of the transforms serves ``TOGETHER`` columns; so a column costs little
more than one call of each pointwise kernel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.spectral import SpectralFunction

Array = NDArray[np.float64]
Complex = NDArray[np.complex128]

TOGETHER = 64  # columns at a time


def columns(function: SpectralFunction, t: float, y: Array, p: Array, out: Array) -> None:
    """out[:, j] = (df/dy) e_j at (t, y; p), for all j; out (size, size)."""
    work = function.point(t, y, p)
    unit = np.eye(function.rates.size)
    for first in range(0, len(unit), TOGETHER):
        chosen = unit[first : first + TOGETHER]
        out[:, first : first + len(chosen)] = _along(function, t, work, chosen, p).T


def _along(function: SpectralFunction, t: float, work: Array, v: Array, p: Array) -> Array:
    """(df/dy) v for every row of v (m, size); ``work``: y and the derivatives that the stages read."""
    rates, m = function.rates, len(v)
    spectrum = function.forward(v).reshape(m, rates.fields, *rates.modes)
    values = np.empty((m, rates.expressions, *rates.shape))
    tangent = np.empty((m, len(work)))
    tangent[:, : rates.size] = v
    sources = list(np.moveaxis(spectrum, 1, 0))
    at, first = rates.size, 0
    for kernel, derived, count in zip(function.tangent_kernels(), function.derived, function.counts, strict=True):
        end = at + len(derived) * rates.points
        if derived:
            made = np.stack([factor * sources[source] for source, factor in derived], axis=1)
            tangent[:, at:end] = function.backward(made.reshape(-1, *rates.modes)).reshape(m, -1)
        both = np.concatenate([work[:end], tangent[0, :end]])
        for row, result in zip(tangent, values, strict=True):
            both[end:] = row[:end]
            kernel.function(t, both, p, result[first : first + count].reshape(-1))
        if first + count < rates.expressions:
            sources.extend(_coefficients(function, values[:, first : first + count]) * function.kept)
        at, first = end, first + count
    return _assembled(function, values, spectrum, p).reshape(m, -1)


def _coefficients(function: SpectralFunction, values: Array) -> Complex:
    """Of (m, k, *shape): (k, m, *modes)."""
    made = function.forward(np.ascontiguousarray(np.moveaxis(values, 1, 0)))
    return made.reshape(values.shape[1], values.shape[0], *function.rates.modes)


def _assembled(function: SpectralFunction, values: Array, spectrum: Complex, p: Array) -> Array:
    """The rates (m, fields, *shape) from the expressions and the coefficients of the states."""
    rates, m = function.rates, len(values)
    total = np.zeros_like(spectrum)
    if rates.linear:
        total += np.einsum("ij...,mj...->mi...", function.symbol(p), spectrum)
    for part in function.outer:
        if part.factor is not None:
            total[:, part.row] += part.factor * _coefficients(function, values[:, [part.expression]])[0]
    rows = function.backward(total.reshape(-1, *rates.modes)).reshape(m, rates.fields, *rates.shape)
    for part in function.outer:
        if part.factor is None:
            rows[:, part.row] += values[:, part.expression]
    return rows
