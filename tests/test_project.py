"""The README's test command, what CI runs, and the files that travel with the package agree."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import symnum

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def names(lines: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", line, maxsplit=1)[0].lower() for line in lines}


def test_ci_runs_the_command_of_the_readme() -> None:
    shown = subprocess.run(["bash", str(ROOT / ".ci" / "run"), "--show"], capture_output=True, text=True, check=False)
    assert shown.returncode == 0, shown.stderr
    command = shown.stdout.strip()
    readme = (ROOT / "README.md").read_text("utf-8")
    assert re.search(rf"^<!-- test-command -->\n+```\w*\n{re.escape(command)}\n```", readme, re.M)
    assert command.count("\n") == 0, "one command that a newcomer can paste"
    order = ["python3 -m venv .venv", '-c constraints.txt -e ".[test]"', "ruff check .", "mypy symnum", "pytest"]
    places = [command.find(part) for part in order]
    assert -1 not in places and places == sorted(places)


def test_versions_are_pinned_exactly_and_within_the_bounds() -> None:
    pins = [line.split("#")[0].strip() for line in (ROOT / "constraints.txt").read_text("utf-8").splitlines()]
    pins = [line for line in pins if line]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in pins)
    extras = PROJECT["project"]["optional-dependencies"]
    assert names(PROJECT["project"]["dependencies"]) | names(extras["test"]) <= names(pins)
    assert "symnum.cli:main" == PROJECT["project"]["scripts"]["symnum"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", symnum.__version__)


def test_the_changelog_and_the_citation_are_of_this_version() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    cited = re.search(r"^version: (\S+)$", (ROOT / "CITATION.cff").read_text("utf-8"), re.M)
    assert newest is not None and cited is not None
    assert newest[1] == cited[1] == symnum.__version__


def test_the_wheel_carries_folders_that_exist() -> None:
    carried = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert carried == {name: f"symnum/_{name}" for name in carried}
    assert {"models", "benchmarks", "julia"} <= set(carried)
    holds = {"julia": "src/*.jl"}
    assert [name for name in carried if not list((ROOT / name).glob(holds.get(name, "*.py")))] == []
