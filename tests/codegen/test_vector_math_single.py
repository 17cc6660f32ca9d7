"""exp, log and tanh of float32: errors in units of the last place over the whole range, and the numbers at its ends."""

from __future__ import annotations

import ctypes
from collections.abc import Callable

import numpy as np
import pytest

from symnum.codegen import vector_math
from symnum.codegen.jit import compile_ir, has_fma, native_function, optimise
from symnum.codegen.vector_math_single import SINGLE

LARGEST = {"exp": 1.0, "log": 0.9, "tanh": 1.3}  # ulp
FMA = [pytest.param(True, marks=pytest.mark.skipif(not has_fma(), reason="this processor has no FMA")), False]


def module(name: str, fma: bool) -> str:
    """``loop(x, y, n)``: y = f(x)."""
    return f"""{vector_math.definitions([f"{name}_f32"], fma=fma)}
define void @loop(ptr noalias %x, ptr noalias %y, i64 %n) {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %from = getelementptr float, ptr %x, i64 %i
  %value = load float, ptr %from
  %result = call float @symnum_{name}_f32(float %value)
  %to = getelementptr float, ptr %y, i64 %i
  store float %result, ptr %to
  %next = add i64 %i, 1
  %done = icmp eq i64 %next, %n
  br i1 %done, label %end, label %loop
end:
  ret void
}}"""


def compiled(name: str, fma: bool) -> Callable[[np.ndarray], np.ndarray]:
    made = compile_ir(module(name, fma), cache=False)
    function = native_function(made.address("loop"), ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)

    def f(x: np.ndarray, keep: object = made) -> np.ndarray:
        y = np.empty_like(x)
        function(x.ctypes.data, y.ctypes.data, x.size)
        return y

    return f


@pytest.mark.parametrize("fma", FMA)
@pytest.mark.parametrize("name", LARGEST)
def test_error_over_all_numbers(name: str, fma: bool) -> None:
    x = np.arange(0, 2**32, 4093, dtype=np.uint32).view(np.float32)
    with np.errstate(all="ignore"):
        want = getattr(np, name)(x.astype(float))
        rounded = want.astype(np.float32)
    got = compiled(name, fma)(x)
    np.testing.assert_array_equal(np.isnan(got), np.isnan(rounded))
    np.testing.assert_array_equal(np.isinf(got), np.isinf(rounded))
    finite = np.isfinite(rounded)
    error = np.abs(got[finite].astype(float) - want[finite]) / np.spacing(np.abs(rounded[finite])).astype(float)
    assert error.max() <= LARGEST[name]


@pytest.mark.parametrize("fma", FMA)
def test_ends_of_the_range(fma: bool) -> None:
    x = np.array([0, np.inf, -np.inf, np.nan, -1, 1e-45, 88.8, -104, 1e-38, 3e38], np.float32)
    with np.errstate(all="ignore"):
        for name in LARGEST:
            np.testing.assert_allclose(compiled(name, fma)(x), getattr(np, name)(x), rtol=3e-7, err_msg=name)


def test_loops_become_vectors() -> None:
    for name in LARGEST:
        assert "x float> @llvm.fma" in str(optimise(module(name, True))), name
    assert set(SINGLE) == {f"{name}_f32" for name in LARGEST}
