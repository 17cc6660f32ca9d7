"""netCDF: everything comes back, other tools can read it, nothing half-written stays, bad files are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

from symnum.errors import FileError
from symnum.result import Solution

from .samples import decay, plane, solution, wave


@pytest.mark.parametrize("make", [decay, wave, plane])
def test_round_trip(make: object, tmp_path: Path) -> None:
    sol = make()  # type: ignore[operator]
    path = sol.save(tmp_path / "run.nc")
    back = Solution.load(path)
    xarray.testing.assert_identical(back.to_xarray(), sol.to_xarray())
    for fact in ("success", "message", "method", "why", "name", "stats"):
        assert getattr(back, fact) == getattr(sol, fact)
    place = dict.fromkeys([d for d in sol.to_xarray().dims if d != "t"], 0.317)
    for name in sol.fields:
        assert back(t=0.777, **place)[name] == sol(t=0.777, **place)[name]


def test_awkward_contents(tmp_path: Path) -> None:
    t = np.linspace(0, 1, 5)
    fields = {"psi": ("t", np.exp(1j * t)), "EGF(r,r!1)": ("t", np.array([0, 1, np.nan, 3, 4]))}
    coords = {"t": ("t", t, {"units": "seconds"})}  # xarray would make dates of these
    data = xarray.Dataset(fields, coords, {"flag": True, "bounds_x": (0.0, 1.0)})
    sol = solution(data, success=False, message="stopped: größer als ∞", stats={"steps": np.int32(3)})
    back = Solution.load(sol.save(tmp_path / "a b.nc"))
    np.testing.assert_array_equal(back.t, t)
    np.testing.assert_array_equal(back["psi"], np.exp(1j * t))
    np.testing.assert_array_equal(back["EGF(r,r!1)"], data["EGF(r,r!1)"])
    assert not back.success and back.message == "stopped: größer als ∞" and back.stats["steps"] == 3
    assert back.to_xarray().attrs["flag"] == 1


def test_plain_netcdf_readers_see_the_fields(tmp_path: Path) -> None:
    path = decay().save(tmp_path / "run.nc")
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert list(data.data_vars) == ["T"] and data["T"].attrs["units"] == "K" and data.attrs["method"] == "ROCK4"
    with h5py.File(path) as file:  # not through xarray
        np.testing.assert_array_equal(file["T"][:], decay()["T"])


def test_saving_replaces_whole_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = decay().save(tmp_path / "run.nc")
    before = path.read_bytes()

    def broken(self: object, target: Path, **_: object) -> None:
        Path(target).write_bytes(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(xarray.Dataset, "to_netcdf", broken)
    with pytest.raises(FileError, match="could not be written: no space left on device"):
        plane().save(path)
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("run.csv", r'saved as netCDF, not .csv. Write sol.save\("run.nc"\)'),
        ("run", r'not without a suffix. Write sol.save\("run.nc"\)'),
        ("nowhere/run.nc", "nowhere' does not exist. Create it first"),
    ],
)
def test_bad_targets(name: str, words: str, tmp_path: Path) -> None:
    with pytest.raises(FileError, match=words):
        decay().save(tmp_path / name)


def test_bad_sources(tmp_path: Path) -> None:
    good = decay().save(tmp_path / "run.nc")
    bad = tmp_path / "bad.nc"

    def refused(words: str) -> None:
        with pytest.raises(FileError, match=words):
            Solution.load(bad)

    refused(r"there is no file .*bad.nc'. Beside it there are: run.nc.")
    bad.write_text("t,x\n0,1\n")
    refused("is not a netCDF-4 file")
    bad.write_bytes(b"CDF\x01" + bytes(40))
    refused("is a netCDF-3 file")
    bad.write_bytes(good.read_bytes()[:3000])
    refused("is damaged")
    xarray.Dataset({"a": ("x", [1.0])}).to_netcdf(bad, engine="h5netcdf")
    refused(r"not a saved solution. .*xarray.open_dataset\(.*engine=\"h5netcdf\"\)")
    bad.write_bytes(good.read_bytes())
    with h5py.File(bad, "a") as file:
        file.attrs["format"] = "symnum solution 7"
    refused("holds 'symnum solution 7'; this version reads 'symnum solution 1'")
    with h5py.File(bad, "a") as file:
        file.attrs["format"] = "symnum solution 1"
        file.attrs["stats"] = "{"
    refused("is damaged")
    with h5py.File(bad, "a") as file:
        del file.attrs["why"]
    refused("attribute 'why' is missing")
    with pytest.raises(FileError, match="is a folder"):
        Solution.load(tmp_path)


# --- files of somebody else ----------------------------------------------------------------------------------------


def _spoilt(tmp_path: Path, spoil: Callable[[h5py.File], object]) -> Path:
    path = wave().save(tmp_path / "run.nc")
    with h5py.File(path, "r+") as file:
        spoil(file)
    return path


@pytest.mark.parametrize(
    "text", ["7", "[1]", "null", "{", "[" * 100_000, '{"D": "x", "steps": "x"}', '{"D": [1], "steps": [1]}']
)
@pytest.mark.parametrize("key", ["stats", "events", "parameters"])
def test_facts_of_the_wrong_kind_are_named(key: str, text: str, tmp_path: Path) -> None:
    path = _spoilt(tmp_path, lambda file: file.attrs.__setitem__(key, text))
    with pytest.raises(FileError, match=f"damaged: .*{key[:-1]}"):
        Solution.load(path)
    path = _spoilt(tmp_path, lambda file: file.attrs.__setitem__(key, np.arange(3)))
    with pytest.raises(FileError, match="damaged"):
        Solution.load(path)


@pytest.mark.parametrize("key", ["bounds_x", "period_x"])
@pytest.mark.parametrize("value", ["abc", np.nan, np.array([0.0, np.inf])])
def test_axes_without_finite_ends_are_named(key: str, value: object, tmp_path: Path) -> None:
    path = _spoilt(tmp_path, lambda file: file.attrs.__setitem__(key, value))
    with pytest.raises(FileError, match=f"damaged: {key}"):
        Solution.load(path)


def test_texts_of_a_file_do_not_steer_the_terminal(tmp_path: Path) -> None:
    def spoil(file: h5py.File) -> None:
        for key in ("title", "message", "method", "why"):
            file.attrs[key] = "a\x1b]0;b\x07\x9b\u202ec\nd"
        file["t"].attrs["units"] = "\x1b[31ms"

    back = Solution.load(_spoilt(tmp_path, spoil))
    assert (back.name, back.message, back.method, back.why) == ("a\ufffd]0;b\ufffd\ufffd\ufffdc\nd",) * 4
    assert back["t"].attrs["units"] == "\ufffd[31ms" and "\x1b" not in repr(back)


def _outside(file: h5py.File) -> None:
    file.create_dataset("w", shape=(4,), dtype="u1", external=[(__file__, 0, 4)])


def _virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((4,), "f8")
    layout[:] = h5py.VirtualSource("other.nc", "w", shape=(4,))
    file.create_virtual_dataset("w", layout)


def _linked(file: h5py.File) -> None:
    file["w"] = h5py.ExternalLink("other.nc", "/w")


def _huge(file: h5py.File) -> None:
    file.create_dataset("w", shape=(10**15,), dtype="f8", chunks=(1024,)).make_scale("w")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [(_outside, "another file"), (_virtual, "another file"), (_linked, "another file"), (_huge, "memory")],
)
def test_a_file_shows_nothing_of_other_files_and_fits_into_memory(
    spoil: Callable[[h5py.File], object], words: str, tmp_path: Path
) -> None:
    with pytest.raises(FileError, match=f"'w'.*{words}"):
        Solution.load(_spoilt(tmp_path, spoil))


def test_values_that_do_not_fit_into_memory_are_not_read(tmp_path: Path) -> None:
    def spoil(file: h5py.File) -> None:
        for k in range(2):
            file.create_dataset(f"n{k}", data=np.arange(10**5)).make_scale(f"n{k}")
        made = file.create_dataset("w", shape=(len(file["t"]), 10**5, 10**5), dtype="f8", chunks=(1, 1, 1024))
        for k, scale in enumerate(("t", "n0", "n1")):
            made.dims[k].attach_scale(file[scale])

    path = _spoilt(tmp_path, spoil)
    with pytest.raises(FileError, match="symnum view"):
        Solution.load(path)
