"""exp, log, sin, ... as LLVM IR functions that LLVM inlines and vectorises, instead of one library call an element.

`definitions(["exp", "sin"])` is IR text to put before a kernel that calls `double @symnum_exp(double)` and
`double @symnum_sin(double)`. The functions are internal, always inlined, free of branches and calls, and carry no
fast-math flags; of 64-bit integer instructions they use only those AVX2 has. LLVM's assembly needs no declaration of
intrinsics, so none is written and none can clash with the kernel's own.

Largest error in ulp (0.5 would be correct rounding) over all doubles, subnormal arguments and results included, as
measured against mpmath on 10^5 points a function, rounded up:

              exp   expm1   log   sin   cos   tan   sinh   cosh   tanh
    FMA       0.9    0.9    0.8   0.8   0.8   1.0    0.8    0.9    1.0
    no FMA    0.9    0.9    0.9   0.9   0.8   1.0    1.3    1.0    0.9

Overflow gives infinity, underflow is gradual, NaN gives NaN, odd functions keep the sign of zero, log(+-0) = -inf,
log(x < 0) = NaN.

sin, cos and tan hold these errors for |x| <= 2^48 = 2.8e14, where neighbouring doubles already lie 0.06 radians apart.
Beyond, as for infinity, the result is NaN, never a wrong number; with `any_magnitude=True` the C library's function is
called there (below 1 ulp with glibc). Loops still vectorise then, but test every lane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from symnum.codegen import vector_math_exponential as exponential
from symnum.codegen import vector_math_trig as trig
from symnum.codegen.vector_math_assembly import Assembly
from symnum.codegen.vector_math_single import SINGLE, definition
from symnum.errors import TargetError, did_you_mean

_EXPONENTIAL: dict[str, Callable[[Assembly, str], str]] = {
    "exp": exponential.exp,
    "expm1": exponential.expm1,
    "log": exponential.log,
    "sinh": exponential.sinh,
    "cosh": exponential.cosh,
    "tanh": exponential.tanh,
}
_TRIGONOMETRIC: dict[str, Callable[[Assembly, str, str], str]] = {"sin": trig.sin, "cos": trig.cos, "tan": trig.tan}

AVAILABLE: frozenset[str] = frozenset(_EXPONENTIAL) | frozenset(_TRIGONOMETRIC)
"""The functions `definitions` can write; each is called as `double @symnum_NAME(double)`."""

_ATTRIBUTES = "nounwind willreturn memory(none)"

# LLVM's loop vectoriser refuses a loop with an unknown call, and calls a function without side effects in every lane
# unless it has a *masked* vector variant; then it tests each lane. This variant, of 64 lanes, is never chosen.
_FAR_VARIANT = """\
declare <64 x double> @symnum_far_variant(<64 x double>, <64 x i1>)
@llvm.compiler.used = appending global [1 x ptr] [ptr @symnum_far_variant], section "llvm.metadata"
"""


def definitions(names: Iterable[str], fma: bool = True, any_magnitude: bool = False) -> str:
    """LLVM IR text that defines `double @symnum_NAME(double)` for every name, each once, in alphabetical order.

    Args:
        names: members of AVAILABLE, or of SINGLE (``float @symnum_exp_f32(float)`` and others); repetitions are allowed.
        fma: the target has fused multiply-add. Where it has not, `llvm.fma` would be a slow library call; False writes
            products and sums, splits where a product must be exact, and is right on any machine.
        any_magnitude: let sin, cos and tan call the C library for |x| > 2^48 instead of giving NaN: one rare branch in
            scalar code, but a test and a branch for each lane of a vectorised loop (25 % more time with 4 lanes, twice
            the time with 8) and about 10 ms of compile time. The text then defines @llvm.compiler.used.

    Raises:
        TargetError: a name is not in AVAILABLE.
    """
    single_names = sorted(set(names) & SINGLE.keys())
    wanted = sorted(set(names) - SINGLE.keys())
    for name in wanted:
        if name not in AVAILABLE:
            known = ", ".join(sorted(AVAILABLE))
            raise TargetError(
                f"There is no vectorisable {name!r}; expected one of {known}.{did_you_mean(name, AVAILABLE)} "
                f"Leave it to the C library: `[n for n in names if n in vector_math.AVAILABLE]`."
            )
    texts = [definition(name, fma) for name in single_names]
    texts += [_definition(name, fma, any_magnitude) for name in wanted]
    if any_magnitude and not _TRIGONOMETRIC.keys().isdisjoint(wanted):
        texts.append(_FAR_VARIANT)
    return "\n".join(texts)


def _definition(name: str, fma: bool, any_magnitude: bool) -> str:
    asm = Assembly(fma)
    if name in _EXPONENTIAL:
        return _inlined(name, _returned(asm, _EXPONENTIAL[name](asm, "%x")))
    magnitude = asm.magnitude("%x")
    if any_magnitude:
        return _with_far_call(asm, name, magnitude)
    near = asm.select(asm.compare("ole", magnitude, trig.LARGEST), magnitude, float("nan"))
    return _inlined(name, _returned(asm, _TRIGONOMETRIC[name](asm, "%x", near)))


def _returned(asm: Assembly, value: str) -> list[str]:
    return [*asm.lines, f"  ret double {value}"]


def _inlined(name: str, body: list[str]) -> str:
    head = f"define internal double @symnum_{name}(double %x) alwaysinline {_ATTRIBUTES} {{"
    return "\n".join([head, *body, "}", ""])


def _with_far_call(asm: Assembly, name: str, magnitude: str) -> str:
    """The branch-free value, and a call to the C library under a branch where |x| > trig.LARGEST (a NaN is not)."""
    value = _TRIGONOMETRIC[name](asm, "%x", magnitude)
    far = asm.compare("ogt", magnitude, trig.LARGEST)
    mapping = f'"vector-function-abi-variant"="_ZGV_LLVM_M64v_symnum_{name}_far(symnum_far_variant)"'
    body = [
        "near:",
        *asm.lines,
        f"  br i1 {far}, label %far, label %done",
        "far:",
        f"  %library = call double @symnum_{name}_far(double %x) {_ATTRIBUTES} {mapping}",
        "  br label %done",
        "done:",
        f"  %result = phi double [ {value}, %near ], [ %library, %far ]",
        "  ret double %result",
    ]
    wrapper = [
        f"define internal double @symnum_{name}_far(double %x) noinline {_ATTRIBUTES} {{",
        f"  %y = call double @llvm.{name}.f64(double %x)",
        "  ret double %y",
        "}",
        "",
    ]
    return _inlined(name, body) + "\n" + "\n".join(wrapper)
