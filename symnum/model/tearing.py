"""Algebraic equations in an order in which they can be solved: block lower triangular form, and tearing of its blocks.

Equations are matched with unknowns, the strongly connected components of the dependency graph are the blocks (Duff, Reid, ACM TOMS 4 (1978)
137-147). A block that is linear in its unknowns is solved at once; in another one, unknowns are taken as known ("torn") until
the others follow one by one, and as many equations remain, which the solver iterates on (H. Elmqvist, M. Otter, ESM 1994).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from symnum.expr.calculus import linear_coefficients, solve_linear, substitute
from symnum.expr.term import MINUS_ONE, ZERO, Symbol, Term, add, call, mul, scale
from symnum.expr.walk import symbols

LARGEST_BLOCK = 4  # unknowns of a linear block that is solved symbolically
SHORT = 3  # unknowns of an equation by which one of them is eliminated
Usable = Callable[[Term], bool]


@dataclass
class Torn:
    """``explicit``: unknown -> its value in terms of states and torn unknowns; ``residuals``: torn unknown -> equation that is zero."""

    explicit: dict[Symbol, Term] = field(default_factory=dict)
    residuals: dict[Symbol, Term] = field(default_factory=dict)
    source: dict[Symbol, int] = field(default_factory=dict)  # torn or explicit unknown -> number of its equation


def tear(equations: Sequence[Term], unknowns: Sequence[Symbol], usable: Usable, safe: Usable) -> Torn | None:
    """Solve what can be solved by hand; None where equations and unknowns cannot be matched.

    Args:
        usable: whether a whole block may be divided by this determinant; safe: whether one equation inside a block may be divided by this coefficient
            (nothing but that choice would make it matter if it vanished).
    """
    blocks = block_order(equations, unknowns)
    if blocks is None:
        return None
    made = Torn()
    for numbers, own in blocks:
        rows = [substitute(equations[i], made.explicit) for i in numbers]
        _solve_block(rows, numbers, own, (usable, safe), made)
    return made


def block_order(equations: Sequence[Term], unknowns: Sequence[Symbol]) -> list[tuple[list[int], list[Symbol]]] | None:
    """Blocks of equations and unknowns, each holding only its own unknowns and those of earlier blocks."""
    import networkx as nx

    wanted = set(unknowns)
    holds = [[s for s in symbols(e, "field") if s in wanted] for e in equations]
    graph = nx.Graph()
    graph.add_nodes_from(range(len(equations)))
    graph.add_nodes_from(unknowns)
    graph.add_edges_from((i, s) for i, found in enumerate(holds) for s in found)
    matching = nx.bipartite.hopcroft_karp_matching(graph, range(len(equations)))
    if sum(isinstance(k, int) for k in matching) < len(equations):
        return None
    depends = nx.DiGraph()
    depends.add_nodes_from(range(len(equations)))
    owner = {s: i for i, s in matching.items() if isinstance(i, int)}
    depends.add_edges_from((owner[s], i) for i, found in enumerate(holds) for s in found if s in owner)
    condensed = nx.condensation(depends)
    order = nx.lexicographical_topological_sort(condensed, key=lambda k: min(condensed.nodes[k]["members"]))
    return [
        (numbers, [matching[i] for i in numbers]) for numbers in (sorted(condensed.nodes[k]["members"]) for k in order)
    ]


def _solve_block(
    rows: list[Term], numbers: list[int], own: list[Symbol], rules: tuple[Usable, Usable], made: Torn
) -> None:
    usable, safe = rules
    left = dict(zip(numbers, rows, strict=True))
    unknown = list(own)
    followed = _follow(left, unknown, safe, made, SHORT)
    solution = _linear(list(left.values()), unknown, usable) if 0 < len(unknown) <= LARGEST_BLOCK else None
    if solution is not None:
        for i, s in zip(left, unknown, strict=True):
            made.source[s] = i
        made.explicit |= {k: substitute(v, solution) for k, v in followed.items()} | solution
        return
    torn: list[Symbol] = []
    while unknown:
        more = _follow(left, unknown, safe, made, 1)
        followed = {k: substitute(v, more) for k, v in followed.items()} | more
        if unknown:
            torn.append(_most_used(unknown, left))
            unknown.remove(torn[-1])
    made.explicit |= followed
    for s, (i, row) in zip(torn, left.items(), strict=True):
        made.residuals[s], made.source[s] = row, i


def _follow(left: dict[int, Term], unknown: list[Symbol], safe: Usable, made: Torn, most: int) -> dict[Symbol, Term]:
    """Solve equations of at most ``most`` unknowns for one of them, put it into the others, and so on; both lists shrink."""
    followed: dict[Symbol, Term] = {}
    while (step := _next_step(left, unknown, safe, most)) is not None:
        i, s, value = step
        del left[i]
        unknown.remove(s)
        followed = {k: substitute(v, {s: value}) for k, v in followed.items()} | {s: value}
        for k, row in left.items():
            left[k] = substitute(row, {s: value})
        made.source[s] = i
    return followed


def _next_step(
    left: Mapping[int, Term], unknown: Sequence[Symbol], usable: Usable, most: int
) -> tuple[int, Symbol, Term] | None:
    """An equation with few unknowns left that can be solved for one: (number, unknown, value)."""
    for i, row in left.items():
        found = [s for s in symbols(row, "field") if s in unknown]
        if 0 < len(found) <= most:
            for s in found:
                value = _value(row, s, usable)
                if value is not None:
                    return i, s, value
    return None


def _linear(rows: list[Term], own: list[Symbol], usable: Usable) -> dict[Symbol, Term] | None:
    """The solution of a linear block by Cramer's rule: the determinant is the only thing divided by, and it vanishes only where the block
    is singular by itself.
    """
    split = [linear_coefficients(row, own) for row in rows]
    if any(part is None for part in split):
        return None
    matrix = [[part[0].get(s, ZERO) for s in own] for part in split if part is not None]
    right = [
        scale(substitute(part[1], dict.fromkeys(own, ZERO)), -1) for part in split if part is not None
    ]  # see _value
    bottom = _determinant(matrix)
    if bottom is ZERO or not usable(bottom):
        return None
    inverse = call("pow", bottom, MINUS_ONE)
    made = {}
    for k, s in enumerate(own):
        replaced = [[*row[:k], r, *row[k + 1 :]] for row, r in zip(matrix, right, strict=True)]
        made[s] = mul((_determinant(replaced), inverse))
    return made


def _determinant(matrix: list[list[Term]]) -> Term:
    """By expansion along the first row (small matrices)."""
    if len(matrix) == 1:
        return matrix[0][0]
    parts = []
    for k, entry in enumerate(matrix[0]):
        if entry is not ZERO:
            minor = [[*row[:k], *row[k + 1 :]] for row in matrix[1:]]
            parts.append(scale(mul((entry, _determinant(minor))), (-1) ** k))
    return add(parts)


def _value(row: Term, s: Symbol, usable: Usable) -> Term | None:
    """s from row = 0 where that is linear in s with a usable coefficient. The rest may still hold s in parts that cancel, as x - (x + y)."""
    split = linear_coefficients(row, [s])
    if split is None or s not in split[0] or not usable(split[0][s]):
        return None
    solution = solve_linear([row], [s])
    return None if solution is None else substitute(solution[0], {s: ZERO})


def _most_used(unknown: Sequence[Symbol], left: Mapping[int, Term]) -> Symbol:
    """The unknown that most of the remaining equations hold."""
    counts = {s: sum(s in symbols(row, "field") for row in left.values()) for s in unknown}
    return max(unknown, key=lambda s: counts[s])
