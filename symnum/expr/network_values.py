"""The NumPy meaning of networks: the reference that machine code is tested against."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np

from symnum.expr.network import V, jet, own_shares, place_of, shape_of
from symnum.expr.ops import TABLE
from symnum.expr.term import Term
from symnum.expr.walk import fold


def network_value(data: tuple[int, ...], args: list[Any]) -> Any:
    """``network``: (x_1, ..., x_n, weights as a tuple) -> value. Arrays broadcast."""
    *inputs, numbers = args
    return _value(data, [np.asarray(x, dtype=float) for x in inputs], numbers)


def gradient_value(data: tuple[int, ...], args: list[Any]) -> Any:
    """``network_gradient``: (s, x_1, ..., x_n, weights, k) -> s times the derivative by variable k."""
    seed, *inputs, numbers, at = args
    at = np.asarray(at)
    made: Any = np.zeros(())
    for k in np.unique(at):
        shape = shape_of(data)
        places = tuple(sorted((*shape.places, place_of(int(k), len(inputs)))))
        made = np.where(at == k, seed * network_value(replace(shape, places=places).data, [*inputs, numbers]), made)
    return made


def _value(data: tuple[int, ...], inputs: list[Any], numbers: Any) -> Any:
    shape, subsets = shape_of(data), shape_of(data).subsets()
    box = np.broadcast_shapes(*(x.shape for x in inputs), *(np.shape(w) for w in numbers))
    full = np.array([np.broadcast_to(w, box) for w in numbers], dtype=float)
    zero = np.zeros((len(inputs), *box))
    values = {b: zero.copy() for b in subsets}
    for j, x in enumerate(inputs):
        values[()][j] = x
        if (j,) in values:
            values[(j,)][j] = 1.0
    made = jet(shape.activation, shape.places)
    for layer, (matrix, bias) in enumerate(shape.starts()):
        rows, columns = shape.sizes[layer + 1], shape.sizes[layer]
        w = full[matrix:bias].reshape(rows, columns, *box)
        sums = {b: (w * values[b]).sum(axis=1) for b in subsets}
        sums[()] = sums[()] + full[bias : bias + rows]
        for row in range(rows):
            for b in subsets:
                for factor, rest, column in own_shares(shape, layer, row, b):
                    sums[b][row] += factor * (values[rest][column] if column is not None else 1.0)
        if layer == len(shape.sizes) - 2:
            return sums[shape.places][shape.output]
        known = {made.arguments[b]: sums[b] for b in subsets}
        values = {b: _term_value(term, known) + 0 * sums[b] for b, term in [((), made.values[()])]}
        known[V] = values[()]
        values |= {b: _term_value(made.values[b], known) + 0 * sums[b] for b in subsets if b}
    raise AssertionError("a network has a last layer")


def _term_value(term: Term, known: dict[Any, Any]) -> Any:
    """A term of an activation on arrays."""

    def rule(node: Term, args: list[Any]) -> Any:
        if node in known:
            return known[node]
        match node.op:
            case "const":
                return float(node.data[0])
            case "add":
                return sum((float(c) * a for c, a in zip(node.data[1:], args, strict=True)), float(node.data[0]))
            case "mul":
                total = float(node.data[0])
                for a, e in zip(args, node.data[1:], strict=True):
                    total = total * (np.sqrt(a) ** float(2 * e) if isinstance(e, Fraction) else np.power(a, float(e)))
                return total
            case "pi":
                return np.pi
            case "erf":
                from scipy.special import erf

                return erf(args[0])
        return getattr(np, TABLE[node.op].numpy)(*args)

    with np.errstate(all="ignore"):
        return fold(term, rule)
