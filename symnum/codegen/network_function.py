"""What functions of one network share: layers, arrays of some points a unit, and their loops (see ``network_code``)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from symnum.codegen.llvm_code import Code, Metadata
from symnum.codegen.llvm_emit import Emitter, Names, is_library_call, literal
from symnum.expr.network import Places, V, jet, own_shares, shape_of
from symnum.expr.term import Term
from symnum.expr.walk import postorder

VARIANTS = (4, 8)  # points that are computed together
_FIRST = 9000  # number of the first metadata: beyond those of the kernel


class PointLoops(Metadata):
    """Identities of loops over the points of a vector, numbered apart from those of the kernel."""

    def __init__(self) -> None:
        self.lines = [
            f'!{_FIRST} = !{{!"llvm.loop.interleave.count", i32 1}}',
            f'!{_FIRST + 1} = !{{!"llvm.loop.unroll.disable"}}',
        ]
        self.lines += [
            f'!{_FIRST + 2 + k} = !{{!"llvm.loop.vectorize.width", i32 {n}}}' for k, n in enumerate(VARIANTS)
        ]

    def as_it_is(self) -> str:
        """A loop that is not unrolled."""
        number = _FIRST + len(self.lines)
        self.lines.append(f"!{number} = distinct !{{!{number}, !{_FIRST}, !{_FIRST + 1}}}")
        return f"!{number}"

    def of_width(self, lanes: int) -> str:
        number, width = _FIRST + len(self.lines), _FIRST + 2 + VARIANTS.index(lanes)
        self.lines.append(f"!{number} = distinct !{{!{number}, !{_FIRST}, !{_FIRST + 1}, !{width}}}")
        return f"!{number}"


class _LaneNames(Names):
    """Names of an emitter inside a function of ``Code``, which has names of its own."""

    def fresh(self, prefix: str = "v") -> str:
        return super().fresh(f"e.{prefix}")


class NetworkFunction:
    """What functions of one network share: layers, arrays of ``lanes`` points a unit, and their loops."""

    def __init__(
        self, data: tuple[int, ...], lanes: int, names: Names, metadata: PointLoops, name: str, args: str, result: str
    ) -> None:
        self.shape, self.lanes, self.metadata = shape_of(data), lanes, metadata
        self.subsets = self.shape.subsets()
        self.jet = jet(self.shape.activation, self.shape.places)
        self.kind = "double" if lanes == 1 else f"<{lanes} x double>"
        self.c = Code(metadata, name, args, result, internal=False, inline=False)
        self.names = _LaneNames(names.vector_functions)
        self.names.used_vector, self.names.declared = names.used_vector, names.declared

    # --- arrays -------------------------------------------------------------------------------------------------------

    def array(self, units: int) -> str:
        """Room on the stack for a vector a unit."""
        name = f"%a{len(self.c.allocas)}"
        self.c.allocas.append(f"  {name} = alloca [{units * self.lanes} x double], align 64")
        return name

    def at(self, array: str, unit: object) -> str:
        return self.c.at(array, unit, self.kind)

    def get(self, array: str, unit: object) -> str:
        return self.c.op(f"load {self.kind}, ptr {self.at(array, unit)}, align 8")

    def put(self, value: str, array: str, unit: object) -> None:
        self.c.line(f"store {self.kind} {value}, ptr {self.at(array, unit)}, align 8")

    def spread(self, number: str) -> str:
        """One number for all points."""
        if self.lanes == 1:
            return number
        one = self.c.op(f"insertelement {self.kind} poison, double {number}, i32 0")
        return self.c.op(f"shufflevector {self.kind} {one}, {self.kind} poison, <{self.lanes} x i32> zeroinitializer")

    def fused(self, a: str, b: str, total: str) -> str:
        suffix = "f64" if self.lanes == 1 else f"v{self.lanes}f64"
        return self.c.op(
            f"call {self.kind} @llvm.fmuladd.{suffix}({self.kind} {a}, {self.kind} {b}, {self.kind} {total})"
        )

    def zero(self) -> str:
        return literal(0.0) if self.lanes == 1 else "zeroinitializer"

    def weight(self, number: object) -> str:
        return self.spread(self.c.load("%w", number))

    @contextmanager
    def each_point(self, terms: list[Term]) -> Iterator[str]:
        """For each of the points of a vector; by vector operations where the terms have them."""
        if self.lanes == 1:
            yield "0"
            return
        scalar = any(is_library_call(t) and t.op not in self.names.vector_functions for t in postorder(terms))
        with self.c.loop(self.lanes) as point:
            yield point
        if not scalar:
            self._mark(self.metadata.of_width(self.lanes))

    def _mark(self, properties: str) -> None:
        """Properties of the loop that ends here."""
        back = max(k for k, line in enumerate(self.c.lines) if line.startswith("  br label %head"))
        self.c.lines[back] += f", !llvm.loop {properties}"

    @contextmanager
    def units(self, count: int) -> Iterator[str]:
        """A loop over units, which stays one."""
        with self.c.loop(count) as unit:
            yield unit
        if count > 1:
            self._mark(self.metadata.as_it_is())

    def number(self, array: str, unit: str, point: str) -> str:
        """Where one number of an array lies."""
        return self.c.at(array, self.c.iadd(self.c.imul(unit, self.lanes), point))

    def term(self, term: Term, known: dict[Term, str]) -> str:
        emitter = Emitter(self.names, known)
        value = emitter.value(term)
        self.c.lines += emitter.lines
        return value

    # --- layers -------------------------------------------------------------------------------------------------------

    @cached_property
    def live(self) -> list[list[Places]]:
        """For each layer, the B whose h_B are not zero throughout: of the inputs only () and single ones."""
        first: list[Places] = [b for b in self.subsets if b == () or (len(b) == 1 and b[0] < self.shape.inputs)]
        return [first, *([self.subsets] * (len(self.shape.sizes) - 1))]

    def inputs(self, values: list[str]) -> dict[Places, str]:
        """h_B of the inputs."""
        found = {b: self.array(self.shape.inputs) for b in self.live[0]}
        one = self.spread(literal(1.0)) if len(found) > 1 else ""
        for j, x in enumerate(values):
            for b, array in found.items():
                self.put(x if b == () else one if b == (j,) else self.zero(), array, j)
        return found

    def sums(
        self, layer: int, rows: list[object], before: dict[Places, str], wanted: list[Places]
    ) -> list[dict[Places, str]]:
        """z_B of some units, whose sums run side by side."""
        shape, c = self.shape, self.c
        matrix, bias = shape.starts()[layer]
        columns = shape.sizes[layer]
        starts = [c.iadd(c.imul(row, columns), matrix) for row in rows]
        totals = []
        for row in rows:
            first = self.weight(c.iadd(row, bias)) if () in wanted else ""
            totals.append({b: c.variable(self.kind, first if b == () else self.zero()) for b in wanted})
        read = [b for b in wanted if b in before]
        with self.units(columns) as j:
            values = {b: self.get(before[b], j) for b in read}
            for start, own in zip(starts, totals, strict=True):
                w = self.weight(c.iadd(start, j))
                for b in read:
                    c.store(self.fused(w, values[b], c.load(own[b], 0, self.kind)), own[b], 0, self.kind)
        return [
            {b: self._with_own(layer, row, b, c.load(own[b], 0, self.kind), before) for b in wanted}
            for row, own in zip(rows, totals, strict=True)
        ]

    def _with_own(self, layer: int, row: object, b: Places, total: str, before: dict[Places, str]) -> str:
        """What the derivatives by weights of this layer add, in the rows of those weights."""
        c = self.c
        for unit in range(self.shape.sizes[layer + 1]) if any(p >= self.shape.inputs for p in b) else ():
            for factor, rest, column in own_shares(self.shape, layer, unit, b):
                if column is not None and rest not in before:
                    continue
                value = self.spread(literal(1.0)) if column is None else self.get(before[rest], column)
                more = self.fused(self.spread(literal(factor)), value, total)
                here = c.test("eq", row, unit)
                total = c.op(f"select i1 {here}, {self.kind} {more}, {self.kind} {total}")
        return total

    def hidden(self, layer: int, before: dict[Places, str]) -> tuple[dict[Places, str], dict[Places, str]]:
        """z_B and h_B of a hidden layer."""
        units = self.shape.sizes[layer + 1]
        z = {b: self.array(units) for b in self.subsets}
        h = {b: self.array(units) for b in self.subsets}
        terms = [self.jet.values[b] for b in self.subsets]
        together = 4 if units % 4 == 0 and self.shape.sizes[layer] > 2 and len(self.subsets) <= 3 else 1
        with self.units(units // together) as group:
            rows: list[object] = [self.c.iadd(self.c.imul(group, together), k) for k in range(together)]
            for row, totals in zip(rows, self.sums(layer, rows, before, self.subsets), strict=True):
                for b, total in totals.items():
                    self.put(total, z[b], row)
        with self.units(units) as unit, self.each_point(terms) as point:
            known = self.read(z, unit, point)
            for b, term in zip(self.subsets, terms, strict=True):
                value = self.term(term, known)
                if b == ():
                    known[V] = value
                self.c.store(value, self.number(h[b], unit, point))
        return z, h

    def read(self, z: dict[Places, str], unit: str, point: str) -> dict[Term, str]:
        return {self.jet.arguments[b]: self.c.load(self.number(z[b], unit, point)) for b in z}
