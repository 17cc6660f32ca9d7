"""Every model: written to the contract of models/README.md, solved by its exact solution, converging to it.

Where there is no exact solution, the same right-hand side written by hand in NumPy and integrated by SciPy is the
reference.
"""

from __future__ import annotations

import itertools
import warnings
from types import ModuleType

import numpy as np
import pytest

import symnum as sn
from symnum.catalogue import Catalogue, shipped_folder
from symnum.model.numeric import evaluate

MODELS = Catalogue("model", folder=shipped_folder("models"))
SOLVED = [name for name in MODELS if hasattr(MODELS.load(name), "exact")]
COMPARED = [name for name in MODELS if name not in SOLVED]
SMALL = 8  # cells an axis for the comparison with SciPy


@pytest.mark.parametrize("name", MODELS.names())
def test_is_written_to_the_contract(name: str) -> None:
    module = MODELS.load(name)
    title, blank, *rest = (module.__doc__ or "").strip().splitlines()
    assert 10 < len(title) < 90 and not title.endswith(".") and blank == ""
    assert any("What to look at" in line for line in rest)
    assert isinstance(module.tags, tuple) and module.tags
    model = module.system()
    assert model.name == name
    assert (module.order is None) == (module.resolution is None) == (not model.space)
    assert callable(module.reference) or (isinstance(module.reference, str) and hasattr(module, "exact"))
    assert module.system() is not model  # a new object each time: nobody can change the model of another


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


@pytest.mark.parametrize("name", SOLVED)
def test_the_exact_solution_satisfies_the_model(name: str) -> None:
    """Put into the equations, it leaves rounding at random points; at the start it is the initial condition."""
    module = MODELS.load(name)
    model = module.system()
    exact = _by_field(module, model)
    random = np.random.default_rng(7)
    bounds = model.domain.bounds
    points = {c: random.uniform(*bounds[c.name], 50) for c in (model.time, *model.space)}
    values = points | {symbol: model.parameters[n] for n, symbol in model.parameter_symbols.items()}
    for equation in model.equations:
        left, right = (
            np.asarray(evaluate(sn.substitute(side, exact), values)) for side in (equation.lhs, equation.rhs)
        )
        assert np.abs(left - right).max() < 1e-8 * max(1.0, np.abs(left).max())
    start = values | {model.time: bounds[model.time.name][0]}
    for u, term in exact.items():
        difference = evaluate(term, start) - evaluate(model.initial[u], start)
        assert np.abs(difference).max() < 1e-7  # burgers: phi = exp(-20) at x = pi from terms of size 1


@pytest.mark.parametrize("name", SOLVED)
def test_converges_at_its_order(name: str) -> None:
    """The slope of log(error) over log(spacing), fitted over three grids, is the order within 0.25."""
    module = MODELS.load(name)
    cells = [module.resolution // 2, module.resolution, 2 * module.resolution]
    errors = [_error(module, n) for n in cells]
    slope = np.polyfit(np.log(cells), np.log(errors), 1)[0]
    assert slope == pytest.approx(-module.order, abs=0.25), dict(zip(cells, errors, strict=True))
    assert errors[1] < 0.02  # at the resolution that the model proposes


def _error(module: ModuleType, cells: int) -> float:
    """Greatest difference from the exact solution at the end, relative to its greatest value."""
    model = module.system()
    start, stop = model.domain.bounds[model.time.name]
    solution = sn.solve(model, resolution=cells, order=module.order, rtol=1e-9, atol=1e-11, saveat=[start, stop])
    assert solution.success, solution.message
    worst = 0.0
    for u, term in _by_field(module, model).items():
        grid = dict(
            zip(model.space, np.meshgrid(*(solution[c.name].values for c in model.space), indexing="ij"), strict=True)
        )
        expected = evaluate(term, grid | {model.time: stop})
        worst = max(worst, float(np.abs(solution[u].values[-1] - expected).max() / np.abs(expected).max()))
    return worst


def _by_field(module: ModuleType, model: sn.PDESystem) -> dict:
    exact = module.exact(model)
    assert set(exact) == {u.name for u in model.fields}
    return {u: exact[u.name] for u in model.fields}


@pytest.mark.parametrize("name", COMPARED)
def test_agrees_with_scipy_on_the_same_grid(name: str) -> None:
    module = MODELS.load(name)
    model = module.system()
    start, stop = model.domain.bounds[model.time.name]
    stop = min(stop, getattr(module, "reference_until", stop))
    model = model.replace(
        domain=sn.Domain({model.time: (start, stop)} | {x: model.domain.bounds[x.name] for x in model.space})
    )
    grid = {"resolution": SMALL} if model.space else {}
    solution = sn.solve(model, rtol=1e-9, atol=1e-10, saveat=[start, stop], **grid)
    assert solution.success, solution.message
    expected = _scipy(module, model, sn.discretise(model, **grid).semi.breakpoints)
    found = np.stack([solution[u].values[-1] for u in model.fields])
    assert np.abs(found - expected).max() < 2e-6 * np.abs(expected).max()


def _scipy(module: ModuleType, model: sn.PDESystem, breakpoints: tuple[float, ...]) -> np.ndarray:
    """The state at the end, (fields, *grid), at tight tolerance and in segments between the times of discontinuity."""
    from scipy.integrate import solve_ivp

    assert set(model.periodic) == {x.name for x in model.space}, "a reference by hand is for periodic grids"
    axes, spacing = [], 1.0
    for x in model.space:
        low, high = model.domain.bounds[x.name]
        spacing = (high - low) / SMALL
        axes.append(low + spacing * np.arange(SMALL))
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
