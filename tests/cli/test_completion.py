"""Shell completion: a real bash is asked what it would offer; the other shells' scripts hold the same words."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from symnum.catalogue import Catalogue, shipped_folder
from symnum.cli import main
from symnum.cli.completion import SHELLS, script, where
from symnum.cli.parser import _parser
from symnum.errors import UnknownName


def offered(bash: str, script_file: str, *words: str, cwd: str) -> list[str]:
    """What bash offers for the last of ``words``."""
    line = " ".join(shlex.quote(word) for word in words)
    ask = (
        f"source {shlex.quote(script_file)}; COMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; "
        f"_shtab_symnum symnum {shlex.quote(words[-1])} {shlex.quote(words[-2])}; printf '%s\\n' \"${{COMPREPLY[@]}}\""
    )
    done = subprocess.run([bash, "--norc", "-c", ask], capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_bash_completes_commands_models_and_methods(tmp_path: Path) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash on this machine")
    file = tmp_path / "symnum.bash"
    file.write_text(script("bash"), "utf-8")
    (tmp_path / "heating.toml").write_text("", "utf-8")

    def ask(*words: str) -> list[str]:
        return offered(bash, str(file), "symnum", *words, cwd=str(tmp_path))

    assert ask("expl") == ["explain"]
    assert {"heat", "heat_3d", "heat_mixed", "heating.toml"} == set(ask("run", "heat"))
    assert set(ask("run", "heat", "--method", "Roda")) == {"Rodas5P", "Rodas3"}
    assert ask("export", "heat", "--format", "pr") == ["prose"]
    assert "--resolution" in ask("run", "heat", "--res")
    assert ask("bench", "work") == ["work_precision"]


@pytest.mark.parametrize("shell", SHELLS)
def test_every_shell_knows_every_command_and_model(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    assert [c for c in _parser()[1] if c not in text] == []
    assert [m for m in Catalogue("model", folder=shipped_folder("models")) if m not in text] == []
    program = shutil.which(shell)
    if program is not None:  # the shell itself reads it
        checked = subprocess.run([program, "-n"], input=text, capture_output=True, text=True, check=False)
        assert checked.returncode == 0, checked.stderr


def test_other_shells_are_refused_and_help_says_where_the_script_goes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownName, match=r"no completion for 'ksh'.*symnum completion bash"):
        script("ksh")
    assert main(["completion", "--help"]) == 0
    shown = capsys.readouterr().out
    assert all(where(shell) in shown for shell in SHELLS)
