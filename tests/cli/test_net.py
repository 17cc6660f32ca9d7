"""BioNetGen files on the command line."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "object"]

DECAY = """begin parameters
    1 k 0.5
end parameters
begin species
    1 A() 2
    2 B() 0
end species
begin reactions
    1 1 2 k
end reactions
begin groups
    1 Atot 1
end groups
"""


@pytest.fixture
def decay(tmp_path: Path) -> str:
    (tmp_path / "decay.net").write_text(DECAY)
    return "decay.net"


def test_run_solves_the_network_over_the_time_that_was_asked_for(symnum: Command, decay: str) -> None:
    done = symnum("run", decay, "--until", "3", "--rtol", "1e-9", "--atol", "1e-12", "--json")
    assert done.status == 0 and done.err == ""
    report = done.json
    assert report["name"] == "decay" and report["parameters"] == {"k": 0.5}
    amounts = [report["fields"][name]["max"] for name in report["fields"]]
    left = 2 * math.exp(-1.5)  # A' = -k A
    assert sorted(amounts[:2]) == pytest.approx(sorted([left, 2 - left]), rel=1e-7)
    faster = symnum("run", decay, "--until", "3", "--set", "k=1", "--rtol", "1e-9", "--json").json
    assert min(v["max"] for v in faster["fields"].values()) == pytest.approx(2 * math.exp(-3), rel=1e-6)


def test_without_times_a_note_says_what_is_done(symnum: Command, decay: str) -> None:
    done = symnum("run", decay)
    assert done.status == 0 and "holds no times" in done.err and "--until T" in done.err
    assert done.out.startswith("decay: a reaction network")


def test_explain_and_generate_take_it(symnum: Command, decay: str, tmp_path: Path) -> None:
    assert "2 species" in symnum("explain", decay).out
    assert "cycles" in symnum("explain", decay, "--rewrite").out
    done = symnum("generate", decay, "--until", "7", "--out", "decay.c")
    assert done.status == 0 and "void rhs" in (tmp_path / "decay.c").read_text()


@pytest.mark.parametrize(
    "old, new, words",
    [
        ("1 k 0.5", "1 k zero.5", "line 2"),
        ("1 1 2 k", "1 1 3 k", "line 9"),
        ("1 A() 2", "1 A() two", "line 5"),
        ("end species\n", "", "line 4"),
    ],
)
def test_malformed_files_exit_2_with_the_line(symnum: Command, tmp_path: Path, old: str, new: str, words: str) -> None:
    (tmp_path / "bad.net").write_text(DECAY.replace(old, new))
    for command in ("run", "explain", "generate"):
        done = symnum(command, "bad.net")
        assert done.status == 2 and "bad.net" in done.err and words in done.err, done.err
    assert (
        "ParseError" in symnum("run", "bad.net", "--json").out or "ModelError" in symnum("run", "bad.net", "--json").out
    )


def test_missing_files_and_misplaced_times_are_named(symnum: Command, decay: str) -> None:
    done = symnum("run", "decy.net")
    assert done.status == 2 and "decy.net" in done.err
    done = symnum("run", "heat", "--until", "3")
    assert done.status == 2 and "--until is for .net files" in done.err
    done = symnum("run", "decay")  # without the suffix
    assert done.status == 2 and "symnum run decay.net" in done.err
