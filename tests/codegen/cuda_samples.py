"""Many CUDA files as one: each in a namespace of its own, so that a compiler runs once for all of them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from symnum.codegen.cuda_device import HostFunctions, why_no_gpu
from symnum.codegen.cuda_file import CudaModule
from symnum.ir.kernel import Kernel

NVCC = shutil.which("nvcc")
needs_nvcc = pytest.mark.skipif(NVCC is None, reason="nvcc (CUDA toolkit) is not on the PATH")
needs_gpu = pytest.mark.skipif(bool(why_no_gpu()), reason=why_no_gpu())
needs_compiler = pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="there is no C++ compiler on the PATH"
)

DEVICES = [
    pytest.param("host", marks=needs_compiler),
    pytest.param("gpu", marks=needs_gpu),
]  #: where a test runs the printed source


def merged(modules: Sequence[CudaModule]) -> str:
    """One source; the functions of all must differ in name."""
    parts = []
    for n, module in enumerate(modules):
        macros = [line.split()[1] for line in module.source.splitlines() if line.startswith("#define N")]
        names = "".join(f"using part{n}::{launch.function};\n" for launch in module.launches)
        parts.append(f"namespace part{n} {{\n{module.source}}}\n{names}" + "".join(f"#undef {m}\n" for m in macros))
    return "\n".join(parts)


def on_host(modules: Sequence[CudaModule]) -> HostFunctions:
    """All functions of the modules, compiled with the shim."""
    return HostFunctions(merged(modules), [launch.function for module in modules for launch in module.launches])


def run(functions: HostFunctions, module: CudaModule, t: float, y: np.ndarray, p: np.ndarray) -> np.ndarray:
    """The launches of a module; scratch memory and outputs hold NaN before, so that what is read before it is written is seen."""
    kernel: Kernel = module.kernel
    number = np.dtype(kernel.dtype).type
    out, work = np.full(kernel.output_size, np.nan, number), np.full(module.work, np.nan, number)
    inputs = [y.astype(number)[b.begin : b.begin + b.size] for b in module.inputs]
    outputs = [out[b.begin : b.begin + b.size] for b in module.outputs]
    pointers = [*inputs, *module.constants, *outputs, *([work] if module.work else [])]
    for launch in module.launches:
        functions.launch(launch.function, launch.blocks, [number(t), *map(number, p)], pointers)
    return out


def compiles(source: str, folder: Path, architectures: Sequence[str] = ("sm_80", "sm_90")) -> None:
    """nvcc takes a source, without a warning, for each architecture."""
    assert NVCC is not None
    text = folder / "kernel.cu"
    text.write_text(source)
    for architecture in architectures:
        line = [
            NVCC,
            f"-arch={architecture}",
            "-std=c++17",
            "-cubin",
            "-Werror",
            "all-warnings",
            "-o",
            str(folder / "kernel.cubin"),
            str(text),
        ]
        done = subprocess.run(line, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
