"""Derivatives of a weighted sum of terms by all their symbols, in one sweep from the roots down.

    L = sum_r seed_r * root_r,     adjoint(node) = sum over the places that use it of adjoint(place) * d(place)/d(node)

Each node is visited once, so the gradient by thousands of symbols costs a few times the terms themselves; ``gradient``, which sweeps upwards, carries
a table of symbols along and is the one for stencils of few symbols. (Reverse accumulation: Griewank and Walther, *Evaluating Derivatives*, SIAM
2008, section 3.2.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from symnum.expr.calculus import partials
from symnum.expr.network import derived
from symnum.expr.term import ZERO, Symbol, Term, add, call, mul, power_product, scale
from symnum.expr.walk import fold, postorder

Adjoints = dict[Symbol, Term]
ByWeights = Callable[[Term, Term, list[int]], list[Term] | None]


def adjoints(
    seeds: Iterable[tuple[Term, Term]],
    wanted: Callable[[Symbol], bool],
    by_weights: ByWeights | None = None,
) -> Adjoints:
    """Symbol -> dL/dsymbol for L = sum of root*seed over the pairs (root, seed), for the ``wanted`` symbols that L depends on.

    Seeds count as constants. ``by_weights(node, weight, inputs)`` may take over what a network gives to all its weights, and gives what those of
    its inputs receive; else (None) each weight gets a term of its own. A branch of ``where`` that is not taken gives nothing, be its derivative
    infinite or not a number.
    """
    incoming: dict[Term, list[Term]] = {}
    for root, seed in seeds:
        incoming.setdefault(root, []).append(seed)
    depends: dict[Term, bool] = {}
    for root in incoming:
        fold(root, lambda node, below: wanted(node) if isinstance(node, Symbol) else any(below), depends)
    found: dict[Symbol, list[Term]] = {}
    for node in reversed(list(postorder(incoming))):
        if node not in incoming or not depends[node]:
            continue
        weight = add(incoming.pop(node))
        if weight is ZERO:
            continue
        if isinstance(node, Symbol):
            found.setdefault(node, []).append(weight)
        elif node.op == "where":
            for symbol, part in _branches(node, weight, wanted, by_weights).items():
                found.setdefault(symbol, []).append(part)
        else:
            for argument, part in _passed_on(node, weight, depends, by_weights):
                incoming.setdefault(argument, []).append(part)
    sums = {symbol: add(parts) for symbol, parts in found.items()}
    return {symbol: total for symbol, total in sums.items() if total is not ZERO}


def _passed_on(
    node: Term, weight: Term, depends: dict[Term, bool], by_weights: ByWeights | None
) -> Iterator[tuple[Term, Term]]:
    """What each argument of a node receives."""
    if node.op == "add":
        for argument, c in zip(node.args, node.data[1:], strict=True):
            if depends[argument]:
                yield argument, scale(weight, c)
    elif node.op == "mul":
        powers = dict(zip(node.args, node.data[1:], strict=True))
        for argument, e in powers.items():
            if depends[argument]:
                yield argument, mul((weight, power_product({**powers, argument: e - 1}, node.data[0] * e)))
    elif node.op == "network":
        yield from _into_network(node, weight, depends, by_weights)
    elif node.op == "pow":
        base, exponent = node.args
        by_base, by_exponent = partials(node)
        if depends[base]:
            yield base, mul((weight, by_base))
        if depends[exponent]:  # 0^b does not change with b > 0, but log(0)*0 is not a number
            yield exponent, call("where", base > 0, mul((weight, by_exponent)), ZERO)
    else:
        for argument, partial in zip(node.args, partials(node), strict=True):
            if depends[argument]:
                yield argument, mul((weight, partial))


def _into_network(
    node: Term, weight: Term, depends: dict[Term, bool], by_weights: ByWeights | None
) -> Iterator[tuple[Term, Term]]:
    """What inputs and weights of a network receive; the block of weights itself receives nothing."""
    *inputs, block = node.args
    wanted = [k for k, argument in enumerate(inputs) if depends[argument]]
    taken = by_weights(node, weight, wanted) if by_weights is not None and depends[block] else None
    parts = taken if taken is not None else [mul((weight, derived(node, k))) for k in wanted]
    yield from ((inputs[k], part) for k, part in zip(wanted, parts, strict=True))
    if depends[block] and taken is None:
        for k, argument in enumerate(block.args):
            if depends[argument]:
                yield argument, mul((weight, derived(node, len(inputs) + k)))


def _branches(
    node: Term,
    weight: Term,
    wanted: Callable[[Symbol], bool],
    by_weights: ByWeights | None,
) -> Adjoints:
    """where(c, a, b): the choice stays outside, for 0 times the derivative of the other branch may not be 0."""
    condition, *values = node.args
    takers = (_inside(condition, first, by_weights) for first in (True, False))
    yes, no = (adjoints([(value, weight)], wanted, take) for value, take in zip(values, takers, strict=True))
    return {s: call("where", condition, yes.get(s, ZERO), no.get(s, ZERO)) for s in {**yes, **no}}


def _inside(condition: Term, first: bool, by_weights: ByWeights | None) -> ByWeights | None:
    """``by_weights`` for what stands in a branch."""
    if by_weights is None:
        return None

    def take(node: Term, weight: Term, inputs: list[int]) -> list[Term] | None:
        return by_weights(node, call("where", condition, *((weight, ZERO) if first else (ZERO, weight))), inputs)

    return take
