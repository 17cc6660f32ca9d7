"""A small network as a term of an equation.

    h_0 = inputs,     h_(l+1) = g(W_l h_l + b_l),     result = W_n h_n + b_n

Weights are parameters of the model like any other, called NAME_w0_2_1 (layer 0, output 2, input 1) and NAME_b0_2: ``parameters=`` sets them, a
gradient by parameters is one by weights, generated programs hold them. The term is one operator, whatever the widths (``expr.network``): machine
code loops over the units and takes many grid points at a time in vectors. ``write_out`` gives sums and products instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.errors import ModelError, TermError, did_you_mean
from symnum.expr import network as operator
from symnum.expr.network import ACTIVATIONS, without_networks
from symnum.expr.network_values import network_value
from symnum.expr.term import Symbol, Term, as_term
from symnum.expr.walk import postorder

Weights = list[tuple[NDArray[np.float64], NDArray[np.float64]]]  # (W (out, in), b (out,)) of each layer
MOST = 4000  # weights: each of them is a parameter of the model


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
        ModelError: a name that is none, numbers of units that do not fit, an unknown activation, more than 4000 weights, a seed that is no number.
    """
    _check(name, seed)
    terms = _inputs(inputs)
    sizes = _sizes(layers, len(terms))
    if activation not in ACTIVATIONS:
        raise ModelError(
            f"there is no activation {activation!r}.{did_you_mean(str(activation), ACTIVATIONS)} There are: {', '.join(ACTIVATIONS)}"
        )
    parts = [p for layer, row in enumerate(initial_weights(sizes, seed)) for p in _parameters(name, layer, *row)]
    block = operator.weights(parts)
    values = [operator.network(operator.Shape(activation, sizes, k), terms, block) for k in range(sizes[-1])]
    return values[0] if len(values) == 1 else tuple(values)


def write_out(term: Any) -> Term:
    """A term with the networks in it written out, as sums of products and functions of inputs and weights: to read it, or to take it elsewhere."""
    return without_networks(as_term(term))


@dataclass(frozen=True)
class NetworkTerm:
    """What a network in a term is.

    Attributes: ``name``; ``inputs``: terms; ``layers``: numbers of units; ``activation``; ``output``: which of the outputs; ``derivatives``: by
    which inputs it is differentiated, counted from 0.
    """

    name: str
    inputs: tuple[Term, ...]
    layers: tuple[int, ...]
    activation: str
    output: int
    derivatives: tuple[int, ...]

    def __call__(self, weights: Weights, *values: Any) -> Any:
        """The value for weights (see ``weights_of``) and values of the inputs, arrays that broadcast."""
        numbers = [x for w, b in weights for x in (*np.asarray(w).ravel(), *np.asarray(b))]
        data = operator.Shape(self.activation, self.layers, self.output, self.derivatives).data
        return network_value(data, [*values, numbers])


def networks_of(terms: Any) -> list[NetworkTerm]:
    """The networks in a term or a list of terms, each that has weights by names, in order of appearance."""
    given = [as_term(t) for t in (terms if isinstance(terms, (list, tuple)) else [terms])]
    found = []
    for node in postorder(given):
        if node.op == "network" and (first := node.args[-1].args[0]).op == "symbol":
            shape = operator.shape_of(node.data)
            name = first.name.partition("_w0_")[0]  # type: ignore[attr-defined]
            made = NetworkTerm(name, node.args[:-1], shape.sizes, shape.activation, shape.output, shape.places)
            found.append(made)
    return found


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


def _check(name: Any, seed: Any) -> None:
    if not (isinstance(name, str) and name.isidentifier()):
        raise ModelError(
            f'name={name!r} cannot begin the names of weights; write letters and digits, such as "f" or "k_1"'
        )
    if isinstance(seed, bool) or not isinstance(seed, Integral) or seed < 0:
        raise ModelError(f"seed={seed!r} is no whole number >= 0; write for example seed=1")


def _inputs(inputs: Any) -> list[Term]:
    if isinstance(inputs, Term):
        return [inputs]
    try:
        terms = [as_term(term) for term in inputs]
    except (TypeError, TermError):
        terms = []
    if not terms:
        raise ModelError(f"inputs={inputs!r} is no list of terms; write inputs=[u]")
    return terms


def _sizes(layers: Sequence[int], inputs: int) -> tuple[int, ...]:
    given = list(layers) if isinstance(layers, Iterable) else layers
    if not (isinstance(given, list) and len(given) > 1 and all(map(_is_count, given))):
        raise ModelError(f"layers={given!r} are no numbers of units; write for example layers=[{inputs}, 16, 1]")
    sizes = tuple(map(int, given))
    if sizes[0] != inputs:
        raise ModelError(
            f"layers={list(sizes)} begins with {sizes[0]}, but there are {inputs} inputs; write layers={[inputs, *sizes[1:]]}"
        )
    count = sum((a + 1) * b for a, b in pairwise(sizes))
    if count > MOST:
        raise ModelError(
            f"layers={list(sizes)} have {count} weights; a network in an equation has {MOST} at most: each is a parameter"
        )
    return sizes


def _is_count(n: Any) -> bool:
    return isinstance(n, (int, np.integer)) and not isinstance(n, bool) and int(n) >= 1


def _parameters(name: str, layer: int, matrix: Any, bias: Any) -> list[Symbol]:
    """W row by row, then b, a parameter for each number."""
    rows, columns = matrix.shape
    found = [_parameter(_weight(name, layer, i, j), matrix[i, j]) for i in range(rows) for j in range(columns)]
    return found + [_parameter(_bias(name, layer, i), bias[i]) for i in range(rows)]


def _parameter(name: str, value: float) -> Symbol:
    from symnum.model.field import parameter

    return parameter(name, float(value))


def _weight(name: str, layer: int, row: int, column: int) -> str:
    return f"{name}_w{layer}_{row}_{column}"


def _bias(name: str, layer: int, row: int) -> str:
    return f"{name}_b{layer}_{row}"
