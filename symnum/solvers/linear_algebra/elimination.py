"""Gaussian elimination with row pivoting for small full matrices, real (width 1) or complex (width 2: re and im side by side).

P W = L U in place, row by row; the diagonal holds 1/u_kk, so that a solve does not divide. Golub, Van Loan, *Matrix Computations*, 4th ed.,
algorithm 3.4.1 in row order.
"""

from __future__ import annotations

from symnum.solvers.linear_algebra.code import REDUCE, Function

Number = tuple[str, ...]


class Field:
    """Numbers of one or two doubles in an array."""

    def __init__(self, f: Function, width: int) -> None:
        self.f, self.width = f, width

    def index(self, position: str) -> list[str]:
        if self.width == 1:
            return [position]
        first = self.f.emit(f"mul i64 {position}, 2")
        return [first, self.f.emit(f"add i64 {first}, 1")]

    def load(self, pointer: str, position: str) -> Number:
        return tuple(self.f.load(pointer, i) for i in self.index(position))

    def store(self, value: Number, pointer: str, position: str) -> None:
        for part, i in zip(value, self.index(position), strict=True):
            self.f.store(part, pointer, i)

    def multiply(self, a: Number, b: Number) -> Number:
        op = self.f.arithmetic
        if self.width == 1:
            return (op("fmul", a[0], b[0]),)
        real = op("fsub", op("fmul", a[0], b[0]), op("fmul", a[1], b[1]))
        return real, op("fadd", op("fmul", a[0], b[1]), op("fmul", a[1], b[0]))

    def subtract(self, a: Number, b: Number) -> Number:
        return tuple(self.f.arithmetic("fsub", x, y) for x, y in zip(a, b, strict=True))

    def inverse(self, a: Number) -> Number:
        op = self.f.arithmetic
        if self.width == 1:
            return (op("fdiv", "1.0", a[0]),)
        scale = op("fdiv", "1.0", op("fadd", op("fmul", a[0], a[0]), op("fmul", a[1], a[1])))
        return op("fmul", a[0], scale), op("fmul", self.f.emit(f"fneg double {a[1]}"), scale)

    def magnitude(self, a: Number) -> str:
        """|re| + |im|, as LAPACK compares pivots."""
        sizes = [self.f.emit(f"call double @llvm.fabs.f64(double {part})") for part in a]
        return sizes[0] if self.width == 1 else self.f.arithmetic("fadd", *sizes)


def eliminate(width: int) -> Function:
    """i32 eliminate(W, pivots, n): 1, or 0 where a pivot is 0 or NaN."""
    f = Function(f"internal i32 @eliminate{width}(ptr %w, ptr %pivots, i64 %n)")
    field, ok = Field(f, width), f.variable("i32", "1")
    with f.loop(0, "%n") as k:
        row, below = f.emit(f"mul i64 {k}, %n"), f.emit(f"add i64 {k}, 1")
        where, best = _pivot(f, field, k, below)
        f.write("i64", where, f.at("i64", "%pivots", k))
        with f.unless(f.emit(f"fcmp ogt double {best}, 0.0")):
            f.write("i32", "0", ok)
        with f.unless(f.emit(f"icmp eq i64 {where}, {k}")):
            _exchange(f, field, row, f.emit(f"mul i64 {where}, %n"))
        middle = f.emit(f"add i64 {row}, {k}")
        inverse = field.inverse(field.load("%w", middle))
        field.store(inverse, "%w", middle)
        with f.loop(below, "%n") as i:
            _reduce_row(f, field, k, row, f.emit(f"mul i64 {i}, %n"), inverse)
    f.do(f"ret i32 {f.read('i32', ok)}")
    return f


def _reduce_row(f: Function, field: Field, k: str, row: str, other: str, inverse: Number) -> None:
    """Row i minus l times row k, l kept in place of the zero; nothing to do where it is one already."""
    left = f.emit(f"add i64 {other}, {k}")
    entry = field.load("%w", left)
    with f.unless(f.emit(f"fcmp oeq double {field.magnitude(entry)}, 0.0")):
        factor = field.multiply(entry, inverse)
        field.store(factor, "%w", left)
        with f.loop(f.emit(f"add i64 {k}, 1"), "%n", parallel=True) as j:
            target = f.emit(f"add i64 {other}, {j}")
            taken = field.multiply(factor, field.load("%w", f.emit(f"add i64 {row}, {j}")))
            field.store(field.subtract(field.load("%w", target), taken), "%w", target)


def _pivot(f: Function, field: Field, k: str, below: str) -> tuple[str, str]:
    """Row of the largest entry of column k on or below the diagonal, and its size."""
    at = f.emit(f"add i64 {f.emit(f'mul i64 {k}, %n')}, {k}")
    where = f.variable("i64", k)
    best = f.variable("double", field.magnitude(field.load("%w", at)))
    with f.loop(below, "%n") as i:
        size = field.magnitude(field.load("%w", f.emit(f"add i64 {f.emit(f'mul i64 {i}, %n')}, {k}")))
        with f.when(f.emit(f"fcmp ogt double {size}, {f.read('double', best)}")):
            f.write("double", size, best)
            f.write("i64", i, where)
    return f.read("i64", where), f.read("double", best)


def _exchange(f: Function, field: Field, row: str, other: str) -> None:
    with f.loop(0, "%n", parallel=True) as j:
        first, second = f.emit(f"add i64 {row}, {j}"), f.emit(f"add i64 {other}, {j}")
        a, b = field.load("%w", first), field.load("%w", second)
        field.store(b, "%w", first)
        field.store(a, "%w", second)


def substitute(width: int) -> Function:
    """void substitute(W, pivots, n, x): x = U^-1 L^-1 P x."""
    f = Function(f"internal void @substitute{width}(ptr %w, ptr %pivots, i64 %n, ptr %x)")
    field = Field(f, width)
    with f.loop(0, "%n") as k:
        where = f.read("i64", f.at("i64", "%pivots", k))
        a, b = field.load("%x", k), field.load("%x", where)
        field.store(a, "%x", where)
        field.store(b, "%x", k)
    with f.loop(0, "%n") as i:
        _row(f, field, i, "0", i)
    with f.loop(0, "%n") as up:
        i = f.emit(f"sub i64 {f.emit('sub i64 %n, 1')}, {up}")
        _row(f, field, i, f.emit(f"add i64 {i}, 1"), "%n")
        inverse = field.load("%w", f.emit(f"add i64 {f.emit(f'mul i64 {i}, %n')}, {i}"))
        field.store(field.multiply(field.load("%x", i), inverse), "%x", i)
    f.do("ret void")
    return f


def _row(f: Function, field: Field, i: str, start: str, stop: str) -> None:
    """x[i] minus the sum of w[i, j] x[j]."""
    row = f.emit(f"mul i64 {i}, %n")
    parts = [f.variable("double", "0.0") for _ in range(field.width)]
    with f.loop(start, stop) as j:
        term = field.multiply(field.load("%w", f.emit(f"add i64 {row}, {j}")), field.load("%x", j))
        for part, value in zip(parts, term, strict=True):
            f.write("double", f.arithmetic("fadd", f.read("double", part), value, REDUCE), part)
    total = tuple(f.read("double", part) for part in parts)
    field.store(field.subtract(field.load("%x", i), total), "%x", i)
