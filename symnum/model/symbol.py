"""Do short waves grow without bound? The symbol of the equations, linearised at the initial state.

Frozen at a point, dt(U) = P(d/dx) U has the solutions exp(i q x + lambda t) v with lambda an eigenvalue of P(i q). The
problem is well posed only if Re(lambda) stays bounded as the wave number q grows (Kreiss and Lorenz, *Initial-Boundary
Value Problems and the Navier-Stokes Equations*, Academic Press 1989, chapter 2).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from symnum.expr.calculus import differentiate, expand_derivatives, substitute
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import node_count, symbols
from symnum.model.numeric import evaluate
from symnum.model.orders import derivative_nodes

if TYPE_CHECKING:
    from symnum.model.system import PDESystem

_MOST_FIELDS, _MOST_NODES = 12, 3000
_WAVES = (1e2, 1e4, 1e5)  # waves in the domain: one to tell the user, two that show the growth
_POINTS = 5  # an axis


@dataclass(frozen=True)
class Growth:
    """Waves of ``length`` along ``coordinate`` grow as exp(rate*t) at ``place``, and shorter ones faster."""

    coordinate: Symbol
    length: float
    rate: float
    place: dict[str, float]


@dataclass(frozen=True)
class _Part:
    """``coefficient`` times the derivative of this order of the field ``column`` in the rate of the field ``row``."""

    row: int
    column: int
    order: int
    coefficient: Term


def unbounded_growth(system: PDESystem) -> Growth | None:
    """The first coordinate along which ever shorter waves grow ever faster, or None.

    None as well for what is not looked at: algebraic equations, integrals, initial data that are no formulas, very large
    systems.
    """
    form = system.normal_form
    if (
        form.algebraic
        or len(form.rates) > _MOST_FIELDS
        or any(node_count(r) > _MOST_NODES for r in form.rates.values())
    ):
        return None
    fields = tuple(form.rates)
    rates = [expand_derivatives(form.rates[u]) for u in fields]
    if any(not isinstance(form.initial.get(u), Term) for u in fields) or any(_holds_integral(r) for r in rates):
        return None
    for x in system.space:
        parts = [_Part(i, j, n, c) for i, r in enumerate(rates) for j, n, c in _linear(r, fields, x)]
        values = _values(system, [p.coefficient for p in parts], {u: form.initial[u] for u in fields})
        found = _along(x, len(fields), parts, system, values)
        if found is not None:
            return found
    return None


def incoming(system: PDESystem, x: Symbol) -> dict[str, int] | None:
    """How many waves enter the domain at each side of x: ``{"lower": 1, "upper": 1}`` for sound.

    For U_t = M U_x the waves move with the speeds -mu, mu the eigenvalues of M. None where the equations are not of first
    order along x, not hyperbolic, or not looked at (see ``unbounded_growth``).
    """
    form = system.normal_form
    fields = tuple(form.rates)
    if form.algebraic or len(fields) > _MOST_FIELDS or any(not isinstance(form.initial.get(u), Term) for u in fields):
        return None
    if any(found.order > 1 for (_, c), found in system.orders.items() if c is x or c is system.time):
        return None
    rates = [expand_derivatives(form.rates[u]) for u in fields]
    parts = [_Part(i, j, n, c) for i, r in enumerate(rates) for j, n, c in _linear(r, fields, x) if n == 1]
    counts = {}
    for side, sign, place in zip(("lower", "upper"), (-1, 1), system.domain.bounds[x.name], strict=True):
        values = _values(system, [p.coefficient for p in parts], {u: form.initial[u] for u in fields}, {x: place})
        matrix = np.zeros((len(fields), len(fields)))
        for p in parts:
            sampled = np.asarray(evaluate(p.coefficient, values), dtype=np.float64).ravel()
            matrix[p.row, p.column] += sampled[sampled.size // 2]
        speeds = np.linalg.eigvals(matrix) if np.isfinite(matrix).all() else np.array([np.nan])
        if not np.isfinite(speeds).all() or np.abs(speeds.imag).max(initial=0) > 1e-9 * np.abs(speeds).max(initial=0):
            return None
        counts[side] = int((sign * speeds.real > 1e-9 * np.abs(speeds).max(initial=0)).sum())
    return counts


def _holds_integral(rate: Term) -> bool:
    from symnum.expr.walk import postorder

    return any(n.op == "integral" for n in postorder((rate,)))


def _values(
    system: PDESystem, coefficients: list[Term], start: dict[Any, Any], fixed: dict[Symbol, float] | None = None
) -> dict[Term, Any]:
    """Values at points inside the domain: coordinates, parameters, fields and their derivatives at the start."""
    points = [np.linspace(*system.domain.bounds[c.name], _POINTS + 2)[1:-1] for c in system.space]
    points = [np.array([fixed[c]]) if fixed and c in fixed else p for c, p in zip(system.space, points, strict=True)]
    mesh = dict(zip(system.space, (m.ravel() for m in np.meshgrid(*points, indexing="ij")), strict=True))
    values: dict[Term, Any] = {system.parameter_symbols[n]: v for n, v in system.parameters.items()}
    values |= mesh | {system.time: system.domain.bounds[system.time.name][0]}
    for node in {n for c in coefficients for n in (*derivative_nodes(c), *symbols(c, "field"))}:
        values[node] = evaluate(expand_derivatives(substitute(node, start)), values)
    return values


def _along(x: Symbol, fields: int, parts: list[_Part], system: PDESystem, values: dict[Term, Any]) -> Growth | None:
    low, high = system.domain.bounds[x.name]
    count = next(iter(v.size for c, v in values.items() if c in system.space))
    sampled = [np.broadcast_to(np.asarray(evaluate(p.coefficient, values), dtype=np.float64), (count,)) for p in parts]
    finite = np.all([np.isfinite(c) for c in sampled], axis=0) if sampled else np.zeros(0, dtype=bool)
    if not finite.any():
        return None
    growth = []
    for waves in _WAVES:
        q = 2 * np.pi * waves / (high - low)
        matrix = np.zeros((int(finite.sum()), fields, fields), dtype=complex)
        for p, c in zip(parts, sampled, strict=True):
            with np.errstate(over="ignore", invalid="ignore"):
                matrix[:, p.row, p.column] += c[finite] * (1j * q) ** p.order
        if not np.isfinite(matrix).all():
            return None  # beyond the numbers of the machine: nothing is known
        eigenvalues = np.linalg.eigvals(matrix)
        growth.append((eigenvalues.real.max(axis=1), np.abs(eigenvalues).max(axis=1)))
    (told, _), (before, _), (after, size) = growth
    ill = (after > 2 * before) & (after > 1e-6 * size) & (after > 0)
    if not ill.any():
        return None
    worst = int(np.argmax(np.where(ill, after, -np.inf)))
    place = {c.name: float(values[c][finite][worst]) for c in system.space}
    return Growth(x, (high - low) / _WAVES[0], float(told[worst]), place)


def _linear(rate: Term, fields: tuple[Symbol, ...], x: Symbol) -> list[tuple[int, int, Term]]:
    """(field, order along x, coefficient) of the rate linearised in the fields and their derivatives along x alone."""
    made = []
    for node in {*derivative_nodes(rate), *symbols(rate, "field")}:
        inner = node.args[0] if node.op == "derivative" else node
        if inner not in fields or (node.op == "derivative" and node.args[1:] != (x,)):
            continue
        order = node.data[0] if node.op == "derivative" else 0
        made.append((fields.index(inner), order, differentiate(rate, node)))
    return made
