"""Shape and bounds checks of kernels, in the words of the user's equations. Runs once, when a kernel is made."""

from __future__ import annotations

from math import prod

from symnum.errors import TargetError
from symnum.expr.term import Symbol, Term
from symnum.expr.walk import postorder_outside, symbols
from symnum.ir.check_memory import check_arrays
from symnum.ir.kernel import (
    STARTS,
    Accumulate,
    Array,
    Kernel,
    Let,
    LoadInfo,
    Loop,
    Statement,
    Store,
    memory_groups,
    statements,
)

Box = tuple[tuple[int, int], ...]
Ranges = dict[int, tuple[int, int]]


def check(kernel: Kernel) -> Kernel:
    """Give the kernel back if every load stays inside its array and its summed values are ready, every table covers its loop, and every
    output value is stored exactly once; else TargetError."""
    _check_names(kernel)
    check_arrays(kernel)
    _check_order(kernel)
    boxes: dict[str, list[Box]] = {a.name: [] for a in (*kernel.outputs, *kernel.locals)}
    _check_body(kernel, kernel.body, {}, set(), boxes)
    for array in (*kernel.outputs, *kernel.locals):
        stored = sum(prod(stop - start for start, stop in box) for box in boxes[array.name])
        twice = _overlapping(boxes[array.name])
        if twice is not None:
            raise TargetError(
                f"{kernel.name}: values of {array.field} are stored twice, over {twice[0]} and over {twice[1]}"
            )
        if stored != array.size and not kernel.is_local(array.name):
            raise TargetError(f"{kernel.name}: {stored} of the {array.size} values of {array.field} are stored")
    return kernel


def _check_names(kernel: Kernel) -> None:
    """Loads, sums and stores must mean one array."""
    for arrays, what in (
        ((*kernel.inputs, *kernel.locals, *(c.array for c in kernel.constants)), "read"),
        ((*kernel.outputs, *kernel.locals), "written"),
    ):
        names: set[str] = set()
        for array in arrays:
            if array.name in names:
                raise TargetError(f"{kernel.name}: two arrays that are {what} are called {array.name}")
            names.add(array.name)


def _check_order(kernel: Kernel) -> None:
    """Local arrays are complete before they are read: a load stands in a statement of the kernel after the last that writes to its memory."""
    if not kernel.locals:
        return
    written: dict[str, dict[str, int]] = {}  # array -> how ("add", "store", ...) -> the last statement that does
    read: dict[str, tuple[int, str]] = {}
    for position, top in enumerate(kernel.body):
        for s in statements((top,)):
            if isinstance(s, Accumulate | Store) and kernel.is_local(s.array):
                written.setdefault(s.array, {})["store" if isinstance(s, Store) else s.operation] = position
            if not isinstance(s, Loop):
                for symbol in symbols(s.value, "load"):
                    read.setdefault(symbol.info.array, (position, getattr(s, "origin", "")))
    for group in memory_groups(kernel.locals):
        ways = {way for array in group for way in written.get(array.name, ())}
        last = max((at for array in group for at in written.get(array.name, {}).values()), default=-1)
        if len(ways) > 1:
            raise TargetError(
                f"{kernel.name}: {group[0].field} is written in several ways ({', '.join(sorted(ways))}); give each an array of its own"
            )
        for array in group:
            if array.name not in read:
                continue
            position, origin = read[array.name]
            if not ways:
                raise TargetError(f"{kernel.name}: {array.field} is read but nothing is summed into it {origin}")
            if position <= last:
                how = "stored" if ways == {"store"} else "summed to the end"
                raise TargetError(f"{kernel.name}: {array.field} is read before it is {how} {origin}")


def _overlapping(boxes: list[Box]) -> tuple[Box, Box] | None:
    """Two boxes that share points, if there are such; one sweep along the first axis, as there may be thousands."""
    if boxes and not boxes[0]:
        return (boxes[0], boxes[1]) if len(boxes) > 1 else None
    open_boxes: list[Box] = []
    for box in sorted(boxes):
        open_boxes = [b for b in open_boxes if b[0][1] > box[0][0]]
        other = next((b for b in open_boxes if _overlap(b, box)), None)
        if other is not None:
            return other, box
        open_boxes.append(box)
    return None


def _overlap(a: Box, b: Box) -> bool:
    return all(max(p[0], q[0]) < min(p[1], q[1]) for p, q in zip(a, b, strict=True))


def _check_body(
    kernel: Kernel, body: tuple[Statement, ...], ranges: Ranges, known: set[str], boxes: dict[str, list[Box]]
) -> None:
    known = set(known)
    seen: dict[Term, None] = {}  # what one statement of this body may hold, the later ones may
    for statement in body:
        if isinstance(statement, Loop):
            _check_loop(kernel, statement, ranges)
            inner = ranges | {statement.axis: (statement.start, statement.stop)}
            _check_body(kernel, statement.body, inner, known, boxes)
        elif isinstance(statement, Let):
            _check_term(kernel, statement, ranges, known, seen)
            if statement.symbol.name in known:
                raise TargetError(f"{kernel.name}: the temporary {statement.symbol} is set twice")
            known.add(statement.symbol.name)
        else:
            _check_term(kernel, statement, ranges, known, seen)
            array = _target(kernel, statement)
            here = (False,) * len(array.axes)
            _check_box(
                kernel, array, ranges, LoadInfo(array.name, (0,) * len(array.axes), here, here), statement.origin
            )
            if isinstance(statement, Accumulate):
                continue
            if len(ranges) > len(array.axes):
                raise TargetError(
                    f"{kernel.name}: {array.field} is stored inside a loop over an axis that it does not run along {statement.origin}"
                )
            boxes[array.name].append(tuple(ranges[axis] for axis in array.axes))


def _target(kernel: Kernel, statement: Store | Accumulate) -> Array:
    """The array that a statement writes: outputs are stored, local arrays stored or summed up, nothing else."""
    array = kernel.readable[statement.array] if kernel.is_local(statement.array) else None
    verb, kind = "summed", "local array"
    if isinstance(statement, Store):
        array, verb, kind = array or kernel.writable.get(statement.array), "stored", "output"
    elif statement.operation not in STARTS:
        known = ", ".join(STARTS)
        raise TargetError(
            f"{kernel.name}: values are taken together by {statement.operation!r}; expected one of {known}"
        )
    if array is not None:
        return array
    raise TargetError(f"{kernel.name}: {statement.array} is {verb} but is no {kind} of this kernel {statement.origin}")


def _check_loop(kernel: Kernel, loop: Loop, ranges: Ranges) -> None:
    if loop.axis in ranges or not 0 <= loop.axis < len(kernel.periods):
        last = len(kernel.periods) - 1
        raise TargetError(
            f"{kernel.name}: a loop over axis {loop.axis} inside loops over {sorted(ranges)}; the grid has axes 0 to {last}"
        )
    if loop.stop <= loop.start:
        raise TargetError(f"{kernel.name}: the loop over axis {loop.axis} from {loop.start} to {loop.stop} is empty")


def _check_term(
    kernel: Kernel,
    statement: Let | Store | Accumulate,
    ranges: Ranges,
    known: set[str],
    seen: dict[Term, None],
) -> None:
    """Check the nodes that are not ``seen`` yet, and add them."""
    origin = "" if isinstance(statement, Let) else statement.origin
    nodes = []
    for node in postorder_outside(statement.value, seen):
        seen[node] = None
        nodes.append(node)
    left = next((n for n in nodes if n.op in ("derivative", "integral")), None)
    if left is not None:
        raise TargetError(f"{kernel.name}: the {left.op} {left} was left in a kernel {origin}")
    for node in nodes:
        if isinstance(node, Symbol):
            _check_symbol(kernel, node, ranges, known, origin)
    for node in nodes:
        if node.op == "table":
            _check_table(kernel, node, ranges, origin)


def _check_symbol(kernel: Kernel, node: Symbol, ranges: Ranges, known: set[str], origin: str) -> None:
    if node.kind == "load":
        array = kernel.readable.get(node.info.array)
        if array is None:
            raise TargetError(f"{kernel.name}: {node} reads an array that this kernel does not have {origin}")
        _check_box(kernel, array, ranges, node.info, origin)
    elif node.kind == "index":
        if node.info not in ranges:
            raise TargetError(f"{kernel.name}: index {node} is used outside its loop {origin}")
    elif node.kind == "temporary":
        if node.name not in known:
            raise TargetError(f"{kernel.name}: {node} is used before it is set {origin}")
    elif node is not kernel.time and node not in kernel.known_parameters:
        raise TargetError(f"{kernel.name}: {node} has no value in this kernel {origin}")


def _check_table(kernel: Kernel, node: Term, ranges: Ranges, origin: str) -> None:
    place = node.args[0]
    if not (isinstance(place, Symbol) and place.kind == "index"):
        raise TargetError(f"{kernel.name}: a table is read at {place}, which is no index {origin}")
    first, stop = node.data[0], node.data[0] + len(node.data) - 1
    start, end = ranges[place.info]
    if start < first or end > stop:
        raise TargetError(
            f"{kernel.name}: a table of the indices {first}..{stop - 1} of axis {place.info} is read at {start}..{end - 1} {origin}"
        )


def _check_box(kernel: Kernel, array: Array, ranges: Ranges, info: LoadInfo, origin: str) -> None:
    offsets, wrap = info.offsets, info.wrap
    if len(offsets) != len(array.axes):
        raise TargetError(
            f"{kernel.name}: {array.field} is read with {len(offsets)} offsets, it has {len(array.axes)} axes {origin}"
        )
    for k, axis in enumerate(array.axes):
        if info.fixed[k]:
            at = offsets[k] - array.origin[k]
            if not 0 <= at < array.shape[k]:
                raise TargetError(
                    f"{kernel.name}: {array.field} is read at {at} along axis {axis}, it has {array.shape[k]} values {origin}"
                )
            continue
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
