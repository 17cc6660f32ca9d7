"""Readable C99, compiled by the system's compiler: the code that `symnum generate` writes."""

from __future__ import annotations

import ctypes
import time

import numpy as np

from symnum.codegen.c_compiler import FLAGS, compile_c
from symnum.codegen.c_file import print_file
from symnum.codegen.c_function import print_function
from symnum.codegen.c_layout import layout
from symnum.codegen.c_views import Arguments
from symnum.codegen.jit import native_function
from symnum.codegen.target import CompiledKernel
from symnum.ir.kernel import Kernel

RATES = Arguments("y", "dydt", "d{}_dt")


def build(kernel: Kernel, openmp: bool = False, flags: tuple[str, ...] = FLAGS, cache: bool = True) -> CompiledKernel:
    """Compile a kernel. ``openmp``: share loops among threads; ``flags``: of the compiler; ``cache=False`` keeps nothing on disk.

    Raises TargetError where no compiler is found or the compiler refuses the code.
    """
    begin = time.perf_counter()
    source = print_kernel(kernel, openmp)
    library = compile_c(source, (*flags, "-fopenmp") if openmp else flags, cache)
    address = library.address(kernel.name)
    native = native_function(address, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

    def function(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
        native(t, y.ctypes.data, p.ctypes.data, out.ctypes.data)

    return CompiledKernel(kernel, "c", function, source, address, library, time.perf_counter() - begin)


def print_kernel(kernel: Kernel, openmp: bool = False) -> str:
    """The C file of one kernel."""
    made = layout(kernel)
    arguments = RATES if kernel.name == "rhs" else Arguments()
    return print_file(made, [print_function(kernel, made, arguments, kernel.comment, openmp)])
