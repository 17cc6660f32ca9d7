"""``symnum doctor --julia``: each outcome a line with its remedy, also where Julia dies."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from symnum.cli import doctor_julia

Command = Callable[..., Any]


def findings(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in report["findings"]}


def test_without_julia_it_is_missing_and_nothing_else_suffers(symnum: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMNUM_JULIA", "0")
    report = symnum("doctor", "--json").json
    assert report["healthy"] and findings(report)["julia"]["status"] == "missing"
    assert "SYMNUM_JULIA" in findings(report)["julia"]["remedy"]


def test_asked_for_julia_its_absence_is_a_fault(symnum: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMNUM_JULIA", "0")
    done = symnum("doctor", "--julia", "--json")
    found = findings(done.json)["julia session"]
    assert done.status == 1 and not done.json["healthy"]
    assert found["needed"] and found["status"] == "missing" and "SYMNUM_JULIA" in found["remedy"]


@pytest.mark.parametrize(
    ("ending", "says"),
    [("os.kill(os.getpid(), 9)", "was ended by SIGKILL"), ("sys.exit(7)", "ended with status 7"), ("sys.exit(0)", "")],
)
def test_how_the_child_ended(ending: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that dies: a real process, which ends as one would in which Julia crashes."""
    child = tmp_path / "child"
    child.write_text(f"#!{sys.executable}\nimport os, sys\n{ending}\n")
    child.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(child))
    assert doctor_julia._run(tmp_path / "report.json") == says


def test_the_child_writes_down_what_it_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SYMNUM_JULIA", "0")
    assert doctor_julia._run(tmp_path / "report.json") == ""
    (finding,) = json.loads((tmp_path / "report.json").read_text("utf-8"))
    assert (finding["name"], finding["status"]) == ("julia session", "broken") and "SYMNUM_JULIA" in finding["remedy"]


def test_a_death_names_the_last_step_that_worked() -> None:
    step = doctor_julia.Finding("terms", "", True, "works")
    assert "after the step 'terms'" in doctor_julia._death([step], "was ended by SIGSEGV").detail
    assert "at its start" in doctor_julia._death([], "was ended by SIGSEGV").remedy


@pytest.mark.julia("Symbolics", "OrdinaryDiffEqTsit5")
def test_a_real_julia_passes(symnum: Command) -> None:
    done = symnum("doctor", "--julia", "--json")
    found = findings(done.json)
    assert done.status == 0, done.json
    assert found["julia session"]["status"] == "works" and found["julia session"]["version"].startswith("1.")
    assert "unchanged" in found["terms"]["detail"] and "error" in found["Lorenz"]["detail"]
    assert found["Symbolics"]["version"].startswith("7.")
