"""Shape and bounds checks of kernels, in the words of the user's equations. Runs once, when a kernel is made."""

from __future__ import annotations

from itertools import combinations
from math import prod

from symnum.errors import TargetError
from symnum.expr.walk import postorder
from symnum.ir.kernel import Array, Kernel, Let, LoadInfo, Loop, Statement, Store

Box = tuple[tuple[int, int], ...]
Ranges = dict[int, tuple[int, int]]


def check(kernel: Kernel) -> Kernel:
    """Give the kernel back if every load stays inside its array and every output value is stored exactly once; else TargetError."""
    boxes: dict[str, list[Box]] = {a.name: [] for a in kernel.outputs}
    _check_body(kernel, kernel.body, {}, set(), boxes)
    for array in kernel.outputs:
        stored = sum(prod(stop - start for start, stop in box) for box in boxes[array.name])
        twice = next((pair for pair in combinations(boxes[array.name], 2) if _overlap(*pair)), None)
        if twice is not None:
            raise TargetError(
                f"{kernel.name}: values of {array.field} are stored twice, over {twice[0]} and over {twice[1]}"
            )
        if stored != array.size:
            raise TargetError(f"{kernel.name}: {stored} of the {array.size} values of {array.field} are stored")
    return kernel


def _overlap(a: Box, b: Box) -> bool:
    return all(max(p[0], q[0]) < min(p[1], q[1]) for p, q in zip(a, b, strict=True))


def _check_body(
    kernel: Kernel, body: tuple[Statement, ...], ranges: Ranges, known: set[str], boxes: dict[str, list[Box]]
) -> None:
    known = set(known)
    for statement in body:
        if isinstance(statement, Loop):
            _check_loop(kernel, statement, ranges)
            inner = ranges | {statement.axis: (statement.start, statement.stop)}
            _check_body(kernel, statement.body, inner, known, boxes)
        elif isinstance(statement, Let):
            _check_term(kernel, statement, ranges, known)
            if statement.symbol.name in known:
                raise TargetError(f"{kernel.name}: the temporary {statement.symbol} is set twice")
            known.add(statement.symbol.name)
        else:
            _check_term(kernel, statement, ranges, known)
            array = kernel.output(statement.array)
            _check_box(kernel, array, ranges, (0,) * len(array.axes), (False,) * len(array.axes), statement.origin)
            if len(ranges) > len(array.axes):
                raise TargetError(
                    f"{kernel.name}: {array.field} is stored inside a loop over an axis that it does not run along {statement.origin}"
                )
            boxes[array.name].append(tuple(ranges[axis] for axis in array.axes))


def _check_loop(kernel: Kernel, loop: Loop, ranges: Ranges) -> None:
    if loop.axis in ranges or not 0 <= loop.axis < len(kernel.periods):
        last = len(kernel.periods) - 1
        raise TargetError(
            f"{kernel.name}: a loop over axis {loop.axis} inside loops over {sorted(ranges)}; the grid has axes 0 to {last}"
        )
    if loop.stop <= loop.start:
        raise TargetError(f"{kernel.name}: the loop over axis {loop.axis} from {loop.start} to {loop.stop} is empty")


def _check_term(kernel: Kernel, statement: Let | Store, ranges: Ranges, known: set[str]) -> None:
    origin = statement.origin if isinstance(statement, Store) else ""
    nodes = list(postorder((statement.value,)))
    left = next((n for n in nodes if n.op in ("derivative", "integral")), None)
    if left is not None:
        raise TargetError(f"{kernel.name}: the {left.op} {left} was left in a kernel {origin}")
    for node in nodes:
        if node.op != "symbol":
            continue
        if node.kind == "load":  # type: ignore[attr-defined]
            info: LoadInfo = node.info  # type: ignore[attr-defined]
            _check_box(kernel, kernel.input(info.array), ranges, info.offsets, info.wrap, origin)
        elif node.kind == "index":  # type: ignore[attr-defined]
            if node.info not in ranges:  # type: ignore[attr-defined]
                raise TargetError(f"{kernel.name}: index {node} is used outside its loop {origin}")
        elif node.kind == "temporary":  # type: ignore[attr-defined]
            if node.name not in known:  # type: ignore[attr-defined]
                raise TargetError(f"{kernel.name}: {node} is used before it is set {origin}")
        elif node is not kernel.time and node not in kernel.parameters:
            raise TargetError(f"{kernel.name}: {node} has no value in this kernel {origin}")


def _check_box(
    kernel: Kernel, array: Array, ranges: Ranges, offsets: tuple[int, ...], wrap: tuple[bool, ...], origin: str
) -> None:
    for k, axis in enumerate(array.axes):
        if axis not in ranges:
            raise TargetError(f"{kernel.name}: {array.field} is used outside the loop of axis {axis} {origin}")
        start, stop = ranges[axis]
        low, high = start + offsets[k] - array.origin[k], stop - 1 + offsets[k] - array.origin[k]
        if wrap[k] and (array.origin[k] != 0 or array.shape[k] != kernel.periods[axis]):
            raise TargetError(
                f"{kernel.name}: {array.field} is read around the end of axis {axis} but does not span it {origin}"
            )
        inside = abs(offsets[k]) <= kernel.periods[axis] if wrap[k] else 0 <= low and high < array.shape[k]
        if not inside:
            raise TargetError(
                f"{kernel.name}: {array.field} is read at {low}..{high} along axis {axis}, it has {array.shape[k]} values {origin}"
            )
