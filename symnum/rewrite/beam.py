"""Where saturation looks: the e-nodes that a cheap result could be made of.

An e-graph grows fastest where it is least useful: ever longer forms of the same sum. So every class gets the cost of its cheapest tree, and an
e-node is followed only if, as a tree, it costs little more than the best of its class, or if it is cheap given what the best trees of the
roots compute anyway.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from symnum.rewrite.cost import Costs
from symnum.rewrite.egraph import EGraph, Node

FACTOR, EXTRA = 1.4, 4.0  # an e-node may cost this times the best of its class, plus this many additions


@dataclass
class Beam:
    """``cost``: class -> cheapest tree; ``used``: classes of the cheapest trees of the roots; ``total``: what these cost, each
    once; ``reached``: class -> e-nodes worth a look."""

    cost: dict[int, float]
    used: set[int]
    total: float
    reached: dict[int, list[Node]]


def beam(graph: EGraph, roots: Sequence[int], costs: Costs) -> Beam:
    """The e-nodes worth a look from the roots."""
    cost, best = cheapest(graph, costs)
    roots = [graph.find(r) for r in roots]
    used: set[int] = set()
    stack = list(roots)
    while stack:
        i = stack.pop()
        if i not in used:
            used.add(i)
            if i in best:
                stack += [graph.find(c) for c in best[i][2]]
    given, _ = cheapest(graph, costs, used)
    extra = EXTRA * costs.table["add"]
    reached: dict[int, list[Node]] = {}
    stack = list(roots)
    while stack:
        i = stack.pop()
        if i in reached:
            continue
        kept = reached[i] = []
        limit = FACTOR * cost.get(i, 0.0) + extra
        for node in graph.classes[i].nodes:
            children = [graph.find(c) for c in node[2]]
            own = _price(node, costs)
            alone = own + sum([cost.get(c, float("inf")) for c in children])
            besides = own + sum([given.get(c, float("inf")) for c in children])
            if alone <= limit or besides <= extra or besides <= 0.5 * cost.get(i, 0.0):
                kept.append(node)
                stack += children
    total = sum(_price(best[i], costs) for i in used if i in best)
    return Beam(cost, used, total, reached)


def cheapest(graph: EGraph, costs: Costs, free: Iterable[int] = ()) -> tuple[dict[int, float], dict[int, Node]]:
    """The cost of the cheapest tree of each class, and the e-node at its root; ``free`` classes cost nothing."""
    cost: dict[int, float] = dict.fromkeys(free, 0.0)
    best: dict[int, Node] = {}
    rows: list[tuple[int, Node, float, list[int]]] = []
    for i, k in graph.classes.items():
        if k.const is not None:
            cost[i] = 0.0
            continue
        rows += [(i, node, _price(node, costs) + 1e-9, [graph.find(c) for c in node[2]]) for node in k.nodes]
    changed = True
    while changed:
        changed = False
        for i, node, price, children in rows:
            total = price
            for c in children:
                part = cost.get(c)
                if part is None:
                    break
                total += part
            else:
                if total < cost.get(i, float("inf")):
                    cost[i], best[i] = total, node
                    changed = True
    return cost, best


def _price(node: Node, costs: Costs) -> float:
    op, data, _ = node
    if op in ("symbol", "const", "truth"):
        return 0.0
    return costs.price(op, (1, *data)) if op == "mul" else costs.price(op, data if op == "add" else ())
