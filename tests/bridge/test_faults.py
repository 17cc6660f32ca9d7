"""Installing that cannot succeed and projects with something wrong in them, each in a process of its own: one sentence, with what mends it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from symnum.bridge import status

ROOT = Path(__file__).resolve().parent.parent.parent
OPEN = """
from symnum.bridge import session
for _ in range(2):
    try:
        session("Symbolics")
        print("opened")
    except ImportError as error:
        print(error)
"""


def project_with(folder: Path, package: str, line: str) -> Path:
    """A copy of the session's project whose manifest finds one package elsewhere."""
    copy, theirs = folder / "project", Path(status().project)
    copy.mkdir()
    for path in theirs.glob("*.toml"):
        text = path.read_text("utf-8")
        if path.name.startswith("Manifest"):
            pattern = rf'(\[\[deps\.{package}\]\]\n(?:(?!\[\[)[^\n]*\n)*?)(?:path|git-tree-sha1) = "[^"]*"\n'
            text, changed = re.subn(pattern, rf"\g<1>{line}\n", text)
            assert changed == 1, package
        (copy / path.name).write_text(text, "utf-8")
    return copy


def broken(folder: Path, package: str) -> str:
    """The manifest's line for a package that throws when it is compiled."""
    (folder / package / "src").mkdir(parents=True)
    entries = tomllib.loads((Path(status().project) / "Manifest.toml").read_text("utf-8"))["deps"]
    (folder / package / "Project.toml").write_text(
        f'name = "{package}"\nuuid = "{entries[package][0]["uuid"]}"\nversion = "0.1.0"\n'
    )
    (folder / package / "src" / f"{package}.jl").write_text(f'module {package}\nerror("out of order")\nend\n')
    return f'path = "{(folder / package).as_posix()}"'


def opened(folder: Path, project: Path) -> tuple[list[str], str]:
    """What two attempts to open a session with Symbolics say, and what Julia says; nothing is written into the user's depot."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    depots = os.pathsep.join([str(folder / "depot"), os.environ.get("JULIA_DEPOT_PATH", "")])
    variables = {
        "PYTHON_JULIACALL_EXE": status().executable,
        "PYTHON_JULIACALL_PROJECT": str(project),
        "JULIA_DEPOT_PATH": depots,
    }
    environment = {**os.environ, **variables, "PYTHONPATH": path}
    environment.pop("JULIA_PROJECT", None)
    done = subprocess.run(
        [sys.executable, "-c", OPEN], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr


def installing(folder: Path, **variables: str) -> tuple[list[str], str]:
    """What two attempts say where juliapkg is to install everything into an empty folder, and what went to stderr; no server can be reached."""
    kept = {
        name: text for name, text in os.environ.items() if not name.startswith(("PYTHON_JULIA", "JULIA_", "SYMNUM_"))
    }
    nowhere = dict.fromkeys(
        ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9"
    )
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {
        **kept,
        **nowhere,
        "HOME": str(folder),
        "JULIA_DEPOT_PATH": str(folder / "depot"),
        "PYTHONPATH": path,
    }
    environment |= {"PYTHON_JULIAPKG_PROJECT": str(folder / "env"), **variables}
    done = subprocess.run(
        [sys.executable, "-c", OPEN], env=environment, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines(), done.stderr


def test_without_internet_and_without_julia(tmp_path: Path) -> None:
    pytest.importorskip("juliapkg", reason="juliacall is not installed")
    said, errors = installing(tmp_path, PATH="/nowhere")
    assert len(said) == 2 and all(
        "Julia could not be downloaded" in line and "connect to the internet" in line for line in said
    )
    lines = errors.splitlines()
    assert lines[0].startswith("symnum: installing Julia") and "estimate" in lines[1] and "Traceback" not in errors


@pytest.mark.julia
def test_without_a_package_server(tmp_path: Path) -> None:
    registry = tmp_path / "depot" / "registries" / "Empty"
    registry.mkdir(parents=True)
    (registry / "Registry.toml").write_text(
        'name = "Empty"\nuuid = "ab2db7f8-0000-4000-8000-000000000000"\nrepo = ""\n[packages]\n'
    )
    program = Path(status().executable)
    said, errors = installing(
        tmp_path, PATH=f"{program.parent}{os.pathsep}{os.environ['PATH']}", JULIA_PKG_OFFLINE="true"
    )
    assert len(said) == 2 and all("Pkg could not install the Julia packages in" in line for line in said)
    assert "try again, or set PYTHON_JULIACALL_EXE" in said[0] and "ERROR" in errors


@pytest.mark.julia("Symbolics")
def test_a_manifest_that_names_what_is_not_installed(tmp_path: Path) -> None:
    project = project_with(tmp_path, "Symbolics", f'git-tree-sha1 = "{"0" * 40}"')
    said, _ = opened(tmp_path, project)
    assert len(said) == 2 and said[0] == said[1]  # and Julia goes on running
    assert said[0].startswith(
        f"The package Symbolics of the Julia project {project} is not installed; install it with: "
    )
    assert said[0].endswith("-e 'import Pkg; Pkg.instantiate()'")


@pytest.mark.julia("Symbolics", "SymbolicLimits")
def test_a_package_that_does_not_compile(tmp_path: Path) -> None:
    said, errors = opened(tmp_path, project_with(tmp_path, "SymbolicLimits", broken(tmp_path, "SymbolicLimits")))
    assert len(said) == 2 and "out of order" in errors
    assert said[0].startswith(
        "Loading Symbolics failed in Julia: Failed to precompile Symbolics (Julia's own message is above); "
    )
    assert said[0].endswith("-e 'import Pkg; Pkg.precompile()'")


@pytest.mark.julia("UnsafePointers")
def test_a_pythoncall_that_does_not_compile_cannot_be_tried_again(tmp_path: Path) -> None:
    said, errors = opened(tmp_path, project_with(tmp_path, "UnsafePointers", broken(tmp_path, "UnsafePointers")))
    assert len(said) == 2 and said[0] == said[1] and "out of order" in errors
    assert "started, but PythonCall did not load" in said[0] and "Pkg.instantiate(); Pkg.precompile()" in said[0]
    assert "restart Python" in said[0]
