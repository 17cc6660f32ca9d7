"""The Brownian path of a seed in NumPy: the meaning of ``codegen.brownian_code``, and what tests compare it with."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def keys(seed: int) -> NDArray[np.uint64]:
    """The two words of the generator's key; different seeds give independent paths."""
    return np.asarray(np.random.SeedSequence(seed).generate_state(2, np.uint64), dtype=np.uint64)


class BrownianPath:
    """Increments of m Wiener processes over the nodes of a tree (see ``codegen.brownian_code``); nothing is kept but the seed.

    Args: depth: the level below which the path is not refined.
    """

    def __init__(self, seed: int, columns: int, depth: int = 60) -> None:
        self.keys, self.m, self.depth = keys(seed), columns, depth

    def normals(self, root: int, level: int, index: int) -> tuple[Array, Array]:
        """Two standard normal numbers a process, (m,) each, of a node (for a split: of the level below it)."""
        blocks = (self.m + 1) // 2
        counter = np.array([0, index, level, root], dtype=np.uint64)
        words = _philox(self.keys, counter, blocks).reshape(2 * blocks, 2)[: self.m]
        u = ((words >> np.uint64(12)) | np.uint64(0x3FF0000000000000)).view(np.float64) - (1.0 - 2.0**-53)
        radius, angle = np.sqrt(-2.0 * np.log(u[:, 0])), 2.0 * np.pi * u[:, 1]
        return radius * np.cos(angle), radius * np.sin(angle)

    def node(self, root: int, level: int, index: int, length: float) -> tuple[Array, Array]:
        """W and H of a node whose root has the given length."""
        z, n = self.normals(root, 0, 0)
        w, area = np.sqrt(length) * z, np.sqrt(length / 12) * n
        h = length
        for k in range(level):
            above = index >> (level - k)
            side = (index >> (level - k - 1)) & 1
            w, area = self._halves(root, k, above, h, w, area)[side]
            h /= 2
        return w, area

    def _halves(self, root: int, level: int, index: int, h: float, w: Array, area: Array) -> list[tuple[Array, Array]]:
        z, n = self.normals(root, level + 1, index)
        z, n = np.sqrt(h / 16) * z, np.sqrt(h / 12) * n
        left = (w / 2 + 1.5 * area + z, area / 4 - z / 2 + n / 2)
        return [left, (w / 2 - 1.5 * area - z, area / 4 - z / 2 - n / 2)]

    def increment(self, root: int, level: int, index: int, length: float, share: float = 1.0) -> tuple[Array, Array]:
        """w = W(t + h) - W(t) and a = 1/h int (W(s) - W(t)) ds, (m,), over the first ``share`` of a node."""
        w, area = self.node(root, level, index, length)
        if share >= 1:
            return w, w / 2 + area
        h = length / 2.0**level
        rest, total, sofar, integral = h * share, h * share, np.zeros(self.m), np.zeros(self.m)
        for k in range(level, self.depth):
            if rest <= 0:
                break
            left, right = self._halves(root, k, index, h, w, area)
            h /= 2
            w, area = left
            index *= 2
            if rest >= h:
                integral = integral + h * (left[0] / 2 + left[1] + sofar)
                sofar = sofar + left[0]
                rest -= h
                w, area = right
                index += 1
        return sofar, integral / total if total else integral


def _philox(key: Any, counter: Any, blocks: int) -> NDArray[np.uint64]:
    """``blocks`` blocks of four words, the first word of the counter running up from the one given."""
    # NumPy counts up before it makes a block, so it begins one below
    start = sum(int(word) << (64 * i) for i, word in enumerate(counter)) - 1
    words = np.array([(start >> (64 * i)) & (2**64 - 1) for i in range(4)], dtype=np.uint64)
    return np.asarray(np.random.Philox(counter=words, key=key).random_raw(4 * blocks), dtype=np.uint64)
