"""exp, log and tanh of float32 as LLVM IR functions that LLVM inlines and vectorises, eight numbers where doubles take four.

The forms are those of ``vector_math_exponential`` with shorter polynomials, fitted for symnum (Lawson's iteration, then rounded to 24 bits; the
error of each fit stands beside it). Largest error in ulp, measured on every 257th float32 number, rounded up: exp 1.0, log 0.9, tanh 1.3.
Overflow gives infinity, underflow is gradual, NaN gives NaN, log(+-0) = -inf, log(x < 0) = NaN.
"""

from __future__ import annotations

from collections.abc import Callable
from math import log as _log

import numpy as np

from symnum.codegen.vector_math_assembly import bits_of

Operand = str | float | int

_LOG2_E = 1.4426950408889634
_LN2_HIGH = 0.693359375  # 10 bits: its product with |n| < 2^14 is exact
_LN2_LOW = _log(2) - _LN2_HIGH
_ROUND = 12582912.0  # 1.5 * 2^23: adding it rounds to the nearest integer, which then stands in the low bits of the sum
_EXP = (
    0.4999999403953552,
    0.1666652113199234,
    0.04166838899254799,
    0.00836874544620514,
    0.0013814540579915047,
)  # 2**-28.3
_LOG = (0.6666677594184875, 0.3997744917869568, 0.29874423146247864)  # 2**-30.2
_TANH = (
    -0.3333328366279602,
    0.13331490755081177,
    -0.05374349653720856,
    0.020650584250688553,
    -0.005717042367905378,
)  # 2**-27.9
_TANH_NEAR = 0.625  # above, 1 - 2/(e^(2x) + 1) loses nothing
_TINY, _SCALE = 1.1754943508222875e-38, 8388608.0  # the least normal number; 2^23
_HALF_ROOT_BITS = 0x3F3504F3  # of sqrt(1/2)


class _Code:
    """Instructions over floats and 32-bit integers."""

    def __init__(self, fused: bool) -> None:
        self.fused, self.lines = fused, list[str]()

    def emit(self, instruction: str) -> str:
        name = f"%v{len(self.lines)}"
        self.lines.append(f"  {name} = {instruction}")
        return name

    def op(self, operation: str, a: Operand, b: Operand, kind: str = "float") -> str:
        return self.emit(f"{operation} {kind} {_literal(a)}, {_literal(b)}")

    def fma(self, a: Operand, b: Operand, c: Operand) -> str:
        if not self.fused:
            return self.op("fadd", self.op("fmul", a, b), c)
        return self.emit(f"call float @llvm.fma.f32(float {_literal(a)}, float {_literal(b)}, float {_literal(c)})")

    def select(self, condition: str, a: Operand, b: Operand, kind: str = "float") -> str:
        return self.emit(f"select i1 {condition}, {kind} {_literal(a)}, {kind} {_literal(b)}")

    def bits(self, x: str) -> str:
        return self.emit(f"bitcast float {x} to i32")

    def number(self, bits: str) -> str:
        return self.emit(f"bitcast i32 {bits} to float")

    def magnitude(self, x: str) -> str:
        return self.emit(f"call float @llvm.fabs.f32(float {x})")

    def polynomial(self, x: str, coefficients: tuple[float, ...]) -> str:
        value: Operand = coefficients[-1]
        for c in reversed(coefficients[:-1]):
            value = self.fma(value, x, c)
        return str(value)

    def power_of_two(self, n: str) -> str:
        """2^n for an i32 n from -126 to 127."""
        return self.number(self.op("shl", self.op("add", n, 127, "i32"), 23, "i32"))


def _literal(value: Operand) -> str:
    if isinstance(value, float):
        return f"0x{bits_of(float(np.float32(value))) & 0xFFFFFFFFFFFFFFFF:016X}"
    return str(value)


def _exp(code: _Code, x: str) -> tuple[str, str]:
    """(e^r, n) with e^x = 2^n e^r, for |x| < 200; NaN stays NaN."""
    shifted = code.fma(x, _LOG2_E, _ROUND)
    n = code.op("fsub", shifted, _ROUND)
    r = code.fma(n, -_LN2_LOW, code.fma(n, -_LN2_HIGH, x))
    tail = code.fma(code.op("fmul", r, r), code.polynomial(r, _EXP), r)
    return code.op("fadd", tail, 1.0), code.op("sub", code.bits(shifted), 0x4B400000, "i32")


def exp(code: _Code, x: str) -> str:
    """2^n e^r, scaled in two steps, so that it overflows and underflows gradually."""
    bounded = code.select(code.op("fcmp ogt", x, 89.0), 89.0, x)
    bounded = code.select(code.op("fcmp olt", bounded, -104.0), -104.0, bounded)
    value, n = _exp(code, bounded)
    first = code.op("ashr", n, 1, "i32")
    second = code.op("sub", n, first, "i32")
    return code.op("fmul", code.op("fmul", value, code.power_of_two(first)), code.power_of_two(second))


def log(code: _Code, x: str) -> str:
    """k ln 2 + log(1 + f), 1 + f in [sqrt(1/2), sqrt(2))."""
    small = code.op("fcmp olt", x, _TINY)
    scaled = code.select(small, code.op("fmul", x, _SCALE), x)
    bits = code.bits(scaled)
    k = code.op("ashr", code.op("sub", bits, _HALF_ROOT_BITS, "i32"), 23, "i32")
    f = code.op("fsub", code.number(code.op("sub", bits, code.op("shl", k, 23, "i32"), "i32")), 1.0)
    k = code.emit(f"sitofp i32 {code.op('sub', k, code.select(small, 23, 0, 'i32'), 'i32')} to float")
    s = code.op("fdiv", f, code.op("fadd", f, 2.0))
    z = code.op("fmul", s, s)
    half = code.op("fmul", code.op("fmul", f, 0.5), f)
    rest = code.op("fmul", s, code.fma(z, code.polynomial(z, _LOG), half))
    low = code.fma(k, _LN2_LOW, code.op("fsub", rest, half))
    value = code.fma(k, _LN2_HIGH, code.op("fadd", f, low))
    value = code.select(code.op("fcmp oeq", x, float("inf")), x, value)
    value = code.select(code.op("fcmp oeq", x, 0.0), float("-inf"), value)
    return code.select(code.op("fcmp uge", x, 0.0), code.select(code.op("fcmp uno", x, 0.0), x, value), float("nan"))


def tanh(code: _Code, x: str) -> str:
    """x + x^3 P(x^2) near 0, else 1 - 2/(e^(2|x|) + 1) with the sign of x."""
    size = code.magnitude(x)
    bounded = code.select(code.op("fcmp ogt", size, 10.0), 10.0, size)
    value, n = _exp(code, code.op("fadd", bounded, bounded))
    power = code.op("fmul", value, code.power_of_two(n))
    far = code.op("fsub", 1.0, code.op("fdiv", 2.0, code.op("fadd", power, 1.0)))
    signed = code.emit(f"call float @llvm.copysign.f32(float {far}, float {x})")
    z = code.op("fmul", x, x)
    near = code.fma(code.op("fmul", x, z), code.polynomial(z, _TANH), x)
    return code.select(code.op("fcmp olt", size, _TANH_NEAR), near, signed)


SINGLE: dict[str, Callable[[_Code, str], str]] = {"exp_f32": exp, "log_f32": log, "tanh_f32": tanh}


def definition(name: str, fused: bool) -> str:
    """LLVM IR text of ``float @symnum_NAME(float)``."""
    code = _Code(fused)
    value = SINGLE[name](code, "%x")
    head = f"define internal float @symnum_{name}(float %x) alwaysinline nounwind willreturn memory(none) {{"
    return "\n".join([head, *code.lines, f"  ret float {value}", "}", ""])
