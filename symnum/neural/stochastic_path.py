"""Steps of a stochastic solve: nodes of a binary tree of time intervals, along which the Brownian path of a seed is known.

The same walk, first step and control as in ``solvers.embedded.stochastic.driver``, and the same path: a rejected step is cut in two, after an
accepted one the next is the largest node that begins there, cut down to what the controller wants. So a seed means one path, here and in
``sn.solve``, for any tolerance and method; number i of the flattened state has process i.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

import torch
from numpy.typing import NDArray
from torch import Tensor

from symnum.solvers.embedded.stochastic.driving import depth_of
from symnum.solvers.embedded.stochastic.path import BrownianPath

OWN = 2**62  # the root of a step beside the solve's: no solve has so many roots
TOO_DEEP = 50  # levels of steps; the rest of the tree is for save times inside a step


@dataclass(frozen=True)
class Node:
    """An interval of length root_length/2^level, the number ``index`` of its level, below a root."""

    root: int
    level: int
    index: int
    root_length: float

    @property
    def h(self) -> float:
        return self.root_length / 2.0**self.level


class Path(BrownianPath):
    """The path of a seed for m processes. The last pair of nodes of each level is kept, 4 m numbers: steps that follow each other share them."""

    def __init__(self, seed: int, columns: int) -> None:
        super().__init__(seed, columns, depth_of(columns))
        self._pairs: dict[int, tuple[tuple[int, int, float], list[tuple[NDArray, NDArray]]]] = {}

    def node(self, root: int, level: int, index: int, length: float) -> tuple[NDArray, NDArray]:
        """W and H of a node whose root has the given length."""
        if level == 0:
            return super().node(root, 0, 0, length)
        key, (known, pair) = (root, index >> 1, length), self._pairs.get(level, (None, []))
        if known != key:
            above = self.node(root, level - 1, index >> 1, length)
            pair = self._halves(root, level - 1, index >> 1, length / 2.0 ** (level - 1), *above)
            if root != OWN:
                self._pairs[level] = key, pair
        return pair[index & 1]

    def over(self, node: Node, share: float, like: Tensor) -> tuple[Tensor, Tensor]:
        """The increment w and the mean a of the path over the first ``share`` of a node, as tensors like the state."""
        made = self.increment(node.root, node.level, node.index, node.root_length, share)
        w, a = (torch.as_tensor(v, dtype=like.dtype, device=like.device).reshape(like.shape) for v in made)
        return w, a


class Walk:
    """The choice of steps over an interval, in plain numbers: it has no gradient.

    Args:
        start, end: of the interval. wanted: length of the first step. order: the error of a step is O(h^order). deepest: level of the shortest step.
        fixed: length of all steps instead, rounded down to a fraction of the interval; M 2^k of them, M odd, have M roots.
    """

    def __init__(self, start: float, end: float, wanted: float, order: float, deepest: int, fixed: float = 0.0) -> None:
        self.start, self.end, self.order, self.fixed = start, end, order, fixed
        self.deepest = min(deepest, TOO_DEEP)
        span, self.roots = end - start, 1
        if fixed:
            self.roots = ceil((1 - 1e-12) * span / fixed)
            wanted = span / self.roots
            level = 0
            while self.roots % 2 == 0 and level < self.deepest:
                self.roots, level = self.roots // 2, level + 1
        self.wanted, self.root_length = wanted, span / self.roots
        self.root, self.level, self.index = 0, 0, 0
        self.rejecting = False

    @property
    def t(self) -> float:
        """Where the walk stands."""
        if self.root >= self.roots:
            return self.end
        return self.start + (self.root * self.root_length + self.index * self.node.h)

    @property
    def node(self) -> Node:
        return Node(self.root, self.level, self.index, self.root_length)

    @property
    def too_small(self) -> bool:
        """Is there no shorter step?"""
        return self.level >= self.deepest

    def choose(self) -> Node:
        """The step to try: down the tree to a node that is not longer than wanted."""
        while self.level < self.deepest and self.node.h > self.wanted * (1 + 1e-9):
            self.level, self.index = self.level + 1, 2 * self.index
        return self.node

    def accept(self, error: float) -> None:
        """Go on after a step."""
        factor = min(5.0, max(0.2, 0.9 * max(error, 1e-10) ** (-1 / self.order)))
        if not self.fixed:
            self.wanted = self.node.h * (min(1.0, factor) if self.rejecting else factor)
        self.rejecting = False
        self.index += 1
        while self.level > 0 and self.index % 2 == 0:
            self.level, self.index = self.level - 1, self.index // 2
        if self.level == 0:
            self.root, self.index = self.root + self.index, 0

    def reject(self, error: float | None) -> None:
        """Half the step or less; a quarter where its numbers were not finite (None)."""
        self.rejecting = True
        share = 0.25 if error is None else min(0.5, max(0.2, 0.9 * error ** (-1 / self.order)))
        self.wanted = self.node.h * share


def first_step(rtol: float, d1: float, d0: float, span: float) -> float:
    """The first step from the sizes d1 of the drift and d0 of the noise: they move the state by rtol^(1/3) of its scale at most."""
    r = min(max(rtol, 1e-10), 1.0)
    drift, noise = max(r * d1, 1e-300), max(r * d0, 1e-150)
    return min(span / 8, r ** (2 / 3) / drift, r ** (2 / 3) / noise**2)
