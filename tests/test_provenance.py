"""What made a solution travels with it, makes it again bit for bit, and executes nothing."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.errors import FileError, ModelError, SymnumError
from symnum.provenance import read_provenance
from symnum.result.store import LONGEST_PROVENANCE

MODELS = ("heat_mixed", "brusselator", "kdv", "lorenz", "pendulum", "robertson", "geometric_brownian")


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_run_can_be_made_again(name: str, tmp_path: Path) -> None:
    module = Catalogue("model", folder=shipped_folder("models")).load(name)
    system = module.system()
    options: dict[str, Any] = dict(getattr(module, "solve_options", {}))
    options |= {"resolution": 12} if system.space else {}
    first = sn.solve(system, **options)
    back = sn.Solution.load(first.save(tmp_path / "run.nc"))
    assert back.provenance == first.provenance
    assert sn.Solution.load(back.save(tmp_path / "copy.nc")).provenance == first.provenance
    recipe = read_provenance(back.provenance)
    again = sn.solve(recipe.system, **recipe.options)
    assert again.method == first.method
    for field in first.fields:
        np.testing.assert_array_equal(again[field].values, first[field].values)


def plain(**more: Any) -> sn.PDESystem:
    text: dict[str, Any] = {
        "equations": ["dt(u) = D*dxx(u)"],
        "domain": {"t": (0, 1), "x": (0, 1)},
        "conditions": ["u = 0 @ x=0", "u = 0 @ x=1"],
        "initial": ["u = sin(pi*x)"],
        "parameters": {"D": 0.1},
    }
    return sn.PDESystem.from_text(**(text | more))


def test_options_are_kept_as_they_were_meant() -> None:
    system = plain()
    (x,) = system.space
    grid = sn.Grid(sn.discretise(system, 10).semi.axes)
    for resolution, kept in (
        (10, 10),
        (np.int64(10), 10),
        ({x: 10}, {"x": 10}),
        ({"x": 10}, {"x": 10}),
        (grid, {"x": 10}),
    ):
        solution = sn.solve(
            system, resolution, parameters={"D": 0.2}, saveat=np.array([0, 0.5, 1]), rtol=np.float64(1e-8), order=4
        )
        recipe = read_provenance(solution.provenance)
        assert recipe.options == {"resolution": kept, "saveat": [0.0, 0.5, 1.0], "rtol": 1e-8, "order": 4}
        assert recipe.system.parameters == {"D": 0.2}
        np.testing.assert_array_equal(sn.solve(recipe.system, **recipe.options)["u"], solution["u"])


def test_events_of_the_call_belong_to_the_model() -> None:
    t = sn.coordinates("t")
    y, v = sn.fields("y v", (t,))
    ball = sn.ODESystem([sn.Eq(sn.dt(y), v), sn.Eq(sn.dt(v), -9.81)], domain=sn.Domain(t=(0, 2)), initial={y: 1, v: 0})
    solution = sn.solve(ball, events=[sn.Event(y <= 0, {v: -v})])
    recipe = read_provenance(solution.provenance)
    assert len(recipe.system.events) == 1 and len(solution.events) >= 1
    assert sn.solve(recipe.system, **recipe.options).events[0].t == solution.events[0].t


def test_options_that_write_files_or_call_functions_are_not_kept(tmp_path: Path) -> None:
    seen: list[float] = []
    solution = sn.solve(plain(), 8, checkpoint=tmp_path / "state", progress=seen.append, simplify=False)
    assert read_provenance(solution.provenance).options == {"resolution": 8}
    data = json.loads(solution.provenance)
    data["options"] |= {
        "checkpoint": "/tmp/x",
        "backend": "julia",
        "method": "Tsit5",
        "progress": 1,
        "rtol": "exp(1)",
        "order": True,
        "saveat": ["0"],
    }
    assert read_provenance(json.dumps(data)).options == {"resolution": 8}


def test_models_without_a_text_and_long_ones_are_left_out(tmp_path: Path) -> None:
    network = sn.ReactionNetwork.from_text("A -> B, k", t=(0, 1), initial={"A": 1}, parameters={"k": 1})
    assert sn.solve(network).provenance == ""
    system = plain()
    (u,) = system.fields
    rough = system.replace(initial={u: np.random.default_rng(0).random(5001)})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", sn.ModelWarning)
        solution = sn.solve(rough, resolution=5000, saveat=[0, 1e-9])
    assert len(solution.provenance) > LONGEST_PROVENANCE
    back = sn.Solution.load(solution.save(tmp_path / "run.nc"))
    assert back.provenance == "" and back.success


@pytest.mark.parametrize(
    "text", ["", "x", "[]", "{}", '{"symnum": "model"}', '{"symnum": "provenance", "version": 2}', "[" * 100_000]
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(FileError, match="what made this solution"):
        read_provenance(text)


def test_damaged_models_are_refused_by_name() -> None:
    data = json.loads(sn.solve(plain(), 8).provenance)
    for broken in (
        {"model": None},
        {"options": []},
        {"model": data["model"] | {"kind": "__import__('os')"}},
        {"model": data["model"] | {"terms": [["x"]]}},
    ):
        with pytest.raises((ModelError, SymnumError)):
            read_provenance(json.dumps(data | broken))


def test_a_warning_of_a_solve_still_points_at_the_line_that_called(tmp_path: Path) -> None:
    with pytest.warns(sn.SolveWarning) as caught:
        sn.solve(plain(), 8, max_steps=1, rtol=1e-12)
    assert caught[0].filename == __file__


def test_options_beyond_all_floats_are_left_out() -> None:
    data = json.loads(sn.solve(plain(), 8).provenance)
    data["options"] |= {"rtol": 10**400, "dt": True, "atol": 1e-7}
    assert {"rtol", "dt"}.isdisjoint(options := read_provenance(json.dumps(data)).options) and options["atol"] == 1e-7
    data["options"]["order"] = 10**9
    recipe = read_provenance(json.dumps(data))
    with pytest.raises(SymnumError, match="order"):
        sn.solve(recipe.system, **recipe.options)
