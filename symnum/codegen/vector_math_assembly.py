"""A small assembler for LLVM IR functions over doubles: one method an instruction, constants in exact hexadecimal."""

from __future__ import annotations

import struct

Operand = str | float | int

ROUND_TO_INTEGER = 6755399441055744.0
"""1.5 * 2**52: adding it rounds to the nearest integer, which then stands in the low bits of the sum."""

SIGN_BIT = -(1 << 63)
ABSOLUTE_BITS = (1 << 63) - 1
ONE_BITS = 1023 << 52
"""The bits of 1.0; adding n << 52 gives the bits of 2**n."""


def bits_of(value: float) -> int:
    """The IEEE 754 bits of a double, as a signed 64-bit integer."""
    (bits,) = struct.unpack("<q", struct.pack("<d", value))
    return int(bits)


def _literal(value: Operand) -> str:
    """An operand as IR text: names stay, floats become hexadecimal, ints decimal."""
    if isinstance(value, str):
        return value
    if isinstance(value, float):
        return f"0x{bits_of(value) & 0xFFFFFFFFFFFFFFFF:016X}"
    return str(value)


class Assembly:
    """One function's instructions in the order they were asked for.

    Every method appends an instruction and returns the name of its value. No instruction bears a fast-math flag:
    error-free steps must be neither contracted nor reassociated.

    Args:
        fused: the machine has fused multiply-add; without it `fma` is a product and a sum, each rounded.
    """

    def __init__(self, fused: bool) -> None:
        self.fused = fused
        self.lines: list[str] = []

    def emit(self, instruction: str) -> str:
        """Append `%k = instruction`; the name %k."""
        name = f"%v{len(self.lines)}"
        self.lines.append(f"  {name} = {instruction}")
        return name

    def _binary(self, operation: str, kind: str, a: Operand, b: Operand) -> str:
        return self.emit(f"{operation} {kind} {_literal(a)}, {_literal(b)}")

    # -- doubles ----------------------------------------------------------------------------------------------------
    def add(self, a: Operand, b: Operand) -> str:
        return self._binary("fadd", "double", a, b)

    def sub(self, a: Operand, b: Operand) -> str:
        return self._binary("fsub", "double", a, b)

    def mul(self, a: Operand, b: Operand) -> str:
        return self._binary("fmul", "double", a, b)

    def div(self, a: Operand, b: Operand) -> str:
        return self._binary("fdiv", "double", a, b)

    def fma(self, a: Operand, b: Operand, c: Operand) -> str:
        """a*b + c: rounded once where `fused`, else twice. The two agree whenever a*b is exact."""
        if not self.fused:
            return self.add(self.mul(a, b), c)
        return self.emit(f"call double @llvm.fma.f64(double {_literal(a)}, double {_literal(b)}, double {_literal(c)})")

    def two_product(self, a: Operand, b: Operand) -> tuple[str, str]:
        """(p, e) with p = round(a*b) and p + e = a*b exactly; without FMA as in Dekker (Numer. Math. 18, 1971)."""
        product = self.mul(a, b)
        if self.fused:
            return product, self.fma(a, b, self.neg(product))
        a_high, a_low = self._split(a)
        b_high, b_low = self._split(b)
        error = self.sub(self.mul(a_high, b_high), product)
        error = self.add(error, self.mul(a_high, b_low))
        error = self.add(error, self.mul(a_low, b_high))
        return product, self.add(error, self.mul(a_low, b_low))

    def residual(self, a: Operand, b: Operand, c: Operand) -> str:
        """c - a*b, exact where c - a*b is a double and a*b lies within a factor 2 of c or is 0."""
        if self.fused:
            return self.fma(self.neg(a), b, c)
        product, error = self.two_product(a, b)
        return self.sub(self.sub(c, product), error)

    def _split(self, a: Operand) -> tuple[str, str]:
        """Veltkamp's splitting: a = high + low, each of at most 26 bits."""
        scaled = self.mul(a, 134217729.0)  # 2**27 + 1
        high = self.sub(scaled, self.sub(scaled, a))
        return high, self.sub(a, high)

    def neg(self, a: Operand) -> str:
        return self.emit(f"fneg double {_literal(a)}")

    def polynomial(self, z: Operand, coefficients: tuple[float, ...]) -> str:
        """Horner's rule, lowest coefficient first: sum of coefficients[k] * z**k."""
        *rest, second, first = coefficients
        value = self.fma(z, first, second)
        for coefficient in reversed(rest):
            value = self.fma(value, z, coefficient)
        return value

    def fast_two_sum(self, a: Operand, b: Operand) -> tuple[str, str]:
        """(s, e) with s = round(a + b) and s + e = a + b exactly, for |a| >= |b| or a = 0 (Dekker 1971)."""
        total = self.add(a, b)
        return total, self.add(self.sub(a, total), b)

    def two_sum(self, a: Operand, b: Operand) -> tuple[str, str]:
        """(s, e) with s = round(a + b) and s + e = a + b exactly (Knuth, TAOCP 2, 4.2.2)."""
        total = self.add(a, b)
        b_part = self.sub(total, a)
        return total, self.add(self.sub(a, self.sub(total, b_part)), self.sub(b, b_part))

    def quotient(self, top: tuple[str, str], bottom: tuple[str, str]) -> str:
        """top/bottom, each a sum (high, low) with |low| <= ulp(high): one division, corrected by its residual."""
        reciprocal = self.div(1.0, bottom[0])
        estimate = self.mul(top[0], reciprocal)
        rest = self.add(self.residual(estimate, bottom[0], top[0]), self.fma(self.neg(estimate), bottom[1], top[1]))
        return self.fma(rest, reciprocal, estimate)

    # -- choices ----------------------------------------------------------------------------------------------------
    def compare(self, predicate: str, a: Operand, b: Operand) -> str:
        return self.emit(f"fcmp {predicate} double {_literal(a)}, {_literal(b)}")

    def select(self, condition: str, a: Operand, b: Operand) -> str:
        return self.emit(f"select i1 {condition}, double {_literal(a)}, double {_literal(b)}")

    def at_most(self, a: Operand, bound: float) -> str:
        """min(a, bound), which keeps a NaN."""
        return self.select(self.compare("ogt", a, bound), bound, a)

    def at_least(self, a: Operand, bound: float) -> str:
        """max(a, bound), which keeps a NaN."""
        return self.select(self.compare("olt", a, bound), bound, a)

    # -- bits -------------------------------------------------------------------------------------------------------
    def bits(self, a: Operand) -> str:
        return self.emit(f"bitcast double {_literal(a)} to i64")

    def real(self, a: Operand) -> str:
        return self.emit(f"bitcast i64 {_literal(a)} to double")

    def integer(self, operation: str, a: Operand, b: Operand) -> str:
        """One of add, sub, and, or, xor, shl, lshr on 64-bit integers."""
        return self._binary(operation, "i64", a, b)

    def magnitude(self, a: Operand) -> str:
        return self.real(self.integer("and", self.bits(a), ABSOLUTE_BITS))

    def with_sign_of(self, magnitude: Operand, sign: Operand) -> str:
        """magnitude (not negative) with the sign of `sign`."""
        return self.real(self.integer("or", self.bits(magnitude), self.integer("and", self.bits(sign), SIGN_BIT)))

    def nearest_integer(self, a: Operand, b: Operand) -> tuple[str, str]:
        """(n, u): a*b rounded to an integer, as a double and as an i64 whose low 51 bits are n in two's complement."""
        shifted = self.fma(a, b, ROUND_TO_INTEGER)
        return self.sub(shifted, ROUND_TO_INTEGER), self.bits(shifted)

    def power_of_two(self, exponent: Operand) -> str:
        """2**n from an i64 whose low bits are n, -1022 <= n <= 1023."""
        return self.real(self.integer("add", self.integer("shl", exponent, 52), ONE_BITS))

    def is_odd(self, a: Operand) -> str:
        return self.emit(f"trunc i64 {_literal(a)} to i1")

    def with_flipped_sign(self, a: Operand, sign: Operand) -> str:
        """a, negated where the top bit of the i64 `sign` is set."""
        return self.real(self.integer("xor", self.bits(a), self.integer("and", sign, SIGN_BIT)))
