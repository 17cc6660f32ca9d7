"""Products of small matrices as machine code, in vectors of eight doubles that stay in registers.

    outer    C[r, :] += sum_k A(r, k) B[k, :]          A(r, k) at A + r*row + k*step: one number times a vector
    inner    C[r, o]  = sum_: A[r, :] . B[o, :]        vector times vector, summed at the end

Rows of B and C are padded to whole vectors (``padded``), the padding of weights is zero. Four rows of A are handled together, so a vector of B is
loaded once for four multiply-adds, and eight sums run side by side, which hides the time that one takes.
"""

from __future__ import annotations

from dataclasses import dataclass

from symnum.codegen.llvm_code import FLAGS, Code, Metadata
from symnum.codegen.llvm_emit import literal
from symnum.neural.native.layers import LANES

VECTOR = f"<{LANES} x double>"
ROWS, SUMS = 4, 8  # rows handled together; sums kept in registers

DECLARED = (
    f"declare {VECTOR} @llvm.fmuladd.v{LANES}f64({VECTOR}, {VECTOR}, {VECTOR})",
    f"declare double @llvm.vector.reduce.fadd.v{LANES}f64(double, {VECTOR})",
)


@dataclass(frozen=True)
class Outer:
    """C[r, 0:width] (+)= sum_k A(r, k) B[k, 0:width]; ``row``, ``step``: strides of A; ``width``, a multiple of LANES: of B and C.

    ``start``: "add" (to what C holds), "zero", or "bias" (a vector, the same for every row).
    """

    row: int
    step: int
    width: int
    start: str

    @property
    def name(self) -> str:
        return f"outer_{self.row}_{self.step}_{self.width}_{self.start}"

    def text(self, metadata: Metadata) -> str:
        """void NAME(rows, count, A, B, C, bias)."""
        c = Code(metadata, self.name, "i64 rows, i64 count, ptr a, ptr b, ptr c, ptr bias", inline=False)
        tiles = c.op(f"udiv i64 %rows, {ROWS}")
        with c.loop(tiles) as tile:
            self._rows(c, c.imul(tile, ROWS), ROWS)
        with c.loop("%rows", start=c.imul(tiles, ROWS)) as row:
            self._rows(c, row, 1)
        c.line("ret void")
        return c.text()

    def _rows(self, c: Code, first: str, rows: int) -> None:
        """Some rows of C, a few vectors at a time."""
        vectors, together = self.width // LANES, max(1, SUMS // rows)
        places = [c.iadd(first, r) for r in range(rows)]
        heads = [c.at("%a", c.imul(place, self.row)) for place in places]
        outs = [c.at("%c", c.imul(place, self.width)) for place in places]
        for begin in range(0, vectors, together):
            columns = range(begin, min(vectors, begin + together))
            sums = [[c.variable(VECTOR, self._first(c, out, k)) for k in columns] for out in outs]
            with c.loop("%count") as step:
                line = c.at("%b", c.imul(step, self.width))
                row_of_b = [load(c, line, LANES * k) for k in columns]
                at = c.imul(step, self.step)
                for head, own in zip(heads, sums, strict=True):
                    number = spread(c, c.load(head, at))
                    for total, vector in zip(own, row_of_b, strict=True):
                        c.store(fused(c, number, vector, c.load(total, 0, VECTOR)), total, 0, VECTOR)
            for out, own in zip(outs, sums, strict=True):
                for k, total in zip(columns, own, strict=True):
                    store(c, c.load(total, 0, VECTOR), out, LANES * k)

    def _first(self, c: Code, out: str, k: int) -> str:
        if self.start == "zero":
            return "zeroinitializer"
        return load(c, out if self.start == "add" else "%bias", LANES * k)


@dataclass(frozen=True)
class Inner:
    """C[r, o] (+)= sum over ``width`` of A[r, :] B[o, :] for ``outputs`` rows of B; rows of C lie ``stride`` apart. ``start``: as in ``Outer``."""

    width: int
    outputs: int
    stride: int
    start: str

    @property
    def name(self) -> str:
        return f"inner_{self.width}_{self.outputs}_{self.stride}_{self.start}"

    def text(self, metadata: Metadata) -> str:
        """void NAME(rows, A, B, C, bias)."""
        c = Code(metadata, self.name, "i64 rows, ptr a, ptr b, ptr c, ptr bias", inline=False)
        with c.loop("%rows") as row:
            a, out = c.at("%a", c.imul(row, self.width)), c.at("%c", c.imul(row, self.stride))
            if self.start != "add" and self.outputs > ROWS:
                clear_end(c, out, self.outputs, self.stride)
            whole = self.outputs // ROWS * ROWS
            if whole:
                with c.loop(whole // ROWS) as tile:
                    self._outputs(c, a, out, c.imul(tile, ROWS), ROWS)
            if self.outputs - whole:
                self._outputs(c, a, out, str(whole), self.outputs - whole)
        c.line("ret void")
        return c.text()

    def _outputs(self, c: Code, a: str, out: str, first: str, count: int) -> None:
        lines = [c.at("%b", c.imul(c.iadd(first, o), self.width)) for o in range(count)]
        sums = [c.variable(VECTOR, "zeroinitializer") for _ in lines]
        with c.loop(self.width // LANES) as step:
            at = c.imul(step, LANES)
            vector = load(c, a, at)
            for line, total in zip(lines, sums, strict=True):
                c.store(fused(c, vector, load(c, line, at), c.load(total, 0, VECTOR)), total, 0, VECTOR)
        made = []
        for o, total in enumerate(sums):
            place = c.iadd(first, o)
            begin = literal(0.0) if self.start == "zero" else c.load(out if self.start == "add" else "%bias", place)
            reduce = f"@llvm.vector.reduce.fadd.v{LANES}f64"
            made.append(
                c.op(f"call reassoc {FLAGS} double {reduce}(double {begin}, {VECTOR} {c.load(total, 0, VECTOR)})")
            )
        if self.outputs <= ROWS:
            store(c, gathered(c, made), out, 0)
            return
        for o, number in enumerate(made):
            c.store(number, out, c.iadd(first, o))


def load(c: Code, pointer: str, index: object) -> str:
    """A vector from ``index`` numbers behind a pointer."""
    return c.op(f"load {VECTOR}, ptr {c.at(pointer, index)}, align 8")


def store(c: Code, value: str, pointer: str, index: object) -> None:
    c.line(f"store {VECTOR} {value}, ptr {c.at(pointer, index)}, align 8")


def gathered(c: Code, numbers: list[str]) -> str:
    """Some numbers as a vector, zeros behind them. Stored whole, it can be loaded again at once; its numbers stored one by one can not."""
    vector = "zeroinitializer"
    for k, number in enumerate(numbers):
        vector = c.op(f"insertelement {VECTOR} {vector}, double {number}, i32 {k}")
    return vector


def clear_end(c: Code, row: str, width: int, stride: int) -> None:
    """Zeros in a row's padding; the numbers of its last vector are written afterwards."""
    if width < stride:
        store(c, "zeroinitializer", row, stride - LANES)


def spread(c: Code, number: str) -> str:
    """The same number in every lane."""
    one = c.op(f"insertelement {VECTOR} poison, double {number}, i32 0")
    return c.op(f"shufflevector {VECTOR} {one}, {VECTOR} poison, <{LANES} x i32> zeroinitializer")


def fused(c: Code, a: str, b: str, total: str) -> str:
    """a*b + total."""
    function = f"@llvm.fmuladd.v{LANES}f64"
    return c.op(f"call {VECTOR} {function}({VECTOR} {a}, {VECTOR} {b}, {VECTOR} {total})")
