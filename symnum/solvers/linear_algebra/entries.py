"""df/dy as a list of entries: values[at[k]] stands at row rows[k], column columns[k]; equal places add up.

Integrals z = I(y) over the domain make df/dy dense but of low rank (see ``ir.jacobian``). They enter as r further unknowns with the equations
z = R y + M z, which keeps everything sparse:

    df/dy v = S v + L z,   z = R v + M z             (shift - df/dy) x = b   <=>   [shift - S   -L ] [x]   [b]
                                                                                  [   -R     1 - M] [z] = [0]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.jacobian import SparseJacobian
from symnum.solvers.jacobian import fixed_jacobian, mass_of
from symnum.solvers.problem import Options, Problem

Array = NDArray[np.float64]
Index = NDArray[np.int32]


@dataclass(frozen=True)
class Entries:
    """The Jacobian of n unknowns and ``extra`` integrals.

    Attributes:
        rows, columns, at: (nnz,) places among the n + extra unknowns, and which value stands there; sorted by rows, those of the integrals first.
        size: number of distinct values; ``evaluate(t, y, values)`` writes them; None: they are ``constant``.
        mass: (n,) diagonal of M.
        address: of a native ``void (double t, ptr y, ptr p, ptr values)``, or None; ``keepalive``: owns its code.
    """

    n: int
    extra: int
    rows: Index
    columns: Index
    at: Index
    size: int
    mass: Array
    evaluate: Callable[[float, Array, Array], None] | None
    constant: Array | None = None
    address: int | None = None
    keepalive: object = None

    @property
    def total(self) -> int:
        """Unknowns and integrals."""
        return self.n + self.extra

    def pattern(self) -> Any:
        """CSC matrix (total, total) of ones, with the whole diagonal."""
        from scipy.sparse import csc_matrix

        diagonal = np.arange(self.total)
        rows, columns = np.concatenate([self.rows, diagonal]), np.concatenate([self.columns, diagonal])
        made = csc_matrix((np.ones(len(rows)), (rows, columns)), shape=(self.total, self.total))
        made.data[:] = 1.0
        made.sort_indices()
        return made

    def product(self, values: Array, v: Array, out: Array) -> None:
        """out = J v."""
        whole = np.concatenate([v, np.zeros(self.extra)])
        inner = int(np.count_nonzero(self.rows >= self.n))
        for k in range(inner):  # an integral may read earlier ones
            whole[self.rows[k]] += values[self.at[k]] * whole[self.columns[k]]
        terms = values[self.at[inner:]] * whole[self.columns[inner:]]
        out[:] = np.bincount(self.rows[inner:], terms, minlength=self.n)


def entries_of(problem: Problem, options: Options) -> Entries:
    """The problem's Jacobian; by differences of f where it gives none.

    Raises:
        SolveError: the Jacobian is not (n, n), or leaves its pattern while solving.
    """
    given = problem.jacobian
    compiled = getattr(given, "whole", given)
    if isinstance(compiled, SparseJacobian):
        return _compiled(compiled, problem)
    if not problem.jacobian_exact or given is None:
        from symnum.solvers.linear_algebra.differences import differences

        return differences(problem, options)
    fixed = fixed_jacobian(problem)
    assert fixed is not None
    columns = np.repeat(np.arange(fixed.n), np.diff(fixed.indptr))
    return sorted_entries(problem, fixed.indices, columns, np.arange(fixed.nnz), fixed.nnz, fixed.fill)


def sorted_entries(
    problem: Problem,
    rows: NDArray[Any],
    columns: NDArray[Any],
    at: NDArray[Any],
    size: int,
    evaluate: Callable[[float, Array, Array], None] | None,
    extra: int = 0,
    **more: Any,
) -> Entries:
    """Entries in the order that ``Entries`` promises."""
    n = problem.n
    order = np.lexsort((columns, rows, rows < n))  # the integrals' rows first
    rows, columns, at = (np.ascontiguousarray(part[order], dtype=np.int32) for part in (rows, columns, at))
    return Entries(n, extra, rows, columns, at, size, mass_of(problem), evaluate, **more)


def constant_entries(problem: Problem, matrix: Any) -> Entries:
    """A constant SciPy matrix (n, n) in place of df/dy."""
    from scipy.sparse import coo_matrix

    made = coo_matrix(matrix)
    count = len(made.data)
    values = np.ascontiguousarray(made.data, dtype=np.float64)
    return sorted_entries(problem, made.row, made.col, np.arange(count), count, None, constant=values)


def _compiled(jacobian: SparseJacobian, problem: Problem) -> Entries:
    """The values straight from the compiled kernel: no matrix is put together."""
    n, blocks = problem.n, jacobian.blocks
    extra = blocks[1].shape[1] if len(blocks) > 1 else 0
    shifts = ((0, 0), (0, n), (n, 0), (n, n))  # S, L, R, M
    rows = np.concatenate([b.rows + down for b, (down, _) in zip(blocks, shifts, strict=False)])
    columns = np.concatenate([b.columns + right for b, (_, right) in zip(blocks, shifts, strict=False)])
    at = np.concatenate([b.at for b in blocks])
    kernel = jacobian.compiled

    def evaluate(t: float, y: Array, values: Array) -> None:
        kernel.function(t, y, problem.parameters, values)

    size = kernel.kernel.output_size
    return sorted_entries(
        problem, rows, columns, at, size, evaluate, extra, address=kernel.address, keepalive=kernel.keepalive
    )
