"""Conserved quantities that can be seen in the equations.

A combination sum(c_i u_i) of ODE states is kept if c is a left null vector of the matrix of rates (rows: fields,
columns: distinct summands). With space the integral of the combination is kept if what remains besides divergences
cancels the same way and nothing leaves through the faces (periodic, or no flux by pure diffusion). An expression is a
divergence if and only if all its Euler operators vanish (Olver, Applications of Lie Groups to Differential Equations,
1993, theorem 4.7).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from symnum.expr.calculus import derivative, differentiate, expand_derivatives, from_summands, summands
from symnum.expr.term import ZERO, Symbol, Term, add, scale
from symnum.expr.walk import contains, node_count, postorder, symbols
from symnum.model.expand import expand, is_zero
from symnum.model.space import Face

if TYPE_CHECKING:
    from symnum.model.normal_form import NormalForm
    from symnum.model.system import PDESystem

_MOST_FIELDS, _MOST_WEIGHTS, _MOST_NODES = 40, 8, 2000


@dataclass(frozen=True)
class Conserved:
    """``sum(weight*field)`` is constant in time (its integral over space, where ``integrated``)."""

    weights: dict[Symbol, Fraction]
    integrated: bool

    def __str__(self) -> str:
        total = str(add(u * c for u, c in self.weights.items()))
        return f"the integral of {total} over space" if self.integrated else total


def conserved_quantities(system: PDESystem, form: NormalForm) -> tuple[Conserved, ...]:
    """The linear conserved quantities that can be read off the rates (there may be others)."""
    fields = [u for u in form.rates if set(system.space) <= set(u.info.coordinates)]
    if len(fields) > _MOST_FIELDS or form.algebraic or any(node_count(form.rates[u]) > _MOST_NODES for u in fields):
        return ()
    rows = {u: _row(form.rates[u], u, system) for u in fields}
    found = []
    for weights in _left_null_vectors([rows[u] for u in fields]):
        used = {u: w for u, w in zip(fields, weights, strict=True) if w}
        if len(used) <= _MOST_WEIGHTS:
            found.append(Conserved(used, bool(system.space)))
    return tuple(found)


def _row(rate: Term, u: Symbol, system: PDESystem) -> dict[Term, Fraction]:
    """What changes the (integrated) field: summand -> coefficient, divergences left out."""
    rest = expand(rate)
    if system.space:
        rest = from_summands((c, t) for c, t in summands(rest) if not _keeps_mass(t, u, system))
        rest = expand(expand_derivatives(rest))
        everywhere = all(system.periodic.get(x.name) == 1 for x in system.space)
        if everywhere and not is_zero(rest) and _is_divergence(rest):
            rest = ZERO
    return {t: Fraction(c) for c, t in summands(rest) if math.isfinite(c)}


def _keeps_mass(term: Term, u: Symbol, system: PDESystem) -> bool:
    """A constant times a derivative whose flux is the same at both ends."""
    factors = dict(zip(term.args, term.data[1:], strict=True)) if term.op == "mul" else {term: 1}
    nodes = [f for f in factors if f.op == "derivative"]
    others = [f for f in factors if f.op != "derivative"]
    if (
        len(nodes) != 1
        or factors[nodes[0]] != 1
        or any(s.kind in ("coordinate", "field") for f in others for s in symbols(f))
    ):
        return False
    node = nodes[0]
    for x, n in zip(node.args[1:], node.data, strict=True):
        assert isinstance(x, Symbol)
        if system.periodic.get(x.name) == 1:
            return True
        if (
            n == 2
            and node.args[0] is u
            and len(node.data) == 1
            and all(_no_flux(Face(x.name, s), u, x, system) for s in ("lower", "upper"))
        ):
            return True
    return False


def _no_flux(face: Face, u: Symbol, x: Symbol, system: PDESystem) -> bool:
    normal = derivative(u, {x: 1})
    return any(c.residual is normal or c.residual is scale(normal, -1) for c in system.face_conditions.get(face, ()))


def _is_divergence(term: Term) -> bool:
    """True if all Euler operators vanish: sum over J of (-D)^J (d term/d u_J) = 0 for every field u."""
    if contains(term, lambda node: node.op == "integral"):
        return False
    if not symbols(term, "field") or any(c.kind == "coordinate" for c in symbols(_outside_derivatives(term))):
        return False
    return all(is_zero(_euler(term, u)) for u in symbols(term, "field"))


def _outside_derivatives(term: Term) -> Term:
    """The term with every derivative replaced by its field, so that only explicit coordinates remain as coordinates."""
    from symnum.expr.walk import transform

    return transform(term, lambda node: node.args[0] if node.op == "derivative" else None)


def _euler(term: Term, u: Symbol) -> Term:
    total = [differentiate(term, u)]
    for node in postorder((term,)):
        if node.op == "derivative" and node.args[0] is u:
            orders: Mapping[Symbol, int] = dict(zip(node.args[1:], node.data, strict=True))  # type: ignore[arg-type]
            sign = -1 if sum(orders.values()) % 2 else 1
            total.append(scale(expand_derivatives(derivative(differentiate(term, node), orders)), sign))
    return expand(add(expand(part) for part in total))


def _left_null_vectors(rows: Sequence[Mapping[Term, Fraction]]) -> list[list[Fraction]]:
    """A basis of {c: sum(c_i rows_i) = 0} by exact elimination on [rows | identity], first weights scaled to 1."""
    n = len(rows)
    work = [(dict(row), [Fraction(int(i == j)) for j in range(n)]) for i, row in enumerate(rows)]
    basis = []
    while work:
        row, weights = work.pop(0)
        row = {k: v for k, v in row.items() if v}
        if not row:
            first = next(w for w in weights if w)
            basis.append([w / first for w in weights])
            continue
        pivot, value = next(iter(row.items()))
        reduced = []
        for other, others in work:
            factor = other.get(pivot, Fraction(0)) / value
            if factor:
                other = {k: other.get(k, Fraction(0)) - factor * row.get(k, Fraction(0)) for k in {**other, **row}}
                others = [a - factor * b for a, b in zip(others, weights, strict=True)]
            reduced.append((other, others))
        work = reduced
    return basis
