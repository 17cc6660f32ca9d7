"""``symnum draw`` and the kinds of pictures of ``symnum run``."""

from __future__ import annotations

from pathlib import Path

import pytest

from symnum.cli import main
from symnum.cli.draw import PICTURES


@pytest.mark.parametrize("what", PICTURES)
def test_every_picture_of_a_model(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    model = "van_der_pol" if what == "phase" else "burgers"
    coarse = ["--resolution", "12"] if what in ("stencil", "sparsity", "spectrum", "steps") else []
    assert main(["draw", model, "--what", what, *coarse]) == 0
    assert (tmp_path / f"{model}_{what}.png").read_bytes()[:4] == b"\x89PNG"
    assert f"{model}_{what}.png: {PICTURES[what]}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["draw", "heat", "--what", "stencl"], "Did you mean 'stencil'?"),
        (["draw", "lorenz", "--what", "stencil"], "read no neighbours"),
        (["draw", "heat"], "--what"),
        (["run", "heat", "--plot", "h.png", "--kind", "phases"], "Did you mean 'phase' or"),
        (["run", "heat", "--plot", "h.png", "--kind", "phase"], "write kind='lines'"),
        (["run", "heat", "--kind", "lines"], "write --plot run.png too"),
    ],
)
def test_bad_requests_are_answered_before_any_solve(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert list(tmp_path.iterdir()) == []


def test_a_kind_of_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "h.svg"
    assert main(["run", "heat", "--resolution", "16", "--plot", str(target), "--kind", "space-time"]) == 0
    text = target.read_text("utf-8")
    assert text.count('id="axes_') == 2  # the picture and its colour bar, no lines beside
    assert "wrote" in capsys.readouterr().out
