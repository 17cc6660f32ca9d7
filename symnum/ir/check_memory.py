"""Where a kernel's arrays lie: inside their vectors, and outputs apart from each other."""

from __future__ import annotations

import numpy as np

from symnum.errors import TargetError
from symnum.ir.kernel import Array, Kernel

_DTYPES = ("float64", "float32")


def check_arrays(kernel: Kernel) -> None:
    """TargetError where an array has no sound place in memory, where outputs overlap or leave values of their vector out."""
    if kernel.dtype not in _DTYPES:
        raise TargetError(f"{kernel.name}: the dtype {kernel.dtype!r} is not one of {', '.join(_DTYPES)}")
    for array in (*kernel.inputs, *kernel.outputs, *kernel.locals, *(c.array for c in kernel.constants)):
        _check_shape(kernel, array)
    for constant in kernel.constants:
        _check_constant(kernel, constant.array, constant.values)
    for array in (*kernel.outputs, *kernel.locals):
        if array.steps is not None and not _apart(array):
            raise TargetError(
                f"{kernel.name}: several points of {array.field} lie in one place (steps {array.steps}), which is written"
            )
    if any(a.steps is not None for a in kernel.outputs):
        _check_outputs(kernel)


def _check_shape(kernel: Kernel, array: Array) -> None:
    lengths = {len(array.shape), len(array.axes), len(array.origin), len(array.strides)}
    if len(lengths) > 1 or list(array.axes) != sorted(set(array.axes)):
        raise TargetError(
            f"{kernel.name}: {array.field} has the shape {array.shape}, axes {array.axes}, origin {array.origin} and steps {array.strides}; "
            "one entry of each a dimension, and axes that ascend, are expected"
        )
    if array.axes and not 0 <= array.axes[0] <= array.axes[-1] < len(kernel.periods):
        raise TargetError(
            f"{kernel.name}: {array.field} runs along the axes {array.axes}; the grid has {len(kernel.periods)}"
        )
    if array.size and array.span[0] < 0:
        raise TargetError(f"{kernel.name}: {array.field} begins at {array.span[0]}, before its vector")


def _check_constant(kernel: Kernel, array: Array, values: np.ndarray) -> None:
    if values.ndim != 1 or not values.flags.c_contiguous or values.dtype != kernel.dtype:
        raise TargetError(
            f"{kernel.name}: the values of {array.field} must be a contiguous {kernel.dtype} vector, got {values.dtype} of shape {values.shape}"
        )
    if array.span[1] > values.size:
        raise TargetError(f"{kernel.name}: {array.field} reads {array.span[1]} numbers, and {values.size} are there")


def _apart(array: Array) -> bool:
    """True if each value has a place of its own: every step leads over all that lies between the smaller ones."""
    reach = 0
    for step, n in sorted((abs(step), n) for step, n in zip(array.strides, array.shape, strict=True) if n > 1):
        if step <= reach:
            return False
        reach += step * (n - 1)
    return True


def _check_outputs(kernel: Kernel) -> None:
    """Each value of the output vector belongs to one array."""
    owners = np.zeros(kernel.output_size, np.uint8)
    for array in kernel.outputs:
        array.view(owners)[...] += 1
    shared, left = int(np.argmax(owners > 1)), int(np.argmax(owners == 0))
    if owners.size and owners[shared] > 1:
        raise TargetError(f"{kernel.name}: two outputs lie in one place, the value {shared} of the output vector")
    if owners.size and owners[left] == 0:
        raise TargetError(f"{kernel.name}: the value {left} of the output vector belongs to no output")
