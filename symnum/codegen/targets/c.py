"""Readable C99, compiled by the system's compiler: the code that `symnum generate` writes."""

from __future__ import annotations

import ctypes
import time

import numpy as np

from symnum.codegen.c_compiler import FLAGS, compile_c
from symnum.codegen.c_constants import fill_constants, print_constants
from symnum.codegen.c_file import print_file
from symnum.codegen.c_function import print_function
from symnum.codegen.c_layout import layout
from symnum.codegen.c_single import in_single_precision
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
    fill_constants(library, kernel)
    address = library.address(kernel.name)
    native = native_function(address, ctypes.c_double, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)

    def function(t: float, y: np.ndarray, p: np.ndarray, out: np.ndarray) -> None:
        native(t, y.ctypes.data, p.ctypes.data, out.ctypes.data)

    return CompiledKernel(kernel, "c", function, source, address, library, time.perf_counter() - begin)


def print_kernel(kernel: Kernel, openmp: bool = False) -> str:
    """The C file of one kernel."""
    return _print(kernel, RATES if kernel.name == "rhs" else Arguments(), openmp)


def print_split(kernel: Kernel, starts: tuple[tuple[int, ...], tuple[int, ...]]) -> tuple[str, str]:
    """The C file of a kernel whose arguments and results are arrays of their own, ``starts`` where they begin in its flat vectors.

    And the name of the function in it that takes their addresses in one array: ``void NAME_on(double t, void *const *arrays, const double *p)``.
    """
    arguments = Arguments(starts=starts)
    inputs, outputs = len(starts[0]), len(starts[1])
    given = [f"arrays[{k}]" for k in range(inputs + outputs)]
    listed = ", ".join(["t", *given[:inputs], "p", *given[inputs:]])
    name = f"{kernel.name}_on"
    call = f"""/* The same with the addresses of all arrays, arguments before results. */
void {name}(double t, void *const *arrays, const double *p)
{{
    {kernel.name}({listed});
}}
"""
    return f"{_print(kernel, arguments, False)}\n{call}", name


def _print(kernel: Kernel, arguments: Arguments, openmp: bool) -> str:
    made = layout(kernel)
    function = print_function(kernel, made, arguments, kernel.comment, openmp)
    text = print_file(made, [function], constants=print_constants(kernel))
    return text if kernel.dtype == "float64" else in_single_precision(text, function.prototype)
