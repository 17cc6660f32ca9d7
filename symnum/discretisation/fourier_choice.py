"""Whether ``scheme="auto"`` may take Fourier collocation: where it is sure to be exact on every wave that matters."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from symnum.discretisation.assemble import assemble
from symnum.errors import DiscretisationError
from symnum.expr.names import is_time
from symnum.expr.ops import TABLE
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import fold
from symnum.ir.interpret import interpret
from symnum.ir.spectral import SpectralRates
from symnum.model.system import PDESystem

LEAST_ORDER = (
    3  # of the highest derivatives: below, differences of order 2 do as well, and nothing keeps a solution smooth
)
SMALL = 1e-6  # largest coefficient of the upper third of the waves of the initial state, over the largest but the mean
_NEAR = 1e-6  # size of a wave that is added to the initial state, relative to it
_ROUNDING = 1e-8  # of the mean: what is below is no wave
_KINKS = {"abs", "sign", "floor", "ceil", "minimum", "maximum", "where"}


class Space(NamedTuple):
    """What ``scheme`` and ``order`` stand for; ``why``: waves were taken unasked, and this is the reason."""

    scheme: str
    order: int
    why: str | None = None


def space_for(system: PDESystem, resolution: Any, scheme: str, order: int | None, free: bool) -> Space:
    """Order None is 2, or waves where they suit, no scheme is named, and ``free``: nor is a method."""
    why = waves_suit(system, resolution) if free and scheme == "auto" and order is None else None
    return Space(scheme if why is None else "fourier", 2 if order is None else order, why)


def waves_suit(system: PDESystem, resolution: Any) -> str | None:
    """Why Fourier collocation is taken, as part of a sentence; None where it is not.

    All of this holds: every axis is periodic, with an even number of points without prime factors above 7; every
    field depends on all coordinates and has an equation with a time derivative; no integrals, no jumps or kinks and
    no coordinates in the rates; derivatives of the third order or more stand in a linear part with constant
    coefficients that are not 0 now, above all other derivatives; they outweigh all else on the shortest waves that are
    kept (a small dispersion lets shocks form, which waves do not resolve); the grid resolves the initial state (see
    ``SMALL``).
    """
    form = system.normal_form
    if not system.space or form.algebraic or any(system.periodic.get(x.name) != 1 for x in system.space):
        return None
    if not all(_smooth(rate) for rate in form.rates.values()):
        return None
    try:
        made = assemble(system, resolution, "fourier").build()
    except DiscretisationError:
        return None
    rates = made.spectral
    assert rates is not None
    rates = _present(rates, made.parameter_values)
    order = rates.linear_order
    if not all(_simple(n) for n in rates.shape) or order < LEAST_ORDER or order <= rates.rest_order:
        return None
    state, values = made.initial(made.parameter_values), np.asarray(made.parameter_values, dtype=np.float64)
    if not _resolved(rates, state) or not _outweighs(rates, made.time_span[0], state, values):
        return None
    return f"the highest derivatives ({order}) have constant coefficients on periodic axes, and the grid resolves the initial state"


def _smooth(rate: Term) -> bool:
    """No jumps, kinks, integrals, and no coordinate but time outside derivatives."""

    def rule(node: Term, args: list[bool]) -> bool:
        if isinstance(node, Symbol):
            return node.kind != "coordinate" or is_time(node)
        if node.op == "derivative":
            return args[0]
        if node.op == "integral" or node.op in _KINKS or (node.op in TABLE and TABLE[node.op].boolean):
            return False
        return all(args)

    return fold(rate, rule)


def _present(rates: SpectralRates, values: Any) -> SpectralRates:
    """Without the parts of L whose coefficients are 0 at these parameter values."""
    return replace(
        rates,
        linear=tuple(p for p in rates.linear if replace(rates, linear=(p,)).symbol(values).any() or not any(p.orders)),
    )


def _outweighs(rates: SpectralRates, t: float, state: Any, values: Any) -> bool:
    """On the shortest kept wave along each axis, L y is larger than the change of all else around the initial state."""
    fields = state.reshape(rates.fields, *rates.shape)
    sizes = np.abs(fields).reshape(rates.fields, -1).max(axis=1)
    sizes = np.where(sizes > 0, sizes, 1.0).reshape(-1, *[1] * len(rates.shape))
    before, symbol = _rest(rates, t, fields, values), rates.symbol(values)
    for axis, n in enumerate(rates.shape):
        wave = np.cos(2 * np.pi * (n // 3) / n * np.arange(n))
        wave = wave.reshape([-1 if k == axis else 1 for k in range(len(rates.shape))])
        added = np.broadcast_to(_NEAR * sizes * wave, fields.shape)
        change = _rest(rates, t, fields + added, values) - before
        own = np.einsum("ij...,j...->i...", symbol, _forward(rates, added))
        if not np.linalg.norm(own.ravel()) >= np.linalg.norm(change.ravel()):
            return False
    return True


def _forward(rates: SpectralRates, values: Any) -> Any:
    return np.fft.rfftn(values, axes=range(1, len(rates.shape) + 1))


def _rest(rates: SpectralRates, t: float, fields: Any, values: Any) -> Any:
    """Coefficients of the rates without L, (fields, *modes)."""
    sources, known = list(_forward(rates, fields)), list(fields)
    for stage in rates.stages:
        for d in stage.derived:
            spectrum = sources[d.source] * rates.multiplier(d.orders)
            known.append(np.fft.irfftn(spectrum, s=rates.shape, axes=range(len(rates.shape))))
        with np.errstate(all="ignore"):
            made = interpret(stage.kernel, t, np.concatenate([v.ravel() for v in known]), values)
        sources += list(_forward(rates, made.reshape(-1, *rates.shape)))
    total = np.zeros((rates.fields, *rates.modes), dtype=np.complex128)
    for part in rates.outer:
        total[part.row] += rates.multiplier(part.orders) * sources[rates.fields + part.source]
    return total


def _simple(n: int) -> bool:
    """An even number without prime factors above 7: what transforms take fast."""
    for prime in (2, 3, 5, 7):
        while n % prime == 0 and n > 1:
            n //= prime
    return n == 1


def _resolved(rates: SpectralRates, state: Any) -> bool:
    values = np.abs(np.fft.rfftn(state.reshape(rates.fields, *rates.shape), axes=tuple(range(1, len(rates.shape) + 1))))
    inner = np.ones(rates.modes, dtype=bool)
    for axis, n in enumerate(rates.shape):
        low = np.abs(rates.numbers(axis)) <= n / 3
        inner &= low.reshape([-1 if k == axis else 1 for k in range(len(rates.shape))])
    mean = values.reshape(rates.fields, -1)[:, 0].copy()
    values.reshape(rates.fields, -1)[:, 0] = 0.0  # a large mean is no wave, and would hide the others
    largest = np.maximum(values.reshape(rates.fields, -1).max(axis=1), _ROUNDING * mean)
    outer = np.where(inner, 0.0, values).reshape(rates.fields, -1).max(axis=1)
    return bool((outer <= SMALL * np.maximum(largest, 1e-300)).all())
