"""Split innermost loops whose loads wrap around: thin ends that wrap, and an interior that needs no modulo and vectorises."""

from __future__ import annotations

from dataclasses import replace

from symnum.expr.term import Symbol, Term
from symnum.expr.walk import symbols, transform
from symnum.ir.kernel import Kernel, LoadInfo, Loop, Statement, load, values


def peel(kernel: Kernel, axes: frozenset[int] | None = None, width: int = 1) -> Kernel:
    """Loops over the given axes (default: the innermost of each nest) with wrapped loads become [ends, interior].

    Ends are as thin as the stencils allow, or ``width`` points wide where the loop is at least four times as long.
    """
    return kernel.with_body(_peel(kernel, kernel.body, axes, width))


def _peel(
    kernel: Kernel, body: tuple[Statement, ...], axes: frozenset[int] | None, width: int
) -> tuple[Statement, ...]:
    result: list[Statement] = []
    for statement in body:
        if not isinstance(statement, Loop):
            result.append(statement)
            continue
        innermost = not any(isinstance(s, Loop) for s in statement.body)
        inner = Loop(statement.axis, statement.start, statement.stop, _peel(kernel, statement.body, axes, width))
        chosen = innermost if axes is None else statement.axis in axes
        result.extend(_split(kernel, inner, width) if chosen else [inner])
    return tuple(result)


def _split(kernel: Kernel, loop: Loop, width: int) -> list[Statement]:
    reach = _wrapped_offsets(kernel, loop)
    if not reach:
        return [loop]
    period = kernel.periods[loop.axis]
    low = min(max(loop.start, -min(0, *reach)), loop.stop)
    high = max(min(loop.stop, period - max(0, *reach)), low)
    if loop.stop - loop.start >= 4 * width:
        low = max(low, loop.start + width) if low > loop.start else low
        high = min(high, loop.stop - width) if high < loop.stop else high
    pieces: list[Statement] = [Loop(loop.axis, loop.start, low, loop.body)] if low > loop.start else []
    if high > low:
        pieces.append(Loop(loop.axis, low, high, _unwrap(kernel, loop.body, loop.axis)))
    if loop.stop > high:
        pieces.append(Loop(loop.axis, high, loop.stop, loop.body))
    return pieces


def _wrapped_offsets(kernel: Kernel, loop: Loop) -> list[int]:
    found = {0}
    wraps = False
    for symbol in symbols(values(loop.body), "load"):
        info = symbol.info
        for axis, offset, wrap, fixed in zip(
            kernel.input(info.array).axes, info.offsets, info.wrap, info.fixed, strict=True
        ):
            if axis == loop.axis and wrap and not fixed:
                found.add(offset)
                wraps = True
    return sorted(found) if wraps and len(found) > 1 else []


def _unwrap(kernel: Kernel, body: tuple[Statement, ...], axis: int) -> tuple[Statement, ...]:
    memo: dict[Term, Term] = {}

    def rule(node: Term) -> Term | None:
        if not isinstance(node, Symbol) or node.kind != "load":
            return None
        info: LoadInfo = node.info
        axes = kernel.input(info.array).axes
        if axis not in axes:
            return None
        wrap = tuple(w and a != axis for w, a in zip(info.wrap, axes, strict=True))
        return load(info.array, info.offsets, wrap, info.fixed)

    result: list[Statement] = []
    for s in body:
        if isinstance(s, Loop):
            result.append(Loop(s.axis, s.start, s.stop, _unwrap(kernel, s.body, axis)))
        else:
            result.append(replace(s, value=transform(s.value, rule, memo)))
    return tuple(result)
