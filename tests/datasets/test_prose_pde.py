"""Data sets of equations in space: layout, exact solutions and SciPy as witnesses, the same files whatever the workers, resuming."""

from __future__ import annotations

import json
import warnings

import h5py
import numpy as np
import pytest
from scipy.integrate import solve_ivp

import symnum as sn
from symnum.datasets import PDE16, prose
from symnum.datasets.pde_records import pde_records
from symnum.formats.prose.words import PDE, parse

X = np.arange(128) * 2 / 128
WAVES = 2 * np.pi * np.fft.fftfreq(128, 2 / 128)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("sets") / "pde.prefix"
    made = prose("pde16", path, 32, seed=1, trajectories=2)
    assert made.records == 32
    return path


def test_files(whole):
    lines = [json.loads(line) for line in whole.read_text().splitlines()]
    assert [r["type"] for r in lines[::2]] == list(PDE16)
    with h5py.File(whole.with_name("pde_data.h5")) as held:
        data = held["data"]
        assert data.shape == (32, 64, 128, 1)
        assert data.dtype == np.float32
        assert np.isfinite(data[:]).all()
    for record in lines:
        assert record["dim"] == 1
        assert len(parse(record["tree_encoded"], PDE, 1)) == 1
    assert sorted(p.name for p in whole.parent.iterdir()) == ["pde.prefix", "pde.prefix.json", "pde_data.h5"]


def solved(name):
    """Parameters and two solutions (2, 64, 128) of a family."""
    values = PDE16[name].draw(np.random.default_rng([7, 0]))
    _, data, _ = pde_records(PDE16[name], 2, np.random.default_rng([7, 0]))
    return values, data[..., 0].astype(float), np.linspace(0, PDE16[name].duration, 64)


# what a wave exp(i q x) is multiplied by until t
EXACT = {
    "heat": lambda p, q, t: np.exp(-p["c"] * q**2 * t),
    "advection": lambda p, q, t: np.exp(-1j * p["beta"] * q * t),
    "wave": lambda p, q, t: np.cos(np.sqrt(p["beta"]) * abs(q) * t),
    "klein_gordon": lambda p, q, t: np.cos(np.sqrt(p["c"] * q**2 + p["m"]) * t),
    "linear_reaction": lambda p, q, t: np.exp((p["rho"] - p["nu"] * q**2) * t),
}


@pytest.mark.parametrize("name", EXACT)
def test_linear_families_against_their_exact_solutions(name):
    values, data, times = solved(name)
    for states in data:
        start = np.fft.fft(states[0])
        exact = np.array([np.fft.ifft(start * EXACT[name](values, WAVES, t)).real for t in times])
        assert np.abs(exact - states).max() <= 2e-5 * np.abs(states).max()


FINE = np.arange(512) * 2 / 512


def _fourier(rate):
    """A right-hand side on 512 points, derivatives by Fourier series."""
    waves = 2 * np.pi * np.fft.fftfreq(512, 2 / 512)

    def derivative(u, n):
        return np.fft.ifft((1j * waves) ** n * np.fft.fft(u)).real

    return lambda _, u: rate(u, derivative)


def _on_512(u):
    """The trigonometric interpolant of 128 values."""
    c = np.fft.fft(u)
    wide = np.zeros(512, complex)
    wide[:64], wide[-64:] = c[:64], c[-64:]
    return 4 * np.fft.ifft(wide).real


NONLINEAR = {
    "burgers": lambda p: _fourier(lambda u, d: p["eps"] * d(u, 2) - p["k"] * d(u**2 / 2, 1)),
    "sine_flux": lambda p: _fourier(lambda u, d: p["eps"] * d(u, 2) - p["k"] * d(np.sin(u), 1)),
    "logistic_reaction": lambda p: _fourier(lambda u, d: p["nu"] * d(u, 2) + p["rho"] * u * (1 - u)),
    "porous_medium": lambda p: _fourier(lambda u, d: d(u**2, 2)),
    "fokker_planck": lambda p: _fourier(lambda u, d: p["D"] * d(u, 2) + p["k"] * d(np.sin(np.pi * FINE) * u, 1)),
}


@pytest.mark.parametrize("name", NONLINEAR)
def test_nonlinear_families_against_scipy(name):
    values, data, times = solved(name)
    early = times <= 0.1 * times[-1]
    start = _on_512(data[0, 0])
    out = solve_ivp(NONLINEAR[name](values), (0, times[early][-1]), start, "LSODA", times[early], rtol=1e-8, atol=1e-10)
    assert np.abs(out.y.T[:, ::4] - data[0][early]).max() <= 5e-5 * np.abs(data[0]).max()


@pytest.mark.parametrize("name", PDE16)
def test_tokens_are_read_back(name):
    family = PDE16[name]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sn.ModelWarning)
        record = sn.export(family.system, "prose", time_range=2.0)
        assert sn.export(sn.read(record, "prose"), "prose").tokens == record.tokens


def test_workers_and_resuming(tmp_path):
    names = ["heat", "burgers"]
    one, two, cut = (tmp_path / f"{n}.prefix" for n in ("one", "two", "cut"))
    prose(names, one, 7, seed=3, trajectories=2)
    prose(names, two, 7, seed=3, trajectories=2, workers=2)
    prose(names, cut, 4, seed=3, trajectories=2)
    prose(names, cut, 7, seed=3, trajectories=2)  # a finished file goes on
    data = []
    for path in (one, two, cut):
        assert path.read_bytes() == one.read_bytes()
        with h5py.File(path.with_name(f"{path.stem}_data.h5")) as held:
            data.append(held["data"][:])
    assert np.array_equal(data[0], data[1])
    assert np.array_equal(data[0], data[2])


def test_a_run_that_was_killed(tmp_path):
    """Half a record of values and half a line: both are cut off and written again."""
    path, reference = tmp_path / "a.prefix", tmp_path / "b.prefix"
    for p in (path, reference):
        prose(["heat"], p, 6, seed=3, trajectories=2)
    target, raw = tmp_path / "a_data.h5", tmp_path / "a_data.raw"
    with h5py.File(target) as held:
        raw.write_bytes(held["data"][:5].tobytes()[:-100])
    target.unlink()
    path.write_bytes(path.read_bytes()[:-40])
    assert prose(["heat"], path, 6, seed=3, trajectories=2).new == 2
    assert path.read_bytes() == reference.read_bytes()
    with h5py.File(target) as held, h5py.File(tmp_path / "b_data.h5") as other:
        assert np.array_equal(held["data"][:], other["data"][:])


def test_two_kinds_in_one_file(tmp_path):
    with pytest.raises(sn.SolveError, match="do not go into one file"):
        prose(["heat", "thomas"], tmp_path / "a.prefix", 2)


@pytest.mark.parametrize("more", [{"noise": 0.1}, {"corruption": True}])
def test_noise_and_corruption_are_for_odes(tmp_path, more):
    with pytest.raises(sn.SolveError, match="are for the families of ODEs"):
        prose("pde16", tmp_path / "a.prefix", 2, **more)
    assert list(tmp_path.iterdir()) == []
