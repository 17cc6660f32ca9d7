"""julia/: every function of src has a docstring and a test; where there is a Julia, its own tests pass."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from symnum.catalogue import shipped_folder

if TYPE_CHECKING:
    from symnum.bridge import Session

FOLDER = shipped_folder("julia")
SOURCES = sorted((FOLDER / "src").glob("*.jl"))
FILES = [path for place in ("src", "ext", "test") for path in sorted((FOLDER / place).glob("*.jl"))]


def definitions(text: str) -> tuple[set[str], set[str]]:
    """Names of (functions, types) at the top level of a file: ``function f(``, ``f(x) = ...``; ``struct T``."""
    short = re.findall(r"^([A-Za-z]\w*!?)\([^\n]*\)(?: where [^=\n]*)? =(?!=)", text, re.M)
    long = re.findall(r"^(?:@inline )?function ([A-Za-z]\w*!?)(?=[({ ]|$)", text, re.M)
    types = re.findall(r"^(?:mutable struct|struct|abstract type) ([A-Za-z]\w*)", text, re.M)
    return {*short, *long} - {*types}, {*types}


def documented(text: str) -> set[str]:
    """Names that a docstring opens with: its first line is the signature."""
    return {
        name
        for line in re.findall(r'^"""\n    ([^\n]+)', text, re.M)
        for name in re.findall(r"[A-Za-z]\w*!?", line)[:1]
    }


def test_the_patterns_see_what_they_should() -> None:
    text = '"""\n    f(x) -> y\n\nDoc.\n"""\nf(x) = 1\nfunction g!(a)\nend\nstruct T{N} <: S\nend\n    inner(x) = 2\nh(x) == 3\n'
    assert definitions(text) == ({"f", "g!"}, {"T"}) and documented(text) == {"f"}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_function_of_src_is_documented_and_tested(path: Path) -> None:
    everywhere = {name for source in SOURCES for name in documented(source.read_text("utf-8"))}
    tests = "\n".join(test.read_text("utf-8") for test in (FOLDER / "test").glob("*.jl"))
    tested = set(re.findall(r"[A-Za-z]\w*!?", tests))
    functions, types = definitions(path.read_text("utf-8"))
    assert sorted((functions | types) - everywhere) == [], "without a docstring"
    assert sorted(functions - tested) == [], "without a test in julia/test"


def test_no_julia_file_evaluates_text() -> None:
    """Values cross, never code; the one place that reads Julia source reads what symnum itself has printed."""
    found = {
        path.name
        for path in FILES
        if path.parent.name != "test" and re.search(r"\b(include_string|Meta\.parse|eval)\b\(", path.read_text("utf-8"))
    }
    assert found <= {"functions.jl"}


@pytest.mark.julia
def test_its_own_tests_pass(julia: Session) -> None:
    """``julia/test/runtests.jl`` in a process of its own, in the project of the session."""
    command = [julia.status.executable, f"--project={julia.status.project}", str(FOLDER / "test" / "runtests.jl")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1500, check=False)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-3000:]
