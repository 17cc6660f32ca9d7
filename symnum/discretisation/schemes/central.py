"""Central differences of any even order; windows moved inwards where a closed side cuts the stencil off (``closure``).

A scheme module offers ``stencil`` and ``check``; see ``stencil`` for the contract. ``SHELLS = True``: stencils near closed sides depend
on the layer alone, so a whole shell of layers can be one region that reads its weights from tables. ``CLOSURES``: the closures of each
order, from which discretisation takes the first whose eigenvalues do not grow.
"""

from __future__ import annotations

from fractions import Fraction
from math import ceil, floor

from symnum.discretisation.closure import CLOSURES, Closure
from symnum.discretisation.weights import stencil_weights
from symnum.errors import DiscretisationError

__all__ = ["CLOSURES", "SHELLS", "check", "stencil"]

Stencil = list[tuple[Fraction, Fraction]]
SHELLS = True


_HIGHEST = 100


def check(order: int, closed: bool) -> None:
    """DiscretisationError if this scheme has no such order on periodic (or closed) axes."""
    if not isinstance(order, int) or order < 2 or order % 2:
        raise DiscretisationError(f"central differences have the orders 2, 4, 6, ..., not {order!r}; write order=2")
    if order > _HIGHEST:
        raise DiscretisationError(
            f"central differences of an order above {_HIGHEST} are not better in double precision; write order=8, or scheme=\"fourier\""
        )
    if closed and order > max(CLOSURES):
        raise DiscretisationError(
            f"order={order} needs periodic sides; sides with conditions have the orders 2, 4 and 6. Write order=6, or sn.periodic(x)"
        )


def stencil(
    derivative: int,
    order: int,
    *,
    staggered: bool,
    limits: tuple[Fraction, Fraction] | None = None,
    closure: Closure | None = None,
) -> Stencil:
    """Offsets and weights for unit spacing: f^(m) ~ sum weight*f(offset).

    Args:
        derivative: m >= 0 (0 with ``staggered``: interpolation to a midpoint).
        order: order of accuracy.
        staggered: the nodes lie half a spacing from the point (midpoints of a grid of nodes).
        limits: smallest and largest offset that exist on this side of a closed axis; the window slides inside them.
        closure: how many nodes the window has when it slides, and what it adds; None: m + p nodes, which keeps the order.
    """
    offsets = _centred(derivative, order, staggered)
    if limits is None or (limits[0] <= offsets[0] and offsets[-1] <= limits[1]):
        return _weighted(offsets, derivative)
    size = closure.size(derivative, order, staggered) if closure else derivative + order
    window = _slid(derivative, order, staggered, limits, size)
    if closure and derivative == 1 and not staggered:
        return _corrected(window, order, limits, closure)
    return _weighted(window, derivative)


def _weighted(offsets: list[Fraction], derivative: int) -> Stencil:
    weights = stencil_weights(offsets, derivative)
    return [(x, w) for x, w in zip(offsets, weights, strict=True) if w != 0]


def _corrected(window: list[Fraction], order: int, limits: tuple[Fraction, Fraction], closure: Closure) -> Stencil:
    """A first derivative at a side: the window and a multiple of the p-th difference over the nodes from the side on."""
    total = dict(_weighted(window, 1))
    lower = -limits[0] < limits[1]
    layer = int(-limits[0] if lower else limits[1])
    for j, c in enumerate(closure.correction(layer, order)):
        node, c = (limits[0] + j, c) if lower else (limits[1] - j, -c)  # a mirrored first derivative changes its sign
        total[node] = total.get(node, Fraction(0)) + c
    return sorted((x, w) for x, w in total.items() if w != 0)


def _centred(m: int, order: int, staggered: bool) -> list[Fraction]:
    if staggered:
        count = max((m + order) // 2, 1)
        return [Fraction(2 * k + 1, 2) for k in range(-count, count)]
    radius = (m + 1) // 2 - 1 + order // 2
    return [Fraction(k) for k in range(-radius, radius + 1)]


def _slid(m: int, order: int, staggered: bool, limits: tuple[Fraction, Fraction], count: int) -> list[Fraction]:
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
