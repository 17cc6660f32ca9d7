"""Completion: what is offered at the cursor, with help; names of characters; nothing heavy is imported for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from symnum.pipeline import integrators
from symnum.repl import offers
from symnum.repl.complete import complete
from symnum.repl.statements import Definition, Formula, Known, parse
from symnum.repl.symbols import GREEK_LETTERS, GREEK_NAMES, SYMBOLS, twin

HEAT = Known(
    fields={"u": ("t", "x")},
    coordinates=("t", "x"),
    parameters={"D": 0.1, "k": None},
    definitions={"f": Definition("f", ("x",), Formula("exp(-x^2)"))},
    domain={"t": ("0", "1"), "x": ("0", "2*pi")},
    models=frozenset({"mine"}),
)


def offered(typed: str, known: Known = HEAT) -> dict[str, str]:
    """What is offered at the end of a line, as whole lines -> help."""
    return {typed[: c.start] + c.text: c.help for c in complete(typed, len(typed), known)}


@pytest.mark.parametrize(
    ("typed", "among"),
    [
        ("\\alp", ["α"]),
        ("u_t = \\nab", ["u_t = ∇"]),
        ("u\\^2", ["u²"]),
        ("u\\_x", ["uₓ"]),
        (":set \\nu", [":set ν"]),
        ("u_", ["u_t", "u_x", "u_tt", "u_xx"]),
        ("u_t = D u_x", ["u_t = D u_x", "u_t = D u_xx"]),
        ("u_t = la", ["u_t = laplacian("]),
        ("u_t = si", ["u_t = sin(", "u_t = sinh(", "u_t = sign("]),
        ("w = f", ["w = f(", "w = floor("]),
        ("peri", ["periodic"]),
        ("u = 0 @ ", ["u = 0 @ x=0", "u = 0 @ x=2*pi", "u = 0 @ lower(x)", "u = 0 @ boundary", "u = 0 @ t=0"]),
        ("u = 0 at up", ["u = 0 at upper(x)"]),
        (":so", [":solve"]),
        (":", [":bc", ":help", ":model", ":plot", ":quit", ":save", ":solve", ":undo"]),
        (":solve me", [":solve method="]),
        (":solve rtol=1e-3 method=ROC", [":solve rtol=1e-3 method=ROCK4"]),
        (":solve method=cv", [":solve method=CVODE", ":solve method=CVODE_Adams"]),
        (":solve scheme=fou", [":solve scheme=fourier", ":solve scheme=fourier_dealiased"]),
        (":solve backend=s", [":solve backend=scipy", ":solve backend=sundials"]),
        (":model lo", [":model lorenz"]),
        (":model mi", [":model mine"]),
        (":set ", [":set D=", ":set k=", ":set method="]),
        (":export pr", [":export prose"]),
        (":code c", [":code c", ":code cuda"]),
        (":help so", [":help solve"]),
        (":bc u = 0 @ up", [":bc u = 0 @ upper(x)"]),
        ("lor", [":model lorenz"]),
    ],
)
def test_offers(typed: str, among: list[str]) -> None:
    found = offered(typed)
    assert [text for text in among if text not in found] == []
    assert all(found[text] for text in among)
    assert all("\n" not in help_ for help_ in found.values())


def test_a_name_typed_in_full_comes_first() -> None:
    assert next(iter(offered("\\eta"))) == "η"
    assert next(iter(offered("\\in"))) == "∈"


@pytest.mark.parametrize(
    "typed", ["", "sol.", "import nu", "print('a", "u = ", ":solve rtol=", ":nonsense ", "u @ x=0 + \\zzz"]
)
def test_nothing_is_offered(typed: str) -> None:
    assert offered(typed) == {}


def test_the_cursor_may_stand_inside_a_line() -> None:
    (found,) = complete("u_t = \\alp u_xx", 10, HEAT)
    assert (found.text, found.start) == ("α", 6)
    assert complete("lap\nu_t = D u_x", 3, HEAT)[0].text == "laplacian("


def test_files_of_the_right_kind(tmp_path: Path) -> None:
    for name in ("run.nc", "rod.toml", "notes.txt", ".hidden.nc"):
        (tmp_path / name).touch()
    (tmp_path / "runs").mkdir()
    assert set(offered(f":load {tmp_path}/r")) == {
        f":load {tmp_path}/{name}" for name in ("run.nc", "rod.toml", "runs/")
    }
    assert set(offered(f":model {tmp_path}/")) == {f":model {tmp_path}/{name}" for name in ("rod.toml", "runs/")}
    assert f":load {tmp_path}/.hidden.nc" in offered(f":load {tmp_path}/.h")
    assert offered(f":load {tmp_path}/nowhere/r") == {}


def test_methods_are_those_of_the_solvers() -> None:
    wanted = {name: help_ for rows in integrators().values() for name, help_ in rows.items()}
    assert offers.methods() == wanted


def test_options_are_those_of_the_commands() -> None:
    from symnum.repl.commands import solve

    assert offers.command_options("solve") == solve.OPTIONS
    assert offers.command_options("no_such_command") == {}


def test_characters_by_name() -> None:
    assert len(SYMBOLS) >= 120
    assert SYMBOLS["alpha"][0] == "α"
    assert SYMBOLS["partial"][0] == "∂"
    assert all(len(character) == 1 and meaning for character, meaning in SYMBOLS.values())
    assert all(GREEK_LETTERS[name] == letter for letter, name in GREEK_NAMES.items())
    assert (twin("alpha_1"), twin("α2"), twin("u")) == ("α_1", "alpha2", "")


def test_every_character_can_be_typed() -> None:
    """No character that completion puts into a line is one that the language does not know, but ±, as its help says."""
    for name, (character, _) in SYMBOLS.items():
        if name in ("pm", "prime", "half", "third", "quarter", "hbar", "emptyset", "infty") or name[0] in "^_":
            continue
        if character.isalpha() and name not in ("Delta", "laplacian", "pi"):
            (found,) = parse(f"{character} = 3", Known())
            assert found.name == character  # type: ignore[union-attr]


def test_completion_needs_no_heavy_package() -> None:
    code = (
        "import sys\n"
        "from symnum.repl.complete import complete\n"
        "for line in ('u_t = si', ':solve method=', ':model lo', ':export ', ':code '): assert complete(line, len(line))\n"
        "heavy = {'numpy', 'scipy', 'llvmlite', 'sympy', 'xarray', 'matplotlib', 'torch', 'symnum.pipeline'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
