"""Addresses, loads and stores of a kernel's arrays in LLVM IR.

An element of an array lies at ``offset + sum_k stride_k*(index_k - origin_k)`` in its vector. The part that is known when the code is printed
is one number, the rest a sum of SSA values; what one scope has computed or loaded once it does not compute or load again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from symnum.codegen.llvm_emit import FLAGS, Names, literal
from symnum.codegen.scratch import Room, rooms
from symnum.expr.term import Symbol, Term
from symnum.ir.kernel import Accumulate, Array, Kernel, LoadInfo, Store, load

_MOST_ON_STACK = 4096  # values of all local arrays together
_MOST_WRITTEN = 256  # values of all constants together; more lie outside the code
_TOGETHER = {
    "add": f"fadd reassoc {FLAGS} {{kind}} {{0}}, {{1}}",
    "mul": f"fmul reassoc {FLAGS} {{kind}} {{0}}, {{1}}",
    "maximum": f"call {FLAGS} {{kind}} @llvm.maximum.{{bits}}({{kind}} {{0}}, {{kind}} {{1}})",
    "minimum": f"call {FLAGS} {{kind}} @llvm.minimum.{{bits}}({{kind}} {{0}}, {{kind}} {{1}})",
}


#: Sets n values, a loop that LLVM inlines.
FILLS = {
    kind: f"""define internal void @symnum_fill({kind} %x, ptr %to, i64 %n) alwaysinline nounwind {{
entry:
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
  %here = getelementptr inbounds {kind}, ptr %to, i64 %i
  store {kind} %x, ptr %here, align {width}
  %next = add nuw nsw i64 %i, 1
  %finished = icmp eq i64 %next, %n
  br i1 %finished, label %end, label %loop
end:
  ret void
}}"""
    for kind, width in (("double", 8), ("float", 4))
}


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

    Attributes: ``kind``: of all numbers, "double" or "float"; ``tables``: numbers -> name of the constant that holds them; ``bounds``: axis
    -> least and greatest value of its loop's variable; ``bases``: array -> the pointer it is found from, and where it begins there;
    ``outside``: names of the pointers to constants that are set when the code is loaded, in the order of the vectors.
    """

    def __init__(self, kernel: Kernel, names: Names, lines: list[str]) -> None:
        self.kernel, self.names, self.lines = kernel, names, lines
        self.known: dict[tuple[str, ...], str] = {}
        self.bounds: dict[int, tuple[int, int]] = {}
        self.tables: dict[tuple[float, ...], str] = {}
        self.kind = "double" if kernel.dtype == "float64" else "float"
        self.width = 8 if kernel.dtype == "float64" else 4
        self.bases: dict[str, tuple[str, int]] = {a.name: ("%y", a.offset) for a in kernel.inputs}
        self.results: dict[str, tuple[str, int]] = {a.name: ("%out", a.offset) for a in kernel.outputs}
        self.outside: list[str] = []

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

    # --- constants and local arrays ---------------------------------------------------------------------------------------

    def constants(self, name: str) -> list[str]:
        """Find the vectors of constants; the definitions of the globals: few numbers are written out, many lie behind a pointer."""
        vectors = self.kernel.constant_vectors
        written, lines = not constants_lie_outside(self.kernel), list[str]()
        pointers = []
        for k, vector in enumerate(vectors):
            place = f"@{name}.constant{k}"
            if written:
                listed = ", ".join(f"{self.kind} {literal(x, self.kind)}" for x in vector)
                lines.append(
                    f"{place} = private unnamed_addr constant [{vector.size} x {self.kind}] [{listed}], align 64"
                )
                pointers.append(place)
            else:
                lines.append(f"{place} = global ptr null, align 8")
                self.outside.append(place[1:])
                pointers.append(self.emit(f"load ptr, ptr {place}, align 8, !invariant.load !{{}}"))
        for constant in self.kernel.constants:
            number = next(k for k, v in enumerate(vectors) if v is constant.values)
            self.bases[constant.array.name] = pointers[number], constant.array.offset
        return lines

    def allocate(self) -> list[str]:
        """Room for the local arrays: the small ones on the stack, 4096 values in all, the others from ``malloc``. Gives the lines that free it.

        If there is no memory the whole output becomes NaN, which every solver reports.
        """
        left, large = _MOST_ON_STACK, []
        for room in sorted(rooms(self.kernel), key=lambda room: room.size):
            left -= room.size
            if left >= 0:
                self.place(room, self.emit(f"alloca [{room.size} x {self.kind}], align 64"))
            else:
                large.append(room)
        if not large:
            return []
        self.names.declared |= {"declare noalias ptr @malloc(i64) nounwind", "declare void @free(ptr) nounwind"}
        pointers = [self.emit(f"call noalias ptr @malloc(i64 {room.size * self.width})") for room in large]
        missing = self.emit(f"icmp eq ptr {pointers[0]}, null")
        for pointer in pointers[1:]:
            missing = self.emit(f"or i1 {missing}, {self.emit(f'icmp eq ptr {pointer}, null')}")
        free = [f"  call void @free(ptr {pointer})" for pointer in pointers]
        ruin = f"  call void @llvm.memset.p0.i64(ptr %out, i8 -1, i64 {self.width * self.kernel.output_size}, i1 false)"
        given_back = free if len(free) > 1 else []
        self.lines += [
            f"  br i1 {missing}, label %nomemory, label %begin",
            "nomemory:",
            ruin,
            *given_back,
            "  ret void",
        ]
        self.lines.append("begin:")
        for room, pointer in zip(large, pointers, strict=True):
            self.place(room, pointer)
        return free

    def place(self, room: Room, pointer: str) -> None:
        """The local arrays of a room lie at a pointer; they are given what they begin with."""
        for array in room.arrays:
            self.bases[array.name] = self.results[array.name] = pointer, array.offset - room.begin
        if room.start is None:
            return
        if room.start == 0:
            self.lines.append(
                f"  call void @llvm.memset.p0.i64(ptr {pointer}, i8 0, i64 {self.width * room.size}, i1 false)"
            )
            return
        self.names.declared.add(FILLS[self.kind])
        self.lines.append(
            f"  call void @symnum_fill({self.kind} {literal(room.start, self.kind)}, ptr {pointer}, i64 {room.size})"
        )

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
        kind, pointer = self.kind, self.target(statement, lane)
        if isinstance(statement, Accumulate):
            before = self.emit(f"load {kind}, ptr {pointer}, align {self.width}")
            together = _TOGETHER[statement.operation]
            value = self.emit(together.format(before, value, kind=kind, bits=f"f{8 * self.width}"))
        self.lines.append(f"  store {kind} {value}, ptr {pointer}, align {self.width}")

    def target(self, statement: Store | Accumulate, lane: Lane) -> str:
        """The pointer to the value that a statement writes."""
        array = self.kernel.target(statement)
        base, offset = self.results[array.name]
        parts, constant = self._element(array, load(array.name, (0,) * len(array.axes)).info, lane)
        return self._pointer(base, parts, constant + offset)

    def _index(self, name: str, shift: int) -> str:
        if not name:
            return literal(shift, self.kind)
        key = ("index", name, str(shift))
        if key not in self.known:
            whole = self.emit(f"trunc nsw i64 {self._moved(name, shift)} to i32")
            self.known[key] = self.emit(f"sitofp i32 {whole} to {self.kind}")
        return self.known[key]

    def numbers(self, values: tuple[float, ...]) -> str:
        """The constant that holds some numbers."""
        return self.tables.setdefault(values, f"@table{len(self.tables) + 1}")

    def _table(self, node: Term, lane: Lane) -> str:
        start, *numbers = node.data
        name, shift = lane.at[node.args[0].info]  # type: ignore[attr-defined]
        if not name:
            return literal(numbers[shift - start], self.kind)
        base = self.numbers(tuple(numbers))
        return self._read(base, [name], shift - start)

    def _load(self, symbol: Symbol, lane: Lane) -> str:
        array = self.kernel.input(symbol.info.array)
        if array.axes and self._crosses(symbol, lane, array.axes[-1]):
            carried = self.known.get(("carried", *self._row(symbol, lane), str(abs(symbol.info.offsets[-1]))))
            if carried is not None:
                return carried
        base, offset = self.bases[array.name]
        parts, constant = self._element(array, symbol.info, lane)
        return self._read(base, parts, constant + offset)

    def _read(self, base: str, parts: list[str], constant: int) -> str:
        key = ("load", base, *parts, str(constant))
        if key not in self.known:
            self.known[key] = self.emit(
                f"load {self.kind}, ptr {self._pointer(base, parts, constant)}, align {self.width}"
            )
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
        for row, found in offsets.items():
            base, *parts, constant, step = row
            places = ((end + sign * k) % self.kernel.periods[axis] for k in range(1, max(map(abs, found)) + 1))
            first = [self._read(base, parts, int(constant) + int(step) * place) for place in places]
            names = [self.names.fresh("carried") for _ in first]
            result.append(Carried(row, first, names, sign > 0))
        return result

    def enter(self, carried: Carried, i: str, before: str, block: str) -> list[str]:
        """Inside the loop: the phi instructions of carried values, which loads find from then on."""
        base, *parts, constant, step = carried.row
        along = i if step == "1" else self.once(f"mul nsw i64 {i}, {step}")
        here = self._read(base, [*parts, along], int(constant))
        lines = []
        for k, (name, first) in enumerate(zip(carried.names, carried.first, strict=True)):
            following = carried.names[k - 1] if k else here
            lines.append(f"  {name} = phi {self.kind} [ {first}, %{before} ], [ {following}, %{block} ]")
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
        """Base and position of the first value of the row that a load reads, and the step to the next."""
        array = self.kernel.input(symbol.info.array)
        start = replace(symbol.info, offsets=(*symbol.info.offsets[:-1], 0))
        base, offset = self.bases[array.name]
        parts, constant = self._element(array, start, Lane({}, lane.at | {array.axes[-1]: ("", 0)}))
        return (base, *parts, str(constant + offset), str(array.strides[-1]))

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
        return self.emit(f"getelementptr inbounds {self.kind}, ptr {base}, i64 {element}")

    def _moved(self, name: str, shift: int) -> str:
        return self.once(f"add nsw i64 {name}, {shift}") if shift else name

    def _wrapped(self, name: str, offset: int, period: int) -> str:
        """The index plus an offset, modulo the period (|offset| <= period)."""
        moved = self._moved(name, offset)
        outside = self.once(f"icmp slt i64 {moved}, 0" if offset < 0 else f"icmp sge i64 {moved}, {period}")
        back = self.once(f"add nsw i64 {moved}, {period if offset < 0 else -period}")
        return self.once(f"select i1 {outside}, i64 {back}, i64 {moved}")


def constants_lie_outside(kernel: Kernel) -> bool:
    """True if a kernel's code reads its constants through pointers that are set when it is loaded."""
    return sum(v.size for v in kernel.constant_vectors) > _MOST_WRITTEN
