"""docs/julia.md: its calls are calls of the API, its algorithms those that are known, its messages those that are given."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import symnum as sn
from symnum.solvers.julia_methods import ALGORITHMS

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "julia.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]


def calls(block: str) -> list[tuple[str, ast.Call]]:
    """The calls of symnum's names in a block: ``sn.solve`` -> solve."""
    found = [node for node in ast.walk(ast.parse(block)) if isinstance(node, ast.Call)]
    return [(ast.unparse(c.func).removeprefix("sn."), c) for c in found if ast.unparse(c.func).startswith("sn.")]


@pytest.mark.parametrize("block", BLOCKS)
def test_calls_have_the_arguments_they_take(block: str) -> None:
    for name, call in calls(block):
        function = sn
        for part in name.split("."):
            function = getattr(function, part)
        takes = inspect.signature(function)
        given = {str(k.arg): None for k in call.keywords if k.arg is not None}
        assert takes.bind(*call.args, **given), name


@pytest.mark.parametrize("block", [b for b in BLOCKS if "julia" in b])
def test_methods_and_their_options_are_known(block: str) -> None:
    from symnum.solvers.backend import backends, methods
    from symnum.solvers.julia_methods import check_names

    everywhere = {m for b in backends() for m in methods(b)}
    for name, call in calls(block):
        given = {k.arg: k.value for k in call.keywords}
        if name in ("solve", "sweep") and isinstance(given.get("method"), ast.Constant):
            assert ast.literal_eval(given["method"]) in everywhere
        if "options" in given:
            check_names(ast.literal_eval(given["options"]))


def test_every_algorithm_stands_in_the_table_under_its_family() -> None:
    rows = re.findall(r"^\| ([^|`]+) \| ((?:`\w+` ?)+)\| (\w+) \|$", section("Algorithms"), re.M)
    listed = {name: (package, words) for words, names, package in rows for name in re.findall(r"`(\w+)`", names)}
    assert listed == {name: (a.package, a.words) for name, a in ALGORITHMS.items()}


def texts(path: Path) -> list[str]:
    """The constant pieces of all strings in a file."""
    return [str(n.value).lower() for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Constant)]


def test_every_message_is_one_that_is_given() -> None:
    rows = re.findall(r"^\| (?!message|---)([^|]+) \| ([^|]+) \|$", section("When something fails"), re.M)
    assert len(rows) > 15
    files = [*(ROOT / "symnum" / "bridge").glob("*.py"), ROOT / "symnum" / "cli" / "doctor_julia.py"]
    given = [text for path in files for text in texts(path)]
    for message, remedy in rows:
        fixed = re.split(r"\.\.\.|[:;=()]|(?: and )?PYTHON_JULIA\w+|\b\d+\.\d+\.\d+\b", message)
        pieces = [piece.strip().lower() for piece in fixed if len(piece.strip()) > 5]
        assert pieces and remedy
        assert [piece for piece in pieces if not any(piece in text for text in given)] == [], message
