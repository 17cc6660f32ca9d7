"""``symnum datasets``: sets of Darcy flow, of Burgers' equation and of models; mistakes that are named."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

import symnum as sn
from symnum.cli.datasets import drawn

Command = Callable[..., "object"]


def test_darcy_is_what_python_writes(symnum: Command, tmp_path: Path) -> None:
    done = symnum("datasets", "darcy", "-n", "3", "--resolution", "16", "--seed", "2", "--variant", "pdebench")
    assert done.status == 0 and done.out == ""
    assert "darcy_2.hdf5: 3 records in layout pdebench, 3 of them new" in done.err
    sn.datasets.darcy_flow(tmp_path / "same.hdf5", 3, resolution=16, seed=2, variant="pdebench")
    assert (tmp_path / "darcy_2.hdf5").read_bytes() == (tmp_path / "same.hdf5").read_bytes()


def test_a_model_with_what_is_drawn(symnum: Command, tmp_path: Path, heat_toml: str) -> None:
    draws = ("--draw", "u=squared_exponential,length=0.2,boundary=dirichlet", "--draw", "D=0.1:0.2")
    done = symnum("datasets", heat_toml, "-n", "2", *draws, "--resolution", "8", "--times", "3", "--out", "h.hdf5")
    assert done.status == 0
    with h5py.File(tmp_path / "h.hdf5") as f:
        assert f["tensor"].shape == (2, 3, 9)
        assert ((f["D"][:] > 0.1) & (f["D"][:] < 0.2)).all()
        assert np.all(f["tensor"][:, :, 0] == 0)


def test_burgers_in_the_other_layout(symnum: Command, tmp_path: Path) -> None:
    assert symnum("datasets", "burgers", "-n", "2", "--resolution", "16", "--layout", "neuraloperator").status == 0
    with h5py.File(tmp_path / "burgers_0.h5") as f:
        assert f["x"].shape == f["y"].shape == (2, 16)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("heat",), "Write --draw u=matern,length=0.1"),
        (("heat", "--draw", "u=matern,lenght=0.1"), "no option 'lenght'"),
        (("heat", "--draw", "u=matern,length=a"), "is not understood"),
        (("heat", "--draw", "w=matern"), "has no field or parameter 'w'"),
        (("darcy", "--layout", "pdbench"), "Did you mean 'pdebench'"),
        (("darcy", "--times", "3"), "leave --times out"),
        (("burgers", "--set", "nu=1"), "--set is for models"),
        (("haet", "--draw", "u=matern"), "Did you mean 'heat'"),
    ],
)
def test_mistakes(symnum: Command, arguments: tuple[str, ...], says: str) -> None:
    done = symnum("datasets", *arguments, "-n", "2")
    assert done.status == 2
    assert says in " ".join(done.err.split())


def test_what_is_drawn() -> None:
    assert drawn("a = 0.1:1") == ("a", sn.datasets.Uniform(0.1, 1.0))
    assert drawn("u=matern,length=0.2,boundary=periodic,shape=exp") == (
        "u",
        sn.datasets.GaussianField("matern", length=0.2, boundary="periodic", shape="exp"),
    )
