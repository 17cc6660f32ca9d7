"""Which outputs of a kernel depend on which inputs, from the loads alone.

What an output owes to a whole-domain integral (a load of a local array) is left out: one such load would fill whole rows. It is the part of
low rank, d(out)/d(local) d(local)/d(in), which whoever builds the Jacobian keeps as two thin factors or leaves to the Jacobian-vector product.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from symnum.expr.walk import symbols
from symnum.ir.kernel import Accumulate, Array, Kernel, Let, LoadInfo, Loop, Statement
from symnum.ir.passes.inline import inline_stores

Ranges = dict[int, tuple[int, int]]


def sparsity(kernel: Kernel) -> Any:
    """The pattern of d(outputs)/d(inputs) at fixed local arrays: a boolean SciPy CSC matrix of shape (output_size, input_size)."""
    from scipy.sparse import csc_matrix

    kernel = inline_stores(kernel)
    rows: list[np.ndarray] = []
    columns: list[np.ndarray] = []
    _collect(kernel, kernel.body, {}, rows, columns)
    row = np.concatenate(rows) if rows else np.empty(0, dtype=int)
    column = np.concatenate(columns) if columns else np.empty(0, dtype=int)
    matrix = csc_matrix((np.ones(len(row), dtype=bool), (row, column)), shape=(kernel.output_size, kernel.input_size))
    matrix.sum_duplicates()
    matrix.data[:] = True
    return matrix


def _collect(
    kernel: Kernel, body: tuple[Statement, ...], ranges: Ranges, rows: list[np.ndarray], columns: list[np.ndarray]
) -> None:
    for statement in body:
        if isinstance(statement, Loop):
            _collect(
                kernel, statement.body, ranges | {statement.axis: (statement.start, statement.stop)}, rows, columns
            )
            continue
        assert not isinstance(statement, Let), "the pattern is taken before passes name temporaries"
        if isinstance(statement, Accumulate) or kernel.is_local(statement.array):
            continue
        output = kernel.output(statement.array)
        row = positions(kernel, output, ranges)
        for symbol in symbols(statement.value, "load"):
            if kernel.is_local(symbol.info.array) or kernel.constant(symbol.info.array) is not None:
                continue
            column = positions(kernel, kernel.input(symbol.info.array), ranges, symbol.info)
            both = np.broadcast_arrays(row, column)
            rows.append(both[0].ravel())
            columns.append(both[1].ravel())


def positions(kernel: Kernel, array: Array, ranges: Ranges, info: LoadInfo | None = None) -> np.ndarray:
    """Positions in the flat vector over the box of ``ranges``, one dimension an axis of the grid (size 1 where they do not vary).

    ``info``: how a load reads the array; None: what is written at the current point.
    """
    total = np.full((1,) * len(kernel.periods), array.offset)
    for k, axis in enumerate(array.axes):
        fixed = info is not None and info.fixed[k]
        points = np.arange(1) if fixed else np.arange(*ranges[axis])
        along = points + (0 if info is None else info.offsets[k])
        if info is not None and info.wrap[k] and not fixed:
            along = along % kernel.periods[axis]
        shape = [1] * len(kernel.periods)
        shape[axis] = len(points)
        total = total + (along - array.origin[k]).reshape(shape) * array.strides[k]
    return total
