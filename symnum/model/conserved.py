"""Conserved quantities that can be seen in the equations.

A combination sum(c_i u_i) of ODE states is kept if c is a left null vector of the matrix of rates (rows: fields,
columns: distinct summands). With space the integral of the combination is kept if what remains besides divergences
cancels the same way and as much enters at one face as leaves at the other (periodic, or the conditions say so). An expression is a
divergence if and only if all its Euler operators vanish (Olver, Applications of Lie Groups to Differential Equations,
1993, theorem 4.7).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from symnum.expr.calculus import (
    derivative,
    differentiate,
    expand_derivatives,
    from_summands,
    linear_coefficients,
    summands,
)
from symnum.expr.term import MINUS_ONE, ZERO, Const, Symbol, Term, add, mul, power, scale
from symnum.expr.walk import contains, node_count, postorder, symbols, transform
from symnum.model.conditions import FaceCondition, at_place
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
    rows = {u: _row(form.rates[u], system) for u in fields}
    found = []
    for weights in _left_null_vectors([rows[u] for u in fields]):
        used = {u: w for u, w in zip(fields, weights, strict=True) if w}
        if len(used) <= _MOST_WEIGHTS:
            found.append(Conserved(used, bool(system.space)))
    return tuple(found)


def _row(rate: Term, system: PDESystem) -> dict[Term, Fraction]:
    """What changes the (integrated) field: summand -> coefficient, divergences left out."""
    rest = expand(rate)
    if system.space:
        rest = _without_fluxes(rest, system)
        rest = expand(expand_derivatives(rest))
        everywhere = all(system.periodic.get(x.name) == 1 for x in system.space)
        if everywhere and not is_zero(rest) and _is_divergence(rest):
            rest = ZERO
    return {t: Fraction(c) for c, t in summands(rest) if math.isfinite(c)}


def _without_fluxes(rate: Term, system: PDESystem) -> Term:
    """The rate without the derivatives of fluxes that are the same at both ends: along each coordinate all of them together, else one by one.

    Of ``2*k*u_xy`` half may belong to the flux along x and half to that along y.
    """
    for x in system.space:
        rows = summands(rate)
        fluxes = {t: flux for _, t in rows if (flux := _flux(t, x)) is not None}
        gone = [(c, t) for c, t in rows if t in fluxes and _same_at_both_ends(fluxes[t], x, system)]
        for share in (1, Fraction(1, 2)):
            parts = [(c * share if _is_mixed(t) else c, t) for c, t in rows if t in fluxes]
            if _same_at_both_ends(add(scale(fluxes[t], c) for c, t in parts), x, system):
                gone = parts
                break
        rate = from_summands([*rows, *((-c, t) for c, t in gone)])
    return rate


def _is_mixed(term: Term) -> bool:
    return contains(term, lambda node: node.op == "derivative" and len(node.data) > 1)


def _flux(term: Term, x: Symbol) -> Term | None:
    """k*G of a term k*dG/dx, k free of fields and coordinates; None for other terms."""
    factors = dict(zip(term.args, term.data[1:], strict=True)) if term.op == "mul" else {term: 1}
    nodes = [f for f in factors if f.op == "derivative"]
    others = [f for f in factors if f.op != "derivative"]
    varying = any(s.kind in ("coordinate", "field") for f in others for s in symbols(f))
    if len(nodes) != 1 or factors[nodes[0]] != 1 or varying or x not in nodes[0].args[1:]:
        return None
    orders: dict[Symbol, int] = dict(zip(nodes[0].args[1:], nodes[0].data, strict=True))  # type: ignore[arg-type]
    orders[x] -= 1
    return mul((*(power(f, Const(factors[f])) for f in others), derivative(nodes[0].args[0], orders)))


def _same_at_both_ends(flux: Term, x: Symbol, system: PDESystem) -> bool:
    """Whether the conditions make the flux the same at the lower and the upper end, in every point of these faces."""
    if x.name in system.periodic:
        return system.periodic[x.name] == 1
    low, high = (_at_face(flux, x, system.face_conditions.get(Face(x.name, side), ())) for side in ("lower", "upper"))
    return not symbols((low, high), "field") and is_zero(expand(add((high, scale(low, -1)))))


def _at_face(flux: Term, x: Symbol, conditions: Sequence[FaceCondition]) -> Term:
    """The flux with the conditions of a face put in, as far as that gets.

    With a condition ``c*w + r = 0``, w its highest normal derivative, ``a*w + b`` is ``b - (a/c)*r``, unless 1/c may be infinite.
    So ``(1 + u^2)*u_x - k*u`` is zero where a condition says just that, and ``(1 + u^2)*u_x`` is where u_x = 0.
    """
    for c in conditions[:1]:
        flux = at_place(flux, x.name, c.place) if c.place is not None else flux
    rows = [(node, c.residual) for c in conditions for node in _leading(c.residual, x)]
    for node, residual in sorted(rows, key=lambda row: -_order(row[0])):
        given, held = linear_coefficients(residual, [node]), linear_coefficients(flux, [node])
        if given is None or node not in given[0]:
            continue
        inverse = power(given[0][node], MINUS_ONE)
        if held is not None:
            a = held[0].get(node, ZERO)
            if _poles(mul((a, inverse))) <= _poles(a):
                flux = expand(add((held[1], scale(mul((a, inverse, given[1])), -1))))
        elif not _poles(inverse):
            flux = _put_in(flux, node, scale(mul((inverse, given[1])), -1), x)
    return flux


def _leading(residual: Term, x: Symbol) -> list[Term]:
    """The highest derivative across a face that a condition holds, or the field itself; none where there are derivatives along the face alone."""
    nodes = [n for n in postorder((residual,)) if n.op == "derivative" and n.args[1:] == (x,)]
    return sorted(nodes, key=_order)[-1:] or list[Term](symbols(residual, "field"))[:1]


def _order(node: Term) -> int:
    return int(sum(node.data)) if node.op == "derivative" else 0


def _poles(term: Term) -> set[Term]:
    """What holds fields or coordinates and stands in a denominator."""
    found = set()
    for node in postorder((term,)):
        exponents = zip(node.args, node.data[1:], strict=True) if node.op == "mul" else ()
        found |= {b for b, e in exponents if e < 0 and any(s.kind in ("field", "coordinate") for s in symbols(b))}
    return found


def _put_in(flux: Term, node: Term, value: Term, x: Symbol) -> Term:
    """The value of a field or normal derivative on a face put in; derivatives of the field along the face follow, others stay."""
    known: dict[Term, Term] = {n: n for n in postorder((flux,)) if n.op == "derivative"}
    for n in known:
        if n.args[0] is node and x not in n.args[1:]:
            known[n] = derivative(value, dict(zip(n.args[1:], n.data, strict=True)))  # type: ignore[arg-type]
    return transform(flux, lambda _: None, {**known, node: value})


def _is_divergence(term: Term) -> bool:
    """True if all Euler operators vanish: sum over J of (-D)^J (d term/d u_J) = 0 for every field u."""
    if contains(term, lambda node: node.op == "integral"):
        return False
    if not symbols(term, "field") or any(c.kind == "coordinate" for c in symbols(_outside_derivatives(term))):
        return False
    return all(is_zero(_euler(term, u)) for u in symbols(term, "field"))


def _outside_derivatives(term: Term) -> Term:
    """The term with every derivative replaced by its field, so that only explicit coordinates remain as coordinates."""
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
