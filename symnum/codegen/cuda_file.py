"""[Kernel] -> CUDA C file and the list of its launches. One text serves nvcc, NVRTC (cupy) and, with the shim, the system's C++ compiler.

The arguments of every function are, in this order: the time, each parameter, the vectors of inputs, of constants and of outputs, scratch memory.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from symnum.codegen.c_layout import layout
from symnum.codegen.c_names import Numbers, identifier
from symnum.codegen.c_text import Writer
from symnum.codegen.cuda_function import Buffer, Function, Names
from symnum.codegen.cuda_plan import THREADS, Sums, Tiling, stages
from symnum.codegen.cuda_sums import SumFunction
from symnum.codegen.cuda_terms import TYPES, CudaNames
from symnum.errors import TargetError
from symnum.ir.kernel import Kernel
from symnum.ir.passes import write_networks_out

MOST_PARAMETERS = 400  #: arguments of a function have 4 kB
_INT = 2**31 - 2**16  # positions that an int holds, with room for a stencil


@dataclass(frozen=True)
class Launch:
    """``function`` on ``blocks`` blocks of THREADS threads."""

    function: str
    blocks: int


@dataclass(frozen=True, eq=False)
class CudaModule:
    """A kernel as CUDA C.

    Attributes: ``launches``: one after the other; ``inputs``, ``outputs``: the arguments, as parts of the flat vectors; ``constants``: vectors of
    the kernel's dtype that the functions read; ``work``: values of scratch memory, 0 where none is needed.
    """

    kernel: Kernel
    source: str
    launches: tuple[Launch, ...]
    inputs: tuple[Buffer, ...]
    outputs: tuple[Buffer, ...]
    constants: tuple[np.ndarray, ...]
    work: int


def print_module(
    kernel: Kernel,
    inputs: Sequence[tuple[str, int, int]] | None = None,
    outputs: Sequence[tuple[str, int, int]] | None = None,
    tiling: Tiling | None = None,
) -> CudaModule:
    """CUDA C of a kernel.

    Args:
        inputs, outputs: arguments as (name, first position in the flat vector, size); default: the vectors ``y`` and ``out`` (``dydt`` of
            right-hand sides).
        tiling: rows a thread makes, width of a block; default: by the stencils.

    Raises TargetError: an operator has no meaning in CUDA, or the kernel has more than 400 parameters.
    """
    if len(kernel.parameters) > MOST_PARAMETERS:
        raise TargetError(
            f"{kernel.name} has {len(kernel.parameters)} parameters, and a CUDA function takes at most {MOST_PARAMETERS}; "
            'put them into an array, or write target="llvm"'
        )
    kernel = write_networks_out(kernel)
    printer = _Printer(kernel, inputs, outputs)
    launches = printer.functions(tiling)
    return CudaModule(
        kernel,
        printer.file(launches),
        launches,
        printer.shared.inputs,
        printer.shared.outputs,
        printer.vectors,
        printer.work,
    )


class _Printer:
    """Collects the functions of a file and what stands before them."""

    def __init__(
        self,
        kernel: Kernel,
        inputs: Sequence[tuple[str, int, int]] | None,
        outputs: Sequence[tuple[str, int, int]] | None,
    ) -> None:
        self.kernel, self.real = kernel, TYPES[kernel.dtype]
        made = layout(kernel, language=(CudaNames, Numbers))
        names, result = made.names, "dydt" if kernel.name == "rhs" else "out"
        given = [("y", 0, kernel.input_size)] if inputs is None else inputs
        wanted = [(result, 0, kernel.output_size)] if outputs is None else outputs
        self.vectors, constants = _constants(kernel, names)
        spans = [a.span[1] for a in (*kernel.inputs, *kernel.outputs, *kernel.locals)]
        self.shared = Names(
            made,
            tuple(Buffer(names.fresh(n), begin, size) for n, begin, size in given if size),
            tuple(Buffer(names.fresh(n), begin, size) for n, begin, size in wanted if size),
            constants,
            names.fresh("t", "time"),
            names.fresh("work", "scratch"),
            "int" if max(spans, default=0) < _INT else "long long",
            self.real,
        )
        plain = identifier(kernel.name)
        self.name = (
            plain if plain == "rhs" or plain.endswith("_kernel") else f"{plain}_kernel"
        )  # "random" is a function of C
        self.tables: dict[tuple[str, ...], str] = {}
        self.helpers: dict[str, str] = {}
        self.texts: list[str] = []
        self.wraps, self.work = False, 0

    @property
    def arguments(self) -> list[str]:
        """The declarations of a function's arguments."""
        names, real, kernel = self.shared, self.real, self.kernel
        values = [names.time, *(names.layout.names.of("parameter", p.name) for p in kernel.parameters)]
        read = [*(b.name for b in names.inputs), *dict.fromkeys(names.constants.values())]
        return [
            *(f"const {real} {v}" for v in values),
            *(f"const {real} *__restrict__ {v}" for v in read),
            *(f"{real} *__restrict__ {b.name}" for b in names.outputs),
            *([f"{real} *__restrict__ {names.work}"] if self.work else []),
        ]

    def functions(self, tiling: Tiling | None) -> tuple[Launch, ...]:
        made = stages(self.kernel, tiling)
        partial = max((s.partial for s in made if isinstance(s, Sums)), default=0)
        self.work = self.kernel.local_size + partial
        several = len(made) > 1 or partial
        launches: list[Launch] = []
        for stage in made:
            for finish in (False, True)[: 2 if isinstance(stage, Sums) and stage.chunks > 1 else 1]:
                name = f"{self.name}_{len(launches) + 1}" if several else self.name
                function = (SumFunction if isinstance(stage, Sums) else Function)(self.kernel, self.shared, self.tables)
                self.texts.append(function.print(name, self.arguments, stage, finish))
                self.helpers |= function.expressions.helpers
                self.wraps |= function.wraps
                launches.append(Launch(name, stage.sums if finish and isinstance(stage, Sums) else stage.blocks))
        return tuple(launches)

    def file(self, launches: Sequence[Launch]) -> str:
        text = "\n".join(self.texts)
        blocks = [self._head(launches), self._sizes(text)]
        index = self.shared.index
        if self.wraps:
            blocks.append(
                "/* A grid index around the ends of a periodic axis of n points. */\n"
                f"static __device__ inline {index} wrap({index} i, {index} n) {{ return i < 0 ? i + n : i < n ? i : i - n; }}"
            )
        if re.search(r"\bINFINITY\b", text):
            blocks.append("#ifndef INFINITY\n#define INFINITY __int_as_float(0x7f800000)\n#endif")
        if re.search(r"\bPI\b", text):
            blocks.append(f"static __device__ const {self.real} PI = 3.141592653589793;")
        blocks += [table_definition(name, numbers, self.real) for numbers, name in self.tables.items()]
        blocks += ["\n".join(self.helpers.values()), text.rstrip(), self._host(launches)]
        return "\n\n".join(b for b in blocks if b) + "\n"

    def _head(self, launches: Sequence[Launch]) -> str:
        writer = Writer()
        shapes = f"{self.kernel.input_size} values in, {self.kernel.output_size} out"
        said = f"{self.kernel.comment}\n" if self.kernel.comment else ""
        how = " Launched one after the other:" if len(launches) > 1 else " Launched as"
        listed = ", ".join(f"{launch.function} on {launch.blocks} blocks" for launch in launches)
        writer.comment(f"{said}{shapes}, {self.real}.{how} {listed} of {THREADS} threads.")
        return "\n".join(writer.lines)

    def _sizes(self, text: str) -> str:
        lines = []
        for k, (name, count) in enumerate(self.shared.layout.sizes):
            if re.search(rf"\b{name}\b", text):
                lines.append(f"#define {name} {count}  /* grid points along {self.shared.layout.label(k)} */")
        return "\n".join(lines)

    def _host(self, launches: Sequence[Launch]) -> str:
        """What a program in C++ calls: all launches on a stream."""
        writer = Writer()
        names = [a.split()[-1].lstrip("*") for a in self.arguments]
        writer.line("#if defined(__CUDACC__) && !defined(__CUDACC_RTC__)")
        work = f" {self.shared.work}: scratch memory of {self.work} values." if self.work else ""
        writer.comment(f"Launch on a stream; all pointers are to memory of the device.{work}")
        writer.statement(
            f"void launch_{identifier(self.kernel.name)}({', '.join([*self.arguments, 'cudaStream_t stream'])})"
        )
        writer.open("{")
        for launch in launches:
            writer.statement(f"{launch.function}<<<{launch.blocks}, {THREADS}, 0, stream>>>({', '.join(names)});")
        writer.close()
        writer.line("#endif")
        return "\n".join(writer.lines)


def _constants(kernel: Kernel, names: CudaNames | object) -> tuple[tuple[np.ndarray, ...], dict[str, str]]:
    """The different vectors of constants, and the argument in which each constant array lies."""
    vectors: dict[int, tuple[str, np.ndarray]] = {}
    homes: dict[str, str] = {}
    for constant in kernel.constants:
        if id(constant.values) not in vectors:
            name = names.fresh(f"c{len(vectors) + 1}")  # type: ignore[union-attr]
            vectors[id(constant.values)] = name, np.ascontiguousarray(constant.values, kernel.dtype)
        homes[constant.array.name] = vectors[id(constant.values)][0]
    return tuple(v for _, v in vectors.values()), homes


def table_definition(name: str, numbers: Sequence[str], real: str) -> str:
    """A table of numbers in the memory of the device."""
    writer = Writer()
    writer.statement(f"static __device__ const {real} {name}[{len(numbers)}] = {{{', '.join(numbers)}}};")
    return "\n".join(writer.lines)
