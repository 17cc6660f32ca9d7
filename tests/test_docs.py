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
PAGES = [ROOT / "README.md", ROOT / "models" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


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


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_and_files_exist(page: Path) -> None:
    text = page.read_text("utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    assert [link for link in links if not (page.parent / link).exists()] == []
    named = re.findall(r"`((?:symnum|models|tests|benchmarks|docs|examples)/[\w./]+)`", text)
    assert [name for name in named if "NAME" not in name and not (ROOT / name).exists()] == []


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
