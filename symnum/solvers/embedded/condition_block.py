"""The conditions of events at all rows of a block of states, as one native loop."""

from __future__ import annotations

from functools import cache
from typing import Any

_BLOCK = """
define void @conditions_of_block(ptr %f, i64 %count, i64 %n, i64 %m, ptr %t, ptr %y, ptr %p, ptr %out) {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %t.at = getelementptr double, ptr %t, i64 %i
  %time = load double, ptr %t.at
  %row = mul i64 %i, %n
  %y.at = getelementptr double, ptr %y, i64 %row
  %place = mul i64 %i, %m
  %out.at = getelementptr double, ptr %out, i64 %place
  call void %f(double %time, ptr %y.at, ptr %p, ptr %out.at)
  %next = add i64 %i, 1
  %more = icmp slt i64 %next, %count
  br i1 %more, label %loop, label %done
done:
  ret void
}
"""


@cache
def block_function() -> Any:
    """The native loop over the rows of a block, kept for the process."""
    import ctypes

    from symnum.codegen.jit import compile_ir

    module = compile_ir(_BLOCK)
    kinds = [ctypes.c_void_p, *(ctypes.c_int64,) * 3, *(ctypes.c_void_p,) * 4]
    function = ctypes.CFUNCTYPE(None, *kinds)(module.address("conditions_of_block"))
    function.keepalive = module  # type: ignore[attr-defined]
    return function
