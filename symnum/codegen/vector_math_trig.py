"""sin, cos, tan as branch-free instruction sequences, for |x| <= 2^48.

    |x| = n pi/2 + r,   |r| <= pi/4 (1 + 2^-5),    z = r^2
    sin r = r + r z s(z),    cos r = 1 - z/2 + z^2 c(z)

pi/2 is taken as three doubles P1 + P2 + P3, within 2^-163. |x| - n P1 is exact: a multiple of 2^-53 below 1. n P2 is
kept as two doubles and subtracted with its rounding error, so r = high + low has an absolute error of about n 2^-162.
No double up to 2^48 comes nearer than 2^-60.5 to a multiple of pi/2 (the nearest ones are denominators of convergents
of 2^k/(pi/2): Kahan 1983; Muller, Elementary Functions, section 11.3), so the relative error of r stays below 2^-53
and, away from such points, far below. The kernels follow fdlibm's k_sin.c and k_cos.c; sin and cos of one
argument share nearly all instructions once inlined. The coefficients were fitted as in `vector_math_exponential`.
"""

from __future__ import annotations

from typing import NamedTuple

from symnum.codegen.vector_math_assembly import Assembly

LARGEST = 2.0**48
"""Largest |x| of the three-part reduction: n = |x| 2/pi must round correctly to within 2^-5."""

TWO_OVER_PI = 0.6366197723675814
HALF_PI_1 = float.fromhex("0x1.921fb54442d18p+0")
HALF_PI_2 = float.fromhex("0x1.1a62633145c07p-54")
HALF_PI_3 = float.fromhex("-0x1.f1976b7ed8fbcp-110")

SIN = (  # s(z): 2**-56.6 relative to sin r
    -0.16666666666666607, 0.008333333333316392, -0.00019841269824986867, 2.755731202689088e-06, -2.5050499503296227e-08,
    1.5881966380169347e-10,
)  # fmt: skip
COS = (  # c(z): 2**-60.8 relative to cos r
    0.04166666666666655, -0.001388888888886597, 2.4801587284383503e-05, -2.7557312884188695e-07, 2.0875525056702448e-09,
    -1.134948222541991e-11,
)  # fmt: skip


class Angle(NamedTuple):
    """|x| = n pi/2 + high + low; `quadrant` is an i64 whose low bits are n."""

    quadrant: str
    high: str
    low: str


class Parts(NamedTuple):
    """sin and cos of an Angle, each lead + rest with |rest| < |lead|."""

    sine: tuple[str, str]
    cosine: tuple[str, str]


def _reduce(asm: Assembly, magnitude: str) -> Angle:
    n, quadrant = asm.nearest_integer(magnitude, TWO_OVER_PI)
    first = asm.residual(n, HALF_PI_1, magnitude)
    product, product_error = asm.two_product(n, -HALF_PI_2)
    high, error = asm.two_sum(first, product)
    return Angle(quadrant, high, asm.fma(n, -HALF_PI_3, asm.add(error, product_error)))


def _kernels(asm: Assembly, angle: Angle) -> Parts:
    z = asm.mul(angle.high, angle.high)
    lead = asm.fma(z, -0.5, 1.0)
    lead_error = asm.fma(z, -0.5, asm.sub(1.0, lead))
    sine_rest = asm.fma(asm.mul(angle.high, z), asm.polynomial(z, SIN), asm.mul(angle.low, lead))
    cosine_rest = asm.fma(asm.neg(angle.high), angle.low, lead_error)
    cosine_rest = asm.fma(asm.mul(z, z), asm.polynomial(z, COS), cosine_rest)
    return Parts((angle.high, sine_rest), (lead, cosine_rest))


def sin(asm: Assembly, x: str, magnitude: str) -> str:
    """sin by quadrant of magnitude = |x| (or NaN): sin r, cos r, -sin r, -cos r; the sign of x."""
    angle = _reduce(asm, magnitude)
    sine, cosine = (asm.add(*part) for part in _kernels(asm, angle))
    value = asm.select(asm.is_odd(angle.quadrant), cosine, sine)
    return asm.with_flipped_sign(value, asm.integer("xor", asm.integer("shl", angle.quadrant, 62), asm.bits(x)))


def cos(asm: Assembly, x: str, magnitude: str) -> str:
    """cos by quadrant of magnitude = |x| (or NaN), whatever the sign of x: cos r, -sin r, -cos r, sin r."""
    angle = _reduce(asm, magnitude)
    sine, cosine = (asm.add(*part) for part in _kernels(asm, angle))
    value = asm.select(asm.is_odd(angle.quadrant), sine, cosine)
    return asm.with_flipped_sign(value, asm.integer("shl", asm.integer("add", angle.quadrant, 1), 62))


def tan(asm: Assembly, x: str, magnitude: str) -> str:
    """sin r/cos r, or -cos r/sin r in odd quadrants, as a quotient of two-double sums; the sign of x."""
    angle = _reduce(asm, magnitude)
    parts = _kernels(asm, angle)
    sine, cosine = asm.fast_two_sum(*parts.sine), asm.fast_two_sum(*parts.cosine)
    odd = asm.is_odd(angle.quadrant)
    top = asm.select(odd, cosine[0], sine[0]), asm.select(odd, cosine[1], sine[1])
    bottom = asm.select(odd, sine[0], cosine[0]), asm.select(odd, sine[1], cosine[1])
    sign = asm.integer("xor", asm.integer("shl", angle.quadrant, 63), asm.bits(x))
    return asm.with_flipped_sign(asm.quotient(top, bottom), sign)
