"""LLVM IR text to machine code in memory, through llvmlite, with a private object cache on disk.

The cache is keyed by the IR text, the CPU's name and features and llvmlite's version; it lies in ``$SYMNUM_CACHE`` or
``$XDG_CACHE_HOME/symnum`` or ``~/.cache/symnum``, in a folder only its owner may enter. A folder that belongs to somebody else or that others
may write is not used (an object file is code). ``SYMNUM_CACHE=off`` switches it off.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np

from symnum.errors import TargetError

_MAX_CACHE_BYTES = 256 * 2**20


class Module:
    """Compiled code. Addresses stay valid as long as this object lives.

    Attributes: ``from_cache``: the machine code was read from disk.
    """

    def __init__(
        self,
        text: str,
        *,
        cache: bool = True,
        level: int = 3,
        linked: tuple[str, ...] = (),
        loops: bool = True,
        vectors: bool = False,
    ) -> None:
        machine = _target_machine(level)
        name = "\0".join([text, *linked, *([] if loops else ["loops as they are"]), *(["vectors"] if vectors else [])])
        key = _cache_path(name, level) if cache else None
        stored = _read(key)
        self.from_cache = stored is not None
        self._engine = _engine(_target_machine(level))
        if stored is not None:
            self._engine.add_object_file(llvm.ObjectFileRef.from_data(stored))
        else:
            parsed = optimise(text, machine, level, linked, loops, vectors)
            if key is not None:
                code = machine.emit_object(parsed)
                _write(key, code)
                self._engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            else:
                self._engine.add_module(parsed)
        self._engine.finalize_object()
        self._kept: list[np.ndarray] = []

    def point(self, name: str, vector: np.ndarray) -> None:
        """Set the global pointer ``name`` to the data of an array, which lives as long as the code."""
        place = self._engine.get_global_value_address(name)
        assert place, f"the compiled module has no global {name!r}"
        ctypes.c_void_p.from_address(place).value = vector.ctypes.data
        self._kept.append(vector)

    def address(self, function: str) -> int:
        """Address of a function; TargetError if the module has none of this name."""
        address = self._engine.get_function_address(function)
        if not address:
            raise TargetError(f"the compiled module has no function {function!r}")
        return int(address)


def compile_ir(
    text: str,
    cache: bool = True,
    level: int = 3,
    linked: tuple[str, ...] = (),
    loops: bool = True,
    vectors: bool = False,
) -> Module:
    """Optimise at -O``level`` and compile IR text, as one module with the texts ``linked`` (whose functions it may declare and inline).

    ``cache=False`` neither reads nor writes the disk. ``loops=False``: loops are neither vectorised nor unrolled (already written that way).
    ``vectors``: vectorised below level 2 too.
    """
    return Module(text, cache=cache, level=level, linked=linked, loops=loops, vectors=vectors)


def optimise(
    text: str,
    machine: Any = None,
    level: int = 3,
    linked: tuple[str, ...] = (),
    loops: bool = True,
    vectors: bool = False,
) -> Any:
    """Parse, verify and optimise; gives llvmlite's module (its ``str`` is the optimised IR)."""
    machine = machine or _target_machine(level)
    try:
        parsed = llvm.parse_assembly(text)
        for other in linked:
            parsed.link_in(llvm.parse_assembly(other))
        parsed.verify()
    except RuntimeError as error:
        raise TargetError(f"symnum generated LLVM IR that LLVM refuses (please report this): {error}") from None
    options = llvm.create_pipeline_tuning_options(speed_level=level)
    options.loop_vectorization = loops and (vectors or level >= 2)
    options.slp_vectorization = False
    options.loop_interleaving = loops and level >= 2
    options.loop_unrolling = loops and level >= 2
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(parsed, builder)
    return parsed


@functools.cache
def _initialise() -> None:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()


def _target_machine(level: int, cpu: tuple[str, str] | None = None) -> Any:
    """A machine for this CPU, or for a (name, features) of the same family."""
    _initialise()
    target = llvm.Target.from_default_triple()
    name, features = cpu or host()
    # position-independent: MCJIT maps memory anywhere, and a 32-bit absolute relocation (of a table of two constants) would abort the process
    return target.create_target_machine(
        cpu=name, features=features, opt=level, reloc="pic", codemodel="default", jit=True
    )


@functools.cache
def host() -> tuple[str, str]:
    """The CPU's name and its feature string, as LLVM sees them."""
    _initialise()
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten()


def has_fma() -> bool:
    """True if the CPU multiplies and adds in one rounding."""
    features = host()[1].split(",")
    return "+fma" in features or "aarch64" in llvm.get_process_triple()


def _engine(machine: Any) -> Any:
    backing = llvm.parse_assembly("")
    return llvm.create_mcjit_compiler(backing, machine)


# --- the cache --------------------------------------------------------------------------------------------------------


def cache_folder() -> Path | None:
    """Where compiled objects are kept; None if caching is off or no private folder can be had."""
    setting = os.environ.get("SYMNUM_CACHE", "")
    if setting.lower() == "off":
        return None
    home = Path(setting) if setting else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "symnum"
    folder = home / "objects"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = folder.stat()
    except (OSError, RuntimeError):
        return None
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
        return None
    return folder


def _cache_path(text: str, level: int) -> Path | None:
    folder = cache_folder()
    if folder is None:
        return None
    name, features = host()
    import llvmlite

    head = f"pic|{llvmlite.__version__}|{llvm.get_process_triple()}|{name}|{features}|{level}|"
    return folder / f"{hashlib.sha256((head + text).encode()).hexdigest()}.o"


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        blob = path.read_bytes()
    except OSError:
        return None
    digest, code = blob[:32], blob[32:]
    return code if hashlib.sha256(code).digest() == digest else None  # a torn or damaged file is compiled anew


def _write(path: Path, code: bytes) -> None:
    """Write under a temporary name, then rename: another process never sees half a file. A full disk is not an error."""
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(code).digest() + code)
        os.replace(temporary, path)
        _trim(path.parent)
    except OSError:
        if temporary is not None:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _trim(folder: Path) -> None:
    """Keep the cache below its limit by removing the oldest objects."""
    files = sorted((f.stat().st_mtime, f.stat().st_size, f) for f in folder.glob("*.o"))
    excess = sum(size for _, size, _ in files) - _MAX_CACHE_BYTES
    for _, size, file in files:
        if excess <= 0:
            return
        file.unlink(missing_ok=True)
        excess -= size


def native_function(address: int, *argument_types: Any, result: Any = None) -> Any:
    """A ctypes function at an address (the interpreter lock is released during a call)."""
    return ctypes.CFUNCTYPE(result, *argument_types)(address)
