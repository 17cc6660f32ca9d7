"""The automatic choice from the model to the solution: classical stiff problems against published values, grids, and the bench that judges it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder

MODELS = Catalogue("model", folder=shipped_folder("models"))
sys.path.append(str(Path(__file__).resolve().parents[2]))


def until(name: str, end: float, **parameters: float) -> Any:
    model = MODELS.load(name).system().with_parameters(**parameters)
    return model.replace(domain=sn.Domain({model.time: (0, end)}))


@pytest.mark.parametrize("name", ["robertson", "hires", "orego", "pollu"])
@pytest.mark.parametrize("rtol", [1e-4, 1e-7])
def test_classical_stiff_problems_need_no_method(name: str, rtol: float) -> None:
    """The published values at the end, to ten times the tolerance."""
    module = MODELS.load(name)
    (published,) = module.published.values()
    solution = sn.solve(module.system(), rtol=rtol, atol=rtol * 1e-8)
    assert solution.success and "Rodas5P" in solution.method
    for field, value in published.items():
        assert float(solution[field].values[-1]) == pytest.approx(value, rel=10 * rtol)


def test_the_change_of_method_is_told() -> None:
    """Robertson's start is harmless (eigenvalues 0.04 and 0): the run finds out, and ``why`` says when."""
    solution = sn.solve(until("robertson", 40.0), rtol=1e-6, atol=1e-10)
    assert solution.method == "Tsit5, then Rodas5P"
    assert "not stiff at the start" in solution.why and "Rodas5P took over" in solution.why
    times = solution.to_xarray()["t"].values
    assert times[0] == 0 and times[-1] == 40 and np.all(np.diff(times) > 0)
    total = sum(solution[name].values for name in "ABC")
    assert np.abs(total - 1).max() < 1e-8  # conserved through the change
    assert float(solution(20.0)["A"]) == pytest.approx(float(np.interp(20.0, times, solution["A"].values)), rel=1e-3)


def test_a_start_that_is_stiff_is_seen_at_once() -> None:
    """Van der Pol's equation with mu = 1000 from (2, 0): -3000 at the start; values of the Test Set for IVP Solvers at t = 2 mu."""
    model = until("van_der_pol", 2000.0, mu=1000.0)
    u, v = model.fields
    solution = sn.solve(model.replace(initial={u: 2, v: 0}), rtol=1e-7, atol=1e-10)
    assert solution.method == "Rodas5P" and "would force about" in solution.why
    assert float(solution["u"].values[-1]) == pytest.approx(1.706167732170469, rel=1e-5)


def test_gentle_equations_keep_their_method() -> None:
    for model in (until("lorenz", 20.0), until("van_der_pol", 40.0)):
        solution = sn.solve(model)
        assert solution.method == "Tsit5" and "took over" not in solution.why


def test_fast_reactions_on_a_grid_are_seen() -> None:
    """The terms with derivatives are harmless (32 cells, D = 1e-3); the reaction at 1e4 is not, and only the measured spectrum knows."""
    t, x = sn.coordinates("t x")
    u = sn.field("u", (t, x))
    system = sn.PDESystem(
        [sn.Eq(sn.dt(u), 1e-3 * sn.diff(u, x, 2) + 1e4 * (sn.cos(t) - u))],
        domain=sn.Domain(t=(0, 1), x=(0, 1)),
        conditions=[sn.periodic(x)],
        initial={u: 1 + sn.sin(2 * sn.pi * x) / 10},
    )
    solution = sn.solve(system, resolution=32)
    assert solution.method in ("ROCK4", "RKC2") and "fast reactions" in solution.why
    assert solution[u].values[-1] == pytest.approx(np.cos(1.0) + 1e-4 * np.sin(1.0), abs=1e-5)


def test_random_equations_are_the_same_in_every_run() -> None:
    from benchmarks._random_pdes import random_pdes

    first, again = random_pdes(30), random_pdes(30)
    assert [d.name for d in first] == [d.name for d in again]
    assert [d.system.equations for d in first] == [d.system.equations for d in again]
    names = " ".join(d.name for d in first)
    for kind in ("1-D", "2-D", "closed", "periodic", "dispersion", "hyperdiffusion", "1 field", "2 fields", "3 fields"):
        assert kind in names


def test_the_bench_judges_one_problem() -> None:
    """A problem with one cheap exact solution: every method that counts is within ten tolerances, and so is the choice."""
    from benchmarks.planner import Case, judged

    t = sn.coordinates("t")
    s = sn.field("s", (t,))
    decay = sn.ODESystem([sn.Eq(sn.dt(s), -s)], t=(0, 1), initial={s: 1})
    row = judged(Case("decay", decay, 64))
    assert row is not None and row["automatic"] == "Tsit5" and row["error"] <= 10 and row["error of the best"] <= 10
    assert row["ms of the best"] <= row["ms"] and "Rodas5P:" in row["all"] and row["right"] in ("yes", "no")
