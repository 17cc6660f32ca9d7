"""``status``: what is found without starting Julia, on projects made of files."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from symnum.bridge.environment import Status, admits, julia_version, juliapkg_project, manifest, requirements, status
from symnum.bridge.installing import NOT_LOADED, announcement, declare, failed_start
from symnum.catalogue import shipped_folder
from symnum.errors import FileError

JULIACALL = "0.9.34"


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of Julia's; a juliacall of a known version is found, and importing it would fail the test."""
    for name in list(os.environ):
        if name.startswith(("PYTHON_JULIA", "JULIA_", "SYMNUM_JULIA")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("JULIA_DEPOT_PATH", str(tmp_path / "depot"))
    site = tmp_path / "site"
    (site / "juliacall").mkdir(parents=True)
    (site / "juliacall" / "__init__.py").write_text("raise AssertionError('status imported juliacall')")
    (site / f"juliacall-{JULIACALL}.dist-info").mkdir()
    (site / f"juliacall-{JULIACALL}.dist-info" / "METADATA").write_text(f"Name: juliacall\nVersion: {JULIACALL}\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "juliacall", raising=False)


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Path]:
    """``own(julia="1.10.7", PythonCall="0.9.34")`` makes a Julia and a project of the user's own; the project's folder."""

    def make(julia: str = "1.10.7", **packages: str) -> Path:
        home, project = tmp_path / "julia", tmp_path / "project"
        (home / "bin").mkdir(parents=True)
        (home / "bin" / "julia").write_text("#!/bin/sh\nexit 1\n")
        (home / "bin" / "julia").chmod(0o755)
        (home / "include" / "julia").mkdir(parents=True)
        (home / "include" / "julia" / "julia_version.h").write_text(f'#define JULIA_VERSION_STRING "{julia}"\n')
        project.mkdir()
        entries = [f'[[deps.{name}]]\nuuid = "0"\nversion = "{version}"\n' for name, version in packages.items()]
        (project / "Manifest.toml").write_text(
            f'julia_version = "{julia}"\nmanifest_format = "2.0"\n' + "\n".join(entries)
        )
        monkeypatch.setenv("PYTHON_JULIACALL_EXE", str(home / "bin" / "julia"))
        monkeypatch.setenv("PYTHON_JULIACALL_PROJECT", str(project))
        return project

    return make


def test_a_fit_project_of_the_users_own(own: Callable[..., Path]) -> None:
    project = own(PythonCall=JULIACALL, Symbolics="7.36.0")
    found = status()
    assert found.ready and found.own and not found.started and not found.installs
    assert (found.julia, found.juliacall, found.project) == ("1.10.7", JULIACALL, str(project))
    assert found.packages == {"PythonCall": JULIACALL, "Symbolics": "7.36.0"}
    assert "Symbolics" not in found.missing and "OrdinaryDiffEq" in found.missing
    assert "juliacall" not in sys.modules


def test_the_versions_must_be_equal(own: Callable[..., Path]) -> None:
    own(PythonCall="0.9.30")
    problem = status().problem
    assert f"juliacall {JULIACALL} needs PythonCall {JULIACALL}" in problem
    assert problem.endswith("pip install juliacall==0.9.30")


def test_julia_must_be_of_the_right_age(own: Callable[..., Path]) -> None:
    own(julia="1.9.4", PythonCall=JULIACALL)
    assert "Julia 1.9.4" in status().problem and "^1.10.3" in status().problem


def test_the_project_must_hold_pythoncall(own: Callable[..., Path]) -> None:
    project = own(Symbolics="7.36.0")
    problem = status().problem
    assert f"{project} does not hold the package PythonCall" in problem
    assert f'Pkg.add(Pkg.PackageSpec(name="PythonCall", version="{JULIACALL}"))' in problem


def test_a_program_or_a_project_that_is_not_there(own: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    own(PythonCall=JULIACALL)
    monkeypatch.setenv("PYTHON_JULIACALL_PROJECT", "/no/such/project")
    assert "/no/such/project is no folder" in status().problem
    monkeypatch.setenv("PYTHON_JULIACALL_EXE", "/no/such/julia")
    assert "/no/such/julia is no program" in status().problem
    monkeypatch.delenv("PYTHON_JULIACALL_PROJECT")
    assert "PYTHON_JULIACALL_EXE is set and PYTHON_JULIACALL_PROJECT is not" in status().problem


def test_options_of_the_interpreter_count_as_juliacall_reads_them(
    own: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    own(PythonCall=JULIACALL)
    monkeypatch.setitem(sys._xoptions, "juliacall-exe", "/another/julia")
    assert "/another/julia is no program" in status().problem


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("PYTHON_JULIACALL_THREADS", "many", "PYTHON_JULIACALL_THREADS=many is no number of threads"),
        ("PYTHON_JULIACALL_THREADS", "0", "is no number of threads"),
        ("JULIA_NUM_THREADS", "x", "JULIA_NUM_THREADS=x is no number of threads"),
        ("PYTHON_JULIACALL_INIT", "no", "unset this variable"),
        ("PYTHON_JULIACALL_THREADS", "4", ""),
        ("PYTHON_JULIACALL_THREADS", "auto", ""),
        ("JULIA_NUM_THREADS", "4,1", ""),
    ],
)
def test_settings_with_which_julia_would_end_the_process(
    own: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str
) -> None:
    own(PythonCall=JULIACALL)
    monkeypatch.setenv(name, value)
    assert (says in status().problem) if says else status().ready


def test_what_the_manifest_names_is_installed_and_what_it_does_not_is_added(own: Callable[..., Path]) -> None:
    own(PythonCall=JULIACALL, Symbolics="7.36.0")
    assert status().lacks("Symbolics").endswith("-e 'import Pkg; Pkg.instantiate()'")
    assert status().lacks("SciMLBase").endswith("""-e 'import Pkg; Pkg.add("SciMLBase")'""")
    assert "--project=" not in Status().lacks("SciMLBase") and "active Julia project" in Status().lacks("SciMLBase")
    assert "'--project=/a folder'" in Status(project="/a folder").line("Pkg.status()")


def test_a_julia_that_runs_already_is_the_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also the program that Python runs in, which PythonCall tells apart by INIT=no and no path."""
    running = ModuleType("juliacall")
    running.CONFIG, running.Main = {"inited": False}, object()  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "juliacall", running)
    monkeypatch.setenv("PYTHON_JULIACALL_INIT", "no")
    found = status()
    assert found.started and found.ready and not found.executable


@pytest.mark.parametrize("value", ["0", "no", "off"])
def test_it_can_be_switched_off(own: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    own(PythonCall=JULIACALL)
    monkeypatch.setenv("SYMNUM_JULIA", value)
    assert not status().ready and "SYMNUM_JULIA" in status().problem


def test_without_juliacall_the_line_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("symnum.bridge.environment.util.find_spec", lambda name: None)
    assert status().problem.endswith("pip install 'symnum[julia]'")


# ------------------------------------------------------------------ juliapkg's project


def test_nothing_installed_yet_is_announced(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHON_JULIAPKG_PROJECT", str(tmp_path / "env"))
    found = status()
    assert found.installs and not found.ready and found.problem == ""
    lines = announcement(found).splitlines()
    assert str(tmp_path / "env") in lines[0] and "Julia, where there is none" in lines[0]
    assert f"{len(requirements()['packages'])} Julia packages" in lines[0] and "minutes" in lines[1]
    assert len(lines) == 2


def test_offline_without_packages_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PYTHON_JULIAPKG_PROJECT", str(tmp_path / "env"))
    monkeypatch.setenv("PYTHON_JULIAPKG_OFFLINE", "yes")
    problem = status().problem
    assert "PYTHON_JULIAPKG_OFFLINE=yes forbids installing" in problem and "PYTHON_JULIACALL_EXE" in problem


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [("EXE", "/no/such/julia", "is no program"), ("PROJECT", "somewhere", "must begin at the root")],
)
def test_settings_that_juliapkg_cannot_use(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(f"PYTHON_JULIAPKG_{name}", value)
    assert f"PYTHON_JULIAPKG_{name}={value} {says}" in status().problem


def test_what_juliapkg_installed_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    project = tmp_path / "env"
    monkeypatch.setenv("PYTHON_JULIAPKG_PROJECT", str(project))
    (project / "pyjuliapkg").mkdir(parents=True)
    meta = {"executable": sys.executable, "version": "1.10.11"}
    (project / "pyjuliapkg" / "meta.json").write_text(json.dumps(meta))
    held = {name: wanted["version"].removeprefix("^") for name, wanted in requirements()["packages"].items()}
    held["PythonCall"] = JULIACALL

    def write(packages: dict[str, str]) -> None:
        text = "\n".join(f'[[deps.{name}]]\nversion = "{version}"' for name, version in packages.items())
        (project / "Manifest.toml").write_text(f"{text}\n")

    write(held)
    assert status().ready and status().julia == "1.10.11"
    write({**held, "Symbolics": "6.0.0"})  # an upgrade of symnum: juliapkg must be asked again
    assert status().installs and not status().ready
    write({**held, "PythonCall": "0.9.30"})  # an upgrade of juliacall: likewise
    assert status().installs and status().problem == ""
    monkeypatch.setenv("PYTHON_JULIAPKG_OFFLINE", "yes")
    assert status().problem.endswith("pip install juliacall==0.9.30")


def test_the_project_lies_where_juliapkg_puts_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "venv"))
    assert juliapkg_project() == tmp_path / "venv" / "julia_env"
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    assert juliapkg_project() == tmp_path / "depot" / "environments" / "pyjuliapkg"
    monkeypatch.setenv("CONDA_PREFIX", str(tmp_path / "conda"))
    assert juliapkg_project() == tmp_path / "conda" / "julia_env"


def test_requirements_are_declared_once_and_keep_what_others_wrote(tmp_path: Path) -> None:
    path = tmp_path / "pyjuliapkg" / "juliapkg.json"
    path.parent.mkdir()
    other = {"uuid": "1", "version": "2"}
    path.write_text(json.dumps({"julia": "~1.10", "packages": {"Other": other}}))
    assert declare(tmp_path) and not declare(tmp_path)
    written = json.loads(path.read_text())
    assert written["julia"] == "~1.10" and written["packages"] == {"Other": other, **requirements()["packages"]}
    assert [p.name for p in path.parent.iterdir()] == ["juliapkg.json"]
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="PYTHON_JULIAPKG_PROJECT"):
        declare(tmp_path / "file")


def test_every_failed_start_is_one_sentence_with_a_remedy(own: Callable[..., Path]) -> None:
    import subprocess

    own(PythonCall=JULIACALL)
    mine, pkg = status(), status().__class__(project="/p", installs=True)
    ran = subprocess.CalledProcessError(1, ["julia"], stderr="\nERROR: no libjulia\nmore")
    cases = [
        (mine, Exception(NOT_LOADED), "Pkg.precompile()"),
        (mine, ran, "(ERROR: no libjulia)"),
        (mine, ValueError("PYTHON_JULIACALL_OPTIMIZE=9: expecting one of 0, 1"), "correct this variable"),
        (mine, RuntimeError("jl_init"), "symnum doctor --julia"),
        (pkg, Exception("juliapkg_exe=/bin/true is not a Julia executable."), "PYTHON_JULIAPKG_EXE names no Julia"),
        (pkg, Exception("could not find Julia ^1.10.3"), "install it from julialang.org"),
        (pkg, ran, "delete this folder, and try"),
        (pkg, OSError("no route to host"), "connect to the internet"),
        (pkg, RuntimeError("odd"), "(odd)"),
    ]
    for found, error, says in cases:
        sentence = failed_start(found, error)
        assert says in sentence and "\n" not in sentence, sentence


# ------------------------------------------------------------------ files


def test_manifests_of_both_formats_and_the_default_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "Manifest.toml").write_text('[[Example]]\nversion = "0.5.3"\n[[Dates]]\nuuid = "x"\n')
    assert manifest(tmp_path) == ({"Example": "0.5.3", "Dates": ""}, "")
    (tmp_path / "Manifest.toml").write_text('julia_version = "1.10.4"\n[[deps.Example]]\nversion = "0.5.3"\n')
    shared = tmp_path / "depot" / "environments" / "v1.10"
    shared.mkdir(parents=True)
    (shared / "Manifest.toml").write_text('[[deps.Example]]\nversion = "0.1.0"\n[[deps.Revise]]\nversion = "3.5.0"\n')
    assert manifest(tmp_path)[0] == {"Example": "0.5.3", "Revise": "3.5.0"}
    monkeypatch.setenv("JULIA_LOAD_PATH", "@:@stdlib")
    assert manifest(tmp_path)[0] == {"Example": "0.5.3"}
    (tmp_path / "Manifest.toml").write_text("not toml [")
    assert manifest(tmp_path) == manifest(tmp_path / "absent") == ({}, "")


def test_a_julia_without_its_header_has_no_version(tmp_path: Path) -> None:
    assert julia_version(tmp_path / "bin" / "julia") == ""


@pytest.mark.parametrize(
    ("bound", "version", "fits"),
    [
        ("^1.10.3", "1.10.3", True),
        ("^1.10.3", "1.12.0", True),
        ("^1.10.3", "1.10.2", False),
        ("^1.10.3", "2.0.0", False),
        ("^0.4.23", "0.4.30", True),
        ("^0.4.23", "0.5.0", False),
        ("^7.36", "7.36.0", True),
        ("7.36", "7.40.1+2", True),
        ("^7.36", "", False),
    ],
)
def test_caret_bounds(bound: str, version: str, fits: bool) -> None:
    assert admits(bound, version) is fits


# ------------------------------------------------------------------ the files that travel agree


def test_bounds_and_identities_agree_in_all_three_files() -> None:
    folder = shipped_folder("julia")
    project = tomllib.loads((folder / "Project.toml").read_text("utf-8"))
    packages = requirements()["packages"]
    source = (folder / "src" / "packages.jl").read_text("utf-8")
    known = dict(re.findall(r'"(\w+)" => Base\.UUID\("([-0-9a-f]{36})"\)', source))
    assert {name: wanted["uuid"] for name, wanted in packages.items()}.items() <= known.items()
    for name, uuid in project["weakdeps"].items():
        if name == "PythonCall":  # juliacall asks for it, in exactly its own version
            continue
        assert packages[name]["uuid"] == uuid and packages[name]["version"] == f"^{project['compat'][name]}"
    assert set(project["compat"]) == {"julia", *project["deps"], *project["weakdeps"]}
    assert admits(requirements()["julia"], f"{project['compat']['julia']}.99")
    from symnum.bridge.session import NAME, UUID

    assert (project["name"], project["uuid"]) == (NAME, UUID)
    extensions = dict(re.findall(r'"(\w+)" => :(\w+)', source))
    triggers = {name: found if isinstance(found, list) else [found] for name, found in project["extensions"].items()}
    # those that PythonCall triggers add speed, and nothing to call
    assert set(extensions.values()) == {name for name, found in triggers.items() if "PythonCall" not in found}
    assert all(package in triggers[extension] for package, extension in extensions.items())


def test_the_packages_of_all_algorithms_are_asked_for() -> None:
    source = (shipped_folder("julia") / "src" / "algorithms.jl").read_text("utf-8")
    homes = set(re.findall(r'"((?:OrdinaryDiffEq|StochasticDiffEq)\w*)" =>', source))
    brought = {"OrdinaryDiffEqDefault"} | {
        home for home in homes if home.startswith("StochasticDiffEq")
    }  # by their umbrellas
    assert len(homes) > 15 and homes - brought <= set(requirements()["packages"])
    assert {"OrdinaryDiffEq", "StochasticDiffEq"} <= set(requirements()["packages"])
