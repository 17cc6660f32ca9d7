"""Which Julia a session would use, found out from environment variables and files alone: nothing is started or imported.

Two ways lead to a Julia, those of juliacall:

    PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT     the user's own Julia and project; nothing is ever installed
    neither                                               juliapkg's: a project in the virtual environment, made and
                                                          filled on first use, with a Julia it finds or installs
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib import util
from pathlib import Path
from typing import Any

REQUIREMENTS = Path(__file__).with_name("juliapkg.json")
INSTALL = "pip install 'symnum[julia]'"
_OFF = {"0", "no", "off", "false"}


@dataclass(frozen=True)
class Status:
    """What was found without starting Julia.

    ``problem``: why no session can be opened, one sentence with the remedy; empty where one can. ``installs``: the first
    session will first install Julia packages (and Julia where there is none). ``packages``: the versions in the
    project's manifest. ``own``: the user names Julia and project himself.
    """

    problem: str = ""
    juliacall: str = ""
    own: bool = False
    executable: str = ""
    julia: str = ""
    project: str = ""
    packages: Mapping[str, str] = field(default_factory=dict)
    installs: bool = False
    started: bool = False

    @property
    def ready(self) -> bool:
        """A session opens, and nothing has to be installed for it."""
        return not self.problem and not self.installs

    @property
    def missing(self) -> tuple[str, ...]:
        """Packages that symnum can use and the project does not hold."""
        return tuple(name for name in requirements()["packages"] if name not in self.packages)

    def lacks(self, name: str) -> str:
        """The sentence that says that a package is not there, with the line that adds it, or installs what the manifest names."""
        project = f"Julia project {self.project}" if self.project else "active Julia project"
        if name in self.packages:
            return f"The package {name} of the {project} is not installed; install it with: {self.line('Pkg.instantiate()')}"
        add = f'Pkg.add("{name}")'
        return f"The {project} does not hold the package {name}; add it with: {self.line(add)}"

    def line(self, code: str) -> str:
        """The line for a shell that runs a command of Julia's package manager in the project."""
        project = [f"--project={self.project}"] if self.project else []
        return f"{shlex.join([self.executable or 'julia', *project])} -e 'import Pkg; {code}'"


def requirements() -> dict[str, Any]:
    """What juliapkg is asked for: ``{"julia": bound, "packages": {name: {"uuid": ..., "version": bound}}}``."""
    read: dict[str, Any] = json.loads(REQUIREMENTS.read_text("utf-8"))
    return read


def switched_off() -> bool:
    """Whether SYMNUM_JULIA forbids the use of Julia, also of one that runs already."""
    return os.environ.get("SYMNUM_JULIA", "").lower() in _OFF


def status() -> Status:
    """What a session would use, and what is missing. Starts nothing and imports nothing of Julia's."""
    if switched_off():
        return Status("Julia is switched off by SYMNUM_JULIA; unset this variable to use it.")
    running = sys.modules.get("juliacall")
    if running is None and util.find_spec("juliacall") is None:
        return Status(f"juliacall, which leads to Julia, is not installed; install it with: {INSTALL}")
    if hasattr(running, "Main"):  # which PythonCall sets when it loads
        return _started(running)
    if wrong := _wrong_setting():
        return Status(wrong)
    exe, project = option("exe"), option("project")
    if bool(exe) != bool(project):
        given, other = ("EXE", "PROJECT") if exe else ("PROJECT", "EXE")
        return Status(
            f"PYTHON_JULIACALL_{given} is set and PYTHON_JULIACALL_{other} is not; set both to use a Julia of your own, "
            "or neither to let juliapkg find one."
        )
    return _own(exe, project) if exe and project else _juliapkg()


def option(name: str) -> str:
    """An option of juliacall as juliacall reads it: ``-X juliacall-NAME=...`` or ``PYTHON_JULIACALL_NAME``; "" if not given."""
    flag = sys._xoptions.get(f"juliacall-{name.replace('_', '-')}")
    return str(flag) if flag not in (None, True) else os.environ.get(f"PYTHON_JULIACALL_{name.upper()}", "")


def _wrong_setting() -> str:
    """The sentence about a variable with which Julia would end this process, or never start; "" where there is none."""
    name = "PYTHON_JULIACALL_THREADS" if option("threads") else "JULIA_NUM_THREADS"
    threads = option("threads") or os.environ.get(name, "1")
    if not re.fullmatch(r"(auto|[1-9]\d*)(,(auto|\d+))?", threads):
        return f"{name}={threads} is no number of threads; write a number such as 4, or auto."
    if option("init") == "no":
        return "PYTHON_JULIACALL_INIT=no keeps juliacall from starting Julia; unset this variable."
    return ""


def admits(bound: str, version: str) -> bool:
    """Whether Julia's caret bound (``^1.10.3``) admits a version: not less, and the same leftmost number that is not 0."""
    least, seen = _numbers(bound), _numbers(version)
    if not seen:
        return False
    fixed = next((i for i, number in enumerate(least) if number), len(least) - 1) + 1
    return seen >= least and seen[:fixed] == least[:fixed]


def _numbers(text: str) -> tuple[int, ...]:
    """(1, 10, 3) of ``^1.10.3`` or ``1.10.3+0``; () where there is no number."""
    found = re.match(r"[\^=v]*(\d+(?:\.\d+)*)", text.strip())
    return tuple(int(part) for part in found[1].split(".")) if found else ()


def _started(running: Any) -> Status:
    """Julia runs already, opened by symnum, by another package, or as the program that Python runs in (then its project is not known)."""
    config = running.CONFIG
    exe, project = str(config.get("exepath") or ""), str(config.get("project") or "")
    packages, julia = manifest(Path(project)) if project else ({}, "")
    version = str(getattr(running, "__version__", ""))
    return Status("", version, bool(option("exe")), exe, julia, project, packages, started=True)


def _own(exe: str, project: str) -> Status:
    path = shutil.which(exe)
    packages, built = manifest(Path(project))
    julia = julia_version(Path(path)) or built if path else ""
    found = Status("", _juliacall(), True, path or exe, julia, project, packages)
    if path is None:
        problem = f"PYTHON_JULIACALL_EXE={exe} is no program; write the path of the julia executable there."
    elif not Path(project).is_dir():
        problem = f"PYTHON_JULIACALL_PROJECT={project} is no folder; write there the folder with your Project.toml."
    else:
        problem = _unfit(found)
    return _with(found, problem)


def _juliapkg() -> Status:
    """What juliapkg made earlier, or will make when it is asked."""
    project, offline = juliapkg_project(), _juliapkg_option("offline") == "yes"
    exe = _juliapkg_option("exe")
    if exe and shutil.which(exe) is None:
        return Status(f"PYTHON_JULIAPKG_EXE={exe} is no program; write the path of the julia executable there.")
    if not project.is_absolute():
        return Status(f"PYTHON_JULIAPKG_PROJECT={project} must begin at the root; write the whole path there.")
    made = read_json(project / "pyjuliapkg" / "meta.json")
    packages, julia = manifest(project)
    julia = str(made.get("version", "") or julia)
    # where juliapkg has not looked yet, offline it takes what is there
    exe = str(made.get("executable", "")) or ((exe or shutil.which("julia") or "") if offline else "")
    wanted = requirements()["packages"].items()
    held = all(admits(w["version"], packages.get(name, "")) for name, w in wanted)
    # after an upgrade of juliacall juliapkg installs the PythonCall that belongs to it
    held &= packages.get("PythonCall") == _juliacall() or (offline and "PythonCall" in packages)
    complete = held and bool(exe) and Path(exe).exists()
    found = Status("", _juliacall(), False, exe, julia, str(project), packages, installs=not complete and not offline)
    if complete or not offline:
        return _with(found, _unfit(found) if complete else "")
    what = "The Julia packages are not installed" if exe and not held else "Julia is not installed"
    return _with(
        found,
        f"{what} and PYTHON_JULIAPKG_OFFLINE=yes forbids installing; unset it, or set "
        "PYTHON_JULIACALL_EXE and PYTHON_JULIACALL_PROJECT to a Julia and a project of your own.",
    )


def _unfit(found: Status) -> str:
    """Why this Julia and project cannot serve; "" where they can."""
    least = requirements()["julia"]
    if found.julia and not admits(least, found.julia):
        return f"Julia {found.julia} at {found.executable} is too old or too new: symnum needs {least}; install it from julialang.org."
    if "PythonCall" not in found.packages:
        add = f'Pkg.add(Pkg.PackageSpec(name="PythonCall", version="{found.juliacall}"))'
        return f"The Julia project {found.project} does not hold the package PythonCall; add it with: {found.line(add)}"
    theirs = found.packages["PythonCall"]
    if theirs and found.juliacall and theirs != found.juliacall:
        return (
            f"juliacall {found.juliacall} needs PythonCall {found.juliacall}, and the project {found.project} holds "
            f"PythonCall {theirs}; install the matching one with: pip install juliacall=={theirs}"
        )
    return ""


def _with(found: Status, problem: str) -> Status:
    from dataclasses import replace

    return replace(found, problem=problem) if problem else found


def _juliacall() -> str:
    from importlib import metadata  # 20 ms, only where Julia is not switched off

    try:
        return metadata.version("juliacall")
    except metadata.PackageNotFoundError:
        return ""


def juliapkg_project() -> Path:
    """The folder of juliapkg's project, by the rules of juliapkg: its option, the virtual environment, the depot."""
    if given := _juliapkg_option("project"):
        return Path(given)
    prefix = sys.prefix if sys.prefix != sys.base_prefix else os.environ.get("CONDA_PREFIX")
    return Path(prefix).absolute() / "julia_env" if prefix else depot() / "environments" / "pyjuliapkg"


def _juliapkg_option(name: str) -> str:
    flag = sys._xoptions.get(f"juliapkg-{name}")
    return str(flag) if flag not in (None, True) else os.environ.get(f"PYTHON_JULIAPKG_{name.upper()}", "")


def depot() -> Path:
    """Julia's own folder: the first of JULIA_DEPOT_PATH, else ~/.julia."""
    first = os.environ.get("JULIA_DEPOT_PATH", "").split(os.pathsep)[0]
    return Path(first).absolute() if first else Path.home() / ".julia"


def manifest(project: Path) -> tuple[dict[str, str], str]:
    """Versions of the packages of a project, and the Julia that made its manifest ("" if it does not say).

    Packages of the default environment count too, unless JULIA_LOAD_PATH takes it away: Julia looks there next.
    """
    read, julia = _manifest(project)
    if not os.environ.get("JULIA_LOAD_PATH") and (numbers := _numbers(julia)[:2]):
        shared, _ = _manifest(depot() / "environments" / "v{}.{}".format(*numbers))
        read = {**shared, **read}
    return read, julia


def _manifest(folder: Path) -> tuple[dict[str, str], str]:
    path = next(iter(sorted(folder.glob("Manifest-v*.toml"), reverse=True)), folder / "Manifest.toml")
    path = path if path.is_file() else folder / "JuliaManifest.toml"
    try:
        found = path.stat()
    except OSError:
        return {}, ""
    return _read_manifest(path, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=4)  # 20 ms for a hundred kilobytes, and every solve asks
def _read_manifest(path: Path, _changed: int, _size: int) -> tuple[dict[str, str], str]:
    try:
        read = tomllib.loads(path.read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return {}, ""
    entries = read.get("deps", read)  # format 1 has the packages at the top
    versions = {
        name: str(found[0].get("version", ""))
        for name, found in entries.items()
        if isinstance(found, list) and found and isinstance(found[0], dict)
    }
    return versions, str(read.get("julia_version", ""))


def julia_version(executable: Path) -> str:
    """The version of a Julia from its own header file, as starting it takes longer than all else here; "" if not found."""
    home = executable.resolve().parent.parent
    for header in (
        home / "include" / "julia" / "julia_version.h",
        home / "usr" / "include" / "julia" / "julia_version.h",
    ):
        if header.is_file() and (
            found := re.search(r'JULIA_VERSION_STRING\s+"([^"]+)"', header.read_text("utf-8", "replace"))
        ):
            return found[1]
    return ""


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a file; {} where there is none."""
    try:
        read = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}
