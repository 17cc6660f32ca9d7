"""A small network as a term of an equation.

    h_0 = inputs,     h_(l+1) = g(W_l h_l + b_l),     result = W_n h_n + b_n

Weights are parameters of the model like any other, called NAME_w0_2_1 (layer 0, output 2, input 1) and NAME_b0_2: ``parameters=`` sets them, a
gradient by parameters is one by weights, generated programs hold them. The term is written out, one summand a hidden unit, and evaluated for many
grid points at a time in vectors; code grows with the number of weights, so a dozen units a layer are what this is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import ModelError, TermError, did_you_mean
from symnum.expr.calculus import substitute
from symnum.expr.term import Symbol, Term, add, as_term, mul
from symnum.neural.native import layers as functions
from symnum.neural.native.layers import ACTIVATIONS, X

Weights = list[tuple[NDArray[np.float64], NDArray[np.float64]]]  # (W (out, in), b (out,)) of each layer
MOST = 4000  # weights up to which code is written out


def network(
    name: str, inputs: Any, layers: Sequence[int], activation: str = "tanh", seed: int = 0
) -> Term | tuple[Term, ...]:
    """A network as a term, to be used in equations, conditions and fluxes: ``sn.div(k*sn.grad(u))``.

    Args:
        name: its parameters begin with it.
        inputs: terms, as many as ``layers[0]``; one term needs no list.
        layers: numbers of units from inputs to outputs, such as [1, 16, 1].
        activation: "tanh", "relu", "softplus", "gelu", "silu", "sigmoid", "elu" or "leaky_relu", after all layers but the last.
        seed: of the weights that the parameters begin with: uniform between -1/sqrt(inputs) and 1/sqrt(inputs) of each layer, as torch draws them.

    Returns:
        The output; with several outputs a tuple of them.

    Raises:
        ModelError: numbers of units that do not fit, an unknown activation, more than 4000 weights.
    """
    terms = _inputs(inputs)
    sizes = _sizes(layers, len(terms))
    if activation not in ACTIVATIONS:
        raise ModelError(
            f"there is no activation {activation!r}.{did_you_mean(activation, ACTIVATIONS)} There are: {', '.join(ACTIVATIONS)}"
        )
    value = functions.activation(activation, 0, 1, 1.0 if activation == "elu" else 0.01).value
    values = terms
    for layer, (matrix, bias) in enumerate(initial_weights(sizes, seed)):
        sums = _dense(name, layer, matrix, bias, values)
        last = layer == len(sizes) - 2
        values = sums if last else [substitute(value, {X[0]: s}) for s in sums]
    return values[0] if len(values) == 1 else tuple(values)


def initial_weights(layers: Sequence[int], seed: int = 0) -> Weights:
    """What the parameters of a network begin with: (W (out, in), b (out,)) of each layer."""
    rng = np.random.default_rng(seed)
    made = []
    for inputs, outputs in pairwise(layers):
        bound = 1 / np.sqrt(inputs)
        made.append((rng.uniform(-bound, bound, (outputs, inputs)), rng.uniform(-bound, bound, outputs)))
    return made


def parameter_values(name: str, weights: Iterable[tuple[Any, Any]]) -> dict[str, float]:
    """Weights as ``parameters=`` takes them.

    Args: weights: (W (out, in), b (out,)) of each layer; arrays or tensors.
    """
    found: dict[str, float] = {}
    for layer, (matrix, bias) in enumerate(weights):
        w, b = (np.asarray(getattr(a, "detach", lambda a=a: a)(), dtype=np.float64) for a in (matrix, bias))
        found |= {_weight(name, layer, i, j): float(w[i, j]) for i, j in np.ndindex(w.shape)}
        found |= {_bias(name, layer, i): float(b[i]) for i in range(len(b))}
    return found


def weights_of(name: str, layers: Sequence[int], values: Mapping[str, float]) -> Weights:
    """The weights of a network from values of parameters by name: the inverse of ``parameter_values``.

    Raises ModelError where one is missing.
    """
    try:
        return [
            (
                np.array([[values[_weight(name, k, i, j)] for j in range(inputs)] for i in range(outputs)]),
                np.array([values[_bias(name, k, i)] for i in range(outputs)]),
            )
            for k, (inputs, outputs) in enumerate(pairwise(layers))
        ]
    except KeyError as error:
        raise ModelError(
            f"{error.args[0]} is missing: these are no values of a network {name!r} with layers={list(layers)}"
        ) from None


def _inputs(inputs: Any) -> list[Term]:
    if isinstance(inputs, Term):
        return [inputs]
    try:
        return [as_term(term) for term in inputs]
    except (TypeError, TermError):
        raise ModelError(f"inputs={inputs!r} is no list of terms; write inputs=[u]") from None


def _sizes(layers: Sequence[int], inputs: int) -> tuple[int, ...]:
    sizes = tuple(layers)
    if len(sizes) < 2 or any(isinstance(n, bool) or not isinstance(n, int) or n < 1 for n in sizes):
        raise ModelError(f"layers={list(sizes)} are no numbers of units; write for example layers=[{inputs}, 16, 1]")
    if sizes[0] != inputs:
        raise ModelError(
            f"layers={list(sizes)} begins with {sizes[0]}, but there are {inputs} inputs; write layers={[inputs, *sizes[1:]]}"
        )
    count = sum((a + 1) * b for a, b in pairwise(sizes))
    if count > MOST:
        raise ModelError(
            f"layers={list(sizes)} have {count} weights; a network in an equation is written out and has {MOST} at most"
        )
    return sizes


def _dense(name: str, layer: int, matrix: Any, bias: Any, values: Sequence[Term]) -> list[Term]:
    """W h + b with a parameter for each number."""
    return [
        add(
            [
                _parameter(_bias(name, layer, i), bias[i]),
                *(mul((_parameter(_weight(name, layer, i, j), matrix[i, j]), h)) for j, h in enumerate(values)),
            ]
        )
        for i in range(len(matrix))
    ]


def _parameter(name: str, value: float) -> Symbol:
    from symnum.model.field import parameter

    return parameter(name, float(value))


def _weight(name: str, layer: int, row: int, column: int) -> str:
    return f"{name}_w{layer}_{row}_{column}"


def _bias(name: str, layer: int, row: int) -> str:
    return f"{name}_b{layer}_{row}"
