"""Sets in one HDF5 file: the same records as lines of JSON, the same file whatever the workers, resuming; one writer a file; refusals."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time

import h5py
import numpy as np
import pytest

import symnum as sn
from symnum.cli import main
from symnum.datasets import ODE15, prose, records
from symnum.datasets.lock import locked

FAMILIES = ["rossler", "lorenz_96_5d", "double_pendulum"]


def test_the_same_records_as_lines(tmp_path):
    lines, packed = tmp_path / "a.prefix", tmp_path / "a.h5"
    options = {"seed": 3, "trajectories": 2, "noise": 0.02, "corruption": True}
    prose(FAMILIES, lines, 11, **options)
    made = prose(FAMILIES, packed, 11, **options)
    assert (made.records, made.new) == (11, 11)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "a.h5.json", "a.prefix", "a.prefix.json"]
    with h5py.File(packed) as held:  # as a loader would read it
        assert held["data"].shape == held["data_noisy"].shape == (11, 192, 5)
        assert held["data"].dtype == np.float32
        assert held["tree_encoded"].asstr()[0].split()[:3] == ["sub", "neg", "u_1"]
        assert list(held["type"].asstr()[:4]) == ["rossler", "rossler", "lorenz_96_5d", "lorenz_96_5d"]
        assert list(held["dim"][:4]) == [3, 3, 5, 5]
        assert not held["data"][0, :, 3:].any()
        assert json.loads(held.attrs["recipe"])["families"] == FAMILIES
    for plain, again in zip(records(lines), records(packed), strict=True):
        assert again["type"] == plain["type"]
        assert again["tree_encoded"] == plain["tree_encoded"]
        assert again["tree_skeleton"] == plain["tree_skeleton"]
        for name in ("data", "data_noisy"):
            assert again[name].shape == (192, ODE15[plain["type"]].dimension)
            assert np.array_equal(again[name], np.array(plain[name], np.float32))


def test_the_same_file_for_any_workers_and_after_it_got_longer(tmp_path):
    one, two, longer = (tmp_path / f"{name}.h5" for name in ("one", "two", "longer"))
    prose(FAMILIES, one, 13, seed=3, trajectories=3)
    prose(FAMILIES, two, 13, seed=3, trajectories=3, workers=2, layout="hdf5")
    assert one.read_bytes() == two.read_bytes()
    prose(FAMILIES, longer, 5, seed=3, trajectories=3)
    made = prose(FAMILIES, longer, 13, seed=3, trajectories=3)
    assert (made.records, made.new) == (13, 8)
    assert longer.read_bytes() == one.read_bytes()
    made = prose(FAMILIES, longer, 4, seed=3, trajectories=3)
    assert (made.records, made.new) == (13, 0)
    assert longer.read_bytes() == one.read_bytes()


def test_a_killed_run_goes_on(tmp_path):
    """kill -9 in the middle: no record is lost or doubled, and the lock does not outlive its owner."""
    path, reference = tmp_path / "a.h5", tmp_path / "b.h5"
    code = f"import symnum as sn; sn.datasets.prose(['rossler', 'thomas'], {str(path)!r}, 4000, seed=5)"
    process = subprocess.Popen([sys.executable, "-c", code])
    raw = tmp_path / "a.h5.raw"
    while process.poll() is None and (not raw.exists() or raw.stat().st_size < 200_000):
        time.sleep(0.02)
    with pytest.raises(sn.SymnumError, match=rf"another run \(process {process.pid}\) is writing .*a.h5"):
        prose(["rossler", "thomas"], path, 4000, seed=5)
    process.send_signal(signal.SIGKILL)
    process.wait()
    have = raw.stat().st_size // (192 * 3 * 4)
    assert 0 < have < 4000
    assert not path.exists()
    prose(["rossler", "thomas"], path, have + 25, seed=5)
    prose(["rossler", "thomas"], reference, have + 25, seed=5)
    assert path.read_bytes() == reference.read_bytes()


def test_cut_files_go_on(tmp_path):
    """As after a loss of power: half a line, half a record of values."""
    path, reference = tmp_path / "a.h5", tmp_path / "b.h5"
    prose(FAMILIES, reference, 9, seed=1, trajectories=3)

    class Stop(Exception):
        pass

    def stop(done, n, rate):
        if done >= 6:
            raise Stop

    with pytest.raises(Stop):
        prose(FAMILIES, path, 9, seed=1, trajectories=3, progress=stop)
    for name, cut in (("a.h5.lines", 30), ("a.h5.raw", 1000)):
        file = tmp_path / name
        file.write_bytes(file.read_bytes()[:-cut])
    assert prose(FAMILIES, path, 9, seed=1, trajectories=3).new == 4
    assert path.read_bytes() == reference.read_bytes()


def test_equations_in_space(tmp_path):
    two, whole = tmp_path / "a.prefix", tmp_path / "a.h5"
    prose(["heat", "advection"], two, 3, seed=2, trajectories=2)
    prose(["heat", "advection"], whole, 3, seed=2, trajectories=2)
    with h5py.File(whole) as held, h5py.File(tmp_path / "a_data.h5") as values:
        assert np.array_equal(held["data"], values["data"])
    assert [r["tree_encoded"] for r in records(whole)] == [r["tree_encoded"] for r in records(two)]


def test_command_line(tmp_path, capsys):
    path = tmp_path / "train.h5"
    assert main(["prose", "generate", "--families", "thomas", "-n", "3", "--out", str(path)]) == 0
    assert "3 records" in capsys.readouterr().err
    assert len(list(records(path))) == 3


def _hold(path, held, end):
    with locked(path):
        held.set()
        end.wait(30)


def test_one_writer_a_file(tmp_path):
    path = tmp_path / "a.prefix"
    context = multiprocessing.get_context("spawn")
    held, end = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(path, held, end))
    other.start()
    assert held.wait(60)
    with pytest.raises(sn.SymnumError, match="another run"):
        prose(["thomas"], path, 1)
    assert not path.exists()
    end.set()
    other.join()
    prose(["thomas"], path, 1)
    assert not (tmp_path / "a.prefix.lock").exists()


def test_a_lock_left_behind_is_no_obstacle(tmp_path):
    (tmp_path / "a.prefix.lock").write_text("99999999")
    assert prose(["thomas"], tmp_path / "a.prefix", 1).new == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"progress": 3}, "progress=3 is no function"),
        ({"executor": 3}, "executor=3 has no submit"),
        ({"layout": "hdf"}, "layout='hdf' is not known; write layout='prefix'"),
        ({"layout": 5}, "layout=5 is not known"),
        ({"layout": "hdf5"}, r"do not fit; write .*a\.h5"),
        ({"overwrite": 1}, "overwrite=1; write overwrite=True"),
        ({"corruption": "yes"}, "corruption='yes'; write"),
        ({"path": 3}, "path=3 names no file"),
        ({"path": "a.npz"}, r"does not end in \.prefix or \.h5"),
        ({"n": "3"}, "n='3' is no whole number"),
        ({"workers": 0}, "workers=0 is no whole number"),
        ({"noise": "a"}, "noise='a' is no level"),
        ({"families": 3}, "families=3"),
    ],
)
def test_options_that_make_no_sense(tmp_path, options, message):
    given = {"families": ["thomas"], "path": tmp_path / "a.prefix", "n": 1} | options
    with pytest.raises(sn.SymnumError, match=message):
        prose(**given)


def test_files_that_are_none_of_ours(tmp_path):
    (tmp_path / "text.h5").write_text("no such file")
    with pytest.raises(sn.SymnumError, match="no HDF5 file"):
        next(records(tmp_path / "text.h5"))
    with h5py.File(tmp_path / "other.h5", "w") as out:
        out["data"] = np.zeros(3)
    with pytest.raises(sn.SymnumError, match="holds no records"):
        next(records(tmp_path / "other.h5"))
    with pytest.raises(sn.SymnumError, match="there is no file"):
        next(records(3))
    with pytest.raises(sn.SymnumError, match="another recipe"):
        prose(["thomas"], tmp_path / "other.h5", 3)


@pytest.mark.skipif(not hasattr(os, "O_NOFOLLOW"), reason="links are not followed where the system can refuse them")
def test_a_lock_that_is_a_link_does_not_write_into_its_file(tmp_path):
    (tmp_path / "precious").write_text("precious")
    (tmp_path / "a.prefix.lock").symlink_to(tmp_path / "precious")
    with pytest.raises(sn.SymnumError, match="cannot be written"):
        prose(["thomas"], tmp_path / "a.prefix", 1)
    assert (tmp_path / "precious").read_text() == "precious"


@pytest.mark.parametrize("name", ["a.h5.json", "a.h5.raw", "a.h5.lock"])
def test_files_of_others_beside_it_stay(tmp_path, name):
    (tmp_path / name).write_text("mine")
    with pytest.raises(sn.SymnumError, match=f"{name}.* move it away"):
        prose(["thomas"], tmp_path / "a.h5", 1)
    assert (tmp_path / name).read_text() == "mine"


def test_a_full_disk_is_named_and_the_run_goes_on(tmp_path):
    resource = pytest.importorskip("resource")
    whole = prose(["thomas"], tmp_path / "whole.prefix", 8, trajectories=2).path.read_bytes()
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) // 2, before[1]))
        with pytest.raises(sn.SymnumError, match=r"cannot be written.*goes on"):
            prose(["thomas"], tmp_path / "a.prefix", 8, trajectories=2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert 0 < prose(["thomas"], tmp_path / "a.prefix", 8, trajectories=2).new < 8
    assert (tmp_path / "a.prefix").read_bytes() == whole
