"""The system's C compiler: source text to a shared library in the private cache.

The compiler is ``$CC``, else the first of cc, gcc and clang on the PATH. Libraries are kept beside the compiled objects of ``jit`` (same folder, same
checks of who owns it), keyed by source, compiler version, flags and processor; a checksum lies beside each, so that a damaged one is compiled anew.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

from symnum.codegen.jit import cache_folder, host
from symnum.errors import TargetError

#: NaN and infinity keep their meaning; products and sums may be fused, errno and floating-point traps are not used.
FLAGS = ("-std=c99", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-ffp-contract=fast")
_SHARED = ("-shared", "-fPIC")
_MAX_CACHE_BYTES = 128 * 2**20


class Library:
    """A loaded shared library; addresses stay valid as long as the process lives. ``from_cache``: nothing was compiled."""

    def __init__(self, handle: ctypes.CDLL, from_cache: bool) -> None:
        self.handle, self.from_cache = handle, from_cache

    def address(self, function: str) -> int:
        """Address of a function; TargetError if the library has none of this name."""
        try:
            address = ctypes.cast(getattr(self.handle, function), ctypes.c_void_p).value
        except AttributeError:
            raise TargetError(f"the compiled library has no function {function!r}") from None
        assert address is not None
        return address


def find_compiler() -> tuple[str, ...]:
    """The command of the C compiler. TargetError where there is none: it says what to install and what needs no compiler."""
    setting = shlex.split(os.environ.get("CC", ""))
    if setting:
        found = shutil.which(setting[0])
        if found is None:
            raise TargetError(
                f"CC is {os.environ['CC']!r}, but there is no program {setting[0]!r}; unset CC or set it to a C compiler (export CC=gcc)"
            )
        return (found, *setting[1:])
    for name in ("cc", "gcc", "clang"):
        if found := shutil.which(name):
            return (found,)
    raise TargetError(
        'target="c" needs a C compiler, and none of cc, gcc and clang is on the PATH. Install one (Debian, Ubuntu: apt install gcc; Fedora: '
        'dnf install gcc; macOS: xcode-select --install), or write target="llvm", which needs none.'
    )


@functools.cache
def _version(command: tuple[str, ...], changed: int) -> str:
    done = subprocess.run([*command, "--version"], capture_output=True, text=True, errors="replace")
    return f"{done.stdout.splitlines()[:1]}"


def compile_c(
    source: str, flags: tuple[str, ...] = FLAGS, cache: bool = True, command: tuple[str, ...] | None = None
) -> Library:
    """Compile C text and load it. ``cache=False`` neither reads nor keeps anything on disk; ``command``: of another compiler.

    TargetError where the compiler refuses."""
    command = command or find_compiler()
    folder = cache_folder() if cache else None
    if folder is None:
        with tempfile.TemporaryDirectory(prefix="symnum-") as made:
            return Library(ctypes.CDLL(str(_compile(command, flags, source, Path(made)))), False)
    key = "|".join([_version(command, os.stat(command[0]).st_mtime_ns), *command, *flags, *host(), source])
    library = folder / f"{hashlib.sha256(key.encode()).hexdigest()}.so"
    if _sound(library):
        with contextlib.suppress(OSError):
            return Library(ctypes.CDLL(str(library)), True)
    with tempfile.TemporaryDirectory(prefix="symnum-", dir=folder) as made:
        compiled = _compile(command, flags, source, Path(made))
        _keep(compiled, library)
        return Library(ctypes.CDLL(str(library if library.exists() else compiled)), False)


def _compile(command: tuple[str, ...], flags: tuple[str, ...], source: str, folder: Path) -> Path:
    text, library = folder / "kernel.c", folder / "kernel.so"
    text.write_text(source, encoding="utf-8")
    done = _run(command, flags, text, library)
    if done.returncode and "march" in done.stderr:  # not every compiler knows -march=native
        done = _run(command, tuple(f for f in flags if not f.startswith("-march")), text, library)
    if done.returncode:
        raise TargetError(_refused(command, done.stderr, source))
    return library


def _run(
    command: tuple[str, ...], flags: tuple[str, ...], text: Path, library: Path
) -> subprocess.CompletedProcess[str]:
    line = [*command, *flags, *_SHARED, str(text), "-o", str(library), "-lm"]
    try:
        return subprocess.run(line, capture_output=True, text=True, errors="replace")
    except OSError as error:
        raise TargetError(f"the C compiler {command[0]} cannot be run: {error}") from None


def _refused(command: tuple[str, ...], stderr: str, source: str) -> str:
    """What the compiler said first, and where the source is left to be looked at."""
    lines = stderr.strip().splitlines()
    first = next((line for line in lines if "error" in line), lines[0] if lines else "it gave no reason")
    handle, name = tempfile.mkstemp(prefix="symnum-refused-", suffix=".c")
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(source)
    return f"{command[0]} refuses the generated C: {first.replace('kernel.c', name)}. The source is in {name}"


def _keep(compiled: Path, library: Path) -> None:
    """Move a library into the cache, its checksum first: whoever finds the library finds it whole. A full disk is not an error."""
    with contextlib.suppress(OSError):
        handle, name = tempfile.mkstemp(dir=library.parent)
        with os.fdopen(handle, "w") as file:
            file.write(hashlib.sha256(compiled.read_bytes()).hexdigest())
        os.replace(name, library.with_suffix(".sum"))
        os.replace(compiled, library)
        _trim(library.parent)


def _sound(library: Path) -> bool:
    try:
        return hashlib.sha256(library.read_bytes()).hexdigest() == library.with_suffix(".sum").read_text()
    except OSError:
        return False


def _trim(folder: Path) -> None:
    """Keep the libraries below their limit by removing the oldest."""
    files = sorted((f.stat().st_mtime, f.stat().st_size, f) for f in folder.glob("*.so"))
    excess = sum(size for _, size, _ in files) - _MAX_CACHE_BYTES
    for _, size, file in files[:-1]:
        if excess <= 0:
            return
        file.unlink(missing_ok=True)
        file.with_suffix(".sum").unlink(missing_ok=True)
        excess -= size
