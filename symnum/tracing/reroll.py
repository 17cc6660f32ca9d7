"""[Kernel] -> [Kernel]: stores written out point by point become loops again.

    dx[1] = (x[2] - x[n-1]) x[0] - x[1]
    dx[2] = (x[3] - x[0])   x[1] - x[2]        ->      dx[i] = (x[i+1] - x[i-2]) x[i-1] - x[i],   1 <= i < n, indices modulo n
    dx[3] = (x[4] - x[1])   x[2] - x[3]

Each stored value is read as a template with places for indices and numbers. Neighbouring points with one template make a run, along which
every index either stays or goes with the point; then equal runs of neighbouring rows make a box. Numbers that change from point to point become
a table, if runs of equal numbers would be many.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from math import prod
from typing import Any

import numpy as np

from symnum.expr.term import Const, Symbol, Term, add, call, make_call, mul, power
from symnum.ir.box import Box, around, leaves
from symnum.ir.kernel import Array, Constant, Kernel, Statement, Store, load, table

_LONGEST = 1000  # instructions of a template
_FEW = 9  # runs of equal numbers up to which no tables are made: two ends and a middle a piece of a state of three pieces

Program = tuple[Any, ...]


def reroll(kernel: Kernel) -> Kernel:
    """The kernel with loops over the points whose stores have one shape; stores of local arrays and stores in loops stay as they are."""
    kept, points = list[Statement](), dict[tuple[str, str], list[tuple[Box, Store]]]()
    for box, statement in leaves(kernel.body):
        if isinstance(statement, Store) and not kernel.is_local(statement.array) and box and _points(box) == 1:
            points.setdefault((statement.array, statement.origin), []).append((box, statement))
        else:
            kept.append(around(box, (statement,)))
    if all(len(stores) < 2 for stores in points.values()):
        return kernel
    writer = _Writer(kernel)
    for (array, origin), stores in points.items():
        pieces, rest = _fewest(kernel, stores)
        kept += [around(box, (statement,)) for box, statement in rest]
        kept += [around(piece.box, (Store(array, writer.value(piece), origin),)) for piece in pieces]
    return replace(kernel, body=tuple(kept), constants=(*kernel.constants, *writer.constants))


def _fewest(kernel: Kernel, stores: list[tuple[Box, Store]]) -> tuple[list[_Piece], list[tuple[Box, Store]]]:
    """The boxes, and stores whose values are too long to be part of a pattern. Operands are ordered by where they lie from the point, or by where
    they lie, whatever gives fewer boxes."""
    found = []
    for relative in (True, False):
        pieces, rest = [], []
        for box, statement in stores:
            piece = _piece(kernel, box, statement, relative)
            if piece is None:
                rest.append((box, statement))
            else:
                pieces.append(piece)
        found.append((_boxes(kernel, pieces) if pieces else [], rest))
    return min(found, key=lambda each: len(each[0]))


def _points(box: Box) -> int:
    return prod(stop - start for start, stop in box.values())


# --- values as templates ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Piece:
    """Stores over a box that share a template.

    Attributes:
        program: the template, instructions for a stack; arrays: of its loads in order.
        index: for each load and each axis of its array the grid index read at the first point of the box; follows: whether that index goes
            with the point (None: one point does not tell).
        numbers: for each number of the template its values, an array over the box; or, where all are equal, one exact number.
    """

    box: Box
    program: Program
    arrays: tuple[Array, ...]
    index: tuple[tuple[int, ...], ...]
    follows: tuple[tuple[bool | None, ...], ...]
    numbers: tuple[Any, ...]


def _piece(kernel: Kernel, box: Box, statement: Store, relative: bool) -> _Piece | None:
    """One store at one point; None where its value is too long to be part of a pattern."""
    program = _program(statement.value, lambda symbol: _load(kernel, box, symbol, relative))
    if program is None:
        return None
    loads = [node for node in program if isinstance(node, _Load)]
    numbers = tuple(node.value for node in program if isinstance(node, _Number))
    arrays = tuple(kernel.input(node.array) for node in loads)
    index = tuple(node.index for node in loads)
    key = tuple(node.key() if isinstance(node, _Load | _Number) else node for node in program)
    return _Piece(box, key, arrays, index, tuple((None,) * len(places) for places in index), numbers)


@dataclass(frozen=True)
class _Load:
    """``index``: the grid indices that are read; ``rank``: by which equal operands are put in order."""

    array: str
    index: tuple[int, ...]
    rank: tuple[int, ...]

    def key(self) -> tuple[str, str]:
        return ("load", self.array)


@dataclass(frozen=True)
class _Number:
    value: Any

    def key(self) -> tuple[str]:
        return ("number",)


def _load(kernel: Kernel, box: Box, symbol: Symbol, relative: bool) -> _Load:
    """A load in a store at one point."""
    array, info = kernel.input(symbol.info.array), symbol.info
    index, rank = [], []
    for axis, offset, wrap, fixed in zip(array.axes, info.offsets, info.wrap, info.fixed, strict=True):
        period = kernel.periods[axis]
        point = box[axis][0] if axis in box else 0
        at = offset if fixed else point + offset
        at = at % period if wrap else at
        index.append(at)
        rank.append((at - point + period // 2) % period if relative else at)
    return _Load(array.name, tuple(index), tuple(rank))


def _program(value: Term, at_load: Callable[[Symbol], _Load]) -> list[Any] | None:
    """Instructions for a stack, in an order that does not depend on numbers and indices; None where they are too many."""
    made: dict[Term, list[Any]] = {}
    waiting = [(value, False)]
    while waiting:
        node, ready = waiting.pop()
        if node in made:
            continue
        if not ready:
            waiting += [(node, True), *((a, False) for a in node.args)]
            continue
        made[node] = _instructions(node, [made[a] for a in node.args], at_load)
        if len(made[node]) > _LONGEST:
            return None
    return made[value]


def _instructions(node: Term, args: list[list[Any]], at_load: Callable[[Symbol], _Load]) -> list[Any]:
    if node.op == "const":
        return [_Number(node.data[0])]
    if isinstance(node, Symbol):
        return [at_load(node) if node.kind == "load" else ("symbol", node)]
    if node.op in ("add", "mul"):
        exponents = node.data[1:] if node.op == "mul" else ()
        keys = [(_shape(a), *map(str, exponents[k : k + 1]), _ranks(a)) for k, a in enumerate(args)]
        order = sorted(range(len(args)), key=keys.__getitem__)
        rows = [(args[k], node.data[k + 1]) for k in order]
        flat = [i for part, _ in rows for i in part]
        if node.op == "add":
            return [*flat, *(_Number(c) for _, c in rows), _Number(node.data[0]), ("add", len(rows))]
        return [*flat, _Number(node.data[0]), ("mul", tuple(e for _, e in rows))]
    return [*(i for part in args for i in part), ("call", node.op, len(args), node.data)]


def _shape(program: list[Any]) -> str:
    """What a program is apart from its numbers and indices."""
    return " ".join(str(node.key() if isinstance(node, _Load | _Number) else node) for node in program)


def _ranks(program: list[Any]) -> list[tuple[int, ...]]:
    return [node.rank for node in program if isinstance(node, _Load)]


# --- points to boxes --------------------------------------------------------------------------------------------------


def _boxes(kernel: Kernel, pieces: list[_Piece]) -> list[_Piece]:
    """As few pieces as can be found by joining neighbours, along the last axis first; with equal numbers, where that makes few."""
    strict = loose = pieces
    for axis in sorted(pieces[0].box, reverse=True):
        strict, loose = _joined(kernel, strict, axis, True), _joined(kernel, loose, axis, False)
    return strict if len(strict) <= max(_FEW, len(loose)) else loose


def _joined(kernel: Kernel, pieces: list[_Piece], axis: int, equal: bool) -> list[_Piece]:
    def line(piece: _Piece) -> list[tuple[int, int]]:
        return [ends for a, ends in sorted(piece.box.items()) if a != axis]

    made = []
    for _, row in groupby(sorted(pieces, key=lambda p: (line(p), p.box[axis])), key=line):
        run: list[_Piece] = []
        follows: Any = None
        for piece in row:
            going = _continued(kernel, run, follows, piece, axis, equal) if run else None
            if going is None:
                made += [_merged(run, follows, axis)] if run else []
                run, follows = [piece], piece.follows
            else:
                run.append(piece)
                follows = going
        made.append(_merged(run, follows, axis))
    return made


def _continued(kernel: Kernel, run: list[_Piece], follows: Any, piece: _Piece, axis: int, equal: bool) -> Any:
    """Which indices go with the point, if the piece carries the run on; else None."""
    first, last = run[0], run[-1]
    apart = piece.box[axis][0] - first.box[axis][0]
    if piece.program != first.program or piece.box[axis][0] != last.box[axis][1]:
        return None
    if equal and any(not _same(a, b) for a, b in zip(first.numbers, piece.numbers, strict=True)):
        return None
    found = []
    for k, array in enumerate(first.arrays):
        row = []
        for j, along in enumerate(array.axes):
            begin, here, goes = first.index[k][j], piece.index[k][j], follows[k][j]
            if along != axis:
                if begin != here or goes != piece.follows[k][j]:
                    return None
            elif here == begin and goes is not True:
                goes = False
            elif _moved(kernel, array, j, begin, apart) == here and goes is not False:
                goes = True
            else:
                return None
            row.append(goes)
        found.append(tuple(row))
    return tuple(found)


def _moved(kernel: Kernel, array: Array, j: int, begin: int, apart: int) -> int:
    """The index ``apart`` points further, around the end where the array spans the axis."""
    return (begin + apart) % kernel.periods[array.axes[j]] if _spans(kernel, array, j) else begin + apart


def _spans(kernel: Kernel, array: Array, j: int) -> bool:
    return array.origin[j] == 0 and array.shape[j] == kernel.periods[array.axes[j]]


def _same(a: Any, b: Any) -> bool:
    return not isinstance(a, np.ndarray) and not isinstance(b, np.ndarray) and bool(a == b)


def _merged(run: list[_Piece], follows: Any, axis: int) -> _Piece:
    first = run[0]
    if len(run) == 1:
        return first
    box = first.box | {axis: (first.box[axis][0], run[-1].box[axis][1])}
    place = sorted(box).index(axis)
    numbers = tuple(
        column[0]
        if all(_same(column[0], c) for c in column)
        else np.concatenate([_spread(c, piece.box) for c, piece in zip(column, run, strict=True)], axis=place)
        for column in zip(*(piece.numbers for piece in run), strict=True)
    )
    return replace(first, box=box, follows=follows, numbers=numbers)


def _spread(number: Any, box: Box) -> np.ndarray:
    """The values of a number over a box, one dimension an axis."""
    shape = tuple(stop - start for _, (start, stop) in sorted(box.items()))
    return number if isinstance(number, np.ndarray) else np.full(shape, float(number))


# --- templates to values ----------------------------------------------------------------------------------------------


class _Writer:
    """Writes values of boxes; ``constants`` are the tables of numbers that change along more than one axis."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.constants: list[Constant] = []

    def value(self, piece: _Piece) -> Term:
        """The stored value, written at the current point of a loop over the box."""
        loads, numbers = iter(range(len(piece.arrays))), iter(piece.numbers)
        stack: list[Term] = []
        for node in piece.program:
            match node:
                case ("load", _):
                    stack.append(self._load(piece, next(loads)))
                case ("number",):
                    stack.append(self._number(piece.box, next(numbers)))
                case ("symbol", symbol):
                    stack.append(symbol)
                case ("add", count):
                    *terms, constant = _popped(stack, 2 * count + 1)
                    products = (mul((c, a)) for a, c in zip(terms[:count], terms[count:], strict=True))
                    stack.append(add((constant, *products)))
                case ("mul", exponents):
                    *factors, c = _popped(stack, len(exponents) + 1)
                    stack.append(mul((c, *(power(a, Const(e)) for a, e in zip(factors, exponents, strict=True)))))
                case ("call", op, count, data):
                    args = tuple(_popped(stack, count))
                    stack.append(make_call(op, args, data) if data else call(op, *args))
        return stack.pop()

    def _load(self, piece: _Piece, k: int) -> Term:
        array = piece.arrays[k]
        rows = [self._place(piece, k, j) for j in range(len(array.axes))]
        return load(array.name, *zip(*rows, strict=True)) if rows else load(array.name, ())

    def _place(self, piece: _Piece, k: int, j: int) -> tuple[int, bool, bool]:
        """Offset, wrap and fixed of a load along one axis of its array."""
        array, at = piece.arrays[k], piece.index[k][j]
        if piece.follows[k][j] is not True:
            return at, False, True
        (start, stop), period = piece.box[array.axes[j]], self.kernel.periods[array.axes[j]]
        if _spans(self.kernel, array, j) and at + stop - start > period:
            return (at - start + period // 2) % period - period // 2, True, False
        return at - start, False, False

    def _number(self, box: Box, number: Any) -> Term:
        if not isinstance(number, np.ndarray):
            return Const(number)
        axes = tuple(sorted(box))
        if len(axes) == 1:
            return table(axes[0], box[axes[0]][0], number.tolist())
        name = next(self._names())
        origin = tuple(box[a][0] for a in axes)
        array = Array(name, number.shape, 0, axes, origin, "numbers of the traced function")
        self.constants.append(Constant(array, np.ascontiguousarray(number, dtype=self.kernel.dtype).ravel()))
        return load(name, (0,) * len(axes))

    def _names(self) -> Iterator[str]:
        taken = {*self.kernel.readable, *self.kernel.writable, *(c.array.name for c in self.constants)}
        return (name for k in range(len(taken) + 1) if (name := f"numbers{k + 1}") not in taken)


def _popped(stack: list[Term], count: int) -> list[Term]:
    taken = stack[len(stack) - count :]
    del stack[len(stack) - count :]
    return taken
