"""``symnum view``: what it serves, how it ends, and what it says to bad arguments."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import webbrowser
from pathlib import Path

import pytest

import symnum as sn
from symnum.cli import main
from symnum.view import ViewServer

from .conftest import rod


def test_a_saved_run_is_served_until_it_is_interrupted(tmp_path: Path) -> None:
    path = sn.solve(rod(), resolution=8).save(tmp_path / "run.nc")
    command = [sys.executable, "-m", "symnum.cli", "view", str(path), "--no-browser"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        lines = [process.stdout.readline() for _ in range(5)]
        (address,) = re.findall(r"http://127\.0\.0\.1:\d+/[\w-]{43}/", "".join(lines))
        with urllib.request.urlopen(address + "api/about", timeout=20) as reply:
            assert b'"run.nc"' in reply.read()
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address[:-2] + "/", timeout=20)
        os.kill(process.pid, signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 0 and out.strip() == "Closed." and err == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["absent.nc"], "no file 'absent.nc'"),
        (["run.nc", "--set", "D=2"], "--set"),
        (["run.nc", "--model", "heatt"], "heat"),
        (["heat", "--model", "heat"], "Leave --model out"),
        (["heet"], "heat"),
        (["run.nc", "--port", "99999999"], "port"),
        (["model.txt"], ".toml"),
        (["text.nc"], "not a netCDF-4 file"),
    ],
)
def test_bad_arguments_are_answered(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    sn.solve(rod(), resolution=8).save("run.nc")
    Path("text.nc").write_text("text")
    assert main(["view", *arguments, "--no-browser"]) == 2
    out, err = capsys.readouterr()
    assert out == "" and says in err and "Traceback" not in err


@pytest.mark.parametrize(
    ("screen", "options", "opened"), [(":0", [], True), ("", [], False), (":0", ["--no-browser"], False)]
)
def test_a_browser_is_started_with_an_address_that_serves_once(
    screen: str, options: list[str], opened: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the token, which other users of the machine would see among the arguments of the browser."""
    if sys.platform in ("darwin", "win32"):
        pytest.skip("there is always a screen here")
    seen: list[str] = []
    there = threading.Event()

    def interrupted(self: ViewServer, poll_interval: float = 0.5) -> None:
        there.wait(20 if opened else 0)
        raise KeyboardInterrupt

    monkeypatch.setenv("DISPLAY", screen)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    monkeypatch.setattr(webbrowser, "open", lambda address: (seen.append(address), there.set()))
    monkeypatch.setattr(ViewServer, "serve_forever", interrupted)
    assert main(["view", "lorenz", *options]) == 0
    out = capsys.readouterr().out
    (printed,) = re.findall(r"http://127\.0\.0\.1:(\d+)/([\w-]{43})/", out)
    assert len(seen) == opened and out.endswith("Closed.\n")
    assert all(
        address.startswith(f"http://127.0.0.1:{printed[0]}/open/") and printed[1] not in address for address in seen
    )
