"""[Layers] -> LLVM: the network and its derivative from the left, for a batch.

    void field(double t, ptr y, ptr context, ptr out)                 out = f(t, y)
    void pullback(double t, ptr y, ptr context, ptr w, ptr out)       out = w^T df/dy,  weight gradients += w^T df/dp

f acts on each sample by itself, so the batch goes through in blocks of ``BLOCK`` samples, whose values stay in the nearest cache. ``context`` is a
table of 64-bit words (``WORDS``): batch, packed weights, workspace, packed gradients. Values lie in rows of whole vectors (``padded``); what stands
in the padding is finite and meets weights of zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from symnum.codegen import vector_math
from symnum.codegen.llvm_code import Code, Metadata
from symnum.codegen.llvm_emit import Emitter, Names, is_library_call, literal
from symnum.expr.term import ZERO, Term
from symnum.expr.walk import postorder, symbols
from symnum.neural.native.layers import Dense, Join, Layers, Map, T, V, X
from symnum.neural.native.layout import BLOCK, Packed, layout
from symnum.neural.native.products import DECLARED, LANES, Inner, Outer

WORDS = ("batch", "weights", "work", "gradients")


def module_text(layers: Layers, fma: bool) -> str:
    """The module of a network: ``field`` and ``pullback``."""
    writer = Writer(layers)
    functions = [writer.forward(), writer.backward(), writer.field(), writer.pullback()]
    declared = {*writer.names.declared, *DECLARED, "declare i64 @llvm.smin.i64(i64, i64)"}
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
    """(first sample, number of samples) of each block of the batch."""
    batch = word(c, "batch", "i64")
    count = c.op(f"udiv i64 {c.iadd(batch, BLOCK - 1)}, {BLOCK}")
    with c.loop(count) as number:
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
        """void forward(t, rows, weights, work): all values from the state."""
        c = Code(self.metadata, "forward", "double t, i64 rows, ptr weights, ptr work", inline=False)
        for k, operation in enumerate(self.layers.operations):
            if isinstance(operation, Dense):
                self._dense(c, k, operation)
            elif isinstance(operation, Map):
                self._map(c, k, operation)
            else:
                self._join(c, k, operation)
        c.line("ret void")
        return c.text()

    def backward(self) -> str:
        """void backward(t, rows, weights, work, gradients): all adjoints from that of the result, which stands in the workspace."""
        c = Code(self.metadata, "backward", "double t, i64 rows, ptr weights, ptr work, ptr gradients", inline=False)
        reached: set[int] = set()  # values whose adjoint has been begun
        for k, operation in reversed(list(enumerate(self.layers.operations))):
            if isinstance(operation, Dense):
                self._dense_back(c, k, operation, reached)
            elif isinstance(operation, Map):
                self._map_back(c, k, operation, reached)
            else:
                self._join_back(c, k, operation, reached)
        if 0 not in reached:
            with c.loop(c.imul("%rows", self.layout.strides[0]), vector=True) as i:
                c.store(literal(0.0), self.adjoint(c, 0), i)
        c.line("ret void")
        return c.text()

    def value(self, c: Code, k: int) -> str:
        return c.at("%work", self.layout.values[k])

    def adjoint(self, c: Code, k: int) -> str:
        return c.at("%work", self.layout.adjoints[k])

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

        self._each(c, k, operation, one)

    def _map_back(self, c: Code, k: int, operation: Map, reached: set[int]) -> None:
        """Adjoints of the operands; those of one column are sums along the row."""
        own = self.layout.strides[k + 1]
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
                self._each(c, k, operation, one)
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

    def _narrow(self, operation: Map, source: int) -> bool:
        return self.layers.widths[source] != operation.width

    def _each(self, c: Code, k: int, operation: Map, one: Callable[[str, dict[Term, str]], None]) -> None:
        """``one(index, values read)`` at every number of a value, padding included, in vectors."""
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
            with c.loop(stride if self.layout.whole[k] else operation.width, vector=vector) as j:
                i = c.iadd(start, j)
                one(i, self._read(c, k, operation, i, row))

    def _is_scalar(self, node: Term) -> bool:
        """A function of the C library, which has no vectors."""
        return is_library_call(node) and node.op not in self.names.vector_functions

    def _read(self, c: Code, k: int, operation: Map, i: str, row: str) -> dict[Term, str]:
        """What the terms of a map may hold; operands of one column are read at the row."""
        known: dict[Term, str] = {T: "%t"}
        if V in symbols(operation.partials):
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
        first = 0
        for source in operation.sources:
            width, stride = self.layers.widths[source], self.layout.strides[source]
            with c.loop("%rows") as row:
                part, whole = c.imul(row, stride), c.iadd(c.imul(row, self.layout.strides[k + 1]), first)
                if back is None:
                    with c.loop(width) as i:
                        c.store(c.load(self.value(c, source), c.iadd(part, i)), self.value(c, k + 1), c.iadd(whole, i))
                else:
                    if source not in back:
                        with c.loop(stride) as i:
                            c.store(literal(0.0), self.adjoint(c, source), c.iadd(part, i))
                    with c.loop(width) as i:
                        at = c.iadd(part, i)
                        g = c.load(self.adjoint(c, k + 1), c.iadd(whole, i))
                        c.store(c.add(c.load(self.adjoint(c, source), at), g), self.adjoint(c, source), at)
            if back is not None:
                back.add(source)
            first += width

    # --- the batch ---

    def field(self) -> str:
        c = Code(self.metadata, "field", "double t, ptr y, ptr context, ptr out", internal=False)
        weights, work = (word(c, name) for name in ("weights", "work"))
        with blocks(c) as (first, rows):
            self._spread(c, "%y", first, rows, c.at(work, self.layout.values[0]), self.layout.strides[0])
            c.line(f"call void @forward(double %t, i64 {rows}, ptr {weights}, ptr {work})")
            self._gather(c, c.at(work, self.layout.values[-1]), self.layout.strides[-1], first, rows)
        c.line("ret void")
        return c.text()

    def pullback(self) -> str:
        c = Code(self.metadata, "pullback", "double t, ptr y, ptr context, ptr w, ptr out", internal=False)
        weights, work, gradients = (word(c, name) for name in ("weights", "work", "gradients"))
        with blocks(c) as (first, rows):
            self._spread(c, "%y", first, rows, c.at(work, self.layout.values[0]), self.layout.strides[0])
            self._spread(c, "%w", first, rows, c.at(work, self.layout.adjoints[-1]), self.layout.strides[-1])
            c.line(f"call void @forward(double %t, i64 {rows}, ptr {weights}, ptr {work})")
            c.line(f"call void @backward(double %t, i64 {rows}, ptr {weights}, ptr {work}, ptr {gradients})")
            self._gather(c, c.at(work, self.layout.adjoints[0]), self.layout.strides[0], first, rows)
        c.line("ret void")
        return c.text()

    def _spread(self, c: Code, packed: str, first: str, rows: str, out: str, stride: int) -> None:
        """Rows of ``dim`` numbers into rows of whole vectors."""
        dim = self.layers.dim
        with c.loop(rows) as row:
            start, place = c.imul(c.iadd(first, row), dim), c.imul(row, stride)
            with c.loop(dim) as i:
                c.store(c.load(packed, c.iadd(start, i)), out, c.iadd(place, i))

    def _gather(self, c: Code, values: str, stride: int, first: str, rows: str) -> None:
        dim = self.layers.dim
        with c.loop(rows) as row:
            start, place = c.imul(c.iadd(first, row), dim), c.imul(row, stride)
            with c.loop(dim) as i:
                c.store(c.load(values, c.iadd(place, i)), "%out", c.iadd(start, i))
