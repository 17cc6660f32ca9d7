"""Addresses, loads and stores of a kernel's arrays in LLVM IR.

An element of an array lies at ``offset + sum_k stride_k*(index_k - origin_k)`` in its vector. The part that is known when the code is printed
is one number, the rest a sum of SSA values; what one scope has computed or loaded once it does not compute or load again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from symnum.codegen.llvm_emit import FLAGS, Names, literal
from symnum.expr.term import Symbol, Term
from symnum.ir.kernel import Accumulate, Array, Kernel, LoadInfo, Store, load

_MOST_ON_STACK = 4096  # values of all local arrays together


@dataclass
class Lane:
    """One of the rows that a jammed loop handles together: what is known, and where each axis stands.

    ``at[axis] = (name, shift)``: the grid index is the SSA value (or the number 0) ``name`` plus ``shift``.
    """

    known: dict[Term, str]
    at: dict[int, tuple[str, int]]

    def copy(self) -> Lane:
        return Lane(dict(self.known), dict(self.at))


@dataclass(frozen=True)
class Carried:
    """Values of one row that a loop hands on from point to point: ``names[k]`` lies k + 1 points back, and is ``first[k]`` at the first.

    ``downwards``: the loop goes from its last point to its first.
    """

    row: tuple[str, ...]
    first: list[str]
    names: list[str]
    downwards: bool


class Memory:
    """Prints instructions that read and write arrays into ``lines``.

    Attributes: ``tables``: numbers -> name of the constant that holds them; ``bounds``: axis -> least and greatest value of its loop's
    variable.
    """

    def __init__(self, kernel: Kernel, names: Names, lines: list[str]) -> None:
        self.kernel, self.names, self.lines = kernel, names, lines
        self.known: dict[tuple[str, ...], str] = {}
        self.bounds: dict[int, tuple[int, int]] = {}
        self.tables: dict[tuple[float, ...], str] = {}
        self.locals: dict[str, tuple[str, int]] = {}

    @contextmanager
    def scope(self, fresh: bool = False) -> Iterator[None]:
        """What is computed inside is forgotten afterwards; ``fresh``: nothing from outside is used either."""
        outer, self.known = self.known, {} if fresh else dict(self.known)
        yield
        self.known = outer

    def emit(self, instruction: str) -> str:
        """Append an instruction; the name of its result."""
        name = self.names.fresh()
        self.lines.append(f"  {name} = {instruction}")
        return name

    def once(self, instruction: str) -> str:
        """An integer instruction that this scope may already have."""
        key = ("integer", instruction)
        if key not in self.known:
            self.known[key] = self.emit(instruction)
        return self.known[key]

    # --- local arrays -----------------------------------------------------------------------------------------------------

    def allocate(self) -> list[str]:
        """Room for the local arrays, all zero: on the stack up to 4096 values, else from ``calloc``. Gives the lines that free it.

        If there is no memory the whole output becomes NaN, which every solver reports.
        """
        size = self.kernel.local_size
        if size <= _MOST_ON_STACK:
            for array in self.kernel.locals:
                pointer = self.emit(f"alloca [{array.size} x double], align 64")
                self.lines.append(
                    f"  call void @llvm.memset.p0.i64(ptr {pointer}, i8 0, i64 {8 * array.size}, i1 false)"
                )
                self.locals[array.name] = pointer, 0
            return []
        self.names.declared |= {"declare noalias ptr @calloc(i64, i64) nounwind", "declare void @free(ptr) nounwind"}
        pointer = self.emit(f"call noalias ptr @calloc(i64 {size}, i64 8)")
        self.locals = {a.name: (pointer, a.offset) for a in self.kernel.locals}
        missing = self.emit(f"icmp eq ptr {pointer}, null")
        fill = f"  call void @llvm.memset.p0.i64(ptr %out, i8 -1, i64 {8 * self.kernel.output_size}, i1 false)"
        self.lines += [f"  br i1 {missing}, label %nomemory, label %begin", "nomemory:", fill, "  ret void", "begin:"]
        return [f"  call void @free(ptr {pointer})"]

    # --- values -----------------------------------------------------------------------------------------------------------

    def leaf(self, leaf: Term, lane: Lane) -> str | None:
        """The value of a load, an index or a table; None for any other term."""
        if leaf.op == "table":
            return self._table(leaf, lane)
        if isinstance(leaf, Symbol) and leaf.kind == "index":
            return self._index(*lane.at[leaf.info])
        if isinstance(leaf, Symbol) and leaf.kind == "load":
            return self._load(leaf, lane)
        return None

    def write(self, statement: Store | Accumulate, value: str, lane: Lane) -> None:
        """Store a value, or add it to a local array. The order of such a sum is free, so that it can be done in vectors."""
        adds = isinstance(statement, Accumulate)
        array = self.kernel.input(statement.array) if adds else self.kernel.output(statement.array)
        base, offset = self.locals[array.name] if adds else ("%out", array.offset)
        parts, constant = self._element(array, load(array.name, (0,) * len(array.axes)).info, lane)
        pointer = self._pointer(base, parts, constant + offset)
        if adds:
            before = self.emit(f"load double, ptr {pointer}, align 8")
            value = self.emit(f"fadd reassoc {FLAGS} double {before}, {value}")
        self.lines.append(f"  store double {value}, ptr {pointer}, align 8")

    def _index(self, name: str, shift: int) -> str:
        if not name:
            return literal(shift)
        key = ("index", name, str(shift))
        if key not in self.known:
            whole = self.emit(f"trunc nsw i64 {self._moved(name, shift)} to i32")
            self.known[key] = self.emit(f"sitofp i32 {whole} to double")
        return self.known[key]

    def _table(self, node: Term, lane: Lane) -> str:
        start, *numbers = node.data
        name, shift = lane.at[node.args[0].info]  # type: ignore[attr-defined]
        if not name:
            return literal(numbers[shift - start])
        base = self.tables.setdefault(tuple(numbers), f"@table{len(self.tables) + 1}")
        return self._read(base, [name], shift - start)

    def _load(self, symbol: Symbol, lane: Lane) -> str:
        array = self.kernel.input(symbol.info.array)
        if array.axes and self._crosses(symbol, lane, array.axes[-1]):
            carried = self.known.get(("carried", *self._row(symbol, lane), str(abs(symbol.info.offsets[-1]))))
            if carried is not None:
                return carried
        base, offset = self.locals.get(array.name, ("%y", array.offset))
        parts, constant = self._element(array, symbol.info, lane)
        return self._read(base, parts, constant + offset)

    def _read(self, base: str, parts: list[str], constant: int) -> str:
        key = ("load", base, *parts, str(constant))
        if key not in self.known:
            self.known[key] = self.emit(f"load double, ptr {self._pointer(base, parts, constant)}, align 8")
        return self.known[key]

    # --- the ends of periodic rows ----------------------------------------------------------------------------------------

    def carry(self, loads: list[Symbol], lanes: list[Lane], axis: int) -> list[Carried]:
        """What a loop over the first or the last points of a row hands from one point to the next, instead of reading it beyond the end.

        ::

            first points, upwards      u[i-1] is what u[i] was at the point before; at the first point it is u[n-1]
            last points, downwards     u[i+1] is what u[i] was at the point before; at the last point it is u[0]

        LLVM turns such a loop into a few vector instructions (a fixed-order recurrence becomes a shift of two vectors).
        """
        offsets: dict[tuple[str, ...], list[int]] = {}
        for symbol in loads:
            for lane in lanes:
                if self._crosses(symbol, lane, axis):
                    offsets.setdefault(self._row(symbol, lane), []).append(symbol.info.offsets[-1])
        signs = {offset > 0 for found in offsets.values() for offset in found}
        if len(signs) != 1:
            return []
        sign, end = (1, self.bounds[axis][1]) if True in signs else (-1, self.bounds[axis][0])
        result = []
        for (base, *parts, constant), found in offsets.items():
            places = ((end + sign * k) % self.kernel.periods[axis] for k in range(1, max(map(abs, found)) + 1))
            first = [self._read(base, parts, int(constant) + place) for place in places]
            names = [self.names.fresh("carried") for _ in first]
            result.append(Carried((base, *parts, constant), first, names, sign > 0))
        return result

    def enter(self, carried: Carried, i: str, before: str, block: str) -> list[str]:
        """Inside the loop: the phi instructions of carried values, which loads find from then on."""
        base, *parts, constant = carried.row
        here = self._read(base, [*parts, i], int(constant))
        lines = []
        for k, (name, first) in enumerate(zip(carried.names, carried.first, strict=True)):
            following = carried.names[k - 1] if k else here
            lines.append(f"  {name} = phi double [ {first}, %{before} ], [ {following}, %{block} ]")
            self.known["carried", *carried.row, str(k + 1)] = name
        return lines

    def _crosses(self, symbol: Symbol, lane: Lane, axis: int) -> bool:
        """True if a load reads around the end of rows along this axis."""
        array, info = self.kernel.input(symbol.info.array), symbol.info
        if not array.axes or array.axes[-1] != axis or info.fixed[-1] or not info.wrap[-1]:
            return False
        name, shift = lane.at[axis]
        return bool(name) and not self._inside(axis, shift + info.offsets[-1])

    def _row(self, symbol: Symbol, lane: Lane) -> tuple[str, ...]:
        """Base and position of the first value of the row that a load reads."""
        array = self.kernel.input(symbol.info.array)
        start = replace(symbol.info, offsets=(*symbol.info.offsets[:-1], 0))
        base, offset = self.locals.get(array.name, ("%y", array.offset))
        parts, constant = self._element(array, start, Lane({}, lane.at | {array.axes[-1]: ("", 0)}))
        return (base, *parts, str(constant + offset))

    def _inside(self, axis: int, moved: int) -> bool:
        """True if the index that is ``moved`` from the loop's variable never needs the modulo."""
        least, greatest = self.bounds[axis]
        return least + moved >= 0 and greatest + moved < self.kernel.periods[axis]

    # --- addresses --------------------------------------------------------------------------------------------------------

    def _element(self, array: Array, info: LoadInfo, lane: Lane) -> tuple[list[str], int]:
        """Position of an element in its array: SSA parts to be summed, and a constant."""
        constant, parts = 0, []
        for k, axis in enumerate(array.axes):
            stride = array.strides[k]
            name, shift = ("", 0) if info.fixed[k] else lane.at[axis]
            moved, period = shift + info.offsets[k], self.kernel.periods[axis]
            if info.wrap[k] and not info.fixed[k]:
                if not name:
                    moved %= period
                elif not self._inside(axis, moved):
                    name, moved = self._wrapped(name, moved, period), 0
            constant += stride * (moved - array.origin[k])
            if name:
                parts.append(name if stride == 1 else self.once(f"mul nsw i64 {name}, {stride}"))
        return parts, constant

    def _pointer(self, base: str, parts: list[str], constant: int) -> str:
        element = parts[0] if parts else str(constant)
        for part in parts[1:]:
            element = self.emit(f"add nsw i64 {element}, {part}")
        if parts and constant:
            element = self.emit(f"add nsw i64 {element}, {constant}")
        return self.emit(f"getelementptr inbounds double, ptr {base}, i64 {element}")

    def _moved(self, name: str, shift: int) -> str:
        return self.once(f"add nsw i64 {name}, {shift}") if shift else name

    def _wrapped(self, name: str, offset: int, period: int) -> str:
        """The index plus an offset, modulo the period (|offset| <= period)."""
        moved = self._moved(name, offset)
        outside = self.once(f"icmp slt i64 {moved}, 0" if offset < 0 else f"icmp sge i64 {moved}, {period}")
        back = self.once(f"add nsw i64 {moved}, {period if offset < 0 else -period}")
        return self.once(f"select i1 {outside}, i64 {back}, i64 {moved}")
