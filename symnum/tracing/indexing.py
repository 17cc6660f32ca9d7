"""Reading and writing parts of a traced array: slices, index arrays, masks.

Slices are views of the dummy array. Constant index arrays and masks are looked at as positions in memory: runs of equal steps along each axis become
slices (``u[(i + 1) % n]`` a roll); what has no such structure is refused, because loops over regions cannot express it.
"""

from __future__ import annotations

from itertools import product
from types import EllipsisType
from typing import Any, NamedTuple

import numpy as np

from symnum.tracing.cell import apply, cast, scalar
from symnum.tracing.graph import Assembly, Const, Node, broadcast, view
from symnum.tracing.maps import Map, Part
from symnum.tracing.overlay import Layer, Overlay
from symnum.tracing.proxy import Traced, fresh, node_of
from symnum.tracing.sites import refusal
from symnum.tracing.ufuncs import select, truth

_RUNS = 256  # pieces of an index array; a small array may have as many as it has values


class Run(NamedTuple):
    """Indices ``start <= k < stop`` of an axis whose memory positions are ``first + step*(k - start)``; ``wrap``: a roll around n."""

    start: int
    stop: int
    first: int
    step: int
    wrap: int = 0


def picked(array: Traced, key: Any) -> Any:
    """``array[key]``."""
    key = _key(key)
    if _basic(key):
        seen = array.seen[(*key, ...) if ... not in key else key]
        if all(isinstance(k, (int, np.integer)) for k in key) and len(key) == array.ndim:
            return fresh(array.graph, scalar(array.graph, array.cell.read(seen)))
        return array.window(seen)
    mask = _unknown_mask(key)
    if mask is not None:
        from symnum.tracing.masked import Masked

        return Masked(array.copy(), mask)
    if isinstance(array.node, Const):
        return fresh(array.graph, Const(array.node.values[tuple(_known(k) for k in key)]))
    positions = _positions(array, key)
    return fresh(array.graph, _gathered(array, positions))


def put(array: Traced, key: Any, value: Any) -> None:
    """``array[key] = value``."""
    key = _key(key)
    mask = _unknown_mask(key)
    if mask is not None:
        _put_where(array, mask, value)
        return
    node = node_of(array.graph, value)
    if _basic(key):
        seen = array.seen[(*key, ...) if ... not in key else key]
        if isinstance(value, Traced) and value.cell is array.cell and _same(value.seen, seen):
            return  # u[1:] += v writes the slice, then puts it in its own place
        array.assign(seen, _shape_checked(node, seen.shape))
        return
    if isinstance(array.node, Const) and isinstance(node, Const):
        values = array.node.values.copy()
        values[tuple(_known(k) for k in key)] = node.values
        array.cell.write(array.seen, Const(values))
        return
    positions = _positions(array, key)
    spread = broadcast(_shape_checked(node, positions.shape), positions.shape)
    for box, seen in _slices(array, positions):
        maps = [(Part(k, s, a),) for (k, (a, _)), s in zip(enumerate(box), _strides(spread.shape), strict=True)]
        part = (
            view(spread, Map(0, tuple(p for (p,) in maps)), seen.shape)
            if not isinstance(spread, Const)
            else Const(spread.values[tuple(slice(a, b) for a, b in box)])
        )
        array.assign(seen, part)


def _shape_checked(node: Node, shape: tuple[int, ...]) -> Node:
    """A value that fits into the shape, axes of length 1 in front dropped as NumPy does."""
    while len(node.shape) > len(shape) and node.shape[0] == 1:
        node = (
            Const(node.values[0])
            if isinstance(node, Const)
            else view(node, Map(0, tuple(Part(k, s) for k, s in enumerate(_strides(node.shape[1:])))), node.shape[1:])
        )
    try:
        fits = np.broadcast_shapes(node.shape, shape) == shape
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"could not broadcast input array from shape {node.shape} into shape {shape}")
    return node


def _strides(shape: tuple[int, ...]) -> list[int]:
    return [int(np.prod(shape[k + 1 :], dtype=int)) for k in range(len(shape))]


def _same(a: np.ndarray, b: np.ndarray) -> bool:
    return (
        a.shape == b.shape
        and a.strides == b.strides
        and a.__array_interface__["data"][0] == b.__array_interface__["data"][0]
    )


# --- keys -------------------------------------------------------------------------------------------------------------


def _key(key: Any) -> tuple[Any, ...]:
    return tuple(map(_entry, key)) if isinstance(key, tuple) else (_entry(key),)


def _entry(k: Any) -> Any:
    """Known traced values as NumPy's, lists as arrays, parts of slices as ints."""
    if isinstance(k, Traced):
        node = k.node
        if isinstance(node, Const):
            return node.values[()] if not node.shape else node.values
        if node.dtype.kind == "b" and node.shape:
            return k
        raise refusal(
            "An index that depends on values cannot be traced",
            "Take indices from constants or shapes; choose between values with np.where",
        )
    if isinstance(k, slice):
        return slice(*(v if v is None else v.__index__() for v in (k.start, k.stop, k.step)))
    return np.asarray(k) if isinstance(k, (list, tuple)) else k


def _basic(key: tuple[Any, ...]) -> bool:
    return all(
        k is None
        or isinstance(k, (slice, EllipsisType))
        or (isinstance(k, (int, np.integer)) and not isinstance(k, bool))
        for k in key
    )


def _unknown_mask(key: tuple[Any, ...]) -> Traced | None:
    masks = [k for k in key if isinstance(k, Traced)]
    if not masks:
        return None
    if len(key) > 1:
        raise refusal(
            "A mask of traced values beside other indices cannot be traced", "Use np.where(mask, a, b) on whole arrays"
        )
    return masks[0]


def _known(k: Any) -> Any:
    return k


def _put_where(array: Traced, mask: Traced, value: Any) -> None:
    """``array[mask] = value`` for a number or for values under the same mask: chosen element by element."""
    from symnum.tracing.masked import Masked, same_mask

    here = mask.node
    if here.shape != array.shape[: len(here.shape)]:
        raise IndexError(f"boolean index of shape {here.shape} does not match an array of shape {array.shape}")
    if isinstance(value, Masked) and not same_mask(mask, value.mask):
        raise refusal("Values under one mask are put under another", "Write np.where(mask, a, b) on whole arrays")
    node = cast(node_of(array.graph, value.values if isinstance(value, Masked) else value), array.dtype)
    if not isinstance(value, Masked):
        if node.size != 1:
            raise refusal(
                "A mask of traced values takes a number, or values under the same mask",
                "Write u = np.where(mask, a, u)",
            )
        node = node if not node.shape else fresh(array.graph, node).reshape(()).node
    spread = fresh(array.graph, here).reshape(here.shape + (1,) * (array.ndim - len(here.shape))).node
    chosen = apply(lambda c, a, b: select(truth(c), a, b), (spread, node, array.node), array.dtype, 1.0)
    array.assign(array.seen, chosen)


# --- constant index arrays ----------------------------------------------------------------------------------------------


def _positions(array: Traced, key: tuple[Any, ...]) -> np.ndarray:
    """Where in memory the elements ``array[key]`` lie; of the shape of the result."""
    memory = np.zeros((), dtype=np.int64)
    for axis, (n, stride) in enumerate(zip(array.shape, array.seen.strides, strict=True)):
        memory = memory + (np.arange(n) * stride).reshape([-1] + [1] * (array.ndim - axis - 1))
    start = array.seen.__array_interface__["data"][0] - array.cell.base.__array_interface__["data"][0]
    found: np.ndarray = np.broadcast_to(memory, array.shape)[key] + start
    return found


def _runs(positions: np.ndarray, whole: bool) -> list[Run]:
    """An axis cut where the step changes."""
    n = len(positions)
    if n == 1:
        return [Run(0, 1, int(positions[0]), 0)]
    steps = np.diff(positions)
    if whole and (found := _around(positions, steps)):
        return [found]
    result, start = [], 0
    while start < n:
        if start == n - 1:
            stop = n
        else:
            changes = np.flatnonzero(steps[start:] != steps[start])
            stop = start + int(changes[0]) + 1 if len(changes) else n
        result.append(Run(start, stop, int(positions[start]), int(steps[start]) if stop > start + 1 else 0))
        start = stop
    return result


def _around(positions: np.ndarray, steps: np.ndarray) -> Run | None:
    """An axis whose positions go around: ``lowest + step*((k + shift) mod m)``, as rolls and periodic paddings do."""
    n = len(positions)
    step = int(np.median(steps))
    if n < 3 or step == 0 or (steps == step).all():
        return None
    lowest = int(positions.min() if step > 0 else positions.max())
    period = (int(positions.max() if step > 0 else positions.min()) - lowest) // step + 1
    shift = (int(positions[0]) - lowest) // step
    around = lowest + step * ((np.arange(n) + shift) % period)
    return Run(0, n, lowest, step, period) if period > 2 and (around == positions).all() else None


def _separated(positions: np.ndarray) -> list[np.ndarray] | None:
    """One row of positions an axis, whose sums (less the first position) are all positions; None where there are none."""
    first = positions[(0,) * positions.ndim]
    rows = [positions[(0,) * k + (slice(None),) + (0,) * (positions.ndim - k - 1)] for k in range(positions.ndim)]
    total = np.asarray(first)
    for k, row in enumerate(rows):
        total = total + (row - first).reshape([-1] + [1] * (positions.ndim - k - 1))
    return rows if (total == positions).all() else None


def _axis_runs(positions: np.ndarray, whole: bool) -> list[list[Run]]:
    rows = _separated(positions)
    if rows is None:
        raise refusal(
            "This index array has no pattern of slices along its axes",
            "Index one axis at a time, or use slices and np.roll",
        )
    runs = [_runs(row, whole) for row in rows]
    many = int(np.prod([len(r) for r in runs]))
    if many > _RUNS and positions.size > 1024:
        raise refusal(
            f"An index array of {many} separate pieces cannot become loops",
            "Order the data so that neighbours are slices",
        )
    return runs


def _slices(array: Traced, positions: np.ndarray) -> list[tuple[tuple[tuple[int, int], ...], np.ndarray]]:
    """Boxes of the index array with the view of the memory that each names."""
    if 0 in positions.shape:
        return []
    result = []
    memory = array.cell.base.reshape(-1)
    for choice in product(*_axis_runs(positions, whole=False)):
        box = tuple((r.start, r.stop) for r in choice)
        first = int(positions[tuple(r.start for r in choice)])
        lengths, steps = [r.stop - r.start for r in choice], [r.step for r in choice]
        result.append((box, np.lib.stride_tricks.as_strided(memory[first:], lengths, steps)))
    return result


def _gathered(array: Traced, positions: np.ndarray) -> Node:
    """The elements at constant positions as one node."""
    if 0 in positions.shape:
        return Const(np.zeros(positions.shape, array.dtype))
    if not positions.ndim:
        return view(array.cell.node, Map(int(positions)), ())
    whole = array.cell.node
    first = int(positions[(0,) * positions.ndim])
    overlay = Overlay(Const(np.zeros(positions.shape, array.dtype)), positions.shape)
    pieces = list(product(*_axis_runs(positions, whole=True)))
    for choice in pieces:
        offset, parts = first, []
        for axis, run in enumerate(choice):
            at_first = int(positions[(0,) * axis + (0,) + (0,) * (positions.ndim - axis - 1)])
            offset += run.first - at_first
            if run.wrap:
                parts.append(Part(axis, run.step, (at_first - run.first) // run.step, run.wrap))
            elif run.step:
                parts.append(Part(axis, run.step))
        shape = tuple(r.stop - r.start for r in choice)
        node = view(whole, Map(offset, tuple(parts)), shape)
        if len(pieces) == 1:
            return node
        overlay.write(Layer(tuple(r.start for r in choice), (1,) * len(shape), node, ""))
    return Assembly(overlay, array.dtype)
