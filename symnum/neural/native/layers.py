"""What a small network is to the native road: operations on arrays (batch, width), in the order they are computed.

    state     y                                 (batch, dim)
    dense     x W^T + b                         weights by their slots in ``parameters``
    map       g(t, x, ...), number by number    a term of the symbols T and X[0], X[1], ...
    join      (x, z, ...) side by side
    conv      a convolution along the last axis of (channels, length), which a row of the array holds channel by channel

Derivatives of a ``map`` by its operands and the time are terms too, of T, the operands and the value ``V`` (tanh' = 1 - V^2). Weights are no part
of this description, so one machine code serves all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod

from symnum.errors import TermError
from symnum.expr import network as formulas
from symnum.expr.build import exp
from symnum.expr.calculus import differentiate, substitute
from symnum.expr.term import ONE, ZERO, Symbol, Term

LANES = 8  # doubles of a vector
T, V = Symbol("t"), Symbol("v")
X = tuple(Symbol(f"x{k}") for k in range(4))
ACTIVATIONS = (*formulas.ACTIVATIONS, "identity")


def padded(width: int) -> int:
    """The width in whole vectors."""
    return -(-width // LANES) * LANES


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
    """``value`` at each number; operands of width 1 and width ``width`` are X[0], X[1], ...; ``partials``, one an operand, may hold V.

    ``by_time``: the derivative by T.
    """

    sources: tuple[int, ...]
    width: int
    value: Term
    partials: tuple[Term, ...]
    by_time: Term = ZERO


@dataclass(frozen=True)
class Join:
    """Columns side by side; their widths add up to ``width``."""

    sources: tuple[int, ...]
    width: int


@dataclass(frozen=True)
class Conv:
    """out[o, j] = bias[o] + sum_(c,k) W[o, c, k] x[c, k*dilation + j*stride] within each of ``groups``, x with its padding.

    ``width`` = outputs*result. ``before``, ``after``: for each number of the padding the place in x that it repeats, None for zero.
    """

    source: int
    width: int
    weight: int
    bias: int | None
    channels: int
    length: int
    outputs: int
    result: int
    taps: int
    stride: int = 1
    dilation: int = 1
    groups: int = 1
    before: tuple[int | None, ...] = ()
    after: tuple[int | None, ...] = ()

    @property
    def wide(self) -> int:
        """The length with its padding."""
        return len(self.before) + self.length + len(self.after)

    @property
    def scratch(self) -> tuple[int, ...]:
        """Numbers that a sample needs: the padded operand, columns, result, and adjoints of the first two; see ``convolution``."""
        rows, wide = self.channels // self.groups * self.taps, padded(self.channels * self.wide)
        columns = max(rows * padded(self.result), self.result * padded(rows))
        return wide, columns, self.outputs // self.groups * padded(self.result), wide, columns


Operation = Dense | Map | Join | Conv


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
    def widest(self) -> int:
        """The largest side of a matrix of weights."""
        sides = ((self.widths[o.source], o.width) for o in self.operations if isinstance(o, Dense))
        return max((max(pair) for pair in sides), default=1)

    @property
    def work(self) -> int:
        """Multiplications by weights, for a sample."""
        dense = sum(self.widths[o.source] * o.width for o in self.operations if isinstance(o, Dense))
        return dense + sum(o.width * o.taps * o.channels // o.groups for o in self.operations if isinstance(o, Conv))

    @property
    def parameter_count(self) -> int:
        return sum(map(prod, self.shapes))


def mapped(sources: tuple[int, ...], width: int, value: Term) -> Map:
    """A ``Map`` with its derivatives."""
    partials = tuple(differentiate(value, X[k]) for k in range(len(sources)))
    return Map(sources, width, value, partials, differentiate(value, T))


def activation(name: str, source: int, width: int, slope: float = 0.01) -> Map:
    """One of ``ACTIVATIONS`` of a value, as torch defines it (formulas: ``expr.network``). ``slope``: of leaky_relu below 0; elu's alpha."""
    if name not in ACTIVATIONS:
        raise TermError(f"there is no activation {name!r}; there are {', '.join(ACTIVATIONS)}")
    x = X[0]
    if name == "identity":
        return Map((source,), width, x, (ONE,))
    known = {formulas.X: x, formulas.S: 1 / (1 + exp(-x)), formulas.V: V}
    value, derivative = (substitute(term, known) for term in formulas.activation(name, slope))
    return Map((source,), width, value, (derivative,))
