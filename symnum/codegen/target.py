"""The contract of a target language: a kernel in, something callable out.

A module in ``codegen/targets`` offers ``build(kernel) -> CompiledKernel``; its first docstring line says what it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from symnum.catalogue import Catalogue
from symnum.codegen.placement import output_vector
from symnum.errors import TargetError
from symnum.ir.kernel import Kernel
from symnum.ir.passes.networks import write_networks_out

Function = Callable[[float, np.ndarray, np.ndarray, np.ndarray], None]


@dataclass(frozen=True)
class CompiledKernel:
    """A kernel that can be called: ``compiled(t, y, p, out=None) -> out``.

    Attributes: ``function(t, y, p, out)`` does no checks; ``address``: the native function ``void (double t, const double* y,
    const double* p, double* out)`` or None; ``source``: what a person reads; ``keepalive``: owns the machine code.
    """

    kernel: Kernel
    target: str
    function: Function
    source: str
    address: int | None = None
    keepalive: Any = None
    compile_seconds: float = 0.0

    def __call__(self, t: float, y: Any, p: Any = (), out: np.ndarray | None = None) -> np.ndarray:
        """Evaluate. y: (input_size,), p: (n_parameters,), out: (output_size,) contiguous, must not overlap y. TargetError otherwise.

        y and out are of the kernel's dtype, p of float64.
        """
        dtype = self.kernel.dtype
        y = vector("y", y, self.kernel.input_size, dtype)
        p = vector("p", p, len(self.kernel.parameters))
        if out is None:
            out = output_vector(self.kernel.output_size, dtype=dtype)
        elif (
            not isinstance(out, np.ndarray)
            or out.dtype != dtype
            or out.shape != (self.kernel.output_size,)
            or not out.flags.c_contiguous
        ):
            raise TargetError(
                f"out must be a contiguous {dtype} array of shape ({self.kernel.output_size},), got {_describe(out)}"
            )
        elif not out.flags.writeable:
            raise TargetError("out is read-only; give an array that can be written (out=np.empty_like(y))")
        elif np.may_share_memory(out, y):
            raise TargetError("out overlaps y; give another array (out=np.empty_like(y))")
        self.function(float(t), y, p, out)
        return out


def vector(name: str, value: Any, size: int, dtype: str = "float64") -> np.ndarray:
    """The value as a contiguous vector of the given size and dtype; TargetError where it is not one."""
    if not (isinstance(value, np.ndarray) and value.dtype == dtype and value.flags.c_contiguous):
        if isinstance(value, np.ndarray) and value.dtype.kind == "c":
            raise TargetError(f"{name} is complex; this kernel takes real numbers ({dtype})")
        try:
            value = np.ascontiguousarray(value, dtype=dtype)
        except (TypeError, ValueError):
            raise TargetError(f"{name} must be real numbers of shape ({size},), got {_describe(value)}") from None
    if value.shape != (size,):
        raise TargetError(f"{name} must have shape ({size},), got {value.shape}")
    return value


def _describe(value: Any) -> str:
    return f"{value.dtype} of shape {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__


def targets() -> Catalogue:
    """All target languages."""
    return Catalogue("target", package="symnum.codegen.targets")


def compile_kernel(kernel: Kernel, target: str = "llvm", **options: Any) -> CompiledKernel:
    """Build a kernel for a target; unknown names and missing packages raise named errors."""
    language = targets().load(target)
    compiled: CompiledKernel = language.build(kernel if target == "llvm" else write_networks_out(kernel), **options)
    return compiled
