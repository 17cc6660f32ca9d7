"""A person at a terminal: 28 lines in a pseudo-terminal, judged by the screen that they leave; and pipes instead of terminals."""

from __future__ import annotations

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import symnum as sn
from symnum.repl.script import logical_lines
from tests.repl.screens import Screen


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for settings and files of the sessions below."""
    return tmp_path_factory.mktemp("home")


def opened(home: Path, columns: int, rows: int) -> Screen:
    return Screen(columns, rows, {"XDG_CONFIG_HOME": str(home / "config")}, folder=str(home))


def test_a_session_on_a_small_screen(home: Path) -> None:
    with opened(home, 80, 24) as screen:
        assert screen.lines()[0].startswith("symnum ") and ":help" in screen.text()
        # 1-5: an equation, what is assumed, a start of one's own, the solution, its plot
        answer = screen.type("u_t = D u_xx")
        assert "∂ₜu = D·∂ₓₓu" in answer and "D needs a value" in answer
        assert "parameter D = 0.1" in screen.type("D = 0.1")
        assert "start u = sin(2·π·x)" in screen.type("u(t=0) = sin(2 pi x)")
        answer = screen.type(":solve resolution=32")
        assert "assumed: t in (0, 1); x in (0, 1); periodic x" in answer and re.search(r"\d+ steps, .* right-hand sides", answer)
        plot = screen.type(":plot")
        assert "━━ t=0" in plot and "━━ t=1" in plot and "▀▀▀▀" in plot and "⠉" in plot and " 1.0┤" in plot
        # 6-9: errors are one sentence with a caret under the place, and no traceback
        lines = screen.type(":solve metod=CVODE").splitlines()
        at = next(k for k, line in enumerate(lines) if line.endswith(":solve metod=CVODE"))
        assert lines[at + 1].index("^") == lines[at].index("metod") and "Did you mean 'method'" in lines[at + 2]
        lines = screen.type("u_t = 0.1 u_xx + * u").splitlines()
        at = next(k for k, line in enumerate(lines) if line.endswith("+ * u"))
        assert lines[at + 1].index("^") == lines[at].index("* u")
        assert "NameError: name 'nothing' is not defined" in screen.type("nothing.here")
        assert "Traceback" not in screen.history() and "NameError" in screen.type(":traceback")
        # 10-13: Python beside mathematics
        screen.type("peak = float(sol[u].max())")
        assert screen.type("round(peak, 3)").splitlines()[-2].strip() == "1.0"
        assert "1 + 2·D = 1.2" in screen.type("2 D + 1")
        screen.send("def twice(a):\r")
        screen.wait_for("  …")
        screen.send("return 2*a\r\r")
        screen.wait_for_prompt()
        assert "0.2" in screen.type("twice(D)")
        # 14-19: conditions, undo and redo, the model as it stands
        screen.type(":bc u = 0 @ x=0")
        assert "1  u = 0 @ x=0" in screen.type(":bc")
        assert "assumed" in screen.type(":undo")
        assert "not complete yet" in screen.type(":redo") and "`u = 0 @ x=1`" in screen.text()
        screen.type("u = 0 @ x=1")
        assert "condition   u = 0 @ x=1" in screen.type(":show")
        # 20-25: files
        assert "linear diffusion" in screen.type(":explain")
        assert "CVODE was asked for" in screen.type(":solve method=CVODE resolution=16 until=0.5").replace("\n", " ")
        screen.type(":plot heat.png")
        assert "wrote heat.py, heat.nc" in screen.type(":save heat.py heat.nc")
        assert (home / "heat.png").read_bytes()[:4] == b"\x89PNG"
        assert "\\frac{\\partial u}{\\partial t}" in screen.type(":latex")
        screen.send(":quit\r")
        screen.wait_for_end()


def test_the_script_of_that_session_gives_the_same_solution(home: Path) -> None:
    again = home / "again"
    again.mkdir()
    text = (home / "heat.py").read_text()
    (again / "heat.py").write_text(text + "sol.save('again.nc')\n")
    environment = {**os.environ, "PYTHONPATH": str(Path(sn.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "heat.py"], cwd=again, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    saved, made = sn.Solution.load(home / "heat.nc"), sn.Solution.load(again / "again.nc")
    assert saved.method == made.method == "CVODE" and np.array_equal(saved.t, made.t)
    assert np.allclose(saved["u"].values, made["u"].values, rtol=1e-12, atol=1e-14)
    assert (again / "heat.png").exists() and "peak = float(sol[u].max())" in text and "def twice(a):" in text


def test_a_second_session_on_a_large_screen(home: Path) -> None:
    with opened(home, 120, 40) as screen:
        # history of the first session, with the arrow key
        screen.send("\x1b[A")
        screen.wait_for(":quit")
        screen.send("\x1b[A")
        screen.wait_for("sn> :latex")
        screen.send("\x03")
        screen.wait_for_prompt()
        # completion: a command, an option with its help, a letter by its LaTeX name
        screen.send(":mod\t")
        screen.wait_for("sn> :model")
        screen.send(" lor\t")
        screen.wait_for("sn> :model lorenz")
        screen.prompt = "lorenz> "
        screen.send("\r")
        screen.wait_for_prompt()
        assert "The Lorenz attractor" in screen.text()
        screen.send(":solve method=Vern\t")
        screen.wait_for("method=Vern7")
        screen.send(" until=2\r")
        screen.wait_for("right-hand sides")
        screen.wait_for_prompt()
        plot = screen.type(":plot")
        assert "━━ X" in plot and "━━ Z" in plot and len(plot.splitlines()) > 25
        screen.send("\\alph\t")
        screen.wait_for("lorenz> α")
        screen.send("\x03\x03")
        screen.wait_for_prompt()
        # an endless solve says where it is; Ctrl-C keeps what there is
        screen.send(":solve until=1e9\r")
        screen.wait_for("Ctrl-C stops and keeps it")
        assert re.search(r"lorenz, \w+: t = [\d.e+]+ of 1e\+09", screen.text())
        screen.send("\x03")
        screen.wait_for("Interrupted at t = ")
        screen.wait_for_prompt()
        assert screen.type("sol.success").splitlines()[-2:][0] == "False"
        assert "True" in screen.type("0 < sol.t[-1] < 1e9")
        # several lines at once: what is open goes on below
        screen.send("w: u_tt = c^2 (u_xx +\r")
        screen.wait_for("  …")
        screen.prompt = "w> "
        screen.send("u_yy)\r")
        screen.wait_for_prompt()
        assert "∂ₜₜu = c²·(∂ₓₓu + ∂_yy u)" in screen.text()
        # Python's own errors, its help, and leaving with Ctrl-D
        assert "ZeroDivisionError: division by zero" in screen.type("1/0")
        screen.send("\x04")
        screen.wait_for_end()


def test_python_of_a_loaded_file_is_noted_once(home: Path) -> None:
    (home / "once.sym").write_text("n = [1]\nn.append(2)\nprint(len(n))\n")
    with opened(home, 80, 24) as screen:
        assert "2" in screen.type(":load once.sym")
        screen.type(":save twice.sym")
        screen.type(":save twice.py")
    assert (home / "twice.sym").read_text().splitlines()[1:] == ["n = [1]", "n.append(2)", "print(len(n))"]
    assert (home / "twice.py").read_text().count("n.append(2)") == 1


def test_the_history_is_private(home: Path) -> None:
    file = home / "config" / "symnum" / "history.sqlite"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600 and file.stat().st_size > 0
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


def test_what_the_first_prompt_needs_is_light() -> None:
    """Numerical packages are loaded while the person types, not before."""
    heavy = ("numpy", "scipy", "xarray", "pandas", "matplotlib", "llvmlite", "sympy")
    code = f"import sys, symnum.cli.repl, symnum.repl.shell, symnum.repl.complete; print([m for m in {heavy} if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": str(Path(sn.__file__).parent.parent)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


# ---- pipes ---------------------------------------------------------------------------------------


def run(*arguments: str, text: str = "", folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(Path(sn.__file__).parent.parent), "COLUMNS": "80"}
    return subprocess.run(
        [sys.executable, "-m", "symnum", *arguments], input=text, env=environment, cwd=folder, capture_output=True, text=True, check=False
    )


def test_lines_from_a_pipe() -> None:
    done = run("repl", text="# heat\nu_t = D u_xx\nD = 0.1\n:solve resolution=16\nprint(sol['u'].shape)\n:plot\n")
    assert done.returncode == 0 and done.stderr == ""
    assert "(101, 16)" in done.stdout and "\x1b" not in done.stdout and "t=1" in done.stdout


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("u_t = u_xx\n\n:solve metod=CVODE\nprint('after')\n", 3, "Did you mean 'method'"),
        ("D = 1\n\n\nnothing.here\n", 4, "NameError"),
        ("def f(a):\n    return a\n\nf(1)\nu_t = (u_xx\n", 5, ""),
        (":solve\n", 1, "u_t = 0.1 u_xx"),
    ],
)
def test_the_first_error_ends_a_file_and_is_told_with_its_line(text: str, line: int, says: str, tmp_path: Path) -> None:
    (tmp_path / "a.sym").write_text(text)
    done = run("repl", "a.sym", folder=tmp_path)
    assert done.returncode == 2 and "after" not in done.stdout
    assert done.stderr.startswith(f"symnum: a.sym, line {line}: ") and says in done.stderr and "Traceback" not in done.stderr


def test_output_that_is_not_utf_8_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    (tmp_path / "a.sym").write_text("u_t = α u_xx, α = 0.1\n:solve resolution=16\n:plot\n", encoding="utf-8")
    done = run("repl", "a.sym", folder=tmp_path)
    assert done.returncode == 0 and done.stderr == ""
    assert "\\u2202\\u209cu" in done.stdout and "PYTHONUTF8=1" in done.stdout
    assert run("explain", "heat").returncode == 0


def test_a_file_that_is_not_there() -> None:
    done = run("repl", "nowhere.sym")
    assert done.returncode == 2 and "nowhere.sym cannot be read" in done.stderr


def test_plain_symnum_without_a_terminal_says_what_there_is() -> None:
    done = run()
    assert done.returncode == 0 and "repl" in done.stdout and "run" in done.stdout


def test_lines_that_belong_together() -> None:
    text = "a = 1\n# no\n\nu_t = (u_xx\n  + u)\nfor k in range(2):\n    a\n\n    a\nelse:\n    b\n:solve\nx' = y,\ny' = -x\n"
    assert list(logical_lines(text)) == [
        (1, "a = 1"),
        (4, "u_t = (u_xx\n  + u)"),
        (6, "for k in range(2):\n    a\n\n    a\nelse:\n    b"),
        (12, ":solve"),
        (13, "x' = y,\ny' = -x"),
    ]
