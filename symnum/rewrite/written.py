"""A choice graph with its choices made, written as terms.

Parts that are used once are merged into the sum or product around them, as everywhere in ``expr``. Parts that are used more than once stay
nodes of their own (a product within a product, a sum within a sum), so that code generators compute them once.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from symnum.expr.numbers import Number, tidy, tidy_exponent, unit
from symnum.expr.term import Const, Term, call, make_call

if TYPE_CHECKING:
    from symnum.rewrite.choices import Choices


def written(choices: Choices, order: list[int]) -> list[Term]:
    """The terms of the roots. ``order``: the items they need, needs before users."""
    uses = Counter(choices.roots)
    for i in order:
        uses.update(choices.ways[i][choices.chosen[i]][1])
    made: dict[int, Term] = {}
    powers: dict[int, tuple[Term, Number]] = {}  # items that products write as base**e
    for i in order:
        _, needs, (kind, *what) = choices.ways[i][choices.chosen[i]]
        parts = [made[j] for j in needs]
        once = [uses[j] == 1 for j in needs]
        if kind in ("leaf", "number"):
            made[i] = what[0] if kind == "leaf" else Const(what[0])
        elif kind == "same":
            made[i] = parts[0]
            if needs[0] in powers:
                powers[i] = powers[needs[0]]
        elif kind == "call":
            made[i] = make_call(what[0], tuple(parts), what[1]) if what[1] else call(what[0], *parts)
        elif kind == "sum":
            made[i] = _sum(what[0], parts, once)
        elif kind == "native":
            powers[i] = made[what[1]], what[0]
            made[i] = _product({made[what[1]]: what[0]}, 1)
        elif kind == "raised":
            made[i] = _product({parts[0]: what[0]}, 1)
        else:
            made[i] = _factors(needs, made, powers, once, what[0])
    return [made[r] for r in choices.roots]


def _factors(
    needs: tuple[int, ...], made: dict[int, Term], powers: dict[int, tuple[Term, Number]], once: list[bool], above: int
) -> Term:
    """A product: the first ``above`` items over the others."""
    bag: dict[Term, Number] = {}
    coefficient: Number = 1
    for k, j in enumerate(needs):
        sign = 1 if k < above else -1
        term = made[j]
        if j in powers:
            base, e = powers[j]
            bag[base] = bag.get(base, 0) + sign * e
        elif term.op == "mul" and once[k] and (sign == 1 or (term.data[0] == 1 and all(e > 0 for e in term.data[1:]))):
            coefficient = coefficient * term.data[0]
            for base, e in zip(term.args, term.data[1:], strict=True):
                bag[base] = bag.get(base, 0) + sign * e
        else:
            bag[term] = bag.get(term, 0) + sign
    return _product(bag, coefficient)


def _product(bag: dict[Term, Number], coefficient: Number) -> Term:
    """coefficient * prod(base**e), nested products kept as they are."""
    items = [
        (base, tidy_exponent(e)) for base, e in bag.items() if e != 0 and not (base.op == "const" and base.data[0] == 1)
    ]
    items.sort(key=lambda item: item[0].digest)
    coefficient = unit(tidy(coefficient))
    if not items:
        return Const(coefficient)
    if len(items) == 1 and items[0][1] == 1 and coefficient == 1:
        return items[0][0]
    return make_call("mul", tuple(b for b, _ in items), (coefficient, *(e for _, e in items)))


def _sum(numbers: tuple[Number, ...], parts: list[Term], once: list[bool]) -> Term:
    """constant + sum(c*part), nested sums kept where they are shared."""
    constant = numbers[0]
    bag: dict[Term, Number] = {}
    for part, c, alone in zip(parts, numbers[1:], once, strict=True):
        inner: list[tuple[Term, Number]] = [(part, c)]
        if part.op == "const":
            inner, constant = [], constant + c * part.data[0]
        elif part.op == "add" and alone and abs(c) == 1:
            constant = constant + c * part.data[0]
            inner = [(t, c * n) for t, n in zip(part.args, part.data[1:], strict=True)]
        elif part.op == "mul" and alone and part.data[0] != 1:
            rest = _product(dict(zip(part.args, part.data[1:], strict=True)), 1)
            inner = [(rest, c * part.data[0])]
        for term, n in inner:
            bag[term] = bag.get(term, 0) + n
    items = sorted(((t, unit(tidy(c))) for t, c in bag.items() if c != 0), key=lambda item: item[0].digest)
    constant = tidy(constant)
    if not items:
        return Const(constant)
    if len(items) == 1 and constant == 0:
        return _multiple(items[0][0], items[0][1], alone=once[0])
    return make_call("add", tuple(t for t, _ in items), (constant, *(c for _, c in items)))


def _multiple(term: Term, c: Any, *, alone: bool) -> Term:
    """c*term; the coefficient joins a product that nobody else uses."""
    if c == 1:
        return term
    if term.op == "mul" and alone and term.data[0] == 1:
        return make_call("mul", term.args, (c, *term.data[1:]))
    return make_call("mul", (term,), (c, 1))
