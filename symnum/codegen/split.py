"""Compiled kernels whose arguments and results are arrays of their own, so that nothing is copied: LLVM or C."""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from symnum.codegen import vector_math
from symnum.codegen.c_compiler import compile_c
from symnum.codegen.c_constants import fill_constants
from symnum.codegen.jit import compile_ir, has_fma, native_function
from symnum.codegen.llvm_emit import Names
from symnum.codegen.llvm_memory import constants_lie_outside
from symnum.codegen.llvm_split import FillPrinter, Phase, PhasePrinter, Split, cut_phases, print_whole, scratch_places
from symnum.codegen.targets.c import print_split as print_c
from symnum.codegen.targets.llvm import angles_are_small, print_table, schedule
from symnum.ir.kernel import Kernel, values

Whole = Callable[
    [float, Any, int, int], None
]  # t, addresses of the arrays, address of the parameters, address of the scratch memory
Tile = Callable[[float, Any, int, int, int, int], None]  # the same, and the first index and the one after the last


@dataclass(frozen=True)
class SplitKernel:
    """A kernel as native functions of the addresses of its arrays, arguments before results.

    ``whole`` does everything; ``fill`` and then ``tiles[k]`` over the indices of ``phases[k]``, one phase after the other, do the same (no tiles:
    the code is not cut). ``scratch``: bytes of memory that each call needs to itself.
    """

    kernel: Kernel
    target: str
    source: str
    whole: Whole
    scratch: int
    phases: tuple[Phase, ...] = ()
    fill: Callable[[int], None] | None = None
    tiles: tuple[Tile, ...] = ()
    keepalive: Any = None
    compile_seconds: float = 0.0


def build_llvm(kernel: Kernel, split: Split, cache: bool = True) -> SplitKernel:
    """Machine code in memory, cut along the outermost axis of each phase."""
    begin = time.process_time()
    phases = cut_phases(kernel)
    places, size = scratch_places(kernel)
    text = print_llvm(kernel, split, phases)
    module = compile_ir(text, cache=cache)
    for phase in phases if constants_lie_outside(kernel) else ():
        for k, vector in enumerate(kernel.constant_vectors):
            module.point(f"{phase.kernel.name}.constant{k}", vector)
    pointer, index = ctypes.c_void_p, ctypes.c_int64
    outside = (ctypes.c_double, pointer, pointer, pointer)
    whole = native_function(module.address(kernel.name), *outside)
    fill = native_function(module.address(f"{kernel.name}.fill"), pointer) if places else None
    tiles = tuple(native_function(module.address(p.kernel.name), *outside, index, index) for p in phases)
    seconds = time.process_time() - begin
    return SplitKernel(kernel, "llvm", text, whole, size, tuple(phases), fill, tiles, module, seconds)


def print_llvm(kernel: Kernel, split: Split, phases: list[Phase]) -> str:
    """The module of a kernel and its phases."""
    names = Names(vector_math.AVAILABLE)
    places, _ = scratch_places(kernel)
    bodies, metadata, tables = [], list[str](), dict[tuple[float, ...], str]()
    kind = "double"
    for phase in phases:
        printer = PhasePrinter(phase, schedule(phase.kernel), split, places, names)
        printer.metadata, printer.memory.tables = metadata, tables
        bodies.append(printer.print())
        kind = printer.memory.kind
    bodies.append(FillPrinter(kernel, names, 1).print_fill(places))
    bodies.append(print_whole(kernel, phases))
    small = all(angles_are_small(value, kernel.periods) for value in values(kernel.body))
    definitions = (
        vector_math.definitions(names.used_vector, fma=has_fma(), any_magnitude=not small) if names.used_vector else ""
    )
    declared = [d for d in sorted(names.declared) if d not in definitions]
    listed = [print_table(name, numbers, kind) for numbers, name in tables.items()]
    return "\n".join([f"; {kernel.comment}", *declared, definitions, *listed, *bodies, *metadata, ""])


def build_c(kernel: Kernel, split: Split, cache: bool = True) -> SplitKernel:
    """Readable C, compiled by the system's compiler. TargetError where there is none."""
    begin = time.perf_counter()
    source, call = print_c(kernel, (split.inputs, split.outputs))
    library = compile_c(source, cache=cache)
    fill_constants(library, kernel)
    pointer = ctypes.c_void_p
    native = native_function(library.address(call), ctypes.c_double, pointer, pointer)

    def whole(t: float, arrays: Any, p: int, scratch: int) -> None:
        native(t, arrays, p)

    return SplitKernel(kernel, "c", source, whole, 0, keepalive=library, compile_seconds=time.perf_counter() - begin)
