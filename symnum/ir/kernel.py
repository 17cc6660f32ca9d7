"""What a kernel is: loops over index ranges, temporaries, and stores of terms whose leaves are loads.

::

    Kernel rhs(t; y; p) -> dydt
      Loop axis 0, i0 = 1 ... n0-1
        Loop axis 1, i1 = 1 ... n1-1
          Let  s := u[+0,-1] + u[+0,+1] + ...
          Store u := alpha*s - ...

An index is a **grid index**: the number of the grid point along an axis. An array covers a box of grid points that starts at its
``origin`` (points eliminated by boundary conditions are not stored) and lies at ``offset`` in one flat vector. A load reads an array
at the current grid indices plus ``offsets``; along an axis marked in ``wrap`` the index is taken modulo the period, along an axis marked in
``fixed`` the entry of ``offsets`` is the grid index itself, whatever the loop's. A ``table`` is a number that depends on one grid index.
Scalars of a system (ODE states) are arrays of shape ``()``.

``locals`` are scratch arrays: ``Accumulate`` sums into them (whole-domain integrals), or ``Store`` keeps in them what many points read;
later statements load them by name. ``constants`` are numbers that belong to the kernel, read by loads as inputs are.

Several inputs, several local arrays and several arrays of one vector of constants may be views of the same memory (other axes, every third value,
backwards); outputs never overlap one another nor an input.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from math import prod

import numpy as np

from symnum.expr.laurent import Laurent
from symnum.expr.term import Const, Symbol, Term, make_call
from symnum.expr.walk import symbols


@dataclass(frozen=True)
class Array:
    """A box of values inside a flat vector, the first at position ``offset``.

    ``axes``: which grid axes its dimensions run along, ascending (``()`` for a scalar); ``origin``: grid index of its first value along each;
    ``field``: the name users know it by; ``steps``: how far apart neighbours along each dimension lie, in values (None: row-major).
    """

    name: str
    shape: tuple[int, ...]
    offset: int
    axes: tuple[int, ...]
    origin: tuple[int, ...]
    field: str
    steps: tuple[int, ...] | None = None

    @property
    def size(self) -> int:
        """The number of its values."""
        return prod(self.shape)

    @property
    def strides(self) -> tuple[int, ...]:
        """In values, not bytes."""
        if self.steps is not None:
            return self.steps
        return tuple(prod(self.shape[k + 1 :]) for k in range(len(self.shape)))

    @property
    def contiguous(self) -> bool:
        """True where the values lie row-major without gaps."""
        return self.steps is None or self.steps == replace(self, steps=None).strides

    @property
    def span(self) -> tuple[int, int]:
        """The positions ``begin ... end - 1`` of the vector among which its values lie."""
        if not self.size:
            return self.offset, self.offset
        ends = [(n - 1) * step for n, step in zip(self.shape, self.strides, strict=True)]
        return self.offset + sum(min(0, e) for e in ends), self.offset + sum(max(0, e) for e in ends) + 1

    def view(self, vector: np.ndarray) -> np.ndarray:
        """The values in a flat vector, of shape ``shape``; writing to it writes to the vector."""
        if self.contiguous:
            return vector[self.offset : self.offset + self.size].reshape(self.shape)
        width = vector.itemsize
        steps = [step * width for step in self.strides]
        return np.lib.stride_tricks.as_strided(vector[self.offset :], self.shape, steps)


@dataclass(frozen=True, eq=False)
class Constant:
    """Data that a kernel reads: ``values``, a flat vector that is never written, seen as ``array`` (whose offset counts in it).

    Several constants may share one vector. Generated code is given the vector's address, so it does not grow with it.
    """

    array: Array
    values: np.ndarray


@dataclass(frozen=True)
class LoadInfo:
    """``offsets``, ``wrap`` and ``fixed`` have one entry for each axis of the array."""

    array: str
    offsets: tuple[int, ...]
    wrap: tuple[bool, ...]
    fixed: tuple[bool, ...]


def load(
    array: str, offsets: tuple[int, ...], wrap: tuple[bool, ...] | None = None, fixed: tuple[bool, ...] | None = None
) -> Symbol:
    """The value of an array at the current point plus offsets; along ``fixed`` axes at the grid index that the offset gives."""
    wrap, fixed = wrap or (False,) * len(offsets), fixed or (False,) * len(offsets)
    parts = (f"{o}" if f else f"{o:+d}" for o, f in zip(offsets, fixed, strict=True))
    name = f"{array}[{','.join(parts)}]" if offsets else array
    return Symbol(name, "load", LoadInfo(array, offsets, wrap, fixed))


def table(axis: int, start: int, values: Sequence[float]) -> Term:
    """values[i - start] at grid index i of an axis (a loop over that axis stays inside); a number where all values are equal.

    The shells of stencils near closed sides read their weights this way. The term is ``Call("table", (index,), (start, *values))``.
    """
    numbers = tuple(v if isinstance(v, Laurent) else float(v) for v in values)
    if len(set(numbers)) == 1:
        return Const(numbers[0])
    return make_call("table", (index(axis),), (start, *numbers))


def index(axis: int) -> Symbol:
    """The current grid index along an axis, as a number."""
    return Symbol(f"i{axis}", "index", axis)


@dataclass(frozen=True)
class Let:
    """``symbol`` (kind "temporary") stands for ``value`` from here to the end of the enclosing body."""

    symbol: Symbol
    value: Term


@dataclass(frozen=True)
class Store:
    """Put ``value`` into the output or local array at the current point. ``origin`` says which equation it came from."""

    array: str
    value: Term
    origin: str = ""


@dataclass(frozen=True)
class Loop:
    """``body`` for every grid index ``start <= i < stop`` along ``axis``."""

    axis: int
    start: int
    stop: int
    body: tuple[Statement, ...]


@dataclass(frozen=True)
class Accumulate:
    """Add ``value`` to the local array at the current point, once for every point of the loops around (its own axes and those summed over).

    ``operation``: "add", "mul", "maximum" or "minimum", with which values are taken together; one and the same for all of an array.
    """

    array: str
    value: Term
    origin: str = ""
    operation: str = "add"


#: What a local array holds before the first value of an operation.
STARTS = {"add": 0.0, "mul": 1.0, "maximum": float("-inf"), "minimum": float("inf")}


Statement = Let | Store | Loop | Accumulate


@dataclass(frozen=True)
class Kernel:
    """A function ``(t, inputs vector, parameters vector) -> outputs vector``.

    ``periods``: number of grid points of each axis (the modulus of wrapped loads). Inputs never alias outputs. ``locals``: scratch arrays,
    whose ``offset`` counts in a vector of their own; a value that nothing was stored in or added to is zero. ``dtype``: of all arrays and of the
    arithmetic, "float64" or "float32"; the time and the parameters are given as float64 and rounded to it.
    """

    name: str
    inputs: tuple[Array, ...]
    outputs: tuple[Array, ...]
    parameters: tuple[Symbol, ...]
    time: Symbol | None
    periods: tuple[int, ...]
    body: tuple[Statement, ...]
    comment: str = ""
    locals: tuple[Array, ...] = ()
    constants: tuple[Constant, ...] = ()
    dtype: str = "float64"

    def with_body(self, body: tuple[Statement, ...]) -> Kernel:
        """The same kernel with another body."""
        return replace(self, body=body)

    @cached_property
    def autonomous(self) -> bool:
        """No value depends on the time by itself."""
        return self.time is None or not any(s is self.time for s in symbols(values(self.body)))

    @cached_property
    def input_size(self) -> int:
        return max((a.span[1] for a in self.inputs), default=0)

    @cached_property
    def output_size(self) -> int:
        return max((a.span[1] for a in self.outputs), default=0)

    @cached_property
    def local_size(self) -> int:
        return max((a.span[1] for a in self.locals), default=0)

    @cached_property
    def readable(self) -> dict[str, Array]:
        """The arrays that loads read, by name: inputs, local ones and constants."""
        return {a.name: a for a in (*self.inputs, *self.locals, *(c.array for c in self.constants))}

    @cached_property
    def writable(self) -> dict[str, Array]:
        """The outputs by name."""
        return {a.name: a for a in self.outputs}

    @cached_property
    def known_parameters(self) -> frozenset[Symbol]:
        return frozenset(self.parameters)

    @cached_property
    def _local_names(self) -> frozenset[str]:
        return frozenset(a.name for a in self.locals)

    @cached_property
    def _constant_values(self) -> dict[str, np.ndarray]:
        return {c.array.name: c.values for c in self.constants}

    @cached_property
    def constant_vectors(self) -> tuple[np.ndarray, ...]:
        """The vectors in which constants lie, each once, in their order."""
        return tuple({id(c.values): c.values for c in self.constants}.values())

    def input(self, name: str) -> Array:
        """The array that a load reads: an input, a local one or a constant."""
        return self.readable[name]

    def is_local(self, name: str) -> bool:
        return name in self._local_names

    def constant(self, name: str) -> np.ndarray | None:
        """The vector of numbers that a load reads; None where it reads no constant."""
        return self._constant_values.get(name)

    def output(self, name: str) -> Array:
        return self.writable[name]

    def target(self, statement: Store | Accumulate) -> Array:
        """The array that a statement writes: an output or a local one."""
        return self.readable[statement.array] if self.is_local(statement.array) else self.writable[statement.array]


def statements(body: tuple[Statement, ...]) -> Iterator[Statement]:
    """Every statement, outer before inner."""
    for statement in body:
        yield statement
        if isinstance(statement, Loop):
            yield from statements(statement.body)


def values(body: tuple[Statement, ...]) -> list[Term]:
    """The terms of all stores and temporaries."""
    return [s.value for s in statements(body) if not isinstance(s, Loop)]


def fresh_names(kernel: Kernel, stem: str) -> Iterator[Symbol]:
    """Temporaries stem1, stem2, ... that the kernel does not have yet."""
    taken = {s.symbol.name for s in statements(kernel.body) if isinstance(s, Let)}
    return (Symbol(name, "temporary") for name in map(f"{stem}{{}}".format, count(1)) if name not in taken)


def nest(ranges: tuple[tuple[int, int, int], ...], body: tuple[Statement, ...]) -> Statement:
    """Loops over ``(axis, start, stop)`` ranges, the first outermost, around a body."""
    for axis, start, stop in reversed(ranges):
        body = (Loop(axis, start, stop, body),)
    assert len(body) == 1, "a nest needs at least one range"
    return body[0]


def memory_groups(arrays: Sequence[Array]) -> list[list[Array]]:
    """Arrays of one vector put together where they may share memory (their spans meet), in the order in which they lie."""
    groups: list[list[Array]] = []
    end = -1
    for array in sorted(arrays, key=lambda a: a.span):
        if groups and array.span[0] < end and array.size:
            groups[-1].append(array)
        else:
            groups.append([array])
        end = max(end, array.span[1])
    return groups
