"""Sums as linear forms of the same parts: one written by means of another that is computed anyway, with a cheaper rest.

::

    a - 4*b + 3*c,  a - 2*b + c      ->   d = (c - b) - (b - a),  d + 2*(c - b)
    b - 2*c + d,  c - b,  d - c      ->   (d - c) - (c - b)

``share`` finds parts that two sums hold in proportion. Here the coefficients need not agree: f = r*g + (f - r*g), wherever this takes fewer
operations, where g is another sum or a difference that another sum holds. The step that saves most is taken, again and again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from symnum.expr.numbers import Number, tidy, unit
from symnum.expr.replace import replaced
from symnum.expr.term import ONE, Term, make_call
from symnum.expr.walk import postorder
from symnum.rewrite.cost import Costs

_MOST_NODES = 200
_MOST_STEPS = 20
_TRIED = 6  # steps that are priced in full, of those that seem to save something
_WIDEST = 8  # parts of a sum

Row = Mapping[Term, Number]  # part -> coefficient; the constant stands at ONE


class Step(NamedTuple):
    """Sums to be replaced, and what they seem to save."""

    gain: float
    changes: dict[Term, Term]


def by_each_other(terms: Sequence[Term], costs: Costs) -> list[Term]:
    """The terms, their sums written by means of each other where that is cheaper; values change by rounding only."""
    made, price = list(terms), costs.total(terms)
    for _ in range(_MOST_STEPS):
        nodes = list(postorder(made))
        if len(nodes) > _MOST_NODES:
            break
        steps = sorted(_steps(made, nodes, costs), key=lambda step: -step.gain)[:_TRIED]
        tried = [(costs.total(new), k, new) for k, new in enumerate(replaced(made, s.changes) for s in steps)]
        if not tried or min(tried)[0] >= price:
            break
        price, _, made = min(tried, key=lambda row: row[:2])
    return made


def _steps(terms: Sequence[Term], nodes: Sequence[Term], costs: Costs) -> Iterator[Step]:
    """The steps that seem to save something."""
    flat: dict[Term, Row] = {}
    for node in nodes:
        row = _row(node, flat)
        if row is not None and 2 <= len(row) <= _WIDEST:
            flat[node] = row
    sums = {n: row for n, row in flat.items() if n.op == "add"}
    multiples = {n: row for n in nodes if n.op == "mul" and n not in flat and n not in (row := _multiple(n))}
    if len(sums) + len(multiples) < 2:
        return
    uses = Counter(a for n in nodes for a in n.args)
    uses.update(terms)
    below = _sums_below(nodes, sums)
    pairs = {pair: n for n, row in sums.items() for pair in _pairs(row)}
    for f, row in flat.items():
        now = _alone(f, uses, costs)
        for g, other in (multiples if len(row) == 2 else sums | multiples).items():
            if g is not f and f not in below[g] and not (f.op == "mul" and g is f.args[0]):
                yield from _by(f, row, (g, other), now, sums, costs)
        for (x, y, sign), owner in pairs.items():
            if x in row and y in row and owner is not f and f not in below[owner]:
                pair = {x: 1, y: sign}
                g = _sum(pair)
                if g not in sums and (sign == 1 or _sum({x: -1, y: 1}) not in sums):
                    split = _with(sums[owner], (g, pair), sums[owner][x], sums)
                    for step in _by(f, row, (g, pair), now, sums, costs):
                        yield Step(step.gain, step.changes | {owner: split})


def _row(node: Term, flat: Mapping[Term, Row]) -> Row | None:
    """A sum, or a multiple of a sum, over parts that are no sums; None for other nodes and where numbers are not exact."""
    if any(isinstance(c, float) for c in node.data):
        return None
    if node.op == "mul" and len(node.args) == 1 and node.data[1] == 1:
        inner = flat.get(node.args[0])
        return None if inner is None else {p: tidy(c * node.data[0]) for p, c in inner.items()}
    if node.op != "add":
        return None
    row: dict[Term, Number] = {ONE: node.data[0]}
    for a, c in zip(node.args, node.data[1:], strict=True):
        for part, n in (flat.get(a) or _multiple(a)).items():
            row[part] = tidy(row.get(part, 0) + c * n)
    return {p: c for p, c in row.items() if c != 0}


def _multiple(term: Term) -> Row:
    """3*x as a multiple of x."""
    alone = term.op == "mul" and len(term.args) == 1 and term.data[1] == 1 and not isinstance(term.data[0], float)
    return {term.args[0]: term.data[0]} if alone else {term: 1}


def _sums_below(nodes: Sequence[Term], sums: Mapping[Term, Row]) -> dict[Term, frozenset[Term]]:
    """Node -> the sums and multiples that it is made of."""
    below: dict[Term, frozenset[Term]] = {}
    for n in nodes:
        own = frozenset([n]) if n.op in ("add", "mul") else frozenset[Term]()
        below[n] = own.union(*(below[a] for a in n.args))
    return below


def _pairs(row: Row) -> Iterator[tuple[Term, Term, int]]:
    """The sums and differences that a row holds up to a number."""
    parts = sorted(((p, c) for p, c in row.items() if p is not ONE), key=lambda item: item[0].digest)
    for k, (x, c) in enumerate(parts):
        for y, d in parts[k + 1 :]:
            if abs(c) == abs(d) and len(row) > 2:
                yield x, y, 1 if c == d else -1


def _alone(node: Term, uses: Mapping[Term, int], costs: Costs) -> float:
    """What a sum or a multiple costs, with the sums in it that nothing else uses."""
    inner = [a for a in node.args if a.op == "add" and uses[a] == 1]
    return costs.price(node.op, node.data) + sum(_alone(a, uses, costs) for a in inner)


def _by(
    f: Term, row: Row, source: tuple[Term, Row], now: float, sums: Mapping[Term, Row], costs: Costs
) -> Iterator[Step]:
    """f = r*g + rest for each ratio r that one of the parts suggests."""
    other = source[1]
    ratios = {Fraction(row[p]) / Fraction(c) for p, c in other.items() if p in row and p is not ONE}
    for ratio in sorted(ratios):
        new = _with(row, source, tidy(ratio), sums)
        fresh = [a for a in new.args if a.op == "add" and a not in sums and a is not source[0]]
        gain = now - costs.price(new.op, new.data) - sum(costs.price("add", a.data) for a in fresh)
        if gain > 0:
            yield Step(gain, {f: new})


def _with(row: Row, source: tuple[Term, Row], ratio: Number, sums: Mapping[Term, Row]) -> Term:
    """ratio*g and the rest of the row; a rest of two parts with one number is a sum of its own."""
    g, other = source
    rest: dict[Term, Number] = {p: tidy(row.get(p, 0) - ratio * other.get(p, 0)) for p in (*row, *other)}
    rest = {p: c for p, c in rest.items() if c != 0}
    if len(rest) == 2 and ONE not in rest:
        (x, c), (y, d) = sorted(rest.items(), key=lambda item: item[0].digest)
        if abs(c) == abs(d):
            pair, opposite = _sum({x: 1, y: 1 if c == d else -1}), _sum({x: -1, y: 1})
            rest = {opposite: -c} if c == -d and opposite in sums else {pair: c}
    return _sum({g: ratio, **rest})


def _sum(row: Row) -> Term:
    """The sum, nested sums kept apart."""
    constant = row.get(ONE, 0)
    items = sorted(((p, c) for p, c in row.items() if p is not ONE), key=lambda item: item[0].digest)
    if len(items) == 1 and constant == 0:
        part, c = items[0]
        return part if c == 1 else make_call("mul", (part,), (unit(c), 1))
    return make_call("add", tuple(p for p, _ in items), (constant, *(unit(c) for _, c in items)))
