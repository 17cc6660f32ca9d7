"""The vectorisable functions against mpmath (errors in ulp), at special values bit for bit, and in optimised loops."""

from __future__ import annotations

import ctypes
import functools
import math
import re
from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symnum.codegen.vector_math import AVAILABLE, definitions
from symnum.errors import TargetError

INF, NAN = math.inf, math.nan
REFERENCE = mpmath.MPContext()
REFERENCE.prec = 140  # 42 digits

# Largest error in ulp that the module's docstring states: (with FMA, without).
STATED = {
    "exp": (0.9, 0.9), "expm1": (0.9, 0.9), "log": (0.8, 0.9), "sin": (0.8, 0.9), "cos": (0.8, 0.8), "tan": (1.0, 1.0),
    "sinh": (0.8, 1.3), "cosh": (0.9, 1.0), "tanh": (1.0, 0.9),
}  # fmt: skip

LOOP = """
define void @loop(ptr noalias %out, ptr noalias %in, i64 %n) {{
start:
  br label %body
body:
  %i = phi i64 [ 0, %start ], [ %next, %body ]
  %from = getelementptr inbounds double, ptr %in, i64 %i
  %value = load double, ptr %from, align 8
  %result = call double @symnum_{name}(double %value)
  %to = getelementptr inbounds double, ptr %out, i64 %i
  store double %result, ptr %to, align 8
  %next = add nuw nsw i64 %i, 1
  %more = icmp slt i64 %next, %n
  br i1 %more, label %body, label %end
end:
  ret void
}}
"""


def optimise(name: str, cpu: str = "", fma: bool = True, any_magnitude: bool = False) -> tuple[Any, Any]:
    """(module, target machine) of the loop over `name` after -O3, for this machine unless a CPU is named."""
    return optimise_text(definitions([name], fma, any_magnitude) + LOOP.format(name=name), cpu)


def optimise_text(text: str, cpu: str = "") -> tuple[Any, Any]:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    module = llvm.parse_assembly(text)
    features = "" if cpu else llvm.get_host_cpu_features().flatten()
    target = llvm.Target.from_default_triple()
    machine = target.create_target_machine(cpu=cpu or llvm.get_host_cpu_name(), features=features, opt=3, jit=True)
    options = llvm.create_pipeline_tuning_options(speed_level=3)
    options.loop_vectorization = True
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return module, machine


class Loop:
    """`out[i] = f(in[i])` as a callable on arrays."""

    def __init__(self, name: str, fma: bool = True, any_magnitude: bool = False) -> None:
        module, machine = optimise(name, "", fma, any_magnitude)
        self._engine = llvm.create_mcjit_compiler(module, machine)
        self._engine.finalize_object()
        kind = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
        self._loop = kind(self._engine.get_function_address("loop"))

    def __call__(self, values: Any) -> np.ndarray:
        values = np.ascontiguousarray(values, dtype=np.float64)
        out = np.empty_like(values)
        self._loop(out.ctypes.data, values.ctypes.data, values.size)
        return out


@functools.cache
def compiled(name: str, fma: bool = True, any_magnitude: bool = False) -> Loop:
    return Loop(name, fma, any_magnitude)


def has_fma() -> bool:
    return bool(llvm.get_host_cpu_features().get("fma", False)) or "aarch64" in llvm.get_process_triple()


FMA = [pytest.param(True, marks=pytest.mark.skipif(not has_fma(), reason="this machine has no FMA")), False]


def error_in_ulp(value: float, exact: Any) -> float:
    """|value - exact| in units of the last place of `exact` (of subnormals: 2^-1074)."""
    if math.isinf(value):
        return 0.0 if abs(exact) >= REFERENCE.mpf(2) ** 1024 * (1 - REFERENCE.mpf(2) ** -54) else INF
    exponent = max(REFERENCE.frexp(exact)[1] - 53, -1074)
    return float(abs(REFERENCE.mpf(value) - exact) / REFERENCE.mpf(2) ** exponent)


def largest_error(name: str, points: np.ndarray, fma: bool) -> tuple[float, float]:
    """(error in ulp, where)."""
    exact: Callable[[Any], Any] = getattr(REFERENCE, name)
    values = compiled(name, fma)(points)
    return max(
        (error_in_ulp(float(v), exact(REFERENCE.mpf(float(p)))), float(p)) for v, p in zip(values, points, strict=True)
    )


def log_uniform(random: np.random.Generator, low: float, high: float, n: int) -> np.ndarray:
    return np.exp(random.uniform(math.log(low), math.log(high), n)) * random.choice([-1.0, 1.0], n)


def points_for(name: str, n: int) -> np.ndarray:
    """About n points: the ordinary range, the whole range, near zeros of the function, subnormals."""
    random = np.random.default_rng(sum(map(ord, name)))
    tiny = log_uniform(random, 1e-310, 1.0, n // 4)
    if name == "log":
        parts = [
            random.uniform(0.5, 2, n // 2),
            np.abs(log_uniform(random, 5e-324, 1.7e308, n // 4)),
            abs(1 + 0.1 * tiny),
        ]
        return np.concatenate([*parts, random.integers(1, 2**52, 50) * 5e-324])
    if name in ("sin", "cos", "tan"):
        multiples = np.pi / 2 * random.integers(0, 2**30, n // 4)
        wide = log_uniform(random, 1e-3, 2.0**48, n // 4)
        return np.concatenate([random.uniform(-10, 10, n // 4), wide, multiples, tiny, [2.0**48]])
    edges = {"exp": (-745.2, 709.8), "expm1": (-40.0, 709.8), "tanh": (-20.0, 20.0)}.get(name, (-710.5, 710.5))
    subnormal_results = random.uniform(-745.2, -707, n // 8) if name == "exp" else random.uniform(-0.5, 0.5, n // 8)
    return np.concatenate([random.uniform(-2, 2, n // 2), random.uniform(*edges, n // 4), tiny, subnormal_results])


@pytest.mark.parametrize("fma", FMA)
@pytest.mark.parametrize("name", sorted(AVAILABLE))
def test_error_stays_below_the_stated_ulps(name: str, fma: bool) -> None:
    error, where = largest_error(name, points_for(name, 2000), fma)
    assert error <= STATED[name][0 if fma else 1], f"{error} ulp at {where!r}"


def near_multiples_of_half_pi() -> np.ndarray:
    """Doubles m 2^k <= 2^48 nearest to multiples of pi/2: m are the denominators of the convergents of 2^k/(pi/2)."""
    found = []
    context = mpmath.MPContext()
    context.prec = 400
    for k in range(-52, 48):
        before, denominator = 0, 1
        rest = context.mpf(2) ** k / (context.pi / 2)
        rest -= context.floor(rest)
        while denominator <= 2**53:
            if 2.0**20 <= denominator and denominator * 2.0**k <= 2.0**48:
                found.append(denominator * 2.0**k)
            rest = 1 / rest
            before, denominator = denominator, int(rest) * denominator + before
            rest -= context.floor(rest)
    return np.array(found)


@pytest.mark.parametrize("fma", FMA)
@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_hardest_arguments_of_the_reduction(name: str, fma: bool) -> None:
    points = near_multiples_of_half_pi()
    assert np.abs(np.sin(2 * points)).min() < 2.0**-58  # they are as near as doubles come
    error, where = largest_error(name, points, fma)
    assert error <= STATED[name][0 if fma else 1], f"{error} ulp at {where!r}"


SPECIAL: dict[str, list[tuple[float, float]]] = {
    "exp": [
        (0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (709.782712893384, 1.7976931348622732e308),
        (709.7827128933841, INF), (1e308, INF), (-1e308, 0.0), (-745.1332191019411, 5e-324),
        (-745.1332191019412, 0.0), (5e-324, 1.0),
    ],
    "expm1": [
        (0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1.0), (710.0, INF), (-1e308, -1.0), (5e-324, 5e-324),
        (-1e-310, -1e-310),
    ],
    "log": [
        (0.0, -INF), (-0.0, -INF), (1.0, 0.0), (INF, INF), (-INF, NAN), (-1.0, NAN), (-5e-324, NAN),
        (5e-324, -744.4400719213812), (1.7976931348623157e308, 709.782712893384), (2.0**-1022, -708.3964185322641),
    ],
    "sin": [
        (0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (5e-324, 5e-324), (-1e-310, -1e-310),
        (math.pi, 1.2246467991473532e-16),
    ],
    "cos": [
        (0.0, 1.0), (-0.0, 1.0), (INF, NAN), (-INF, NAN), (5e-324, 1.0), (math.pi, -1.0),
        (math.pi / 2, 6.123233995736766e-17),
    ],
    "tan": [
        (0.0, 0.0), (-0.0, -0.0), (INF, NAN), (-INF, NAN), (5e-324, 5e-324), (-1e-310, -1e-310),
        (math.pi / 2, 1.633123935319537e16),
    ],
    "sinh": [
        (0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -INF), (710.4758600739439, 1.7976931348621744e308),
        (710.475860073944, INF), (-1e308, -INF), (5e-324, 5e-324), (-1e-310, -1e-310),
    ],
    "cosh": [
        (0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, INF), (-710.4758600739439, 1.7976931348621744e308),
        (710.475860073944, INF), (1e308, INF), (5e-324, 1.0),
    ],
    "tanh": [
        (0.0, 0.0), (-0.0, -0.0), (INF, 1.0), (-INF, -1.0), (19.07, 1.0), (-1e308, -1.0), (5e-324, 5e-324),
        (-1e-310, -1e-310),
    ],
}  # fmt: skip


@pytest.mark.parametrize("fma", FMA)
@pytest.mark.parametrize("name", sorted(AVAILABLE))
def test_special_values_bit_for_bit(name: str, fma: bool) -> None:
    arguments = [argument for argument, _ in SPECIAL[name]]
    values = compiled(name, fma)(arguments)
    for (argument, expected), value in zip(SPECIAL[name], values, strict=True):
        same = math.isnan(value) if math.isnan(expected) else value.tobytes() == np.float64(expected).tobytes()
        assert same, f"{name}({argument!r}) = {value!r}, not {expected!r}"
    nans = np.array([0x7FF8000000000000, -1, 0x7FF8000000000ABC, 0x7FF0000000000001], dtype=np.int64)
    assert np.isnan(compiled(name, fma)(nans.view(np.float64))).all()


SYMMETRY = {"sin": -1.0, "tan": -1.0, "sinh": -1.0, "tanh": -1.0, "cos": 1.0, "cosh": 1.0}
anything = st.lists(st.floats(width=64), min_size=1, max_size=40)


@given(anything)
@settings(max_examples=60, deadline=None)
def test_even_and_odd_functions_are_so_exactly(values: list[float]) -> None:
    points = np.array(values)
    for name, sign in SYMMETRY.items():
        function = compiled(name, has_fma())
        np.testing.assert_array_equal(function(-points), sign * function(points), strict=True)


@given(anything)
@settings(max_examples=60, deadline=None)
def test_agrees_with_numpy_wherever_hypothesis_looks(values: list[float]) -> None:
    points = np.array(values)
    with np.errstate(all="ignore"):
        for name in sorted(AVAILABLE):
            asked = np.where(np.abs(points) <= 2.0**48, points, NAN) if name in ("sin", "cos", "tan") else points
            expected = getattr(np, name)(asked)
            np.testing.assert_allclose(compiled(name, has_fma())(asked), expected, rtol=2e-15, atol=2e-323)


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_beyond_2_48_is_nan_or_the_librarys_value(name: str) -> None:
    far = np.array([np.nextafter(2.0**48, INF), -1e22, 1e300, -1.7976931348623157e308, 3.0])
    assert np.isnan(compiled(name, has_fma())(far)).tolist() == [True, True, True, True, False]
    values = compiled(name, has_fma(), any_magnitude=True)(far)
    exact = mpmath.MPContext()
    exact.prec = 1400  # the argument's integer part alone takes 1024 bits
    for value, point in zip(values, far, strict=True):
        assert error_in_ulp(float(value), REFERENCE.mpf(getattr(exact, name)(exact.mpf(float(point))))) <= 1.0
    assert np.isnan(compiled(name, has_fma(), any_magnitude=True)([INF, -INF, NAN])).all()


X86 = pytest.mark.skipif("x86_64" not in llvm.get_process_triple(), reason="asks for x86-64 processors")


def vector_block(module: Any) -> str:
    """The body of the vectorised loop in optimised IR."""
    text = str(module)
    start = text.index("vector.body:")
    return text[start : text.index("middle.block:", start)]


@X86
@pytest.mark.parametrize(("cpu", "lanes"), [("haswell", 4), ("znver4", 8)])
@pytest.mark.parametrize("name", sorted(AVAILABLE))
@pytest.mark.parametrize("fma", [True, False])
def test_loops_vectorise_without_calls_or_branches(name: str, fma: bool, cpu: str, lanes: int) -> None:
    body = vector_block(optimise(name, cpu, fma)[0])
    assert f"<{lanes} x double>" in body
    called = set(re.findall(r"call .*?@([\w.]+)\(", body))
    assert called <= {f"llvm.{name}.v{lanes}f64" for name in ("fma", "fabs", "copysign")}
    assert body.count("br i1") == 1  # the loop's own
    assert not re.search(r"= (fmul|fadd|fsub|fdiv|fcmp \w+|load) double", body)


@X86
@pytest.mark.parametrize(("cpu", "fma"), [("haswell", True), ("sandybridge", False), ("x86-64", False)])
@pytest.mark.parametrize("name", sorted(AVAILABLE))
def test_machine_code_has_no_call_and_no_scalar_conversion(name: str, cpu: str, fma: bool) -> None:
    module, machine = optimise(name, cpu, fma)
    assert re.search(r"<[24] x double>", vector_block(module))  # AVX without AVX2 is content with 2 here and there
    code = machine.emit_assembly(module)
    assert not re.search(r"\bcall|cvttsd2si|cvtsi2sd", code)


@X86
def test_the_far_call_is_rare_and_leaves_the_loop_vectorised() -> None:
    body = vector_block(optimise("sin", "haswell", any_magnitude=True)[0])
    assert "<4 x double>" in body
    calls = body.count("@symnum_sin_far")
    assert calls >= 4 and calls % 4 == 0  # one a lane
    assert body.count("pred.call.if") >= calls  # each under a branch of its own


@X86
def test_sin_and_cos_of_one_argument_share_their_reduction_and_kernels() -> None:
    loop = LOOP.format(name="sin").replace(
        "%result = call", "%cosine = call double @symnum_cos(double %value)\n  %sine = call"
    )
    loop = loop.replace("  %to =", "  %result = fadd double %sine, %cosine\n  %to =")
    both = vector_block(optimise_text(definitions(["sin", "cos"]) + loop, "haswell")[0])
    alone = vector_block(optimise("sin", "haswell")[0])
    assert both.count("@llvm.fma") == alone.count("@llvm.fma")


def test_definitions_come_once_and_parse_in_any_subset() -> None:
    text = definitions(["sin", "exp", "sin", "cos"])
    assert re.findall(r"define internal double @(\w+)", text) == ["symnum_cos", "symnum_exp", "symnum_sin"]
    assert definitions([]) == ""
    for subset in (AVAILABLE, {"tan"}, {"log", "sin"}):
        for fma in (True, False):
            for any_magnitude in (True, False):
                llvm.parse_assembly(definitions(subset, fma, any_magnitude)).verify()
    assert "llvm.fma" not in definitions(AVAILABLE, fma=False)
    llvm.parse_assembly(definitions(["exp"]) + "declare double @llvm.fma.f64(double, double, double)").verify()


def test_an_unknown_name_is_named_with_its_neighbours() -> None:
    with pytest.raises(TargetError, match=r"vectorisable 'sinn'.*Did you mean 'sin' or 'sinh'"):
        definitions(["exp", "sinn"])
