"""``symnum doctor``: what works on this machine, and the one line that installs what does not.

What symnum needs is tried for real (imported; LLVM compiles and runs a loop; a small heat equation is solved and
compared with its exact solution). Optional packages are only looked for: importing some of them takes seconds or
starts Julia, which ``--julia`` does (``doctor_julia.py``).
"""

from __future__ import annotations

import argparse
import ctypes
import math
import os
import platform
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module, util
from importlib.metadata import PackageNotFoundError, version

from symnum.cli.console import console, print_json, program_line, quiet_stdout, seconds, table
from symnum.errors import BackendUnavailable, SymnumError

_CORE = {
    "numpy": "arrays",
    "scipy": "implicit integrators",
    "sympy": "SymPy expressions, both ways",
    "networkx": "graphs",
    "rich": "tables and progress",
    "matplotlib": "pictures",
    "xarray": "labelled arrays",
    "h5netcdf": "netCDF files",
    "h5py": "netCDF files",
    "IPython": "sessions: symnum",
}
_OPTIONAL = {  # distribution -> (import name, what for, line that installs it)
    "torch": ("torch", "neural models", "pip install 'symnum[neural]'"),
    "juliacall": ("juliacall", "DifferentialEquations.jl, Symbolics.jl", "pip install 'symnum[julia]'"),
    "ipywidgets": ("ipywidgets", "sliders in notebooks", "pip install 'symnum[notebook]'"),
    "egglog": ("egglog", 'engine="egglog" of sn.simplify', "pip install 'symnum[egglog]'"),
    "zarr": ("zarr", "zarr files", "pip install 'symnum[io]'"),
    "cupy-cuda13x": ("cupy", 'target="cuda" on NVIDIA GPUs', "pip install 'symnum[gpu]'"),
    "pint": ("pint", "units", "pip install 'symnum[units]'"),
}
_PROGRAMS = (  # (name, names of the program, what for, line that installs it)
    (
        "C compiler",
        ("cc", "gcc", "clang"),
        'target="c" and the peers of benches; writing C needs none',
        "xcode-select --install" if sys.platform == "darwin" else "apt install gcc",
    ),
    (
        "ffmpeg",
        ("ffmpeg",),
        "movies as mp4 (gif works without)",
        "brew install ffmpeg" if sys.platform == "darwin" else "apt install ffmpeg",
    ),
)
_LOOP = """
define void @add(i64 %n, ptr noalias %x, ptr noalias %out) {
entry:
  br label %loop
loop:
  %i = phi i64 [0, %entry], [%next, %loop]
  %a = getelementptr double, ptr %x, i64 %i
  %v = load double, ptr %a
  %w = fadd double %v, 1.0
  %b = getelementptr double, ptr %out, i64 %i
  store double %w, ptr %b
  %next = add i64 %i, 1
  %done = icmp eq i64 %next, %n
  br i1 %done, label %end, label %loop
end:
  ret void
}
"""


@dataclass(frozen=True)
class Finding:
    """One line of the report. ``status``: works, found (looked for only), missing or broken.

    ``remedy``: the line that mends it; empty where nothing is wrong.
    """

    name: str
    purpose: str
    needed: bool
    status: str
    version: str = ""
    detail: str = ""
    remedy: str = ""

    @property
    def remark(self) -> str:
        """What the table says: what is wrong where something is broken, and what mends it; else what was found."""
        told = self.remedy in self.detail or self.detail in self.remedy
        return f"{self.detail}; {self.remedy}" if self.status == "broken" and not told else self.remedy or self.detail


def doctor(arguments: argparse.Namespace) -> int:
    """Print the table; status 0 if everything needed works, else 1."""
    with quiet_stdout(arguments.json):
        findings = list(examine())
        if arguments.julia:
            from symnum.cli.doctor_julia import examine_julia

            findings += examine_julia()
    healthy = all(f.status == "works" for f in findings if f.needed)
    if arguments.json:
        print_json({"healthy": healthy, "findings": [asdict(f) for f in findings]})
    else:
        _tell(findings, healthy)
    return 0 if healthy else 1


def examine() -> Iterator[Finding]:
    """Every finding, what is needed first."""
    fits = sys.version_info >= (3, 11)
    yield Finding(
        "python",
        "",
        True,
        "works" if fits else "broken",
        platform.python_version(),
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        remedy="" if fits else "install Python 3.11 or newer",
    )
    for name, purpose in _CORE.items():
        yield _tried(name, purpose, lambda name=name: str(import_module(name) and ""))  # type: ignore[misc]
    yield _tried("llvmlite", "machine code", _compile)
    yield _tried("symnum", "a heat equation, solved", _solve)
    yield _tried("scikit-sundae", "CVODE and IDA: stiff and algebraic equations", _sundials)
    yield _cache()
    for name, (module, purpose, line) in _OPTIONAL.items():
        there = util.find_spec(module) is not None
        yield Finding(
            name, purpose, False, "found" if there else "missing", _version(name), remedy="" if there else line
        )
    yield _julia()
    for name, programs, purpose, line in _PROGRAMS:
        path = next((p for program in programs if (p := shutil.which(program))), None)
        yield Finding(
            name,
            purpose,
            False,
            "found" if path else "missing",
            _program_version(path),
            path or "",
            "" if path else line,
        )


def _cache() -> Finding:
    """Where compiled code is kept from one run to the next."""
    from symnum.pipeline import cache_folder

    purpose, folder = "compiled code, kept from run to run", cache_folder()
    if folder is None:
        off = os.environ.get("SYMNUM_CACHE", "").lower() == "off"
        why = "switched off by SYMNUM_CACHE=off" if off else "no folder that only you can write to"
        return Finding("code cache", purpose, False, "missing", detail=why, remedy=f"{why}; SYMNUM_CACHE=FOLDER names one")
    kept = [path.stat().st_size for path in folder.glob("*.o")]
    return Finding("code cache", purpose, False, "found", detail=f"{folder}: {len(kept)} objects, {sum(kept) / 1e6:.0f} MB")


def _julia() -> Finding:
    """Which Julia a session would use, from files alone."""
    from symnum.bridge import status

    found, purpose = status(), "the engine behind juliacall; --julia tries it"
    if found.problem:
        return Finding("julia", purpose, False, "missing", found.julia, remedy=found.problem)
    if found.installs:
        return Finding("julia", purpose, False, "missing", remedy="the first use installs it: symnum doctor --julia")
    return Finding(
        "julia", purpose, False, "found", found.julia, f"{found.executable} with the project {found.project}"
    )


def _tried(name: str, purpose: str, attempt: Callable[[], str]) -> Finding:
    """Run the attempt; what it returns is the detail. Any error is a finding, not an end."""
    line = f"pip install --force-reinstall {name}"
    try:
        return Finding(name, purpose, True, "works", _version(name), attempt())
    except BackendUnavailable as error:
        return Finding(name, purpose, True, "missing", detail=str(error), remedy=f"pip install {name}")
    except ModuleNotFoundError as error:
        return Finding(
            name,
            purpose,
            True,
            "missing",
            detail=str(error),
            remedy=f"pip install {(error.name or name).partition('.')[0]}",
        )
    except (SymnumError, Exception) as error:
        return Finding(name, purpose, True, "broken", _version(name), f"{type(error).__name__}: {error}", line)


def _compile() -> str:
    """A loop over 1000 numbers through LLVM, called and checked."""
    import llvmlite.binding as llvm
    import numpy as np

    begun = time.perf_counter()
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(_LOOP), machine)
    engine.finalize_object()
    x, out = np.arange(1000.0), np.zeros(1000)
    add = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(engine.get_function_address("add"))
    add(x.size, x.ctypes.data, out.ctypes.data)
    if not np.array_equal(out, x + 1):
        raise ArithmeticError("compiled code gave wrong numbers")
    return f"compiled and ran a loop for {llvm.get_host_cpu_name()} in {seconds(time.perf_counter() - begun)}"


def _sundials() -> str:
    """The same heat equation by CVODE and by IDA."""
    done = f"CVODE {_solve('CVODE')}; IDA {_solve('IDA')}"
    import sksundae

    return f"SUNDIALS {sksundae.SUNDIALS_VERSION}; {done}"


def _solve(method: str = "auto") -> str:
    """u_t = u_xx with u = sin(pi x): at t = 0.1 the middle is exp(-pi^2/10)."""
    from symnum.model.system import PDESystem
    from symnum.pipeline import solve

    begun = time.perf_counter()
    model = PDESystem.from_text(
        equations=["dt(u) = dxx(u)"],
        domain={"t": (0, 0.1), "x": (0, 1)},
        conditions=["u = 0 @ x=0", "u = 0 @ x=1"],
        initial=["u = sin(pi*x)"],
    )
    solution = solve(model, resolution=32, method=method)
    error = abs(float(solution["u"].values[-1][16]) - math.exp(-(math.pi**2) / 10))
    if not error < 2e-3:
        raise ArithmeticError(f"the heat equation came out wrong by {error:.2g}")
    return f"error {error:.1e} in {seconds(time.perf_counter() - begun)}"


def _version(distribution: str) -> str:
    try:
        return version(distribution)
    except PackageNotFoundError:
        if distribution == "symnum":
            from symnum import __version__

            return __version__
        return ""


def _program_version(path: str | None) -> str:
    """The first word that looks like a version in what the program says of itself; its packager's, in brackets, only if there is no other."""
    line = program_line(path) if path else ""
    words = [*re.sub(r"\([^)]*\)", " ", line).split(), *line.replace("(", " ").replace(")", " ").split()]
    return next((word for word in words if word[:1].isdigit() and "." in word), "")


def _tell(findings: list[Finding], healthy: bool) -> None:
    from rich.text import Text

    styles = {"works": "green", "found": "green", "missing": "yellow", "broken": "bold red"}
    made = table(("what", "status", "version", "for", "remark"), [])
    made.columns[0].no_wrap = True  # names of Julia packages are long and have no spaces
    for f in findings:
        style = "bold red" if f.needed and f.status != "works" else styles[f.status]
        made.add_row(f.name, Text(f.status, style=style), f.version, f.purpose, Text(f.remark))
    out = console()
    out.print(made)
    out.print(
        "Everything symnum needs works."
        if healthy
        else "Something that is needed does not work: see the lines marked missing or broken."
    )
