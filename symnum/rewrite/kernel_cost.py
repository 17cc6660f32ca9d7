"""What a loop body costs a point, as compiled with fused multiply-add.

::

    c*(a + b) + k*d - e     ->   1 addition, 1 multiplication, 1 fused multiply-add, 1 subtraction

Beyond ``rewrite.cost``: what does not change along the innermost loop is computed outside and costs nothing; a product that one sum alone
uses is added in the same operation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from symnum.expr.numbers import Number
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder
from symnum.ir.kernel import Array
from symnum.rewrite.cost import CYCLES, power_steps

Fixed = Callable[[Term], bool]


def fixed_along(axis: int, arrays: dict[str, Array]) -> Fixed:
    """A test for terms that do not change with the grid index of an axis."""
    known: dict[Term, bool] = {}

    def leaf(symbol: Symbol) -> bool:
        if symbol.kind == "index":
            return bool(symbol.info != axis)
        if symbol.kind == "load":
            info = symbol.info
            return all(a != axis or still for a, still in zip(arrays[info.array].axes, info.fixed, strict=True))
        return True

    def fixed(term: Term) -> bool:
        if term not in known:
            for node in postorder((term,)):
                if node not in known:
                    known[node] = leaf(node) if isinstance(node, Symbol) else all(known[a] for a in node.args)
        return known[term]

    return fixed


def loop_cost(terms: Sequence[Term], fixed: Fixed) -> float:
    """Operations a point of the innermost loop, weighed by their price in cycles."""
    nodes = _moving(terms, fixed)
    uses = Counter(a for node in nodes for a in node.args)
    uses.update(terms)
    powers: set[tuple[Term, Number]] = set()
    total = 0.0
    for node in nodes:
        if node.op == "add":
            total += _sum(node, fixed, uses)
        elif node.op == "mul":
            total += _product(node, fixed, powers)
        elif node.args:
            total += CYCLES[node.op]
        elif node.op == "symbol" and node.kind == "index":  # type: ignore[attr-defined]
            total += 1.0  # a whole number becomes a double
    return total


def _moving(terms: Sequence[Term], fixed: Fixed) -> list[Term]:
    """The nodes that are computed inside the loop."""
    found: dict[Term, None] = {}
    stack = [t for t in terms if not fixed(t)]
    while stack:
        node = stack.pop()
        if node not in found:
            found[node] = None
            stack.extend(a for a in node.args if not fixed(a))
    return list(found)


def _sum(node: Term, fixed: Fixed, uses: Counter[Term]) -> float:
    groups: dict[float, list[Term]] = {}
    for a, c in zip(node.args, node.data[1:], strict=True):
        if not fixed(a):
            groups.setdefault(float(c), []).append(a)
    outside = node.data[0] != 0 or any(fixed(a) for a in node.args)
    additions = sum(map(len, groups.values())) - 1 + outside
    own = fused = 0
    for c, parts in groups.items():
        products = [p for p in parts if p.op == "mul" and uses[p] == 1 and all(e > 0 for e in p.data[1:])]
        joins = (
            len(parts) == 1 and products and any(fixed(b) for b in parts[0].args)
        )  # the number joins the product's constants
        own += abs(c) != 1 and not joins
        fused += len(products) if abs(c) == 1 or len(parts) > 1 else 0
        fused += abs(c) != 1
    return additions + own - min(fused, additions)


def _product(node: Term, fixed: Fixed, powers: set[tuple[Term, Number]]) -> float:
    outside = abs(node.data[0]) != 1 or any(fixed(b) for b in node.args)
    above = int(outside)
    below = 0
    total = 0.0
    for base, e in zip(node.args, node.data[1:], strict=True):
        if fixed(base):
            continue
        above, below = (above + 1, below) if e > 0 else (above, below + 1)
        for step in power_steps(abs(e)):
            if (base, step[0]) not in powers:
                powers.add((base, step[0]))
                total += CYCLES[step[1]]
    return total + max(above - 1, 0) + max(below - 1, 0) + (CYCLES["div"] if below else 0.0)
