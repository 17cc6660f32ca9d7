"""Vern7: work only where it is needed, tight tolerances, slopes that are not numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from symnum.solvers.backend import solve
from symnum.solvers.problem import Options, Problem
from tests.solvers.problems import EXACT, oscillator

STAGES, EXTRA = 10, 5


def test_extra_stages_are_computed_only_where_a_save_time_needs_them():
    """Ten evaluations an accepted step, nine a rejected one, two for the start; five more for each step with a save time inside."""
    problem = Problem(oscillator, [1.0, 0.0], 0, 20.0)
    options = {"rtol": 1e-9, "atol": 1e-9}
    plain = solve(problem, Options("Vern7", **options))
    base = 2 + STAGES * plain.stats["steps"] + (STAGES - 1) * plain.stats["rejected"]
    assert plain.stats["rhs_evaluations"] == base
    few = solve(problem, Options("Vern7", saveat=[0.0, 5.0, 5.001, 12.0, 20.0], **options))
    assert few.stats["rhs_evaluations"] == base + 2 * EXTRA  # 5 and 5.001 lie in one step
    whole = solve(problem, Options("Vern7", every_step=True, dense=True, **options))
    assert whole.stats["rhs_evaluations"] == base + EXTRA * whole.stats["steps"]
    assert np.abs(few.y - EXACT[0].solution(few.t)).max() < 1e-8


def test_tight_tolerances_cost_less_than_with_order_five():
    problem = Problem(oscillator, [1.0, 0.0], 0, 50.0)
    runs = {m: solve(problem, Options(m, rtol=1e-11, atol=1e-11)) for m in ("Vern7", "Tsit5")}
    errors = {m: np.abs(run.y[-1] - EXACT[0].solution(50.0)).max() for m, run in runs.items()}
    assert errors["Vern7"] < 1e-9
    assert errors["Vern7"] < errors["Tsit5"]
    assert runs["Vern7"].stats["rhs_evaluations"] < runs["Tsit5"].stats["rhs_evaluations"] / 2


@pytest.mark.parametrize("meaning", ["llvm", "numpy"])
def test_a_slope_that_is_no_number_at_the_end_rejects_the_step(meaning):
    """y' = -sqrt(y - 1e-3) reaches the edge of its domain: the run ends there, with every state finite."""
    from symnum.solvers.embedded.solve import solve as run_embedded

    def rhs(t, y, out):
        out[0] = -math.sqrt(y[0] - 1e-3) - 0.5 if y[0] >= 1e-3 else math.nan

    run = run_embedded(Problem(rhs, [1.0], 0, 10.0), Options("Vern7", every_step=True), meaning)
    assert not run.success and "NaN" in run.message
    assert np.isfinite(run.y).all() and run.y[-1, 0] >= 1e-3
    assert run.y[-1, 0] < 2e-3
