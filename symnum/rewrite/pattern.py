"""Rules as data: ``Rule("Pythagoras", "sin(a)^2 + cos(a)^2", "1")``, matched against e-classes.

The letters of a rule stand for any term. At its root a sum matches part of a longer sum, and any multiple of itself; a product matches part of
a longer product, and any power of itself::

    sin(a)^2 + cos(a)^2 -> 1      in   3*sin(x)^2 + 3*cos(x)^2 + y      gives   3 + y
    sin(a)/cos(a) -> tan(a)       in   z*sin(x)^2*cos(x)^(-2)           gives   z*tan(x)^2

Below the root sums and products match whole. A number times a letter matches every term: ``exp(2*a)`` matches exp(x) with a = x/2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from symnum.errors import TermError, UnknownName
from symnum.expr.numbers import Number, quotient, tidy
from symnum.expr.parse import parse
from symnum.expr.term import Const, Symbol, Term, scale, split_coefficient
from symnum.expr.walk import postorder
from symnum.rewrite.assumptions import DEFINED, TRUTH, read_assumption
from symnum.rewrite.egraph import SYMMETRIC, Absent, EGraph, Node

Pattern = tuple[Any, ...]
Binding = tuple["tuple[Number, int] | None", ...]  # letter -> coefficient * class

LETTERS = tuple(Symbol(name) for name in "abcdfghk")
_NAMES = {letter.name: letter for letter in LETTERS}
_WORDS = {" is true or false": TRUTH, " is defined everywhere": DEFINED}
_ORDER = {"fun": 0, "num": 0, "prod": 1, "sum": 1, "multiple": 2, "letter": 3}  # the most telling part is matched first


class Rule:
    """``left -> right`` wherever ``where`` holds.

    Args:
        name: what reports call it.
        left, right: the two sides, in the letters a, b, c, d, f, g, h, k.
        where: what must be known, ``"a > 0"``, ``"b != 0"``, ``"a is true or false"``,
            ``"a is defined everywhere"``.
        known: terms that the graph must hold already (the rule then creates none of them).
        widens: the right side is defined on a larger domain than the left; the left is then forgotten, so that no result is defined on less
            than its input.
        unsafe: loses digits, or overflows where the left side does not; off unless asked for.

    Raises ParseError for text that is no term, UnknownName for a letter of the right side that the left does not bind.
    """

    regroups = False

    def __init__(
        self,
        name: str,
        left: str,
        right: str,
        *,
        where: tuple[str, ...] = (),
        known: tuple[str, ...] = (),
        widens: bool = False,
        unsafe: bool = False,
    ) -> None:
        self.name, self.left, self.right, self.where, self.known = name, left, right, where, known
        self.widens, self.unsafe = widens, unsafe
        coefficient, pattern = split_coefficient(parse(left, _NAMES))
        self.pattern = _compile(pattern)
        self.op = pattern.op
        self._result = _compile(scale(parse(right, _NAMES), tidy(1 / Fraction(coefficient))))
        self._known = [_compile(parse(text, _NAMES)) for text in known]
        self._conditions = [_condition(text) for text in where]
        self.needs = frozenset(t.op for t in postorder((pattern,)) if t.op not in ("add", "mul", "symbol", "const"))
        bound = _letters(self.pattern)
        for part in (self._result, *self._known, *(("letter", i) for i, _ in self._conditions)):
            if missing := _letters(part) - bound:
                raise UnknownName(
                    f"rule {name!r}: the letter {LETTERS[min(missing)].name!r} does not occur in {left!r}"
                )

    @property
    def formula(self) -> str:
        """The rule as mathematics, with its domain."""
        return f"{self.left} -> {self.right}" + (f"   where {', '.join(self.where)}" if self.where else "")

    def forms(self, graph: EGraph, i: int, node: Node) -> Iterator[int]:
        """The classes equal to class ``i`` by this rule at one of its e-nodes."""
        for binding, rest in _root_matches(graph, self.pattern, i, node):
            if not self._holds(graph, binding):
                continue
            made = _build(graph, self._result, binding)
            yield _with_rest(graph, node[0], made, rest)

    def _holds(self, graph: EGraph, binding: Binding) -> bool:
        for letter, wanted in self._conditions:
            c, k = binding[letter]  # type: ignore[misc]
            if not graph.is_positive(graph.sum([(k, c)]), wanted):
                return False
        return not self._known or _is_known(graph, self._known, binding)


class Structural:
    """A rule about sums or products of any length, as a function: ``apply(graph, i, node)`` yields classes equal to class i.

    ``formula`` is the mathematics, ``op`` the operator of the e-nodes it looks at; ``regroups``: it writes the same sums or products in other
    groups, of which there are very many.
    """

    where: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()

    def __init__(
        self,
        name: str,
        formula: str,
        op: str,
        apply: Callable[[EGraph, int, Node], Iterator[int]],
        *,
        widens: bool = False,
        unsafe: bool = False,
        regroups: bool = False,
    ) -> None:
        self.name, self.formula, self.op, self.forms = name, formula, op, apply
        self.widens, self.unsafe, self.regroups = widens, unsafe, regroups


def both(name: str, left: str, right: str, **options: Any) -> tuple[Rule, Rule]:
    """A rule and its reverse."""
    return Rule(name, left, right, **options), Rule(f"{name}, reversed", right, left, **options)


def _condition(text: str) -> tuple[int, int]:
    for words, fact in _WORDS.items():
        if text.endswith(words):
            return LETTERS.index(_NAMES[text.removesuffix(words)]), fact
    term, facts = read_assumption(parse(text, _NAMES))
    return LETTERS.index(term), facts


# --- patterns ---------------------------------------------------------------------------------------------------------


def _compile(term: Term) -> Pattern:
    """A term over the letters as nested tuples."""
    if term in LETTERS:
        return ("letter", LETTERS.index(term))
    if isinstance(term, Const):
        return ("num", term.value)
    if term.op == "add":
        return ("sum", term.data[0], _ordered(term.data[1:], term.args))
    if term.op == "mul":
        c, rest = split_coefficient(term)
        return ("multiple", c, _compile(rest)) if c != 1 else ("prod", _ordered(term.data[1:], term.args))
    return ("fun", term.op, tuple(_compile(a) for a in term.args))


def _ordered(numbers: tuple[Number, ...], args: tuple[Term, ...]) -> tuple[tuple[Number, Pattern], ...]:
    parts = [(c, _compile(a)) for c, a in zip(numbers, args, strict=True)]
    return tuple(sorted(parts, key=lambda part: _ORDER[part[1][0]]))


def _letters(pattern: Pattern) -> set[int]:
    kind = pattern[0]
    if kind == "letter":
        return {pattern[1]}
    if kind in ("sum", "prod"):
        return set().union(*(_letters(p) for _, p in pattern[-1]))
    if kind == "fun":
        return set().union(*(_letters(p) for p in pattern[2]))
    return _letters(pattern[2]) if kind == "multiple" else set()


def _build(graph: EGraph, pattern: Pattern, binding: Binding) -> int:
    """The class of a pattern with its letters filled in."""
    kind = pattern[0]
    if kind == "letter":
        c, i = binding[pattern[1]]  # type: ignore[misc]
        return graph.sum([(i, c)])
    if kind == "num":
        return graph.number(pattern[1])
    if kind == "sum":
        return graph.sum([(_build(graph, p, binding), c) for c, p in pattern[2]], pattern[1])
    if kind == "prod":
        return graph.product([(_build(graph, p, binding), e) for e, p in pattern[1]])
    if kind == "multiple":
        return graph.sum([(_build(graph, pattern[2], binding), pattern[1])])
    return graph.call(pattern[1], [_build(graph, p, binding) for p in pattern[2]])


def _is_known(graph: EGraph, patterns: list[Pattern], binding: Binding) -> bool:
    """True if the graph holds all these terms already; it does not grow."""
    graph.asking = True
    try:
        for pattern in patterns:
            _build(graph, pattern, binding)
    except Absent:
        return False
    finally:
        graph.asking = False
    return True


def _with_rest(graph: EGraph, op: str, made: int, rest: Any) -> int:
    """The form found, with what the match left over of a longer sum or product."""
    if rest is None:
        return made
    number, items, constant = rest
    return graph.sum([*items, (made, number)], constant) if op == "add" else graph.product([*items, (made, number)])


# --- matching ---------------------------------------------------------------------------------------------------------


def _root_matches(graph: EGraph, pattern: Pattern, i: int, node: Node) -> Iterator[tuple[Binding, Any]]:
    """(binding, rest) of each way to match one e-node at the root; rest is (multiple or power, items left over, constant)."""
    empty: Binding = (None,) * len(LETTERS)
    kind = pattern[0]
    if kind == "fun":
        yield from ((binding, None) for binding in _arguments(graph, pattern, node, empty))
    elif kind == "sum":
        yield from _partial_sum(graph, pattern, node, empty)
    elif kind == "prod":
        yield from _partial_product(graph, pattern, node, empty)


def _partial_sum(graph: EGraph, pattern: Pattern, node: Node, empty: Binding) -> Iterator[tuple[Binding, Any]]:
    _, constant, parts = pattern
    _, data, children = node
    if len(children) < len(parts) or (constant != 0 and data[0] == 0):
        return
    for chosen, factor, binding in _select(graph, parts, children, data[1:], None, (), empty):
        left = data[0]
        if constant != 0:
            if left != factor * constant:
                continue
            left = 0
        items = [(children[k], data[k + 1]) for k in range(len(children)) if k not in chosen]
        yield binding, (factor, items, left)


def _select(
    graph: EGraph,
    parts: Any,
    children: tuple[int, ...],
    numbers: tuple[Number, ...],
    factor: Number | None,
    chosen: tuple[int, ...],
    binding: Binding,
) -> Iterator[tuple[tuple[int, ...], Number, Binding]]:
    """The ways to find the parts of a pattern among the children, all with the same multiple ``factor`` of the pattern's numbers.

    ``factor`` None: not known yet; 0: equal numbers, as in products. A letter of a whole sum takes its summand with the coefficient.
    """
    if not parts:
        yield chosen, factor if factor is not None else 1, binding
        return
    wanted, part = parts[0]
    for k, child in enumerate(children):
        if k in chosen:
            continue
        if factor == 1 and part[0] == "letter":
            for found in _bind(graph, part[1], quotient(numbers[k], wanted), child, binding):
                yield from _select(graph, parts[1:], children, numbers, 1, (*chosen, k), found)
            continue
        if factor is not None and numbers[k] != (factor or 1) * wanted:
            continue
        ratio = quotient(numbers[k], wanted) if factor is None else factor
        for found in _match(graph, part, child, binding):
            yield from _select(graph, parts[1:], children, numbers, ratio, (*chosen, k), found)


def _partial_product(graph: EGraph, pattern: Pattern, node: Node, empty: Binding) -> Iterator[tuple[Binding, Any]]:
    """Part of a product: the largest whole power of the pattern, or the power that uses it up exactly."""
    parts = pattern[1]
    _, data, children = node
    if len(children) < len(parts):
        return
    for chosen, binding in _choose(graph, parts, children, (), empty):
        power = _common_power([quotient(data[k], e) for k, (e, _) in zip(chosen, parts, strict=True)], parts)
        if power == 0 or any(
            type(e) is not int and type(data[k]) is int for k, (e, _) in zip(chosen, parts, strict=True)
        ):
            continue  # a root is not looked for in whole powers: a^1 as (a^(1/2))^2 would bring in a root that may have no value
        items = [(child, e) for k, (child, e) in enumerate(zip(children, data, strict=True)) if k not in chosen]
        for k, (e, _) in zip(chosen, parts, strict=True):
            if data[k] != power * e:
                items.append((children[k], data[k] - power * e))
        yield binding, (power, items, 0)


def _common_power(ratios: list[Number], parts: Any) -> Number:
    """The power of the whole pattern that the exponents hold; 0: none."""
    if all(r == ratios[0] for r in ratios) and (type(ratios[0]) is int or all(e == 1 for e, _ in parts)):
        return ratios[0]
    if all(r >= 1 for r in ratios):
        return int(min(ratios))
    return int(max(ratios)) if all(r <= -1 for r in ratios) else 0


def _choose(
    graph: EGraph, parts: Any, children: tuple[int, ...], chosen: tuple[int, ...], binding: Binding
) -> Iterator[tuple[tuple[int, ...], Binding]]:
    """The ways to find the bases of a pattern among the children."""
    if not parts:
        yield chosen, binding
        return
    for k, child in enumerate(children):
        if k not in chosen:
            for found in _match(graph, parts[0][1], child, binding):
                yield from _choose(graph, parts[1:], children, (*chosen, k), found)


def _match(graph: EGraph, pattern: Pattern, i: int, binding: Binding) -> Iterator[Binding]:
    """The ways to match a pattern against a class."""
    kind = pattern[0]
    if kind == "letter":
        yield from _bind(graph, pattern[1], 1, i, binding)
    elif kind == "num":
        if graph[i].const == pattern[1]:
            yield binding
    elif kind == "multiple":
        yield from _match_multiple(graph, pattern, i, binding)
    else:
        for node in tuple(graph[i].nodes):
            if kind == "fun" and node[0] == pattern[1]:
                yield from _arguments(graph, pattern, node, binding)
            elif kind == "sum" and node[0] == "add" and node[1][0] == pattern[1] and len(node[2]) == len(pattern[2]):
                yield from (found for _, _, found in _select(graph, pattern[2], node[2], node[1][1:], 1, (), binding))
            elif kind == "prod" and node[0] == "mul" and len(node[2]) == len(pattern[1]):
                yield from (found for _, _, found in _select(graph, pattern[1], node[2], node[1], 0, (), binding))


def _match_multiple(graph: EGraph, pattern: Pattern, i: int, binding: Binding) -> Iterator[Binding]:
    """A number times a pattern: a letter takes any class, divided by the number."""
    _, c, inner = pattern
    if inner[0] == "letter":
        yield from _bind(graph, inner[1], quotient(1, c), i, binding)
        return
    scaled = graph[i].scaled
    if scaled is not None and scaled[0] == c:
        yield from _match(graph, inner, scaled[1], binding)


def _arguments(graph: EGraph, pattern: Pattern, node: Node, binding: Binding) -> Iterator[Binding]:
    """The arguments of a function, in both orders where it is symmetric."""
    _, op, parts = pattern
    if node[0] != op:
        return
    orders = [node[2]] if op not in SYMMETRIC else [node[2], node[2][::-1]]
    for children in orders:
        found = [binding]
        for part, child in zip(parts, children, strict=True):
            found = [new for old in found for new in _match(graph, part, child, old)]
        yield from found


def _bind(graph: EGraph, letter: int, c: Number, i: int, binding: Binding) -> Iterator[Binding]:
    """A letter stands for c * class, the same at all its places."""
    i = graph.find(i)
    scaled = graph.classes[i].scaled
    if scaled is not None:
        c, i = tidy(c * scaled[0]), graph.find(scaled[1])
    known = binding[letter]
    if known is None:
        yield (*binding[:letter], (c, i), *binding[letter + 1 :])
    elif known[0] == c and graph.find(known[1]) == i:
        yield binding


_REFUSED = (TermError, Absent, OverflowError, ZeroDivisionError)


def forms_of(rule: Rule | Structural, graph: EGraph, i: int, node: Node) -> Iterator[int]:
    """``rule.forms``, ending quietly where numbers have no value in the new form (0 to a negative power, NaN)."""
    try:
        yield from rule.forms(graph, i, node)
    except _REFUSED:
        return
