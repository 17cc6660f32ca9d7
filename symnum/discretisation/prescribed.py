"""What the conditions of a face say about derivatives along the face.

Conditions that prescribe a field or one of its normal derivatives along the whole side, ``node = g(t, y)``, also say what the derivatives
of that node along the side are: ``d^m node/dy^m = d^m g/dy^m``. Everything else that is differentiated along a side couples its points.
"""

from __future__ import annotations

from symnum.expr.calculus import derivative, linear_coefficients
from symnum.expr.term import MINUS_ONE, Symbol, Term, mul, power, scale
from symnum.expr.walk import postorder, symbols, transform


def put_in_known(residuals: list[Term], normal: str) -> list[Term]:
    """The conditions ``residual = 0`` of a face with derivatives along the face replaced where another condition gives them.

    ``normal``: name of the coordinate across the face.
    """
    known = dict(found for found in (_prescribed(r, normal) for r in residuals) if found is not None)

    def rule(node: Term) -> Term | None:
        if node.op != "derivative" or not isinstance(node.args[0], Symbol):
            return None
        orders = dict(zip(node.args[1:], node.data, strict=True))
        along = {c: n for c, n in orders.items() if c.name != normal}  # type: ignore[attr-defined]
        across = sum(n for c, n in orders.items() if c not in along)
        value = known.get((node.args[0], across))
        return derivative(value, along) if along and value is not None else None  # type: ignore[arg-type]

    return [transform(r, rule) for r in residuals]


def _prescribed(residual: Term, normal: str) -> tuple[tuple[Term, int], Term] | None:
    """((field, order of its normal derivative), value) of a condition with that one node and no other field in it."""
    nodes = [n for n in postorder((residual,)) if n.op == "derivative"]
    fields = symbols(residual, "field")
    if len(fields) != 1 or len(nodes) > 1:
        return None
    node = nodes[0] if nodes else fields[0]
    if nodes and (node.args[0] is not fields[0] or [c.name for c in node.args[1:]] != [normal]):  # type: ignore[attr-defined]
        return None
    split = linear_coefficients(residual, [node])
    if split is None or node not in split[0] or fields[0] in symbols((*split[0].values(), split[1]), "field"):
        return None
    value = scale(mul((split[1], power(split[0][node], MINUS_ONE))), -1)
    return (fields[0], node.data[0] if nodes else 0), value
