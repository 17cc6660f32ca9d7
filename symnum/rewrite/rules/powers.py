"""Powers and roots. A power with a fractional exponent exists for bases >= 0 only (> 0 below a fraction)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import gcd

from symnum.rewrite.assumptions import POSITIVE
from symnum.rewrite.egraph import EGraph, Node
from symnum.rewrite.pattern import Rule, Structural


def rules() -> list[Rule | Structural]:
    """The rules of this set."""
    return [
        Structural("common whole power", "a^(n*k)*b^(n*m) -> (a^k*b^m)^n   where n whole", "mul", common_power),
        Structural("common root", "a^(n/2)*b^(m/2) -> (a^n*b^m)^(1/2)", "mul", common_root, widens=True),
        Structural(
            "root of an even power", "(a^(2*n))^b -> abs(a)^(2*n*b)   where n whole, b not", "mul", root_of_even_power
        ),
        Structural(
            "power by logarithm",
            "a^b -> exp(b*log(a))   where a > 0, b a number that is no multiple of 1/4",
            "mul",
            power_by_logarithm,
        ),
        Rule("power by logarithm, b not a number", "a^b", "exp(b*log(a))", where=("a > 0",)),
        Rule("powers of one base", "a^b*a^c", "a^(b + c)"),
        Rule("quotient of powers", "a^b/a^c", "a^(b - c)"),
        Rule("root of a discriminant", "(a^2 - 4*b)^(1/2)", "2*((a/2)^2 - b)^(1/2)"),
        Rule("quotient of powers of one exponent", "a^c/b^c", "(a/b)^c", where=("a > 0", "b > 0")),
        Rule("power less the base", "a^(b - 1)", "a^b/a", where=("a > 0",), known=("a^b",)),
        Rule("power times base", "a*a^b", "a^(b + 1)"),
        Rule("power of exp", "exp(a)^b", "exp(a*b)", widens=True),
    ]


def common_power(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """x^2*y^2 = (x*y)^2 and 1/(x*y)."""
    _, data, children = node
    if len(children) < 2:
        return
    below = [(b, e) for b, e in zip(children, data, strict=True) if e < 0]
    if len(below) > 1 and all(type(e) is int for _, e in below):
        rest = [(b, e) for b, e in zip(children, data, strict=True) if e > 0]
        n = gcd(*[int(e) for _, e in below])
        inner = graph.product([(b, -e // n) for b, e in below])
        yield graph.product([*rest, (inner, -n)])
    for least in {abs(e) for e in data if type(e) is int and abs(e) > 1}:
        part = [(b, e) for b, e in zip(children, data, strict=True) if type(e) is int and e % least == 0]
        if len(part) > 1:
            rest = [(b, e) for b, e in zip(children, data, strict=True) if type(e) is not int or e % least != 0]
            inner = graph.product([(b, e // least) for b, e in part])
            yield graph.product([*rest, (inner, least)])


def common_root(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """sqrt(x)*sqrt(y) = sqrt(x*y), sqrt(x)/sqrt(y) = sqrt(x/y): the right sides exist for x, y < 0 too."""
    _, data, children = node
    halves = [(b, 2 * e) for b, e in zip(children, data, strict=True) if isinstance(e, Fraction) and e.denominator == 2]
    if len(halves) > 1:
        rest = [
            (b, e) for b, e in zip(children, data, strict=True) if not (isinstance(e, Fraction) and e.denominator == 2)
        ]
        inner = graph.product([(b, int(e)) for b, e in halves])
        yield graph.product([*rest, (inner, Fraction(1, 2))])


def root_of_even_power(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """sqrt(x^2) = abs(x)."""
    _, data, children = node
    for k, (child, e) in enumerate(zip(children, data, strict=True)):
        power = graph[child].power
        if type(e) is not int and power is not None and type(power[1]) is int and power[1] % 2 == 0:
            rest = [(b, n) for j, (b, n) in enumerate(zip(children, data, strict=True)) if j != k]
            yield graph.product([*rest, (graph.call("abs", [power[0]]), power[1] * e)])


def power_by_logarithm(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """All awkward powers of a product through one exp; rounding grows with |b*log(a)|, to 2e-13 at 1e+-100 and b = 4."""
    _, data, children = node
    awkward = [(b, e) for b, e in zip(children, data, strict=True) if (4 * Fraction(e)).denominator != 1]
    if awkward and all(abs(e) <= 4 and graph.is_positive(b, POSITIVE) for b, e in awkward):
        chosen = {b for b, _ in awkward}
        rest = [(b, e) for b, e in zip(children, data, strict=True) if b not in chosen]
        exponent = graph.sum([(graph.call("log", [b]), e) for b, e in awkward])
        yield graph.product([*rest, (graph.call("exp", [exponent]), 1)])
