"""The logger says what was chosen, agrees with the solution, and is silent and unconfigured otherwise."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

import symnum as sn
from symnum.cli import main


def heat() -> sn.PDESystem:
    return sn.PDESystem.from_text(
        ["dt(u) = D*dxx(u)"], {"t": (0, 0.1), "x": (0, 1)}, ["periodic x"], ["u = sin(2*pi*x)"], {"D": 0.1}
    )


def test_the_lines_agree_with_the_solution(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="symnum"):
        solution = sn.solve(heat(), resolution=32, scheme="central")
    lines = [record.getMessage() for record in caplog.records if record.name == "symnum"]
    begins = [line.split(":")[0] for line in lines if not line.startswith("rewriting")]
    assert list(dict.fromkeys(begins)) == ["equations", "code", "method", "end"]
    assert "32 unknowns (x: 32 points, periodic), central of order 2" in lines[0]
    chosen = next(line for line in lines if line.startswith("method"))
    assert chosen.startswith(f"method: {solution.method} of backend") and solution.why.split("; in space")[0] in chosen
    assert f"{solution.stats['steps']} steps" in lines[-1] and "reached the end" in lines[-1]


def test_more_is_said_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, logger="symnum"):
        sn.solve(heat(), resolution=16, rtol=3e-5)
    assert any("rtol 3e-05" in record.getMessage() for record in caplog.records)


def test_nothing_is_said_and_nothing_configured_unasked() -> None:
    code = (
        "import logging, symnum as sn; t, = sn.coordinates('t'),; u = sn.field('u', (t,));"
        "sn.solve(sn.ODESystem([sn.Eq(sn.dt(u), -u)], t=(0, 1), initial={u: 1}));"
        "assert not logging.getLogger('symnum').handlers and not logging.root.handlers"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_verbose_of_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "heat", "--resolution", "16", "-v"]) == 0
    told = capsys.readouterr()
    assert "  method: " in told.err and "because: " in told.err and "options: rtol" not in told.err
    assert main(["run", "heat", "--resolution", "16", "-vv"]) == 0
    assert "options: rtol" in capsys.readouterr().err
    assert main(["run", "heat", "--resolution", "16"]) == 0
    assert capsys.readouterr().err == ""
    log = logging.getLogger("symnum")
    assert not log.handlers and log.level == logging.NOTSET and log.propagate


def test_json_stays_alone_on_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    import json

    assert main(["run", "heat", "--resolution", "16", "-v", "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["success"] and "  method: " in told.err
