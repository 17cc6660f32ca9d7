"""Merge neighbouring loops over the same range, so that one sweep over a row serves all fields and all thin regions of it."""

from __future__ import annotations

from symnum.ir.kernel import Kernel, Loop, Statement


def fuse_loops(kernel: Kernel) -> Kernel:
    """Loops with equal (axis, start, stop) in one body become one loop, in the order of their first appearance.

    Inputs never alias outputs and every value is stored once, so the order of loops does not matter.
    """
    return kernel.with_body(_fuse(kernel.body))


def _fuse(body: tuple[Statement, ...]) -> tuple[Statement, ...]:
    merged: dict[tuple[int, int, int], list[Statement]] = {}
    order: list[Statement | tuple[int, int, int]] = []
    for statement in body:
        if not isinstance(statement, Loop):
            order.append(statement)
            continue
        key = (statement.axis, statement.start, statement.stop)
        if key not in merged:
            merged[key] = []
            order.append(key)
        merged[key].extend(statement.body)
    return tuple(Loop(*s, body=_fuse(tuple(merged[s]))) if isinstance(s, tuple) else s for s in order)
