"""[Layers] -> LLVM: the network and its derivative from the left, for a batch.

    void field(double t, ptr y, ptr context, ptr out)                 out = f(t, y)
    void pullback(double t, ptr y, ptr context, ptr w, ptr out)       out = w^T df/dy,  gradients += w^T df/dp, w^T df/dt

f acts on each sample by itself, so the batch goes through in blocks of ``BLOCK`` samples, whose values stay in the nearest cache. ``context`` is a
table of 64-bit words (``WORDS``): batch, packed weights, workspace, packed gradients with the one by time behind them, tape, and into how many
parts of how many blocks the batch falls (see ``team``). Values lie in rows of whole vectors (``padded``); what stands in the padding is finite and
meets weights of zero.

A small batch (one block) may keep all values of an evaluation, so that the way back need not compute them again:

    void field_kept(double t, ptr y, ptr context, ptr out)                         entry ``place`` of the tape, while there is room; place += 1
    void pullback_kept(double t, i64 number, ptr context, ptr w, ptr out)           the pullback from that entry
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from symnum.codegen import vector_math
from symnum.codegen.llvm_code import Code, Metadata
from symnum.codegen.llvm_emit import Emitter, Names, is_library_call, literal
from symnum.expr.term import ZERO, Term
from symnum.expr.walk import postorder, symbols
from symnum.neural.native import packing, team
from symnum.neural.native.convolution import Convolution
from symnum.neural.native.layers import LANES, Conv, Dense, Join, Layers, Map, T, V, X
from symnum.neural.native.layout import BLOCK, Packed, layout
from symnum.neural.native.products import DECLARED, Inner, Outer, clear_end, gathered, store

WORDS = ("batch", "weights", "work", "gradients", "tape", "place", "room", "parts", "share", "team")


def module_text(layers: Layers, fma: bool) -> str:
    """The module of a network: ``field`` and ``pullback``."""
    writer = Writer(layers)
    functions = [writer.forward(), writer.backward(), writer.field_part(), writer.pullback_part()]
    functions += [writer.field(), writer.pullback(), *team.functions(writer.metadata)]
    functions += [writer.field_kept(), writer.pullback_kept(), *packing.functions(writer.layout, writer.metadata)]
    declared = {*writer.names.declared, *DECLARED, *team.declared(), "declare i64 @llvm.smin.i64(i64, i64)"}
    products = [product.text(writer.metadata) for product in sorted(writer.products, key=lambda p: p.name)]
    used = writer.names.used_vector
    definitions = vector_math.definitions(used, fma=fma, any_magnitude=True) if used else ""
    listed = [d for d in sorted(declared) if d not in definitions]
    return "\n".join([*listed, definitions, *products, *functions, *writer.metadata.lines, ""])


def word(c: Code, name: str, kind: str = "ptr") -> str:
    """A word of the context."""
    return c.load("%context", WORDS.index(name), kind)


@contextmanager
def blocks(c: Code) -> Iterator[tuple[str, str]]:
    """(first sample, number of samples) of each block of part %part of the batch."""
    batch, share = word(c, "batch", "i64"), word(c, "share", "i64")
    count = c.op(f"udiv i64 {c.iadd(batch, BLOCK - 1)}, {BLOCK}")
    begin = c.imul("%part", share)
    end = c.op(f"call i64 @llvm.smin.i64(i64 {c.iadd(begin, share)}, i64 {count})")
    with c.loop(end, start=begin) as number:
        first = c.imul(number, BLOCK)
        left = c.isub(batch, first)
        yield first, c.op(f"call i64 @llvm.smin.i64(i64 {left}, i64 {BLOCK})")


class _Names(Names):
    """Names that cannot clash with those of ``Code``."""

    def fresh(self, prefix: str = "v") -> str:
        self.count += 1
        return f"%e.{prefix}{self.count}"


class Writer:
    """Writes the functions of one network and notes which products they call."""

    def __init__(self, layers: Layers) -> None:
        self.layers, self.layout = layers, layout(layers)
        self.metadata, self.names = Metadata(), _Names(vector_math.AVAILABLE)
        self.metadata.lines[1] = f'!1 = !{{!"llvm.loop.vectorize.width", i32 {LANES}}}'
        self.products: set[Outer | Inner] = set()

    # --- one block ---

    def forward(self) -> str:
        """void forward(t, rows, weights, values, scratch): all values from the state."""
        args = "double t, i64 rows, ptr weights, ptr values, ptr scratch"
        c = Code(self.metadata, "forward", args, inline=False)
        for k, operation in enumerate(self.layers.operations):
            match operation:
                case Dense():
                    self._dense(c, k, operation)
                case Map():
                    self._map(c, k, operation)
                case Join():
                    self._join(c, k, operation)
                case Conv():
                    Convolution(self, c, k, operation).forward()
        c.line("ret void")
        return c.text()

    def backward(self) -> str:
        """void backward(t, rows, weights, values, adjoints, gradients, scratch): all adjoints from that of the result."""
        args = "double t, i64 rows, ptr weights, ptr values, ptr adjoints, ptr gradients, ptr scratch"
        c = Code(self.metadata, "backward", args, inline=False)
        reached = {len(self.layers.operations)}  # values whose adjoint has been begun
        for k, operation in reversed(list(enumerate(self.layers.operations))):
            if k + 1 not in reached:  # nothing depends on it
                continue
            match operation:
                case Dense():
                    self._dense_back(c, k, operation, reached)
                case Map():
                    self._map_back(c, k, operation, reached)
                case Join():
                    self._join_back(c, k, operation, reached)
                case Conv():
                    Convolution(self, c, k, operation).backward(operation.source in reached)
                    reached.add(operation.source)
        if 0 not in reached:
            with c.loop(c.imul("%rows", self.layout.strides[0]), vector=True) as i:
                c.store(literal(0.0), self.adjoint(c, 0), i)
        c.line("ret void")
        return c.text()

    def value(self, c: Code, k: int) -> str:
        return self.place(c, "%values", "%rows", k)

    def adjoint(self, c: Code, k: int) -> str:
        return self.place(c, "%adjoints", "%rows", k)

    def place(self, c: Code, start: str, rows: str, k: int) -> str:
        """Value k of a block of so many samples."""
        return c.at(start, c.imul(rows, self.layout.offsets[k]))

    def call(self, c: Code, product: Outer | Inner, *arguments: str) -> None:
        self.products.add(product)
        c.line(f"call void @{product.name}({', '.join(arguments)})")

    # --- dense layers ---

    def _dense(self, c: Code, k: int, operation: Dense) -> None:
        packed, strides = self._packed(k), self.layout.strides
        a, out = self.value(c, operation.source), self.value(c, k + 1)
        bias = c.at("%weights", packed.bias)
        if packed.by_input is not None:
            b = c.at("%weights", packed.by_input)
            product = Outer(strides[operation.source], 1, strides[k + 1], "bias")
            self.call(
                c, product, "i64 %rows", f"i64 {packed.inputs}", f"ptr {a}", f"ptr {b}", f"ptr {out}", f"ptr {bias}"
            )
        else:
            b = c.at("%weights", packed.by_output)
            inner = Inner(strides[operation.source], packed.outputs, strides[k + 1], "bias")
            self.call(c, inner, "i64 %rows", f"ptr {a}", f"ptr {b}", f"ptr {out}", f"ptr {bias}")

    def _dense_back(self, c: Code, k: int, operation: Dense, reached: set[int]) -> None:
        packed, strides, source = self._packed(k), self.layout.strides, operation.source
        g, x, out = self.adjoint(c, k + 1), self.value(c, source), self.adjoint(c, source)
        start = "add" if source in reached else "zero"
        if packed.by_output is not None:
            b = c.at("%weights", packed.by_output)
            product = Outer(strides[k + 1], 1, strides[source], start)
            self.call(
                c, product, "i64 %rows", f"i64 {packed.outputs}", f"ptr {g}", f"ptr {b}", f"ptr {out}", "ptr null"
            )
        else:
            b = c.at("%weights", packed.by_input)
            inner = Inner(strides[k + 1], packed.inputs, strides[source], start)
            self.call(c, inner, "i64 %rows", f"ptr {g}", f"ptr {b}", f"ptr {out}", "ptr null")
        reached.add(source)
        left, right, rows = (x, g, packed.inputs) if packed.by_input is not None else (g, x, packed.outputs)
        own, other = (source, k + 1) if packed.by_input is not None else (k + 1, source)
        into = c.at("%gradients", packed.by_input if packed.by_input is not None else packed.by_output)
        gradient = Outer(1, strides[own], strides[other], "add")
        self.call(c, gradient, f"i64 {rows}", "i64 %rows", f"ptr {left}", f"ptr {right}", f"ptr {into}", "ptr null")
        bias, stride = c.at("%gradients", packed.bias), strides[k + 1]
        with c.loop("%rows") as row:
            line = c.at(g, c.imul(row, stride))
            with c.loop(stride, vector=True) as i:
                c.store(c.add(c.load(bias, i), c.load(line, i)), bias, i)

    def _packed(self, k: int) -> Packed:
        packed = self.layout.packed[k]
        assert packed is not None
        return packed

    # --- maps ---

    def _map(self, c: Code, k: int, operation: Map) -> None:
        def one(i: str, read: dict[Term, str]) -> None:
            c.store(self._term(c, operation.value, read), self.value(c, k + 1), i)

        self._each(c, k, operation, self.value(c, k + 1), one)

    def _map_back(self, c: Code, k: int, operation: Map, reached: set[int]) -> None:
        """Adjoints of the operands, those of one column are sums along the row; the derivative by the time is one over the block."""
        own = self.layout.strides[k + 1]
        if operation.by_time is not ZERO:
            self._by_time(c, k, operation)
        for number, source in enumerate(operation.sources):
            partial, narrow = operation.partials[number], self._narrow(operation, source)
            begun = source in reached
            reached.add(source)

            def one(
                i: str, read: dict[Term, str], partial: Term = partial, begun: bool = begun, source: int = source
            ) -> None:
                out, g = self.adjoint(c, source), c.load(self.adjoint(c, k + 1), i)
                made = literal(0.0) if partial is ZERO else c.mul(g, self._term(c, partial, read))
                c.store(c.add(c.load(out, i), made) if begun else made, out, i)

            if not narrow:
                self._each(c, k, operation, "" if begun else self.adjoint(c, source), one)
                continue
            out, stride = self.adjoint(c, source), self.layout.strides[source]
            with c.loop("%rows") as row:
                place, start = c.imul(row, stride), c.imul(row, own)
                total = c.variable("double", c.load(out, place) if begun else literal(0.0))
                if not begun:
                    with c.loop(stride) as i:
                        c.store(literal(0.0), out, c.iadd(place, i))
                with c.loop(operation.width) as i:
                    at = c.iadd(start, i)
                    g = c.load(self.adjoint(c, k + 1), at)
                    c.store(
                        c.add(c.load(total), c.mul(g, self._term(c, partial, self._read(c, k, operation, at, row)))),
                        total,
                    )
                c.store(c.load(total), out, place)

    def _by_time(self, c: Code, k: int, operation: Map) -> None:
        total = c.variable("double", literal(0.0))
        with c.loop("%rows") as row:
            start = c.imul(row, self.layout.strides[k + 1])
            with c.loop(operation.width) as i:
                at = c.iadd(start, i)
                made = self._term(c, operation.by_time, self._read(c, k, operation, at, row))
                c.store(c.add(c.load(total), c.mul(c.load(self.adjoint(c, k + 1), at), made)), total)
        sums = c.at("%gradients", self.layout.packed_size)
        c.store(c.add(c.load(sums), c.load(total)), sums)

    def _narrow(self, operation: Map, source: int) -> bool:
        return self.layers.widths[source] != operation.width

    def _each(self, c: Code, k: int, operation: Map, clear: str, one: Callable[[str, dict[Term, str]], None]) -> None:
        """``one(index, values read)`` at every number of a value, padding included, in vectors.

        ``clear``: where the padding becomes 0 if it is not included.
        """
        stride = self.layout.strides[k + 1]
        narrow = any(self._narrow(operation, s) for s in operation.sources)
        vector = not any(map(self._is_scalar, postorder((operation.value, *operation.partials))))
        if self.layout.whole[k] and not narrow:
            with c.loop(c.imul("%rows", stride // LANES)) as group:
                start = c.imul(group, LANES)
                with c.loop(LANES, vector=vector) as j:  # one vector: nothing is left over at the end of the loop
                    i = c.iadd(start, j)
                    one(i, self._read(c, k, operation, i, ""))
            return
        with c.loop("%rows") as row:
            start = c.imul(row, stride)
            if clear and not self.layout.whole[k]:
                clear_end(c, c.at(clear, start), operation.width, stride)
            with c.loop(stride if self.layout.whole[k] else operation.width, vector=vector) as j:
                i = c.iadd(start, j)
                one(i, self._read(c, k, operation, i, row))

    def _is_scalar(self, node: Term) -> bool:
        """A function of the C library, which has no vectors."""
        return is_library_call(node) and node.op not in self.names.vector_functions

    def _read(self, c: Code, k: int, operation: Map, i: str, row: str) -> dict[Term, str]:
        """What the terms of a map may hold; operands of one column are read at the row."""
        known: dict[Term, str] = {T: "%t"}
        if V in symbols((*operation.partials, operation.by_time)):
            known[V] = c.load(self.value(c, k + 1), i)
        for symbol, source in zip(X, operation.sources, strict=False):
            at = c.imul(row, self.layout.strides[source]) if self._narrow(operation, source) else i
            known[symbol] = c.load(self.value(c, source), at)
        return known

    def _term(self, c: Code, term: Term, known: dict[Term, str]) -> str:
        emitter = Emitter(self.names, dict(known))
        value = emitter.value(term)
        c.lines += emitter.lines
        return value

    # --- joins ---

    def _join(self, c: Code, k: int, operation: Join) -> None:
        self._columns(c, k, operation, back=None)

    def _join_back(self, c: Code, k: int, operation: Join, reached: set[int]) -> None:
        self._columns(c, k, operation, back=reached)

    def _columns(self, c: Code, k: int, operation: Join, back: set[int] | None) -> None:
        """Copy columns from the parts to the whole, or adjoints from the whole to the parts."""
        first, whole = 0, self.layout.strides[k + 1]
        if back is None:
            with c.loop("%rows") as row:
                clear_end(c, c.at(self.value(c, k + 1), c.imul(row, whole)), operation.width, whole)
        for source in operation.sources:
            width, stride = self.layers.widths[source], self.layout.strides[source]
            with c.loop("%rows") as row:
                part, at_whole = c.imul(row, stride), c.iadd(c.imul(row, whole), first)
                if back is None:
                    with c.loop(width) as i:
                        c.store(
                            c.load(self.value(c, source), c.iadd(part, i)), self.value(c, k + 1), c.iadd(at_whole, i)
                        )
                else:
                    if source not in back:
                        with c.loop(stride) as i:
                            c.store(literal(0.0), self.adjoint(c, source), c.iadd(part, i))
                    with c.loop(width) as i:
                        at = c.iadd(part, i)
                        g = c.load(self.adjoint(c, k + 1), c.iadd(at_whole, i))
                        c.store(c.add(c.load(self.adjoint(c, source), at), g), self.adjoint(c, source), at)
            if back is not None:
                back.add(source)
            first += width

    # --- the batch ---

    def field(self) -> str:
        c = Code(self.metadata, "field", "double t, ptr y, ptr context, ptr out", internal=False)
        self._in_parts(c, 0, "field_part", y="ptr %y", context="ptr %context", out="ptr %out")
        return c.text()

    def pullback(self) -> str:
        c = Code(self.metadata, "pullback", "double t, ptr y, ptr context, ptr w, ptr out", internal=False)
        self._in_parts(c, 1, "pullback_part", y="ptr %y", context="ptr %context", w="ptr %w", out="ptr %out")
        return c.text()

    def _in_parts(self, c: Code, kind: int, function: str, **arguments: str) -> None:
        """All parts: one after the other, or by the threads of a team."""
        helpers = word(c, "team")
        alone = c.op(f"icmp eq ptr {helpers}, null")
        with c.when(alone), c.loop(word(c, "parts", "i64")) as part:
            c.line(f"call void @{function}(double %t, {', '.join(arguments.values())}, i64 {part})")
        with c.when(c.op(f"xor i1 {alone}, true")):
            team.share(c, helpers, kind, t="double %t", **arguments)
        c.line("ret void")

    def _own(self, c: Code, name: str, size: int) -> str:
        """The part's own piece of some memory."""
        return c.at(word(c, name), c.imul("%part", size))

    def field_part(self) -> str:
        c = Code(self.metadata, "field_part", "double t, ptr y, ptr context, ptr out, i64 part", inline=False)
        weights, values = word(c, "weights"), self._own(c, "work", self.layout.work_size)
        adjoints = c.at(values, BLOCK * self.layout.sample)
        with blocks(c) as (first, rows):
            self._evaluate(c, first, rows, weights, values, adjoints)
        c.line("ret void")
        return c.text()

    def pullback_part(self) -> str:
        args = "double t, ptr y, ptr context, ptr w, ptr out, i64 part"
        c = Code(self.metadata, "pullback_part", args, inline=False)
        weights, values = word(c, "weights"), self._own(c, "work", self.layout.work_size)
        gradients = self._own(c, "gradients", self.layout.packed_size + 1)
        adjoints = c.at(values, BLOCK * self.layout.sample)
        with blocks(c) as (first, rows):
            self._spread(c, "%y", first, rows, values, self.layout.strides[0])
            self._forward(c, rows, weights, values, adjoints)
            self._back(c, first, rows, weights, values, adjoints, gradients)
        c.line("ret void")
        return c.text()

    def field_kept(self) -> str:
        c = Code(self.metadata, "field_kept", "double t, ptr y, ptr context, ptr out", internal=False)
        batch, place, room = (word(c, name, "i64") for name in ("batch", "place", "room"))
        weights, work, tape = (word(c, name) for name in ("weights", "work", "tape"))
        c.store(c.iadd(place, 1), "%context", WORDS.index("place"), "i64")
        entry = c.at(tape, c.imul(place, c.imul(batch, self.layout.sample)))
        values = c.op(f"select i1 {c.test('slt', place, room)}, ptr {entry}, ptr {work}")
        self._evaluate(c, "0", batch, weights, values, c.at(work, BLOCK * self.layout.sample))
        c.line("ret void")
        return c.text()

    def pullback_kept(self) -> str:
        c = Code(self.metadata, "pullback_kept", "double t, i64 number, ptr context, ptr w, ptr out", internal=False)
        batch = word(c, "batch", "i64")
        weights, work, gradients, tape = (word(c, name) for name in ("weights", "work", "gradients", "tape"))
        adjoints = c.at(work, BLOCK * self.layout.sample)
        values = c.at(tape, c.imul("%number", c.imul(batch, self.layout.sample)))
        self._back(c, "0", batch, weights, values, adjoints, gradients)
        c.line("ret void")
        return c.text()

    def _forward(self, c: Code, rows: str, weights: str, values: str, adjoints: str) -> None:
        """Memory for a convolution lies behind the adjoints."""
        pointers = ", ".join(f"ptr {p}" for p in (weights, values, c.at(adjoints, BLOCK * self.layout.sample)))
        c.line(f"call void @forward(double %t, i64 {rows}, {pointers})")

    def _evaluate(self, c: Code, first: str, rows: str, weights: str, values: str, adjoints: str) -> None:
        """A block of %y to %out."""
        self._spread(c, "%y", first, rows, values, self.layout.strides[0])
        self._forward(c, rows, weights, values, adjoints)
        self._gather(c, self.place(c, values, rows, -1), self.layout.strides[-1], first, rows)

    def _back(self, c: Code, first: str, rows: str, weights: str, values: str, adjoints: str, gradients: str) -> None:
        """A block of %w to %out."""
        self._spread(c, "%w", first, rows, self.place(c, adjoints, rows, -1), self.layout.strides[-1])
        scratch = c.at(adjoints, BLOCK * self.layout.sample)
        arguments = ", ".join(f"ptr {p}" for p in (weights, values, adjoints, gradients, scratch))
        c.line(f"call void @backward(double %t, i64 {rows}, {arguments})")
        self._gather(c, adjoints, self.layout.strides[0], first, rows)

    def _spread(self, c: Code, packed: str, first: str, rows: str, out: str, stride: int) -> None:
        """Rows of ``dim`` numbers into rows of whole vectors."""
        dim = self.layers.dim
        with c.loop(rows) as row:
            start, place = c.imul(c.iadd(first, row), dim), c.imul(row, stride)
            if dim <= LANES:
                store(c, gathered(c, [c.load(packed, c.iadd(start, i)) for i in range(dim)]), out, place)
            else:
                clear_end(c, c.at(out, place), dim, stride)
                with c.loop(dim) as i:
                    c.store(c.load(packed, c.iadd(start, i)), out, c.iadd(place, i))

    def _gather(self, c: Code, values: str, stride: int, first: str, rows: str) -> None:
        dim = self.layers.dim
        with c.loop(rows) as row:
            start, place = c.imul(c.iadd(first, row), dim), c.imul(row, stride)
            with c.loop(dim) as i:
                c.store(c.load(values, c.iadd(place, i)), "%out", c.iadd(start, i))
