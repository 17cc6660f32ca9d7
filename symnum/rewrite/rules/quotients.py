"""Quotients by sums: divided through, divided with remainder, made of other quotients."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from symnum.expr.numbers import Number
from symnum.rewrite.assumptions import NONZERO
from symnum.rewrite.egraph import EGraph, Node
from symnum.rewrite.pattern import Rule, Structural
from symnum.rewrite.rules.algebra import Factors, factorings, sums

_OTHERS = 20  # other products that are compared
_LONGEST = 3  # summands of a numerator that is divided with remainder


def rules() -> list[Rule | Structural]:
    """The rules of this set."""
    return [
        Structural(
            "quotient by a sum of powers, divided through",
            "a^n*c/(a^n + b^m) -> c/(1 + b^m/a^n)   where a > 0, n and m not whole; so with exp(a), exp(b)",
            "mul",
            divided_through,
        ),
        Structural(
            "division with remainder", "(a*c + b*d)/(a + b) -> d + a*(c - d)/(a + b)", "mul", divided_with_remainder
        ),
        Structural("known quotient", "a/b -> (a/(b*c))*c   where a/(b*c) is there already", "mul", known_quotient),
    ]


def divided_through(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """S^n/(K^n + S^n) = 1/(1 + K^n/S^n), where K^n/S^n is one power; sqrt(a)/(sqrt(a) + sqrt(b)) = 1/(1 + sqrt(b/a))."""
    _, data, children = node
    mine: Factors = dict(zip(children, data, strict=True))
    for below in [b for b, e in mine.items() if e == -1]:
        for form in sums(graph, below):
            powers = [_power(graph, part) for part in form[2]]
            if sum(p is not None for p in powers) < 2:
                continue
            for part, c, power in zip(form[2], form[1][1:], powers, strict=True):
                if power is None or not _holds(mine, power) or not graph.is_positive(part, NONZERO):
                    continue
                over = [(b, -e) for b, e in power.items()]
                rest = [
                    (graph.product([(p, 1), *over]), n) for p, n in zip(form[2], form[1][1:], strict=True) if p != part
                ]
                if form[1][0] != 0:
                    rest.append((graph.product(over), form[1][0]))
                left = [(b, e) for b, e in mine.items() if b != below]
                yield graph.product([*left, *over, (graph.sum(rest, c), -1)])


def _power(graph: EGraph, i: int) -> Factors | None:
    """A class as a root, a power or an exponential: its base and exponent; None where it is none of these."""
    for n in graph[i].nodes:
        if n[0] in ("exp", "pow"):
            return {graph.find(i): 1}
        if n[0] == "mul" and len(n[2]) == 1 and isinstance(n[1][0], Fraction):
            return {graph.find(n[2][0]): n[1][0]}
    return None


def _holds(mine: Factors, part: Factors) -> bool:
    """True if a product holds the factors of another, above."""
    return all(b in mine and mine[b] >= e > 0 for b, e in part.items())


def divided_with_remainder(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """(a*c + b*d)/(a + b) = d + w*(c - d), w = a/(a + b): a weighted mean takes one product, and w serves all means with these weights."""
    _, data, children = node
    mine: Factors = dict(zip(children, data, strict=True))
    for below in [b for b, e in mine.items() if e == -1]:
        divisor = next((f for f in sums(graph, below) if f[1][0] == 0 and len(f[2]) == 2), None)
        if divisor is None:
            continue
        first, second = zip(divisor[2], divisor[1][1:], strict=True)
        for above in [b for b, e in mine.items() if e == 1]:
            others = [(b, e) for b, e in mine.items() if b not in (above, below)]
            for form in sums(graph, above):
                for weight, part in ((first, second), (second, first)):
                    found = _remainder(graph, form, weight, part)
                    if found is not None:
                        quotient, inner = found
                        share = graph.product([(weight[0], 1), (below, -1)])
                        rest = graph.product([*others, (share, 1), (inner, 1)])
                        yield graph.sum([(graph.product([*others, (quotient, 1)]), 1), (rest, 1)])


def _remainder(
    graph: EGraph, form: Node, weight: tuple[int, Number], part: tuple[int, Number]
) -> tuple[int, int] | None:
    """(d, r) with form = d*(m*a + n*b) + a*r, where ``weight`` is (a, m) and ``part`` (b, n); None where some summand holds neither."""
    (a, m), (b, n) = weight, part
    if form[1][0] != 0 or len(form[2]) > _LONGEST or abs(n) != 1:
        return None
    with_a: list[tuple[int, Number]] = []
    with_b: list[tuple[int, Number]] = []
    for summand, c in zip(form[2], form[1][1:], strict=True):
        for letter, rows in ((a, with_a), (b, with_b)):
            quotient = _over(graph, summand, letter)
            if quotient is not None:
                rows.append((quotient, c))
                break
        else:
            return None
    if not with_b:
        return None
    d = graph.sum([(x, c * n) for x, c in with_b])
    return d, graph.sum([*with_a, (d, -m)])


def _over(graph: EGraph, summand: int, letter: int) -> int | None:
    """summand/letter where the summand holds it as a factor."""
    own = factorings(graph, letter)[0]
    for factors in factorings(graph, summand):
        if all(factors.get(b) == e for b, e in own.items()):
            return graph.product([(b, e) for b, e in factors.items() if b not in own])
    return None


def known_quotient(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """m*S*X/(a + S) = Y*w, where w = m*S*X/(Y*(a + S)) is a part of the input and so has a value: Y is not zero."""
    _, data, children = node
    if graph.partial or min(data) > 0 or len(children) < 2:
        return
    mine = dict(zip(children, data, strict=True))
    seen = {node}
    for child in children:
        for other, owner in graph[child].parents[:_OTHERS]:
            if other[0] != "mul" or other in seen or other not in graph.memo or graph.find(owner) == graph.find(i):
                continue
            seen.add(other)
            theirs = dict(zip(other[2], other[1], strict=True))
            more = {b: e - mine.get(b, 0) for b, e in theirs.items() if e != mine.get(b, 0)}
            if all(b in theirs for b in mine) and all(type(e) is int and e < 0 for e in more.values()):
                yield graph.product([(owner, 1), *((b, -e) for b, e in more.items())])
