"""Data sets of the PROSE families: what a record holds, the same file whatever the workers, resuming, corruption, refusals."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy.integrate import solve_ivp

import symnum as sn
from symnum.cli import main
from symnum.datasets import ODE15, corrupted, noisy, prose, records, skeleton
from symnum.datasets.generation import POINTS, SPAN, Recipe, system_records
from symnum.formats.prose.words import ODE, PLACEHOLDER, parse

TIMES = np.linspace(*SPAN, POINTS)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """One system of each family, two trajectories each."""
    path = tmp_path_factory.mktemp("sets") / "all.prefix"
    made = prose("ode15", path, 30, seed=1, trajectories=2, noise=0.02, corruption=True)
    assert (made.records, made.new) == (30, 30)
    return path


def test_records(whole):
    found = list(records(whole))
    assert [r["type"] for r in found[::2]] == list(ODE15)
    for record in found:
        family = ODE15[record["type"]]
        data = np.array(record["data"])
        assert data.shape == (192, family.dimension)
        assert np.array_equal(data, data.astype(np.float32).astype(float).round(12)) or np.allclose(
            data, data.astype(np.float32), rtol=1e-7
        )
        assert np.abs(data).max() < family.largest
        assert np.abs(data[0]).max() <= 2
        assert len(parse(record["tree_encoded"], ODE, family.dimension)) == family.dimension
        assert PLACEHOLDER not in record["tree_encoded"]
        assert np.array(record["data_noisy"]).shape == data.shape


@pytest.mark.parametrize("name", list(ODE15))
def test_tokens_say_what_was_solved(whole, name):
    """The equations that are read from a record's tokens, integrated by SciPy, give its trajectory (chaos allowed for: to t = 1)."""
    record = next(r for r in records(whole) if r["type"] == name)
    data = np.array(record["data"])
    grid = sn.discretise(sn.read(record["tree_encoded"], "prose"))
    until = TIMES <= 1.0
    out = solve_ivp(grid.rhs, (0, 1), data[0], method="DOP853", t_eval=TIMES[until], rtol=1e-10, atol=1e-12)
    scale = np.abs(data[until]).max()
    rounding = 5e-3 if name in ("chen_lee", "aizawa") else 1e-4  # 1/3 is .333 in their tokens
    assert np.abs(out.y.T - data[until]).max() <= rounding * scale


def test_the_file_does_not_depend_on_the_workers(tmp_path):
    one, two = tmp_path / "one.prefix", tmp_path / "two.prefix"
    prose(["rossler", "thomas", "duffing"], one, 13, seed=3, trajectories=3)
    prose(["rossler", "thomas", "duffing"], two, 13, seed=3, trajectories=3, workers=2)
    assert one.read_bytes() == two.read_bytes()
    assert len(one.read_text().splitlines()) == 13


def test_threads_give_the_same_file(tmp_path):
    """An executor may have threads (Dask's workers do): solves must not take each other's parameters."""
    one, two = tmp_path / "one.prefix", tmp_path / "two.prefix"
    prose(["rossler", "lorenz_3d"], one, 80, seed=3)
    with ThreadPoolExecutor(4) as threads:
        prose(["rossler", "lorenz_3d"], two, 80, seed=3, workers=4, executor=threads)
    assert one.read_bytes() == two.read_bytes()


def test_record_k_does_not_depend_on_n(tmp_path):
    short, long = tmp_path / "a.prefix", tmp_path / "b.prefix"
    prose("ode15", short, 5, seed=2, trajectories=2)
    prose("ode15", long, 9, seed=2, trajectories=2)
    assert long.read_text().startswith(short.read_text())
    prose("ode15", short, 9, seed=2, trajectories=2)  # goes on
    assert short.read_bytes() == long.read_bytes()


def test_a_cut_line_is_written_again(tmp_path):
    path = tmp_path / "a.prefix"
    prose(["thomas"], path, 6, seed=2, trajectories=2)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(0.7 * len(whole))])
    made = prose(["thomas"], path, 6, seed=2, trajectories=2)
    assert path.read_bytes() == whole
    assert 0 < made.new < 6


def test_a_killed_run_goes_on(tmp_path):
    """kill -9 in the middle: no record is lost or doubled."""
    path, reference = tmp_path / "a.prefix", tmp_path / "b.prefix"
    code = f"import symnum as sn; sn.datasets.prose(['rossler', 'thomas'], {str(path)!r}, 4000, seed=5)"
    process = subprocess.Popen([sys.executable, "-c", code])
    while process.poll() is None and (not path.exists() or path.stat().st_size < 200_000):
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    have = len(path.read_bytes().splitlines())
    assert 0 < have < 4000
    n = have + 25
    prose(["rossler", "thomas"], path, n, seed=5)
    prose(["rossler", "thomas"], reference, n, seed=5)
    assert path.read_bytes() == reference.read_bytes()


def test_seeds_differ():
    first, second = (system_records(Recipe(("thomas",), seed, 1, 0.0, False), 0)[0] for seed in (0, 1))
    assert first != second


# --- corruption ----------------------------------------------------------------------------------------------------------------------------


LORENZ = sn.export(ODE15["lorenz_3d"].system, "prose").tokens


def test_skeleton():
    assert skeleton(" ".join(LORENZ)) == skeleton(LORENZ)
    assert " ".join(skeleton(LORENZ)) == (
        "add mul <PLACEHOLDER> u_1 mul <PLACEHOLDER> u_0 | sub sub mul <PLACEHOLDER> u_0 mul u_0 u_2 u_1 | "
        "add mul u_0 u_1 mul <PLACEHOLDER> u_2"
    )


def test_corrupted_skeletons_are_expressions():
    plain = skeleton(LORENZ)
    kinds = {"same": 0, "longer": 0, "shorter": 0}
    rng = np.random.default_rng(0)
    for _ in range(600):
        made = corrupted(LORENZ, rng)
        assert len(parse(made, ODE, 3)) == 3
        kinds["same" if made == plain else "longer" if len(made) > len(plain) else "shorter"] += 1
    assert 0.63 < kinds["same"] / 600 < 0.77
    assert 0.10 < kinds["longer"] / 600 < 0.20
    assert 0.10 < kinds["shorter"] / 600 < 0.20


def test_a_subtracted_first_term_is_negated():
    """a - b without a is neg b."""
    seen = {" ".join(corrupted(["sub", "u_0", "u_1", "|", "u_0"], np.random.default_rng(k))) for k in range(300)}
    assert "neg u_1 | u_0" in seen
    assert "u_0 | u_0" in seen


def test_noise_has_its_size():
    data = np.random.default_rng(0).standard_normal((192, 3)) * 7
    added = noisy(data, np.random.default_rng(1), 0.02) - data
    assert np.linalg.norm(added) == pytest.approx(0.02 * np.linalg.norm(data), rel=0.1)


# --- refusals and the command line ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"families": "lorentz_3d"}, sn.UnknownName, "Did you mean 'lorenz_3d'"),
        ({"families": []}, sn.SolveError, "no family given"),
        ({"path": "a.json"}, sn.FileError, "does not end in .prefix"),
        ({"path": "no/such/a.prefix"}, sn.FileError, "does not exist; make it first"),
        ({"n": 0}, sn.SolveError, "n=0 is no whole number"),
        ({"workers": 1.5}, sn.SolveError, "workers=1.5"),
        ({"seed": -1}, sn.SolveError, "seed=-1"),
        ({"noise": "much"}, sn.SolveError, "noise='much'"),
    ],
)
def test_refusals(tmp_path, monkeypatch, changes, error, message):
    monkeypatch.chdir(tmp_path)
    arguments = {"families": "ode15", "path": "a.prefix", "n": 4} | changes
    with pytest.raises(error, match=message):
        prose(**arguments)
    assert os.listdir(tmp_path) == []


def test_another_recipe_is_refused(tmp_path):
    path = tmp_path / "a.prefix"
    prose(["thomas"], path, 2, seed=1, trajectories=2)
    before = path.read_bytes()
    with pytest.raises(sn.FileError, match="made by another recipe"):
        prose(["thomas"], path, 4, seed=2, trajectories=2)
    assert path.read_bytes() == before
    prose(["thomas"], path, 2, seed=2, trajectories=2, overwrite=True)
    assert path.read_bytes() != before


def test_command_line(tmp_path, capsys):
    path = tmp_path / "a.prefix"
    assert (
        main(["prose", "generate", "--families", "thomas,rossler", "-n", "3", "--seed", "1", "--out", str(path)]) == 0
    )
    assert "3 records, 3 of them new" in capsys.readouterr().err
    assert [json.loads(line)["type"] for line in path.read_text().splitlines()] == ["thomas"] * 3
    assert main(["prose", "generate", "--families", "thomaz", "-n", "3"]) == 2


def test_files_that_hold_no_records(tmp_path):
    path = tmp_path / "a.prefix"
    with pytest.raises(sn.FileError, match="there is no file"):
        next(records(path))
    for line in (b"{}", b"\xff\xfe", b"[" * 100_000, b"3"):
        path.write_bytes(b'{"type": "a", "tree_encoded": []}\n' + line + b"\n")
        with pytest.raises(sn.FileError, match="line 2: no record"):
            list(records(path))


def test_groups_in_a_list(tmp_path):
    assert prose(["thomas", "ode15"], tmp_path / "a.prefix", 2, trajectories=1).records == 2


@pytest.mark.parametrize("families", [3, None, [["thomas"]]])
def test_families_are_names(tmp_path, families):
    with pytest.raises(sn.SymnumError, match="famil"):
        prose(families, tmp_path / "a.prefix", 2)
