"""CUDA C for NVIDIA GPUs, compiled by NVRTC through cupy; the same source runs on the host through a shim (``device="host"``)."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from symnum.codegen.cuda_device import Device, device_of
from symnum.codegen.cuda_file import CudaModule, print_module
from symnum.codegen.cuda_plan import Tiling
from symnum.codegen.target import CompiledKernel
from symnum.ir.kernel import Kernel

Parts = Sequence[tuple[str, int, int]]


def build(kernel: Kernel, device: str = "gpu", tiling: Tiling | None = None) -> CompiledKernel:
    """Compile a kernel. Calls with NumPy arrays copy them to the device and back; ``keepalive`` is the ``CudaKernel``, whose ``launch`` takes
    device arrays as they are.

    Raises BackendUnavailable without a GPU (``device="host"`` needs a C++ compiler instead), TargetError where the source is refused.
    """
    begin = time.perf_counter()
    made = CudaKernel(print_module(kernel, tiling=tiling), device_of(device))

    def function(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
        made.on_host(t, p.tolist(), [y], [out])

    return CompiledKernel(kernel, "cuda", function, made.module.source, None, made, time.perf_counter() - begin)


def cuda_kernel(
    kernel: Kernel, inputs: Parts, outputs: Parts, device: str = "gpu", tiling: Tiling | None = None
) -> CudaKernel:
    """A kernel whose arguments are arrays of their own: ``inputs``, ``outputs`` give (name, first position in the flat vector, size)."""
    return CudaKernel(print_module(kernel, inputs, outputs, tiling), device_of(device))


class CudaKernel:
    """A kernel on a device. Attributes: ``module`` (source, launches), ``device``."""

    def __init__(self, module: CudaModule, device: Device) -> None:
        self.module, self.device = module, device
        self.number = np.dtype(module.kernel.dtype).type
        self.functions = device.compile(module.source, [launch.function for launch in module.launches])
        self.constants = [device.upload(values) for values in module.constants]
        self.work = [device.arrays.empty(module.work, self.number)] if module.work else []

    def launch(self, t: float, p: Sequence[float], inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        """Run on contiguous device arrays of the kernel's dtype, without copies; on a GPU it returns before the result is there (stream order)."""
        numbers = [self.number(t), *map(self.number, p)]
        pointers = [
            *filter(_size, inputs),
            *self.constants,
            *filter(_size, outputs),
            *self.work,
        ]  # empty ones are no arguments
        for one in self.module.launches:
            self.functions.launch(one.function, one.blocks, numbers, pointers)

    def on_host(
        self, t: float, p: Sequence[float], inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]
    ) -> None:
        """Run on NumPy arrays, which are copied to the device and back."""
        if self.device.name == "host":
            self.launch(t, p, inputs, outputs)
            return
        given = [self.device.upload(a) for a in inputs]
        made = [self.device.arrays.empty(a.shape, self.number) for a in outputs]
        self.launch(t, p, given, made)
        for out, result in zip(outputs, made, strict=True):
            out[...] = self.device.download(result)


def _size(array: Any) -> int:
    return int(array.numel() if hasattr(array, "numel") else array.size)
