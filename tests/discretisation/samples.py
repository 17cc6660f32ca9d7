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


def steady_error(system: Any, exact: Any, resolution: Any, order: int) -> float:
    """Largest error of the steady state over all grid points, those on the boundary included: Newton's method from the initial state."""
    from scipy.sparse.linalg import splu

    d = sn.discretise(system, resolution=resolution, scheme="central", order=order, target="numpy")
    y = d.initial_state()
    for _ in range(8):
        step = splu(d.jacobian(0.0, y)).solve(d.rhs(0.0, y))
        y = y - step
        if np.abs(step).max() < 1e-12 * np.abs(y).max():
            break
    full = d.full_fields(0.0, y)
    largest = 0.0
    for array in d.semi.full:
        axes = [d.semi.axes[k] for k in array.axes]
        grids = np.meshgrid(*[a.coordinates() for a in axes], indexing="ij")
        term = next(e for f, e in exact.items() if f.name == array.field)
        want = value(term, dict(zip([a.name for a in axes], grids, strict=True)) | {"t": 0.0})
        got = full[array.offset : array.offset + array.size].reshape(array.shape)
        largest = max(largest, float(np.abs(got - want).max()))
    return largest


def matrix(system: Any, resolution: Any, order: int) -> np.ndarray:
    """A of the semi-discrete equations dy/dt = A y + b of a linear system, column by column from its right-hand side."""
    from symnum.codegen.target import compile_kernel
    from symnum.discretisation.assemble import discretise

    semi = discretise(system, resolution, "central", order)
    rhs = compile_kernel(semi.rhs, "numpy")
    parameters = np.array(semi.parameter_values)
    still = rhs(0.0, np.zeros(semi.size), parameters)
    return np.array([rhs(0.0, column, parameters) - still for column in np.eye(semi.size)]).T


def value(term: Any, at: dict[Any, Any]) -> Any:
    """A term without fields by SymPy's NumPy printer: nothing of ours takes part in the evaluation."""
    import sympy

    expression = sympy.sympify(sn.Eq(T, term).rhs.to_sympy())
    names = list(expression.free_symbols)
    return sympy.lambdify(names, expression, "numpy")(*[at[str(s)] for s in names])
