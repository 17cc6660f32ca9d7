"""Room for the results of calls, used again when the arrays of an earlier call are gone.

A large array that is new to the process costs a page fault for every 4096 bytes that are first written, several times what a fused kernel takes for
them. So a kernel keeps the memory of its last results, and gives it out again as soon as nobody else holds an array or a view of it.
"""

from __future__ import annotations

import sys
from threading import Lock

import numpy as np

from symnum.codegen.placement import output_vector

_WORTH = 2**14  # values below which new memory costs next to nothing
_KEPT = 2  # sets of results: the last one, and the one before that a loop still reads

Blocks = list[np.ndarray]
Holders = tuple[int, ...]  # references to the memory of each block


class Room:
    """Vectors of given sizes and dtype: ``take`` them, make views, ``put`` them back at once. They rest until the views are gone."""

    def __init__(self, sizes: list[int], dtype: str) -> None:
        self.sizes, self.dtype = sizes, dtype
        self._kept = sum(sizes) >= _WORTH
        self._resting: list[tuple[Blocks, Holders]] = []
        self._lock = Lock()

    def take(self, given: int = 0) -> tuple[Blocks, Holders]:
        """Vectors that nobody else holds, their values not set; and how many hold them now. ``given``: the address of an argument."""
        if self._kept:
            with self._lock:
                for k, (blocks, alone) in enumerate(self._resting):
                    if _holders(blocks) == alone:
                        return self._resting.pop(k)
        blocks = [output_vector(size, dtype=self.dtype, given=given) for size in self.sizes]
        return blocks, _holders(blocks) if self._kept else ()

    def put(self, blocks: Blocks, alone: Holders) -> None:
        """Keep vectors of which views have been made."""
        if self._kept:
            with self._lock:
                self._resting = [*self._resting, (blocks, alone)][-_KEPT:]


def _holders(blocks: Blocks) -> Holders:
    return tuple([sys.getrefcount(b if b.base is None else b.base) for b in blocks])
