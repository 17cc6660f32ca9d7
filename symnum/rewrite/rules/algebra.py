"""Sums and products: factoring, distributing, common denominators, sums and products that are there already."""

from __future__ import annotations

from collections.abc import Iterator

from symnum.expr.numbers import Number
from symnum.rewrite.assumptions import NONNEGATIVE
from symnum.rewrite.egraph import EGraph, Node
from symnum.rewrite.pattern import Rule, Structural

_LONGEST = 5  # summands of a sum that is multiplied out
_VARIANTS = 3  # forms of a part that are looked at
_USERS = 20  # other sums or products that are compared
Factors = dict[int, Number]


def rules() -> list[Rule | Structural]:
    """The rules of this set."""
    return [
        Structural("factor", "a*b + a*c + d -> a*(b + c) + d", "add", factor),
        Structural("merge sums", "f*(a + b) + c -> f*a + f*b + c", "add", merge_sums, regroups=True),
        Structural(
            "merge products",
            "(a*b)^n*c -> a^n*b^n*c   where n whole, or a >= 0, b >= 0",
            "mul",
            merge_products,
            regroups=True,
        ),
        Structural("distribute", "a*(b + c) -> a*b + a*c", "mul", distribute, regroups=True),
        Structural("common denominator", "a + b/c^n -> (a*c^n + b)/c^n", "add", common_denominator),
        Structural(
            "known sum", "a + b + c -> d + c   where d = a + b is there already", "add", known_sum, regroups=True
        ),
        Structural(
            "known product",
            "a*b*c -> d*c, c/(a*b) -> c/d   where d = a*b is there already",
            "mul",
            known_product,
            regroups=True,
        ),
        Structural(
            "common part of sums",
            "a + b + c -> (a + b) + c   where another sum holds a + b too",
            "add",
            common_sum,
            regroups=True,
        ),
        Structural(
            "common part of products",
            "a*b*c -> (a*b)*c   where another product holds a*b too",
            "mul",
            common_product,
            regroups=True,
        ),
        Rule("difference of squares", "a^2 - b^2", "(a - b)*(a + b)"),
        Rule("one minus square", "1 - a^2", "(1 - a)*(1 + a)"),
        Structural("square of a sum", "a^2 + 2*a*b + b^2 -> (a + b)^2", "add", square_of_sum),
    ]


def factorings(graph: EGraph, i: int) -> list[Factors]:
    """A class as a product, in the ways the graph knows."""
    found: list[Factors] = [dict(zip(node[2], node[1], strict=True)) for node in graph[i].nodes if node[0] == "mul"]
    return [*found[:_VARIANTS], {graph.find(i): 1}]


def sums(graph: EGraph, i: int) -> list[Node]:
    """The proper sums among the forms of a class."""
    return [node for node in graph[i].nodes if node[0] == "add" and (len(node[2]) > 1 or node[1][0] != 0)][:_VARIANTS]


def factor(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """Take a power of one base out of all summands that hold it, for each base that two of them hold."""
    _, data, children = node
    if len(children) < 2:
        return
    holders: dict[tuple[int, bool], dict[int, Factors]] = {}
    for k, child in enumerate(children):
        for factors in factorings(graph, child):
            for base, e in factors.items():
                holders.setdefault((base, e > 0), {}).setdefault(k, factors)
    shared = [(base, found) for (base, _), found in holders.items() if len(found) > 1]
    for base, found in shared:
        rest = [(child, data[k + 1]) for k, child in enumerate(children) if k not in found]
        yield graph.sum([*rest, (_taken_out(graph, base, found, data), 1)], data[0])
    if (
        len(shared) > 1
    ):  # all at once, the most frequent first: a long sum needs one round, not one for each of its factors
        left = set(range(len(children)))
        items: list[tuple[int, Number]] = []
        for base, found in sorted(shared, key=lambda pair: -len(pair[1])):
            part = {k: factors for k, factors in found.items() if k in left}
            if len(part) > 1:
                left -= part.keys()
                items.append((_taken_out(graph, base, part, data), 1))
        yield graph.sum([*items, *((children[k], data[k + 1]) for k in sorted(left))], data[0])


def _taken_out(graph: EGraph, base: int, found: dict[int, Factors], data: tuple[Number, ...]) -> int:
    """base^e times the sum of what is left of the summands that hold it."""
    least = min((factors[base] for factors in found.values()), key=_size)
    inner = [(_without(graph, factors, base, least), data[k + 1]) for k, factors in found.items()]
    return graph.product([(base, least), (graph.sum(inner), 1)])


def _size(e: Number) -> float:
    return abs(float(e))


def _without(graph: EGraph, factors: Factors, base: int, e: Number) -> int:
    """The product divided by base**e."""
    return graph.product([(b, n - e if b == base else n) for b, n in factors.items()])


def merge_sums(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """A summand that is itself a sum becomes part of the longer one."""
    _, data, children = node
    for k, child in enumerate(children):
        for inner in sums(graph, child):
            c = data[k + 1]
            rest = [(other, n) for j, (other, n) in enumerate(zip(children, data[1:], strict=True)) if j != k]
            items = [(part, c * n) for part, n in zip(inner[2], inner[1][1:], strict=True)]
            yield graph.sum([*rest, *items], data[0] + c * inner[1][0])


def merge_products(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """A factor that is itself a product becomes part of the longer one."""
    _, data, children = node
    for k, (child, e) in enumerate(zip(children, data, strict=True)):
        for inner in factorings(graph, child)[:-1]:
            if type(e) is not int and not all(graph.is_positive(b, NONNEGATIVE) for b in inner):
                continue
            rest = [(other, n) for j, (other, n) in enumerate(zip(children, data, strict=True)) if j != k]
            yield graph.product([*rest, *((b, n * e) for b, n in inner.items())])


def distribute(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """Multiply a short sum out."""
    _, data, children = node
    for k, (child, e) in enumerate(zip(children, data, strict=True)):
        if e != 1:
            continue
        rest = [(other, n) for j, (other, n) in enumerate(zip(children, data, strict=True)) if j != k]
        for inner in sums(graph, child)[:1]:
            if len(inner[2]) <= _LONGEST:
                parts = [(graph.product([*rest, (part, 1)]), c) for part, c in zip(inner[2], inner[1][1:], strict=True)]
                if inner[1][0] != 0:
                    parts.append((graph.product(rest), inner[1][0]))
                yield graph.sum(parts)


def common_denominator(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """One fraction for all summands."""
    _, data, children = node
    if len(children) > _LONGEST or (len(children) == 1 and data[0] == 0):
        return
    ways = [
        min(factorings(graph, child), key=lambda way: min(way.values()) >= 0) for child in children
    ]  # a fraction if there is one
    least: Factors = {}
    for factors in ways:
        for base, e in factors.items():
            if e < 0:
                least[base] = min(e, least.get(base, 0))
    for base, e in list(least.items())[:_VARIANTS]:
        parts = [(graph.product([*factors.items(), (base, -e)]), c) for factors, c in zip(ways, data[1:], strict=True)]
        if data[0] != 0:
            parts.append((graph.product([(base, -e)]), data[0]))
        yield graph.product([(base, e), (graph.sum(parts), 1)])


def known_sum(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """A part of a sum that is a sum of its own elsewhere."""
    _, data, children = node
    if len(children) + (data[0] != 0) < 3:
        return
    mine = dict(zip(children, data[1:], strict=True))
    for other, owner in _users(graph, node, "add"):
        if len(other[2]) + (other[1][0] != 0) >= len(children) + (data[0] != 0) or len(other[2]) < 1:
            continue
        if len(other[2]) == 1 and other[1][0] == 0:
            continue
        multiple = _multiple(mine, other, data[0])
        if multiple:
            left = data[0] if other[1][0] == 0 else 0
            rest = [(child, c) for child, c in mine.items() if child not in other[2]]
            yield graph.sum([*rest, (owner, multiple)], left)


def _multiple(mine: dict[int, Number], other: Node, constant: Number) -> Number:
    """The m with which m*other is part of a sum; 0: none."""
    first = mine.get(other[2][0])
    if first is None:
        return 0
    m = first / other[1][1] if isinstance(first, float) else first if other[1][1] == 1 else 0
    if other[1][1] == -1:
        m = -first
    if m == 0 or any(mine.get(child) != m * c for child, c in zip(other[2], other[1][1:], strict=True)):
        return 0
    return (
        m if other[1][0] in (0, constant / m if isinstance(m, float) else constant * m if abs(m) == 1 else None) else 0
    )


def known_product(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """A part of a product that is a product of its own elsewhere."""
    _, data, children = node
    if len(children) < 2:
        return
    mine = dict(zip(children, data, strict=True))
    for other, owner in _users(graph, node, "mul"):
        if len(other[2]) < 2 or owner == graph.find(i):
            continue
        theirs = list(zip(other[2], other[1], strict=True))
        if any(abs(mine.get(child, 0)) < abs(e) for child, e in theirs):
            continue
        for power in (1, -1):  # 1/(a*b) is 1/d, too
            if all(mine[child] * e * power > 0 for child, e in theirs):
                yield graph.product([*mine.items(), *((child, -e * power) for child, e in theirs), (owner, power)])


def common_product(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """The factors that a product shares with others become one."""
    _, data, children = node
    if len(children) < 2:
        return
    mine = dict(zip(children, data, strict=True))
    seen: set[tuple[tuple[int, Number], ...]] = {tuple(mine.items())}
    for other, _ in _users(graph, node, "mul"):
        theirs = dict(zip(other[2], other[1], strict=True))
        part = tuple(
            (child, min(e, theirs[child], key=abs))
            for child, e in mine.items()
            if child in theirs and e * theirs[child] > 0
        )
        if len(part) > 1 and part not in seen and len(seen) <= _VARIANTS:
            seen.add(part)
            yield graph.product([*mine.items(), *((child, -e) for child, e in part), (graph.product(part), 1)])


def common_sum(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """The summands that a sum shares with others become one."""
    _, data, children = node
    if len(children) < 3:
        return
    mine = dict(zip(children, data[1:], strict=True))
    seen: set[tuple[int, ...]] = set()
    for other, _ in _users(graph, node, "add"):
        theirs = dict(zip(other[2], other[1][1:], strict=True))
        ratios = {child: c / theirs[child] for child, c in mine.items() if child in theirs}
        for ratio in set(ratios.values()):
            part = tuple(child for child, r in ratios.items() if r == ratio)
            if 1 < len(part) < len(children) and part not in seen and len(seen) < _VARIANTS:
                seen.add(part)
                rest = [(child, c) for child, c in mine.items() if child not in part]
                yield graph.sum([*rest, (graph.sum([(child, mine[child]) for child in part]), 1)], data[0])


def _users(graph: EGraph, node: Node, op: str) -> Iterator[tuple[Node, int]]:
    """Other sums (products) that hold the first or second child, each once, with their class."""
    seen = {node}
    for child in node[2]:
        for other, owner in graph[child].parents[:_USERS]:
            if other[0] == op and other not in seen and other in graph.memo:
                seen.add(other)
                yield other, graph.find(owner)


def square_of_sum(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """a^2 + 2ab + b^2 = (a + b)^2, within a longer sum; b may be a number."""
    _, data, children = node
    squares = [(k, base) for k, child in enumerate(children) for base, e in _single(graph, child) if e == 2]
    for n, (k, a) in enumerate(squares):
        c = data[k + 1]
        for j, b in squares[n + 1 :]:
            if data[j + 1] == c:
                cross = graph.product([(a, 1), (b, 1)])
                m = dict(zip(children, data[1:], strict=True)).get(cross)
                if m is not None and abs(m) == 2 * abs(c):
                    rest = [
                        (child, x)
                        for child, x in zip(children, data[1:], strict=True)
                        if child not in (children[k], children[j], cross)
                    ]
                    inner = graph.sum([(a, 1), (b, 1 if m == 2 * c else -1)])
                    yield graph.sum([*rest, (graph.product([(inner, 2)]), c)], data[0])
        m = dict(zip(children, data[1:], strict=True)).get(a)
        if m is not None and 4 * c * data[0] == m * m:  # c*a^2 + m*a + m^2/(4*c)
            rest = [(child, x) for child, x in zip(children, data[1:], strict=True) if child not in (children[k], a)]
            shift = graph.sum([(a, 1)], m / (2 * c) if isinstance(m, float) or isinstance(c, float) else _half(m, c))
            yield graph.sum([*rest, (graph.product([(shift, 2)]), c)])


def _half(m: Number, c: Number) -> Number:
    from fractions import Fraction

    return Fraction(m) / (2 * c)


def _single(graph: EGraph, i: int) -> list[tuple[int, Number]]:
    """The powers of one base among the forms of a class."""
    return [(node[2][0], node[1][0]) for node in graph[i].nodes if node[0] == "mul" and len(node[2]) == 1]
