"""``symnum generate``: source on stdout or in a file, and mistakes that are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "object"]


def test_source_goes_to_stdout_alone(symnum: Command, heat_toml: str) -> None:
    done = symnum("generate", heat_toml, "--resolution", "16", "--set", "D=0.25")
    assert done.status == 0 and done.err == ""
    assert done.out.startswith("/* rod\n") and "void rhs(double t" in done.out and done.out.endswith("#endif\n")
    assert (
        "#define NX 15" in done.out
        and "default_parameters[PARAMETERS] = {0.25};" in done.out
        and "jacobian_csc" in done.out
    )


def test_a_model_that_prints_does_not_print_into_the_source(symnum: Command, tmp_path: Path, own_file: str) -> None:
    path = tmp_path / own_file
    path.write_text("print('hello')\n" + path.read_text())
    done = symnum("generate", own_file, "--no-jacobian")
    assert done.out.startswith("/* mine\n") and "hello" in done.err and "jacobian" not in done.out


def test_files_are_written_and_named(symnum: Command, tmp_path: Path, heat_toml: str) -> None:
    for target, name in (("c", "rod.c"), ("numpy", "rod.py"), ("llvm", "rod.ll")):
        done = symnum("generate", heat_toml, "--target", target, "--resolution", "8", "--out", name)
        assert done.status == 0 and done.out == "" and f"Wrote {name}: 7 unknowns" in done.err
        assert "symnum" in (tmp_path / name).read_text()
    assert (
        symnum("generate", heat_toml, "--out", "rod.c", "--openmp", "--order", "2").status == 0
    )  # its own file is replaced
    (tmp_path / "mine.c").write_text("int mine;\n")
    refused = symnum("generate", heat_toml, "--out", "mine.c")
    assert refused.status == 2 and "--overwrite" in refused.err
    assert (tmp_path / "mine.c").read_text() == "int mine;\n"
    assert symnum("generate", heat_toml, "--out", "mine.c", "--overwrite").status == 0


def test_threads_that_are_not_worth_it_are_said(symnum: Command, heat_toml: str) -> None:
    done = symnum("generate", heat_toml, "--resolution", "16", "--openmp")
    assert done.status == 0 and "no threads: none of its loops has 4,096 points" in " ".join(done.err.split())
    assert "-fopenmp" not in done.out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("generate", "lorentz"), ["Unknown model 'lorentz'", "Did you mean 'lorenz'?"]),
        (("generate", "lorenz", "--target", "cc"), ["no language 'cc'", "Known: c, julia, numpy, llvm"]),
        (("generate", "lorenz", "--target", "llvm", "--openmp"), ["openmp=True is for"]),
        (("generate", "lorenz", "--out", "lorenz.h"), ["does not end in .c", "lorenz.c"]),
        (("generate", "lorenz", "--out", "no/such/lorenz.c"), ["does not exist", "mkdir -p no/such"]),
        (("generate", "heat", "--resolution", "2"), ["x"]),
        (("generate", "heat", "--scheme", "centrel"), ["'centrel'", "Did you mean 'central'"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_mistake_is_named(symnum: Command, tmp_path: Path, arguments: tuple[str, ...], words: list[str]) -> None:
    done = symnum(*arguments)
    assert done.status == 2 and done.out == "" and done.err.startswith("symnum: ")
    for word in words:
        assert word in " ".join(done.err.split())
    assert list(tmp_path.iterdir()) == []
