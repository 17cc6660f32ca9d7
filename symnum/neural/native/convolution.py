"""[Conv] -> LLVM: a convolution along one axis as a product of matrices, sample by sample.

    columns[(c, k), j] = x[c, k*dilation + j*stride]      x with its padding
    out[o, j] = bias[o] + sum_(c,k) W[o, (c, k)] columns[(c, k), j]

Backwards the columns are made again, as rows (j, (c, k)), for then both products run along (c, k); their adjoints are added up where they came from.
Groups are done one after the other.
"""

from __future__ import annotations

from typing import Protocol

from symnum.codegen.llvm_code import Code
from symnum.codegen.llvm_emit import literal
from symnum.neural.native.layers import Conv, padded
from symnum.neural.native.layout import Layout
from symnum.neural.native.products import Outer, clear_end


class Host(Protocol):
    """What the writer of a network offers."""

    layout: Layout

    def value(self, c: Code, k: int) -> str: ...

    def adjoint(self, c: Code, k: int) -> str: ...

    def call(self, c: Code, product: Outer, *arguments: str) -> None: ...


class Convolution:
    """Writes operation number k, a convolution, into ``c``; memory at %scratch."""

    def __init__(self, host: Host, c: Code, k: int, operation: Conv) -> None:
        self.host, self.c, self.k, self.o = host, c, k, operation
        packed = host.layout.packed[k]
        assert packed is not None and packed.by_output is not None
        self.weight, self.bias = packed.by_output, packed.bias
        self.inputs, self.outputs = operation.channels // operation.groups, operation.outputs // operation.groups
        self.rows = self.inputs * operation.taps  # of the columns
        self.line, self.across = padded(operation.result), padded(self.rows)
        places, at = [], 0
        for size in operation.scratch:
            places.append(c.at("%scratch", at))
            at += size
        self.wide, self.columns, self.result, self.wide_bar, self.columns_bar = places

    def forward(self) -> None:
        """The value."""
        c, o, strides = self.c, self.o, self.host.layout.strides
        with c.loop("%rows") as row:
            x = c.at(self.host.value(c, o.source), c.imul(row, strides[o.source]))
            out = c.at(self.host.value(c, self.k + 1), c.imul(row, strides[self.k + 1]))
            clear_end(c, out, o.width, strides[self.k + 1])
            self._widen(x)
            with c.loop(o.groups) as group:
                self._gather(group)
                self._product(group)
                with c.loop(self.outputs) as channel:
                    number = c.iadd(c.imul(group, self.outputs), channel)
                    bias, line = c.load(c.at("%weights", self.bias), number), c.imul(channel, self.line)
                    place = c.imul(number, o.result)
                    with c.loop(o.result, vector=True) as j:
                        c.store(c.add(c.load(self.result, c.iadd(line, j)), bias), out, c.iadd(place, j))

    def backward(self, begun: bool) -> None:
        """Adjoints of the operand (added where ``begun``), of the weights and the bias."""
        c, o, strides = self.c, self.o, self.host.layout.strides
        with c.loop("%rows") as row:
            x = c.at(self.host.value(c, o.source), c.imul(row, strides[o.source]))
            g = c.at(self.host.adjoint(c, self.k + 1), c.imul(row, strides[self.k + 1]))
            self._widen(x)
            with c.loop(o.channels * o.wide, vector=True) as i:
                c.store(literal(0.0), self.wide_bar, i)
            with c.loop(o.groups) as group:
                self._gather_across(group)
                self._spread(group, g)
                self._weights(group)
                self._scatter(group)
            back = c.at(self.host.adjoint(c, o.source), c.imul(row, strides[o.source]))
            self._narrow(back, strides[o.source], begun)

    # --- padding ---

    def _ends(self) -> list[tuple[int, int | None]]:
        """(place along the axis with padding, where its number comes from) of the padding."""
        o = self.o
        first = len(o.before) + o.length
        return [*enumerate(o.before), *((first + i, source) for i, source in enumerate(o.after))]

    def _widen(self, x: str) -> None:
        c, o = self.c, self.o
        with c.loop(o.channels) as channel:
            out, line = c.at(self.wide, c.imul(channel, o.wide)), c.at(x, c.imul(channel, o.length))
            middle = c.at(out, len(o.before))
            with c.loop(o.length, vector=True) as j:
                c.store(c.load(line, j), middle, j)
            for place, source in self._ends():
                c.store(literal(0.0) if source is None else c.load(line, source), out, place)

    def _narrow(self, out: str, stride: int, begun: bool) -> None:
        c, o = self.c, self.o
        if not begun:
            clear_end(c, out, o.channels * o.length, stride)
        with c.loop(o.channels) as channel:
            line, given = c.at(out, c.imul(channel, o.length)), c.at(self.wide_bar, c.imul(channel, o.wide))
            middle = c.at(given, len(o.before))
            with c.loop(o.length, vector=True) as j:
                number = c.load(middle, j)
                c.store(c.add(c.load(line, j), number) if begun else number, line, j)
            for place, source in self._ends():
                if source is not None:
                    c.store(c.add(c.load(line, source), c.load(given, place)), line, source)

    # --- columns ---

    def _gather(self, group: str) -> None:
        """The columns of a group."""
        c, o = self.c, self.o
        with c.loop(self.inputs) as channel, c.loop(o.taps) as tap:
            out = c.at(self.columns, c.imul(c.iadd(c.imul(channel, o.taps), tap), self.line))
            line = self._origin(self.wide, group, channel, tap)
            clear_end(c, out, o.result, self.line)
            with c.loop(o.result, vector=True) as j:
                c.store(c.load(line, c.imul(j, o.stride)), out, j)

    def _gather_across(self, group: str) -> None:
        """The columns as rows."""
        c, o = self.c, self.o
        with c.loop(o.result) as j:
            clear_end(c, c.at(self.columns, c.imul(j, self.across)), self.rows, self.across)
        with c.loop(self.inputs) as channel, c.loop(o.taps) as tap:
            out = c.at(self.columns, c.iadd(c.imul(channel, o.taps), tap))
            line = self._origin(self.wide, group, channel, tap)
            with c.loop(o.result) as j:
                c.store(c.load(line, c.imul(j, o.stride)), out, c.imul(j, self.across))

    def _scatter(self, group: str) -> None:
        """Adjoints of the columns, as rows, and where they came from."""
        c, o = self.c, self.o
        product = Outer(1, self.line, self.across, "zero")
        weights = self._own("%weights", group)
        self.host.call(
            c, product, f"i64 {o.result}", f"i64 {self.outputs}", f"ptr {self.result}", f"ptr {weights}", f"ptr {self.columns_bar}", "ptr null",
        )  # fmt: skip
        with c.loop(self.inputs) as channel, c.loop(o.taps) as tap:
            given = c.at(self.columns_bar, c.iadd(c.imul(channel, o.taps), tap))
            line = self._origin(self.wide_bar, group, channel, tap)
            with c.loop(o.result) as j:
                at = c.imul(j, o.stride)
                c.store(c.add(c.load(line, at), c.load(given, c.imul(j, self.across))), line, at)

    def _origin(self, wide: str, group: str, channel: str, tap: str) -> str:
        c, o = self.c, self.o
        number = c.iadd(c.imul(group, self.inputs), channel)
        return c.at(wide, c.iadd(c.imul(number, o.wide), c.imul(tap, o.dilation)))

    # --- products ---

    def _own(self, memory: str, group: str) -> str:
        """Weights, or their gradients, of a group."""
        c = self.c
        return c.at(c.at(memory, self.weight), c.imul(group, self.outputs * self.across))

    def _product(self, group: str) -> None:
        product = Outer(self.across, 1, self.line, "zero")
        weights = self._own("%weights", group)
        self.host.call(
            self.c, product, f"i64 {self.outputs}", f"i64 {self.rows}", f"ptr {weights}", f"ptr {self.columns}", f"ptr {self.result}", "ptr null",
        )  # fmt: skip

    def _spread(self, group: str, g: str) -> None:
        """The adjoints of a group's outputs in rows of whole vectors, and that of its bias."""
        c, o = self.c, self.o
        with c.loop(self.outputs) as channel:
            number = c.iadd(c.imul(group, self.outputs), channel)
            line, out = c.at(g, c.imul(number, o.result)), c.at(self.result, c.imul(channel, self.line))
            total = c.variable("double", literal(0.0))
            with c.loop(o.result) as j:
                value = c.load(line, j)
                c.store(value, out, j)
                c.store(c.op(f"fadd reassoc contract nsz double {c.load(total)}, {value}"), total)
            bias = c.at("%gradients", self.bias)
            c.store(c.add(c.load(bias, number), c.load(total)), bias, number)

    def _weights(self, group: str) -> None:
        product = Outer(self.line, 1, self.across, "add")
        sums = self._own("%gradients", group)
        self.host.call(
            self.c, product, f"i64 {self.outputs}", f"i64 {self.o.result}", f"ptr {self.result}", f"ptr {self.columns}", f"ptr {sums}", "ptr null",
        )  # fmt: skip
