"""The classical stiff problems against the reference solutions of the Test Set for IVP Solvers (Mazzia, Magherini 2008).

The error at the end, relative with a floor of atol/rtol, must stay below ten times the tolerance for the methods of high
order. The others (order 2 and 3, or an estimate of order 3) lose more where the problem magnifies errors: what is asked of
them is ten times the tolerance times what SciPy's BDF loses there (OREGO's relaxations and Robertson's ten decades; measured
in ``benchmarks/work_precision.py``), and for TRBDF2, whose estimate is one order higher than its error, tol^(2/3).
"""

from __future__ import annotations

import numpy as np
import pytest

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.pipeline import _problem
from symnum.solvers.backend import solve
from symnum.solvers.embedded.method import methods
from symnum.solvers.problem import Options

SHARP = ("Rodas5P", "Radau5")
OTHERS = sorted(name for name, m in methods().items() if m.implicit and not m.split and name not in SHARP)
FLOOR = {"robertson": 1e-8, "hires": 1e-4, "orego": 1e-4, "pollu": 1e-8}  # atol/rtol
MAGNIFIES = {"robertson": 10, "hires": 3, "orego": 10, "pollu": 1}
ROBERTSON = {"A": 0.2083340149701255e-7, "B": 0.8333360770334713e-13, "C": 0.9999999791665050}  # at 1e11
MODELS = Catalogue("model", folder=shipped_folder("models"))


@pytest.fixture(scope="module")
def problems():
    """name -> (problem, reference at its end)."""
    made = {}
    for name in FLOOR:
        module = MODELS.load(name)
        model, values = module.system(), next(iter(module.published.values()))
        if name == "robertson":
            model, values = model.replace(domain=sn.Domain({model.time: (0, 1e11)})), ROBERTSON
        made[name] = _problem(sn.discretise(model)), np.array(list(values.values()))
    return made


def error(problems, name, method, rtol):
    problem, exact = problems[name]
    run = solve(problem, Options(method, rtol=rtol, atol=FLOOR[name] * rtol))
    assert run.success, run.message
    return np.max(np.abs(run.y[-1] - exact) / (np.abs(exact) + FLOOR[name]))


@pytest.mark.parametrize("rtol", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("method", SHARP)
@pytest.mark.parametrize("name", FLOOR)
def test_sharp_methods_meet_the_reference_to_ten_times_the_tolerance(problems, name, method, rtol):
    assert error(problems, name, method, rtol) < 10 * rtol


@pytest.mark.parametrize("rtol", [1e-3, 1e-5, 1e-7])
@pytest.mark.parametrize("method", OTHERS)
@pytest.mark.parametrize("name", FLOOR)
def test_other_methods_meet_the_reference(problems, name, method, rtol):
    goal = rtol ** (2 / 3) if method == "TRBDF2" else rtol
    assert error(problems, name, method, rtol) < 10 * MAGNIFIES[name] * goal


@pytest.mark.parametrize("name", ["hires", "orego", "pollu"])
def test_dense_output_between_the_steps(problems, name):
    """At 40 times inside the steps of a loose run the continuous extensions agree with a tight run."""
    problem = problems[name][0]
    times = np.concatenate([[0.0], np.geomspace(1e-3, problem.t1, 40)])
    tight = solve(problem, Options("Radau5", rtol=1e-11, atol=FLOOR[name] * 1e-11, saveat=times)).y
    for method in SHARP:
        loose = solve(problem, Options(method, rtol=1e-6, atol=FLOOR[name] * 1e-6, saveat=times)).y
        assert np.max(np.abs(loose - tight) / (np.abs(tight) + FLOOR[name])) < 2e-5
