"""``u[mask]`` for a mask of traced values: the values of the whole array, to be put back under the same mask.

Its length is not known, but what people do with it needs none: ``d[u > 0] = a*u[u > 0]`` is ``np.where(u > 0, a*u, d)``. Numbers and arrays taken
under the same mask may be combined with it, and it may be summed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.mixins import NDArrayOperatorsMixin

from symnum.tracing.graph import Graph, Node
from symnum.tracing.maps import identity
from symnum.tracing.proxy import Traced
from symnum.tracing.pull import NeedsLocal, Puller, Refine
from symnum.tracing.sites import refusal


class Masked(NDArrayOperatorsMixin):
    """``values`` where ``mask`` holds, both whole arrays."""

    __slots__ = ("mask", "values")
    __hash__ = None  # type: ignore[assignment]
    __array_priority__ = 1001.0

    def __init__(self, values: Any, mask: Traced) -> None:
        self.values, self.mask = values, mask

    def __repr__(self) -> str:
        return "u[mask] for a mask that depends on values (write np.where(mask, a, b))"

    @property
    def ndim(self) -> int:
        return self.values.ndim - self.mask.ndim + 1

    @property
    def dtype(self) -> np.dtype:
        return self.values.dtype

    def __len__(self) -> int:
        return self._refuse("length")

    @property
    def shape(self) -> tuple[int, ...]:
        return self._refuse("shape")

    @property
    def size(self) -> int:
        return self._refuse("size")

    def __getitem__(self, key: Any) -> Any:
        return self._refuse("part")

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray:
        return self._refuse("array")

    def _refuse(self, what: str) -> Any:
        raise refusal(
            f"The {what} of u[mask] depends on values when the mask does",
            "Write np.where(mask, a, b), which keeps the shape",
        )

    def sum(self) -> Any:
        """Of the values under the mask."""
        return np.sum(np.where(self.mask, self.values, 0))

    def mean(self) -> Any:
        return self.sum() / np.sum(self.mask)

    def copy(self) -> Masked:
        return Masked(self.values.copy(), self.mask)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        options.pop("out", None)  # d[mask] += v puts the sum back itself
        if method != "__call__" or options:
            return self._refuse("reduction")
        for other in inputs:
            if isinstance(other, Masked) and not same_mask(self.mask, other.mask):
                raise refusal(
                    "Values under two different masks are combined", "Write np.where(mask, a, b) on whole arrays"
                )
            if not isinstance(other, Masked) and np.ndim(other):
                raise refusal("Values under a mask and a whole array are combined", "Index the array with the mask too")
        whole = [other.values if isinstance(other, Masked) else other for other in inputs]
        return Masked(ufunc(*whole), self.mask)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        if function in (np.sum, np.mean) and len(args) == 1 and not options:
            return getattr(self, function.__name__)()
        return self._refuse(f"np.{function.__name__}")


def same_mask(a: Traced, b: Traced) -> bool:
    """Equal as expressions at every point."""
    if a.node is b.node:
        return True
    first, second = _terms(a.graph, a.node), _terms(b.graph, b.node)
    return a.shape == b.shape and first is not None and first == second


def _terms(graph: Graph, node: Node) -> Any:
    try:
        return Puller(graph, {}, lambda axis, n: True).pull(node, identity(len(node.shape)), node.box)
    except (NeedsLocal, Refine):
        return None
