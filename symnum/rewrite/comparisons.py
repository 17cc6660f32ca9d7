"""Comparisons of what is not defined everywhere: their truth may be reached through an infinity, so they stay as they are written.

::

    where(1/z > b, c, d)      has a value at z = 0 too; where(1 > b*z, c, d) has another one there, and for all z < 0
"""

from __future__ import annotations

from collections.abc import Sequence

from symnum.expr.ops import TABLE
from symnum.expr.term import Term
from symnum.expr.walk import postorder
from symnum.rewrite.assumptions import DEFINED, Assumptions
from symnum.rewrite.egraph import EGraph

_COMPARISONS = frozenset({"lt", "le", "gt", "ge", "eq", "ne"})


def doubtful_comparisons(terms: Sequence[Term], assume: Sequence[Term] = ()) -> list[Term]:
    """The comparisons below the terms whose operands are not seen to have a value wherever their symbols have one, under the assumptions."""
    found = [n for n in postorder(terms) if n.op in _COMPARISONS]
    partial = [n for n in found if any(_may_be_undefined(inner) for inner in postorder(n.args))]
    if not partial:
        return []
    doubtful = []
    for node in partial:
        graph = EGraph(Assumptions(assume))
        if not all(graph[graph.add(operand)].facts & DEFINED for operand in node.args):
            doubtful.append(node)
    return doubtful


def _may_be_undefined(node: Term) -> bool:
    if node.op == "mul":
        return any(e < 0 or type(e) is not int for e in node.data[1:])
    return node.op in ("log", "pow") or (node.op in TABLE and bool(TABLE[node.op].domain))
