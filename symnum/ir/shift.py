"""Values of a loop written at other grid indices: what a neighbour reads, what it sends, what was stored where a load now reads.

    value at index j + shift, written at j          u[+0] - u[-1]  by +1 along its axis  ->  u[+1] - u[+0]
    value at one index, wherever the loop is        u[+0] - u[-1]  at 7                  ->  u[7] - u[6]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from symnum.expr.term import Const, Symbol, Term, add, make_call, rebuild
from symnum.expr.walk import fold, symbols
from symnum.ir.kernel import Array, load

Arrays = Callable[[str], Array]
Periods = tuple[int, ...]
T = TypeVar("T")


def moved(arrays: Arrays, periods: Periods, value: Term, axis: int, shift: int, wrap: bool = False) -> Term:
    """The value at grid index j + shift along an axis, written at j; ``wrap``: all indices modulo the period. ``arrays`` gives an array by name."""

    def at_load(symbol: Symbol) -> Term:
        array, info = arrays(symbol.info.array), symbol.info
        if axis not in array.axes or info.fixed[array.axes.index(axis)]:
            return symbol
        k, period = array.axes.index(axis), periods[axis]
        offset, around = info.offsets[k] + shift, info.wrap[k] or wrap
        if around:
            offset = (offset + period // 2) % period - period // 2
        return load(info.array, _put(info.offsets, k, offset), _put(info.wrap, k, around), info.fixed)

    return _mapped(value, axis, at_load, lambda node: add((node, Const(shift))), lambda node: _moved_table(node, shift))


def at_index(arrays: Arrays, periods: Periods, value: Term, axis: int, index: int) -> Term:
    """The value at one grid index along an axis, whatever the loop's."""

    def at_load(symbol: Symbol) -> Term:
        array, info = arrays(symbol.info.array), symbol.info
        if axis not in array.axes or info.fixed[array.axes.index(axis)]:
            return symbol
        k = array.axes.index(axis)
        where = index + info.offsets[k]
        where = where % periods[axis] if info.wrap[k] else where
        return load(info.array, _put(info.offsets, k, where), _put(info.wrap, k, False), _put(info.fixed, k, True))

    def of_table(node: Term) -> Term:
        start, *numbers = node.data
        return Const(numbers[index - start])

    return _mapped(value, axis, at_load, lambda node: Const(index), of_table)


def goes_round(arrays: Arrays, periods: Periods, value: Term, axis: int) -> bool:
    """True if the value at an index modulo the period is read by loads that wrap: it holds no index and no table along the axis."""
    if any(s.info == axis for s in symbols(value, "index")):
        return False
    for symbol in symbols(value, "load"):
        array, info = arrays(symbol.info.array), symbol.info
        if axis in array.axes:
            k = array.axes.index(axis)
            if info.fixed[k] or array.origin[k] != 0 or array.shape[k] != periods[axis]:
                return False
    return True


def _mapped(
    value: Term, axis: int, of_load: Callable[[Symbol], Term], of_index: Callable[[Term], Term], of_table: Callable[[Term], Term]
) -> Term:
    def rule(node: Term, args: list[Term]) -> Term:
        if node.op == "table":
            at = node.args[0]
            assert isinstance(at, Symbol)
            return of_table(node) if at.info == axis else node
        if isinstance(node, Symbol):
            if node.kind == "index" and node.info == axis:
                return of_index(node)
            return of_load(node) if node.kind == "load" else node
        return node if all(a is b for a, b in zip(args, node.args, strict=True)) else rebuild(node, tuple(args))

    return fold(value, rule)


def _moved_table(node: Term, shift: int) -> Term:
    start, *numbers = node.data
    return make_call("table", node.args, (start - shift, *numbers))


def _put(entries: tuple[T, ...], k: int, entry: T) -> tuple[T, ...]:
    return (*entries[:k], entry, *entries[k + 1 :])
