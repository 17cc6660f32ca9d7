"""Parts of terms put in for others, everything else as it stands.

Building a term merges sums inside sums and products inside products; ``walk.rebuild`` and ``calculus.substitute`` do so again. A part that a
rewriting shares between terms is interned as such a nested sum or product: what must keep it puts its parts in with ``replaced``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from symnum.expr.numbers import Number, unit
from symnum.expr.term import ONE, Term, make_call, rebuild
from symnum.expr.walk import fold


def replaced(terms: Sequence[Term], values: Mapping[Term, Term]) -> list[Term]:
    """The terms with parts put in for others; what is shared stays apart, nothing is merged."""
    memo: dict[Term, Term] = dict(values)
    return [fold(t, same_node, memo) for t in terms]


def same_node(node: Term, args: list[Term]) -> Term:
    """The node with its arguments replaced, as it stands: what is inside is not merged."""
    if all(a is b for a, b in zip(args, node.args, strict=True)):
        return node
    if node.op == "add":
        return plain_sum(list(zip(args, node.data[1:], strict=True)), node.data[0])
    if node.op == "mul":
        return plain_product(list(zip(args, node.data[1:], strict=True)), node.data[0])
    return rebuild(node, tuple(args))


def plain_sum(parts: Sequence[tuple[Term, Number]], constant: Number = 0) -> Term:
    """The sum as it stands; a number among the parts is its constant."""
    constant = constant + sum(c for t, c in parts if t is ONE)
    parts = [row for row in parts if row[0] is not ONE]
    if len(parts) == 1 and constant == 0:
        term, c = parts[0]
        return term if c == 1 else make_call("mul", (term,), (unit(c), 1))
    rows = sorted(parts, key=lambda row: row[0].digest)
    return make_call("add", tuple(t for t, _ in rows), (constant, *(unit(c) for _, c in rows)))


def plain_product(parts: Sequence[tuple[Term, Number]], coefficient: Number = 1) -> Term:
    """The product as it stands; a number among the parts joins the coefficient."""
    for base, e in parts:
        if base.op == "const" and e == 1:
            coefficient = coefficient * base.data[0]
    rows = sorted((row for row in parts if row[0].op != "const" or row[1] != 1), key=lambda row: row[0].digest)
    if coefficient == 1 and len(rows) == 1 and rows[0][1] == 1:
        return rows[0][0]
    return make_call("mul", tuple(b for b, _ in rows), (coefficient, *(e for _, e in rows)))
