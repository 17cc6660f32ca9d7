"""Another term in place of one in a system: a formula where a network stood."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from symnum.errors import ModelError
from symnum.expr.calculus import derivative, differentiate
from symnum.expr.integral import integral
from symnum.expr.network import shape_of
from symnum.expr.numbers import quotient
from symnum.expr.term import Term, add, as_term, rebuild, scale
from symnum.expr.walk import fold, symbols
from symnum.model.conditions import FaceCondition
from symnum.model.equation import Eq
from symnum.model.system import PDESystem


def replaced(system: PDESystem, old: Any, new: Any) -> PDESystem:
    """The system with ``new`` wherever its equations hold ``old``; parameters that nothing holds any more are left out.

    A sum inside a sum is not written as one node, so summands of ``old`` that stand together, all with the same factor, count as well. Where
    ``old`` is a network, its derivatives by its inputs become those of ``new``.

    Raises ModelError where the equations do not hold ``old``, or a derivative of it by something else than a variable.
    """
    before, after = as_term(old), as_term(new)

    def turned(equation: Eq) -> Eq:
        return Eq(*(_replaced(side, before, after) for side in (equation.lhs, equation.rhs)))

    equations = [turned(e) for e in system.equations]
    conditions = [
        replace(c, equation=turned(c.equation)) if isinstance(c, FaceCondition) else c for c in system.conditions
    ]
    rows = [*equations, *(c.equation for c in conditions if isinstance(c, FaceCondition))]
    was = [*system.equations, *(c.equation for c in system.conditions if isinstance(c, FaceCondition))]
    if all(a.lhs is b.lhs and a.rhs is b.rhs for a, b in zip(rows, was, strict=True)):
        raise ModelError(
            f"the equations do not hold {str(before)[:80]} as it stands (products are not multiplied out); "
            "make the system again with the formula in its place"
        )
    terms = [side for e in rows for side in (e.lhs, e.rhs)] + [
        v for v in system.initial.values() if isinstance(v, Term)
    ]
    held = {s.name for s in symbols(terms, "parameter")}
    gone = {s.name for s in symbols(before, "parameter")} - held
    values = {system.parameter_symbols[n]: v for n, v in system.parameters.items() if n not in gone}
    return system.replace(equations=equations, conditions=conditions, parameters=values)


def _replaced(term: Term, old: Term, new: Term) -> Term:
    def step(node: Term, args: list[Term]) -> Term:
        if node is old:
            return new
        if node.op == "network" and old.op == "network" and node.args == old.args:
            further = _further(node, old)
            if further is not None:
                return _derived(new, further, old.args[:-1], node)
        if node.op == "add" and old.op == "add":
            share = _share(node, old)
            if share is not None:
                left = zip(node.args, node.data[1:], strict=True)
                rest = [scale(_replaced(t, old, new), c) for t, c in left if t not in old.args]
                return add([as_term(node.data[0] - share * old.data[0]), *rest, scale(new, share)])
        if all(a is b for a, b in zip(args, node.args, strict=True)):
            return node
        if node.op == "derivative":
            return derivative(args[0], dict(zip(args[1:], node.data, strict=True)))  # type: ignore[arg-type]
        if node.op == "integral":
            return integral(*args)
        return rebuild(node, tuple(args))

    return fold(term, step)


def _further(node: Term, old: Term) -> list[int] | None:
    """By which variables a network is differentiated beyond ``old``; None where it is no derivative of it."""
    a, b = shape_of(node.data), shape_of(old.data)
    if (a.activation, a.sizes, a.output) != (b.activation, b.sizes, b.output) or Counter(b.places) - Counter(a.places):
        return None
    return list((Counter(a.places) - Counter(b.places)).elements())


def _derived(new: Term, by: list[int], inputs: tuple[Term, ...], node: Term) -> Term:
    """The derivative of the new term by inputs, whose numbers are given."""
    for k in by:
        if k >= len(inputs) or inputs[k].op not in ("symbol", "derivative") or inputs.count(inputs[k]) > 1:
            raise ModelError(
                f"the equations hold {node}, a derivative that the formula in its place does not have; make the system again with the formula"
            )
        new = differentiate(new, inputs[k])
    return new


def _share(node: Term, part: Term) -> Any:
    """c where ``node`` = c*part + something else, summand by summand; else None."""
    held = dict(zip(node.args, node.data[1:], strict=True))
    wanted = dict(zip(part.args, part.data[1:], strict=True))
    if not all(t in held for t in wanted):
        return None
    shares = {quotient(held[t], c) for t, c in wanted.items()}
    return shares.pop() if len(shares) == 1 else None
