"""Kernels whose arguments and results are arrays of their own, as LLVM functions that may do a tile of the work.

::

    void NAME(double t, void* const* arrays, const double* p, char* scratch)                  all of it
    void NAME.fill(char* scratch)                                                             what local arrays begin with
    void NAME.k(double t, void* const* arrays, const double* p, char* scratch, i64 lo, i64 hi)      phase k, indices lo <= i < hi of its axis

``arrays``: the arguments' and then the results' addresses. Phases follow one another, as what one writes to local arrays the next may read;
within a phase, tiles may be done in any order and at the same time. Rows that several tiles compute have the same values in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from symnum.codegen.llvm_emit import Names
from symnum.codegen.llvm_function import FunctionPrinter, addition, rows_together
from symnum.codegen.llvm_memory import Lane
from symnum.codegen.scratch import Room, rooms
from symnum.ir.kernel import Accumulate, Array, Kernel, Loop, statements
from symnum.ir.passes.fuse import phases

_WHOLE = 16  # points of an outermost loop that one tile does altogether
_LINE = 64  # bytes


@dataclass(frozen=True)
class Split:
    """Where the arguments begin in the kernel's vector of inputs, and the results in that of outputs."""

    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True)
class Phase:
    """A part of a kernel that may be done tile by tile: ``axis`` is cut, indices ``start`` to ``stop - 1``; None: all in one piece."""

    kernel: Kernel
    axis: int | None
    start: int = 0
    stop: int = 1


def cut_phases(kernel: Kernel) -> list[Phase]:
    """The kernel's phases, with the axis along which each may be cut."""
    made = []
    for k, body in enumerate(phases(kernel)):
        part = replace(kernel, name=f"{kernel.name}.{k}", body=body)
        axis = tile_axis(part)
        loops = [s for s in body if isinstance(s, Loop)]
        ends = (min(s.start for s in loops), max(s.stop for s in loops)) if axis is not None else (0, 1)
        made.append(Phase(part, axis, *ends))
    return made


def tile_axis(kernel: Kernel) -> int | None:
    """The axis of all outermost loops, where no two of its points add to the same value."""
    loops = [s for s in kernel.body if isinstance(s, Loop)]
    if len(loops) != len(kernel.body) or len({s.axis for s in loops}) != 1:
        return None
    axis = loops[0].axis
    sums = (s for s in statements(kernel.body) if isinstance(s, Accumulate))
    return axis if all(axis in kernel.target(s).axes for s in sums) else None


def scratch_places(kernel: Kernel) -> tuple[list[tuple[Room, int]], int]:
    """The rooms of the local arrays and where in the scratch memory each begins, in bytes; and how much is needed."""
    width, place, made = (8 if kernel.dtype == "float64" else 4), 0, []
    for room in rooms(kernel):
        made.append((room, place))
        place += -(-room.size * width // _LINE) * _LINE
    return made, place


class PhasePrinter(FunctionPrinter):
    """Prints one phase: ``@NAME.k`` reads the addresses, ``@NAME.k.tile`` does the work and knows that its arguments do not overlap."""

    def __init__(
        self, phase: Phase, scheduled: Kernel, split: Split, places: list[tuple[Room, int]], names: Names
    ) -> None:
        super().__init__(scheduled, names, 4)
        self.phase, self.split, self.places = phase, split, places
        bases, results = self.memory.bases, self.memory.results
        for array in scheduled.inputs:
            bases[array.name] = self._found(array, split.inputs, "%in")
        for array in scheduled.outputs:
            results[array.name] = self._found(array, split.outputs, "%out")
        for k, (room, _) in enumerate(places):
            for array in room.arrays:
                bases[array.name] = results[array.name] = f"%room{k}", array.offset - room.begin

    @staticmethod
    def _found(array: Array, starts: tuple[int, ...], stem: str) -> tuple[str, int]:
        number = max(k for k, start in enumerate(starts) if start <= array.span[0])
        return f"{stem}{number}", array.offset - starts[number]

    def print(self) -> str:
        """Both functions."""
        known = self._given()
        constants = self.memory.constants(self.kernel.name)
        if self._touchy():
            self._two_ways(known)
        else:
            self._body(self.kernel.body, [Lane(known, {})])
        body = "\n".join([*constants, self._head(), "entry:", *self.lines, "  ret void", "}"])
        return f"{body}\n{self._entry()}"

    def _arguments(self) -> list[str]:
        inputs = [f"ptr noalias readonly %in{k}" for k in range(len(self.split.inputs))]
        outputs = [f"ptr noalias %out{k}" for k in range(len(self.split.outputs))]
        scratch = [f"ptr noalias %room{k}" for k in range(len(self.places))]
        return ["double %t", *inputs, *outputs, "ptr noalias readonly %p", *scratch, "i64 %lo", "i64 %hi"]

    def _head(self) -> str:
        return f"define internal void @{self.kernel.name}.tile({', '.join(self._arguments())}) nounwind noinline {{"

    def _entry(self) -> str:
        """The function that is called from outside."""
        lines, given = [], []
        for k in range(len(self.split.inputs) + len(self.split.outputs)):
            lines += [
                f"  %a{k}.at = getelementptr inbounds ptr, ptr %arrays, i64 {k}",
                f"  %a{k} = load ptr, ptr %a{k}.at, align 8",
            ]
            given.append(f"ptr %a{k}")
        given.append("ptr %p")
        for k, (_, place) in enumerate(self.places):
            lines.append(f"  %r{k} = getelementptr inbounds i8, ptr %scratch, i64 {place}")
            given.append(f"ptr %r{k}")
        call = f"  call void @{self.kernel.name}.tile(double %t, {', '.join(given)}, i64 %lo, i64 %hi)"
        head = f"define void @{self.kernel.name}({_OUTSIDE}, i64 %lo, i64 %hi) nounwind {{"
        return "\n".join([head, *lines, call, "  ret void", "}"])

    def _touchy(self) -> bool:
        """True if rows lie whole pages apart: then rows of several arrays, which NumPy all begins 16 bytes into a page, meet in the same cache sets.

        (Measured on two fields of 128^3 and 512^2 points with NumPy's arrays: two rows together 2.3 and 1.1 ns a point, one row 2.1 and 0.96.)
        """
        for loop in statements(self.kernel.body):
            if isinstance(loop, Loop) and rows_together(self.kernel, loop) > 1:
                along = (a.strides[a.axes.index(loop.axis)] for a in self.kernel.inputs if loop.axis in a.axes)
                if any(step and step * self.memory.width % 4096 == 0 for step in along):
                    return True
        return False

    def _near(self) -> str:
        """True where a result lies at nearly the same place in a page as an argument."""
        found = [
            self._nearly(f"%out{m}", f"%in{k}")
            for k in range(len(self.split.inputs))
            for m in range(len(self.split.outputs))
        ]
        for other in found[1:]:
            found[0] = self.memory.emit(f"or i1 {found[0]}, {other}")
        return found[0]

    # --- tiles ------------------------------------------------------------------------------------------------------------

    def _loop(self, loop: Loop, lanes: list[Lane]) -> None:
        if self.phase.axis is None or lanes[0].at:
            super()._loop(loop, lanes)
        elif loop.stop - loop.start <= _WHOLE:
            self._at_once(loop, lanes)
        else:
            self._within(loop, lanes)

    def _at_once(self, loop: Loop, lanes: list[Lane]) -> None:
        """A thin region: the tile that holds its first point does all of it."""
        emit = self.memory.emit
        after = emit(f"icmp sge i64 {loop.start}, %lo")
        here = emit(f"and i1 {after}, {emit(f'icmp slt i64 {loop.start}, %hi')}")
        self.labels += 1
        label = f"thin{self.labels}"
        self.lines += [f"  br i1 {here}, label %{label}, label %{label}end", f"{label}:"]
        self.block = label
        with self.memory.scope():
            super()._loop(loop, [lane.copy() for lane in lanes])
        self.lines += [f"  br label %{label}end", f"{label}end:"]
        self.block = f"{label}end"

    def _within(self, loop: Loop, lanes: list[Lane]) -> None:
        """The part of a loop that lies in the tile. A group of rows may reach into the next tile: it computes what that does too."""
        emit, names = self.memory.emit, self.names
        rows = min(self.jam, rows_together(self.kernel, loop)) // (2 if self.plain else 1) or 1
        names.declared |= {"declare i64 @llvm.smax.i64(i64, i64)", "declare i64 @llvm.smin.i64(i64, i64)"}
        first = emit(f"call i64 @llvm.smax.i64(i64 {loop.start}, i64 %lo)")
        end = emit(f"call i64 @llvm.smin.i64(i64 {loop.stop}, i64 %hi)")
        some = emit(f"icmp slt i64 {first}, {end}")
        self.labels += 1
        label, before = f"tile{self.labels}", self.block
        i, following, finished = names.fresh(f"i{loop.axis}_"), names.fresh("next"), names.fresh("done")
        self.lines += [f"  br i1 {some}, label %{label}, label %{label}end", f"{label}:"]
        head = len(self.lines)
        self.block = label
        with self.memory.scope():
            at = emit(f"call i64 @llvm.smin.i64(i64 {i}, i64 {loop.stop - rows})") if rows > 1 else i
            self.memory.bounds[loop.axis] = loop.start, loop.stop - rows
            self._body(
                loop.body, [Lane(lane.known, lane.at | {loop.axis: (at, k)}) for lane in lanes for k in range(rows)]
            )
        self.lines.insert(head, f"  {i} = phi i64 [ {first}, %{before} ], [ {following}, %{self.block} ]")
        self.lines += [
            f"  {following} = {addition(loop)} i64 {i}, {rows}",
            f"  {finished} = icmp sge i64 {following}, {end}",
            f"  br i1 {finished}, label %{label}end, label %{label}{self._hint(loop)}",
            f"{label}end:",
        ]
        self.block = f"{label}end"


_OUTSIDE = "double %t, ptr %arrays, ptr %p, ptr %scratch"


def print_whole(kernel: Kernel, made: list[Phase]) -> str:
    """The function that does all phases."""
    lines = [f"  call void @{kernel.name}.fill(ptr %scratch)"]
    lines += [
        f"  call void @{p.kernel.name}(double %t, ptr %arrays, ptr %p, ptr %scratch, i64 {p.start}, i64 {p.stop})"
        for p in made
    ]
    return "\n".join([f"define void @{kernel.name}({_OUTSIDE}) nounwind {{", *lines, "  ret void", "}"])


class FillPrinter(FunctionPrinter):
    """Prints ``@NAME.fill``: what local arrays begin with, where they are not stored wholly."""

    def print_fill(self, places: list[tuple[Room, int]]) -> str:
        for room, place in places:
            self.memory.place(room, self.memory.emit(f"getelementptr inbounds i8, ptr %scratch, i64 {place}"))
        head = f"define void @{self.kernel.name}.fill(ptr %scratch) nounwind {{"
        return "\n".join([head, *self.lines, "  ret void", "}"])
