"""What is known when a kernel is compiled: functions of a grid index alone, and the values of exponents.

::

    cos(1 + h*i)      ->   table(i)                            computed once and for all, one load in the loop
    u^(m - 1)         ->   where(m - 1 == 1, u, u^(m - 1))     for m = 2 now: compilers make two loops of it, one without pow
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from symnum.expr.ops import TABLE
from symnum.expr.term import Const, Symbol, Term, call, power, rebuild
from symnum.expr.walk import fold, postorder
from symnum.ir.kernel import index, table
from symnum.rewrite.check import evaluate
from symnum.rewrite.cost import CYCLES, operations

_DEAREST = 8.0  # cycles from which a function of the index is worth a load
_LONGEST = 4096  # points of an axis whose functions are kept in tables
_HIGHEST = 8  # exponents that are compared with their value now


def tabulate(root: Term, periods: tuple[int, ...], memo: dict[Term, Term]) -> Term:
    """Functions of one grid index and numbers as tables over the axis; what is below comparisons stays as it is written.

    ``memo``: node -> what became of it, shared between the terms of a kernel.
    """
    axes: dict[Term, frozenset[Any]] = {}

    def rule(node: Term, below: list[frozenset[Any]]) -> frozenset[Any]:
        if isinstance(node, Symbol):
            return frozenset([node.info if node.kind == "index" else node])
        return frozenset().union(*below) if below else frozenset()

    fold(root, rule, axes)
    stack = [root]
    while stack:
        node = stack[-1]
        if node in memo or not node.args or node.op == "table" or (node.op in TABLE and TABLE[node.op].boolean):
            memo.setdefault(node, node)
        elif (made := _table(node, axes[node], periods)) is not None:
            memo[node] = made
        elif waiting := [a for a in node.args if a not in memo]:
            stack.extend(waiting)
            continue
        else:
            args = tuple(memo[a] for a in node.args)
            memo[node] = node if args == node.args else rebuild(node, args)
        stack.pop()
    return memo[root]


def _table(node: Term, depends: frozenset[Any], periods: tuple[int, ...]) -> Term | None:
    """The values of a dear function of one index; None for others, and where a value is not finite."""
    if len(depends) != 1 or not isinstance(axis := next(iter(depends)), int) or periods[axis] > _LONGEST:
        return None
    if any(n.op == "table" for n in postorder((node,))):
        return None
    if sum(CYCLES[name] * n for name, n in operations([node]).items()) < _DEAREST:
        return None
    values = np.asarray(
        evaluate([node], {index(axis): np.arange(periods[axis], dtype=np.float64)})[0], dtype=np.float64
    )
    values = np.broadcast_to(values, (periods[axis],))
    return table(axis, 0, [float(v) for v in values]) if np.isfinite(values).all() else None


def versions_of_powers(root: Term, values: Mapping[Symbol, float], memo: dict[Term, Term], seen: list[str]) -> Term:
    """Powers whose exponent depends on parameters alone get a second form for the value that it has now, if whole or half.

    ``seen`` is given a line on each. Both forms are right: the comparison is made in the code, for whatever parameters it is called with.
    """

    def rule(node: Term, args: list[Term]) -> Term:
        new = node if all(a is b for a, b in zip(args, node.args, strict=True)) else rebuild(node, tuple(args))
        if new.op != "pow" or (value := _exponent(new.args[1], values)) is None:
            return new
        line = f"{new.args[1]} = {value}"
        if line not in seen:
            seen.append(line)
        return call("where", call("eq", new.args[1], Const(float(value))), power(new.args[0], Const(value)), new)

    return fold(root, rule, memo)


def _exponent(term: Term, values: Mapping[Symbol, float]) -> Fraction | int | None:
    """The value of an exponent, where it is a small multiple of one half."""
    at: dict[Term, Any] = {s: np.float64(v) for s, v in values.items()}
    if any(isinstance(n, Symbol) and n not in at for n in postorder((term,))):
        return None
    value = float(evaluate([term], at)[0])
    if not abs(value) <= _HIGHEST or (2 * value) % 1 or value == 0:
        return None
    return int(value) if value == int(value) else Fraction(value)
