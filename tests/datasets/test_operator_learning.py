"""Sets of inputs and solutions: the layouts as their readers read them, the same files whatever the workers, resuming, exact solutions."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import h5py
import numpy as np
import pytest
from scipy.fft import dstn, idstn
from scipy.integrate import solve_ivp

import symnum as sn
from symnum.datasets import DiffusionSolver, GaussianField, Uniform, burgers, darcy_flow, operator_pairs
from symnum.datasets.operator_learning import layouts
from symnum.datasets.operator_learning.records import Column, Description, RawColumns
from symnum.datasets.operator_learning.sets import _BURGERS

SMOOTH = GaussianField("squared_exponential", length=0.2)


def heat(conditions=("periodic x",), **more):
    return sn.PDESystem.from_text(
        equations=["dt(u) = D*dxx(u)"],
        domain={"t": (0, 0.5), "x": (0, 2)},
        conditions=list(conditions),
        initial=["u = 0"],
        parameters={"D": 0.1},
        name="heat",
        **more,
    )


def reaction_diffusion():
    return sn.PDESystem.from_text(
        equations=["dt(u) = 0.01*laplacian(u) + u - u^3 - v", "dt(v) = 0.05*laplacian(v) + u - v"],
        domain={"t": (0, 1), "x": (-1, 1), "y": (-1, 1)},
        conditions=[f"d{c}({w}) = 0 @ {c}={e}" for c in "xy" for w in "uv" for e in (-1, 1)],
        initial=["u = 0", "v = 0"],
    )


# --- the layouts ---------------------------------------------------------------------------------------------------------------------------


def test_darcy_as_pdebench_reads_it(tmp_path):
    """FNODatasetSingle: no group "density", so "tensor" of four axes (batch, time, x, y) and "nu" (batch, x, y), stacked along time."""
    made = darcy_flow(tmp_path / "2D_DarcyFlow_beta1.0_Train.hdf5", 5, resolution=16, variant="pdebench")
    assert (made.records, made.new, made.rejected) == (5, 5, 0)
    with h5py.File(made.path) as f:
        assert sorted(f) == ["nu", "tensor", "x-coordinate", "y-coordinate"]
        u, a = np.array(f["tensor"], dtype=np.float32), np.array(f["nu"], dtype=np.float32)
        assert f["tensor"].dtype == f["nu"].dtype == np.float32
        assert u.shape == (5, 1, 16, 16)
        stacked = np.concatenate([np.transpose(a[:, None], (0, 2, 3, 1)), np.transpose(u, (0, 2, 3, 1))], axis=-1)
        assert stacked.shape == (5, 16, 16, 2)
        np.testing.assert_allclose(f["x-coordinate"], (np.arange(16) + 0.5) / 16)
        assert np.array_equal(f["y-coordinate"], f["x-coordinate"])
        assert f.attrs["beta"] == 1.0
        assert json.loads(f.attrs["recipe"])["coefficient"]["kind"] == "Bumps"
    assert set(np.unique(a)) == {np.float32(0.1), np.float32(1.0)}
    for k in range(5):
        exact = DiffusionSolver((16, 16), rtol=1e-12).solve(np.where(a[k] > 0.5, 1.0, 0.1)).u
        np.testing.assert_allclose(u[k, 0], exact, rtol=2e-6)


def test_burgers_as_pdebench_reads_it(tmp_path):
    """FNODatasetSingle: "tensor" of three axes (batch, time, x), "x-coordinate"."""
    made = burgers(tmp_path / "1D_Burgers_Sols_Nu0.01.hdf5", 3, resolution=64, variant="pdebench")
    with h5py.File(made.path) as f:
        assert sorted(f) == ["t-coordinate", "tensor", "x-coordinate"]
        assert f["tensor"].shape == (3, 201, 64)
        assert f["tensor"].dtype == np.float32
        np.testing.assert_allclose(f["t-coordinate"], np.linspace(0, 2, 201), rtol=1e-6)
        np.testing.assert_allclose(f["x-coordinate"], np.arange(64) / 64)
        assert f.attrs["nu"] == pytest.approx(0.01 / np.pi)


def test_fields_in_two_dimensions_as_pdebench_reads_them(tmp_path):
    """FNODatasetMult: sorted groups, "data" (time, x, y, fields), "grid/x", "grid/y", "grid/t"."""
    made = operator_pairs(
        reaction_diffusion(), tmp_path / "rd.h5", 3, {"u": SMOOTH, "v": SMOOTH}, times=4, resolution={"x": 8, "y": 6}
    )
    with h5py.File(made.path) as f:
        assert sorted(f) == ["0000", "0001", "0002"]
        assert list(f.attrs["fields"]) == ["u", "v"]
        for group in f.values():
            assert group["data"].shape == (4, 9, 7, 2)
            np.testing.assert_allclose(group["grid/x"], np.linspace(-1, 1, 9))
            np.testing.assert_allclose(group["grid/y"], np.linspace(-1, 1, 7), atol=1e-7)
            np.testing.assert_allclose(group["grid/t"], np.linspace(0, 1, 4), rtol=1e-6)
        assert not np.array_equal(f["0000/data"], f["0001/data"])
        start = f["0002/data"][0, 1:-1, 1:-1, 1]
    drawn = SMOOTH.sample((9, 7), np.random.default_rng([0, 2, 1, 0]), (2.0, 2.0))[1:-1, 1:-1]
    np.testing.assert_allclose(start, drawn, rtol=1e-5, atol=1e-6)


def test_darcy_and_burgers_as_the_neuraloperator_library_reads_them(tmp_path):
    """H5pyDataset: f["x"], f["y"], records first, subsampled along two axes; both as they were drawn and solved."""
    one, two = (
        darcy_flow(tmp_path / "d.h5", 4, resolution=16, layout="neuraloperator"),
        darcy_flow(tmp_path / "d.hdf5", 4, resolution=16),
    )
    with h5py.File(one.path) as f, h5py.File(two.path) as g:
        assert f["x"].shape == f["y"].shape == (4, 16, 16)
        assert f["x"][1, ::8, ::8].shape == (2, 2)
        assert np.array_equal(f["x"], g["nu"])
        assert np.array_equal(f["y"], g["tensor"][:, 0])
        np.testing.assert_allclose(f["coordinates/y"], (np.arange(16) + 0.5) / 16)
    last = burgers(tmp_path / "b.h5", 2, resolution=32, layout="neuraloperator")
    series = burgers(tmp_path / "s.h5", 2, resolution=32, times=5, layout="neuraloperator")
    with h5py.File(last.path) as f, h5py.File(series.path) as g:
        assert f["x"].shape == f["y"].shape == (2, 32)
        assert g["y"].shape == (2, 5, 32)
        assert np.array_equal(g["y"][:, 0], g["x"])
        np.testing.assert_allclose(g["y"][:, -1], f["y"], atol=1e-4)
        assert f["coordinates/t"][:] == [1.0]


def test_tensors(tmp_path):
    """PTDataset: torch.load gives {"x", "y"} without the axis of channels."""
    torch = pytest.importorskip("torch")
    made = darcy_flow(tmp_path / "darcy_train_16.pt", 3, resolution=16, layout="neuraloperator")
    same = darcy_flow(tmp_path / "d.h5", 3, resolution=16, layout="neuraloperator")
    data = torch.load(made.path, weights_only=True)
    assert list(data) == ["x", "y"]
    assert data["x"].dtype == torch.float32
    with h5py.File(same.path) as f:
        assert np.array_equal(data["x"], f["x"])
        assert np.array_equal(data["y"], f["y"])
    drawn = operator_pairs(
        heat(), tmp_path / "h.pt", 3, {"u": SMOOTH, "D": (0.1, 1)}, layout="neuraloperator", resolution=8
    )
    data = torch.load(drawn.path, weights_only=True)
    assert data["x"].shape == (3, 2, 8)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "d.h5",
        "d.h5.json",
        "darcy_train_16.pt",
        "darcy_train_16.pt.json",
        "h.pt",
        "h.pt.json",
    ]


def test_matlab(tmp_path):
    """MatReader: h5py, then all axes reversed; the heading is what MATLAB and scipy.io.whosmat look at first."""
    made = darcy_flow(tmp_path / "d.mat", 3, resolution=16, layout="neuraloperator")
    same = darcy_flow(tmp_path / "d.h5", 3, resolution=16, layout="neuraloperator")
    assert made.path.read_bytes().startswith(b"MATLAB 7.3 MAT-file")
    assert made.path.read_bytes()[124:128] == b"\x00\x02IM"
    with h5py.File(made.path) as f, h5py.File(same.path) as g:
        assert np.array_equal(np.transpose(f["coeff"][()], (2, 1, 0)), g["x"])
        assert np.array_equal(np.transpose(f["sol"][()], (2, 1, 0)), g["y"])
    with h5py.File(burgers(tmp_path / "b.mat", 2, resolution=16, layout="neuraloperator").path) as f:
        assert f["a"].shape == f["u"].shape == (16, 2)


def test_drawn_numbers(tmp_path):
    inputs = {"u": SMOOTH, "D": Uniform(0.01, 1, logarithmic=True)}
    flat = operator_pairs(heat(), tmp_path / "h.hdf5", 30, inputs, times=3, resolution=8)
    nested = operator_pairs(heat(), tmp_path / "h.h5", 2, inputs, times=3, resolution=8)
    channels = operator_pairs(
        heat(), tmp_path / "c.h5", 2, inputs, resolution=8, layout="neuraloperator", dtype="float64"
    )
    with h5py.File(flat.path) as f, h5py.File(nested.path) as g, h5py.File(channels.path) as c:
        assert sorted(f) == ["D", "t-coordinate", "tensor", "x-coordinate"]
        assert f["D"].shape == (30,)
        assert 0.01 <= f["D"][:].min() < 0.1 < f["D"][:].max() <= 1
        assert g["0001"].attrs["D"] == f["D"][1]
        assert np.array_equal(g["0001/data"][..., 0], f["tensor"][1])
        assert c["x"].shape == (2, 2, 8)
        assert c["x"].dtype == np.float64
        assert list(c["x"].attrs["channels"]) == ["u_0", "D"]
        np.testing.assert_allclose(c["x"][:, 1], np.repeat(f["D"][:2], 8).reshape(2, 8), rtol=1e-6)


# --- what is in them -----------------------------------------------------------------------------------------------------------------------


def test_heat_against_its_exact_solution(tmp_path):
    """Periodic and with fixed ends, on the records' grid or a finer one; each wave decays by itself."""
    for conditions, side in ((("periodic x",), "periodic"), (("u = 0 @ x=0", "u = 0 @ x=2"), "dirichlet")):
        field = GaussianField("squared_exponential", length=0.3, boundary=side)
        for finer, tolerance in ((1, 4e-3), (4, 3e-4)):
            path = tmp_path / f"{side}{finer}.hdf5"
            operator_pairs(
                heat(conditions), path, 2, {"u": field, "D": (0.1, 0.3)}, times=[0.1, 0.5], resolution=64, finer=finer
            )
            with h5py.File(path) as f:
                u, d, x = f["tensor"][:].astype(float), f["D"][:], f["x-coordinate"][:]
            assert u.shape[1] == 3  # with the start
            for states, rate in zip(u, d, strict=True):
                if side == "periodic":
                    waves = np.fft.rfft(states[0])
                    exact = [
                        np.fft.irfft(waves * np.exp(-rate * (np.pi * np.arange(33)) ** 2 * t), 64) for t in (0.1, 0.5)
                    ]
                else:
                    sines = np.sin(np.pi / 2 * np.outer(np.arange(1, 64), x))
                    waves = sines @ states[0] / 32
                    exact = [
                        sines.T @ (waves * np.exp(-rate * (np.pi / 2 * np.arange(1, 64)) ** 2 * t)) for t in (0.1, 0.5)
                    ]
                assert np.abs(states[1:] - exact).max() < tolerance * np.abs(states).max()


def test_burgers_against_scipy(tmp_path):
    made = burgers(
        tmp_path / "b.hdf5",
        1,
        resolution=64,
        finer=8,
        viscosity=0.05,
        times=[0.25, 0.5],
        rtol=1e-8,
        atol=1e-10,
        dtype="float64",
    )
    with h5py.File(made.path) as f:
        u = f["tensor"][0]
    waves = 2j * np.pi * np.arange(65)
    fine = _BURGERS["fno"][0].sample((512,), np.random.default_rng([0, 0, 0, 0]))
    np.testing.assert_allclose(u[0], fine[::8], rtol=1e-12)
    start = np.fft.irfft(
        np.append(np.fft.rfft(fine)[:64], 0) / 4, 128
    )  # without its shortest waves, which decay at once

    def rates(_, c):
        return np.fft.irfft(0.05 * waves**2 * np.fft.rfft(c) - waves * np.fft.rfft(c**2 / 2), 128)

    out = solve_ivp(rates, (0, 0.5), start, "LSODA", [0.25, 0.5], rtol=1e-9, atol=1e-11)
    assert np.abs(out.y.T[:, ::2] - u[1:]).max() < 5e-4 * np.abs(u).max()


def test_a_coefficient_in_space_is_a_field_that_stays(tmp_path):
    system = sn.PDESystem.from_text(
        equations=["dt(a) = 0", "dt(u) = div(a*grad(u)) + cos(2*pi*x) - u"],
        domain={"t": (0, 1), "x": (0, 1)},
        conditions=["periodic x"],
        initial=["u = 0", "a = 1"],
    )
    made = operator_pairs(
        system, tmp_path / "c.h5", 2, {"a": SMOOTH.exp()}, "u", layout="neuraloperator", resolution=32, dtype="float64"
    )
    with h5py.File(made.path) as f:
        a, u = f["x"][1], f["y"][1]
    drawn = SMOOTH.exp().sample((32,), np.random.default_rng([0, 1, 0, 0]), periodic=(True,))
    np.testing.assert_allclose(a, drawn, rtol=1e-12)
    values = sn.discretise(system, resolution=32)
    steady = values.rhs(1.0, np.concatenate([a, u]))[32:]
    assert np.abs(steady).max() < 1  # on its way to rest under this coefficient: at the start it is 1


def test_states_at_rest(tmp_path):
    """-laplacian(u) = f from a random f, against the same five-point equations by sine transforms."""
    poisson = sn.PDESystem.from_text(
        equations=["dt(f) = 0", "dt(u) = laplacian(u) + f"],
        domain={"t": (0, 1), "x": (0, 1), "y": (0, 1)},
        conditions=[f"u = 0 @ {c}={e}" for c in "xy" for e in (0, 1)],
        initial=["f = 1", "u = 0"],
    )
    more = {"times": "steady", "resolution": 16, "dtype": "float64"}
    made = operator_pairs(poisson, tmp_path / "p.hdf5", 2, {"f": SMOOTH}, "u", **more)
    same = operator_pairs(poisson, tmp_path / "p.h5", 2, {"f": SMOOTH}, "u", layout="neuraloperator", **more)
    with h5py.File(made.path) as f, h5py.File(same.path) as g:
        assert sorted(f) == ["nu", "tensor", "x-coordinate", "y-coordinate"]
        assert np.array_equal(f["nu"], g["x"])
        assert np.array_equal(f["tensor"][:, 0], g["y"])
        source, u = f["nu"][1], f["tensor"][1, 0]
    assert u.shape == (17, 17)
    rates = 4 * 16**2 * np.sin(np.arange(1, 16) * np.pi / 32) ** 2
    exact = idstn(dstn(source[1:-1, 1:-1], 1) / (rates[:, None] + rates), 1)
    np.testing.assert_allclose(u[1:-1, 1:-1], exact, atol=1e-5 * np.abs(exact).max())
    driven = sn.PDESystem.from_text(
        equations=["dt(u) = dxx(u) + sin(t)"],
        domain={"t": (0, 1), "x": (0, 1)},
        conditions=["periodic x"],
        initial=["u = 0"],
    )
    with pytest.raises(sn.SolveError, match="depends on time by itself"):
        operator_pairs(driven, tmp_path / "d.h5", 2, {"u": SMOOTH}, times="steady", layout="neuraloperator")


def test_functions_draw_too(tmp_path):
    def start(rng, x):
        return np.sin(np.pi * x) * rng.uniform(1, 2)

    made = operator_pairs(
        heat(), tmp_path / "f.hdf5", 2, {"u": start, "D": lambda rng: rng.choice([0.1, 0.2])}, times=2, resolution=16
    )
    with h5py.File(made.path) as f:
        u = f["tensor"][:]
        np.testing.assert_allclose(
            u[:, 1] / u[:, 0].max(axis=1)[:, None],
            np.exp(-(np.pi**2) * f["D"][:] / 2)[:, None] * np.sin(np.pi * f["x-coordinate"][:]),
            atol=5e-3,
        )


# --- workers, resuming, memory -------------------------------------------------------------------------------------------------------------


def test_files_do_not_depend_on_the_workers(tmp_path):
    paths = [tmp_path / f"{name}.hdf5" for name in ("one", "threads", "longer")]
    darcy_flow(paths[0], 40, resolution=8, seed=3)
    with ThreadPoolExecutor(2) as executor:
        darcy_flow(paths[1], 40, resolution=8, seed=3, executor=executor)
    darcy_flow(paths[2], 50, resolution=8, seed=3)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    with h5py.File(paths[0]) as f, h5py.File(paths[2]) as g:
        assert np.array_equal(f["tensor"], g["tensor"][:40])
    again = darcy_flow(paths[0], 40, resolution=8, seed=3)
    assert (again.records, again.new) == (40, 0)


def test_two_processes(tmp_path):
    for workers in (1, 2):
        operator_pairs(heat(), tmp_path / f"{workers}.hdf5", 40, {"u": SMOOTH}, times=3, resolution=8, workers=workers)
    assert (tmp_path / "1.hdf5").read_bytes() == (tmp_path / "2.hdf5").read_bytes()


KILLED = """
import os, signal, sys
from symnum.datasets import darcy_flow
def stop(done, n, rate):
    if done >= 32:
        os.kill(os.getpid(), signal.SIGKILL)
darcy_flow(sys.argv[1], 60, resolution=8, seed=1, progress=stop)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
def test_a_run_that_was_killed_goes_on(tmp_path):
    path, reference = tmp_path / "a.hdf5", tmp_path / "b.hdf5"
    ended = subprocess.run([sys.executable, "-c", KILLED, str(path)], check=False)
    assert ended.returncode == -signal.SIGKILL
    assert not path.exists()
    with open(tmp_path / "a.hdf5.u.raw", "ab") as half:
        half.write(b"half a record")
    made = darcy_flow(path, 60, resolution=8, seed=1)
    assert made.new == 28
    darcy_flow(reference, 60, resolution=8, seed=1)
    assert path.read_bytes() == reference.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.hdf5", "a.hdf5.json", "b.hdf5", "b.hdf5.json"]


def test_the_end_of_a_run_is_not_in_memory(tmp_path):
    """96 MB of two inputs and one output, put together from raw files within a third of that."""
    grid, count = (64, 64), 2000
    described = Description(
        (Column("a", grid), Column("b", grid)), (Column("u", grid),), {"x": np.arange(64), "y": np.arange(64)}, None
    )
    raw = RawColumns(tmp_path / "m.h5", described.columns, "float32")
    raw.cut()
    for _ in range(20):
        raw.append({name: np.full((100, *grid), k, np.float32) for k, name in enumerate("abu")})
    tracemalloc.start()
    layouts.write("neuraloperator", tmp_path / "m.h5", ".h5", described, raw.arrays(count), {})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**25 * 1.6
    with h5py.File(tmp_path / "m.h5") as f:
        assert f["x"].shape == (2000, 2, 64, 64)
        assert np.array_equal(f["x"][1999, :, 3, 3], [0, 1])
        assert f["y"][1999, 3, 3] == 2


# --- what is refused -----------------------------------------------------------------------------------------------------------------------

FIELD = {"u": SMOOTH}
REFUSED = [
    (lambda p: operator_pairs(heat(), p / "a.hdf5", 2, FIELD, layout="pdbench"), "Did you mean 'pdebench'"),
    (lambda p: operator_pairs(heat(), p / "a.nc", 2, FIELD), "has no files '.nc'; write one of .*a.hdf5"),
    (lambda p: operator_pairs(heat(), p / "a.pt", 2, FIELD), "has no files '.pt'"),
    (lambda p: operator_pairs(heat(), p / "b" / "a.h5", 2, FIELD), "mkdir -p"),
    (lambda p: operator_pairs(heat(), p, 2, FIELD), "is a folder"),
    (lambda p: operator_pairs(heat(), 3, 2, FIELD), "3 is no path"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2), "inputs say what is drawn"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, {"w": SMOOTH}), "no field or parameter 'w' to draw. It has: u, D"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, {"u": 3.0}), "the field u is drawn from 3.0"),
    (
        lambda p: operator_pairs(heat(), p / "a.h5", 2, {"D": SMOOTH}),
        r"the parameter D is drawn from .*write \(low, high\)",
    ),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, {"D": (1, 0)}), "must be in order"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, "v"), "has no field 'v'"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, ["u", "u"]), "each once"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, times=[0.2, 0.1]), "no increasing times from 0 to 0.5"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, times="all"), "no increasing times"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, resolution=1), "resolution=1 is no whole number from 2 on"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, resolution={"y": 8}), "resolution names 'y'"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 0, FIELD), "n=0 is no whole number from 1 on"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, seed=-1), "seed=-1"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, workers=0), "workers=0"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, dtype="float16"), "float32 or float64"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, progress=3), "progress=3 is no function"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, seeds=3), "no option 'seeds'. Did you mean 'seed'"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, executor=3), "executor=3 has no submit"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, layout=["a"]), "unknown layout"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, 3), "has no field '3'"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, FIELD, rtol="a"), "rtol='a' is no finite number"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, {"D": lambda rng: "x"}), "the function that draws D gave 'x'"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, {"u": lambda rng, x: np.nan * x}), "values that are not finite"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, {"u": lambda rng, x: x}, workers=2), "write workers=1"),
    (lambda p: operator_pairs(heat(), p / "a.h5", 2, {"u": lambda rng, x: np.zeros(3)}), "was drawn with shape"),
    (lambda p: operator_pairs("heat", p / "a.h5", 2, FIELD), "takes a system"),
    (lambda p: operator_pairs(reaction_diffusion(), p / "a.hdf5", 2, FIELD), "holds one field, these are u, v"),
    (lambda p: operator_pairs(reaction_diffusion(), p / "a.hdf5", 2, FIELD, "u"), "have 2 dimensions; write 'a.h5'"),
    (lambda p: darcy_flow(p / "a.h5", 2, resolution=8), "write 'a.hdf5'"),
    (lambda p: darcy_flow(p / "a.hdf5", 2, resolution=8, variant="fnp"), "Did you mean 'fno'"),
    (lambda p: darcy_flow(p / "a.hdf5", 2, resolution=8, coefficient=3), "is no random field"),
    (lambda p: darcy_flow(p / "a.hdf5", 2, resolution=8, coefficient=SMOOTH), "it must be positive"),
    (lambda p: darcy_flow(p / "a.hdf5", 2, resolution=8, faces="mean"), "unknown faces='mean'"),
    (lambda p: burgers(p / "a.hdf5", 2, viscosity=-1), "is not positive"),
    (lambda p: burgers(p / "a.hdf5", 2, variant="kdv"), "unknown variant 'kdv'"),
]


@pytest.mark.parametrize(("ask", "says"), REFUSED, ids=range(len(REFUSED)))
def test_what_is_refused(tmp_path, ask, says):
    with pytest.raises(sn.SymnumError, match=says):
        ask(tmp_path)
    assert not list(tmp_path.glob("a.h*5"))


def test_systems_without_space(tmp_path):
    t = sn.coordinates("t")
    y = sn.field("y", (t,))
    with pytest.raises(sn.SolveError, match="has no space; sets of ODE systems are made by"):
        operator_pairs(sn.ODESystem([sn.Eq(sn.dt(y), -y)], t=(0, 1), initial={y: 1}), tmp_path / "a.h5", 2, FIELD)


def test_draws_that_cannot_be_solved(tmp_path):
    system = sn.PDESystem.from_text(
        equations=["dt(u) = dxx(u) + u^2"],
        domain={"t": (0, 5), "x": (0, 1)},
        conditions=["periodic x"],
        initial=["u = 0"],
    )
    with pytest.raises(sn.SolveError, match="20 draws in a row could not be solved or left"):
        operator_pairs(system, tmp_path / "a.hdf5", 1, {"u": GaussianField("matern", mean=5.0)}, times=2, resolution=8)


def test_files_of_another_recipe(tmp_path):
    path = tmp_path / "a.hdf5"
    darcy_flow(path, 3, resolution=8)
    with pytest.raises(sn.FileError, match="by another recipe"):
        darcy_flow(path, 3, resolution=8, seed=1)
    darcy_flow(path, 4, resolution=8, seed=1, overwrite=True)
    with h5py.File(path) as f:
        assert len(f["nu"]) == 4
    path.write_bytes(path.read_bytes()[:-5000])
    with pytest.raises(sn.FileError, match="cannot be read"):
        darcy_flow(path, 5, resolution=8, seed=1)
    foreign = tmp_path / "b.hdf5"
    foreign.write_bytes(b"something else")
    with pytest.raises(sn.FileError, match="by another recipe"):
        darcy_flow(foreign, 3, resolution=8)
    assert foreign.read_bytes() == b"something else"


LONGER = [
    ("d.hdf5", "pdebench", lambda p, n, **more: darcy_flow(p, n, resolution=8, **more)),
    ("d.h5", "neuraloperator", lambda p, n, **more: darcy_flow(p, n, resolution=8, **more)),
    ("d.mat", "neuraloperator", lambda p, n, **more: darcy_flow(p, n, resolution=8, **more)),
    *[
        (
            name,
            layout,
            lambda p, n, **more: operator_pairs(
                heat(), p, n, {"u": SMOOTH, "D": (0.1, 1)}, times=3, resolution=8, **more
            ),
        )
        for name, layout in (
            ("h.hdf5", "pdebench"),
            ("h.h5", "pdebench"),
            ("h.h5", "neuraloperator"),
            ("h.mat", "neuraloperator"),
        )
    ],
    (
        "r.h5",
        "pdebench",
        lambda p, n, **more: operator_pairs(
            reaction_diffusion(), p, n, {"u": SMOOTH}, "v", times=3, resolution=4, **more
        ),
    ),
    (
        "r.h5",
        "neuraloperator",
        lambda p, n, **more: operator_pairs(reaction_diffusion(), p, n, {"u": SMOOTH}, resolution=4, **more),
    ),
]


@pytest.mark.parametrize(("name", "layout", "make"), LONGER, ids=[f"{layout}-{name}" for name, layout, _ in LONGER])
def test_a_complete_file_gets_longer(tmp_path, name, layout, make):
    longer, whole = tmp_path / name, tmp_path / f"whole_{name}"
    make(longer, 3, layout=layout)
    made = make(longer, 5, layout=layout)
    assert (made.records, made.new) == (5, 2)
    make(whole, 5, layout=layout)
    assert longer.read_bytes() == whole.read_bytes()
    assert make(longer, 4, layout=layout).records == 5  # it never gets shorter
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [name, f"{name}.json", f"whole_{name}", f"whole_{name}.json"]
    )


def test_tensors_get_longer(tmp_path):
    torch = pytest.importorskip("torch")
    for n in (3, 5):
        darcy_flow(tmp_path / "d.pt", n, resolution=8, layout="neuraloperator")
    darcy_flow(tmp_path / "w.pt", 5, resolution=8, layout="neuraloperator")
    longer, whole = (torch.load(tmp_path / f"{name}.pt", weights_only=True) for name in "dw")
    assert torch.equal(longer["x"], whole["x"])
    assert torch.equal(longer["y"], whole["y"])


def test_two_runs_of_one_file(tmp_path):
    path = tmp_path / "a.hdf5"

    def second(done, n, rate):
        with pytest.raises(sn.FileError, match="another run"):
            darcy_flow(path, 3, resolution=8)

    assert darcy_flow(path, 3, resolution=8, progress=second).new == 3
