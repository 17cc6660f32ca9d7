"""Products with constant matrices: banded ones become stencils, whatever their size; dense ones become sums over constants.

The rows of M are the points of a grid: of a line, or of a box where the diagonals lie as those of Kronecker products do. At the point i of the grid::

    (M x)[i] = sum over shifts d of  M[i, i + d]*x[i + d]

Points with equal numbers make one region with plain numbers; where the numbers change from point to point they are read from memory; shifts that
go around the end of an axis (circulant matrices) are rolls.
"""

from __future__ import annotations

from itertools import pairwise, product
from math import prod
from typing import Any

import numpy as np

from symnum.tracing.graph import Assembly, Const, Graph, Node, reshaped
from symnum.tracing.nodes import at, contracted, product_of, rolled, sliced, stacked, total, transposed
from symnum.tracing.overlay import Layer, Overlay
from symnum.tracing.sites import refusal

_SHIFTS, _REGIONS, _DENSE, _SHORT = 40, 64, 2**22, 4
_ROWS, _TERMS = 16, 64  # matrices up to this size are written out


class Stencil:
    """The nonzeros of a matrix by shifts on a grid: ``numbers()[k][i] = M[i, i + shifts[:, k]]``.

    ``to``, ``of``: the grids of rows and of columns; ``around``: axes on which a shift goes around the end.
    """

    def __init__(
        self, rows: np.ndarray, columns: np.ndarray, values: np.ndarray, to: tuple[int, ...], of: tuple[int, ...]
    ) -> None:
        self.to, self.of = to, of
        here, there = np.stack(np.unravel_index(rows, to)), np.stack(np.unravel_index(columns, of))
        shifts, n = there - here, np.asarray(of)[:, None]
        short = (shifts + n // 2) % n - n // 2
        self.around = tuple(bool(a) for a in (short != shifts).any(axis=1)) if to == of else (False,) * len(to)
        if to == of:
            shifts = np.where(np.asarray(self.around)[:, None], short, shifts)
        low = shifts.min(axis=1, keepdims=True)
        spans = tuple(int(w) for w in (shifts - low).max(axis=1) + 1)
        codes, place = np.unique(np.ravel_multi_index(tuple(shifts - low), spans), return_inverse=True)
        self.shifts = np.stack(np.unravel_index(codes, spans)) + low
        self.entries = len(values)
        self._placed = place.reshape(-1), here, values

    @property
    def count(self) -> int:
        return self.shifts.shape[1]

    def numbers(self) -> np.ndarray:
        """(shifts, *grid)."""
        place, here, values = self._placed
        table = np.zeros((self.count, *self.to))
        np.add.at(table, (place, *here), values)
        return table

    @property
    def narrow(self) -> bool:
        """Few shifts, and few of the numbers that belong to them zero."""
        if self.count > min(_SHIFTS, max(3, prod(self.of) // 2)):
            return False
        return self.count * prod(self.to) <= 8 * self.entries + 64


def times(graph: Graph, matrix: Any, node: Node, axis: int) -> Node:
    """``sum over j of matrix[i, j]*node[.., j, ..]``: the axis of the node is replaced. ``matrix``: (n, m) NumPy array or scipy.sparse."""
    if matrix.shape[1] != node.shape[axis]:
        raise ValueError(f"a matrix of shape {matrix.shape} times an axis of length {node.shape[axis]}")
    order = [axis, *(k for k in range(len(node.shape)) if k != axis)]
    back = [order.index(k) for k in range(len(node.shape))]
    first = transposed(node, order)
    rows, columns, values = _entries(matrix)
    if not len(values):
        return Const(np.zeros((*node.shape[:axis], matrix.shape[0], *node.shape[axis + 1 :])))
    stencil = _stencil(rows, columns, values, matrix.shape)
    if stencil is not None:
        x = reshaped(first, (*stencil.of, *first.shape[1:]))
        made = _applied(stencil, x)
        return transposed(reshaped(made, (matrix.shape[0], *first.shape[1:])), back)
    if matrix.shape[0] * matrix.shape[1] > _DENSE and not isinstance(matrix, np.ndarray):
        raise refusal(
            f"A sparse matrix of shape {matrix.shape} without a pattern of diagonals has no stencil",
            "Write the operator with slices or np.roll, or number the points so that the matrix is banded",
        )
    dense = matrix if isinstance(matrix, np.ndarray) else matrix.toarray()
    if len(dense) <= _ROWS and dense.shape[1] <= _TERMS:
        return transposed(stacked([_row(row, first) for row in dense]), back)
    last = len(node.shape)  # the column, which is summed over, is the last axis
    labels = [axis, last], [last if k == axis else k for k in range(last)]
    return contracted(graph, [Const(dense), node], labels, last)


def _row(numbers: np.ndarray, x: Node) -> Node:
    """One row of a small matrix, written out."""
    parts = [product_of(Const(np.asarray(c)), at(x, 0, k)) for k, c in enumerate(numbers) if c]
    return total(parts) if parts else Const(np.zeros(x.shape[1:]))


def _entries(matrix: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if isinstance(matrix, np.ndarray):
        rows, columns = np.nonzero(matrix)
        return rows, columns, matrix[rows, columns].astype(float)
    coo = matrix.tocoo()
    coo.sum_duplicates()
    kept = coo.data != 0
    return coo.row[kept].astype(int), coo.col[kept].astype(int), coo.data[kept].astype(float)


def _stencil(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> Stencil | None:
    """The matrix on the grid that suits it: a box where the diagonals say so, else a line; None where it is dense."""
    if shape[0] == shape[1]:
        grid = _grid(np.abs(columns - rows), shape[0])
        if len(grid) > 1:
            found = Stencil(rows, columns, values, grid, grid)
            if found.narrow and len(_regions(found.numbers())) <= _REGIONS:
                return found
    found = Stencil(rows, columns, values, shape[:1], shape[1:])
    return found if found.narrow else None


def _grid(offsets: np.ndarray, n: int) -> tuple[int, ...]:
    """The lengths of a grid of n points whose row-major strides are among the diagonals."""
    strides: list[int] = [1]
    for d in np.unique(offsets):
        if d > _SHORT * strides[-1] and d % strides[-1] == 0 and n % d == 0 and n // d > 1:
            strides.append(int(d))
    ends = [*strides[1:], n]
    return tuple(end // stride for end, stride in zip(reversed(ends), reversed(strides), strict=True))


def _regions(numbers: np.ndarray) -> list[tuple[tuple[int, int], ...]]:
    """Boxes of the grid inside which the numbers do not change."""
    cuts = []
    for axis in range(1, numbers.ndim):
        rows = np.moveaxis(numbers, axis, 0).reshape(numbers.shape[axis], -1)
        changes = np.flatnonzero((rows[1:] != rows[:-1]).any(axis=1)) + 1
        edges = [0, *changes.tolist(), numbers.shape[axis]]
        cuts.append(list(pairwise(edges)))
    return list(product(*cuts)) if prod(map(len, cuts)) <= 16 * _REGIONS else [()] * (16 * _REGIONS)


def _applied(stencil: Stencil, x: Node) -> Node:
    """The product on the grid; axes of ``x`` behind those of the grid stay."""
    numbers = stencil.numbers()
    regions = _regions(numbers)
    if len(regions) > _REGIONS:
        return total([_weighted(stencil, k, numbers[k], x) for k in range(stencil.count)])
    whole = (*stencil.to, *x.shape[len(stencil.of) :])
    overlay = Overlay(Const(np.zeros(whole)), whole)
    for box in regions:
        corner = tuple(a for a, _ in box)
        used = [k for k in range(stencil.count) if numbers[(k, *corner)]]
        parts = [product_of(Const(np.asarray(numbers[(k, *corner)])), _shifted(stencil, k, x, box)) for k in used]
        if parts:
            overlay.write(Layer((*corner, *[0] * (len(whole) - len(box))), (1,) * len(whole), total(parts), ""))
    if len(overlay.layers) == 1 and overlay.layers[0].node.shape == whole:
        return overlay.layers[0].node
    return Assembly(overlay, np.result_type(x.dtype, float))


def _shifted(stencil: Stencil, k: int, x: Node, box: tuple[tuple[int, int], ...]) -> Node:
    """``x[i + shift k]`` for i in a box of the grid."""
    shift = stencil.shifts[:, k]
    turns = {a: -int(d) for a, d in enumerate(shift) if stencil.around[a] and d}
    x = rolled(x, turns) if turns else x
    for axis, (start, stop) in enumerate(box):
        by = 0 if stencil.around[axis] else int(shift[axis])
        if (start + by, stop + by) != (0, x.shape[axis]):
            x = sliced(x, axis, start + by, stop + by)
    return x


def _weighted(stencil: Stencil, k: int, numbers: np.ndarray, x: Node) -> Node:
    """One shift with numbers from memory: zero where it leads out of the grid."""
    box = tuple(
        (0, n) if stencil.around[a] else (max(0, -int(d)), min(n, m - int(d)))
        for a, (d, n, m) in enumerate(zip(stencil.shifts[:, k], stencil.to, stencil.of, strict=True))
    )
    inside = numbers[tuple(slice(a, b) for a, b in box)]
    more = len(x.shape) - len(stencil.of)
    weights = (
        inside.reshape(-1)[0] if (inside == inside.reshape(-1)[0]).all() else inside.reshape(*inside.shape, *[1] * more)
    )
    part = product_of(Const(np.asarray(weights)), _shifted(stencil, k, x, box))
    whole = (*stencil.to, *x.shape[len(stencil.of) :])
    if part.shape == whole:
        return part
    overlay = Overlay(Const(np.zeros(whole)), whole)
    overlay.write(Layer((*(a for a, _ in box), *[0] * more), (1,) * len(whole), part, ""))
    return Assembly(overlay, part.dtype)
