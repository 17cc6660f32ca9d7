"""Normal forms to start from: sums of quotients over one denominator, and products multiplied out.

::

    V*S/(K*(1 + I/L) + S)   ->   V*S*L/(K*(L + I) + S*L)             ``single_fractions``: as many divisions as there are denominators left
    x*(a + b) - a*x         ->   b*x                                 ``multiplied_out``: what cancels or repeats comes to light

Neither is cheaper by itself; factored again (``share.condense``) they often are. A common factor of numerator and denominator is cancelled,
which may enlarge a domain; none is brought in, so nothing shrinks one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from symnum.errors import TermError
from symnum.expr.numbers import Number
from symnum.expr.term import Const, Term, add, call, mul, power, power_product, rebuild, scale, split_coefficient
from symnum.expr.walk import fold

_MOST_PRODUCTS = 64  # summands that one product may be multiplied out to
_HIGHEST_POWER = 4

Bag = dict[Term, Number]  # base -> exponent


class Quotient(NamedTuple):
    """above / prod(base**exponent), exponents > 0."""

    above: Term
    below: Bag

    def term(self) -> Term:
        return mul((self.above, power_product({b: -e for b, e in self.below.items()}))) if self.below else self.above


def single_fractions(terms: Sequence[Term]) -> list[Term]:
    """Every sum over one denominator, every quotient of quotients as one."""
    memo: dict[Term, Quotient] = {}
    return [fold(t, _quotient, memo).term() for t in terms]


def _quotient(node: Term, args: list[Quotient]) -> Quotient:
    if node.op == "add":
        return _sum(node.data, args)
    if node.op == "mul":
        return _product(node.data, args)
    if node.op == "abs" and args[0].below:
        return _size(args[0])
    return Quotient(rebuild(node, tuple(a.term() for a in args)) if args else node, {})


def _sum(data: Sequence[Number], args: list[Quotient]) -> Quotient:
    below: Bag = {}
    for a in args:
        for base, e in a.below.items():
            below[base] = max(below.get(base, 0), e)
    rows: list[Term] = [Const(data[0])] if not below else [mul((Const(data[0]), power_product(below)))]
    for c, a in zip(data[1:], args, strict=True):
        missing = {b: e - a.below.get(b, 0) for b, e in below.items() if e != a.below.get(b, 0)}
        rows.append(mul((Const(c), a.above, power_product(missing))))
    return _reduced(_bag(add(rows)), below)


def _product(data: Sequence[Number], args: list[Quotient]) -> Quotient:
    above: Bag = {}
    below: Bag = {}
    coefficient: Number = data[0]
    for e, a in zip(data[1:], args, strict=True):
        if type(e) is not int:
            size: Number = e if e > 0 else -e
            _collect(above if e > 0 else below, {a.term(): size})
            continue
        c, top = _bag(a.above)
        coefficient = coefficient * power(Const(c), Const(e)).data[0]
        _collect(above if e > 0 else below, {b: x * abs(e) for b, x in top.items()})
        _collect(below if e > 0 else above, {b: x * abs(e) for b, x in a.below.items()})
    return _reduced((coefficient, above), below)


def _size(quotient: Quotient) -> Quotient:
    """abs(a/b^n) = abs(a)/abs(b)^n, as a quotient that may cancel; even powers have no sign."""
    below = {b if e % 2 == 0 else call("abs", b): e for b, e in quotient.below.items()}
    return _reduced(_bag(call("abs", quotient.above)), below)


def _bag(term: Term) -> tuple[Number, Bag]:
    c, rest = split_coefficient(term)
    if rest.op == "const":
        return c * rest.data[0], {}
    if rest.op == "mul":
        factors: Bag = dict(zip(rest.args, rest.data[1:], strict=True))
        return c, factors
    return c, {rest: 1}


def _collect(into: Bag, more: Bag) -> None:
    for base, e in more.items():
        into[base] = into.get(base, 0) + e


def _reduced(top: tuple[Number, Bag], below: Bag) -> Quotient:
    """The quotient without the factors that stand above and below."""
    c, above = top
    rest = dict(below)
    for base, e in above.items():
        if e < 0:
            rest[base] = rest.get(base, 0) - e
    kept = {b: e for b, e in above.items() if e > 0}
    for base in [b for b in kept if b in rest]:
        e = kept[base] - rest.pop(base)
        del kept[base]
        if e > 0:
            kept[base] = e
        elif e < 0:
            rest[base] = -e
    return Quotient(scale(power_product(kept), c), rest)


def multiplied_out(terms: Sequence[Term]) -> list[Term]:
    """Products of sums, and their whole powers, as sums of products, where that gives few summands."""
    memo: dict[Term, Term] = {}
    try:
        return [fold(t, _multiplied, memo) for t in terms]
    except TermError:  # 1/(a - b - (a - b)) divides by what turns out to be 0: it has no value, and stays as it is
        return list(terms)


def _multiplied(node: Term, args: list[Term]) -> Term:
    if not args:
        return node
    if node.op == "add" and any(a.op == "add" for a in args):
        rows = [scale(part, c) for c, a in zip(node.data[1:], args, strict=True) for part in _summands(a)]
        return add([Const(node.data[0]), *rows])
    if node.op != "mul":
        return rebuild(node, tuple(args))
    sums: list[Term] = []
    rest: list[Term] = [Const(node.data[0])]
    count = 1
    for a, e in zip(args, node.data[1:], strict=True):
        if a.op == "add" and type(e) is int and 0 < e <= _HIGHEST_POWER:
            count *= (len(a.args) + (a.data[0] != 0)) ** e
            sums += [a] * e
        else:
            rest.append(power_product({a: e}) if e != 1 else a)
    if not sums or count > _MOST_PRODUCTS:
        return rebuild(node, tuple(args))
    made: list[Term] = [mul(rest)]
    for s in sums:
        made = _summands(add(mul((x, y)) for x in made for y in _summands(s)))
    return add(made)


def _summands(term: Term) -> list[Term]:
    if term.op != "add":
        return [term]
    return [scale(t, c) for t, c in zip(term.args, term.data[1:], strict=True)] + (
        [Const(term.data[0])] if term.data[0] else []
    )
