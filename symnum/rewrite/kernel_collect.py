"""Terms of a loop body as polynomials in what changes along the loop, with coefficients that do not.

::

    h*(-4*u + s) - F*u - u*v^2    ->   {u: -F - 4*h,  s: h,  u*v^2: -1}    ->   u*((-F - 4*h) - v^2) + h*s

Coefficients of one monomial are added up, for that is done outside the loop (where the sums become temporaries). Products of sums stay, or are
multiplied out where that stays small. Back to a term: monomials with one coefficient are added first; with ``horner`` what several monomials
hold is taken out of them, most frequent first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from symnum.expr.numbers import Number
from symnum.expr.ops import TABLE
from symnum.expr.term import (
    ONE,
    Const,
    Symbol,
    Term,
    add,
    call,
    linear_combination,
    mul,
    power_product,
    rebuild,
    scale,
    split_coefficient,
)
from symnum.expr.walk import fold
from symnum.rewrite.kernel_cost import Fixed

Coefficient = dict[Term, Number]  # what does not change -> its factor; ONE: the number
Monomial = frozenset[tuple[Term, Number]]  # (base, exponent)
Polynomial = dict[Monomial, Coefficient]

_EMPTY: Monomial = frozenset()
_MOST, _HIGHEST = 24, 3  # monomials a product is multiplied out to, power that is


class Collector:
    """Collects terms of one body. ``sealed``: symbols that stand for coefficients in what ``collect`` returns."""

    def __init__(self, fixed: Fixed, expand: bool, horner: bool) -> None:
        self._outer, self.expand, self.horner = fixed, expand, horner
        self.sealed: dict[Term, Term] = {}
        self._names: dict[Term, Symbol] = {}
        self._memo: dict[Term, Polynomial] = {}

    def collect(self, terms: Sequence[Term]) -> list[Term]:
        """The terms again, their coefficients as symbols of ``sealed``."""
        return [self._build(fold(t, self._polynomial, self._memo)) for t in terms]

    def fixed(self, term: Term) -> bool:
        """True for what does not change along the loop, symbols of coefficients included."""
        if term.args and self.sealed:
            return all(self.fixed(a) for a in term.args)
        return term in self.sealed or self._outer(term)

    # --- to polynomials -----------------------------------------------------------------------------------------------

    def _polynomial(self, node: Term, args: list[Polynomial]) -> Polynomial:
        if _truth(node):
            return _atom(node)
        if self._outer(node):
            c, rest = (node.data[0], ONE) if node.op == "const" else split_coefficient(node)
            return {_EMPTY: {rest: c}} if c != 0 else {}
        if node.op == "add":
            total: Polynomial = {_EMPTY: {ONE: node.data[0]}} if node.data[0] != 0 else {}
            for c, inner in zip(node.data[1:], args, strict=True):
                _add_to(total, inner, c)
            return total
        if node.op == "mul":
            return self._product(node, args)
        if not node.args or node.op == "table":
            return _atom(node)
        return _atom(rebuild(node, tuple(self._build(p) for p in args)))

    def _product(self, node: Term, args: list[Polynomial]) -> Polynomial:
        outside = {b: e for b, e in zip(node.args, node.data[1:], strict=True) if self._outer(b)}
        moving = [(p, e) for b, p, e in zip(node.args, args, node.data[1:], strict=True) if b not in outside]
        result: Polynomial = {_EMPTY: {ONE: node.data[0]}}
        if outside:
            c, rest = split_coefficient(power_product(outside))
            result = {_EMPTY: {rest: node.data[0] * c}}
        for p, e in moving:
            result = _times(result, self._power(p, e, alone=len(moving) == 1))
        return result

    def _power(self, p: Polynomial, e: Number, alone: bool) -> Polynomial:
        """p**e: multiplied out where p has one monomial, where nothing else is in the product, or where that was asked for."""
        if type(e) is int and e > 0 and len(p) == 1 and next(iter(p)) != _EMPTY:
            return _raised(p, e)
        small = type(e) is int and 0 < e <= _HIGHEST and len(p) ** e <= _MOST
        if (alone and e == 1) or (self.expand and small and not _stays_together(p)):
            return _raised(p, int(e))
        return {frozenset({(self._build(p), e)}): {ONE: 1}}

    # --- and back -----------------------------------------------------------------------------------------------------

    def _build(self, polynomial: Polynomial) -> Term:
        rows = {m: k for m, c in polynomial.items() if (k := {t: x for t, x in c.items() if x != 0})}
        parts: list[tuple[Term, Coefficient]] = []
        while self.horner and (base := _most_common(rows)) is not None:
            inside = {m: k for m, k in rows.items() if _exponent(m, base) >= 1}
            rows = {m: k for m, k in rows.items() if m not in inside}
            parts.append((mul((base, self._build({_divided(m, base): k for m, k in inside.items()}))), {ONE: 1}))
        parts += [(power_product(dict(m)), k) for m, k in rows.items() if m != _EMPTY]
        return self._assembled(parts, rows.get(_EMPTY, {}))

    def _assembled(self, parts: Sequence[tuple[Term, Coefficient]], constant: Coefficient) -> Term:
        """The sum of the parts; those with one coefficient are added before they are multiplied by it."""
        groups: dict[Term, list[tuple[Number, Term]]] = {}
        for term, coefficient in parts:
            c, name = self._coefficient(coefficient)
            groups.setdefault(name, []).append((c, term))
        lone = [scale(t, c) for c, t in groups.pop(ONE, [])]
        factor, name = self._coefficient(constant) if constant else (0, ONE)
        lone = _into_switch(lone, scale(name, factor), self.fixed)
        return add([*lone, *(_scaled(name, rows) for name, rows in groups.items())])

    def _coefficient(self, coefficient: Coefficient) -> tuple[Number, Term]:
        """A number and the symbol of the rest (ONE where there is none); coefficients that differ by their sign have one symbol."""
        if len(coefficient) == 1:
            ((term, c),) = coefficient.items()
            if term is ONE:
                return c, ONE
            size: Number = c if c > 0 else -c
            return (1 if c > 0 else -1), self._sealed(scale(term, size))
        sign = 1 if coefficient[min(coefficient, key=lambda t: t.digest)] > 0 else -1
        bag = {t: sign * x for t, x in coefficient.items()}
        return sign, self._sealed(linear_combination({t: x for t, x in bag.items() if t is not ONE}, bag.get(ONE, 0)))

    def _sealed(self, term: Term) -> Term:
        if term.op in ("const", "symbol"):
            return term
        if term not in self._names:
            symbol = self._names[term] = Symbol(f"_coefficient{len(self._names) + 1}", "temporary")
            self.sealed[symbol] = term
        return self._names[term]


def _truth(node: Term) -> bool:
    """Truth values stay as they are written, with all below: rounding in another way may turn them."""
    if node.op == "const":
        return isinstance(node.data[0], bool)
    return node.op in TABLE and TABLE[node.op].boolean


def _atom(node: Term) -> Polynomial:
    return {frozenset({(node, 1)}): {ONE: 1}}


def _stays_together(p: Polynomial) -> bool:
    """True for switches, and for differences such as u[+1] - u[-1]: their products are small where those of their parts cancel."""
    if any(base.op == "where" for m in p for base, _ in m):
        return True
    numbers = [float(c[ONE]) for m, c in p.items() if m != _EMPTY and set(c) == {ONE}]
    return len(numbers) == len(p) > 1 and abs(sum(numbers)) <= 1e-12 * sum(map(abs, numbers))


def _add_to(total: Polynomial, p: Polynomial, factor: Number) -> None:
    for m, coefficient in p.items():
        row = total.setdefault(m, {})
        for t, c in coefficient.items():
            row[t] = row.get(t, 0) + factor * c


def _times(p: Polynomial, q: Polynomial) -> Polynomial:
    result: Polynomial = {}
    for m, a in p.items():
        for n, b in q.items():
            exponents = dict(m)
            for base, e in n:
                exponents[base] = exponents.get(base, 0) + e
            row = result.setdefault(frozenset((b, e) for b, e in exponents.items() if e != 0), {})
            for s, x in a.items():
                for t, y in b.items():
                    c, rest = (
                        split_coefficient(mul((s, t))) if s is not ONE and t is not ONE else (1, t if s is ONE else s)
                    )
                    row[rest] = row.get(rest, 0) + c * x * y
    return result


def _raised(p: Polynomial, e: int) -> Polynomial:
    result = p
    for _ in range(e - 1):
        result = _times(result, p)
    return result


def _exponent(m: Monomial, base: Term) -> Number:
    return next((e for b, e in m if b is base), 0)


def _divided(m: Monomial, base: Term) -> Monomial:
    rows = ((b, e - 1 if b is base else e) for b, e in m)
    return frozenset((b, e) for b, e in rows if e != 0)


def _most_common(rows: Polynomial) -> Term | None:
    """The base that most monomials hold, if several do; of equals the one that comes first in canonical order."""
    counts = Counter(b for m in rows for b, e in m if e >= 1)
    often = [b for b, n in counts.items() if n > 1]
    return min(often, key=lambda b: (-counts[b], b.digest)) if often else None


def _scaled(name: Term, rows: Sequence[tuple[Number, Term]]) -> Term:
    """name*(sum of the rows), with the sign in front where all have the same."""
    sign = -1 if all(c < 0 for c, _ in rows) else 1
    return mul((Const(sign), name, add(scale(t, sign * c) for c, t in rows)))


def _into_switch(parts: list[Term], constant: Term, fixed: Fixed) -> list[Term]:
    """where(g, a, b) + c  ->  where(g, a + c, b + c) where a, b, c are computed outside the loop."""
    if constant.op == "const" and constant.data[0] == 0:
        return parts
    for k, term in enumerate(parts):
        if term.op == "where" and all(fixed(a) for a in term.args[1:]):
            switch = call("where", term.args[0], *(add((a, constant)) for a in term.args[1:]))
            return [*parts[:k], switch, *parts[k + 1 :]]
    return [*parts, constant]
