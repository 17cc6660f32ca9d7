"""Central differences of any even order; one-sided windows of the same order where a closed side cuts the stencil off.

A scheme module offers ``stencil`` and ``check``; see ``stencil`` for the contract.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from symnum.discretisation.weights import stencil_weights
from symnum.errors import DiscretisationError

Stencil = list[tuple[Fraction, Fraction]]


def check(order: int, closed: bool) -> None:
    """DiscretisationError if this scheme has no such order on periodic (or closed) axes."""
    if not isinstance(order, int) or order < 2 or order % 2:
        raise DiscretisationError(f"central differences have the orders 2, 4, 6, ..., not {order!r}; write order=2")
    if closed and order != 2:
        raise DiscretisationError(
            f"order={order} needs periodic sides with this version; a side with a boundary condition has order 2. Write order=2, or sn.periodic(x)"
        )


def stencil(
    derivative: int, order: int, *, staggered: bool, limits: tuple[Fraction, Fraction] | None = None, size: int = 0
) -> Stencil:
    """Offsets and weights for unit spacing: f^(m) ~ sum weight*f(offset).

    Args:
        derivative: m >= 0 (0 with ``staggered``: interpolation to a midpoint).
        order: order of accuracy.
        staggered: the nodes lie half a spacing from the point (midpoints of a grid of nodes).
        limits: smallest and largest offset that exist on this side of a closed axis; the window slides inside them.
        size: number of nodes when the window slides (default derivative + order).
    """
    offsets = _centred(derivative, order, staggered)
    if limits is not None and (offsets[0] < limits[0] or offsets[-1] > limits[1]):
        offsets = _slid(derivative, order, staggered, limits, size)
    weights = stencil_weights(offsets, derivative)
    return [(x, w) for x, w in zip(offsets, weights, strict=True) if w != 0]


def _centred(m: int, order: int, staggered: bool) -> list[Fraction]:
    if staggered:
        count = max((m + order) // 2, 1)
        return [Fraction(2 * k + 1, 2) for k in range(-count, count)]
    radius = (m + 1) // 2 - 1 + order // 2
    return [Fraction(k) for k in range(-radius, radius + 1)]


def _slid(m: int, order: int, staggered: bool, limits: tuple[Fraction, Fraction], size: int) -> list[Fraction]:
    count = size or m + order
    shift = Fraction(1, 2) if staggered else Fraction(0)
    first = Fraction(ceil(limits[0] - shift)) + shift
    last = Fraction(floor(limits[1] - shift)) + shift
    if last - first + 1 < count:
        raise DiscretisationError(
            f"a derivative of order {m} at accuracy {order} needs {count} grid points in a row, the axis has "
            f"{int(last - first + 1)}; raise resolution"
        )
    start = min(max(first, -Fraction(count // 2) + shift), last - count + 1)
    return [start + k for k in range(count)]
