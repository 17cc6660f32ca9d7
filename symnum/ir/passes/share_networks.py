"""[Kernel] -> [Kernel]: networks that neighbours read too are computed once a point and kept in local arrays.

    Loop i:  out[i] := k(u[i], u[i+1])*(u[i+1] - u[i]) - k(u[i-1], u[i])*(u[i] - u[i-1])

    Loop i:  k~0[i] := k(u[i], u[i+1])          over one point more
    Loop i:  out[i] := k~0[i]*(u[i+1] - u[i]) - k~0[i-1]*(u[i] - u[i-1])

Two of them are one where an axis can be found along which one is the other at another index. A network costs far more than a round through memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from symnum.expr.numbers import Number
from symnum.expr.replace import replaced
from symnum.expr.term import Const, Term, add, scale
from symnum.expr.walk import contains, postorder, symbols, transform
from symnum.ir.box import Box, around, leaves
from symnum.ir.kernel import Accumulate, Array, Kernel, Let, Loop, Statement, Store, load, statements, values
from symnum.ir.shift import goes_round, moved

_Place = tuple[Term, int]  # a network as it stands at the least index that its loads reach, and how far it is moved


def share_networks(kernel: Kernel) -> Kernel:
    """The kernel with networks shared between neighbours; itself where there is nothing to share. Taken before passes name temporaries."""
    if not any(node.op == "network" for node in postorder(values(kernel.body))):
        return kernel
    made, body = _Sharing(kernel), list[Statement]()
    for statement in kernel.body:
        if isinstance(statement, Loop) and not any(isinstance(s, Let) for s in statements((statement,))):
            statement = made.shared(statement)
        body += [*made.stores, statement]
        made.stores = []
    return replace(kernel, body=tuple(body), locals=(*kernel.locals, *made.arrays)) if made.arrays else kernel


class _Sharing:
    """``arrays``: those made so far; ``stores``: the loops that fill those of the statement at hand."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.arrays: list[Array] = []
        self.stores: list[Statement] = []

    def shared(self, loop: Loop) -> Loop:
        """One nest of loops."""
        found: dict[tuple[tuple[int, tuple[int, int]], ...], list[Term]] = {}
        for box, statement in leaves((loop,)):
            found.setdefault(tuple(box.items()), []).append(statement.value)
        for rows, terms in found.items():
            put_in = dict(self._classes(dict(rows), terms))
            if put_in:
                loop = _with_values(loop, {}, dict(rows), put_in)
        return loop

    def _classes(self, box: Box, terms: list[Term]) -> Iterator[tuple[Term, Term]]:
        """(network, what is read in its place) for those that are shared."""
        left = [n for n in postorder(terms) if n.op == "network" and not contains(n, lambda t: t.op == "table")]
        for axis in box:
            classes: dict[Term, list[tuple[Term, int]]] = {}
            for node in left:
                key, shift = self._canonical(node, axis)
                classes.setdefault(key, []).append((node, shift))
            for key, members in classes.items():
                array = self._array(box, axis, key, [shift for _, shift in members]) if len(members) > 1 else None
                if array is not None:
                    left = [n for n in left if n not in dict(members)]
                    yield from ((node, self._load(array, axis, shift)) for node, shift in members)

    def _canonical(self, node: Term, axis: int) -> _Place:
        """The network moved so that its least offset along the axis is 0, and how far."""
        offsets = []
        for s in symbols(node, "load"):
            array, info = self.kernel.input(s.info.array), s.info
            if axis in array.axes and not info.fixed[array.axes.index(axis)]:
                offsets.append(info.offsets[array.axes.index(axis)])
        shift = min(offsets, default=0)
        there = moved(self.kernel.input, self.kernel.periods, node, axis, -shift)
        return _multiplied_out(there) if symbols(node, "index") else there, shift

    def _array(self, box: Box, axis: int, value: Term, shifts: list[int]) -> Array | None:
        """The array that holds the value at all points that are read, and the loop that fills it; None where that cannot be."""
        kernel, (start, stop) = self.kernel, box[axis]
        if max(shifts) - min(shifts) >= stop - start:
            return None
        if self._wraps(value, axis):
            if (start, stop) != (0, kernel.periods[axis]) or not goes_round(kernel.input, kernel.periods, value, axis):
                return None
            whole = box
        else:
            whole = box | {axis: (start + min(shifts), stop + max(shifts))}
        axes = tuple(sorted(whole))
        offset = max((a.span[1] for a in (*kernel.locals, *self.arrays)), default=0)
        shape, origin = tuple(whole[a][1] - whole[a][0] for a in axes), tuple(whole[a][0] for a in axes)
        array = Array(f"network~{len(self.arrays)}", shape, offset, axes, origin, str(value))
        self.arrays.append(array)
        self.stores.append(around(whole, (Store(array.name, value),)))
        return array

    def _wraps(self, value: Term, axis: int) -> bool:
        for s in symbols(value, "load"):
            array, info = self.kernel.input(s.info.array), s.info
            if axis in array.axes and info.wrap[array.axes.index(axis)]:
                return True
        return False

    def _load(self, array: Array, axis: int, shift: int) -> Term:
        k = array.axes.index(axis)
        offsets = tuple(shift if i == k else 0 for i in range(len(array.axes)))
        around_it = array.origin[k] == 0 and array.shape[k] == self.kernel.periods[axis]
        return load(array.name, offsets, tuple(i == k and around_it for i in range(len(array.axes))))


def _multiplied_out(root: Term) -> Term:
    """Numbers times sums as sums: h*(i + 1) - h/2 is h*i + h/2, a coordinate at another index."""

    def rule(node: Term) -> Term | None:
        if node.op == "mul" and len(node.args) == 1 and node.args[0].op == "add" and node.data[1] == 1:
            return _sum_of(node.args[0], node.data[0])
        if node.op == "add" and any(a.op == "add" for a in node.args):
            parts: list[Term] = [Const(node.data[0])]
            for a, c in zip(node.args, node.data[1:], strict=True):
                parts.append(_sum_of(a, c) if a.op == "add" else scale(a, c))
            return add(parts)
        return None

    return transform(root, rule)


def _sum_of(node: Term, factor: Number) -> Term:
    return add(
        [Const(node.data[0] * factor), *(scale(a, c * factor) for a, c in zip(node.args, node.data[1:], strict=True))]
    )


def _with_values(loop: Loop, outside: Box, box: Box, put_in: Mapping[Term, Term]) -> Loop:
    """The loop with terms put in where its loops are the box."""
    here = outside | {loop.axis: (loop.start, loop.stop)}
    body: list[Statement] = []
    for s in loop.body:
        if isinstance(s, Loop):
            body.append(_with_values(s, here, box, put_in))
        elif here == box and isinstance(s, Store | Accumulate):
            body.append(replace(s, value=replaced([s.value], put_in)[0]))
        else:
            body.append(s)
    return replace(loop, body=tuple(body))
