"""Bad models, options and files: status 2, one paragraph that names the cause, nothing half-written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., "object"]

MISTAKES = [
    (("run", "bruselator"), ["Unknown model 'bruselator'", "Did you mean 'brusselator'?"]),
    (("rum", "heat"), ["unknown command 'rum'", "Did you mean 'run'?", "doctor"]),
    (("run",), ["MODEL", "run --help"]),
    (("run", "heat", "--colour"), ["--colour"]),
    (("run", "heat", "--resolution", "many"), ["--resolution", "'many'", "positive whole number"]),
    (("run", "heat", "--resolution", "-3"), ["--resolution", "'-3'"]),
    (("run", "heat", "--resolution", "1"), ["x"]),
    (("run", "heat", "--rtol", "0"), ["--rtol", "'0'", "positive"]),
    (("run", "heat", "--rtol", "nan"), ["--rtol", "'nan'"]),
    (("run", "heat", "--set", "D"), ["--set", "'D'", "--set a=4"]),
    (("run", "heat", "--set", "D=hot"), ["'hot'", "--set D=4"]),
    (("run", "heat", "--set", "D=nan"), ["D", "nan", "finite"]),
    (("run", "heat", "--set", "d=2"), ["no parameter 'd'", "Parameters: D"]),
    (("run", "brusselator", "--set", "alfa=2"), ["no parameter 'alfa'", "Did you mean 'alpha'"]),
    (("run", "heat", "--method", "Tsitt5"), ["'Tsitt5'", "Did you mean 'Tsit5'"]),
    (("run", "heat", "--backend", "scypi"), ["'scypi'", "Did you mean 'scipy'"]),
    (("run", "heat", "--order", "3"), ["3"]),
    (("run", "heat", "--scheme", "finite_volum"), ["'finite_volum'", "Did you mean 'finite_volume'"]),
    (("run", "heat", "--target", "llwm"), ["'llwm'", "Did you mean 'llvm'"]),
    (("run", "heat", "--out", "run.csv"), ["--out", "run.csv", ".nc", "--out run.nc"]),
    (("run", "heat", "--plot", "run.bmp3"), ["--plot", ".png"]),
    (("run", "heat", "--out", "no/such/run.nc"), ["no/such", "does not exist", "mkdir -p no/such"]),
    (("run", "heat", "--plot", "."), ["--plot"]),
    (("run", "missing.toml"), ["missing.toml"]),
    (("run", "missing.py"), ["no file 'missing.py'"]),
    (("run", "model.txt"), ["'model.txt'", ".py", ".toml"]),
    (("explain", "nothing"), ["Unknown model 'nothing'"]),
    (("bench", "speed"), ["Unknown benchmark 'speed'", "The benchmarks are", "latency"]),
    (("bench", "rhs", "--net", "x.net"), ["--net x.net", "Options of the bench rhs: none"]),
    (("bench", "bcr", "--network", "x.net"), ["--network x.net", "--net: a BioNetGen .net file", "--gdat"]),
    (("bench", "bcr", "--net"), ["--net", "expected one argument"]),
    (("bench", "--colour"), ["--colour"]),
]


@pytest.mark.parametrize(
    ("arguments", "words"), MISTAKES, ids=lambda value: " ".join(value) if isinstance(value, tuple) else ""
)
def test_mistake_is_named(symnum: Command, tmp_path: Path, arguments: tuple[str, ...], words: list[str]) -> None:
    done = symnum(*arguments)
    assert done.status == 2
    assert done.err.startswith("symnum: ") and done.err.count("symnum: ") == 1
    for word in words:
        assert word in " ".join(done.err.split())
    assert list(tmp_path.iterdir()) == []  # nothing written


def test_a_bad_output_is_found_before_the_solve(symnum: Command) -> None:
    done = symnum("run", "gray_scott", "--resolution", "2000", "--out", "no/x.nc")  # would take minutes
    assert done.status == 2 and done.out == ""


def test_a_picture_that_cannot_be_written_leaves_nothing(
    symnum: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from matplotlib.figure import Figure

    def full(self: Figure, path: Path, **_: object) -> None:
        Path(path).write_bytes(b"\x89PNG half a pic")
        raise OSError(28, "No space left on device")

    (tmp_path / "p.png").write_bytes(b"the old picture")
    monkeypatch.setattr(Figure, "savefig", full)
    done = symnum("run", "heat", "--resolution", "8", "--plot", "p.png")
    assert done.status == 2 and "No space left on device" in done.err
    assert [p.name for p in tmp_path.iterdir()] == ["p.png"] and (tmp_path / "p.png").read_bytes() == b"the old picture"


def test_errors_are_json_too_where_json_was_asked_for(symnum: Command) -> None:
    done = symnum("run", "heta", "--json")
    assert done.status == 2
    assert done.json["success"] is False and done.json["error"] == "UnknownName" and "heat" in done.json["message"]
    assert "Did you mean" in done.err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("import symnum as sn\nx = 1\n", ["no name 'system'", "system()"]),
        ("system = 3\n", ["'system' of type int"]),
        ("def system():\n    return y\n", ["line 2", "NameError", "'y'"]),
        ("def system(:\n", ["line 1", "SyntaxError"]),
        ("import no_such_package\n", ["line 1", "no_such_package"]),
        ("raise SystemExit(0)\n", ["SystemExit"]),
        ("import symnum as sn\nsn.coordinates('t t')\n", ["line 2", "'t' is named twice"]),
    ],
)
def test_mistakes_in_an_own_file_are_told_with_their_line(
    symnum: Command, tmp_path: Path, text: str, words: list[str]
) -> None:
    (tmp_path / "mine.py").write_text(text)
    done = symnum("run", "mine.py")
    assert done.status == 2 and done.err.startswith("symnum: mine.py")
    for word in words:
        assert word in " ".join(done.err.split())


def test_a_script_with_one_model_is_taken_whatever_it_calls_it(symnum: Command, tmp_path: Path) -> None:
    script = """
import symnum as sn
t = sn.coordinates("t")
u = sn.field("u", (t,))
decay = alias = sn.ODESystem([sn.Eq(sn.dt(u), -u)], t=(0, 1), initial={u: 1})
"""
    (tmp_path / "mine.py").write_text(script)
    done = symnum("run", "mine.py", "--json")
    assert done.status == 0 and done.json["success"] is True
    (tmp_path / "mine.py").write_text(script + "growth = sn.ODESystem([sn.Eq(sn.dt(u), u)], t=(0, 1), initial={u: 1})\n")
    done = symnum("run", "mine.py")
    assert done.status == 2 and "decay, alias, growth: call one of them system" in " ".join(done.err.split())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("dxx(u)", "dxx(w)", ["rod.toml", "w"]),
        ('"u = 0 @ x=1"', '"u = 0 @ x=2"', ["rod.toml", "x"]),
        ("equations", "equation", ["rod.toml", "equation", "equations"]),
        ("domain = {", "domain = [", ["rod.toml", "TOML"]),
        ('"dt(u) = D*dxx(u)"', "\"dt(u) = __import__('os').getcwd()\"", ["rod.toml"]),
    ],
)
def test_mistakes_in_a_toml_file(
    symnum: Command, tmp_path: Path, heat_toml: str, old: str, new: str, words: list[str]
) -> None:
    path = tmp_path / heat_toml
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new, 1))
    done = symnum("run", heat_toml, "--out", "r.nc")
    assert done.status == 2 and not (tmp_path / "r.nc").exists()
    for word in words:
        assert word in done.err


def test_an_error_nobody_foresaw_asks_to_be_reported(symnum: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("at the heart of it")

    monkeypatch.setattr("symnum.pipeline.solve", broken)
    done = symnum("run", "heat")
    assert (
        done.status == 1
        and "ZeroDivisionError: at the heart of it" in " ".join(done.err.split())
        and "report" in done.err
    )
    monkeypatch.setenv("SYMNUM_TRACEBACK", "1")
    with pytest.raises(ZeroDivisionError):
        symnum("run", "heat")


def test_too_little_memory(symnum: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def large(*_: object, **__: object) -> None:
        raise MemoryError("Unable to allocate 3 TiB")

    monkeypatch.setattr("symnum.pipeline.solve", large)
    done = symnum("run", "heat", "--json")
    assert (
        done.status == 1 and "3 TiB" in done.err and "--resolution" in done.err and done.json["error"] == "MemoryError"
    )


def test_interruption(symnum: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("symnum.pipeline.solve", interrupted)
    assert symnum("run", "heat").status == 130
