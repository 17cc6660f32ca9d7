"""``symnum``, ``list``, ``explain``, ``bench`` and ``doctor``."""

from __future__ import annotations

import json
import types
from collections.abc import Callable
from pathlib import Path

import pytest

import symnum as sn

Command = Callable[..., "object"]
NAMES = ["advection", "brusselator", "burgers", "fisher_kpp", "gray_scott", "heat", "lorenz", "van_der_pol", "wave"]


def test_alone_it_prints_help(symnum: Command) -> None:
    done = symnum()
    assert done.status == 0
    for command in ("run", "list", "explain", "bench", "doctor"):
        assert f"\n    {command} " in done.out
    assert symnum("--version").out.strip() == f"symnum {sn.__version__}"
    assert "--resolution" in symnum("run", "--help").out


def test_list_names_and_titles(symnum: Command) -> None:
    report = symnum("list", "--json").json
    titles = {model["name"]: model["title"] for model in report["models"]}
    assert set(NAMES) <= set(titles)
    assert titles["wave"] == "A vibrating string, fixed at both ends"
    table = symnum("list").out
    assert all(name in table for name in NAMES) and "symnum run brusselator" in table


def test_list_imports_no_model(symnum: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from symnum.catalogue import Catalogue

    monkeypatch.setattr(Catalogue, "load", lambda *_: pytest.fail("a model was imported"))
    assert symnum("list").status == 0


def test_explain(symnum: Command, heat_toml: str) -> None:
    done = symnum("explain", "brusselator", "--set", "alpha=0.5")
    assert (
        done.status == 0 and "reaction-diffusion" in done.out and "alpha = 0.5" in done.out and "periodic" in done.out
    )
    assert "D = 1" in symnum("explain", heat_toml).out


def test_bench_lists_without_a_name(symnum: Command) -> None:
    names = [bench["name"] for bench in symnum("bench", "--json").json["benches"]]
    assert {"latency", "rhs"} <= set(names)
    assert "latency" in symnum("bench").out


def _fake_bench(monkeypatch: pytest.MonkeyPatch, value: float | None) -> None:
    from symnum.catalogue import Catalogue

    bars = [
        {"name": "speed", "value": value, "bar": 1.0, "better": "lower", "holds": value is not None and value <= 1.0}
    ]
    module = types.SimpleNamespace(
        run=lambda: {"rows": [{"N": 32, "ns": 1.25}, {"N": 64, "peer": "not installed"}], "bars": bars}
    )
    monkeypatch.setattr(Catalogue, "load", lambda self, name: module)


def test_bench_json_has_the_shape_of_the_contract(symnum: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    _fake_bench(monkeypatch, 0.5)
    report = symnum("bench", "latency", "--json").json
    assert list(report) == ["bench", "machine", "rows", "bars"] and report["bench"] == "latency"
    assert {"cpu", "cores", "python", "versions"} <= set(report["machine"])
    assert report["machine"]["cores"] >= 1 and report["machine"]["versions"]["numpy"]
    assert {"scikit-sundae", "C compiler"} <= set(report["machine"]["versions"])
    assert report["bars"] == [{"name": "speed", "value": 0.5, "bar": 1.0, "better": "lower", "holds": True}]


@pytest.mark.parametrize(("value", "mark"), [(0.5, "holds"), (2.0, "fails"), (None, "not measured")])
def test_bench_says_which_bars_hold(
    symnum: Command, monkeypatch: pytest.MonkeyPatch, value: float | None, mark: str
) -> None:
    _fake_bench(monkeypatch, value)
    done = symnum("bench", "latency")
    assert done.status == 0 and mark in done.out and "1.25" in done.out
    assert ("bars fail" in done.err) == (mark == "fails")


def test_bench_hands_options_of_its_own_on(symnum: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from symnum.catalogue import Catalogue

    given: dict[str, str] = {}
    module = types.SimpleNamespace(
        OPTIONS={"net": "a file", "peers": "how many"}, run=lambda **o: given.update(o) or {"rows": [], "bars": []}
    )
    monkeypatch.setattr(Catalogue, "load", lambda self, name: module)
    assert symnum("bench", "latency", "--net", "a b.net", "--json").json["rows"] == []
    assert given == {"net": "a b.net"}


def test_latency_script_measures_a_cold_process() -> None:
    from symnum.catalogue import Catalogue, shipped_folder

    latency = Catalogue("bench", folder=shipped_folder("benchmarks")).load("latency")
    figures = latency._cold(latency._SCRIPT, 8)
    assert 0 < figures["build + compile"] < 5 and all(value >= 0 for value in figures.values())
    assert figures["discretise + compile"] > figures["initial state"]


def test_doctor_finds_what_works(symnum: Command) -> None:
    done = symnum("doctor", "--json")
    report = done.json
    found = {f["name"]: f for f in report["findings"]}
    assert done.status == 0 and report["healthy"] is True
    for name in ("python", "numpy", "scipy", "llvmlite", "symnum", "scikit-sundae"):
        assert found[name]["status"] == "works" and found[name]["needed"] and found[name]["version"]
    assert "compiled and ran" in found["llvmlite"]["detail"] and "error" in found["symnum"]["detail"]
    assert "SUNDIALS 7" in found["scikit-sundae"]["detail"] and "IDA error" in found["scikit-sundae"]["detail"]
    for finding in report["findings"]:
        assert bool(finding["remedy"]) == (finding["status"] in ("missing", "broken"))


def test_doctor_says_where_compiled_code_is_kept(symnum: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def cache() -> dict:
        (found,) = (f for f in json.loads(symnum("doctor", "--json").out)["findings"] if f["name"] == "code cache")
        return found

    monkeypatch.setenv("SYMNUM_CACHE", str(tmp_path / "mine"))
    found = cache()
    assert found["status"] == "found" and str(tmp_path / "mine" / "objects") in found["detail"]
    monkeypatch.setenv("SYMNUM_CACHE", "off")
    found = cache()
    assert found["status"] == "missing" and "SYMNUM_CACHE=FOLDER" in found["remedy"]


def test_doctor_names_the_line_that_installs_sundials(symnum: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "sksundae", None)  # as where it is not installed
    done = symnum("doctor", "--json")
    found = {f["name"]: f for f in done.json["findings"]}["scikit-sundae"]
    assert done.status == 1 and found["status"] == "missing" and found["remedy"] == "pip install scikit-sundae"


def test_doctor_says_what_is_broken_and_how_to_mend_it(symnum: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    from symnum.cli import doctor

    def no_code() -> str:
        raise OSError("libLLVM is damaged")

    monkeypatch.setattr(doctor, "_compile", no_code)
    monkeypatch.setattr(doctor, "_solve", lambda *_: "")
    monkeypatch.setattr(doctor.util, "find_spec", lambda name: None)
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    done = symnum("doctor", "--json")
    found = {f["name"]: f for f in done.json["findings"]}
    assert done.status == 1 and done.json["healthy"] is False
    assert found["llvmlite"]["status"] == "broken" and "libLLVM is damaged" in found["llvmlite"]["detail"]
    assert found["llvmlite"]["remedy"] == "pip install --force-reinstall llvmlite"
    assert found["torch"]["status"] == "missing" and found["torch"]["remedy"] == "pip install 'symnum[neural]'"
    assert found["C compiler"]["status"] == "missing" and found["C compiler"]["needed"] is False
    table = " ".join(symnum("doctor").out.split())
    assert "does not work" in table and "libLLVM is damaged" in table and "--force-reinstall" in table


@pytest.mark.parametrize(
    ("line", "version"),
    [
        ("cc (Debian 12.2.0-14+deb12u1) 12.2.0", "12.2.0"),
        ("gcc (GCC) 13.2.1 20230801", "13.2.1"),
        ("Ubuntu clang version 14.0.0-1ubuntu1.1", "14.0.0-1ubuntu1.1"),
        ("Apple clang version 15.0.0 (clang-1500.3.9.4)", "15.0.0"),
        ("ffmpeg version 5.1.6-0+deb12u1 Copyright (c) 2000-2024 the FFmpeg developers", "5.1.6-0+deb12u1"),
        ("tcc (0.9.27 x86-64)", "0.9.27"),
        ("something without a number", ""),
    ],
)
def test_doctor_reads_versions(monkeypatch: pytest.MonkeyPatch, line: str, version: str) -> None:
    from symnum.cli import doctor

    monkeypatch.setattr(doctor, "program_line", lambda path: line)
    assert doctor._program_version("/usr/bin/cc") == version
    assert doctor._program_version(None) == ""


def test_every_extra_that_doctor_names_exists() -> None:
    import re
    import tomllib

    from symnum.cli import doctor

    project = tomllib.loads((Path(sn.__file__).parent.parent / "pyproject.toml").read_text())["project"]
    for _, _, line in doctor._OPTIONAL.values():
        extra = re.search(r"symnum\[(\w+)\]", line)
        assert extra is None or extra[1] in project["optional-dependencies"]
