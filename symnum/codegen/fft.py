"""Fast Fourier transforms of real grids in machine code, so that native drivers need not leave it.

Stockham's algorithm (C. Van Loan, Computational Frameworks for the Fast Fourier Transform, SIAM 1992, section 1.7) in
passes of radix 4, 2, 3, 5 and 7: no reordering, and inner loops that run along contiguous numbers. A pass on n =
r*l*m numbers, with w = exp(-2 pi i/(r l)), is

    y[(j r + q) m + k] = w^(j q) sum_p x[(j + p l) m + k] exp(-2 pi i p q/r)            0 <= j < l, 0 <= q < r, 0 <= k < m

Real and imaginary parts lie apart. Real rows of length 2h are transformed as h complex numbers and taken apart
afterwards; the other axes of a grid are transforms of whole rows at a time (m starts at the length of what lies
inside). The inverse is the same with real and imaginary parts exchanged.

The code is one module for all grids (``module_text``); what depends on the grid is a plan in memory (``GridPlan``).
"""

from __future__ import annotations

from functools import cache
from math import cos, pi, prod, sin
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.llvm_code import Code, Metadata
from symnum.codegen.llvm_emit import literal

RADICES = (4, 2, 3, 5, 7)
Words = NDArray[np.int64]


def factors(n: int) -> list[int] | None:
    """n as a product of radices, large ones of 4 first; None where it has a larger prime factor."""
    found = []
    for radix in RADICES:
        while n % radix == 0:
            found.append(radix)
            n //= radix
    return found if n == 1 else None


def suits(shape: tuple[int, ...]) -> bool:
    """Grids that the generated code transforms: an even last axis, no prime factor above 7."""
    return shape[-1] % 2 == 0 and all(factors(n) is not None for n in (*shape[:-1], shape[-1] // 2))


def radices(shape: tuple[int, ...]) -> tuple[int, ...]:
    """What code for a grid needs: 4 and 2 always, and odd ones (all up to the largest, so that there are few codes)."""
    odd = {r for n in (*shape[:-1], shape[-1] // 2) for r in factors(n) or () if r % 2}
    return tuple(r for r in RADICES if r in (4, 2) or r <= max(odd, default=2))


class GridPlan:
    """What the generated code knows of a grid: radices, roots of unity, strides; ``address`` of the table of 64-bit words.

    words = rows, h, (plan of a row), roots of the real transform, scale, number of other axes, (plan, outer, stride,
    inner) of each, scratch
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        assert suits(shape)
        self.shape, self.keep = shape, list[Any]()
        h = shape[-1] // 2
        self.modes = (*shape[:-1], h + 1)
        k = np.arange(h + 1)
        roots = np.concatenate([np.cos(pi * k / h), -np.sin(pi * k / h)])
        words = [prod(shape[:-1]), h, self._axis(h), self._kept(roots), _bits(1.0 / prod(shape)), len(shape) - 1]
        for axis in reversed(range(len(shape) - 1)):
            inner = prod(self.modes[axis + 1 :])
            words += [self._axis(shape[axis]), prod(shape[:axis]), shape[axis] * inner, inner]
        size = prod(self.modes)
        scratch = [self._kept(np.zeros(max(size, 8))) for _ in range(4)]
        self.words = np.array([*words[:6], *scratch, *words[6:]], dtype=np.int64)
        self.address = self.words.ctypes.data

    def _kept(self, array: NDArray[Any]) -> int:
        self.keep.append(array)
        return int(array.ctypes.data)

    def _axis(self, n: int) -> int:
        """The plan of a complex transform: number of passes, n, then (radix, l, roots) of each pass."""
        radices = factors(n)
        assert radices is not None
        words, left = [len(radices), n], n
        for radix in radices:
            length = left // radix
            j, q = np.arange(length), np.arange(1, radix)[:, None]
            angle = -2 * pi * ((j * q) % left) / left
            words += [radix, length, self._kept(np.stack([np.cos(angle), np.sin(angle)], axis=1).ravel().copy())]
            left = length
        return self._kept(np.array(words, dtype=np.int64))


def _bits(value: float) -> int:
    return int(np.float64(value).view(np.int64))


ROWS, HALF, ROW_PLAN, ROOTS, SCALE, AXES, SCRATCH, FIRST_AXIS = 0, 1, 2, 3, 4, 5, 6, 10


@cache
def module_text() -> str:
    """The LLVM functions ``rfft(plan, x, re, im)`` and ``irfft(plan, re, im, x)``, which overwrites re and im on more
    than one axis."""
    metadata = Metadata()
    return "\n".join([*functions(metadata), *metadata.lines, ""])


def functions(metadata: Metadata, radices: tuple[int, ...] = RADICES) -> list[str]:
    """The text of all functions, without metadata; ``radices``: those of the grids they are for."""
    made = [_pass(metadata, radix, first).text() for radix in radices for first in (True, False)]
    made += [
        _complex(metadata, radices).text(),
        _split(metadata).text(),
        _join(metadata).text(),
        _after(metadata).text(),
        _before(metadata).text(),
    ]
    made += [_forward(metadata).text(), _backward(metadata).text()]
    return [*made, "declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)"]


# --- one pass ---

_PASS = "ptr xr, ptr xi, ptr yr, ptr yi, ptr w, i64 l, i64 m"


def _pass(metadata: Metadata, radix: int, first: bool) -> Code:
    """``first``: m = 1, and the loop along j is the vector loop."""
    c = Code(metadata, f"pass{radix}{'_first' if first else ''}", _PASS, inline=False)
    with c.loop("%l", vector=first) as j:
        roots = [_root(c, q, j) for q in range(1, radix)]
        if first:
            _butterfly(c, radix, j, "%l", c.imul(j, radix), "1", roots)
        else:
            stride, source, target = c.imul("%l", "%m"), c.imul(j, "%m"), c.imul(c.imul(j, radix), "%m")
            with c.loop("%m", vector=True) as k:
                _butterfly(c, radix, c.iadd(source, k), stride, c.iadd(target, k), "%m", roots)
    c.line("ret void")
    return c


def _root(c: Code, q: int, j: str) -> tuple[str, str]:
    at = c.iadd(c.imul("%l", 2 * (q - 1)), j)
    return c.load("%w", at), c.load("%w", c.iadd(at, "%l"))


def _butterfly(
    c: Code, radix: int, source: str, stride: str, target: str, step: str, roots: list[tuple[str, str]]
) -> None:
    x, at = [], source
    for p in range(radix):
        x.append((c.load("%xr", at), c.load("%xi", at)))
        at = c.iadd(at, stride) if p < radix - 1 else at
    y = {2: _two, 4: _four}.get(radix, _odd)(c, x)
    at = target
    for q in range(radix):
        value = c.times(roots[q - 1], y[q]) if q else y[0]
        c.store(value[0], "%yr", at)
        c.store(value[1], "%yi", at)
        at = c.iadd(at, step) if q < radix - 1 else at


Pair = tuple[str, str]


def _plus(c: Code, a: Pair, b: Pair) -> Pair:
    return c.add(a[0], b[0]), c.add(a[1], b[1])


def _minus(c: Code, a: Pair, b: Pair) -> Pair:
    return c.sub(a[0], b[0]), c.sub(a[1], b[1])


def _two(c: Code, x: list[Pair]) -> list[Pair]:
    return [_plus(c, *x), _minus(c, *x)]


def _four(c: Code, x: list[Pair]) -> list[Pair]:
    even, odd = _two(c, [x[0], x[2]]), _two(c, [x[1], x[3]])
    turned = (odd[1][1], odd[1][0])  # i times (u, v) is (-v, u)
    lower = c.add(even[1][0], turned[0]), c.sub(even[1][1], turned[1])
    upper = c.sub(even[1][0], turned[0]), c.add(even[1][1], turned[1])
    return [_plus(c, even[0], odd[0]), lower, _minus(c, even[0], odd[0]), upper]


def _odd(c: Code, x: list[Pair]) -> list[Pair]:
    """Sums and differences of the pairs p, r - p share the products of q and r - q."""
    radix = len(x)
    half = (radix - 1) // 2
    sums = [_plus(c, x[p], x[radix - p]) for p in range(1, half + 1)]
    gaps = [_minus(c, x[p], x[radix - p]) for p in range(1, half + 1)]
    total = x[0]
    for pair in sums:
        total = _plus(c, total, pair)
    result: list[Pair] = [total] + [("", "")] * (radix - 1)
    for q in range(1, half + 1):
        even, odd = x[0], ("0.0", "0.0")
        for p in range(1, half + 1):
            cosine, sine = (literal(f(2 * pi * p * q / radix)) for f in (cos, sin))
            even = _plus(c, even, (c.mul(cosine, sums[p - 1][0]), c.mul(cosine, sums[p - 1][1])))
            odd = _plus(c, odd, (c.mul(sine, gaps[p - 1][0]), c.mul(sine, gaps[p - 1][1])))
        result[q] = c.add(even[0], odd[1]), c.sub(even[1], odd[0])
        result[radix - q] = c.sub(even[0], odd[1]), c.add(even[1], odd[0])
    return result


# --- a complex transform: all passes ---


def _complex(metadata: Metadata, radices: tuple[int, ...]) -> Code:
    """fft(plan, re, im, work re, work im, m): in place, m numbers at a time."""
    c = Code(metadata, "fft", "ptr plan, ptr re, ptr im, ptr wr, ptr wi, i64 inner")
    slots = [c.variable("ptr", f"%{name}") for name in ("re", "im", "wr", "wi")]
    m = c.variable("i64", "%inner")
    passes = c.load("%plan", 0, "i64")
    with c.loop(passes) as number:
        entry = c.at("%plan", c.iadd(c.imul(number, 3), 2), "i64")
        radix, length, roots = c.load(entry, 0, "i64"), c.load(entry, 1, "i64"), c.load(entry, 2, "ptr")
        pointers, size = [c.load(slot, 0, "ptr") for slot in slots], c.load(m, 0, "i64")
        single = c.test("eq", size, 1)
        arguments = ", ".join([*(f"ptr {p}" for p in pointers), f"ptr {roots}", f"i64 {length}", f"i64 {size}"])
        for r in radices:
            with c.when(c.test("eq", radix, r)):
                for name, chosen in ((f"pass{r}_first", single), (f"pass{r}", c.op(f"xor i1 {single}, true"))):
                    with c.when(chosen):
                        c.line(f"call void @{name}({arguments})")
        c.store(c.imul(size, radix), m, 0, "i64")
        for slot, pointer in zip(slots, pointers[2:] + pointers[:2], strict=True):
            c.store(pointer, slot, 0, "ptr")
    with c.when(c.test("eq", c.op(f"and i64 {passes}, 1"), 1)):
        size = c.imul(c.imul(c.load("%plan", 1, "i64"), "%inner"), 8)
        c.line(f"call void @llvm.memcpy.p0.p0.i64(ptr %re, ptr %wr, i64 {size}, i1 false)")
        c.line(f"call void @llvm.memcpy.p0.p0.i64(ptr %im, ptr %wi, i64 {size}, i1 false)")
    c.line("ret void")
    return c


# --- real rows ---


def _split(metadata: Metadata) -> Code:
    c = Code(metadata, "split", "ptr x, ptr re, ptr im, i64 h")
    with c.loop("%h", vector=True) as k:
        at = c.imul(k, 2)
        c.store(c.load("%x", at), "%re", k)
        c.store(c.load("%x", c.iadd(at, 1)), "%im", k)
    c.line("ret void")
    return c


def _join(metadata: Metadata) -> Code:
    c = Code(metadata, "join", "ptr re, ptr im, ptr x, i64 h")
    with c.loop("%h", vector=True) as k:
        at = c.imul(k, 2)
        c.store(c.load("%re", k), "%x", at)
        c.store(c.load("%im", k), "%x", c.iadd(at, 1))
    c.line("ret void")
    return c


def _after(metadata: Metadata) -> Code:
    """X_k = (Z_k + conj Z_(h-k))/2 + w^k (Z_k - conj Z_(h-k))/(2i), w = exp(-pi i/h), 0 <= k <= h."""
    c = Code(metadata, "after", "ptr zr, ptr zi, ptr xr, ptr xi, ptr roots, i64 h")
    a, b = c.load("%zr"), c.load("%zi")
    c.store(c.add(a, b), "%xr")
    c.store("0.0", "%xi")
    c.store(c.sub(a, b), "%xr", "%h")
    c.store("0.0", "%xi", "%h")
    imaginary = c.at("%roots", c.iadd("%h", 1))
    with c.loop("%h", vector=True, start=1) as k:
        other = c.isub("%h", k)
        (a, b), (x, y) = ((c.load("%zr", at), c.load("%zi", at)) for at in (k, other))
        odd = c.times((c.load("%roots", k), c.load(imaginary, k)), (c.add(b, y), c.sub(x, a)))
        c.store(c.mul("5.0e-1", c.add(c.add(a, x), odd[0])), "%xr", k)
        c.store(c.mul("5.0e-1", c.add(c.sub(b, y), odd[1])), "%xi", k)
    c.line("ret void")
    return c


def _before(metadata: Metadata) -> Code:
    """The inverse of ``after``, times ``scale``*2: Z_k = X_k + conj X_(h-k) + i w^-k (X_k - conj X_(h-k))."""
    c = Code(metadata, "before", "ptr xr, ptr xi, ptr zr, ptr zi, ptr roots, i64 h, double scale")
    a, x = c.load("%xr"), c.load("%xr", "%h")
    c.store(c.mul("%scale", c.add(a, x)), "%zr")
    c.store(c.mul("%scale", c.sub(a, x)), "%zi")
    imaginary = c.at("%roots", c.iadd("%h", 1))
    with c.loop("%h", vector=True, start=1) as k:
        other = c.isub("%h", k)
        (a, b), (x, y) = ((c.load("%xr", at), c.load("%xi", at)) for at in (k, other))
        root = c.load("%roots", k), c.sub("0.0", c.load(imaginary, k))
        odd = c.times(root, (c.sub(a, x), c.add(b, y)))
        c.store(c.mul("%scale", c.sub(c.add(a, x), odd[1])), "%zr", k)
        c.store(c.mul("%scale", c.add(c.sub(b, y), odd[0])), "%zi", k)
    c.line("ret void")
    return c


# --- grids ---


def _plan(c: Code) -> tuple[str, str, str, str, list[str]]:
    rows, h = c.load("%plan", ROWS, "i64"), c.load("%plan", HALF, "i64")
    row, roots = c.load("%plan", ROW_PLAN, "ptr"), c.load("%plan", ROOTS, "ptr")
    return rows, h, row, roots, [c.load("%plan", SCRATCH + k, "ptr") for k in range(4)]


def _other_axes(c: Code, re: str, im: str, work: list[str], backward: bool) -> None:
    axes = c.load("%plan", AXES, "i64")
    with c.loop(axes) as number:
        which = c.isub(c.isub(axes, 1), number) if backward else number
        entry = c.at("%plan", c.iadd(c.imul(which, 4), FIRST_AXIS), "i64")
        axis, outer = c.load(entry, 0, "ptr"), c.load(entry, 1, "i64")
        stride, inner = c.load(entry, 2, "i64"), c.load(entry, 3, "i64")
        with c.loop(outer) as o:
            at = c.imul(o, stride)
            places = [c.at(re, at), c.at(im, at), *work]
            listed = ", ".join(f"ptr {p}" for p in places)
            c.line(f"call void @fft(ptr {axis}, {listed}, i64 {inner})")


def _forward(metadata: Metadata) -> Code:
    c = Code(metadata, "rfft", "ptr plan, ptr x, ptr re, ptr im", internal=False)
    rows, h, row, roots, (zr, zi, wr, wi) = _plan(c)
    with c.loop(rows) as o:
        values = c.at("%x", c.imul(c.imul(o, h), 2))
        at = c.imul(o, c.iadd(h, 1))
        c.line(f"call void @split(ptr {values}, ptr {zr}, ptr {zi}, i64 {h})")
        c.line(f"call void @fft(ptr {row}, ptr {zr}, ptr {zi}, ptr {wr}, ptr {wi}, i64 1)")
        c.line(
            f"call void @after(ptr {zr}, ptr {zi}, ptr {c.at('%re', at)}, ptr {c.at('%im', at)}, ptr {roots}, i64 {h})"
        )
    _other_axes(c, "%re", "%im", [wr, wi], backward=False)
    c.line("ret void")
    return c


def _backward(metadata: Metadata) -> Code:
    c = Code(metadata, "irfft", "ptr plan, ptr re, ptr im, ptr x", internal=False)
    rows, h, row, roots, (zr, zi, wr, wi) = _plan(c)
    scale = c.load("%plan", SCALE)
    _other_axes(c, "%im", "%re", [wi, wr], backward=True)
    with c.loop(rows) as o:
        values = c.at("%x", c.imul(c.imul(o, h), 2))
        at = c.imul(o, c.iadd(h, 1))
        places = ", ".join(f"ptr {p}" for p in (c.at("%re", at), c.at("%im", at), zr, zi, roots))
        c.line(f"call void @before({places}, i64 {h}, double {scale})")
        c.line(f"call void @fft(ptr {row}, ptr {zi}, ptr {zr}, ptr {wi}, ptr {wr}, i64 1)")
        c.line(f"call void @join(ptr {zr}, ptr {zi}, ptr {values}, i64 {h})")
    c.line("ret void")
    return c
