"""Every model: written to the contract of models/README.md, solved by its exact solution, converging to it.

Where there is no exact solution, the same right-hand side written by hand in NumPy and integrated by SciPy is the
reference. What is conserved stays, and energies fall.
"""

from __future__ import annotations

import inspect
import itertools
import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pytest

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.model.conditions import OUTWARD
from symnum.model.numeric import evaluate

MODELS = Catalogue("model", folder=shipped_folder("models"))
REQUIRED = {"system", "reference", "order", "resolution", "solve_options", "tags"}
OPTIONAL = {"exact", "conserved", "energy", "published", "smooth", "path", "moments"} | {
    "convergence_cells",
    "convergence_until",
    "convergence_slope",
    "reference_until",
}
SMALL = 8  # cells an axis for the comparison with SciPy


def _models_with(attribute: str) -> list[str]:
    return [name for name in MODELS if hasattr(MODELS.load(name), attribute)]


def _is_smooth_in_space(name: str) -> bool:
    module = MODELS.load(name)
    return module.order is not None and getattr(module, "smooth", True)


SOLVED = _models_with("exact")
STOCHASTIC = [name for name in MODELS if "SDE" in MODELS.load(name).tags]
COMPARED = [name for name in MODELS if name not in (*SOLVED, *STOCHASTIC)]


@pytest.mark.parametrize("name", MODELS.names())
def test_is_written_to_the_contract(name: str) -> None:
    module = MODELS.load(name)
    title, blank, *rest = (module.__doc__ or "").strip().splitlines()
    assert 10 < len(title) < 100 and not title.endswith(".") and blank == ""
    assert any("What to look at" in line for line in rest)
    public = {n for n, v in vars(module).items() if n[0] != "_" and not inspect.ismodule(v)} - {"annotations", "Any"}
    assert REQUIRED <= public <= REQUIRED | OPTIONAL
    assert isinstance(module.tags, tuple) and module.tags
    model = module.system()
    assert model.name == name
    assert (module.order is None) == (module.resolution is None) == (not model.space)
    assert module.solve_options.get("order", 2) == (module.order or 2)
    stated = any(hasattr(module, name) for name in ("exact", "path", "moments"))
    assert callable(module.reference) or (isinstance(module.reference, str) and stated)
    assert (name in STOCHASTIC) == isinstance(model, sn.SDESystem) == any(hasattr(module, n) for n in ("path", "moments"))
    assert module.system() is not model  # a new object each time: nobody can change the model of another


def test_there_are_as_many_as_the_documentation_says() -> None:
    assert len(MODELS.names()) >= 21


@pytest.mark.parametrize("name", MODELS.names())
def test_solves_as_it_stands(name: str) -> None:
    module = MODELS.load(name)
    grid = {} if module.resolution is None else {"resolution": module.resolution // 2}
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # neither ModelWarning nor SolveWarning
        solution = sn.solve(module.system(), **module.solve_options, **grid)
    assert solution.success, solution.message
    assert solution.method and solution.why and solution.message
    for u in solution:
        assert np.isfinite(solution[u].values).all()


# --- exact solutions ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SOLVED)
def test_the_exact_solution_satisfies_the_model(name: str) -> None:
    """Put into the equations, it leaves rounding at random points; at the start it is the initial condition."""
    module = MODELS.load(name)
    model = module.system()
    exact = _by_field(module, model)
    values = _random_points(model)
    for equation in model.equations:
        left, right = (
            np.asarray(evaluate(sn.substitute(side, exact), values)) for side in (equation.lhs, equation.rhs)
        )
        assert np.abs(left - right).max() < 1e-8 * max(1.0, np.abs(left).max())
    start = values | {model.time: model.domain.bounds[model.time.name][0]}
    for u, term in exact.items():
        difference = evaluate(term, start) - evaluate(model.initial[u], start)
        assert np.abs(difference).max() < 1e-7  # burgers: phi = exp(-20) at x = pi from terms of size 1


@pytest.mark.parametrize("name", SOLVED)
def test_the_exact_solution_satisfies_the_conditions(name: str) -> None:
    """On every face its residual is zero at random times and places along the face."""
    module = MODELS.load(name)
    model = module.system()
    exact = _by_field(module, model)
    for face, rows in model.face_conditions.items():
        (x,) = (c for c in model.space if c.name == face.coordinate)
        values = _random_points(model) | {x: model.domain.bounds[x.name][face.side == "upper"]}
        for row in rows:
            residual = sn.substitute(row.equation.residual, {**exact, OUTWARD: sn.rational(face.outward, 1)})
            assert np.abs(evaluate(residual, values)).max() < 1e-9, str(row)


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("name", [n for n in SOLVED if _is_smooth_in_space(n)])
def test_converges_at_its_order(name: str, order: int) -> None:
    """The slope of log(error) over log(spacing), fitted over three grids, is the order within 0.25."""
    module = MODELS.load(name)
    cells = _cells(module, order)
    errors = [_errors(module, n, order).max() for n in cells]
    slope = np.polyfit(np.log(cells), np.log(errors), 1)[0]
    stated = getattr(module, "convergence_slope", {}).get(order, order)
    assert slope == pytest.approx(-stated, abs=0.25), dict(zip(cells, errors, strict=True))
    if module.resolution in cells:
        assert errors[cells.index(module.resolution)] < 0.02


def test_without_space_it_follows_its_exact_solution() -> None:
    for name in (n for n in SOLVED if MODELS.load(n).order is None):
        module = MODELS.load(name)
        model = module.system()
        solution = sn.solve(model, **{**module.solve_options, "rtol": 1e-9, "atol": 1e-11})
        for u, term in _by_field(module, model).items():
            expected = evaluate(term, {model.time: solution.t} | {s: model.parameters[n] for n, s in model.parameter_symbols.items()})
            assert np.abs(solution[u].values - expected).max() < 1e-6 * np.abs(expected).max()


@pytest.mark.parametrize("name", [n for n in SOLVED if MODELS.load(n).order and not getattr(MODELS.load(n), "smooth", True)])
def test_converges_in_the_mean_where_it_is_not_smooth(name: str) -> None:
    module = MODELS.load(name)
    cells = _cells(module, 2)
    errors = [_errors(module, n, 2).mean() for n in cells]
    slope = np.polyfit(np.log(cells), np.log(errors), 1)[0]
    assert slope < -1, dict(zip(cells, errors, strict=True))
    assert errors[1] < 0.005


@pytest.mark.parametrize("order", [2, 4])
@pytest.mark.parametrize("name", [n for n in COMPARED if _is_smooth_in_space(n)])
def test_converges_to_itself_at_its_order(name: str, order: int) -> None:
    """Without an exact solution: differences between grids n, 2 n and 4 n fall by 2^order within 0.25 in the exponent."""
    module = MODELS.load(name)
    coarse, middle, fine = (_final(module, cells, order) for cells in _cells(module, order))
    every_other = (slice(None), *(slice(None, None, 2),) * (coarse.ndim - 1))
    first, second = (np.abs(a - b[every_other]).max() for a, b in ((coarse, middle), (middle, fine)))
    assert np.log2(first / second) == pytest.approx(order, abs=0.25), (first, second)
    assert first < 0.05 * np.abs(coarse).max()


def _final(module: ModuleType, cells: int, order: int) -> np.ndarray:
    """The fields (fields, *points) at the end."""
    model = _until(module.system(), getattr(module, "convergence_until", np.inf))
    options = {**module.solve_options, "order": order, "rtol": 1e-9, "atol": 1e-11, "saveat": [_end(model)]}
    solution = sn.solve(model, resolution=cells, **options)
    assert solution.success, solution.message
    return np.stack([solution[u].values[-1] for u in model.fields])


def _end(model: sn.PDESystem) -> float:
    return model.domain.bounds[model.time.name][1]


def _cells(module: ModuleType, order: int) -> tuple[int, ...]:
    n = module.resolution
    default = {2: (n // 2, n, 2 * n), 4: (n // 4, n // 2, n)}
    return getattr(module, "convergence_cells", default)[order]


def _errors(module: ModuleType, cells: int, order: int) -> np.ndarray:
    """Differences from the exact solution at the end, relative to its greatest value, of all fields and points."""
    model = _until(module.system(), getattr(module, "convergence_until", np.inf))
    start, stop = model.domain.bounds[model.time.name]
    options = {**module.solve_options, "order": order, "rtol": 1e-9, "atol": 1e-11}
    solution = sn.solve(model, resolution=cells, saveat=[start, stop], **options)
    assert solution.success, solution.message
    found = []
    for u, term in _by_field(module, model).items():
        axes = np.meshgrid(*(solution[c.name].values for c in model.space), indexing="ij")
        expected = evaluate(term, dict(zip(model.space, axes, strict=True)) | {model.time: stop})
        found.append((np.abs(solution[u].values[-1] - expected) / np.abs(expected).max()).ravel())
    return np.concatenate(found)


def _by_field(module: ModuleType, model: sn.PDESystem) -> dict:
    exact = module.exact(model)
    assert set(exact) == {u.name for u in model.fields}
    return {u: exact[u.name] for u in model.fields}


def _random_points(model: sn.PDESystem) -> dict[Any, Any]:
    """Values of every coordinate, inside the domain, and of every parameter."""
    random = np.random.default_rng(7)
    points = {c: random.uniform(*model.domain.bounds[c.name], 50) for c in (model.time, *model.space)}
    return points | {symbol: model.parameters[n] for n, symbol in model.parameter_symbols.items()}


def _until(model: sn.PDESystem, stop: float) -> sn.PDESystem:
    """The model over a shorter time."""
    start, end = model.domain.bounds[model.time.name]
    space = {x: model.domain.bounds[x.name] for x in model.space}
    return model.replace(domain=sn.Domain({model.time: (start, min(stop, end))} | space))


# --- the same right-hand side by hand -----------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMPARED)
def test_agrees_with_scipy_on_the_same_grid(name: str) -> None:
    module = MODELS.load(name)
    model = _until(module.system(), getattr(module, "reference_until", np.inf))
    start, stop = model.domain.bounds[model.time.name]
    options = {**module.solve_options, "rtol": 1e-9, "atol": 1e-10}
    if model.space:
        options |= {"resolution": SMALL, "order": 2}
    solution = sn.solve(model, saveat=[start, stop], **options)
    assert solution.success, solution.message
    options = {"resolution": SMALL} if model.space else {}
    expected = _scipy(module, model, sn.discretise(model, **options).semi.breakpoints)
    found = np.stack([solution[u].values[-1] for u in model.fields])
    assert np.abs(found - expected).max() < 2e-6 * np.abs(expected).max()


def _scipy(module: ModuleType, model: sn.PDESystem, breakpoints: tuple[float, ...]) -> np.ndarray:
    """The state at the end, (fields, *grid), at tight tolerance and in segments between the times of discontinuity."""
    from scipy.integrate import solve_ivp

    axes, spacing = [], 1.0
    for x in model.space:
        low, high = model.domain.bounds[x.name]
        spacing = (high - low) / SMALL
        axes.append(low + spacing * np.arange(SMALL + (x.name not in model.periodic)))
    places = dict(zip(model.space, np.meshgrid(*axes, indexing="ij"), strict=True))
    shape = (len(model.fields), *(len(a) for a in axes))
    state = np.stack([np.broadcast_to(evaluate(model.initial[u], places), shape[1:]) for u in model.fields]).astype(
        float
    )
    times = [model.domain.bounds[model.time.name][0], *breakpoints, model.domain.bounds[model.time.name][1]]
    for begin, end in itertools.pairwise(times):
        last = np.nextafter(end, begin)

        def rates(t: float, y: np.ndarray, last: float = last) -> np.ndarray:
            return np.asarray(module.reference(min(t, last), y.reshape(shape), spacing, model.parameters)).ravel()

        method = "BDF" if "stiff" in module.tags else "DOP853"
        run = solve_ivp(rates, (begin, end), state.ravel(), method=method, rtol=1e-10, atol=1e-11)
        assert run.success
        state = run.y[:, -1].reshape(shape)
    return state


@pytest.mark.parametrize("name", _models_with("published"))
def test_reproduces_published_values(name: str) -> None:
    module = MODELS.load(name)
    assert module.published
    solution = sn.solve(module.system(), saveat=list(module.published), **module.solve_options)
    for k, values in enumerate(module.published.values()):
        for field, value in values.items():
            assert float(solution[field].values[k]) == pytest.approx(value, rel=2e-6)


# --- equations with noise -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", _models_with("path"))
def test_follows_its_exact_path(name: str) -> None:
    """On the Brownian path of the seed, for five seeds, at times inside steps too; tighter tolerances come nearer."""
    from symnum.solvers.embedded.stochastic.path import BrownianPath

    module = MODELS.load(name)
    model = module.system()
    (exact,) = (term for term in module.path(model).values())
    start, stop = model.domain.bounds[model.time.name]
    times = np.linspace(start, stop, 8)
    values = {symbol: model.parameters[n] for n, symbol in model.parameter_symbols.items()}
    errors = []
    for rtol in (1e-3, 1e-5):
        each = []
        for seed in range(5):
            path = BrownianPath(seed, 1)
            w = np.array([0.0, *(path.increment(0, 0, 0, stop - start, (s - start) / (stop - start))[0][0] for s in times[1:])])
            truth = evaluate(exact, values | {model.time: times, sn.symbol("W"): w})
            solution = sn.solve(model, seed=seed, saveat=times, rtol=rtol, atol=rtol)
            each.append(np.abs(solution["u"].values / truth - 1).max())
        errors.append(np.mean(each))
    assert errors[0] < 0.02 and errors[1] < errors[0] / 5, errors


@pytest.mark.parametrize("name", _models_with("moments"))
def test_has_the_moments_it_states(name: str) -> None:
    """Mean and variance over 300 seeds at the end, within four standard errors."""
    from symnum.pipeline import _problem
    from symnum.solvers.backend import solve
    from symnum.solvers.problem import Options

    module = MODELS.load(name)
    model = module.system()
    made = sn.discretise(model)
    problem = _problem(made)
    ends = np.array([solve(problem, Options(method="SOSRI", seed=seed, **module.solve_options)).y[-1] for seed in range(300)])
    for field, (mean, variance) in module.moments(model.parameters).items():
        values = ends[:, made.state_layout[field][0]]
        assert abs(values.mean() - mean) < 4 * np.sqrt(variance / 300) + 1e-3
        assert abs(values.var() - variance) < 4 * variance * np.sqrt(2 / 300) + 1e-3


# --- what stays, and what falls -----------------------------------------------------------------------------------


def _history(module: ModuleType) -> tuple[list[np.ndarray], float, dict[str, float]]:
    """The states (fields, *points) at the saved times of a run at half resolution, the spacing, the parameters."""
    model = module.system()
    options = {**module.solve_options, "rtol": 1e-9, "atol": 1e-12}
    if model.space:
        options["resolution"] = module.resolution // 2
        low, high = model.domain.bounds[model.space[0].name]
    solution = sn.solve(model, **options)
    spacing = (high - low) / options["resolution"] if model.space else 1.0
    states = np.stack([solution[u].values for u in model.fields], axis=1)
    return list(states), spacing, model.parameters


@pytest.mark.parametrize("name", _models_with("conserved"))
def test_keeps_what_it_says_is_conserved(name: str) -> None:
    module = MODELS.load(name)
    states, spacing, p = _history(module)
    totals = [module.conserved(state, spacing, p) for state in states]
    assert len(totals) > 10 and totals[0]
    for what, first in totals[0].items():
        size = spacing ** (states[0].ndim - 1) * np.abs(states[0]).sum()
        assert max(abs(total[what] - first) for total in totals) < 1e-9 * size, what


@pytest.mark.parametrize("name", _models_with("energy"))
def test_its_energy_falls(name: str) -> None:
    module = MODELS.load(name)
    states, spacing, p = _history(module)
    energies = np.array([module.energy(state, spacing, p) for state in states])
    assert (np.diff(energies) <= 1e-9 * energies[0]).all()
    assert energies[-1] < 0.9 * energies[0]
