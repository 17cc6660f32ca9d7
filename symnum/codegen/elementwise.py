"""A kernel over blocks of fixed length as a function of arrays of any length.

::

    for each block of 512 elements:   copy it from every argument into the kernel's state (which stays in the nearest cache)
                                      run the kernel, one native loop over the block
                                      copy its outputs out

So code is compiled once, whatever the length of the arrays, and the loop vectorises. What an argument that is a number says is written into the
state once. The last block is filled up with its own first element.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.target import CompiledKernel

Vector = NDArray[np.float64]


class Blocks:
    """Runs a compiled kernel whose inputs and outputs are arrays of one block each, ``(block,)``."""

    def __init__(self, compiled: CompiledKernel, block: int) -> None:
        assert compiled.address is not None
        self.compiled, self.block = compiled, block
        self.inputs, self.outputs = len(compiled.kernel.inputs), len(compiled.kernel.outputs)
        self._drive = _driver()[1]

    def __call__(self, inputs: Sequence[Vector], outputs: Sequence[Vector]) -> None:
        """inputs: contiguous, each of n elements or of one; outputs: contiguous, n elements each, apart from the inputs."""
        n = outputs[0].size
        rows = np.empty((2, self.inputs + self.outputs), dtype=np.int64)  # addresses; which of the arguments run along
        for k, a in enumerate((*inputs, *outputs)):
            rows[0, k], rows[1, k] = a.ctypes.data, a.ndim > 0
        state = np.empty(
            self.block * (self.inputs + self.outputs) + 1
        )  # of this call alone: calls may come from several threads
        starts, begin = rows.ctypes.data, state.ctypes.data
        steps, results, out = starts + 8 * rows.shape[1], starts + 8 * self.inputs, begin + 8 * self.block * self.inputs
        given = (n, self.block, self.inputs, starts, steps, self.outputs, results, begin, out)
        self._drive(self.compiled.address, *given)


@functools.cache
def _driver() -> tuple[Any, Any]:
    """The compiled module, which owns the code, and its function."""
    from symnum.codegen.jit import compile_ir, native_function

    module = compile_ir(_TEXT, level=2)
    pointer, whole = ctypes.c_void_p, ctypes.c_int64
    kinds = (pointer, whole, whole, whole, pointer, pointer, whole, pointer, pointer, pointer)
    return module, native_function(module.address("over_blocks"), *kinds)


# fill(to, first, count): first count of to := first.   copy: memcpy of doubles.
_TEXT = """
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)

define internal void @fill(ptr %to, double %value, i64 %count) nounwind {
entry:
  br label %test
test:
  %k = phi i64 [0, %entry], [%kn, %one]
  %more = icmp slt i64 %k, %count
  br i1 %more, label %one, label %done
one:
  %p = getelementptr inbounds double, ptr %to, i64 %k
  store double %value, ptr %p, align 8
  %kn = add nsw i64 %k, 1
  br label %test
done:
  ret void
}

define void @over_blocks(ptr %kernel, i64 %n, i64 %block, i64 %inputs, ptr %starts, ptr %steps, i64 %outputs, ptr %results,
                         ptr %state, ptr %out) nounwind {
entry:
  br label %constants
constants:
  %c = phi i64 [0, %entry], [%cn, %next_constant]
  %c_more = icmp slt i64 %c, %inputs
  br i1 %c_more, label %constant, label %blocks
constant:
  %c_step_p = getelementptr inbounds i64, ptr %steps, i64 %c
  %c_step = load i64, ptr %c_step_p, align 8
  %c_moves = icmp ne i64 %c_step, 0
  br i1 %c_moves, label %next_constant, label %set
set:
  %c_start_p = getelementptr inbounds ptr, ptr %starts, i64 %c
  %c_start = load ptr, ptr %c_start_p, align 8
  %c_value = load double, ptr %c_start, align 8
  %c_at = mul nsw i64 %c, %block
  %c_to = getelementptr inbounds double, ptr %state, i64 %c_at
  call void @fill(ptr %c_to, double %c_value, i64 %block)
  br label %next_constant
next_constant:
  %cn = add nsw i64 %c, 1
  br label %constants

blocks:
  %b = phi i64 [0, %constants], [%bn, %end_block]
  %b_more = icmp slt i64 %b, %n
  br i1 %b_more, label %one_block, label %done
one_block:
  %left = sub nsw i64 %n, %b
  %short = icmp slt i64 %left, %block
  %m = select i1 %short, i64 %left, i64 %block
  %missing = sub nsw i64 %block, %m
  %bytes = mul nsw i64 %m, 8
  br label %reads
reads:
  %k = phi i64 [0, %one_block], [%kn, %next_read]
  %k_more = icmp slt i64 %k, %inputs
  br i1 %k_more, label %read, label %run
read:
  %step_p = getelementptr inbounds i64, ptr %steps, i64 %k
  %step = load i64, ptr %step_p, align 8
  %moves = icmp ne i64 %step, 0
  br i1 %moves, label %copy_in, label %next_read
copy_in:
  %start_p = getelementptr inbounds ptr, ptr %starts, i64 %k
  %start = load ptr, ptr %start_p, align 8
  %from = getelementptr inbounds double, ptr %start, i64 %b
  %at = mul nsw i64 %k, %block
  %to = getelementptr inbounds double, ptr %state, i64 %at
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %to, ptr align 8 %from, i64 %bytes, i1 false)
  br i1 %short, label %pad, label %next_read
pad:
  %value = load double, ptr %to, align 8
  %rest = getelementptr inbounds double, ptr %to, i64 %m
  call void @fill(ptr %rest, double %value, i64 %missing)
  br label %next_read
next_read:
  %kn = add nsw i64 %k, 1
  br label %reads
run:
  call void %kernel(double 0.0, ptr %state, ptr %state, ptr %out)
  br label %writes
writes:
  %w = phi i64 [0, %run], [%wn, %write]
  %w_more = icmp slt i64 %w, %outputs
  br i1 %w_more, label %write, label %end_block
write:
  %result_p = getelementptr inbounds ptr, ptr %results, i64 %w
  %result = load ptr, ptr %result_p, align 8
  %result_at = getelementptr inbounds double, ptr %result, i64 %b
  %w_at = mul nsw i64 %w, %block
  %made = getelementptr inbounds double, ptr %out, i64 %w_at
  call void @llvm.memcpy.p0.p0.i64(ptr align 8 %result_at, ptr align 8 %made, i64 %bytes, i1 false)
  %wn = add nsw i64 %w, 1
  br label %writes
end_block:
  %bn = add nsw i64 %b, %block
  br label %blocks
done:
  ret void
}
"""
