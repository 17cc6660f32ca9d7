"""Trigonometric functions."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from symnum.expr.numbers import Number
from symnum.rewrite.egraph import EGraph, Node
from symnum.rewrite.pattern import Rule, Structural

_PLACES = 20  # sums that are compared
Angle = dict[int, Number]  # class -> coefficient


def rules() -> list[Rule | Structural]:
    """The rules of this set."""
    sum_known = ("sin(a)", "cos(a)", "sin(b)", "cos(b)")
    return [
        # Pythagoras
        Rule("sin^2 + cos^2", "sin(a)^2 + cos(a)^2", "1"),
        Rule("1 - sin^2", "1 - sin(a)^2", "cos(a)^2"),
        Rule("1 - cos^2", "1 - cos(a)^2", "sin(a)^2"),
        Rule("1 + tan^2", "1 + tan(a)^2", "1/cos(a)^2"),
        Rule("1/cos^2", "1/cos(a)^2", "1 + tan(a)^2", known=("tan(a)",)),
        Rule("1/sin^2", "1/sin(a)^2", "1 + 1/tan(a)^2", known=("tan(a)",)),
        # quotients
        Rule("sin/cos", "sin(a)/cos(a)", "tan(a)"),
        Rule("tan*cos", "tan(a)*cos(a)", "sin(a)", widens=True),
        Rule("tan by sin and cos", "tan(a)", "sin(a)/cos(a)", known=("sin(a)", "cos(a)")),
        # double angles
        Rule("sin*cos", "sin(a)*cos(a)", "sin(2*a)/2"),
        Rule("cos^2 - sin^2", "cos(a)^2 - sin(a)^2", "cos(2*a)"),
        Rule("2*cos^2 - 1", "2*cos(a)^2 - 1", "cos(2*a)"),
        Rule("1 - 2*sin^2", "1 - 2*sin(a)^2", "cos(2*a)"),
        Rule("sin of a double angle", "sin(2*a)", "2*sin(a)*cos(a)", known=("sin(a)", "cos(a)")),
        Rule("cos of a double angle, by sin", "cos(2*a)", "1 - 2*sin(a)^2", known=("sin(a)",)),
        Rule("cos of a double angle, by cos", "cos(2*a)", "2*cos(a)^2 - 1", known=("cos(a)",)),
        Rule("1 - cos", "1 - cos(a)", "2*sin(a/2)^2", known=("sin(a/2)",)),
        # sums of angles
        Rule("sin(a + b), collected", "sin(a)*cos(b) + cos(a)*sin(b)", "sin(a + b)"),
        Rule("sin(a - b), collected", "sin(a)*cos(b) - cos(a)*sin(b)", "sin(a - b)"),
        Rule("cos(a + b), collected", "cos(a)*cos(b) - sin(a)*sin(b)", "cos(a + b)"),
        Rule("cos(a - b), collected", "cos(a)*cos(b) + sin(a)*sin(b)", "cos(a - b)"),
        Rule("sin of a sum", "sin(a + b)", "sin(a)*cos(b) + cos(a)*sin(b)", known=sum_known),
        Rule("cos of a sum", "cos(a + b)", "cos(a)*cos(b) - sin(a)*sin(b)", known=sum_known),
        *(
            Structural(
                f"{op} of known angles",
                f"{op}(n*a + m*b) -> by sin and cos of a and b   where some of these are there already, n, m = 1, -1, 2, -2",
                op,
                of_known_angles,
            )
            for op in ("sin", "cos")
        ),
        # functions of their inverses
        Rule("sin of asin", "sin(asin(a))", "a", widens=True),
        Rule("cos of acos", "cos(acos(a))", "a", widens=True),
        Rule("tan of atan", "tan(atan(a))", "a"),
        Rule("cos of asin", "cos(asin(a))", "((1 - a)*(1 + a))^(1/2)"),
        Rule("sin of acos", "sin(acos(a))", "((1 - a)*(1 + a))^(1/2)"),
        Rule("cos of atan", "cos(atan(a))", "(1 + a^2)^(-1/2)"),
        Rule("sin of atan", "sin(atan(a))", "a*(1 + a^2)^(-1/2)"),
    ]


def of_known_angles(graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """sin(a - 2*b) = sin(2*(a - b) - a): no further function where sin and cos of a - b and a are computed anyway."""
    own = _angle(graph, node[2][0])
    known = [(k, angle) for k, angle in _known_angles(graph, own) if angle != own] if len(own) > 1 else []
    for first, angle in known:
        for n in (1, -1, 2, -2):
            rest: Angle = {x: r for x in own | angle if (r := own.get(x, 0) - n * angle.get(x, 0)) != 0}
            for second, other in known:
                m = _multiple_of(rest, other)
                if second == first or m == 0:
                    continue
                sin_a, cos_a = _sine_and_cosine(graph, first, n)
                sin_b, cos_b = _sine_and_cosine(graph, second, m)
                pairs = ((sin_a, cos_b), (cos_a, sin_b)) if node[0] == "sin" else ((cos_a, cos_b), (sin_a, sin_b))
                sign = 1 if node[0] == "sin" else -1
                yield graph.sum(
                    [(graph.product([(x, 1), (y, 1)]), s) for (x, y), s in zip(pairs, (1, sign), strict=True)]
                )


def _sine_and_cosine(graph: EGraph, angle: int, n: int) -> tuple[int, int]:
    """sin(n*a) and cos(n*a), n = 1, -1, 2, -2, by those of a."""
    sine, cosine = graph.call("sin", [angle]), graph.call("cos", [angle])
    if abs(n) == 2:
        double = graph.sum([(graph.product([(sine, 1), (cosine, 1)]), n)])
        return double, graph.sum([(graph.product([(sine, 2)]), -2)], 1)
    return graph.sum([(sine, n)]), cosine


def _angle(graph: EGraph, i: int) -> Angle:
    """A class as a sum of multiples of other classes."""
    c, i = graph[i].scaled or (1, graph.find(i))
    form = next((n for n in graph[i].nodes if n[0] == "add" and n[1][0] == 0 and len(n[2]) > 1), None)
    if form is None:
        return {graph.find(i): c}
    return {graph.find(x): c * r for x, r in zip(form[2], form[1][1:], strict=True)}


def _known_angles(graph: EGraph, own: Angle) -> list[tuple[int, Angle]]:
    """The angles made of the same parts whose sine or cosine the graph holds."""
    found: dict[int, Angle] = {}
    for x in own:
        owners = [k for n, k in graph[x].parents[:_PLACES] if n[0] == "add" and n in graph.memo]
        for k in map(graph.find, [x, *owners]):
            if k not in found and any(n[0] in ("sin", "cos") and n in graph.memo for n, _ in graph[k].parents):
                angle = _angle(graph, k)
                if angle.keys() <= own.keys():
                    found[k] = angle
    return list(found.items())


def _multiple_of(rest: Angle, other: Angle) -> int:
    """The n in 1, -1, 2, -2 with rest = n*other; 0: none."""
    if not rest or rest.keys() != other.keys():
        return 0
    ratios = {Fraction(r) / Fraction(other[x]) for x, r in rest.items()}
    n = ratios.pop()
    return int(n) if not ratios and n in (1, -1, 2, -2) else 0
