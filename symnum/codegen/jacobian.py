"""Sparse Jacobians that run: the slots kernel of ``ir.jacobian`` compiled, and where its values go in a CSC matrix.

The kernel writes its values region by region; one precomputed permutation brings them into compressed sparse column order (periodic sides break
any simpler rule) and equal places are added up. The permutation is made once, with NumPy, in O(nnz log nnz).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from symnum.codegen.gather import Gatherer, gatherer
from symnum.codegen.target import compile_kernel
from symnum.ir.jacobian import Block, jacobian_slots
from symnum.ir.kernel import Kernel

Array = NDArray[np.float64]


class Gather:
    """The way from slots to the data of a CSC matrix with sorted indices and no duplicates."""

    def __init__(self, block: Block, native: bool = False) -> None:
        from scipy.sparse import csc_matrix

        rows, columns = block.rows, block.columns
        order = np.lexsort((rows, columns))
        rows, columns = rows[order], columns[order]
        new = np.ones(len(order), dtype=bool)
        new[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
        self.permutation = block.at[order]
        self.starts = None if new.all() else np.flatnonzero(new)
        self._gather: Gatherer = gatherer(self.permutation, native)
        counts = np.bincount(columns[new], minlength=block.shape[1])
        pointers = np.concatenate([[0], np.cumsum(counts)])
        ones = np.ones(int(new.sum()), dtype=bool)
        self.pattern = csc_matrix((ones, rows[new], pointers), shape=block.shape)
        self.pattern.has_sorted_indices = True

    def fill(self, slots: Array, data: Array) -> None:
        """Write the values, (nnz,), in the pattern's order."""
        if self.starts is None:
            self._gather(slots, data)
        elif len(data):
            np.add.reduceat(slots[self.permutation], self.starts, out=data)

    def matrix(self, slots: Array) -> Any:
        """The CSC matrix with fresh data; its index arrays are shared between calls."""
        from scipy.sparse import csc_matrix

        data = np.empty(self.pattern.nnz)
        self.fill(slots, data)
        made = csc_matrix((data, self.pattern.indices, self.pattern.indptr), shape=self.pattern.shape, copy=False)
        made.has_sorted_indices = True
        return made


class SparseJacobian:
    """df/dy of a kernel f(t, y; p), analytic and sparse.

    Attributes:
        pattern: boolean SciPy CSC matrix (outputs, inputs), sorted, without duplicates.
        low_rank: True if f holds integrals; then df/dy = S + L (1 - M)^-1 R and ``pattern``, ``fill`` and ``sparse`` mean S alone.
        compiled: the kernel that writes all values; blocks: where they stand in S (and L, R, M), see ``ir.jacobian.Block``.

    ``p``: the parameter vector, read anew at each call.
    """

    def __init__(self, kernel: Kernel, p: Array, target: str = "llvm") -> None:
        slots = jacobian_slots(kernel)
        self.compiled = compile_kernel(slots.kernel, target)
        self.p = p
        self._buffer = np.empty(slots.kernel.output_size)
        self.blocks = tuple(b for b in (slots.direct, slots.left, slots.right, slots.between) if b is not None)
        self._direct = Gather(slots.direct, native=target == "llvm")
        self._factors = tuple(Gather(b) for b in (slots.left, slots.right, slots.between) if b is not None)
        self.pattern = self._direct.pattern

    @property
    def low_rank(self) -> bool:
        return bool(self._factors)

    @property
    def source(self) -> str:
        return self.compiled.source

    def fill(self, t: float, y: Array, data: Array, p: Array | None = None) -> None:
        """Write the values of S into ``data``, (nnz,), in the order of ``pattern``; y: (n,) contiguous. Nothing is checked."""
        self._direct.fill(self._slots(t, y, p), data)

    def sparse(self, t: float, y: Array, p: Array | None = None) -> Any:
        """S as a CSC matrix, the whole derivative where there are no integrals."""
        return self._direct.matrix(self._slots(t, y, p))

    def __call__(self, t: float, y: Array, p: Array | None = None) -> Any:
        """df/dy at (t, y): a CSC matrix, or a ``SparsePlusLowRank`` operator where f holds integrals."""
        slots = self._slots(t, y, p)
        if not self.low_rank:
            return self._direct.matrix(slots)
        from symnum.codegen.low_rank import SparsePlusLowRank

        left, right, between = (g.matrix(slots) for g in self._factors)
        return SparsePlusLowRank.from_blocks(self._direct.matrix(slots), left, right, between)

    def _slots(self, t: float, y: Array, p: Array | None) -> Array:
        self.compiled.function(t, y, self.p if p is None else p, self._buffer)
        return self._buffer
