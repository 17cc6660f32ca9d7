"""Shape and bounds checks of kernels, in the words of the user's equations. Runs once, when a kernel is made."""

from __future__ import annotations

from symnum.errors import TargetError
from symnum.expr.walk import postorder
from symnum.ir.kernel import Array, Kernel, Let, LoadInfo, Loop, Statement, Store


def check(kernel: Kernel) -> Kernel:
    """Give the kernel back if every load stays inside its array and every output value is stored exactly once; else TargetError."""
    covered = {a.name: 0 for a in kernel.outputs}
    _check_body(kernel, kernel.body, {}, set(), covered)
    for array in kernel.outputs:
        if covered[array.name] != array.size:
            raise TargetError(f"{kernel.name}: {covered[array.name]} of the {array.size} values of {array.field} are stored")
    return kernel


def _check_body(kernel: Kernel, body: tuple[Statement, ...], ranges: dict[int, tuple[int, int]], known: set[str], covered: dict[str, int]) -> None:
    known = set(known)
    for statement in body:
        if isinstance(statement, Loop):
            inner = ranges | {statement.axis: (statement.start, statement.stop)}
            _check_body(kernel, statement.body, inner, known, covered)
        elif isinstance(statement, Let):
            _check_term(kernel, statement, ranges, known)
            known.add(statement.symbol.name)
        else:
            _check_term(kernel, statement, ranges, known)
            array = kernel.output(statement.array)
            _check_box(kernel, array, ranges, (0,) * len(array.axes), (False,) * len(array.axes), statement.origin)
            points = 1
            for axis in array.axes:
                points *= ranges[axis][1] - ranges[axis][0]
            covered[array.name] += points


def _check_term(kernel: Kernel, statement: Let | Store, ranges: dict[int, tuple[int, int]], known: set[str]) -> None:
    origin = statement.origin if isinstance(statement, Store) else ""
    for node in postorder((statement.value,)):
        if node.op in ("derivative", "integral"):
            raise TargetError(f"{kernel.name}: the derivative {node} was left in a kernel {origin}")
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


def _check_box(kernel: Kernel, array: Array, ranges: dict[int, tuple[int, int]], offsets: tuple[int, ...], wrap: tuple[bool, ...], origin: str) -> None:
    for k, axis in enumerate(array.axes):
        if axis not in ranges:
            raise TargetError(f"{kernel.name}: {array.field} is used outside the loop of axis {axis} {origin}")
        start, stop = ranges[axis]
        low, high = start + offsets[k] - array.origin[k], stop - 1 + offsets[k] - array.origin[k]
        inside = abs(offsets[k]) <= kernel.periods[axis] if wrap[k] else 0 <= low and high < array.shape[k]
        if not inside:
            raise TargetError(f"{kernel.name}: {array.field} is read at {low}..{high} along axis {axis}, it has {array.shape[k]} values {origin}")
