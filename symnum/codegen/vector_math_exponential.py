"""exp, expm1, log, sinh, cosh, tanh as branch-free instruction sequences.

    x = n ln 2 + r,   |r| <= ln(2)/2,      e^x = 2^n e^r,      e^r = C(r) + S(r)
    C(r) = cosh r = 1 + z/2 + z^2 c(z),    S(r) = sinh r = r + r z s(z),    z = r^2

    x = 2^k (1 + f),   1 + f in [sqrt(1/2), sqrt(2)),    s = f/(2 + f)
    log(1 + f) = 2 atanh(s) = f - (f^2/2 - s (f^2/2 + R(s^2)))

n ln 2 is subtracted in two parts (Cody and Waite, Software Manual for the Elementary Functions, 1980). The form of log
is that of fdlibm's e_log.c (Sun Microsystems 1993). The coefficients were fitted for symnum: Lawson's iteration towards
the least largest error relative to the result, with 70 digits, then rounded to double; the error of each fit stands
beside it.
"""

from __future__ import annotations

from typing import NamedTuple

from symnum.codegen.vector_math_assembly import ONE_BITS, ROUND_TO_INTEGER, Assembly, bits_of

LOG2_E = 1.4426950408889634
LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")  # 33 bits: its product with |n| < 2**20 is exact
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")

SINH = (  # s(z): 2**-60.8 relative to sinh r
    0.16666666666666677, 0.00833333333332157, 0.00019841269886285617, 2.7557244044019804e-06, 2.5109096219822226e-08,
)  # fmt: skip
COSH = (  # c(z): 2**-68 relative to cosh r
    0.041666666666666685, 0.0013888888888873394, 2.480158734894253e-05, 2.7557252069789057e-07, 2.0921685077879656e-09,
)  # fmt: skip
COSH_SHORT = (  # c(z): 2**-57.3 relative to cosh r
    0.04166666666660254, 0.0013888888927371798, 2.4801507958272817e-05, 2.762547448648669e-07,
)  # fmt: skip
LOG = (  # R(z)/z: 2**-58.9 relative to log(1 + f)
    0.6666666666666735, 0.39999999999412833, 0.2857142874281438, 0.22222198527444753, 0.18183566810638732,
    0.15313984186502036, 0.14796641783262418,
)  # fmt: skip

OVERFLOW = 710.0  # e^710 > the largest double
UNDERFLOW = -746.0  # e^-746 < half the smallest subnormal
SINH_OVERFLOW = 710.6  # sinh overflows at 710.4758...; beyond 711.1 the scale 2^(n-2) would


class Reduced(NamedTuple):
    """x = n ln 2 + r + r_error; `exponent` is an i64 whose low bits are n; z = r^2."""

    n: str
    exponent: str
    r: str
    r_error: str
    z: str


def _reduce(asm: Assembly, x: str) -> Reduced:
    n, exponent = asm.nearest_integer(x, LOG2_E)
    high = asm.fma(n, -LN2_HIGH, x)  # exact: n*LN2_HIGH has at most 53 bits and cancels against x
    r = asm.fma(n, -LN2_LOW, high)
    return Reduced(n, exponent, r, asm.fma(n, -LN2_LOW, asm.sub(high, r)), asm.mul(r, r))


def _even(asm: Assembly, z: str) -> str:
    """cosh r - 1."""
    return asm.mul(z, asm.fma(z, asm.polynomial(z, COSH), 0.5))


def _odd(asm: Assembly, reduced: Reduced) -> str:
    """sinh r - r, and the rounding error of r."""
    return asm.fma(asm.mul(reduced.r, reduced.z), asm.polynomial(reduced.z, SINH), reduced.r_error)


def _beyond_r(asm: Assembly, reduced: Reduced) -> str:
    """e^r - 1 - r, and the rounding error of r."""
    half = asm.fma(reduced.z, asm.polynomial(reduced.z, COSH), 0.5)
    series = asm.fma(reduced.r, asm.polynomial(reduced.z, SINH), half)
    return asm.fma(reduced.z, series, reduced.r_error)


def exp(asm: Assembly, x: str) -> str:
    """2^n e^r, scaled in two steps: the first is exact, the second overflows or underflows gradually."""
    reduced = _reduce(asm, asm.at_least(asm.at_most(x, OVERFLOW), UNDERFLOW))
    half = asm.fma(reduced.z, asm.polynomial(reduced.z, COSH_SHORT), 0.5)
    series = asm.fma(reduced.r, asm.polynomial(reduced.z, SINH), half)
    high, low = asm.fast_two_sum(1.0, reduced.r)
    value = asm.add(high, asm.fma(reduced.z, series, low))
    first = asm.bits(asm.fma(reduced.n, 0.5, ROUND_TO_INTEGER))
    second = asm.integer("sub", reduced.exponent, first)
    return asm.mul(asm.mul(value, asm.power_of_two(second)), asm.power_of_two(first))


def expm1(asm: Assembly, x: str) -> str:
    """2 ((w - 1/2) + w r + w z/2 + w (e^r - 1 - r - z/2)), w = 2^(n-1); x itself near 0.

    The half keeps w from overflowing before the result does.
    """
    reduced = _reduce(asm, asm.at_least(asm.at_most(x, OVERFLOW), -40.0))
    w = asm.power_of_two(asm.integer("sub", reduced.exponent, 1))
    base, base_error = asm.fast_two_sum(w, -0.5)  # w - 1/2 is inexact for w > 2^52
    high, low = _scaled_sum(asm, base, w, reduced.r)
    high, second = _scaled_sum(asm, high, asm.mul(w, 0.5), reduced.z)
    even = asm.mul(reduced.z, asm.polynomial(reduced.z, COSH))
    cubic = asm.fma(reduced.r, asm.polynomial(reduced.z, SINH), even)
    rest = asm.fma(reduced.z, cubic, reduced.r_error)
    half = asm.add(high, asm.fma(w, rest, asm.add(asm.add(low, base_error), second)))
    return _identity_near_zero(asm, x, asm.add(half, half))


def _scaled_sum(asm: Assembly, base: str, w: str, r: str) -> tuple[str, str]:
    """(high, low) with high + low = base + w r, for |base| >= |w r| or base = 0."""
    high = asm.fma(w, r, base)
    return high, asm.fma(w, r, asm.sub(base, high))


def _identity_near_zero(asm: Assembly, x: str, value: str) -> str:
    """x where |x| < 2^-54 (subnormals and the sign of zero with it), else value."""
    return asm.select(asm.compare("olt", asm.magnitude(x), 2.0**-54), x, value)


def tanh(asm: Assembly, x: str) -> str:
    """(e^y - 1)/(e^y + 1), y = 2|x|, numerator and denominator as sums of two doubles; the sign of x."""
    bounded = asm.at_most(asm.magnitude(x), 20.0)  # 1 - tanh 20 < 2^-57
    reduced = _reduce(asm, asm.add(bounded, bounded))
    w = asm.power_of_two(reduced.exponent)
    series = _beyond_r(asm, reduced)
    top = _normalised(asm, -1.0, w, reduced.r, series)
    bottom = _normalised(asm, 1.0, w, reduced.r, series)
    return asm.with_sign_of(asm.quotient(top, bottom), x)


def _normalised(asm: Assembly, one: float, w: str, r: str, series: str) -> tuple[str, str]:
    """w (1 + r + series) + one as the nearest double and its error, for w >= |one|."""
    base, base_error = asm.fast_two_sum(w, one)
    high, low = _scaled_sum(asm, base, w, r)
    return asm.fast_two_sum(high, asm.fma(w, series, asm.add(low, base_error)))


def _half_hyperbolic(asm: Assembly, reduced: Reduced, odd: bool) -> str:
    """Half of sinh or cosh of n ln 2 + r by the addition theorem: sinh(n ln 2) = 2^(n-1) - 2^(-n-1), cosh with +."""
    w = asm.power_of_two(asm.integer("sub", reduced.exponent, 2))
    cut = asm.bits(asm.add(asm.at_most(reduced.n, 60.0), ROUND_TO_INTEGER))
    v = asm.power_of_two(asm.integer("sub", -2, cut))
    difference, summed = asm.sub(w, v), asm.add(w, v)
    if odd:
        base, factor = difference, summed
        base_error = asm.sub(asm.sub(w, base), v)
    else:
        base, factor = summed, difference
        base_error = asm.add(asm.sub(w, base), v)
    high, low = _scaled_sum(asm, base, factor, reduced.r)
    rest = asm.fma(factor, _odd(asm, reduced), asm.add(low, base_error))
    return asm.add(high, asm.fma(base, _even(asm, reduced.z), rest))


def sinh(asm: Assembly, x: str) -> str:
    """sinh(n ln 2) cosh r + cosh(n ln 2) sinh r on |x|; x itself near 0."""
    half = _half_hyperbolic(asm, _reduce(asm, asm.at_most(asm.magnitude(x), SINH_OVERFLOW)), odd=True)
    return _identity_near_zero(asm, x, asm.with_sign_of(asm.add(half, half), x))


def cosh(asm: Assembly, x: str) -> str:
    """cosh(n ln 2) cosh r + sinh(n ln 2) sinh r on |x|."""
    half = _half_hyperbolic(asm, _reduce(asm, asm.at_most(asm.magnitude(x), SINH_OVERFLOW)), odd=False)
    return asm.add(half, half)


def log(asm: Assembly, x: str) -> str:
    """k ln 2 + log(1 + f), the leading sum k LN2_HIGH + f kept as two doubles; -inf at 0, NaN below."""
    k, f = _split_exponent(asm, x)
    half_square = asm.mul(asm.mul(f, 0.5), f)
    s = asm.div(f, asm.add(f, 2.0))
    z = asm.mul(s, s)
    series = asm.fma(z, asm.polynomial(z, LOG), half_square)  # f^2/2 + R
    high, low = asm.fast_two_sum(asm.mul(k, LN2_HIGH), f)
    rest = asm.sub(asm.fma(k, LN2_LOW, low), asm.fma(asm.neg(s), series, half_square))
    value = asm.select(asm.compare("olt", x, float("inf")), asm.add(high, rest), x)
    outside = asm.select(asm.compare("oeq", x, 0.0), float("-inf"), float("nan"))
    return asm.select(asm.compare("ogt", x, 0.0), value, outside)


def _split_exponent(asm: Assembly, x: str) -> tuple[str, str]:
    """(k, f): x = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt(2)); subnormals are scaled by 2^54 first.

    k becomes a double in the low bits of 2^52 + k, because AVX2 cannot convert 64-bit integers.
    """
    subnormal = asm.compare("olt", x, 2.0**-1022)
    scaled = asm.bits(asm.select(subnormal, asm.mul(x, 2.0**54), x))
    root = bits_of(0.5**0.5)
    shifted = asm.integer("add", scaled, ONE_BITS - root)
    biased = asm.real(asm.integer("or", asm.integer("lshr", shifted, 52), bits_of(2.0**52)))
    bias = asm.select(subnormal, 2.0**52 + 1023 + 54, 2.0**52 + 1023)
    mantissa = asm.integer("add", asm.integer("and", shifted, (1 << 52) - 1), root)
    return asm.sub(biased, bias), asm.sub(asm.real(mantissa), 1.0)
