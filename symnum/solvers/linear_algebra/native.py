"""The direct solvers as machine code: the five functions of ``NativeLinear`` over one block of memory.

    kind      matrix                      factors by
    small     full, row by row            elimination with row pivoting written out here: a call of LAPACK costs more than the arithmetic
    dense     full, column by column      LAPACK getrf, getrs
    banded    band, in an order that      LAPACK gbtrf, gbtrs
              makes it narrow
    pattern   sparse with its fill-in     rows in turn (``pattern``); SuperLU through Python where a pivot is small

n, the entries and the addresses are data of the context, so each kind is compiled once for all problems.
"""

from __future__ import annotations

import ctypes
import functools
from enum import IntEnum
from typing import Any

from symnum.solvers.linear_algebra.code import REDUCE, Function, module
from symnum.solvers.linear_algebra.contract import SLOTS

KINDS = ("small", "dense", "banded", "pattern")
FUNCTIONS = ("jacobian", "factor", "solve", "solve_complex", "product")


class Word(IntEnum):
    """What the 64-bit words of a context hold: numbers, or addresses of arrays and functions."""

    N = 0
    TOTAL = 1  # unknowns and integrals
    NONZEROS = 2
    INNER = 3  # entries in the rows of integrals, which come first
    SIZE = 4  # number of values
    STORAGE = 5  # numbers of one stored matrix
    VALUES = 6
    EVALUATE = 7  # void (double t, ptr y, ptr p, ptr values), or null
    AT = 8
    ROWS = 9
    COLUMNS = 10
    PLACE = 11  # of each entry in the stored matrix
    DIAGONAL = 12  # place of each diagonal entry
    MASS = 13
    COUNTERS = 14
    WORK = 15  # 2*total numbers
    PERMUTATION = 16  # banded, pattern: which unknown stands at each position
    BELOW = 17
    ABOVE = 18
    LEADING = 19  # length of a column of the stored matrix
    GETRF = 20
    GETRS = 21
    COMPLEX_GETRF = 22
    COMPLEX_GETRS = 23
    REAL = 24  # stored matrices of the slots
    COMPLEX = REAL + SLOTS
    PIVOTS = COMPLEX + SLOTS
    STARTS = PIVOTS + SLOTS  # pattern: of each row in the stored matrix; columns of its places; places of the diagonal
    INDICES = STARTS + 1
    DIAGONALS = STARTS + 2
    RESCUED = STARTS + 3  # two flags a slot, real and complex: the factors are kept outside
    RESCUE = STARTS + 4  # i32 (i32 slot, double shift, double imaginary)
    OUTSIDE = STARTS + 5  # i32 (i32 slot, ptr b_re, ptr b_im, ptr out_re, ptr out_im)
    COUNT = STARTS + 6


@functools.cache
def compiled(kind: str) -> Any:
    """The machine code of a kind, a ``codegen.jit.Module``."""
    from symnum.codegen.jit import compile_ir

    return compile_ir(text(kind))


def text(kind: str) -> str:
    """The LLVM text of a kind."""
    from symnum.solvers.linear_algebra import elimination, pattern

    parts = [_jacobian(), _product(), _assemble(1), _assemble(2), _factor(kind)]
    parts += [_solve(kind, 1, "solve"), _solve(kind, 2, "solve_complex")]
    if kind == "small":
        parts += [elimination.eliminate(w) for w in (1, 2)] + [elimination.substitute(w) for w in (1, 2)]
    if kind == "pattern":
        parts += [make(w) for make in (pattern.factorise, pattern.solve_rows) for w in (1, 2)]
    return module(parts, "declare double @llvm.fabs.f64(double)\ndeclare double @llvm.maxnum.f64(double, double)")


@functools.cache
def lapack(name: str) -> int:
    """The address of a LAPACK function in the library that SciPy brings (all arguments by reference, 32-bit integers)."""
    from scipy.linalg import cython_lapack

    capsule = cython_lapack.__pyx_capi__[name]
    named, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    named.restype, named.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, named(capsule)))


def word(f: Function, name: Word, offset: str | int = 0) -> str:
    """A number of the context; ``offset``: of a slot's own word."""
    base = f.at("i64", "%c", int(name))
    return f.read("i64", base if offset == 0 else f.at("i64", base, offset))


def array(f: Function, name: Word, offset: str | int = 0) -> str:
    """An address of the context."""
    base = f.at("ptr", "%c", int(name))
    return f.read("ptr", base if offset == 0 else f.at("ptr", base, offset))


def _count(f: Function, which: int) -> None:
    f.add_to(array(f, Word.COUNTERS), which, "1.0")


def _jacobian() -> Function:
    """Values at (t, y); 0 if one is not finite (x*0 is NaN for such, and NaN stays in the sum)."""
    f = Function("i32 @jacobian(ptr %c, double %t, ptr %y, ptr %p)")
    _count(f, 0)
    total = f.variable("double", "0.0")
    evaluate, values, size = array(f, Word.EVALUATE), array(f, Word.VALUES), word(f, Word.SIZE)
    with f.unless(f.emit(f"icmp eq ptr {evaluate}, null")):
        f.do(f"call void {evaluate}(double %t, ptr %y, ptr %p, ptr {values})")
        with f.loop(0, size) as i:
            nothing = f.arithmetic("fmul", f.load(values, i), "0.0", "contract")
            f.write("double", f.arithmetic("fadd", f.read("double", total), nothing, REDUCE), total)
    finite = f.emit(f"fcmp oeq double {f.read('double', total)}, 0.0")
    f.do(f"ret i32 {f.emit(f'zext i1 {finite} to i32')}")
    return f


def _product() -> Function:
    """out = J v; integrals first, each may read earlier ones."""
    f = Function("void @product(ptr %c, ptr %v, ptr %out)")
    n, total, inner, count = (word(f, w) for w in (Word.N, Word.TOTAL, Word.INNER, Word.NONZEROS))
    values, work = array(f, Word.VALUES), array(f, Word.WORK)
    at, rows, columns = (array(f, w) for w in (Word.AT, Word.ROWS, Word.COLUMNS))
    source = f.variable("ptr", "%v")
    with f.when(f.emit(f"icmp sgt i64 {inner}, 0")):
        f.write("ptr", work, source)
        with f.loop(0, n, parallel=True) as i:
            f.store(f.load("%v", i), work, i)
        with f.loop(n, total) as i:
            f.store("0.0", work, i)
        with f.loop(0, inner) as k:
            term = f.arithmetic("fmul", f.load(values, f.whole(at, k)), f.load(work, f.whole(columns, k)))
            f.add_to(work, f.whole(rows, k), term)
    read = f.read("ptr", source)
    with f.loop(0, n) as i:
        f.store("0.0", "%out", i)
    with f.loop(inner, count) as k:
        term = f.arithmetic("fmul", f.load(values, f.whole(at, k)), f.load(read, f.whole(columns, k)))
        f.add_to("%out", f.whole(rows, k), term)
    f.do("ret void")
    return f


def _assemble(width: int) -> Function:
    """W = shift*M - J (and 1 - M for integrals) in storage of ``width`` doubles a number."""
    f = Function(f"void @assemble{width}(ptr %c, ptr %w, double %shift, double %imaginary)")
    f.header = f"internal {f.header}"
    n, total, count, storage = (word(f, w) for w in (Word.N, Word.TOTAL, Word.NONZEROS, Word.STORAGE))
    values, at, place, diagonal = (array(f, w) for w in (Word.VALUES, Word.AT, Word.PLACE, Word.DIAGONAL))
    mass = array(f, Word.MASS)
    with f.loop(0, f.emit(f"mul i64 {storage}, {width}"), parallel=True) as i:
        f.store("0.0", "%w", i)
    with f.loop(0, count) as k:
        taken = f.emit(f"fneg double {f.load(values, f.whole(at, k))}")
        f.add_to("%w", _scaled(f, f.whole(place, k), width), taken)
    with f.loop(0, n) as i:
        where, m = _scaled(f, f.whole(diagonal, i), width), f.load(mass, i)
        f.add_to("%w", where, f.arithmetic("fmul", "%shift", m))
        if width == 2:
            f.add_to("%w", f.emit(f"add i64 {where}, 1"), f.arithmetic("fmul", "%imaginary", m))
    with f.loop(n, total) as i:
        f.add_to("%w", _scaled(f, f.whole(diagonal, i), width), "1.0")
    f.do("ret void")
    return f


def _scaled(f: Function, index: str, width: int) -> str:
    return index if width == 1 else f.emit(f"mul i64 {index}, {width}")


def _factor(kind: str) -> Function:
    f = Function("i32 @factor(ptr %c, i32 %slot, double %shift, double %imaginary)")
    _count(f, 1)
    slot = f.emit("sext i32 %slot to i64")
    status = f.variable("i32", "0")
    real = f.emit("fcmp oeq double %imaginary, 0.0")
    for width, words, condition in ((1, Word.REAL, f.when), (2, Word.COMPLEX, f.unless)):
        with condition(real):
            w = array(f, words, slot)
            f.do(f"call void @assemble{width}(ptr %c, ptr {w}, double %shift, double %imaginary)")
            f.write("i32", _factorised(f, kind, width, w, slot), status)
            if kind == "pattern":
                _rescue(f, width, slot, status)
    f.do(f"ret i32 {f.read('i32', status)}")
    return f


def _factorised(f: Function, kind: str, width: int, w: str, slot: str) -> str:
    """Factorise in place; gives 1 or 0 (i32)."""
    pivots = array(f, Word.PIVOTS, slot)
    if kind == "small":
        return f.emit(f"call i32 @eliminate{width}(ptr {w}, ptr {pivots}, i64 {word(f, Word.TOTAL)})")
    if kind == "pattern":
        return f.emit(f"call i32 @factorise{width}({_rows(f, w)}, ptr {array(f, Word.WORK)})")
    n, leading, info = _integer(f, Word.TOTAL), _integer(f, Word.LEADING), f.variable("i32", "0")
    function = array(f, Word.GETRF if width == 1 else Word.COMPLEX_GETRF)
    band = f"ptr {_integer(f, Word.BELOW)}, ptr {_integer(f, Word.ABOVE)}, " if kind == "banded" else ""
    f.do(f"call void {function}(ptr {n}, ptr {n}, {band}ptr {w}, ptr {leading}, ptr {pivots}, ptr {info})")
    done = f.emit(f"icmp eq i32 {f.read('i32', info)}, 0")
    return f.emit(f"zext i1 {done} to i32")


def _rescue(f: Function, width: int, slot: str, status: str) -> None:
    """Factors kept outside where a pivot was small; a flag says which serve."""
    flag = f.at("i64", array(f, Word.RESCUED), f.emit(f"add i64 {f.emit(f'mul i64 {slot}, 2')}, {width - 1}"))
    f.write("i64", "0", flag)
    with f.when(f.emit(f"icmp eq i32 {f.read('i32', status)}, 0")):
        f.write("i64", "1", flag)
        called = f"call i32 {array(f, Word.RESCUE)}(i32 %slot, double %shift, double %imaginary)"
        f.write("i32", f.emit(called), status)


def _outside(f: Function, width: int) -> None:
    """Return what the factors kept outside give, where they serve."""
    slot = f.emit("sext i32 %slot to i64")
    flag = f.at("i64", array(f, Word.RESCUED), f.emit(f"add i64 {f.emit(f'mul i64 {slot}, 2')}, {width - 1}"))
    vectors = "ptr %b0, ptr null, ptr %out0, ptr null" if width == 1 else "ptr %b0, ptr %b1, ptr %out0, ptr %out1"
    kept, inside = f.label("kept"), f.label("inside")
    nothing = f.emit(f"icmp eq i64 {f.read('i64', flag)}, 0")
    f.do(f"br i1 {nothing}, label %{inside}, label %{kept}")
    f.lines.append(f"{kept}:")
    f.do(f"ret i32 {f.emit(f'call i32 {array(f, Word.OUTSIDE)}(i32 %slot, {vectors})')}")
    f.lines.append(f"{inside}:")


def _integer(f: Function, name: Word) -> str:
    """A word as LAPACK takes it: by reference, 32 bits."""
    return f.variable("i32", f.emit(f"trunc i64 {word(f, name)} to i32"))


def _solve(kind: str, width: int, name: str) -> Function:
    """Copy b (in the order of the stored matrix, zeros for integrals) into the work array, solve there, copy back."""
    arguments = "ptr %b0, ptr %out0" if width == 1 else "ptr %b0, ptr %b1, ptr %out0, ptr %out1"
    f = Function(f"i32 @{name}(ptr %c, i32 %slot, {arguments})")
    _count(f, 2)
    slot = f.emit("sext i32 %slot to i64")
    if kind == "pattern":
        _outside(f, width)
    n, total, work = word(f, Word.N), word(f, Word.TOTAL), array(f, Word.WORK)
    order = array(f, Word.PERMUTATION) if kind in ("banded", "pattern") else ""
    with f.loop(0, n, parallel=True) as i:
        source = f.whole(order, i) if order else i
        for part in range(width):
            f.store(f.load(f"%b{part}", source), work, _part(f, i, part, width))
    with f.loop(n, total) as i:
        for part in range(width):
            f.store("0.0", work, _part(f, i, part, width))
    _substituted(f, kind, width, work, slot)
    with f.loop(0, n, parallel=True) as i:
        target = f.whole(order, i) if order else i
        for part in range(width):
            f.store(f.load(work, _part(f, i, part, width)), f"%out{part}", target)
    f.do("ret i32 1")
    return f


def _rows(f: Function, w: str) -> str:
    """A stored matrix row by row, as arguments."""
    places = ", ".join(f"ptr {array(f, name)}" for name in (Word.STARTS, Word.INDICES, Word.DIAGONALS))
    return f"ptr {w}, {places}, i64 {word(f, Word.TOTAL)}"


def _part(f: Function, index: str, part: int, width: int) -> str:
    scaled = _scaled(f, index, width)
    return scaled if part == 0 else f.emit(f"add i64 {scaled}, 1")


def _substituted(f: Function, kind: str, width: int, work: str, slot: str) -> None:
    w, pivots = array(f, Word.REAL if width == 1 else Word.COMPLEX, slot), array(f, Word.PIVOTS, slot)
    if kind == "small":
        f.do(f"call void @substitute{width}(ptr {w}, ptr {pivots}, i64 {word(f, Word.TOTAL)}, ptr {work})")
        return
    if kind == "pattern":
        f.do(f"call void @solve_rows{width}({_rows(f, w)}, ptr {work})")
        return
    n, leading = _integer(f, Word.TOTAL), _integer(f, Word.LEADING)
    one, info, letter = f.variable("i32", "1"), f.variable("i32", "0"), f.variable("i8", str(ord("N")))
    function = array(f, Word.GETRS if width == 1 else Word.COMPLEX_GETRS)
    band = f"ptr {_integer(f, Word.BELOW)}, ptr {_integer(f, Word.ABOVE)}, " if kind == "banded" else ""
    tail = f"ptr {one}, ptr {w}, ptr {leading}, ptr {pivots}, ptr {work}, ptr {n}, ptr {info}"
    f.do(f"call void {function}(ptr {letter}, ptr {n}, {band}{tail})")
