"""Exact solves by Fourier transforms in machine code: the native face of ``transform.Transformed`` on periodic grids.

The code is made for the number of fields k and for real or complex symbols: the products with the k x k blocks of a mode (2k x 2k for complex shifts)
are one sweep over the coefficients, kept as real and imaginary parts apart. Blocks of one or two fields with a real symbol are inverted here too,
others by NumPy.
"""

from __future__ import annotations

import ctypes
import functools
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen import fft
from symnum.codegen.llvm_code import Code, Metadata
from symnum.solvers.linear_algebra.bases import Fourier
from symnum.solvers.linear_algebra.contract import SLOTS, NativeLinear
from symnum.solvers.linear_algebra.diagonal import Diagonalisation

if TYPE_CHECKING:
    from symnum.solvers.linear_algebra.transform import Transformed

Pair = tuple[str, str]
Values = NDArray[Any]
MOST_FIELDS = 4  # of generated products
_SOLVE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, ctypes.c_void_p, ctypes.c_void_p)
_FACTOR = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p, ctypes.c_int32, ctypes.c_double, ctypes.c_double)


class Word(IntEnum):
    """The 64-bit words of a context: numbers and addresses."""

    POINTS = 0  # of a field
    MODES = 1
    PLAN = 2
    RE = 3  # coefficients, (2k, modes)
    IM = 4
    COUNTERS = 5
    SYMBOL_RE = 6  # (k, k, modes)
    SYMBOL_IM = 7
    MASS = 8
    RFFT = 9  # the transforms of ``codegen.fft``
    IRFFT = 10
    SLOT = 11  # of each slot: real inverse re, im, complex inverse re, im
    COUNT = SLOT + 4 * SLOTS


def suits(basis: Diagonalisation) -> bool:
    """True for few fields on a periodic grid that the generated transforms take."""
    periodic = all(isinstance(b, Fourier) for b in basis.bases)
    return periodic and basis.fields <= MOST_FIELDS and fft.suits(basis.grid)


@functools.cache
def transforms() -> Any:
    """The machine code of the transforms, the same for all grids."""
    from symnum.codegen.jit import compile_ir

    return compile_ir(fft.module_text())


@functools.cache
def compiled(fields: int, complex_symbol: bool) -> Any:
    """The machine code for a number of fields, a ``codegen.jit.Module``."""
    from symnum.codegen.jit import compile_ir

    return compile_ir(text(fields, complex_symbol))


def text(k: int, complex_symbol: bool) -> str:
    """Its LLVM text."""
    metadata = Metadata()
    functions = [_transform(metadata, k, forward).text() for forward in (True, False)]
    functions += [_blocks(metadata, size, complex_symbol).text() for size in (k, 2 * k)]
    functions += [_solve(metadata, k, False).text(), _solve(metadata, k, True).text(), _product(metadata, k).text()]
    functions += [_jacobian(metadata).text(), _advance_count(metadata).text()]
    if invertible_here(k, complex_symbol):
        functions.append(_factor(metadata, k).text())
    return "\n".join([*functions, *metadata.lines, ""])


def invertible_here(k: int, complex_symbol: bool) -> bool:
    """Blocks whose inverse is written out."""
    return k <= 2 and not complex_symbol


def _word(c: Code, name: int | str, kind: str = "ptr") -> str:
    return c.load("%c", int(name) if isinstance(name, int) else name, kind)


def _jacobian(metadata: Metadata) -> Code:
    """L is constant."""
    c = Code(metadata, "jacobian", "ptr c, double t, ptr y, ptr p", "i32", internal=False)
    c.line("ret i32 1")
    return c


def _advance_count(metadata: Metadata) -> Code:
    c = Code(metadata, "count", "ptr c, i64 which")
    counters = _word(c, Word.COUNTERS)
    c.store(c.op(f"fadd double {c.load(counters, '%which')}, 1.0"), counters, "%which")
    c.line("ret void")
    return c


def _transform(metadata: Metadata, k: int, forward: bool) -> Code:
    """All fields of a state to coefficients from field ``first`` on, or back."""
    c = Code(metadata, "forward" if forward else "backward", "ptr c, ptr y, i64 first")
    points, modes = _word(c, Word.POINTS, "i64"), _word(c, Word.MODES, "i64")
    plan, re, im, transform = (_word(c, w) for w in (Word.PLAN, Word.RE, Word.IM, Word.RFFT if forward else Word.IRFFT))
    with c.loop(k) as field:
        values = c.at("%y", c.imul(field, points))
        at = c.imul(c.iadd(field, "%first"), modes)
        parts = f"ptr {c.at(re, at)}, ptr {c.at(im, at)}"
        if forward:
            c.line(f"call void {transform}(ptr {plan}, ptr {values}, {parts})")
        else:
            c.line(f"call void {transform}(ptr {plan}, {parts}, ptr {values})")
    c.line("ret void")
    return c


def _blocks(metadata: Metadata, size: int, complex_symbol: bool) -> Code:
    """Coefficients of ``size`` fields times blocks (size, size, modes), in place."""
    c = Code(metadata, f"blocks{size}", "ptr c, ptr br, ptr bi")
    modes, re, im = _word(c, Word.MODES, "i64"), _word(c, Word.RE), _word(c, Word.IM)
    starts = [c.imul(modes, a) for a in range(size * size)]
    rows = [(c.at(re, starts[a]), c.at(im, starts[a])) for a in range(size)]
    entries = [(c.at("%br", s), c.at("%bi", s) if complex_symbol else "") for s in starts]
    with c.loop(modes, vector=True) as m:
        given = [(c.load(r, m), c.load(i, m)) for r, i in rows]
        made = []
        for a in range(size):
            terms = [_times(c, entries[a * size + b], m, given[b], complex_symbol) for b in range(size)]
            total = terms[0]
            for term in terms[1:]:
                total = c.add(total[0], term[0]), c.add(total[1], term[1])
            made.append(total)
        for (r, i), value in zip(rows, made, strict=True):
            c.store(value[0], r, m)
            c.store(value[1], i, m)
    c.line("ret void")
    return c


def _times(c: Code, entry: Pair, m: str, value: Pair, complex_symbol: bool) -> Pair:
    factor = c.load(entry[0], m)
    if complex_symbol:
        return c.times((factor, c.load(entry[1], m)), value)
    return c.mul(factor, value[0]), c.mul(factor, value[1])


def _solve(metadata: Metadata, k: int, double: bool) -> Code:
    vectors = ("b0", "b1") if double else ("b0",)
    outs = ("x0", "x1") if double else ("x0",)
    arguments = ", ".join(["ptr c", "i32 slot", *(f"ptr {v}" for v in (*vectors, *outs))])
    c = Code(metadata, "solve_complex" if double else "solve", arguments, "i32", internal=False)
    c.line("call void @count(ptr %c, i64 2)")
    at = c.iadd(c.imul(c.op("sext i32 %slot to i64"), 4), int(Word.SLOT) + 2 * double)
    for number, vector in enumerate(vectors):
        c.line(f"call void @forward(ptr %c, ptr %{vector}, i64 {number * k})")
    parts = f"ptr {_word(c, at)}, ptr {_word(c, c.iadd(at, 1))}"
    c.line(f"call void @blocks{2 * k if double else k}(ptr %c, {parts})")
    for number, out in enumerate(outs):
        c.line(f"call void @backward(ptr %c, ptr %{out}, i64 {number * k})")
    c.line("ret i32 1")
    return c


def _product(metadata: Metadata, k: int) -> Code:
    c = Code(metadata, "product", "ptr c, ptr v, ptr out", internal=False)
    c.line("call void @forward(ptr %c, ptr %v, i64 0)")
    c.line(f"call void @blocks{k}(ptr %c, ptr {_word(c, Word.SYMBOL_RE)}, ptr {_word(c, Word.SYMBOL_IM)})")
    c.line("call void @backward(ptr %c, ptr %out, i64 0)")
    c.line("ret void")
    return c


def _factor(metadata: Metadata, k: int) -> Code:
    """(shift*M - symbol)^-1 by the formula for one or two fields; 0 where a block is singular (its inverse times 0 is NaN)."""
    c = Code(metadata, "factor", "ptr c, i32 slot, double shift, double imaginary", "i32", internal=False)
    c.line("call void @count(ptr %c, i64 1)")
    at = c.iadd(c.imul(c.op("sext i32 %slot to i64"), 4), int(Word.SLOT))
    modes, out, symbol, mass = _word(c, Word.MODES, "i64"), _word(c, at), _word(c, Word.SYMBOL_RE), _word(c, Word.MASS)
    starts = [c.imul(modes, a) for a in range(k * k)]
    shifts = [c.mul("%shift", c.load(mass, a)) for a in range(k)]
    sources, targets = [c.at(symbol, s) for s in starts], [c.at(out, s) for s in starts]
    total = c.variable("double", "0.0")
    with c.loop(modes, vector=True) as m:
        s = [c.load(source, m) for source in sources]
        w = [c.sub(shifts[n // k], x) if n % (k + 1) == 0 else c.op(f"fneg double {x}") for n, x in enumerate(s)]
        inverse = [c.op(f"fdiv double 1.0, {w[0]}")] if k == 1 else _inverse_of_two(c, w)
        for target, value in zip(targets, inverse, strict=True):
            c.store(value, target, m)
    with c.loop(modes) as m:
        nothing = c.op(f"fmul double {c.load(targets[0], m)}, 0.0")
        c.store(c.op(f"fadd reassoc double {c.load(total)}, {nothing}"), total)
    finite = c.op(f"fcmp oeq double {c.load(total)}, 0.0")
    c.line(f"ret i32 {c.op(f'zext i1 {finite} to i32')}")
    return c


def _inverse_of_two(c: Code, w: list[str]) -> list[str]:
    determinant = c.sub(c.mul(w[0], w[3]), c.mul(w[1], w[2]))
    scale = c.op(f"fdiv double 1.0, {determinant}")
    turned = c.op(f"fneg double {scale}")
    return [c.mul(w[3], scale), c.mul(w[1], turned), c.mul(w[2], turned), c.mul(w[0], scale)]


class Context:
    """The memory of a native solver by transforms.

    Args:
        solver: whose inverses it shares: what NumPy inverts is put into the slots by ``enter``.
    """

    def __init__(self, solver: Transformed) -> None:
        basis = solver.basis
        k, modes = basis.fields, int(np.prod(basis.modes))
        self.solver, self.plan, self.complex = solver, fft.GridPlan(basis.grid), np.iscomplexobj(basis.symbol)
        self.words = np.zeros(Word.COUNT, dtype=np.int64)
        self.arrays: dict[int, Values] = {Word.RE: np.zeros(2 * k * modes), Word.IM: np.zeros(2 * k * modes)}
        self.arrays |= {Word.COUNTERS: solver.counters, Word.MASS: np.array(solver.mass)}
        self._put(Word.SYMBOL_RE, basis.symbol)
        for slot in range(SLOTS):
            self._put(Word.SLOT + 4 * slot, np.zeros((k, k, *basis.modes)))
        for name, values in self.arrays.items():
            self.words[name] = values.ctypes.data
        self.words[Word.POINTS], self.words[Word.MODES] = basis.n // k, modes
        self.words[Word.PLAN] = self.plan.address
        self.words[Word.RFFT], self.words[Word.IRFFT] = (transforms().address(name) for name in ("rfft", "irfft"))

    def _put(self, name: int, values: Values) -> None:
        """Blocks into the word ``name`` (real parts) and the next one."""
        self.arrays[name] = np.ascontiguousarray(values.real)
        self.words[name] = self.arrays[name].ctypes.data
        if self.complex:
            self.arrays[name + 1] = np.ascontiguousarray(values.imag)
            self.words[name + 1] = self.arrays[name + 1].ctypes.data

    def enter(self, slot: int, real: bool, inverse: Values) -> None:
        """Blocks that NumPy inverted."""
        self._put(Word.SLOT + 4 * slot + (0 if real else 2), inverse)

    def enter_symbol(self, symbol: Values) -> None:
        """Another symbol of the same kind."""
        self._put(Word.SYMBOL_RE, symbol)

    def solve(self, b: Values, out: Values) -> None:
        """The native solve with slot 0, called from Python; b and out contiguous."""
        self.function(self.words.ctypes.data, 0, b.ctypes.data, out.ctypes.data)

    @functools.cached_property
    def function(self) -> Any:
        """The native solve as a ctypes function."""
        return _SOLVE(compiled(self.solver.basis.fields, bool(self.complex)).address("solve"))

    def native(self) -> NativeLinear:
        """The addresses; factors that are not written out call back into Python."""
        module = compiled(self.solver.basis.fields, bool(self.complex))
        inside = invertible_here(self.solver.basis.fields, bool(self.complex))
        direct = module.address("factor") if inside else 0
        own = _FACTOR(direct) if inside else None
        address = self.words.ctypes.data

        def factor(_: int, slot: int, shift: float, imaginary: float) -> int:
            if own is not None and imaginary == 0.0:
                return int(own(address, slot, shift, imaginary))
            try:
                return int(self.solver.factor(slot, complex(shift, imaginary)))
            except BaseException as error:  # raised when the native function has returned
                self.solver.raised = error
                return 0

        callback = _FACTOR(factor)
        pointer = ctypes.cast(callback, ctypes.c_void_p).value
        assert pointer is not None
        others = {name: module.address(name) for name in ("jacobian", "solve", "solve_complex", "product")}
        return NativeLinear(
            address, factor=pointer, **others, keepalive=(self, module, callback), counters=self.solver.counters
        )
