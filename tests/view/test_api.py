"""What the page gets is the solution: frames, slices, curves, tables; and what it solves again is what sn.solve gives."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest

import symnum as sn
from symnum.errors import FileError
from symnum.provenance import Recipe
from symnum.view import Session
from symnum.view.data import BUCKETS, Run

from .conftest import Client, rod, served


def test_about_tells_fields_dimensions_and_parameters(client: Client, solution: sn.Solution) -> None:
    about = client.json("about")
    (run,) = about["runs"]
    assert run["fields"] == [{"name": "u", "units": "", "space": ["x"], "moving": True}]
    assert run["dimensions"]["x"] == {"size": 17, "units": "", "bounds": [0.0, 1.0], "period": None}
    assert run["method"] == solution.method and run["why"] == solution.why and run["parameters"] == {"D": 1.0}
    assert about["parameters"] == [{"name": "D", "value": 1.0, "units": ""}] and about["job"] is None


def test_frames_are_the_values_of_the_solution(client: Client, solution: sn.Solution) -> None:
    values = solution["u"].values
    np.testing.assert_array_equal(
        client.numbers("frames?run=0&field=0&start=3&count=4&most=512"), values[3:7].astype("<f4")
    )
    np.testing.assert_array_equal(client.numbers("image?run=0&field=0&most=1024"), values.astype("<f4"))
    np.testing.assert_array_equal(client.numbers("coordinate?run=0&name=x", "<f8"), solution["x"].values)
    thinned = client.numbers("frames?run=0&field=0&start=100&count=9&most=6")  # past the end, every third point
    np.testing.assert_array_equal(thinned, values[100:, ::3].astype("<f4"))
    extent = client.json("range?run=0&field=0")
    assert extent == {"low": values.min(), "high": values.max(), "whole": True}


def test_tables_have_all_digits(client: Client, solution: sn.Solution) -> None:
    status, body, headers = client.get("api/table?run=0&field=0&frame=7")
    assert status == 200 and headers["content-type"].startswith("text/csv") and body.startswith(b"x,u\n")
    table = np.loadtxt(io.BytesIO(body), delimiter=",", skiprows=1)
    np.testing.assert_array_equal(table, np.column_stack([solution["x"].values, solution["u"].values[7]]))


def test_colours_are_those_of_matplotlib(client: Client) -> None:
    import matplotlib

    _, body, _ = client.get("api/colours?map=viridis")
    wanted = [matplotlib.colormaps["viridis"](k, bytes=True)[:3] for k in range(256)]
    assert np.frombuffer(body, "u1").reshape(256, 3).tolist() == np.array(wanted).tolist()


def test_slices_of_three_dimensions_from_a_file(tmp_path: Path) -> None:
    t, x, y, z = sn.coordinates("t x y z")
    u = sn.field("u", (t, x, y, z))
    sides = [sn.periodic(c) for c in (x, y, z)]
    start = sn.sin(2 * sn.pi * x) + sn.cos(2 * sn.pi * y) * sn.sin(4 * sn.pi * z)
    model = sn.PDESystem(
        [sn.Eq(sn.dt(u), sn.laplacian(u))], sn.Domain(t=(0, 0.01), x=(0, 1), y=(0, 1), z=(0, 1)), sides, {u: start}
    )
    solution = sn.solve(model, resolution={x: 8, y: 6, z: 5}, saveat=[0, 0.005, 0.01])
    path = solution.save(tmp_path / "box.nc")
    with served(Session.of_file(path)) as client:
        assert client.json("about")["runs"][0]["dimensions"]["x"]["bounds"] == [0.0, 1.0]  # a whole period
        slices = client.numbers("frames?run=0&field=0&start=1&count=2&most=512&cut=y&index=4")
        np.testing.assert_array_equal(slices, solution["u"].values[1:, :, 4].astype("<f4"))
        assert client.get("api/image?run=0&field=0&most=10")[0] == 422
        assert client.get("api/frames?run=0&field=0&start=0&count=1&most=9&cut=y&index=6")[0] == 400
        assert client.get("api/frames?run=0&field=0&start=0&count=1&most=9&cut=w&index=0")[0] == 422


def test_curves_are_smooth_between_large_steps_and_keep_their_peaks() -> None:
    t = sn.coordinates("t")
    u, v = sn.fields("u v", (t,))
    model = sn.ODESystem([sn.Eq(sn.dt(u), v), sn.Eq(sn.dt(v), -u)], domain=sn.Domain(t=(0, 20)), initial={u: 0, v: 1})
    run = Run.of(sn.solve(model, rtol=1e-9, atol=1e-12))
    assert run.frames < 200
    times, (sine, cosine) = run.curves([0, 1])
    assert len(times) >= BUCKETS and np.diff(times).max() < 0.02
    assert abs(sine - np.sin(times)).max() < 1e-6 and abs(cosine - np.cos(times)).max() < 1e-6

    import xarray

    times = np.linspace(0, 1, 100_001)
    peaks = np.sin(9 * times)
    peaks[[31_007, 77_123]] = 5, -7  # one sample wide
    data = xarray.Dataset({"w": ("t", peaks), "v": ("t", np.zeros_like(times))}, {"t": times})
    kept, (w, _) = Run(data, {}, {}).curves([0, 1])
    assert len(kept) <= 4 * BUCKETS + 2 and w.max() == 5 and w.min() == -7 and kept[0] == 0 and kept[-1] == 1
    np.testing.assert_array_equal(w, peaks[np.searchsorted(times, kept)])


def test_solving_again_gives_what_solve_gives(tmp_path: Path) -> None:
    path = sn.solve(rod(), resolution=16, rtol=1e-9).save(tmp_path / "run.nc")
    with served(Session.of_file(path)) as client:
        status, started = client.post("solve", {"parameters": {"D": 2.5}})
        job = client.solved(started["number"])
        assert (status, job["state"], job["run"]) == (202, "done", 1)
        direct = sn.solve(rod(D=2.5), resolution=16, rtol=1e-9)  # grid and tolerance as in the file
        np.testing.assert_array_equal(client.numbers("image?run=1&field=0&most=512"), direct["u"].values.astype("<f4"))
        exact = np.exp(-2.5 * np.pi**2 * 0.1) * np.sin(np.pi * direct["x"].values)
        assert abs(client.numbers("frames?run=1&field=0&start=100&count=1&most=512")[0] - exact).max() < 4e-3
        about = client.json("about")
        assert [r["label"] for r in about["runs"]] == ["run.nc", "D = 2.5"] and about["runs"][1]["parameters"] == {
            "D": 2.5
        }
        np.testing.assert_array_equal(client.numbers("coordinate?run=0&name=t", "<f8"), direct.t)


def test_a_run_without_its_model_is_shown_and_takes_one_by_name(tmp_path: Path) -> None:
    solution = sn.solve(rod(D=0.5), resolution=8)
    solution.made_by(str)  # as files of other programs are
    path = solution.save(tmp_path / "old.nc")
    with served(Session.of_file(path)) as client:
        assert client.json("about")["parameters"] is None and "--model" in client.json("about")["why_not"]
        status, said = client.post("solve", {"parameters": {"D": 1}})
        assert status == 409 and "--model" in said["error"]
    with served(Session.of_file(path, Recipe(rod(), {"resolution": 8}))) as client:
        assert client.json("about")["parameters"][0]["value"] == 0.5  # as the run was made
        assert client.solved(client.post("solve", {"parameters": {}})[1]["number"])["state"] == "done"
        np.testing.assert_array_equal(*[client.numbers(f"image?run={k}&field=0&most=99") for k in (0, 1)])


def slow() -> sn.ODESystem:
    t = sn.coordinates("t")
    u, v = sn.fields("u v", (t,))
    w = sn.parameter("w", 1.0)
    equations = [sn.Eq(sn.dt(u), w * v), sn.Eq(sn.dt(v), -w * u)]
    return sn.ODESystem(equations, domain=sn.Domain(t=(0, 1e9)), initial={u: 0, v: 1})


@pytest.mark.parametrize(
    "options", [{"method": "Tsit5"}, {"method": "CVODE"}, {"method": "LSODA"}, {"method": "Rodas5P"}]
)
def test_a_newer_wish_cancels_the_older(options: dict[str, str]) -> None:
    first = sn.solve(slow().replace(domain=sn.Domain(t=(0, 1))), saveat=[0, 1])
    with served(Session.of_solution(first, Recipe(slow(), {"saveat": [0.0, 1e9], **options}))) as client:
        solving = client.server.session.solving
        assert solving is not None
        numbers = [client.post("solve", {"parameters": {"w": w}})[1]["number"] for w in (2, 3, 4)]
        jobs = [solving.job]
        assert numbers == [1, 2, 3] and jobs[0] is not None and jobs[0].number == 3
        client.post("cancel", {})
        assert jobs[0].ended.wait(60) and jobs[0].state == "cancelled" and jobs[0].run is None
        assert [r["id"] for r in client.json("about")["runs"]] == [0]


def test_a_solve_that_is_under_way_is_cancelled() -> None:
    first = sn.solve(slow().replace(domain=sn.Domain(t=(0, 1))), saveat=[0, 1])
    with served(Session.of_solution(first, Recipe(slow(), {"saveat": [0.0, 1e9]}))) as client:
        client.post("solve", {"parameters": {"w": 2}})
        solving = client.server.session.solving
        assert solving is not None
        job = solving.job
        assert job is not None
        while job.t is None:  # until it is on its way
            assert not job.ended.wait(0.01)
        assert 0 < client.json("job")["job"]["t"] < 1e9
        client.post("cancel", {})
        assert job.ended.wait(60) and job.state == "cancelled"


def test_what_a_solve_refuses_or_breaks_is_a_sentence() -> None:
    with served(
        Session.of_solution(sn.solve(rod(), resolution=8), Recipe(rod(), {"resolution": 8, "method": "Tsti5"}))
    ) as client:
        job = client.solved(client.post("solve", {"parameters": {}})[1]["number"])
        assert job["state"] == "failed" and "Tsit5" in job["message"] and job["run"] is None
    with served(
        Session.of_solution(sn.solve(rod(), resolution=8), Recipe(rod(), {"resolution": 8, "rtol": "tight"}))
    ) as client:
        job = client.solved(client.post("solve", {"parameters": {}})[1]["number"])
        assert job["state"] == "failed" and "rtol" in job["message"]
        assert client.post("solve", {"parameters": {}})[0] == 202  # the thread is still there


def test_only_the_first_and_the_latest_runs_are_kept() -> None:
    with served(Session.of_solution(sn.solve(rod(), resolution=8))) as client:
        for k in range(6):
            client.solved(client.post("solve", {"parameters": {"D": 1 + k}})[1]["number"])
        assert [r["id"] for r in client.json("about")["runs"]] == [0, 3, 4, 5, 6]
        status, body, _ = client.get("api/frames?run=1&field=0&start=0&count=1&most=9")
        assert status == 410 and b"not kept" in body


def test_large_files_are_read_piece_by_piece(tmp_path: Path) -> None:
    """The values that are not asked for may even be damaged."""
    solution = sn.solve(rod(), resolution=16)
    path = solution.save(tmp_path / "run.nc")
    run = Run.open(path)
    assert not run.dataset["u"].variable._in_memory
    np.testing.assert_array_equal(run.block(0, slice(5, 6), {}, {}), solution["u"].values[5:6])
    assert not run.dataset["u"].variable._in_memory
    run.close()


def test_complex_fields_infinities_and_fields_that_stand_still() -> None:
    import xarray

    values = np.array([[1 + 2j, np.inf], [3 - 1j, np.nan]])
    data = xarray.Dataset(
        {"psi": (("t", "x"), values), "k": ("x", [1.0, 2.0]), "flag": ("x", ["a", "b"])},
        {"t": [0.0, 1.0], "x": [0.0, 1.0]},
    )
    run = Run(data, {"title": "waves"}, {})
    assert [s.name for s in run.shown] == ["Re psi", "Im psi", "k"]
    np.testing.assert_array_equal(run.block(1, slice(0, 2), {}, {})[:, 0], [2, -1])
    assert run.extent(0) == (1, 3, True) and run.extent(2) == (1, 2, True)
    assert run.block(2, slice(0, 1), {}, {}).tolist() == [[1, 2]]
    with pytest.raises(FileError, match="no field"):
        Run(data[["flag"]], {}, {})


def test_files_that_are_none_are_named(tmp_path: Path) -> None:
    (tmp_path / "run.nc").write_bytes(b"not a file of this kind")
    for name in ("run.nc", "absent.nc"):
        with pytest.raises(FileError, match=name):
            Session.of_file(tmp_path / name)
