"""Networks written out as sums of products and functions, for printers of languages that have no such operator."""

from __future__ import annotations

from dataclasses import replace

from symnum.expr.network import OPERATORS, without_networks
from symnum.expr.term import Const, Term, make_call
from symnum.expr.walk import postorder
from symnum.ir.kernel import Accumulate, Kernel, Loop, Statement, values


def write_networks_out(kernel: Kernel) -> Kernel:
    """The kernel without networks; itself where it has none. Code grows with the weights, and where gradients are taken with their square."""
    if all(node.op not in OPERATORS for node in postorder(values(kernel.body))):
        return kernel
    return kernel.with_body(_written(kernel.body))


def _written(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
    made: list[Statement] = []
    for s in body:
        if isinstance(s, Loop) and any(isinstance(a, Accumulate) and a.value.op == "network_gradient" for a in s.body):
            made += _one_by_one(s)
        elif isinstance(s, Loop):
            made.append(replace(s, body=_written(s.body)))
        else:
            made.append(replace(s, value=without_networks(s.value)))
    return tuple(made)


def _one_by_one(loop: Loop) -> list[Statement]:
    """A loop over the weights of a network as a statement for each of them."""
    made: list[Statement] = []
    for k in range(loop.start, loop.stop):
        body = []
        for s in loop.body:
            assert isinstance(s, Accumulate) and s.value.op == "network_gradient"
            body.append(replace(s, value=without_networks(_at(s.value, k))))
        made.append(Loop(loop.axis, k, k + 1, tuple(body)))
    return made


def _at(node: Term, k: int) -> Term:
    """What stands under the sum, for index k of the weights' axis."""
    number = node.args[-1]
    if number.op == "table":
        start, *order = number.data
        k = int(order[k - start])
    return make_call(node.op, (*node.args[:-1], Const(k)), node.data)
