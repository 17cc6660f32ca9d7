"""What a small network is to the native road: operations on arrays (batch, width), in the order they are computed.

    state     y                                 (batch, dim)
    dense     x W^T + b                         weights by their slots in ``parameters``
    map       g(t, x, ...), number by number    a term of the symbols T and X[0], X[1], ...
    join      (x, z, ...) side by side

The derivative of a ``map`` by each operand is a term too, of T, the operands and the value ``V`` (tanh' = 1 - V^2). Weights are no part of this
description, so one machine code serves all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

from symnum.errors import TermError
from symnum.expr.build import exp, log, maximum, sqrt, tanh, where
from symnum.expr.calculus import differentiate
from symnum.expr.term import ONE, Symbol, Term, as_term, call

T, V = Symbol("t"), Symbol("v")
X = tuple(Symbol(f"x{k}") for k in range(4))
ACTIVATIONS = ("tanh", "relu", "sigmoid", "softplus", "gelu", "silu", "elu", "leaky_relu", "identity")


@dataclass(frozen=True)
class Dense:
    """x W^T + b. ``weight``, ``bias``: slots; ``flipped``: the weights are kept as (in, out), as in ``x @ A``."""

    source: int
    width: int
    weight: int
    bias: int | None
    flipped: bool = False


@dataclass(frozen=True)
class Map:
    """``value`` at each number; operands of width 1 and width ``width`` are X[0], X[1], ...; ``partials`` may hold V."""

    sources: tuple[int, ...]
    width: int
    value: Term
    partials: tuple[Term, ...]


@dataclass(frozen=True)
class Join:
    """Columns side by side; their widths add up to ``width``."""

    sources: tuple[int, ...]
    width: int


Operation = Dense | Map | Join


@dataclass(frozen=True)
class Layers:
    """Operation k computes value k + 1; value 0 is the state (``dim`` wide); the last value is the result.

    ``shapes``: of the parameters, by slot.
    """

    dim: int
    operations: tuple[Operation, ...]
    shapes: tuple[tuple[int, ...], ...]

    @cached_property
    def widths(self) -> tuple[int, ...]:
        return (self.dim, *(o.width for o in self.operations))

    @property
    def parameter_count(self) -> int:
        return sum(map(prod, self.shapes))


def mapped(sources: tuple[int, ...], width: int, value: Term) -> Map:
    """A ``Map`` with its derivatives."""
    return Map(sources, width, value, tuple(differentiate(value, X[k]) for k in range(len(sources))))


def activation(name: str, source: int, width: int, slope: float = 0.01) -> Map:
    """One of ``ACTIVATIONS`` of a value, as torch defines it. ``slope``: of leaky_relu below 0; elu's alpha."""
    x = X[0]
    half = call("erf", x / sqrt(2)) / 2 + as_term(0.5)
    smooth = where(x > 20, x, maximum(x, 0) + log(1 + exp(-abs(x))))
    negative = slope * (exp(x) - 1)
    density = exp(-(x**2) / 2) / sqrt(2 * call("pi"))
    logistic = 1 / (1 + exp(-x))
    table: dict[str, tuple[Term, Term]] = {
        "tanh": (tanh(x), 1 - V**2),
        "relu": (maximum(x, 0), where(x > 0, 1, 0)),
        "sigmoid": (logistic, V * (1 - V)),
        "softplus": (smooth, where(x > 20, 1, logistic)),
        "gelu": (x * half, half + x * density),
        "silu": (x * logistic, logistic * (1 + x * (1 - logistic))),  # not 1 + x - V, which cancels for large x
        "elu": (where(x > 0, x, negative), where(x > 0, 1, V + slope)),
        "leaky_relu": (where(x > 0, x, slope * x), where(x > 0, 1, slope)),
        "identity": (x, ONE),
    }
    if name not in table:
        raise TermError(f"there is no activation {name!r}; there are {', '.join(table)}")
    value, derivative = table[name]
    return Map((source,), width, value, (as_term(derivative),))
