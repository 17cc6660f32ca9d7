"""Exponentials and logarithms. log(a) exists for a > 0, so its arguments are known to be positive wherever it is defined."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import exp, gcd, lcm

from symnum.expr.numbers import Number, tidy
from symnum.rewrite.egraph import EGraph, Node
from symnum.rewrite.pattern import Rule, Structural

_FARTHEST = 20  # exp(20) is the largest factor taken out of an exponential
_PLACES = 40  # other sums that are compared
_LARGEST = 8  # exp(8*a) = exp(a)^8 and no further


def rules() -> list[Rule | Structural]:
    """The rules of this set."""
    return [
        Structural("product of exponentials", "exp(a)^n*exp(b)^m -> exp(n*a + m*b)", "mul", product_of_exponentials),
        Structural(
            "exponential of a multiple",
            "exp(n*a) -> exp(a)^n   where exp(a) or another multiple is there already",
            "exp",
            multiple,
        ),
        Structural(
            "exponential of a shifted argument",
            "exp(k*a + n) -> exp(n - k*m)*exp(a + m)^k   where the latter is there already",
            "exp",
            shifted,
        ),
        Structural(
            "logarithm of a power", "log(a^n) -> n*log(a);  n*log(abs(a)) for even n", "log", logarithm_of_power
        ),
        Rule("logarithm of exp", "log(exp(a))", "a"),
        Rule("exp of logarithm", "exp(log(a))", "a", widens=True),
        Rule("sum of logarithms", "log(a) + log(b)", "log(a*b)", widens=True),
        Rule("difference of logarithms", "log(a) - log(b)", "log(a/b)", widens=True),
        Rule("complement of the logistic function", "1 - 1/(1 + exp(a))", "1/(1 + exp(-a))"),
        Rule("logistic function", "exp(a)/(1 + exp(a))", "1/(1 + exp(-a))"),
    ]


def product_of_exponentials(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """All exponentials of a product as one."""
    _, data, children = node
    arguments: list[tuple[int, Number]] = []
    rest: list[tuple[int, Number]] = []
    for child, e in zip(children, data, strict=True):
        argument = next((n[2][0] for n in graph[child].nodes if n[0] == "exp"), None)
        if argument is None:
            rest.append((child, e))
        else:
            arguments.append((argument, e))
    if arguments:
        yield graph.product([*rest, (graph.call("exp", [graph.sum(arguments)]), 1)])


def multiple(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """exp(3*a), exp(-2*a): powers of one exponential, of the largest common part of their arguments."""
    c, base = graph[node[2][0]].scaled or (1, node[2][0])
    for other in _multiples(graph, base):
        n = _whole(c, other)
        if n is not None and n not in (0, 1):
            exponential = graph.call("exp", [graph.sum([(base, other)])])
            yield graph.product([(exponential, n)])
        elif n is None and not isinstance(c, float) and not isinstance(other, float):
            x, y = Fraction(c), Fraction(other)
            common = Fraction(gcd(x.numerator, y.numerator), lcm(x.denominator, y.denominator))
            if abs(x / common) <= _LARGEST and abs(y / common) <= _LARGEST:
                exponential = graph.call("exp", [graph.sum([(base, tidy(common))])])
                yield graph.product([(exponential, int(x / common))])


def shifted(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """exp(-(V + 40)/10) = exp(-1/2)*exp(-(V + 35)/10): one exponential serves both; exp(-(V + 65)/10) = exp(-5/2)*exp(-(V + 40)/20)^2."""
    own = _line(graph, node[2][0])
    if own is None:
        return
    direction, c, constant = own
    for argument in _on_line(graph, direction):
        other = _line(graph, argument)
        if other is None or other[0] != direction or other[1:] == own[1:]:
            continue
        n = _whole(c, other[1])
        if n is not None and n != 0 and abs(constant - n * other[2]) <= _FARTHEST and constant != n * other[2]:
            exponential = graph.product([(graph.call("exp", [argument]), n)])
            yield graph.sum([(exponential, exp(constant - n * other[2]))])


_Direction = tuple[tuple[int, Number], ...]


def _line(graph: EGraph, i: int) -> tuple[_Direction, Number, Number] | None:
    """A class as c*(x + r*y + ...) + constant: (((x, 1), (y, r), ...), c, constant); None for a number."""
    k = graph[i]
    c, i = k.scaled if k.scaled is not None else (1, graph.find(i))
    form = next((n for n in graph[i].nodes if n[0] == "add" and n[1][0] != 0), None)
    if form is None:
        return None if k.const is not None else (((graph.find(i), 1),), c, 0)
    lead = form[1][1]
    direction = tuple(sorted((graph.find(x), _divided(r, lead)) for x, r in zip(form[2], form[1][1:], strict=True)))
    if direction[0][1] != 1:
        lead, direction = lead * direction[0][1], tuple((x, _divided(r, direction[0][1])) for x, r in direction)
    return direction, c * lead, c * form[1][0]


def _on_line(graph: EGraph, direction: _Direction) -> Iterator[int]:
    """The arguments of exponentials that are sums (or multiples of sums) of the same parts."""
    wanted = {x for x, _ in direction}
    owners = [direction[0][0]] if len(direction) == 1 else []
    for other, owner in graph[direction[0][0]].parents[:_PLACES]:
        if other[0] == "add" and other in graph.memo and {graph.find(x) for x in other[2]} == wanted:
            owners.append(graph.find(owner))
    for owner in dict.fromkeys(owners):
        multiples = [k for n, k in graph[owner].parents if n[0] == "add" and len(n[2]) == 1 and n in graph.memo]
        for argument in dict.fromkeys([owner, *map(graph.find, multiples)]):
            if any(n[0] == "exp" for n, _ in graph[argument].parents if n in graph.memo):
                yield argument


def _divided(a: Number, b: Number) -> Number:
    return a / b if isinstance(a, float) or isinstance(b, float) else tidy(Fraction(a) / b)


def _whole(c: Number, other: Number) -> int | None:
    """c/other if it is a small whole number."""
    n = round(c / other)
    return n if n * other == c and abs(n) <= _LARGEST else None


def _multiples(graph: EGraph, base: int) -> list[Number]:
    """The c for which the graph holds exp(c*base)."""
    base = graph.find(base)
    found: list[Number] = []
    if any(n[0] == "exp" for n, _ in graph[base].parents if n in graph.memo):
        found.append(1)
    for n, owner in graph[base].parents:
        if n[0] == "add" and len(n[2]) == 1 and n[1][0] == 0 and n in graph.memo and n[1][1] not in found:
            if any(m[0] == "exp" for m, _ in graph[owner].parents if m in graph.memo):
                found.append(n[1][1])
    return found[:6]


def logarithm_of_power(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """log(x^3) = 3*log(x), log(x^2) = 2*log(abs(x))."""
    power = graph[node[2][0]].power
    if power is None:
        return
    base, e = power
    even = type(e) is int and e % 2 == 0
    yield graph.sum([(graph.call("log", [graph.call("abs", [base]) if even else base]), e)])
