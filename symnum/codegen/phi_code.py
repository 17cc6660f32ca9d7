"""``phi.phi_scalars`` as machine code, for tables that are made while a native driver waits."""

from __future__ import annotations

from math import factorial

from symnum.codegen.llvm_code import Code, Metadata
from symnum.codegen.llvm_emit import literal

TERMS = 20  # of Taylor's series: 1/20! is below 2^-60
MOST = 8  # the highest phi that 1/j! are at hand for


def phi_code(metadata: Metadata) -> Code:
    """out[m*stride + ...] = phi_m(scale*z), m = 0 ... highest; z and each phi_m lie as (fields, 2, modes)."""
    arguments = "ptr z, ptr out, i64 modes, i64 fields, double scale, i64 highest, i64 stride"
    c = Code(metadata, "phi", arguments, internal=False)
    factors = _factorials(c)
    with c.loop("%fields") as f:
        first = c.imul(c.imul(f, "%modes"), 2)
        with c.loop("%modes") as k:
            at = c.iadd(first, k)
            z = tuple(c.mul("%scale", c.load("%z", where)) for where in (at, c.iadd(at, "%modes")))
            size = c.op(f"call double @llvm.exp.f64(double {z[0]})")
            turn = (c.op(f"call double @llvm.{name}.f64(double {z[1]})") for name in ("cos", "sin"))
            value = tuple(c.mul(size, part) for part in turn)
            _put(c, at, value)
            square = c.add(c.mul(z[0], z[0]), c.mul(z[1], z[1]))
            far = c.op(f"fcmp oge double {square}, 1.0")
            with c.when(far):
                _upward(c, at, z, value, square, factors)
            with c.when(c.op(f"xor i1 {far}, true")):
                _downward(c, at, z, factors)
    c.line("ret void")
    return c


def _factorials(c: Code) -> str:
    """1/j! for j = 0 ... TERMS + MOST, on the stack."""
    table = c.variable(f"[{TERMS + MOST + 1} x double]", "zeroinitializer")
    for j in range(TERMS + MOST + 1):
        c.store(literal(1 / factorial(j)), table, j)
    return table


def _put(c: Code, at: str, value: tuple[str, ...]) -> None:
    c.store(value[0], "%out", at)
    c.store(value[1], "%out", c.iadd(at, "%modes"))


def _upward(c: Code, at: str, z: tuple[str, ...], value: tuple[str, ...], square: str, factors: str) -> None:
    """phi_(j+1) = (phi_j - 1/j!)/z."""
    inverse = c.op(f"fdiv double {z[0]}, {square}"), c.sub("0.0", c.op(f"fdiv double {z[1]}, {square}"))
    parts = [c.variable("double", part) for part in value]
    with c.loop("%highest") as j:
        shifted = c.sub(c.load(parts[0]), c.load(factors, j)), c.load(parts[1])
        made = c.times(shifted, inverse)
        for part, number in zip(parts, made, strict=True):
            c.store(number, part)
        _put(c, c.iadd(at, c.imul(c.iadd(j, 1), "%stride")), made)


def _downward(c: Code, at: str, z: tuple[str, ...], factors: str) -> None:
    """Taylor's series of the highest one, then phi_(j-1) = z phi_j + 1/(j-1)!."""
    parts = [c.variable("double", c.load(factors, c.iadd("%highest", TERMS))), c.variable("double", "0.0")]

    def step(index: str) -> tuple[str, str]:
        made = c.times((c.load(parts[0]), c.load(parts[1])), (z[0], z[1]))
        made = c.add(made[0], c.load(factors, index)), made[1]
        for part, number in zip(parts, made, strict=True):
            c.store(number, part)
        return made

    with c.loop(TERMS) as m:
        step(c.iadd("%highest", c.isub(TERMS - 1, m)))
    with c.loop("%highest") as j:
        own = c.isub("%highest", j)
        _put(c, c.iadd(at, c.imul(own, "%stride")), (c.load(parts[0]), c.load(parts[1])))
        step(c.isub(own, 1))
