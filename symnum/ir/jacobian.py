"""[Kernel] -> [Kernel]: derivatives of a kernel's outputs by its inputs, exact and without a matrix of zeros.

A kernel gives f(y, I(y)): stores f that read loads of y and of local arrays I (integrals over the domain). Then

    df/dy = S + L (1 - M)^-1 R        S = ∂f/∂y,  L = ∂f/∂I,  R = ∂I/∂y,  M = ∂I/∂I  (strictly lower: an integral may read earlier ones)

All four are sparse although df/dy is dense as soon as one integral reads the whole domain. Each store of a region and each load in it give one
**slot**: an array with one value for every point of the region, so code and compile time do not grow with the grid. Which row and column a
value belongs to follows from the loop ranges; it is worked out once, with NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from symnum.expr.gradient import gradient
from symnum.expr.term import ZERO, Symbol, Term, add, mul
from symnum.ir.check import check
from symnum.ir.extremes import ties, weight, with_ties
from symnum.ir.kernel import Accumulate, Array, Kernel, Let, LoadInfo, Loop, Statement, Store, load, memory_groups, nest
from symnum.ir.passes.inline import inline_stores
from symnum.ir.sparsity import Ranges, positions

Index = NDArray[np.intp]


@dataclass(frozen=True)
class Block:
    """One of the matrices S, L, R, M: value ``slots[at[i]]`` belongs to row ``rows[i]`` and column ``columns[i]``; equal places add up.

    ``start``, ``stop``: where the values of this block lie among the slots. Equations without space share the slots of equal derivatives.
    """

    start: int
    stop: int
    rows: Index
    columns: Index
    shape: tuple[int, int]
    at: Index


@dataclass(frozen=True)
class Place:
    """What a slot is, for code that is read: d(target)/d(source at the load's offsets) over loops (axis, start, stop)."""

    target: Array
    source: Array
    load: LoadInfo
    loops: tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Slots:
    """The derivative of a kernel: ``kernel`` writes all values of all blocks into one vector.

    ``direct`` is S; ``left``, ``right`` and ``between`` are L, R and M, or None where the kernel has no local arrays. ``places``: of the slots of S.
    """

    kernel: Kernel
    direct: Block
    left: Block | None = None
    right: Block | None = None
    between: Block | None = None
    places: tuple[Place, ...] = ()


def jacobian_slots(kernel: Kernel, located: bool = True) -> Slots:
    """The kernel that evaluates the derivatives of all outputs by all inputs (taken before passes name temporaries).

    ``located=False`` leaves the rows and columns of the blocks empty: code that is written out finds them itself.
    """
    kernel = with_ties(inline_stores(kernel))
    gathered = {(outer, local): _Gathered(located) for outer in (True, False) for local in (False, True)}
    leaves = list(_leaves(kernel.body, ()))
    memo: dict[Term, dict[Symbol, Term]] = {}
    for ranges, statement in leaves:
        found = gradient(statement.value, lambda s: varies(kernel, s), memo)
        factor = weight(kernel, statement)
        for symbol in sorted(found, key=lambda s: s.name):  # an order that does not depend on addresses
            if found[symbol] is not ZERO:
                block_of = gathered[not kernel.is_local(statement.array), kernel.is_local(symbol.info.array)]
                block_of.add(kernel, statement, symbol, mul((found[symbol], factor)), ranges)
    sums = tuple(nest(r, (s,)) if r else s for r, s in leaves if kernel.is_local(s.array))
    stores, outputs, blocks, offset = [], [], [], 0
    for key, part in gathered.items():
        rows = kernel.output_size if key[0] else kernel.local_size
        columns = kernel.local_size if key[1] else kernel.input_size
        block, arrays = part.block(offset, (rows, columns))
        for array, (ranges, value, origin) in zip(arrays, part.values, strict=True):
            store = Store(array.name, value, origin)
            stores.append(nest(ranges, (store,)) if ranges else store)
        outputs += arrays
        blocks.append(block)
        offset = block.stop
    made = replace(
        kernel,
        name=f"{kernel.name}_jacobian",
        outputs=tuple(outputs),
        body=(*sums, *stores),
        comment=f"derivatives of: {kernel.comment}",
    )
    direct, left, right, between = blocks[0], blocks[1], blocks[2], blocks[3]
    places = tuple(gathered[True, False].places)
    if not kernel.locals:
        return Slots(check(made), direct, places=places)
    return Slots(check(made), direct, left, right, between, places)


class _Gathered:
    """The slots of one block while it is put together."""

    def __init__(self, located: bool) -> None:
        self.located = located
        self.arrays: list[tuple[str, tuple[int, ...], tuple[int, ...], tuple[int, ...], str]] = []
        self.values: list[tuple[tuple[tuple[int, int, int], ...], Term, str]] = []
        self.rows: list[Index] = []
        self.columns: list[Index] = []
        self.slots: list[int] = []  # of each part of rows and columns
        self.numbers: dict[Term, int] = {}  # derivative without loops -> its slot
        self.scalars: list[tuple[int, int, int]] = []  # slot, row, column
        self.places: list[Place] = []

    def add(
        self,
        kernel: Kernel,
        statement: Store | Accumulate,
        symbol: Symbol,
        value: Term,
        loops: tuple[tuple[int, int, int], ...],
    ) -> None:
        target, source = kernel.target(statement), kernel.input(symbol.info.array)
        if self.located and not (loops or target.axes or source.axes):
            if value in self.numbers:
                self.scalars.append((self.numbers[value], target.offset, source.offset))
                return
            self.numbers[value] = len(self.arrays)
            self.scalars.append((len(self.arrays), target.offset, source.offset))
        elif self.located:
            self._locate(kernel, target, symbol, loops)
        box = tuple(stop - start for _, start, stop in sorted(loops))
        order = tuple(axis for axis, _, _ in sorted(loops))
        name = f"d{target.name}_d{symbol.name}"
        origin = tuple(start for _, start, _ in sorted(loops))
        self.arrays.append((name, box, order, origin, f"d({target.field})/d({source.field})"))
        self.values.append((tuple(loops), value, statement.origin))
        self.places.append(Place(target, source, symbol.info, loops))

    def _locate(self, kernel: Kernel, target: Array, symbol: Symbol, loops: tuple[tuple[int, int, int], ...]) -> None:
        """Rows and columns of the slot that comes next."""
        ranges: Ranges = {axis: (start, stop) for axis, start, stop in loops}
        row = positions(kernel, target, ranges)
        column = positions(kernel, kernel.input(symbol.info.array), ranges, symbol.info)
        full = [1] * len(kernel.periods)
        for axis, start, stop in loops:
            full[axis] = stop - start
        self.slots.append(len(self.arrays))
        self.rows.append(np.broadcast_to(row, full).ravel())
        self.columns.append(np.broadcast_to(column, full).ravel())

    def block(self, offset: int, shape: tuple[int, int]) -> tuple[Block, list[Array]]:
        """The block, and the output arrays of its slots; the first slot of all lies at ``offset``."""
        start, arrays = offset, []
        for name, box, axes, origin, field in self.arrays:
            arrays.append(Array(f"{name}@{offset}", box, offset, axes, origin, field))
            offset += prod(box)
        begins = np.array([a.offset for a in arrays], dtype=np.intp)
        scalar = np.array(self.scalars, dtype=np.intp).reshape(-1, 3)
        boxes = [begins[k] + np.arange(len(r)) for k, r in zip(self.slots, self.rows, strict=True)]
        rows = np.concatenate([*self.rows, scalar[:, 1]]).astype(np.intp)
        columns = np.concatenate([*self.columns, scalar[:, 2]]).astype(np.intp)
        at = np.concatenate([*boxes, begins[scalar[:, 0]]]).astype(np.intp) if arrays else scalar[:, 0]
        return Block(start, offset, rows, columns, shape, at), arrays


def jvp_kernel(kernel: Kernel) -> Kernel:
    """(t; y, v; p) -> (df/dy) v: the input vector is y followed by v, (2*input_size,). Integrals are differentiated along, so nothing is left out."""
    kernel = with_ties(kernel)
    names = {a.name: _tangent(a.name, kernel) for a in (*kernel.inputs, *kernel.locals)}
    tangents = tuple(replace(a, name=names[a.name], offset=a.offset + kernel.input_size) for a in kernel.inputs)
    scratch = tuple(replace(a, name=names[a.name], offset=a.offset + kernel.local_size) for a in kernel.locals)

    memo: dict[Term, dict[Symbol, Term]] = {}

    def along(statement: Store | Accumulate) -> Term:
        parts = []
        for s, d in gradient(statement.value, lambda s: varies(kernel, s), memo).items():
            if kernel.is_local(s.info.array) and s.info.array not in moving:
                continue
            moved = load(names[s.info.array], s.info.offsets, s.info.wrap, s.info.fixed)
            parts.append(mul((d, moved)))
        return mul((weight(kernel, statement), add(parts)))

    body: list[Statement] = []
    together = {a.name: {b.name for b in group} for group in memory_groups(kernel.locals) for a in group}
    moving: set[str] = set()  # local arrays whose derivative is not zero
    found = list(_leaves(kernel.body, ()))
    last = {name: k for k, (_, s) in enumerate(found) if kernel.is_local(s.array) for name in together[s.array]}
    waiting: dict[str, list[Statement]] = {}  # derivatives that the whole result weighs, by the array they wait for
    for k, (loops, statement) in enumerate(found):
        value, array = along(statement), statement.array
        if not kernel.is_local(array):
            body.append(_around(loops, Store(array, value, statement.origin)))
            continue
        derived = replace(statement, array=names[array], value=value)
        if value is ZERO:
            body.append(_around(loops, statement))
        elif isinstance(derived, Accumulate) and derived.operation != "add":
            body.append(_around(loops, statement))
            waiting.setdefault(array, []).append(_around(loops, replace(derived, operation="add")))
        else:
            body += [nest(loops, (statement, derived))] if loops else [statement, derived]
        moving |= together[array] if value is not ZERO else set()
        for name in [name for name in waiting if k == last.get(ties(name), last[name])]:
            body += waiting.pop(name)
    return check(
        replace(
            kernel,
            name=f"{kernel.name}_jvp",
            inputs=(*kernel.inputs, *tangents),
            locals=(*kernel.locals, *scratch),
            body=tuple(body),
            comment=f"directional derivative of: {kernel.comment}",
        )
    )


def _tangent(name: str, kernel: Kernel) -> str:
    made = f"v_{name}"
    taken = {a.name for a in (*kernel.inputs, *kernel.locals, *kernel.outputs)} | {p.name for p in kernel.parameters}
    while made in taken:
        made += "_"
    return made


def _leaves(
    body: tuple[Statement, ...], loops: tuple[tuple[int, int, int], ...]
) -> Iterator[tuple[tuple[tuple[int, int, int], ...], Store | Accumulate]]:
    """Every store and accumulation with the loops (axis, start, stop) around it, the outermost first."""
    for statement in body:
        if isinstance(statement, Loop):
            yield from _leaves(statement.body, (*loops, (statement.axis, statement.start, statement.stop)))
        else:
            assert not isinstance(statement, Let), "derivatives are taken before passes name temporaries"
            yield loops, statement


def _around(loops: tuple[tuple[int, int, int], ...], statement: Statement) -> Statement:
    return nest(loops, (statement,)) if loops else statement


def varies(kernel: Kernel, symbol: Symbol) -> bool:
    """A load of an input or of a local array."""
    return symbol.kind == "load" and kernel.constant(symbol.info.array) is None
