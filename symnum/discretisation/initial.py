"""The state at the initial time: formulas on the grid, arrays, and functions of coordinate arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from symnum.errors import ModelError
from symnum.expr.term import ZERO, Symbol, Term
from symnum.ir.interpret import interpret
from symnum.ir.kernel import Array, Kernel, Statement, Store, nest


def initial_kernel(assembly: Any) -> Kernel:
    """The kernel that evaluates the initial formulas (zero where an array or a function is given)."""
    body: list[Statement] = []
    for field, array in zip(assembly.normal.fields, assembly.state, strict=True):
        value = assembly.normal.initial.get(field, ZERO)
        lowering = assembly.lowering((None,) * len(assembly.periods))
        term = lowering.lower(value, lowering.centre) if isinstance(value, Term) else ZERO
        store = Store(array.name, term, f"initial condition of {field}")
        ranges = tuple((k, o, o + n) for k, o, n in zip(array.axes, array.origin, array.shape, strict=True))
        body.append(nest(ranges, (store,)) if ranges else store)
    return assembly.kernel("initial", assembly.state, body, "initial state", inputs=())


def initial_state(
    assembly: Any, kernel: Kernel, parameters: Sequence[float], out: np.ndarray | None = None
) -> np.ndarray:
    """The flat initial state, (size,) float64, in ``out`` if given. ModelError where it is not finite or an array has the wrong shape."""
    t0 = assembly.system.domain.bounds[assembly.system.time.name][0]
    state = interpret(kernel, t0, np.empty(0), parameters, out)
    for field, array in zip(assembly.normal.fields, assembly.state, strict=True):
        value = assembly.normal.initial.get(field, ZERO)
        if not isinstance(value, Term):
            box = _sampled(field, value, array, assembly.grid)
            state[array.offset : array.offset + array.size] = box.ravel()
        block = state[array.offset : array.offset + array.size]
        if not np.isfinite(block).all():
            place = _place(array, int(np.flatnonzero(~np.isfinite(block))[0]), assembly.grid)
            raise ModelError(
                f"the initial condition of {field} is {block[~np.isfinite(block)][0]} at {place}; it must be finite on the whole grid"
            )
    return state


def _sampled(field: Symbol, value: Any, array: Array, grid: Any) -> np.ndarray:
    axes = [grid.axes[k] for k in array.axes]
    full = tuple(a.points for a in axes)
    if callable(value):
        mesh = np.meshgrid(*[a.coordinates() for a in axes], indexing="ij")
        value = _called(field, value, mesh, full, ", ".join(a.name for a in axes))
    data = np.asarray(value, dtype=float)
    if data.shape == full:
        return data[tuple(slice(o, o + n) for o, n in zip(array.origin, array.shape, strict=True))]
    if data.shape == array.shape:
        return data
    dims = ", ".join(a.name for a in axes)
    raise ModelError(
        f"the initial array of {field} has shape {data.shape}, the grid ({dims}) has {full}; give an array of shape {full} or a formula"
    )


def _called(field: Symbol, function: Any, mesh: Sequence[np.ndarray], full: tuple[int, ...], names: str) -> np.ndarray:
    """The user's function on the coordinate arrays; whatever goes wrong in it is a ModelError that says so."""
    try:
        return np.broadcast_to(np.asarray(function(*mesh), dtype=float), full)
    except Exception as error:
        raise ModelError(
            f"the initial function of {field} failed on arrays ({names}) of shape {full}: {type(error).__name__}: {error}. It takes "
            f"{names} as arrays and gives an array of that shape; write it with np.sin, np.where, ..., or wrap it in np.vectorize"
        ) from error


def _place(array: Array, position: int, grid: Any) -> str:
    indices = np.unravel_index(position, array.shape) if array.shape else ()
    parts = [
        f"{grid.axes[k].name}={grid.axes[k].first + grid.axes[k].spacing * (i + o):.6g}"
        for k, i, o in zip(array.axes, indices, array.origin, strict=True)
    ]
    return ", ".join(parts) or "the initial time"
