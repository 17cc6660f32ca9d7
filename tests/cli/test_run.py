"""``symnum run``: what it prints, what it writes, its exit status."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import symnum as sn

Command = Callable[..., "object"]


def test_json_is_one_object_with_what_the_contract_names(symnum: Command, tmp_path: Path) -> None:
    done = symnum("run", "heat", "--resolution", "16", "--plot", "h.png", "--out", "h.nc", "--json")
    assert done.status == 0 and done.err == ""
    report = done.json
    assert report["name"] == "heat" and report["success"] is True
    assert report["method"] and " " in report["why"] and report["message"]
    assert report["resolution"] == 16 and report["points"] == {"x": 17}
    assert report["seconds"] > report["stats"]["solve_seconds"] > 0
    assert report["stats"]["steps"] > 0 and report["stats"]["rhs_evaluations"] > 0
    assert report["files"] == ["h.nc", "h.png"]
    amplitude = math.exp(-(math.pi**2) * 0.2)  # the long wave that is left
    assert report["fields"]["u"]["max"] == pytest.approx(amplitude, rel=0.02) and report["fields"]["u"][
        "min"
    ] == pytest.approx(0, abs=1e-9)
    assert (tmp_path / "h.png").read_bytes()[:4] == b"\x89PNG"
    loaded = sn.Solution.load(tmp_path / "h.nc")
    assert loaded.method == report["method"] and loaded["u"].shape[1] == 17
    assert sorted(p.name for p in tmp_path.iterdir()) == ["h.nc", "h.png"]


def test_xarray_opens_the_file_by_itself(symnum: Command, tmp_path: Path) -> None:
    import xarray

    assert symnum("run", "advection", "--resolution", "16", "--out", "a.nc").status == 0
    with xarray.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as data:
        assert data["u"].dims == ("t", "x") and data.sizes["x"] == 16


def test_people_read_title_choice_and_closing_line(symnum: Command) -> None:
    done = symnum("run", "wave", "--resolution", "16", "--plot", "w.png")
    assert done.status == 0 and done.err == ""
    first, *_, last = done.out.strip().splitlines()
    assert first == "wave: A vibrating string, fixed at both ends"
    assert "  method  " in done.out and ": " in done.out and "17 points" in done.out
    assert last.startswith("Done in ") and last.endswith("; wrote w.png.")


def test_set_changes_a_parameter(symnum: Command) -> None:
    slow, fast = (symnum("run", "heat", "--resolution", "16", "--set", f"D={D}", "--json").json for D in (0.5, 1.0))
    assert slow["parameters"] == {"D": 0.5}
    ratio = slow["fields"]["u"]["max"] / fast["fields"]["u"]["max"]
    assert ratio == pytest.approx(math.exp(math.pi**2 * 0.1), rel=0.02)


def test_set_may_be_repeated_and_the_last_wins(symnum: Command) -> None:
    report = symnum(
        "run", "fisher_kpp", "--resolution", "16", "--set", "D=2", "--set", "r=0.5", "--set", "D=3", "--json"
    ).json
    assert report["parameters"] == {"D": 3.0, "r": 0.5}


def test_options_reach_the_solver(symnum: Command) -> None:
    loose = symnum(
        "run", "advection", "--resolution", "32", "--method", "BDF", "--backend", "scipy", "--rtol", "1e-3", "--json"
    ).json
    tight = symnum(
        "run", "advection", "--resolution", "32", "--method", "BDF", "--rtol", "1e-6", "--atol", "1e-8", "--json"
    ).json
    assert loose["method"] == tight["method"] == "BDF"
    assert tight["stats"]["steps"] > 1.5 * loose["stats"]["steps"]


def test_symplectic_methods_take_their_step_from_the_command_line(symnum: Command) -> None:
    report = symnum("run", "wave", "--resolution", "16", "--method", "Verlet", "--dt", "0.01", "--json").json
    refused = symnum("run", "wave", "--resolution", "16", "--method", "Verlet")
    assert report["method"] == "Verlet" and report["success"]
    assert report["stats"]["steps"] == 175  # of 0.01 to t = 1.75
    assert refused.status == 2 and "dt=" in refused.err


def test_order_reaches_the_discretisation(symnum: Command) -> None:
    second, fourth = (
        symnum("run", "advection", "--resolution", "32", "--order", order, "--json").json for order in ("2", "4")
    )
    top = 1.0  # of the exact solution; the lower order loses more of it
    assert abs(fourth["fields"]["u"]["max"] - top) < abs(second["fields"]["u"]["max"] - top)


def test_scheme_and_target_reach_the_discretisation(symnum: Command) -> None:
    """Finite volumes have n points, central differences n + 1; NumPy and LLVM give the same solution."""
    asked = ("run", "heat", "--resolution", "16", "--scheme", "finite_volume", "--json", "--target")
    cells = [symnum(*asked, target).json for target in ("llvm", "numpy")]
    assert [report["points"] for report in cells] == [{"x": 16}, {"x": 16}]
    assert cells[0]["fields"]["u"]["max"] == pytest.approx(cells[1]["fields"]["u"]["max"], rel=1e-12)
    noted = symnum("run", "lorenz", "--scheme", "upwind", "--json")
    assert noted.status == 0 and "--scheme" in noted.err


def test_help_names_every_backend_scheme_and_target(symnum: Command) -> None:
    from symnum.catalogue import Catalogue
    from symnum.codegen.target import targets
    from symnum.solvers.backend import backends

    schemes = Catalogue("scheme", package="symnum.discretisation.schemes")

    shown = " ".join(symnum("run", "--help").out.split())
    for name in (*backends(), *schemes.names(), *targets().names()):
        assert name in shown


def test_toml_and_own_file(symnum: Command, heat_toml: str, own_file: str) -> None:
    assert symnum("run", heat_toml, "--resolution", "8", "--json").json["name"] == "rod"
    report = symnum("run", own_file, "--json").json
    assert report["name"] == "mine" and report["resolution"] == 8


def test_what_a_model_prints_does_not_spoil_the_json(symnum: Command, own_file: str, tmp_path: Path) -> None:
    path = tmp_path / own_file
    path.write_text(path.read_text() + "\nprint('hello from the model')\n")
    done = symnum("run", own_file, "--json")
    assert done.json["success"] and "hello from the model" in done.err


def test_ordinary_differential_equations(symnum: Command, tmp_path: Path) -> None:
    done = symnum("run", "van_der_pol", "--json", "--out", "v.nc", "--plot", "v.png")
    assert done.status == 0 and done.json["resolution"] is None and done.json["points"] == {}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["v.nc", "v.png"]
    assert abs(symnum("run", "lorenz", "--json").json["fields"]["Z"]["max"] - 25) < 25  # on the attractor: 0 < Z < 50
    noted = symnum("run", "van_der_pol", "--resolution", "8", "--json")
    assert noted.status == 0 and noted.json["success"] and "no space coordinate" in noted.err


def test_a_solve_that_fails_gives_status_1_and_keeps_what_it_has(symnum: Command, tmp_path: Path) -> None:
    (tmp_path / "explosion.toml").write_text(
        'equations = ["dt(u) = u^2"]\ninitial = ["u = 1"]\ndomain = { t = [0, 2] }\nfields = { u = "t" }\n'
    )
    done = symnum("run", "explosion.toml", "--out", "e.nc", "--json")
    assert done.status == 1
    assert done.json["success"] is False and "t = 1 " in done.json["message"]
    assert (tmp_path / "e.nc").exists()  # up to the time of the explosion, t = 1
    kept = sn.Solution.load(tmp_path / "e.nc")
    assert 0.5 < kept.t[-1] <= 1.0 + 1e-6
    told = symnum("run", "explosion.toml")
    assert told.status == 1 and "Stopped after" in told.out
    for one in (done, told):
        assert one.err.startswith("symnum: ") and one.err.count("symnum: ") == 1  # told once


def test_a_field_that_is_not_finite_is_null_in_json() -> None:
    from symnum.cli.console import plain

    assert plain({"a": float("nan"), "b": [float("inf"), 1.5], "c": None, "d": True}) == {
        "a": None,
        "b": [None, 1.5],
        "c": None,
        "d": True,
    }


def test_in_a_process_of_its_own(tmp_path: Path) -> None:
    """Through the interpreter, from another folder, the output in a pipe: status and streams as a shell sees them."""
    root = str(Path(sn.__file__).resolve().parent.parent)
    command = [sys.executable, "-m", "symnum.cli"]
    env = os.environ | {"PYTHONPATH": root}
    good = subprocess.run(
        [*command, "run", "heat", "--resolution", "8", "--json"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert good.returncode == 0 and good.stdout.startswith("{") and good.stderr == ""
    bad = subprocess.run([*command, "run", "heta"], cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert bad.returncode == 2 and bad.stdout == "" and "Did you mean 'heat'?" in bad.stderr
