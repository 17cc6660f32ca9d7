"""Where CUDA C runs: on a GPU through cupy, or on the host through the shim (slow; it is there to check what a kernel means).

cupy compiles with NVRTC, keeps what it compiled, launches on the current stream and brings cuFFT: one package, and tensors of torch pass into it by
their addresses, without copies.
"""

from __future__ import annotations

import contextlib
import ctypes
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from functools import cache
from os import environ
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from symnum.codegen.cuda_plan import THREADS
from symnum.errors import BackendUnavailable, TargetError

INSTALL = "pip install cupy-cuda13x (a driver of CUDA 12: cupy-cuda12x)"


class Functions(Protocol):
    """The functions of a file: ``launch(name, blocks, numbers, pointers, threads)``."""

    def launch(
        self, name: str, blocks: int, numbers: Sequence[Any], pointers: Sequence[Any], threads: int = THREADS
    ) -> None: ...


class Device(Protocol):
    """Memory and compiled functions. ``arrays``: the module of its arrays (numpy or cupy)."""

    name: str
    arrays: Any

    def compile(self, source: str, names: Sequence[str]) -> Functions: ...

    def upload(self, array: np.ndarray) -> Any: ...

    def download(self, array: Any) -> np.ndarray: ...


class Host:
    """The host as a device: arrays are NumPy's, functions come from the system's C++ compiler."""

    name = "host"
    arrays: Any = np

    def compile(self, source: str, names: Sequence[str]) -> HostFunctions:
        return HostFunctions(source, names)

    def upload(self, array: np.ndarray) -> np.ndarray:
        return np.array(array)

    def download(self, array: Any) -> np.ndarray:
        return np.asarray(array)


class HostFunctions:
    """The functions of a source, compiled with the shim."""

    FLAGS = ("-x", "c++", "-std=c++17", "-O0", "-w", "-fno-math-errno")

    def __init__(self, source: str, names: Sequence[str]) -> None:
        from symnum.codegen.c_compiler import compile_c

        calls = {name: _declared(source, name) for name in names}
        entries = "\n".join(_entry(name, kinds, "__syncthreads" in source) for name, kinds in calls.items())
        shim = (
            (Path(__file__).parent / "shim" / "cuda_host.h").read_text(encoding="utf-8").replace("#pragma once\n", "")
        )
        self.library = compile_c(f"{shim}\n{source}\n{entries}\n", self.FLAGS, command=_compiler())
        self.functions = {}
        for name, kinds in calls.items():
            types = {"double": ctypes.c_double, "float": ctypes.c_float, "int": ctypes.c_int, "long": ctypes.c_longlong}
            given: list[Any] = [
                ctypes.c_void_p if "*" in kind else types[kind.replace("const ", "").split()[0]] for kind in kinds
            ]
            self.functions[name] = ctypes.CFUNCTYPE(None, ctypes.c_longlong, ctypes.c_int, *given)(
                self.library.address(f"host_{name}")
            )

    def launch(
        self, name: str, blocks: int, numbers: Sequence[Any], pointers: Sequence[Any], threads: int = THREADS
    ) -> None:
        self.functions[name](blocks, threads, *numbers, *(p.ctypes.data for p in pointers))


class Gpu:
    """The current GPU of cupy."""

    name = "gpu"

    def __init__(self) -> None:
        self.arrays = load_cupy()

    def compile(self, source: str, names: Sequence[str]) -> GpuFunctions:
        return GpuFunctions(self.arrays, source, names)

    def upload(self, array: np.ndarray) -> Any:
        return self.arrays.asarray(array)

    def download(self, array: Any) -> np.ndarray:
        made: np.ndarray = self.arrays.asnumpy(array)
        return made


class GpuFunctions:
    """The functions of a source, compiled by NVRTC for this GPU."""

    def __init__(self, cupy: Any, source: str, names: Sequence[str]) -> None:
        self.cupy = cupy
        self.module = cupy.RawModule(code=source, options=("-std=c++17",), backend="nvrtc")
        try:
            self.functions = {name: self.module.get_function(name) for name in names}
        except cupy.cuda.compiler.CompileException as error:
            raise TargetError(f"NVRTC refuses the generated CUDA C: {str(error).splitlines()[0]}") from None

    def launch(
        self, name: str, blocks: int, numbers: Sequence[Any], pointers: Sequence[Any], threads: int = THREADS
    ) -> None:
        """Launch on the current stream (that of torch where a pointer is a torch tensor)."""
        given = (*numbers, *(np.uintp(address(p)) for p in pointers))
        with _stream(self.cupy, pointers):
            self.functions[name]((blocks,), (threads,), given)


def device_of(name: str = "gpu") -> Device:
    """ "gpu" or "host". Raises BackendUnavailable where cupy or a GPU is missing, TargetError for other names."""
    if name == "host":
        return Host()
    if name == "gpu":
        return _gpu()
    raise TargetError(
        f'there is no device {name!r}; write device="gpu", or device="host" to run the source on the processor (slow, for checks)'
    )


@cache
def _gpu() -> Gpu:
    return Gpu()


def load_cupy() -> Any:
    """cupy with a GPU that answers, or BackendUnavailable with one sentence."""
    try:
        import cupy
    except ImportError:
        raise BackendUnavailable(f'target="cuda" needs the package cupy and an NVIDIA GPU; {INSTALL}') from None
    try:
        count = cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise BackendUnavailable(
            f'target="cuda" needs an NVIDIA GPU, and CUDA says: {error}; write target="llvm"'
        ) from None
    if not count:
        raise BackendUnavailable('target="cuda" needs an NVIDIA GPU, and this machine has none; write target="llvm"')
    return cupy


def why_no_gpu() -> str:
    """Why nothing can run on a GPU here; empty where one answers."""
    try:
        load_cupy()
    except BackendUnavailable as error:
        return str(error)
    return ""


def address(array: Any) -> int:
    """Where a device array (of cupy, torch, ...) begins. Raises TargetError where it is none, or has gaps."""
    if hasattr(array, "data_ptr"):
        if not array.is_cuda or not array.is_contiguous():
            raise TargetError(
                f"expected a contiguous tensor on the GPU, got one on {array.device}; write x.cuda().contiguous()"
            )
        return int(array.data_ptr())
    facts = getattr(array, "__cuda_array_interface__", None)
    if facts is None:
        raise TargetError(f"expected an array on the GPU, got {type(array).__name__}; write cupy.asarray(x)")
    flags = getattr(array, "flags", None)
    if facts.get("strides") is not None and not (flags is not None and flags.c_contiguous):
        raise TargetError("expected a contiguous array on the GPU; write cupy.ascontiguousarray(x)")
    return int(facts["data"][0])


@contextlib.contextmanager
def _stream(cupy: Any, pointers: Sequence[Any]) -> Iterator[None]:
    tensor = next((p for p in pointers if hasattr(p, "data_ptr")), None)
    if tensor is None:
        yield
        return
    import torch

    with cupy.cuda.ExternalStream(torch.cuda.current_stream(tensor.device).cuda_stream):
        yield


def _declared(source: str, name: str) -> list[str]:
    """The declarations of a function's arguments."""
    found = re.search(rf"__global__[^;{{]*?\b{name}\(([^)]*)\)", source)
    assert found is not None, f"{name} is not in the source"
    return [" ".join(argument.split()) for argument in found[1].split(",")]


def _entry(name: str, kinds: Sequence[str], synchronises: bool) -> str:
    """What the host calls: all blocks of a launch."""
    names = [kind.split()[-1].lstrip("*") for kind in kinds]
    call = f"[&] {{ {name}({', '.join(names)}); }}"
    return (
        f'extern "C" void host_{name}(long long host_blocks, int host_threads, {", ".join(kinds)})\n'
        f"{{ cuda_host::launch(host_blocks, host_threads, {'true' if synchronises else 'false'}, {call}); }}"
    )


def _compiler() -> tuple[str, ...]:
    """The command of the C++ compiler: ``$CXX``, else the first of c++, g++ and clang++."""
    setting = shlex.split(environ.get("CXX", ""))
    for name in setting[:1] or ["c++", "g++", "clang++"]:
        if found := shutil.which(name):
            return (found, *setting[1:])
    raise TargetError(
        'device="host" needs a C++ compiler, and none of c++, g++ and clang++ is on the PATH; set CXX, or apt install g++'
    )
