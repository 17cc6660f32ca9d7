"""What an e-graph holds, for people: a listing of its classes, and a graph for Graphviz."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from symnum.rewrite.beam import cheapest
from symnum.rewrite.cost import Costs
from symnum.rewrite.egraph import EGraph, Node


class Row(NamedTuple):
    """One e-class: its number, the cost of its cheapest tree, and its e-nodes as text, children as ``#number``."""

    number: int
    cost: float
    forms: tuple[str, ...]


def listing(graph: EGraph, costs: Costs) -> list[Row]:
    """All classes, in order of their numbers."""
    cost, _ = cheapest(graph, costs)
    return [
        Row(i, round(cost.get(i, float("inf")), 6), tuple(_text(graph, node) for node in k.nodes))
        for i, k in sorted(graph.classes.items())
    ]


def dot(graph: EGraph, roots: Sequence[int] = ()) -> str:
    """The graph in the DOT language: a box for each class, its e-nodes inside, an arrow from each e-node to the classes it uses; roots are bold."""
    bold = {graph.find(r) for r in roots}
    lines = ["digraph egraph {", "  compound=true; node [shape=box, style=rounded, fontname=monospace];"]
    first = {i: f"n{i}_0" for i in graph.classes}
    for i, k in sorted(graph.classes.items()):
        style = "bold" if i in bold else "dashed"
        lines.append(f'  subgraph cluster_{i} {{ style={style}; label="#{i}";')
        for n, node in enumerate(k.nodes):
            text = _text(graph, node).replace("\\", "\\\\").replace('"', '\\"')
            lines.append(f'    n{i}_{n} [label="{text}"];')
        lines.append("  }")
    for i, k in sorted(graph.classes.items()):
        for n, node in enumerate(k.nodes):
            lines += [f"  n{i}_{n} -> {first[c]} [lhead=cluster_{c}];" for c in dict.fromkeys(map(graph.find, node[2]))]
    return "\n".join([*lines, "}"])


def _text(graph: EGraph, node: Node) -> str:
    """An e-node as mathematics."""
    op, data, children = node
    parts = [f"#{graph.find(c)}" for c in children]
    if op in ("symbol", "const", "truth"):
        return str(data[0])
    if op == "add":
        summands = [p if c == 1 else f"{c}*{p}" for p, c in zip(parts, data[1:], strict=True)]
        return " + ".join(([str(data[0])] if data[0] != 0 else []) + summands)
    if op == "mul":
        return "*".join(p if e == 1 else f"{p}^({e})" for p, e in zip(parts, data, strict=True))
    return f"{op}({', '.join(parts)})"
