"""[Kernel] -> [Kernel]: sums of differences as they stand in books, one power of the spacing before each bracket.

::

    45/12/dx**2*u[0] - 154/12/dx**2*u[1] + ...      ->  1/(12*dx**2)*(45*u[0] - 154*u[1] + ...)
    (-2/dx**2 - 2/dy**2)*u + 1/dx**2*u[i-1] + ...   ->  1/dx**2*(u[i-1] - 2*u + ...) + 1/dy**2*(...)
    table(i; 1/dx**2, -2/dx**2)*u[0]                ->  1/dx**2*table(i; 1, -2)*u[0]

Only numbers that are known to hold the spacing (``Laurent``) are taken apart.
"""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from symnum.expr.laurent import Laurent, Monomial, multiple
from symnum.expr.term import Const, Symbol, Term, add, linear_combination, make_call, mul, power, rebuild, scale
from symnum.expr.walk import fold
from symnum.ir.kernel import Kernel, Loop, Statement, index

_LARGEST = 10**6  # denominators of weights; longer ones come from data


def by_spacing(kernel: Kernel) -> Kernel:
    """The kernel with its sums and tables gathered by powers of the spacings."""
    if not kernel.periods:
        return kernel
    memo: dict[Term, Term] = {}
    return kernel.with_body(_gathered(kernel, kernel.body, {}, memo))


def _gathered(
    kernel: Kernel, body: tuple[Statement, ...], layers: dict[Term, Term], memo: dict[Term, Term]
) -> tuple[Statement, ...]:
    """``layers``: grid indices of single layers near a lower side, as numbers (2*dx says where that is, dx*(NX - 1) at an upper side)."""
    result: list[Statement] = []
    for s in body:
        if isinstance(s, Loop):
            near = s.stop - s.start == 1 and s.start <= kernel.periods[s.axis] // 2
            inner = layers | {index(s.axis): Const(s.start)} if near else layers
            result.append(Loop(s.axis, s.start, s.stop, _gathered(kernel, s.body, inner, memo)))
        else:
            value = fold(s.value, lambda node, args: _layer(node, args, layers)) if layers else s.value
            result.append(replace(s, value=fold(value, _rule, memo)))
    return tuple(result)


def _layer(node: Term, args: list[Term], layers: dict[Term, Term]) -> Term:
    if node in layers:
        return layers[node]
    if node.op == "table":  # the printer looks its number up
        return node
    return rebuild(node, tuple(args)) if any(a is not b for a, b in zip(args, node.args, strict=True)) else node


def _rule(node: Term, args: list[Term]) -> Term:
    changed = any(a is not b for a, b in zip(args, node.args, strict=True))
    made = rebuild(node, tuple(args)) if changed else node
    if made.op == "add":
        return _sum(made)
    return _table(made) if made.op == "table" else made


def _table(node: Term) -> Term:
    """Weights for unit spacing, times the power of the spacing that all of them hold."""
    start, *data = node.data
    held = [v for v in data if v != 0]
    monomials = {next(iter(v.parts)) for v in held if isinstance(v, Laurent) and len(v.parts) == 1}
    if len(monomials) != 1 or not all(isinstance(v, Laurent) and len(v.parts) == 1 for v in held):
        return node
    (monomial,) = monomials
    numbers = (_tidy(v.parts[monomial]) if isinstance(v, Laurent) else 0 for v in data)
    return scale(make_call("table", node.args, (start, *numbers)), multiple(monomial, Fraction(1)))


def _sum(node: Term) -> Term:
    """One bracket for each power of the spacing."""
    groups: dict[Monomial, dict[Term, Fraction]] = {}
    rest: dict[Term, Any] = {}
    for c, term in _summands(node):
        if not isinstance(c, Laurent) or not c.parts or (isinstance(term, Symbol) and term.kind == "index"):
            rest[term] = c
            continue
        for monomial, q in c.parts.items():
            groups.setdefault(monomial, {})[term] = q
    if not groups:
        return node
    return add([linear_combination(rest, node.data[0]), *(_bracket(m, held) for m, held in groups.items())])


def _summands(node: Term) -> list[tuple[Any, Term]]:
    """Coefficients and terms; a multiple of a sum of loads alone (what a condition says about a boundary value) is multiplied out."""
    bag: dict[Term, Any] = {}
    for c, term in zip(node.data[1:], node.args, strict=True):
        table = table_of(term)
        rest = term if table is None else divided(term, table)
        flat = rest.op == "add" and rest.data[0] == 0 and all(getattr(t, "kind", "") == "load" for t in rest.args)
        if not flat or not isinstance(c, Laurent) or not c.parts:
            bag[term] = bag.get(term, 0) + c
            continue
        for k, part in zip(rest.data[1:], rest.args, strict=True):
            whole = part if table is None else mul((table, part))
            bag[whole] = bag.get(whole, 0) + c * k
    return [(c, term) for term, c in bag.items() if c != 0]


def _bracket(monomial: Monomial, held: dict[Term, Fraction]) -> Term:
    """The monomial times a sum of whole multiples, where their common denominator is not too long; tables hold whole numbers, too."""
    alone, tables = _collected(held)
    weights = [*alone.values(), *(w for numbers in tables.values() for w in numbers if w)]
    unit = Fraction(gcd(*(w.numerator for w in weights)), lcm(*(w.denominator for w in weights)))
    if unit.denominator > _LARGEST or any(abs(w / unit) > _LARGEST for w in weights):
        unit = Fraction(1)
    if all(q < 0 for q in alone.values()) and not tables:
        unit = -unit
    inside = [scale(term, _tidy(q / unit)) for term, q in alone.items()]
    for (at, start, rest), numbers in tables.items():
        made = make_call("table", (at,), (start, *(_tidy(w / unit) for w in numbers)))
        inside.append(mul((made, rest)))
    return scale(add(inside), _tidy(unit) if not monomial else multiple(monomial, unit))


def _collected(
    held: dict[Term, Fraction],
) -> tuple[dict[Term, Fraction], dict[tuple[Term, int, Term], list[Fraction]]]:
    """The summands without a table, and what tables say about each factor: (index, start, factor) -> numbers."""
    alone: dict[Term, Fraction] = {}
    tables: dict[tuple[Term, int, Term], list[Fraction]] = {}
    for term, q in held.items():
        table = table_of(term)
        if table is None or not all(isinstance(w, (int, Fraction)) for w in table.data[1:]):
            alone[term] = q
            continue
        key = (table.args[0], table.data[0], divided(term, table))
        known = tables.get(key, [Fraction(0)] * (len(table.data) - 1))
        tables[key] = [a + q * w for a, w in zip(known, table.data[1:], strict=True)]
    return alone, {key: numbers for key, numbers in tables.items() if any(numbers)}


def divided(term: Term, factor: Term) -> Term:
    """The term without one of its factors."""
    return mul((term, power(factor, Const(-1))))


def table_of(term: Term) -> Term | None:
    """The table that is a factor of the term."""
    if term.op == "table":
        return term
    if term.op != "mul":
        return None
    return next((b for b, e in zip(term.args, term.data[1:], strict=True) if b.op == "table" and e == 1), None)


def _tidy(q: Fraction) -> int | Fraction:
    return q.numerator if q.denominator == 1 else q
