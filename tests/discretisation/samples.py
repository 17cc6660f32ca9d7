"""What the tests of discretisation share: coordinates, sampled right-hand sides, fitted orders."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import symnum as sn

T, X, Y = sn.coordinates("t x y")
U, V = sn.fields("u v", (T, X))
W = sn.field("w", (T, X, Y))


def rate(system: Any, resolution: Any, order: int = 2, t: float = 0.0) -> tuple[np.ndarray, np.ndarray, Any]:
    """The discrete rates at the initial state, the state, and the discretised system."""
    d = sn.discretise(system, resolution=resolution, order=order, target="numpy")
    y = d.initial_state()
    return d.rhs(t, y), y, d


def fitted_order(resolutions: Sequence[int], error: Callable[[int], float]) -> float:
    """The slope of log(error) against log(1/n)."""
    errors = [error(n) for n in resolutions]
    assert all(0 < e < 1 for e in errors), errors
    return float(-np.polyfit(np.log(resolutions), np.log(errors), 1)[0])


def solution_error(system: Any, exact: Any, resolution: Any, **options: Any) -> float:
    """Largest error of all fields over all grid points, those on the boundary included, at the end of the interval."""
    end = system.domain.bounds["t"][1]
    options = {"method": "Tsit5", "rtol": 1e-9, "atol": 1e-11, "saveat": [end]} | options
    solution = sn.solve(system, resolution=resolution, **options)
    assert solution.success, solution.message
    largest = 0.0
    for field, term in exact.items():
        array = solution[field].isel(t=-1)
        grids = np.meshgrid(*[array[name].values for name in array.dims], indexing="ij")
        want = value(term, dict(zip(array.dims, grids, strict=True)) | {"t": end})
        largest = max(largest, float(np.abs(array.values - want).max()))
    return largest


def value(term: Any, at: dict[Any, Any]) -> Any:
    """A term without fields by SymPy's NumPy printer: nothing of ours takes part in the evaluation."""
    import sympy

    expression = sympy.sympify(sn.Eq(T, term).rhs.to_sympy())
    names = list(expression.free_symbols)
    return sympy.lambdify(names, expression, "numpy")(*[at[str(s)] for s in names])
