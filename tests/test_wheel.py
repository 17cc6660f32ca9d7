"""What is published: the wheel works away from the checkout, the source archive holds what its tests need."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import symnum
from symnum.catalogue import Catalogue, shipped_folder

ROOT = Path(__file__).resolve().parent.parent
BUILD = "import sys; from hatchling import build; print(getattr(build, sys.argv[1])(sys.argv[2]))"


def built(kind: str, folder: Path) -> Path:
    pytest.importorskip("hatchling", reason="hatchling, which builds the wheel, is not installed")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, f"build_{kind}", str(folder)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.split()[-1]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's files in a folder of their own, as pip would lay them out."""
    folder = tmp_path_factory.mktemp("wheel")
    with zipfile.ZipFile(built("wheel", folder)) as wheel:
        wheel.extractall(folder / "site")
    return folder / "site"


def symnum_of(installed: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The installed command, away from the checkout."""
    start = "import sys, symnum; from symnum.cli import main; assert sys.argv[1] in symnum.__file__; sys.exit(main(sys.argv[2:]))"
    environment = {**os.environ, "PYTHONPATH": str(installed), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-c", start, str(installed), *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False)


def test_the_wheel_holds_what_runs_and_nothing_else(installed: Path) -> None:
    files = {str(path.relative_to(installed)) for path in installed.rglob("*") if path.is_file()}
    assert {
        "symnum/py.typed",
        "symnum/_models/heat.py",
        "symnum/_julia/Project.toml",
        "symnum/_benchmarks/rhs.py",
    } <= files
    sources = {
        str(p.relative_to(ROOT)) for p in (ROOT / "symnum").rglob("*") if p.is_file() and "__pycache__" not in p.parts
    }
    assert sources - files == set()
    assert [name for name in files if "__pycache__" in name or name.startswith("tests")] == []
    info = next(path for path in installed.iterdir() if path.name.endswith(".dist-info"))
    metadata = (info / "METADATA").read_text("utf-8")
    assert f"Version: {symnum.__version__}\n" in metadata and "License-Expression: MIT" in metadata
    assert "symnum = symnum.cli:main" in (info / "entry_points.txt").read_text("utf-8")
    assert list(info.rglob("LICENSE"))


def test_a_model_is_solved_and_plotted_from_the_wheel(installed: Path, tmp_path: Path) -> None:
    listed = symnum_of(installed, "list", "--json", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    models = {entry["name"] for entry in json.loads(listed.stdout)["models"]}
    assert models == set(Catalogue("model", folder=shipped_folder("models")))
    done = symnum_of(installed, "run", "heat", "--resolution", "16", "--plot", "h.png", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["success"] and (tmp_path / "h.png").read_bytes()[:4] == b"\x89PNG"


def test_the_doctor_is_content_with_the_wheel(installed: Path, tmp_path: Path) -> None:
    done = symnum_of(installed, "doctor", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["healthy"]


def test_the_source_archive_holds_every_tracked_file(tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout, so which files are tracked is not known")
    with tarfile.open(built("sdist", tmp_path)) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    lacking = [name for name in listed.stdout.split() if name not in names and (ROOT / name).exists()]
    assert lacking == []
