"""Greedy factoring of sums, shared across equations.

A sum of products is split by the factor that most of its summands hold::

    k*A*B + k*A*C + k*D + m*A   ->   k*(A*(B + C) + D) + m*A

and both parts are split again until no factor is left that two summands share (Ceberio and Kreinovich, *Greedy algorithms for optimizing
multivariate Horner schemes*, ACM SIGSAM Bulletin 38 (2004), 8-15). Ties go to the factor that comes first in one order for all equations, and
every inner sum is freed of its sign and common number. So equal inner sums of different equations become equal terms, which exist once.

The cost is linear in the number of factors times the depth of the result. Values change by rounding only: nothing is multiplied out, and no
factor is cancelled that was not written as one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from symnum.expr.numbers import Number
from symnum.expr.term import ONE, Const, Term, linear_combination, mul, power_product, rebuild, scale, split_coefficient
from symnum.expr.walk import fold

Factors = dict[Term, Number]
Monomial = tuple[Number, Factors]  # coefficient, base -> exponent


def factor(terms: Sequence[Term]) -> list[Term]:
    """The terms with every sum in them factored; one memory for all, so that what they share is shared."""
    popular = _popularity(terms)
    memo: dict[Term, Term] = {}

    def rule(node: Term, args: list[Term]) -> Term:
        if node.op == "add":
            return _factored(node, args, popular)
        return node if all(a is b for a, b in zip(args, node.args, strict=True)) else rebuild(node, tuple(args))

    return [fold(t, rule, memo) for t in terms]


def _popularity(terms: Iterable[Term]) -> Counter[Term]:
    """How many summands of all sums hold each base: the order in which ties are broken."""
    from symnum.expr.walk import postorder

    counts: Counter[Term] = Counter()
    for node in postorder(terms):
        if node.op == "add":
            for arg in node.args:
                counts.update(arg.args if arg.op == "mul" else (arg,))
    return counts


def _factored(node: Term, args: list[Term], popular: Counter[Term]) -> Term:
    constant: Number = node.data[0]
    monomials: list[Monomial] = []
    for c, arg in zip(node.data[1:], args, strict=True):
        inner, rest = split_coefficient(arg)
        if rest.op == "const":
            constant = constant + c * inner * rest.data[0]
        elif rest.op == "mul":
            monomials.append((c * inner, dict(zip(rest.args, rest.data[1:], strict=True))))
        else:
            monomials.append((c * inner, {rest: 1}))
    return _sum(_split(monomials, popular), constant)


def _split(monomials: list[Monomial], popular: Counter[Term]) -> dict[Term, Number]:
    """The sum of the monomials as a bag of factored terms."""
    bag: dict[Term, Number] = {}
    rest = monomials
    while len(rest) > 1:
        counts = Counter(base for _, factors in rest for base in factors)
        best = max(counts, key=lambda b: (counts[b], popular[b], b.digest), default=None)
        if best is None or counts[best] < 2:
            break
        chosen = [m for m in rest if best in m[1]]
        rest = [m for m in rest if best not in m[1]]
        term = _common(best, chosen, popular)
        c, term = split_coefficient(term)
        bag[term] = bag.get(term, 0) + c
    for c, factors in rest:
        term = power_product(factors)
        if term.op == "const":
            c, term = c * term.data[0], ONE
        bag[term] = bag.get(term, 0) + c
    return bag


def _common(base: Term, monomials: list[Monomial], popular: Counter[Term]) -> Term:
    """base^e times the factored sum of what is left of the monomials, all of which hold the base."""
    exponents = [factors[base] for _, factors in monomials]
    least = min(exponents) if all(e > 0 for e in exponents) else max(exponents) if all(e < 0 for e in exponents) else 0
    if least == 0:  # x + 1/x: positive and negative powers have no common one
        least = exponents[0]
    inner = []
    for c, factors in monomials:
        left = dict(factors)
        left[base] = left[base] - least
        if left[base] == 0:
            del left[base]
        inner.append((c, left))
    common: Factors = {base: least}
    for other in list(inner[0][1]):  # factors that all of them share come out at once
        shared = [f.get(other) for _, f in inner]
        if all(e == shared[0] for e in shared):
            common[other] = shared[0]  # type: ignore[assignment]
            for _, f in inner:
                del f[other]
    constant: Number = sum(c for c, f in inner if not f)
    body = _sum(_split([m for m in inner if m[1]], popular), constant)
    return mul((power_product(common), body))


def _sum(bag: dict[Term, Number], constant: Number) -> Term:
    """The sum with its sign, and the size of its coefficients where all are equal, taken out: equal sums then look equal."""
    number = bag.pop(ONE, 0)
    bag = {t: c for t, c in bag.items() if c != 0}
    constant = constant + number
    if not bag:
        return Const(constant)
    first = min(bag, key=lambda t: t.digest)
    sizes = [*bag.values(), *([constant] if constant else [])]
    lead: Any = bag[first]  # mypy takes the absolute value of a union of numbers for an object
    unit: Number = abs(lead) if all(c in (lead, -lead) for c in sizes) else 1
    unit = -unit if bag[first] < 0 else unit
    if unit == 1:
        return linear_combination(bag, constant)
    if abs(unit) != 1:
        scaled: dict[Term, Number] = {t: 1 if c == unit else -1 for t, c in bag.items()}
        return scale(linear_combination(scaled, (1 if constant == unit else -1) if constant else 0), unit)
    return scale(linear_combination({t: -c for t, c in bag.items()}, -constant), -1)
