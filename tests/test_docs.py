"""README.md and docs/: the example is the one that made the picture, links lead somewhere, figures are the code's."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import symnum as sn

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
TOP = [ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "CHANGELOG")]
PAGES = [*TOP, ROOT / "models" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_the_example_of_the_readme_is_the_one_that_is_run() -> None:
    example = (ROOT / "docs" / "example.py").read_text("utf-8")
    assert f"```python\n{example}```" in README
    assert len([line for line in example.splitlines() if line.strip()]) <= 12


def test_the_example_draws_its_picture(tmp_path: Path) -> None:
    """On a coarse grid and a short interval."""
    code = (ROOT / "docs" / "example.py").read_text("utf-8")
    shorter = code.replace("resolution=80", "resolution=16").replace("t=(0, 6000)", "t=(0, 60)")
    assert len(shorter) == len(code) - 2
    (tmp_path / "example.py").write_text(shorter, "utf-8")
    start = f"import sys, runpy; sys.path.insert(0, {str(ROOT)!r}); runpy.run_path('example.py')"
    subprocess.run([sys.executable, "-c", start], cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "gray_scott.png").read_bytes()[:4] == b"\x89PNG"


def test_the_text_model_of_the_readme() -> None:
    block = next(b for b in re.findall(r"```python\n(.*?)```", README, re.S) if "from_text" in b)
    statement = ast.parse(block).body[0]
    assert isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
    arguments = {str(k.arg): ast.literal_eval(k.value) for k in statement.value.keywords}
    model = sn.PDESystem.from_text(**arguments)
    assert [field.name for field in model.fields] == ["u"] and model.parameters["D"] == 0.1


def test_what_goes_further_in_the_readme_runs_as_its_comments_say(tmp_path: Path) -> None:
    block = next(b for b in re.findall(r"```python\n(.*?)```", README, re.S) if "chemotaxis" in b)
    check = """
mass = sol["u"].mean("x").values
assert sol.success and sol.method == "IDA" and abs(mass - 1).max() < 1e-5, (sol.method, mass)
assert grid.jacobian(0.0, y).shape == (grid.size, grid.size) and abs(grid.rhs(0.0, y)).max() > 0
"""
    (tmp_path / "further.py").write_text(block + check, "utf-8")
    start = f"import sys, runpy; sys.path.insert(0, {str(ROOT)!r}); runpy.run_path('further.py')"
    done = subprocess.run([sys.executable, "-c", start], cwd=tmp_path, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    program = (tmp_path / "rod.c").read_text("utf-8")
    assert "SYMNUM_MAIN" in program and re.search(r"^void \w*jacobian", program, re.M)


def test_the_readme_names_what_there_is() -> None:
    """Commands, integrators, schemes and models: what is new must not stand under "not there yet" or be left out."""
    from symnum.catalogue import Catalogue, shipped_folder
    from symnum.cli.parser import _parser
    from symnum.solvers.backend import backends, methods

    table = [row.split("|")[1:4] for row in README.splitlines() if re.match(r"\| \w[\w ]* \|.*\|.*\|$", row)]
    works = {name.strip(): there for name, there, _ in table}
    lacking = {name.strip(): missing for name, _, missing in table}
    assert [c for c in _parser()[1] if f"`{c}`" not in works["command line"]] == []
    ours = [b for b in backends() if b != "julia"]  # its hundreds of names are one phrase
    assert [m for b in ours for m in methods(b) if not re.search(rf"\b{m}\b", works["integrators"])] == []
    assert ("julia" in backends()) == ("DifferentialEquations.jl" in works["integrators"])
    for scheme in Catalogue("scheme", package="symnum.discretisation.schemes"):
        assert scheme.replace("_", " ") in works["schemes"] and scheme.replace("_", " ") not in lacking["schemes"]
    text = re.sub(r"[^a-z]+", "", README.lower())
    spoken = {"kdv": "kortewegdevries", "heat_mixed": "heatwitheverykindofcondition", "heat_3d": "inthree"}
    models = Catalogue("model", folder=shipped_folder("models"))
    assert [m for m in models if spoken.get(m, m.replace("_", "")) not in text] == []


def test_the_table_of_layers_is_the_one_that_is_checked() -> None:
    from tests.test_layers import LAYERS

    there = {n for n in LAYERS if (ROOT / "symnum" / n).is_dir() or (ROOT / "symnum" / f"{n}.py").is_file()}
    page = (ROOT / "docs" / "design.md").read_text("utf-8").split("## Layers")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `(\w+)` \| ([^|]+) \|", page, re.M))
    small = {"errors", "catalogue", "display", "progress", "__main__"}  # what all may import, and one-page helpers
    assert set(rows) == there - small
    for name, allowed in rows.items():
        if allowed != "all of the above":
            stated = set(allowed.replace("-", "").replace(",", " ").split())
            assert stated == LAYERS[name] & there - {"progress"}, name


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_files_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
    named = re.findall(r"`((?:symnum|models|tests|benchmarks|docs|examples)/[\w./]+)`", text)
    shown = re.findall(r"^<!-- file: (\S+) -->", text, re.M)  # files that the page writes itself
    assert [name for name in named if "NAME" not in name and name not in shown and not (ROOT / name).exists()] == []


def test_pictures_are_small() -> None:
    pictures = sorted((ROOT / "docs" / "pictures").glob("*.png"))
    assert pictures and all(path.stat().st_size < 150_000 for path in pictures)


def test_the_vector_math_table_is_that_of_the_module() -> None:
    from symnum.codegen import vector_math

    assert vector_math.__doc__ is not None
    page = (ROOT / "docs" / "numerics.md").read_text("utf-8")
    for row in ("FMA", "no FMA"):
        figures = re.search(rf"^\s*{row} +([\d. ]+)$", vector_math.__doc__, re.M)
        assert figures is not None
        assert f"| {row} | {' | '.join(figures[1].split())} |" in page
