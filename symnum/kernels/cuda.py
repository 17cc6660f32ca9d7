"""One traced variant of a function on a GPU: arrays of cupy and tensors of torch go in by their addresses and results come out alike.

NumPy arrays are copied there and back, which costs more than most kernels: keep arrays on the GPU.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from symnum.codegen.c_names import identifier
from symnum.codegen.cuda_device import address
from symnum.codegen.targets.cuda import cuda_kernel
from symnum.errors import TargetError
from symnum.kernels.native import Variant
from symnum.tracing.capture import Captured


class CudaVariant(Variant):
    """As ``native.Variant``, on a device. ``device``: "gpu", or "host" for checks without one."""

    threads = 1  # of the host

    def __init__(self, captured: Captured, names: Sequence[str], device: str = "gpu") -> None:
        self._bind(captured, names)
        kernel = replace(captured.kernel, name=f"{identifier(captured.kernel.name)}_kernel")
        inputs = [(identifier(a.name), a.offset, a.size) for a, _ in self.arrays]
        outputs = [(f"result_{k + 1}", start, size) for k, (start, size) in enumerate(self.blocks)]
        self.kernel = cuda_kernel(kernel, inputs, outputs, device)
        self.device = self.kernel.device

    @property
    def source(self) -> str:
        return self.kernel.module.source

    def __call__(self, values: Sequence[Any], out: Any = None) -> Any:
        """What the function gives for these values of its arguments: on the device where its arrays are there, else NumPy arrays."""
        arrays = [get(values) for _, get in self.arrays]
        p = [float(get(values)) for _, get in self.numbers]
        t = 0.0 if self.time is None else float(self.time(values))
        place = _Place(self.device, self.dtype, arrays)
        given = [place.given(a) for a in arrays]
        wanted = self._wanted(values, out, place)
        blocks = (
            [place.empty(size) for _, size in self.blocks]
            if wanted is None
            else [place.block(a, given) for a in wanted]
        )
        self.kernel.launch(t, p, given, blocks)
        if wanted is None:
            return self.captured.rebuild(
                [place.result(blocks[k][first:stop].reshape(shape)) for k, first, stop, shape in self.places]
            )
        for array, block in zip(wanted, blocks, strict=True):
            place.fill(array, block)
        return None if self.filled else out

    def _wanted(self, values: Sequence[Any], out: Any, place: _Place) -> list[Any] | None:
        """The arrays that a call fills; None where it makes new ones."""
        if self.filled:
            if out is not None:
                raise TargetError("the function fills its own arguments; out= is for functions that give arrays back")
            return [get(values) for _, get in self.filled]
        if out is None:
            return None
        arrays = list(out) if self.captured.form in ("tuple", "list") else [out]
        shapes = [r.shape for r in self.captured.results]
        if (
            self.captured.form not in ("array", "tuple", "list")
            or len(self.blocks) != len(shapes)
            or len(arrays) != len(shapes)
        ):
            raise TargetError(
                f"out= is for functions that give arrays, one array each; this one gives a {self.captured.form} of {len(shapes)}"
            )
        for array, shape in zip(arrays, shapes, strict=True):
            if tuple(array.shape) != shape or place.dtype_of(array) != self.dtype.name:
                raise TargetError(
                    f"out has shape {tuple(array.shape)} and dtype {array.dtype}, expected {shape} and {self.dtype}"
                )
        return arrays


class _Place:
    """Where the arrays of a call lie: with torch, with cupy, or on the host."""

    def __init__(self, device: Any, dtype: np.dtype, arrays: Sequence[Any]) -> None:
        self.device, self.dtype = device, dtype
        self.tensor = next((a for a in arrays if hasattr(a, "data_ptr")), None)
        self.remote = self.tensor is not None or any(hasattr(a, "__cuda_array_interface__") for a in arrays)

    def dtype_of(self, array: Any) -> str:
        return str(array.dtype).removeprefix("torch.")

    def given(self, array: Any) -> Any:
        """An argument as the code reads it: itself where it lies there, contiguous and of the kernel's dtype."""
        if isinstance(array, np.ndarray):
            made = np.ascontiguousarray(array, self.dtype)
            return made if self.device.name == "host" else self.device.upload(made)
        if hasattr(array, "data_ptr"):
            if self.dtype_of(array) != self.dtype.name or not array.is_contiguous():
                import torch

                array = array.to(getattr(torch, self.dtype.name)).contiguous()
            array = array.detach()
            address(array)  # says what is wrong with a tensor on the host
            return array
        return self.device.arrays.ascontiguousarray(array, self.dtype)

    def empty(self, size: int) -> Any:
        if self.tensor is not None:
            import torch

            return torch.empty(size, dtype=getattr(torch, self.dtype.name), device=self.tensor.device)
        return self.device.arrays.empty(size, self.dtype)

    def block(self, array: Any, given: Sequence[Any]) -> Any:
        """An array that is filled, or another one where it has gaps, lies elsewhere or overlaps what is read."""
        fits = self.dtype_of(array) == self.dtype.name and self._direct(array)
        if fits and not any(_overlap(array, other) for other in given):
            return array
        return self.empty(int(np.prod(array.shape)))

    def _direct(self, array: Any) -> bool:
        if isinstance(array, np.ndarray):
            return self.device.name == "host" and bool(array.flags.c_contiguous)
        if hasattr(array, "data_ptr"):
            return bool(array.is_contiguous() and array.is_cuda)
        return bool(array.flags.c_contiguous)

    def result(self, block: Any) -> Any:
        """A new result: on the device where the arguments are there."""
        return block if self.remote else self.device.download(block)

    def fill(self, array: Any, block: Any) -> None:
        """What was computed elsewhere goes into the caller's array."""
        if block is not array:
            made = block.reshape(array.shape)
            array[...] = self.device.download(made) if isinstance(array, np.ndarray) else made


def _overlap(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) and isinstance(other, np.ndarray):
        return np.may_share_memory(one, other)
    a, b = address(one), address(other)
    return a < b + _bytes(other) and b < a + _bytes(one)


def _bytes(array: Any) -> int:
    return int(array.nbytes) if hasattr(array, "nbytes") else int(array.element_size() * array.nelement())


def example(value: Any) -> Any:
    """What is traced in place of a value: an empty NumPy array for an array on the GPU, a float for a number there."""
    if isinstance(value, tuple | list):
        return type(value)(map(example, value))
    if isinstance(value, dict):
        return {name: example(v) for name, v in value.items()}
    if hasattr(value, "data_ptr") or (hasattr(value, "__cuda_array_interface__") and not isinstance(value, np.ndarray)):
        shape, dtype = tuple(value.shape), str(value.dtype).removeprefix("torch.")
        return np.empty(shape, dtype) if shape else float(value)
    return value
