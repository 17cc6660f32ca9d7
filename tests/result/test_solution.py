"""The solution object: look-up, what it says about itself, what it refuses."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import xarray

from symnum.errors import SolveError, UnknownName
from symnum.result.solution import STATS

from .samples import decay, plane, solution, states


def test_look_up() -> None:
    sol = plane()
    assert sol["u"].dims == ("t", "x", "y") and sol["w"].dims == ("x",)
    assert sol[sol["v"]].equals(sol["v"])  # anything with a name
    assert sol["x"].shape == (12,)
    assert sol.fields == ("u", "v", "w") == tuple(sol) and "u" in sol and "z" not in sol
    np.testing.assert_array_equal(sol.t, np.linspace(0, 3, 16))
    assert list(sol.to_xarray().data_vars) == ["u", "v", "w"]
    assert set(sol.stats) == set(STATS) and sol.stats["rejected"] is None


def test_unknown_names() -> None:
    sol = solution(xarray.Dataset({"prey": ("t", [1.0]), "predator": ("t", [2.0])}, coords={"t": [0.0]}))
    with pytest.raises(UnknownName, match=r"no field 'preditor'. Did you mean 'predator'\? It holds: prey, predator."):
        sol["preditor"]
    with pytest.raises(KeyError):  # what a user of mappings catches
        sol["nothing"]
    with pytest.raises(UnknownName, match=r"3 has no name .* sol\['u'\]"):
        sol[3]


def test_repr_is_a_few_sentences() -> None:
    lines = repr(decay()).splitlines()
    assert lines == [
        "Solution of 'heat_equation': reached the end.",
        "  method  ROCK4: diffusive",
        "  fields  T on (x: 65)",
        "  time    0 to 2 s, 41 saved times",
        "  work    412 steps, 2,301 right-hand sides, 0.25 s",
    ]
    assert "&#x27;heat_equation&#x27;" in decay()._repr_html_() and "xarray" in decay()._repr_html_()
    assert "(40 fields)" in repr(states(40))


@pytest.mark.parametrize(
    ("dataset", "slopes", "words"),
    [
        (xarray.Dataset({"u": (("x", "t"), np.zeros((2, 2)))}, {"t": [0, 1], "x": [0, 1]}), {}, "time comes first"),
        (xarray.Dataset({"u": ("x", [0.0, 1.0])}), {}, r"dimension 'x' has no coordinate values. .*assign_coords"),
        (xarray.Dataset({"u": ("t", [0.0, 1, 2])}, {"t": [0.0, 2, 1]}), {}, "back and forth"),
        (xarray.Dataset({"u": ("t", [0.0])}, {"t": [0.0]}), {"u": np.zeros(2)}, r"shape \(2,\); expected \(1,\)"),
        (xarray.Dataset({"u": ("t", [0.0])}, {"t": [0.0]}), {"v": np.zeros(1)}, "expected a field of the solution"),
        (xarray.Dataset({"u": ("x", [0.0])}, {"x": [0.0]}, {"periodic": "x"}), {}, "period_x"),
    ],
)
def test_what_does_not_fit_is_refused(dataset: xarray.Dataset, slopes: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(SolveError, match=words):
        solution(dataset, slopes=slopes)


def test_heavy_packages_wait_until_needed() -> None:
    code = (
        "import sys, symnum.result; print([m for m in ('xarray', 'matplotlib', 'scipy', 'h5py') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
